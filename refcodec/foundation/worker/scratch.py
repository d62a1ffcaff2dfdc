# SPDX-License-Identifier: MIT
"""Make and remove the folder in which a worker process may write: libraries create caches when they are imported."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import suppress
from typing import Final

PREFIX: Final = "refcodec-worker-"
_NAME: Final = re.compile(re.escape(PREFIX) + r"(\d+)-\w+")


def make() -> str:
    """Return a new empty folder; folders of callers that were killed are removed. Raises OSError."""
    folder = tempfile.gettempdir()
    with suppress(OSError):
        for entry in os.scandir(folder):
            name = _NAME.fullmatch(entry.name)
            if name is not None and entry.is_dir(follow_symlinks=False) and not _runs(int(name[1])):
                remove(entry.path)
    return os.path.realpath(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def remove(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    """Return whether a process with this number runs; True where that cannot be found out."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
