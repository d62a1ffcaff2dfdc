# SPDX-License-Identifier: MIT
"""Choose between plain Python and the loops that numba compiles. Both give the same bytes."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, Final

# Importing numba and its compiled loops takes as long as coding about this many symbols in plain Python.
LOADING_VALUES_MIN: Final = 1 << 24
# Once they are loaded, they are faster unless the array is shorter than this.
CALLING_VALUES_MIN: Final = 1 << 8

_values_coded_in_python = 0


def compiled_loops(count: int, fast: bool | None) -> Any:
    """Return the module of compiled loops for an array of `count` values, or None for plain Python.

    With fast=None, numba is loaded as soon as the process has coded LOADING_VALUES_MIN values without it.
    """
    global _values_coded_in_python
    if fast is None:
        _values_coded_in_python += count
        fast = count >= CALLING_VALUES_MIN and _values_coded_in_python >= LOADING_VALUES_MIN
    return _kernels() if fast else None


def will_repeat(times: int) -> None:
    """Count what the process has coded so far this many times: it will code as much again for each of many files."""
    global _values_coded_in_python
    _values_coded_in_python *= times


@lru_cache(maxsize=1)
def _kernels() -> Any:
    """Return the module of compiled loops, None without numba or with SEM_NO_NUMBA=1 in the environment."""
    if os.environ.get("SEM_NO_NUMBA") == "1":
        return None
    try:
        from refcodec.entropy import rangecoder_numba as kernels
    except Exception:  # absent, too old for this Python, or unable to compile here: plain Python gives the same bytes
        return None
    return kernels
