# SPDX-License-Identifier: MIT
"""Make the pictures of docs/tutorial.md, one of which README.md shows, too, out of a photograph.

    python -m tools.site.pictures [PHOTO]

Without PHOTO: "coffee" (CC0, Rachel Michetti), from the sample pictures of scikit-image, which is the photo.jpg of
the tutorial.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import refcodec
from tools.demo import sample
from tools.demo.sheet import side_by_side

IMAGES: Final = Path(__file__).resolve().parents[2] / "docs/images"
FOLDER: Final = IMAGES / "tutorial"
CAPTION: Final = "A red cup of coffee."  # of the tutorial, as is the rate of the edge map
WIDTH: Final = 1200  # of descriptions.png, which has a palette, as a PNG of photographs is large
CROP: Final = (100, 30, 480, 390)  # the cup, in the pixels of the sample


def _panel(picture: Image.Image) -> NDArray[np.uint8]:
    box = CROP if picture.size == (600, 400) else (0, 0, min(380, picture.width), min(360, picture.height))
    return np.asarray(picture.convert("RGB").crop(box))


def rates(photo: Image.Image) -> NDArray[np.uint8]:
    """The photograph beside three qualities, each with the size of its file."""
    panels = [("the photograph", _panel(photo))]
    for quality in (1, 5, 9):
        data = refcodec.encode(photo, quality=quality)
        panels.append((f"--quality {quality}: {len(data)} bytes", _panel(refcodec.decode(data))))
    return side_by_side(panels)


def previews(photo: Image.Image) -> NDArray[np.uint8]:
    """What `decode --progressive` writes on the way to the picture."""
    data = refcodec.encode(photo, quality=5)
    steps = list(refcodec.decode_progressive(data))
    chosen = [steps[0], steps[1], steps[2], steps[-1]]
    names = ("preview 1", "preview 2", "preview 3", "the picture")
    return side_by_side([(name, _panel(step.image)) for name, step in zip(names, chosen, strict=True)])


def descriptions(photo: Image.Image) -> NDArray[np.uint8]:
    """The photograph beside what files of two methods say of it."""
    indices = refcodec.encode(photo, method="perco")
    sketch = refcodec.encode(photo, method="pics", caption=CAPTION, bpp=0.02)
    edges = Image.open(io.BytesIO(refcodec.symbol_files(sketch)["sketch"].make(".png")))
    panels = [
        ("the photograph", photo),
        (f"VQ indices, {len(indices)} bytes: the preview", refcodec.decode(indices)),
        (f"edge map and caption, {len(sketch)} bytes: the edge map", edges.resize(photo.size)),
    ]
    return side_by_side([(name, np.asarray(picture.convert("RGB"))) for name, picture in panels])


def main() -> None:
    """Write two pictures as JPEG, and that of the descriptions as PNG."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else sample()
    out = io.BytesIO()
    Image.open(path).convert("RGB").save(out, "JPEG", quality=95)
    photo = Image.open(out)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in (("rates", rates), ("previews", previews)):
        Image.fromarray(make(photo)).save(FOLDER / f"{name}.jpg", quality=88, optimize=True, progressive=True)
    sheet = Image.fromarray(descriptions(photo))
    small = sheet.resize((WIDTH, round(sheet.height * WIDTH / sheet.width)), Image.Resampling.LANCZOS)
    small.quantize(256).save(IMAGES / "descriptions.png", optimize=True)


if __name__ == "__main__":
    main()
