# SPDX-License-Identifier: MIT
"""SPEC §13.2: captions in every mode, alone and beside other payloads."""

from __future__ import annotations

from typing import Any

from tools.vectors.recipes_codes import drawn
from tools.vectors.recipes_consonant import STEPS
from tools.vectors.recipes_header import NOWHERE
from tools.vectors.recipes_hints import HINTS, TYPICAL
from tools.vectors.recipes_sections import MAKER, TITLE
from tools.vectors.vector import Valid

PICS, PERCO, VQ, SKETCH = 9, 10, 204, 205  # profiles
CAT, WAVE = "A cat on a mat.", "A man riding a wave on top of a surfboard."
MOST = 65_536
LONGEST = (" on top of the" * (MOST // 14 + 1))[:MOST]
PROMPT = drawn("prompt", 16, 49_408)

# What compressors gave once, written down: tomorrow they may give other bytes for the same text.
ZLIB_WAVE = "78da7354c84dcc5328ca4cc9cc4b574854284f2c4b55c8cf5328c92f50c84f030a149716a525e52716a5e80100327c0e8b"
ZLIB_DYNAMIC = (
    "78dabd8dd10943310c0357d100a53b3989820dc686d48fd0edeb29fa79dc09090e17349f0f31a8160b82ab56c4664cbe1a873fc494030bec9351"
    "c80dab565dd74d4c355f87816ba53df8d23d2f86b82303a584cb8d77ab7fbefd00eb944c3d"
)
ZLIB_BODIES = (
    ("zlib", "as Python compresses it at level 9", WAVE, ZLIB_WAVE),
    ("zlib-a-cat", "an example of SPEC §13.2", "a cat", "78da4b54484e2c010004c901ba"),
    ("zlib-empty", "the empty text", "", "78da030000000001"),
    ("zlib-stored", "a block that is not compressed", CAT, "7801010f00f0ff4120636174206f6e2061206d61742e247704a8"),
    ("zlib-small-window", "a window of 512 bytes", CAT * 3, "18197354484e2c51c8cf534854c84d2cd173c4cb05003ecf0df6"),
    ("zlib-three-blocks", "three blocks, one of them empty", CAT,
     "78da7254484e2c51c807000000ffffcb534854c84d2cd10300247704a8"),
    ("zlib-dynamic", "codes of its own",
     "a red house behind a white fence, a blue car in front of it, and two children with a yellow ball on the lawn. " * 2,
     ZLIB_DYNAMIC),
)  # fmt: skip
ZLIB_65536 = "78daedc181000000008020d6fd2516a90a" + 63 * "00" + "6a2d8705b0"
ZLIB_65537 = "78daedc18100000000c320d6f94bfc205501" + 62 * "00" + "c00d33980611"
ZSTD_WAVE = "202add0000b30104b83a79697af2bfc6a793a42eaf65744a020c4c534a20375a"
ZSTD_BODIES = (
    ("zstd", "with the dictionary", WAVE, ZSTD_WAVE),
    ("zstd-a-cat", "an example of SPEC §13.2", "a cat", "20052900006120636174"),
    ("zstd-dictionary-id", "a frame that names its dictionary", WAVE, "239395a972" + ZSTD_WAVE[2:]),
    ("zstd-window", "a window of 2^23 bytes", CAT, "00687900004120636174206f6e2061206d61742e"),
    ("zstd-no-size", "a frame that does not declare its size", WAVE, "0000" + ZSTD_WAVE[4:]),
    ("zstd-checksum", "a frame with a checksum", WAVE, "24" + ZSTD_WAVE[2:] + "aa181bdf"),
    ("zstd-raw-block", "a block that is not compressed", CAT, "200f7900004120636174206f6e2061206d61742e"),
    ("zstd-rle-block", "one letter, 99 times", "z" * 99, "20631b03007a"),
    ("zstd-two-blocks", "two blocks, of which the first is empty", CAT,
     "200f000000" + "7900004120636174206f6e2061206d61742e"),
    ("zstd-empty", "the empty text", "", "2000010000"),
)  # fmt: skip


def _caption(name: str, rules: tuple[int, ...], note: str, value: tuple[Any, ...], **more: Any) -> Valid:
    named: dict[str, Any] = {"tier": "S", "profile": PICS, "payload": False} | more
    return Valid(f"caption-{name}", rules, note, payloads=((2, value),), **named)


def _static(name: str, note: str, text: str, **more: Any) -> Valid:
    return _caption(
        f"static-{name}", (70, 175, 182, 183), note, ("static", text), **{"check": 16, "encode": True} | more
    )


def _raw(name: str, note: str, text: str, **more: Any) -> Valid:
    return _caption(f"raw-{name}", (173,), note, ("raw", text), **{"check": 16} | more)


def _tokens(name: str, note: str, ids: tuple[int, ...], **more: Any) -> Valid:
    return _caption(f"tokens-{name}", (70, 175), note, ("tokens", ids), **{"check": 16} | more)


def _foreign(mode: str, rules: tuple[int, ...], bodies: tuple[tuple[str, str, str, str], ...]) -> tuple[Valid, ...]:
    return tuple(
        _caption(name, rules, f"{mode}: {note}", (mode, text, bytes.fromhex(code)), check=16)
        for name, note, text, code in bodies
    )


BESIDE = ((2, ("static", WAVE)), (4, drawn("pq", 16, 1024)), (5, drawn("grid", 96, 256)))

VALID = (
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
    _static("arabic", "another script, from right to left", "\u0642\u0637\u0629 \u0639\u0644\u0649 "
            "\u0633\u062c\u0627\u062f\u0629"),
    _static("japanese", "a script without spaces", "\u30de\u30c3\u30c8\u306e\u4e0a\u306e\u732b\u3002"),
    _static("emoji", "four bytes each, joined", "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f4\U000e0067"),
    _static("extremes", "the last code point, U+FFFD, a byte order mark, a noncharacter", "\U0010ffff\ufffd\ufeff\uffff"),
    _static("range-2-24", "a text in which the range becomes 2^24 exactly, and no byte is read for that", "qukzy men ii mmqq"),
    _static("decomposed", "an accent of its own: no text is normalised", "cafe\u0301 caf\u00e9"),
    _caption("static-limit", (140, 172), "65536 octets of words", ("static", LONGEST)),
    _raw("nothing", "the empty text: the byte of the mode alone", "", check=0),
    _raw("cat", "the text as it is, with the check that the static text has, too", CAT),
    _raw("nihon", "an example of SPEC §13.2", "\u65e5\u672c", check=0),
    _raw("unchecked", "the same unchecked", CAT, check=0),
    _raw("all-lengths", "one, two, three and four bytes a character", "A\u00df\u6771\U0001d11e", encode=True),
    _raw("edges", "the first and the last of each length", "\0\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"),
    _raw("controls", "control characters, an escape sequence among them: a text is any text", "a\x07 \x1b[31mcat\x1b[0m\x7f\x85\u200b", check=32),
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
    _tokens("75", "as many as there may be", drawn("long prompt", 75, 49_408), check=32, encode=True),
    *_foreign("zlib", (176,), ZLIB_BODIES),
    _caption("zlib-limit", (140, 172, 176), "zlib: 65536 octets from 90 bytes", ("zlib", "a" * MOST, bytes.fromhex(ZLIB_65536))),
    _caption("zlib-unchecked", (176,), "zlib: the first of these unchecked", ("zlib", WAVE, bytes.fromhex(ZLIB_WAVE))),
    *_foreign("zstd", (177, 180), ZSTD_BODIES),
    _caption("zstd-limit", (140, 172, 177), "zstd: 65536 octets from 15 bytes",
             ("zstd", "a" * MOST, bytes.fromhex("6000ff4d000008610100fc7f1d0801"))),
    _caption("zstd-unchecked", (177,), "zstd: the first of these unchecked", ("zstd", WAVE, bytes.fromhex(ZSTD_WAVE))),
    _caption("tiny-static", (171,), "a row that allows the modes static and raw alone, sectioned", ("static", CAT),
             profile=VQ, check=16),
    _caption("tiny-raw", (171,), "the same raw, unchecked", ("raw", CAT), profile=VQ),
    _caption("alone-in-section", (45, 60), "a caption alone where it is not the compact kind", ("static", WAVE),
             profile=PERCO, check=16),
    _caption("beside-hints", (40, 54, 60), "provenance, caption, hints, metadata", ("static", WAVE), check=16,
             sections=(MAKER, (HINTS, TYPICAL), TITLE), encode=True),
    _caption("explicit-model", (61,), "an explicit model that nobody has, on a row whose captions need none",
             ("static", CAT), check=16, model=NOWHERE, hash_bytes=4),
    _caption("explicit-model-whole", (16, 60), "the same by 32 bytes", ("static", CAT), check=16, model=NOWHERE,
             hash_bytes=32),
    _caption("explicit-model-on-null", (16, 60), "an explicit model on a row without one", ("static", CAT),
             profile=PERCO, check=32, model=NOWHERE, hash_bytes=32),
    Valid("caption-and-indices", (40, 60, 205), "a caption, then indices", tier="S", profile=PERCO, payload=False,
          check=16, size=(768, 512), payloads=(BESIDE[0], BESIDE[2]), encode=True),
    Valid("caption-and-indices-unchecked", (40,), "the same unchecked", tier="S", profile=PERCO, payload=False,
          size=(768, 512), payloads=(BESIDE[0], BESIDE[2])),
    Valid("caption-codes-and-indices", (40, 60, 200, 205), "a caption, an embedding, indices, hints", tier="S",
          profile=PERCO, payload=False, check=16, size=(768, 512), payloads=BESIDE, sections=(STEPS,), encode=True),
    Valid("cut-after-caption", (47, 60), "the same, cut behind the caption", tier="S", profile=PERCO, payload=False,
          check=16, size=(768, 512), payloads=BESIDE, sections=(STEPS,), keep=1),
    Valid("cut-after-codes", (47, 60), "the same, cut behind the embedding", tier="S", profile=PERCO, payload=False,
          check=16, size=(768, 512), payloads=BESIDE, sections=(STEPS,), keep=2),
    Valid("caption-and-tiny-indices", (40, 60, 206), "a caption, then indices by the table of a model", tier="S",
          profile=VQ, payload=False, check=16, size=(64, 48),
          payloads=((2, ("static", CAT)), (5, (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2))), encode=True),
    Valid("caption-and-indices-explicit", (17, 60), "the same model named by 4 bytes", tier="S", profile=VQ,
          payload=False, check=16, size=(64, 48), model="vq-tiny", hash_bytes=4,
          payloads=((2, ("raw", CAT)), (5, (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2)))),
    Valid("caption-and-sketch", (40, 60, 210), "a caption, then a sketch", profile=SKETCH, check=16, rate=1,
          y="sparse", payloads=((2, ("static", WAVE)),), encode=True),
    Valid("prompt-and-sketch", (40, 60, 210), "ids of a prompt, a sketch, hints", profile=SKETCH, check=32,
          y="sparse", size=(100, 70), payloads=((2, ("tokens", PROMPT)),), sections=((HINTS, TYPICAL),)),
    Valid("cut-after-caption-of-sketch", (47, 60), "cut behind the caption: no network is needed", tier="S",
          profile=SKETCH, check=16, rate=1, y="sparse", payloads=((2, ("static", WAVE)),), keep=1),
)  # fmt: skip
