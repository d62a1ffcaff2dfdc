# SPDX-License-Identifier: MIT
"""Cases that the payloads of kinds 3, 4 and 5 have in common."""

from __future__ import annotations

from typing import Any, Final

from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import append, replace

KIND: Final = {"clip": 3, "pq": 4, "vq": 5}


def codes_case(
    name: str, rules: tuple[int, ...], note: str, codes: tuple[int, ...], profile: int, **options: Any
) -> ValidCase:
    """Return a case of one payload, whose kind is the first part of the name."""
    payloads = ((KIND[name.partition("-")[0]], codes),)
    return ValidCase(name, rules, note, tier="S", profile=profile, latents=False, payloads=payloads, **options)


def stream_ends(base: str, empty: str) -> tuple[InvalidCase, ...]:
    """Return streams with an invalid beginning or end; `base`: unchecked, of 4 bytes or more; `empty`: of no bytes."""
    kind = base.partition("-")[0]
    return (
        InvalidCase(f"{kind}-ffffffff", base, 401, (80,), "a body that begins as none can", replace("body", "FFFFFFFF", 4), "S"),
        InvalidCase(f"{kind}-tail-zero", base, 402, (70,), "a zero byte too many", append("00"), "S"),
        InvalidCase(f"{kind}-tail-longer", base, 402, (70,), "a longer number in the same interval", append("01"), "S"),
        InvalidCase(f"{kind}-tail-garbage", base, 402, (70,), "bytes that no symbol needs", append("C0FFEE11"), "S"),
        InvalidCase(f"{kind}-zero-of-nothing", empty, 402, (70,), "a byte where none is needed", append("00"), "S"),
        InvalidCase(f"{kind}-ffffffff-alone", empty, 401, (80,), "FF FF FF FF and no more", append("FFFFFFFF"), "S"),
    )  # fmt: skip
