# SPDX-License-Identifier: MIT
"""The folder that the viewer is published as: complete, without anything of node or Python, and its samples up to date."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import refcodec
from refcodec.decoder import decode_file
from tools.viewer import publish, samples

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published") / "new"
    publish.publish(out)
    return out


def test_every_address_in_it_is_in_it(folder: Path) -> None:
    for path in folder.rglob("*.mjs"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r'(?:from |import |new URL\()"(\.[^"]*)"', text):
            assert (path.parent / name).exists(), (path, name)
        assert not re.search(r'from "(?!\.)', text), path
    page = (folder / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r'(?:src|href)="(?!#)([^"]*)"', page):
        assert (folder / name).is_file(), name


def test_it_has_only_what_the_page_uses(folder: Path) -> None:
    endings = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert endings <= {".html", ".css", ".svg", ".mjs", ".json", ".bin", ".zdict", ".safetensors", ".sem", ""}
    names = {path.name for path in folder.rglob("*.mjs")}
    assert {"main.mjs", "worker.mjs", "decode.mjs"} <= names
    assert not {"semdec.mjs", "node.mjs", "run.mjs", "paint_time.mjs"} & names
    assert not list(folder.rglob("encoder.safetensors"))


def test_it_has_every_model_that_ships(folder: Path) -> None:
    shipped = {path.parent.name for path in (ROOT / "refcodec/data/models").glob("*/manifest.json")}
    assert {path.parent.name for path in folder.rglob("painter.safetensors")} == shipped
    listed = re.search(r"PACKAGES = (\[.*?\]);", (ROOT / "tools/viewer/resources.mjs").read_text(encoding="utf-8"))
    assert listed is not None
    assert set(json.loads(listed[1])) == shipped


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(SystemExit, match="is there already"):
        publish.publish(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_index_lists_the_samples() -> None:
    assert (samples.FOLDER / "index.json").read_bytes() == samples.index()
    names = {path.name for path in samples.FOLDER.glob("*.sem")}
    assert names == {one.name for one in samples.SAMPLES}


@pytest.mark.parametrize("one", [s for s in samples.SAMPLES if s.kind != "damaged"], ids=lambda s: s.name)
def test_samples_are_valid_and_of_their_kind(one: samples.Sample) -> None:
    decoded = decode_file((samples.FOLDER / one.name).read_bytes())
    assert decoded.state == "ok"
    assert one.kind in {section.kind for section in refcodec.inspect(samples.FOLDER / one.name).sections}


@pytest.mark.slow
def test_samples_are_what_their_script_makes() -> None:
    pytest.importorskip("skimage")
    for one in samples.SAMPLES:
        assert (samples.FOLDER / one.name).read_bytes() == one.make(), one.name
