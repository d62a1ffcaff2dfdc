# SPDX-License-Identifier: MIT
"""The keyed check: damage that leaves a file decodable is detected, but for what chance explains with 16 bits."""

from __future__ import annotations

from functools import lru_cache

from tools.fuzz import undetected
from tools.fuzz.mutators import plain
from tools.fuzz.target import Target, require
from tools.fuzz.valid_files import files

TALLY = undetected.Tally()


@lru_cache(maxsize=1)
def _known() -> set[undetected.Part]:
    return undetected.known_parts(files())


def run(data: bytes) -> str:
    """Decode a file that was damaged without regard for its check."""
    outcome = undetected.examine(data, _known(), TALLY)
    excess = TALLY.excess()
    require(excess is None, excess or "")
    return outcome


TARGET = Target("check", files, run, plain.mutate, suffix=".sem", max_bytes=512)
