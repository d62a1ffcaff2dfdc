# SPDX-License-Identifier: MIT
"""Whether the loops that numba compiles are worth loading for an array of symbols. Both paths give the same bytes."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, Final

# Importing numba and fetching its compiled loops takes as long as plain Python needs for about this many symbols.
LOADING_PAYS: Final = 1 << 20
# Once they are there, only a short array is not worth the conversions around the call.
CALLING_PAYS: Final = 1 << 8

_values_coded_in_python = 0


def compiled_loops(count: int, fast: bool | None) -> Any:
    """The module of compiled loops, or None where plain Python is to code this array of `count` values.

    numba is loaded once the process has coded so much without it that having loaded it would have been as quick.
    """
    global _values_coded_in_python
    if fast is None:
        _values_coded_in_python += count
        fast = count >= CALLING_PAYS and _values_coded_in_python >= LOADING_PAYS
    return _kernels() if fast else None


@lru_cache(maxsize=1)
def _kernels() -> Any:
    """None without numba, or with SEM_NO_NUMBA=1 in the environment."""
    if os.environ.get("SEM_NO_NUMBA") == "1":
        return None
    try:
        from refcodec.entropy import rangecoder_numba as kernels
    except Exception:  # absent, too old for this Python, or unable to compile here: plain Python gives the same bytes
        return None
    return kernels
