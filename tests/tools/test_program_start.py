# SPDX-License-Identifier: MIT
"""A signal ends a training tool in one line, also while it imports torch; whatever the moment, no traceback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from refcodec.cli.main import PASSIVE

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="signals, and /proc to see their handlers"
)

ROOT = Path(__file__).resolve().parents[2]
TOOLS = sorted(
    path.stem for path in (ROOT / "tools/train").glob("*.py") if 'if __name__ == "__main__"' in path.read_text("utf-8")
)
ENDS = {
    signal.SIGINT: (130, "interrupted\n"),
    signal.SIGTERM: (143, "terminated\n"),
    signal.SIGHUP: (129, "terminated\n"),
}
START_S = 60
TRIES = 5
USAGE = 2


def catches(process: subprocess.Popen[str]) -> bool:
    """Return whether a process has a handler for SIGTERM."""
    found = re.search(r"^SigCgt:\s*([0-9a-f]+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return found is not None and bool(int(found[1], 16) & 1 << signal.SIGTERM - 1)


def imports_torch(process: subprocess.Popen[str]) -> bool:
    """Return whether a process has loaded libraries of torch."""
    return "/libtorch" in Path(f"/proc/{process.pid}/maps").read_text()


Moment = Callable[[subprocess.Popen[str]], bool]


def ended(command: list[str], number: int, moment: Moment, delay: float) -> tuple[int, str]:
    """Start a tool, send it a signal `delay` seconds after `moment`, and return its status and standard error.

    Start it again if it has ended before the signal was sent, as a tool that imports little may.
    """
    call = [sys.executable, "-m", *command]
    for _ in range(TRIES):
        with subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
            until = time.monotonic() + START_S
            while process.poll() is None and not moment(process):
                assert time.monotonic() < until, "the tool does not begin"
                time.sleep(0.002)
            time.sleep(delay)
            in_time = process.poll() is None
            process.send_signal(number)
            _, text = process.communicate(timeout=START_S)
        if in_time and process.returncode not in (0, USAGE):
            break
    return process.returncode, text


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("delay", [0, 0.05, 0.2])
def test_while_modules_are_imported(number: signal.Signals, delay: float) -> None:
    assert ended(["tools.train.elic", "--help"], number, catches, delay) == ENDS[number]


@pytest.mark.parametrize("number", ENDS)
def test_while_torch_is_imported(number: signal.Signals) -> None:
    assert ended(["tools.train.vq", "--help"], number, imports_torch, 0) == ENDS[number]


@pytest.mark.parametrize("tool", TOOLS)
def test_every_training_tool(tool: str) -> None:
    assert ended([f"tools.train.{tool}"], signal.SIGINT, catches, 0) == ENDS[signal.SIGINT]


@pytest.mark.parametrize("tool", TOOLS)
def test_every_training_tool_is_run_as_a_program(tool: str) -> None:
    assert "raise SystemExit(program.run(main))" in (ROOT / "tools/train" / f"{tool}.py").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("delay", [0.5, 1, 2, 3, 5])
def test_at_work(number: signal.Signals, delay: float, tmp_path: Path) -> None:
    """The tool counts words, or has not begun to; nothing is left half written."""
    captions = tmp_path / "captions.tsv"
    captions.write_text("".join(f"{n}\ta red barn beside {n} tall trees and a lake\n" for n in range(400_000)), "utf-8")
    out = tmp_path / "out"
    status, text = ended(["tools.train.caption", str(captions), "--out", str(out)], number, catches, delay)
    assert (status, text) == ENDS[number]
    assert list(tmp_path.rglob("*.tmp")) == []


def test_another_program_keeps_the_handlers_of_python() -> None:
    code = "import signal, tools.train, tools.demo; print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize("started", [True, False])
def test_threads_of_a_training_tool_wait_passively(started: bool) -> None:
    """Only where the process is the tool's own: beside a program at work, threads that spin double the work or worse."""
    code = "import os, sys; sys.argv = [sys.argv[1]]; import tools.train; print(os.environ.get('OMP_WAIT_POLICY'))"
    call = [sys.executable, "-c", code, "-m" if started else "other"]
    plain = {name: value for name, value in os.environ.items() if name not in PASSIVE}
    done = subprocess.run(call, capture_output=True, text=True, cwd=ROOT, env=plain, check=True)
    assert done.stdout == ("PASSIVE\n" if started else "None\n")
