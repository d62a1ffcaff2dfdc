# SPDX-License-Identifier: MIT
"""The door for pictures of people: any picture file in as 8-bit sRGB, pixels out as a picture file.

    file, stream, bytes or Pillow image -> header checked -> decoded -> 8 bits -> sRGB -> opaque -> upright -> Picture

What a person would want to know about those steps is told in `Picture.notices`. Icons (ICO, ICNS), which Pillow decodes
before their size can be known, and formats that run another program (EPS, WMF) are not read.
"""

from __future__ import annotations

import importlib
import io
import logging
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageFile, PngImagePlugin

from refcodec.errors import Code, SemError
from refcodec.fileio import path_text, read_bytes, read_stream, shown, write_atomic, write_stream

Bytes: TypeAlias = bytes | bytearray | memoryview
Colour: TypeAlias = tuple[int, int, int]

WHITE: Final = (255, 255, 255)
MAX_SIDE: Final = 16_384
MAX_PIXELS: Final = 1 << 27  # a 100-megapixel photograph; decoding takes up to 16 bytes a pixel
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
_WEAK: Final = ("PPM", "SGI", "DIB", "PCX", "TGA")  # a match says little: other files start so too
_STRANGERS: Final = (  # (offset, signature, what it is): files people try that no reader here takes
    (4, b"ftyphei", "HEIC; export it as JPEG or PNG"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL; export it as PNG"),
    (0, b"\xff\x0a", "JPEG XL; export it as PNG"),
    (0, b"%PDF", "PDF; export the page as PNG"),
    (0, b"\xf5\x9e", ".sem already; decode it instead"),
)
_WRITERS: Final[dict[str, dict[str, Any]]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    "TIFF": {"compression": "tiff_adobe_deflate"},
    "BMP": {},
    "PPM": {},
}
_SUFFIXES: Final = {"JPG": "JPEG", "TIF": "TIFF", "PGM": "PPM"} | {name: name for name in _WRITERS}
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION: Final = 0x0112  # EXIF tag
_ROUNDING: Final = 2  # levels by which a transform may move colours and still be none
_BAND: Final = 1 << 20  # pixels converted at a time, where whole pictures would take several times their memory
_COUNTED_BYTES: Final = 1 << 22  # of a GIF, and
_COUNTED_PAGES: Final = 100  # of a TIFF: beyond these, frames are several


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture as everything after this file wants it."""

    pixels: NDArray[np.uint8]  # uint8[H, W, 3], sRGB, C-contiguous, cannot be made writeable
    notices: tuple[str, ...]  # what was done to it, a sentence each, in the order done
    source_format: str | None  # Pillow's name, such as "PNG"; None for an image made in memory

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


def load(
    source: str | os.PathLike[str] | Bytes | BinaryIO | Image.Image,
    *,
    background: Colour = WHITE,
    max_side: int = MAX_SIDE,
    max_pixels: int = MAX_PIXELS,
) -> Picture:
    """The picture in `source`: a path, the bytes of a file, a binary stream (read to its end) or a Pillow image.

    A Pillow image is taken at the frame it stands on and is not changed. `background` (three of 0..255) goes under
    transparent pixels; sides and pixels are checked before any pixel is decoded. (Twice Pillow's own MAX_IMAGE_PIXELS,
    179 million unless a program changes it, still bounds TIFF and WebP.)

    Raises SemError 101 (cannot be read), 103 (no picture we know), 104 (damaged or cut short), 105 (too large);
    TypeError or ValueError for wrong arguments. Any bytes end in one of these, and no warning leaves.
    """
    background = _colour(background)
    with _quiet():
        notices: list[str] = []
        if isinstance(source, Image.Image):
            image, frames = source, _frames_in_header(source)
            _check_size(image.size, max_side, max_pixels)
        else:
            data = _contents(source)
            _check_size(_early_size(data), max_side, max_pixels)
            image = _open(data)
            _check_size(image.size, max_side, max_pixels)
            if image.format == "JPEG2000" and b"\xff\xd9" not in data:  # its decoder takes a missing end for none
                raise SemError(Code.PICTURE_TRUNCATED, "the JPEG2000 picture has no end")
            frames = _frames(image, data)
        with _guard(Code.PICTURE_TRUNCATED, f"the {image.format or 'Pillow'} picture cannot be decoded"):
            deep, turned = _is_deep(image), _turned_by_reader(image)
            image.load()
            if ImageFile.LOAD_TRUNCATED_IMAGES:
                notices.append("Pillow was told to accept damaged pictures: parts may be missing.")
            if frames != 1:
                which = f"Number {image.tell() + 1}" if image.tell() else "The first"
                notices.append(f"{which} of {frames or 'several'} frames was taken.")
            colour, alpha = _eight_bits(image, deep, notices)
            rgb = _flatten(_to_srgb(colour, image.info, notices), alpha, background, notices)
            rgb = _turn(rgb, image, turned, notices)
            return Picture(_pixels(rgb), tuple(notices), image.format)


def save(
    pixels: NDArray[np.uint8],
    target: str | os.PathLike[str] | BinaryIO,
    *,
    format: str | None = None,
    note: Mapping[str, str] | None = None,
) -> None:
    """Write uint8[H, W, 3] sRGB or uint8[H, W] grey to a path (atomically) or a binary stream.

    `format` is a name or suffix: PNG, JPEG, WEBP (lossless), AVIF, TIFF, BMP, PPM. Without it a path's suffix decides,
    and PNG where there is none. `note`: Description, Software and Model of the picture, as text chunks of a PNG and as
    EXIF; BMP and PPM have room for neither.

    Raises SemError 102 if it cannot be written; ValueError for an unknown format or suffix and for pixels of another
    shape, TypeError for other types.
    """
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise TypeError("pixels must be a numpy array of uint8")
    if not pixels.size or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
        raise ValueError(f"pixels must be [H, W, 3] or [H, W], not {list(pixels.shape)}")
    if isinstance(target, (str, bytes, os.PathLike)):
        name = path_text(target)
        chosen = format_of(format or os.path.splitext(name)[1] or "PNG")
        write_atomic(name, _encode(pixels, chosen, note or {}))
    elif hasattr(target, "write"):
        write_stream(target, _encode(pixels, format_of(format or "PNG"), note or {}))
    else:
        raise TypeError(f"a target is a path or a binary stream, not {type(target).__name__}")


# ------------------------------------------------------------------------------------------------ bytes to Pillow image


def _contents(source: str | os.PathLike[str] | Bytes | BinaryIO) -> bytes:
    """All of the file. Reading it whole leaves no file for Pillow to map or to find changed under its feet."""
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
    raise TypeError(f"a picture is a path, bytes, a binary stream or a Pillow image, not {type(source).__name__}")


def _open(data: bytes) -> ImageFile.ImageFile:
    """The header of the picture in `data`, by the first reader that takes it.

    Not `Image.open`: that one measures against Pillow's own global limit, and tries formats that run programs.
    """
    failed: SemError | None = None
    for name in _READERS:
        factory, accept = _reader(name)
        try:
            with _guard(Code.PICTURE_TRUNCATED, f"the {name} header cannot be read"):
                taken = accept is None or accept(data[:16])
                if taken and not isinstance(taken, str):  # a str says why a known format is not built in
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
    for offset, signature, what in _STRANGERS:
        if data.startswith(signature, offset):
            raise SemError(Code.PICTURE_UNREADABLE, f"the file is {what}")
    raise SemError(Code.PICTURE_UNREADABLE, "the file is no picture of a known format")


def _reader(name: str) -> tuple[Callable[[BinaryIO, str], ImageFile.ImageFile], Callable[[bytes], bool | str] | None]:
    """Pillow's reader of one format and its look at the first 16 bytes; importing one registers it."""
    try:
        importlib.import_module(f"PIL.{_READERS[name]}")
        return Image.OPEN[name]
    except (ImportError, KeyError):
        return (lambda *_: None), (lambda _: False)  # type: ignore[return-value]


def _is_unsupported(error: SemError) -> bool:
    """Whether a reader gave up on a kind of pixels it does not know, rather than on damage."""
    cause = error.__cause__
    return isinstance(getattr(cause, "__cause__", None), KeyError) or bool(
        re.search("unknown (?!data)|unsupported|not (yet )?supported|not identified", str(cause), re.IGNORECASE)
    )


def _early_size(data: bytes) -> tuple[int, int]:
    """(width, height) at least, where Pillow allocates pixels already on opening; (1, 1) elsewhere."""
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _gif_size(data)
    if data.startswith(b"RIFF") and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    return 1, 1


def _gif_size(data: bytes) -> tuple[int, int]:
    """The screen and the first frame's extent, which may reach beyond it."""

    def u16(at: int) -> int:
        return int.from_bytes(data[at : at + 2], "little")

    flags = int.from_bytes(data[10:11], "little")
    at = 13 + (6 << (flags & 7) if flags & 0x80 else 0)
    while at < len(data) and data[at] not in b",;":
        if data[at] == ord("!"):
            at += 2
            while at < len(data) and data[at]:
                at += 1 + data[at]
        at += 1
    if data[at : at + 1] != b",":
        return max(1, u16(6)), max(1, u16(8))
    return max(1, u16(6), u16(at + 1) + u16(at + 5)), max(1, u16(8), u16(at + 3) + u16(at + 7))


def _check_size(size: tuple[int, int], max_side: int, max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise SemError(Code.PICTURE_UNREADABLE, f"the picture is {width}x{height}: it has no pixels")
    if max(size) > max_side:
        raise SemError(Code.PICTURE_TOO_LARGE, f"the picture is {width}x{height}: a side may have {max_side} pixels")
    if width * height > max_pixels:
        raise SemError(Code.PICTURE_TOO_LARGE, f"the picture is {width}x{height}: it may have {max_pixels} pixels")


def _frames(image: ImageFile.ImageFile, data: bytes) -> int:
    """How many frames the file says it has, 0 for several that would take long to count."""
    if image.format not in ("GIF", "TIFF"):
        return _frames_in_header(image)
    try:  # on a second reader: a fault in a later frame must not touch the first
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
    except Exception:  # noqa: BLE001 - whatever is wrong there, it is beyond the picture taken
        return 0


def _frames_in_header(image: Image.Image) -> int:
    known = vars(image).get("n_frames", 1)
    return known if isinstance(known, int) and known > 0 and image.format != "PSD" else 1  # PSD counts layers


# ------------------------------------------------------------------------------------------ Pillow image to 8-bit sRGB


def _is_deep(image: Image.Image) -> bool:
    """Whether 16-bit colour channels wait to be decoded; Pillow itself reduces them to 8."""
    for tile in getattr(image, "tile", ()):
        mode = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if re.match(r"(?!BGR)[A-Za-z]+;16", str(mode[0])) or (image.format == "PPM" and mode[1:] and mode[1] > 255):
            return True
    return False


def _eight_bits(image: Image.Image, deep: bool, notices: list[str]) -> tuple[Image.Image, Image.Image | None]:
    """(L, RGB, CMYK or LAB image, L image of opacity or None where there is none)."""
    key = image.info.get("transparency")
    alpha = None
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        if isinstance(key, int):
            alpha = Image.fromarray(np.where(values == key, np.uint8(0), np.uint8(255)))
        return Image.fromarray(_reduced(values, image, notices)), alpha
    if deep:
        notices.append("16 bits a channel were reduced to 8.")
        if isinstance(key, tuple):
            image = image.copy()
            image.info["transparency"] = tuple(level >> 8 for level in key)
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data and image.mode not in ("CMYK", "LAB"):
        if image.mode == "La":
            image = image.convert("LA")
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        alpha = image.getchannel("A")
        return (image.getchannel("R") if grey else _rgb(image)), alpha
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None


def _reduced(values: NDArray[Any], image: Image.Image, notices: list[str]) -> NDArray[np.uint8]:
    """uint8[H, W] from grey in 16 or 32 bits or floats, which Pillow itself would clip at 255.

    16 bits map 65535 to 255. Of the others no range is known: the smallest of 0..1 (floats), 0..255 and 0..65535
    (integers) that holds all values is taken, and their own range where none does.
    """
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        notices.append("16-bit grey was reduced to 8 bits.")
        return _scaled(values, 0, 65535)
    finite = values[np.isfinite(values)] if image.mode == "F" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    kind = "Float" if image.mode == "F" else "32-bit"
    for top in (1, 255) if image.mode == "F" else (255, 65535):
        if low >= 0 and high <= top:
            notices.append(f"{kind} grey was read as 0 to {top} and reduced to 8 bits.")
            return _scaled(values, 0, top)
    notices.append(f"{kind} grey was stretched from {low:g} to {high:g} and reduced to 8 bits.")
    return _scaled(values, low, high)


def _scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """round(255 * (value - low) / (high - low)), clamped; NaN as `low`."""
    levels = np.empty(values.shape, np.uint8)
    rows = max(1, _BAND // values.shape[1])
    for top in range(0, len(values), rows):
        band = np.nan_to_num(values[top : top + rows].astype(np.float64), nan=low, posinf=high, neginf=low)
        levels[top : top + rows] = np.clip((band - low) / ((high - low) or 1) * 255, 0, 255).round()
    return levels


def _to_srgb(image: Image.Image, info: dict[Any, Any], notices: list[str]) -> Image.Image:
    """RGB image in sRGB from one in L, RGB, CMYK or LAB, by the ICC profile or PNG gamma in `info` if there is one."""
    icc = info.get("icc_profile")
    if isinstance(icc, bytes) and icc:
        converted = _by_profile(image, icc, notices)
        if converted:
            return converted
    elif image.mode in ("L", "RGB") and "srgb" not in info:
        image = _without_gamma(image, info.get("gamma"), notices)
    if image.mode == "LAB":
        notices.append("CIE Lab was converted to sRGB.")
        return _transformed(image, ImageCms.createProfile("LAB"))
    if image.mode == "CMYK":
        notices.append("CMYK without a usable profile was converted to RGB by the plain formula.")
    return _rgb(image)


def _rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")


def _by_profile(image: Image.Image, icc: bytes, notices: list[str]) -> Image.Image | None:
    """The image in sRGB, None where the profile cannot be used."""
    name = "The ICC profile"
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        name = f"The ICC profile {_named(profile)}".rstrip()
        space = _printable(profile.profile.xcolor_space, 4)
        if space == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if space != {"L": "GRAY", "LAB": "Lab"}.get(image.mode, image.mode):
            notices.append(f"{name} is for {space or 'other'} pixels, not {image.mode}, and was ignored.")
            return None
        if image.mode in ("L", "RGB") and _is_srgb(profile, image.mode):
            return _rgb(image)
        converted = _transformed(image, profile)
    except Exception:  # noqa: BLE001 - no fault of a profile is a reason to refuse the pixels
        notices.append(f"{name} is damaged or unusable and was ignored.")
        return None
    notices.append(f"{name} was converted to sRGB.")
    return converted


def _transformed(image: Image.Image, profile: Any) -> Image.Image:
    """`image` from `profile` to sRGB, perceptually: relative colorimetric where a profile has no other table."""
    transform = ImageCms.buildTransform(
        profile, ImageCms.createProfile("sRGB"), image.mode, "RGB", ImageCms.Intent.PERCEPTUAL
    )
    return transform.apply(image)


def _is_srgb(profile: ImageCms.ImageCmsProfile, mode: str) -> bool:
    """Whether the profile moves no colour of a coarse grid by more than rounding; names and versions do not tell."""
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    grid = steps[None] if mode == "L" else np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    probe = Image.fromarray(grid)
    moved = np.asarray(_transformed(probe, profile), np.int16) - np.asarray(probe.convert("RGB"), np.int16)
    return int(abs(moved).max()) <= _ROUNDING


def _named(profile: ImageCms.ImageCmsProfile) -> str:
    text = _printable(ImageCms.getProfileDescription(profile), 60)
    return f'"{text}"' if text else ""


def _printable(text: str, limit: int) -> str:
    """One line of `text`, which came from a file."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:limit]


def _without_gamma(image: Image.Image, gamma: Any, notices: list[str]) -> Image.Image:
    """L or RGB levels of a PNG whose gAMA chunk is neither absent, absurd nor as good as sRGB's, in sRGB."""
    if not isinstance(gamma, float) or not 0.1 <= gamma <= 10 or abs(gamma * 2.2 - 1) < 0.05:
        return image
    light = (np.arange(256) / 255) ** (1 / gamma)
    levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    notices.append(f"The PNG gamma {gamma:g} was converted to sRGB.")
    return image.point((levels * 255).round().astype(int).tolist() * len(image.getbands()))


def _flatten(image: Image.Image, alpha: Image.Image | None, background: Colour, notices: list[str]) -> Image.Image:
    """RGB `image`, which is changed where it is not opaque."""
    if alpha is None or alpha.getextrema()[0] == 255:
        return image
    notices.append("Transparent parts were flattened on the background {}, {}, {}.".format(*background))
    image.paste(background, mask=ImageChops.invert(alpha))
    return image


def _turned_by_reader(image: Image.Image) -> int:
    """The orientation that Pillow applies itself while it decodes, as it does for TIFF; otherwise 1."""
    return _orientation(image) if image.format == "TIFF" and getattr(image, "tile", None) else 1


def _turn(rgb: Image.Image, image: Image.Image, turned: int, notices: list[str]) -> Image.Image:
    """`rgb`, the pixels of `image`, upright."""
    try:
        left = _orientation(image)
    except Exception:  # noqa: BLE001 - damaged EXIF raises anything; the pixels are good all the same
        notices.append("The EXIF data are damaged: the picture may lie on its side.")
        return rgb
    if turned in _UPRIGHT or left in _UPRIGHT:
        notices.append(f"EXIF orientation {turned if turned in _UPRIGHT else left} was applied.")
    return rgb.transpose(_UPRIGHT[left]) if left in _UPRIGHT else rgb


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) else 1


def _pixels(rgb: Image.Image) -> NDArray[np.uint8]:
    """uint8[H, W, 3], read-only, of an RGB image."""
    pixels = np.empty((rgb.height, rgb.width, 3), np.uint8)
    rows = max(1, _BAND // rgb.width)
    for top in range(0, rgb.height, rows):
        pixels[top : top + rows] = np.asarray(rgb.crop((0, top, rgb.width, min(top + rows, rgb.height))))
    pixels.flags.writeable = False
    return pixels


def _colour(background: Colour) -> Colour:
    red, green, blue = background
    for level in (red, green, blue):
        if isinstance(level, bool) or not isinstance(level, int):
            raise TypeError(f"a background is three integers, not {background!r}")
        if not 0 <= level <= 255:
            raise ValueError(f"a background is three integers 0 to 255, not {background!r}")
    return red, green, blue


# ------------------------------------------------------------------------------------------------------ pixels to bytes


def format_of(name: str) -> str:
    """Pillow's format for a name or suffix, in any case, with or without its dot."""
    chosen = _SUFFIXES.get(name.removeprefix(".").upper())
    if chosen is None:
        known = ", ".join(sorted(suffix.lower() for suffix in _SUFFIXES))
        raise ValueError(f"cannot write pictures as {shown(name)}: use one of {known}")
    return chosen


def _encode(pixels: NDArray[np.uint8], name: str, note: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with _quiet(), _guard(Code.CANNOT_WRITE, f"the picture cannot be written as {name}", too_large=Code.CANNOT_WRITE):
        Image.fromarray(np.ascontiguousarray(pixels)).save(out, name, **_WRITERS[name], **_metadata(name, note))
    return out.getvalue()


def _metadata(name: str, note: Mapping[str, str]) -> dict[str, Any]:
    """The arguments by which Pillow writes a note into a file of this format."""
    if not note or name not in ("PNG", "JPEG", "WEBP", "AVIF", "TIFF"):
        return {}
    exif = Image.Exif()
    for key, tag in (
        ("Description", ExifTags.Base.ImageDescription),
        ("Software", ExifTags.Base.Software),
        ("Model", ExifTags.Base.Model),
    ):
        if note.get(key):
            exif[tag] = note[key].encode("ascii", "replace").decode()  # EXIF's type of text
    if name != "PNG":
        return {"exif": exif}
    chunks = PngImagePlugin.PngInfo()
    for key, value in note.items():
        if value:
            chunks.add_itxt(key, value)
    return {"exif": exif, "pnginfo": chunks}


# --------------------------------------------------------------------------------------------------- Pillow kept at bay


@contextmanager
def _guard(code: int, what: str, too_large: int = Code.PICTURE_TOO_LARGE) -> Iterator[None]:
    """Whatever Pillow raises, which for odd bytes is anything at all, as a SemError."""
    try:
        yield
    except SemError:
        raise
    except MemoryError as error:
        raise SemError(too_large, f"{what}: there is not enough memory") from error
    except Image.DecompressionBombError as error:
        raise SemError(too_large, f"{what}: it is beyond Pillow's MAX_IMAGE_PIXELS") from error
    except Exception as error:
        raise SemError(code, f"{what}: {_printable(str(error), 120) or type(error).__name__}") from error


class _Silence(threading.local):
    """How many `_quiet` blocks this thread is in."""

    depth = 0


_SILENCE: Final = _Silence()


class _HereOnly(type):
    def __subclasscheck__(cls, other: type) -> bool:
        return _SILENCE.depth > 0


class _AnyWarningHere(Warning, metaclass=_HereOnly):
    """A category that every warning belongs to, in a thread that is inside a `_quiet` block; elsewhere none."""


class _AnyRecordHere(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return _SILENCE.depth == 0


logging.getLogger("PIL.TiffImagePlugin").addFilter(_AnyRecordHere())


@contextmanager
def _quiet() -> Iterator[None]:
    """No warning of Pillow or numpy, and no error if warnings are errors, from this thread inside the block.

    `warnings.catch_warnings` would change what other threads see, and two of them at once can leave the change behind.
    So one filter stays in the list, which matches nothing outside these blocks.
    """
    if not warnings.filters or warnings.filters[0][2] is not _AnyWarningHere:
        warnings.simplefilter("ignore", _AnyWarningHere)
    _SILENCE.depth += 1
    try:
        yield
    finally:
        _SILENCE.depth -= 1
