# SPDX-License-Identifier: MIT
"""Draw the latents of a picture: two grids, groups of channels, and the two passes of each group."""

from __future__ import annotations

from refcodec import Registry
from tools.site.svg import Drawing

CELL = 15.0


def _grid(drawing: Drawing, x: float, y: float, parity: int, *, second: bool) -> None:
    """Draw 4 × 6 sites: anchors in one colour, and with `second` the others, too."""
    for r in range(4):
        for c in range(6):
            anchor = (r + c) % 2 == parity
            colour = "b" if anchor else "c" if second else "f"
            drawing.box(x + c * CELL, y + r * CELL, CELL, CELL, colour, 0)


def latents() -> Drawing:
    """The order in which the numbers of a latent file are decoded, with the shapes of profile 1 at 768×512."""
    row = Registry.shipped().get(1)
    parameters = row.binding["parameters"]["7"]
    groups, hyper, parity = parameters["groups"], parameters["hyper"], parameters["parity"]
    title = "Latents, in the order in which they are decoded"
    drawing = Drawing(
        760, 330, title, "z first, then the groups of channels of y, each in two passes over a checkerboard"
    )
    drawing.write(
        20, 30, f"Profile {row.id}, {row.name}, at 768×512: latents in the order of decoding", anchor="start", size=15
    )
    drawing.box(20, 52, 110, 62, "a")
    drawing.write(75, 80, "z", size=17)
    drawing.write(75, 100, f"{hyper} × 8 × 12", size=12, soft=True)
    drawing.line((130, 83), (172, 83), arrow=True)
    drawing.box(176, 52, 150, 62, "g")
    drawing.write(251, 80, "h_s, in integers", size=13)
    drawing.write(251, 100, "what to expect of y", size=12, soft=True)
    drawing.line((326, 83), (368, 83), arrow=True)
    drawing.write(376, 76, "for each group k of channels of y:", anchor="start")
    drawing.write(
        376, 95, "a table for every site, from z, from the groups before,", anchor="start", size=12, soft=True
    )
    drawing.write(376, 111, "and in the second pass from the anchors around it", anchor="start", size=12, soft=True)
    width = 720 / len(groups)
    for k, channels in enumerate(groups):
        x = 20 + k * width
        drawing.write(x + width / 2 - 10, 152, f"group {k}: {channels} channels", size=12)
        _grid(drawing, x + 22, 162, parity, second=False)
        drawing.line((x + 67, 226), (x + 67, 240), arrow=True)
        _grid(drawing, x + 22, 242, parity, second=True)
        if k + 1 < len(groups):
            drawing.line((x + 114, 232), (x + width + 16, 232), arrow=True)
    drawing.box(20, 311, 11, 11, "b", 0)
    drawing.write(37, 321, "pass 0: anchors", anchor="start", size=12)
    drawing.box(160, 311, 11, 11, "c", 0)
    drawing.write(177, 321, "pass 1: the other sites", anchor="start", size=12)
    drawing.write(
        740, 321, f"y: {sum(groups)} × 32 × 48, a part of 4 × 6 sites is drawn", anchor="end", size=12, soft=True
    )
    return drawing
