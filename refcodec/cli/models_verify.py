# SPDX-License-Identifier: MIT
"""semtool models verify: check digests and bounds of packages, and recorded digests of models. One line each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from refcodec.cli.common_options import json_option, progress
from refcodec.cli.model_inventory import Fill, Inventory, model_option, resolve, take_inventory
from refcodec.cli.stdio import brief, one_destination, say, show_json, wants_json
from refcodec.errors import Code, SemError, one_line
from refcodec.fileio import shown


@click.command("verify", short_help="Check that models are intact.")
@click.argument("what", metavar="[WHAT…]", nargs=-1)
@model_option
@json_option
def command(what: tuple[str, ...], model: tuple[str, ...]) -> int:
    """Check models.

    Checks every digest and bound of model packages, their shapes against the profiles that name them, and the models that
    fill roles against models.json. WHAT as for `semtool models show`; without it all models are checked. A model of the
    hub is not downloaded.
    """
    inventory = take_inventory(model)
    packages, fills = _select(what, inventory)
    errors: list[SemError] = []
    rows: list[dict[str, Any]] = []

    def report(row: dict[str, Any], error: SemError | None) -> None:
        rows.append(row | {"error": None if error is None else error.to_dict()})
        if not wants_json():
            say(_line(row, error))
        if error is not None:
            errors.append(error)
            say(f"{_name(row)}: {one_line(str(error))}", err=True)

    with progress("verifying") as update:
        for i, folder in enumerate(packages):
            report(*_package(folder, inventory))
            update((i + 1) / (len(packages) + len(fills) + 1))
        for i, fill in enumerate(fills):
            report(*_role(fill))
            update((len(packages) + i + 1) / (len(packages) + len(fills) + 1))
        for folder, error in inventory.broken if not what else ():
            report(_row("set", folder.name, str(folder)), error)
    if wants_json():
        show_json({"models": rows})
    elif not rows:
        say("no models are installed")
    return errors[0].status if errors else 0


def _select(what: tuple[str, ...], inventory: Inventory) -> tuple[list[Path], list[Fill]]:
    """Return the packages and models to check, with the symbol models of profiles.

    Raises Code.MODEL_UNAVAILABLE (SEM-E-801) for a model that is not installed.
    """
    from refcodec.foundation.roles import missing_model_error
    from refcodec.networks import package_search

    if not what:
        return [folder for folder in inventory.packages if package_search.describe(folder) is not None], inventory.fills
    packages: dict[Path, None] = {}
    fills: dict[Fill, None] = {}
    for word in what:
        selection = resolve(word, inventory)
        packages |= dict.fromkeys(selection.packages)
        fills |= dict.fromkeys(fill for fill in selection.roles if isinstance(fill, Fill))
        models = [profile.model for profile in selection.profiles if profile.model is not None]
        for folder in inventory.packages:
            if package_search.folder_digest(folder) in models:
                packages[folder] = None
        if (
            selection.roles
            and not any(isinstance(fill, Fill) for fill in selection.roles)
            and not selection.packages
            and not models
        ):
            raise missing_model_error(word)
        if models and not any(package_search.folder_digest(folder) in models for folder in packages):
            raise SemError(Code.MODEL_UNAVAILABLE, f"the model of profile {word} is not installed: {models[0][:16]}…")
    return list(packages), list(fills)


def _row(what: str, name: str, folder: str | None) -> dict[str, Any]:
    return {"what": what, "name": name, "folder": folder, "state": "failed", "sha256": None, "pickled": []}


def _package(folder: Path, inventory: Inventory) -> tuple[dict[str, Any], SemError | None]:
    """Check a package; return its object and its first error, if any."""
    from refcodec.networks import package, package_search
    from refcodec.payloads.kinds import check_model

    kinds = inventory.environment.kinds
    digest, name = package_search.describe(folder) or (None, None)
    row = _row("package", name or folder.name, str(folder)) | {"sha256": digest}
    try:
        row["pickled"] = _pickled(folder)
        manifest = package.read_manifest(folder)
        model = package.load_any(folder, digest, kinds)
        for profile in (profile for profile in inventory.rows if profile.model == model.digest):
            check_model(model, model.kind, profile.parameters(model.kind), kinds)
        for part in ("painter", "encoder"):
            if part in manifest:
                package.load_part(folder, manifest, part)
    except SemError as error:
        return row, error
    return row | {"state": "ok"}, None


def _role(fill: Fill) -> tuple[dict[str, Any], SemError | None]:
    """Check the model of a role; return its object and its first error, if any."""
    from refcodec.foundation.download import resolve_folder, source_sha256
    from refcodec.foundation.required_files import check_pipeline_files

    source = fill.source
    row = _row("role", source.role, None)
    if source.is_endpoint:
        return row | {"state": "unrecorded"}, None
    try:
        folder = resolve_folder(source, fetch=False)
        row.update(folder=str(folder), pickled=_pickled(folder))
        row["sha256"] = source.sha256 or source_sha256(source, folder)
        check_pipeline_files(source.role, folder)
    except SemError as error:
        return row, error
    return row | {"state": "unrecorded" if source.sha256 is None else "ok"}, None


def _pickled(folder: Path) -> list[str]:
    """Return the names of pickled weights in a folder, which are never opened."""
    from refcodec.foundation.folder_digest import model_files
    from refcodec.foundation.weight_files import PICKLED

    unopened = (*PICKLED, ".h5", ".msgpack")  # those of TensorFlow and Flax, which may hold code, are listed, too
    return [name for name, path in model_files(folder) if path.suffix in unopened]


def _name(row: dict[str, Any]) -> str:
    return brief(row["name"], "--json prints all of it")


def _line(row: dict[str, Any], error: SemError | None) -> str:
    """Return the line of one model."""
    words = [row["state"] if error is None else "failed" if one_destination() else f"failed, {error.id} {error.name}"]
    words += [f"sha256 {row['sha256'][:16]}…"] if row["state"] == "unrecorded" and row["sha256"] else []
    words += [f"never opened: {', '.join(map(shown, row['pickled']))}"] if row["pickled"] else []
    where = f" ({shown(row['folder'])})" if row["folder"] else ""
    return f"{row['what']} {_name(row)}{where}: {', '.join(words)}"
