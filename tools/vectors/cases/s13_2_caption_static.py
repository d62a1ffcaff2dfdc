# SPDX-License-Identifier: MIT
"""SPEC §13.2: captions of the mode static."""

from __future__ import annotations

from typing import Any, Final

from refcodec import table_files
from refcodec.entropy import Encoder
from refcodec.payloads.caption import modes, ppm
from tools.vectors.case import Defect, InvalidCase, ValidCase
from tools.vectors.edits import Edit, append, flip_bits, replace, replace_body
from tools.vectors.samples import CAT, LONGEST, OCTETS_LIMIT, WAVE
from tools.vectors.vector import Vector

Piece = bytes | tuple[bytes]  # a word of the table; in a tuple, spelt letter by letter

FOLDER: Final = "caption"
UTF_8: Final = 173  # the rule
A, A_CAT, ON, MAT = b" a", b" cat", b" on", b" mat"
WORDS: Final = (b" on", b" top", b" of", b" the")
ONE_TOO_MANY: Final = (*WORDS * (OCTETS_LIMIT // 14), b" top")  # 65538 octets; the first space is not part of the text
TOO_MANY: Final = WORDS * (OCTETS_LIMIT // 14 + 1)  # 65547 octets


def _static(name: str, note: str, text: str, **options: Any) -> ValidCase:
    defaults: dict[str, Any] = {"tier": "S", "profile": 9, "latents": False, "check": 16, "encode": True}
    rules, payloads = (70, 175, 182, 183), ((2, ("static", text)),)
    return ValidCase(f"caption-static-{name}", rules, note, payloads=payloads, **defaults | options)


def _stream(style: int, *pieces: Piece) -> bytes:
    """Return the body of any style and pieces, canonical or not."""
    model, encoder, history = table_files.SHIPPED.load(ppm.MODEL), Encoder(), [ppm.END]
    encoder.symbol(modes.MODE_TABLE, 0)
    encoder.symbol(model.styles, style)
    for piece in pieces:
        number = ppm.SPELL if isinstance(piece, tuple) else model.numbers[piece]
        model.pieces.code(encoder, history, number)
        history.append(number)
        if isinstance(piece, tuple):
            octets = [ppm.END]
            for symbol in [*(2 + octet for octet in piece[0]), ppm.END]:
                model.octets.code(encoder, octets, symbol)
                octets.append(symbol)
    model.pieces.code(encoder, history, ppm.END)
    return encoder.finish()


def _pieces(style: int, *pieces: Piece, tail: bytes = b"") -> Defect:
    """Replace the body by other symbols, and `tail`; encoded on demand, since the tables are large."""

    def defect(base: Vector) -> list[Edit]:
        return replace_body(_stream(style, *pieces) + tail)(base)

    return defect


def _noncanonical(name: str, rule: int, note: str, style: int, *pieces: Piece) -> InvalidCase:
    error = 401 if rule == UTF_8 else 402
    return InvalidCase(
        f"caption-static-{name}", "caption-static-cat", error, (rule,), note, _pieces(style, *pieces), "S"
    )


def _longer(octet: str) -> Defect:
    """Replace the body by the longest text and one more octet."""

    def defect(base: Vector) -> list[Edit]:
        return replace_body(modes.static((LONGEST + octet).encode(), table_files.SHIPPED.load(ppm.MODEL)))(base)

    return defect


VALID: Final = (
    _static("nothing", "the empty text: no body at all", "", check=0),
    _static("empty", "the same with a check", ""),
    _static("cat", "the example that SPEC §13.2 takes apart", CAT, check=0),
    _static("a", "one word, an example of SPEC §13.2", "a", check=0),
    _static("xkcd", "a word spelt out, another example", "A xkcd", check=0),
    _static("i-am-here", "the largest first byte that there is, EF", "I AM HERE.", check=0),
    _static("cat-check-16", "the same with a check", CAT),
    _static("cat-check-32", "the same with a check of 32 bits", CAT, check=32, size=(768, 512)),
    _static("wave", "a caption as it comes", WAVE, size=(768, 512)),
    _static("small", "no capital, no full stop", "a cat on a mat"),
    _static("no-stop", "no full stop", "A cat on a mat"),
    _static("small-stop", "no capital", "a cat on a mat."),
    _static("capitals", "capitals alone", "A CAT ON A MAT."),
    _static("capital", "one capital letter is not capitals alone", "A"),
    _static("two-capitals", "two are", "TV"),
    _static("mixed", "a capital in the middle of a word", "An iPhone by McDonald's, eBay and NASA"),
    _static("later-capital", "a capital later", "a man in New York"),
    _static("stop", "a full stop and nothing else", "."),
    _static("stops", "three of them, of which the last is taken off", "..."),
    _static("space", "a space", " "),
    _static("spaces", "spaces at both ends and in a row", "  a   cat "),
    _static("punctuation", "signs and digits", "3 cats (2 big; 1 small) - \"50%\" off!? #1 @home: $9.99"),
    _static("apostrophes", "apostrophes are letters", "It's the dogs' 'toy', isn't it"),
    _static("unknown-words", "words that the table does not know", "Zxqvf blorpt snorkelwumpish grgl"),
    _static("white-space", "tabs, line breaks, NUL", "a cat\ton\na\r\nmat\0."),
    _static("german", "letters beyond ASCII", "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich."),
    _static("arabic", "another script, from right to left",
        "\u0642\u0637\u0629 \u0639\u0644\u0649 \u0633\u062c\u0627\u062f\u0629"),
    _static("japanese", "a script without spaces", "\u30de\u30c3\u30c8\u306e\u4e0a\u306e\u732b\u3002"),
    _static("emoji", "four bytes each, joined", "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f4\U000e0067"),
    _static("extremes", "the last code point, U+FFFD, a byte order mark, a noncharacter",
        "\U0010ffff\ufffd\ufeff\uffff"),
    _static("range-2-24", "a text in which the range becomes 2^24 exactly, and no byte is read for that",
        "qukzy men ii mmqq"),
    _static("decomposed", "an accent of its own: no text is normalised", "cafe\u0301 caf\u00e9"),
    ValidCase("caption-static-limit", (140, 172), "65536 octets of words", tier="S", profile=9, latents=False,
        payloads=((2, ("static", LONGEST)),)),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("caption-static-tail-zero", "caption-static-cat", 402, (70,), "a zero byte too many", append("00"),
        "S"),
    InvalidCase("caption-static-tail-longer", "caption-static-cat", 402, (70,),
        "a longer number in the same interval", append("01"), "S"),
    InvalidCase("caption-static-tail-garbage", "caption-static-cat", 402, (70,), "bytes that no symbol needs",
        append("2E2E2E2E"), "S"),
    InvalidCase("caption-static-zero", "caption-static-nothing", 402, (70,), "a zero byte for the empty text",
        append("00"), "S"),
    _noncanonical("spelt", 182, "a word of the table, spelt out", 3, (A,), A_CAT, ON, A, MAT),
    _noncanonical("spelt-nothing", 181, "a word of no letters, spelt out", 3, A, A_CAT, ON, A, MAT, (b"",)),
    _noncanonical("spelt-in-two", 182, "a word in two pieces", 3, A, (b" c",), (b"at",), ON, A, MAT),
    _noncanonical("spelt-as-one", 182, "two words in one piece", 3, A, (b" cat on",), A, MAT),
    _noncanonical("no-space", 182, "a first piece that does not begin with a space, so that a letter is lost", 0,
        (b"xcat",)),
    _noncanonical("stop-as-piece", 182, "the last full stop as a piece", 2, A, A_CAT, ON, A, MAT, b"."),
    _noncanonical("capital-as-piece", 182, "the first capital as a piece", 1, (b" A",), A_CAT, ON, A, MAT),
    _noncanonical("capitals-as-pieces", 182, "capitals alone, as pieces", 0, (b" TV",)),
    _noncanonical("capitals-twice", 182, "capitals where all become capitals", 4, (b" TV",)),
    _noncanonical("capital-of-nothing", 182, "a first capital of a text that begins with no letter", 2, (b" 3",)),
    _noncanonical("not-utf-8", UTF_8, "a word in Latin-1", 0, (b" caf\xe9",)),
    InvalidCase("caption-static-tail-not-utf-8", "caption-static-cat", 402, (70, 150, 173),
        "a word in Latin-1, and a zero byte too many: the stream is checked before UTF-8", _pieces(0, (b" caf\xe9",), tail=b"\0"),
        "S"),
    InvalidCase("caption-static-spelt-not-utf-8", "caption-static-cat", 402, (150, 173, 182),
        "a word in Latin-1, and one that has an id: the pieces are checked before UTF-8", _pieces(0, (A,), (b" caf\xe9",)),
        "S"),
    _noncanonical("surrogate", UTF_8, "half of a surrogate pair", 0, (b" \xed\xa0\x80",)),
    _noncanonical("cut-character", UTF_8, "a character that the full stop cuts", 1, (b" \xe6\x9d",)),
    InvalidCase("caption-static-limit-exceeded", "caption-static-limit", 604, (141, 172), "65537 octets",
        _longer("e"), "S"),
    InvalidCase("caption-static-limit-stop", "caption-static-limit", 604, (141, 172),
        "65536 octets of pieces and a full stop", _longer("."), "S"),
    InvalidCase("caption-static-other", "caption-static-cat-check-16", 501, (60, 150), "the body of another text",
        _pieces(3, A, A_CAT, ON, A), "S"),
    InvalidCase("caption-static-check-bit", "caption-static-cat-check-32", 501, (60,),
        "one bit of the check is wrong", flip_bits("check", 3, 0x80), "S"),
    InvalidCase("caption-static-size", "caption-static-cat-check-32", 501, (60,), "another size",
        replace("dim_class", "01"), "S"),
    InvalidCase("caption-static-limit-spelt-nothing", "caption-static-limit", 604, (141, 150, 172, 181),
        "65547 octets, then a word of no letters: symbols are judged one after another", _pieces(0, *TOO_MANY, (b"",)),
        "S"),
    InvalidCase("caption-static-spelt-nothing-limit", "caption-static-limit", 402, (150, 172, 181),
        "the same the other way round", _pieces(0, (b"",), *TOO_MANY), "S"),
    InvalidCase("caption-static-exceeded-spelt-nothing", "caption-static-limit", 604, (141, 150, 172, 181),
        "65537 octets, then a word of no letters: the octet too many is met first", _pieces(0, *ONE_TOO_MANY, (b"",)),
        "S"),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
