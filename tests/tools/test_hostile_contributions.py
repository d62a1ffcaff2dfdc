# SPDX-License-Identifier: MIT
"""Contributed folders that are damaged or hostile: an error in one line, no traceback, and nothing that waits for ever."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema")
pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")

from tools import registry
from tools.contribution import manifest, rows
from tools.contribution import suite as suites

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "third-party"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "own"))


def damaged(path: Path, how: str) -> None:
    path.unlink()
    if how == "pipe":
        os.mkfifo(path)
    elif how == "device":
        path.symlink_to("/dev/zero")
    elif how == "folder":
        path.mkdir()
    elif how != "gone":
        path.write_bytes({"deep": b"[" * 100_000, "binary": b"\xff\xfe\0", "empty": b"", "number": b"7"}[how])


HOW = ("pipe", "device", "folder", "gone", "deep", "binary", "empty", "number")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", ["registry.json", "cases.json"])
def test_no_manifest_of_damaged_files(folder: Path, name: str, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "manifest.json").read_bytes()
    damaged(folder / name, how)
    assert registry.main(["manifest", str(folder)]) == 1
    assert capsys.readouterr().out.count("\n") == 1
    assert (folder / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_registry_has_no_rows(folder: Path, how: str) -> None:
    damaged(folder / "registry.json", how)
    own, lines = rows.read(folder)
    assert own == []
    assert len(lines) == (2 if how == "number" else 1)
    for line in lines:
        assert line.startswith("registry.json: ")
        assert "\n" not in line


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("which", ["manifest", "vector"])
def test_a_damaged_suite_is_one_error(folder: Path, which: str, how: str) -> None:
    vector = json.loads((folder / "manifest.json").read_bytes())["vectors"][0]["file"]
    damaged(folder / ("manifest.json" if which == "manifest" else vector), how)
    (line,) = suites.errors(folder, [])
    assert "\n" not in line


@pytest.mark.parametrize("member", ["file", "registry", "repaired"])
@pytest.mark.parametrize("value", ["../out.sem", "/dev/zero", "link", "README.md", "", None, 7, [], {}])
def test_cases_that_lead_elsewhere(folder: Path, member: str, value: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "link").symlink_to("/etc/hostname")
    cases = json.loads((folder / "cases.json").read_bytes())
    case = next(case for case in cases if "repaired" in case) if member == "repaired" else cases[0]
    case[member] = value
    (folder / "cases.json").write_text(json.dumps(cases))
    assert registry.main(["manifest", str(folder)]) == 1
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("name", ["../x", "/etc/hostname", "models/../../x", "link"])
def test_files_of_a_contribution_lie_in_it(folder: Path, name: str) -> None:
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match=r"is not a file of the folder|leads out of the folder"):
        manifest.own_file(folder, name)
    assert manifest.own_file(folder, "registry.json") == (folder / "registry.json").read_bytes()


def test_the_example_keeps_its_manifest(folder: Path) -> None:
    call: Callable[[list[str]], int] = registry.main
    assert call(["manifest", str(folder)]) == 0
    assert (folder / "manifest.json").read_bytes() == (EXAMPLE / "manifest.json").read_bytes()
