# SPDX-License-Identifier: MIT
"""A mutant: a decoder with one thing wrong, the micro-decoder or, of tier P, refcodec as it is adapted to the suite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """`edits` change the micro-decoder's source: each first text, which stands there once, becomes the second. `patch`
    changes the module adapters/protocol_server.py, which is between decoder and runner.

    Tier P: `patch` changes the module adapters/refcodec.py, or what that calls, and there are no edits.
    """

    name: str
    wrong: str  # what is
    groups: tuple[str, ...] = ()  # of vectors, asked first: where it is likely to be caught
    edits: tuple[tuple[str, str], ...] = ()
    patch: Callable[[Any], None] | None = None
    timeout: float = 20.0  # seconds for an answer
    slow: bool = False  # whether it wastes time: a few failures are enough
    tier: str = "L"  # P: it paints, and is asked nothing but what takes a painter

    def change(self, source: str) -> str:
        """The source of the micro-decoder with the edits. ValueError where the source has changed below them."""
        for old, new in self.edits:
            if source.count(old) != 1:
                raise ValueError(f"mutant {self.name}: {old!r} stands {source.count(old)} times in the micro-decoder")
            source = source.replace(old, new)
        return source
