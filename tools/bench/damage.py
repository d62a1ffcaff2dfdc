# SPDX-License-Identifier: MIT
"""Count which errors a decoder reports for every bit flip and truncation of one file, and for appended bytes.

    python -m tools.bench.damage [PHOTO] [--width 160] [--quality 5] [--check 16] [--json OUT]

Damage that decodes without an error is counted as undetected. With a 16-bit check, about one in 65 536 of the flips
that reach the check is expected to be undetected.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import refcodec
from refcodec.decoder import decode_file
from refcodec.errors import SemError
from refcodec.networks.numpy_backend import NumpyBackend
from tools.demo import sample

ROOT = Path(__file__).resolve().parents[2]


def damaged(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (kind of damage, damaged bytes)."""
    for bit in range(8 * len(data)):
        yield "flip", data[: bit // 8] + bytes([data[bit // 8] ^ (0x80 >> bit % 8)]) + data[bit // 8 + 1 :]
    for n in range(len(data)):
        yield "truncation", data[:n]
    for byte in range(256):
        yield "appended byte", data + bytes([byte])


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("photo", nargs="?", type=Path)
    ap.add_argument("--width", type=int, default=160)
    ap.add_argument("--quality", type=int, default=5)
    ap.add_argument("--check", type=int, default=16)
    ap.add_argument("--json", type=Path, help="write the counts to this file, too")
    args = ap.parse_args()
    picture = Image.open(args.photo or sample()).convert("RGB")
    size = (args.width, round(args.width * picture.height / picture.width))
    data = refcodec.encode(np.asarray(picture.resize(size)), quality=args.quality, check=args.check)
    print(f"$ python {' '.join(sys.argv)}\n{size[0]}x{size[1]}, {len(data)} bytes, check of {args.check} bits")
    counts: dict[str, Counter[str]] = {}
    total, backend = 9 * len(data) + 256, NumpyBackend()
    for i, (kind, bad) in enumerate(damaged(data)):
        try:
            decode_file(bad, backend=backend)
            verdict = "undetected"
        except SemError as e:
            verdict = f"{e.id} (status {e.status})"
        counts.setdefault(kind, Counter())[verdict] += 1
        if sys.stderr.isatty() and i % 50 == 0:
            print(f"\r{100 * i // total} %", end="", file=sys.stderr)
    if args.json is not None:
        result = {"bytes": len(data), "check": args.check, "damage": counts}
        args.json.write_text(json.dumps(result, indent=1) + "\n")
    for kind, verdicts in counts.items():
        print(f"{kind}: {sum(verdicts.values())}, undetected {verdicts.pop('undetected', 0)}")
        for verdict, n in verdicts.most_common():
            print(f"  {n:6}  {verdict}")


if __name__ == "__main__":
    main()
