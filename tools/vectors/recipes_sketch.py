# SPDX-License-Identifier: MIT
"""SPEC §13.6: sketches, which are the latents of §13.7 for pictures of one channel."""

from __future__ import annotations

from typing import Any

from tools.vectors.nonconforming import recoded
from tools.vectors.recipes_codes import digest
from tools.vectors.recipes_elic import _above, _below
from tools.vectors.recipes_header import NOWHERE
from tools.vectors.recipes_hints import HINTS, TYPICAL
from tools.vectors.recipes_sections import MAKER, flip, one_section
from tools.vectors.vector import Fault, Valid, append, becomes, cut, put

ROW = 205


def _sketch(name: str, rules: tuple[int, ...], note: str, **more: Any) -> Valid:
    return Valid(name, rules, note, profile=ROW, **more)


VALID = (
    *(
        _sketch(f"sketch-rate-{rate}", (70, 93, 210), f"sketch-tiny at rate {rate}", rate=rate, check=16, encode=rate == 1)
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
    _sketch("sketch-bounds", (120, 211), "latents at both ends of 16 bits", y="bounds", check=32, size=(65, 65), rate=1,
            seed="sketch bounds"),
    _sketch("sketch-extremes", (90,), "z = ±32767", z="extreme", y="zero", rate=1),
    _sketch("sketch-explicit", (17, 60, 210), "the model as an explicit one", check=16, model="sketch-tiny", hash_bytes=8,
            y="sparse"),
    _sketch("sketch-sections", (40, 60), "provenance, sketch, hints", check=16, y="sparse",
            sections=(MAKER, (HINTS, TYPICAL))),
)  # fmt: skip

FAULTS = (
    Fault("sketch-ffffffff", "sketch-unchecked", 401, (80,), "a body that begins as none can",
          put("body", "FFFFFFFF", 4), "L"),
    Fault("sketch-tail-zero", "sketch-rate-1", 402, (70,), "a zero byte too many", append("00"), "L"),
    Fault("sketch-zero-of-nothing", "sketch-empty", 402, (70,), "a byte where none is needed", append("00"), "L"),
    Fault("sketch-z-above", "sketch-extremes", 403, (90,), "z = 32768", becomes(recoded(z_first=32768)), "L"),
    Fault("sketch-y-above", "sketch-unchecked", 403, (120, 211), "ŷ = 32768", becomes(recoded(s_first=_above)), "L"),
    Fault("sketch-y-below", "sketch-unchecked", 403, (120, 211), "ŷ = -32769", becomes(recoded(s_first=_below)), "L"),
    Fault("sketch-check-bit", "sketch-rate-0", 501, (60,), "one bit of the check is wrong", flip("check", 1, 8), "L"),
    Fault("sketch-residual-changed", "sketch-rate-1", 501, (60,), "one residual is higher by one",
          becomes(recoded(s_first=lambda _, s: s + 1)), "L"),
    Fault("sketch-alone-in-section", "sketch-unchecked", 304, (45,), "nothing but the compact kind, in sectioned form",
          lambda base: one_section(base, 0x86)),
    Fault("sketch-cut", "sketch-sections", 301, (46,), "it ends within the sketch", cut("sections[1].body", 5)),
    Fault("sketch-of-latents", "sketch-sections", 303, (42,), "kind 7, which the profile does not allow",
          put("sections[1].critical", "87")),
    Fault("sketch-model-nowhere", "sketch-explicit", 801, (114,), "a model that nobody has",
          put("model_hash", NOWHERE[:16]), "L"),
    Fault("sketch-model-of-kind-7", "sketch-explicit", 803, (112, 210), "the model of elic-tiny", digest("elic-tiny"), "L"),
    Fault("sketch-model-of-kind-3", "sketch-explicit", 803, (112, 210), "the model of clip-tiny", digest("clip-tiny"), "L"),
)  # fmt: skip
