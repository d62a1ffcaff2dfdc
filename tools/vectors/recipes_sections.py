# SPDX-License-Identifier: MIT
"""SPEC §6, §7: sections, key-value texts, checks."""

from __future__ import annotations

from refcodec.container.fields import varint
from tools.vectors.nonconforming import recoded
from tools.vectors.vector import Defect, Edit, Fault, Valid, Vector, append, becomes, both, cut, put, spans, swap, twice

PROVENANCE, METADATA = 0x01, 0x43


def text(*entries: tuple[bytes, bytes]) -> bytes:
    """A key-value text, right or wrong."""
    return b"".join(varint(len(key)) + key + varint(len(value)) + value for key, value in entries)


MAKER = (PROVENANCE, text((b"encoder", b"by hand")))
TITLE = (METADATA, text((b"title", b"a hill"), (b"year", b"2025")))
GREASE = ((0x00, b"\x01"), (0x03, b"\xff\x00"), (0x42, b""), (0x7F, b"\xf5\x9e"))
KEYS = text((b"A" * 64, b""), (b"Z", b"z"), (b"a", "\u00e9\u4e16\U0001f304".encode()), ("\u00e9".encode(), b"\0"))
PLAIN = text((b"a", b"one"), (b"b", b"two"))
MANY = [(b"%04d" % i, b"") for i in range(1025)]
LONGEST = text((b"a", b"x" * 65531))

VALID = (
    Valid("sections", (40, 60), "provenance, latents, metadata, each with its check", check=16, y="sparse",
          sections=(MAKER, TITLE), encode=True),
    Valid("sections-check-32", (40, 60), "the same with checks of 32 bits", check=32, y="sparse",
          sections=(MAKER, TITLE)),
    Valid("sections-unchecked", (40,), "the same without checks", y="sparse", sections=(MAKER, TITLE)),
    Valid("sections-same-check", (60,), "the latents of `default` in sectioned form: the same check", check=16,
          y="sparse",
          seed="default", sections=(TITLE,)),
    Valid("sections-explicit-model", (60,), "an explicit model, by 8 bytes, in sectioned form", hash_bytes=8,
          model="elic-tiny", check=16, y="sparse", size=(50, 33), sections=(MAKER,)),
    Valid("explicit-model-without-payload", (62,), "an explicit model, by 4 bytes, that is at hand, and a text alone",
          tier="S", hash_bytes=4, model="elic-tiny", check=16, payload=False, sections=(TITLE,)),
    Valid("sections-of-profile-201", (40, 60), "the other tiny model in sectioned form", profile=201, rate=1, check=16,
          y="sparse", sections=(TITLE,)),
    Valid("grease", (40, 44, 60), "ancillary sections of unknown types, an empty one among them", check=16, y="sparse",
          sections=(MAKER, *GREASE, TITLE)),
    Valid("grease-unchecked", (44,), "the same without checks", y="sparse", sections=(MAKER, *GREASE, TITLE)),
    Valid("grease-alone", (44, 45, 60), "nothing but a section of an unknown type", tier="S", check=16, payload=False,
          sections=((0x2A, b"\x2a"),)),
    Valid("provenance-alone", (45, 60), "nothing but provenance", tier="S", check=16, payload=False, sections=(MAKER,)),
    Valid("provenance-unchecked", (45,), "the same unchecked", tier="S", payload=False,
          sections=((PROVENANCE, PLAIN),)),
    Valid("metadata-alone", (45,), "nothing but metadata, unchecked", tier="S", payload=False,
          sections=((METADATA, PLAIN),)),
    Valid("metadata-check-32", (60,), "metadata with a check of 32 bits", tier="S", check=32, payload=False,
          sections=(TITLE,)),
    Valid("metadata-empty", (50,), "a text without entries", tier="S", check=16, payload=False,
          sections=((METADATA, b""),)),
    Valid("metadata-keys", (49, 50),
          "a key of 64 bytes, an empty value, keys in the order of their bytes, characters of one to four bytes",
          tier="S", check=16, payload=False, sections=((METADATA, KEYS),)),
    Valid("metadata-long-value", (50,), "lengths of two bytes", tier="S", check=16, payload=False,
          sections=((METADATA, text((b"text", b"long " * 40))),)),
    Valid("metadata-1024-entries", (53,), "as many entries as a text may have", tier="S", payload=False,
          sections=((METADATA, text(*MANY[:1024])),)),
    Valid("cut-after-provenance", (47, 60), "it ends at the end of a section: incomplete, but read", tier="S", check=16,
          y="zero", sections=(MAKER, TITLE), keep=1),
    Valid("cut-after-payload", (45, 47, 60), "the same after the latents: the count is still 2", check=16, y="sparse",
          sections=(TITLE,), keep=1),
    Valid("limit-sections", (140, 141), "16 sections", tier="S", payload=False,
          sections=tuple((kind, b"") for kind in range(0x10, 0x20))),
    Valid("limit-text", (140, 141), "a text of 65536 bytes", tier="S", payload=False, sections=((METADATA, LONGEST),)),
)  # fmt: skip


def flip(where: str, byte: int, mask: int) -> Defect:
    """One bit, or a few, of one byte of a field."""

    def defect(base: Vector) -> list[Edit]:
        start, end = spans(base)[where]
        at = range(start, end)[byte]
        return [Edit(at, base.data[at : at + 1], bytes([base.data[at] ^ mask]))]

    return defect


def body(new: bytes) -> Defect:
    """The only section has another body."""

    def make(base: Vector) -> bytes:
        return base.data[: spans(base)["sections[0].length"][0]] + varint(len(new)) + new

    return becomes(make)


def one_section(base: Vector, section_type: int = 0x87) -> list[Edit]:
    """A compact file without check in sectioned form."""
    at = spans(base)["body"][0]
    head = bytes([0, section_type]) + varint(len(base.data) - at)
    return [Edit(2, base.data[2:3], bytes([base.data[2] | 2])), Edit(at, b"", head)]


def _type(name: str, new: int, error: int, rule: int, note: str) -> Fault:
    return Fault(name, "sections-unchecked", error, (rule,), note, put("sections[1].critical", f"{new:02X}"))


def _text(name: str, new: bytes, rule: int, note: str) -> Fault:
    return Fault(name, "metadata-alone", 305, (rule,), note, body(new))


FAULTS = (
    Fault("payload-before-provenance", "sections", 302, (40,), "provenance stands second",
          swap("sections[0]", "sections[1]")),
    Fault("metadata-before-payload", "sections", 302, (40,), "metadata stands before the latents",
          swap("sections[1]", "sections[2]")),
    Fault("ancillary-descending", "grease", 302, (40,), "0x42 stands before 0x03", swap("sections[3]", "sections[4]")),
    Fault("provenance-twice", "sections", 302, (41,), "provenance is there twice", twice("sections[0]")),
    Fault("payload-twice", "sections", 302, (41,), "the latents are there twice", twice("sections[1]")),
    Fault("metadata-twice", "sections", 302, (41,), "metadata is there twice", twice("sections[2]")),
    Fault("grease-twice", "grease", 302, (41,), "a section of an unknown type is there twice", twice("sections[3]")),
    *(
        _type(f"kind-{kind}-not-in-profile", 0x80 + kind, 303, 42, f"kind {kind}, which the profile does not allow")
        for kind in range(1, 7)
    ),
    _type("critical-number-0", 0x80, 703, 43, "a critical section of number 0"),
    _type("critical-number-8", 0x88, 703, 43, "a critical section of number 8"),
    _type("critical-number-63", 0xBF, 703, 43, "a critical section of number 63"),
    _type("critical-safe-to-copy", 0xC7, 703, 43, "kind 7 with safe_to_copy set"),
    Fault("compact-kind-alone", "micro", 304, (45,), "nothing but the compact kind, in sectioned form", one_section),
    Fault("cut-before-count", "sections-unchecked", 202, (14,), "it ends before the count", cut("count_minus_1")),
    Fault("cut-before-sections", "sections-unchecked", 301, (46, 47), "no section at all", cut("sections[0].critical")),
    Fault("cut-before-length", "sections", 301, (46,), "it ends after the type of a section",
          cut("sections[1].length")),
    Fault("cut-in-length", "metadata-long-value", 301, (46,), "it ends within a length of two bytes",
          cut("sections[0].length", 1)),
    Fault("cut-in-body", "sections", 301, (46,), "it ends within a body", cut("sections[1].body", 3)),
    Fault("cut-in-text", "sections-unchecked", 301, (46,), "it ends within a text",
          cut("sections[2].entries[0].value", 2)),
    Fault("cut-before-section-check", "sections", 301, (46,), "it ends before a check", cut("sections[2].check")),
    Fault("cut-in-section-check", "sections", 301, (46,), "it ends within a check", cut("sections[2].check", 1)),
    Fault("length-beyond-file", "sections-unchecked", 301, (46,), "the last length is one too large",
          put("sections[2].length", f"{len(TITLE[1]) + 1:02X}")),
    Fault("trailing-byte", "sections", 306, (48,), "a byte follows the last section", append("00")),
    Fault("trailing-section", "sections-unchecked", 306, (48,), "a whole section follows the last one", append("7F00")),
    Fault("length-bomb-of-text", "sections-unchecked", 604, (141, 142),
          "a text that claims the largest length there is",
          put("sections[2].length", "FFFFFF7F")),
    Fault("length-bomb-of-grease", "grease-unchecked", 301, (46, 142),
          "the same claim for a section of an unknown type",
          put("sections[6].length", "FFFFFF7F")),
    Fault("count-five-bytes", "sections-unchecked", 207, (3,), "a fourth byte with bit 7 set",
          put("count_minus_1", "8080808000")),
    Fault("length-five-bytes", "sections-unchecked", 305, (3,), "the same in a length",
          put("sections[0].length", "8080808000")),
    Fault("limit-sections-exceeded", "limit-sections", 603, (141,), "17 sections",
          both(put("count_minus_1", "10"), append("2000"))),
    Fault("limit-sections-before-order", "limit-sections", 603, (141, 150),
          "17 sections, the second of the first's type: limits of the header are judged before sections",
          both(put("count_minus_1", "10"), put("sections[1].critical", "10"), append("2000"))),
    Fault("limit-text-exceeded", "limit-text", 604, (141, 142), "a text of 65537 bytes",
          both(put("sections[0].length", varint(65537).hex()),
               put("sections[0].entries[0].value_length", varint(65532).hex()), append("78"))),
    _text("key-empty", text((b"", b"one"), (b"b", b"two")), 49, "a key of no bytes"),
    _text("key-65-bytes", text((b"a" * 65, b"one"), (b"b", b"two")), 49, "a key of 65 bytes"),
    _text("keys-equal", text((b"a", b"one"), (b"a", b"two")), 49, "a key twice"),
    _text("keys-descending", text((b"b", b"one"), (b"a", b"two")), 49, "keys in another order"),
    _text("keys-by-length", text((b"b", b"one"), (b"aa", b"two")), 49, "keys ordered by length, not by bytes"),
    _text("key-not-utf-8", text((b"\xc3", b"one"), (b"\xc3\xa9", b"two")), 50, "a key that is not UTF-8"),
    _text("value-not-utf-8", text((b"a", b"on\xe9"), (b"b", b"two")), 50, "a value in Latin-1"),
    _text("value-overlong", text((b"a", b"o\xc0\x80"), (b"b", b"two")), 50, "NUL in two bytes"),
    _text("value-surrogate", text((b"a", b"\xed\xa0\x80"), (b"b", b"two")), 50, "half of a surrogate pair"),
    _text("value-beyond-unicode", text((b"a", b"\xf4\x90\x80\x80"), (b"b", b"two")), 50, "a number above 10FFFF"),
    _text("value-cut", PLAIN[:-1], 50, "the last value is a byte short"),
    _text("value-missing", PLAIN[:-4], 50, "the last entry ends after its key"),
    _text("key-cut", PLAIN[:-5], 50, "the last entry ends after the length of its key"),
    _text("key-length-beyond", PLAIN + b"\x02c", 50, "the last key is a byte short"),
    _text("key-length-five-bytes", PLAIN + b"\x80\x80\x80\x80\x00", 3, "the length of a key in five bytes"),
    _text("value-length-five-bytes", PLAIN + b"\x01c\x80\x80\x80\x80\x00", 3, "the length of a value in five bytes"),
    Fault("metadata-1025-entries", "metadata-1024-entries", 305, (53,), "one entry more than a text may have",
          body(text(*MANY))),
    Fault("provenance-keys-equal", "provenance-unchecked", 305, (49,), "a key twice, in provenance",
          body(text((b"a", b"one"), (b"a", b"two")))),
    Fault("check-bit", "default", 501, (2, 60), "one bit of the check is wrong", flip("check", 0, 0x80), "L"),
    Fault("check-second-byte", "default", 501, (60,), "a bit of its second byte", flip("check", 1, 0x01), "L"),
    Fault("check-32-third-byte", "check-32", 501, (60,), "a bit of the third of four bytes", flip("check", 2, 0x10),
          "L"),
    Fault("check-32-last-byte", "check-32", 501, (60,), "a bit of the last of four bytes", flip("check", 3, 0x01), "L"),
    Fault("check-of-section", "sections", 501, (2, 60), "the check of the latents is wrong",
          flip("sections[1].check", 0, 1), "L"),
    Fault("check-of-provenance", "sections", 501, (60,), "the check of provenance is wrong",
          flip("sections[0].check", 1, 4), "L"),
    Fault("check-of-grease", "grease", 501, (60,), "the check of a section of an unknown type is wrong",
          flip("sections[3].check", 0, 2), "L"),
    Fault("check-of-metadata", "metadata-check-32", 501, (60,), "no network is needed to see it",
          flip("sections[0].check", 3, 1), "S"),
    Fault("check-of-explicit-model-at-hand", "explicit-model-without-payload", 501, (62,),
          "the check of a text under a model that is at hand", flip("sections[0].check", 0, 1), "S"),
    Fault("check-of-explicit-model", "explicit-model-checked-without-it", 501, (60,), "nor the model itself",
          flip("sections[0].check", 1, 1), "S"),
    Fault("checks-swapped", "sections", 501, (60,), "two sections have each other's checks",
          swap("sections[1].check", "sections[2].check"), "L"),
    Fault("text-changed", "metadata-check-32", 501, (60,), "another letter in a value",
          flip("sections[0].entries[0].value", 0, 1), "S"),
    Fault("size-changed", "size-1-byte", 501, (60,), "the width is 51, not 50; the shapes of the latents are the same",
          put("width_minus_1", "32"), "L"),
    Fault("residual-changed", "default", 501, (2, 60, 150),
          "a body in which one residual is higher by one, as a drifted decoder might see it",
          becomes(recoded(s_first=lambda _, s: s + 1)), "L"),
)  # fmt: skip
