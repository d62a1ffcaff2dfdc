# SPDX-License-Identifier: MIT
"""Load any image as 8-bit sRGB.

    file, stream, bytes or Pillow image -> header checked -> decoded -> 8 bits -> sRGB -> opaque -> upright -> Loaded
    array or tensor                     -> shape checked             -> 8 bits ----------> opaque -----------> Loaded

`Loaded.notices` reports each conversion.
"""

from __future__ import annotations

from PIL import Image, ImageFile

from refcodec.errors import Code, SemError
from refcodec.images.arrays import array_size, colour_and_alpha, eight_bit_array, is_array
from refcodec.images.channels import check_background, eight_bits, flatten, is_deep, pixels_of
from refcodec.images.colour import to_srgb
from refcodec.images.formats import count_frames, file_bytes, frames_in_header, open_image
from refcodec.images.orientation import applied_by_reader, turn_upright
from refcodec.images.pillow_guard import guard, quiet
from refcodec.images.size import MAX_PIXELS, MAX_SIDE, check_size, minimum_size
from refcodec.images.types import WHITE, Colour, ImageInput, Loaded


def load(
    image: ImageInput, *, background: Colour = WHITE, max_side: int = MAX_SIDE, max_pixels: int = MAX_PIXELS
) -> Loaded:
    """Return an image as uint8[H, W, 3] in sRGB.

    `background` (three of 0..255) replaces transparent pixels. Sides and pixels are checked before any pixel is
    decoded. (Twice Pillow's own MAX_IMAGE_PIXELS, 179 million unless a program changes it, still bounds TIFF and WebP.)

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
            return _decode(image, frames_in_header(image), background)
        data = file_bytes(image)
        check_size(minimum_size(data), max_side, max_pixels)
        opened = open_image(data)
        check_size(opened.size, max_side, max_pixels)
        if opened.format == "JPEG2000" and b"\xff\xd9" not in data:  # its decoder accepts a missing end silently
            raise SemError(Code.PICTURE_TRUNCATED, "the JPEG2000 picture has no end")
        return _decode(opened, count_frames(opened, data), background)


def _decode(image: Image.Image, frames: int, background: Colour) -> Loaded:
    """Return the pixels of a Pillow image at its current frame, of `frames` (0: several)."""
    notices: list[str] = []
    with guard(Code.PICTURE_TRUNCATED, f"the {image.format or 'Pillow'} picture cannot be decoded"):
        deep, applied = is_deep(image), applied_by_reader(image)
        image.load()
        if ImageFile.LOAD_TRUNCATED_IMAGES:
            notices.append("Pillow is set to accept damaged pictures: parts may be missing.")
        if frames != 1:
            which = f"Number {image.tell() + 1}" if image.tell() else "The first"
            notices.append(f"{which} of {frames or 'several'} frames was taken.")
        colour, alpha = eight_bits(image, deep, notices)
        rgb = flatten(to_srgb(colour, image.info, notices), alpha, background, notices)
        rgb = turn_upright(rgb, image, applied, notices)
        return Loaded(pixels_of(rgb), tuple(notices), image.format)
