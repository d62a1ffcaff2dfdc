# SPDX-License-Identifier: MIT
"""The decoder's answer to one vector, the same for both protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

STATUS_OF_FAMILY = {
    "2": 3,
    "3": 3,
    "4": 3,
    "5": 3,
    "6": 6,
    "7": 4,
    "8": 5,
}  # first digit of a code -> exit status, SPEC §17


@dataclass(frozen=True)
class Answer:
    """One answer: `result` if accepted, `error` and `status` if rejected, `why` if skipped or broken."""

    verdict: Literal["accept", "reject", "skip", "broken"]
    result: Any = None
    error: str = ""
    status: int = 0
    why: str = ""
    seconds: float = 0.0

    @property
    def leaves_out(self) -> bool:
        """True if the decoder declines the file as unsupported."""
        return self.verdict == "skip" or self.error == "SEM-E-704"

    def summary(self) -> str:
        """Return the answer in a few words, for reports."""
        if self.verdict == "reject":
            return f"{self.error}, status {self.status}" if self.error else "refused"
        if self.verdict == "broken":
            return f"no valid answer: {self.why}"
        return "accepted" if self.verdict == "accept" else self.why


def broken(why: str) -> Answer:
    """Return an answer that violates the protocol."""
    return Answer("broken", why=why)


def rejected(error: str, status: int) -> Answer:
    """Return a rejection; a broken answer if the status is not that of the error's family."""
    expected = STATUS_OF_FAMILY.get(error[6:7])
    if expected is None:
        return broken(f"{error} with status {status}: decoders do not report errors of this family")
    if expected != status:
        return broken(f"{error} with status {status}: the status of its family is {expected}")
    return Answer("reject", error=error, status=status)
