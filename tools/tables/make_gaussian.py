# SPDX-License-Identifier: MIT
"""Compute `refcodec/entropy/data/gaussian.bin`, the 64 Gaussian tables of SPEC §10, in exact arithmetic.

    sigma_i = 0.11 · (256 / 0.11)^(i / 63)          i = 0 … 63
    n_i     = ceil(4.5 · sigma_i)                   symbols -n_i … n_i ascending, then the escape: S = 2·n_i + 2
    f(k)    = 1 + floor(p(k) · (2^16 - S))          k != 0:   p(k) = Phi((|k| + 1/2) / sigma) - Phi((|k| - 1/2) / sigma)
    f(esc)  = the same                              p(esc) = 2 · (1 - Phi((n_i + 1/2) / sigma))
    f(0)    = the remainder to 2^16

The file consists of the frequencies of tables 0 … 63 in that order, each an unsigned 16-bit little-endian integer. A
table ends where its frequencies reach a sum of 65536.

    python -m tools.tables.make_gaussian            write the file, print its SHA-256
    python -m tools.tables.make_gaussian --check    compare with the shipped file, byte for byte
"""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import argparse
import hashlib
import struct
import sys
from pathlib import Path

from mpmath import erfc, mp, mpf, sqrt

FILE = Path(__file__).resolve().parents[2] / "refcodec" / "entropy" / "data" / "gaussian.bin"
COUNT, TOTAL = 64, 1 << 16
DIGITS = 60
# Relative error bound: mpmath keeps about DIGITS digits, and the difference of two tails loses only a few of them.
SLACK = mpf(10) ** -40


def sigma(i: int) -> mpf:
    """Return sigma_i exactly. The last step is a special case: a rounded 256.000…1 would give n = 1153 instead of 1152."""
    return mpf(256) if i == COUNT - 1 else mpf(11) / 100 * (mpf(25600) / 11) ** (mpf(i) / (COUNT - 1))


def certain_floor(x: mpf) -> int:
    """Return floor(x) for x known to a relative error of SLACK. Raises ArithmeticError if that is ambiguous."""
    low, high = int(mp.floor(x * (1 - SLACK))), int(mp.floor(x * (1 + SLACK)))
    if low != high:
        raise ArithmeticError(f"floor of {x} is ambiguous")
    return low


def half_width(i: int) -> int:
    """Return n_i = ceil(4.5 · sigma_i); only the last, 4.5 · 256, is an exact integer."""
    return 1152 if i == COUNT - 1 else certain_floor(sigma(i) * 9 / 2) + 1


def table(i: int) -> list[int]:
    """Return the frequencies of table i: 2·n_i + 1 values in ascending order, then the escape. Their sum is 65536."""
    s, n = sigma(i), half_width(i)
    # tails[k] = 1 - Phi((k + 1/2) / sigma); upper tails avoid cancellation where Phi is close to 1
    tails = [erfc((2 * k + 1) / (2 * s * sqrt(2))) / 2 for k in range(n + 1)]
    spare = TOTAL - (2 * n + 2)
    side = [1 + certain_floor((tails[k - 1] - tails[k]) * spare) for k in range(1, n + 1)]
    escape = 1 + certain_floor(2 * tails[n] * spare)
    mode = TOTAL - 2 * sum(side) - escape
    if mode < max(*side, escape):
        raise ArithmeticError(f"table {i}: the remainder for symbol 0 is not the largest frequency")
    return [*reversed(side), mode, *side, escape]


def main() -> int:
    parser = argparse.ArgumentParser(description="make the Gaussian tables of SPEC §10")
    parser.add_argument("--check", action="store_true", help="compare with the shipped file, write nothing")
    options = parser.parse_args()
    with mp.workdps(DIGITS):
        data = b"".join(struct.pack(f"<{len(row)}H", *row) for row in map(table, range(COUNT)))
    print(f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
    if options.check:
        same = FILE.is_file() and FILE.read_bytes() == data
        print(f"{FILE.name}: {'equal' if same else 'DIFFERENT'}")
        return 0 if same else 1
    FILE.write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
