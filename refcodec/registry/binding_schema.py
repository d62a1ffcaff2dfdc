# SPDX-License-Identifier: MIT
"""Check the members of a registry row against the form that its payload kinds require (SPEC §5)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from refcodec import spec
from refcodec.payloads.kinds import Kinds, draft_remedy
from refcodec.registry.hints import HINTS, is_valid_value

NAME: Final = "[a-z0-9][a-z0-9-]{0,31}"
ROLE: Final = "[a-z][a-z0-9_]{0,31}"
HUB_ID: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}"


def well_formed(parameters: Mapping[str, Any], kinds: Kinds) -> bool:
    """Return whether every member is a known kind with valid parameters (SEM-R-032)."""
    numbers = {str(number): number for number in kinds.names}
    return all(
        number in numbers and isinstance(form, dict) and kinds.get(numbers[number]).well_formed(form)
        for number, form in parameters.items()
    )


def drafts(binding: Any, kinds: Kinds) -> list[int]:
    """Return the numbers of the drafts that a binding names and `kinds` do not have, in order."""
    if not isinstance(binding, dict) or not isinstance(binding.get("kinds"), list):
        return []
    return [number for number in [binding.get("compact"), *binding["kinds"]] if draft_remedy(kinds, [number])]


def is_kind(value: Any, kinds: Kinds) -> bool:
    """Return whether a JSON value is the number of a known kind."""
    return among(value, kinds.names)


def is_row_id(value: Any) -> bool:
    """Return whether a JSON value is an id that a row can have: one byte, or an extended profile (SPEC §4)."""
    return among(value, range(spec.PROFILE_ROWS_END)) or among(value, range(spec.EXTENDED_BASE, spec.ROW_IDS_END))


def is_match(pattern: str, value: Any) -> bool:
    """Return whether a JSON value is a string that a pattern matches entirely."""
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def among(value: Any, numbers: Collection[int]) -> bool:
    """Return whether a JSON value is one of these integers: neither `true` nor 1.0."""
    return type(value) is int and value in numbers


def is_private(profile_id: int) -> bool:
    """Return whether an id is for drafts and private use, which nobody else assigns (SPEC §5)."""
    return any(profile_id in ids for ids in spec.PRIVATE_IDS)


def fit(form: Any) -> bool:
    """Return whether the member `fit` of a binding has one of the two forms of §5."""
    if not isinstance(form, dict) or form.get("rule") != "pad":
        return bool(form == {"rule": "none"})
    return (
        set(form) == {"rule", "multiple", "extend"}
        and form["extend"] == "edge"
        and type(form["multiple"]) is int
        and 1 <= form["multiple"] <= 65536
    )


def consistent(binding: Mapping[str, Any], known_kinds: Kinds) -> bool:
    """Return whether a well-formed binding has parameters and a model for its kinds (SEM-R-033)."""
    kinds, parameters = binding["kinds"], binding["parameters"]
    if set(parameters) != set(map(str, kinds)) or binding["compact"] not in kinds:
        return False
    using = sum(known_kinds.get(kind).uses_model(parameters[str(kind)]) for kind in kinds)
    return using == 1 or (using == 0 and binding["model"] is None)


def base(binding: Mapping[str, Any], known_kinds: Kinds) -> bool:
    """Return whether a consistent binding is that of a base row: one of its kinds uses a model, and it has none."""
    using = any(known_kinds.get(kind).uses_model(binding["parameters"][str(kind)]) for kind in binding["kinds"])
    return using and binding["model"] is None


def recommended(form: Any) -> bool:
    """Return whether the member `recommended` of a row is null or an object of the form of §5."""
    if form is None:
        return True
    if not isinstance(form, dict) or not form.keys() <= {"models", "hints"}:
        return False
    models, hints = form.get("models", {}), form.get("hints", {})
    return (
        isinstance(models, dict)
        and all(is_match(ROLE, role) and is_match(HUB_ID, name) for role, name in models.items())
        and isinstance(hints, dict)
        and all(key in HINTS and isinstance(value, str) and is_valid_value(key, value) for key, value in hints.items())
    )
