# SPDX-License-Identifier: MIT
"""Limit memory, files and core dumps of this process, and end it with its parent, where the system supports it."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from refcodec import memory

_PR_SET_PDEATHSIG: Final = 1
_HALF: Final = "500"  # thousandths of the memory of the machine
_ADDRESS_SPACE: Final = "RLIMIT_AS"


def end_first() -> None:
    """Have Linux end this process if memory runs out, unless another one takes more by half of the machine's."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_HALF, encoding="ascii")


def limit_address_space(growth: int | None, *, final: bool = False) -> None:
    """Limit the address space to the bytes in use and `growth` more. None: as far as the system allows.

    final: the limit cannot be raised again.
    """
    used = memory.address_space()
    if used:
        _limit(_ADDRESS_SPACE, None if growth is None else used + growth, final=final)


def limit_files(limit: int) -> None:
    """Limit the bytes of each file that is written, and write no core dumps."""
    with suppress(AttributeError):  # Windows
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _limit("RLIMIT_CORE", 0, final=True)
    _limit("RLIMIT_FSIZE", limit, final=True)


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
