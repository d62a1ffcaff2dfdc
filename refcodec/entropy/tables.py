# SPDX-License-Identifier: MIT
"""SPEC §9 and §10: frequency tables. All of them are integers; nothing here is computed with floats.

A *table* of n symbols is the ascending sequence 0 = C[0] < C[1] < … < C[n] = T <= 65536: symbol j has the cumulative
frequency C[j] and the frequency C[j + 1] - C[j]. It may be any sequence of Python integers, such as a `range`.

A *bank* is a list of tables with escapes, all of T = 65536: a table with n regular symbols codes the values offset …
offset + n - 1 in ascending order as its symbols 0 … n - 1. Its last symbol n is the escape, which is followed by any
other value of -32767 … 32767. The 64 Gaussians are one bank, the static tables of a hyper-latent z another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from refcodec.entropy.arithmetic import SCALE
from refcodec.table_files import TableFile, TableFiles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOTAL: Final = 1 << 16
VALUE_LIMIT: Final = 32767

GAUSSIAN_SHA256: Final = "62274a22ddb2d2c68549365f09c434603d71302ce6b80968f6c2059446d100ad"


def uniform(size: int) -> range:
    """Return the table of `size` equally likely symbols, 1 <= size <= 65536: frequency 1 each, T = size."""
    if not 1 <= size <= TOTAL:
        raise ValueError(f"a uniform table has 1 … {TOTAL} symbols, not {size}")
    return range(size + 1)


def cumulative(frequencies: Iterable[int]) -> list[int]:
    """Return the table of these frequencies. Raises ValueError unless each is at least 1 and their sum 1 … 65536."""
    table = list(accumulate(frequencies, initial=0))
    if not 1 <= table[-1] <= TOTAL or any(low >= high for low, high in pairwise(table)):
        raise ValueError(f"frequencies must be at least 1 each and at most {TOTAL} in sum")
    return table


class Flat(NamedTuple):
    """A bank as arrays: entry j of table i is cumulative[start[i] + j], 0 <= j <= size[i]; the escape is the last."""

    cumulative: NDArray[np.uint32]
    start: NDArray[np.int32]
    size: NDArray[np.int32]
    offset: NDArray[np.int32]


# Of a table in the loops over arrays: its number, its most frequent regular value, the interval of that value, and all
# cumulative frequencies; intervals as fractions of 2^16. A plain tuple, since Python unpacks those faster than named ones.
Scaled = tuple[int, int, float, float, list[float]]


class TableBank:
    """An immutable list of tables with escapes.

    `tables[i]` is the cumulative list of table i, escape included; `offsets[i]` is the value of its symbol 0.
    """

    def __init__(self, rows: Iterable[tuple[int, Iterable[int]]]) -> None:
        """Make a bank of `rows`: (offset, frequencies with the escape last) of each table. Raises ValueError for an invalid one."""
        self.tables: Final[list[list[int]]] = []
        self.offsets: Final[list[int]] = []
        for offset, frequencies in rows:
            table = cumulative(frequencies)
            last = offset + len(table) - 3
            if table[-1] != TOTAL or not -VALUE_LIMIT <= offset <= last <= VALUE_LIMIT:
                raise ValueError(f"table {len(self.tables)}: a bank's tables sum to {TOTAL} and stay within int16")
            self.tables.append(table)
            self.offsets.append(offset)

    def __len__(self) -> int:
        return len(self.tables)

    @cached_property
    def scaled(self) -> list[Scaled]:
        """The same tables in floats, for the loops in Python."""
        return [self._scaled(number) for number in range(len(self))]

    def _scaled(self, number: int) -> Scaled:
        table = self.tables[number]
        frequencies = [end - begin for begin, end in pairwise(table[:-1])]  # without the escape
        mode = frequencies.index(max(frequencies))
        fractions = [entry * SCALE for entry in table]
        return number, self.offsets[number] + mode, fractions[mode], fractions[mode + 1], fractions

    @cached_property
    def flat(self) -> Flat:
        """The same bank as arrays, for the compiled loops. Computed at first use, as only this needs numpy."""
        import numpy as np

        sizes = [len(table) - 1 for table in self.tables]
        starts = list(accumulate((size + 1 for size in sizes), initial=0))[:-1]
        entries = [entry for table in self.tables for entry in table]
        return Flat(
            np.array(entries, np.uint32),
            np.array(starts, np.int32),
            np.array(sizes, np.int32),
            np.array(self.offsets, np.int32),
        )


def split_gaussians(frequencies: Sequence[int]) -> TableBank:
    """Return the bank in the form of gaussian.bin: each table ends when its frequencies reach 65536, centred on 0."""
    rows: list[tuple[int, Sequence[int]]] = []
    begin = total = 0
    for end, frequency in enumerate(frequencies, 1):
        total += frequency
        if total >= TOTAL:
            row = frequencies[begin:end]
            rows.append((-((len(row) - 2) // 2), row))
            begin, total = end, 0
    if begin != len(frequencies):
        raise ValueError("the last table does not reach its total")
    return TableBank(rows)


def _gaussians_of(data: bytes) -> TableBank:
    import struct

    return split_gaussians(struct.unpack(f"<{len(data) // 2}H", data))


GAUSSIANS: Final = TableFile("refcodec.entropy", "gaussian.bin", GAUSSIAN_SHA256, _gaussians_of)


def gaussians(tables: TableFiles) -> TableBank:
    """Return the 64 zero-mean Gaussians of SPEC §10. Raises Code.MODEL_DIGEST (SEM-E-802) for another file."""
    return tables.load(GAUSSIANS)
