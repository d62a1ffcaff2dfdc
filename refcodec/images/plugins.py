# SPDX-License-Identifier: MIT
"""Readers of pictures beside Pillow's own: those that the program registered with Pillow, and two optional packages."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeAlias

from PIL import Image, ImageFile

Factory: TypeAlias = Callable[[BinaryIO, str], ImageFile.ImageFile]
Accept: TypeAlias = Callable[[bytes], bool | str]


@dataclass(frozen=True)
class OptionalPackage:
    """A package that reads one more format: its name for pip, and the module and class of its reader."""

    install: str
    module: str
    reader: str

    def factory(self) -> Factory | None:
        """Return the reader; None if the package is not installed or cannot be used."""
        try:
            found: Factory = getattr(importlib.import_module(self.module), self.reader)
        except Exception:  # noqa: BLE001 - a package built for another Pillow raises anything
            return None
        return found

    def installed(self) -> bool:
        """Return whether the package is installed, without importing it."""
        try:
            return importlib.util.find_spec(self.module.partition(".")[0]) is not None
        except (ImportError, ValueError):
            return False


OPTIONAL: Final = {
    "HEIC": OptionalPackage("pillow-heif", "pillow_heif", "HeifImageFile"),
    "JPEG XL": OptionalPackage("pillow-jxl-plugin", "pillow_jxl.JpegXLImagePlugin", "JXLImageFile"),
}


def is_pillows(factory: object) -> bool:
    """Return whether a registered reader is one of Pillow's own plugins."""
    return str(getattr(factory, "__module__", "")).startswith("PIL.")


def registered() -> dict[str, tuple[Factory, Accept | None]]:
    """Return the readers that the program itself registered with Pillow (`Image.register_open`), by Pillow's name.

    The one of `refcodec.pillow` is left out: a `.sem` file is decoded when that is asked for, never to encode it again.
    """
    return {
        name: (factory, accept)  # type: ignore[misc]
        for name, (factory, accept) in Image.OPEN.items()
        if not is_pillows(factory) and not _is_own(factory)
    }


def _is_own(factory: object) -> bool:
    """Return whether a registered reader is the one of this library."""
    return str(getattr(factory, "__module__", "")).startswith("refcodec.")
