# SPDX-License-Identifier: MIT
"""Use Linux's Landlock to give up running programs, writing files and opening connections, in native code, too."""

from __future__ import annotations

import os
import struct
import sys
from contextlib import suppress
from typing import Any, Final

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # numbers of the system calls, on all architectures
_VERSION: Final = 1  # flag: return the version
_NO_NEW_PRIVILEGES: Final = 38
_PATH_BENEATH: Final = 1
# reading stays as it is; the last two are rights of versions 2 and 3
_EXECUTE, _WRITE, _REMOVE_AND_MAKE, _REFER, _TRUNCATE = 1 << 0, 1 << 1, 0x1FF << 4, 1 << 13, 1 << 14
_TCP: Final = 3  # bind and connect, of version 4
_DEVICES: Final = "/dev"  # a GPU, /dev/null


def restrict(writable: str) -> bool:
    """Give up programs, files and connections for this thread and those that it starts; return whether that worked.

    The folder `writable` and devices can still be written. Call before other threads are started.
    """
    if sys.platform != "linux":
        return False
    with suppress(OSError, AttributeError, ImportError):
        return _restrict(writable)
    return False


def _restrict(writable: str) -> bool:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    version = _call(libc, _CREATE, None, 0, _VERSION)
    if version < 1:
        return False
    writing = _WRITE | _REMOVE_AND_MAKE | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    handled = struct.pack("=QQ", writing | _EXECUTE, _TCP)[: 16 if version >= 4 else 8]
    ruleset = _call(libc, _CREATE, handled, len(handled), 0)
    if ruleset < 0:
        return False
    try:
        for folder in (writable, _DEVICES):
            if not _allow(libc, ruleset, folder, writing):
                return False
        privileges = libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(privileges == 0 and _call(libc, _RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: Any, ruleset: int, folder: str, rights: int) -> bool:
    descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        return _call(libc, _ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0) == 0
    finally:
        os.close(descriptor)


def _call(libc: Any, number: int, *arguments: int | bytes | None) -> int:
    import ctypes

    return int(libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)))
