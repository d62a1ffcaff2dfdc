# SPDX-License-Identifier: MIT
"""Digests of the output of every layer and pass of a decode, to find where two decoders first differ.

Each SHA-256 is over the values in raster order as big-endian signed 64-bit integers.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any


class Tracer:
    """A `Trace` that records (name, digest) in order of computation."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def __call__(self, name: str, values: Any) -> None:
        self.entries.append((name, hashlib.sha256(values.astype(">i8").tobytes()).hexdigest()))

    def to_json(self, data: bytes) -> bytes:
        """Return the digest file for `data`, the bytes of a .sem file."""
        entries = [{"name": n, "sha256": d} for n, d in self.entries]
        document = {"format": "sem-trace", "file_sha256": hashlib.sha256(data).hexdigest(), "entries": entries}
        return (json.dumps(document, indent=1) + "\n").encode()

    def first_difference(self, other: list[tuple[str, str]]) -> str | None:
        """Return the name of the first entry that differs from `other`, None if all agree."""
        for mine, theirs in zip(self.entries, other, strict=False):
            if mine != theirs:
                return mine[0]
        if len(self.entries) != len(other):
            longer = max(self.entries, other, key=len)
            return longer[min(len(self.entries), len(other))][0]
        return None
