# SPDX-License-Identifier: MIT
"""SPEC §13.1: consonant texts, fixed and coded."""

from __future__ import annotations

from typing import Any, Final

from refcodec import table_files
from refcodec.container.fields import varint
from refcodec.entropy import Encoder
from refcodec.payloads.consonant import LETTERS, TABLES
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import append, flip_bits, in_sectioned_form, replace, replace_body, truncate
from tools.vectors.samples import CODES_LIMIT, MAKER, PAPER, STEPS, TITLE, UNKNOWN_DIGEST

FOLDER: Final = "consonant"
FIXED, CODED = 2, 3  # profiles
CHEAP: Final = " nkst" * (CODES_LIMIT // 5) + "n"
LONGER: Final = [*map(LETTERS.index, CHEAP), 2]


def _text(name: str, rules: tuple[int, ...], note: str, consonants: str, profile: int, **options: Any) -> ValidCase:
    payloads = ((1, consonants),)
    return ValidCase(
        f"consonant-{name}", rules, note, tier="S", profile=profile, latents=False, payloads=payloads, **options
    )


def _both(name: str, note: str, consonants: str) -> tuple[ValidCase, ValidCase]:
    """Return cases of the same text by both codes."""
    return (
        _text(f"fixed-{name}", (161,), f"{note}, fixed", consonants, FIXED, check=16, encode=True),
        _text(f"coded-{name}", (70, 164), f"{note}, coded", consonants, CODED, check=16, encode=True),
    )


def _stream(*codes: int) -> bytes:
    """Return the coded stream of these codes and END, even of too many codes or with a space at the end."""
    encoder, past, tables = Encoder(), [0, 0, 0], table_files.SHIPPED.load(TABLES)
    for symbol in [*(1 + code for code in codes), 0]:
        encoder.symbol(tables.after(256 * past[-3] + 16 * past[-2] + past[-1]), symbol)
        past.append(symbol - 1)
    return encoder.finish()


VALID: Final = (
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
    _text("fixed-beside-hints", (40, 60), "a fixed text beside hints, unchecked", "mn n hrs", FIXED,
        sections=(STEPS,)),
    _text("cut-after-text", (45, 47, 60), "it ends after the text, of three sections the first", "mn n hrs", CODED,
        check=16, sections=(STEPS, TITLE), keep=1),
    _text("explicit-model-whole", (16, 60),
        "an explicit model that nobody has, by 32 bytes, on a row that uses none", PAPER, CODED, check=16,
        model=UNKNOWN_DIGEST, hash_bytes=32),
    _text("explicit-model-short", (61,), "the same by 4 bytes: the text is read, its check stays unchecked", PAPER,
        CODED, check=16, model=UNKNOWN_DIGEST, hash_bytes=4),
    _text("explicit-model-at-hand", (62,),
        "a model that is at hand, by 4 bytes: it bears on the check, nothing uses it", PAPER, FIXED, check=16,
        model="clip-tiny", hash_bytes=4),
    _text("limit-fixed", (140, 160), "65536 codes", "n" * CODES_LIMIT, FIXED),
    _text("limit-coded", (140, 160), "65536 codes", CHEAP, CODED),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("consonant-fixed-00", "consonant-fixed-nothing", 402, (161,), "a byte 00 for the empty text",
        append("00"), "S"),
    InvalidCase("consonant-fixed-last-00", "consonant-fixed-unchecked", 402, (161,), "a byte 00 behind the text",
        append("00"), "S"),
    InvalidCase("consonant-fixed-space-last", "consonant-fixed-beside-hints", 402, (161,),
        "a text that ends in two spaces", replace("sections[0].body", "91010500"), "S"),
    InvalidCase("consonant-coded-space-last", "consonant-coded-unchecked", 402, (162,), "n, space, END",
        replace_body(_stream(1, 0)), "S"),
    InvalidCase("consonant-coded-spaces-alone", "consonant-coded-unchecked", 402, (162,), "three spaces, END",
        replace_body(_stream(0, 0, 0)), "S"),
    InvalidCase("consonant-coded-ffffffff", "consonant-coded-unchecked", 401, (80,),
        "a body that begins as none can", replace("body", "FFFFFFFF", 4), "S"),
    InvalidCase("consonant-coded-ffffffff-alone", "consonant-coded-nothing", 401, (80,), "the same, and no more",
        append("FFFFFFFF"), "S"),
    InvalidCase("consonant-coded-tail-zero", "consonant-coded-n", 402, (70,), "a zero byte too many", append("00"),
        "S"),
    InvalidCase("consonant-coded-zero", "consonant-coded-nothing", 402, (70,), "a zero byte for the empty text",
        append("00"), "S"),
    InvalidCase("consonant-coded-tail-longer", "consonant-coded-paper", 402, (70,),
        "a longer number in the same interval", append("01"), "S"),
    InvalidCase("consonant-coded-tail-garbage", "consonant-coded-ct", 402, (70,), "bytes that no symbol needs",
        append("CAFE2025"), "S"),
    InvalidCase("consonant-coded-other", "consonant-coded-paper", 501, (60, 150), "the body of another text",
        replace_body(_stream(*map(LETTERS.index, PAPER + "s"))), "S"),
    InvalidCase("consonant-fixed-bit", "consonant-fixed-paper", 501, (60,), "one bit of the text differs",
        flip_bits("body", 3, 0x10), "S"),
    InvalidCase("consonant-check-bit", "consonant-coded-paper", 501, (60,), "one bit of the check is wrong",
        flip_bits("check", 1, 0x40), "S"),
    InvalidCase("consonant-size-changed", "consonant-coded-check-32", 501, (60,), "the width is 767, not 768",
        replace("width_minus_1", "847E"), "S"),
    InvalidCase("consonant-alone-in-section", "consonant-coded-unchecked", 304, (45,),
        "nothing but the compact kind, in sectioned form", in_sectioned_form(0x81)),
    InvalidCase("consonant-cut-in-section", "consonant-sections", 301, (46,), "it ends within the text",
        truncate("sections[1].body", 4)),
    InvalidCase("consonant-length-bomb", "consonant-fixed-beside-hints", 604, (141, 142),
        "a text that claims 2^28 bytes", replace("sections[0].length", "FFFFFF7F")),
    InvalidCase("consonant-of-caption", "consonant-sections", 303, (42,),
        "a caption, which the profile does not allow", replace("sections[1].critical", "82")),
    InvalidCase("limit-fixed-exceeded", "consonant-limit-fixed", 604, (141, 160), "65537 codes", append("10"), "S"),
    InvalidCase("limit-coded-exceeded", "consonant-limit-coded", 604, (141, 160),
        "65537 codes: the text is not read further", replace_body(_stream(*LONGER)), "S"),
    InvalidCase("limit-coded-exceeded-and-garbage", "consonant-limit-coded", 604, (141, 150, 160),
        "the same, and behind it bytes of no canonical stream, which nobody comes to",
        replace_body(_stream(*LONGER) + b"\1"), "S"),
    InvalidCase("limit-coded-length", "consonant-fixed-beside-hints", 604, (141,), "a section of 65537 bytes",
        replace("sections[0].length", varint(65_537).hex())),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
