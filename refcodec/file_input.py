# SPDX-License-Identifier: MIT
"""The type of a file argument: a path, bytes, or a binary stream. Standard library only."""

from __future__ import annotations

import os
from typing import BinaryIO, TypeAlias, cast

from refcodec.fileio import read_bytes, read_stream

FileInput: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A file as an argument:

- a path (a `str` is always a path);
- its bytes: bytes, bytearray, memoryview or any other object with a buffer, such as a numpy array of uint8;
- a binary stream, which is read to its end and not closed.
"""


def contents(file: FileInput, limit: int) -> bytes:
    """Return the bytes of a file.

    Raises InputOutputError for a path or stream that cannot be read, LimitError for one of more than `limit` bytes,
    TypeError for an object that is neither path, bytes nor stream.
    """
    if isinstance(file, bytes):
        return file
    if isinstance(file, str | os.PathLike):
        return read_bytes(file, limit)
    if hasattr(file, "read"):
        return read_stream(cast(BinaryIO, file), limit)
    try:
        return bytes(memoryview(file))
    except TypeError:
        what = f"a file is a path, bytes or a binary stream, not {type(file).__name__}"
        raise TypeError(what) from None
