# SPDX-License-Identifier: MIT
"""refcodec.images: any bytes are an image or one of the errors."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from image_files import (
    EXACT,
    P3,
    animation,
    cmyk_profile,
    exif,
    flat,
    grey_profile,
    mended,
    outcome,
    packed,
    png,
    rgb_profile,
    sample,
    srgb_profile,
)
from PIL import features
from tiff_files import deflated, page, tiff

from refcodec.errors import SemError
from refcodec.images.types import Loaded

SEEDS: list[bytes] = [
    sample(),
    sample(exif=exif(6), icc_profile=rgb_profile("Display P3", P3, 2.2)),
    animation("PNG"),
    png(3, 1, 16, 0, b"\x12\x34" * 3, (b"tRNS", b"\x12\x34"), (b"gAMA", struct.pack(">I", 100_000))),
    sample("JPEG", exif=exif(8)),
    sample("JPEG", progressive=True, icc_profile=srgb_profile()),
    packed(flat("CMYK", (9, 99, 199, 9), (9, 9)), "JPEG", icc_profile=cmyk_profile()),
    animation("MPO"),
    animation("GIF"),
    packed(flat("P", 3), "GIF", transparency=3),
    animation("WEBP"),
    sample("WEBP", exif=exif(3)),
    packed(flat("RGBA", (1, 2, 3, 4)), "WEBP", lossless=True),
    png(1, 1, 8, 2, b"\x12\x34\x56", (b"cICP", b"\x09\x10\0\1"), (b"cHRM", bytes(32))),
]
OTHERS: list[bytes] = [
    *(sample(format, **options) for format, options in EXACT if format not in ("PNG", "WEBP")),
    animation("TIFF"),
    sample("TIFF", exif=exif(5), icc_profile=grey_profile(2.0)),
    tiff(page(2, 1, bytes(6), bits=(8,) * 3, photometric=2, subfile=1, below=[deflated(page(4, 2, bytes(8)))])),
    tiff(page(4, 2, bytes(8), tags={50706: (1, [1, 4, 0, 0])}), page(2, 1, bytes(4), bits=(16,)), order=">"),
    *([sample("AVIF", exif=exif(7))] if features.check("avif") else []),
]
fuzz = settings(deadline=None, max_examples=250, suppress_health_check=list(HealthCheck))


def harmless(data: bytes) -> None:
    """A picture or one of our errors, however it is read; the fixture makes a warning an error."""
    for options in ({}, {"lenient": True, "keep_metadata": True}):
        check_outcome(outcome(data, max_side=2000, max_pixels=1 << 20, **options))


def check_outcome(result: Loaded | SemError) -> None:
    if isinstance(result, Loaded):
        assert result.pixels.dtype == np.uint8
        assert result.pixels.ndim == 3
        assert all(notice.isprintable() for notice in result.notices)
        assert set(result.metadata) <= {"exif", "icc", "xmp"}
    else:
        assert result.code in (103, 104, 105)
        assert "\n" not in str(result)


@fuzz
@given(st.binary(max_size=200), st.sampled_from([b"", *{seed[:24] for seed in SEEDS + OTHERS}]))
def test_any_bytes(data: bytes, start: bytes) -> None:
    harmless(start + data)


@fuzz
@given(st.sampled_from(SEEDS), st.integers(0, 1 << 20))
def test_any_truncation(data: bytes, end: int) -> None:
    harmless(data[: end % len(data)])


@fuzz
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=6),
    st.booleans(),
)
@example(SEEDS[0], [(17, 0x80)], True)
def test_any_change(data: bytes, changes: list[tuple[int, int]], mend: bool) -> None:
    """Bytes changed anywhere; `mend` makes PNG checksums right again, so that the change gets past them."""
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(changed)] = value
    harmless(mended(bytes(changed)) if mend else bytes(changed))


@fuzz
@given(
    st.sampled_from(OTHERS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.integers(1, 1 << 20),
)
def test_any_change_of_other_formats(data: bytes, changes: list[tuple[int, int]], end: int) -> None:
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(changed)] = value
    harmless(bytes(changed) if end % 3 else bytes(changed[: end % len(changed)]))
