# SPDX-License-Identifier: MIT
"""integration/man: pages of the help of `semtool`, as man and mandoc show them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from other_programs import ROOT, program

from refcodec.cli.commands import COMMANDS
from tools.integration import __main__ as tool
from tools.integration import man

FOLDER = ROOT / "integration"
PAGES = sorted((FOLDER / "man").glob("*.1"))


def test_the_pages_are_those_of_the_help() -> None:
    pinned = re.search(r"^click==(\S+)", (ROOT / "requirements/ci.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    if version("click") != pinned[1]:
        pytest.skip("another click may show options otherwise")
    assert tool.stale() == [], "python -m tools.integration"


def test_every_command_has_a_page() -> None:
    names = {path.stem for path in PAGES}
    assert names >= {"semtool", *(f"semtool-{name}" for name in COMMANDS)}
    assert "semtool-models-import" in names


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_man_and_mandoc_show_a_page(path: Path) -> None:
    done = subprocess.run(
        [program("man"), "--warnings", "-E", "UTF-8", "-l", path],
        capture_output=True,
        text=True,
        env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"},
        check=True,
    )
    assert done.stderr == ""
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"):
        assert re.search(rf"^{heading}$", done.stdout, re.MULTILINE)
    if shutil.which("mandoc"):
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, check=False)
        assert lint.stdout == b""


def test_a_page_has_what_the_help_has() -> None:
    for context in man.contexts():
        text = man.page(context)
        for parameter in context.command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert man.plain(parameter.opts[-1]) in text


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        ("--option", "\\-\\-option"),
        (".sem file", "\\&.sem file"),
        ("'quoted'", "\\&\\(aqquoted\\(aq"),
        ("back\\slash", "back\\eslash"),
        ("`code`", "\\(gacode\\(ga"),
    ],
)
def test_text_is_not_read_as_roff(text: str, roff: str) -> None:
    assert man.plain(text) == roff


def test_check_names_stale_pages(tmp_path: Path) -> None:
    folder = tmp_path / "man"
    folder.mkdir()
    for name, text in man.pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    assert tool.stale(folder) == []
    (folder / "semtool-old.1").write_text("")
    (folder / "semtool.1").write_text("")
    (folder / "semtool-cut.1").unlink()
    assert tool.stale(folder) == ["semtool-cut.1", "semtool-old.1", "semtool.1"]
