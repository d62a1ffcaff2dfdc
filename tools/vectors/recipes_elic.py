# SPDX-License-Identifier: MIT
"""SPEC §9, §10, §13: streams, escapes, and the latents of both tiny models."""

from __future__ import annotations

from refcodec.payloads.latents import STEP
from tools.vectors.nonconforming import recoded
from tools.vectors.recipes_header import NOWHERE
from tools.vectors.vector import Fault, Valid, append, becomes, put

# digests begin so: of elic-tiny-2, sketch-tiny, vq-tiny
TINY_2, SKETCH, VQ = "9563aa506d5aad0a", "19864d5efd745626", "562436db8a17c2dfa99b459231904b83"

VALID = (
    *(
        Valid(f"tiny-rate-{rate}", (70, 93), f"elic-tiny at rate {rate}", rate=rate, check=16, encode=rate == 1)
        for rate in range(3)
    ),
    *(
        Valid(f"tiny-2-rate-{rate}", (70, 93), f"elic-tiny-2 at rate {rate}", profile=201, rate=rate, check=16,
              encode=rate == 1)
        for rate in range(2)
    ),
    Valid("tiny-unchecked", (70, 93), "elic-tiny without a check", rate=1, size=(70, 20)),
    Valid("tiny-1x1", (70,), "one pixel", size=(1, 1), rate=2, check=16, encode=True),
    Valid("tiny-2-1x1", (70,), "one pixel, the other model", profile=201, size=(1, 1), check=16),
    Valid("tiny-65x64", (70,), "a column more than 64: twice as many sites", size=(65, 64), rate=1, check=32),
    Valid("tiny-100x70", (70, 92), "sides that are no multiples", size=(100, 70), rate=1, check=32, trace=True),
    Valid("tiny-48x130", (70,), "portrait: 12 × 4 sites", size=(48, 130), check=16),
    Valid("tiny-2-130x20", (70, 92), "landscape: 4 × 12 sites", profile=201, size=(130, 20), rate=1, check=32,
          trace=True),
    Valid("tiny-2-129x65", (70,), "12 × 8 sites of the other model", profile=201, size=(129, 65), check=16),
    Valid("tiny-128x128", (70, 103), "products of which no bit may be lost: binary32 rounds one to another integer",
          z="escapes", y="escapes", size=(128, 128), check=16),
    Valid("square", (70, 112), "an explicit model with as many input as output channels in its first deconvolution",
          model="elic-square", hash_bytes=8, check=16, rate=1),
    Valid("zero-body", (70,), "a body of no bytes: every symbol is the first of its table", z="low", y="low"),
    Valid("zero-body-checked", (60, 70), "the same with a check", z="low", y="low", check=32),
    Valid("zero-body-2", (60, 70), "the same with the other model", profile=201, z="low", y="low", check=16,
          size=(1, 1)),
    Valid("zero-symbols", (92,), "all symbols 0", z="zero", y="zero", check=16),
    Valid("zero-symbols-2", (92,), "all symbols 0, the other model", profile=201, z="zero", y="zero", check=16),
    Valid("y-escapes", (90, 93), "a quarter of the residuals by escapes", y="escapes", check=32, rate=1),
    Valid("y-escapes-2", (90, 93), "the same with the other model", profile=201, y="escapes", check=32, size=(65, 1)),
    Valid("z-escapes", (90,), "all of z by escapes, on both sides", z="escapes", check=32, rate=2, size=(65, 65)),
    Valid("z-escapes-2", (90,), "the same with the other model", profile=201, z="escapes", check=16, size=(1, 65)),
    Valid("z-extremes", (90,), "z = ±32767", z="extreme", rate=1, seed="z-extremes"),
    Valid("z-extremes-checked", (90,), "the same with a check", z="extreme", y="zero", rate=1, check=16),
    Valid("z-extremes-2", (90,), "z = ±32767, the other model", profile=201, z="extreme", y="zero", rate=1, check=16),
    Valid("z-prefix-15", (90,), "z = ±32767 from tables on the other side of 0: the longest prefix there is",
          z="extreme", y="zero",
          model="elic-mini", hash_bytes=4, rate=2, check=16),
    Valid("y-bounds", (120,), "ŷ = 32767 and ŷ = -32768 exactly", y="bounds", check=32, size=(65, 65), seed="bounds 0"),
    Valid("y-bounds-2", (120,), "the same with the other model", profile=201, y="bounds", check=32, size=(65, 65),
          seed="bounds 0"),
)  # fmt: skip


def _above(mean: int, _: int) -> int | None:
    return (32768 - mean) // STEP if mean % STEP == 0 else None


def _below(mean: int, _: int) -> int | None:
    return (-32769 - mean) // STEP if mean % STEP == STEP - 1 else None


FAULTS = (
    Fault("z-above", "z-extremes", 403, (90,), "z = 32768", becomes(recoded(z_first=32768)), "L"),
    Fault("z-below", "z-extremes", 403, (90,), "z = -32768", becomes(recoded(z_first=-32768)), "L"),
    Fault("z-prefix-16", "z-extremes", 403, (90,), "a prefix of 16 bits 1, after which no 0 stands",
          becomes(recoded(z_first=65535 + 4)), "L"),
    Fault("z-largest", "z-extremes", 403, (90,), "the largest value that an escape can spell",
          becomes(recoded(z_first=131070 + 4)), "L"),
    Fault("residual-above", "tiny-unchecked", 403, (90,), "a residual of 32768",
          becomes(recoded(s_first=lambda _m, _s: 32768)), "L"),
    Fault("residual-below", "tiny-unchecked", 403, (90,), "a residual of -32768",
          becomes(recoded(s_first=lambda _m, _s: -32768)), "L"),
    Fault("y-above", "tiny-unchecked", 403, (120,), "ŷ = 32768", becomes(recoded(s_first=_above)), "L"),
    Fault("y-below", "tiny-unchecked", 403, (120,), "ŷ = -32769", becomes(recoded(s_first=_below)), "L"),
    Fault("stream-ffffffff", "tiny-unchecked", 401, (80,), "a body that begins as none can", put("body", "FFFFFFFF", 4),
          "L"),
    Fault("stream-ffffffff-alone", "zero-body", 401, (80,), "the same, and no more", append("FFFFFFFF"), "L"),
    Fault("tail-zero", "tiny-rate-0", 402, (70,), "a zero byte too many; the symbols are the same, the check is right",
          append("00"), "L"),
    Fault("tail-zeros-of-nothing", "zero-body", 402, (70,), "a byte where none is needed", append("00"), "L"),
    Fault("tail-longer", "tiny-rate-1", 402, (70,), "a longer number in the same interval", append("01"), "L"),
    Fault("tail-garbage", "tiny-2-rate-0", 402, (70, 150), "bytes that no symbol needs", append("DEADBEEF"), "L"),
    Fault("model-nowhere", "hash-4", 801, (114,), "a model that nobody has", put("model_hash", NOWHERE[:8]), "L"),
    Fault("model-of-other-shapes", "hash-8", 803, (112,), "the digest of elic-tiny-2 on the row of elic-tiny",
          put("model_hash", TINY_2), "L"),
    Fault("model-of-kind-6", "hash-8", 803, (112,), "the digest of sketch-tiny on the row of elic-tiny",
          put("model_hash", SKETCH), "L"),
    Fault("model-of-kind-5", "hash-16", 803, (112,), "the digest of vq-tiny on the row of elic-tiny",
          put("model_hash", VQ), "L"),
)  # fmt: skip

EXAMPLE = Valid(
    "example", (10, 12, 18, 60, 70), "the file of SPEC §20", size=(48, 40), check=16, rate=1, y="sparse", encode=True
)
