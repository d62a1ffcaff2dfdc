# SPDX-License-Identifier: MIT
"""Check that outputs can be written, before long work starts. Standard library only; nothing is created or changed."""

from __future__ import annotations

import errno
import os
import stat

from refcodec.errors import Code, SemError
from refcodec.fileio import shown

_FULL_DEVICE = (1, 7)  # /dev/full of Linux, on which every write fails


def probe_file(name: str) -> None:
    """Check that a file can be created or replaced. Raises Code.CANNOT_WRITE (SEM-E-102)."""
    try:
        target = os.path.realpath(name)
        try:
            status = os.stat(target)
        except FileNotFoundError:
            _require_writable(os.path.dirname(target), os.W_OK | os.X_OK)
        else:
            _refuse_full_device(status)
            if stat.S_ISSOCK(status.st_mode):
                raise _error(errno.ENXIO)
            _require_writable(target, os.W_OK)
    except (OSError, ValueError) as error:
        raise _cannot_write(name, error) from error


def probe_folder(name: str) -> None:
    """Check that files can be written into a folder, which may be absent. Raises Code.CANNOT_WRITE (SEM-E-102)."""
    try:
        path = _existing(os.path.abspath(name))
        if not stat.S_ISDIR(os.stat(path).st_mode):
            raise _error(errno.ENOTDIR)
        _require_writable(path, os.W_OK | os.X_OK)
    except (OSError, ValueError) as error:
        raise _cannot_write(name, error) from error


def _existing(path: str) -> str:
    """Return a path, or the nearest folder above it that is there. Raises OSError for a path that cannot exist."""
    while True:
        try:
            os.lstat(path)
        except FileNotFoundError:
            path = os.path.dirname(path)
        else:
            return path


def probe_descriptor(number: int) -> None:
    """Check that an open descriptor can be written. Raises Code.CANNOT_WRITE (SEM-E-102)."""
    try:
        _refuse_full_device(os.fstat(number))
        if not _is_writable(number):
            raise _error(errno.EBADF)
    except OSError as error:
        what = "standard output" if number == 1 else f"descriptor {number}"
        raise _cannot_write(what, error) from error


def _is_writable(number: int) -> bool:
    """Return whether a descriptor was opened for writing, also where the system cannot tell."""
    try:
        import fcntl
    except ImportError:
        return True
    return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def _refuse_full_device(status: os.stat_result) -> None:
    """Raise the OSError of a write to /dev/full."""
    device = (os.major(status.st_rdev), os.minor(status.st_rdev)) if hasattr(os, "major") else None
    if stat.S_ISCHR(status.st_mode) and device == _FULL_DEVICE:
        raise _error(errno.ENOSPC)


def _require_writable(path: str, access: int) -> None:
    """Raise OSError for a file or folder that this process cannot write to."""
    if os.access(path, access):
        return
    os.stat(path)  # absent, or in a folder that may not be searched
    read_only = hasattr(os, "statvfs") and os.statvfs(path).f_flag & getattr(os, "ST_RDONLY", 0)
    raise _error(errno.EROFS if read_only else errno.EACCES)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _cannot_write(name: str, error: Exception) -> SemError:
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())
    return SemError(Code.CANNOT_WRITE, f"{shown(name)}: {reason}")
