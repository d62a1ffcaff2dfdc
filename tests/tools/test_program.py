# SPDX-License-Identifier: MIT
"""Tools end on a signal in one line and with the status that shells give for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import os, signal, sys
from tools import program
signal.signal(signal.SIGINT, signal.default_int_handler)
def main():
    {body}
sys.exit(program.run(main))
"""
ENDS = {
    signal.SIGINT: (130, "interrupted\n"),
    signal.SIGTERM: (143, "terminated\n"),
    signal.SIGHUP: (129, "terminated\n"),
}


def ended(body: str) -> tuple[int, str]:
    call = [sys.executable, "-c", PROGRAM.format(body=body)]
    done = subprocess.run(call, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("more", ["", "\n    import time; time.sleep(30)"])
def test_signals(number: signal.Signals, more: str) -> None:
    assert ended(f"os.kill(os.getpid(), {int(number)}){more}") == ENDS[number]


@pytest.mark.parametrize("number", ENDS)
def test_a_signal_that_python_turns_into_another_error(number: signal.Signals) -> None:
    body = f"try: os.kill(os.getpid(), {int(number)})\n    except BaseException: raise TypeError"
    assert ended(body) == ENDS[number]


@pytest.mark.parametrize(("body", "status"), [("return 3", 3), ("return 0", 0), ("pass", 0), ("sys.exit(4)", 4)])
def test_other_ends(body: str, status: int) -> None:
    assert ended(body) == (status, "")


def test_errors_are_those_of_python() -> None:
    status, text = ended("raise ValueError('of the tool')")
    assert (status, text.splitlines()[-1]) == (1, "ValueError: of the tool")
