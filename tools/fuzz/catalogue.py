# SPDX-License-Identifier: MIT
"""List the fuzz targets, and import one."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from typing import Final

from tools.fuzz.target import Target

# name -> what it takes, in the order in which they are run: quick ones first
TARGETS: Final = {
    "frames": "zlib streams and zstd frames of captions",
    "folders": "models.json and configurations of foundation models",
    "registry": "registries as JSON",
    "caption": "caption bodies, and texts",
    "tables": "frequency tables",
    "read": "containers",
    "check": "damage that the keyed check must detect",
    "endpoint": "answers of endpoints",
    "text": "consonant text: reduced and restored",
    "symbols": "arguments of encode as JSON, and .npy files",
    "package": "model packages",
    "inspect": "inspect as text, JSON and page",
    "payload": "payloads of every kind",
    "picture": "pictures",
    "checkpoint": "checkpoints to import",
    "edit": "sections in and out, and exports",
    "javascript": "the decoder in JavaScript against refcodec",
}
NEEDS: Final = {"checkpoint": "torch", "folders": "torch", "javascript": "node"}  # what must be installed


def missing(name: str) -> str | None:
    """Return what a target needs and is not installed here, None if it can run."""
    needed = NEEDS.get(name)
    if needed is None:
        return None
    there = shutil.which(needed) if needed == "node" else importlib.util.find_spec(needed)
    return None if there else needed


def load(name: str) -> Target:
    """Return a target; KeyError for an unknown name."""
    if name not in TARGETS:
        raise KeyError(name)
    target: Target = importlib.import_module(f"tools.fuzz.targets.{name}").TARGET
    return target
