# SPDX-License-Identifier: MIT
"""Key-value texts (SPEC §6): entries in any order, valid and invalid hints, and random bytes."""

from __future__ import annotations

from random import Random

from diff_fuzz.files import varint
from diff_fuzz.noise import BROKEN_UTF8, noise

HINTS = ("candidate", "generator", "guidance", "noise-level", "norm-scale", "scheduler", "seed", "steps", "strength")
VALUES = (
    "", "0", "1", "00", "01", "-1", "+1", "7", "999", "1000", "999999", "1000000", "9999999999999999999", "10000000000000000000",
    "cpu", "cuda", "CPU", "cpu ", " cpu", "0.0", "0.", ".5", "1.5", "01.5", "1.1234567", "1.123456", "123456.1", "1234567", "1e3",
    "1\n", "1\0", "1.5\n", "a", "-a", "a-", "A", "a" * 32, "a" * 33, "ddim", "cpu\n", "1,5", "٣", "１", "é", "1 ", "0x1", "inf", "1\r", "1\u2028",
)  # fmt: skip
KEYS = (
    "a",
    "b",
    "ab",
    "A",
    "",
    " ",
    "\n",
    "\0",
    "k" * 64,
    "k" * 65,
    "é" * 32,
    "é" * 33,
    "日",
    "seed ",
    "Seed",
    "seeds",
    "see",
    "x",
)


def text(rng: Random) -> bytes:
    """Return the body of a key-value section, often an invalid one."""
    if rng.random() < 0.1:
        return noise(rng)
    if rng.random() < 0.01:
        return numbered(rng.choice((1023, 1024, 1025)))
    entries = {}
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
        key = rng.choice(KEYS if rng.random() < 0.4 else HINTS).encode()
        value = rng.choice(VALUES).encode()
        if rng.random() < 0.05:
            key += rng.choice(BROKEN_UTF8)
        if rng.random() < 0.05:
            value += rng.choice(BROKEN_UTF8)
        if rng.random() < 0.02:
            value *= rng.choice((100, 20000))
        entries[key] = value
    pairs = sorted(entries.items())
    if rng.random() < 0.1:
        rng.shuffle(pairs)
    if pairs and rng.random() < 0.05:
        pairs.append(rng.choice(pairs))
    out = bytearray()
    for key, value in pairs:
        out += length(rng, key) + key + length(rng, value) + value
    return bytes(out)


def length(rng: Random, data: bytes) -> bytes:
    """Return the length of `data` as a varint, rarely a wrong or an overlong one."""
    if rng.random() < 0.03:
        return rng.choice(
            (varint(max(len(data) + rng.choice((-1, 1, 128)), 0)), b"\x80\x80\x80\x80", b"\xff\xff\xff\x7f", b"\x80")
        )
    return varint(len(data))


def numbered(n: int) -> bytes:
    """Return n entries with numbers as keys and empty values."""
    keys = [f"{at:04}".encode() for at in range(n)]
    return b"".join(varint(len(key)) + key + varint(0) for key in keys)
