# SPDX-License-Identifier: MIT
"""Draw the format: files byte by byte, the descriptor, latents, the range coder (docs/images/format/*.svg).

    python -m tools.site.drawings            write the drawings
    python -m tools.site.drawings --check    exit with status 1 if one differs from what would be written

Bytes, fields and intervals come from the codec, so a drawing shows what files contain.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

import refcodec
from refcodec.inspection import Inspection
from tools.site.drawing_coder import coder
from tools.site.drawing_latents import latents
from tools.site.svg import Drawing

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs/images/format"
COLOURS: Final = {"magic": "f", "descriptor": "a", "profile": "b", "size": "c", "count": "g", "check": "d", "body": "e"}


def _example(hints: dict[str, str] | None = None, metadata: dict[str, str] | None = None) -> tuple[bytes, Inspection]:
    data = refcodec.encode(caption="A cat on a mat.", size=(768, 512), hints=hints or {}, metadata=metadata or {})
    return data, refcodec.inspect(data)


def _bytes(drawing: Drawing, data: bytes, x: float, y: float, width: float, colour: str) -> None:
    """Draw bytes as boxes with their values in hexadecimal."""
    for i, value in enumerate(data):
        drawing.box(x + i * width, y, width, 36, colour)
        drawing.write(x + (i + 0.5) * width, y + 23, f"{value:02X}", size=14, mono=True)


def compact() -> Drawing:
    """A caption for 768×512 in compact form, byte by byte."""
    data, found = _example()
    offset = {field.name: field.offset for field in found.fields}
    drawing = Drawing(
        760, 150, "A compact file", f"The {len(data)} bytes of a caption for a picture of 768×512, by field"
    )
    drawing.write(20, 30, f"“A cat on a mat.” for 768×512: {len(data)} bytes", anchor="start", size=15)
    parts = (
        ("magic", 0, 2, ("magic",)),
        ("descriptor", 2, 1, ("descriptor", "version,", "check code")),
        ("profile", offset["profile"], 1, ("profile", "which", "model")),
        ("size", offset["dim_class"], 1, ("size", "768×512", "in a byte")),
        ("check", offset["check"], 2, ("check", "of the decoded", "symbols")),
        (
            "body",
            offset["body"],
            len(data) - offset["body"],
            ("body", "one range-coded stream,", "to the end of the file"),
        ),
    )
    width = 65.0
    for name, start, count, lines in parts:
        _bytes(drawing, data[start : start + count], 20 + start * width, 48, width, COLOURS[name])
        drawing.brace(20 + start * width, 88, count * width, lines)
    return drawing


def descriptor() -> Drawing:
    """The third byte of that file, bit by bit."""
    data, found = _example()
    fields = [field for field in found.fields if field.offset == 2]
    bits = f"{data[2]:08b}"
    drawing = Drawing(760, 136, "The descriptor", f"The bits of byte {data[2]:02X}, by field")
    drawing.write(20, 30, f"Byte 2, the descriptor: {data[2]:02X}", anchor="start", size=15)
    notes = {"version": "1", "check_code": "0: none, 3: 16 bits, 5: 32", "sectioned": "1: sections", "reserved": "0"}
    x, bit = 20.0, 0
    for colour, field in zip("abcf", fields, strict=True):
        start = x
        for _ in range(field.bits):
            drawing.box(x, 48, 90, 36, colour)
            drawing.write(x + 45, 71, bits[bit], size=15, mono=True)
            x, bit = x + 90, bit + 1
        drawing.brace(start, 88, x - start, (field.name, notes[field.name]))
    return drawing


def sections() -> Drawing:
    """The same caption in sectioned form, with a hint and metadata, a row for the header and for each section."""
    data, found = _example(hints={"seed": "7"}, metadata={"title": "Mat"})
    starts = [field.offset for field in found.fields if field.name.endswith(".critical")]
    drawing = Drawing(760, 262, "A sectioned file", f"The {len(data)} bytes of a file with three sections")
    drawing.write(20, 30, f"The same caption with a hint and a title: {len(data)} bytes", anchor="start", size=15)
    count = next(field.offset for field in found.fields if field.name == "count_minus_1")
    width, names = 28.0, ("caption, critical", "hints", "metadata")
    _bytes(drawing, data[:count], 150, 46, width, "f")
    _bytes(drawing, data[count : starts[0]], 150 + count * width, 46, width, COLOURS["count"])
    drawing.write(140, 69, "header, count", anchor="end", size=12)
    for row, (start, end) in enumerate(zip(starts, [*starts[1:], len(data)], strict=True)):
        y = 94 + 48 * row
        body = start + 2
        for first, last, colour in (
            (start, start + 1, "b"),
            (start + 1, body, "c"),
            (body, end - 2, "e"),
            (end - 2, end, "d"),
        ):
            _bytes(drawing, data[first:last], 150 + (first - start) * width, y, width, colour)
        drawing.write(140, y + 23, names[row], anchor="end", size=12)
    x = 150.0
    for colour, text in (("g", "count − 1"), ("b", "type"), ("c", "length"), ("e", "body"), ("d", "check")):
        drawing.box(x, 238, 12, 12, colour)
        drawing.write(x + 18, 248, text, anchor="start", size=12)
        x += 100
    return drawing


DRAWINGS: Final[dict[str, Callable[[], Drawing]]] = {
    "compact": compact,
    "descriptor": descriptor,
    "sections": sections,
    "latents": latents,
    "coder": coder,
}


def main() -> None:
    """Write the drawings, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    FOLDER.mkdir(parents=True, exist_ok=True)
    old = []
    for name, make in DRAWINGS.items():
        path, text = FOLDER / f"{name}.svg", make().svg()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            old.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    print(
        f"{len(DRAWINGS)} drawings, {len(old)} {'differ' if check else 'written'}{': ' if old else ''}{', '.join(old)}"
    )
    if check and old:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
