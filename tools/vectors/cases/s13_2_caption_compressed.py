# SPDX-License-Identifier: MIT
"""SPEC §13.2: captions of the modes zlib and zstd."""

from __future__ import annotations

from typing import Any, Final

from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import replace_body
from tools.vectors.samples import CAT, OCTETS_LIMIT, WAVE, ZLIB_WAVE, ZSTD_WAVE

FOLDER: Final = "caption"
UTF_8: Final = 173  # the rule
CAT_HEX: Final = CAT.encode().hex()
GARDEN: Final = (
    "a red house behind a white fence, a blue car in front of it, and two children with a yellow ball on the lawn. " * 2
)
ZLIB_DYNAMIC: Final = (
    "78dabd8dd10943310c0357d100a53b3989820dc686d48fd0edeb29fa79dc09090e17349f0f31a8160b82ab56c4664cbe1a873fc494030bec9351"
    "c80dab565dd74d4c355f87816ba53df8d23d2f86b82303a584cb8d77ab7fbefd00eb944c3d"
)
ZLIB_65536: Final = "78daedc181000000008020d6fd2516a90a" + 63 * "00" + "6a2d8705b0"
ZLIB_65537: Final = "78daedc18100000000c320d6f94bfc205501" + 62 * "00" + "c00d33980611"
ZSTD_BOMB_CUT: Final = "6001ff4d000008610100fd7f1d08"  # 65537 octets declared; the last block is a byte short


def _compressed(
    mode: str, rules: tuple[int, ...], name: str, note: str, text: str, body: str, **options: Any
) -> ValidCase:
    """Return a case of a compressed text; `body` is in hexadecimal, without the first byte."""
    payloads = ((2, (mode, text, bytes.fromhex(body))),)
    defaults: dict[str, Any] = {"tier": "S", "profile": 9, "latents": False, "check": 16}
    return ValidCase(f"caption-{name}", rules, f"{mode}: {note}", payloads=payloads, **defaults | options)


def _zlib(name: str, note: str, text: str, body: str) -> ValidCase:
    return _compressed("zlib", (176,), name, note, text, body)


def _zstd(name: str, note: str, text: str, body: str) -> ValidCase:
    return _compressed("zstd", (177, 180), name, note, text, body)


VALID: Final = (
    _zlib("zlib", "as Python compresses it at level 9", WAVE, ZLIB_WAVE),
    _zlib("zlib-a-cat", "an example of SPEC §13.2", "a cat", "78da4b54484e2c010004c901ba"),
    _zlib("zlib-empty", "the empty text", "", "78da030000000001"),
    _zlib("zlib-stored", "a block that is not compressed", CAT, "7801010f00f0ff" + CAT_HEX + "247704a8"),
    _zlib("zlib-small-window", "a window of 512 bytes", CAT * 3, "18197354484e2c51c8cf534854c84d2cd173c4cb05003ecf0df6"),
    _zlib("zlib-three-blocks", "three blocks, one of them empty", CAT,
        "78da7254484e2c51c807000000ffffcb534854c84d2cd10300247704a8"),
    _zlib("zlib-dynamic", "codes of its own", GARDEN, ZLIB_DYNAMIC),
    _compressed("zlib", (140, 172, 176), "zlib-limit", "65536 octets from 90 bytes", "a" * OCTETS_LIMIT, ZLIB_65536, check=0),
    _compressed("zlib", (176,), "zlib-unchecked", "the first of these unchecked", WAVE, ZLIB_WAVE, check=0),
    _zstd("zstd", "with the dictionary", WAVE, ZSTD_WAVE),
    _zstd("zstd-a-cat", "an example of SPEC §13.2", "a cat", "20052900006120636174"),
    _zstd("zstd-dictionary-id", "a frame that names its dictionary", WAVE, "239395a972" + ZSTD_WAVE[2:]),
    _zstd("zstd-window", "a window of 2^23 bytes", CAT, "0068790000" + CAT_HEX),
    _zstd("zstd-no-size", "a frame that does not declare its size", WAVE, "0000" + ZSTD_WAVE[4:]),
    _zstd("zstd-checksum", "a frame with a checksum", WAVE, "24" + ZSTD_WAVE[2:] + "aa181bdf"),
    _zstd("zstd-raw-block", "a block that is not compressed", CAT, "200f790000" + CAT_HEX),
    _zstd("zstd-rle-block", "one letter, 99 times", "z" * 99, "20631b03007a"),
    _zstd("zstd-two-blocks", "two blocks, of which the first is empty", CAT, "200f000000" + "790000" + CAT_HEX),
    _zstd("zstd-empty", "the empty text", "", "2000010000"),
    _compressed("zstd", (140, 172, 177), "zstd-limit", "65536 octets from 15 bytes", "a" * OCTETS_LIMIT,
        "6000ff4d000008610100fc7f1d0801", check=0),
    _compressed("zstd", (177,), "zstd-unchecked", "the first of these unchecked", WAVE, ZSTD_WAVE, check=0),
)  # fmt: skip


def _bad_zlib(
    name: str, note: str, body: str, rules: tuple[int, ...] = (176,), error: int = 401, base: str = "zlib-unchecked"
) -> InvalidCase:
    """Return an invalid case; `body` is in hexadecimal, without the first byte."""
    defect = replace_body(b"\xf9" + bytes.fromhex(body))
    return InvalidCase(f"caption-zlib-{name}", f"caption-{base}", error, rules, note, defect, "S")


def _bad_zstd(name: str, note: str, body: str, rules: tuple[int, ...] = (177,), error: int = 401) -> InvalidCase:
    """Return an invalid case; `body` is in hexadecimal, without the first byte."""
    defect = replace_body(b"\xfa" + bytes.fromhex(body))
    return InvalidCase(f"caption-zstd-{name}", "caption-zstd-unchecked", error, rules, note, defect, "S")


INVALID: Final = (
    _bad_zlib("nothing", "no stream at all", ""),
    _bad_zlib("cut", "the last byte is missing", ZLIB_WAVE[:-2]),
    _bad_zlib("cut-after-header", "nothing but the two bytes of its header", "78da"),
    _bad_zlib("trailing", "a byte behind the stream", ZLIB_WAVE + "00"),
    _bad_zlib("twice", "a second stream behind the first", ZLIB_WAVE * 2),
    _bad_zlib("checksum-wrong", "its own checksum is wrong", ZLIB_WAVE[:-2] + "8a"),
    _bad_zlib("header", "a wrong header", "78db" + ZLIB_WAVE[4:]),
    _bad_zlib("method", "a method that is not deflate", "79d7" + ZLIB_WAVE[4:]),
    _bad_zlib("block-type", "a block of the kind that there is not", "78da0700000001"),
    _bad_zlib("dictionary", "it asks for a dictionary", "78f90c2402c17354484e2c51c887f2f400247704a8"),
    _bad_zlib("bare", "deflate without zlib around it", "7354484e2c51c8cf534854c84d2cd10300"),
    _bad_zlib("gzip", "gzip around it", "1f8b08000000000002037354484e2c51c8cf534854c84d2cd1030093666cf40f000000"),
    _bad_zlib("not-utf-8", "a text in Latin-1", "78da4b4e4c7b090004680214", (UTF_8,)),
    _bad_zlib("bomb", "65537 octets from 87 bytes", ZLIB_65537, (141, 142, 172, 179), 604),
    _bad_zlib("bomb-cut", "the same without its checksum: nobody reads so far", ZLIB_65537[:-8],
        (141, 142, 172, 179), 604),
    _bad_zlib("bomb-checksum", "the same with a wrong checksum, which is not judged any more",
        ZLIB_65537[:-2] + "ff", (141, 142, 172, 179), 604),
    _bad_zlib("letter", "another text", "78da7354484e2c51c8cf534854c84d2cd10300247704a8", (60,), 501, base="zlib"),
    _bad_zstd("nothing", "no frame at all", ""),
    _bad_zstd("cut", "the last byte is missing", ZSTD_WAVE[:-2]),
    _bad_zstd("trailing", "a byte behind the frame", ZSTD_WAVE + "00"),
    _bad_zstd("twice", "a second frame behind the first", ZSTD_WAVE * 2),
    _bad_zstd("magic", "a frame with its magic", "28b52ffd" + ZSTD_WAVE),
    _bad_zstd("checksum-wrong", "its own checksum is wrong", "24" + ZSTD_WAVE[2:] + "aa181bde"),
    _bad_zstd("size", "it declares an octet more than it has", "202b" + ZSTD_WAVE[4:]),
    _bad_zstd("block-type", "a block of the kind that there is not", "200f7f0000" + CAT_HEX),
    _bad_zstd("not-utf-8", "a text in Latin-1", "2004210000636166e9", (UTF_8,)),
    _bad_zstd("window-24", "a window of 2^24 bytes", "0070790000" + CAT_HEX),
    _bad_zstd("dictionary-other", "it names another dictionary", "239395a973" + ZSTD_WAVE[2:]),
    _bad_zstd("reserved-bit", "the reserved bit of its header is set", "28" + ZSTD_WAVE[2:]),
    _bad_zstd("cut-in-header", "nothing but the first byte of its header", "20"),
    _bad_zstd("block-beyond", "a block that says it is longer than the frame", "200f810000" + CAT_HEX),
    _bad_zstd("bomb", "65537 octets from 15 bytes", "6001ff4d000008610100fd7f1d0801", (141, 142, 172, 178), 604),
    _bad_zstd("bomb-undeclared", "the same without a declared size", "00384d000008610100fd7f1d0801",
        (141, 142, 172, 179), 604),
    _bad_zstd("declared", "a frame that declares 2^40 octets", "e00000000000010000010000", (141, 142, 178), 604),
    _bad_zstd("bomb-cut", "a frame that declares too much and is cut: whether it is whole is judged first",
        ZSTD_BOMB_CUT, (150, 177, 178)),
    _bad_zstd("declared-by-1", "a frame that declares 65537 octets, and holds none", "a001000100010000",
        (141, 172, 178), 604),
    _bad_zstd("window-declared", "a window of 2^24 bytes, and a size that shows that it is not needed",
        "80700f0000007900" + "00" + CAT_HEX),
    _bad_zstd("window-next", "a window of 2^23 + 2^20 bytes, the next one", "80690f0000007900" + "00" + CAT_HEX),
    _bad_zstd("block-type-bomb",
        "a block of the kind that there is not, in a frame that declares too much: it has no length, and blocks are counted first",
        "a0010001000f000061", (150, 177, 178)),
    _bad_zstd("bomb-declared-less",
        "65536 octets declared, and 131072 in one block: the block is judged before the number that was declared",
        "406800ff03001078", (141, 150, 172, 179), 604),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
