# SPDX-License-Identifier: MIT
"""A ZIP archive whose bytes depend on its files alone: sorted, of one date, without owners or attributes of a system."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

UNIX: Final = 3  # the system that modes are of
MODE: Final = 0o100644


def write(path: Path, top: str, files: Mapping[str, bytes], seconds: float) -> None:
    """Write files, by their place below the folder `top`, dated `seconds` after 1970. Replaces `path` in one step."""
    date = time.gmtime(seconds)[:6]
    part = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(f"{top}/{name}", date)
                entry.create_system, entry.external_attr = UNIX, MODE << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, files[name], compresslevel=9)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
