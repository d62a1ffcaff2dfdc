# SPDX-License-Identifier: MIT
"""Random changes to a file: to its bytes, or to its parts with all lengths corrected."""

from __future__ import annotations

from random import Random

from diff_fuzz.files import FileParts, Section, varint
from diff_fuzz.noise import noise

SECTION_TYPES = (
    0x01,
    0x02,
    0x04,
    0x43,
    0x03,
    0x40,
    0x44,
    0x7F,
    0x00,
    0x42,
    0x80,
    0x81,
    0x82,
    0x83,
    0x84,
    0x85,
    0x86,
    0x87,
    0x88,
    0xC5,
    0xFF,
)
SMALL_SIDES = (1, 2, 7, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 129, 240, 320, 512)
LARGE_SIDES = (2049, 4095, 16383, 16384, 16385, 16511, 16512, 16513, 65535, 65536, 65537, 2113664, 270549120)


def damage_bytes(rng: Random, data: bytes, others: list[bytes]) -> bytes:
    """Return the data with one change: bits, bytes, a cut, an insertion, or the end of another file."""
    out = bytearray(data)
    at = rng.randrange(len(out) + 1)
    match rng.randrange(10):
        case 0 | 1 if out:
            at = rng.randrange(len(out))
            out[at] ^= 1 << rng.randrange(8)
        case 2 | 3 if out:
            at = rng.randrange(len(out))
            out[at] = rng.choice(
                (0, 1, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256), out[at] + 1 & 255, out[at] - 1 & 255)
            )
        case 4:
            del out[at:]
        case 5:
            out[at:at] = noise(rng, 12)
        case 6:
            out += rng.choice((b"\0", b"\0\0", b"\xff", noise(rng, 12)))
        case 7:
            del out[at : at + rng.choice((1, 1, 2, 4))]
        case 8:
            end = at + rng.randrange(1, 9)
            out[at:at] = out[at:end]
        case 9:
            other = rng.choice(others)
            out[at:] = other[rng.randrange(len(other) + 1) :]
    return bytes(out)


def damage_parts(rng: Random, parts: FileParts, others: list[FileParts], bodies: list[bytes]) -> None:
    """Change one part of a file in place, and often the body of one section as well."""
    sections = parts.sections
    match rng.randrange(12):
        case 0 | 1:
            parts.check_code = rng.choice((0, 0, 3, 5)) if rng.random() < 0.95 else rng.randrange(8)
        case 2:
            parts.size = size(rng)[0]
        case 3:
            parts.naming = naming(rng, others)
        case 4:
            parts.sectioned = not parts.sectioned
        case 5 if len(sections) > 1:
            a, b = rng.sample(range(len(sections)), 2)
            sections[a], sections[b] = sections[b], sections[a]
        case 6 if sections:
            sections.insert(rng.randrange(len(sections) + 1), rng.choice(sections))
        case 7 if sections:
            del sections[rng.randrange(len(sections))]
        case 8 if other := rng.choice(others).sections:
            sections.insert(rng.randrange(len(sections) + 1), rng.choice(other))
            parts.sectioned = True
        case 9 if sections:
            at = rng.randrange(len(sections))
            sections[at] = Section(rng.choice(SECTION_TYPES), sections[at].body, sections[at].check)
        case 10:
            parts.count = rng.choice((1, 2, len(sections) + 1, 16, 17, 64, 65, 129, 16512))
        case 11:
            parts.descriptor = rng.choice((0x20,) * 20 + (0x21, 0x00, 0x40, 0xE0, 0x60))
    if sections and rng.random() < 0.6:
        at = rng.randrange(len(sections))
        old = sections[at]
        sections[at] = Section(
            old.type, damage_bytes(rng, old.body, bodies), old.check, None if old.type >= 0x80 else b""
        )
        if sections[at].symbols is not None:
            sections[at].symbols = sections[at].body


def naming(rng: Random, others: list[FileParts]) -> bytes:
    """Return the bytes of a profile: that of another file, an extended, an explicit or an unknown one."""
    match rng.randrange(6):
        case 0:
            return bytes([rng.randrange(256)])
        case 1:
            return b"\xfe" + rng.choice((b"\0\0", b"\0\xc8", b"\xff\xff", b"\xfe\0"))
        case 2:
            code = rng.choice((0, 1, 2, 3)) if rng.random() < 0.9 else rng.choice((4, 255))
            return bytes([255, rng.choice((1, 3, 10, 18, 200, 203, 206, 253, 254, 255)), code]) + rng.randbytes(
                4 << (code & 3)
            )
    return rng.choice(others).naming


def size(rng: Random, small: bool = False) -> tuple[bytes, tuple[int, int]]:
    """Return a size as bytes and as (width, height), (0, 0) for a dim class whose sides are not equal."""
    if rng.random() < 0.3:
        dim = rng.randrange(1, 5) if small or rng.random() < 0.6 else rng.randrange(256)
        side = {1: 16, 2: 32, 3: 48, 4: 64}.get(dim, 0)
        return bytes([dim]), (side, side)
    pool = SMALL_SIDES[:11] if small else SMALL_SIDES * 3 + LARGE_SIDES
    sides = rng.choice(pool), rng.choice(pool)
    return b"\0" + varint(sides[0] - 1) + varint(sides[1] - 1), sides
