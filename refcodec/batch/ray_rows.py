# SPDX-License-Identifier: MIT
"""The rows of a batch, and the Parquet files in which they are kept.

A batch writes its rows as parts: `part-N.parquet` has files that were made, `errors-N.parquet` inputs that failed. A part is
written completely or not at all, and one of a higher number is later. The schema of each has a digest of the options.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from refcodec.batch.ray_store import Store, missing
from refcodec.errors import Code, SemError

OPTIONS: Final = b"refcodec.options"
PART: Final = re.compile(r"(part|errors)-([0-9]{6,})\.parquet")
PARTS_MAX: Final = 1 << 32  # bytes of a part
DONE, FAILED = "part", "errors"


@dataclass(frozen=True)
class Record:
    """What a row of an earlier run says of a file that was made. number: of its part."""

    source: str
    version: str
    sha256: str | None
    number: int


def arrow() -> Any:
    """Return the module pyarrow. Raises DEPENDENCY_MISSING."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise missing("pyarrow") from error
    return pyarrow


def schema_of(data: str | None, options: str) -> Any:
    """Return the schema of rows. data: the column of the files' bytes, "sem" or "picture"; None: without one."""
    pa = arrow()
    kinds = {"key": pa.string(), **({data: pa.binary()} if data else {}), "width": pa.int32(), "height": pa.int32()}
    kinds |= {"method": pa.string(), "bpp": pa.float64(), "check": pa.string(), "error": pa.string()}
    kinds |= {"bytes": pa.int64(), "sha256": pa.string(), "source": pa.string(), "source_version": pa.string()}
    return pa.schema(list(kinds.items()), metadata={OPTIONS: options.encode("ascii")})


def packed(name: str) -> bytes:
    """Return a name as bytes, those of the file system for one that is not in UTF-8."""
    return name.encode("utf-8", "surrogateescape")


def text(name: bytes) -> str:
    """Return a packed name as text, with escapes for what is not UTF-8."""
    return name.decode("utf-8", "backslashreplace")


@dataclass
class Parts:
    """The parts of a batch, in one folder. options: a digest of those that decide what an output holds."""

    store: Store
    folder: str
    data: str | None
    options: str
    _number: int = 0
    _outdated: list[str] = field(default_factory=list)

    def existing(self) -> list[str]:
        """Return the names of the parts that are there, in the order of their numbers."""
        found = [match for match in map(PART.fullmatch, self.store.names(self.folder)) if match is not None]
        return [match[0] for match in sorted(found, key=lambda match: int(match[2]))]

    def begin(self, stale: Mapping[str, int] | None) -> None:
        """Remove what is not true any more, before the first part is written. stale: see `drop`; None: all parts."""
        for name in self.existing() if stale is None else self._outdated:
            self.store.remove(self._at(name))
        self.drop(stale or {})

    def records(self) -> dict[str, Record]:
        """Return what the parts say of files that were made, by key. Raises ValueError for parts of other options.

        Failures are tried again, and inputs of parts that cannot be read: `begin` removes both kinds of parts.
        """
        records: dict[str, Record] = {}
        superseded: dict[int, set[str]] = {}
        names = self.existing()
        for name in names:
            kind, number = self._parsed(name)
            self._number = max(self._number, number + 1)
            table = self._read(name, ["key", "source", "source_version", "sha256"])
            if table is not None and (table.schema.metadata or {}).get(OPTIONS) != self.options.encode("ascii"):
                raise ValueError(
                    f"{self.store.shown(self.folder)} has outputs of other options: name another with -o, or give --force"
                )
            if table is None or kind == FAILED:
                self._outdated.append(name)
                continue
            for row in table.to_pylist():
                if row["key"] in records:
                    superseded.setdefault(records[row["key"]].number, set()).add(row["key"])
                records[row["key"]] = Record(row["source"] or "", row["source_version"] or "", row["sha256"], number)
        for number, keys in superseded.items():
            self._drop_from(number, keys)
        return records

    def drop(self, keys: Mapping[str, int]) -> None:
        """Remove rows that are no longer true. keys: the number of the part of each."""
        by_part: dict[int, set[str]] = {}
        for key, number in keys.items():
            by_part.setdefault(number, set()).add(key)
        for number, dropped in by_part.items():
            self._drop_from(number, dropped)

    def write(self, kind: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows as a new part."""
        pa = arrow()
        schema = schema_of(self.data, self.options)
        columns = [{name: row.get(name) for name in schema.names} for row in rows]
        self._put(_name(kind, self._number), pa.Table.from_pylist(columns, schema=schema))
        self._number += 1

    def _drop_from(self, number: int, keys: set[str]) -> None:
        pa = arrow()
        table = self._read(_name(DONE, number), None)
        if table is None:
            return
        kept = table.filter(pa.array([key not in keys for key in table["key"].to_pylist()], pa.bool_()))
        if len(kept):
            self._put(_name(DONE, number), kept)
        else:
            self.store.remove(self._at(_name(DONE, number)))

    def _read(self, name: str, columns: list[str] | None) -> Any:
        """Return the table of a part, None if it is damaged."""
        pa = arrow()
        data = self.store.read(self.store.path(self._at(name)), PARTS_MAX)
        try:
            return pa.parquet.read_table(io.BytesIO(data), columns=columns)
        except (pa.ArrowException, OSError, ValueError, KeyError):
            return None

    def _put(self, name: str, table: Any) -> None:
        stream = io.BytesIO()
        arrow().parquet.write_table(table, stream, compression="zstd")
        self.store.write(self._at(name), stream.getvalue())

    def _parsed(self, name: str) -> tuple[str, int]:
        match = PART.fullmatch(name)
        if match is None:
            raise SemError(Code.CANNOT_READ, f"{self.store.shown(name)} is not a part")
        return match[1], int(match[2])

    def _at(self, name: str) -> str:
        return f"{self.folder}/{name}" if self.folder else name


def _name(kind: str, number: int) -> str:
    return f"{kind}-{number:06d}.parquet"
