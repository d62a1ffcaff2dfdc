# SPDX-License-Identifier: MIT
"""Measure what reading a hostile input costs: each reading runs in a child of its own, forked from one process.

    with Probe() as probe:
        probe.measure("package", folder)  ->  Cost(outcome="SEM-E-803", seconds=0.01, megabytes=47)

`outcome` is the id of the SemError, "ok", or the name of another exception; `seconds` are of the processor, `megabytes`
the peak of the entire child, of which numpy and refcodec take about 45.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SECONDS, MEGABYTES = 1.0, 200  # of any refusal
MEMORY = 1 << 30  # above the use at the start, of any reading


class Cost(NamedTuple):
    outcome: str
    seconds: float
    megabytes: int
    message: str


class Probe:
    """The process that forks, while in a `with` statement."""

    def __enter__(self) -> Probe:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONINTMAXSTRDIGITS": "0"}
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    def measure(self, what: str, path: Path) -> Cost:
        """Return what reading `path` as a package, part, registry or set gives and costs."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([what, str(path)]) + "\n")
        self.process.stdin.flush()
        return Cost(*json.loads(self.process.stdout.readline()))

    def refusal(self, what: str, path: Path) -> str:
        """Return the outcome of a reading that keeps to the bounds."""
        cost = self.measure(what, path)
        assert cost.seconds < SECONDS, cost
        assert cost.megabytes < MEGABYTES, cost
        assert len(cost.message) < 2000, cost.message[:300]
        assert cost.message.isprintable()
        return cost.outcome


def readers() -> dict[str, Callable[[Path], Any]]:
    """Return what reads a path, by name. Everything that a reading needs is imported."""
    from refcodec.foundation.models_json import roles_in_folder
    from refcodec.networks import package, package_search
    from refcodec.registry import Registry

    def whole(folder: Path) -> Any:
        package_search.describe(folder)
        return package.load_any(folder)

    return {
        "package": whole,
        "painter": lambda folder: package.load_part(folder, package.read_manifest(folder), "painter"),
        "registry": lambda path: Registry.shipped().extended_by(path).rows,
        "set": roles_in_folder,
    }


def outcome(read: Callable[[Path], Any], path: Path) -> tuple[str, str]:
    """Return the id of an error, or its name, and its message."""
    from refcodec.errors import SemError

    try:
        read(path)
    except SemError as error:
        return error.id, str(error)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is not a refusal
        return type(error).__name__, str(error)
    return "ok", ""


def serve() -> None:
    known = readers()
    for line in sys.stdin:
        what, path = json.loads(line)
        child = os.fork()
        if child == 0:
            used = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
            resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
            name, message = outcome(known[what], Path(path))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            print(json.dumps([name, time.process_time(), peak, message]), flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:  # it ran for too long
            print(json.dumps([f"ended by signal {status}", float("inf"), 0, ""]), flush=True)


if __name__ == "__main__":
    serve()
