# SPDX-License-Identifier: MIT
"""SPEC §20: the file that the specification describes byte by byte."""

from __future__ import annotations

from typing import Final

from tools.vectors.case import ValidCase

FOLDER: Final = "elic"

CASES: Final = (
    ValidCase("example", (10, 12, 18, 60, 70), "the file of SPEC §20", size=(48, 40), check=16, rate=1, y="sparse",
        encode=True),
)  # fmt: skip
