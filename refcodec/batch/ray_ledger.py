# SPDX-License-Identifier: MIT
"""What the workers of a batch have begun, kept in a process of its own, so that it outlives a worker that is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

STARTS_MAX: Final = 2  # of one input: one that has killed two workers fails
KEPT_BYTES: Final = 1 << 18  # of an output that is kept until the rows of its block are passed on


class Claim(Enum):
    """What a worker is to do with an input."""

    WORK = "work"
    DONE = "done"  # its row is there
    KILLS = "kills"  # it has killed its workers
    TWICE = "twice"  # another input has the same key


@dataclass
class Ledger:
    """Inputs that were begun, by key. An input is known by its source and its place there, `origin`."""

    _origins: dict[int, int] = field(default_factory=dict)  # hashes, as there may be millions
    _starts: Counter[bytes] = field(default_factory=Counter)
    _rows: dict[bytes, Mapping[str, Any]] = field(default_factory=dict)

    def start(self, key: bytes, origin: str) -> tuple[Claim, Mapping[str, Any] | None]:
        """Note that an input is begun; return what to do, and its row if it was finished by a worker that has died since."""
        if self._origins.setdefault(hash(key), hash(origin)) != hash(origin):
            return Claim.TWICE, None
        if (row := self._rows.get(key)) is not None:
            return Claim.DONE, row
        if self._starts[key] >= STARTS_MAX:
            return Claim.KILLS, None
        self._starts[key] += 1
        return Claim.WORK, None

    def finish(self, key: bytes, row: Mapping[str, Any]) -> None:
        """Note the row of an input until it is forgotten; one with a large output is made again if it is lost."""
        del self._starts[key]
        if len(row.get("data") or b"") <= KEPT_BYTES:
            self._rows[key] = row

    def forget(self, keys: Iterable[bytes]) -> None:
        """Drop rows that have been passed on."""
        for key in keys:
            self._rows.pop(key, None)
