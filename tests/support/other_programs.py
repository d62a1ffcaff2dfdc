# SPDX-License-Identifier: MIT
"""Programs of the system, in tests of the files that they read."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def program(name: str) -> str:
    """The path of a program; the test is skipped without it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str | Path, **more: object) -> str:
    """The standard output of a program that ends with 0."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    assert isinstance(done.stdout, str)
    return done.stdout


def put_semtool_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a program `semtool` of this source tree in a folder, first on the path."""
    (folder / "bin").mkdir()
    script = folder / "bin/semtool"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m refcodec "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
