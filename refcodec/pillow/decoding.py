# SPDX-License-Identifier: MIT
"""Decode and verify the file of a Pillow image, with the arguments of `refcodec.decode` that `Image.open` cannot take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Unpack

from PIL import Image, ImageFile

from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.inspection import Inspection, inspect

if TYPE_CHECKING:
    from refcodec.decode_picture import DecodeOptions

_DAMAGE: Final = ("section", "payload", "check")  # families of errors of a truncated or damaged file
_INVALID: Final = ("header", *_DAMAGE)
_of_process: Final[list[Mapping[str, Any]]] = [{}]  # one entry, which is replaced whole: other threads open images


def configure(**options: Unpack[DecodeOptions]) -> None:
    """Decode images that this process opens from now on with these arguments of `refcodec.decode`.

    They replace those of an earlier call; a call without arguments returns to the defaults. An image has a copy of them,
    `SemImageFile.decode_options`, which may be changed until its pixels are loaded. Values are checked when they are used.

    Raises TypeError for an unknown argument, and for an environment of another type.

    Example:
        >>> refcodec.pillow.configure(models="models/", device="cuda", seed=7)
        >>> Image.open("bridge.sem").show()
    """
    from refcodec.decode_picture import DecodeOptions
    from refcodec.encode_settings import refuse_unknown

    refuse_unknown("configure", options, frozenset(DecodeOptions.__annotations__))
    Environment.check(options.get("environment"))  # Pillow takes a TypeError on opening for another format
    _of_process[0] = options


def options_of_process() -> dict[str, Any]:
    """Return a copy of the arguments that `configure` was last called with."""
    return dict(_of_process[0])


def decoded(data: bytes, options: Mapping[str, Any]) -> tuple[Image.Image, bool]:
    """Return the picture of a file, and whether the file is entire and verified.

    Of a damaged file, where Pillow's LOAD_TRUNCATED_IMAGES is set, return the best picture that its undamaged beginning
    has. Raises OSError, caused by the SemError, if it has no such picture; TypeError or ValueError for an invalid option.
    """
    from refcodec.decode_picture import decode

    try:
        return decode(data, **options), True
    except SemError as error:
        rest = None
        if ImageFile.LOAD_TRUNCATED_IMAGES and error.family in _DAMAGE:
            rest = _beginning(data, options)
        if rest is None:
            raise OSError(str(error)) from error
        return rest, False


def verify(data: bytes, options: Mapping[str, Any]) -> None:
    """Decode the symbols of a file and verify its check, as `semtool verify` does; no picture is reconstructed.

    Raises SyntaxError for an invalid file, OSError for one that cannot be verified here, such as without its model.
    """
    from refcodec.decoder import decode_file
    from refcodec.foundation.resolve import Models

    level, limits = options.get("level", 1), options.get("limits")
    try:
        models = Models.of(options.get("models"), environment=options.get("environment"))
        decode_file(data, level=level, environment=models.package_environment, limits=limits)
    except SemError as error:
        failure = SyntaxError if error.family in _INVALID else OSError
        raise failure(str(error)) from error


def _beginning(data: bytes, options: Mapping[str, Any]) -> Image.Image | None:
    """Return the last preview of the sections that are complete, or of the file up to its error; None without one."""
    from refcodec.progressive import decode_progressive

    arguments = {name: value for name, value in options.items() if name != "record"}
    found = None
    for part in _readable_forms(
        data, inspect(data, level=options.get("level", 1), environment=options.get("environment"))
    ):
        try:
            for preview in decode_progressive(part, **arguments):
                found = preview.image
        except SemError:
            pass
        if found is not None:
            break
    return found


def _readable_forms(data: bytes, inspection: Inspection) -> Iterator[bytes]:
    """Yield the complete sections of a file, a valid file again (SEM-R-047), and the file with its last section filled up."""
    check = (inspection.check.bits or 0) // 8
    yield data[: max((section.offset + section.bytes + check for section in inspection.sections), default=len(data))]
    lengths = [field for field in inspection.fields if field.name.endswith("].length")]
    end = lengths[-1].offset + lengths[-1].bits // 8 + int(lengths[-1].value or 0) + check if lengths else 0
    yield data.ljust(end, b"\0")
