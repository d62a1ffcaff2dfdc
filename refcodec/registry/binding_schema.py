# SPDX-License-Identifier: MIT
"""SPEC §5: whether the members of a row are of the form that its kinds need, so that symbols can be counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from refcodec.registry import hints as hintforms

MODES: Final = ("static", "tokens", "raw", "zlib", "zstd")
STRIDE_MIN, STRIDE_MAX = 8, 1024
GROUPS_MAX: Final = 16
ROLE: Final = "[a-z][a-z0-9_]{0,31}"
HUB_ID: Final = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}"


def well_formed(parameters: Mapping[str, Any]) -> bool:
    """Whether every member is a known kind with the members that §5 gives it, and no others."""
    return all(kind in FORMS and isinstance(form, dict) and FORMS[kind](form) for kind, form in parameters.items())


def among(value: Any, numbers: Collection[int]) -> bool:
    """Whether a JSON value is one of these numbers, and neither true nor 1.0."""
    return type(value) is int and value in numbers


def fit(form: Any) -> bool:
    """Whether the member `fit` of a binding is one of the two forms that §5 gives it."""
    if not isinstance(form, dict) or form.get("rule") != "pad":
        return bool(form == {"rule": "none"})
    return (
        set(form) == {"rule", "multiple", "extend"} and form["extend"] == "edge" and _whole(form["multiple"], 1, 65536)
    )


def uses_model(kind: int, parameters: Mapping[str, Any]) -> bool:
    """Whether a kind with these parameters uses the model of its row (§5)."""
    member = {3: "prior", 4: "codebooks", 5: "usage"}.get(kind)
    return kind in (6, 7) if member is None else bool(parameters[member])


def consistent(binding: Mapping[str, Any]) -> bool:
    """SEM-R-033, of a binding that is well formed."""
    kinds, parameters = binding["kinds"], binding["parameters"]
    if set(parameters) != set(map(str, kinds)) or binding["compact"] not in kinds:
        return False
    using = sum(uses_model(kind, parameters[str(kind)]) for kind in kinds)
    return using == 1 or (using == 0 and binding["model"] is None)


def base(binding: Mapping[str, Any]) -> bool:
    """Whether a consistent binding is that of a base: a kind of it uses a model, and the row has none."""
    using = any(uses_model(kind, binding["parameters"][str(kind)]) for kind in binding["kinds"])
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
        and all(re.fullmatch(ROLE, role) and _matches(HUB_ID, name) for role, name in models.items())
        and isinstance(hints, dict)
        and all(
            key in hintforms.HINTS and isinstance(value, str) and hintforms.fits(key, value)
            for key, value in hints.items()
        )
    )


def _whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _matches(form: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(form, value) is not None


def _digest(value: Any) -> bool:
    return _matches("[0-9a-f]{64}", value)


def _consonant(form: dict[str, Any]) -> bool:
    if form.get("code") == "fixed":
        return set(form) == {"code"}
    return set(form) == {"code", "table"} and form["code"] == "coded" and _digest(form["table"])


def _caption(form: dict[str, Any]) -> bool:
    if set(form) != {"modes", "static", "dictionary", "vocabulary", "tokenizer"} or not isinstance(form["modes"], list):
        return False
    return (
        len(form["modes"]) > 0
        and form["modes"] == [mode for mode in MODES if mode in form["modes"]]
        and _digest(form["static"])
        and _digest(form["dictionary"])
        and _whole(form["vocabulary"], 1, 65536)
        and (form["tokenizer"] is None or _digest(form["tokenizer"]))
    )


def _clip(form: dict[str, Any]) -> bool:
    named = set(form) == {"d", "b", "prior"} and _whole(form["d"], 1, 65536) and type(form["prior"]) is bool
    return named and _whole(form["b"], 1, 16)


def _pq(form: dict[str, Any]) -> bool:
    named = set(form) == {"m", "v", "codebooks"} and _whole(form["m"], 1, 65536) and type(form["codebooks"]) is bool
    return named and _whole(form["v"], 1, 65536)


def _vq(form: dict[str, Any]) -> bool:
    named = set(form) == {"v", "stride", "usage"} and _whole(form["v"], 1, 65536) and type(form["usage"]) is bool
    return named and _whole(form["stride"], STRIDE_MIN, STRIDE_MAX)


def _latents(form: dict[str, Any]) -> bool:
    if set(form) != {"groups", "hyper", "m", "parity", "rates"} or not isinstance(form["groups"], list):
        return False
    if len(form["groups"]) > GROUPS_MAX:
        return False
    numbers = [*form["groups"], form["hyper"], form["m"]]
    shapes = all(_whole(n, 1, 1024) for n in numbers) and sum(form["groups"]) == form["m"]
    return shapes and _whole(form["rates"], 1, 64) and _whole(form["parity"], 0, 1)


FORMS: Final[dict[str, Callable[[dict[str, Any]], bool]]] = {
    "1": _consonant, "2": _caption, "3": _clip, "4": _pq, "5": _vq, "6": _latents, "7": _latents,
}  # fmt: skip
