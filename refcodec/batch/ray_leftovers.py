# SPDX-License-Identifier: MIT
"""Remove the temporary files of workers that Ray has killed, as it does when a run ends early."""

from __future__ import annotations

import os
import time

from refcodec.batch.ray_cluster import REMOVAL_S, REMOVALS
from refcodec.temporary_files import NAME, remove_stale


def remove_leftovers(root: str) -> None:
    """Remove temporary files below a folder whose processes have ended; wait some seconds for those that are ending."""
    for _ in range(REMOVALS):
        if not _temporary_below(root):
            return
        time.sleep(REMOVAL_S)


def _temporary_below(root: str) -> bool:
    """Remove what can be removed, and return whether there are temporary files of running processes."""
    found = False
    for folder, _, names in os.walk(root):
        if any(map(NAME.fullmatch, names)):
            remove_stale(folder)
            found = found or any(os.path.lexists(os.path.join(folder, name)) for name in names if NAME.fullmatch(name))
    return found
