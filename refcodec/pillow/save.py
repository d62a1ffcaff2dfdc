# SPDX-License-Identifier: MIT
"""Write a Pillow image as a `.sem` file. The options of `Image.save` are the arguments of `refcodec.encode`."""

from __future__ import annotations

from typing import IO, Any, Final

from PIL import ExifTags, Image

from refcodec.container.limits import level_bounds
from refcodec.errors import SemError

_PILLOWS: Final = ("exif", "xmp")  # options beside those of `refcodec.encode`, with Pillow's meaning


def save(image: Image.Image, stream: IO[bytes], filename: str | bytes) -> None:
    """Encode an image and write it in one piece. Pillow's handler of `Image.save`.

    Raises TypeError or ValueError for an option that is unknown or invalid, OSError for a picture or model that
    `refcodec.encode` refuses; nothing is written then.
    """
    from refcodec.codec import OPTIONS, encode
    from refcodec.encode_settings import EncodeSettings, refuse_unknown

    options: dict[str, Any] = dict(getattr(image, "encoderinfo", {}))
    refuse_unknown("save", options, OPTIONS.union(_PILLOWS))
    exif, xmp = (options.pop(name, None) for name in _PILLOWS)
    EncodeSettings.of(options)
    if 0 in image.size:
        raise ValueError("cannot write empty image as SEM")
    if exif is not None:
        image = _turned_as(image, exif)
    if exif is not None or xmp is not None:
        options["metadata"] = _metadata(exif, xmp, options)
    try:
        data = encode(image, **options)
    except SemError as error:
        raise OSError(str(error)) from error
    stream.write(data)


def save_all(image: Image.Image, stream: IO[bytes], filename: str | bytes) -> None:
    """Write an image with one frame; raise ValueError for several, since a file holds one picture."""
    options: dict[str, Any] = getattr(image, "encoderinfo", {})
    if getattr(image, "n_frames", 1) > 1 or options.pop("append_images", None):
        raise ValueError("a .sem file holds one picture")
    save(image, stream, filename)


def _turned_as(image: Image.Image, exif: Any) -> Image.Image:
    """Return an image with the orientation of `exif`, by which the encoder turns it upright."""
    from refcodec.images.orientation import remaining

    given = _exif(exif).get(ExifTags.Base.Orientation, 1)
    if given == remaining(image):
        return image
    image = image.copy()
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = given
    image.info["exif"] = turned.tobytes()
    return image


def _exif(exif: Any) -> Image.Exif:
    """Return EXIF data as Pillow's object. Raises ValueError for bytes that are none, TypeError for other types."""
    if isinstance(exif, Image.Exif):
        return exif
    if not isinstance(exif, bytes):
        raise TypeError(f"exif is bytes or PIL.Image.Exif, not {type(exif).__name__}")
    parsed = Image.Exif()
    try:
        parsed.load(exif)
    except Exception as error:
        raise ValueError(f"exif cannot be read: {error}") from error
    return parsed


def _metadata(exif: Any, xmp: Any, options: dict[str, Any]) -> dict[str, str]:
    """Return the metadata of the file: those of the options, with EXIF and XMP as far as there is room."""
    from refcodec.images.metadata import entries_of, fitting
    from refcodec.progress import announce

    carrier, notices = Image.new("L", (1, 1)), list[str]()
    if exif is not None:
        carrier.info["exif"] = exif if isinstance(exif, bytes) else exif.tobytes()
    if xmp is not None:
        if not isinstance(xmp, bytes | str):
            raise TypeError(f"xmp is bytes or text, not {type(xmp).__name__}")
        carrier.info["xmp"] = xmp
    room = level_bounds(options.get("level", 1)).text_bytes
    entries = fitting(entries_of(carrier, notices), dict(options.get("metadata") or {}), room, notices)
    announce(notices, options.get("notice"))
    return entries
