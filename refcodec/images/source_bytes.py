# SPDX-License-Identifier: MIT
"""Return the file behind a Pillow image, for the colour tags that Pillow itself leaves in it."""

from __future__ import annotations

import os
from typing import Any

from PIL import Image

from refcodec.images.formats import MAX_BYTES


def bytes_behind(image: Image.Image) -> bytes:
    """Return the bytes of the file that an image was opened from, if they are still there; otherwise nothing.

    A stream is left where it was. Images that were converted or made in memory have no file.
    """
    stream: Any = getattr(image, "fp", None)
    try:
        if stream is not None and not stream.closed:
            at = stream.tell()
            try:
                stream.seek(0)
                data = stream.read(MAX_BYTES)
            finally:
                stream.seek(at)
            return data if isinstance(data, bytes) else b""
        name = getattr(image, "filename", "")
        if name and os.path.isfile(name):
            with open(name, "rb") as file:
                return file.read(MAX_BYTES)
    except (OSError, ValueError, AttributeError, TypeError):
        pass
    return b""
