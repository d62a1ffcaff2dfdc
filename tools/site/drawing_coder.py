# SPDX-License-Identifier: MIT
"""Draw the range coder: the worked example of SPEC §9, an interval within an interval."""

from __future__ import annotations

from refcodec.entropy.rangecoder import Encoder
from tools.site.svg import Drawing

STEPS = ((5, 3, 10), (8, 2, 10), (7, 1, 1000), (200, 1, 256))  # c, f, T of SPEC §9
NAMES = ("symbol 1 of (5, 3, 2)", "symbol 2 of (5, 3, 2)", "7 of 1000", "200 of 256")


def _body() -> bytes:
    encoder = Encoder()
    for c, f, t in STEPS:
        encoder.symbol((0, c, c + f, t), 1)
    return encoder.finish()


def coder() -> Drawing:
    """Four symbols narrow an interval; the body is the shortest number in it."""
    drawing = Drawing(
        760, 290, "The range coder", "Each symbol takes its share of the interval that the symbols before it left"
    )
    drawing.write(20, 30, "Each symbol keeps its share of the interval: c to c + f of T", anchor="start", size=15)
    for row, ((c, f, t), name) in enumerate(zip(STEPS, NAMES, strict=True)):
        y, x0, width = 50 + 54 * row, 170.0, 560.0
        a, b = x0 + width * c / t, x0 + width * (c + f) / t
        drawing.box(x0, y, width, 24, "f")
        drawing.box(a, y, max(b - a, 2), 24, "b")
        drawing.write(160, y + 16, name, anchor="end", size=12)
        if row + 1 < len(STEPS):
            drawing.line((a, y + 24), (x0, y + 54))
            drawing.line((max(b, a + 2), y + 24), (x0 + width, y + 54))
    body = _body()
    drawing.write(
        20,
        274,
        f"The shortest bytes of a number in the last interval are the body: {body.hex(' ').upper()}",
        anchor="start",
    )
    return drawing
