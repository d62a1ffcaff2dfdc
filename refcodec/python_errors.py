# SPDX-License-Identifier: MIT
"""Exceptions of Python that stand for an error of SPEC §17: too little memory, a library or a file that is not there."""

from __future__ import annotations

from typing import Final

from refcodec.errors import Code, SemError

MORE_MEMORY: Final = "use a machine with more"


def known_error(error: BaseException, *, more_memory: str = MORE_MEMORY, stream: str | None = None) -> SemError | None:
    """Return the `SemError` that an exception is or stands for, None for a wrong argument and for a bug.

    more_memory: the remedy for a `MemoryError`. stream: the output that an `OSError` without the name of a file is about,
    as it cannot be written.
    """
    if isinstance(error, SemError):
        return error
    if isinstance(error, MemoryError):
        return SemError(Code.LIMIT_SYMBOLS, "this machine has too little memory for it", hint=more_memory)
    if isinstance(error, ImportError):
        hint = None if error.name == "torch" else "install refcodec anew"
        return SemError(Code.DEPENDENCY_MISSING, f"{error.name or error} cannot be imported", hint=hint)
    if isinstance(error, OSError):
        of_stream = error.filename is None and stream is not None
        where = stream if of_stream else error.filename
        what = f"{where}: " if where is not None else ""
        code = Code.CANNOT_WRITE if of_stream else Code.CANNOT_READ
        return SemError(code, f"{what}{error.strerror or error}")
    return None
