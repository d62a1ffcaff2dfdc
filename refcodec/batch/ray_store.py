# SPDX-License-Identifier: MIT
"""Files of batches, by local path or by fsspec URL: find them, read them, write each completely or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from refcodec.batch.outputs import make_folder
from refcodec.errors import Code, SemError
from refcodec.fileio import read_bytes, shown, write_atomic
from refcodec.temporary_files import new_name, remove_stale

URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(?:://|::)")
WHOLE: Final = (
    "s3",
    "s3a",
    "gs",
    "gcs",
    "abfs",
    "abfss",
    "az",
    "adl",
    "oss",
    "memory",
    "r2",
)  # an object appears complete
MEMORY: Final = "memory"


def is_url(name: str) -> bool:
    """Return whether a name is a URL of fsspec and not a local path; `file:` URLs are."""
    return URL.match(name) is not None


@dataclass(frozen=True)
class Store:
    """A folder or file, local or of a file system of fsspec. It can be pickled. root: as the caller named it."""

    root: str

    @property
    def is_local(self) -> bool:
        """Whether the files are reached by their local paths."""
        return not is_url(self.root)

    @property
    def in_process(self) -> bool:
        """Whether only this process has the files (`memory://`), so that no worker can read or write them."""
        return not self.is_local and MEMORY in _protocols(self._system)

    @cached_property
    def _located(self) -> tuple[Any, str]:
        import_fsspec()
        from fsspec.core import url_to_fs

        try:
            system, path = url_to_fs(self.root)
        except ImportError as error:
            what = f"{shown(self.root)}: {reason(error)}"
            raise SemError(Code.DEPENDENCY_MISSING, what, hint="install the package that it names with pip") from error
        except (ValueError, OSError) as error:
            raise SemError(Code.CANNOT_READ, f"{shown(self.root)}: {reason(error)}", hint="check the URL") from error
        return system, path

    @property
    def _system(self) -> Any:
        return self._located[0]

    def __getstate__(self) -> dict[str, str]:
        return {"root": self.root}

    def path(self, name: str) -> str:
        """Return the path of a file below the root, as the file system has it; "" is the root itself."""
        if self.is_local:
            return os.path.join(self.root, name) if name else self.root
        root = self._located[1]
        return f"{root.rstrip('/')}/{name}" if name else root

    def shown(self, name: str) -> str:
        """Return the name of a file below the root for people."""
        return shown(self.path(name) if self.is_local else f"{self.root.rstrip('/')}/{name}")

    def read(self, path: str, limit: int) -> bytes:
        """Return the bytes of a file, at most `limit`. Raises CANNOT_READ, LIMIT_FILE."""
        if self.is_local:
            return read_bytes(path, limit)
        try:
            data: bytes = self._system.cat_file(path, start=0, end=limit + 1)
        except Exception as error:  # file systems raise errors of their own
            raise unreadable(path, error) from error
        if len(data) > limit:
            raise SemError(Code.LIMIT_FILE, f"{shown(path)} holds more than {limit} bytes")
        return data

    def open(self, path: str) -> Any:
        """Return a binary stream to read a file with. Raises CANNOT_READ."""
        try:
            return open(path, "rb") if self.is_local else self._system.open(path, "rb")
        except Exception as error:
            raise unreadable(path, error) from error

    def write(self, name: str, data: bytes) -> None:
        """Write a file below the root, completely or not at all. Raises CANNOT_WRITE."""
        path = self.path(name)
        if self.is_local:
            make_folder(os.path.dirname(path))
            write_atomic(path, data)
            return
        try:
            folder = path.rpartition("/")[0]
            self._system.makedirs(folder, exist_ok=True)
            if set(WHOLE) & set(_protocols(self._system)):
                self._system.pipe_file(path, data)
                return
            self._move_in(f"{folder}/{new_name()}", path, data)
        except Exception as error:
            raise SemError(Code.CANNOT_WRITE, f"{self.shown(name)}: {reason(error)}") from error

    def _move_in(self, temporary: str, path: str, data: bytes) -> None:
        """Write a file under a temporary name and move it to its own; leave neither if that fails."""
        try:
            self._system.pipe_file(temporary, data)
            self._system.mv(temporary, path)
        except BaseException:
            with suppress(Exception):
                self._system.rm_file(temporary)
            raise

    def remove(self, name: str) -> None:
        """Remove a file below the root. Raises CANNOT_WRITE."""
        try:
            os.unlink(self.path(name)) if self.is_local else self._system.rm_file(self.path(name))
        except Exception as error:
            raise SemError(Code.CANNOT_WRITE, f"{self.shown(name)}: {reason(error)}") from error

    def names(self, folder: str = "") -> list[str]:
        """Return the names in a folder below the root, in order; none if there is no such folder. Raises CANNOT_READ."""
        path = self.path(folder)
        try:
            if self.is_local:
                remove_stale(path)
                return sorted(os.listdir(path)) if os.path.isdir(path) else []
            self._system.invalidate_cache()
            if not self._system.isdir(path):
                return []
            found = self._system.ls(path, detail=False)
        except Exception as error:
            raise unreadable(path, error) from error
        return sorted(each.rstrip("/").rpartition("/")[2] for each in found)

    def is_file(self) -> bool:
        """Return whether there is something at the root that is not a folder. Raises CANNOT_READ."""
        if self.is_local:
            return os.path.lexists(self.root) and not os.path.isdir(self.root)
        try:
            return bool(self._system.isfile(self.path("")))
        except Exception as error:
            raise unreadable(self.root, error) from error

    def time_ns(self, path: str) -> int | None:
        """Return the time of the last change of a file in nanoseconds, None if it is unknown or there is no file."""
        try:
            if self.is_local:
                return os.stat(path).st_mtime_ns
            return int(self._system.modified(path).timestamp() * 1e9)
        except Exception:  # noqa: BLE001 - not every file system has times
            return None

    def find(self) -> Iterator[tuple[str, str, str]]:
        """Yield (path, key, version) of the files that a URL names: a file, a folder with what is in it, or a pattern.

        key: the path below the folder, or below the part of a pattern that has no wildcard. Raises CANNOT_READ.
        """
        system, path = self._located
        try:
            system.invalidate_cache()
            if has_wildcards(path):
                found = {name: info for name, info in system.glob(path, detail=True).items() if info["type"] == "file"}
                top = path[: re.search(r"[*?\[]", path).start()].rpartition("/")[0]  # type: ignore[union-attr]
            elif system.isdir(path):
                found, top = system.find(path, detail=True), path.rstrip("/")
            else:
                found, top = {path: system.info(path)}, path.rpartition("/")[0]
        except Exception as error:
            raise unreadable(self.root, error) from error
        for name, info in sorted(found.items()):
            yield name, name[len(top) :].lstrip("/"), version_of(info)


def has_wildcards(name: str) -> bool:
    """Return whether a name is a pattern of names."""
    return any(character in name for character in "*?[")


def version_of(info: dict[str, Any]) -> str:
    """Return what changes with the contents of a file: its ETag, else its size and time."""
    tag = info.get("ETag") or info.get("etag") or info.get("md5Hash")
    if tag:
        return str(tag).strip('"')
    times = (info.get(name) for name in ("mtime", "LastModified", "last_modified", "updated", "created"))
    time = next((each for each in times if each is not None), "")
    return f"{info.get('size')}:{time}"


def local_version(path: str) -> str:
    """Return size and time of a local file, "" if it cannot be looked up."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"


def reason(error: BaseException) -> str:
    """Return what an error of a file system says, on one line."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return " ".join(text.split())


def unreadable(name: str, error: Exception) -> SemError:
    """Return the error of a file that cannot be read, for one of a file system."""
    return error if isinstance(error, SemError) else SemError(Code.CANNOT_READ, f"{shown(name)}: {reason(error)}")


def import_fsspec() -> Any:
    """Return the module. Raises DEPENDENCY_MISSING."""
    try:
        import fsspec
    except ImportError as error:
        raise missing("fsspec") from error
    return fsspec


def missing(name: str) -> SemError:
    """Return the error of a library of the extra `batch` that is not installed."""
    return SemError(
        Code.DEPENDENCY_MISSING,
        f"{name} cannot be imported",
        hint="install the extra that brings it: pip install 'refcodec[batch]'",
    )


def _protocols(system: Any) -> tuple[str, ...]:
    protocol = system.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
