# SPDX-License-Identifier: MIT
"""SPEC §2 to §8 and §15: every rule of the container, both ways, and what any bytes do."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from default_environment import default_rows
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import DIGEST, HUGE, TEXT, containers, headers, section, texts

from refcodec import registry, spec
from refcodec.container import (
    LEVELS,
    Container,
    Header,
    Section,
    assemble,
    bound_header,
    file_state,
    read,
    section_check,
    section_state,
    symbol_count,
    verify,
    write,
)
from refcodec.container import header as header_codec
from refcodec.container import key_value as text_codec
from refcodec.container.fields import FieldReader, Varint, varint
from refcodec.container.limits import level_bounds
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.registry import Registry
from refcodec.registry.dim_classes import sizes

pytestmark = pytest.mark.usefixtures("private_rows")

quick = settings(max_examples=60, deadline=None)

# 768 × 512 (dim class 0x35), profile 1, check 16; with one body, with three sections, with an explicit model
COMPACT = bytes.fromhex("F59E 2C 01 35 AABB 010203")
SECTIONED = bytes.fromhex("F59E 2E 01 35 02  01 05 0161 026263 0000  87 03 010203 AABB  55 01 FF 0000")
EXPLICIT = bytes.fromhex("F59E 20 FF 01 00 3C3C3C3C 00 8040 00 0102")  # 193 × 1, hash of 4 bytes


def fault(data: bytes, level: int = 1, partial: bool = True) -> tuple[int, int | None, str | None] | None:
    """(code, offset, path) of what `read` refuses, None where it does not."""
    try:
        read(data, level=level, partial=partial)
    except SemError as error:
        return error.code, error.offset, error.path
    return None


def sections(*parts: str, count: int | None = None, head: str = "F59E 22 F0 35") -> bytes:
    """A sectioned file of all kinds without checks, its sections in hexadecimal."""
    number = len(parts) if count is None else count
    return bytes.fromhex(head) + varint(number - 1) + b"".join(map(bytes.fromhex, parts))


# --- both ways ---------------------------------------------------------------------------------------------------


@quick
@given(containers())
def test_round_trip(container: Container) -> None:
    data = write(container)
    again = read(data)
    assert again == container
    assert write(again) == data
    assert again.complete == container.complete
    for part in again.sections:
        assert data[part.body_offset : part.body_offset + len(part.body)] == part.body
        assert data[part.check_offset : part.check_offset + len(part.check)] == part.check


@settings(max_examples=15, deadline=None)
@given(containers(), st.integers(0, 7))
def test_damage(container: Container, bit: int) -> None:
    """Every prefix, an appended byte, a flipped bit in every byte: a container that writes the same, or a SemError."""
    whole = write(container)
    flips = [whole[:i] + bytes([whole[i] ^ 1 << (bit + i) % 8]) + whole[i + 1 :] for i in range(len(whole))]
    for damaged in [*(whole[:n] for n in range(len(whole))), whole + b"\0", whole + b"\xff", *flips]:
        total(damaged)
    if container.header.sectioned and container.complete:
        assert fault(whole + b"\0") == (306, len(whole), "trailing")


def test_every_bit_of_small_files() -> None:
    for whole in (COMPACT, SECTIONED, EXPLICIT):
        assert fault(whole) is None
        for bit in range(8 * len(whole)):
            total((int.from_bytes(whole, "big") ^ 1 << bit).to_bytes(len(whole), "big"))


@quick
@given(st.binary(max_size=60), st.sampled_from([b"", b"\xf5\x9e", bytes.fromhex("F59E 22 F0 35"), EXPLICIT[:10]]))
def test_any_bytes(tail: bytes, head: bytes) -> None:
    total(head + tail)


def total(data: bytes) -> None:
    """`read` gives a SemError with its place, or a container that is written as it was."""
    found = fault(data)
    if found is None:
        assert write(read(data)) == data
        return
    _, offset, path = found
    assert offset is not None
    assert 0 <= offset <= len(data)
    assert path


def test_fixed_files() -> None:
    """The bytes of the format do not change."""
    compact = read(COMPACT)
    assert compact.header == Header(spec.VERSION, 16, False, 1, None, None, 768, 512, b"\xaa\xbb", None)
    assert compact.sections == (Section(0x87, b"\1\2\3", b"\xaa\xbb"),)
    sectioned = read(SECTIONED)
    assert sectioned.header == Header(spec.VERSION, 16, True, 1, None, None, 768, 512, None, 3)
    assert [(part.type, part.body, part.name) for part in sectioned.sections] == [
        (0x01, b"\1a\2bc", "provenance"),
        (0x87, b"\1\2\3", "elic"),
        (0x55, b"\xff", None),
    ]
    explicit = read(EXPLICIT)
    assert explicit.header == Header(spec.VERSION, 0, False, 255, 1, b"<<<<", 193, 1, None, None)
    assert explicit.sections == (Section(0x87, b"\1\2", b""),)
    for data in (COMPACT, SECTIONED, EXPLICIT):
        assert write(read(data)) == data
    assert read(bytearray(COMPACT)) == read(memoryview(COMPACT)) == compact


def test_header_sizes() -> None:
    """The table of §3."""
    plain = replace(read(COMPACT).header, check=None, check_bits=0)
    assert len(header_codec.build(plain)) == 5
    assert len(header_codec.build(read(COMPACT).header)) == 7
    assert [
        len(header_codec.build(replace(plain, width=w, height=h))) for w, h in ((1, 1), (128, 129), (129, 16384))
    ] == [7, 8, 9]
    for n in (4, 8, 16, 32):
        explicit = replace(plain, profile_id=255, base_profile_id=1, model_hash=bytes(n))
        assert len(header_codec.build(explicit)) == 5 + 2 + n


@quick
@given(headers())
def test_header_round_trip(header: Header) -> None:
    header = replace(header, check=b"k" * (header.check_bits // 8) or None)
    data = header_codec.build(header)
    assert header_codec.parse(data + b"\0", default_rows()) == (header, len(data))
    counted = replace(header, sectioned=True, check=None, count=270549120)
    data = header_codec.build(counted)
    assert header_codec.parse(data, default_rows()) == (counted, len(data))


def test_extended_profile() -> None:
    data = bytes.fromhex("F59E 20 FE 0102 35")
    assert fault(data) == (702, 4, "extended_profile")
    environment = Environment(Registry.of(replace(default_rows().get(1), id=256 + 0x0102)))
    container = read(data, environment=environment)
    assert container.header.profile_id == container.profile.id == 256 + 0x0102
    assert write(container) == data


@pytest.mark.parametrize(
    "change",
    [
        {"check": None}, {"check": b"abc"}, {"check": 5}, {"width": 0}, {"height": -1}, {"width": 2**40}, {"count": 3},
        {"profile_id": 254}, {"profile_id": -1}, {"profile_id": 70_000}, {"base_profile_id": 1}, {"check_bits": 7},
        {"profile_id": 255}, {"profile_id": 255, "base_profile_id": 1}, {"version": 8}, {"sectioned": True},
        {"profile_id": 255, "base_profile_id": 1, "model_hash": b"12345"}, {"model_hash": b"1234"},
    ],
)  # fmt: skip
def test_headers_that_cannot_be_written(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        header_codec.build(replace(read(COMPACT).header, **change))  # type: ignore[arg-type]


def test_containers_that_cannot_be_written() -> None:
    container = read(COMPACT)
    part = container.sections[0]
    for parts in ((), (part, part), (replace(part, check=b"zz"),), (replace(part, type=0x86),)):
        with pytest.raises(ValueError, match="contradict"):
            write(replace(container, sections=parts))
    sectioned = read(SECTIONED)
    for wrong in (replace(part, check=b""), replace(part, type=256), replace(part, type=-1)):
        with pytest.raises(ValueError, match=r".+"):
            write(replace(sectioned, sections=(*sectioned.sections, wrong)))
    with pytest.raises(SemError) as caught:
        write(replace(sectioned, sections=sectioned.sections[::-1]))
    assert caught.value.code == 302


# --- §2 the varint -----------------------------------------------------------------------------------------------

BOUNDARIES = {
    0: "00", 127: "7F", 128: "80 00", 16511: "FF 7F", 16512: "80 80 00", 2113663: "FF FF 7F",
    2113664: "80 80 80 00", 270549119: "FF FF FF 7F",
}  # fmt: skip


@pytest.mark.parametrize(("number", "form"), BOUNDARIES.items())
def test_varint_boundaries(number: int, form: str) -> None:
    assert varint(number) == bytes.fromhex(form)
    assert Varint(207).parse(bytes.fromhex(form), reader=FieldReader()) == number


@given(st.integers(0, 270549119))
def test_varint_is_a_bijection(number: int) -> None:
    form = varint(number)
    assert len(form) == 1 + sum(number > last for last in spec.VARINT_LAST)
    assert Varint(207).parse(form, reader=FieldReader()) == number


@given(st.binary(min_size=0, max_size=3), st.integers(0, 127))
def test_every_form_means_another_number(head: bytes, last: int) -> None:
    form = bytes(byte | 0x80 for byte in head) + bytes([last])
    assert varint(Varint(207).parse(form, reader=FieldReader())) == form


def test_numbers_without_a_varint() -> None:
    for number in (-1, 270549120):
        with pytest.raises(ValueError, match="no varint"):
            varint(number)


def test_fourth_byte_with_bit_7() -> None:
    assert fault(bytes.fromhex("F59E 20 01 00 80808080 00")) == (207, 5, "width_minus_1")
    assert fault(bytes.fromhex("F59E 20 01 00 00 FFFFFFFF")) == (207, 6, "height_minus_1")
    assert fault(bytes.fromhex("F59E 22 01 35 80808080 00")) == (207, 5, "count_minus_1")
    assert fault(sections("87 80808080 00", "01 00")) == (305, 7, "sections[0].length")
    assert fault(sections("01 05 80808080 00", "87 00")) == (305, 8, "sections[0].entries[0].key_length")
    assert fault(sections("01 06 0161 80808080", "87 00")) == (305, 10, "sections[0].entries[0].value_length")


# --- §4 the header: one fault each -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", (201, 0, "magic")),
        ("F5", (201, 0, "magic")),
        ("00", (201, 0, "magic")),
        ("F59F 0C 01 35 AABB", (201, 0, "magic")),
        ("9EF5 0C 01 35 AABB", (201, 0, "magic")),
        ("F59E", (202, 2, "descriptor")),
        ("F59E 40 01 35", (701, 2, "version")),
        ("F59E 00 01 35", (701, 2, "version")),
        ("F59E FF FF FF", (701, 2, "version")),
        ("F59E 24 01 35", (204, 2, "check_code")),
        ("F59E 28 01 35", (204, 2, "check_code")),
        ("F59E 31 01 35", (204, 2, "check_code")),
        ("F59E 38 01 35", (204, 2, "check_code")),
        ("F59E 3C 01 35", (204, 2, "check_code")),
        ("F59E 21 01 35", (203, 2, "reserved")),
        ("F59E 21", (203, 2, "reserved")),
        ("F59E 20", (202, 3, "profile")),
        ("F59E 20 63", (702, 3, "profile")),
        ("F59E 20 FD 35", (702, 3, "profile")),
        ("F59E 20 12", (209, 3, "profile")),
        ("F59E 2C CE FF", (209, 3, "profile")),
        ("F59E 20 FF CE", (202, 5, "hash_code")),
        ("F59E 20 FE", (202, 4, "extended_profile")),
        ("F59E 20 FE 00", (202, 4, "extended_profile")),
        ("F59E 20 FE 0000 35", (702, 4, "extended_profile")),
        ("F59E 20 FF", (202, 4, "base_profile")),
        ("F59E 20 FF FE 00", (209, 4, "base_profile")),
        ("F59E 20 FF FF 00", (209, 4, "base_profile")),
        ("F59E 20 FF 63 09", (702, 4, "base_profile")),
        ("F59E 20 FF 01", (202, 5, "hash_code")),
        ("F59E 20 FF 01 04 00000000", (208, 5, "hash_code")),
        ("F59E 20 FF 01 FF 00000000", (208, 5, "hash_code")),
        ("F59E 20 FF 01 00 000000", (202, 6, "model_hash")),
        ("F59E 20 FF 01 03 00000000", (202, 6, "model_hash")),
        ("F59E 20 01", (202, 4, "dim_class")),
        ("F59E 20 01 9D", (206, 4, "dim_class")),
        ("F59E 20 01 FF", (206, 4, "dim_class")),
        ("F59E 20 01 00", (202, 5, "width_minus_1")),
        ("F59E 20 01 00 80", (202, 5, "width_minus_1")),
        ("F59E 20 01 00 00", (202, 6, "height_minus_1")),
        ("F59E 20 01 00 0F 0F", (205, 4, "size")),
        ("F59E 2C 01 00 0F 0F", (205, 4, "size")),
        ("F59E 2C 01 35", (202, 5, "check")),
        ("F59E 2C 01 35 AA", (202, 5, "check")),
        ("F59E 34 01 35 AABBCC", (202, 5, "check")),
        ("F59E 2E 01 35", (202, 5, "count_minus_1")),
        ("F59E 2E 01 35 80", (202, 5, "count_minus_1")),
    ],
)
def test_header_faults(data: str, expected: tuple[int, int, str]) -> None:
    assert fault(bytes.fromhex(data)) == expected


def test_the_first_fault_names_the_error() -> None:
    """All of version, check code, reserved bit, profile and dim class wrong, repaired one by one."""
    wrong = [("FD", 701), ("3D", 204), ("2D", 203), ("2C", 702)]
    for descriptor, code in wrong:
        assert fault(bytes.fromhex(f"F59E {descriptor} 63 FF"))[0] == code  # type: ignore[index]
    assert fault(bytes.fromhex("F59E 2C 01 FF")) == (206, 4, "dim_class")


@pytest.mark.parametrize("dim_class", sizes())
def test_dim_class(dim_class: int) -> None:
    width, height = sizes()[dim_class]
    data = bytes.fromhex("F59E 20 01") + bytes([dim_class]) + b"body"
    header, end = header_codec.parse(data, default_rows())
    assert (header.width, header.height, end) == (width, height, 5)
    assert header_codec.build(header) == data[:5]
    explicit = data[:4] + b"\0" + varint(width - 1) + varint(height - 1) + b"body"
    assert fault(explicit) == (205, 4, "size")


# --- §6 the sections: one fault each -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        #
        (["87 00", "01 00"], (302, 8, "sections[1].type")),
        (["87 00", "82 00"], (302, 8, "sections[1].type")),
        (["43 00", "87 00"], (302, 8, "sections[1].type")),
        (["55 00", "43 00"], (302, 8, "sections[1].type")),
        (["00 00", "01 00"], (302, 8, "sections[1].type")),
        (["00 00", "87 00"], (302, 8, "sections[1].type")),
        (["87 00", "87 00"], (302, 8, "sections[1].type")),
        (["01 00", "01 00"], (302, 8, "sections[1].type")),
        (["55 00", "55 00"], (302, 8, "sections[1].type")),
        #
        (["80 00", "87 00"], (703, 6, "sections[0].type")),
        (["88 00", "43 00"], (703, 6, "sections[0].type")),
        (["BF 00", "43 00"], (703, 6, "sections[0].type")),
        (["C7 00", "43 00"], (703, 6, "sections[0].type")),
        (["C0 00", "43 00"], (703, 6, "sections[0].type")),
        #
        (["87 00"], (304, 6, "sections[0].type")),
        #
        ([], (301, 6, "sections[0].type")),
        (["82"], (301, 7, "sections[0].length")),
        (["82 80"], (301, 7, "sections[0].length")),
        (["82 02 00"], (301, 8, "sections[0].body")),
        (["83 FFFFFF7F 00"], (301, 11, "sections[0].body")),
        #
        (["87 00", "43 00", "55"], (306, 10, "trailing")),
        #
        (["01 02 00 00", "87 00"], (305, 8, "sections[0].entries[0].key_length")),
        (["43 43 41" + 65 * "61" + "00", "55 00"], (305, 8, "sections[0].entries[0].key_length")),
        (["01 06 0162 00 0161 00", "87 00"], (305, 12, "sections[0].entries[1].key")),
        (["01 06 0161 00 0161 00", "87 00"], (305, 12, "sections[0].entries[1].key")),
        (["01 07 026161 00 0161 00", "87 00"], (305, 13, "sections[0].entries[1].key")),
        #
        (["01 01 01", "87 00"], (305, 9, "sections[0].entries[0].key")),
        (["01 02 0161", "87 00"], (305, 10, "sections[0].entries[0].value_length")),
        (["01 03 0161 01", "87 00"], (305, 11, "sections[0].entries[0].value")),
        (["01 04 0161 0080", "87 00"], (305, 11, "sections[0].entries[1].key_length")),
        (["01 03 01FF 00", "87 00"], (305, 9, "sections[0].entries[0].key")),
        (["01 04 0161 01C0", "87 00"], (305, 11, "sections[0].entries[0].value")),
        (["43 06 0161 03EDA080", "55 00"], (305, 11, "sections[0].entries[0].value")),
    ],
)
def test_section_faults(parts: list[str], expected: tuple[int, int, str]) -> None:
    count = {0: 1, 3: 2}.get(len(parts))
    assert fault(sections(*parts, count=count)) == expected


def test_kind_that_the_profile_has_not() -> None:
    assert fault(sections("82 00", "87 00", head="F59E 22 01 35")) == (303, 6, "sections[0].type")
    assert fault(sections("82 00", "87 00")) is None


def test_truncated_check() -> None:
    for head, check in (("F59E 2E 01 35", "AA"), ("F59E 2E 01 35", ""), ("F59E 36 01 35", "AABBCC")):
        assert fault(sections("87 00" + check, count=2, head=head)) == (301, 8, "sections[0].check")


def test_faults_come_in_the_order_of_the_file() -> None:
    assert fault(sections("87", count=1)) == (304, 6, "sections[0].type")
    assert fault(sections("87 05 00", count=1)) == (304, 6, "sections[0].type")
    assert fault(sections("01 01 00", "88 00")) == (305, 8, "sections[0].entries[0].key_length")
    assert fault(sections("82 00", "88 80808080")) == (703, 8, "sections[1].type")


def test_unknown_ancillary_sections_are_kept() -> None:
    data = sections("00 01 AA", "7F 02 0000", "40 00", count=3)
    assert fault(data) == (302, 13, "sections[2].type")
    data = sections("00 01 AA", "40 00", "7F 02 0000")
    container = read(data)
    assert [part.name for part in container.sections] == [None, None, None]
    assert [part.survives_edit for part in container.sections] == [False, True, True]
    assert write(container) == data


def test_cut_at_the_end_of_a_section() -> None:
    whole = sections("01 05 0161 026263", "82 03 010203", "55 01 FF")
    ends = {len(whole) - 8: 1, len(whole) - 3: 2, len(whole): 3}
    for n in range(6, len(whole) + 1):
        if n in ends:
            container = read(whole[:n])
            assert (len(container.sections), container.complete) == (ends[n], n == len(whole))
            assert write(container) == whole[:n]
            expected = None if container.complete else (301, n, f"sections[{ends[n]}]")
            assert fault(whole[:n], partial=False) == expected
        else:
            assert fault(whole[:n])[0] == 301  # type: ignore[index]
    assert fault(sections("87 00", count=2)) is None  # the count, not the cut, decides about R-045


def test_flipped_sectioned_bit() -> None:
    for data in (COMPACT, SECTIONED):
        total(data[:2] + bytes([data[2] ^ 2]) + data[3:])
    assert fault(COMPACT[:2] + b"\x2e" + COMPACT[3:]) == (603, 5, "count_minus_1")
    assert fault(bytes.fromhex("F59E 2E 01 35 00 87 00 AABB")) == (304, 6, "sections[0].type")


@quick
@given(texts)
@example({})
def test_key_value_text(entries: dict[str, str]) -> None:
    body = text_codec.encode(entries)
    assert text_codec.decode(body) == entries
    assert text_codec.encode(text_codec.decode(body)) == body
    assert [key.encode() for key in text_codec.decode(body)] == sorted(key.encode() for key in entries)


def test_texts_that_cannot_be_written() -> None:
    for entries in ({"": "x"}, {"k" * 65: ""}, {"a": "\ud800"}, {"é" * 33: ""}):
        with pytest.raises(ValueError, match=r".+"):
            text_codec.encode(entries)
    assert text_codec.decode(text_codec.encode({"k" * 64: ""})) == {"k" * 64: ""}


@quick
@given(st.binary(max_size=30))
def test_any_text(body: bytes) -> None:
    try:
        entries = text_codec.decode(body)
    except SemError as error:
        found = error
    else:
        assert text_codec.encode(entries) == body
        return
    assert found.code == 305
    assert 0 <= (found.offset or 0) <= len(body)


# --- §7 the check ------------------------------------------------------------------------------------------------


def test_check_is_the_formula() -> None:
    row = json.loads((Path(registry.__file__).parent / "registry.json").read_bytes())["profiles"][0]
    binding = json.dumps(row["binding"], sort_keys=True, separators=(",", ":")).encode()
    bound = bytes.fromhex("F59E 2C 01 35")
    digest = hashlib.sha256(hashlib.sha256(binding).digest() + bound + b"\x87" + b"symbols").digest()
    for data in (COMPACT, SECTIONED):
        header = read(data).header
        assert bound_header(header) == bound
        for bits in (0, 16, 32):
            assert section_check(default_rows().get(1), None, header, 0x87, b"symbols", bits) == digest[: bits // 8]
    with pytest.raises(ValueError, match="24 bits"):
        section_check(default_rows().get(1), None, header, 0x87, b"", 24)


def test_check_of_an_explicit_model() -> None:
    header = read(EXPLICIT).header
    profile = default_rows().get(1)
    binding = dict(profile.binding) | {"model": DIGEST}
    key = hashlib.sha256(json.dumps(binding, sort_keys=True, separators=(",", ":")).encode()).digest()
    wanted = hashlib.sha256(key + EXPLICIT[:-2] + b"\x87S").digest()[:4]
    assert bound_header(header) == EXPLICIT[:-2]
    assert section_check(profile, DIGEST, header, 0x87, b"S", 32) == wanted
    whole = replace(header, model_hash=bytes.fromhex(DIGEST))
    assert section_check(profile, None, whole, 0x87, b"S", 32) == section_check(profile, DIGEST, whole, 0x87, b"S", 32)
    for model, code in ((None, 801), ("00" * 32, 802)):
        with pytest.raises(SemError) as caught:
            section_check(profile, model, header, 0x87, b"S", 32)
        assert caught.value.code == code


def test_the_digest_that_a_file_names() -> None:
    short, plain = read(EXPLICIT).header, read(COMPACT).header
    assert (short.named_digest, short.model_digest()) == (DIGEST[:8], None)
    whole = replace(short, model_hash=bytes.fromhex(DIGEST))
    assert whole.named_digest == whole.model_digest() == DIGEST
    assert plain.named_digest == plain.model_digest() == default_rows().get(1).model
    with pytest.raises(SemError, match="no profile 1 in this registry"):
        _ = replace(plain, row=None).named_digest


@quick
@given(headers())
def test_bound_header_knows_no_form(header: Header) -> None:
    sectioned = replace(header, sectioned=True, check=None, count=7)
    bound = bound_header(header)
    assert bound_header(sectioned) == bound
    assert bound_header(replace(header, check=b"\xff" * (header.check_bits // 8) or None)) == bound
    assert bound[2] & 2 == 0


def test_check_binds_everything() -> None:
    header, profile = read(COMPACT).header, default_rows().get(1)
    variants = [
        section_check(profile, None, header, 0x87, b"S", 32),
        section_check(profile, None, header, 0x86, b"S", 32),
        section_check(profile, None, header, 0x87, b"s", 32),
        section_check(profile, None, replace(header, width=769), 0x87, b"S", 32),
        section_check(profile, None, replace(header, check_bits=32), 0x87, b"S", 32),
        section_check(default_rows().get(200), None, header, 0x87, b"S", 32),
    ]
    assert len(set(variants)) == len(variants)


def test_states_of_checks() -> None:
    header = replace(read(COMPACT).header, check=None)
    payload, note = section(header, 0x87, b"\1\2", b"symbols"), section(header, 0x43, b"")
    container = assemble(header, [payload, note])
    symbols = {0x87: b"symbols"}
    assert verify(container.header, container.sections, symbols) == "ok"
    assert verify(container.header, container.sections, {}) == "unchecked"
    assert section_state(header, note) == "ok"
    assert section_state(header, payload) == "unchecked"
    assert section_state(header, payload, b"Symbols") == "failed"
    assert section_state(replace(header, check_bits=0), payload) == "absent"
    short = replace(header, profile_id=255, base_profile_id=1, model_hash=b"<<<<")
    assert section_state(short, note) == "unchecked"
    assert section_state(short, section(short, 0x43, b""), None, DIGEST) == "ok"
    assert file_state(["ok", "failed", "unchecked"]) == "failed"
    assert file_state(["absent", "absent"]) == "absent"
    data = write(replace(container, sections=(payload, replace(note, body=b"\1a\0"))))
    damaged = read(data)  # the check is judged after the payload, by who knows its symbols
    with pytest.raises(SemError) as caught:
        verify(damaged.header, damaged.sections, symbols)
    assert (caught.value.code, caught.value.offset, caught.value.path) == (501, len(data) - 2, "sections[1].check")
    compact = read(write(assemble(header, [payload])))
    with pytest.raises(SemError) as caught:
        verify(compact.header, compact.sections, {0x87: b"Symbols"})
    assert (caught.value.code, caught.value.offset, caught.value.path) == (501, 5, "check")


@quick
@given(containers())
def test_editing_keeps_checks(container: Container) -> None:
    """Sections can be taken away and added without a model, and the rest stays what it was."""
    states = [section_state(container.header, part, None, DIGEST) for part in container.sections]
    kept = [part for part in container.sections if not part.critical][:1] or container.sections[:1]
    edited = read(write(assemble(container.header, kept)))
    assert list(edited.sections) == list(kept)
    assert edited.complete
    again = [section_state(edited.header, part, None, DIGEST) for part in edited.sections]
    assert again == [states[container.sections.index(part)] for part in kept]
    assert "failed" not in states


def test_assemble_finds_the_form() -> None:
    header = read(SECTIONED).header
    parts = read(SECTIONED).sections
    assert assemble(header, parts[::-1]) == read(SECTIONED)
    compact = assemble(header, [parts[1]])
    assert write(compact) == COMPACT
    assert assemble(compact.header, parts) == read(SECTIONED)
    assert assemble(header, [parts[0]]).header.count == 1


# --- §15 limits --------------------------------------------------------------------------------------------------


def sized(width: int, height: int, profile: int = 1) -> bytes:
    head = bytes.fromhex("F59E 20") + bytes([profile])
    return head + b"\0" + varint(width - 1) + varint(height - 1) + b"body"


@pytest.mark.parametrize("level", [1, 2])
def test_limits_at_and_above_each_bound(level: int) -> None:
    bounds = level_bounds(level)
    side, pixels = bounds.side, bounds.pixels
    assert fault(sized(side, 1), level) == fault(sized(1, side), level) is None
    assert fault(sized(side + 1, 1), level) == (601, 4, "size")
    assert fault(sized(1, side + 1), level) == (601, 4, "size")
    assert fault(sized(side, pixels // side), level) is None
    assert fault(sized(side, pixels // side + 1), level) == (602, 4, "size")
    assert fault(sized(side, side), level) == (602, 4, "size")
    assert fault(sized(side + 1, side + 1), level) == (601, 4, "size")
    many = [bytes([number, 0]).hex() for number in range(2, 0x43)]
    assert fault(sections(*many[: bounds.sections]), level) is None
    assert fault(sections(*many[: bounds.sections], count=bounds.sections + 1), level) == (603, 5, "count_minus_1")


@pytest.mark.parametrize("level", [1, 2])
def test_limits_of_text(level: int) -> None:
    bound = level_bounds(level).text_bytes
    head = bytes.fromhex(f"F59E 20 {TEXT:02X} 35")
    assert fault(head + bytes(bound), level) is None
    assert fault(head + bytes(bound + 1), level) == (604, 5, "body")
    value = bound - 2 - len(varint(bound - 5))
    note = text_codec.encode({"k": "v" * value})
    assert len(note) == bound
    for section_type, body in ((0x01, note), (0x43, note), (0x82, bytes(bound))):
        parts = [(section_type, body), (0x55, b"")]
        assert fault(_sectioned(parts), level) is None
        above = [(section_type, body + b"\0"), (0x55, b"")]
        assert fault(_sectioned(above), level) == (604, 7, "sections[0].length")
        assert fault(_sectioned(above)[:12], level) == (604, 7, "sections[0].length")  # whether they are there or not
    assert fault(_sectioned([(0x55, bytes(bound + 1)), (0x56, b"")]), level) is None  # nobody knows it to be text


def _sectioned(parts: list[tuple[int, bytes]]) -> bytes:
    head = bytes.fromhex("F59E 22 F0 35") + varint(len(parts) - 1)
    return head + b"".join(bytes([section_type]) + varint(len(body)) + body for section_type, body in parts)


@pytest.mark.parametrize("level", [1, 2])
def test_limits_of_symbols(level: int) -> None:
    """1 + 17408 symbols for each 64 × 64 pixels: 1024 channels of z, 1024 of y."""
    bound = level_bounds(level).symbols
    most = (bound - 1) // 17408
    width = 64 * 64
    rows, row = most // 64, default_rows().get(HUGE)
    assert symbol_count(row, 7, width, 64 * rows) == 1 + 17408 * 64 * rows <= bound
    assert fault(sized(width, 64 * rows, HUGE), level) is None
    assert symbol_count(row, 7, width, 64 * rows + 1) == 1 + 17408 * 64 * (rows + 1) > bound  # type: ignore[operator]
    assert fault(sized(width, 64 * rows + 1, HUGE), level) == (605, len(sized(width, 64 * rows + 1)) - 4, "body")
    head = sized(width, 64 * rows + 1, HUGE)[:-4].replace(b"\xf5\x9e\x20", b"\xf5\x9e\x22")
    assert fault(head + bytes.fromhex("00 82 00"), level) is None
    assert fault(head + bytes.fromhex("01 82 00 87 00"), level) == (605, len(head) + 4, "sections[1].length")


def test_symbol_count() -> None:
    tiny = default_rows().get(200)
    assert symbol_count(tiny, 7, 1, 1) == 1 + 4 + 8 * 16  # §13: 1 × 1 pixel gives h = w = 4
    assert symbol_count(tiny, 7, 64, 64) == 1 + 4 + 8 * 16
    assert symbol_count(tiny, 7, 65, 64) == 1 + 2 * (4 + 8 * 16)
    assert symbol_count(tiny, 2, 64, 64) is None


def test_limit_of_the_file() -> None:
    bound = LEVELS[1].file_bytes
    assert fault(COMPACT + bytes(bound - len(COMPACT))) is None
    assert fault(COMPACT + bytes(bound - len(COMPACT) + 1)) == (606, bound, "file")
    assert fault(bytes(bound + 1)) == (606, bound, "file")  # first of all
    assert fault(bytes(bound)) == (201, 0, "magic")


def test_limits_are_judged_before_sections_and_after_the_header() -> None:
    wide = bytes.fromhex("F59E 22 01 00 FF7F 00")  # 16512 × 1
    assert fault(wide) == (202, 8, "count_minus_1")
    assert fault(wide + bytes.fromhex("7F")) == (601, 4, "size")
    assert fault(bytes.fromhex("F59E 22 01 35 10 88")) == (603, 5, "count_minus_1")


@pytest.mark.parametrize(
    "data",
    [
        sized(270549119, 270549119),
        sections(count=270549120),
        sections("87 FFFFFF7F", count=2),
        sections("55 FFFFFF7F", count=2),
        sections("01 05 0161 FFFFFF7F", count=2),
        sized(16384, 2048, HUGE),
    ],
)
def test_claims_take_no_memory(data: bytes) -> None:
    fault(data)
    tracemalloc.start()
    try:
        assert fault(data) is not None
        assert tracemalloc.get_traced_memory()[1] < 1 << 18
    finally:
        tracemalloc.stop()


def test_no_such_level() -> None:
    with pytest.raises(ValueError, match="level 3"):
        read(COMPACT, level=3)
    for data in (7, None):
        with pytest.raises(TypeError):
            read(data)  # type: ignore[arg-type]
    with pytest.raises(SemError) as caught:
        read("no such file")  # a str is a path
    assert caught.value.code == 101


def test_higher_level_reads_what_the_lower_does() -> None:
    assert read(SECTIONED, level=2) == read(SECTIONED)
    wide = sized(16_385, 1)
    container = read(wide, level=2)
    assert write(container, level=2) == wide
    with pytest.raises(SemError) as caught:
        write(container)
    assert caught.value.code == 601


def test_container_needs_no_numpy() -> None:
    code = "import sys, refcodec.container, refcodec.inspection; print({'numpy', 'torch', 'PIL'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
