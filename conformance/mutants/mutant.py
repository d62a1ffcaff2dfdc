# SPDX-License-Identifier: MIT
"""A mutant: a program with one error, made of the micro-decoder or, for tier P and writers, of refcodec and its adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """A decoder, encoder or editor with one error.

    `edits` replace text of the micro-decoder's source; each old text must occur once. `patch` changes the module
    adapters/protocol_server.py, or for tier P the module adapters/refcodec.py or functions that it calls,
    for encoders and editors the module adapters/refcodec_writer.py.
    """

    name: str
    wrong: str  # description of the error
    groups: tuple[str, ...] = ()  # groups of vectors that run first, as they are likely to fail
    edits: tuple[tuple[str, str], ...] = ()
    patch: Callable[[Any], None] | None = None
    timeout: float = 60.0  # seconds for each answer
    slow: bool = False  # whether failures take long, so that a few are enough
    tier: str = "L"  # P: reconstructs pictures, and runs vectors of tier P only
    role: str = "decoder"  # or `encoder`, `editor`

    def change(self, source: str) -> str:
        """Return the edited source of the micro-decoder. ValueError if an old text does not occur exactly once."""
        for old, new in self.edits:
            if source.count(old) != 1:
                raise ValueError(f"mutant {self.name}: {old!r} occurs {source.count(old)} times in the micro-decoder")
            source = source.replace(old, new)
        return source
