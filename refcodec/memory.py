# SPDX-License-Identifier: MIT
"""Memory of this machine and of its processes, as the system reports it. Standard library only."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def machine() -> int | None:
    """Return the bytes of memory that a process may have here: of the machine, its control group and its address space.

    None if that is unknown.
    """
    bounds = []
    with suppress(AttributeError, ValueError, OSError):
        bounds.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            bounds.append(int(Path(name).read_text("ascii")))
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        bounds += [soft] if soft != resource.RLIM_INFINITY else []
    return min((bound for bound in bounds if bound > 0), default=None)


def free() -> int | None:
    """Return the bytes of memory that no process needs now, of this machine and its control group; None if unknown."""
    available = _meminfo("MemAvailable:")
    if available is None:
        return None
    left = available + (_meminfo("SwapFree:") or 0)
    bound, used = _control_group("memory.max"), _control_group("memory.current")
    return left if bound is None or used is None else min(left, max(0, bound - used))


def _meminfo(name: str) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) << 10
    return None


def _control_group(name: str) -> int | None:
    with suppress(OSError, ValueError):  # "max": no bound
        return int(Path("/sys/fs/cgroup", name).read_text("ascii"))
    return None


def resident(pid: int | None = None) -> int:
    """Return the bytes of memory that a process, by default this one, occupies now; 0 if that is unknown."""
    return _statm(1, pid)


def address_space() -> int:
    """Return the bytes of address space that this process uses now; 0 if that is unknown."""
    return _statm(0)


def _statm(column: int, pid: int | None = None) -> int:
    with suppress(OSError, ValueError, IndexError, AttributeError):
        text = Path(f"/proc/{'self' if pid is None else pid}/statm").read_text("ascii")
        return int(text.split()[column]) * os.sysconf("SC_PAGE_SIZE")
    return 0
