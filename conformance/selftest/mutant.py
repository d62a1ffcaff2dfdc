# SPDX-License-Identifier: MIT
"""A mutant: the micro-decoder with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """`edits` change its source: each first text, which stands there once, becomes the second. `patch` changes the
    adapter's module `speak` after that, which is between decoder and runner."""

    name: str
    wrong: str  # what is
    groups: tuple[str, ...] = ()  # of vectors, asked first: where it is likely to be caught
    edits: tuple[tuple[str, str], ...] = ()
    patch: Callable[[Any], None] | None = None
    timeout: float = 20.0  # seconds for an answer
    slow: bool = False  # whether it wastes time: a few failures are enough

    def change(self, source: str) -> str:
        """The source of the micro-decoder with the edits. ValueError where the source has changed below them."""
        for old, new in self.edits:
            if source.count(old) != 1:
                raise ValueError(f"mutant {self.name}: {old!r} stands {source.count(old)} times in the micro-decoder")
            source = source.replace(old, new)
        return source
