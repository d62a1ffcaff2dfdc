# SPDX-License-Identifier: MIT
"""SPEC §6: key-value texts of provenance and metadata."""

from __future__ import annotations

from typing import Final

from refcodec import spec
from refcodec.container.fields import varint
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.case_types.refusal import Refusal
from tools.vectors.edits import append, combine, replace, replace_only_section
from tools.vectors.samples import key_value

FOLDER: Final = "sections"
METADATA: Final = spec.METADATA
KEYS: Final = key_value(
    (b"A" * 64, b""), (b"Z", b"z"), (b"a", "\u00e9\u4e16\U0001f304".encode()), ("\u00e9".encode(), b"\0")
)
PLAIN: Final = key_value((b"a", b"one"), (b"b", b"two"))
MANY: Final = [(b"%04d" % i, b"") for i in range(1025)]
LONGEST: Final = key_value((b"a", b"x" * 65531))
INDICES: Final = {"type": spec.CRITICAL | spec.VQ, "value": [[0, 2, 0, 3], [1, 0, 4, 2], [5, 0, 0, 2]]}


def _text(name: str, new: bytes, rule: int, note: str) -> InvalidCase:
    return InvalidCase(name, "metadata-alone", 305, (rule,), note, replace_only_section(new))


VALID: Final = (
    ValidCase("metadata-empty", (50,), "a text without entries", tier="S", check=16, latents=False,
        sections=((METADATA, b""),)),
    ValidCase("metadata-keys", (49, 50),
        "a key of 64 bytes, an empty value, keys in the order of their bytes, characters of one to four bytes",
        tier="S", check=16, latents=False, sections=((METADATA, KEYS),)),
    ValidCase("metadata-long-value", (50,), "lengths of two bytes", tier="S", check=16, latents=False,
        sections=((METADATA, key_value((b"text", b"long " * 40))),)),
    ValidCase("metadata-1024-entries", (53,), "as many entries as a text may have", tier="S", latents=False,
        sections=((METADATA, key_value(*MANY[:1024])),)),
    ValidCase("limit-text", (140, 141), "a text of 65536 bytes", tier="S", latents=False,
        sections=((METADATA, LONGEST),)),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("limit-text-exceeded", "limit-text", 604, (141, 142), "a text of 65537 bytes",
        combine(replace("sections[0].length", varint(65537).hex()),
        replace("sections[0].entries[0].value_length", varint(65532).hex()), append("78"))),
    _text("key-empty", key_value((b"", b"one"), (b"b", b"two")), 49, "a key of no bytes"),
    _text("key-65-bytes", key_value((b"a" * 65, b"one"), (b"b", b"two")), 49, "a key of 65 bytes"),
    _text("keys-equal", key_value((b"a", b"one"), (b"a", b"two")), 49, "a key twice"),
    _text("keys-descending", key_value((b"b", b"one"), (b"a", b"two")), 49, "keys in another order"),
    _text("keys-by-length", key_value((b"b", b"one"), (b"aa", b"two")), 49, "keys ordered by length, not by bytes"),
    _text("key-not-utf-8", key_value((b"\xc3", b"one"), (b"\xc3\xa9", b"two")), 50, "a key that is not UTF-8"),
    _text("value-not-utf-8", key_value((b"a", b"on\xe9"), (b"b", b"two")), 50, "a value in Latin-1"),
    _text("value-overlong", key_value((b"a", b"o\xc0\x80"), (b"b", b"two")), 50, "NUL in two bytes"),
    _text("value-surrogate", key_value((b"a", b"\xed\xa0\x80"), (b"b", b"two")), 50, "half of a surrogate pair"),
    _text("value-beyond-unicode", key_value((b"a", b"\xf4\x90\x80\x80"), (b"b", b"two")), 50, "a number above 10FFFF"),
    _text("value-cut", PLAIN[:-1], 50, "the last value is a byte short"),
    _text("value-missing", PLAIN[:-4], 50, "the last entry ends after its key"),
    _text("key-cut", PLAIN[:-5], 50, "the last entry ends after the length of its key"),
    _text("key-length-beyond", PLAIN + b"\x02c", 50, "the last key is a byte short"),
    _text("key-length-five-bytes", PLAIN + b"\x80\x80\x80\x80\x00", 3, "the length of a key in five bytes"),
    _text("value-length-five-bytes", PLAIN + b"\x01c\x80\x80\x80\x80\x00", 3, "the length of a value in five bytes"),
    InvalidCase("metadata-1025-entries", "metadata-1024-entries", 305, (53,), "one entry more than a text may have",
        replace_only_section(key_value(*MANY))),
    InvalidCase("provenance-keys-equal", "provenance-unchecked", 305, (49,), "a key twice, in provenance",
        replace_only_section(key_value((b"a", b"one"), (b"a", b"two")))),
)  # fmt: skip

REFUSED: Final = (
    Refusal("key-empty", (49,), "a key of no bytes", 204,
        ({"type": METADATA, "body": key_value((b"", b"one")).hex()}, INDICES)),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *REFUSED)
