# SPDX-License-Identifier: MIT
"""semtool models verify: digests and bounds of packages, recorded digests of what fills roles. One line each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from refcodec.cli.common_options import json_option, progress
from refcodec.cli.model_inventory import Fill, Known, known, model_option, named
from refcodec.cli.stdio import safe, say, show_json, wants_json
from refcodec.errors import Code, SemError
from refcodec.fileio import shown


@click.command("verify", short_help="Say whether models are intact.")
@click.argument("what", metavar="[WHAT…]", nargs=-1)
@model_option
@json_option
def command(what: tuple[str, ...], model: tuple[str, ...]) -> int:
    """Check every digest and bound of model packages, and their shapes against the profiles that name them; what fills
    roles against models.json.

    WHAT as for `semtool models show`; without it all that is found. A model of the hub is not fetched.
    """
    found = known(model)
    packages, fills = _meant(what, found)
    faults: list[SemError] = []
    rows: list[dict[str, Any]] = []

    def judged(row: dict[str, Any], fault: SemError | None) -> None:
        rows.append(row | {"error": None if fault is None else fault.to_dict()})
        if not wants_json():
            say(_line(row, fault))
        if fault is not None:
            faults.append(fault)
            say(f"{shown(row['name'])}: {safe(str(fault))}", err=True)

    with progress("verifying") as update:
        for i, folder in enumerate(packages):
            judged(*_package(folder, found))
            update((i + 1) / (len(packages) + len(fills) + 1))
        for i, fill in enumerate(fills):
            judged(*_role(fill))
            update((len(packages) + i + 1) / (len(packages) + len(fills) + 1))
        for folder, fault in found.broken if not what else ():
            judged(_row("set", folder.name, str(folder)), fault)
    if wants_json():
        show_json({"models": rows})
    elif not rows:
        say("no models are here")
    return faults[0].status if faults else 0


def _meant(what: tuple[str, ...], found: Known) -> tuple[list[Path], list[Fill]]:
    """Packages and fills, those of profiles' symbol models too. SEM-E-801 for what is not here."""
    from refcodec.foundation.roles import missing_model_error
    from refcodec.networks import package_search

    if not what:
        return [folder for folder in found.packages if package_search.describe(folder) is not None], found.fills
    packages: dict[Path, None] = {}
    fills: dict[Fill, None] = {}
    for word in what:
        meant = named(word, found)
        packages |= dict.fromkeys(meant.packages)
        fills |= dict.fromkeys(fill for fill in meant.roles if isinstance(fill, Fill))
        models = [profile.model for profile in meant.profiles if profile.model is not None]
        for folder in found.packages:
            if package_search.folder_digest(folder) in models:
                packages[folder] = None
        if (
            meant.roles
            and not any(isinstance(fill, Fill) for fill in meant.roles)
            and not meant.packages
            and not models
        ):
            raise missing_model_error(word)
        if models and not any(package_search.folder_digest(folder) in models for folder in packages):
            raise SemError(Code.MODEL_UNAVAILABLE, f"the model of profile {word} is not here: {models[0][:16]}…")
    return list(packages), list(fills)


def _row(what: str, name: str, folder: str | None) -> dict[str, Any]:
    return {"what": what, "name": name, "folder": folder, "state": "failed", "sha256": None, "pickled": []}


def _package(folder: Path, found: Known) -> tuple[dict[str, Any], SemError | None]:
    from refcodec.networks import package, package_search
    from refcodec.payloads.kinds import check_model_matches_profile

    digest, name = package_search.describe(folder) or (None, None)
    row = _row("package", name or folder.name, str(folder)) | {"sha256": digest}
    try:
        row["pickled"] = _pickled(folder)
        manifest = package.read_manifest(folder)
        model = package.load_any(folder, digest)
        for profile in (profile for profile in found.rows if profile.model == model.digest):
            check_model_matches_profile(model, model.kind, profile.parameters(model.kind))
        for part in ("painter", "encoder"):
            if part in manifest:
                package.load_part(folder, manifest, part)
    except SemError as error:
        return row, error
    return row | {"state": "ok"}, None


def _role(fill: Fill) -> tuple[dict[str, Any], SemError | None]:
    from refcodec.foundation.download import resolve_folder, source_sha256

    source = fill.source
    row = _row("role", source.role, None)
    if source.is_endpoint:
        return row | {"state": "unrecorded"}, None
    try:
        folder = resolve_folder(source, fetch=False)
        row.update(folder=str(folder), pickled=_pickled(folder))
        row["sha256"] = source.sha256 or source_sha256(source, folder)
    except SemError as error:
        return row, error
    return row | {"state": "unrecorded" if source.sha256 is None else "ok"}, None


def _pickled(folder: Path) -> list[str]:
    from refcodec.foundation.download import PICKLED
    from refcodec.foundation.folder_digest import model_files

    return [name for name, path in model_files(folder) if path.suffix in PICKLED]


def _line(row: dict[str, Any], fault: SemError | None) -> str:
    words = [row["state"] if fault is None else f"failed, {fault.id} {fault.name}"]
    words += [f"sha256 {row['sha256'][:16]}…"] if row["state"] == "unrecorded" and row["sha256"] else []
    words += [f"never opened: {', '.join(map(shown, row['pickled']))}"] if row["pickled"] else []
    where = f" ({shown(row['folder'])})" if row["folder"] else ""
    return f"{row['what']} {shown(row['name'])}{where}: {', '.join(words)}"
