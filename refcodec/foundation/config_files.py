# SPDX-License-Identifier: MIT
"""Read the JSON files of model folders, which are untrusted: regular files of a bounded size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

CONFIG_BYTES_MAX: Final = 1 << 24  # of a configuration, a chat template or an index of weights


def read_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file, None if it is absent, invalid or longer than CONFIG_BYTES_MAX."""
    try:
        if not path.is_file() or path.stat().st_size > CONFIG_BYTES_MAX:  # reading a pipe would block
            return None
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
