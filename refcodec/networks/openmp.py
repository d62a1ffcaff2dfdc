# SPDX-License-Identifier: MIT
"""Threads of torch, chosen for the size of the work, in the calling thread alone.

torch computes with OpenMP, whose threads wait for one another by spinning: on a machine with other work, several threads
take ten times the processor time of one for a small picture. `torch.set_num_threads` is a setting of the process;
OpenMP's own call and MKL's concern the calling thread, and are used where torch's library has them.

The threads of a pool do not survive a fork, and OpenMP waits for them forever. A forked process therefore computes with
one thread, which needs no pool.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import torch

from refcodec.process_settings import SharedSettings, Undo

WORK: Final = 1 << 31  # multiplications that pay for one more thread: about a quarter of a second of a core
_LIBRARIES: Final = ("libtorch_cpu.so", "libtorch_cpu.dylib")
_PROCESS: Final = os.getpid()


@contextmanager
def threads_for(work: float) -> Iterator[None]:
    """Compute in the block with threads for `work` multiplications, no more than torch has in the calling thread.

    After a fork this is one thread.
    """
    available = torch.get_num_threads()  # also makes torch initialise this thread, which would undo what follows
    number = 1 if has_lost_its_pool() else int(max(1, min(available, work // WORK)))
    if number == available:
        yield
        return
    library = _library()
    if library is None:  # the setting of the process is touched only where torch would wait forever
        with threads_of_torch(number) if has_lost_its_pool() else nullcontext():
            yield
        return
    local = getattr(library, "MKL_Set_Num_Threads_Local", lambda _: 0)
    library.omp_set_num_threads(number)
    before = local(number)  # 0: the setting of the process applies
    try:
        yield
    finally:
        library.omp_set_num_threads(available)
        local(before)


@contextmanager
def threads_of_torch(number: int) -> Iterator[None]:
    """Set the number of threads of torch, in the process, for the block.

    The calling thread gets its own number back with the block, the process with the last block of any thread.
    """
    available = torch.get_num_threads()
    with _OF_PROCESS.changed():
        torch.set_num_threads(number)
        try:
            yield
        finally:
            torch.set_num_threads(available)


def _keep_number() -> list[Undo]:
    return [partial(torch.set_num_threads, torch.get_num_threads())]


_OF_PROCESS: Final = SharedSettings(_keep_number)


@lru_cache(maxsize=1)
def _library() -> Any:
    """Return the library with the OpenMP that torch uses, or None where it cannot be called."""
    folder = Path(torch.__file__).parent / "lib"
    for name in _LIBRARIES:
        with suppress(OSError):
            library = ctypes.CDLL(str(folder / name))
            if hasattr(library, "omp_set_num_threads"):
                return library
    return None


def has_lost_its_pool() -> bool:
    """Return whether the calling thread is one of a parent process, continued in this one by a fork."""
    return threading.current_thread() is threading.main_thread() and _is_fork(os.getpid())


@lru_cache(maxsize=1)
def _is_fork(process: int) -> bool:
    """Return whether a process began as a fork of one that had loaded torch, or may have.

    A process that has started a program has its own addresses in the auxiliary vector, a fork those of its parent.
    """
    if process != _PROCESS:
        return True
    try:
        parent = Path(f"/proc/{os.getppid()}/auxv").read_bytes()
        return Path("/proc/self/auxv").read_bytes() == parent
    except OSError:  # not Linux, or the parent has ended or belongs to another user
        return False
