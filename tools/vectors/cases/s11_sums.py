# SPDX-License-Identifier: MIT
"""SPEC §11: sums and products that only the widest reading of the bounds takes, by the model `edge-sums`."""

from __future__ import annotations

from typing import Any, Final

from tools.vectors.case import OwnRegistry, ValidCase
from tools.vectors.case_types.registry_row import document
from tools.vectors.cases.s15_bounds import latents_row
from tools.vectors.models import sums

FOLDER: Final = "registries"
PROFILE: Final = 232
ROWS: Final = OwnRegistry(
    "sums", document(latents_row(PROFILE, sums.NAME, 64, rates=2, hyper=1, groups=[1], m=1, parity=0))
)


def _sums(name: str, rules: tuple[int, ...], note: str, **options: Any) -> ValidCase:
    return ValidCase(name, rules, note, profile=PROFILE, registry=ROWS, check=16, **options)


CASES: Final = (
    _sums("edge-sums", (100, 106, 109),
        "a deconvolution that reads 32768, which no 16-bit integer holds; a deconvolution of stride 1",
        size=(130, 70)),
    _sums("edge-sums-pairs", (103, 107),
        "the largest multiplier beside the addend 0, and the largest addend beside the multiplier 1", rate=1),
)  # fmt: skip
