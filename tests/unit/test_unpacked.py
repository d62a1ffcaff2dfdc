# SPDX-License-Identifier: MIT
"""Data folders of an imported zip archive: copied once, removed by the process that copied them, and by no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNPACK = "import os, sys\nfrom refcodec.unpacked import unpacked\nplace = unpacked('refcodec', 'registry')\n"
FORK = """
child = os.fork()
if not child:
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print((place / "registry.json").is_file())
"""


def run(script: str, temporary: Path) -> str:
    """Return what a program prints that has a temporary folder of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_the_copy_is_whole_and_ends_with_the_process(tmp_path: Path) -> None:
    script = (
        UNPACK + "assert unpacked('refcodec', 'registry') is place\nprint(len((place / 'registry.json').read_bytes()))"
    )
    assert run(script, tmp_path) == str((ROOT / "refcodec" / "registry" / "registry.json").stat().st_size)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_that_ends_leaves_the_copy_to_its_parent(tmp_path: Path) -> None:
    assert run(UNPACK + FORK, tmp_path) == "True"
    assert list(tmp_path.iterdir()) == []
