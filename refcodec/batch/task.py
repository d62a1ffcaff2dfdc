# SPDX-License-Identifier: MIT
"""What all tasks have in common: they are values, prepare once in each process, and turn exceptions into outcomes."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from refcodec.batch.outcome import Failure, Outcome
from refcodec.limits import Limits

if TYPE_CHECKING:
    from refcodec.environment import Environment
    from refcodec.foundation.resolve import Models

Source: TypeAlias = str | os.PathLike[str] | bytes  # a `str` is a path


class Task(ABC):
    """A task of many files. It can be pickled: what `prepare` has loaded stays in its process.

    verb, done: words for progress and summary, such as "encode" and "encoded".
    """

    verb: ClassVar[str]
    done: ClassVar[str]

    @abstractmethod
    def prepare(self) -> None:
        """Load registry and models, before the first file or with it.

        Raises ValueError or SemError for options that no file can be made with.
        """

    @abstractmethod
    def run(self, key: str, source: Source) -> Outcome:
        """Return the outcome of one file; raise what went wrong."""

    @abstractmethod
    def memory(self, source: Source) -> int:
        """Return the predicted bytes that one file takes, beyond those of a process that has loaded its models.

        0 if that is unknown; raises no error.
        """

    @property
    def package_environment(self) -> Environment:
        """Environment in which files of the task are decoded: with the folders of packages that its options name.

        Raises as `prepare` does.
        """
        from refcodec.environment import Environment

        return Environment.default()

    def concerns_all(self, failure: Failure) -> bool:
        """Return whether each file would fail as one has, such as for want of a model."""
        return False

    def __call__(self, key: str, source: Source) -> Outcome:
        """Return the outcome of one file, which its key names. Raises no error of the file."""
        started = time.perf_counter()
        try:
            outcome = self.run(key, source)
        except Exception as error:  # noqa: BLE001 - one file of many must not end the others
            outcome = Outcome(key, error=Failure.of(error))
        return replace(outcome, seconds=time.perf_counter() - started)

    def __getstate__(self) -> Mapping[str, Any]:
        """Return the fields, without what `functools.cached_property` has kept."""
        return {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True)
class PackageTask(Task):
    """A task that reads files with packages, but runs no model of a role. models: folders of packages to search first."""

    models: tuple[str, ...] = ()
    level: int = 1

    def prepare(self) -> None:
        """Read the registry."""
        self.package_environment  # noqa: B018 - reads it

    @cached_property
    def package_environment(self) -> Environment:
        """Environment that searches the folders of the options first."""
        from refcodec.environment import Environment

        return Environment.default().with_packages(self.models)


@dataclass(frozen=True)
class ModelTask(Task):
    """A task with models. options: arguments of `refcodec.encode` or `refcodec.decode`, models by name.

    model_options: the options that choose models. limits: of each file; None: `Limits.default()`.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits | None = None
    model_options: ClassVar[tuple[str, ...]]

    @property
    def package_environment(self) -> Environment:
        """Environment that searches the folders of the models first."""
        return self._models.package_environment

    @cached_property
    def _limits(self) -> Limits:
        return Limits.default() if self.limits is None else self.limits

    @cached_property
    def _announced(self) -> list[str]:
        """Notices of the models, of one file."""
        return []

    @cached_property
    def _models(self) -> Models:
        from refcodec.foundation.resolve import Models

        chosen = {name: self.options[name] for name in self.model_options if name in self.options}
        return Models.of(chosen.pop("models", None), **chosen, announce=self._announced.append)
