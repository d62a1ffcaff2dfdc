# SPDX-License-Identifier: MIT
"""A contact sheet: rows of pictures or texts of one width, each with a title and a line below it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

PANEL: Final = (600, 480)  # largest width and height of a picture on the sheet
MARGIN, GAP, CAPTION, HEADING = 32, 18, 60, 54  # pixels
INK, SOFT, PAPER, CARD, OWN = "#16181d", "#5b6270", "#f3f4f6", "#ffffff", "#0b63c5"


@dataclass(frozen=True)
class Panel:
    """A picture uint8[H, W, 3], or lines of text in its place. own: of a .sem file, which is marked by colour."""

    title: str
    note: str
    content: NDArray[np.uint8] | str
    own: bool = False


@dataclass(frozen=True)
class Row:
    heading: str
    panels: tuple[Panel, ...]


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font."""
    return ImageFont.load_default(size=size)


def side_by_side(panels: list[tuple[str, NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """Join pictures of equal height into one, with a label above each."""
    height, gap, bar = panels[0][1].shape[0], 8, 28
    widths = [p.shape[1] for _, p in panels]
    sheet = Image.new("RGB", (sum(widths) + gap * (len(panels) - 1), height + bar), "white")
    draw, x = ImageDraw.Draw(sheet), 0
    for (label, pixels), width in zip(panels, widths, strict=True):
        draw.text((x + 2, 4), label, fill="black", font=font(16))
        sheet.paste(Image.fromarray(pixels), (x, bar))
        x += width + gap
    return np.asarray(sheet)


def scale_of(size: tuple[int, int]) -> float:
    """Return the factor at which a picture of this size fits a panel; at most 1."""
    return min(1.0, PANEL[0] / size[0], PANEL[1] / size[1])


def draw_sheet(title: str, subtitle: str, rows: list[Row], picture: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the sheet as uint8[H, W, 3]. picture: width and height of all pictures before they are scaled to panels."""
    scale = scale_of(picture)
    width, height = max(360, round(picture[0] * scale)), round(picture[1] * scale)
    columns = max(len(row.panels) for row in rows)
    block = HEADING + height + CAPTION + GAP
    size = (2 * MARGIN + columns * width + (columns - 1) * GAP, 2 * MARGIN + 84 + len(rows) * block)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN - 6), title, fill=INK, font=font(38))
    draw.text((MARGIN, MARGIN + 42), subtitle, fill=SOFT, font=font(20))
    top = MARGIN + 84
    for row in rows:
        draw.text((MARGIN, top + 16), row.heading, fill=INK, font=font(24))
        for i, panel in enumerate(row.panels):
            _draw_panel(sheet, panel, (MARGIN + i * (width + GAP), top + HEADING), (width, height))
        top += block
    return np.asarray(sheet)


def _draw_panel(sheet: Image.Image, panel: Panel, corner: tuple[int, int], size: tuple[int, int]) -> None:
    """Draw one panel: a card with the content, its title in bold size and its note."""
    (x, y), (width, height) = corner, size
    draw = ImageDraw.Draw(sheet)
    frame = OWN if panel.own else "#d5d8de"
    draw.rectangle(
        (x - 1, y - 1, x + width, y + height + CAPTION), fill=CARD, outline=frame, width=2 if panel.own else 1
    )
    if isinstance(panel.content, str):
        _draw_text(draw, panel.content, (x + 18, y + 16), width - 36)
    else:
        image = Image.fromarray(panel.content).convert("RGB")
        image.thumbnail(size, Image.Resampling.LANCZOS)
        sheet.paste(image, (x + (width - image.width) // 2, y + (height - image.height) // 2))
    draw.text(
        (x + 12, y + height + 6), panel.title, fill=OWN if panel.own else INK, font=fitting(panel.title, 23, width)
    )
    draw.text((x + 12, y + height + 34), panel.note, fill=SOFT, font=fitting(panel.note, 19, width))


def fitting(text: str, size: int, width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the largest font up to `size` in which a line fits a panel."""
    while size > 8 and font(size).getlength(text) > width - 24:
        size -= 1
    return font(size)


def _draw_text(draw: ImageDraw.ImageDraw, text: str, corner: tuple[int, int], width: int) -> None:
    """Draw paragraphs; one that begins with a tab is in grey and small."""
    x, y = corner
    for paragraph in text.splitlines():
        soft = paragraph.startswith("\t")
        face = font(17 if soft else 26)
        characters = max(10, int(width / face.getlength("n")))
        for line in textwrap.wrap(paragraph.strip(), characters) or [""]:
            draw.text((x, y), line, fill=SOFT if soft else INK, font=face)
            y += 24 if soft else 36
