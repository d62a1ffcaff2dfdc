# SPDX-License-Identifier: MIT
"""What a decoder can say of a file, in either protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

STATUS_OF = {
    "2": 3,
    "3": 3,
    "4": 3,
    "5": 3,
    "6": 6,
    "7": 4,
    "8": 5,
}  # SPEC §17: of a family, the first digit of its codes


@dataclass(frozen=True)
class Answer:
    """`result`: of a file that was read. `error`, `status`: of one that was rejected. `why`: of all else."""

    verdict: Literal["accept", "reject", "skip", "broken"]
    result: Any = None
    error: str = ""
    status: int = 0
    why: str = ""
    seconds: float = 0.0

    @property
    def leaves_out(self) -> bool:
        return self.verdict == "skip" or self.error == "SEM-E-704"

    def shown(self) -> str:
        if self.verdict == "reject":
            return f"{self.error}, status {self.status}"
        return "accepted" if self.verdict == "accept" else self.why


def broken(why: str) -> Answer:
    return Answer("broken", why=why)


def rejected(error: str, status: int) -> Answer:
    """A code with its own status, or what is wrong with them."""
    if STATUS_OF.get(error[6:7]) != status:
        return broken(f"{error} with status {status}, which is not that of its family")
    return Answer("reject", error=error, status=status)
