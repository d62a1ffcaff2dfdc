# SPDX-License-Identifier: MIT
"""docs/pillow.md: its examples run, from top to bottom, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pillow_files import opened, pixels

import refcodec
from refcodec import pillow
from refcodec.codec import OPTIONS
from refcodec.container.limits import level_bounds

PAGE = (Path(__file__).resolve().parents[2] / "docs/pillow.md").read_text(encoding="utf-8")


def test_the_examples_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels().resize((192, 128)).save("photo.jpg")
    names: dict[str, Any] = {"refcodec": refcodec}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 5
    try:
        for block in blocks:
            exec(block, names)
    finally:
        pillow.configure()
    assert capsys.readouterr().out.startswith("(192, 128) elic ")
    assert sorted(file.name for file in place.iterdir()) == [
        "again.png",
        "described.sem",
        "photo.jpg",
        "photo.sem",
        "small.sem",
    ]


def test_the_table_of_info_names_every_key() -> None:
    table = PAGE.split("| key |")[1].split("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    data = refcodec.encode(pixels(), provenance=True, hints={"seed": "7"}, metadata={"title": "squares"})
    image = opened(data)
    image.load()
    assert set(image.info) <= named
    assert named - set(image.info) == {"caption", "consonants", "exif", "xmp", "Seed"}


def test_what_the_page_states() -> None:
    assert level_bounds(1).file_bytes == 64 << 20
    listed = PAGE.split("such as `quality`")[1].split(".")[0]
    assert set(re.findall(r"`(\w+)`", listed)) <= OPTIONS
