# SPDX-License-Identifier: MIT
"""Build the caption tables of SPEC §13.2, caption.bin and caption.zdict, from a caption file.

    python -m tools.train.caption CAPTIONS.tsv --out refcodec/payloads/data

CAPTIONS.tsv has one caption per line, `image id TAB text`, in UTF-8. `--hold-out` leaves out the images that
tools/bench/text.py measures on. The output is deterministic: the same captions give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import sys
from array import array
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from refcodec.payloads.caption import split as caption_text
from refcodec.payloads.caption.ppm import END, FIRST, OCTET_DEPTH, PIECE_DEPTH, SPELL
from tools import program
from tools.train.ngrams import Kept, Smoothed, count, prune, tree

BUDGET = 399_000
IDS = 4096  # 12 bits in caption.bin
OCTET_IDS = 258
MIN_OCCURRENCES = 2  # a piece needs this many occurrences to get an id
# Each distinct piece is counted once in the spelling model; this is how often a piece is actually spelt in the captions.
SPELT_PER_PIECE = 0.6
DICTIONARY_BYTES = 32768


def read(path: Path) -> list[tuple[str, str]]:
    """Read a caption file; return (image id, text) for every line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(image, text) for image, text in (line.split("\t", 1) for line in lines)]


def is_held_out(image: str) -> bool:
    """Return whether an image is in the held-out tenth: the first byte of the SHA-256 of its id is below 26."""
    return hashlib.sha256(image.encode()).digest()[0] < 26


def build(
    captions: Iterable[str],
    *,
    budget: int = BUDGET,
    ids: int = IDS,
    depth: int = PIECE_DEPTH,
    octet_depth: int = OCTET_DEPTH,
) -> bytes:
    """Return the contents of caption.bin, at most `budget` bytes."""
    split = [caption_text.split(text.encode()) for text in captions]
    seen = Counter(piece for _, pieces in split for piece in pieces)
    known = sorted(
        (piece for piece, n in seen.items() if n >= MIN_OCCURRENCES), key=lambda piece: (-seen[piece], piece)
    )
    known = known[: ids - FIRST]
    numbers = {piece: FIRST + at for at, piece in enumerate(known)}
    texts = [(1, [END, *(numbers.get(piece, SPELL) for piece in pieces), END]) for _, pieces in split]
    spelt = [(1, [END, *(2 + octet for octet in piece), END]) for piece in sorted(seen)]
    raw = [(count(texts, depth), FIRST + len(known)), (count(spelt, octet_depth), OCTET_IDS)]
    gains = [Smoothed(tallies, size).gains() for tallies, size in raw]
    styles = [1 + round(60000 * n / len(split)) for n in _style_counts(style for style, _ in split)]
    strings = b"\n".join(known)
    fixed = 12 + 2 * (len(styles) + sum(size for _, size in raw)) + len(strings)

    def prune_all(price: float) -> tuple[list[Kept], int]:
        parts = [prune(gains[0], price), prune(gains[1], price / SPELT_PER_PIECE)]
        return [part for part, _ in parts], sum(size for _, size in parts)

    low, high = 0.0, 64.0  # bits saved per byte of the file
    for _ in range(24):
        price = (low + high) / 2
        low, high = (low, price) if fixed + prune_all(price)[1] <= budget else (price, high)
    kept = prune_all(high)[0]
    trees = [tree(Smoothed(tallies, size, keep)) for (tallies, size), keep in zip(raw, kept, strict=True)]
    words = array("H", [*styles, *trees[0][0], *trees[1][0], *trees[0][1], *trees[1][1]])
    if sys.byteorder == "big":
        words.byteswap()
    head = struct.pack("<HHII", raw[0][1], OCTET_IDS, len(trees[0][1]), len(trees[1][1]))
    return head + words.tobytes() + strings


def _style_counts(styles: Iterable[int]) -> list[int]:
    seen = Counter(styles)
    return [seen[style] for style in range(caption_text.STYLES)]


def dictionary(captions: list[str]) -> bytes:
    """Return caption.zdict: a standard zstd dictionary (RFC 8878 §5), trained by COVER with segments of 64 octets."""
    import zstandard

    return zstandard.train_dictionary(DICTIONARY_BYTES, [text.encode() for text in captions], k=64, d=6).as_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path, metavar="CAPTIONS.tsv")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--hold-out", action="store_true", help="leave out the images used for measurement")
    parser.add_argument("--budget", type=int, default=BUDGET, metavar="BYTES")
    args = parser.parse_args()
    rows = [(image, text) for image, text in read(args.captions) if not (args.hold_out and is_held_out(image))]
    captions = [text for _, text in rows]
    args.out.mkdir(parents=True, exist_ok=True)
    made = {"caption.bin": build(captions, budget=args.budget), "caption.zdict": dictionary(captions)}
    print(f"{len(captions)} captions of {len({image for image, _ in rows})} images")
    for name, data in made.items():
        (args.out / name).write_bytes(data)
        print(f"{name:14}{len(data):8} bytes  {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    raise SystemExit(program.run(main))
