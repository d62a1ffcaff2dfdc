# SPDX-License-Identifier: MIT
"""The table of SPEC §13.1, counted on the consonants of captions: CAPTIONS.tsv → consonant.bin, the same bytes each run.

    python -m tools.train.consonant CAPTIONS.tsv --out refcodec/payloads/data/consonant.bin
    python -m tools.train.consonant CAPTIONS.tsv              # measures: counts on 90 % of the images, codes the rest

CAPTIONS.tsv has a caption a line: image id, tab, text. Each is counted twice, as it stands and without its function
words, since consonant texts are often lists of key words.
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

ORDER = 3
DISCOUNT = 0.6  # taken from every count and given to the shorter context (absolute discounting)
# Scales tried for a table. Its frequencies are bytes, so that likely symbols are cut off at 255.
SCALES = tuple(round(ENTRIES * 1.15**step) for step in range(40))  # 17 … 3961

FUNCTION_WORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "have", "her", "his", "in", "into", "is", "it",
    "its", "of", "on", "or", "some", "that", "the", "their", "there", "this", "to", "was", "were", "which", "while", "who",
    "with",
})  # fmt: skip

Captions = list[tuple[str, str]]


def read(path: Path) -> Captions:
    """(image id, text) of every line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(image, text) for image, _, text in (line.partition("\t") for line in lines) if text]


def held_out(image: str, fold: int = 0) -> bool:
    """Whether an image is one of the tenth that is not trained on when something is measured; fold: which tenth."""
    return int.from_bytes(hashlib.sha256(image.encode()).digest()[:4], "big") % 10 == fold


def split(captions: Captions) -> tuple[list[str], list[str]]:
    """(texts to train on, texts to measure on), by image."""
    return [t for i, t in captions if not held_out(i)], [t for i, t in captions if held_out(i)]


def codes(texts: Iterable[str]) -> list[bytes]:
    """The consonants of each text, those that leave none left out."""
    return [found for text in texts if (found := normalise(text).consonants.codes)]


def key_words(texts: Iterable[str]) -> list[str]:
    """The texts without their function words."""
    return [" ".join(word for word in words(text) if word not in FUNCTION_WORDS) for text in texts]


def distributions(samples: Sequence[bytes], order: int) -> list[list[float]]:
    """P(symbol | the last `order` codes), END as symbol 0: counts with a discount, filled up from shorter contexts."""
    levels = [[1 / ENTRIES] * ENTRIES]
    for length in range(order + 1):
        counts: defaultdict[int, list[int]] = defaultdict(lambda: [0] * ENTRIES)
        for sample in samples:
            context = 0
            for symbol in [*(code + 1 for code in sample), 0]:
                counts[context % 16**length][symbol] += 1
                context = (context << 4 | max(symbol - 1, 0)) % 16**order
        shorter = [levels[context % len(levels)] for context in range(16**length)]
        levels = [mixed(counts[c], p) if c in counts else p for c, p in enumerate(shorter)]
    return levels


def mixed(counts: Sequence[int], shorter: Sequence[float]) -> list[float]:
    total, kinds = sum(counts), sum(count > 0 for count in counts)
    rest = DISCOUNT * kinds / total
    return [max(count - DISCOUNT, 0) / total + rest * p for count, p in zip(counts, shorter, strict=True)]


def table(wanted: Sequence[float]) -> bytes:
    """The 17 bytes, each 1 … 255, that code this distribution in the fewest bits."""

    def cost(row: Sequence[int]) -> float:
        total = sum(row)
        return -sum(p * math.log2(f / total) for p, f in zip(wanted, row, strict=True))

    rows = ([min(max(round(p * scale), 1), 255) for p in wanted] for scale in SCALES)
    return bytes(min(rows, key=lambda row: (cost(row), sum(row))))


def train(samples: Sequence[bytes], order: int = ORDER) -> bytes:
    """consonant.bin for these texts."""
    levels = distributions(samples, order)
    made: dict[tuple[float, ...], bytes] = {}  # contexts that were never seen share a table with a shorter one
    for p in map(tuple, levels):
        if p not in made:
            made[p] = table(p)
    rows = [made[tuple(p)] for p in levels]
    return b"".join(rows[i % len(rows)] for i in range(max(CONTEXTS, len(rows))))


def size(sample: bytes, tables: Sequence[list[int]]) -> int:
    """Bytes of the body of a text."""
    coder, context = Encoder(), 0
    for symbol in [*(code + 1 for code in sample), 0]:
        coder.symbol(tables[context], symbol)
        context = (context << 4 | max(symbol - 1, 0)) % len(tables)
    return len(coder.finish())


def measure(data: bytes, samples: Sequence[bytes]) -> tuple[float, float]:
    """Mean bytes of (fixed, coded) bodies."""
    tables = [cumulative(data[i : i + ENTRIES]) for i in range(0, len(data), ENTRIES)]
    fixed = sum((len(sample) + 1) // 2 for sample in samples)
    return fixed / len(samples), sum(size(sample, tables) for sample in samples) / len(samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--out", type=Path, help="count on all captions and write the table here")
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
    for name, wanted in (("captions", codes(unknown)), ("key words", codes(key_words(unknown)))):
        print(f"{name}: {len(wanted)} texts, mean {sum(map(len, wanted)) / len(wanted):.1f} codes")
        for what, samples, order in (
            *((f"order {order}", both[0] + both[1], order) for order in range(5)),
            ("order 3, counted on captions only", both[0], 3),
            ("order 3, counted on key words only", both[1], 3),
        ):
            fixed, coded = measure(train(samples, order), wanted)
            print(f"  {what}: fixed {fixed:.2f} bytes, coded {coded:.2f}, {100 * (1 - coded / fixed):.1f} % shorter")


if __name__ == "__main__":
    main()
