# SPDX-License-Identifier: MIT
"""Parse, check and look up the rows of a registry (SPEC §5).

Only what the code relies on is checked here; `registry.schema.json` is the complete schema, for editors and tests.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.canonical_json import canonical_json, parse_json
from refcodec.errors import Code, SemError
from refcodec.fileio import package_data, read_bytes, shown
from refcodec.networks import identity
from refcodec.payloads.kinds import KINDS, WITH_DRAFTS, Kinds
from refcodec.registry import binding_schema

if TYPE_CHECKING:
    from refcodec.payloads.base import Kind

SHIPPED: Final = "registry.json"
BYTES_MAX: Final = 1 << 24  # of a registry, far more than any has
ROW: Final = frozenset({"id", "name", "status", "binding", "recommended", "notes"})
STATUSES: Final = ("draft", "published", "withdrawn")
BINDING: Final = frozenset({"id", "method", "compact", "kinds", "fit", "colour", "parameters", "model"})


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
        return cls.of(*_rows(data, kinds).values(), kinds=kinds)

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
            raise SemError(Code.UNSUPPORTED_PROFILE, f"no profile {profile_id} in this registry", path="profile")
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
            data = extra if isinstance(extra, bytes) else read_bytes(extra, BYTES_MAX)
            for profile in _rows(data, self.kinds).values():
                _add(rows, profile)
        except (SemError, ValueError) as error:
            reason = error.what.removeprefix(f"{name[1:]}: ") if isinstance(error, SemError) else error
            hint = "correct the file, or unset SEM_REGISTRY"
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
            _check(row, kinds)
        profile = _profile(row, kinds)
        if profile.id in profiles:
            raise ValueError(f"profile {profile.id} occurs twice")
        profiles[profile.id] = profile
    return profiles


def _check(row: Any, kinds: Kinds) -> None:
    """Raise ValueError, with the first invalid member, for a row that does not have the form of §5."""
    if not isinstance(row, dict) or set(row) != ROW:
        raise ValueError(f"a profile has the members {', '.join(sorted(ROW))}")
    canonical_json(row["binding"])
    for name, rule in MEMBERS:
        if rule is not None and not rule(row, row["binding"], kinds):
            which = f"profile {row['id']!r}" if isinstance(row["id"], int | str) else "a profile"
            raise ValueError(f"{which} breaks registry.schema.json at {name}")


def _profile(row: dict[str, Any], kinds: Kinds) -> Profile:
    advice = row["recommended"] or {}
    members = (MappingProxyType(dict(advice.get(member, {}))) for member in ("models", "hints"))
    return Profile(**row | {"recommended": Recommended(*members)}, known=kinds)


# --- the members of a row, in the order in which they are checked ------------------------------------------------

Rule = Callable[[dict[str, Any], Any, Kinds], bool]  # (row, its binding, known kinds) -> whether the member is valid


def member(name: str, rule: Rule | None) -> tuple[str, Rule | None]:
    """Declare the form of one member; it may rely on those declared before it."""
    return name, rule


MEMBERS: Final = (
    member("id", lambda row, _binding, _kinds: type(row["id"]) is int),
    member("name", lambda row, _binding, _kinds: isinstance(row["name"], str)),
    member("status", lambda row, _binding, _kinds: isinstance(row["status"], str) and row["status"] in STATUSES),
    member("notes", lambda row, _binding, _kinds: isinstance(row["notes"], str)),
    member("recommended", lambda row, _binding, _kinds: binding_schema.recommended(row["recommended"])),
    member("binding", lambda _row, binding, _kinds: isinstance(binding, dict)),
    member("binding", lambda _row, binding, _kinds: bool(binding.keys() >= BINDING)),
    member("binding.id", lambda row, binding, _kinds: bool(binding["id"] == row["id"])),
    member("binding.method", lambda _row, binding, _kinds: binding_schema.among(binding["method"], spec.METHODS)),
    member("binding.compact", lambda _row, binding, kinds: binding_schema.is_kind(binding["compact"], kinds)),
    member("binding.kinds", lambda _row, binding, _kinds: isinstance(binding["kinds"], list)),
    member(
        "binding.kinds",
        lambda _row, binding, kinds: all(binding_schema.is_kind(kind, kinds) for kind in binding["kinds"]),
    ),
    member("binding.kinds", lambda _row, binding, _kinds: bool(binding["kinds"] == sorted(set(binding["kinds"])))),
    member("binding.fit", lambda _row, binding, _kinds: binding_schema.fit(binding["fit"])),
    member("binding.colour", lambda _row, binding, _kinds: bool(binding["colour"] == "srgb8")),
    member("binding.parameters", lambda _row, binding, _kinds: isinstance(binding["parameters"], dict)),
    member("binding.parameters", lambda _row, binding, kinds: binding_schema.well_formed(binding["parameters"], kinds)),
    member(
        "binding.model",
        lambda _row, binding, _kinds: (
            binding["model"] is None or re.fullmatch("[0-9a-f]{64}", str(binding["model"])) is not None
        ),
    ),
    member(
        "binding.identity",
        lambda _row, binding, _kinds: identity.MEMBER not in binding or identity.well_formed(binding[identity.MEMBER]),
    ),
)
