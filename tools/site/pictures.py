# SPDX-License-Identifier: MIT
"""Make the pictures of docs/tutorial.md, one of which README.md shows too, of the photograph in the package.

    python -m tools.site.pictures

The sizes in them are those that the commands of the tutorial print.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import refcodec
from tools.demo import PHOTO, ROOT
from tools.demo.sheet import side_by_side

IMAGES: Final = ROOT / "docs/images"
CAPTION: Final = "A red cup of coffee."
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
    """The photograph, its preview from VQ indices, and its edge map, in two thirds of their size."""
    indices = refcodec.encode(photo, method="perco")
    sketch = refcodec.encode(photo, method="pics", caption=CAPTION, bpp=0.02)
    edges = refcodec.symbol_files(sketch)["sketch"].make(".png")
    panels = (
        (f"the photograph, {photo.width}x{photo.height}", photo),
        (f"method perco: preview from {len(indices)} bytes", refcodec.decode(indices)),
        (f"method pics: edge map and caption, {len(sketch)} bytes", Image.open(io.BytesIO(edges))),
    )
    size = (photo.width * 2 // 3, photo.height * 2 // 3)
    small = [(name, np.asarray(each.convert("RGB").resize(size, Image.Resampling.LANCZOS))) for name, each in panels]
    return side_by_side(small)


def main() -> None:
    """Write the pictures."""
    photo = Image.open(PHOTO)
    (IMAGES / "tutorial").mkdir(parents=True, exist_ok=True)
    for name, make in (("rates", rates), ("previews", previews)):
        path = IMAGES / f"tutorial/{name}.jpg"
        Image.fromarray(make(photo)).save(path, quality=88, optimize=True, progressive=True)
    Image.fromarray(descriptions(photo)).quantize(256).save(IMAGES / "descriptions.png", optimize=True)


if __name__ == "__main__":
    main()
