# SPDX-License-Identifier: MIT
"""Run the command of a row, and measure time and memory of its processes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree  # of a report that pytest has just written

from refcodec import memory
from tools.fuzz.target import ROOT
from tools.robustness.attacks import Attack

POLL: Final = 0.05  # seconds between two looks at the memory of the processes
TIMEOUT: Final = 7200.0


@dataclass(frozen=True)
class Result:
    """The result of a row. Times in seconds and memory in bytes, of the worst input where it is known, else of the test."""

    command: list[str]
    inputs: int
    failures: int
    skipped: int
    worst_seconds: float
    worst_memory: int
    note: str
    seconds: float  # of the entire command, on the clock
    cpu_seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Measured:
    """How a command ended, and the most memory that it and its children held at once."""

    status: int
    seconds: float
    cpu_seconds: float
    memory: int
    output: str


def run(command: Sequence[str]) -> Measured:
    """Run `python -m COMMAND`."""
    before, started, peak = _children_seconds(), time.monotonic(), 0
    paths = [str(ROOT), str(ROOT / "conformance"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
        )
        while process.poll() is None:
            peak = max(peak, tree_memory(process.pid))
            time.sleep(POLL)
            if time.monotonic() - started > TIMEOUT:
                process.kill()
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return Measured(process.returncode, time.monotonic() - started, _children_seconds() - before, peak, text)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tree_memory(root: int) -> int:
    """Return the resident bytes of a process and all of its descendants, 0 where the system does not report it."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
    family, grew = {root}, True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family, grew = family | more, bool(more)
    return sum(map(memory.resident, family))


def measure(attack: Attack, fuzz_out: Path, flips: Path) -> Result | None:
    """Return the result of a row, None if what it runs is not here. Fuzzing and flips are read from earlier runs."""
    if attack.form == "fuzz":
        return _fuzzed(attack, fuzz_out)
    if attack.form == "flips":
        return _flipped(attack, flips)
    if not all((ROOT / argument).exists() for argument in attack.arguments if argument.startswith("tests/")):
        return None
    return _tested(attack)


def _tested(attack: Attack) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        measured = run([*attack.command, f"--junitxml={report}"])
        if not report.is_file():
            raise RuntimeError(f"{attack.name}: pytest wrote no report\n{measured.output[-2000:]}")
        suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    times = [float(case.get("time", "0")) for case in suite.iter("testcase")]
    counts = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
    return Result(
        list(attack.command),
        counts["tests"],
        counts["failures"] + counts["errors"],
        counts["skipped"],
        round(max(times, default=0.0), 2),
        measured.memory,
        "",
        round(measured.seconds, 1),
        round(measured.cpu_seconds, 1),
    )


def _fuzzed(attack: Attack, out: Path) -> Result | None:
    path = out / attack.arguments[0] / "summary.json"
    if not path.is_file():
        return None
    summary = json.loads(path.read_bytes())
    total, edges = summary["total"], summary["total"].get("edges")
    return Result(
        list(attack.command),
        total["executions"],
        len(summary["findings"]),
        0,
        round(total["worst_seconds"], 3),
        total["worst_memory"],
        f"{edges} edges" if edges else "",
        total["seconds"],
        total["seconds"],
    )


def _flipped(attack: Attack, path: Path) -> Result | None:
    if not path.is_file():
        return None
    document = json.loads(path.read_bytes())
    total, files = document["total"], {key.rpartition(":")[0] for key in document["units"]}
    refused = sum(count for outcome, count in total["outcomes"].items() if outcome.startswith("SEM-E-"))
    inputs, failures = total["flips"] + total["prefixes"], total["outcomes"].get("finding", 0)
    note = f"{total['flips']:,} flips and {total['prefixes']:,} prefixes of {len(files):,} entries: {refused:,} refused, {inputs - refused - failures:,} accepted"
    worst, memory, seconds = round(total["worst_seconds"], 3), total["memory_mb"] << 20, round(total["seconds"], 1)
    return Result(list(attack.command), inputs, failures, 0, worst, memory, note, seconds, seconds)
