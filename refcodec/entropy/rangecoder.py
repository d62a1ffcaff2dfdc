# SPDX-License-Identifier: MIT
"""SPEC §9, the range coder: all symbols of a payload in one stream of bytes, first in, first out.

    symbol   (c, f, T), integers, 0 <= c < c + f <= T <= 2^16: symbol j of a table C is (C[j], C[j+1] - C[j], C[last])
    state    low (32 bits), range (2^32 - 1 at first), the bytes written; the decoder holds code = (bytes - low) for low
    encode   a = floor(range·c / T)   b = floor(range·(c + f) / T)   low += a   range = b - a
             low >= 2^32: take 2^32 off and add 1 to the bytes already written, 0xFF becoming 0x00
             while range < 2^24: write the top byte of low, low = low·256 mod 2^32, range *= 256
    finish   the shortest number in [low, low + range), the smallest of that length, without trailing zero bytes
    decode   the symbol with a <= code < b; code -= a; range = b - a; renormalise; bytes past the end are zeros

`Encoder` and `Decoder` have the same methods: an encoder takes a value and writes it, a decoder takes None and reads it,
and both return it. So one function per payload serves encoding and decoding.

After every symbol 2^24 <= range < 2^32, so an interval with f >= 1 is never empty, and products stay below 2^48.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Final

from refcodec.entropy.arithmetic import (
    BELOW,
    BOTTOM,
    MASK,
    RANGE,
    SCALE,
    UNITS,
    borrow,
    carry,
    first_difference,
    rounds_to_nearest,
    tail,
)
from refcodec.entropy.coder import Coder
from refcodec.entropy.compiled import compiled_loops
from refcodec.entropy.tables import TableBank
from refcodec.errors import Code, SemError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


CHUNK: Final = 1 << 16  # values that are lists of Python at a time


class Encoder(Coder):
    """Range encoder: writes symbols."""

    def __init__(self, *, fast: bool | None = None) -> None:
        super().__init__(fast)
        self._low, self._range, self._out = 0, RANGE, bytearray()

    def symbol(self, table: Sequence[int], value: int | None = None) -> int:
        """Write one symbol of a table. Raises ValueError unless it is in 0 … n - 1."""
        if value is None or not 0 <= value < len(table) - 1:
            raise ValueError(f"{value} is not a symbol of 0 … {len(table) - 2}")
        total = table[-1]
        a = self._range * table[value] // total
        b = self._range * table[value + 1] // total
        self._renormalise(self._low + a, b - a)
        return value

    def bit(self, value: int | None = None) -> int:
        """Write one bit. Raises ValueError unless it is 0 or 1."""
        if value is None or not 0 <= value < 2:
            raise ValueError(f"{value} is not a bit")
        size = self._range >> 1
        if value:
            self._low += size
            size = self._range - size
            if self._low > MASK:
                self._low &= MASK
                carry(self._out)
        if size < BOTTOM:
            self._out.append(self._low >> 24)
            self._low = self._low << 8 & MASK
            size <<= 8
        self._range = size
        return value

    def finish(self) -> bytes:
        """Return the canonical stream of all symbols so far. The state does not change, so more may follow."""
        return tail(self._low, self._range, self._out)

    def _bulk(self, bank: TableBank, index: NDArray[np.int32], values: NDArray[np.int32] | None) -> NDArray[np.int32]:
        if values is None:
            raise ValueError("an encoder needs values")
        kernels = compiled_loops(index.size, self.fast)
        if kernels is not None:
            self._low, self._range = kernels.encode(self._low, self._range, self._out, bank.flat, index, values)
        elif rounds_to_nearest():
            for at in range(0, index.size, CHUNK):
                self._loop(bank, index[at : at + CHUNK].tolist(), values[at : at + CHUNK].tolist())
        else:
            for number, value in zip(index.tolist(), values.tolist(), strict=True):
                self.value(bank, number, value)
        return values

    def _loop(self, bank: TableBank, index: list[int], values: list[int]) -> None:
        """Write every element as `value` does, with low and range in floats (see `arithmetic`).

        Between renormalisations low may reach 2^32; the carry is added before the next byte is written.
        """
        offsets, below, units, bottom = bank.offsets, BELOW, UNITS, float(BOTTOM)
        low, size = float(self._low), float(self._range)
        for (number, mode, c, d, table), value in zip(map(bank.scaled.__getitem__, index), values, strict=True):
            if value != mode:
                symbol = value - offsets[number]
                if not 0 <= symbol < len(table) - 2:
                    self._renormalise(int(low), int(size))
                    self.value(bank, number, value)
                    low, size = float(self._low), float(self._range)
                    continue
                c, d = table[symbol], table[symbol + 1]
            a = size * c - below + units
            size = size * d - below + units - a
            low += a - units
            if size < bottom:
                self._renormalise(int(low), int(size))
                low, size = float(self._low), float(self._range)
        self._renormalise(int(low), int(size))

    def _renormalise(self, low: int, size: int) -> None:
        """Make these low and range the state: add the carry to the bytes written, and write those that are final."""
        if low > MASK:
            low &= MASK
            carry(self._out)
        while size < BOTTOM:
            self._out.append(low >> 24)
            low = low << 8 & MASK
            size <<= 8
        self._low, self._range = low, size


class Decoder(Coder):
    """Range decoder: reads symbols, and checks at the end that the body is their canonical stream.

    `_code` is the number in the first `_at` + 4 bytes of the body minus the `low` that an encoder would have after the
    same symbols. So `low`, and every byte that this encoder would have written, follows from it without encoding.
    """

    def __init__(self, data: bytes, *, fast: bool | None = None) -> None:
        """Start on a body. Raises Code.STREAM_INVALID (SEM-E-401) if it begins with FF FF FF FF, as no symbol does."""
        super().__init__(fast)
        self._data = bytes(data)
        self._at, self._code, self._range = 0, self._window(0), RANGE
        if self._code >= self._range:
            raise SemError(Code.STREAM_INVALID, "no symbol begins with the bytes FF FF FF FF", offset=0)

    def symbol(self, table: Sequence[int], value: int | None = None) -> int:
        """Read one symbol of a table. Raises ValueError for a `value` that is not None."""
        if value is not None:
            raise ValueError("a decoder takes no values")
        total = table[-1]
        # the greatest q with floor(range·q / T) <= code lies in the interval of the symbol
        symbol = bisect_right(table, ((self._code + 1) * total - 1) // self._range) - 1
        a = self._range * table[symbol] // total
        size = self._range * table[symbol + 1] // total - a
        code = self._code - a
        while size < BOTTOM:
            code = code << 8 | self._byte(self._at + 4)
            self._at += 1
            size <<= 8
        self._code, self._range = code, size
        return symbol

    def bit(self, value: int | None = None) -> int:
        """Read one bit. Raises ValueError for a `value` that is not None."""
        if value is not None:
            raise ValueError("a decoder takes no values")
        size, bit = self._range >> 1, 0
        if self._code >= size:
            self._code -= size
            size, bit = self._range - size, 1
        if size < BOTTOM:
            self._code = self._code << 8 | self._byte(self._at + 4)
            self._at += 1
            size <<= 8
        self._range = size
        return bit

    def finish(self) -> bytes:
        """Return the body if it is the canonical stream of the symbols read.

        Raises Code.STREAM_NOT_CANONICAL (SEM-E-402) at the first byte that differs.
        """
        low = self._window(self._at) - self._code
        written = bytearray(self._data[: self._at].ljust(self._at, b"\0"))
        if low < 0:
            low += 1 << 32
            borrow(written)
        canonical = tail(low, self._range, written)
        if canonical != self._data:
            offset = first_difference(canonical, self._data)
            raise SemError(Code.STREAM_NOT_CANONICAL, "the same symbols are written with other bytes", offset=offset)
        return self._data

    def _byte(self, at: int) -> int:
        return self._data[at] if at < len(self._data) else 0

    def _window(self, at: int) -> int:
        return int.from_bytes(self._data[at : at + 4].ljust(4, b"\0"), "big")

    def _bulk(self, bank: TableBank, index: NDArray[np.int32], values: NDArray[np.int32] | None) -> NDArray[np.int32]:
        import numpy as np

        if values is not None:
            raise ValueError("a decoder takes no values")
        read = np.empty(index.size, np.int32)
        kernels = compiled_loops(index.size, self.fast)
        if kernels is not None:
            done, *state = kernels.decode(self._code, self._range, self._at, self._data, bank.flat, index, read)
            self._code, self._range, self._at = state
            if done < index.size:
                # the compiled loop stops before a value that is out of range; reading it here raises the error
                self.value(bank, int(index[done]))
        elif rounds_to_nearest():
            for at in range(0, index.size, CHUNK):
                read[at : at + CHUNK] = self._loop(bank, index[at : at + CHUNK].tolist())
        else:
            read[:] = [self.value(bank, number) for number in index.tolist()]
        return read

    def _loop(self, bank: TableBank, index: list[int]) -> list[int]:
        """Read every element as `value` does, with code + 1 and range in floats (see `arithmetic`).

        The most frequent value of a table is compared first, and searched for only if another one was coded.
        """
        offsets, scale, below, units, bottom = bank.offsets, SCALE, BELOW, UNITS, float(BOTTOM)
        values = list[int]()
        above, size, following = self._in_floats()
        for number, mode, c, d, table in map(bank.scaled.__getitem__, index):
            a, b = size * c, size * d
            if a < above <= b:
                values.append(mode)
            else:
                symbol = bisect_right(table, (above - scale) / size) - 1
                if symbol == len(table) - 2:
                    self._code, self._range = int(above) - 1, int(size)
                    values.append(self.value(bank, number))
                    above, size, following = self._in_floats()
                    continue
                a, b = size * table[symbol], size * table[symbol + 1]
                values.append(offsets[number] + symbol)
            a = a - below + units
            size = b - below + units - a
            above -= a - units
            while size < bottom:
                above = (above - 1.0) * 256.0 + (next(following) + 1)
                size *= 256.0
                self._at += 1
        self._code, self._range = int(above) - 1, int(size)
        return values

    def _in_floats(self) -> tuple[float, float, Iterator[int]]:
        """Return code + 1 and range, and the bytes that follow, of which the caller counts those that it takes."""
        following = chain(memoryview(self._data)[self._at + 4 :], repeat(0))
        return float(self._code + 1), float(self._range), following

    def _error(self, code: int, what: str) -> SemError:
        return SemError(code, what, offset=min(self._at, len(self._data)))
