# SPDX-License-Identifier: MIT
"""Report exceptions of Python: as an error of SPEC §17, such as too little memory, as a wrong argument, or as a bug."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from refcodec.errors import Code, SemError

MORE_MEMORY: Final = "use a machine with more"
_NO_MEMORY: Final = re.compile("failed to map segment|cannot allocate memory|out of memory", re.IGNORECASE)  # of dlopen
USAGE: Final = 2  # exit status for wrong arguments
BUG: Final = 1


def known_error(error: BaseException, *, more_memory: str = MORE_MEMORY, stream: str | None = None) -> SemError | None:
    """Return the `SemError` that an exception is or stands for, None for a wrong argument and for a bug.

    more_memory: the remedy for a `MemoryError`. stream: the output that an `OSError` without the name of a file is about,
    as it cannot be written.
    """
    if isinstance(error, SemError):
        return error
    if isinstance(error, MemoryError) or _lacks_memory(error):
        return SemError(Code.LIMIT_SYMBOLS, "this machine has too little memory for it", hint=more_memory)
    if isinstance(error, ImportError):
        name = _library(error)
        hint = None if name == "torch" else "install refcodec anew"
        return SemError(Code.DEPENDENCY_MISSING, f"{name} cannot be imported", hint=hint)
    if isinstance(error, OSError):
        of_stream = error.filename is None and stream is not None
        where = stream if of_stream else error.filename
        what = f"{where}: " if where is not None else ""
        code = Code.CANNOT_WRITE if of_stream else Code.CANNOT_READ
        return SemError(code, f"{what}{error.strerror or error}")
    return None


def causes(error: BaseException | None, *, contexts: bool = False) -> Iterator[BaseException]:
    """Yield an exception and those that it was raised from; contexts: also those during whose handling it was raised."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (error.__context__ if contexts else None)


def _lacks_memory(error: BaseException) -> bool:
    """Return whether a file or a library could not be opened for lack of memory."""
    for each in causes(error):
        if isinstance(each, OSError) and each.errno == errno.ENOMEM:
            return True
        if isinstance(each, MemoryError) or (isinstance(each, ImportError) and _NO_MEMORY.search(str(each))):
            return isinstance(error, ImportError | OSError)
    return False


def _library(error: ImportError) -> str:
    """Return the name of what cannot be imported; where no exception names it, the first line of the message."""
    names = [each.name for each in causes(error) if isinstance(each, ImportError) and each.name]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next(iter(names + lines), "a library")


def describe_bug(error: BaseException) -> str:
    """Return type, message and line of an unexpected exception."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = "" if frame is None else f" at {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
    return f"{type(error).__name__}: {error}{where}" if str(error) else f"{type(error).__name__}{where}"


def members_without_code(name: str, message: str, hint: str) -> dict[str, Any]:
    """Return the object of conformance/schema/error.schema.json for an error that is not one of a file."""
    return {"code": None, "name": name, "family": name, "message": message, "offset": None, "path": None, "hint": hint}
