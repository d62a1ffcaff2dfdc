# SPDX-License-Identifier: MIT
"""SPEC §9 and §10: streams of a few symbols with the state of the range coder after each."""

from __future__ import annotations

from typing import Final

from tools.vectors.case_types.coder_stream import CoderStream, Symbol

FOLDER: Final = "coder"
BIT: Final[tuple[Symbol, Symbol]] = ((0, 1, 2), (1, 1, 2))

STREAMS: Final = (
    CoderStream("coder-worked-example", (70,), "the worked example of SPEC §9",
        ((5, 3, 10), (8, 2, 10), (7, 1, 1000), (200, 1, 256))),
    CoderStream("coder-carry", (70,), "a carry through a byte FF: twelve symbols 1 of uniform(3), then 2",
        (*([(1, 1, 3)] * 12), (2, 1, 3))),
    CoderStream("coder-carry-at-the-end", (70,),
        "the twelve alone: the carry is that of the finish, and a zero byte goes", ((1, 1, 3),) * 12),
    CoderStream("coder-nothing", (70,), "symbols that all begin at 0 leave no bytes", ((0, 60_000, 65_536),) * 40),
    CoderStream("coder-escape", (70,), "5 by Gaussian table 0: the escape, side 0, prefix 110, bits 00",
        ((65_535, 1, 65_536), BIT[0], BIT[1], BIT[1], BIT[0], BIT[0], BIT[0])),
    CoderStream("coder-clip", (70, 190), "the example of SPEC §13.3: eight codes of two bits",
        tuple((c, 1, 4) for c in (2, 1, 3, 0, 2, 2, 3, 0))),
    CoderStream("coder-pq", (70, 200), "the example of SPEC §13.4: three codes of 1000",
        tuple((c, 1, 1000) for c in (7, 999, 500))),
    CoderStream("coder-largest-total", (70,), "T = 2^16 and frequency 1 at both ends of the range",
        ((65_535, 1, 65_536), (0, 1, 65_536), (65_535, 1, 65_536), (32_768, 1, 65_536))),
)  # fmt: skip

CASES: Final = STREAMS
