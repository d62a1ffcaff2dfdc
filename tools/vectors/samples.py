# SPDX-License-Identifier: MIT
"""Content that several cases share: texts, sections, codes, and a digest that no model has."""

from __future__ import annotations

import base64
from typing import Final

from refcodec import spec
from refcodec.container.fields import varint
from tools.vectors.symbols import Sha256Stream

Section = tuple[int, bytes]  # type, body


def key_value(*entries: tuple[bytes, bytes]) -> bytes:
    """Return a key-value text (SPEC §6), valid or not."""
    return b"".join(varint(len(key)) + key + varint(len(value)) + value for key, value in entries)


def seeded_codes(seed: str, count: int, below: int) -> tuple[int, ...]:
    """Return pseudo-random integers in 0 ... below - 1."""
    stream = Sha256Stream(seed)
    return tuple(stream.below(below) for _ in range(count))


UNKNOWN_DIGEST: Final = "5e" * 32  # no model has it
OCTETS_LIMIT: Final = 65_536  # of a text at level 1
CODES_LIMIT: Final = 65_536

# texts
CAT: Final = "A cat on a mat."
WAVE: Final = "A man riding a wave on top of a surfboard."
LONGEST: Final = (" on top of the" * (OCTETS_LIMIT // 14 + 1))[:OCTETS_LIMIT]
PAPER: Final = "ndn trdtnl rch vndv lt shdv"  # the example of Dotzel et al., without w, which the alphabet lacks
PROMPT: Final = seeded_codes("prompt", 16, 49_408)  # token ids

# Compressed bodies are written out, since another version of a compressor may produce other bytes.
ZLIB_WAVE: Final = "78da7354c84dcc5328ca4cc9cc4b574854284f2c4b55c8cf5328c92f50c84f030a149716a525e52716a5e80100327c0e8b"
ZSTD_WAVE: Final = "202add0000b30104b83a79697af2bfc6a793a42eaf65744a020c4c534a20375a"

# sections
MAKER: Final[Section] = (spec.PROVENANCE, key_value((b"encoder", b"by hand")))
TITLE: Final[Section] = (spec.METADATA, key_value((b"title", b"a hill"), (b"year", b"2025")))
STEPS: Final[Section] = (spec.HINTS, key_value((b"steps", b"20")))
TYPICAL_HINTS: Final[Section] = (
    spec.HINTS,
    key_value(
        (b"candidate", b"2"), (b"generator", b"cuda"), (b"guidance", b"7.5"), (b"scheduler", b"dpm-solver-2"),
        (b"seed", b"31337"), (b"steps", b"30"), (b"strength", b"0.85"),
    ),
)  # fmt: skip
PNG_PIXEL: Final = base64.b64decode(  # a complete PNG file of one grey pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
GREASE: Final[tuple[Section, ...]] = (  # unknown types
    (0x00, b"\x01"),
    (0x03, b"\xff\x00"),
    (0x42, b""),
    (0x7F, b"\xf5\x9e"),
)
