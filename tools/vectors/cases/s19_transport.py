# SPDX-License-Identifier: MIT
"""SPEC §19: files altered in transport, concatenated files, polyglots, single flipped bits, and colliding checks."""

from __future__ import annotations

from typing import Any, Final

from refcodec import spec
from refcodec.container import section_check
from refcodec.container.fields import varint
from tools.vectors.build import header_of
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import (
    Edit,
    append,
    combine,
    field_spans,
    flip_bits,
    insert_before,
    replace,
    replace_file,
    truncate,
)
from tools.vectors.samples import PNG_PIXEL, key_value
from tools.vectors.vector import Vector

FOLDER: Final = "mangled"
DEFAULT: Final = spec.VERSION << 5 | 3 << 2  # the descriptor of `default`
COLLIDING: Final = "brn dg bhnd mntn bhnd fld"  # has the same check of 16 bits as samples.PAPER, under the same header
PDF: Final = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
ZIP: Final = "504B0506" + "00" * 18  # an empty archive


def _consonants(name: str, rules: tuple[int, ...], note: str, consonants: str) -> ValidCase:
    options: dict[str, Any] = {"tier": "S", "profile": 2, "latents": False, "check": 16}
    return ValidCase(name, rules, note, payloads=((1, consonants),), **options)


def _check_over_body(base: Vector) -> list[Edit]:
    """Compute the check over the bytes of the body instead of the symbols."""
    assert isinstance(base.case, ValidCase)
    header = header_of(base.case, base.environment)
    body = base.data[field_spans(base)["body"][0] :]
    section_type = spec.CRITICAL | spec.CONSONANT
    check = section_check(header.profile, None, header, section_type, body, base.case.check)
    return replace("check", check.hex())(base)


def _length_to_end(base: Vector) -> list[Edit]:
    """Extend the length of the second section to the end of the file."""
    rest = len(base.data) - field_spans(base)["sections[1].length"][1]
    return replace("sections[1].length", varint(rest).hex())(base)


VALID: Final = (
    _consonants("collision", (60,),
        "another text with the very header, and check, of `consonant-fixed-paper`: 16 bits are not proof", COLLIDING),
    _consonants("line-feeds", (161,), "bytes 0A in the body, and none of them is a line break", "n fn f f"),
    ValidCase("polyglot-pdf", (50,), "a text that some readers take for a document", tier="S", check=16,
        latents=False, sections=((spec.METADATA, key_value((b"note", PDF))),)),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("mangled-seven-bits", "default", 201, (10,), "bit 7 of every byte was lost in transport",
        replace_file(lambda base: bytes(byte & 0x7F for byte in base.data))),
    InvalidCase("mangled-crlf", "line-feeds", 501, (60,),
        "every line feed became two bytes, as a transport of texts makes them",
        replace_file(lambda base: base.data.replace(b"\n", b"\r\n")), "S"),
    InvalidCase("mangled-nul", "example", 202, (14,), "it ends before its first byte 00, as texts in C do",
        replace_file(lambda base: base.data.partition(b"\0")[0])),
    InvalidCase("mangled-utf-8", "default", 201, (10,), "the whole file was taken for Latin-1",
        replace_file(lambda base: base.data.decode("latin-1").encode())),
    InvalidCase("mangled-base64", "default", 201, (10,), "the file as a text of hexadecimal digits",
        replace_file(lambda base: base.data.hex().encode())),
    *(
        InvalidCase(f"version-{version}", "micro", 701, (11,), f"version {version}, all else as in version 1",
            replace(2, f"{version << 5:02X}"))
        for version in range(2, 7)
    ),
    InvalidCase("size-65536-squared", "size-1x1", 601, (141, 142),
        "65536 × 65536: a product that 32 bits do not hold",
        combine(replace("width_minus_1", varint(65_535).hex()), replace("height_minus_1", varint(65_535).hex()))),
    InvalidCase("two-files", "default", 402, (70,), "a whole file behind the first",
        replace_file(lambda base: base.data * 2), "L"),
    InvalidCase("two-files-sectioned", "sections", 306, (48,), "the same in sectioned form",
        replace_file(lambda base: base.data * 2)),
    InvalidCase("polyglot-png", "default", 201, (10,), "a whole PNG stands before the file",
        insert_before("magic", PNG_PIXEL.hex())),
    InvalidCase("polyglot-zip", "sections", 306, (48,), "an empty ZIP archive stands behind the file",
        append(ZIP)),
    InvalidCase("polyglot-zip-compact", "tiny-rate-0", 402, (70,), "the same behind a compact file",
        append(ZIP), "L"),
    InvalidCase("check-over-body", "consonant-coded-paper", 501, (60,), "the check is over the bytes of the body",
        _check_over_body, "S"),
    InvalidCase("length-swallows-next", "sections-unchecked", 402, (47, 70),
        "a length that takes in the next section: the file is incomplete, and the stream too long",
        _length_to_end, "L"),
    InvalidCase("body-cut-by-one", "tiny-rate-1", 501, (60,), "the last byte is missing", truncate(-1), "L"),
    InvalidCase("header-bit-version", "default", 701, (11,), "a bit of the version",
        replace(2, f"{DEFAULT ^ 0x80:02X}")),
    InvalidCase("header-bit-check", "default", 204, (12,), "a bit of the check code: no other code is one bit away",
        replace(2, f"{DEFAULT ^ 0x08:02X}")),
    InvalidCase("header-bit-sectioned", "default", 603, (141,),
        "the bit of the form: the body is taken for a count and sections", replace(2, f"{DEFAULT ^ 0x02:02X}")),
    InvalidCase("header-bit-profile", "default", 402, (70,), "a bit of the profile: the row of another model",
        replace("profile", "C9"), "L"),
    InvalidCase("body-bit-first", "tiny-rate-1", 402, (70,), "the highest bit of the body", flip_bits("body", 0, 0x80), "L"),
    InvalidCase("body-bit-middle", "tiny-rate-1", 402, (70,), "a bit in the middle", flip_bits("body", 12, 0x08), "L"),
    InvalidCase("body-bit-last", "tiny-rate-1", 402, (70,), "the lowest bit of the last byte", flip_bits("body", -1, 0x01), "L"),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
