# SPDX-License-Identifier: MIT
"""Convert Pillow's exceptions to SemError, and silence its warnings and log records in the calling thread only."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image

from refcodec.errors import Code, SemError


@contextmanager
def guard(code: int, what: str, too_large: int = Code.PICTURE_TOO_LARGE) -> Iterator[None]:
    """Convert exceptions of Pillow, of any type for damaged bytes, to a SemError of `code`.

    `too_large` is the code for exhausted memory and for Pillow's own MAX_IMAGE_PIXELS.
    """
    try:
        yield
    except SemError:
        raise
    except MemoryError as error:
        raise SemError(too_large, f"{what}: there is not enough memory") from error
    except Image.DecompressionBombError as error:
        raise SemError(too_large, f"{what}: it is beyond Pillow's MAX_IMAGE_PIXELS") from error
    except Exception as error:
        raise SemError(code, f"{what}: {printable(str(error), 120) or type(error).__name__}") from error


def printable(text: str, limit: int) -> str:
    """Return `text`, which came from a file, as one line of at most `limit` printable characters."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:limit]


class _QuietDepth(threading.local):
    """The number of `quiet` blocks that this thread is in."""

    depth = 0


_QUIET: Final = _QuietDepth()


class _MatchesWhenQuiet(type):
    def __subclasscheck__(cls, other: type) -> bool:
        return _QUIET.depth > 0


class _QuietWarning(Warning, metaclass=_MatchesWhenQuiet):
    """A category that contains every warning in threads inside a `quiet` block, and none elsewhere."""


class _DropWhenQuiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return _QUIET.depth == 0


logging.getLogger("PIL.TiffImagePlugin").addFilter(_DropWhenQuiet())


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress warnings of Pillow and numpy from this thread inside the block, even if warnings are errors.

    `warnings.catch_warnings` affects other threads, and two threads using it at once can leave its filters behind.
    Instead one filter stays in the list, which matches nothing outside these blocks.
    """
    if not warnings.filters or warnings.filters[0][2] is not _QuietWarning:
        warnings.simplefilter("ignore", _QuietWarning)
    _QUIET.depth += 1
    try:
        yield
    finally:
        _QUIET.depth -= 1
