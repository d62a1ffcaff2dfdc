# SPDX-License-Identifier: MIT
"""refcodec.images.save: formats, what is refused, and files that are whole or not there."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import SAMPLE, near, needs_avif, sample
from PIL import Image

from refcodec.errors import SemError
from refcodec.images.load import load
from refcodec.images.save import save


@pytest.mark.parametrize("suffix", ["png", "PNG", "bmp", "tif", "TIFF", "webp", "ppm"])
def test_saving_without_loss(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    save(SAMPLE, path)
    assert (load(path).pixels == SAMPLE).all()
    assert load(path).notices == ()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", pytest.param("avif", marks=needs_avif)])
def test_saving_with_loss(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    save(np.full((24, 32, 3), (200, 90, 30), np.uint8), path)
    assert near(load(path), (200, 90, 30), 3)


def test_png_is_the_default(tmp_path: Path) -> None:
    stream = io.BytesIO()
    save(SAMPLE, stream)
    save(SAMPLE, tmp_path / "bare")
    for data in (stream.getvalue(), (tmp_path / "bare").read_bytes()):
        assert load(data).source_format == "PNG"
        assert (load(data).pixels == SAMPLE).all()


@pytest.mark.parametrize("format", ["jpg", ".jpg", "JPEG", "jpeg"])
def test_a_given_format_wins(tmp_path: Path, format: str) -> None:
    save(SAMPLE, tmp_path / "out.png", format=format)
    assert load(tmp_path / "out.png").source_format == "JPEG"
    stream = io.BytesIO()
    save(SAMPLE, stream, format=format)
    assert load(stream.getvalue()).source_format == "JPEG"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM"])
def test_saving_grey(format: str) -> None:
    stream = io.BytesIO()
    save(np.full((16, 24), 90, np.uint8), stream, format=format)
    assert near(load(stream.getvalue()), (90, 90, 90), 1)


def test_saving_what_load_gave_and_any_memory_order() -> None:
    for pixels in (load(sample()).pixels, SAMPLE[::-1][::-1], np.asfortranarray(SAMPLE)):
        stream = io.BytesIO()
        save(pixels, stream)
        assert (load(stream.getvalue()).pixels == SAMPLE).all()


@pytest.mark.parametrize("name", ["out.gif", "out.xyz", "out.sem", "out.png.bak", "out.eps"])
def test_an_unknown_suffix_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot write pictures as \..*png"):
        save(SAMPLE, tmp_path / name)
    with pytest.raises(ValueError, match="cannot write pictures as nope"):
        save(SAMPLE, io.BytesIO(), format="nope")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pixels", "fault"),
    [
        (SAMPLE.tolist(), TypeError),
        (Image.fromarray(SAMPLE), TypeError),
        (SAMPLE.astype(np.float32), TypeError),
        (SAMPLE[..., :2], ValueError),
        (SAMPLE[:0], ValueError),
        (SAMPLE[None], ValueError),
        (SAMPLE[0, 0], ValueError),
    ],
)
def test_only_pixels_are_saved(pixels: Any, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        save(pixels, io.BytesIO())


@pytest.mark.parametrize("target", [None, 3, b"out.png", io.StringIO()])
def test_only_a_path_or_binary_stream_is_a_target(target: Any) -> None:
    with pytest.raises(TypeError):
        save(SAMPLE, target)


def test_102_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.png").mkdir()
    closed = io.BytesIO()
    closed.close()
    wide = np.zeros((1, 70_000, 3), np.uint8)
    for pixels, target, format in (
        (SAMPLE, tmp_path / "folder.png", None),
        (SAMPLE, tmp_path / "none" / "out.png", None),
        (SAMPLE, closed, None),
        (wide, tmp_path / "wide.jpg", None),
        (wide, io.BytesIO(), "WEBP"),
    ):
        with pytest.raises(SemError) as caught:
            save(pixels, target, format=format)
        assert caught.value.code == 102
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.png"]


def test_102_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SemError, match="No space left"):
        save(SAMPLE, path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.png"]


def test_a_large_png_is_written_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    levels: list[Any] = []
    write = Image.Image.save

    def record(self: Any, *args: Any, **more: Any) -> None:
        levels.append(more.get("compress_level"))
        write(self, *args, **more)

    monkeypatch.setattr(Image.Image, "save", record)
    for height, name in ((2048, "png"), (2047, "png"), (2048, "bmp")):
        pixels = np.broadcast_to(np.arange(2048, dtype=np.uint8), (height, 2048))
        out = io.BytesIO()
        save(pixels, out, format=name)
        assert np.array_equal(np.asarray(Image.open(out)), pixels)
    assert levels == [4, None, None]
