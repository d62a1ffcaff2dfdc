# SPDX-License-Identifier: MIT
"""Copy embedded models of kinds 5 and 7 without their painters and encoders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

NETWORKS: Final = ("elic-small", "elic-small-2")
TABLES: Final = ("vq-small", "vq-small-2")
NAMES: Final = (*NETWORKS, *TABLES)
EMBEDDED: Final = Path(__file__).resolve().parents[3] / "refcodec" / "data" / "models"


def manifest(name: str) -> dict[str, Any]:
    """Return the members of a manifest without `painter` and `encoder`; `symbols`, and so the digest, is unchanged.

    The copy is under CC0 like all vectors.
    """
    members: dict[str, Any] = json.loads((EMBEDDED / name / "manifest.json").read_bytes())
    return {key: value for key, value in members.items() if key not in ("painter", "encoder")} | {"licence": "CC0-1.0"}


def files(name: str) -> dict[str, bytes]:
    """Return the files of a package by name."""
    text = json.dumps(manifest(name), indent=1, ensure_ascii=False) + "\n"
    symbols = (EMBEDDED / name / "symbols.safetensors").read_bytes()
    return {"manifest.json": text.encode(), "symbols.safetensors": symbols}
