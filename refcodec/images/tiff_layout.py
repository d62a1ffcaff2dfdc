# SPDX-License-Identifier: MIT
"""Refuse the TIFF layouts that Pillow would decode to wrong pixels, and correct those that need a small change.

Pillow's list of layouts names mode and raw mode, but not every reader behind it heeds them: planes of 16 bits are read as
bytes, white-is-0 is not inverted above 8 bits, compressed big-endian words come back swapped. tests/unit/images/test_tiff.py
has the table of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImagePalette

from refcodec.errors import Code, SemError

HINT: Final = "save it with 8 or 16 unsigned bits a channel, as TIFF without planes or as PNG"

_GREY_INVERTED, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 2, 3, 5, 6, 8
_REC601: Final = (0.299, 0.587, 0.114)
_FULL_RANGE: Final = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)


@dataclass(frozen=True)
class Correction:
    """What Pillow leaves to do to the grey values of a TIFF page; `top` is the largest value, 0 if none is declared."""

    invert: bool = False
    top: int = 0
    dtype: str = ""  # of values that Pillow returned in the wrong byte order or signedness: "" for none
    swap: bool = False
    signed: bool = False  # 16 bits with a sign, which Pillow widens

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the values as the file has them, before `invert`."""
        values = np.ascontiguousarray(values)
        if self.dtype:
            values = values.astype(self.dtype) if self.dtype == "i2" else values.view(self.dtype)
        return values.byteswap() if self.swap else values


NONE: Final = Correction()


@dataclass(frozen=True)
class _Layout:
    """The tags that decide how pixels lie."""

    photometric: int
    bits: tuple[int, ...]
    sample_format: int
    extra: tuple[int, ...]
    samples: int
    planar: bool
    raw: bool  # not compressed
    jpeg: bool
    big_endian: bool

    @classmethod
    def of(cls, tags: Any) -> _Layout:
        bits = _numbers(tags, 258, (1,))
        return cls(
            _number(tags, 262, 0),
            bits,
            _number(tags, 339, 1),
            _numbers(tags, 338, ()),
            _number(tags, 277, len(bits)),
            _number(tags, 284, 1) == 2,
            _number(tags, 259, 1) == 1,
            _number(tags, 259, 1) in (6, 7),
            bytes(tags.prefix) == b"MM",
        )


def correction(image: Image.Image) -> Correction:
    """Return what is left to do for an opened TIFF image, not yet decoded.

    Raises Code.PICTURE_UNREADABLE for a layout that would be decoded wrongly.
    """
    tags: Any = getattr(image, "tag_v2", None)
    if tags is None:
        return NONE
    layout = _Layout.of(tags)
    if wrong := _misread(layout) or _misread_by_older(layout, image) or _odd_colours(layout, tags):
        raise SemError(Code.PICTURE_UNREADABLE, f"the TIFF picture has {wrong}, which cannot be read", hint=HINT)
    wide = image.mode in ("I", "F") or image.mode.startswith("I;16")
    swap = wide and layout.big_endian and not layout.raw and not image.mode.startswith("I;16")
    dtype = "i2" if swap and layout.bits[0] == 16 else ""
    if image.mode == "I" and layout.sample_format == 1 and layout.bits[0] == 32:
        dtype = "u4"
    top = 4095 if layout.bits[0] == 12 else 0
    signed = image.mode == "I" and layout.sample_format == 2 and layout.bits[0] == 16
    return Correction(layout.photometric == _GREY_INVERTED and wide, top, dtype, swap, signed)


def eight_bit_palette(image: Image.Image, notices: list[str]) -> None:
    """Correct a palette whose writer stored 0 to 255 where TIFF has 0 to 65535, which would be black."""
    colours = getattr(image, "tag_v2", {}).get(320, ())
    if image.mode in ("P", "PA") and colours and 0 < max(colours) < 256:
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))
        notices.append("The TIFF palette has 8 bits in place of 16 and was read as such.")


def report_unused(image: Image.Image, notices: list[str]) -> None:
    """Add a notice for a tag that changes the colours of grey or RGB levels and is not applied."""
    tags: Any = getattr(image, "tag_v2", {})
    if tags.get(262) not in (0, 1, 2) or "icc_profile" in image.info:
        return
    levels = _reals(tags, 532, ())
    top = float((1 << min(max(_number(tags, 258, 8), 1), 64)) - 1)
    if levels and any(abs(a - b) > 1 for a, b in zip(levels, (0.0, top) * 3, strict=False)):
        notices.append("The reference black and white of the TIFF were not applied.")
    if 301 in tags:
        notices.append("The transfer function of the TIFF was not applied: the levels were read as sRGB.")


def _misread(layout: _Layout) -> str:
    """Return the layout that Pillow misreads, in words; otherwise an empty string."""
    if layout.sample_format == 2 and layout.bits[0] == 8:
        return "signed 8-bit values"
    if not layout.planar or layout.samples == 1:
        return ""
    if layout.photometric == _LAB:
        return "CIE Lab in planes"
    if layout.photometric == _YCBCR and layout.raw:
        return "YCbCr in planes without compression"
    if layout.raw and layout.bits[0] != 8:
        return f"planes of {layout.bits[0]} bits without compression"
    colours = {_RGB: 3, _YCBCR: 3, _CMYK: 4}.get(layout.photometric, 1)
    if layout.samples == colours or (layout.extra and not any(layout.extra) and not layout.raw):
        return ""
    if layout.photometric == _RGB and layout.samples == 4 and layout.extra and (layout.extra == (2,) or not layout.raw):
        return ""
    return "extra channels in planes"


def _misread_by_older(layout: _Layout, image: Image.Image) -> str:
    """Return the layout that Pillow before version 13 misreads, in words; otherwise an empty string."""
    tiles: Any = getattr(image, "tile", ())
    arguments = tiles[0][3] if tiles else ""
    raw_mode = str(arguments[0] if isinstance(arguments, tuple) else arguments)
    if layout.photometric == _YCBCR and layout.raw and layout.samples >= 3 and image.mode != "YCbCr":
        return "YCbCr without compression"
    unread = layout.planar and layout.samples > 1 and layout.photometric != _YCBCR and "X" in raw_mode
    return "extra channels in planes" if unread else ""


def _odd_colours(layout: _Layout, tags: Any) -> str:
    """Return the kind of colours that Pillow misreads, in words; otherwise an empty string."""
    if layout.photometric == _CMYK and _number(tags, 332, 1) != 1:
        return "inks other than CMYK"
    if layout.photometric != _YCBCR or layout.samples < 3:
        return ""
    if layout.raw and _numbers(tags, 530, (2, 2)) != (1, 1):
        return "subsampled YCbCr without compression"
    if layout.raw or layout.jpeg:  # the others are converted by libtiff, which heeds these tags
        weights, levels = _reals(tags, 529, _REC601), _reals(tags, 532, _FULL_RANGE)
        if len(weights) != 3 or max(abs(a - b) for a, b in zip(weights, _REC601, strict=True)) > 0.002:
            return "YCbCr of other weights than those of BT.601"
        if len(levels) != 6 or max(abs(a - b) for a, b in zip(levels, _FULL_RANGE, strict=True)) > 1:
            return "YCbCr in another range than 0 to 255"
    return ""


def _numbers(tags: Any, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
    value = tags.get(tag, default)
    values = value if isinstance(value, tuple) else (value,)
    return tuple(int(each) for each in values if isinstance(each, int)) or default


def _number(tags: Any, tag: int, default: int) -> int:
    return next(iter(_numbers(tags, tag, (default,))), default)


def _reals(tags: Any, tag: int, default: tuple[float, ...]) -> tuple[float, ...]:
    try:
        return tuple(float(each) for each in tags.get(tag, default))
    except (TypeError, ValueError, ZeroDivisionError):
        return ()
