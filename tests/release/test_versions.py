# SPDX-License-Identifier: MIT
"""The version is stated in one place, and pages that repeat it agree; the tour of README.md can be read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import refcodec
from tools.release import check, record, tour
from tools.release.build import ROOT


def test_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["tool"]["hatch"]["version"] == {"path": "refcodec/__init__.py"}
    assert check.versions() == []


@pytest.mark.parametrize(
    ("name", "before", "after", "problem"),
    [
        ("CITATION.cff", r"^version: .*$", "version: 0.9", "CITATION.cff does not state version {}"),
        ("CITATION.cff", r"^version: .*$", "", "CITATION.cff does not state version {}"),
        ("CHANGELOG.md", r"^(##+) {}", r"\1 0.9", "CHANGELOG.md has no section {}"),
        (
            "CITATION.cff",
            r"\Z",
            'repository-code: "https://other.example/x"\n',
            "repository-code of CITATION.cff is not `repository` of pyproject.toml",
        ),
    ],
)
def test_contradictions_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, before: str, after: str, problem: str
) -> None:
    for page in ("CITATION.cff", "CHANGELOG.md", "pyproject.toml"):
        text = (ROOT / page).read_text(encoding="utf-8")
        if page == name:
            pattern = before.replace("{}", re.escape(refcodec.__version__))
            text = re.sub(pattern, after, text, flags=re.MULTILINE)
        (tmp_path / page).write_text(text, encoding="utf-8")
    monkeypatch.setattr(check, "ROOT", tmp_path)
    assert check.versions() == [problem.format(refcodec.__version__)]


def test_steps_of_a_tour() -> None:
    text = "# x\n## A tour\n```console\n$ a b  # c\n$ d\nout 1\nout 2\n```\n```python\nimport x\n```\n```sh\nno\n```\n## B\n```console\n$ e\n```\n"
    assert tour.steps(text) == [
        tour.Step("console", "a b  # c", ""),
        tour.Step("console", "d", "out 1\nout 2\n"),
        tour.Step("python", "import x\n", ""),
    ]
    with pytest.raises(ValueError, match="no steps"):
        tour.steps("# x\n## B\n```console\n$ e\n```\n")


def test_names_of_releases() -> None:
    with pytest.raises(ValueError, match="is not a release name"):
        record.added({}, "next", [], {})
