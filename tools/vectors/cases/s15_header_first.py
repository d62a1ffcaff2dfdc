# SPDX-License-Identifier: MIT
"""SPEC §4, §15: limits are checked after the entire header, so that an error later in the header comes first."""

from __future__ import annotations

from typing import Final

from tools.vectors.case import InvalidCase
from tools.vectors.edits import combine, replace, truncate

FOLDER: Final = "header"
SIDE: Final = "FFFFFF7F"  # 270549120
RULES: Final = (14, 141, 150)

CASES: Final = (
    InvalidCase("limit-side-check-cut", "vq-row", 202, RULES, "a side of 16385, and a check that is cut",
        combine(replace("width_minus_1", "FF00"), truncate("check", 1)), "H"),
    InvalidCase("limit-side-check-missing", "vq-check-32", 202, RULES, "the largest sides, and no check",
        combine(replace("width_minus_1", SIDE), replace("height_minus_1", SIDE), truncate("check")), "H"),
    InvalidCase("limit-side-height-cut", "vq-row", 202, RULES, "a width of 16385, and a height that is cut",
        combine(replace("width_minus_1", "FF00"), replace("height_minus_1", "80"), truncate("check")), "H"),
    InvalidCase("limit-pixels-check-cut", "consonant-largest-picture", 202, RULES, "16384 × 2049 pixels, and a check that is cut",
        combine(replace("height_minus_1", "8F00"), truncate("check", 1)), "H"),
    InvalidCase("limit-side-count-missing", "vq-sections", 202, RULES, "a side of 16385, and no count",
        combine(replace("width_minus_1", "FF00"), truncate("count_minus_1")), "H"),
    InvalidCase("limit-side-count-range", "vq-sections", 207, (3, 141, 150),
        "a side of 16385, and a count of more than four bytes",
        combine(replace("width_minus_1", "FF00"), replace("count_minus_1", "8080808000")), "H"),
)  # fmt: skip
