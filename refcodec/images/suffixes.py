# SPDX-License-Identifier: MIT
"""Suffixes of picture files, by which pictures are found in a folder. Contents alone decide how a file is read."""

from __future__ import annotations

from typing import Final

PICTURE_SUFFIXES: Final = frozenset(
    [
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".webp",
        ".avif",
        ".avifs",
        ".gif",
        ".tif",
        ".tiff",
        ".bmp",
        ".dib",
        ".jp2",
        ".j2k",
        ".jpc",
        ".jpf",
        ".jpx",
        ".j2c",
        ".psd",
        ".qoi",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".pfm",
        ".sgi",
        ".rgb",
        ".rgba",
        ".bw",
        ".pcx",
        ".tga",
        ".icb",
        ".vda",
        ".vst",
        ".heic",
        ".heif",
        ".heics",
        ".heifs",
        ".hif",
        ".jxl",
    ]
)
