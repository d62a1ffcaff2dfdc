# SPDX-License-Identifier: MIT
"""Run targets in processes of their own, several at once, start ended ones again, and summarise each in JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tools.fuzz.execution import current, findings, replay_command, save
from tools.fuzz.target import ROOT
from tools.fuzz.worker import FIGURES

SUMMARY: Final = "summary.json"
POLL: Final = 0.5  # seconds
STALLED_CPU: Final = 60.0  # seconds of the processor in which one execution must end,
STALLED: Final = 600.0  # and seconds at all
STARTING: Final = 300.0  # seconds until the first execution
RESTARTS_MAX: Final = 20


@dataclass(frozen=True)
class Settings:
    """What each target is run with. `runs` or `seconds` 0: no such bound."""

    out: Path
    engine: str
    seed: int = 0
    runs: int = 0
    seconds: float = 0.0


@dataclass
class Run:
    """One target of a campaign, over as many processes as end early."""

    name: str
    settings: Settings
    process: subprocess.Popen[bytes] | None = None
    executions: int = 0  # of processes that have ended
    elapsed: float = 0.0
    worst_seconds: float = 0.0
    worst_memory: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    restarts: int = 0
    _seen: tuple[int, float, float] = (-1, 0.0, 0.0)  # number of the current execution, clock and processor time at it

    @property
    def folder(self) -> Path:
        return self.settings.out / self.name

    def start(self) -> None:
        """Start a process for what is left to do."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in (FIGURES, "current"):
            (self.folder / name).unlink(missing_ok=True)
        runs = max(1, self.settings.runs - self.executions) if self.settings.runs else 0
        seconds = max(0.1, self.settings.seconds - self.elapsed) if self.settings.seconds else 0.0
        arguments = [self.name, str(self.folder), self.settings.engine, str(self.settings.seed + self.restarts)]
        paths = [str(ROOT), str(ROOT / "conformance"), os.environ.get("PYTHONPATH", "")]
        with (self.folder / "log.txt").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tools.fuzz.worker", *arguments, str(runs), str(seconds)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"},
            )
        self._seen = (-1, time.monotonic(), 0.0)

    def poll(self) -> bool:
        """Return whether the target is done; save the input of a process that ended badly or stalls."""
        assert self.process is not None
        status = self.process.poll()
        if status is None:
            if not self._stalled():
                return False
            self.process.kill()
            self.process.wait()
            return self._failed("stalls")
        if status == 0:
            self._add()
            return True
        return self._failed(f"ended its process with status {status}")

    def _stalled(self) -> bool:
        assert self.process is not None
        number = (current(self.folder) or (-1, b""))[0]
        now, used = time.monotonic(), _processor_seconds(self.process.pid)
        if number != self._seen[0]:
            self._seen = (number, now, used)
        if number < 0:
            return now - self._seen[1] > STARTING
        return used - self._seen[2] > STALLED_CPU or now - self._seen[1] > STALLED

    def _failed(self, what: str) -> bool:
        """Save the current input as a finding, and start again unless that has happened too often."""
        log = (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-4000:]
        self._add()
        if (known := current(self.folder)) is not None:
            number, data = known
            save(self.folder, self.name, ".input", data, f"execution {number} {what}\n{log}")
            self.executions = max(self.executions, number)
        else:
            save(self.folder, self.name, ".input", b"", f"the target {what} before its first execution\n{log}")
            return True
        self.restarts += 1
        done = self.settings.runs and self.executions >= self.settings.runs
        if done or self.restarts > RESTARTS_MAX or (self.settings.seconds and self.elapsed >= self.settings.seconds):
            return True
        self.start()
        return False

    def _add(self) -> None:
        """Add the figures of a process that has ended."""
        path = self.folder / FIGURES
        figures = json.loads(path.read_bytes()) if path.is_file() else {}
        self.executions += figures.get("executions", 0)
        self.elapsed += figures.get("seconds", 0.0)
        self.worst_seconds = max(self.worst_seconds, figures.get("worst_seconds", 0.0))
        self.worst_memory = max(self.worst_memory, figures.get("worst_memory", 0))
        for outcome, count in figures.get("outcomes", {}).items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count

    def summary(self) -> dict[str, Any]:
        """Return the figures of this run, and under `total` those of all runs with this folder."""
        path = self.folder / SUMMARY
        before = json.loads(path.read_bytes())["total"] if path.is_file() else {}
        corpus, edges = self.folder / "corpus", _edges(self.folder / "log.txt")
        return {
            "target": self.name,
            "engine": self.settings.engine,
            "seed": self.settings.seed,
            "executions": self.executions,
            "seconds": round(self.elapsed, 1),
            "corpus": len(list(corpus.iterdir())) if corpus.is_dir() else 0,
            "edges": edges,
            "outcomes": self.outcomes,
            "worst_seconds": self.worst_seconds,
            "worst_memory": self.worst_memory,
            "findings": [
                {"file": str(found), "replay": replay_command(self.name, found)} for found in findings(self.folder)
            ],
            "total": {
                "executions": before.get("executions", 0) + self.executions,
                "seconds": round(before.get("seconds", 0.0) + self.elapsed, 1),
                "worst_seconds": max(before.get("worst_seconds", 0.0), self.worst_seconds),
                "worst_memory": max(before.get("worst_memory", 0), self.worst_memory),
                "edges": max(before.get("edges") or 0, edges or 0) or None,
            },
        }


def run(names: list[str], settings: Settings, jobs: int) -> list[dict[str, Any]]:
    """Run targets, `jobs` at once; return the summary of each, which is also written into its folder."""
    waiting, active, summaries = [Run(name, settings) for name in names], list[Run](), []
    try:
        while waiting or active:
            while waiting and len(active) < jobs:
                active.append(waiting.pop(0))
                active[-1].start()
            time.sleep(POLL)
            for one in [one for one in active if one.poll()]:
                active.remove(one)
                summaries.append(one.summary())
                path = one.folder / SUMMARY
                path.write_text(json.dumps(summaries[-1], indent=1) + "\n", encoding="utf-8")
                print(line(summaries[-1]), flush=True)
    finally:
        for one in active:
            if one.process is not None:
                one.process.kill()
                one.process.wait()
    return summaries


def line(summary: dict[str, Any]) -> str:
    """Return a summary in one line, with a line for each finding."""
    edges = "" if summary["edges"] is None else f", {summary['edges']} edges"
    text = (
        f"{summary['target']:10} {summary['executions']:>9} executions in {summary['seconds']:.0f} s{edges}, "
        f"worst {summary['worst_seconds'] * 1e3:.0f} ms and {summary['worst_memory'] / 1e6:.0f} MB, "
        f"{len(summary['findings'])} findings"
    )
    return "\n".join([text, *(f"  {found['file']}\n  {found['replay']}" for found in summary["findings"])])


def _edges(log: Path) -> int | None:
    """Return the edges that libFuzzer last reported, None without a report."""
    found = re.findall(rb"cov: (\d+)", log.read_bytes()) if log.is_file() else []
    return int(found[-1]) if found else None


def _processor_seconds(pid: int) -> float:
    """Return the processor time of a process, 0 where the system does not report it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0
