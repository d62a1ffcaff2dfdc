# SPDX-License-Identifier: MIT
"""For notebooks: pictures side by side with the sizes of their files.

    side_by_side({"photo": "photo.png", "sem": refcodec.encode("photo.png"), "JPEG": "photo.jpg"})

In a notebook the result of the last line of a cell is shown. So are inspections (`refcodec.inspect(data)`) and `.sem` files
opened with Pillow. Nothing here needs a notebook: `Gallery.picture` and `write_html` give files.
"""

from __future__ import annotations

import html
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

from PIL import Image, ImageDraw, ImageFont

from refcodec import spec
from refcodec.fileio import write_atomic
from refcodec.report.fragment import Shot, beside_html, shots_html

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Source: TypeAlias = bytes | str | os.PathLike[str] | Image.Image | NDArray[np.uint8]

SIDE_MAX: Final = 640  # pixels of a side that are shown in a notebook
PICTURES_MAX: Final = 24  # pictures of a gallery
TEXT_MAX: Final = 400  # characters of a text that is shown
_LABEL: Final = 40  # rows of pixels of a label
_GAP: Final = 8  # pixels between pictures


@runtime_checkable
class Displayed(Protocol):
    """Anything that a notebook shows as HTML."""

    def _repr_html_(self) -> str: ...


@dataclass(frozen=True)
class Entry:
    """A picture in RGB. file_bytes: the size of the file it came from, None for pixels."""

    name: str
    image: Image.Image
    file_bytes: int | None

    @property
    def note(self) -> str:
        """The size of the file and its rate, or of the picture."""
        width, height = self.image.size
        if self.file_bytes is None:
            return f"{width}x{height}"
        return f"{self.file_bytes:,} bytes, {8 * self.file_bytes / (width * height):.4f} bpp"


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side."""

    entries: tuple[Entry, ...]

    def _repr_html_(self) -> str:
        return shots_html(_shot(entry.image, entry.name, entry.note) for entry in self.entries)

    def picture(self, columns: int = 4) -> Image.Image:
        """Return all of them as one picture, with labels, `columns` in a row. Raises ValueError for less than one."""
        if columns < 1:
            raise ValueError(f"a picture has at least one column, not {columns}")
        cell_width = max(entry.image.width for entry in self.entries) + _GAP
        cell_height = max(entry.image.height for entry in self.entries) + _LABEL + _GAP
        columns = min(columns, len(self.entries))
        rows = -(-len(self.entries) // columns)
        sheet = Image.new("RGB", (columns * cell_width - _GAP, rows * cell_height - _GAP), "white")
        draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
        for i, entry in enumerate(self.entries):
            x, y = i % columns * cell_width, i // columns * cell_height
            draw.text((x + 2, y + 2), f"{entry.name}\n{entry.note}", fill="black", font=font)
            sheet.paste(entry.image, (x, y + _LABEL))
        return sheet


def side_by_side(pictures: Mapping[str, Source], **options: Any) -> Gallery:
    """Return pictures to be shown side by side, with the size of each file.

    Args:
        pictures (mapping of name to bytes, path, PIL image or uint8[H, W, 3]): `.sem` files, and whatever Pillow reads.
            Bytes and paths are files, whose size is shown.
        options: arguments of `refcodec.decode` for the `.sem` files.

    Raises:
        SemError: a `.sem` file is invalid, or its model is missing.
        OSError: another file cannot be read.
        ValueError: there is no picture, or there are more than 24.
    """
    if not 0 < len(pictures) <= PICTURES_MAX:
        raise ValueError(f"a gallery has 1 to {PICTURES_MAX} pictures, not {len(pictures)}")
    return Gallery(tuple(_entry(name, source, options) for name, source in pictures.items()))


def write_html(path: str | os.PathLike[str], *parts: Displayed) -> None:
    """Write what a notebook would show of each part as one page."""
    title = html.escape(Path(path).stem)
    body = "\n".join(part._repr_html_() for part in parts)
    page = f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{title}</title></head><body>\n{body}</body></html>\n"
    write_atomic(path, page.encode("utf-8", "backslashreplace"))


def image_html(image: Image.Image) -> str:
    """Return a `.sem` file that was opened with Pillow: its picture beside what `info` says of the file."""
    error = ""
    try:
        image.load()
    except (OSError, ValueError) as problem:
        error = _shorten(str(problem))
    info, facts = image.info, [("picture", f"{image.width}x{image.height}, {image.mode}")]
    if "bytes" in info and info.get("bpp") is not None:
        facts.append(("file", f"{info['bytes']:,} bytes, {info['bpp']:.4f} bpp"))
    for name in ("method", "profile", "check", "caption", "consonants"):
        if info.get(name) is not None:
            facts.append((name, _shorten(str(info[name]))))
    if error:
        facts.append(("error", error))
    return beside_html(None if error else _shot(image, "", ""), facts)


def _shorten(text: str) -> str:
    """Return a text of at most 400 characters."""
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"


def _entry(name: str, source: Source, options: Mapping[str, Any]) -> Entry:
    if isinstance(source, str | os.PathLike):
        source = Path(source).read_bytes()
    if not isinstance(source, bytes):
        image = source if isinstance(source, Image.Image) else Image.fromarray(source)
        return Entry(name, image.convert("RGB"), None)
    if source.startswith(spec.MAGIC):
        from refcodec.decode_picture import decode

        return Entry(name, decode(source, **options), len(source))
    with Image.open(io.BytesIO(source)) as opened:
        return Entry(name, opened.convert("RGB"), len(source))


def _shot(image: Image.Image, name: str, note: str) -> Shot:
    shown = image.convert("RGB")
    shown.thumbnail((SIDE_MAX, SIDE_MAX), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    shown.save(out, "PNG", optimize=False)
    return Shot(name, note, out.getvalue(), *shown.size)
