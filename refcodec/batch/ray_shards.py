# SPDX-License-Identifier: MIT
"""Read shards: WebDataset tars and Parquet files with a column of bytes. What cannot be read becomes a row with an error."""

from __future__ import annotations

import os
import pickle
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from refcodec.batch.outcome import Failure
from refcodec.batch.ray_inputs import PARQUET, Entry
from refcodec.batch.ray_rows import arrow, packed, text
from refcodec.batch.ray_store import Store, reason
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.images.suffixes import PICTURE_SUFFIXES

BLOCK_BYTES: Final = 1 << 23  # of inputs that a worker is passed at once
COLUMNS: Final = ("sem", "image", "picture", "jpg", "jpeg", "png", "webp", "bytes", "content", "data")
KEYS: Final = ("key", "__key__")
_END: Final = vars(tarfile)["EOFHeaderError"]  # of the end marker


@dataclass(frozen=True)
class Member:
    """A file of a shard. index: its place there; data: its bytes, None after an error."""

    key: str
    index: int
    data: bytes | None = None
    error: SemError | None = None


class _Strict(tarfile.TarInfo):
    """A header of an archive that must have its end marker: others are cut short, and `tarfile` takes them for complete."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _Strict:
        try:
            return super().fromtarfile(tarfile_)  # type: ignore[return-value]
        except tarfile.HeaderError as error:
            if isinstance(error, _END):
                raise
            raise tarfile.ReadError("the archive is cut short or damaged") from error


@dataclass(frozen=True)
class Shards:
    """How shards are read. It can be pickled.

    limit: bytes of a file. suffix: of outputs that are files, else None. column, key_column: of Parquet files; None: a usual name. done: by source, what earlier runs have
    made of it, and the digests of the outputs. skip: leave that out, instead of passing it on with its digest.
    """

    stores: tuple[Store, ...]
    suffixes: frozenset[str]
    limit: int
    rows: int
    suffix: str | None = None
    column: str | None = None
    key_column: str | None = None
    done: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    skip: bool = False

    def __call__(self, table: Any) -> Iterator[Any]:
        """Yield tables of inputs (`input_schema`) for a table of shards."""
        for pickled in table["shard"].to_pylist():
            yield from self.blocks(pickle.loads(pickled))

    def blocks(self, shard: Entry) -> Iterator[Any]:
        """Yield tables of at most `rows` inputs of one shard, and about 8 MiB."""
        rows: list[dict[str, Any]] = []
        size = 0
        done = self.done.get(text(packed(shard.path)), {})
        for member in self.members(shard):
            key = text(packed(member.key))
            if key in done and member.error is None and self.skip:
                continue
            entry = replace(shard, key=member.key, error=member.error)
            origin = text(packed(f"{shard.store}:{shard.path}#{member.index}"))
            rows.append(input_row(entry, origin, done.get(key), self._name(member.key), member.data))
            size += len(member.data or b"")
            if len(rows) == self.rows or size >= BLOCK_BYTES:
                yield table_of(rows)
                rows, size = [], 0
        if rows:
            yield table_of(rows)

    def _name(self, key: str) -> str:
        """Return the name of the output of a file."""
        if self.suffix is None:
            return key
        stem, suffix = os.path.splitext(key)
        known = suffix.lower() in self.suffixes or suffix.lower() in PICTURE_SUFFIXES
        return (stem if known else key) + self.suffix

    def members(self, shard: Entry) -> Iterator[Member]:
        """Yield the files of a shard. An error of the shard itself is its last member, under the key of the shard."""
        index = 0
        try:
            store = self.stores[shard.store]
            with store.open(shard.path) as stream:
                read = self._of_parquet if shard.key.lower().endswith(PARQUET) else self._of_tar
                for member in read(shard, stream):
                    index = member.index + 1
                    yield member
        except SemError as error:
            yield Member(shard.key, index, None, error)
        except Exception as error:  # noqa: BLE001 - of a library that reads a damaged file
            what = f"{shown(shard.path)}: {reason(error)}"
            yield Member(shard.key, index, None, SemError(Code.CANNOT_READ, what, hint="fetch the file again"))

    def _of_tar(self, shard: Entry, stream: Any) -> Iterator[Member]:
        with tarfile.open(fileobj=stream, mode="r|*", tarinfo=_Strict) as tar:
            for index, info in enumerate(tar):
                stem, dot, suffix = info.name.removeprefix("./").rpartition(".")
                if not info.isreg() or f".{suffix.lower()}" not in self.suffixes or not dot:
                    continue
                key = f"{shard.stem}/{stem}"
                if info.size > self.limit:
                    yield Member(key, index, None, _too_long(info.name, self.limit))
                    continue
                body = tar.extractfile(info)
                yield Member(key, index, b"" if body is None else body.read())

    def _of_parquet(self, shard: Entry, stream: Any) -> Iterator[Member]:
        file = arrow().parquet.ParquetFile(stream)
        column = self.column or _bytes_column(file.schema_arrow)
        key_column = self.key_column or next((name for name in KEYS if name in file.schema_arrow.names), None)
        columns = [name for name in (column, key_column) if name is not None]
        if column is None or not set(columns) <= set(file.schema_arrow.names):
            lacking = next((name for name in columns if name not in file.schema_arrow.names), None)
            what = f"{shown(shard.path)} has no column {'of bytes' if lacking is None else shown(lacking)}"
            raise SemError(Code.CANNOT_READ, what, hint="name the columns with --column and --key-column")
        index = 0
        for batch in file.iter_batches(batch_size=self.rows, columns=columns):
            for row in batch.to_pylist():
                key = f"{shard.stem}/{index:08d}" if key_column is None else row[key_column]
                yield self._of_row(key, index, row[column])
                index += 1

    def _of_row(self, key: Any, index: int, value: Any) -> Member:
        if isinstance(value, Mapping):  # pictures of Hugging Face datasets
            value = value.get("bytes")
        key = key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key)
        if not isinstance(value, bytes):
            return Member(key, index, None, SemError(Code.CANNOT_READ, f"{shown(key)}: the row holds no bytes"))
        if len(value) > self.limit:
            return Member(key, index, None, _too_long(key, self.limit))
        return Member(key, index, value)


def input_schema() -> Any:
    """Return the schema of inputs on their way to a worker."""
    pa = arrow()
    kinds = {"key": pa.binary(), "name": pa.binary(), "origin": pa.string(), "source": pa.binary(), "store": pa.int32()}
    kinds |= {"version": pa.string(), "sha256": pa.string(), "data": pa.large_binary(), "failure": pa.binary()}
    return pa.schema(list(kinds.items()))


def table_of(rows: list[dict[str, Any]]) -> Any:
    """Return rows of inputs as a table."""
    return arrow().Table.from_pylist(rows, schema=input_schema())


def input_row(entry: Entry, origin: str, sha256: str | None, name: str, data: bytes | None = None) -> dict[str, Any]:
    """Return the row of an input. origin: its source and place there; sha256: of its output, if a run has made it."""
    return {
        "key": packed(entry.key),
        "name": packed(name),
        "origin": origin,
        "source": packed(entry.path),
        "store": entry.store,
        "version": entry.version,
        "sha256": sha256,
        "data": data,
        "failure": None if entry.error is None else pickle.dumps(Failure.of(entry.error)),
    }


def _bytes_column(schema: Any) -> str | None:
    """Return the first column of a usual name that holds bytes, or pictures as Hugging Face datasets have them."""
    types = arrow().types

    def holds_bytes(kind: Any) -> bool:
        if types.is_struct(kind):
            return any(kind.field(n).name == "bytes" for n in range(kind.num_fields))
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    return next((name for name in COLUMNS if name in schema.names and holds_bytes(schema.field(name).type)), None)


def _too_long(name: str, limit: int) -> SemError:
    return SemError(Code.LIMIT_FILE, f"{shown(name)} holds more than {limit} bytes")
