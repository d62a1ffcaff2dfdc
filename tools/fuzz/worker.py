# SPDX-License-Identifier: MIT
"""One process of a campaign: one target, until it has run often or long enough, with its figures in figures.json.

python -m tools.fuzz.worker TARGET FOLDER ENGINE SEED RUNS SECONDS
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from tools.fuzz import engines
from tools.fuzz.execution import FINDINGS_MAX, REPORT, Executor, findings
from tools.fuzz.target import Target

FIGURES: Final = "figures.json"
INTERVAL: Final = 2.0  # seconds between two writes of the figures
CHECKED: Final = 64  # executions between two looks at the clock


class Campaign:
    """The bounds and the figures of one process. `runs` 0, or `seconds` 0: no such bound."""

    def __init__(self, folder: Path, runs: int, seconds: float) -> None:
        self.folder, self.runs, self.seconds = folder, runs, seconds
        self.started = self.written = 0.0
        self.target: Target | None = None

    def begin(self, target: Target) -> Executor:
        """Return the executor of a target, after open findings that no longer fail have been removed."""
        self.target = target
        executor = Executor(target, self.folder)
        executor.begin()
        for path in list(findings(self.folder)):
            if executor.execute(path.read_bytes()) is not None:
                path.unlink()
                path.with_suffix(REPORT).unlink(missing_ok=True)
        executor.outcomes.clear()
        executor.executions = 0
        self.started = time.monotonic()
        return executor

    def keep_going(self, executor: Executor) -> bool:
        """Return whether another execution is due; write the figures from time to time."""
        if self.runs and executor.executions >= self.runs:
            return False
        if len(executor.found) >= FINDINGS_MAX:
            return False
        if executor.executions % CHECKED:
            return True
        now = time.monotonic()
        if now - self.written > INTERVAL:
            self.write(executor, now)
        return not self.seconds or now - self.started < self.seconds

    def write(self, executor: Executor, now: float) -> None:
        """Write the figures of this process."""
        self.written = now
        figures: dict[str, Any] = {
            "executions": executor.executions,
            "seconds": round(now - self.started, 1),
            "outcomes": dict(executor.outcomes.most_common(40)),
            "worst_seconds": round(executor.worst_seconds, 4),
            "worst_memory": executor.worst_memory,
        }
        part = self.folder / f"{FIGURES}.part"
        part.write_text(json.dumps(figures), encoding="utf-8")
        part.replace(self.folder / FIGURES)

    def end(self, executor: Executor) -> None:
        """Write the figures and end the process at once, as libFuzzer does not return."""
        self.write(executor, time.monotonic())
        executor.target.close()
        sys.stdout.flush()
        os._exit(0)


def main(arguments: list[str]) -> int:
    name, folder, engine, seed, runs, seconds = arguments
    campaign = Campaign(Path(folder), int(runs), float(seconds))
    corpus = campaign.folder / "corpus"
    if engine == "atheris":
        engines.coverage_guided(name, int(seed), corpus, campaign.begin, campaign.keep_going, campaign.end)
    else:
        campaign.end(engines.random_changes(name, int(seed), corpus, campaign.begin, campaign.keep_going))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
