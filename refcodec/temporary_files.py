# SPDX-License-Identifier: MIT
"""Temporary files and folders beside what is written, each locked by the process that writes it.

A process that is killed leaves its temporary file behind. The next write into the folder removes it: a name of this
library, owned by this user, whose lock is free. The lock (flock) ends with the process, and is visible from other
containers and to other users of a network file system, where a process id is meaningless.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import suppress
from itertools import islice
from typing import Final

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and so nothing is taken for stale
    fcntl = None  # type: ignore[assignment]

NAME: Final = re.compile(r"\.sem-[0-9a-f]{16}\.tmp")
OLD: Final = ".old"  # suffix of what a new file or folder replaces, within a temporary folder
_FLAGS: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)
_LOOK: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_TRIES: Final = 9
_TAKEN: Final = "temporary files are removed as fast as they are created"


def create_file(folder: str, mode: int, made: list[str]) -> tuple[int, str]:
    """Create and lock an empty temporary file; return (descriptor, path). Raises OSError.

    made: receives each path before anything is there. A signal may raise an exception anywhere, even where this function
    returns: the caller removes what is at these paths after any exception.
    """
    for _ in range(_TRIES):
        path = os.path.join(folder, new_name())
        made.append(path)
        descriptor = os.open(path, _FLAGS, mode)
        if _taken(descriptor, path):
            return descriptor, path
        with suppress(OSError):  # another process has taken it for stale before it was locked
            os.unlink(path)
    raise FileExistsError(f"{folder}: {_TAKEN}")


def create_folder(folder: str, made: list[str]) -> tuple[int | None, str]:
    """Create and lock an empty temporary folder; return (descriptor of the lock or None, path). Raises OSError.

    made: as for a file.
    """
    for _ in range(_TRIES):
        path = os.path.join(folder, new_name())
        made.append(path)
        os.mkdir(path, 0o700)
        if fcntl is None:
            return None, path
        try:
            descriptor = os.open(path, os.O_RDONLY | _LOOK)
        except FileNotFoundError:  # another process has taken it for stale before it was opened
            continue
        if _taken(descriptor, path):
            return descriptor, path
        with suppress(OSError):  # as for a file
            os.rmdir(path)
    raise FileExistsError(f"{folder}: {_TAKEN}")


def remove_files(made: list[str]) -> None:
    """Remove the files of these paths that are there. Raises no error."""
    for path in made:
        with suppress(OSError):
            os.unlink(path)


def remove_folders(made: list[str]) -> None:
    """Remove the folders of these paths that are there, with all they hold. Raises no error."""
    for path in made:
        shutil.rmtree(path, ignore_errors=True)


def new_name() -> str:
    """Return a new name for a temporary file or folder."""
    return f".sem-{os.urandom(8).hex()}.tmp"


def remove_stale(folder: str, limit: int | None = None) -> None:
    """Remove temporary files and folders of processes that have ended. Looks at `limit` names; raises no error."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, limit):
            if NAME.fullmatch(entry.name):
                _remove_if_stale(entry.path)


def _remove_if_stale(path: str) -> None:
    if fcntl is None:
        return
    with suppress(OSError):
        kind = os.lstat(path).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            return
        access = os.O_RDONLY if stat.S_ISDIR(kind) else os.O_WRONLY  # NFS locks what is open for writing
        descriptor = os.open(path, access | _LOOK)
        try:
            status = os.fstat(descriptor)
            if status.st_uid != os.geteuid() or not _lock(descriptor) or not _is_at(descriptor, path):
                return
            if stat.S_ISDIR(status.st_mode):
                _restore(path)
                shutil.rmtree(path, ignore_errors=True)
            elif stat.S_ISREG(status.st_mode):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _restore(temporary: str) -> None:
    """Move back what a killed process had moved aside and not replaced."""
    for name in os.listdir(temporary):
        target = os.path.join(os.path.dirname(temporary), name.removesuffix(OLD))
        if name.endswith(OLD) and not os.path.lexists(target):
            os.rename(os.path.join(temporary, name), target)


def _lock(descriptor: int) -> bool | None:
    """Lock a file or folder until it is closed; False if another process has it, None if it cannot be locked here."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _taken(descriptor: int, path: str) -> bool:
    """Lock a new file or folder and return whether it is this process's; close it if it is not."""
    try:
        if _lock(descriptor) is not False and _is_at(descriptor, path):
            return True
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return False


def _is_at(descriptor: int, path: str) -> bool:
    """Return whether a path still leads to the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False
