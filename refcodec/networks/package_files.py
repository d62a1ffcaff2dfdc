# SPDX-License-Identifier: MIT
"""Open the files of a model package (SPEC §12), which is untrusted: only regular files of a bounded size are read.

Each file is opened once, and its bytes are read from that descriptor, so that what is checked is what is used even if
the file is replaced meanwhile. Pipes and devices are neither opened nor waited for.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from refcodec.errors import Code, SemError

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # if it has become a pipe since its type was checked
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True)
class PackageFile:
    """An open file of a package; `size`: its bytes when it was opened, of which none may be missing later."""

    name: str
    stream: BinaryIO
    size: int

    def read(self, start: int, count: int) -> bytes:
        """Return `count` bytes from offset `start`. Raises Code.MODEL_MALFORMED (SEM-E-803) if the file has shrunk."""
        data = bytearray(count)
        self.read_into(start, memoryview(data))
        return bytes(data)

    def read_into(self, start: int, target: memoryview) -> None:
        """Fill `target`, unsigned bytes, from offset `start`. Raises as `read` does."""
        self.stream.seek(start)
        while target:
            count = self.stream.readinto(target)  # type: ignore[attr-defined]
            if not count:
                raise SemError(Code.MODEL_MALFORMED, "it has become shorter while it was read", path=self.name)
            target = target[count:]


@contextmanager
def open_package_file(path: Path, limit: int) -> Iterator[PackageFile]:
    """Open a file of a package.

    Raises Code.MODEL_UNAVAILABLE (SEM-E-801) if it is absent, is not a regular file or cannot be read, MODEL_MALFORMED
    (803) if it exceeds `limit` bytes.
    """
    try:
        if not path.is_file():
            raise _absent(path)
        with open(os.open(path, _FLAGS), "rb", buffering=0) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _absent(path)
            if status.st_size > limit:
                raise SemError(Code.MODEL_MALFORMED, f"it is larger than {limit} bytes", path=path.name)
            yield PackageFile(path.name, stream, status.st_size)
    except OSError as error:
        what = f"cannot read {path.name} in {path.parent.name}"
        raise SemError(Code.MODEL_UNAVAILABLE, what, path=path.name) from error


def read_bounded(path: Path, limit: int) -> bytes:
    """Return the bytes of a file of a package. Raises as `open_package_file` does."""
    with open_package_file(path, limit) as file:
        return file.read(0, file.size)


def _absent(path: Path) -> SemError:
    there = os.path.lexists(path)
    what = (
        f"{path.name} in {path.parent.name} is not a regular file" if there else f"no {path.name} in {path.parent.name}"
    )
    return SemError(Code.MODEL_UNAVAILABLE, what, path=path.name)
