# SPDX-License-Identifier: MIT
"""Write zlib streams by hand (RFC 1950, RFC 1951), with code lengths that no compressor chooses."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

END: Final = 256  # the symbol that ends a block
LENGTH_ORDER: Final = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
CODED_LENGTHS: Final = (*range(13), 16, 17, 18)
HEADER: Final = b"\x78\xda"  # a window of 2^15 octets

Symbol = int | tuple[int, int]  # a literal, length or end symbol by its code; or (value, bits), written as they are
Run = tuple[int, int, int]  # a symbol of the code of code lengths, and its extra value and bits


class BitWriter:
    """Bits in the order of RFC 1951: from the least significant of each byte on."""

    def __init__(self) -> None:
        self.number, self.length = 0, 0

    def put(self, value: int, bits: int) -> None:
        self.number |= value << self.length
        self.length += bits

    def code(self, value: int, bits: int) -> None:
        """Write a prefix code, most significant bit first."""
        for at in reversed(range(bits)):
            self.put(value >> at & 1, 1)

    def bytes(self) -> bytes:
        return self.number.to_bytes((self.length + 7) // 8, "little")


def prefix_codes(lengths: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return symbol -> (code, bits) of RFC 1951 §3.2.2; the code may be incomplete."""
    codes: dict[int, tuple[int, int]] = {}
    code = 0
    for bits in range(1, 16):
        for symbol, length in enumerate(lengths):
            if length == bits:
                codes[symbol] = (code, bits)
                code += 1
        code <<= 1
    return codes


def zlib_stream(block: bytes, text: bytes, header: bytes = HEADER) -> bytes:
    """Return a zlib stream of complete deflate blocks, with the checksum of `text`."""
    return header + block + zlib.adler32(text).to_bytes(4, "big")


def dynamic_block(
    literals: Sequence[int],
    distances: Sequence[int],
    symbols: Iterable[Symbol],
    *,
    of_lengths: Sequence[int] = CODED_LENGTHS,
    runs: Sequence[Run] | None = None,
) -> bytes:
    """Return a last block with prefix codes of these lengths, for symbols 0 … of each.

    of_lengths: the symbols of the code of code lengths that have a code, of four bits each: 16 make it complete.
    runs: written as the code lengths, in place of those of `literals` and `distances`.
    """
    bits = BitWriter()
    bits.put(0b101, 3)
    bits.put(len(literals) - 257, 5)
    bits.put(len(distances) - 1, 5)
    bits.put(len(LENGTH_ORDER) - 4, 4)
    lengths = [4 if symbol in of_lengths else 0 for symbol in range(19)]
    for symbol in LENGTH_ORDER:
        bits.put(lengths[symbol], 3)
    codes = prefix_codes(lengths)
    for symbol, value, extra in _runs([*literals, *distances]) if runs is None else runs:
        bits.code(*codes[symbol])
        bits.put(value, extra)
    _write(bits, prefix_codes(literals), symbols)
    return bits.bytes()


def _write(bits: BitWriter, codes: Mapping[int, tuple[int, int]], symbols: Iterable[Symbol]) -> None:
    """Write symbols by their codes, and the bits between them as they are."""
    for item in symbols:
        if isinstance(item, tuple):
            bits.put(*item)
        else:
            bits.code(*codes[item])


def _runs(lengths: Sequence[int]) -> list[Run]:
    """Return code lengths as (symbol, extra value, extra bits), runs of zeros as symbols 17 and 18."""
    out: list[Run] = []
    at = 0
    while at < len(lengths):
        end = at
        while end < len(lengths) and end - at < 138 and lengths[end] == lengths[at] == 0:
            end += 1
        if end - at >= 11:
            out.append((18, end - at - 11, 7))
        elif end - at >= 3:
            out.append((17, end - at - 3, 3))
        else:
            end = at + 1
            out.append((lengths[at], 0, 0))
        at = end
    return out


def fixed_block(symbols: Iterable[Symbol]) -> bytes:
    """Return a last block with the fixed codes."""
    codes = prefix_codes([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8)
    bits = BitWriter()
    bits.put(0b011, 3)
    _write(bits, codes, symbols)
    return bits.bytes()


def code_lengths(**of: int) -> list[int]:
    """Return the code lengths of 257 symbols: of letters by name, and `end`."""
    out = [0] * 257
    for name, length in of.items():
        out[END if name == "end" else 32 if name == "space" else ord(name)] = length
    return out
