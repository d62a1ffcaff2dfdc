# SPDX-License-Identifier: MIT
"""Encode a photograph with the methods whose models are part of the package, and draw a contact sheet of the results.

    python -m tools.demo [PHOTO] [--caption TEXT]

The sheet, out/demo/sheet.png, has the photo; .sem at three rates beside JPEG and AVIF of the same bytes; the sketch and
the restored words; the preview of VQ indices beside AVIF and JPEG XL of the same bytes. Without PHOTO: the photograph in
the package, "coffee" (CC0, Rachel Michetti). TEXT is a sentence about PHOTO, by default "a photograph".
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refcodec.images.save import save
from tools import program
from tools.demo import PHOTO, ROOT, anchors, steps
from tools.demo.anchors import Anchor
from tools.demo.sheet import Panel, Row, draw_sheet
from tools.demo.steps import Coded

OUT: Final = ROOT / "out/demo"
QUALITIES: Final = (3, 5, 8)
PHOTO_CODECS: Final = {"JPEG": anchors.jpeg, "AVIF": anchors.avif}
SMALL_CODECS: Final = {"AVIF": anchors.avif, "JPEG XL": anchors.jpeg_xl}
CAPTION: Final = "a red cup of coffee on a wooden table"  # of PHOTO
ANY: Final = "a photograph"  # the caption of another photo, unless the user describes it


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Return PSNR in dB over R, G and B."""
    mse = float(np.mean((a.astype(np.float64) - b) ** 2))
    return float("inf") if mse == 0 else float(10 * np.log10(255**2 / mse))


def label(size: int, pixels: NDArray[np.uint8]) -> str:
    """Return bytes and bits per pixel of a file of a picture."""
    return f"{size:,} bytes, {8 * size / (pixels.shape[0] * pixels.shape[1]):.4f} bpp"


def sem_panel(title: str, coded: Coded, photo: NDArray[np.uint8], note: str = "") -> Panel:
    """Return the panel of a .sem file."""
    title = f"{title}: {label(coded.size, photo)}"
    return Panel(title, note or f"PSNR {psnr(photo, coded.pixels):.2f} dB", coded.pixels, own=True)


def anchor_panel(name: str, anchor: Anchor | None, photo: NDArray[np.uint8]) -> Panel:
    """Return the panel of an anchor, which says where it does not have the wanted bytes, or why it is absent."""
    if anchor is None:
        return Panel(f"{name}: not available here", "the library to write it is not installed", "")
    note = f"PSNR {psnr(photo, anchor.pixels):.2f} dB"
    if anchor.factor > 1:
        note += f"; at 1/{anchor.factor} size (at full size {anchor.smallest:,} bytes or more)"
    elif not anchor.equal:
        note += f"; it cannot reach {anchor.wanted:,} bytes"
    return Panel(f"{name}: {label(len(anchor.data), photo)}", note, anchor.pixels)


def compared(heading: str, title: str, coded: Coded, others: dict[str, Anchor | None], photo: NDArray[np.uint8]) -> Row:
    """Return the row of a .sem file and anchors, in which the best PSNR is marked."""
    panels = [sem_panel(title, coded, photo), *(anchor_panel(name, a, photo) for name, a in others.items())]
    pictures = [coded.pixels, *(None if a is None else a.pixels for a in others.values())]
    values = [-1.0 if pixels is None else psnr(photo, pixels) for pixels in pictures]
    best = values.index(max(values))
    panels[best] = replace(panels[best], note=panels[best].note.replace(" dB", " dB, best of the row", 1))
    return Row(heading, tuple(panels))


def rate_rows(photo: Path, pixels: NDArray[np.uint8], out: Path) -> Iterable[Row]:
    """Yield a row for each quality: the .sem file, and JPEG and AVIF of its bytes."""
    for quality in QUALITIES:
        coded = steps.picture(photo, out, f"quality-{quality}", "--quality", str(quality))
        with steps.timed(f"JPEG and AVIF of {coded.size:,} bytes"):
            others = {name: anchors.reduced(codec, pixels, coded.size) for name, codec in PHOTO_CODECS.items()}
        heading = f"Method elic at quality {quality}, and others at the same bytes"
        yield compared(heading, f".sem, quality {quality}", coded, others, pixels)


def description_row(photo: Path, pixels: NDArray[np.uint8], out: Path, caption: str) -> Row:
    """Return the row of the photo, the sketch beside a caption, and the words."""
    size = (pixels.shape[1], pixels.shape[0])
    coded = steps.sketch(photo, out, caption, size)
    sent_bytes, consonants, restored = steps.words(caption, out, size)
    text = f"\tThe description\n{caption}\n\n\tis sent as consonants\n{consonants}\n\n\tand restored to\n{restored}"
    return Row(
        "The photo, and descriptions for a generator",
        (
            Panel("Original", f"{size[0]} x {size[1]} pixels", pixels),
            sem_panel("Sketch and caption", coded, pixels, "method pics: an edge map for a ControlNet"),
            Panel(f"Words: {label(sent_bytes, pixels)}", "method consonant: a prompt for a generator", text, own=True),
        ),
    )


def preview_row(photo: Path, pixels: NDArray[np.uint8], out: Path) -> Row:
    """Return the row of the preview of VQ indices, beside AVIF and JPEG XL of its bytes."""
    coded = steps.picture(photo, out, "vq", "--method", "perco")
    with steps.timed(f"AVIF and JPEG XL of {coded.size:,} bytes"):
        others = {name: anchors.reduced(codec, pixels, coded.size) for name, codec in SMALL_CODECS.items()}
    heading = "Method perco: the preview of the embedded autoencoder, and others at the same bytes"
    return compared(heading, ".sem, VQ indices", coded, others, pixels)


def caption_for(photo: Path, caption: str | None) -> str:
    """Return the caption of a photo: the given one, that of the photograph in the package, or one that fits any photo."""
    if caption is not None or photo == PHOTO:
        return caption or CAPTION
    print(f"described as {ANY!r}; say what it shows with CAPTION='…' (make demo) or --caption")
    return ANY


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("photo", nargs="?", type=Path, default=PHOTO)
    ap.add_argument("--caption", help="a sentence about the photo")
    args = ap.parse_args()
    start = time.monotonic()
    OUT.mkdir(parents=True, exist_ok=True)
    photo, pixels = steps.prepared(args.photo.resolve(), OUT)
    rows = [description_row(photo, pixels, OUT, caption_for(args.photo, args.caption)), *rate_rows(photo, pixels, OUT)]
    rows.append(preview_row(photo, pixels, OUT))
    first = OUT / f"quality-{QUALITIES[0]}.sem"
    steps.run("inspect", first)
    steps.run("verify", first)
    height, width = pixels.shape[:2]
    title = f"{args.photo.name}, {width} x {height}, as .sem files"
    subtitle = "Blue: .sem, decoded by the models in the package. Every number of bytes is the size of a file."
    picture = OUT / "sheet.png"
    compared_rows = [rows[1], rows[len(QUALITIES)]]
    with steps.timed("drawing the sheet"):
        save(draw_sheet(title, subtitle, rows, (width, height)), picture)
        save(draw_sheet(title, subtitle, compared_rows, (width, height)), OUT / "side-by-side.png")
    print(f"\nAll steps took {time.monotonic() - start:.0f} s. The picture to look at: {picture}")
    command = steps.activation()
    if command is not None:
        print(f"semtool is not on your path yet. For this shell:  {command}")


if __name__ == "__main__":
    raise SystemExit(program.run(main))
