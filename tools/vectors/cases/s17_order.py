# SPDX-License-Identifier: MIT
"""SPEC §17.1, §17.2: files with two errors, of which the first determines the answer, and a file that needs no memory."""

from __future__ import annotations

from typing import Final

from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import combine, replace, truncate
from tools.vectors.samples import TITLE

FOLDER: Final = "sections"
LARGEST: Final = "FFFFFF7F"  # a varint of four bytes

VALID: Final = (
    ValidCase("largest-picture-of-text", (142, 151),
        "a text beside a picture of 2^25 pixels without a payload: it takes no memory for them", tier="S", check=32,
        latents=False, size=(16_384, 2048), sections=(TITLE,)),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("cut-before-limit-side", "vq-tiny", 202, (14, 150),
        "a side beyond its limit, and the file ends within the check: limits come after the entire header",
        combine(replace("width_minus_1", LARGEST), truncate("check", 1))),
    InvalidCase("cut-before-limit-pixels", "largest-picture-of-text", 202, (14, 150),
        "too many pixels, and the file ends before the count",
        combine(replace("height_minus_1", "FE7F"), truncate("count_minus_1"))),
    InvalidCase("count-before-limit-side", "largest-picture-of-text", 207, (3, 150),
        "a side beyond its limit, and a count of five bytes",
        combine(replace("width_minus_1", LARGEST), replace("count_minus_1", "8080808000"))),
    InvalidCase("width-four-bytes-then-cut", "vq-tiny", 207, (3, 150),
        "a fourth byte with bit 7 set, and the file ends: no varint has a fifth that could be missing",
        combine(replace("width_minus_1", "FFFFFFFF"), truncate("height_minus_1"))),
    InvalidCase("height-four-bytes-then-cut", "vq-tiny", 207, (3, 150), "the same in the height",
        combine(replace("height_minus_1", "80808080"), truncate("height_minus_1", 1))),
    InvalidCase("count-four-bytes-then-cut", "largest-picture-of-text", 207, (3, 150), "the same in a count",
        combine(replace("count_minus_1", "FFFFFFFF"), truncate("count_minus_1", 1))),
    InvalidCase("length-four-bytes-then-cut", "metadata-alone", 305, (3, 150), "the same in the length of a section",
        combine(replace("sections[0].length", "FFFFFFFF"), truncate("sections[0].length", 1))),
    InvalidCase("cut-in-text-with-keys-descending", "metadata-alone", 301, (46, 59),
        "keys in another order, and the file ends within the body: a body is there entire before its entries are read",
        combine(replace("sections[0].entries[0].key", "63"), truncate("sections[0].entries[1].value", 2))),
    InvalidCase("cut-in-text-with-key-not-utf-8", "metadata-alone", 301, (46, 59),
        "a key that is not UTF-8, and the file ends within the body",
        combine(replace("sections[0].entries[0].key", "FF"), truncate("sections[0].entries[1].key"))),
    InvalidCase("cut-in-hints-with-value", "hints", 301, (46, 59),
        "a hint without its form, and the file ends before the last byte of the body",
        combine(replace("sections[0].entries[0].value", "78"), truncate("sections[0].check", -1))),
    InvalidCase("keys-descending-before-cut-check", "metadata-keys", 305, (49, 150),
        "keys in another order, and the file ends within the check behind them",
        combine(replace("sections[0].entries[1].key", "40"), truncate("sections[0].check", 1))),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
