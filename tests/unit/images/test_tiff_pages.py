# SPDX-License-Identifier: MIT
"""TIFF files of several images: the one of full size is taken, a camera raw file is not shrunk to its preview."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from image_files import near, one, refused
from PIL import Image
from tiff_files import BYTE, LONG, SHORT, Page, deflated, page, tiff

from refcodec.errors import SemError
from refcodec.images import tiff_directories
from refcodec.images.load import load

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
TAKEN = "The image of full size was taken, not the preview before it."
DNG: dict[int, Any] = {50706: (BYTE, [1, 4, 0, 0])}
ORDERS = pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])


def picture(colour: tuple[int, int, int], width: int, height: int, **more: Any) -> Page:
    return page(width, height, bytes(colour) * (width * height), bits=(8, 8, 8), photometric=2, **more)


def sensor(width: int = 64, height: int = 48, **more: Any) -> Page:
    """Values of a colour filter array."""
    return page(width, height, bytes(2 * width * height), bits=(16,), photometric=32803, **more)


def preview(*below: Page, **more: Any) -> Page:
    return picture(RED, 16, 12, subfile=1, below=below, **more)


RAWS = {
    "DNG, sensor data in a SubIFD": [preview(sensor(), tags=DNG)],
    "DNG, linear": [preview(page(64, 48, bytes(3 * 2 * 64 * 48), bits=(16,) * 3, photometric=34892), tags=DNG)],
    "DNG, sensor data and a large preview": [preview(sensor(), picture(BLUE, 32, 24, subfile=1), tags=DNG)],
    "DNG, sensor data first": [sensor(tags=DNG)],
    "NEF, compressed sensor data": [preview(page(64, 48, bytes(99), bits=(14,), photometric=32803, compression=34713))],
    "ARW, not marked as reduced": [picture(RED, 16, 12, below=(sensor(compression=32767),))],
    "PEF": [sensor(compression=65535), preview()],
    "raw in a later page": [preview(), sensor()],
    "raw two levels below": [preview(picture(BLUE, 32, 24, subfile=1, below=(sensor(),)))],
    "slices of a CR2": [
        picture(RED, 32, 24),
        preview(),
        page(64, 48, bytes(9), bits=(8,), compression=6, tags={50752: (SHORT, [1, 2, 3])}),
    ],
}


@ORDERS
@pytest.mark.parametrize("name", RAWS)
def test_camera_raw_files_are_refused(name: str, order: str) -> None:
    message = refused(tiff(*RAWS[name], order=order), 103)
    assert "camera raw file" in message
    assert ("(DNG)" in message) == name.startswith("DNG")
    assert "develop it in a raw converter and export it as JPEG, PNG or TIFF" in message


def test_a_cr2_is_known_by_its_mark() -> None:
    data = bytearray(tiff(picture(RED, 32, 24)))
    moved = data[:8] + b"CR\x02\0" + bytes(4) + data[8:]
    assert load(bytes(data)).notices == ()
    moved[4:8] = (int.from_bytes(data[4:8], "little") + 8).to_bytes(4, "little")
    assert "camera raw" in refused(bytes(moved), 103)


@ORDERS
@pytest.mark.parametrize("big", [False, True], ids=["classic", "BigTIFF"])
def test_the_image_of_full_size_in_a_subifd_is_taken(order: str, big: bool) -> None:
    if big and order == ">":
        pytest.skip("Pillow does not read these")
    for tags in ({}, DNG):
        loaded = load(tiff(preview(picture(BLUE, 64, 48), tags=tags), order=order, big=big))
        assert (loaded.width, loaded.height, one(loaded)) == (64, 48, BLUE)
        assert loaded.notices == (TAKEN,)


def test_a_developed_image_as_large_as_the_sensor_is_taken() -> None:
    """The border of a sensor is cut off."""
    loaded = load(tiff(preview(sensor(66, 50), picture(BLUE, 64, 48), tags=DNG)))
    assert (loaded.width, loaded.height, one(loaded)) == (64, 48, BLUE)


@pytest.mark.parametrize("marked", [True, False])
def test_a_larger_image_below_the_first_is_the_picture(marked: bool) -> None:
    first = preview(picture(GREEN, 32, 24)) if marked else picture(RED, 16, 12, below=(picture(GREEN, 32, 24),))
    assert one(load(tiff(first))) == GREEN


def test_a_preview_first_and_the_picture_in_the_next_page() -> None:
    loaded = load(tiff(preview(), picture(BLUE, 32, 24), picture(GREEN, 32, 24)))
    assert one(loaded) == BLUE
    assert loaded.notices == ("The first of 2 frames was taken.", TAKEN)


def test_orientation_and_profile_of_the_first_directory_hold_below() -> None:
    """In a DNG they stand beside the preview."""
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0] = 255
    full = page(3, 2, pixels.tobytes(), bits=(8, 8, 8), photometric=2)
    loaded = load(tiff(picture(RED, 1, 1, subfile=1, below=(full,), orientation=6)))
    assert loaded.pixels[..., 0].tolist() == [[0, 255], [0, 0], [0, 0]]
    assert "EXIF orientation 6 was applied." in loaded.notices


def test_a_picture_of_full_size_that_cannot_be_read_is_refused_not_shrunk() -> None:
    floats = page(64, 48, bytes(12 * 64 * 48), bits=(32,) * 3, format=(3,) * 3, photometric=2)
    message = refused(tiff(preview(floats)), 103)
    assert "RGB, 3 x 32 bits, floating point" in message


@pytest.mark.parametrize("reduced", [{254: (LONG, [1])}, {255: (SHORT, [2])}], ids=["NewSubfileType", "SubfileType"])
@pytest.mark.parametrize("where", ["chain", "SubIFDs"])
def test_overviews_of_a_pyramid_are_no_frames(where: str, reduced: dict[int, Any]) -> None:
    overviews = [picture(RED, 16, 12, tags=reduced), picture(GREEN, 8, 6, tags=reduced)]
    full = picture(BLUE, 32, 24, below=overviews if where == "SubIFDs" else ())
    loaded = load(tiff(full, *(overviews if where == "chain" else [])))
    assert (loaded.width, one(loaded), loaded.notices) == (32, BLUE, ())


def test_masks_and_depth_maps_are_no_frames() -> None:
    for subfile in (4, 8, 0x10001, 0x10004):
        other = page(64, 48, bytes(64 * 48), subfile=subfile)
        loaded = load(tiff(picture(BLUE, 32, 24, below=(other,)), other))
        assert (loaded.width, one(loaded), loaded.notices) == (32, BLUE, ())


def test_pages() -> None:
    pages = [picture(RED, 16, 12, subfile=2), picture(GREEN, 16, 12, subfile=2)]
    assert load(tiff(*pages)).notices == ("The first of 2 frames was taken.",)
    loaded = load(tiff(*pages, picture(BLUE, 64, 48)))
    assert near(loaded, RED)
    assert loaded.notices == ("The first of 3 frames was taken.", "A later page is larger, 64x48.")


def test_a_file_of_reduced_images_only() -> None:
    loaded = load(tiff(preview(), picture(BLUE, 32, 24, subfile=1)))
    assert one(loaded) == BLUE
    assert loaded.notices[0] == "The file marks all of its images as reduced: the largest was taken."


def test_a_pillow_image_of_a_preview_is_announced() -> None:
    image = Image.open(io.BytesIO(tiff(preview(picture(BLUE, 32, 24)))))
    loaded = load(image)
    assert one(loaded) == RED
    assert loaded.notices == ("The Pillow image is a reduced one of its file: pass the path to use that of full size.",)


def test_circles_and_damaged_directories_end() -> None:
    data = bytearray(tiff(picture(RED, 4, 3)))
    at = int.from_bytes(data[4:8], "little")
    entries = int.from_bytes(data[at : at + 2], "little")
    data[at + 2 + 12 * entries : at + 6 + 12 * entries] = at.to_bytes(4, "little")
    assert one(load(bytes(data))) == RED
    whole = tiff(preview(picture(BLUE, 8, 8), sensor(2, 2), tags=DNG), deflated(picture(GREEN, 4, 4)))
    codes = {code_of_choosing(whole[:end]) for end in range(8, len(whole), 3)}
    assert codes <= {0, 103}


def code_of_choosing(data: bytes) -> int:
    try:
        tiff_directories.choose(data)
    except SemError as error:
        return int(error.code)
    return 0
