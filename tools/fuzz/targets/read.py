# SPDX-License-Identifier: MIT
"""The container: any bytes are one container, or one error, at each level, and a container has the bytes it came from."""

from __future__ import annotations

from refcodec.container import LEVELS, Container, read, write
from refcodec.errors import SemError
from tools.fuzz.mutators import sem_file
from tools.fuzz.target import Target, refusal, require


def _read(data: bytes, level: int, *, partial: bool = True) -> Container | SemError:
    try:
        return read(data, level=level, partial=partial, environment=sem_file.environment())
    except SemError as error:
        return error


def run(data: bytes) -> str:
    """Read at every level; write what was read."""
    first = _read(data, 1)
    if isinstance(first, SemError):
        if first.family == "limit" or len(data) % 4 == 0:
            _compare_levels(first, data)
        return refusal(first, len(data))
    require(write(first) == data, "reading and writing the file does not reproduce it")
    if not first.complete or len(data) % 4 == 0:
        _compare_levels(first, data)
        strict = _read(data, 1, partial=False)
        require(isinstance(strict, Container) == first.complete, "partial=False accepts exactly the complete files")
    return "accepted"


def _compare_levels(first: Container | SemError, data: bytes) -> None:
    """Require the result of level 1 at each higher level, if it is not a limit of level 1."""
    for level in sorted(LEVELS)[1:]:
        result = _read(data, level)
        if isinstance(first, Container):
            require(result == first, "a higher level reads another container")
        elif first.family != "limit":
            require(isinstance(result, SemError) and result.code == first.code, "a higher level reports another error")


TARGET = Target(
    "read", sem_file.vectors, run, sem_file.mutate, sem_file.repair, ".sem", sem_file.MAGICS, max_bytes=2048
)  # fmt: skip
