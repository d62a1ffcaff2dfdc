# SPDX-License-Identifier: MIT
"""SPEC §13.2: zlib streams at the edges of RFC 1950 and 1951: windows, numbers of symbols, prefix codes."""

from __future__ import annotations

from typing import Final

from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.deflate import CODED_LENGTHS, END, Symbol, code_lengths, dynamic_block, fixed_block, zlib_stream
from tools.vectors.edits import replace_body

FOLDER: Final = "caption"
CAT: Final = b"a cat"
FAR: Final = bytes(97 + n * n % 26 for n in range(300))
LITERALS: Final = code_lengths(a=1, space=2, c=3, t=4, end=4)  # complete
WITH_MATCH: Final = [*code_lengths(a=2, space=2, c=3, t=3, end=3), 3]  # complete; 257 is a match of three octets
NO_END: Final = [*code_lengths(a=1), *[0] * 28, 1]  # complete; 285 is a match of 258 octets
MATCHES: Final[list[Symbol]] = [285, (0, 1)] * 255  # at distance 1
SMALLEST_WINDOW: Final = b"\x08\x1d"  # 256 octets


def _valid(name: str, note: str, text: bytes, stream: bytes) -> ValidCase:
    payloads = ((2, ("zlib", text.decode(), stream)),)
    return ValidCase(
        f"caption-zlib-{name}", (165, 166), f"zlib: {note}", tier="S", profile=9, latents=False, payloads=payloads
    )


def _bad(name: str, note: str, stream: bytes, rules: tuple[int, ...] = (166,)) -> InvalidCase:
    defect = replace_body(b"\xf9" + stream)
    return InvalidCase(f"caption-zlib-{name}", "caption-zlib-unchecked", 401, rules, note, defect, "S")


def _cat(literals: list[int], distances: list[int]) -> bytes:
    """Return the stream of CAT, in which no distance occurs."""
    return zlib_stream(dynamic_block(literals, distances, (*CAT, END)), CAT)


def _match(distances: list[int], *bits: tuple[int, int]) -> bytes:
    """Return the stream of CAT and three octets again, whose distance is written as `bits`."""
    return zlib_stream(dynamic_block(WITH_MATCH, distances, (*CAT, 257, *bits, END)), CAT + CAT[2:])


def _nothing(length: int) -> bytes:
    """Return the stream of the empty text, with a code of the end alone, of that many bits."""
    return zlib_stream(dynamic_block([*[0] * 256, length], [0], [(0, length)]), b"")


def _lengths(*runs: tuple[int, int, int]) -> bytes:
    """Return a stream whose code lengths are written as these runs."""
    return zlib_stream(dynamic_block(LITERALS, [0], (*CAT, END), runs=runs), CAT)


def _of_lengths(*symbols: int) -> bytes:
    """Return a stream in which these symbols have a code in the code of code lengths."""
    return zlib_stream(dynamic_block(LITERALS, [0], (*CAT, END), of_lengths=symbols), CAT)


def _fixed(*symbols: int | tuple[int, int]) -> bytes:
    return zlib_stream(fixed_block((*CAT, *symbols, END)), CAT)


VALID: Final = (
    _valid("no-distances", "one distance symbol, which has no code", CAT, _cat(LITERALS, [0])),
    _valid("no-distances-of-30", "30 distance symbols, none of which has a code", CAT, _cat(LITERALS, [0] * 30)),
    _valid("one-distance", "a single distance code of one bit", CAT + CAT[2:], _match([0, 0, 1], (0, 1))),
    _valid("one-distance-unused", "the same, which does not occur", CAT, _cat(LITERALS, [0, 0, 1])),
    _valid("286-lengths", "286 symbols of literals and lengths", CAT, _cat([*LITERALS, *[0] * 29], [0])),
    _valid("end-alone", "a single code of one bit, of the end of the block", b"", _nothing(1)),
    _valid("far", "a distance of 300 octets, and a header that declares a window of 256", FAR + FAR[:3],
        zlib_stream(fixed_block((*FAR, 257, (0b00001, 5), (43, 7), END)), FAR + FAR[:3], SMALLEST_WINDOW)),
)  # fmt: skip

INVALID: Final = (
    *(
        _bad(f"window-{2 ** (info + 8)}", f"CINFO {info}: a window of 2^{info + 8} octets, of which zlib allows 2^15",
            bytes([info << 4 | 8, 31 - (info << 12 | 8 << 8) % 31]) + _cat(LITERALS, [0])[2:], (166, 176))
        for info in (8, 15)
    ),
    _bad("31-distances", "31 distance symbols", _cat(LITERALS, [1, 1, *[0] * 29])),
    _bad("32-distances", "32 distance symbols", _cat(LITERALS, [1, 1, *[0] * 30])),
    _bad("31-distances-none", "31 distance symbols, none of which has a code", _cat(LITERALS, [0] * 31)),
    _bad("287-lengths", "287 symbols of literals and lengths", _cat([*LITERALS, *[0] * 30], [0])),
    _bad("288-lengths", "288 symbols of literals and lengths", _cat([*LITERALS, *[0] * 31], [0])),
    _bad("no-end", "the end of the block has no code",
        zlib_stream(dynamic_block(code_lengths(a=1, space=2, c=3, t=3), [0], CAT), CAT)),
    _bad("no-end-bomb", "the same in a block of more octets than the level allows: the codes are checked first",
        zlib_stream(dynamic_block(NO_END, [1], (97, *MATCHES)), b"a" * 65791), (150, 166, 179)),
    _bad("no-codes", "no literal has a code, nor has the end", zlib_stream(dynamic_block([0] * 257, [0], ()), b"")),
    _bad("end-alone-of-2", "a single code of two bits, of the end of the block", _nothing(2)),
    _bad("one-distance-of-2", "a single distance code of two bits", _match([0, 0, 2], (0, 2))),
    _bad("two-distances-of-2", "two distance codes of two bits each", _match([0, 0, 2, 2], (0, 2))),
    _bad("three-distances", "three distance codes of one bit", _match([1, 1, 1], (0, 1))),
    _bad("distance-without-code", "a match where no distance has a code", _match([0], (0, 1))),
    _bad("distance-unused", "a match at the bit that is not the only distance code", _match([0, 0, 1], (1, 1))),
    _bad("literals-incomplete", "too few codes of literals",
        zlib_stream(dynamic_block(code_lengths(a=1, space=3, c=3, t=4, end=4), [0], (*CAT, END)), CAT)),
    _bad("literals-too-many", "too many codes of literals",
        zlib_stream(dynamic_block(code_lengths(a=1, space=2, c=3, t=4, x=4, end=4), [0], (*CAT, END)), CAT)),
    _bad("lengths-incomplete", "too few codes of code lengths", _of_lengths(*CODED_LENGTHS[:11], *CODED_LENGTHS[12:])),
    _bad("lengths-too-many", "too many codes of code lengths", _of_lengths(*CODED_LENGTHS, 13)),
    _bad("repeat-nothing", "the first code length repeats the one before it", _lengths((16, 0, 2))),
    _bad("repeat-beyond", "a run of zeros that is longer than what is left of the code lengths",
        _lengths(*[(18, 127, 7)] * 2)),
    _bad("distance-before", "a distance that reaches before the text", _fixed(257, (0b10100, 5), (0, 1))),
    _bad("distance-30", "distance symbol 30, which has a fixed code and no meaning", _fixed(257, (0b01111, 5))),
    _bad("length-286", "length symbol 286, which has a fixed code and no meaning", _fixed(286, (0b00000, 5))),
    _bad("stored-length", "a stored block whose length and its complement do not fit",
        zlib_stream(b"\x01\x05\x00\xfb\xff" + CAT, CAT)),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
