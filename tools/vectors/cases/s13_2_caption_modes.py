# SPDX-License-Identifier: MIT
"""SPEC §13.2: the first byte of captions, the modes raw and tokens, and modes that a row does not allow."""

from __future__ import annotations

from typing import Any, Final

from refcodec import spec
from refcodec.payloads.caption import modes
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.case_types.refusal import refused_value
from tools.vectors.edits import append, flip_bits, replace, replace_body, replace_only_section
from tools.vectors.samples import CAT, PROMPT, ZLIB_WAVE, ZSTD_WAVE, seeded_codes

FOLDER: Final = "caption"
PICS, VQ = 9, 204  # profiles
CAPTION: Final = spec.CRITICAL | spec.CAPTION
ALL_IDS: Final = {"modes": ["tokens"], "vocabulary": 49_408}


def _caption(name: str, rules: tuple[int, ...], note: str, value: tuple[Any, ...], **options: Any) -> ValidCase:
    defaults: dict[str, Any] = {"tier": "S", "profile": PICS, "latents": False}
    return ValidCase(f"caption-{name}", rules, note, payloads=((2, value),), **defaults | options)


def _raw(name: str, note: str, text: str, **options: Any) -> ValidCase:
    return _caption(f"raw-{name}", (173,), note, ("raw", text), **{"check": 16} | options)


def _tokens(name: str, note: str, ids: tuple[int, ...], **options: Any) -> ValidCase:
    return _caption(f"tokens-{name}", (70, 175), note, ("tokens", ids), **{"check": 16} | options)


def _first(name: str, base: str, error: int, rules: tuple[int, ...], note: str, new: str) -> InvalidCase:
    """Replace the first bytes of the body, the first of which selects the mode."""
    defect = replace("body", new, len(new) // 2)
    return InvalidCase(f"caption-{name}", f"caption-{base}", error, rules, note, defect, "S")


def _not_utf_8(name: str, note: str, new: bytes) -> InvalidCase:
    defect = replace_body(b"\xf8" + new)
    return InvalidCase(f"caption-raw-{name}", "caption-raw-unchecked", 401, (173,), note, defect, "S")


def _disallowed(mode: str, new: str) -> InvalidCase:
    note = f"the mode {mode} on a row that has static and raw alone"
    defect = replace_only_section(bytes.fromhex(new))
    return InvalidCase(f"caption-{mode}-not-allowed", "caption-tiny-raw", 403, (171,), note, defect, "S")


VALID: Final = (
    _raw("nothing", "the empty text: the byte of the mode alone", "", check=0),
    _raw("cat", "the text as it is, with the check that the static text has, too", CAT),
    _raw("nihon", "an example of SPEC §13.2", "\u65e5\u672c", check=0),
    _raw("unchecked", "the same unchecked", CAT, check=0),
    _raw("all-lengths", "one, two, three and four bytes a character", "A\u00df\u6771\U0001d11e", encode=True),
    _raw("edges", "the first and the last of each length",
        "\0\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"),
    _raw("controls", "control characters, an escape sequence among them: a text is any text",
        "a\x07 \x1b[31mcat\x1b[0m\x7f\x85\u200b", check=32),
    _raw("bidi", "marks that turn the direction, one of them left open", "a \u202ecat \u2066on\u2069 \u200fa mat"),
    _tokens("0", "no ids", (), check=0),
    _tokens("0-checked", "no ids, with a check: S is FF", ()),
    _tokens("1", "one id", (49_407,)),
    _tokens("3", "the example of SPEC §13.2", (320, 2368, 49_407), check=0),
    _tokens("16", "sixteen ids, 32 bytes in all", PROMPT, encode=True),
    _tokens("16-unchecked", "the same unchecked", PROMPT, check=0),
    _tokens("16-zeros", "sixteen times id 0", (0,) * 16),
    _tokens("16-largest", "sixteen times the highest id", (49_407,) * 16),
    _tokens("15", "one less than is expected", PROMPT[:15], encode=True),
    _tokens("17", "one more", (*PROMPT, 320)),
    _tokens("75", "as many as there may be", seeded_codes("long prompt", 75, 49_408), check=32, encode=True),
    _caption("tiny-static", (171,), "a row that allows the modes static and raw alone, sectioned", ("static", CAT),
        profile=VQ, check=16),
    _caption("tiny-raw", (171,), "the same raw, unchecked", ("raw", CAT), profile=VQ),
)  # fmt: skip

INVALID: Final = (
    *(
        _first(f"first-byte-{value}", "raw-unchecked", 704, (170,),
            f"the first byte {value.upper()}, kept for later modes", value)
        for value in ("fb", "fc", "fd", "fe", "ff")
    ),
    _first("ffffffff", "static-cat", 704, (150, 170), "FF FF FF FF: the mode is judged before the stream", "ffffffff"),
    _first("efffffff", "static-cat", 402, (175,), "EF FF FF FF, with which no static text begins", "efffffff"),
    _first("f7ffffff", "tokens-16-unchecked", 402, (175,), "F7 FF FF FF, with which no ids begin", "f7ffffff"),
    _disallowed("tokens", "f0"),
    _disallowed("zlib", "f9" + ZLIB_WAVE),
    _disallowed("zstd", "fa" + ZSTD_WAVE),
    InvalidCase("caption-tokens-tail-zero", "caption-tokens-16-unchecked", 402, (70,), "a zero byte too many",
        append("00"), "S"),
    InvalidCase("caption-tokens-tail-garbage", "caption-tokens-16-unchecked", 402, (70,),
        "another id, of which the count says nothing", append("0140"), "S"),
    InvalidCase("caption-tokens-other", "caption-tokens-16", 501, (60,), "one id is another",
        replace_body(modes.encode_tokens((*PROMPT[:15], PROMPT[15] ^ 1), ALL_IDS)), "S"),
    _not_utf_8("latin-1", "a byte of Latin-1", b"caf\xe9"),
    _not_utf_8("continuation", "a byte that continues nothing", b"\x80cat"),
    _not_utf_8("cut", "a character that the end cuts", b"cat \xf0\x9f\x90"),
    _not_utf_8("overlong", "NUL in two bytes", b"\xc0\x80"),
    _not_utf_8("surrogate", "a pair of surrogates, as CESU-8 has it", b"\xed\xa0\xbd\xed\xb0\x88"),
    _not_utf_8("beyond-unicode", "a number above 10FFFF", b"\xf4\x90\x80\x80"),
    _not_utf_8("ff", "the byte with which S of ids begins", b"\xff\x01\x40"),
    InvalidCase("caption-raw-letter", "caption-raw-cat", 501, (60,), "another letter", flip_bits("body", 3, 1), "S"),
)  # fmt: skip

REFUSED: Final = (
    refused_value("ids-76", 175, "76 ids", 9, CAPTION, [320] * 76, mode="tokens"),
    refused_value("ids-beyond", 175, "an id beyond the vocabulary", 9, CAPTION, [*PROMPT[:15], 49_408], mode="tokens"),
    refused_value("mode-of-other-row", 171, "a mode that the row does not allow", 204, CAPTION, CAT, mode="zlib"),
    refused_value("surrogate", 173, "half of a surrogate pair, which is no text", 9, CAPTION, "a \ud83d cat",
        mode="raw"),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *REFUSED)
