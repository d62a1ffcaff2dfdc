# SPDX-License-Identifier: MIT
"""The embedded model `elic-small` as the vectors have it: what drives the coder, without the parts that paint and encode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

NAME: Final = "elic-small"
EMBEDDED: Final = Path(__file__).resolve().parents[2] / "refcodec" / "data" / "models" / NAME


def manifest() -> dict[str, Any]:
    """Its members but for the parts that are left out; `symbols` is as it was, since the digest is over it. This copy is CC0, as all vectors."""
    whole: dict[str, Any] = json.loads((EMBEDDED / "manifest.json").read_bytes())
    return {key: value for key, value in whole.items() if key not in ("painter", "encoder")} | {"licence": "CC0-1.0"}


def files() -> dict[str, bytes]:
    """The package, by file name."""
    text = json.dumps(manifest(), indent=1, ensure_ascii=False) + "\n"
    return {"manifest.json": text.encode(), "symbols.safetensors": (EMBEDDED / "symbols.safetensors").read_bytes()}
