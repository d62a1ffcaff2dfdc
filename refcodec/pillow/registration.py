# SPDX-License-Identifier: MIT
"""Register the format with Pillow, which has no entry points for plugins."""

from __future__ import annotations

from typing import Final

from PIL import Image

from refcodec import spec
from refcodec.pillow.image_file import FORMAT, SemImageFile
from refcodec.pillow.save import save, save_all

MEDIA_TYPE: Final = "image/x-sem"  # SPEC §19
EXTENSION: Final = ".sem"


def accept(prefix: bytes) -> bool:
    """Return whether a file that begins with these bytes has the magic of the format."""
    return prefix.startswith(spec.MAGIC)


def register() -> None:
    """Register reader, writer, extension and media type. A second call changes nothing."""
    Image.register_open(FORMAT, SemImageFile, accept)
    Image.register_save(FORMAT, save)
    Image.register_save_all(FORMAT, save_all)
    Image.register_extension(FORMAT, EXTENSION)
    Image.register_mime(FORMAT, MEDIA_TYPE)
