# SPDX-License-Identifier: MIT
"""Anchor codecs: JPEG, WebP and AVIF as Pillow writes them. Rates are of complete files, with their headers."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, __version__, features

from refcodec.cli.bench.measure import Codec, Setting, open_picture

# Dense where the rate window of the benchmarks (0.1 to 0.8 bpp) lies, down to the lowest quality of each: as means over
# Kodak that is 0.09 bpp for JPEG and 0.10 for WebP. Leaving out the lowest ones would cut the common interval short.
JPEG_QUALITIES = (1, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 30, 35, 40, 45, 50, 60, 70, 80)
WEBP_QUALITIES = (0, 1, 2, 3, 4, 5, 7, 10, 14, 18, 22, 27, 32, 38, 45, 52, 60, 68, 76, 84, 90)
AVIF_QUALITIES = (2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 32, 36, 40, 44, 47, 50, 54, 58, 63, 68, 74)


def _anchor(name: str, library: str, qualities: tuple[int, ...], **settings: Any) -> Codec:
    def encode(image: Image.Image, quality: Setting) -> bytes:
        file = io.BytesIO()
        image.save(file, name, quality=quality, **settings)
        return file.getvalue()

    written = " ".join(f"{key}={value}" for key, value in settings.items())
    identity = f"{name} Pillow {__version__} {library} {features.version(library)} {written}"
    return Codec(name, identity, qualities, encode, open_picture)


def jpeg() -> Codec:
    """Return baseline JPEG, 4:2:0, with Huffman tables optimised for the picture."""
    library = "libjpeg_turbo" if features.check("libjpeg_turbo") else "jpg"
    return _anchor("JPEG", library, JPEG_QUALITIES, optimize=True, subsampling="4:2:0")


def webp() -> Codec:
    """Return lossy WebP with its slowest and best search."""
    return _anchor("WebP", "webp", WEBP_QUALITIES, method=6)


def avif() -> Codec:
    """Return AVIF, 8 bits, 4:2:0, with two threads.

    The number of threads decides the tiles and so the bytes (about 1 %). With two threads they are those that any machine
    with two or more cores writes by default.
    """
    return _anchor("AVIF", "avif", AVIF_QUALITIES, speed=6, subsampling="4:2:0", max_threads=2)


ANCHORS = {"jpeg": jpeg, "webp": webp, "avif": avif}
