# SPDX-License-Identifier: MIT
"""Refuse, by Python's audit events, actions that reading an untrusted file does not need.

An audit hook sees what Python code does, not what native code does: it is a second safeguard behind the checks of the
files themselves. A hook cannot be removed; without a policy in force it returns at once.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any, Final

PROGRAMS: Final = (
    "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile", "pty.", "webbrowser.",
)  # fmt: skip
NETWORK: Final = (
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostby", "socket.getnameinfo", "socket.send",
    "urllib.", "http.client.", "ftplib.", "smtplib.", "imaplib.", "poplib.", "nntplib.", "telnetlib.",
)  # fmt: skip
CHANGES: Final = (
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate",
    "os.setxattr", "os.removexattr", "shutil.",
)  # fmt: skip
OBJECTS: Final = ("pickle.find_class",)
QUESTIONS: Final = ("builtins.input",)
CODE_SUFFIXES: Final = (".py", ".pyc", ".pyw", ".pyd", ".so", ".dll", ".dylib")
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CODE_EVENTS: Final = ("exec", "compile", "import", "ctypes.dlopen")


@dataclass(frozen=True)
class Policy:
    """What is refused. forbidden: beginnings of the names of audit events.

    writable: folders in which files may be written; None: everywhere. installed_code: code is taken from Python, installed
    packages and the search path only, and never from the folders `untrusted`. during: ends each message.
    """

    forbidden: tuple[str, ...] = ()
    writable: tuple[str, ...] | None = None
    installed_code: bool = False
    untrusted: tuple[str, ...] = ()
    during: str = "is not allowed"

    def check(self, event: str, args: tuple[Any, ...]) -> None:
        """Raise PermissionError for an action that is not allowed."""
        if event == "open":
            self._check_open(*args[:3])
        elif event in _CODE_EVENTS:
            self._check_code(event, args)
        elif event.startswith(self.forbidden) and not self._inside_writable(event, args):
            raise PermissionError(f"{event} {self.during}")

    def _check_open(self, name: Any, mode: Any, flags: Any) -> None:
        path = _path(name)
        if path is None:  # a descriptor that is open already
            return
        writing = (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITING)
        if writing and self.writable is not None and not _inside(path, self.writable) and path != os.devnull:
            raise PermissionError(f"open {self.during}")
        if not writing and self.installed_code and path.endswith(CODE_SUFFIXES):
            self._check_installed(path)

    def _check_code(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.installed_code:
            return
        name = args[0].co_filename if event == "exec" and isinstance(args[0], CodeType) else None
        if event in ("compile", "import"):
            name = args[1]
        elif event == "ctypes.dlopen":
            name = args[0]
        path = _path(name)
        if path is not None and os.path.isabs(path):  # not "<string>", "libc.so.6"
            self._check_installed(path)

    def _check_installed(self, path: str) -> None:
        if not _is_installed(path, tuple(sys.path)) or _inside(path, self.untrusted):
            raise PermissionError(f"running {os.path.basename(path)} {self.during}")

    def _inside_writable(self, event: str, args: tuple[Any, ...]) -> bool:
        """Return whether an event changes only files in a writable folder."""
        if not self.writable or not event.startswith(CHANGES):
            return False
        paths = [path for path in map(_path, args) if path is not None]
        return bool(paths) and all(_inside(path, self.writable) for path in paths)


def _path(name: Any) -> str | None:
    """Return a path as str; None if an event names no file."""
    if isinstance(name, str | bytes | os.PathLike):
        text = os.fsdecode(os.fspath(name))
        return text if text and not text.startswith("<") else None
    return None


def _inside(path: str, folders: tuple[str, ...]) -> bool:
    real = os.path.realpath(path)
    return any(real == folder or real.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)


@lru_cache(1 << 14)
def _is_installed(path: str, search_path: tuple[str, ...]) -> bool:
    """Return whether a file belongs to the system, to Python, or to a folder or archive of the search path."""
    return path.startswith(("/usr/", "/lib")) or _inside(path, _installed_folders(search_path))


@lru_cache(8)
def _installed_folders(search_path: tuple[str, ...]) -> tuple[str, ...]:
    own = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    own += [os.path.dirname(os.__file__), *(os.path.join(prefix, "lib") for prefix in (sys.prefix, sys.base_prefix))]
    folders = [*own, *(entry for entry in search_path if os.path.isabs(entry))]
    return tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders if folder))


class _InForce(threading.local):
    """The policies of this thread."""

    def __init__(self) -> None:
        self.policies: list[Policy] = []


_of_thread: Final = _InForce()
_of_process: Final[list[Policy]] = []
_hooked: Final[list[bool]] = []
_hooking: Final = threading.Lock()  # a second hook could not be removed


def _hook(event: str, args: tuple[Any, ...]) -> None:
    policies = _of_thread.policies
    if not policies and not _of_process:
        return
    for policy in (*_of_process, *policies):
        policy.check(event, args)


def _install() -> None:
    with _hooking:
        if not _hooked:
            sys.addaudithook(_hook)
            _hooked.append(True)


def refuse_in_process(policy: Policy) -> None:
    """Put a policy in force for all threads of this process; `allow_in_process` removes all of them."""
    _install()
    _of_process.append(policy)


def allow_in_process() -> None:
    """Remove the policies of this process; those of a thread's `refusing` blocks stay."""
    _of_process.clear()


@contextmanager
def refusing(policy: Policy) -> Iterator[None]:
    """Put a policy in force for this thread inside the block."""
    _install()
    _of_thread.policies.append(policy)
    try:
        yield
    finally:
        _of_thread.policies.pop()
