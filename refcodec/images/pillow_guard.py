# SPDX-License-Identifier: MIT
"""Convert Pillow's exceptions to SemError, and silence its warnings and log records in the calling thread only."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from refcodec.errors import Code, SemError
from refcodec.process_settings import is_quiet, quiet_warnings


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


class _DropWhenQuiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not is_quiet()


logging.getLogger("PIL.TiffImagePlugin").addFilter(_DropWhenQuiet())


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress warnings and log records of Pillow, and warnings of numpy, from this thread inside the block."""
    with quiet_warnings():
        yield
