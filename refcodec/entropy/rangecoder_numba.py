# SPDX-License-Identifier: MIT
"""SPEC §9: the bulk loops of `rangecoder` compiled by numba: the same bytes, many times faster.

Importing this module imports numba and compiles (once: the result is cached beside this file or in numba's own cache
folder), so `compiled` imports it only for much data. All state is explicitly uint64: numba turns a mix of int64 and
uint64 into float64, which would write a wrong stream.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# (the compiled functions get their types from the signatures handed to numba)

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numba import njit, types

from refcodec.entropy import arithmetic
from refcodec.entropy.tables import VALUE_LIMIT, Flat

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHIFT_1, SHIFT_8, SHIFT_16, SHIFT_24 = np.uint64(1), np.uint64(8), np.uint64(16), np.uint64(24)
ZERO, MASK, BOTTOM, LOW_16 = np.uint64(0), np.uint64(arithmetic.MASK), np.uint64(arithmetic.BOTTOM), np.uint64(0xFFFF)
PREFIX_LIMIT: Final = arithmetic.PREFIX_LIMIT

# A symbol takes at most 16.01 bits, its sign, prefix and low bits at most 33.01: under 7 bytes together.
BYTES_PER_VALUE: Final = 7
CHUNK: Final = 1 << 16

DATA = types.Array(types.uint8, 1, "C", readonly=True)
CUMULATIVE = types.Array(types.uint32, 1, "C", readonly=True)
INDEX = types.Array(types.int32, 1, "C", readonly=True)
BANK = (CUMULATIVE, INDEX, INDEX, INDEX)
STATE, BYTES, VALUES = types.uint64[::1], types.uint8[::1], types.int32[::1]


def _compile(returns: Any, *arguments: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile for exactly these types at import, so that a failure to compile shows there and not later.

    A cache that is absent, read-only, full or damaged costs the time to compile for this process alone.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        signature = returns(*arguments)
        try:
            return njit(signature, cache=True, error_model="numpy")(function)
        except Exception:  # numba reads its cache with pickle, which may raise anything for a damaged file
            return njit(signature, error_model="numpy")(function)

    return decorate


@njit
def _write(low, size, at, out, a, b):
    """Narrow the range to [a, b) and write the bytes that are final; out[0] collects the carry into earlier bytes."""
    low += a
    if low > MASK:
        low &= MASK
        back = at - 1
        while out[back] == 255:
            out[back] = 0
            back -= 1
        out[back] += 1
    size = b - a
    while size < BOTTOM:
        out[at] = low >> SHIFT_24
        at += 1
        low = (low << SHIFT_8) & MASK
        size <<= SHIFT_8
    return low, size, at


@njit
def _write_bit(low, size, at, out, bit):
    half = size >> SHIFT_1
    if bit:
        return _write(low, size, at, out, half, size)
    return _write(low, size, at, out, ZERO, half)


@_compile(types.void, STATE, BYTES, *BANK, INDEX, INDEX)
def _encode(state, out, cumulative, start, sizes, offsets, index, values):
    low, size, at = state[0], state[1], 1
    out[0] = 0
    for place in range(index.size):
        number, value = index[place], values[place]
        offset, escape = offsets[number], sizes[number] - 1
        symbol = value - offset
        regular = 0 <= symbol < escape
        entry = start[number] + (symbol if regular else escape)
        a = size * np.uint64(cumulative[entry]) >> SHIFT_16
        b = size * np.uint64(cumulative[entry + 1]) >> SHIFT_16
        low, size, at = _write(low, size, at, out, a, b)
        if not regular:
            below = symbol < 0
            beyond = -symbol if below else (symbol - escape + 1)
            q = 0
            while beyond >> (q + 1):
                q += 1
            low, size, at = _write_bit(low, size, at, out, below)
            for _ in range(q):
                low, size, at = _write_bit(low, size, at, out, True)
            if q < PREFIX_LIMIT:
                low, size, at = _write_bit(low, size, at, out, False)
            for shift in range(q - 1, -1, -1):
                low, size, at = _write_bit(low, size, at, out, (beyond >> shift) & 1 == 1)
    state[0], state[1], state[2] = low, size, np.uint64(at)


@njit
def _read(code, size, at, data, a, b):
    """Narrow the range to [a, b) and read bytes into code; `at` is the offset of the first byte not yet in it."""
    code -= a
    size = b - a
    while size < BOTTOM:
        code <<= SHIFT_8
        if at < data.size:
            code |= np.uint64(data[at])
        at += 1
        size <<= SHIFT_8
    return code, size, at


@njit
def _read_bit(code, size, at, data):
    half = size >> SHIFT_1
    if code >= half:
        code, size, at = _read(code, size, at, data, half, size)
        return 1, code, size, at
    code, size, at = _read(code, size, at, data, ZERO, half)
    return 0, code, size, at


@_compile(types.int64, STATE, DATA, *BANK, INDEX, VALUES)
def _decode(state, data, cumulative, start, sizes, offsets, index, values):
    """Fill `values` and return how many were read; fewer if the next is out of range, with `state` then before it."""
    code, size, at = state[0], state[1], np.int64(state[2])
    for place in range(index.size):
        number = index[place]
        base, escape = np.int64(start[number]), np.int64(sizes[number]) - 1
        target = (code << SHIFT_16 | LOW_16) // size
        low, high = base, base + escape + 1
        while high - low > 1:
            middle = (low + high) >> 1
            if np.uint64(cumulative[middle]) <= target:
                low = middle
            else:
                high = middle
        a = size * np.uint64(cumulative[low]) >> SHIFT_16
        b = size * np.uint64(cumulative[low + 1]) >> SHIFT_16
        symbol, value = low - base, np.int64(offsets[number]) + (low - base)
        state[0], state[1], state[2] = code, size, np.uint64(at)
        code, size, at = _read(code, size, at, data, a, b)
        if symbol == escape:
            below, code, size, at = _read_bit(code, size, at, data)
            q, beyond = 0, 1
            while q < PREFIX_LIMIT:
                bit, code, size, at = _read_bit(code, size, at, data)
                if bit == 0:
                    break
                q += 1
            for _ in range(q):
                bit, code, size, at = _read_bit(code, size, at, data)
                beyond = 2 * beyond + bit
            value = np.int64(offsets[number]) - beyond if below else value + beyond - 1
            if abs(value) > VALUE_LIMIT:
                return place
        values[place] = value
    state[0], state[1], state[2] = code, size, np.uint64(at)
    return index.size


def encode(
    low: int, size: int, out: bytearray, bank: Flat, index: NDArray[np.int32], values: NDArray[np.int32]
) -> tuple[int, int]:
    """Append the bytes of the values to `out`; return low and range afterwards. index, values: int32[n], checked."""
    for begin in range(0, index.size, CHUNK):
        numbers, piece = index[begin : begin + CHUNK], values[begin : begin + CHUNK]
        buffer = np.empty(BYTES_PER_VALUE * piece.size + 8, np.uint8)
        state = np.array([low, size, 0], np.uint64)
        _encode(state, buffer, *bank, numbers, piece)
        low, size, end = state.tolist()
        if buffer[0]:
            arithmetic.carry(out)
        out += buffer[1:end].tobytes()
    return low, size


def decode(
    code: int, size: int, at: int, data: bytes, bank: Flat, index: NDArray[np.int32], values: NDArray[np.int32]
) -> tuple[int, int, int, int]:
    """Fill values int32[n]; return (number filled, code, range, at). at: the bytes that an encoder has written.

    Fewer than n are filled if the next value is out of range; the state is then the one before it.
    """
    state = np.array([code, size, at + 4], np.uint64)
    done = int(_decode(state, np.frombuffer(data, np.uint8), *bank, index, values))
    code, size, position = state.tolist()
    return done, code, size, position - 4
