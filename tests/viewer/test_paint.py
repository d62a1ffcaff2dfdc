# SPDX-License-Identifier: MIT
"""Pictures of the viewer in JavaScript are those of refcodec, within the tolerance of the suite."""

from __future__ import annotations

import io
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from viewer_node import MODELS, ROOT, SHIPPED, PaintServer, Pixels, assert_near

import refcodec

VECTORS = ROOT / "test_vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_bytes())
PAINTED = [entry for entry in MANIFEST["vectors"] if entry["tier"] == "P"]
ACCEPTED = [entry for entry in PAINTED if entry["expect"] == "accept"]
LATENTS = [
    entry for entry in MANIFEST["vectors"] if entry["tier"] == "L" and {"elic", "sketch"} & set(entry["features"])
]
SUITE = {folder.name: folder for folder in sorted((VECTORS / "models").iterdir())}
SIZES = [(1, 1), (17, 1), (1, 65), (64, 64), (37, 91), (200, 130), (333, 251)]
METHODS = ["elic", "elic-2", "pics", "perco", "perco-small-2"]  # or a row of a method


def photograph(width: int, height: int) -> Image.Image:
    """Slopes, edges and some noise."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(width * height).normal(0, 12, (height, width, 3))
    shapes = 90 * ((x // 23 + y // 31) % 2)[..., None] + 60 * np.sin(np.stack([x / 19, y / 13, (x + y) / 29], -1))
    return Image.fromarray(np.clip(80 + shapes + noise, 0, 255).astype(np.uint8))


@lru_cache
def file_of(method: str, width: int, height: int, quality: int = 5) -> bytes:
    image = photograph(width, height)
    if method == "pics":
        return refcodec.encode(sketch=image.convert("L"), caption="shapes", method="pics", quality=quality)
    if method.startswith("perco"):
        return refcodec.encode(image, method="perco", profile="perco-small" if method == "perco" else method)
    return refcodec.encode(image, profile=method, quality=quality)


def reference(data: bytes) -> Pixels:
    """Return the pixels of refcodec: the picture, or the sketch of a file that has one."""
    if refcodec.inspect(data).method == "pics":
        return np.asarray(Image.open(io.BytesIO(refcodec.symbol_files(data)["sketch"].make(".png"))))
    return np.asarray(refcodec.decode(data))


# --- pixels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_pixels_are_those_of_refcodec(node: PaintServer, method: str, size: tuple[int, int]) -> None:
    data = file_of(method, *size)
    assert_near(node.paint(data).picture, reference(data))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(768, 512), (512, 768), (1100, 700)], ids=str)
def test_pixels_of_a_photograph_are_those_of_refcodec(node: PaintServer, method: str, size: tuple[int, int]) -> None:
    answers = node.paint(file_of(method, *size))
    assert answers.kernel == "wasm"
    assert_near(answers.picture, reference(file_of(method, *size)))


@pytest.mark.parametrize("quality", [1, 3, 8, 10])
def test_pixels_at_every_rate(node: PaintServer, quality: int) -> None:
    for method in ("elic", "pics"):
        data = file_of(method, 150, 90, quality)
        assert_near(node.paint(data).picture, reference(data))


@pytest.mark.parametrize("kernel", ["wasm", "plain"])
@pytest.mark.parametrize("entry", ACCEPTED, ids=lambda entry: entry["id"])
def test_pixels_of_the_suite(node: PaintServer, entry: dict[str, Any], kernel: str) -> None:
    limits = entry["expected"]["pixels"]
    samples = np.frombuffer((VECTORS / limits["file"]).read_bytes(), np.uint8).reshape(limits["shape"])
    answers = node.paint((VECTORS / entry["file"]).read_bytes(), SUITE, kernel=kernel)
    assert answers.kernel == kernel
    assert_near(answers.picture, samples, limits["peak"], limits["rms"])


@pytest.mark.parametrize("method", METHODS)
def test_without_webassembly(node: PaintServer, method: str) -> None:
    data = file_of(method, 90, 70)
    answers = node.paint(data, kernel="plain")
    assert answers.kernel == "plain"
    assert_near(answers.picture, reference(data))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kernel", ["wasm", pytest.param("plain", marks=pytest.mark.slow)])
def test_bands_do_not_change_a_pixel(node: PaintServer, method: str, kernel: str) -> None:
    data = file_of(method, 33, 500)
    whole = node.paint(data, kernel=kernel).picture
    assert (node.paint(data, kernel=kernel, bandBytes=1).picture == whole).all()


# --- previews and progress ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["elic", "elic-2", "pics"])
@pytest.mark.parametrize("kernel", ["wasm", pytest.param("plain", marks=pytest.mark.slow)])
def test_previews_predict_the_groups_to_come(node: PaintServer, method: str, kernel: str) -> None:
    data = file_of(method, 130, 70)
    answers = node.paint(data, preview=True, kernel=kernel)
    previews = answers.previews()
    assert [groups for groups, _ in previews] == [[k, 5] for k in range(5)]
    assert_near(answers.picture, reference(data))
    final = reference(data).reshape(70, 130, -1).astype(int)
    errors = [float(np.square(pixels[..., : final.shape[2]].astype(int) - final).mean()) for _, pixels in previews]
    assert errors[-1] < errors[0] / 2  # each knows more than the one before
    if method != "pics":
        stages = list(refcodec.decode_progressive(data))
        for (_, pixels), stage in zip(previews, stages, strict=False):
            assert_near(pixels, np.asarray(stage.image))


def test_messages_are_in_order(node: PaintServer) -> None:
    messages = node.paint(file_of("elic", 333, 251), preview=True).messages
    stages = [m["stage"] for m in messages if "stage" in m]
    assert stages == sorted(stages, key=["decode", "paint"].index)
    for stage in ("decode", "paint"):
        shares = [m["done"] for m in messages if m.get("stage") == stage]
        assert shares == sorted(shares)
        assert shares[0] == 0
        assert shares[-1] <= 1
    picture = messages[-1]["picture"]
    assert picture["seconds"] == pytest.approx(picture["decodeSeconds"] + picture["paintSeconds"])
    assert not any("preview" in m for m in node.paint(file_of("elic", 64, 64)).messages)


# --- exactness ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", LATENTS, ids=lambda entry: entry["id"])
def test_symbols_are_the_same_on_the_kernel(node: PaintServer, entry: dict[str, Any]) -> None:
    (answer,) = node.paint((VECTORS / entry["file"]).read_bytes(), SUITE, symbols=True).messages
    assert answer["code"] == entry.get("error")
    if entry["expect"] == "accept":
        sections = entry["expected"]["sections"]
        assert answer["symbols"] == [s["sha256"] for s in sections if s["kind"] in ("elic", "sketch")]
        assert answer["calls"] > 0


# --- the code itself ----------------------------------------------------------------------------------------------


def test_it_imports_nothing_but_itself_and_the_decoder() -> None:
    folder = ROOT / "tools" / "viewer" / "paint"
    for path in folder.glob("*.mjs"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r'\bfrom "([^"]+)"|\bimport\("([^"]+)"', text):
            assert re.match(r"\./|\.\./\.\./\.\./conformance/decoders/js/", "".join(name)), f"{path.name}: {name}"
        assert len(text.splitlines()) <= 300
        assert not re.search(r"\b(process|Buffer|require\(\"|eval\()", text), path.name


def test_the_kernel_is_what_its_text_gives() -> None:
    pytest.importorskip("wasmtime", reason="wasmtime, which has the assembler, is not installed")
    from tools.viewer import assemble

    assert assemble.main(["--check"]) == 0


def test_the_packages_are_those_that_ship() -> None:
    assert {folder.name for folder in MODELS.iterdir() if (folder / "manifest.json").exists()} >= set(SHIPPED)
    assert all((Path(folder) / "painter.safetensors").is_file() for folder in SHIPPED.values())
