# SPDX-License-Identifier: MIT
"""The outcome of one case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from semrunner.answer import Answer
from semrunner.case import Case
from semrunner.manifest import WRITTEN


@dataclass(frozen=True)
class Verdict:
    """The outcome of one case."""

    case: Case
    tier: str  # that the decoder was asked for
    answer: Answer
    outcome: Literal["passed", "failed", "skipped"]
    why: str = ""  # reason, unless passed
    margins: tuple[tuple[str, float], ...] = ()
    unproven: bool = False  # the right rejection, but valid files get the same answer

    @property
    def tier_shown(self) -> str:
        """The tier under which the verdict is reported."""
        return self.tier if self.case.accepted and self.case.list not in WRITTEN else self.case.tier
