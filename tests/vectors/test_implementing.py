# SPDX-License-Identifier: MIT
"""docs/implementing.md: its decoder passes what it says, and its steps are of vectors that are there and of all of them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from semrunner.suite import Suite, load

ROOT = Path(__file__).resolve().parents[2]


GUIDE = (ROOT / "docs/implementing.md").read_text(encoding="utf-8")
STEPS = GUIDE.partition("<!-- begin steps -->")[2].partition("<!-- end steps -->")[0]


@pytest.fixture(scope="module")
def suite() -> Suite:
    return load(ROOT / "test_vectors")


def block(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.M | re.S)
    return str(text)


def test_the_first_decoder(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(block("python"), encoding="utf-8")
    words = shlex.split(block("sh"))
    assert words[:4] == ["python3", "conformance/run.py", "--decoder", "python3 first.py"]
    words[0] = sys.executable
    words[3] = shlex.join([sys.executable, str(tmp_path / "first.py")])
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 20  # type: ignore[index]


def named(text: str) -> list[str]:
    """What stands in the last column of the steps."""
    cells = [line.split(" | ")[-1] for line in text.splitlines() if line.startswith("| ")][1:]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_the_steps_name_vectors(suite: Suite) -> None:
    names = {name for case in suite.cases for name in (case.id, case.group)} | {"coder", "coder-escape"}
    assert len(named(STEPS)) > 50
    assert [glob for glob in named(STEPS) if not any(fnmatchcase(name, glob) for name in names)] == []


def test_ids_in_the_text(suite: Suite) -> None:
    """Vectors that the pitfalls name are in the suite, and show what is said of them."""
    cases = {case.id: case for case in suite.cases}
    assert cases["length-bomb-of-grease"].error == "SEM-E-301"
    assert {"version-7-of-another-layout", "limit-sections-before-order"} <= cases.keys()
    for name in re.findall(r"(?<=\()(?:\.\./|decisions)[^)]*(?=\))", GUIDE):
        assert (ROOT / "docs" / name.partition("#")[0]).exists(), name
