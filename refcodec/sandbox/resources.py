# SPDX-License-Identifier: MIT
"""Limit memory, files and core dumps of this process, and end it with its parent, where the system supports it."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_HALF: Final = "500"  # thousandths of the memory of the machine
_ADDRESS_SPACE: Final = "RLIMIT_AS"


def address_space() -> int | None:
    """Return the bytes of address space in use; None where it is not known."""
    return _statm(0)


def resident(pid: int) -> int | None:
    """Return the bytes of memory that a process occupies; None where it is not known."""
    return _statm(1, pid)


def _statm(column: int, pid: int | None = None) -> int | None:
    try:
        text = Path(f"/proc/{'self' if pid is None else pid}/statm").read_text(encoding="ascii")
        return int(text.split()[column]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def free_memory() -> int | None:
    """Return the bytes of memory that no process needs now, of this machine and its control group; None if unknown."""
    free = _meminfo("MemAvailable:"), _control_group("memory.max"), _control_group("memory.current")
    if free[0] is None:
        return None
    left = free[0] + (_meminfo("SwapFree:") or 0)
    return left if free[1] is None or free[2] is None else min(left, max(0, free[1] - free[2]))


def _meminfo(name: str) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) << 10
    return None


def _control_group(name: str) -> int | None:
    with suppress(OSError, ValueError):  # "max": no bound
        return int(Path("/sys/fs/cgroup", name).read_text(encoding="ascii"))
    return None


def end_first() -> None:
    """Have Linux end this process if memory runs out, unless another one takes more by half of the machine's."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_HALF, encoding="ascii")


def limit_address_space(growth: int | None, *, final: bool = False) -> None:
    """Limit the address space to what is in use and `growth` bytes more. None: as far as the system allows.

    final: the limit cannot be raised again.
    """
    used = address_space()
    if used is not None:
        _limit(_ADDRESS_SPACE, None if growth is None else used + growth, final=final)


def limit_files(most: int) -> None:
    """Limit the length of each file that is written, and write no core dumps."""
    with suppress(AttributeError):  # Windows
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _limit("RLIMIT_CORE", 0, final=True)
    _limit("RLIMIT_FSIZE", most, final=True)


def _limit(name: str, bound: int | None, *, final: bool) -> None:
    try:
        import resource
    except ImportError:
        return
    with suppress(OSError, ValueError, AttributeError):
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        soft = hard if bound is None else bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (soft, soft if final else hard))


def end_with_parent() -> None:
    """Have Linux end this process when the thread that started it ends."""
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError, ImportError):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
