# SPDX-License-Identifier: MIT
"""Verify many .sem files, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from refcodec.batch.outcome import Failure, Outcome
from refcodec.batch.task import PackageTask, Source
from refcodec.errors import Code, SemError
from refcodec.limits import Limits

if TYPE_CHECKING:
    from refcodec.environment import Environment
    from refcodec.networks.trace import Tracer
    from refcodec.progress import Progress


@dataclass(frozen=True)
class Verify(PackageTask):
    """Verify files. limits: of each file; None: `Limits.default()`."""

    limits: Limits | None = None
    verb: ClassVar[str] = "verify"
    done: ClassVar[str] = "verified"

    def run(self, key: str, source: Source) -> Outcome:
        """Verify one file. The members of `Outcome.detail` are those of a row of verify.schema.json."""
        from refcodec.container.limits import level_bounds
        from refcodec.file_input import contents

        row = empty_row(key)
        try:
            data = contents(source, level_bounds(self.level).file_bytes)
        except SemError as unread:
            return Outcome(key, error=Failure.of(unread), detail=row | {"error": unread.to_dict()})
        limits = Limits.default() if self.limits is None else self.limits
        verified = verify(data, self.package_environment, self.level, limits)
        error = verified.error
        row |= verified.members | {"error": None if error is None else error.to_dict()}
        return Outcome(
            key,
            None,
            verified.width,
            verified.height,
            verified.method,
            verified.bpp,
            row["check"],
            None if error is None else Failure.of(error),
            detail=row,
        )

    def memory(self, source: Source) -> int:
        """Return the predicted bytes of decoding the symbols of one file."""
        from refcodec.container import read
        from refcodec.decode_memory import PROCESS, predict

        try:
            container = read(source, level=self.level, environment=self.package_environment)
            return max(0, predict(container, self.package_environment, self.level).symbols - PROCESS)
        except SemError:
            return 0


@dataclass(frozen=True)
class Verified:
    """What is known of one file after decoding its symbols. members: of its row in verify.schema.json."""

    members: dict[str, Any]
    error: SemError | None
    method: str | None = None
    width: int | None = None
    height: int | None = None
    bpp: float | None = None


def empty_row(name: str) -> dict[str, Any]:
    """Return the row of a file of which nothing is known, in verify.schema.json."""
    unknown = ("valid", "canonical", "check", "level", "complete", "parts_at", "error")
    return {"file": name} | dict.fromkeys(unknown)


def verify(
    data: bytes,
    environment: Environment,
    level: int,
    limits: Limits,
    trace: Tracer | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Decode the symbols of a file, and return what it is or its first error."""
    from refcodec.decoder import decode_file
    from refcodec.inspection import inspect

    inspection = inspect(data, level=level, environment=environment)
    facts = (inspection.method, inspection.width, inspection.height, inspection.bpp)
    lowest = _lowest_level(data, environment)
    try:
        decoded = decode_file(data, level=level, trace=trace, progress=progress, environment=environment, limits=limits)
    except SemError as error:
        members = {
            "valid": False if error.status == 3 else None,
            "canonical": False if error.code == Code.STREAM_NOT_CANONICAL else None,
            "check": "failed" if error.code == Code.CHECK_MISMATCH else inspection.check.state,
            "level": lowest,
            "complete": inspection.complete,
        }
        return Verified(members, error, *facts)
    members = {
        "valid": True,
        "canonical": decoded.canonical,
        "check": decoded.state,
        "level": lowest,
        "complete": decoded.container.complete,
    }
    return Verified(members, None, *facts)


def _lowest_level(data: bytes, environment: Environment) -> int | None:
    """Return the lowest level whose limits the file does not exceed."""
    from refcodec.container.limits import LEVELS
    from refcodec.inspection import inspect

    def fits(level: int) -> bool:
        return all(error.family != "limit" for error in inspect(data, level=level, environment=environment).errors)

    return next(filter(fits, LEVELS), None)
