# SPDX-License-Identifier: MIT
"""SPEC §9: everything that the range coder codes beyond single symbols: values with escapes, Exp-Golomb codes, arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from refcodec.entropy.arithmetic import PREFIX_LIMIT
from refcodec.entropy.tables import VALUE_LIMIT, TableBank
from refcodec.errors import Code, SemError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class Coder(ABC):
    """Base class of `Encoder` and `Decoder`: values and arrays, coded by the `symbol` and `bit` of the subclass."""

    def __init__(self, fast: bool | None) -> None:
        """Start a stream. `fast`: compiled loops if numba is installed (True), never (False), or if they are quicker (None)."""
        self.fast = fast

    @abstractmethod
    def symbol(self, table: Sequence[int], value: int | None = None) -> int:
        """Code one symbol 0 … n - 1 of a table of n symbols (n + 1 entries)."""

    @abstractmethod
    def finish(self) -> bytes:
        """Return the canonical bytes of all symbols so far."""

    @abstractmethod
    def _bulk(self, bank: TableBank, index: NDArray[np.int32], values: NDArray[np.int32] | None) -> NDArray[np.int32]:
        """Code n values; index and values are int32[n], already checked."""

    @abstractmethod
    def bit(self, value: int | None = None) -> int:
        """Code 0 or 1, equally likely, as `symbol(uniform(2), value)` does but faster: a damaged body may be all escapes."""

    def value(self, bank: TableBank, number: int, value: int | None = None) -> int:
        """Code one value of -32767 … 32767 with table `number` of the bank, by its escape if it has no symbol.

        Raises ValueError for a value to write that is out of range, Code.VALUE_RANGE (SEM-E-403) for one that was read.
        """
        table, offset = bank.tables[number], bank.offsets[number]
        escape = len(table) - 2
        if value is None:
            symbol = self.symbol(table)
        elif abs(value) > VALUE_LIMIT:
            raise ValueError(f"{value} is not within ±{VALUE_LIMIT}")
        else:
            symbol = value - offset
            symbol = self.symbol(table, symbol if 0 <= symbol < escape else escape)
        return offset + symbol if symbol < escape else self._escape(offset, offset + escape, value)

    def _escape(self, start: int, stop: int, value: int | None) -> int:
        """Code an escaped value: bit 0 above or 1 below the regular values start … stop - 1, then the distance beyond."""
        below = self.bit(None if value is None else int(value < start))
        beyond = None if value is None else start - 1 - value if below else value - stop
        beyond = self._exp_golomb(beyond)
        value = start - 1 - beyond if below else stop + beyond
        if abs(value) > VALUE_LIMIT:
            raise self._error(Code.VALUE_RANGE, f"the escaped value {value} is not within ±{VALUE_LIMIT}")
        return value

    def _exp_golomb(self, value: int | None) -> int:
        """Code a value >= 0 in Exp-Golomb code of order 0: q ones, a zero if q < 16, then the low q bits of value + 1."""
        number = 0 if value is None else value + 1
        q = 0
        while q < PREFIX_LIMIT and self.bit(None if value is None else int(number >> (q + 1) > 0)):
            q += 1
        coded = 1
        for shift in reversed(range(q)):
            coded = 2 * coded + self.bit(None if value is None else number >> shift & 1)
        return coded - 1

    def array(
        self, bank: TableBank, index: ArrayLike, values: ArrayLike | None = None, *, skip: int | None = None
    ) -> NDArray[np.int32]:
        """Code an array of values, element by element in C order, each with its own table of the bank.

        index: integers of any shape, 0 … len(bank) - 1. values: integers of the same shape, -32767 … 32767, or None to
        read. Elements with index == skip are not coded and have the value 0. Returns int32 of that shape.

        Raises ValueError or TypeError for invalid arguments, before anything is coded, and Code.VALUE_RANGE (SEM-E-403)
        for a value read that is out of range.
        """
        import numpy as np

        numbers = np.asarray(index)
        _check("index", numbers, 0, len(bank) - 1)
        coded = np.ones(numbers.shape, bool) if skip is None else numbers != skip
        to_write = None
        if values is not None:
            array = np.asarray(values)
            _check("values", array, -VALUE_LIMIT, VALUE_LIMIT)
            if array.shape != numbers.shape or array[~coded].any():
                raise ValueError("values must have the shape of index, and 0 where it is skipped")
            to_write = array[coded].astype(np.int32)
        result = np.zeros(numbers.shape, np.int32)
        result[coded] = self._bulk(bank, numbers[coded].astype(np.int32), to_write)
        return result

    def _error(self, code: int, what: str) -> SemError:
        return SemError(code, what)


def _check(name: str, array: NDArray[Any], low: int, high: int) -> None:
    """Raise TypeError unless the array holds integers, ValueError unless all are low … high."""
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, not {array.dtype}")
    if array.size and not (low <= array.min() and array.max() <= high):
        raise ValueError(f"{name} must be {low} … {high}")
