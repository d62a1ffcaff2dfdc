# SPDX-License-Identifier: MIT
"""Pictures and files for the tests of `refcodec.pillow`."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

import refcodec
import refcodec.pillow  # registers the format

SIZE = (48, 32)


@lru_cache(maxsize=1)
def pixels() -> Image.Image:
    """A picture of coloured squares, RGB, 48 × 32."""
    squares = np.random.default_rng(1).integers(0, 256, (4, 6, 3))
    return Image.fromarray(np.kron(squares, np.ones((8, 8, 1))).astype(np.uint8))


@lru_cache(maxsize=32)
def file_bytes(**options: Any) -> bytes:
    """The picture as a file, encoded with these options."""
    return refcodec.encode(pixels(), **options)


def opened(data: bytes) -> refcodec.pillow.SemImageFile:
    """A file opened by Pillow."""
    image = Image.open(io.BytesIO(data), formats=["SEM"])
    assert isinstance(image, refcodec.pillow.SemImageFile)
    return image


def saved(image: Image.Image, **options: Any) -> bytes:
    """The bytes that Pillow's `save` writes."""
    stream = io.BytesIO()
    image.save(stream, "SEM", **options)
    return stream.getvalue()


def same(one: Image.Image, other: Image.Image) -> bool:
    """Whether two images have the same mode and pixels."""
    return one.mode == other.mode and one.size == other.size and one.tobytes() == other.tobytes()


def resized(data: bytes, width: int, height: int, level: int = 1) -> bytes:
    """The file with another size in its header; its payload does not fit it."""
    container = refcodec.read(data)
    return refcodec.write(replace(container, header=replace(container.header, width=width, height=height)), level=level)
