# SPDX-License-Identifier: MIT
"""Replace a file completely or not at all; where it cannot be replaced, write it in place.

A replacement is a new file that is synced and renamed. Some files cannot be replaced, though they may be written: a file
that is mounted on its own (EBUSY), one in a folder without write permission or with the sticky bit, one whose owner, group
or access list a new file of this process cannot have. Those are written in place: room is allocated first, and the old
contents are written back after an error, but a reader may see a mixture, and a kill or power failure may leave one.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import BinaryIO, Final

from refcodec.temporary_files import create_file, remove_files, remove_stale

Times = tuple[int, int]  # of access and modification, in nanoseconds

# Errors of creating or renaming a file beside the target that do not keep the target itself from being written.
_NOT_REPLACEABLE: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV, errno.ENAMETOOLONG, errno.ETXTBSY}
)
_NO_HARD_LINKS: Final = frozenset(
    {errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EXDEV}
)
_BACKUP_MAX: Final = 1 << 28  # bytes of old contents that are kept in memory while a file is written in place
_ENTRIES_MAX: Final = 1 << 16  # names of a folder that one write searches for stale temporary files
_XATTR_PREFIXES: Final = ("user.", "system.posix_acl_access")


class _Irreplaceable(Exception):
    """The new file cannot be given the owner or access list of the old one."""


def replace_file(target: str, view: memoryview, *, exclusive: bool = False, times: Times | None = None) -> None:
    """Write `view` to the regular file `target`, which may be absent. Raises OSError.

    exclusive: raise FileExistsError if there is anything of that name. times: of the file; None: now. A new file has the
    mode of the umask; an existing one keeps mode, owner, group, access list and user attributes. Of several hard links
    only this one changes.
    """
    status = None if exclusive else _status(target)
    if status is not None and not os.access(target, os.W_OK):  # a rename would override a file's write protection
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    folder = os.path.dirname(target) or os.curdir
    remove_stale(folder, _ENTRIES_MAX)
    try:
        _replace(target, folder, view, status, exclusive, times)
    except _Irreplaceable:
        write_in_place(target, view, times)
    except OSError as error:
        if status is None or error.errno not in _NOT_REPLACEABLE:
            raise
        write_in_place(target, view, times)


def write_all(stream: BinaryIO, view: memoryview) -> None:
    """Write all of `view` to an unbuffered or buffered stream. Raises OSError, BlockingIOError for one without room."""
    while view:
        count = stream.write(view)
        if count is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        view = view[count:]


def _replace(
    target: str, folder: str, view: memoryview, status: os.stat_result | None, exclusive: bool, times: Times | None
) -> None:
    made: list[str] = []
    try:
        try:
            _write_beside(target, folder, view, status, exclusive, times, made)
        finally:
            remove_files(made)  # none is left but after an error
    except BaseException:
        remove_files(made)  # again, since a signal may have ended the first removal
        raise
    _sync_folder(folder)


def _write_beside(
    target: str,
    folder: str,
    view: memoryview,
    status: os.stat_result | None,
    exclusive: bool,
    times: Times | None,
    made: list[str],
) -> None:
    """Write a temporary file and give it its name. made: as of `create_file`."""
    mode = 0o666 if status is None else stat.S_IMODE(status.st_mode) & 0o777
    descriptor, temporary = create_file(folder, mode, made)
    with open(descriptor, "wb", buffering=0) as stream:
        write_all(stream, view)
        if status is not None:
            _copy_status(target, temporary, status)
        if times is not None:
            os.utime(temporary, ns=times)
        os.fsync(stream.fileno())
        if exclusive:
            _link(temporary, target)
        else:
            os.replace(temporary, target)  # while it is locked: no other process takes it for stale


def _copy_status(target: str, temporary: str, status: os.stat_result) -> None:
    """Give a new file owner, group, mode, access list and user attributes of the old one. Raises _Irreplaceable."""
    new = os.stat(temporary)
    if (new.st_uid, new.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.chown(temporary, status.st_uid, status.st_gid)
        except OSError as error:
            raise _Irreplaceable from error
    with suppress(OSError):  # some file systems have no modes
        os.chmod(temporary, stat.S_IMODE(status.st_mode) & 0o777)
    if not hasattr(os, "listxattr"):
        return
    try:
        names = [name for name in os.listxattr(target) if name.startswith(_XATTR_PREFIXES)]
    except OSError:  # some file systems have no attributes
        return
    try:
        for name in names:
            os.setxattr(temporary, name, os.getxattr(target, name))
    except OSError as error:
        raise _Irreplaceable from error


def _link(temporary: str, target: str) -> None:
    """Give a temporary file its name unless that is taken. Raises FileExistsError."""
    try:
        os.link(temporary, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_HARD_LINKS:
            raise
        _take_name(temporary, target)
    else:
        os.unlink(temporary)


def _take_name(temporary: str, target: str) -> None:
    """Give a temporary file its name where there are no hard links: an empty file takes it first. Raises FileExistsError."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        os.replace(temporary, target)
    except FileExistsError:
        raise
    except BaseException:  # a signal may raise before it is known that the name is taken: what is empty is ours
        with suppress(OSError):
            if os.path.exists(temporary) and not os.lstat(target).st_size:
                os.unlink(target)
        raise


def write_in_place(target: str, view: memoryview, times: Times | None = None) -> None:
    """Write `view` over the existing file `target`; write its old contents back after an error. Raises OSError."""
    descriptor, old = _open_existing(target)
    with open(descriptor, "r+b" if old is not None else "wb", buffering=0) as stream:
        try:
            _allocate(descriptor, len(view))
            stream.seek(0)
            write_all(stream, view)
            stream.truncate(len(view))
            os.fsync(descriptor)
        except BaseException:
            if old is not None:
                with suppress(OSError):
                    stream.seek(0)
                    write_all(stream, memoryview(old))
                    stream.truncate(len(old))
                    os.fsync(descriptor)
            raise
    if times is not None:
        os.utime(target, ns=times)


def _open_existing(target: str) -> tuple[int, bytes | None]:
    """Return a descriptor of an existing file, and its contents unless they are too long or may not be read."""
    flags = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(target, os.O_RDWR | flags)
    except PermissionError:
        return os.open(target, os.O_WRONLY | flags), None
    try:
        if os.fstat(descriptor).st_size > _BACKUP_MAX:
            return descriptor, None
        with open(descriptor, "rb", closefd=False) as stream:
            return descriptor, stream.read()
    except BaseException:
        os.close(descriptor)
        raise


def _allocate(descriptor: int, size: int) -> None:
    """Allocate room for `size` bytes, so that a full disk is found before anything is overwritten."""
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENODEV):
                raise


def _status(target: str) -> os.stat_result | None:
    try:
        return os.stat(target)
    except FileNotFoundError:
        return None


def _sync_folder(folder: str) -> None:
    """Sync a folder, so that a rename survives a power failure, if the system supports it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
