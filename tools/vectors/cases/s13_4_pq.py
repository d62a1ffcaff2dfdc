# SPDX-License-Identifier: MIT
"""SPEC §13.4: PQ codes."""

from __future__ import annotations

from typing import Final

from refcodec import spec
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.case_types.refusal import refused_value
from tools.vectors.cases._codes import codes_case
from tools.vectors.edits import append, flip_bits, in_sectioned_form, replace, replace_body, swap
from tools.vectors.samples import TITLE, UNKNOWN_DIGEST, seeded_codes

FOLDER: Final = "pq"
PQ: Final = spec.CRITICAL | spec.PQ

VALID: Final = (
    codes_case("pq-tiny", (200,), "both codes the highest, 3", (3, 3), 203, check=16, encode=True),
    codes_case("pq-tiny-unchecked", (200,), "two codes in less than a byte", (1, 2), 203),
    codes_case("pq-tiny-nothing", (70, 200), "both codes 0: no bytes at all", (0, 0), 203),
    codes_case("pq-tiny-check-32", (60, 200), "a check of 32 bits", (2, 1), 203, check=32, size=(50, 33)),
    codes_case("pq-tiny-explicit", (17, 200), "the codebooks as an explicit model", (0, 3), 203, check=16,
        model="pq-tiny", hash_bytes=16),
    codes_case("pq-tiny-explicit-nowhere", (61, 200),
        "codebooks that nobody has: the codes are read all the same, the check stays unchecked", (0, 3), 203,
        check=16, model=UNKNOWN_DIGEST, hash_bytes=4),
    codes_case("pq-tiny-explicit-whole", (60, 200), "the same by 32 bytes: the check can be made", (3, 0), 203, check=16,
        model=UNKNOWN_DIGEST, hash_bytes=32),
    codes_case("pq-tiny-explicit-other-kind", (60, 62, 112),
        "a model of kind 7 is named: codes alone use no model, so that its kind is not compared", (0, 3), 203, check=16,
        model="elic-tiny", hash_bytes=8),
    codes_case("pq-tiny-sections", (40, 60), "codes beside metadata", (1, 1), 203, check=16, sections=(TITLE,)),
    codes_case("pq", (52, 70, 200),
        "16 codes of 1024 in 20 bytes, alone in their section: they are not the compact kind",
        seeded_codes("pq", 16, 1024), 10, check=16, size=(768, 512), encode=True),
    codes_case("pq-unchecked", (200,), "the same unchecked", seeded_codes("pq", 16, 1024), 10, size=(768, 512)),
    codes_case("pq-largest", (200,), "16 times 1023", (1023,) * 16, 12, check=32),
    codes_case("pq-zeros", (70, 200), "16 times 0: a section of no bytes", (0,) * 16, 10, check=16),
    ValidCase("pq-and-indices", (40, 60, 200, 205), "an image embedding, then a grid", tier="S", profile=10,
        latents=False, check=16, size=(768, 512),
        payloads=((4, seeded_codes("pq", 16, 1024)), (5, seeded_codes("grid", 96, 256))), encode=True),
    ValidCase("pq-and-indices-cut", (47, 60), "the same, cut behind the embedding", tier="S", profile=10,
        latents=False, check=16, size=(768, 512),
        payloads=((4, seeded_codes("pq", 16, 1024)), (5, seeded_codes("grid", 96, 256))), keep=1),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("pq-ffffffff", "pq-unchecked", 401, (80,), "a body that begins as none can",
        replace("sections[0].body", "FFFFFFFF", 4), "S"),
    InvalidCase("pq-tiny-tail-zero", "pq-tiny-unchecked", 402, (70,), "a zero byte too many", append("00"), "S"),
    InvalidCase("pq-tiny-tail-longer", "pq-tiny-unchecked", 402, (70,), "a longer number in the same interval",
        append("01"), "S"),
    InvalidCase("pq-tiny-zero-of-nothing", "pq-tiny-nothing", 402, (70,), "a byte where none is needed",
        append("00"), "S"),
    InvalidCase("pq-tiny-ffffffff-alone", "pq-tiny-nothing", 401, (80,), "FF FF FF FF and no more",
        append("FFFFFFFF"), "S"),
    InvalidCase("pq-tiny-code", "pq-tiny-check-32", 501, (60, 200), "another code",
        replace_body(bytes.fromhex("A0")), "S"),
    InvalidCase("pq-check-bit", "pq", 501, (60,), "one bit of the check is wrong",
        flip_bits("sections[0].check", 0, 1), "S"),
    InvalidCase("pq-profile-changed", "pq", 501, (60,),
        "another row, of which this kind has the same parameters: K differs", replace("profile", "0B"), "S"),
    InvalidCase("pq-tiny-alone-in-section", "pq-tiny-unchecked", 304, (45,),
        "nothing but the compact kind, in sectioned form", in_sectioned_form(0x84)),
    InvalidCase("pq-after-indices", "pq-and-indices", 302, (40,), "the kinds descend",
        swap("sections[0]", "sections[1]")),
    InvalidCase("pq-of-sketch", "pq", 303, (42,), "a sketch, which the profile does not allow",
        replace("sections[0].critical", "86")),
)  # fmt: skip

REFUSED: Final = (
    refused_value("pq-code-4", 200, "a code that is none of four", 203, PQ, [1, 4]),
    refused_value("pq-three", 200, "three codes for two parts", 203, PQ, [1, 2, 3]),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *REFUSED)
