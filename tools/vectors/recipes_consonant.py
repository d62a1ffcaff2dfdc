# SPDX-License-Identifier: MIT
"""SPEC §13.1: consonant texts, fixed and coded."""

from __future__ import annotations

from typing import Any

from refcodec import table_files
from refcodec.container.fields import varint
from refcodec.entropy import Encoder
from refcodec.payloads.consonant import LETTERS, TABLES
from tools.vectors.recipes_header import NOWHERE
from tools.vectors.recipes_hints import HINTS
from tools.vectors.recipes_sections import MAKER, TITLE, flip, one_section, text
from tools.vectors.vector import Defect, Fault, Valid, append, becomes, cut, put, spans

FIXED, CODED = 2, 3
PAPER = "ndn trdtnl rch vndv lt shdv"  # Dotzel et al. write w, which the alphabet lacks
MOST = 65_536
CHEAP = " nkst" * (MOST // 5) + "n"
STEPS = (HINTS, text((b"steps", b"20")))


def _text(name: str, rules: tuple[int, ...], note: str, consonants: str, profile: int, **more: Any) -> Valid:
    return Valid(
        f"consonant-{name}", rules, note, tier="S", profile=profile, payload=False, payloads=((1, consonants),), **more
    )


def _both(name: str, note: str, consonants: str) -> tuple[Valid, Valid]:
    """The same text by both codes."""
    return (
        _text(f"fixed-{name}", (161,), f"{note}, fixed", consonants, FIXED, check=16, encode=True),
        _text(f"coded-{name}", (70, 164), f"{note}, coded", consonants, CODED, check=16, encode=True),
    )


VALID = (
    _text("fixed-nothing", (161,), "the smallest file there is: 5 bytes, and its text is empty", "", FIXED),
    _text("coded-nothing", (70, 162), "the same, coded: END is the first symbol of every table", "", CODED),
    *_both("empty", "the empty text with a check", ""),
    *_both("n", "one code", "n"),
    *_both("ct", "two codes", "ct"),
    *_both("mn-n-hrs", "the example that SPEC §13.1 takes apart", "mn n hrs"),
    *_both("paper", "the example of the paper, as far as the alphabet has it", PAPER),
    *_both("letters", "every letter, in the order of the codes, the space first", LETTERS),
    *_both("letters-descending", "every letter in the other order", LETTERS[:0:-1]),
    *_both("spaces", "spaces at the beginning and in a row", "   n  t   v"),
    *_both("v", "the last code alone: FF, in fixed form, where two of it stand", "vv"),
    *_both("unlikely", "codes that the tables do not expect", "vkvkbpgkkkkvvg p p v kg"),
    _text("fixed-unchecked", (161,), "no check", PAPER, FIXED),
    _text("coded-unchecked", (70, 164), "no check", PAPER, CODED),
    _text("fixed-check-32", (60,), "a check of 32 bits, and a size of two varints", PAPER, FIXED, check=32,
          size=(768, 511)),
    _text("coded-check-32", (60,), "the same, coded", PAPER, CODED, check=32, size=(768, 511)),
    _text("largest-picture", (140,), "a text has no place in the picture, whatever its size", "ct", CODED, check=16,
          size=(16_384, 2048)),
    _text("sections", (40, 60), "provenance, consonants, hints, metadata", PAPER, CODED, check=16,
          sections=(MAKER, STEPS, TITLE), encode=True),
    _text("fixed-beside-hints", (40, 60), "a fixed text beside hints, unchecked", "mn n hrs", FIXED, sections=(STEPS,)),
    _text("cut-after-text", (45, 47, 60), "it ends after the text, of three sections the first", "mn n hrs", CODED,
          check=16, sections=(STEPS, TITLE), keep=1),
    _text("explicit-model-whole", (16, 60), "an explicit model that nobody has, by 32 bytes, on a row that uses none",
          PAPER, CODED, check=16, model=NOWHERE, hash_bytes=32),
    _text("explicit-model-short", (61,), "the same by 4 bytes: the text is read, its check stays unchecked", PAPER,
          CODED, check=16, model=NOWHERE, hash_bytes=4),
    _text("explicit-model-at-hand", (62,), "a model that is at hand, by 4 bytes: it bears on the check, nothing uses it",
          PAPER, FIXED, check=16, model="clip-tiny", hash_bytes=4),
    _text("limit-fixed", (140, 160), "65536 codes", "n" * MOST, FIXED),
    _text("limit-coded", (140, 160), "65536 codes", CHEAP, CODED),
)  # fmt: skip


def coded(*codes: int, end: bool = True) -> bytes:
    """The stream of these codes, of any number and whatever stands last."""
    encoder, past, tables = Encoder(), [0, 0, 0], table_files.SHIPPED.load(TABLES)
    for code in codes:
        encoder.symbol(tables.after(256 * past[-3] + 16 * past[-2] + past[-1]), 1 + code)
        past.append(code)
    if end:
        encoder.symbol(tables.after(256 * past[-3] + 16 * past[-2] + past[-1]), 0)
    return encoder.finish()


def body(new: bytes) -> Defect:
    """A compact file has another body."""
    return becomes(lambda base: base.data[: spans(base)["body"][0]] + new)


LONGER = [LETTERS.index(letter) for letter in CHEAP] + [2]

FAULTS = (
    Fault("consonant-fixed-00", "consonant-fixed-nothing", 402, (161,), "a byte 00 for the empty text", append("00"),
          "S"),
    Fault("consonant-fixed-last-00", "consonant-fixed-unchecked", 402, (161,), "a byte 00 behind the text", append("00"),
          "S"),
    Fault("consonant-fixed-space-last", "consonant-fixed-beside-hints", 402, (161,), "a text that ends in two spaces",
          put("sections[0].body", "91010500"), "S"),
    Fault("consonant-coded-space-last", "consonant-coded-unchecked", 402, (162,), "n, space, END", body(coded(1, 0)),
          "S"),
    Fault("consonant-coded-spaces-alone", "consonant-coded-unchecked", 402, (162,), "three spaces, END",
          body(coded(0, 0, 0)), "S"),
    Fault("consonant-coded-ffffffff", "consonant-coded-unchecked", 401, (80,), "a body that begins as none can",
          put("body", "FFFFFFFF", 4), "S"),
    Fault("consonant-coded-ffffffff-alone", "consonant-coded-nothing", 401, (80,), "the same, and no more",
          append("FFFFFFFF"), "S"),
    Fault("consonant-coded-tail-zero", "consonant-coded-n", 402, (70,), "a zero byte too many", append("00"), "S"),
    Fault("consonant-coded-zero", "consonant-coded-nothing", 402, (70,), "a zero byte for the empty text", append("00"),
          "S"),
    Fault("consonant-coded-tail-longer", "consonant-coded-paper", 402, (70,), "a longer number in the same interval",
          append("01"), "S"),
    Fault("consonant-coded-tail-garbage", "consonant-coded-ct", 402, (70,), "bytes that no symbol needs",
          append("CAFE2025"), "S"),
    Fault("consonant-coded-other", "consonant-coded-paper", 501, (60, 150), "the body of another text",
          body(coded(*map(LETTERS.index, PAPER + "s"))), "S"),
    Fault("consonant-fixed-bit", "consonant-fixed-paper", 501, (60,), "one bit of the text differs",
          flip("body", 3, 0x10), "S"),
    Fault("consonant-check-bit", "consonant-coded-paper", 501, (60,), "one bit of the check is wrong",
          flip("check", 1, 0x40), "S"),
    Fault("consonant-size-changed", "consonant-coded-check-32", 501, (60,), "the width is 767, not 768",
          put("width_minus_1", "847E"), "S"),
    Fault("consonant-alone-in-section", "consonant-coded-unchecked", 304, (45,),
          "nothing but the compact kind, in sectioned form",
          lambda base: one_section(base, 0x81)),
    Fault("consonant-cut-in-section", "consonant-sections", 301, (46,), "it ends within the text",
          cut("sections[1].body", 4)),
    Fault("consonant-length-bomb", "consonant-fixed-beside-hints", 604, (141, 142), "a text that claims 2^28 bytes",
          put("sections[0].length", "FFFFFF7F")),
    Fault("consonant-of-caption", "consonant-sections", 303, (42,), "a caption, which the profile does not allow",
          put("sections[1].critical", "82")),
    Fault("limit-fixed-exceeded", "consonant-limit-fixed", 604, (141, 160), "65537 codes", append("10"), "S"),
    Fault("limit-coded-exceeded", "consonant-limit-coded", 604, (141, 160), "65537 codes: the text is not read further",
          body(coded(*LONGER)), "S"),
    Fault("limit-coded-exceeded-and-garbage", "consonant-limit-coded", 604, (141, 150, 160),
          "the same, and behind it bytes of no canonical stream, which nobody comes to", body(coded(*LONGER) + b"\1"), "S"),
    Fault("limit-coded-length", "consonant-fixed-beside-hints", 604, (141,), "a section of 65537 bytes",
          put("sections[0].length", varint(65_537).hex())),
)  # fmt: skip
