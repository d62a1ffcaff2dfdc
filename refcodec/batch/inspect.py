# SPDX-License-Identifier: MIT
"""Inspect many .sem files: their fields, without decoding a payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from refcodec.batch.outcome import Failure, Outcome
from refcodec.batch.task import PackageTask, Source


@dataclass(frozen=True)
class Inspect(PackageTask):
    """Inspect files."""

    verb: ClassVar[str] = "inspect"
    done: ClassVar[str] = "inspected"

    def run(self, key: str, source: Source) -> Outcome:
        """Inspect one file. `Outcome.detail` is the object of inspect.schema.json; its first error is the failure."""
        from refcodec.inspection import inspect

        found = inspect(source, level=self.level, environment=self.package_environment)
        return Outcome(
            key,
            None,
            found.width,
            found.height,
            found.method,
            found.bpp,
            found.check.state,
            Failure.of(found.errors[0]) if found.errors else None,
            detail=found.to_dict(),
        )

    def memory(self, source: Source) -> int:
        """Return 0: a file is small."""
        return 0
