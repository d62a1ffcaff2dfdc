# SPDX-License-Identifier: MIT
"""Model packages whose painter (synthesis network) alone has a defect."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tools.vectors.build import MODELS
from tools.vectors.case import Output, Vectors
from tools.vectors.entry import common_members, error_members, file_members
from tools.vectors.models import package_files

PROBES: Final = {"elic-paint": "paint-rate-2", "sketch-paint": "paint-sketch-70x20"}  # unchecked files of the packages

PainterChange = Callable[[dict[str, Any], bytes], tuple[dict[str, Any] | None, bytes | None]]


@dataclass(frozen=True)
class InvalidPainter:
    """The package `base` with a defect of its painter: `change` maps (manifest entry, file) to others, None if absent."""

    id: str
    base: str
    error: int
    rules: tuple[int, ...]
    note: str
    change: PainterChange

    @property
    def folder(self) -> str:
        return f"models-bad/{self.id}"

    def build(self, vectors: Vectors) -> Output:
        probe = vectors.vector(PROBES[self.base]).data
        entry = {
            "id": self.id,
            "folder": self.folder,
            "file": f"{self.folder}/probe.sem",
            **file_members(probe),
            **common_members(self.rules, self.note),
            **error_members(self.error),
            "stage": "model",
            "repaired": f"models/{self.base}",
        }
        files = {f"{self.folder}/{name}": data for name, data in (self._package() | {"probe.sem": probe}).items()}
        return Output(files, (("painters", entry),))

    def _package(self) -> dict[str, bytes]:
        base = MODELS / self.base
        manifest = json.loads((base / "manifest.json").read_bytes())
        painter, weights = self.change(manifest.pop("painter"), (base / "painter.safetensors").read_bytes())
        text = package_files.manifest(self.id, manifest["symbols"], package_files.defect_notes(self.note))
        if painter is not None:
            member = f' "painter": {json.dumps(painter)},\n "symbols": {{\n'
            text = text.replace(b' "symbols": {\n', member.encode(), 1)
        files = {"manifest.json": text, "symbols.safetensors": (base / "symbols.safetensors").read_bytes()}
        return files | ({} if weights is None else {"painter.safetensors": weights})
