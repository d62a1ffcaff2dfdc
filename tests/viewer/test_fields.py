# SPDX-License-Identifier: MIT
"""The viewer names and colours the bytes of every file as `semtool inspect` does."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import refcodec
from refcodec.report.fields import field_colours

ROOT = Path(__file__).resolve().parents[2]
VECTORS = sorted((ROOT / "test_vectors").rglob("*.sem")) + sorted((ROOT / "tools/viewer/samples").glob("*.sem"))
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node")


def fields_in_javascript(files: list[Path]) -> list[dict[str, Any]]:
    """Return what `fieldsOf` of the viewer returns for each file."""
    assert NODE is not None
    names = "\n".join(map(str, files))
    program = str(Path(__file__).with_name("fields.mjs"))
    done = subprocess.run([NODE, program], input=names, capture_output=True, text=True, check=True, timeout=300)
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_equal_fields(files: list[Path]) -> None:
    for path, shown in zip(files, fields_in_javascript(files), strict=True):
        inspection = refcodec.inspect(path)
        assert shown["fields"] == [dict(vars(field)) for field in inspection.fields], path
        assert shown["colours"] == field_colours(inspection), path
        header = shown["header"]
        assert (header.get("width"), header.get("height")) == (inspection.width, inspection.height), path
        assert [s["bytes"] for s in shown["sections"]] == [s.bytes for s in inspection.sections], path


def test_every_vector_has_the_fields_of_inspect() -> None:
    assert len(VECTORS) > 1000
    assert_equal_fields(VECTORS)


def test_changed_files_have_the_fields_of_inspect(tmp_path: Path) -> None:
    rng = random.Random(5)
    files = []
    for i in range(600):
        data = bytearray(rng.choice(VECTORS).read_bytes()[:600])
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(min(len(data), 40))] = rng.choice((0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256)))
        files.append(tmp_path / f"{i}.sem")
        files[-1].write_bytes(data[: rng.randrange(len(data) + 1)] if i % 3 == 0 else data)
    assert_equal_fields(files)


def test_every_colour_is_in_the_style_sheet() -> None:
    style = (ROOT / "refcodec/report/inspection.css").read_text(encoding="utf-8")
    for colour in [f"{part}{tone}" for part in range(8) for tone in range(3)] + ["x"]:
        assert f"--c{colour}:light-dark(" in style
        assert f".p{colour}{{background:var(--c{colour})}}" in style
