# SPDX-License-Identifier: MIT
"""semtool models show: the contents of a package, the model of a role, the models of a profile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from refcodec.cli.common_options import json_option, progress
from refcodec.cli.model_inventory import (
    PARTS,
    Fill,
    Inventory,
    model_option,
    package_row,
    profile_row,
    resolve,
    role_row,
    take_inventory,
)
from refcodec.cli.stdio import brief, say, show_json, wants_json
from refcodec.errors import FAMILIES, Code, SemError, one_line
from refcodec.fileio import shown

REMEDY = "--json prints all of it"
CLASS_KEYS = ("_class_name", "architectures", "model_type")


@click.command("show", short_help="Show a package, role or profile.")
@click.argument("what", metavar="WHAT")
@model_option
@json_option
def command(what: str, model: tuple[str, ...]) -> int:
    """Show everything that WHAT names: a folder, a package (by name, digest or its beginning), a role, a profile.

    Opens the tensors of packages to check their bounds, and computes the digests of folders that fill roles.
    """
    inventory = take_inventory(model)
    selection = resolve(what, inventory)
    with progress("reading") as update:
        rows = {
            "packages": [_package(folder, inventory) for folder in selection.packages],
            "roles": [_role(fill, inventory, update) for fill in selection.roles],
            "profiles": [_profile(profile, inventory) for profile in selection.profiles],
        }
    if wants_json():
        show_json(rows)
    else:
        say("\n\n".join("\n".join(_text(kind[:-1], row)) for kind, several in rows.items() for row in several))
    errors = [row["error"] for several in rows.values() for row in several if row.get("error")]
    if not errors:
        return 0
    error = errors[0]
    say(one_line(f"{error['code']} {error['name']}: {error['message']}; {error['hint']}"), err=True)
    return FAMILIES[int(error["code"].removeprefix("SEM-E-")) // 100].status


def _package(folder: Path, inventory: Inventory) -> dict[str, Any]:
    """Return the object of a package, with the notes and tensors of its manifest; `error` for an invalid symbol model."""
    from refcodec.foundation.folder_digest import file_sha256
    from refcodec.networks import package
    from refcodec.networks.symbol_model import SymbolModel

    row = package_row(folder, inventory) | {
        "notes": None,
        "training": None,
        "files": [],
        "tensors": None,
        "numbers": None,
        "bounds": None,
    }
    if row["error"] is not None:
        return row
    try:
        manifest = package.read_manifest(folder)
        notes = manifest.get("notes")
        row.update(notes=notes if isinstance(notes, str) else None, training=manifest.get("training"))
        files = [folder / f"{part}.safetensors" for part in PARTS if part in row["parts"]]
        row["files"] = [
            {"name": file.name, "bytes": file.stat().st_size, "sha256": file_sha256(file)}
            for file in files
            if file.is_file()
        ]
        declared = manifest["symbols"].get("tensors")
        row["tensors"] = len(declared) if isinstance(declared, dict) else None
        loaded = package.load_any(folder, kinds=inventory.environment.kinds)
        row["bounds"] = True
        if isinstance(loaded, SymbolModel):
            row["numbers"] = {
                "rates": loaded.rates,
                "hyper": loaded.hyper,
                "groups": list(loaded.groups),
                "parity": loaded.parity,
            }
        else:
            row["numbers"] = loaded.numbers
    except SemError as error:
        row.update(bounds=False if error.code == Code.MODEL_BOUNDS else None, error=error.to_dict())
    return row


def _role(fill: Fill | str, inventory: Inventory, update: Any) -> dict[str, Any]:
    """Return the object of a role, with the files of its model. `computed`: the digest of the files on this machine."""
    from refcodec.foundation.download import resolve_folder, source_sha256
    from refcodec.foundation.folder_digest import model_files
    from refcodec.foundation.model_place import snapshot_of
    from refcodec.foundation.roles import ROLES

    more: dict[str, Any] = {"folder": None, "files": [], "classes": [], "computed": None, "error": None}
    if isinstance(fill, str):
        return role_row(fill, inventory) | more
    source = fill.source
    only = Inventory(inventory.environment, inventory.packages, [fill])
    row = (
        role_row(source.role, only)
        if source.role in ROLES
        else {
            "role": None,
            "what": None,
            "source": source.place,
            "revision": None,
            "sha256": None,
            "set": None,
            "recommended": [],
        }
    )
    row |= more
    if source.is_endpoint:
        return row
    try:
        folder = (
            snapshot_of(source.role, Path(source.place))
            if os.path.isdir(source.place)
            else resolve_folder(source, fetch=False)
        )
        row["folder"] = str(folder)
        row["files"] = [{"name": name, "bytes": path.stat().st_size} for name, path in model_files(folder)]
        row["classes"] = classes(folder)
        update(0.1)
        row["computed"] = source_sha256(source, folder)
        resolve_folder(source, fetch=False)
    except SemError as error:
        row["error"] = error.to_dict()
    return row


def classes(folder: Path) -> list[str]:
    """Return the classes in config.json or model_index.json; for a pipeline its own, then those of its parts."""
    from refcodec.foundation.config_files import read_object

    for name in ("model_index.json", "config.json"):
        config = read_object(folder / name)
        if config is None:
            continue
        names: Any = next((config[key] for key in CLASS_KEYS if config.get(key)), [])
        parts = [
            f"{part}: {entry[1]}"
            for part, entry in config.items()
            if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], str)
        ]
        own = names if isinstance(names, list) else [names]
        return [str(entry) for entry in own] + (parts if name == "model_index.json" else [])
    return []


def _profile(profile: Any, inventory: Inventory) -> dict[str, Any]:
    return profile_row(profile, inventory) | {"notes": profile.notes, "hints": dict(profile.recommended.hints)}


def _text(kind: str, row: dict[str, Any]) -> Iterator[str]:
    """Yield the text output: a title, then a line for each member that is not empty."""
    title = row.get("name") or row.get("role") or row.get("folder") or "?"
    yield f"{kind} {brief(title, REMEDY)}"
    for key, value in row.items():
        if key in ("name", "role", "error") or value is None or value in ([], {}):
            continue
        if key == "files":
            for file in value:
                digest = f"  {file['sha256'][:16]}" if "sha256" in file else ""
                yield f"  {'file':12} {shown(file['name'])}  {file['bytes']} bytes{digest}"
        elif isinstance(value, dict):
            for name, entry in value.items():
                yield f"  {key:12} {brief(name, REMEDY)} {brief(entry, REMEDY)}"
        elif isinstance(value, list):
            yield f"  {key:12} {brief(', '.join(map(str, value)), REMEDY)}"
        else:
            word = {True: "kept", False: "broken"}[value] if key == "bounds" else _word(value)
            yield f"  {key:12} {brief(word, REMEDY)}"


def _word(value: Any) -> str:
    """Return a value as text, yes or no for booleans."""
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
