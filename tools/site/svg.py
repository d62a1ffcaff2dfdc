# SPDX-License-Identifier: MIT
"""Shapes and colours of the drawings: SVG with a background of its own, in light and in dark colours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Final

STYLE: Final = """
  .back{fill:#ffffff;stroke:#d5dbe3} .t{fill:#1b2733} .s{fill:#55636f} .l{stroke:#55636f;fill:none}
  .a{fill:#d9e6f5} .b{fill:#d8efdc} .c{fill:#fbe7c6} .d{fill:#f7d9dd} .e{fill:#e6def6} .f{fill:#e9edf1} .g{fill:#c5ecec}
  rect.box{stroke:#7d8b99}
  @media (prefers-color-scheme: dark){
    .back{fill:#161b22;stroke:#323b46} .t{fill:#e7edf3} .s{fill:#a3b0bd} .l{stroke:#a3b0bd}
    .a{fill:#1d3f63} .b{fill:#1f4a2c} .c{fill:#5c4415} .d{fill:#5d2830} .e{fill:#41326b} .f{fill:#2b333d} .g{fill:#17494a}
    rect.box{stroke:#8592a0}
  }
"""
SANS: Final = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"
MONO: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def number(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


@dataclass
class Drawing:
    """A drawing of a width and height in pixels; `title` and `text` say to a screen reader what it shows."""

    width: int
    height: int
    title: str
    text: str
    parts: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, colour: str = "f", radius: float = 3) -> None:
        """Add a rectangle of one of the colours a to g."""
        size = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
        self.parts.append(f'<rect class="box {colour}" {size} rx="{number(radius)}"/>')

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: int = 13,
        anchor: str = "middle",
        mono: bool = False,
        soft: bool = False,
    ) -> None:
        """Add a line of text whose baseline is at y; anchor: start, middle or end."""
        face = ' font-family="' + MONO + '"' if mono else ""
        self.parts.append(
            f'<text class="{"s" if soft else "t"}" x="{number(x)}" y="{number(y)}" font-size="{size}" text-anchor="{anchor}"{face}>'
            f"{escape(text)}</text>"
        )

    def line(self, *points: tuple[float, float], arrow: bool = False) -> None:
        """Add a line through points, with an arrow at its end."""
        path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        end = ' marker-end="url(#arrow)"' if arrow else ""
        self.parts.append(f'<polyline class="l" points="{path}"{end}/>')

    def brace(self, x: float, y: float, width: float, lines: Iterable[str]) -> None:
        """Add a bracket below y and centred lines of text below it."""
        self.line((x + 1, y), (x + 1, y + 5), (x + width - 1, y + 5), (x + width - 1, y))
        for i, text in enumerate(lines):
            self.write(x + width / 2, y + 20 + 15 * i, text, size=12, soft=i > 0)

    def svg(self) -> str:
        """Return the file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" aria-labelledby="title text" font-family="{SANS}">'
        )
        arrow = (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path class="s" d="M0 0L8 4L0 8z"/></marker></defs>'
        )
        back = f'<rect class="back" x="0.5" y="0.5" width="{self.width - 1}" height="{self.height - 1}" rx="8"/>'
        title = f'<title id="title">{escape(self.title)}</title><desc id="text">{escape(self.text)}</desc>'
        return "\n".join([head, title, f"<style>{STYLE}</style>", arrow, back, *self.parts, "</svg>", ""])
