# SPDX-License-Identifier: MIT
"""SPEC §13.2: zstd frames at the edges of RFC 8878, and the order in which a frame is checked."""

from __future__ import annotations

from typing import Final

from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import replace_body
from tools.vectors.samples import CAT, WAVE, ZSTD_WAVE

FOLDER: Final = "caption"
FRAME: Final = bytes.fromhex(ZSTD_WAVE)  # descriptor 20: a single segment of declared size
LARGE_WINDOW: Final = b"\x00\x38"  # no declared size; a window of 2^17 octets
RAW, RUN, COMPRESSED, RESERVED = range(4)
BLOCK_LIMIT: Final = 1 << 17
OTHER_IDENTITY: Final = b"\x95\xa9\x73"


def _block(kind: int, data: bytes, size: int | None = None, *, last: bool = True) -> bytes:
    return ((len(data) if size is None else size) << 3 | kind << 1 | last).to_bytes(3, "little") + data


def _run(size: int, *, last: bool = True) -> bytes:
    return _block(RUN, b"z", size, last=last)


def _sequences(count: bytes, codes: bytes, bits: bytes, literals: bytes = b"a cat") -> bytes:
    """Return a compressed block of plain literals and sequences.

    codes: the only code of literal lengths, offsets and match lengths each, so that states take no bits.
    """
    return _block(COMPRESSED, bytes([len(literals) << 3]) + literals + count + b"\x54" + codes + bits)


def _long_match(length: int) -> bytes:
    """Return a block of one literal and a match of 65539 + 65535 octets at most."""
    return _sequences(b"\x01", b"\x01\x00\x34", (1 << 16 | length - 65539).to_bytes(3, "little"), b"a")


def _valid(name: str, note: str, text: str, frame: bytes) -> ValidCase:
    payloads = ((2, ("zstd", text, frame)),)
    return ValidCase(
        f"caption-zstd-{name}", (167, 180), f"zstd: {note}", tier="S", profile=9, latents=False, payloads=payloads
    )


def _bad(name: str, error: int, note: str, frame: bytes, rules: tuple[int, ...] = (167,)) -> InvalidCase:
    defect = replace_body(b"\xfa" + frame)
    return InvalidCase(f"caption-zstd-{name}", "caption-zstd-unchecked", error, rules, note, defect, "S")


def _declared(flags: int, identity: bytes = b"", *, window: bytes = b"") -> bytes:
    """Return a frame with one raw block that declares 65537 octets, in four bytes, and holds none."""
    return bytes([0x80 | flags]) + window + identity + (65537).to_bytes(4, "little") + _block(RAW, b"")


VALID: Final = (
    _valid("dictionary-id-0", "a field for the dictionary id, which is 0: it names none", WAVE,
        b"\x21" + FRAME[1:2].rjust(2, b"\0") + FRAME[2:]),
    _valid("dictionary-id-0-of-4", "the same in four bytes", WAVE, b"\x23" + FRAME[1:2].rjust(5, b"\0") + FRAME[2:]),
    _valid("unused-bit", "the unused bit of the header is set, which means nothing", WAVE, b"\x30" + FRAME[1:]),
    _valid("sequence", "a compressed block with a match of its own octets", "a catcat",
        LARGE_WINDOW + _sequences(b"\x01", b"\x05\x02\x00", b"\x06")),
    _valid("sequence-count-2-bytes", "the same with its number of sequences in two bytes", "a catcat",
        LARGE_WINDOW + _sequences(b"\x80\x01", b"\x05\x02\x00", b"\x06")),
    _valid("run-of-literals", "a compressed block of one literal, repeated", "zzzzz",
        LARGE_WINDOW + _block(COMPRESSED, b"\x29z\0")),
    _valid("three-kinds", "a run, a raw block, and a compressed block that copies from both", "zzza cata ca",
        LARGE_WINDOW + _run(3, last=False) + _block(RAW, b"a cat", last=False)
        + _block(COMPRESSED, b"\x00\x01\x54\x00\x03\x01\x08")),
)  # fmt: skip

INVALID: Final = (
    _bad("run-of-a-block", 604, "a run of 2^17 octets, the largest block that there is", LARGE_WINDOW + _run(BLOCK_LIMIT),
        (167, 179)),
    _bad("run-beyond-block", 401, "a run of 2^17 + 1 octets, which is no block, whatever it would give",
        LARGE_WINDOW + _run(BLOCK_LIMIT + 1)),
    _bad("run-largest", 401, "the longest run that three bytes can tell", LARGE_WINDOW + _run((1 << 21) - 1)),
    _bad("contents-of-a-block", 604, "a block whose contents are 2^17 octets",
        LARGE_WINDOW + _long_match(BLOCK_LIMIT - 1), (167, 179)),
    _bad("contents-beyond-block", 401, "a block whose contents are 2^17 + 1 octets",
        LARGE_WINDOW + _long_match(BLOCK_LIMIT)),
    _bad("beyond-then-invalid", 604, "a run of 65537 octets, then one of 2^17 + 1: blocks are checked in turn",
        LARGE_WINDOW + _run(65537, last=False) + _run(BLOCK_LIMIT + 1), (150, 167, 179)),
    _bad("invalid-then-beyond", 401, "the same the other way round",
        LARGE_WINDOW + _run(BLOCK_LIMIT + 1, last=False) + _run(65537), (150, 167, 179)),
    _bad("declared-reserved-bit", 604, "it declares 65537 octets, and its reserved bit is set: the size is checked first",
        _declared(0x28), (150, 167, 178)),
    _bad("declared-dictionary-other", 604, "it declares 65537 octets, and names another dictionary",
        _declared(0x23, OTHER_IDENTITY.rjust(4, b"\x23")), (150, 167, 178)),
    _bad("declared-window", 604, "it declares 65537 octets, and a window of 2^24", _declared(0, window=b"\x70"),
        (150, 167, 177, 178)),
    _bad("declared-trailing", 604, "it declares 65537 octets, and a byte follows it", _declared(0x20) + b"\0",
        (150, 167, 177, 178)),
    _bad("reserved-bit-bomb", 401, "the reserved bit is set, and 65537 octets are not declared: the header is first",
        b"\x08\x38" + _run(65537), (150, 167, 179)),
    _bad("trailing-bomb", 401, "a byte follows a frame of 65537 octets that are not declared",
        LARGE_WINDOW + _run(65537) + b"\0", (150, 167, 177, 179)),
    _bad("checksum-cut", 401, "the checksum is cut, of a frame that declares too much: the frame is not complete",
        _declared(0x24) + b"\0\0\0", (150, 167, 177, 178)),
    _bad("checksum-bomb", 604, "65537 octets that are not declared, and a wrong checksum, which is not checked any more",
        b"\x04\x38" + _run(65537) + bytes(4), (150, 167, 179)),
    _bad("dictionary-id-1", 401, "a dictionary id of one byte that is not 0, and not that of caption.zdict",
        b"\x21" + b"\x01" + FRAME[1:]),
    _bad("compressed-of-1", 401, "a compressed block of one byte", LARGE_WINDOW + _block(COMPRESSED, b"\0")),
    _bad("offset-before", 401, "an offset beyond the dictionary",
        LARGE_WINDOW + _sequences(b"\x01", b"\x05\x10\x00", (1 << 16 | 0xFFFF).to_bytes(3, "little"))),
    _bad("behind-sequences", 401, "a byte behind a block without sequences",
        LARGE_WINDOW + _block(COMPRESSED, b"\x28" + CAT[:5].encode() + b"\0\0")),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
