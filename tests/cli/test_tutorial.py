# SPDX-License-Identifier: MIT
"""Every command of docs/tutorial.md runs and prints what the page shows, in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from cli_harness import Semtool
from PIL import Image

from tools.site import commands
from tools.site.commands import PageError, Step, compare, same, steps_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/tutorial.md"
GUIDES = sorted((ROOT / "docs/methods").glob("*.md"))
FOREIGN = ("--model", "models import", "--effort", "clip=")  # need foundation models, or torch


@pytest.mark.slow
def test_every_command_of_the_tutorial(place: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEM")}
    count = commands.run(PAGE.read_text(encoding="utf-8"), place, {**kept, "PYTHONPATH": str(ROOT)})
    assert count >= 20
    assert (place / "work/photo.png").exists()


@pytest.mark.parametrize("guide", [path for path in GUIDES if path.stem != "index"], ids=lambda path: path.stem)
def test_commands_of_a_guide_that_need_no_foundation_model(guide: Path, semtool: Semtool) -> None:
    rows, columns = np.mgrid[:192, :256]
    Image.fromarray(np.stack([rows, columns, rows ^ columns], axis=-1).astype(np.uint8)).save("photo.jpg")
    np.save("clip.npy", np.linspace(-1, 1, 768, dtype=np.float32))
    np.save("ids.npy", np.arange(320, 336, dtype=np.uint16))
    steps = [
        step for step in steps_of(guide.read_text(encoding="utf-8")) if not any(word in step.source for word in FOREIGN)
    ]
    assert len(steps) >= 2
    for step in steps:
        done = semtool(*shlex.split(step.source)[1:])
        assert done.status == 0, (step.source, done.err)


def test_the_tutorial_has_no_block_that_is_not_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r"^```(\w*)$", page, re.MULTILINE)) == {"console", "python", ""}
    commands_of_page = [step.source for step in steps_of(page) if step.language == "console"]
    assert {"encode", "inspect", "decode", "verify", "add", "strip", "cut"} <= {
        line.split()[1] for line in commands_of_page if line.startswith("semtool ")
    }


@pytest.mark.parametrize(
    ("shown", "printed", "equal"),
    [
        ("a.sem: 100 bytes", "a.sem: 103 bytes", True),
        ("a.sem: 100 bytes", "a.sem: 106 bytes", False),
        ("  9  16  check   fd4e", "  9  16  check  0c1d", True),
        ("check ok", "check bad", False),
        ("0.1886 bpp", "0.1886 bpp, elic", False),
        ("body 7c2c24e4…", "body 00ff11aa…", True),
    ],
)
def test_lines_that_count_as_equal(shown: str, printed: str, equal: bool) -> None:
    assert same(shown, printed) is equal


@pytest.mark.parametrize(
    ("output", "printed", "accepted"),
    [
        (("a", "b"), "a\nb\n", True),
        (("a",), "a\nb\n", False),
        (("a", "b"), "a\n", False),
        (("a", "…", "d"), "a\nb\nc\nd\n", True),
        (("a", "…"), "a\nb\nc\n", True),
        (("…", "d"), "a\nb\n", False),
        ((), "", True),
        ((), "note: something\n", False),
    ],
)
def test_output_is_compared_line_by_line(output: tuple[str, ...], printed: str, accepted: bool) -> None:
    step = Step("console", "semtool x", output)
    if accepted:
        compare(step, printed)
        return
    with pytest.raises(PageError, match="semtool x"):
        compare(step, printed)


def test_steps_of_a_page() -> None:
    page = "```console\n$ a --b  # why\nout\n$ c\n```\ntext\n```python\nx = 1\n```\n"
    assert steps_of(page) == [
        Step("console", "a --b", ("out",)),
        Step("console", "c", ()),
        Step("python", "x = 1\n", ()),
    ]
