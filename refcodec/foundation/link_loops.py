# SPDX-License-Identifier: MIT
"""Recognise links that lead in a circle: broken ones, on which os.DirEntry raises an error."""

from __future__ import annotations

import errno
import os
from typing import Final

_CANNOT_RESOLVE: Final = 1921  # of Windows: ERROR_CANT_RESOLVE_FILENAME


def is_loop(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a link that leads to itself, perhaps by others."""
    if not entry.is_symlink():
        return False
    try:
        os.stat(entry.path)
    except OSError as error:
        return error.errno == errno.ELOOP or getattr(error, "winerror", None) == _CANNOT_RESOLVE
    return False
