# SPDX-License-Identifier: MIT
"""The environment of the codec: the registry, the tables, and the folders of model packages.

An `Environment` is an immutable value. Public functions take one; without it they use `Environment.default()`, the only
place that reads these environment variables (docs/environment.md has all others):

SEM_REGISTRY   a file of private profiles (ids 200 to 253, 61696 to 65791), in the form of registry.json, added to the shipped ones
SEM_MODELS     folders of model packages, separated like PATH; searched before the user's folder
               ($XDG_DATA_HOME/sem/models) and the packages that come with this library
SEM_DRAFTS     1: payload kinds that are drafts (`drafts/README.md`) are known, too, for private rows that have them

Several environments can be used side by side, also in several threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from refcodec import table_files
from refcodec.errors import REMEDIES, Code, SemError
from refcodec.fileio import shown
from refcodec.networks import package_search
from refcodec.payloads.kinds import KINDS, WITH_DRAFTS, Kinds
from refcodec.registry import Registry
from refcodec.table_files import TableFiles

Folders = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True)
class Environment:
    """A registry, tables, and the folders to search for model packages (SPEC §12), in order.

    Each of `package_folders` is a package or a folder of packages. `Environment()` is what this library ships, on any
    machine.
    """

    registry: Registry = field(default_factory=Registry.shipped)
    tables: TableFiles = table_files.SHIPPED
    package_folders: tuple[Path, ...] = (package_search.SHIPPED,)

    @property
    def kinds(self) -> Kinds:
        """The payload kinds that it knows: those that the rows of its registry may have."""
        return self.registry.kinds

    @classmethod
    def default(cls) -> Environment:
        """Return the environment that SEM_REGISTRY, SEM_MODELS and SEM_DRAFTS describe now.

        An invalid SEM_REGISTRY raises Code.CANNOT_READ (SEM-E-101) when a profile is first looked up.
        """
        drafts = os.environ.get("SEM_DRAFTS", "") not in ("", "0")
        return _default(os.environ.get("SEM_REGISTRY") or None, _default_folders(), drafts)

    @classmethod
    def of(cls, environment: Environment | None) -> Environment:
        """Return the argument of a public function, or the default where it is None. Raises TypeError for another type."""
        cls.check(environment)
        return cls.default() if environment is None else environment

    @classmethod
    def check(cls, environment: object) -> None:
        """Raise TypeError for an argument that is neither an environment nor None."""
        if environment is not None and not isinstance(environment, cls):
            raise TypeError(f"environment is a refcodec.Environment, not {type(environment).__name__}")

    def with_packages(self, folders: Folders) -> Environment:
        """Return the same environment with one or several folders of packages to search before its own. Raises TypeError."""
        try:
            more = (folders,) if isinstance(folders, str | os.PathLike) else tuple(folders)
        except TypeError:
            raise TypeError(f"models are paths, not {type(folders).__name__}") from None
        return replace(self, package_folders=(*map(Path, more), *self.package_folders)) if more else self

    def with_drafts(self, rows: str | os.PathLike[str] | None = None) -> Environment:
        """Return the same environment that also knows the draft payload kinds.

        rows: a file of private rows that may have them, in the form of registry.json. Raises Code.CANNOT_READ
        (SEM-E-101) if it is not one.
        """
        registry = self.registry.with_kinds(WITH_DRAFTS)
        return replace(self, registry=registry if rows is None else registry.extended_by(rows))

    @property
    def missing_folders(self) -> tuple[Path, ...]:
        """The folders to search that do not exist, apart from the user's own, which an import creates."""
        return tuple(
            folder for folder in self.package_folders if folder != package_search.own() and not folder.is_dir()
        )

    @property
    def search_remark(self) -> str:
        """The end of a remedy that names the first folder of the search path that does not exist; empty if all do."""
        missing = self.missing_folders
        return f"; there is no folder {shown(str(missing[0]))}, which the search path names" if missing else ""

    def find_package(self, digest: str) -> Path | None:
        """Return the folder of the package with this symbol digest or digest prefix, None if it is not installed.

        Raises Code.MODEL_UNAVAILABLE (SEM-E-801) if a prefix matches models of different digests.
        """
        return package_search.find(digest, self.package_folders)

    def locate_package(self, digest: str) -> Path:
        """Return the folder of the package with this symbol digest or digest prefix.

        Raises Code.MODEL_UNAVAILABLE (SEM-E-801) if it is not installed.
        """
        folder = self.find_package(digest)
        if folder is None:
            what = f"no model with the digest {digest[:16]}… is installed"
            remark = self.search_remark
            hint = f"{REMEDIES[Code.MODEL_UNAVAILABLE]}{remark}" if remark else None
            raise SemError(Code.MODEL_UNAVAILABLE, what, path="model", hint=hint)
        return folder


def _default_folders() -> tuple[Path, ...]:
    listed = [Path(entry) for entry in os.environ.get("SEM_MODELS", "").split(os.pathsep) if entry]
    return (*listed, package_search.own(), package_search.SHIPPED)


@cache  # unbounded: the environment of the same variables is the same object, whatever came between
def _default(registry: str | None, folders: tuple[Path, ...], drafts: bool) -> Environment:
    return Environment(_registry(registry, WITH_DRAFTS if drafts else KINDS), package_folders=folders)


@cache
def _registry(extra: str | None, kinds: Kinds) -> Registry:
    if extra is None:
        return Registry.shipped(kinds)
    return Registry.deferred(lambda: Registry.shipped(kinds).extended_by(extra), kinds)
