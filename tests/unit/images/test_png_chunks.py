# SPDX-License-Identifier: MIT
"""Colour chunks of a PNG count in their place only, and the first of each kind: as the specification and libpng have it."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from image_files import chunk, exif, png, rgb_profile
from PIL import Image

from refcodec.errors import SemError
from refcodec.images.load import load

LEVELS = (200, 60, 60)
PALETTE = (b"PLTE", bytes((*LEVELS, 0, 0, 0)))
LINEAR, USUAL = (b"gAMA", struct.pack(">I", 100_000)), (b"gAMA", struct.pack(">I", 45_455))
P3 = (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))
SRGB = (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))
PQ, PLAIN = (b"cICP", bytes([9, 16, 0, 1])), (b"cICP", bytes([1, 13, 0, 1]))


def profile(exponent: float) -> tuple[bytes, bytes]:
    return b"iCCP", b"x\0\0" + zlib.compress(rgb_profile("test", PRIMARIES, exponent))


PRIMARIES = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
KEYS = {"first": (b"tRNS", struct.pack(">3H", 1, 2, 3)), "second": (b"tRNS", struct.pack(">3H", *LEVELS))}
# kind: (one that changes nothing, one that changes the pixel)
KINDS = {
    "gAMA": (USUAL, LINEAR),
    "cHRM": (SRGB, P3),
    "cICP": (PLAIN, PQ),
    "iCCP": (profile(2.2), profile(1.0)),
    "tRNS": (KEYS["first"], KEYS["second"]),
}


def picture(
    *before: tuple[bytes, bytes], after: tuple[tuple[bytes, bytes], ...] = (), colour: int = 2, rows: bytes = b""
) -> bytes:
    """A PNG of one pixel with chunks before and after IDAT."""
    data = png(1, 1, 8, colour, rows or bytes(LEVELS), *before)
    return data[:-12] + b"".join(chunk(*each) for each in after) + data[-12:]


def level(data: bytes | Image.Image) -> tuple[int, ...]:
    return tuple(load(data).pixels[0, 0].tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_a_chunk_after_the_pixels_is_ignored(kind: str) -> None:
    changing = KINDS[kind][1]
    late = picture(after=(changing,))
    assert level(picture()) == LEVELS
    assert level(picture(changing)) != LEVELS
    assert level(late) == LEVELS
    assert load(late).notices == (f"PNG chunks that are repeated or out of place were ignored: {kind}.",)
    assert level(Image.open(io.BytesIO(late))) == LEVELS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("late", [False, True])
def test_of_two_chunks_the_first_counts(kind: str, late: bool) -> None:
    usual, changing = KINDS[kind]
    for first, second in ((usual, changing), (changing, usual)):
        data = picture(first, after=(second,)) if late else picture(first, second)
        assert level(data) == level(picture(first))
        assert f"ignored: {kind}." in load(data).notices[0]


def test_a_late_srgb_does_not_outrank_gamma() -> None:
    srgb = (b"sRGB", b"\0")
    assert level(picture(LINEAR, srgb)) == LEVELS
    assert level(picture(LINEAR, after=(srgb,))) == level(picture(LINEAR)) != LEVELS
    assert level(picture(srgb, after=(LINEAR,))) == LEVELS


@pytest.mark.parametrize("kind", ["gAMA", "cHRM", "cICP", "iCCP"])
def test_a_chunk_after_the_palette_is_ignored(kind: str) -> None:
    changing = KINDS[kind][1]
    assert level(picture(changing, PALETTE, colour=3, rows=b"\0")) != LEVELS
    assert level(picture(PALETTE, changing, colour=3, rows=b"\0")) == LEVELS


def test_transparency_of_a_palette() -> None:
    """It counts between the palette and the pixels."""
    clear = (b"tRNS", b"\0")
    assert level(picture(PALETTE, clear, colour=3, rows=b"\0")) == (255, 255, 255)
    for data in (
        picture(clear, PALETTE, colour=3, rows=b"\0"),
        picture(PALETTE, after=(clear,), colour=3, rows=b"\0"),
    ):
        assert level(data) == LEVELS
    late = picture(PALETTE, after=(clear,), colour=3, rows=b"\0")
    assert level(Image.open(io.BytesIO(late))) == LEVELS


def test_other_chunks_stay_where_they_are() -> None:
    """EXIF may follow the pixels."""
    body = exif(6).tobytes().removeprefix(b"Exif\0\0")
    data = png(2, 1, 8, 2, bytes(range(6)))
    late = data[:-12] + chunk(b"eXIf", body) + data[-12:]
    assert load(late).pixels.shape == (2, 1, 3)
    np.testing.assert_array_equal(np.rot90(load(data).pixels, -1), load(late).pixels)


def test_a_damaged_repeated_chunk_is_still_damage() -> None:
    data = picture(USUAL, LINEAR)
    at = data.rindex(b"gAMA") + 5
    with pytest.raises(SemError):
        load(data[:at] + b"\x55" + data[at + 1 :])


def test_lenient_reading_ignores_them_too() -> None:
    late = picture(USUAL, LINEAR, after=(P3,))
    assert tuple(load(late[:-6], lenient=True).pixels[0, 0].tolist()) == LEVELS
