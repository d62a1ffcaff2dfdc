# SPDX-License-Identifier: MIT
"""Unpack data folders of this library where it is imported from a zip archive."""

from __future__ import annotations

import atexit
import os
import shutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from refcodec.errors import Code, SemError
from refcodec.temporary_files import create_folder, remove_folders, remove_stale

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@lru_cache(maxsize=4)
def unpacked(package: str, *names: str) -> Path:
    """Return the folder `names` of a package, copied out of its archive into the temporary folder.

    The copy is removed when the process ends; that of a killed process by the next one. Raises Code.MODEL_UNAVAILABLE
    (SEM-E-801) if there is no temporary folder that can be written.
    """
    import tempfile
    from importlib.resources import files

    made: list[str] = []
    try:
        temporary = tempfile.gettempdir()
        remove_stale(temporary)
        _, folder = create_folder(temporary, made)  # locked until the process ends
        atexit.register(_remove, folder, os.getpid())
        target = Path(folder, names[-1])
        _copy(files(package).joinpath(*names), target)
    except BaseException as error:
        remove_folders(made)
        if not isinstance(error, OSError):
            raise
        what = f"the models of this program cannot be unpacked: {error.strerror or error}"
        hint = "set TMPDIR to a folder that can be written"
        raise SemError(Code.MODEL_UNAVAILABLE, what, path="model", hint=hint) from error
    return target


def _remove(folder: str, process: int) -> None:
    """Remove the copy at the end of the process that made it; a fork of it ends like it, and may end before."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Traversable, target: Path) -> None:
    os.mkdir(target)
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, target / entry.name)
        else:
            (target / entry.name).write_bytes(entry.read_bytes())
