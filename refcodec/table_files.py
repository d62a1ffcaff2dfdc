# SPDX-License-Identifier: MIT
"""Read the tables that SPEC.md fixes by their SHA-256."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from refcodec.errors import Code, SemError
from refcodec.fileio import shipped_data

T = TypeVar("T")


@dataclass(frozen=True)
class TableFile(Generic[T]):
    """A table. `package`: the package of this library that ships it, in its folder `data`. `parse`: parses its bytes."""

    package: str
    name: str
    sha256: str
    parse: Callable[[bytes], T]


class TableFiles:
    """Reads tables from `folder`, or with None from the data of this library. Each is read and parsed once."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder: Final = folder
        self._loaded: dict[TableFile[Any], Any] = {}
        self._lock = threading.RLock()

    def load(self, table: TableFile[T]) -> T:
        """Return the parsed table.

        Raises Code.MODEL_UNAVAILABLE (SEM-E-801) if it is missing, MODEL_DIGEST (802) for another SHA-256.
        """
        if table not in self._loaded:
            with self._lock:
                if table not in self._loaded:
                    self._loaded[table] = table.parse(self._read(table))
        parsed: T = self._loaded[table]
        return parsed

    def _read(self, table: TableFile[Any]) -> bytes:
        if self.folder is None:
            return shipped_data(table.package, table.name, table.sha256)
        try:
            data = (self.folder / table.name).read_bytes()
        except OSError as error:
            raise SemError(Code.MODEL_UNAVAILABLE, f"the table {table.name} is not here: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != table.sha256:
            raise SemError(Code.MODEL_DIGEST, f"{table.name} is not the one of this release")
        return data


SHIPPED: Final = TableFiles()
