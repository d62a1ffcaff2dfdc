# SPDX-License-Identifier: MIT
"""SPEC §13.7: ELIC latents by tiny models and by one of full size; streams and escapes of §9 and §10."""

from __future__ import annotations

from typing import Any, Final

from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import append, replace
from tools.vectors.model_edits import replace_model
from tools.vectors.nonconforming import above, below, recode
from tools.vectors.samples import UNKNOWN_DIGEST

FOLDER: Final = "elic"


def _full(name: str, rules: tuple[int, ...], note: str, profile: int = 1, **options: Any) -> ValidCase:
    """Return a case of an embedded model: `elic-small`, or in row 23 `elic-small-2`."""
    return ValidCase(name, rules, note, profile=profile, **options)


VALID: Final = (
    *(
        ValidCase(f"tiny-rate-{rate}", (70, 93), f"elic-tiny at rate {rate}", rate=rate, check=16, encode=rate == 1)
        for rate in range(3)
    ),
    *(
        ValidCase(f"tiny-2-rate-{rate}", (70, 93), f"elic-tiny-2 at rate {rate}", profile=201, rate=rate, check=16,
            encode=rate == 1)
        for rate in range(2)
    ),
    ValidCase("tiny-unchecked", (70, 93), "elic-tiny without a check", rate=1, size=(70, 20)),
    ValidCase("tiny-1x1", (70,), "one pixel", size=(1, 1), rate=2, check=16, encode=True),
    ValidCase("tiny-2-1x1", (70,), "one pixel, the other model", profile=201, size=(1, 1), check=16),
    ValidCase("tiny-65x64", (70,), "a column more than 64: twice as many sites", size=(65, 64), rate=1, check=32),
    ValidCase("tiny-100x70", (70, 92), "sides that are no multiples", size=(100, 70), rate=1, check=32, trace=True),
    ValidCase("tiny-48x130", (70,), "portrait: 12 × 4 sites", size=(48, 130), check=16),
    ValidCase("tiny-2-130x20", (70, 92), "landscape: 4 × 12 sites", profile=201, size=(130, 20), rate=1, check=32,
        trace=True),
    ValidCase("tiny-2-129x65", (70,), "12 × 8 sites of the other model", profile=201, size=(129, 65), check=16),
    ValidCase("tiny-128x128", (70, 103),
        "products of which no bit may be lost: binary32 rounds one to another integer", z="escapes", y="escapes",
        size=(128, 128), check=16),
    ValidCase("square", (70, 112),
        "an explicit model with as many input as output channels in its first deconvolution", model="elic-square",
        hash_bytes=8, check=16, rate=1),
    ValidCase("zero-body", (70,), "a body of no bytes: every symbol is the first of its table", z="low", y="low"),
    ValidCase("zero-body-checked", (60, 70), "the same with a check", z="low", y="low", check=32),
    ValidCase("zero-body-2", (60, 70), "the same with the other model", profile=201, z="low", y="low", check=16,
        size=(1, 1)),
    ValidCase("zero-symbols", (92,), "all symbols 0", z="zero", y="zero", check=16),
    ValidCase("zero-symbols-2", (92,), "all symbols 0, the other model", profile=201, z="zero", y="zero", check=16),
    ValidCase("y-escapes", (90, 93), "a quarter of the residuals by escapes", y="escapes", check=32, rate=1),
    ValidCase("y-escapes-2", (90, 93), "the same with the other model", profile=201, y="escapes", check=32,
        size=(65, 1)),
    ValidCase("z-escapes", (90,), "all of z by escapes, on both sides", z="escapes", check=32, rate=2, size=(65, 65)),
    ValidCase("z-escapes-2", (90,), "the same with the other model", profile=201, z="escapes", check=16, size=(1, 65)),
    ValidCase("z-extremes", (90,), "z = ±32767", z="extreme", rate=1, seed="z-extremes"),
    ValidCase("z-extremes-checked", (90,), "the same with a check", z="extreme", y="zero", rate=1, check=16),
    ValidCase("z-extremes-2", (90,), "z = ±32767, the other model", profile=201, z="extreme", y="zero", rate=1,
        check=16),
    ValidCase("z-prefix-15", (90,), "z = ±32767 from tables on the other side of 0: the longest prefix there is",
        z="extreme", y="zero", model="elic-mini", hash_bytes=4, rate=2, check=16),
    ValidCase("y-bounds", (120,), "ŷ = 32767 and ŷ = -32768 exactly", y="bounds", check=32, size=(65, 65),
        seed="bounds 0"),
    ValidCase("y-bounds-2", (120,), "the same with the other model", profile=201, y="bounds", check=32,
        size=(65, 65), seed="bounds 0"),
    _full("full-1x1", (70, 93), "elic-small of full size: one pixel at its lowest rate", size=(1, 1), check=16,
        encode=True),
    _full("full-64x64", (70, 90, 92, 93),
        "the same model: z and a quarter of the residuals by escapes, of all sizes", z="escapes", y="escapes",
        rate=6, check=32, trace=True),
    _full("full-80x48", (70, 103), "the same at its highest rate: twice as many sites", size=(80, 48), rate=9,
        check=32),
    _full("full-768x512", (70, 93, 140), "the same in the size of a photograph: 1536 sites of 192 channels",
        size=(768, 512), rate=4, check=16),
    _full("full-2-1x1", (70, 93), "elic-small-2, a larger model: one pixel at its lowest rate", 23, size=(1, 1),
        check=16, encode=True),
    _full("full-2-64x64", (70, 90, 92, 93),
        "the same model: z and a quarter of the residuals by escapes, of all sizes", 23, z="escapes", y="escapes",
        rate=6, check=32, trace=True),
    _full("full-2-48x80", (70, 103), "the same at its highest rate: twice as many sites", 23, size=(48, 80), rate=9,
        check=32),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("z-above", "z-extremes", 403, (90,), "z = 32768", recode(first_z=32768), "L"),
    InvalidCase("z-below", "z-extremes", 403, (90,), "z = -32768", recode(first_z=-32768), "L"),
    InvalidCase("z-prefix-16", "z-extremes", 403, (90,), "a prefix of 16 bits 1, after which no 0 stands",
        recode(first_z=65535 + 4), "L"),
    InvalidCase("z-largest", "z-extremes", 403, (90,), "the largest value that an escape can spell",
        recode(first_z=131070 + 4), "L"),
    InvalidCase("residual-above", "tiny-unchecked", 403, (90,), "a residual of 32768",
        recode(residual=lambda _m, _s: 32768), "L"),
    InvalidCase("residual-below", "tiny-unchecked", 403, (90,), "a residual of -32768",
        recode(residual=lambda _m, _s: -32768), "L"),
    InvalidCase("y-above", "tiny-unchecked", 403, (120,), "ŷ = 32768", recode(residual=above), "L"),
    InvalidCase("y-below", "tiny-unchecked", 403, (120,), "ŷ = -32769", recode(residual=below), "L"),
    InvalidCase("stream-ffffffff", "tiny-unchecked", 401, (80,), "a body that begins as none can",
        replace("body", "FFFFFFFF", 4), "L"),
    InvalidCase("stream-ffffffff-alone", "zero-body", 401, (80,), "the same, and no more", append("FFFFFFFF"), "L"),
    InvalidCase("tail-zero", "tiny-rate-0", 402, (70,),
        "a zero byte too many; the symbols are the same, the check is right", append("00"), "L"),
    InvalidCase("tail-zeros-of-nothing", "zero-body", 402, (70,), "a byte where none is needed", append("00"), "L"),
    InvalidCase("tail-longer", "tiny-rate-1", 402, (70,), "a longer number in the same interval", append("01"), "L"),
    InvalidCase("tail-garbage", "tiny-2-rate-0", 402, (70, 150), "bytes that no symbol needs", append("DEADBEEF"),
        "L"),
    InvalidCase("model-nowhere", "hash-4", 801, (114,), "a model that nobody has",
        replace("model_hash", UNKNOWN_DIGEST[:8]), "L"),
    InvalidCase("model-of-other-shapes", "hash-8", 803, (112,), "the digest of elic-tiny-2 on the row of elic-tiny",
        replace_model("elic-tiny-2"), "L"),
    InvalidCase("model-of-kind-6", "hash-8", 803, (112,), "the digest of sketch-tiny on the row of elic-tiny",
        replace_model("sketch-tiny"), "L"),
    InvalidCase("model-of-kind-5", "hash-16", 803, (112,), "the digest of vq-tiny on the row of elic-tiny",
        replace_model("vq-tiny"), "L"),
    InvalidCase("full-residual-changed", "full-1x1", 501, (60,), "one residual is higher by one",
        recode(residual=lambda _, s: s + 1), "L"),
    InvalidCase("full-of-full-2", "full-2-1x1", 501, (60, 70), "the row of the smaller model of equal shapes",
        replace("profile", "01"), "L"),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
