# SPDX-License-Identifier: MIT
"""SPEC §5: base rows, which are valid only with an explicit model."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from refcodec import registry, spec
from refcodec.container import bound_header
from tools.vectors.build import header_of
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import Edit, replace, replace_rest
from tools.vectors.model_edits import replace_model
from tools.vectors.samples import UNKNOWN_DIGEST
from tools.vectors.vector import Vector

FOLDER: Final = "header"
BASE, PUBLISHED = 206, 18  # elic-tiny-base, elic-320-odd
NOTE: Final = ((spec.METADATA, b"\1a\1b"),)


def _base(name: str, rules: tuple[int, ...], note: str, hash_bytes: int, **options: Any) -> ValidCase:
    defaults: dict[str, Any] = {"profile": BASE, "model": "elic-tiny", "check": 16, "y": "sparse"}
    return ValidCase(name, rules, note, hash_bytes=hash_bytes, **defaults | options)


def _check_with_null_model(base: Vector) -> list[Edit]:
    """Replace the check by that of the base row unchanged, with `model` null."""
    assert isinstance(base.case, ValidCase)
    ((section_type, value),) = base.values.items()
    header = bound_header(header_of(base.case, base.environment))
    preimage = registry.key(base.environment.registry.get(BASE)) + header + bytes([section_type]) + value.serialise()
    return replace("check", hashlib.sha256(preimage).hexdigest()[: base.case.check // 4])(base)


VALID: Final = (
    _base("base-hash-4", (17, 34, 60), "a model by 4 bytes on a base: K takes its digest in place of null", 4),
    _base("base-hash-32", (34, 60), "the same by all 32 bytes", 32, check=32),
    _base("base-unchecked", (34,), "the same by 8 bytes, without a check", 8, check=0),
    _base("base-unlisted", (17, 34, 60), "a model that no row lists, on a base", 8, model="elic-mini", size=(70, 40),
        y="natural", rate=1),
    _base("base-sections", (34, 60), "a model on a base, in sectioned form", 8, sections=NOTE),
    _base("base-without-payload", (62,), "a text beside no payload, checked under the model on a base", 8, tier="S",
        latents=False, sections=NOTE),
    _base("base-nowhere", (34, 61), "a model that nobody has on a base: the text is read, its check stays unchecked",
        8, tier="S", model=UNKNOWN_DIGEST, latents=False, sections=NOTE),
    _base("base-nowhere-whole", (34, 60), "the same by 32 bytes: the check can be made", 32, tier="S",
        model=UNKNOWN_DIGEST, latents=False, sections=NOTE),
    _base("base-of-320-channels", (34, 60), "the same on the base elic-320-odd", 32, tier="S", profile=PUBLISHED,
        model=UNKNOWN_DIGEST, latents=False, sections=NOTE),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("profile-base", "micro", 209, (34,), "a base named by `profile`", replace("profile", "CE")),
    InvalidCase("profile-base-unchecked", "default", 209, (34,), "the same with a check", replace("profile", "CE")),
    InvalidCase("profile-base-published", "micro", 209, (34,), "the base elic-320-odd named by `profile`",
        replace("profile", "12")),
    InvalidCase("profile-base-last", "micro", 209, (34, 150),
        "nothing follows: a base is judged where `profile` ends", replace_rest(3, "CE")),
    InvalidCase("profile-base-dim-class", "micro", 209, (34, 150),
        "a dim class that is not given follows, and is not judged", replace(3, "CEFF", 2)),
    InvalidCase("base-model-nowhere", "base-hash-32", 801, (114,), "a model that nobody has on a base",
        replace("model_hash", UNKNOWN_DIGEST), "L"),
    InvalidCase("base-model-of-other-shapes", "base-unchecked", 803, (112,),
        "a model of other shapes than the base gives", replace_model("elic-tiny-2"), "L"),
    InvalidCase("base-model-of-kind-6", "base-unchecked", 803, (112,), "a model of sketches on a base of latents",
        replace_model("sketch-tiny"), "L"),
    InvalidCase("base-check-of-null", "base-hash-32", 501, (60,), "a check whose K has the null of the base",
        _check_with_null_model, "L"),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
