# SPDX-License-Identifier: MIT
"""One thread for numpy's products of matrices, which are small: networks run in blocks of rows.

OpenBLAS wakes its threads for matrices of a few hundred kB, and they spin while they wait for one another: on two cores
with other work, the networks of a small picture took 14 times the processor time of one thread, and as much longer. Its
number of threads is a setting of the process, and is put back. Other libraries (Accelerate, MKL) are left as they are.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from refcodec.process_settings import SharedSettings, Undo

_CORES: Final = ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath")  # from numpy 2 on, and before
_NAMES: Final = ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads")


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the block with one thread of OpenBLAS, in all threads of the program."""
    with _ONE_THREAD.changed():
        yield


def threads() -> int | None:
    """Return the threads that OpenBLAS may use now, None for another library."""
    functions = _functions()
    return None if functions is None else int(functions[0]())


@lru_cache(maxsize=1)
def _functions() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Return the functions that get and set the threads of the OpenBLAS that numpy uses, None for another library."""
    core = next((module for name in _CORES if (module := sys.modules.get(name)) is not None), None)
    try:
        library: Any = ctypes.CDLL(str(getattr(core, "__file__", None)))  # finds what it has loaded, too
    except OSError:
        return None
    for name in _NAMES:
        if hasattr(library, name.format("set")) and hasattr(library, name.format("get")):
            return getattr(library, name.format("get")), getattr(library, name.format("set"))
    return None


def _change() -> list[Undo]:
    functions = _functions()
    if functions is None or (before := functions[0]()) == 1:
        return []
    put = functions[1]
    put(1)
    return [lambda: put(before)]


_ONE_THREAD: Final = SharedSettings(_change)
