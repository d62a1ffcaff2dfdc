# SPDX-License-Identifier: MIT
"""Parse, check and look up the rows of a registry (SPEC §5)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.canonical_json import canonical_json, parse_json
from refcodec.errors import Code, SemError
from refcodec.fileio import package_data, read_settings, shown
from refcodec.networks import identity
from refcodec.payloads.kinds import DRAFT_REMEDY, DRAFTS, KINDS, WITH_DRAFTS, Kinds, draft_remedy
from refcodec.registry import binding_schema
from refcodec.registry.row_schema import BINDING, DraftRowError, check_row

if TYPE_CHECKING:
    from refcodec.payloads.base import Kind

SHIPPED: Final = "registry.json"
BYTES_MAX: Final = 1 << 24  # of a registry, far more than any has


@dataclass(frozen=True)
class Recommended:
    """The models and hints recommended for a row; either may be empty."""

    models: Mapping[str, str]  # role -> owner/name on the Hugging Face hub
    hints: Mapping[str, str]  # as in a section of hints


@dataclass(frozen=True)
class Profile:
    """One row. `binding` is everything that determines symbols, as in the JSON; the rest is informative."""

    id: int
    name: str
    status: str  # draft, published, withdrawn
    binding: Mapping[str, Any] = field(hash=False)
    recommended: Recommended = field(hash=False)
    notes: str
    known: Kinds = field(default=KINDS, compare=False, repr=False)  # payload kinds of its registry

    @property
    def method(self) -> int:
        """Return the number of the method (SPEC §5)."""
        return int(self.binding["method"])

    @property
    def method_name(self) -> str:
        """Return the name of the method."""
        return spec.METHODS[self.method]

    @property
    def compact(self) -> int:
        """Return the kind of a compact body."""
        return int(self.binding["compact"])

    @property
    def kinds(self) -> tuple[int, ...]:
        """Return the kinds allowed in sectioned form, ascending."""
        return tuple(self.binding["kinds"])

    def kind(self, number: int) -> Kind:
        """Return the payload kind of one of `kinds`."""
        return self.known.get(number)

    def parameters(self, kind: int) -> Mapping[str, Any]:
        """Return the parameters of a kind; empty if the row does not have the kind."""
        parameters: Mapping[str, Any] = self.binding["parameters"].get(str(kind), {})
        return parameters

    @property
    def model(self) -> str | None:
        """Return the digest of the symbol model in hexadecimal, None if the row needs no model or is a base."""
        digest: str | None = self.binding["model"]
        return digest

    @property
    def identity(self) -> Mapping[str, str]:
        """Return the identity of the row, role -> digest of the model that gives its symbols their meaning; {} if none."""
        digests: Mapping[str, str] = self.binding.get(identity.MEMBER, {})
        return digests

    @property
    def base(self) -> bool:
        """Return whether files can name the row only as the base of an explicit model (SEM-R-033, 034)."""
        return binding_schema.base(self.binding, self.known)


def key(profile: Profile, model_digest: str | None = None) -> bytes:
    """Return K of §7, 32 bytes.

    `model_digest`: 64 hexadecimal digits of an explicit model, which replace those of the row.
    """
    binding = dict(profile.binding)
    if model_digest is not None:
        binding["model"] = model_digest
    return hashlib.sha256(canonical_json(binding)).digest()


@dataclass(frozen=True)
class ShippedRows:
    """The rows of this release, of these payload kinds. Equal for equal kinds, so that registries of them are equal."""

    kinds: Kinds

    def __call__(self) -> Iterable[Profile]:
        return _rows(package_data(__package__, SHIPPED), self.kinds, check=False).values()


@dataclass(frozen=True)
class Registry:
    """An immutable set of rows, read at the first access.

    `source` returns the rows; an error of it is raised at every access. `kinds`: the known payload kinds, for rows and
    for the critical sections of files. Registries of the same source and kinds are equal.
    """

    source: Callable[[], Iterable[Profile]] = field(repr=False)
    kinds: Kinds = field(default=KINDS, repr=False)

    @classmethod
    def of(cls, *rows: Profile, kinds: Kinds = KINDS) -> Registry:
        """Return a registry of these rows."""
        return cls(lambda: rows, kinds)

    @classmethod
    def parse(cls, data: bytes, kinds: Kinds = KINDS) -> Registry:
        """Return the registry of a document in the form of registry.json; ValueError if it is invalid."""
        rows = _rows(data, kinds)
        if odd := [profile_id for profile_id in rows if not binding_schema.is_row_id(profile_id)]:
            raise ValueError(f"a row has an id from 0 to 253 or 256 to 65791, not {odd[0]}")
        return cls.of(*rows.values(), kinds=kinds)

    @classmethod
    def shipped(cls, kinds: Kinds = KINDS) -> Registry:
        """Return the registry of this release. `kinds`: the payload kinds that rows which extend it may have."""
        return _OF_THIS_RELEASE.get(kinds) or cls(ShippedRows(kinds), kinds)

    @classmethod
    def deferred(cls, load: Callable[[], Registry], kinds: Kinds = KINDS) -> Registry:
        """Return a registry of these payload kinds that calls `load` at the first access to a row."""

        def source() -> Iterable[Profile]:
            return load().rows.values()

        return cls(source, kinds)

    def with_kinds(self, kinds: Kinds) -> Registry:
        """Return a registry of the same rows, to which rows of other payload kinds can be added."""
        return Registry(lambda: [replace(row, known=kinds) for row in self.rows.values()], kinds)

    @cached_property
    def rows(self) -> Mapping[int, Profile]:
        """Return id -> row, in the order of the document."""
        return MappingProxyType({row.id: row for row in self.source()})

    def get(self, profile_id: int) -> Profile:
        """Return the row of this id.

        Raise UNSUPPORTED_PROFILE (SEM-E-702) if it is absent (R-015), if its binding has an unknown member (R-032), or if
        it breaks R-033.
        """
        profile = self.rows.get(profile_id)
        if profile is None:
            raise SemError(
                Code.UNSUPPORTED_PROFILE,
                f"no profile {profile_id} in this registry",
                path="profile",
                hint=self._private_remedy(profile_id),
            )
        if unknown := sorted(set(profile.binding) - BINDING - {identity.MEMBER}):
            raise SemError(
                Code.UNSUPPORTED_PROFILE,
                f"profile {profile_id} binds {', '.join(unknown)}, unknown here",
                path="profile",
            )
        if not binding_schema.consistent(profile.binding, self.kinds):
            raise SemError(
                Code.UNSUPPORTED_PROFILE,
                f"profile {profile_id} contradicts itself: its kinds, parameters and model (SEM-R-033)",
                path="profile",
            )
        return profile

    def _private_remedy(self, profile_id: int) -> str | None:
        """Return what to do about an absent row of a private id, which may be that of a draft; None for other ids."""
        if not binding_schema.is_private(profile_id):
            return None
        remedy = draft_remedy(self.kinds, DRAFTS)
        return f"name the file of private profiles that lists it in SEM_REGISTRY{f'; {remedy}' if remedy else ''}"

    def by_name(self, name: str) -> Profile:
        """Return the row of this name; raise UNSUPPORTED_PROFILE (SEM-E-702) if it is absent."""
        for profile in self.rows.values():
            if profile.name == name:
                return self.get(profile.id)
        raise SemError(Code.UNSUPPORTED_PROFILE, f"no profile called {name!r} in this registry", path="profile")

    def profiles(self, method: str) -> list[Profile]:
        """Return the rows of a method that are neither withdrawn nor bases, in the order of their ids.

        Raise UNSUPPORTED_PROFILE (SEM-E-702) if there are none, or if one has unknown members.
        """
        rows = [row for row in self.rows.values() if row.method_name == method and row.status != "withdrawn"]
        usable = [row for row in (self.get(row.id) for row in rows) if not row.base]
        if not usable:
            what = f"this registry has no profile of method {method}"
            raise SemError(Code.UNSUPPORTED_PROFILE, what, path="profile")
        return usable

    def extended_by(self, extra: str | os.PathLike[str] | bytes) -> Registry:
        """Return a registry of these rows and the private rows of a file, or of its bytes.

        Raise CANNOT_READ (SEM-E-101) if the file is unreadable, is not a registry, or redefines a row.
        """
        rows = dict(self.rows)
        name = "" if isinstance(extra, bytes) else f" {shown(os.fspath(extra))}"
        try:
            data = (
                extra if isinstance(extra, bytes) else read_settings(extra, BYTES_MAX, "a registry of private profiles")
            )
            for profile in _rows(data, self.kinds).values():
                _add(rows, profile)
        except (SemError, ValueError) as error:
            reason = error.what.removeprefix(f"{name[1:]}: ") if isinstance(error, SemError) else error
            hint = "correct the file, or unset SEM_REGISTRY"
            if isinstance(error, DraftRowError):
                reason, hint = error.what, DRAFT_REMEDY
            raise SemError(Code.CANNOT_READ, f"cannot read the registry{name}: {reason}", hint=hint) from error
        return Registry.of(*rows.values(), kinds=self.kinds)


# those of the library's own kinds, each parsed once in a process, whatever kinds a caller adds
_OF_THIS_RELEASE: Final = {kinds: Registry(ShippedRows(kinds), kinds) for kinds in (KINDS, WITH_DRAFTS)}


def _add(profiles: dict[int, Profile], profile: Profile) -> None:
    """Add a private row to others; ValueError if its id is not private, or its id or name is taken."""
    if profile.id in profiles:
        raise ValueError(f"profile {profile.id} is in the shipped registry and cannot be redefined")
    if not binding_schema.is_private(profile.id):
        raise ValueError(f"private profiles have ids 200 to 253 or 61696 to 65791, not {profile.id}")
    if any(profile.name == row.name for row in profiles.values()):
        raise ValueError(f"the name {profile.name!r} is taken")
    profiles[profile.id] = profile


def _rows(data: bytes, kinds: Kinds, *, check: bool = True) -> dict[int, Profile]:
    """Parse a registry. check: False for the shipped one, whose rows the tests check."""
    document = parse_json(data)
    if not isinstance(document, dict) or set(document) != {"version", "profiles"}:
        raise ValueError("a registry is an object of `version` and `profiles`")
    version = document["version"]
    if type(version) is not int or version != spec.VERSION or not isinstance(document["profiles"], list):
        raise ValueError(f"`version` of a registry is {spec.VERSION}, `profiles` a list of rows")
    profiles: dict[int, Profile] = {}
    for row in document["profiles"]:
        if check:
            check_row(row, kinds)
        profile = _profile(row, kinds)
        if profile.id in profiles:
            raise ValueError(f"profile {profile.id} occurs twice")
        profiles[profile.id] = profile
    return profiles


def _profile(row: dict[str, Any], kinds: Kinds) -> Profile:
    advice = row["recommended"] or {}
    members = (MappingProxyType(dict(advice.get(member, {}))) for member in ("models", "hints"))
    return Profile(**row | {"recommended": Recommended(*members)}, known=kinds)
