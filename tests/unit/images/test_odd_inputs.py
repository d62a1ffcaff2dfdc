# SPDX-License-Identifier: MIT
"""Odd arrays, Pillow images of every mode, odd sizes, and what is not a file."""

from __future__ import annotations

import io
import os
import struct
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import SAMPLE, flat, near, outcome, packed, png, refused, sample
from PIL import Image

from refcodec.images.load import load
from refcodec.images.types import Loaded

LEVELS = np.arange(90, dtype=np.uint8).reshape(5, 6, 3) * 2


# -------------------------------------------------------------------------------------------------------------- arrays


@pytest.mark.parametrize(
    "view",
    [
        np.asfortranarray,
        lambda a: a[::-1, ::-1][::-1, ::-1],
        lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
        lambda a: np.pad(a, ((1, 2), (3, 1), (0, 0)))[1:-2, 3:-1],
        lambda a: a.transpose(1, 0, 2).copy().transpose(1, 0, 2),
        np.ma.masked_array,
        lambda a: a.view(np.recarray),
        lambda a: np.lib.stride_tricks.as_strided(a, a.shape, a.strides, writeable=False),
    ],
    ids=["Fortran", "flipped", "strided", "window", "transposed", "unmasked", "recarray", "read-only"],
)
@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<f2", ">f4", "<f8"])
def test_views_of_arrays(view: Any, dtype: str) -> None:
    factor = {"u": {1: 1, 2: 257}, "f": dict.fromkeys((2, 4, 8), 1 / 255)}[dtype[-2]][int(dtype[-1])]
    array = view((LEVELS * np.float64(factor)).astype(dtype))
    before = np.array(array)
    array.flags.writeable = False
    picture = load(array)
    assert abs(picture.pixels.astype(int) - LEVELS).max() <= (0 if dtype != "<f2" else 1)
    assert (np.array(array) == before).all()


def test_a_broadcast_array() -> None:
    picture = load(np.broadcast_to(np.array([1, 2, 3], np.uint8), (5, 6, 3)))
    assert (picture.pixels == [1, 2, 3]).all()


def test_a_mask_is_refused() -> None:
    with pytest.raises(TypeError, match="mask: fill it"):
        load(np.ma.masked_equal(LEVELS, 4))


@pytest.mark.parametrize(
    "dtype", ["i1", "<i2", ">i4", "i8", "u4", "u8", "?", "c8", "M8[s]", "m8[s]", "S3", "U3", "O", "V4", [("r", "u1")]]
)
def test_other_types_are_a_type_error(dtype: Any) -> None:
    with pytest.raises(TypeError, match="uint8, uint16 or floating point"):
        load(np.zeros((2, 3), dtype))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e-3, 1.5, 3e38])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g"])
def test_other_floats_are_a_value_error(value: float, dtype: str) -> None:
    array = np.full((3, 4, 3), 0.5, dtype)
    with np.errstate(over="ignore"):
        array[1, 2, 0] = value
    with pytest.raises(ValueError, match="levels 0 to 1"):
        load(array)


@pytest.mark.parametrize("shape", [(0, 3, 3), (3, 0, 3), (3, 3, 0), (0,), (2, 3, 5), (2, 3, 3, 1), ()])
def test_shapes_without_a_picture_are_a_value_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        load(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("size", [(1, 1), (1, 16_384), (16_384, 1)])
def test_extreme_shapes(size: tuple[int, int]) -> None:
    assert load(np.zeros(size, np.uint8)).pixels.shape == (*size, 3)


# ------------------------------------------------------------------------------------------------------------- tensors


def test_tensors_that_are_no_levels() -> None:
    torch = pytest.importorskip("torch")
    for tensor in (
        torch.zeros((5, 6, 3), device="meta"),
        torch.zeros((5, 6)).to_sparse(),
        torch.zeros((5, 6), dtype=torch.complex64),
        torch.zeros((5, 6), dtype=torch.int32),
        torch.zeros((5, 6), dtype=torch.bool),
    ):
        with pytest.raises(TypeError, match=r"an image (tensor|array) has"):
            load(tensor)


def test_tensors_of_every_layout() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(LEVELS)
    for view in (tensor, tensor.permute(2, 0, 1), tensor.flip(0).flip(0), tensor.expand(5, 6, 3)):
        assert (load(view).pixels == LEVELS).all()
    half = (torch.from_numpy(LEVELS) / 255).to(torch.bfloat16)
    assert abs(load(half).pixels.astype(int) - LEVELS).max() <= 1
    wide = torch.from_numpy(LEVELS.astype(np.uint16) * 257)
    assert (load(wide).pixels == LEVELS).all()
    small = torch.full((5, 6, 3), 0.5).to(torch.float8_e4m3fn)
    assert (load(small).pixels == 128).all()
    graph = torch.full((5, 6, 3), 0.2, requires_grad=True) * 1.0
    assert (load(graph).pixels == 51).all()


# ------------------------------------------------------------------------------------------------------ Pillow's modes


MODES: list[tuple[str, Any, tuple[int, int, int]]] = [
    ("1", 1, (255, 255, 255)),
    ("L", 77, (77, 77, 77)),
    ("P", 0, (0, 0, 0)),
    ("PA", (0, 255), (0, 0, 0)),
    ("RGB", (1, 2, 3), (1, 2, 3)),
    ("RGBX", (1, 2, 3, 0), (1, 2, 3)),
    ("RGBA", (1, 2, 3, 0), (255, 255, 255)),
    ("RGBa", (0, 0, 0, 0), (255, 255, 255)),
    ("LA", (9, 0), (255, 255, 255)),
    ("La", (0, 0), (255, 255, 255)),
    ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
    ("YCbCr", (76, 85, 255), (254, 0, 0)),
    ("HSV", (85, 255, 255), (0, 255, 0)),
    ("LAB", (255, 128, 128), (255, 255, 255)),
    ("I", 200, (200, 200, 200)),
    ("F", 0.5, (128, 128, 128)),
    ("I;16", 200 * 257, (200, 200, 200)),
    ("I;16L", 200 * 257, (200, 200, 200)),
    ("I;16B", 200 * 257, (200, 200, 200)),
    ("I;16N", 200 * 257, (200, 200, 200)),
]


@pytest.mark.parametrize(("mode", "colour", "expected"), MODES)
def test_every_mode_of_pillow(mode: str, colour: Any, expected: tuple[int, int, int]) -> None:
    try:
        image = Image.new(mode, (3, 2))
    except (ValueError, KeyError):
        pytest.skip("this Pillow has no such mode")
    if mode.startswith("I;16"):
        order = ">" if mode == "I;16B" else "<"
        image = Image.frombytes(mode, (3, 2), np.full((2, 3), colour, f"{order}u2").tobytes())
    else:
        image = Image.new(mode, (3, 2), colour)
    before = image.tobytes()
    picture = load(image)
    assert picture.pixels.shape == (2, 3, 3)
    assert near(picture, expected, 2)
    assert image.mode == mode
    assert image.tobytes() == before


def test_a_palette_with_transparency_in_memory() -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.info["transparency"] = 1
    assert load(image, background=(1, 2, 3)).pixels[0].tolist() == [[10, 20, 30], [1, 2, 3], [70, 80, 90]]


# --------------------------------------------------------------------------------------------------- sizes and sources


@pytest.mark.parametrize("size", [(1, 1), (16_384, 1), (1, 16_384)])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP"])
def test_extreme_files(format: str, size: tuple[int, int]) -> None:
    picture = load(packed(flat("RGB", (7, 7, 7), size), format))
    assert (picture.width, picture.height) == size
    assert near(picture, (7, 7, 7), 1)


@pytest.mark.parametrize("size", [(65_535, 1), (1, 65_535)])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "GIF", "BMP"])
def test_a_side_beyond_the_limit(format: str, size: tuple[int, int]) -> None:
    data = packed(flat("L", 7, size), format)
    assert "65535" in refused(data, 105)
    picture = load(data, max_side=1 << 17)
    assert (picture.width, picture.height) == size


@pytest.mark.parametrize("lenient", [None, False, True])
def test_bombs_are_refused_whatever_the_options(lenient: bool | None) -> None:
    zeros = png(30_000, 30_000, 1, 0, None)
    refused(zeros, 105, lenient=lenient, keep_metadata=True)
    many = packed(flat("L", 0, (4000, 4000)), "PNG", compress_level=9)
    assert len(many) < 20_000
    refused(many, 105, max_pixels=1 << 20, lenient=lenient)
    tiff = bytearray(packed(flat("L", 0, (4, 4)), "TIFF"))
    at = tiff.index(struct.pack("<HHI", 256, 4, 1)) if struct.pack("<HHI", 256, 4, 1) in tiff else -1
    if at > 0:
        tiff[at + 8 : at + 12] = struct.pack("<I", 1 << 30)
        refused(bytes(tiff), 105, lenient=lenient)


def test_what_is_no_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.touch()
    assert "the file is empty" in refused(empty, 103, lenient=True)
    refused(tmp_path, 101, lenient=True)
    refused(tmp_path / "none" / "x.png", 101)
    refused(empty / "x.png", 101)
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    refused(loop, 101)


@pytest.mark.skipif(os.name != "posix", reason="pipes in the file system are POSIX")
def test_pipes_and_devices(tmp_path: Path) -> None:
    refused("/dev/null", 103)
    pipe = tmp_path / "picture.png"
    os.mkfifo(pipe)
    cut = sample()[:-30]
    writer = threading.Thread(target=pipe.write_bytes, args=(cut,))
    writer.start()
    assert load(pipe, lenient=True).pixels.shape == SAMPLE.shape  # read once, mended in memory
    writer.join()


def test_streams_that_give_little_at_a_time() -> None:
    class Slow(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self.left = data

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            n = min(3, len(self.left), len(buffer))
            buffer[:n], self.left = self.left[:n], self.left[n:]
            return n

    assert (load(Slow(sample())).pixels == SAMPLE).all()  # type: ignore[arg-type]


def test_every_result_is_a_picture_or_an_error() -> None:
    for head in (
        b"II*\0",
        b"MM\0*",
        b"II+\0\x08\0\0\0",
        b"8BPS\0\x01",
        b"\xff\xd8\xff",
        b"\0\0\0\x20ftypmif1",
        b"qoif",
        b"v/1\x01",
    ):
        for tail in (b"", bytes(64), b"\xff" * 64, bytes(range(64))):
            for lenient in (False, True):
                result = outcome(head + tail, lenient=lenient, keep_metadata=True)
                assert isinstance(result, Loaded) or result.code in (103, 104, 105)
