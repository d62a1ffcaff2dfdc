# SPDX-License-Identifier: MIT
"""Check a row of a registry against SPEC §5, as `registry.schema.json` does, for editors and tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from refcodec import spec
from refcodec.canonical_json import canonical_json
from refcodec.networks import identity
from refcodec.networks.manifest_values import is_digest
from refcodec.payloads.kinds import DRAFT_REMEDY, Kinds
from refcodec.registry import binding_schema

ROW: Final = frozenset({"id", "name", "status", "binding", "recommended", "notes"})
STATUSES: Final = ("draft", "published", "withdrawn")
BINDING: Final = frozenset({"id", "method", "compact", "kinds", "fit", "colour", "parameters", "model"})


class DraftRowError(ValueError):
    """A row has a payload kind that is a draft, which the caller's kinds do not have."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; {DRAFT_REMEDY}")
        self.what = what


def check_row(row: Any, kinds: Kinds) -> None:
    """Raise ValueError, with the first invalid member, for a row that does not have the form of §5."""
    if not isinstance(row, dict) or set(row) != ROW:
        raise ValueError(f"a profile has the members {', '.join(sorted(ROW))}")
    canonical_json(row["binding"])
    for name, rule in MEMBERS:
        if rule is not None and not rule(row, row["binding"], kinds):
            which = f"profile {row['id']!r}" if isinstance(row["id"], int | str) else "a profile"
            if drafts := binding_schema.drafts(row["binding"], kinds):
                raise DraftRowError(f"{which} has a payload of kind {drafts[0]}, a draft")
            raise ValueError(f"{which} breaks registry.schema.json at {name}")


# --- the members of a row, in the order in which they are checked ------------------------------------------------

Rule = Callable[[dict[str, Any], Any, Kinds], bool]  # (row, its binding, known kinds) -> whether the member is valid


def member(name: str, rule: Rule | None) -> tuple[str, Rule | None]:
    """Declare the form of one member; it may rely on those declared before it."""
    return name, rule


MEMBERS: Final = (
    member("id", lambda row, _binding, _kinds: type(row["id"]) is int),
    member("name", lambda row, _binding, _kinds: binding_schema.is_match(binding_schema.NAME, row["name"])),
    member("status", lambda row, _binding, _kinds: isinstance(row["status"], str) and row["status"] in STATUSES),
    member("notes", lambda row, _binding, _kinds: isinstance(row["notes"], str)),
    member("recommended", lambda row, _binding, _kinds: binding_schema.recommended(row["recommended"])),
    member("binding", lambda _row, binding, _kinds: isinstance(binding, dict)),
    member("binding", lambda _row, binding, _kinds: bool(binding.keys() >= BINDING)),
    member("binding.id", lambda row, binding, _kinds: type(binding["id"]) is int and bool(binding["id"] == row["id"])),
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
        lambda _row, binding, _kinds: binding["model"] is None or is_digest(binding["model"]),
    ),
    member(
        "binding.identity",
        lambda _row, binding, _kinds: identity.MEMBER not in binding or identity.well_formed(binding[identity.MEMBER]),
    ),
)
