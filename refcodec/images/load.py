# SPDX-License-Identifier: MIT
"""Load any image as 8-bit sRGB.

    file, stream, bytes or Pillow image -> header checked -> decoded -> 8 bits -> sRGB -> opaque -> upright -> Loaded
    array or tensor                     -> shape checked             -> 8 bits ----------> opaque -----------> Loaded

`Loaded.notices` reports each conversion.
"""

from __future__ import annotations

from PIL import Image, ImageFile

from refcodec.errors import REMEDIES, Code, SemError
from refcodec.images.arrays import array_size, colour_and_alpha, eight_bit_array, is_array
from refcodec.images.channels import check_background, flatten, pixels_of
from refcodec.images.decode import Source, decode
from refcodec.images.formats import count_frames, file_bytes, frames_in_header, open_image
from refcodec.images.lenient import make_tolerant, mended
from refcodec.images.pillow_guard import printable, quiet
from refcodec.images.png_chunks import without_misplaced
from refcodec.images.size import MAX_PIXELS, MAX_SIDE, check_size, minimum_size
from refcodec.images.source_bytes import bytes_behind
from refcodec.images.tiff_directories import Chosen, choose, describe
from refcodec.images.types import WHITE, Colour, ImageInput, Loaded

_LENIENT_HINT = "fetch it again, or take what can be read of it with --lenient (in Python: lenient=True)"
_RARE = frozenset({34661, 34925, 50000, 50001})  # compressions of TIFF that a libtiff may lack: JBIG, LZMA, zstd, WebP
_RARE_HINT = "fetch it again, or save it with Deflate or LZW, since this libtiff may lack its compression"
_TIFF = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"MM\0+", b"II+\0")


def load(
    image: ImageInput,
    *,
    background: Colour = WHITE,
    max_side: int = MAX_SIDE,
    max_pixels: int = MAX_PIXELS,
    lenient: bool | None = None,
    keep_metadata: bool = False,
) -> Loaded:
    """Return an image as uint8[H, W, 3] in sRGB.

    `background` (three of 0..255) replaces transparent pixels. Sides and pixels are checked before any pixel is
    decoded. (Twice Pillow's own MAX_IMAGE_PIXELS, 179 million unless a program changes it, still bounds TIFF and WebP.)
    `lenient`: take what can be read of a damaged file, with a notice; False refuses it and names the option, None refuses
    it. `keep_metadata`: return EXIF, XMP and ICC profile as `Loaded.metadata`.

    Raises InputOutputError: Code.CANNOT_READ, PICTURE_UNREADABLE (not an image of a known format), PICTURE_TRUNCATED
    (damaged or cut short) or PICTURE_TOO_LARGE; TypeError or ValueError for invalid arguments and arrays. No other
    exception and no warning is raised, whatever the bytes.
    """
    background = check_background(background)
    with quiet():
        if is_array(image):
            check_size(array_size(image), max_side, max_pixels)
            notices: list[str] = []
            colour, alpha = colour_and_alpha(eight_bit_array(image, notices))
            return Loaded(pixels_of(flatten(colour, alpha, background, notices)), tuple(notices), None)
        if isinstance(image, Image.Image):
            check_size(image.size, max_side, max_pixels)
            source = Source(frames_in_header(image), bytes_behind(image), in_file=False)
            return decode(image, source, background, keep_metadata)
        data = file_bytes(image)
        check_size(minimum_size(data), max_side, max_pixels)
        try:
            return _from_file(data, background, (max_side, max_pixels), keep_metadata)
        except SemError as error:
            if error.code != Code.PICTURE_TRUNCATED or lenient is None:
                raise
            if not lenient:
                hint = _LENIENT_HINT if error.hint == REMEDIES[Code.PICTURE_TRUNCATED] else error.hint
                raise SemError(error.code, error.what, hint=hint) from error
            return _what_is_left(error, data, background, (max_side, max_pixels), keep_metadata)


def _from_file(data: bytes, background: Colour, limits: tuple[int, int], keep_metadata: bool) -> Loaded:
    """Return the image of an undamaged file."""
    chosen = _chosen(data)
    opened = _opened(chosen)
    check_size(opened.size, *limits)
    if opened.format == "JPEG2000" and b"\xff\xd9" not in data:  # its decoder accepts a missing end silently
        raise SemError(Code.PICTURE_TRUNCATED, "the JPEG2000 picture has no end")
    frames = chosen.pages if opened.format == "TIFF" else count_frames(opened, data)
    source = Source(frames, chosen.data, True, chosen)
    try:
        return decode(opened, source, background, keep_metadata)
    except SemError as error:
        if error.code == Code.PICTURE_TRUNCATED and chosen.directory and chosen.directory.first(259) in _RARE:
            raise SemError(error.code, error.what, hint=_RARE_HINT) from error
        raise


def _chosen(data: bytes) -> Chosen:
    """Return what is read of a file: one image of a TIFF, a PNG without chunks that are out of place, else all of it."""
    if data.startswith(_TIFF):
        return choose(data)
    data, notices = without_misplaced(data)
    return Chosen(data, notices=notices)


def _opened(chosen: Chosen) -> ImageFile.ImageFile:
    """Return the opened image of a file. For a TIFF that is not read, the error names its pixels and a remedy."""
    try:
        return open_image(chosen.data)
    except SemError as error:
        if chosen.directory is None or error.code == Code.PICTURE_TOO_LARGE or 0 in chosen.directory.size:
            raise
        what = f"the TIFF picture has pixels that cannot be read ({describe(chosen.directory)})"
        hint = "save it with 8 or 16 unsigned bits a channel, as a TIFF of the classic form or as PNG"
        raise SemError(Code.PICTURE_UNREADABLE, what, hint=hint) from error


def _what_is_left(
    error: SemError, data: bytes, background: Colour, limits: tuple[int, int], keep_metadata: bool
) -> Loaded:
    """Return what can be read of a damaged file; the error of reading it, if that is nothing."""
    chosen = _chosen(data if data.startswith(_TIFF) else mended(data))
    try:
        opened = open_image(chosen.data)
        check_size(opened.size, *limits)
        filled = "filled with grey" if make_tolerant(opened) else "filled"
        loaded = decode(opened, Source(1, chosen.data, True, chosen), background, keep_metadata)
    except SemError as other:
        if other.code == Code.PICTURE_TOO_LARGE:
            raise
        raise SemError(error.code, error.what, hint="fetch it again: nothing of it can be read") from error
    reason = printable(error.what, 160)
    notice = f"The picture is damaged or cut short ({reason}): what could be read was taken, the rest was {filled}."
    return Loaded(loaded.pixels, (notice, *loaded.notices), loaded.source_format, loaded.metadata)
