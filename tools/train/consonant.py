# SPDX-License-Identifier: MIT
"""Build consonant.bin, the frequency table of SPEC §13.1, from a caption file. The output is deterministic.

    python -m tools.train.consonant CAPTIONS.tsv --out refcodec/payloads/data/consonant.bin
    python -m tools.train.consonant CAPTIONS.tsv              # measure: count on 90 % of the images, code the others

CAPTIONS.tsv has one caption per line: image id, tab, text. Each caption is counted twice, unchanged and without its
function words, because consonant texts are often lists of key words.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from refcodec.consonant_text.normalise import normalise, words
from refcodec.entropy import Encoder, cumulative
from refcodec.payloads.consonant import CONTEXTS, ENTRIES
from tools import program

ORDER = 3
DISCOUNT = 0.6  # taken from every count and given to the shorter context (absolute discounting)
# Scales tried for each table. Frequencies are bytes, so those of likely symbols saturate at 255.
SCALES = tuple(round(ENTRIES * 1.15**step) for step in range(40))  # 17 … 3961

FUNCTION_WORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "have", "her", "his", "in", "into", "is", "it",
    "its", "of", "on", "or", "some", "that", "the", "their", "there", "this", "to", "was", "were", "which", "while", "who",
    "with",
})  # fmt: skip

Captions = list[tuple[str, str]]


def read(path: Path) -> Captions:
    """Read a caption file; return (image id, text) for every line with a text."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(image, text) for image, _, text in (line.partition("\t") for line in lines) if text]


def held_out(image: str, fold: int = 0) -> bool:
    """Return whether an image belongs to the held-out tenth number `fold`."""
    return int.from_bytes(hashlib.sha256(image.encode()).digest()[:4], "big") % 10 == fold


def split_captions(captions: Captions, fold: int = 0) -> tuple[Captions, Captions]:
    """Split captions by image; return those for training and the held-out ones."""
    out = [caption for caption in captions if held_out(caption[0], fold)]
    return [caption for caption in captions if not held_out(caption[0], fold)], out


def split(captions: Captions, fold: int = 0) -> tuple[list[str], list[str]]:
    """Split captions by image; return (training texts, held-out texts)."""
    known, unknown = split_captions(captions, fold)
    return [text for _, text in known], [text for _, text in unknown]


def codes(texts: Iterable[str]) -> list[bytes]:
    """Return the consonant codes of each text, without texts that have none."""
    return [consonants for text in texts if (consonants := normalise(text).consonants.codes)]


def key_words(texts: Iterable[str]) -> list[str]:
    """Return the texts without their function words."""
    return [" ".join(word for word in words(text) if word not in FUNCTION_WORDS) for text in texts]


def distributions(samples: Sequence[bytes], order: int) -> list[list[float]]:
    """Return P(symbol | last `order` codes) by absolute discounting over shorter contexts; symbol 0 is END."""
    levels = [[1 / ENTRIES] * ENTRIES]
    for length in range(order + 1):
        counts: defaultdict[int, list[int]] = defaultdict(lambda: [0] * ENTRIES)
        for sample in samples:
            context = 0
            for symbol in [*(code + 1 for code in sample), 0]:
                counts[context % 16**length][symbol] += 1
                context = (context << 4 | max(symbol - 1, 0)) % 16**order
        shorter = [levels[context % len(levels)] for context in range(16**length)]
        levels = [interpolate(counts[c], p) if c in counts else p for c, p in enumerate(shorter)]
    return levels


def interpolate(counts: Sequence[int], shorter: Sequence[float]) -> list[float]:
    """Return discounted frequencies plus the freed mass distributed as in the shorter context."""
    total, kinds = sum(counts), sum(count > 0 for count in counts)
    rest = DISCOUNT * kinds / total
    return [max(count - DISCOUNT, 0) / total + rest * p for count, p in zip(counts, shorter, strict=True)]


def table(target: Sequence[float]) -> bytes:
    """Return the 17 frequencies, each 1 … 255, that code the target distribution in the fewest bits."""

    def cost(row: Sequence[int]) -> float:
        total = sum(row)
        return -sum(p * math.log2(f / total) for p, f in zip(target, row, strict=True))

    rows = ([min(max(round(p * scale), 1), 255) for p in target] for scale in SCALES)
    return bytes(min(rows, key=lambda row: (cost(row), sum(row))))


def train(samples: Sequence[bytes], order: int = ORDER) -> bytes:
    """Return the contents of consonant.bin counted on these samples."""
    levels = distributions(samples, order)
    cache: dict[tuple[float, ...], bytes] = {}  # unseen contexts share a table with a shorter one
    for p in map(tuple, levels):
        if p not in cache:
            cache[p] = table(p)
    rows = [cache[tuple(p)] for p in levels]
    return b"".join(rows[i % len(rows)] for i in range(max(CONTEXTS, len(rows))))


def size(sample: bytes, tables: Sequence[list[int]]) -> int:
    """Return the length in bytes of a coded body."""
    coder, context = Encoder(), 0
    for symbol in [*(code + 1 for code in sample), 0]:
        coder.symbol(tables[context], symbol)
        context = (context << 4 | max(symbol - 1, 0)) % len(tables)
    return len(coder.finish())


def measure(data: bytes, samples: Sequence[bytes]) -> tuple[float, float]:
    """Return the mean length in bytes of (fixed, coded) bodies."""
    tables = [cumulative(data[i : i + ENTRIES]) for i in range(0, len(data), ENTRIES)]
    fixed = sum((len(sample) + 1) // 2 for sample in samples)
    return fixed / len(samples), sum(size(sample, tables) for sample in samples) / len(samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--out", type=Path, help="count on all captions and write the table to this file")
    arguments = parser.parse_args()
    captions = read(arguments.captions)
    if arguments.out is not None:
        texts = [text for _, text in captions]
        data = train(codes(texts + key_words(texts)))
        arguments.out.write_bytes(data)
        print(f"{arguments.out}: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")
        return
    known, unknown = split(captions)
    both = codes(known), codes(key_words(known))
    for name, measured in (("captions", codes(unknown)), ("key words", codes(key_words(unknown)))):
        print(f"{name}: {len(measured)} texts, mean {sum(map(len, measured)) / len(measured):.1f} codes")
        for label, samples, order in (
            *((f"order {order}", both[0] + both[1], order) for order in range(5)),
            ("order 3, counted on captions only", both[0], 3),
            ("order 3, counted on key words only", both[1], 3),
        ):
            fixed, coded = measure(train(samples, order), measured)
            print(f"  {label}: fixed {fixed:.2f} bytes, coded {coded:.2f}, {100 * (1 - coded / fixed):.1f} % shorter")


if __name__ == "__main__":
    raise SystemExit(program.run(main))
