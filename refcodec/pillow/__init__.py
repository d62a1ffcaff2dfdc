# SPDX-License-Identifier: MIT
"""Plugin for Pillow: importing this module lets `PIL.Image.open` read `.sem` files, and `Image.save` write them.

    import refcodec.pillow
    from PIL import Image

    with Image.open("photo.sem") as image:          # header and sections: no model, no torch
        print(image.size, image.info["bpp"])
        image.convert("RGB")                        # decodes
    Image.open("photo.jpg").save("photo.sem", quality=7)

docs/pillow.md describes `info`, options and errors.
"""

from __future__ import annotations

from refcodec.pillow.decoding import configure
from refcodec.pillow.image_file import SemImageFile
from refcodec.pillow.registration import register

__all__ = ["SemImageFile", "configure", "register"]

register()
