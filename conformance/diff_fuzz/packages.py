# SPDX-License-Identifier: MIT
"""Model packages (SPEC §12) in memory, to be changed and written without validation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diff_fuzz.files import canonical


@dataclass
class Package:
    """A model package; `raw_…` change the bytes of a part before it is written."""

    manifest: dict[str, Any]
    header: dict[str, Any]
    data: bytearray
    raw_manifest: Callable[[bytes], bytes] = bytes
    raw_header: Callable[[bytes], bytes] = bytes
    raw_file: Callable[[bytes], bytes] = bytes
    missing: set[str] = field(default_factory=set)

    @property
    def symbols(self) -> dict[str, Any]:
        symbols: dict[str, Any] = self.manifest["symbols"]
        return symbols

    def digest(self) -> bytes:
        """Return the digest of the symbol model; an arbitrary one if it cannot have any."""
        try:
            return hashlib.sha256(canonical(self.manifest["symbols"])).digest()
        except (KeyError, TypeError, ValueError):
            return b"\x5e" * 32

    def write(self, folder: Path) -> None:
        """Write the package into a new folder, except for the files in `missing`."""
        folder.mkdir(parents=True)
        header = self.raw_header(json.dumps(self.header).encode())
        parts = {
            "manifest.json": self.raw_manifest(
                json.dumps(self.manifest, ensure_ascii=False).encode("utf-8", "surrogatepass")
            ),
            "symbols.safetensors": self.raw_file(len(header).to_bytes(8, "little") + header + self.data),
        }
        for name, data in parts.items():
            if name not in self.missing:
                (folder / name).write_bytes(data)


def with_tensors(models: Path) -> list[Path]:
    """Return the packages of a suite that hold tensors: not those that are an identity alone (SPEC §12)."""
    return sorted(path.parent for path in models.glob("*/symbols.safetensors"))


def read(folder: Path) -> Package:
    """Read a valid package that holds tensors."""
    data = (folder / "symbols.safetensors").read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    return Package(
        json.loads((folder / "manifest.json").read_bytes()), json.loads(data[8:begin]), bytearray(data[begin:])
    )


def member_paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each member and item of a JSON value, at any depth."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for name, member in inner for p in ((*path, name), *member_paths(member, (*path, name)))]


def member_at(value: Any, path: tuple[Any, ...]) -> Any:
    """Return the member at a path."""
    for name in path:
        value = value[name]
    return value
