# SPDX-License-Identifier: MIT
"""Random bytes and texts with the values that decoders tend to get wrong."""

from __future__ import annotations

from random import Random

WORDS = (
    "a",
    "cat",
    " ",
    "  ",
    ".",
    "..",
    "A",
    "I AM",
    "Ab",
    "'",
    "é",
    "日本",
    "10",
    "\n",
    "\0",
    "aB",
    "AB",
    "b.",
    "🦆",
    "Z",
    "the",
)
BROKEN_UTF8 = (
    b"\x80",
    b"\xc3",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xff",
    b"\xe6\x97",
    b"\xf0\x80\x80\x80",
    b"\xef\xbb\xbf",
)
STREAM_STARTS = (
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xfe",
    b"\xef\xff\xff\xff",
    b"\xef\xff\xff\xfe",
    b"\xf7\xff\xff\xff",
    b"\xf0",
    b"\xf0\0\0\0",
    b"\xff",
    b"\0",
)


def noise(rng: Random, limit: int = 40) -> bytes:
    """Return random bytes, short strings more often than long ones."""
    length = rng.choice((rng.randrange(9), rng.randrange(9), rng.randrange(limit + 1)))
    data = rng.randbytes(length)
    match rng.randrange(10):
        case 0:
            return rng.choice(STREAM_STARTS) + data
        case 1:
            return data + b"\0" * rng.randrange(1, 6)
        case 2:
            return bytes(rng.choice((0, 1, 0x80, 0xFF)) for _ in data)
        case 3:
            return rng.choice(STREAM_STARTS)[: rng.randrange(1, 5)] + data + rng.choice((b"", b"\0", b"\xff"))
        case 4:
            return b"\0" * length + data[:3]
    return data


def text(rng: Random) -> bytes:
    """Return words of WORDS, rarely broken UTF-8 or a text at the length limit."""
    words = [
        rng.choice(WORDS).encode() if rng.random() < 0.93 else rng.choice(BROKEN_UTF8)
        for _ in range(rng.choice((0, 1, 2, 3, 5, 9)))
    ]
    out = rng.choice((b"", b" ")).join(words)
    if rng.random() < 0.03:  # SPEC §15
        return (out or b"a")[:1] * rng.choice((65535, 65536, 65537, 66000))
    return out * rng.choice((1,) * 30 + (300, 3000, 20000)) if len(out) < 12 else out
