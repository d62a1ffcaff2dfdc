# SPDX-License-Identifier: MIT
"""The models that `semtool models` works with: packages, models that fill roles, and profiles of the registry."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.common_options import models_of
from refcodec.cli.error_report import notice
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.environment import Environment
    from refcodec.foundation.roles import ModelSource
    from refcodec.registry import Profile

PARTS = ("symbols", "painter", "encoder")
DIGITS_MIN = 8  # of a digest that names a package


def model_option(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --model, repeatable."""
    return click.option(
        "--model",
        metavar="DIR | ROLE=MODEL",
        multiple=True,
        help="Search here first: the folder of a model package or a model set, or a role and its model. Repeatable.",
    )(f)


@dataclass(frozen=True)
class Fill:
    """A model that fills a role. set: the folder of the models.json that names it, None if --model does."""

    source: ModelSource
    set: Path | None


@dataclass
class Inventory:
    """The models of the environment and of --model. broken: (folder, error) of sets that cannot be read."""

    environment: Environment
    packages: list[Path]
    fills: list[Fill]
    broken: list[tuple[Path, SemError]] = field(default_factory=list)

    @property
    def rows(self) -> list[Profile]:
        """The rows of the registry by ascending id."""
        return [profile for _, profile in sorted(self.environment.registry.rows.items())]

    def fill(self, role: str) -> Fill | None:
        """Return the model that a role uses, None if it has no model."""
        return next((fill for fill in self.fills if fill.source.role == role), None)


def take_inventory(model: tuple[str, ...]) -> Inventory:
    """Return the models of the environment and of --model.

    Raises a usage error, Code.MODEL_UNAVAILABLE (SEM-E-801) or MODEL_MALFORMED (803) for --model; errors of other sets
    are collected in `broken`.
    """
    from refcodec.foundation.models_json import model_sets, roles_in_folder
    from refcodec.networks import package_search

    models = models_of(model, "auto", "auto")
    for missing in models.environment.missing_folders:
        notice(f"there is no folder {shown(str(missing))}, which SEM_MODELS names")
    environment = models.package_environment
    inventory = Inventory(
        environment,
        _distinct(package_search.packages(environment.package_folders)),
        [Fill(source, None) for source in models.roles.values()],
    )
    for folder in _distinct(model_sets(models.environment)):
        try:
            inventory.fills += [Fill(source, folder) for source in roles_in_folder(folder).values()]
        except SemError as error:
            inventory.broken.append((folder, error))
    return inventory


def _distinct(folders: Iterator[Path]) -> list[Path]:
    """Return the folders without those that are the same folder under another path."""
    seen: dict[str, Path] = {}
    for folder in folders:
        seen.setdefault(os.path.realpath(folder), folder)
    return list(seen.values())


def package_row(folder: Path, inventory: Inventory) -> dict[str, Any]:
    """Return the object of a package from its manifest, without opening tensors; with `error` if that cannot be read."""
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
    row["profiles"] = [profile.name for profile in inventory.rows if profile.model == digest]
    row["parts"] = [part for part in PARTS if part in manifest and os.path.isfile(folder / f"{_file(manifest, part)}")]
    return row


def _file(manifest: dict[str, Any], part: str) -> str:
    """Return the file name of a part of a package, "." if its entry is invalid."""
    entry = manifest.get(part)
    name = entry.get("file") if part != "symbols" and isinstance(entry, dict) else f"{part}.safetensors"
    return name if isinstance(name, str) and os.path.basename(name) == name else "."


def text(value: object) -> str | None:
    """Return `value` if it is a string, else None."""
    return value if isinstance(value, str) else None


def profile_row(profile: Profile, inventory: Inventory) -> dict[str, Any]:
    """Return the object of a profile. available: whether its symbol model is installed; null if it has none."""
    from refcodec.networks import package_search

    folders = [
        folder
        for folder in inventory.packages
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


def test_rows(inventory: Inventory) -> set[int]:
    """Return the ids of the rows of the test vectors: shipped ones of private ids, which no file of the user replaces."""
    from refcodec.registry import Registry
    from refcodec.registry.binding_schema import is_private

    shipped = Registry.shipped().rows
    return {row.id for row in inventory.rows if is_private(row.id) and shipped.get(row.id) == row}


def role_row(role: str, inventory: Inventory) -> dict[str, Any]:
    """Return the object of a role, with its model and the models that profiles recommend."""
    from refcodec.foundation.roles import ROLES

    fill = inventory.fill(role)
    source = None if fill is None else fill.source
    return {
        "role": role,
        "what": ROLES[role],
        "source": None if source is None else source.place,
        "revision": None if source is None else source.revision,
        "sha256": None if source is None else source.sha256,
        "set": None if fill is None or fill.set is None else str(fill.set),
        "recommended": sorted(
            {profile.recommended.models[role] for profile in inventory.rows if role in profile.recommended.models}
        ),
    }


@dataclass
class Selection:
    """Everything that a word of the command line names: packages, roles and profiles may have the same name."""

    packages: list[Path] = field(default_factory=list)
    roles: list[Fill | str] = field(default_factory=list)  # the role's name if no model fills it
    profiles: list[Profile] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.packages or self.roles or self.profiles)


def resolve(what: str, inventory: Inventory) -> Selection:
    """Return everything that `what` names.

    That is a folder, the name of a package or the first 8 to 64 digits of its digest, a role, or the name or id of a
    profile. Raises Code.MODEL_UNAVAILABLE (SEM-E-801) for an unknown name, MODEL_MALFORMED (803) for a folder with an
    invalid models.json.
    """
    from refcodec.foundation.models_json import roles_in_folder
    from refcodec.foundation.place_text import shown_place
    from refcodec.foundation.roles import ROLES, ModelSource
    from refcodec.networks import package_search

    folder = Path(what)
    if os.path.isdir(folder) and (os.sep in what or what in (".", "..") or not _by_name(what, inventory)):
        if os.path.lexists(folder / package_search.MANIFEST):  # a pipe, a folder or a dead link is a broken package
            return Selection(packages=[folder])
        inside = _packages_in(folder)
        fills: list[Fill | str] = [Fill(source, folder) for source in roles_in_folder(folder).values()]
        if not inside and not fills:  # a folder of one model
            same = [fill for fill in inventory.fills if os.path.realpath(fill.source.place) == os.path.realpath(folder)]
            fills = list(same) or [Fill(ModelSource(_role_of(folder), str(folder)), None)]
        return Selection(packages=inside, roles=fills)
    selection = _by_name(what, inventory)
    if not selection:
        raise SemError(
            Code.MODEL_UNAVAILABLE,
            f"there is no package, role or profile {shown_place(what)}, and no such folder",
            hint="semtool models list shows all",
        )
    if what in ROLES:
        selection.roles = list(filter(None, [inventory.fill(what)])) or [what]
    return selection


def _packages_in(folder: Path) -> list[Path]:
    """Return the packages in a folder, those with a broken manifest, too; none if it cannot be read."""
    from refcodec.networks import package_search

    with suppress(OSError):
        return [child for child in sorted(folder.iterdir()) if os.path.lexists(child / package_search.MANIFEST)]
    return []


def _by_name(what: str, inventory: Inventory) -> Selection:
    """Return the packages, roles and profiles with this name, digest or id."""
    from refcodec.foundation.roles import ROLES
    from refcodec.networks import package_search

    packages = []
    prefix = len(what) >= DIGITS_MIN and not set(what) - set("0123456789abcdef")
    for folder in inventory.packages:
        digest, name = package_search.describe(folder) or (None, None)
        if what == name or (prefix and digest is not None and digest.startswith(what)):
            packages.append(folder)
    profiles = [profile for profile in inventory.rows if what in (profile.name, str(profile.id))]
    return Selection(packages, [what] if what in ROLES else [], profiles)


def _role_of(folder: Path) -> str:
    """Return the role that the folder of one model fills, or the folder's name if that is unknown."""
    from refcodec.foundation.folder_kind import pipeline_role

    return pipeline_role(folder) if os.path.isfile(folder / "model_index.json") else folder.resolve().name
