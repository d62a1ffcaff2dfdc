# SPDX-License-Identifier: MIT
"""What models there are, for the commands of `semtool models`: packages, what fills roles, rows of the registry."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.common_options import models_of
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.environment import Environment
    from refcodec.foundation.roles import ModelSource
    from refcodec.registry import Profile

PARTS = ("symbols", "painter", "encoder")
DIGITS_MIN = 8  # of a digest that names a package


def model_option(f: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--model",
        metavar="DIR | ROLE=WHAT",
        multiple=True,
        help="Look here first: a model package, a set, or what fills a role.",
    )(f)


@dataclass(frozen=True)
class Fill:
    """What fills a role. set: the folder whose models.json says so, None where --model does."""

    source: ModelSource
    set: Path | None


@dataclass
class Known:
    """Everything in the environment and under --model. broken: (folder, fault) of sets that cannot be read."""

    environment: Environment
    packages: list[Path]
    fills: list[Fill]
    broken: list[tuple[Path, SemError]] = field(default_factory=list)

    @property
    def rows(self) -> list[Profile]:
        """The rows of the registry by ascending id."""
        return [profile for _, profile in sorted(self.environment.registry.rows.items())]

    def fill(self, role: str) -> Fill | None:
        """The one that is used."""
        return next((fill for fill in self.fills if fill.source.role == role), None)


def known(model: tuple[str, ...]) -> Known:
    """Usage error and SEM-E-801, 803 for what --model names; faults of what is found are kept."""
    from refcodec.foundation.models_json import model_sets, roles_in_folder
    from refcodec.networks import package_search

    models = models_of(model, "auto", "auto")
    environment = models.package_environment
    found = Known(
        environment,
        _distinct(package_search.packages(environment.package_folders)),
        [Fill(source, None) for source in models.roles.values()],
    )
    for folder in _distinct(model_sets(models.environment)):
        try:
            found.fills += [Fill(source, folder) for source in roles_in_folder(folder).values()]
        except SemError as error:
            found.broken.append((folder, error))
    return found


def _distinct(folders: Iterator[Path]) -> list[Path]:
    seen: dict[str, Path] = {}
    for folder in folders:
        seen.setdefault(os.path.realpath(folder), folder)
    return list(seen.values())


def package_row(folder: Path, found: Known) -> dict[str, Any]:
    """What a manifest says of its package, without opening tensors; `error` where it says nothing that can be read."""
    from refcodec.networks import package

    row: dict[str, Any] = {
        "name": None,
        "kind": None,
        "digest": None,
        "folder": str(folder),
        "profiles": [],
        "parts": [],
        "licence": None,
        "error": None,
    }
    try:
        manifest = package.read_manifest(folder)
    except SemError as error:
        return row | {"error": error.to_dict()}
    digest, kind = package.symbol_digest(manifest["symbols"]), manifest["symbols"].get("kind")
    row.update(
        name=text(manifest.get("name")),
        licence=text(manifest.get("licence")),
        digest=digest,
        kind=kind if type(kind) is int else None,
    )
    row["profiles"] = [profile.name for profile in found.rows if profile.model == digest]
    row["parts"] = [part for part in PARTS if part in manifest and os.path.isfile(folder / f"{_file(manifest, part)}")]
    return row


def _file(manifest: dict[str, Any], part: str) -> str:
    entry = manifest.get(part)
    name = entry.get("file") if part != "symbols" and isinstance(entry, dict) else f"{part}.safetensors"
    return name if isinstance(name, str) and os.path.basename(name) == name else "."


def text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def profile_row(profile: Profile, found: Known) -> dict[str, Any]:
    """A row of the registry. available: whether its symbol model is here; null where it names none."""
    from refcodec.networks import package_search

    folders = [
        folder
        for folder in found.packages
        if profile.model is not None and package_search.folder_digest(folder) == profile.model
    ]
    return {
        "id": profile.id,
        "name": profile.name,
        "status": profile.status,
        "method": profile.method_name,
        "model": profile.model,
        "available": None if profile.model is None else bool(folders),
        "folder": str(folders[0]) if folders else None,
        "recommended": dict(profile.recommended.models),
    }


def role_row(role: str, found: Known) -> dict[str, Any]:
    """A role, what fills it, and what rows of the registry recommend."""
    from refcodec.foundation.roles import ROLES

    fill = found.fill(role)
    source = None if fill is None else fill.source
    return {
        "role": role,
        "what": ROLES[role],
        "source": None if source is None else source.place,
        "revision": None if source is None else source.revision,
        "sha256": None if source is None else source.sha256,
        "set": None if fill is None or fill.set is None else str(fill.set),
        "recommended": sorted(
            {profile.recommended.models[role] for profile in found.rows if role in profile.recommended.models}
        ),
    }


@dataclass
class Named:
    """What a word of the command line names; it may be several things at once."""

    packages: list[Path] = field(default_factory=list)
    roles: list[Fill | str] = field(default_factory=list)  # a role's name where nothing fills it
    profiles: list[Profile] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.packages or self.roles or self.profiles)


def named(what: str, found: Known) -> Named:
    """A folder, the name or the first 8 to 64 digits of the digest of a package, a role, the name or id of a profile.

    SEM-E-801 for what nothing here is called, 803 for a folder whose models.json is broken.
    """
    from refcodec.foundation.models_json import roles_in_folder
    from refcodec.foundation.roles import ROLES, ModelSource
    from refcodec.networks import package_search

    folder = Path(what)
    if os.path.isdir(folder) and (os.sep in what or what in (".", "..") or not _called(what, found)):
        if os.path.isfile(folder / package_search.MANIFEST):
            return Named(packages=[folder])
        inside = list(package_search.packages([folder]))
        inside = [child for child in inside if child.parent == folder]
        fills: list[Fill | str] = [Fill(source, folder) for source in roles_in_folder(folder).values()]
        if not inside and not fills:  # a folder of one model
            same = [fill for fill in found.fills if os.path.realpath(fill.source.place) == os.path.realpath(folder)]
            fills = list(same) or [Fill(ModelSource(_role_of(folder), str(folder)), None)]
        return Named(packages=inside, roles=fills)
    found_here = _called(what, found)
    if not found_here:
        raise SemError(
            Code.MODEL_UNAVAILABLE,
            f"nothing here is called {shown(what)}",
            hint="semtool models list says what there is",
        )
    if what in ROLES:
        found_here.roles = list(filter(None, [found.fill(what)])) or [what]
    return found_here


def _called(what: str, found: Known) -> Named:
    from refcodec.foundation.roles import ROLES
    from refcodec.networks import package_search

    packages = []
    prefix = len(what) >= DIGITS_MIN and not set(what) - set("0123456789abcdef")
    for folder in found.packages:
        digest, name = package_search.describe(folder) or (None, None)
        if what == name or (prefix and digest is not None and digest.startswith(what)):
            packages.append(folder)
    profiles = [profile for profile in found.rows if what in (profile.name, str(profile.id))]
    return Named(packages, [what] if what in ROLES else [], profiles)


def _role_of(folder: Path) -> str:
    """The role that the folder of one model fills; its own name where nothing says."""
    return "painter" if os.path.isfile(folder / "model_index.json") else folder.resolve().name
