# SPDX-License-Identifier: MIT
"""SPEC §7: the keyed check of compact files and of sections."""

from __future__ import annotations

from typing import Final

from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import flip_bits, replace, swap
from tools.vectors.nonconforming import recode
from tools.vectors.samples import MAKER, TITLE

FOLDER: Final = "sections"

VALID: Final = (
    ValidCase("sections-same-check", (60,), "the latents of `default` in sectioned form: the same check", check=16,
        y="sparse", seed="default", sections=(TITLE,)),
    ValidCase("sections-explicit-model", (60,), "an explicit model, by 8 bytes, in sectioned form", hash_bytes=8,
        model="elic-tiny", check=16, y="sparse", size=(50, 33), sections=(MAKER,)),
    ValidCase("explicit-model-without-payload", (62,),
        "an explicit model, by 4 bytes, that is at hand, and a text alone", tier="S", hash_bytes=4,
        model="elic-tiny", check=16, latents=False, sections=(TITLE,)),
    ValidCase("metadata-check-32", (60,), "metadata with a check of 32 bits", tier="S", check=32, latents=False,
        sections=(TITLE,)),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("check-bit", "default", 501, (2, 60), "one bit of the check is wrong", flip_bits("check", 0, 0x80),
        "L"),
    InvalidCase("check-second-byte", "default", 501, (60,), "a bit of its second byte", flip_bits("check", 1, 0x01),
        "L"),
    InvalidCase("check-32-third-byte", "check-32", 501, (60,), "a bit of the third of four bytes",
        flip_bits("check", 2, 0x10), "L"),
    InvalidCase("check-32-last-byte", "check-32", 501, (60,), "a bit of the last of four bytes",
        flip_bits("check", 3, 0x01), "L"),
    InvalidCase("check-of-section", "sections", 501, (2, 60), "the check of the latents is wrong",
        flip_bits("sections[1].check", 0, 1), "L"),
    InvalidCase("check-of-provenance", "sections", 501, (60,), "the check of provenance is wrong",
        flip_bits("sections[0].check", 1, 4), "L"),
    InvalidCase("check-of-grease", "grease", 501, (60,), "the check of a section of an unknown type is wrong",
        flip_bits("sections[3].check", 0, 2), "L"),
    InvalidCase("check-of-metadata", "metadata-check-32", 501, (60,), "no network is needed to see it",
        flip_bits("sections[0].check", 3, 1), "S"),
    InvalidCase("check-of-explicit-model-at-hand", "explicit-model-without-payload", 501, (62,),
        "the check of a text under a model that is at hand", flip_bits("sections[0].check", 0, 1), "S"),
    InvalidCase("check-of-explicit-model", "explicit-model-checked-without-it", 501, (60,), "nor the model itself",
        flip_bits("sections[0].check", 1, 1), "S"),
    InvalidCase("checks-swapped", "sections", 501, (60,), "two sections have each other's checks",
        swap("sections[1].check", "sections[2].check"), "L"),
    InvalidCase("text-changed", "metadata-check-32", 501, (60,), "another letter in a value",
        flip_bits("sections[0].entries[0].value", 0, 1), "S"),
    InvalidCase("size-changed", "size-1-byte", 501, (60,),
        "the width is 51, not 50; the shapes of the latents are the same", replace("width_minus_1", "32"), "L"),
    InvalidCase("residual-changed", "default", 501, (2, 60, 150),
        "a body in which one residual is higher by one, as a drifted decoder might see it",
        recode(residual=lambda _, s: s + 1), "L"),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
