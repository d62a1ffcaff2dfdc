# SPDX-License-Identifier: MIT
"""Rate-distortion plots as SVG, without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from refcodec.cli.bench.distortions import Curve

PANEL_W, PANEL_H, LEFT, TOP, GAP, BOTTOM = 420, 320, 56, 34, 70, 74  # pixels
COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f")
# Okabe and Ito, distinct to all eyes, and two more
CAPTION_CHARACTERS = 150
LEGEND_W = 110  # pixels, more for long names
PER_ROW = 2


def svg(panels: Mapping[str, Mapping[str, Curve]], top_bpp: float, caption: str) -> str:
    """Return a plot with one panel per distortion ("PSNR, dB") and one line per codec, for rates 0 to top_bpp.

    `caption` (the command that made the data) is printed below, shortened, and in full in the description.
    """
    width = LEFT + min(len(panels), PER_ROW) * (PANEL_W + GAP) - GAP + 20
    height = -(-len(panels) // PER_ROW) * (TOP + PANEL_H + BOTTOM)
    box = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-family="sans-serif" font-size="12">',
        f"<title>Rate and distortion</title><desc>{escape(caption)}</desc>",
        f'<clipPath id="inside"><rect width="{PANEL_W}" height="{PANEL_H}"/></clipPath>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, (title, curves) in enumerate(panels.items()):
        row, column = divmod(number, PER_ROW)
        left, top = LEFT + column * (PANEL_W + GAP), TOP + row * (TOP + PANEL_H + BOTTOM)
        body.append(f'<g transform="translate({left} {top})">')
        body += [*_panel(title, curves, top_bpp), "</g>"]
    shown = caption if len(caption) <= CAPTION_CHARACTERS else caption[: CAPTION_CHARACTERS - 1] + "…"
    body.append(f'<text x="{LEFT}" y="{height - 10}" font-size="10" fill="#555">{escape(shown)}</text></svg>')
    return "\n".join(body) + "\n"


def panel(curves: Mapping[str, Curve], top_bpp: float, number: int) -> str:
    """Return one panel as an SVG element of an HTML page, without title and legend, for a style sheet to colour.

    number: tells its clip path from those of other panels of the page.
    """
    width, height = LEFT + PANEL_W + 12, PANEL_H + 56
    inside = f"inside{number}"
    parts = [
        f'<svg viewBox="0 0 {width} {height}" role="img" font-size="12">',
        f'<clipPath id="{inside}"><rect width="{PANEL_W}" height="{PANEL_H}"/></clipPath>',
        f'<g transform="translate({LEFT} 12)">',
        *_panel(None, curves, top_bpp, inside),
        "</g></svg>",
    ]
    return "".join(parts)


def _panel(title: str | None, curves: Mapping[str, Curve], top_bpp: float, inside: str = "inside") -> list[str]:
    """Return axes, grid and lines; with a title also that and a legend."""
    seen = [quality for points in curves.values() for rate, quality in points if rate <= top_bpp] or [0.0]
    step = _step(max(seen) - min(seen))
    low, high = step * math.floor(min(seen) / step), step * (math.floor(max(seen) / step) + 1)

    def at(rate: float, quality: float) -> tuple[float, float]:
        return PANEL_W * rate / top_bpp, PANEL_H * (high - quality) / (high - low)

    parts = [] if title is None else [f'<text x="0" y="-12" font-weight="bold">{escape(title)}</text>']
    for quality in _ticks(low, high, step):
        y = at(0, quality)[1]
        parts.append(f'<path d="M0 {y:.1f}H{PANEL_W}" stroke="#ddd"/>')
        parts.append(f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{quality:g}</text>')
    for rate in _ticks(0, top_bpp, _step(top_bpp)):
        x = at(rate, low)[0]
        parts.append(f'<path d="M{x:.1f} 0V{PANEL_H}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{PANEL_H + 16}" text-anchor="middle">{rate:g}</text>')
    legend = PANEL_W - max(LEGEND_W, 34 + 6 * max(map(len, curves), default=0))
    parts.append(f'<text x="{PANEL_W / 2}" y="{PANEL_H + 34}" text-anchor="middle">bits per pixel, whole file</text>')
    for number, (name, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts += _line(name, [(at(*point), point) for point in sorted(points)], colour, inside)
        if title is None:
            continue
        y = PANEL_H - 14 - 17 * (len(curves) - 1 - number)
        parts.append(f'<path d="M{legend} {y - 4}h22" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{legend + 28}" y="{y}">{escape(name)}</text>')
    parts.append(f'<rect width="{PANEL_W}" height="{PANEL_H}" fill="none" stroke="#888"/>')
    return parts


def _line(
    name: str, points: Sequence[tuple[tuple[float, float], tuple[float, float]]], colour: str, inside: str
) -> list[str]:
    """Return a curve through points, each of ((x, y) in the panel, (rate, quality))."""
    path = "L".join(f"{x:.1f} {y:.1f}" for (x, y), _ in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"><title>{escape(name)}: {quality:.3f} at {rate:.3f} bpp</title></circle>'
        for (x, y), (rate, quality) in points
    )
    line = f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    return [f'<g clip-path="url(#{inside})" fill="{colour}">{line}{dots}</g>']


def _step(span: float) -> float:
    """Return a round distance (1, 2 or 5 times a power of ten) that divides the span into about six parts."""
    rough = max(span, 1e-9) / 6
    unit = 10.0 ** math.floor(math.log10(rough))
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)


def _ticks(low: float, high: float, step: float) -> list[float]:
    return [round(low + i * step, 9) for i in range(math.floor((high - low) / step + 1e-6) + 1)]
