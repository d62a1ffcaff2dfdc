# SPDX-License-Identifier: MIT
"""SPEC §13.2: captions with one defect."""

from __future__ import annotations

from refcodec import table_files
from refcodec.container.fields import varint
from refcodec.entropy import Encoder
from refcodec.payloads.caption import modes, ppm
from tools.vectors.recipes_caption import LONGEST, PROMPT, ZLIB_65537, ZLIB_WAVE, ZSTD_WAVE
from tools.vectors.recipes_consonant import body
from tools.vectors.recipes_sections import body as section_body
from tools.vectors.recipes_sections import flip, one_section
from tools.vectors.vector import Defect, Edit, Fault, Vector, append, both, cut, put, swap

Piece = bytes | tuple[bytes]  # by its id; in a tuple, spelt out


def stream(style: int, *pieces: Piece) -> bytes:
    """A static body of any style and pieces."""
    model, encoder, history = table_files.SHIPPED.load(ppm.MODEL), Encoder(), [ppm.END]
    encoder.symbol(modes.MODE_TABLE, 0)
    encoder.symbol(model.styles, style)
    for piece in pieces:
        number = ppm.SPELL if isinstance(piece, tuple) else model.numbers[piece]
        model.pieces.code(encoder, history, number)
        history.append(number)
        if isinstance(piece, tuple):
            octets = [ppm.END]
            for next_one in [*(2 + octet for octet in piece[0]), ppm.END]:
                model.octets.code(encoder, octets, next_one)
                octets.append(next_one)
    model.pieces.code(encoder, history, ppm.END)
    return encoder.finish()


def _first(name: str, base: str, error: int, rules: tuple[int, ...], note: str, new: str) -> Fault:
    """Other bytes at the beginning, of which the first is the mode."""
    return Fault(f"caption-{name}", f"caption-{base}", error, rules, note, put("body", new, len(new) // 2), "S")


def _pieces(style: int, *pieces: Piece) -> Defect:
    """Other symbols, written when they are wanted, since the table is large."""

    def defect(base: Vector) -> list[Edit]:
        return body(stream(style, *pieces))(base)

    return defect


def _static(name: str, rule: int, note: str, style: int, *pieces: Piece) -> Fault:
    defect, error = _pieces(style, *pieces), 401 if rule == UTF_8 else 402
    return Fault(f"caption-static-{name}", "caption-static-cat", error, (rule,), note, defect, "S")


def _raw(name: str, note: str, new: bytes) -> Fault:
    return Fault(f"caption-raw-{name}", "caption-raw-unchecked", 401, (UTF_8,), note, body(b"\xf8" + new), "S")


def _zlib(name: str, note: str, new: str, rule: int = 176) -> Fault:
    return Fault(
        f"caption-zlib-{name}", "caption-zlib-unchecked", 401, (rule,), note, body(b"\xf9" + bytes.fromhex(new)), "S"
    )


def _zstd(name: str, note: str, new: str, rule: int = 177) -> Fault:
    return Fault(
        f"caption-zstd-{name}", "caption-zstd-unchecked", 401, (rule,), note, body(b"\xfa" + bytes.fromhex(new)), "S"
    )


def _disallowed(mode: str, new: str) -> Fault:
    return Fault(
        f"caption-{mode}-not-allowed",
        "caption-tiny-raw",
        403,
        (171,),
        f"the mode {mode} on a row that has static and raw alone",
        section_body(bytes.fromhex(new)),
        "S",
    )


def _longer(more: str) -> Defect:
    """The longest text and an octet more."""

    def defect(base: Vector) -> list[Edit]:
        return body(modes.static((LONGEST + more).encode(), table_files.SHIPPED.load(ppm.MODEL)))(base)

    return defect


UTF_8 = 173  # the rule
ALL_IDS = {"modes": ["tokens"], "vocabulary": 49_408}
A, CAT, ON, MAT = b" a", b" cat", b" on", b" mat"

FAULTS = (
    *(
        _first(f"first-byte-{value}", "raw-unchecked", 704, (170,), f"the first byte {value.upper()}, kept for later modes",
               value)
        for value in ("fb", "fc", "fd", "fe", "ff")
    ),
    _first("ffffffff", "static-cat", 704, (150, 170), "FF FF FF FF: the mode is judged before the stream", "ffffffff"),
    _first("efffffff", "static-cat", 402, (175,), "EF FF FF FF, with which no static text begins", "efffffff"),
    _first("f7ffffff", "tokens-16-unchecked", 402, (175,), "F7 FF FF FF, with which no ids begin", "f7ffffff"),
    _disallowed("tokens", "f0"),
    _disallowed("zlib", "f9" + ZLIB_WAVE),
    _disallowed("zstd", "fa" + ZSTD_WAVE),
    Fault("caption-static-tail-zero", "caption-static-cat", 402, (70,), "a zero byte too many", append("00"), "S"),
    Fault("caption-static-tail-longer", "caption-static-cat", 402, (70,), "a longer number in the same interval",
          append("01"), "S"),
    Fault("caption-static-tail-garbage", "caption-static-cat", 402, (70,), "bytes that no symbol needs",
          append("2E2E2E2E"), "S"),
    Fault("caption-static-zero", "caption-static-nothing", 402, (70,), "a zero byte for the empty text", append("00"), "S"),
    _static("spelt", 182, "a word of the table, spelt out", 3, (A,), CAT, ON, A, MAT),
    _static("spelt-nothing", 181, "a word of no letters, spelt out", 3, A, CAT, ON, A, MAT, (b"",)),
    _static("spelt-in-two", 182, "a word in two pieces", 3, A, (b" c",), (b"at",), ON, A, MAT),
    _static("spelt-as-one", 182, "two words in one piece", 3, A, (b" cat on",), A, MAT),
    _static("no-space", 182, "a first piece that does not begin with a space, so that a letter is lost", 0, (b"xcat",)),
    _static("stop-as-piece", 182, "the last full stop as a piece", 2, A, CAT, ON, A, MAT, b"."),
    _static("capital-as-piece", 182, "the first capital as a piece", 1, (b" A",), CAT, ON, A, MAT),
    _static("capitals-as-pieces", 182, "capitals alone, as pieces", 0, (b" TV",)),
    _static("capitals-twice", 182, "capitals where all become capitals", 4, (b" TV",)),
    _static("capital-of-nothing", 182, "a first capital of a text that begins with no letter", 2, (b" 3",)),
    _static("not-utf-8", UTF_8, "a word in Latin-1", 0, (b" caf\xe9",)),
    _static("surrogate", UTF_8, "half of a surrogate pair", 0, (b" \xed\xa0\x80",)),
    _static("cut-character", UTF_8, "a character that the full stop cuts", 1, (b" \xe6\x9d",)),
    Fault("caption-static-limit-exceeded", "caption-static-limit", 604, (141, 172), "65537 octets", _longer("e"),
          "S"),
    Fault("caption-static-limit-stop", "caption-static-limit", 604, (141, 172), "65536 octets of pieces and a full stop",
          _longer("."), "S"),
    Fault("caption-static-other", "caption-static-cat-check-16", 501, (60, 150), "the body of another text",
          _pieces(3, A, CAT, ON, A), "S"),
    Fault("caption-static-check-bit", "caption-static-cat-check-32", 501, (60,), "one bit of the check is wrong",
          flip("check", 3, 0x80), "S"),
    Fault("caption-static-size", "caption-static-cat-check-32", 501, (60,), "another size", put("dim_class", "01"), "S"),
    Fault("caption-tokens-tail-zero", "caption-tokens-16-unchecked", 402, (70,), "a zero byte too many",
          append("00"), "S"),
    Fault("caption-tokens-tail-garbage", "caption-tokens-16-unchecked", 402, (70,), "another id, of which the count "
          "says nothing", append("0140"), "S"),
    Fault("caption-tokens-other", "caption-tokens-16", 501, (60,), "one id is another",
          body(modes.encode_tokens((*PROMPT[:15], PROMPT[15] ^ 1), ALL_IDS)), "S"),
    _raw("latin-1", "a byte of Latin-1", b"caf\xe9"),
    _raw("continuation", "a byte that continues nothing", b"\x80cat"),
    _raw("cut", "a character that the end cuts", b"cat \xf0\x9f\x90"),
    _raw("overlong", "NUL in two bytes", b"\xc0\x80"),
    _raw("surrogate", "a pair of surrogates, as CESU-8 has it", b"\xed\xa0\xbd\xed\xb0\x88"),
    _raw("beyond-unicode", "a number above 10FFFF", b"\xf4\x90\x80\x80"),
    _raw("ff", "the byte with which S of ids begins", b"\xff\x01\x40"),
    Fault("caption-raw-letter", "caption-raw-cat", 501, (60,), "another letter", flip("body", 3, 1), "S"),
    _zlib("nothing", "no stream at all", ""),
    _zlib("cut", "the last byte is missing", ZLIB_WAVE[:-2]),
    _zlib("cut-after-header", "nothing but the two bytes of its header", "78da"),
    _zlib("trailing", "a byte behind the stream", ZLIB_WAVE + "00"),
    _zlib("twice", "a second stream behind the first", ZLIB_WAVE * 2),
    _zlib("checksum-wrong", "its own checksum is wrong", ZLIB_WAVE[:-2] + "8a"),
    _zlib("header", "a wrong header", "78db" + ZLIB_WAVE[4:]),
    _zlib("method", "a method that is not deflate", "79d7" + ZLIB_WAVE[4:]),
    _zlib("block-type", "a block of the kind that there is not", "78da0700000001"),
    _zlib("dictionary", "it asks for a dictionary", "78f90c2402c17354484e2c51c887f2f400247704a8"),
    _zlib("bare", "deflate without zlib around it", "7354484e2c51c8cf534854c84d2cd10300"),
    _zlib("gzip", "gzip around it", "1f8b08000000000002037354484e2c51c8cf534854c84d2cd1030093666cf40f000000"),
    _zlib("not-utf-8", "a text in Latin-1", "78da4b4e4c7b090004680214", UTF_8),
    Fault("caption-zlib-bomb", "caption-zlib-unchecked", 604, (141, 142, 172, 179), "65537 octets from 87 bytes",
          body(b"\xf9" + bytes.fromhex(ZLIB_65537)), "S"),
    Fault("caption-zlib-bomb-cut", "caption-zlib-unchecked", 604, (141, 142, 172, 179),
          "the same without its checksum: nobody reads so far", body(b"\xf9" + bytes.fromhex(ZLIB_65537[:-8])), "S"),
    Fault("caption-zlib-bomb-checksum", "caption-zlib-unchecked", 604, (141, 142, 172, 179),
          "the same with a wrong checksum, which is not judged any more", body(b"\xf9" + bytes.fromhex(ZLIB_65537[:-2] + "ff")), "S"),
    Fault("caption-zlib-letter", "caption-zlib", 501, (60,), "another text", body(b"\xf9" + bytes.fromhex(
        "78da7354484e2c51c8cf534854c84d2cd10300247704a8")), "S"),
    _zstd("nothing", "no frame at all", ""),
    _zstd("cut", "the last byte is missing", ZSTD_WAVE[:-2]),
    _zstd("trailing", "a byte behind the frame", ZSTD_WAVE + "00"),
    _zstd("twice", "a second frame behind the first", ZSTD_WAVE * 2),
    _zstd("magic", "a frame with its magic", "28b52ffd" + ZSTD_WAVE),
    _zstd("checksum-wrong", "its own checksum is wrong", "24" + ZSTD_WAVE[2:] + "aa181bde"),
    _zstd("size", "it declares an octet more than it has", "202b" + ZSTD_WAVE[4:]),
    _zstd("block-type", "a block of the kind that there is not", "200f7f0000" + "4120636174206f6e2061206d61742e"),
    _zstd("not-utf-8", "a text in Latin-1", "2004210000636166e9", UTF_8),
    _zstd("window-24", "a window of 2^24 bytes", "00707900004120636174206f6e2061206d61742e"),
    _zstd("dictionary-other", "it names another dictionary", "239395a973" + ZSTD_WAVE[2:]),
    _zstd("reserved-bit", "the reserved bit of its header is set", "28" + ZSTD_WAVE[2:]),
    _zstd("cut-in-header", "nothing but the first byte of its header", "20"),
    _zstd("block-beyond", "a block that says it is longer than the frame", "200f810000" + "4120636174206f6e2061206d61742e"),
    Fault("caption-zstd-bomb", "caption-zstd-unchecked", 604, (141, 142, 172, 178), "65537 octets from 15 bytes",
          body(bytes.fromhex("fa6001ff4d000008610100fd7f1d0801")), "S"),
    Fault("caption-zstd-bomb-undeclared", "caption-zstd-unchecked", 604, (141, 142, 172, 179),
          "the same without a declared size", body(bytes.fromhex("fa00384d000008610100fd7f1d0801")), "S"),
    Fault("caption-zstd-declared", "caption-zstd-unchecked", 604, (141, 142, 178), "a frame that declares 2^40 octets",
          body(bytes.fromhex("fae00000000000010000010000")), "S"),
    Fault("caption-alone-compact", "caption-static-cat", 304, (45,), "nothing but the compact kind, in sectioned form",
          lambda base: one_section(base, 0x82)),
    Fault("caption-length", "caption-tiny-raw", 604, (141,), "a section of 65537 bytes",
          put("sections[0].length", varint(65_537).hex())),
    Fault("caption-length-bomb", "caption-tiny-raw", 604, (141, 142), "a section that claims 2^28 bytes",
          put("sections[0].length", "FFFFFF7F")),
    Fault("caption-after-indices", "caption-and-indices", 302, (40,), "indices before the caption",
          swap("sections[0]", "sections[1]")),
    Fault("caption-checks-swapped", "caption-codes-and-indices", 501, (60,), "two payloads have each other's checks",
          swap("sections[0].check", "sections[1].check"), "S"),
    Fault("caption-check-and-indices-ffffffff", "caption-and-indices", 401, (60, 80, 150),
          "the check of the caption is wrong, and the indices begin as nothing can: checks are judged after all payloads",
          both(flip("sections[0].check", 0, 4), put("sections[1].body", "FFFFFFFF", 4)), "S"),
    Fault("caption-cut-in-codes", "caption-codes-and-indices", 301, (46,), "it ends within the embedding",
          cut("sections[1].body", 7)),
    Fault("caption-check-beside-sketch", "caption-and-sketch", 501, (60,), "the check of the caption is wrong",
          flip("sections[0].check", 0, 4), "L"),
    Fault("caption-sketch-before", "caption-and-sketch", 302, (40,), "the sketch before the caption",
          swap("sections[0]", "sections[1]")),
)  # fmt: skip
