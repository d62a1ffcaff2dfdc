# SPDX-License-Identifier: MIT
"""One question to a program, with the answer that is expected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semrunner.manifest import TIERS, WRITTEN


@dataclass(frozen=True)
class Case:
    """One file to give to a decoder, or one input of an encoder or editor, and the expected answer."""

    id: str
    list: str  # of the manifest: `vectors`, `models`, `registries`, `painters`, or one of WRITTEN
    group: str
    tier: str
    rules: tuple[str, ...]
    note: str
    file: bytes
    models: Path  # a model package or a folder of them, the only place to look for models
    asked: str  # `symbols` or `embedding`
    expected: dict[str, Any] | None  # None: the file must be rejected
    error: str = ""  # code of the rejection
    status: int = 0  # exit status of the rejection
    kinds: frozenset[str] = frozenset()  # payload kinds and foreign modes in the file: what a decoder may leave out
    reference: bytes = b""  # samples of the picture, in tier P
    registry: Path | None = None  # in place of the suite's usual registry
    base: str = ""  # id of the valid case that an invalid one is made from, if it is in the suite
    files: tuple[str, ...] = ()  # paths of the dump and the trace beside the vector, if there are any
    operation: str = ""  # of an editor, as JSON

    @property
    def accepted(self) -> bool:
        return self.expected is not None

    def tier_for(self, decoder: str) -> str | None:
        """Return the tier to ask a decoder of tier `decoder` for; None for an error that it cannot reach.

        Valid files of higher tiers are asked for as well, at tier L or H.
        """
        reachable = TIERS.index(self.tier) <= TIERS.index(decoder)
        if self.list in WRITTEN:
            return decoder if reachable else None
        if self.accepted:
            return self.tier if reachable else "L" if decoder == "L" else "H"
        return decoder if reachable else None
