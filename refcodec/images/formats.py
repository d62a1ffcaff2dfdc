# SPDX-License-Identifier: MIT
"""Read image files: their bytes, the reader of their format, and the number of frames.

The formats are a list of Pillow's own, what the program itself registered with Pillow, and two optional packages
(`plugins`). Not supported are icons (ICO, ICNS), which Pillow decodes before their size is known, and formats that run
another program (EPS, WMF).
"""

from __future__ import annotations

import importlib
import io
import os
import re
import struct
from typing import Any, BinaryIO, Final

from PIL import Image, ImageFile, features

from refcodec.errors import Code, SemError
from refcodec.fileio import read_bytes, read_stream
from refcodec.images.pillow_guard import guard
from refcodec.images.plugins import OPTIONAL, Accept, Factory, is_pillows, registered
from refcodec.images.signatures import jpeg_refusal, media_kind, optional_kind, refusal

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
_FEATURES: Final = {"JPEG": "jpg", "JPEG2000": "jpg_2000", "WEBP": "webp", "AVIF": "avif"}  # that Pillow may lack
_NAMES: Final = {"WEBP": "WebP", "JPEG2000": "JPEG 2000"}  # usual spellings
_COUNTED_BYTES: Final = 1 << 22  # frames are counted up to this length of a GIF


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

    `Image.open` is not used: it applies Pillow's own global limit, and tries formats that run programs. Readers that the
    program registered come first. An optional package reads what nothing else does.
    """
    failed: SemError | None = None
    readers = [
        *((name, *reader) for name, reader in registered().items()),
        *((name, *_reader(name)) for name in _READERS),
    ]
    other = optional_kind(data)
    for name, factory, accept in readers:
        if name == "AVIF" and is_pillows(factory):  # its own test looks at the first brand only
            if other:
                continue
            if media_kind(data) == "AVIF" and features.check("avif"):
                accept = _always
        if name == "JPEG" and is_pillows(factory) and (known := jpeg_refusal(data)):
            raise known
        try:
            opened = _open(data, name, factory, accept)
            if opened is not None:
                return opened
        except SemError as error:
            if error.code == Code.PICTURE_TOO_LARGE:
                raise
            if name not in _WEAK:
                failed = SemError(Code.PICTURE_UNREADABLE, error.what) if _is_unsupported(error) else error
        if name == _WEAK[0] and (known := refusal(data)) and not other:
            raise known
    if other and (reader := OPTIONAL[other].factory()) and (opened := _open(data, other, reader, None)):
        return opened
    if failed:
        raise failed
    if not data:
        raise SemError(Code.PICTURE_UNREADABLE, "the file is empty")
    raise refusal(data) or SemError(Code.PICTURE_UNREADABLE, "the file is not a picture of a known format")


def _always(_: bytes) -> bool:
    return True


def _open(data: bytes, name: str, factory: Factory, accept: Accept | None) -> ImageFile.ImageFile | None:
    """Return the image by one reader; None if it does not accept the file."""
    with guard(Code.PICTURE_TRUNCATED, f"the {name} header cannot be read"):
        taken = accept is None or accept(data[:16])
        if not taken or isinstance(taken, str):  # a str explains why a known format is not built in
            return None
        try:
            return factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            if accept is None:  # a reader without a test raises these for files of other formats
                return None
            raise


def readable_formats() -> tuple[str, ...]:
    """Return the names of the formats that are read here: by this Pillow, its plugins and optional packages."""
    own = [name for name in _READERS if name != "DIB" and (name not in _FEATURES or features.check(_FEATURES[name]))]
    names = [_NAMES.get(name, name) for name in own]
    names += [name for name in registered() if name not in _READERS]
    roots = {factory.__module__.partition(".")[0] for factory, _ in registered().values()}
    for name, package in OPTIONAL.items():
        if package.installed() and package.module.partition(".")[0] not in roots:
            names.append(name)
    return tuple(names)


def _reader(name: str) -> tuple[Factory, Accept | None]:
    """Return the factory of one format and its test of the first 16 bytes.

    Importing Pillow's module registers it, unless the program registered a reader of its own under that name.
    """
    try:
        if name not in Image.OPEN or is_pillows(Image.OPEN[name][0]):
            importlib.import_module(f"PIL.{_READERS[name]}")
        return Image.OPEN[name]  # type: ignore[return-value]
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
    if image.format != "GIF" or not is_pillows(type(image)):
        return frames_in_header(image)
    try:  # on a second reader: damage in a later frame must not touch the first
        other: Any = _reader(image.format)[0](io.BytesIO(data), "")
        if not other.is_animated:
            return 1
        return int(other.n_frames) if len(data) <= _COUNTED_BYTES else 0
    except Exception:  # noqa: BLE001 - later frames are not used
        return 0


def frames_in_header(image: Image.Image) -> int:
    """Return the number of frames that Pillow knows without reading further."""
    known = vars(image).get("n_frames", 1)
    return known if isinstance(known, int) and known > 0 and image.format != "PSD" else 1  # PSD counts layers
