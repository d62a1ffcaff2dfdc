# SPDX-License-Identifier: MIT
"""Digests of what every layer and pass of a decode gave, to find where two decoders part.

An entry's SHA-256 is over the values in raster order, each as a big-endian signed 64-bit integer.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any


class Tracer:
    """A `Trace` that keeps name and digest in order of computation."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def __call__(self, name: str, values: Any) -> None:
        self.entries.append((name, hashlib.sha256(values.astype(">i8").tobytes()).hexdigest()))

    def to_json(self, data: bytes) -> bytes:
        """The digest file of a .sem file's bytes."""
        entries = [{"name": n, "sha256": d} for n, d in self.entries]
        whole = {"format": "sem-trace", "file_sha256": hashlib.sha256(data).hexdigest(), "entries": entries}
        return (json.dumps(whole, indent=1) + "\n").encode()

    def parts_from(self, other: list[tuple[str, str]]) -> str | None:
        """The first entry that differs from `other`, by name; None where all agree."""
        for mine, theirs in zip(self.entries, other, strict=False):
            if mine != theirs:
                return mine[0]
        if len(self.entries) != len(other):
            longer = max(self.entries, other, key=len)
            return longer[min(len(self.entries), len(other))][0]
        return None
