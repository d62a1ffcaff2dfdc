# SPDX-License-Identifier: MIT
"""Whether an output that is there already is what a task would make, so that `--resume` need not make it again."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from refcodec.errors import SemError
from refcodec.fileio import read_bytes
from refcodec.limits import Limits

if TYPE_CHECKING:
    from refcodec.batch.task import Task

OUTPUT_MAX = 1 << 32  # bytes


@dataclass(frozen=True)
class Existing:
    """An output that is there. sha256: what a note says of it; None without a note. picture: it is not a .sem file."""

    path: str
    sha256: str | None
    picture: bool
    level: int = 1


def is_intact(existing: Existing, limits: Limits, task: Task) -> bool:
    """Return whether the output of a task has the bytes that were noted, or else is valid.

    A .sem file is valid if its symbols can be decoded, with the models of the task, and its check is right; a picture if
    all its pixels can be read.
    """
    try:
        data = read_bytes(existing.path, OUTPUT_MAX)
    except SemError:
        return False
    if existing.sha256 is not None and hashlib.sha256(data).hexdigest() == existing.sha256:
        return True
    return is_picture(data) if existing.picture else _is_valid(data, existing.level, limits, task)


def _is_valid(data: bytes, level: int, limits: Limits, task: Task) -> bool:
    from refcodec.decoder import decode_file

    try:
        environment = task.package_environment
        return decode_file(data, level=level, environment=environment, limits=limits).container.complete
    except SemError:
        return False


def is_picture(data: bytes) -> bool:
    """Return whether all pixels of a picture can be read."""
    from refcodec.images.load import load

    try:
        load(io.BytesIO(data))
    except SemError:
        return False
    return True
