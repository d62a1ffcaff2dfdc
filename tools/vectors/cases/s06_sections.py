# SPDX-License-Identifier: MIT
"""SPEC §6: types, order, lengths and end of sections."""

from __future__ import annotations

from typing import Any, Final

from refcodec import spec
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.case_types.refusal import Refusal
from tools.vectors.edits import append, combine, duplicate, in_sectioned_form, replace, swap, truncate
from tools.vectors.samples import GREASE, MAKER, TITLE, key_value

FOLDER: Final = "sections"
PLAIN: Final = key_value((b"a", b"one"), (b"b", b"two"))
PQ, VQ = spec.CRITICAL | spec.PQ, spec.CRITICAL | spec.VQ
INDICES: Final[Any] = [[0, 2, 0, 3], [1, 0, 4, 2], [5, 0, 0, 2]]


def _type(name: str, new: int, error: int, rule: int, note: str) -> InvalidCase:
    return InvalidCase(name, "sections-unchecked", error, (rule,), note, replace("sections[1].critical", f"{new:02X}"))


VALID: Final = (
    ValidCase("sections", (40, 60), "provenance, latents, metadata, each with its check", check=16, y="sparse",
        sections=(MAKER, TITLE), encode=True),
    ValidCase("sections-check-32", (40, 60), "the same with checks of 32 bits", check=32, y="sparse",
        sections=(MAKER, TITLE)),
    ValidCase("sections-unchecked", (40,), "the same without checks", y="sparse", sections=(MAKER, TITLE)),
    ValidCase("sections-of-profile-201", (40, 60), "the other tiny model in sectioned form", profile=201, rate=1,
        check=16, y="sparse", sections=(TITLE,)),
    ValidCase("grease", (40, 44, 60), "ancillary sections of unknown types, an empty one among them", check=16,
        y="sparse", sections=(MAKER, *GREASE, TITLE)),
    ValidCase("grease-unchecked", (44,), "the same without checks", y="sparse", sections=(MAKER, *GREASE, TITLE)),
    ValidCase("grease-alone", (44, 45, 60), "nothing but a section of an unknown type", tier="S", check=16,
        latents=False, sections=((0x2A, b"\x2a"),)),
    ValidCase("provenance-alone", (45, 60), "nothing but provenance", tier="S", check=16, latents=False,
        sections=(MAKER,)),
    ValidCase("provenance-unchecked", (45,), "the same unchecked", tier="S", latents=False,
        sections=((spec.PROVENANCE, PLAIN),)),
    ValidCase("metadata-alone", (45,), "nothing but metadata, unchecked", tier="S", latents=False,
        sections=((spec.METADATA, PLAIN),)),
    ValidCase("cut-after-provenance", (47, 60), "it ends at the end of a section: incomplete, but read", tier="S",
        check=16, y="zero", sections=(MAKER, TITLE), keep=1),
    ValidCase("cut-after-payload", (45, 47, 60), "the same after the latents: the count is still 2", check=16,
        y="sparse", sections=(TITLE,), keep=1),
    ValidCase("limit-sections", (140, 141), "16 sections", tier="S", latents=False,
        sections=tuple((kind, b"") for kind in range(0x10, 0x20))),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("payload-before-provenance", "sections", 302, (40,), "provenance stands second",
        swap("sections[0]", "sections[1]")),
    InvalidCase("metadata-before-payload", "sections", 302, (40,), "metadata stands before the latents",
        swap("sections[1]", "sections[2]")),
    InvalidCase("ancillary-descending", "grease", 302, (40,), "0x42 stands before 0x03",
        swap("sections[3]", "sections[4]")),
    InvalidCase("provenance-twice", "sections", 302, (41,), "provenance is there twice", duplicate("sections[0]")),
    InvalidCase("payload-twice", "sections", 302, (41,), "the latents are there twice", duplicate("sections[1]")),
    InvalidCase("metadata-twice", "sections", 302, (41,), "metadata is there twice", duplicate("sections[2]")),
    InvalidCase("grease-twice", "grease", 302, (41,), "a section of an unknown type is there twice",
        duplicate("sections[3]")),
    *(
        _type(f"kind-{kind}-not-in-profile", 0x80 + kind, 303, 42, f"kind {kind}, which the profile does not allow")
        for kind in range(1, 7)
    ),
    _type("critical-number-0", 0x80, 703, 43, "a critical section of number 0"),
    _type("critical-number-8", 0x88, 703, 43, "a critical section of number 8"),
    _type("critical-number-63", 0xBF, 703, 43, "a critical section of number 63"),
    *(
        _type(f"critical-number-{number}", 0x80 + number, 703, 43, f"number {number}, for drafts and private use")
        for number in (48, 49, 50, 62)
    ),
    _type("critical-safe-to-copy", 0xC7, 703, 43, "kind 7 with safe_to_copy set"),
    InvalidCase("compact-kind-alone", "micro", 304, (45,), "nothing but the compact kind, in sectioned form",
        in_sectioned_form(0x87)),
    InvalidCase("cut-before-count", "sections-unchecked", 202, (14,), "it ends before the count",
        truncate("count_minus_1")),
    InvalidCase("cut-before-sections", "sections-unchecked", 301, (46, 47), "no section at all",
        truncate("sections[0].critical")),
    InvalidCase("cut-before-length", "sections", 301, (46,), "it ends after the type of a section",
        truncate("sections[1].length")),
    InvalidCase("cut-in-length", "metadata-long-value", 301, (46,), "it ends within a length of two bytes",
        truncate("sections[0].length", 1)),
    InvalidCase("cut-in-body", "sections", 301, (46,), "it ends within a body", truncate("sections[1].body", 3)),
    InvalidCase("cut-in-text", "sections-unchecked", 301, (46,), "it ends within a text",
        truncate("sections[2].entries[0].value", 2)),
    InvalidCase("cut-before-section-check", "sections", 301, (46,), "it ends before a check",
        truncate("sections[2].check")),
    InvalidCase("cut-in-section-check", "sections", 301, (46,), "it ends within a check",
        truncate("sections[2].check", 1)),
    InvalidCase("length-beyond-file", "sections-unchecked", 301, (46,), "the last length is one too large",
        replace("sections[2].length", f"{len(TITLE[1]) + 1:02X}")),
    InvalidCase("trailing-byte", "sections", 306, (48,), "a byte follows the last section", append("00")),
    InvalidCase("trailing-section", "sections-unchecked", 306, (48,), "a whole section follows the last one",
        append("7F00")),
    InvalidCase("length-bomb-of-text", "sections-unchecked", 604, (141, 142),
        "a text that claims the largest length there is", replace("sections[2].length", "FFFFFF7F")),
    InvalidCase("length-bomb-of-grease", "grease-unchecked", 301, (46, 142),
        "the same claim for a section of an unknown type", replace("sections[6].length", "FFFFFF7F")),
    InvalidCase("count-five-bytes", "sections-unchecked", 207, (3,), "a fourth byte with bit 7 set",
        replace("count_minus_1", "8080808000")),
    InvalidCase("length-five-bytes", "sections-unchecked", 305, (3,), "the same in a length",
        replace("sections[0].length", "8080808000")),
    InvalidCase("limit-sections-exceeded", "limit-sections", 603, (141,), "17 sections",
        combine(replace("count_minus_1", "10"), append("2000"))),
    InvalidCase("limit-sections-before-order", "limit-sections", 603, (141, 150),
        "17 sections, the second of the first's type: limits of the header are judged before sections",
        combine(replace("count_minus_1", "10"), replace("sections[1].critical", "10"), append("2000"))),
)  # fmt: skip

REFUSED: Final = (
    Refusal("kind-of-other-row", (42,), "a kind that the row does not have", 204,
        ({"type": PQ, "body": "60"}, {"type": VQ, "value": INDICES})),
    Refusal("type-twice", (41,), "two sections of one type", 204,
        ({"type": 0x2A, "body": "00"}, {"type": 0x2A, "body": "01"}, {"type": VQ, "value": INDICES})),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *REFUSED)
