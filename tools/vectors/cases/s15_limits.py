# SPDX-License-Identifier: MIT
"""SPEC §15: sizes of pictures at the limits of level 1, and beyond. Limits of payloads are with their kinds."""

from __future__ import annotations

from typing import Final

from refcodec.container.fields import varint
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import combine, replace

FOLDER: Final = "header"

VALID: Final = (
    ValidCase("limit-side", (140, 141), "a side of 16384", size=(16384, 1), tier="H", latents_body=b""),
    ValidCase("limit-side-height", (140, 141), "a height of 16384", size=(1, 16384), tier="H", latents_body=b""),
    ValidCase("limit-pixels", (140, 141), "2^25 pixels", size=(16384, 2048), tier="H", latents_body=b""),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("limit-side-exceeded", "limit-side", 601, (141,), "a side of 16385", replace("width_minus_1", "FF00")),
    InvalidCase("limit-side-height-exceeded", "limit-side-height", 601, (141,), "a height of 16385",
        replace("height_minus_1", "FF00")),
    InvalidCase("size-3-bytes", "limit-side", 601, (3, 141), "a side of three bytes, 16513",
        replace("width_minus_1", "808000")),
    InvalidCase("size-4-bytes", "limit-side", 601, (3, 141), "a side of four bytes, 2113665",
        replace("width_minus_1", "80808000")),
    InvalidCase("size-largest", "limit-side", 601, (141, 142), "the largest width that there is",
        replace("width_minus_1", "FFFFFF7F")),
    InvalidCase("limit-pixels-exceeded", "limit-pixels", 602, (141,), "16384 × 2049 pixels",
        replace("height_minus_1", "8F00")),
    InvalidCase("bomb", "size-1x1", 601, (141, 142, 150),
        "13 bytes that claim 2^56 pixels: every limit is broken, the side is named",
        combine(replace("width_minus_1", "FFFFFF7F"), replace("height_minus_1", "FFFFFF7F"))),
    InvalidCase("limit-pixels-exceeded-by-1", "limit-pixels", 602, (141,), "8283 × 4051 pixels, 2^25 and one",
        combine(replace("width_minus_1", varint(8282).hex()), replace("height_minus_1", varint(4050).hex()))),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
