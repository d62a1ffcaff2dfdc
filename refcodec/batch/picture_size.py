# SPDX-License-Identifier: MIT
"""The size of a picture file, from its header, to predict the memory of encoding it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refcodec.batch.task import Source


def picture_size(source: Source) -> tuple[int, int] | None:
    """Return (width, height) of a picture, whose pixels are not decoded; None if it cannot be read."""
    from refcodec.errors import SemError
    from refcodec.images.formats import file_bytes, open_image
    from refcodec.images.pillow_guard import quiet
    from refcodec.images.size import MAX_PIXELS, MAX_SIDE, check_size, minimum_size

    try:
        with quiet():
            data = file_bytes(source)
            check_size(minimum_size(data), MAX_SIDE, MAX_PIXELS)
            width, height = open_image(data).size
    except SemError:
        return None
    return width, height
