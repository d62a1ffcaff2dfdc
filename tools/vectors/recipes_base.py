# SPDX-License-Identifier: MIT
"""SPEC §5: base rows, which only an explicit model can stand on."""

from __future__ import annotations

import hashlib
from typing import Any

from refcodec import registry
from refcodec.container import bound_header
from tools.vectors.build import header_of
from tools.vectors.recipes_codes import digest
from tools.vectors.recipes_header import NOTE, NOWHERE
from tools.vectors.vector import Edit, Fault, Valid, put

BASE, PUBLISHED = 206, 18  # elic-tiny-base; elic-320-odd


def _base(name: str, rules: tuple[int, ...], note: str, hash_bytes: int, **more: Any) -> Valid:
    usual: dict[str, Any] = {"profile": BASE, "model": "elic-tiny", "check": 16, "y": "sparse"}
    return Valid(name, rules, note, hash_bytes=hash_bytes, **usual | more)


VALID = (
    _base("base-hash-4", (17, 34, 60), "a model by 4 bytes on a base: K takes its digest in place of null", 4),
    _base("base-hash-32", (34, 60), "the same by all 32 bytes", 32, check=32),
    _base("base-unchecked", (34,), "the same by 8 bytes, without a check", 8, check=0),
    _base("base-unlisted", (17, 34, 60), "a model that no row lists, on a base", 8, model="elic-mini", size=(70, 40),
          y="natural", rate=1),
    _base("base-sections", (34, 60), "a model on a base, in sectioned form", 8, sections=NOTE),
    _base("base-without-payload", (62,), "a text beside no payload, checked under the model on a base", 8, tier="S",
          payload=False, sections=NOTE),
    _base("base-nowhere", (34, 61), "a model that nobody has on a base: the text is read, its check stays unchecked", 8,
          tier="S", model=NOWHERE, payload=False, sections=NOTE),
    _base("base-nowhere-whole", (34, 60), "the same by 32 bytes: the check can be made", 32, tier="S", model=NOWHERE,
          payload=False, sections=NOTE),
    _base("base-of-320-channels", (34, 60), "the same on the base elic-320-odd", 32, tier="S", profile=PUBLISHED,
          model=NOWHERE, payload=False, sections=NOTE),
)  # fmt: skip


def _check_of_null(base: Any) -> list[Edit]:
    """The check under the base row as it stands, `model` being null."""
    ((section_type, value),) = base.values.items()
    header = bound_header(header_of(base.recipe, base.environment))
    preimage = registry.key(base.environment.registry.get(BASE)) + header + bytes([section_type]) + value.serialise()
    return put("check", hashlib.sha256(preimage).hexdigest()[: base.recipe.check // 4])(base)


FAULTS = (
    Fault("profile-base", "micro", 209, (34,), "a base named by `profile`", put("profile", "CE")),
    Fault("profile-base-unchecked", "default", 209, (34,), "the same with a check", put("profile", "CE")),
    Fault("profile-base-published", "micro", 209, (34,), "the base elic-320-odd named by `profile`", put("profile", "12")),
    Fault("profile-base-last", "micro", 209, (34, 150), "nothing follows: a base is judged where `profile` ends",
          lambda base: put(3, "CE", len(base.data) - 3)(base)),
    Fault("profile-base-dim-class", "micro", 209, (34, 150), "a dim class that is not given follows, and is not judged",
          put(3, "CEFF", 2)),
    Fault("base-model-nowhere", "base-hash-32", 801, (114,), "a model that nobody has on a base",
          put("model_hash", NOWHERE), "L"),
    Fault("base-model-of-other-shapes", "base-unchecked", 803, (112,), "a model of other shapes than the base gives",
          digest("elic-tiny-2"), "L"),
    Fault("base-model-of-kind-6", "base-unchecked", 803, (112,), "a model of sketches on a base of latents",
          digest("sketch-tiny"), "L"),
    Fault("base-check-of-null", "base-hash-32", 501, (60,), "a check whose K has the null of the base",
          _check_of_null, "L"),
)  # fmt: skip
