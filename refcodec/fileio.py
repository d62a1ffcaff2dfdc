# SPDX-License-Identifier: MIT
"""Read files up to a limit, and write files atomically.

Standard library only, so that `inspect` starts without numpy or Pillow. Errors of the file system raise a `SemError`:
Code.CANNOT_READ (101), CANNOT_WRITE (102), LIMIT_FILE (606) for a file beyond the limit.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import Any, BinaryIO, Final

from refcodec.descriptor_names import descriptor_of
from refcodec.errors import Code, SemError
from refcodec.replace_file import Times, replace_file, write_all

_CHUNK: Final = 1 << 20
_USER: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:/+)[^/?#\s]*@")  # and password, of a URL
SHOWN_MAX: Final = 1000  # characters of a name in a message


def shipped_data(package: str, name: str, sha256: str) -> bytes:
    """Return `data/name` of a package of this library. Raises Code.MODEL_DIGEST (SEM-E-802) for another digest."""
    import hashlib

    data = package_data(package, "data", name)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SemError(Code.MODEL_DIGEST, f"{name} is not the one of this release", hint="reinstall refcodec")
    return data


def package_data(package: str, *names: str) -> bytes:
    """Return the file `names` of a package of this library, also where it is imported from a zip archive."""
    import importlib

    spec: Any = importlib.import_module(package).__spec__
    data: bytes = spec.loader.get_data(os.path.join(os.path.dirname(spec.origin), *names))
    return data


def read_settings(path: str | os.PathLike[str], limit: int, what: str) -> bytes:
    """Return all bytes of a small file that an option or variable names, at most `limit`.

    It is a regular file or an open descriptor (/dev/stdin, /dev/fd/3): opening a pipe by its name may wait for ever, and
    a device may never end. what: the kind of file, such as "a file of prompts", for messages. Raises Code.CANNOT_READ
    (SEM-E-101), LIMIT_FILE (606).
    """
    name = path_text(path)
    try:
        mode = None if descriptor_of(name) is not None else os.stat(name).st_mode
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_READ, f"{shown(name)}: {_reason(error)}") from error
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise SemError(Code.CANNOT_READ, f"{shown(name)} is a pipe or a device", hint=f"name {what}")
    return read_bytes(name, limit, remedy=f"{what} has at most {limit} bytes")


def read_bytes(path: str | os.PathLike[str], limit: int, *, remedy: str | None = None) -> bytes:
    """Return all bytes of the file, pipe or device `path`, at most `limit`.

    A longer file is refused by its size, a pipe or device after `limit` + 1 bytes. remedy: of a longer one, if `limit` is
    not that of the level. Raises Code.CANNOT_READ (SEM-E-101) if it cannot be read, LIMIT_FILE (606) if it is longer.
    """
    name = path_text(path)
    try:
        with open(name, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > limit:
                raise _too_long(shown(name), limit, remedy)
            return _read(stream, limit, shown(name), size + 1, remedy)
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_READ, f"{shown(name)}: {_reason(error)}") from error


def read_stream(stream: BinaryIO, limit: int) -> bytes:
    """Return all bytes from the position of `stream` to its end, at most `limit`. Does not close it.

    Raises Code.CANNOT_READ (SEM-E-101) or LIMIT_FILE (606); TypeError for a text stream.
    """
    try:
        return _read(stream, limit, "the stream", _CHUNK)
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_READ, f"the stream: {_reason(error)}") from error


def write_atomic(
    path: str | os.PathLike[str],
    data: bytes | bytearray | memoryview,
    *,
    exclusive: bool = False,
    times: Times | None = None,
) -> None:
    """Write `data` to `path` completely, or leave the file as it was.

    The bytes go to a temporary file beside the target, which is synced and then renamed (`replace_file`, which says when
    a file is written in place). A new file has the mode of the umask, an existing one keeps its mode; of a symbolic link
    the target is replaced; pipes, devices and descriptors (/dev/stdout, /dev/fd/3) are written in place. No temporary
    file is left after an error or Ctrl-C, wherever that comes; a second Ctrl-C may end the removal. exclusive: refuse to
    replace anything. times: of access and modification in nanoseconds. Raises Code.CANNOT_WRITE (SEM-E-102).
    """
    name = path_text(path)
    view = memoryview(data).cast("B")
    try:
        if not os.path.basename(name):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if exclusive and os.path.lexists(name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        descriptor = descriptor_of(name)
        if descriptor is not None:
            with open(os.dup(descriptor), "wb", buffering=0) as stream:
                write_all(stream, view)
            return
        mode = _mode(name)
        if mode is None or stat.S_ISREG(mode):
            target = os.path.realpath(name) if os.path.islink(name) and not exclusive else name
            replace_file(target, view, exclusive=exclusive, times=times)
        else:
            with open(name, "wb", buffering=0) as device:
                write_all(device, view)
    except FileExistsError as error:
        hint = "name another file with -o, or replace it with --force"
        raise SemError(Code.CANNOT_WRITE, f"{shown(name)} is there already", hint=hint) from error
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_WRITE, f"{shown(name)}: {_reason(error)}") from error


def write_stream(stream: BinaryIO, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data` to `stream` and flush it, without closing it.

    Raises Code.CANNOT_WRITE (SEM-E-102); TypeError for a text stream.
    """
    try:
        write_all(stream, memoryview(data).cast("B"))
        stream.flush()
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_WRITE, f"the stream: {_reason(error)}") from error


def path_text(path: str | os.PathLike[str]) -> str:
    """Return the path as str. Raises TypeError for other types, such as numbers or bytes."""
    if isinstance(path, bytes):
        raise TypeError("a path is a str or os.PathLike, not bytes")
    return os.fsdecode(os.fspath(path))


def shown(name: str) -> str:
    """Return a path for a one-line message, escaped if it is not printable; shortened in the middle if no path is as long.

    Of a URL, user and password are left out.
    """
    name = _USER.sub(r"\1…@", name)
    if len(name) > SHOWN_MAX:
        name = f"{name[: SHOWN_MAX // 2]}…{name[-SHOWN_MAX // 2 :]}"
    return name if name and name.isprintable() else ascii(name)


def _read(stream: BinaryIO, limit: int, what: str, first_read: int, remedy: str | None = None) -> bytes:
    """Return all bytes of a stream. `first_read`: bytes to ask for first."""
    chunks: list[bytes] = []
    left, size = limit + 1, first_read
    while left:
        chunk = stream.read(min(size, left))
        if chunk is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        if not isinstance(chunk, bytes):
            raise TypeError(f"a binary stream gives bytes, not {type(chunk).__name__}")
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        left, size = left - len(chunk), _CHUNK
    raise _too_long(what, limit, remedy)


def _mode(name: str) -> int | None:
    """Return the mode of the file `name`, through links; None if it does not exist."""
    try:
        return os.stat(name).st_mode
    except FileNotFoundError:
        return None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())


def _too_long(what: str, limit: int, remedy: str | None) -> SemError:
    return SemError(Code.LIMIT_FILE, f"{what} holds more than {limit} bytes", hint=remedy)
