# SPDX-License-Identifier: MIT
"""Read image files: their bytes, the reader of their format, and the number of frames.

Not supported are icons (ICO, ICNS), which Pillow decodes before their size is known, and formats that run another program
(EPS, WMF).
"""

from __future__ import annotations

import importlib
import io
import os
import re
from collections.abc import Callable
from typing import Any, BinaryIO, Final, TypeAlias

from PIL import Image, ImageFile

from refcodec.errors import Code, SemError
from refcodec.fileio import read_bytes, read_stream
from refcodec.images.pillow_guard import guard

MAX_BYTES: Final = 1 << 29

# Pillow's name -> its module; in the order tried, the weak signatures last
_READERS: Final = {
    "PNG": "PngImagePlugin",
    "JPEG": "JpegImagePlugin",
    "WEBP": "WebPImagePlugin",
    "AVIF": "AvifImagePlugin",
    "GIF": "GifImagePlugin",
    "TIFF": "TiffImagePlugin",
    "BMP": "BmpImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "PSD": "PsdImagePlugin",
    "QOI": "QoiImagePlugin",
    "PPM": "PpmImagePlugin",
    "SGI": "SgiImagePlugin",
    "DIB": "BmpImagePlugin",
    "PCX": "PcxImagePlugin",
    "TGA": "TgaImagePlugin",
}
_WEAK: Final = ("PPM", "SGI", "DIB", "PCX", "TGA")  # short signatures: other files start the same way
_UNSUPPORTED: Final = (  # (offset, signature, advice): common formats without a reader
    (4, b"ftyphei", "HEIC; export it as JPEG or PNG"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL; export it as PNG"),
    (0, b"\xff\x0a", "JPEG XL; export it as PNG"),
    (0, b"%PDF", "PDF; export the page as PNG"),
    (0, b"\xf5\x9e", ".sem already; decode it instead"),
)
_COUNTED_BYTES: Final = 1 << 22  # frames are counted up to this length of a GIF, and
_COUNTED_PAGES: Final = 100  # up to this number of pages of a TIFF

Factory: TypeAlias = Callable[[BinaryIO, str], ImageFile.ImageFile]
Accept: TypeAlias = Callable[[bytes], bool | str]


def file_bytes(source: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO) -> bytes:
    """Return the bytes of the entire file, so that it cannot change while it is decoded."""
    try:
        if isinstance(source, (bytes, bytearray, memoryview)):
            return bytes(source)
        if isinstance(source, (str, os.PathLike)):
            return read_bytes(source, MAX_BYTES)
        if hasattr(source, "read"):
            return read_stream(source, MAX_BYTES)
    except SemError as error:
        if error.code == Code.LIMIT_FILE:
            raise SemError(Code.PICTURE_TOO_LARGE, error.what) from error
        raise
    raise TypeError(
        "an image is a path, bytes, a binary stream, a Pillow image, a numpy array or a torch tensor, "
        f"not {type(source).__name__}"
    )


def open_image(data: bytes) -> ImageFile.ImageFile:
    """Return the image in `data`, its header read but no pixel decoded, by the first reader that accepts it.

    `Image.open` is not used: it applies Pillow's own global limit, and tries formats that run programs.
    """
    failed: SemError | None = None
    for name in _READERS:
        factory, accept = _reader(name)
        try:
            with guard(Code.PICTURE_TRUNCATED, f"the {name} header cannot be read"):
                taken = accept is None or accept(data[:16])
                if taken and not isinstance(taken, str):  # a str explains why a known format is not built in
                    return factory(io.BytesIO(data), "")
        except SemError as error:
            if error.code == Code.PICTURE_TOO_LARGE:
                raise
            if name not in _WEAK:
                failed = SemError(Code.PICTURE_UNREADABLE, error.what) if _is_unsupported(error) else error
    if failed:
        raise failed
    if not data:
        raise SemError(Code.PICTURE_UNREADABLE, "the file is empty")
    for offset, signature, advice in _UNSUPPORTED:
        if data.startswith(signature, offset):
            raise SemError(Code.PICTURE_UNREADABLE, f"the file is {advice}")
    raise SemError(Code.PICTURE_UNREADABLE, "the file is not a picture of a known format")


def _reader(name: str) -> tuple[Factory, Accept | None]:
    """Return Pillow's factory of one format and its test of the first 16 bytes; importing its module registers it."""
    try:
        importlib.import_module(f"PIL.{_READERS[name]}")
        return Image.OPEN[name]
    except (ImportError, KeyError):
        return (lambda *_: None), (lambda _: False)  # type: ignore[return-value]


def _is_unsupported(error: SemError) -> bool:
    """Return whether a reader failed because of an unsupported kind of pixels, rather than damage."""
    cause = error.__cause__
    return isinstance(getattr(cause, "__cause__", None), KeyError) or bool(
        re.search("unknown (?!data)|unsupported|not (yet )?supported|not identified", str(cause), re.IGNORECASE)
    )


def count_frames(image: ImageFile.ImageFile, data: bytes) -> int:
    """Return the number of frames that the file declares; 0 for several that would take long to count."""
    if image.format not in ("GIF", "TIFF"):
        return frames_in_header(image)
    try:  # on a second reader: damage in a later frame must not touch the first
        other: Any = _reader(image.format)[0](io.BytesIO(data), "")
        if not other.is_animated:
            return 1
        if image.format == "GIF":
            return int(other.n_frames) if len(data) <= _COUNTED_BYTES else 0
        for frame in range(1, _COUNTED_PAGES):
            try:
                other.seek(frame)
            except EOFError:
                return frame
        return 0
    except Exception:  # noqa: BLE001 - later frames are not used
        return 0


def frames_in_header(image: Image.Image) -> int:
    """Return the number of frames that Pillow knows without reading further."""
    known = vars(image).get("n_frames", 1)
    return known if isinstance(known, int) and known > 0 and image.format != "PSD" else 1  # PSD counts layers
