# SPDX-License-Identifier: MIT
"""SPEC §13.6: sketches, the latents of §13.7 for pictures of one channel."""

from __future__ import annotations

from typing import Any, Final

from refcodec import spec
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.case_types.invalid_model import InvalidModel
from tools.vectors.case_types.refusal import Refusal
from tools.vectors.edits import append, flip_bits, in_sectioned_form, replace, truncate
from tools.vectors.model_changes import set_member
from tools.vectors.model_edits import replace_model
from tools.vectors.nonconforming import above, below, recode
from tools.vectors.samples import CAT, MAKER, PROMPT, TYPICAL_HINTS, UNKNOWN_DIGEST
from tools.vectors.symbols import Sha256Stream

FOLDER: Final = "sketch"
ROW: Final = 205
HED_ROW: Final = 22  # pics-hed


def _sketch(name: str, rules: tuple[int, ...], note: str, **options: Any) -> ValidCase:
    return ValidCase(name, rules, note, profile=ROW, **options)


def _hed(name: str, note: str, caption: tuple[Any, ...], **options: Any) -> ValidCase:
    """Return a case of the row whose model is too large for the suite: its captions need no more than the digest."""
    defaults: dict[str, Any] = {"rules": (60, 184, 187), "tier": "S", "latents": False, "check": 16}
    return ValidCase(f"hed-{name}", note=note, profile=HED_ROW, payloads=((2, caption),), **defaults | options)


def _map(name: str, note: str, width: int, height: int) -> Refusal:
    """Refuse a sketch of another size than the picture's 64 x 48."""
    stream = Sha256Stream(name)
    samples = bytes(stream.below(256) for _ in range(width * height)).hex()
    section = {"type": spec.CRITICAL | spec.SKETCH, "map": {"width": width, "height": height, "samples": samples}}
    return Refusal(name, (212,), note, ROW, (section,))


VALID: Final = (
    *(
        _sketch(f"sketch-rate-{rate}", (70, 93, 210), f"sketch-tiny at rate {rate}", rate=rate, check=16,
            encode=rate == 1)
        for rate in range(2)
    ),
    _sketch("sketch-unchecked", (70, 93, 210), "the same unchecked", rate=1, size=(70, 20)),
    _sketch("sketch-1x1", (70,), "one pixel", size=(1, 1), check=16, encode=True),
    _sketch("sketch-65x64", (70,), "twice as many sites", size=(65, 64), rate=1, check=32),
    _sketch("sketch-100x70", (70, 92), "sides that are no multiples", size=(100, 70), check=32, trace=True),
    _sketch("sketch-sparse", (92,), "few lines", y="sparse", size=(130, 20), check=16),
    _sketch("sketch-empty", (70,), "a body of no bytes: every symbol is the first of its table", z="low", y="low"),
    _sketch("sketch-zeros", (92,), "all symbols 0", z="zero", y="zero", check=16, rate=1),
    _sketch("sketch-escapes", (90, 93), "values by escapes", z="escapes", y="escapes", check=32, rate=1),
    _sketch("sketch-128x128", (70, 101), "sums of which no bit may be lost: binary32 rounds one to another integer",
        z="escapes", y="escapes", size=(128, 128), check=16, seed="loud 35"),
    _sketch("sketch-bounds", (120, 211), "latents at both ends of 16 bits", y="bounds", check=32, size=(65, 65),
        rate=1, seed="sketch bounds"),
    _sketch("sketch-extremes", (90,), "z = ±32767", z="extreme", y="zero", rate=1),
    _sketch("sketch-explicit", (17, 60, 210), "the model as an explicit one", check=16, model="sketch-tiny",
        hash_bytes=8, y="sparse"),
    _sketch("sketch-sections", (40, 60), "provenance, sketch, hints", check=16, y="sparse",
        sections=(MAKER, TYPICAL_HINTS)),
    _hed("tokens-of-2", "row pics-hed: sixteen ids of picture 2 of four", ("tokens", PROMPT, 2), encode=True),
    _hed("caption-of-3", "row pics-hed: a caption of picture 3 of four", ("static", CAT, 3), check=32),
    ValidCase("hed-picture", (40, 42), "row pics-hed: a picture by its caption and a sketch, with opaque bodies", tier="H",
        profile=HED_ROW, size=(768, 512), payloads=((2, ("tokens", PROMPT, 2)),), latents_body=b"sketch"),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("sketch-ffffffff", "sketch-unchecked", 401, (80,), "a body that begins as none can",
        replace("body", "FFFFFFFF", 4), "L"),
    InvalidCase("sketch-tail-zero", "sketch-rate-1", 402, (70,), "a zero byte too many", append("00"), "L"),
    InvalidCase("sketch-zero-of-nothing", "sketch-empty", 402, (70,), "a byte where none is needed", append("00"),
        "L"),
    InvalidCase("sketch-z-above", "sketch-extremes", 403, (90,), "z = 32768", recode(first_z=32768), "L"),
    InvalidCase("sketch-y-above", "sketch-unchecked", 403, (120, 211), "ŷ = 32768", recode(residual=above), "L"),
    InvalidCase("sketch-y-below", "sketch-unchecked", 403, (120, 211), "ŷ = -32769", recode(residual=below), "L"),
    InvalidCase("sketch-check-bit", "sketch-rate-0", 501, (60,), "one bit of the check is wrong",
        flip_bits("check", 1, 8), "L"),
    InvalidCase("sketch-residual-changed", "sketch-rate-1", 501, (60,), "one residual is higher by one",
        recode(residual=lambda _, s: s + 1), "L"),
    InvalidCase("sketch-alone-in-section", "sketch-unchecked", 304, (45,),
        "nothing but the compact kind, in sectioned form", in_sectioned_form(0x86)),
    InvalidCase("sketch-cut", "sketch-sections", 301, (46,), "it ends within the sketch",
        truncate("sections[1].body", 5)),
    InvalidCase("sketch-of-latents", "sketch-sections", 303, (42,), "kind 7, which the profile does not allow",
        replace("sections[1].critical", "87")),
    InvalidCase("sketch-model-nowhere", "sketch-explicit", 801, (114,), "a model that nobody has",
        replace("model_hash", UNKNOWN_DIGEST[:16]), "L"),
    InvalidCase("sketch-model-of-kind-7", "sketch-explicit", 803, (112, 210), "the model of elic-tiny",
        replace_model("elic-tiny"), "L"),
    InvalidCase("sketch-model-of-kind-3", "sketch-explicit", 803, (112, 210), "the model of clip-tiny",
        replace_model("clip-tiny"), "L"),
    InvalidCase("hed-of-pics-4", "hed-tokens-of-2", 501, (60,), "the row with another model: K differs",
        replace("profile", "15"), "S"),
)  # fmt: skip

MODELS: Final = (
    InvalidModel("sketch-tiny-kind-7", 803, (210,), "the same model for latents of kind 7",
        set_member("kind", to=7), base="sketch-tiny"),
)  # fmt: skip

REFUSED: Final = (
    _map("map-narrower", "a map that is a column narrower than the picture", 63, 48),
    _map("map-higher", "a map that is a row higher", 64, 49),
    _map("map-turned", "a map of the picture on its side", 48, 64),
    _map("map-of-coded-size", "a map of the size to which the picture is extended", 64, 64),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *MODELS, *REFUSED)
