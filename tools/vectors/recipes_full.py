# SPDX-License-Identifier: MIT
"""SPEC §11, §13.7: the embedded model elic-small, with as many channels and layers as a model has that is in use."""

from __future__ import annotations

from typing import Any, Final

from tools.vectors.nonconforming import recoded
from tools.vectors.vector import Fault, Valid, becomes

ROW: Final = 1


def _full(name: str, rules: tuple[int, ...], note: str, **more: Any) -> Valid:
    return Valid(name, rules, note, profile=ROW, **more)


VALID: Final = (
    _full(
        "full-1x1",
        (70, 93),
        "elic-small of full size: one pixel at its lowest rate",
        size=(1, 1),
        check=16,
        encode=True,
    ),
    _full(
        "full-64x64",
        (70, 90, 92, 93),
        "the same model: z and a quarter of the residuals by escapes, of all sizes",
        z="escapes",
        y="escapes",
        rate=6,
        check=32,
        trace=True,
    ),
    _full(
        "full-80x48", (70, 103), "the same at its highest rate: twice as many sites", size=(80, 48), rate=9, check=32
    ),
)

FAULTS: Final = (
    Fault(
        "full-residual-changed",
        "full-1x1",
        501,
        (60,),
        "one residual is higher by one",
        becomes(recoded(s_first=lambda _, s: s + 1)),
        "L",
    ),
)
