# SPDX-License-Identifier: MIT
"""Check the limits of a level (SPEC §15), before memory is allocated or a model opened."""

from __future__ import annotations

from typing import Final, NamedTuple

from refcodec import spec
from refcodec.container.fields import Violation
from refcodec.container.header import Header
from refcodec.errors import Code, SemError
from refcodec.payloads.kinds import Kinds
from refcodec.registry import Profile


class Level(NamedTuple):
    """The largest value of each quantity, in the order of §15."""

    side: int  # width or height in pixels
    pixels: int
    sections: int
    text_bytes: int  # body of one text section
    symbols: int  # of one payload
    file_bytes: int
    caller_pixels: int | None = None  # the caller's own bound, if any


LEVELS: Final = {number: Level(*bounds) for number, bounds in spec.LEVELS.items()}


def level_bounds(level: int) -> Level:
    """Return the bounds of a level. Raises ValueError if there is no such level."""
    if level not in LEVELS:
        raise ValueError(f"there is no level {level}; there are {sorted(LEVELS)}")
    return LEVELS[level]


def symbol_count(profile: Profile, kind: int, width: int, height: int) -> int | None:
    """Return the number of symbols of a payload in a picture of this size, None if the size does not determine it."""
    parameters = profile.parameters(kind)
    return profile.kind(kind).symbol_count(parameters, width, height) if parameters else None


def is_text(section_type: int, kinds: Kinds) -> bool:
    """Return whether the limit for text applies to a section of this type."""
    kind = kinds.find(section_type ^ spec.CRITICAL)
    return section_type in spec.TEXT_TYPES or (kind is not None and kind.text)


def file_violation(size: int, bounds: Level) -> Violation:
    """Check the number of bytes of the file, before everything else."""
    return _above(Code.LIMIT_FILE, size, "bytes", bounds.file_bytes)


def size_violation(header: Header, bounds: Level) -> Violation:
    """Check the sides, then the number of pixels of the picture."""
    return _above(Code.LIMIT_SIDE, max(header.width, header.height), "pixels on a side", bounds.side) or _above(
        Code.LIMIT_PIXELS, header.width * header.height, "pixels", bounds.pixels
    )


def check_caller_pixels(header: Header, bounds: Level, offset: int) -> None:
    """Raise Code.LIMIT_PIXELS if the picture has more pixels than the caller allows. offset: of the size in the file."""
    pixels, own = header.width * header.height, bounds.caller_pixels
    if own is not None and pixels > own:
        what = f"{pixels} pixels, more than the {own} that the caller allows"
        hint = "raise the bound (--max-pixels, SEM_MAX_PIXELS or Limits.max_pixels)"
        raise SemError(Code.LIMIT_PIXELS, what, offset=offset, path="size", hint=hint)


def count_violation(header: Header, bounds: Level) -> Violation:
    """Check the number of sections that the header announces."""
    return _above(Code.LIMIT_SECTIONS, header.count or 0, "sections", bounds.sections)


def section_violation(
    section_type: int, length: int, header: Header, profile: Profile | None, bounds: Level, kinds: Kinds
) -> Violation:
    """Check the bytes of a text, or the symbols of a payload; with `profile` None their number is unknown."""
    if is_text(section_type, kinds) and length > bounds.text_bytes:
        return _above(Code.LIMIT_TEXT, length, "bytes of text", bounds.text_bytes)
    if profile is None or not section_type & spec.CRITICAL:
        return None
    count = symbol_count(profile, section_type & spec.NUMBER, header.width, header.height)
    return _above(Code.LIMIT_SYMBOLS, count or 0, "symbols", bounds.symbols)


def _above(code: int, value: int, unit: str, bound: int) -> Violation:
    return (code, f"{value} {unit}, more than {bound}") if value > bound else None
