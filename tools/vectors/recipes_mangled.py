# SPDX-License-Identifier: MIT
"""What happens to files on their way: transports that mangle, files one behind another, polyglots, single bits, luck."""

from __future__ import annotations

from refcodec import spec
from refcodec.container import section_check
from refcodec.container.fields import varint
from tools.vectors.build import header_of
from tools.vectors.recipes_hints import PIXEL
from tools.vectors.recipes_sections import METADATA, flip, text
from tools.vectors.vector import Edit, Fault, Valid, Vector, append, becomes, before, both, cut, put, spans

DEFAULT = spec.VERSION << 5 | 3 << 2  # the descriptor of `default`
COLLIDING = "brn dg bhnd mntn bhnd fld"  # its first 16 bits of SHA-256 are those of PAPER, in a file of the same header
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def _consonants(name: str, rules: tuple[int, ...], note: str, consonants: str, check: int = 16) -> Valid:
    return Valid(name, rules, note, tier="S", profile=2, payload=False, payloads=((1, consonants),), check=check)


VALID = (
    _consonants(
        "collision",
        (60,),
        "another text with the very header, and check, of `consonant-fixed-paper`: 16 bits are not proof",
        COLLIDING,
    ),
    _consonants("line-feeds", (161,), "bytes 0A in the body, and none of them is a line break", "n fn f f"),
    Valid(
        "polyglot-pdf",
        (50,),
        "a text that some readers take for a document",
        tier="S",
        check=16,
        payload=False,
        sections=((METADATA, text((b"note", PDF))),),
    ),
)


def _over_body(base: Vector) -> list[Edit]:
    """The check over the bytes of the body, not the symbols."""
    recipe = base.recipe
    assert isinstance(recipe, Valid)
    header = header_of(recipe, base.environment)
    body = base.data[spans(base)["body"][0] :]
    return put("check", section_check(header.profile, None, header, 0x81, body, recipe.check).hex())(base)


def _bit(
    name: str,
    base: str,
    error: int,
    rules: tuple[int, ...],
    note: str,
    where: str,
    byte: int,
    mask: int,
    tier: str = "H",
) -> Fault:
    return Fault(name, base, error, rules, note, flip(where, byte, mask), tier)


FAULTS = (
    Fault("mangled-seven-bits", "default", 201, (10,), "bit 7 of every byte was lost in transport",
          becomes(lambda base: bytes(byte & 0x7F for byte in base.data))),
    Fault("mangled-crlf", "line-feeds", 501, (60,), "every line feed became two bytes, as a transport of texts makes them",
          becomes(lambda base: base.data.replace(b"\n", b"\r\n")), "S"),
    Fault("mangled-nul", "example", 202, (14,), "it ends before its first byte 00, as texts in C do",
          becomes(lambda base: base.data.partition(b"\0")[0])),
    Fault("mangled-utf-8", "default", 201, (10,), "the whole file was taken for Latin-1",
          becomes(lambda base: base.data.decode("latin-1").encode())),
    Fault("mangled-base64", "default", 201, (10,), "the file as a text of hexadecimal digits", becomes(lambda base: base.data.hex().encode())),
    *(
        Fault(f"version-{version}", "micro", 701, (11,), f"version {version}, all else as in version 1", put(2, f"{version << 5:02X}"))
        for version in range(2, 7)
    ),
    Fault("size-65536-squared", "size-1x1", 601, (141, 142), "65536 × 65536: a product that 32 bits do not hold",
          both(put("width_minus_1", varint(65_535).hex()), put("height_minus_1", varint(65_535).hex()))),
    Fault("two-files", "default", 402, (70,), "a whole file behind the first", becomes(lambda base: base.data * 2), "L"),
    Fault("two-files-sectioned", "sections", 306, (48,), "the same in sectioned form", becomes(lambda base: base.data * 2)),
    Fault("polyglot-png", "default", 201, (10,), "a whole PNG stands before the file", before("magic", PIXEL.hex())),
    Fault("polyglot-zip", "sections", 306, (48,), "an empty ZIP archive stands behind the file", append("504B0506" + "00" * 18)),
    Fault("polyglot-zip-compact", "tiny-rate-0", 402, (70,), "the same behind a compact file", append("504B0506" + "00" * 18), "L"),
    Fault("check-over-body", "consonant-coded-paper", 501, (60,), "the check is over the bytes of the body", _over_body, "S"),
    Fault("length-swallows-next", "sections-unchecked", 402, (47, 70), "a length that takes in the next section: the file is incomplete, and the "
          "stream too long", lambda base: put("sections[1].length", varint(_rest(base)).hex())(base), "L"),
    Fault("body-cut-by-one", "tiny-rate-1", 501, (60,), "the last byte is missing", lambda base: cut(len(base.data) - 1)(base), "L"),
    Fault("header-bit-version", "default", 701, (11,), "a bit of the version", put(2, f"{DEFAULT ^ 0x80:02X}")),
    Fault("header-bit-check", "default", 204, (12,), "a bit of the check code: no other code is one bit away", put(2, f"{DEFAULT ^ 0x08:02X}")),
    Fault("header-bit-sectioned", "default", 603, (141,), "the bit of the form: the body is taken for a count and sections", put(2, f"{DEFAULT ^ 0x02:02X}")),
    Fault("header-bit-profile", "default", 402, (70,), "a bit of the profile: the row of another model", put("profile", "C9"), "L"),
    _bit("body-bit-first", "tiny-rate-1", 402, (70,), "the highest bit of the body", "body", 0, 0x80, "L"),
    _bit("body-bit-middle", "tiny-rate-1", 402, (70,), "a bit in the middle", "body", 12, 0x08, "L"),
    _bit("body-bit-last", "tiny-rate-1", 402, (70,), "the lowest bit of the last byte", "body", -1, 0x01, "L"),
)  # fmt: skip


def _rest(base: Vector) -> int:
    """Bytes behind the length of the second section."""
    return len(base.data) - spans(base)["sections[1].length"][1]
