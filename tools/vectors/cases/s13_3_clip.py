# SPDX-License-Identifier: MIT
"""SPEC §13.3: CLIP bits."""

from __future__ import annotations

from typing import Final

from refcodec import spec
from tools.vectors.case import InvalidCase
from tools.vectors.case_types.refusal import refused_value
from tools.vectors.cases._codes import codes_case, stream_ends
from tools.vectors.edits import append, flip_bits, in_sectioned_form, replace, truncate
from tools.vectors.model_edits import replace_model, shorten_hash
from tools.vectors.samples import MAKER, STEPS, TITLE, UNKNOWN_DIGEST, seeded_codes

FOLDER: Final = "clip"
CLIP: Final = spec.CRITICAL | spec.CLIP

VALID: Final = (
    codes_case("clip-nothing", (70, 190), "768 negative signs of one bit: no bytes at all", (0,) * 768, 4),
    codes_case("clip-zeros", (60, 70), "the same with a check", (0,) * 768, 4, check=16),
    codes_case("clip-ones", (70, 190), "768 positive signs", (1,) * 768, 4, check=16),
    codes_case("clip", (52, 70, 190), "768 signs in 96 bytes", seeded_codes("clip", 768, 2), 4, check=16,
        size=(768, 512), encode=True),
    codes_case("clip-unchecked", (70, 190), "the same unchecked", seeded_codes("clip", 768, 2), 4, size=(768, 512)),
    codes_case("clip-check-32", (60, 190), "the same with a check of 32 bits", seeded_codes("clip", 768, 2), 4, check=32,
        size=(768, 512)),
    codes_case("clip-alternating", (190,), "positive and negative by turns", (1, 0) * 384, 4, check=16),
    *(
        codes_case(f"clip-{b}-bits", (70, 190), f"768 codes of {b} bits", seeded_codes(f"clip {b}", 768, 2**b), row,
            check=16, encode=b == 2)
        for row, b in ((5, 2), (6, 4), (7, 8), (8, 16))
    ),
    codes_case("clip-16-bits-largest", (190,), "the highest code of 16 bits everywhere: uniform(65536)", (65_535,) * 768,
        8, check=16),
    codes_case("clip-16-bits-middle", (190,), "the two codes beside 0, by turns", (32_767, 32_768) * 384, 8, check=16),
    codes_case("clip-tiny", (190,), "signs by the table of each dimension, where one is likely that one, then a bit",
        (1, 2, 3, 0, 2, 1, 3, 0), 202, check=16, encode=True),
    codes_case("clip-tiny-unchecked", (190,), "the same unchecked", (1, 2, 3, 0, 2, 1, 3, 0), 202),
    codes_case("clip-tiny-check-32", (60, 190), "the same with a check of 32 bits", (1, 2, 3, 0, 2, 1, 3, 0), 202,
        check=32),
    codes_case("clip-tiny-nothing", (190,), "all codes 0", (0,) * 8, 202),
    codes_case("clip-tiny-largest", (190,), "all codes 3", (3,) * 8, 202, check=16),
    codes_case("clip-tiny-unlikely", (190,), "the sign that is not expected, in every dimension",
        (2, 1, 0, 3, 0, 3, 1, 2), 202, check=16),
    codes_case("clip-tiny-explicit", (17, 190), "the same table as an explicit model", (3, 2, 1, 0, 3, 2, 1, 0), 202,
        check=16, model="clip-tiny", hash_bytes=8),
    codes_case("clip-tiny-explicit-unchecked", (17, 190), "the same by 4 bytes, unchecked", (3, 2, 1, 0, 3, 2, 1, 0),
        202, model="clip-tiny", hash_bytes=4),
    codes_case("clip-twin", (17, 190), "a model that shares the first 4 bytes of its digest with another, by 8",
        (3, 2, 1, 0, 3, 2, 1, 0), 202, model="clip-twin-1", hash_bytes=8),
    codes_case("clip-explicit-nowhere", (61,), "a model that nobody has on a row that uses none: no check can be made",
        seeded_codes("clip", 768, 2), 4, check=32, model=UNKNOWN_DIGEST, hash_bytes=16),
    codes_case("clip-explicit-whole", (16, 60), "the same by 32 bytes: the check can be made",
        seeded_codes("clip", 768, 2), 4, check=32, model=UNKNOWN_DIGEST, hash_bytes=32),
    codes_case("clip-sections", (40, 60), "provenance, CLIP bits, hints, metadata", seeded_codes("clip", 768, 2), 4,
        check=16, sections=(MAKER, STEPS, TITLE)),
    codes_case("clip-tiny-sections", (40, 60), "the tiny model beside metadata", (0, 1, 2, 3, 0, 1, 2, 3), 202, check=32,
        sections=(TITLE,), encode=True),
    codes_case("clip-spelt", (111, 190),
        "a model whose files are spelt as no writer would, and have members that nobody has to know",
        (3, 2, 1, 0, 3, 2, 1, 0), 202, check=16, model="clip-spelt", hash_bytes=8),
)  # fmt: skip

INVALID: Final = (
    *stream_ends("clip-unchecked", "clip-nothing"),
    InvalidCase("clip-bit", "clip", 501, (60, 150), "one bit of the body differs, and one sign",
        flip_bits("body", 40, 4), "S"),
    InvalidCase("clip-check-bit", "clip-check-32", 501, (60,), "one bit of the check is wrong",
        flip_bits("check", 3, 2), "S"),
    InvalidCase("clip-cut", "clip", 501, (60,), "the last 20 bytes are missing: the signs there are negative",
        truncate("body", 76), "S"),
    InvalidCase("clip-too-long", "clip", 402, (70,), "32 signs more than the profile has", append("B7E15163"), "S"),
    InvalidCase("clip-bits-of-other-profile", "clip-2-bits", 402, (70, 150), "codes of 2 bits on the row of 1 bit",
        replace("profile", "04"), "S"),
    InvalidCase("clip-alone-in-section", "clip-unchecked", 304, (45,),
        "nothing but the compact kind, in sectioned form", in_sectioned_form(0x83)),
    InvalidCase("clip-tiny-check-bit", "clip-tiny", 501, (60,), "one bit of the check is wrong",
        flip_bits("check", 0, 1), "S"),
    InvalidCase("clip-tiny-tail", "clip-tiny-unchecked", 402, (70, 190), "a byte too many", append("80"), "S"),
    InvalidCase("clip-tiny-bit", "clip-tiny-check-32", 501, (60,), "the highest bit of the body differs",
        flip_bits("body", 0, 0x80), "S"),
    InvalidCase("clip-tiny-model-nowhere", "clip-tiny-explicit", 801, (114,), "a model that nobody has",
        replace("model_hash", UNKNOWN_DIGEST[:16]), "S"),
    InvalidCase("clip-twin-ambiguous", "clip-twin", 801, (114,), "two models that begin with these 4 bytes", shorten_hash,
        "S"),
    InvalidCase("clip-tiny-model-of-kind-5", "clip-tiny-explicit", 803, (112,), "the model of vq-tiny",
        replace_model("vq-tiny"), "S"),
    InvalidCase("clip-tiny-model-of-kind-7", "clip-tiny-explicit", 803, (112,), "the model of elic-tiny",
        replace_model("elic-tiny"), "S"),
    InvalidCase("clip-tiny-model-of-kind-4-and-garbage", "clip-tiny-explicit-unchecked", 803, (112, 150),
        "the model of pq-tiny: the model is judged before the body", replace_model("pq-tiny"), "S"),
)  # fmt: skip

REFUSED: Final = (
    refused_value("clip-few", 190, "a sign less than the row has dimensions", 4, CLIP,
        list(seeded_codes("few", 767, 2))),
    refused_value("clip-more", 190, "one more", 4, CLIP, list(seeded_codes("more", 769, 2))),
    refused_value("clip-code-2", 190, "a code of two bits where there is one", 4, CLIP, [2] * 768),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *REFUSED)
