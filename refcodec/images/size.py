# SPDX-License-Identifier: MIT
"""Check limits on the size of an image before any pixel is decoded."""

from __future__ import annotations

from typing import Final

from refcodec.errors import Code, SemError

MAX_SIDE: Final = 16_384
MAX_PIXELS: Final = 1 << 27  # a 100-megapixel photograph; decoding takes up to 16 bytes a pixel


def check_size(size: tuple[int, int], max_side: int, max_pixels: int) -> None:
    """Raise Code.PICTURE_TOO_LARGE for a (width, height) beyond a limit, Code.PICTURE_UNREADABLE for an empty one."""
    width, height = size
    if width < 1 or height < 1:
        raise SemError(Code.PICTURE_UNREADABLE, f"the picture is {width}x{height}: it has no pixels")
    if max(size) > max_side:
        raise SemError(Code.PICTURE_TOO_LARGE, f"the picture is {width}x{height}: a side may have {max_side} pixels")
    if width * height > max_pixels:
        raise SemError(Code.PICTURE_TOO_LARGE, f"the picture is {width}x{height}: it may have {max_pixels} pixels")


def minimum_size(data: bytes) -> tuple[int, int]:
    """Return a lower bound of (width, height) for formats whose pixels Pillow allocates on opening; (1, 1) for others."""
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _gif_size(data)
    if data.startswith(b"RIFF") and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    return 1, 1


def _gif_size(data: bytes) -> tuple[int, int]:
    """Return the extent of the logical screen and the first frame, which may reach beyond the screen."""

    def u16(at: int) -> int:
        return int.from_bytes(data[at : at + 2], "little")

    flags = int.from_bytes(data[10:11], "little")
    at = 13 + (6 << (flags & 7) if flags & 0x80 else 0)
    while at < len(data) and data[at] not in b",;":
        if data[at] == ord("!"):
            at += 2
            while at < len(data) and data[at]:
                at += 1 + data[at]
        at += 1
    if data[at : at + 1] != b",":
        return max(1, u16(6)), max(1, u16(8))
    return max(1, u16(6), u16(at + 1) + u16(at + 5)), max(1, u16(8), u16(at + 3) + u16(at + 7))
