# SPDX-License-Identifier: MIT
"""Pictures: any bytes are uint8[H, W, 3] within the limits, or one error, without a warning."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageDraw

from refcodec.errors import SemError
from refcodec.images.load import load
from tools.fuzz.mutators import png
from tools.fuzz.target import Target, refusal, require

SIDE, PIXELS = 256, 1 << 14
MAGICS = (
    png.SIGNATURE, b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1\x00\x20Exif\0\0", b"RIFF", b"WEBPVP8 ", b"WEBPVP8L", b"WEBPVP8X", b"GIF89a", b"II*\0",
    b"MM\0*", b"II+\0", b"BM", b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"8BPS\0\x01", b"qoif", b"P6\n2 2\n255\n", b"P5 2 2 65535\n", b"Pf",
    b"\x01\xda", b"ftypavif", b"ftypheic", b"\0\0\0\x0cJXL ", b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"cICP", b"gAMA", b"cHRM", b"acTL", b"fcTL",
    b"IDAT", b"IEND", b"%PDF", b"\xf5\x9e",
)  # fmt: skip
SAVED: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("RGB", "PNG", {}), ("RGBA", "PNG", {}), ("L", "PNG", {}), ("P", "PNG", {}), ("1", "PNG", {}), ("I;16", "PNG", {}), ("RGB", "JPEG", {}),
    ("L", "JPEG", {}), ("CMYK", "JPEG", {}), ("RGB", "JPEG", {"progressive": True}), ("RGB", "WEBP", {}), ("RGBA", "WEBP", {"lossless": True}),
    ("P", "GIF", {}), ("RGB", "TIFF", {}), ("CMYK", "TIFF", {}), ("1", "TIFF", {"compression": "group4"}), ("RGB", "TIFF", {"compression": "tiff_lzw"}),
    ("RGB", "TIFF", {"compression": "jpeg"}), ("I;16", "TIFF", {}), ("F", "TIFF", {}), ("RGB", "BMP", {}), ("P", "BMP", {}), ("RGB", "JPEG2000", {}),
    ("RGB", "PPM", {}), ("L", "PPM", {}), ("RGB", "SGI", {}), ("RGB", "TGA", {"compression": "tga_rle"}), ("P", "PCX", {}), ("RGB", "DIB", {}),
    ("RGB", "AVIF", {}), ("RGB", "QOI", {}),
)  # fmt: skip


def seeds() -> list[bytes]:
    """Return a small picture in each mode of each format that can be written here."""
    base = Image.new("RGB", (9, 7), "white")
    ImageDraw.Draw(base).ellipse((1, 1, 7, 5), fill="navy", outline="red")
    found = [_raw_qoi(), _psd()]
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    embedded: tuple[dict[str, object], ...] = (
        {"exif": exif},
        {"icc_profile": profile},
        {"exif": exif, "icc_profile": profile},
    )
    for options in embedded:
        for form in ("PNG", "JPEG", "WEBP", "TIFF"):
            found.append(_saved(base, form, options))
    frames = [base.convert("P"), base.rotate(90).convert("P").resize(base.size)]
    for form in ("GIF", "WEBP", "TIFF", "PNG"):
        found.append(_saved(frames[0], form, {"save_all": True, "append_images": frames[1:]}))
    found += [_saved(_converted(base, mode), form, options) for mode, form, options in SAVED]
    return [data for data in found if data]


def _converted(base: Image.Image, mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(np.asarray(base.convert("L")).astype(np.uint16) * 257)
    return base.convert(mode)


def _saved(image: Image.Image, form: str, options: dict[str, object]) -> bytes:
    """Return an image file, empty if this build of Pillow cannot write it."""
    out = io.BytesIO()
    try:
        image.save(out, form, **options)  # type: ignore[arg-type]
    except (OSError, KeyError, ValueError):
        return b""
    return out.getvalue()


def _raw_qoi() -> bytes:
    """Return a QOI file of 2 x 2 pixels."""
    pixels = b"\xfe\x10\x20\x30\xc1\xfe\xff\x00\x00"
    return b"qoif" + (2).to_bytes(4, "big") * 2 + b"\3\0" + pixels + b"\0" * 7 + b"\1"


def _psd() -> bytes:
    """Return a PSD file of 2 x 2 grey pixels."""
    head = b"8BPS\0\1" + bytes(6) + (1).to_bytes(2, "big") + (2).to_bytes(4, "big") * 2
    return head + (8).to_bytes(2, "big") + (1).to_bytes(2, "big") + bytes(12) + bytes(2) + b"\0\x40\x80\xff"


def run(data: bytes) -> str:
    """Load a picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            loaded = load(data, max_side=SIDE, max_pixels=PIXELS)
        except SemError as error:
            return refusal(error)
    pixels = loaded.pixels
    require(pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3, "pixels are uint8[H, W, 3]")
    require(pixels.flags.c_contiguous and not pixels.flags.writeable, "pixels are contiguous and read-only")
    require(0 < loaded.width <= SIDE and 0 < loaded.width * loaded.height <= PIXELS, "a picture is within its limits")
    require(all(notice.isprintable() for notice in loaded.notices), "a notice is one printable line")
    return f"accepted, {loaded.source_format}"


TARGET = Target("picture", seeds, run, png.mutate, png.repair, ".picture", MAGICS, max_bytes=2048)
