# SPDX-License-Identifier: MIT
"""Inspect many .sem files: their fields, without decoding a payload."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from refcodec.batch.outcome import Failure, Outcome
from refcodec.batch.task import Source, Task

if TYPE_CHECKING:
    from refcodec.environment import Environment


@dataclass(frozen=True)
class Inspect(Task):
    """Inspect files. models: folders of packages to search first."""

    models: tuple[str, ...] = ()
    level: int = 1
    verb: ClassVar[str] = "inspect"
    done: ClassVar[str] = "inspected"

    def prepare(self) -> None:
        """Read the registry."""
        self.package_environment  # noqa: B018 - reads it

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

    @cached_property
    def package_environment(self) -> Environment:
        """Environment that searches the folders of the options first."""
        from refcodec.environment import Environment

        return Environment.default().with_packages(self.models)
