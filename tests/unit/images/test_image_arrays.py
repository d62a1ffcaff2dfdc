# SPDX-License-Identifier: MIT
"""Images given as numpy arrays and torch tensors: every shape and type accepted, and every one refused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from refcodec.errors import Code, SemError
from refcodec.images.load import load

torch = pytest.importorskip("torch")
Array = NDArray[Any]

# 7 rows, 5 columns, no symmetry
RGB: Array = (np.arange(7)[:, None, None] * 30 + np.arange(5)[None, :, None] * 9 + np.array([0, 20, 35])).astype(
    np.uint8
)
GREY: Array = RGB[..., 0]
ALPHA: Array = (np.arange(35) * 7).astype(np.uint8).reshape(7, 5, 1)
LEVELS: Array = np.arange(256, dtype=np.uint8).reshape(16, 16)
FLATTENED = "Transparent parts were flattened on the background 255, 255, 255."
ROUNDED = "Floating-point levels 0 to 1 were rounded to 8 bits."
REDUCED = "16 bits a channel were reduced to 8."


def same(image: Any, expected: Array, *notices: str) -> None:
    loaded = load(image)
    assert loaded.pixels.dtype == np.uint8
    assert (loaded.pixels == expected).all()
    assert loaded.pixels.shape == (*expected.shape[:2], 3)
    assert loaded.pixels.flags.c_contiguous
    assert not loaded.pixels.flags.writeable
    assert (loaded.notices, loaded.source_format) == (notices, None)


# -------------------------------------------------------------------------------------------------------------- shapes


@pytest.mark.parametrize("array", [GREY, GREY[..., None], RGB])
def test_grey_and_colour(array: Array) -> None:
    expected = array if array.ndim == 3 else array[..., None]
    same(array, expected)
    same(np.asfortranarray(array), expected)
    same(array[::-1, ::-1], expected[::-1, ::-1])
    same(torch.from_numpy(array), expected)


@pytest.mark.parametrize(
    ("array", "mode"),
    [
        (GREY, "L"),
        (np.concatenate([GREY[..., None], ALPHA], 2), "LA"),
        (RGB, "RGB"),
        (np.concatenate([RGB, ALPHA], 2), "RGBA"),
    ],
)
@pytest.mark.parametrize("background", [(255, 255, 255), (1, 200, 30)])
def test_an_array_is_what_the_pillow_image_of_it_is(array: Array, mode: str, background: tuple[int, int, int]) -> None:
    image = Image.fromarray(array)
    assert image.mode == mode
    expected, loaded = load(image, background=background), load(array, background=background)
    assert (loaded.pixels == expected.pixels).all()
    assert loaded.notices == expected.notices


def test_opaque_alpha_is_no_alpha() -> None:
    same(np.concatenate([RGB, np.full_like(ALPHA, 255)], 2), RGB)


def test_the_array_is_neither_changed_nor_kept() -> None:
    array = np.concatenate([RGB, ALPHA], 2)
    before = array.copy()
    load(array)
    assert (array == before).all()
    assert not np.shares_memory(load(RGB).pixels, RGB)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1, 3), (2, 9, 4), (1, 1, 2)])
def test_any_size(shape: tuple[int, ...]) -> None:
    assert load(np.zeros(shape, np.uint8)).pixels.shape == (*shape[:2], 3)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((), "one image at a time"),
        ((9,), "one image at a time"),
        ((1, 7, 5, 3), "one image at a time"),
        ((0, 5, 3), "no pixels"),
        ((7, 5, 0), "no pixels"),
        ((7, 0), "no pixels"),
        ((7, 5, 6), r"not \[7, 5, 6\]$"),
        ((3, 7, 5), r"move the channels last, with .transpose\(1, 2, 0\)"),
    ],
)
def test_other_shapes_are_a_value_error(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(np.zeros(shape, np.uint8))


def test_the_size_is_checked() -> None:
    for image in (RGB, torch.from_numpy(RGB), torch.from_numpy(RGB).permute(2, 0, 1)):
        for limit in ({"max_side": 6}, {"max_pixels": 34}):
            with pytest.raises(SemError, match="5x7") as caught:
                load(image, **limit)
            assert caught.value.code == Code.PICTURE_TOO_LARGE


# --------------------------------------------------------------------------------------------------------------- types


def test_16_bits_are_scaled() -> None:
    same(LEVELS.astype(np.uint16) * 257, LEVELS[..., None], REDUCED)
    same((LEVELS.astype(np.uint16) * 257).astype(">u2"), LEVELS[..., None], REDUCED)
    same(np.array([[0, 128, 129, 65535]], np.uint16), np.array([[[0], [0], [1], [255]]]), REDUCED)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, ">f4"])
def test_floating_point_is_0_to_1(dtype: Any) -> None:
    same((LEVELS / 255).astype(dtype), LEVELS[..., None], ROUNDED)
    same(np.array([[[0.5, 0.25, 1]]], dtype), np.array([[[128, 64, 255]]]), ROUNDED)


@given(arrays(np.float64, (2, 3, 3), elements=st.floats(0, 1)))
def test_floating_point_is_rounded_to_the_nearest_level(values: Array) -> None:
    assert abs(load(values).pixels - values * 255).max() <= 0.5


def test_transparency_in_floating_point() -> None:
    same(np.array([[[0, 0, 0, 0.0]]]), np.array([[[255, 255, 255]]]), ROUNDED, FLATTENED)
    same(np.array([[[0.2, 1.0]]]), np.array([[[51]]]), ROUNDED)


@pytest.mark.parametrize("level", [-0.001, 1.001, 255.0, np.inf, -np.inf])
def test_floating_point_beyond_0_to_1_is_a_value_error(level: float) -> None:
    values = np.full((5, 6, 3), 0.5)
    values[1, 2, 1] = level
    with pytest.raises(ValueError, match=f"levels 0 to 1, but this one has .*{level:g}"):
        load(values)
    with pytest.raises(ValueError, match="levels 0 to 1"):
        load(torch.from_numpy(values))


def test_nan_is_a_value_error() -> None:
    values = np.full((2, 3, 3), 0.5, np.float32)
    values[1, 2, 1] = np.nan
    with pytest.raises(ValueError, match="levels 0 to 1, but this one contains NaN"):
        load(values)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.int64, np.uint32, np.uint64, complex, object, "U3"])
def test_other_types_are_a_type_error(dtype: Any) -> None:
    with pytest.raises(TypeError, match="uint8, uint16 or floating point, not "):
        load(np.zeros((2, 3, 3), dtype))


# --------------------------------------------------------------------------------------------------------------- torch


def test_tensors_have_their_channels_first_or_last() -> None:
    tensor = torch.from_numpy(RGB)
    same(tensor, RGB)
    same(tensor.permute(2, 0, 1), RGB)
    same(tensor.permute(2, 0, 1).contiguous(), RGB)
    same(tensor[..., :1].permute(2, 0, 1), RGB[..., :1])


@pytest.mark.parametrize("shape", [(3, 7, 3), (1, 9, 4), (4, 4, 4)])
def test_an_ambiguous_tensor_is_a_value_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"may be \[C, H, W\] or \[H, W, C\]"):
        load(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(7, 5, 6), (1, 3, 7, 5), (9,), (3, 0, 9)])
def test_other_shapes_of_tensors_are_a_value_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"not \["):
        load(torch.zeros(shape))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_tensors_in_floating_point(dtype: str) -> None:
    same(torch.tensor([[0.0, 0.5, 1.0]] * 5, dtype=getattr(torch, dtype)), np.array([[[0], [128], [255]]] * 5), ROUNDED)


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "complex64"])
def test_other_types_of_tensors_are_a_type_error(dtype: str) -> None:
    with pytest.raises(TypeError, match=f"not {dtype}"):
        load(torch.zeros((3, 5, 7), dtype=getattr(torch, dtype)))


def test_a_tensor_with_a_gradient() -> None:
    tensor = torch.full((3, 5, 7), 0.2, requires_grad=True)
    same(tensor * 2, np.full((5, 7, 1), 102), ROUNDED)


def test_torch_is_not_imported_to_look() -> None:
    script = (
        "import sys, numpy\n"
        "from refcodec.images.load import load\n"
        "load(numpy.zeros((2, 3), 'f4'))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_types_import_neither_pillow_nor_numpy() -> None:
    script = "import sys, refcodec.images.types\nassert not {'PIL', 'numpy', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
