# SPDX-License-Identifier: MIT
"""Copy the embedded model `elic-small` without its painter and encoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

NAME: Final = "elic-small"
EMBEDDED: Final = Path(__file__).resolve().parents[3] / "refcodec" / "data" / "models" / NAME


def manifest() -> dict[str, Any]:
    """Return the members of its manifest without `painter` and `encoder`; `symbols`, and so the digest, is unchanged.

    The copy is under CC0 like all vectors.
    """
    members: dict[str, Any] = json.loads((EMBEDDED / "manifest.json").read_bytes())
    return {key: value for key, value in members.items() if key not in ("painter", "encoder")} | {"licence": "CC0-1.0"}


def files() -> dict[str, bytes]:
    """Return the files of the package by name."""
    text = json.dumps(manifest(), indent=1, ensure_ascii=False) + "\n"
    return {"manifest.json": text.encode(), "symbols.safetensors": (EMBEDDED / "symbols.safetensors").read_bytes()}
