# SPDX-License-Identifier: MIT
"""SPEC §5: whether the members of a row are of the form that its kinds need, so that symbols can be counted."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from refcodec.payloads.base import Kinds, is_integer
from refcodec.payloads.kinds import find, get
from refcodec.registry import hints as hintforms

ROLE: Final = "[a-z][a-z0-9_]{0,31}"
HUB_ID: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}"


def well_formed(parameters: Mapping[str, Any], kinds: Kinds) -> bool:
    """Return whether every member is a known kind with the parameters that a row may have of it (SEM-R-032)."""
    known = {str(kind.id): kind for kind in kinds}
    return all(
        number in known and isinstance(form, dict) and known[number].well_formed(form)
        for number, form in parameters.items()
    )


def is_kind(value: Any, kinds: Kinds) -> bool:
    """Return whether a JSON value is the number of a known kind."""
    return find(value, kinds) is not None


def among(value: Any, numbers: Collection[int]) -> bool:
    """Whether a JSON value is one of these numbers, and neither true nor 1.0."""
    return type(value) is int and value in numbers


def fit(form: Any) -> bool:
    """Whether the member `fit` of a binding is one of the two forms that §5 gives it."""
    if not isinstance(form, dict) or form.get("rule") != "pad":
        return bool(form == {"rule": "none"})
    return (
        set(form) == {"rule", "multiple", "extend"}
        and form["extend"] == "edge"
        and is_integer(form["multiple"], 1, 65536)
    )


def consistent(binding: Mapping[str, Any], known: Kinds) -> bool:
    """Return whether a well-formed binding has parameters and a model for its kinds (SEM-R-033)."""
    kinds, parameters = binding["kinds"], binding["parameters"]
    if set(parameters) != set(map(str, kinds)) or binding["compact"] not in kinds:
        return False
    using = sum(get(kind, known).uses_model(parameters[str(kind)]) for kind in kinds)
    return using == 1 or (using == 0 and binding["model"] is None)


def base(binding: Mapping[str, Any], known: Kinds) -> bool:
    """Return whether a consistent binding is that of a base: a kind of it uses a model, and the row has none."""
    using = any(get(kind, known).uses_model(binding["parameters"][str(kind)]) for kind in binding["kinds"])
    return using and binding["model"] is None


def recommended(form: Any) -> bool:
    """Whether the member `recommended` of a row is null or an object of the form that §5 gives it."""
    if form is None:
        return True
    if not isinstance(form, dict) or not form.keys() <= {"models", "hints"}:
        return False
    models, hints = form.get("models", {}), form.get("hints", {})
    return (
        isinstance(models, dict)
        and all(
            re.fullmatch(ROLE, role) and isinstance(name, str) and re.fullmatch(HUB_ID, name)
            for role, name in models.items()
        )
        and isinstance(hints, dict)
        and all(
            key in hintforms.HINTS and isinstance(value, str) and hintforms.fits(key, value)
            for key, value in hints.items()
        )
    )
