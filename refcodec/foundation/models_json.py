# SPDX-License-Identifier: MIT
"""Read sets of models: folders whose `models.json` lists the source and digest of the model for each role.

    {"format": "sem-models", "format_version": 1, "roles": {"painter": {"source": "painter", "revision": null, "sha256": "…"}}}

`source` is a folder inside the set, or a hub id. Without a `models.json`, subfolders named after roles fill them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any, Final

from refcodec.canonical_json import parse_json
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.folder_kind import pipeline_role
from refcodec.foundation.model_place import snapshot_of
from refcodec.foundation.roles import HUB_ID, ROLES, ModelSource
from refcodec.networks.manifest_values import is_digest

LISTING: Final = "models.json"
FORMAT, FORMAT_VERSION = "sem-models", 1
LISTING_BYTES_MAX: Final = 1 << 20


def roles_in_folder(folder: Path) -> dict[str, ModelSource]:
    """Return the roles that a folder fills: by its models.json, as a pipeline, or by the names of its subfolders.

    Raises Code.MODEL_MALFORMED for an invalid models.json, MODEL_UNAVAILABLE for a cache of the hub with several snapshots.
    """
    if os.path.isfile(folder / LISTING):
        return _listed_roles(folder)
    snapshot = snapshot_of("painter", folder)
    if os.path.isfile(snapshot / "model_index.json"):
        role = pipeline_role(snapshot)
        return {role: ModelSource(role, str(folder))}
    return {role: ModelSource(role, str(folder / role)) for role in ROLES if os.path.isdir(folder / role)}


def _malformed(folder: Path, what: str) -> SemError:
    return SemError(
        Code.MODEL_MALFORMED,
        f"{shown(str(folder / LISTING))}: {what}",
        path="models",
        hint="correct it, or remove it and import the models again",
    )


def read_models_json(folder: Path) -> dict[str, Any]:
    """Return models.json of a folder, whose `roles` is an object; raise Code.MODEL_MALFORMED if it is invalid."""
    try:
        if not (folder / LISTING).is_file() or (folder / LISTING).stat().st_size > LISTING_BYTES_MAX:
            raise ValueError("a pipe, which would block, or too long")
        document: Any = parse_json((folder / LISTING).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _malformed(folder, "not a JSON document that can be read") from error
    version = document.get("format_version") if isinstance(document, dict) else None
    if (
        not isinstance(document, dict)
        or document.get("format") != FORMAT
        or type(version) is not int
        or version != FORMAT_VERSION
    ):
        raise _malformed(folder, f"not {FORMAT} of version {FORMAT_VERSION}")
    if not isinstance(document.get("roles"), dict):
        raise _malformed(folder, "roles is not an object")
    return document


def _listed_roles(folder: Path) -> dict[str, ModelSource]:
    roles: dict[str, ModelSource] = {}
    for role, entry in read_models_json(folder)["roles"].items():
        place, revision, sha256 = (
            entry.get(k) if isinstance(entry, dict) else None for k in ("source", "revision", "sha256")
        )
        if (
            role not in ROLES
            or not isinstance(place, str)
            or not isinstance(revision, str | None)
            or not isinstance(sha256, str | None)
        ):
            raise _malformed(folder, f"{role!r} is not a role with a source, revision and sha256")
        if sha256 is not None and not is_digest(sha256):
            raise _malformed(folder, f"the sha256 of {role} is not 64 lower-case hexadecimal digits")
        if inside(folder, place):
            place = str(folder / place)
        elif HUB_ID.fullmatch(place) is None:
            raise _malformed(folder, f"{role} is neither a folder of the set nor a hub id")
        roles[role] = ModelSource(role, place, revision, sha256, listed_in=folder)
    return roles


def inside(folder: Path, place: str) -> bool:
    """Return whether `place` is a folder below this one, by a path that cannot lead outside on any system."""
    parts = PureWindowsPath(place).parts  # splits at both kinds of slash, and knows drives
    leads_out = os.path.isabs(place) or PureWindowsPath(place).anchor or ".." in parts
    return bool(parts) and not leads_out and "\0" not in place and os.path.isdir(folder / place)


def model_sets(environment: Environment) -> Iterator[Path]:
    """Yield the folders with a models.json among the package folders of an environment, in order."""
    for place in environment.package_folders:
        try:
            folders = [place, *sorted(place.iterdir())]
        except OSError:
            continue
        yield from (folder for folder in folders if os.path.isfile(folder / LISTING))


def installed_roles(environment: Environment) -> dict[str, ModelSource]:
    """Return the roles that the sets on the search path fill; the first set that lists a role fills it."""
    roles: dict[str, ModelSource] = {}
    for folder in model_sets(environment):
        roles = roles_in_folder(folder) | roles
    return roles
