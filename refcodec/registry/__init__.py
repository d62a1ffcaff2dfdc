# SPDX-License-Identifier: MIT
"""SPEC §5, the profile registry: the shipped `registry.json`, and rows of one's own beside it.

Private rows (ids 200 to 253) come from a file of the same schema that the environment variable SEM_REGISTRY names.
The schema `registry.schema.json` is for editors and tests; here only what the code relies on is looked at.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from refcodec import spec
from refcodec.canonical_json import canonical_json, parse_json
from refcodec.errors import Code, SemError
from refcodec.registry import binding_schema
from refcodec.registry.dim_classes import dim_class, dim_size

__all__ = ["Profile", "Recommended", "by_name", "dim_class", "dim_size", "get", "key", "load"]

ROW: Final = frozenset({"id", "name", "status", "binding", "recommended", "notes"})
STATUSES: Final = ("draft", "published", "withdrawn")
BINDING: Final = frozenset({"id", "method", "compact", "kinds", "fit", "colour", "parameters", "model"})


@dataclass(frozen=True)
class Recommended:
    """The models and hints that suit a row best; both empty where it recommends none."""

    models: Mapping[str, str]  # role -> owner/name on the Hugging Face hub
    hints: Mapping[str, str]  # as in a section of hints


@dataclass(frozen=True)
class Profile:
    """One row. `binding` is everything that bears on symbols, as in the JSON; the rest is for people."""

    id: int
    name: str
    status: str  # draft, published, withdrawn
    binding: Mapping[str, Any] = field(hash=False)
    recommended: Recommended = field(hash=False)
    notes: str

    @property
    def method(self) -> int:
        return int(self.binding["method"])

    @property
    def method_name(self) -> str:
        return spec.METHODS[self.method]

    @property
    def compact(self) -> int:
        """The kind of a compact body."""
        return int(self.binding["compact"])

    @property
    def kinds(self) -> tuple[int, ...]:
        """The kinds allowed in sectioned form, ascending."""
        return tuple(self.binding["kinds"])

    def parameters(self, kind: int) -> Mapping[str, Any]:
        """The shapes of a kind; empty where it has none."""
        found: Mapping[str, Any] = self.binding["parameters"].get(str(kind), {})
        return found

    @property
    def model(self) -> str | None:
        """The digest of the symbol model in hexadecimal, None where no payload of the row needs one, or it is a base."""
        digest: str | None = self.binding["model"]
        return digest

    @property
    def base(self) -> bool:
        """Whether files can only name it as the base of an explicit model (SEM-R-033, 034)."""
        return binding_schema.base(self.binding)


def load(extra: str | os.PathLike[str] | None = None) -> Mapping[int, Profile]:
    """id -> row: the shipped rows and those of the file `extra` (None: the one that SEM_REGISTRY names, if any).

    SEM-E-101 for a file that cannot be read, is no registry or gives a shipped row anew.
    """
    path = os.environ.get("SEM_REGISTRY") if extra is None else os.fspath(extra)
    return _load(path or None)


def get(profile_id: int) -> Profile:
    """The row of this id.

    SEM-E-702 where there is none (R-015), or its binding has a member not known here (R-032) or breaks R-033.
    """
    profile = load().get(profile_id)
    if profile is None:
        raise SemError(Code.UNSUPPORTED_PROFILE, f"no profile {profile_id} in this registry", path="profile")
    if unknown := sorted(set(profile.binding) - BINDING):
        raise SemError(
            Code.UNSUPPORTED_PROFILE, f"profile {profile_id} binds {', '.join(unknown)}, unknown here", path="profile"
        )
    if not binding_schema.consistent(profile.binding):
        raise SemError(
            Code.UNSUPPORTED_PROFILE,
            f"profile {profile_id} contradicts itself: its kinds, parameters and model (SEM-R-033)",
            path="profile",
        )
    return profile


def by_name(name: str) -> Profile:
    """The row of this name. SEM-E-702 where there is none."""
    for profile in load().values():
        if profile.name == name:
            return get(profile.id)
    raise SemError(Code.UNSUPPORTED_PROFILE, f"no profile called {name!r} in this registry", path="profile")


def key(profile: Profile, model_digest: str | None = None) -> bytes:
    """K of §7, 32 bytes. `model_digest` (64 hexadecimal digits): that of an explicit model, in place of the row's."""
    binding = dict(profile.binding)
    if model_digest is not None:
        binding["model"] = model_digest
    return hashlib.sha256(canonical_json(binding)).digest()


@lru_cache(maxsize=16)
def _load(extra: str | None) -> Mapping[int, Profile]:
    profiles = _rows((Path(__file__).parent / "registry.json").read_bytes())
    if extra is None:
        return MappingProxyType(profiles)
    try:
        for profile in _rows(Path(extra).read_bytes()).values():
            _add(profiles, profile)
    except (OSError, ValueError) as error:
        hint = "correct the file, or unset SEM_REGISTRY"
        raise SemError(Code.CANNOT_READ, f"cannot read the registry {extra}: {error}", hint=hint) from error
    return MappingProxyType(profiles)


def _add(profiles: dict[int, Profile], profile: Profile) -> None:
    """One row beside the shipped ones; ValueError for one that may not stand there."""
    if profile.id in profiles:
        raise ValueError(f"profile {profile.id} is in the shipped registry and cannot be given anew")
    if not spec.PRIVATE_FIRST <= profile.id <= spec.PRIVATE_LAST:
        raise ValueError(f"private profiles have ids 200 to 253, not {profile.id}")
    if any(profile.name == row.name for row in profiles.values()):
        raise ValueError(f"the name {profile.name!r} is taken")
    profiles[profile.id] = profile


def _rows(data: bytes) -> dict[int, Profile]:
    document = parse_json(data)
    if not isinstance(document, dict) or set(document) != {"version", "profiles"}:
        raise ValueError("a registry is an object of `version` and `profiles`")
    version = document["version"]
    if type(version) is not int or version != spec.VERSION or not isinstance(document["profiles"], list):
        raise ValueError(f"`version` of a registry is {spec.VERSION}, `profiles` a list of rows")
    profiles: dict[int, Profile] = {}
    for row in document["profiles"]:
        profile = _row(row)
        if profile.id in profiles:
            raise ValueError(f"profile {profile.id} is given twice")
        profiles[profile.id] = profile
    return profiles


def _row(row: Any) -> Profile:
    if not isinstance(row, dict) or set(row) != ROW:
        raise ValueError(f"a profile has the members {', '.join(sorted(ROW))}")
    binding = row["binding"]
    canonical_json(binding)
    well_formed = (
        type(row["id"]) is int
        and all(isinstance(row[member], str) for member in ("name", "status", "notes"))
        and row["status"] in STATUSES
        and binding_schema.recommended(row["recommended"])
        and isinstance(binding, dict)
        and binding.keys() >= BINDING
        and binding["id"] == row["id"]
        and binding_schema.among(binding["method"], spec.METHODS)
        and binding_schema.among(binding["compact"], spec.KINDS)
        and isinstance(binding["kinds"], list)
        and all(binding_schema.among(kind, spec.KINDS) for kind in binding["kinds"])
        and binding["kinds"] == sorted(set(binding["kinds"]))
        and binding_schema.fit(binding["fit"])
        and binding["colour"] == "srgb8"
        and isinstance(binding["parameters"], dict)
        and binding_schema.well_formed(binding["parameters"])
        and (binding["model"] is None or re.fullmatch("[0-9a-f]{64}", str(binding["model"])) is not None)
    )
    if not well_formed:
        raise ValueError(f"profile {row['id']!r} breaks registry.schema.json")
    advice = row["recommended"] or {}
    members = (MappingProxyType(dict(advice.get(member, {}))) for member in ("models", "hints"))
    return Profile(**row | {"recommended": Recommended(*members)})
