# SPDX-License-Identifier: MIT
"""What `inspect` says of files: every bit once, the fault of broken ones, and where models are found."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from default_environment import default_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import ALL_KINDS, DIGEST, containers, section

from refcodec import registry, spec
from refcodec.canonical_json import canonical_json
from refcodec.container import Container, Header, Section, assemble, read, section_check, write
from refcodec.container.fields import varint
from refcodec.container.key_value import encode
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.inspection import Inspection, inspect
from refcodec.networks import package_search
from refcodec.payloads.kinds import WITH_DRAFTS

pytestmark = pytest.mark.usefixtures("private_rows")

SCHEMAS = Path(__file__).resolve().parents[2] / "conformance" / "schema"
SCHEMA = json.loads((SCHEMAS / "inspect.schema.json").read_bytes())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
KEYS = [
    "format_version", "file_bytes", "overhead_bytes", "profile", "method", "width", "height", "bpp", "ubpp", "complete",
    "sections", "check", "canonical", "model", "fields", "errors",
]  # fmt: skip
COMPACT = bytes.fromhex("F59E 2C 01 35 AABB 010203")

quick = settings(max_examples=60, deadline=None)


@pytest.fixture(autouse=True, scope="module")
def no_models_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("SEM_MODELS", raising=False)
        yield


def looked_at(data: bytes) -> Inspection:
    """`inspect`, and everything that holds for any bytes: schema, fields, the error of `read`."""
    found = inspect(data)
    whole = json.loads(json.dumps(found.to_dict()))
    VALIDATOR.validate(whole)
    assert list(whole) == KEYS
    bit = 0
    for field in found.fields:
        assert field.offset == bit // 8
        assert field.bits > 0
        bit += field.bits
    assert bit == 8 * len(data) == 8 * found.file_bytes
    errors = [error for error in found.errors if error.family not in ("check", "model")]
    if errors:
        with pytest.raises(SemError) as caught:
            read(data)
        assert errors[0].to_dict() == caught.value.to_dict()
        assert found.canonical is None
        return found
    container = read(data)
    assert found.complete == container.complete
    assert [info.offset for info in found.sections] == [part.body_offset for part in container.sections]
    assert not any(field.name in ("unparsed", "trailing") for field in found.fields)
    return found


def field(found: Inspection, name: str) -> int | str | None:
    """The value of the one field of this name."""
    (value,) = (field.value for field in found.fields if field.name == name)
    return value


# --- every bit once, for any bytes -------------------------------------------------------------------------------


@quick
@given(st.binary(max_size=60), st.sampled_from([b"", b"\xf5\x9e", bytes.fromhex("F59E 22 F0 35"), COMPACT[:7]]))
def test_any_bytes(tail: bytes, head: bytes) -> None:
    looked_at(head + tail)


@quick
@given(containers(), st.data())
def test_valid_and_damaged_files(container: Container, data: st.DataObject) -> None:
    whole = write(container)
    found = looked_at(whole)
    assert (found.width, found.height) == (container.header.width, container.header.height)
    assert found.check.state in ("absent", "ok", "unchecked")
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    looked_at((int.from_bytes(whole, "big") ^ 1 << bit).to_bytes(len(whole), "big"))
    looked_at(whole[: data.draw(st.integers(0, len(whole)))])
    looked_at(whole + data.draw(st.binary(min_size=1, max_size=3)))


def test_every_descriptor_and_profile() -> None:
    for byte in range(256):
        looked_at(bytes([0xF5, 0x9E, byte]) + COMPACT[3:])
        looked_at(COMPACT[:3] + bytes([byte]) + COMPACT[4:])
        looked_at(COMPACT[:4] + bytes([byte]) + COMPACT[5:])


# --- what it says ------------------------------------------------------------------------------------------------


def test_compact_file() -> None:
    found = looked_at(COMPACT)
    assert found.to_dict() | {"fields": None, "model": None} == {
        "format_version": 1,
        "file_bytes": 10,
        "overhead_bytes": 7,
        "profile": 1,
        "method": "elic",
        "width": 768,
        "height": 512,
        "bpp": 80 / (768 * 512),
        "ubpp": 1e6 * (80 / (768 * 512)),
        "complete": True,
        "sections": [{"kind": "elic", "critical": True, "offset": 7, "bytes": 3, "bits": 24}],
        "check": {"bits": 16, "state": "unchecked"},
        "canonical": None,
        "errors": [],
        "fields": None,
        "model": None,
    }
    assert [(f.name, f.offset, f.bits, f.value) for f in found.fields] == [
        ("magic", 0, 16, "f59e"),
        ("version", 2, 3, 1),
        ("check_code", 2, 3, 3),
        ("sectioned", 2, 1, 0),
        ("reserved", 2, 1, 0),
        ("profile", 3, 8, 1),
        ("dim_class", 4, 8, 0x35),
        ("check", 5, 16, "aabb"),
        ("body", 7, 24, "010203"),
    ]


def header(profile: int = 1, check_bits: int = 16) -> Header:
    row = default_rows().get(profile)
    return Header(spec.VERSION, check_bits, False, profile, None, None, 100, 50, None, None, row)


def test_sections() -> None:
    body = encode({"tool": "x", "ä": "ö"})
    container = assemble(
        header(ALL_KINDS),
        [section(header(ALL_KINDS), *part) for part in ((0x01, body), (0x82, b"cap"), (0x87, bytes(40)), (0x55, b"?"))],
    )
    found = looked_at(write(container))
    assert [(info.kind, info.critical, info.bytes) for info in found.sections] == [
        ("provenance", False, len(body)),
        ("caption", True, 3),
        ("elic", True, 40),
        (None, False, 1),
    ]
    assert found.overhead_bytes == found.file_bytes - 43
    assert field(found, "sections[0].entries[1].key") == "ä"
    assert field(found, "sections[0].entries[1].value") == "ö"
    assert field(found, "sections[2].body") == "00" * 32 + "…"
    assert found.check.state == "unchecked"


def test_checks_that_need_no_payload() -> None:
    def state(*parts: tuple[int, bytes, bytes], bits: int = 16) -> tuple[str, bool | None, list[int]]:
        made = assemble(header(check_bits=bits), [section(header(check_bits=bits), *part) for part in parts])
        found = looked_at(write(made))
        return found.check.state, found.canonical, [error.code for error in found.errors]

    right, wrong, payload = (0x43, b"\1a\0", b"\1a\0"), (0x43, b"\1a\0", b"other"), (0x87, b"", b"")
    assert state(right) == ("ok", True, [])
    assert state(wrong) == ("failed", None, [501])
    assert state(right, bits=0) == ("absent", True, [])
    assert state(right, payload) == ("unchecked", None, [])
    assert state(wrong, payload) == ("failed", None, [501])


def test_cut_file() -> None:
    made = assemble(header(ALL_KINDS, 0), [section(header(ALL_KINDS, 0), kind, b"abc") for kind in (0x82, 0x83)])
    data = write(made)
    found = looked_at(data[:-5])
    assert (found.complete, len(found.sections), found.errors) == (False, 1, ())
    found = looked_at(data[:-1])
    assert (found.complete, len(found.sections)) == (False, 1)
    assert [error.code for error in found.errors] == [301]
    assert field(found, "unparsed") == "6162"
    found = looked_at(data + b"!")
    assert (found.complete, len(found.sections)) == (True, 2)
    assert field(found, "trailing") == "21"


def test_best_effort() -> None:
    """What can still be told after a fault is told."""
    newer = looked_at(bytes.fromhex("F59E 40 01 35"))
    assert (newer.format_version, newer.profile, newer.errors[0].code) == (2, None, 701)
    assert [(f.name, f.offset, f.bits) for f in newer.fields][-1] == ("unparsed", 2, 21)
    unlisted = looked_at(bytes.fromhex("F59E 20 63 35 0102"))
    assert (unlisted.profile, unlisted.width, unlisted.method, unlisted.sections[0].kind) == (99, 768, None, None)
    assert (unlisted.overhead_bytes, unlisted.errors[0].code) == (5, 702)
    explicit = looked_at(bytes.fromhex("F59E 20 FF 01 00 3C3C3C3C 35 0102"))
    assert (explicit.profile, explicit.model.digest, explicit.model.name) == (1, "3c3c3c3c", None)
    disorder = looked_at(bytes.fromhex("F59E 22 F0 35 02 87 00 82 01 41 88 00"))
    assert [info.kind for info in disorder.sections] == ["elic", "caption", None]
    assert [error.code for error in disorder.errors] == [302, 703]
    text = looked_at(bytes.fromhex("F59E 22 F0 35 01 01 05 0161 057A7A 87 00"))
    assert [info.kind for info in text.sections] == ["provenance", "elic"]
    assert [(f.name, f.bits) for f in text.fields if "unparsed" in f.name] == [("sections[0].unparsed", 16)]
    wide = looked_at(b"\xf5\x9e\x20\1\0" + varint(99_999) + varint(99_999) + b"body")
    assert (wide.width, wide.height, [error.code for error in wide.errors]) == (100_000, 100_000, [601, 605])
    assert looked_at(b"").fields == ()
    assert looked_at(b"not a sem file").fields[-1].name == "unparsed"


def test_levels() -> None:
    data = b"\xf5\x9e\x20\1\0" + varint(20_000) + varint(0)
    assert [error.code for error in inspect(data).errors] == [601]
    assert inspect(data, level=2).errors == ()
    assert inspect(bytearray(COMPACT)) == inspect(memoryview(COMPACT)) == inspect(COMPACT)
    with pytest.raises(TypeError):
        inspect(3)  # type: ignore[arg-type]


def test_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["required"] == list(SCHEMA["properties"]) == KEYS
    kinds = SCHEMA["$defs"]["section"]["properties"]["kind"]["enum"]
    assert kinds == [*WITH_DRAFTS.names.values(), *spec.ANCILLARY.values(), None]
    assert SCHEMA["properties"]["method"]["enum"] == [*spec.METHODS.values(), None]


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.schema.json")), ids=lambda path: path.name)
def test_schemas_name_what_there_is(path: Path) -> None:
    schema = json.loads(path.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) <= set(schema["properties"])
    if path.name == "encode.schema.json":
        assert schema["properties"]["method"]["enum"] == [*spec.METHODS.values()]
    if path.name in ("payload.schema.json", "edit.schema.json"):
        sections = schema["properties"]["sections"]["items"]
        pattern = (sections["properties"]["kind"] if path.name == "payload.schema.json" else sections)["pattern"]
        assert pattern == f"^({'|'.join([*WITH_DRAFTS.names.values(), *spec.ANCILLARY.values()])}|0x[0-9A-F]{{2}})$"


# --- where models are found --------------------------------------------------------------------------------------


def package(folder: Path, symbols: dict[str, Any], name: str = "tiny") -> str:
    """Write a manifest; its digest."""
    folder.mkdir(parents=True)
    manifest = {"format": "sem-model", "format_version": 1, "name": name, "training": {"lr": 0.5}, "symbols": symbols}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return hashlib.sha256(canonical_json(symbols)).hexdigest()


def test_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = package(tmp_path / "a" / "one", {"kind": 7, "rates": 1})
    other = package(tmp_path / "b", {"kind": 7, "rates": 2})
    assert Environment.default().find_package(digest) is None
    assert package_search.find(digest, [tmp_path / "a"]) == tmp_path / "a" / "one"
    assert package_search.find(digest, [tmp_path / "a" / "one"]) == tmp_path / "a" / "one"
    assert (
        package_search.find(digest[:8], [tmp_path / "none", tmp_path / "b", tmp_path / "a"]) == tmp_path / "a" / "one"
    )
    monkeypatch.setenv("SEM_MODELS", f"{tmp_path / 'a'}:{tmp_path / 'b'}".replace(":", os.pathsep))
    assert Environment.default().find_package(other) == tmp_path / "b"
    monkeypatch.delenv("SEM_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    third = package(tmp_path / "home" / "sem" / "models" / "x", {"kind": 7, "rates": 3})
    assert Environment.default().find_package(third) == tmp_path / "home" / "sem" / "models" / "x"
    assert Environment.default().package_folders[-1] == Path(registry.__file__).parents[1] / "data" / "models"


def test_folders_that_are_no_models(tmp_path: Path) -> None:
    texts = ("", "[]", "{}", '{"symbols": 1}', '{"symbols": {"a": 0.5}}', '{"symbols": {"a": 1, "a": 2}}', "[" * 99_999)
    for number, text in enumerate(texts):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "manifest.json").write_text(text)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "manifest.json").mkdir(parents=True)
    digest = package(tmp_path / "z", {"kind": 7})
    assert package_search.find(digest, [tmp_path]) == tmp_path / "z"
    assert package_search.find("00" * 32, [tmp_path]) is None


def test_ambiguous_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = package(tmp_path / "one", {"kind": 7})
    package(tmp_path / "again", {"kind": 7})
    package(tmp_path / "two", {"kind": 7, "rates": 2})
    assert package_search.find(digest[:8], [tmp_path]) is not None  # the same model twice
    like = {str(tmp_path / "two"): (digest[:8] + 56 * "f", "two")}
    monkeypatch.setattr(package_search, "describe", lambda folder: like.get(str(folder), (digest, "one")))
    assert package_search.find(digest, [tmp_path]) == tmp_path / "again"
    with pytest.raises(SemError) as caught:
        package_search.find(digest[:8], [tmp_path])
    assert caught.value.code == 801
    data = bytes.fromhex(f"F59E 20 FF 01 00 {digest[:8]} 35")
    found = inspect(data, models=[tmp_path])
    assert ([error.code for error in found.errors], found.model.available) == ([801], False)


@pytest.mark.parametrize("digest", ["", "abc", "3C3C3C3C", "3c3c3c3g", "0" * 65])
def test_what_is_no_digest(digest: str) -> None:
    with pytest.raises(ValueError, match="no digest"):
        package_search.find(digest, [])


def test_model_of_a_file(tmp_path: Path) -> None:
    missing = looked_at(bytes.fromhex("F59E 20 F0 35")).model
    assert (missing.digest, missing.name, missing.available) == (DIGEST, f"private-{ALL_KINDS}", False)
    digest = package(tmp_path / "m", {"kind": 7, "rates": 9}, "mine")
    data = bytes.fromhex(f"F59E 20 FF 01 01 {digest[:16]} 35")
    found = inspect(data, models=[tmp_path]).model
    assert (found.digest, found.name, found.available) == (digest, "mine", True)
    found = inspect(data).model
    assert (found.digest, found.name, found.available) == (digest[:16], None, False)


def test_check_of_an_explicit_model_that_is_found(tmp_path: Path) -> None:
    """Its digest is all that an ancillary section needs."""
    digest, row = package(tmp_path / "m", {"kind": 7, "rates": 9}), default_rows().get(1)
    explicit = Header(spec.VERSION, 16, False, 255, 1, bytes.fromhex(digest)[:4], 100, 50, None, None, row)
    whole = Header(spec.VERSION, 16, False, 255, 1, bytes.fromhex(digest), 100, 50, None, None, row)
    for made, alone in ((explicit, "unchecked"), (whole, "ok")):
        check = section_check(row, digest, made, 0x43, b"", 16)
        data = write(assemble(made, [Section(0x43, b"", check)]))
        assert inspect(data).check.state == alone
        assert inspect(data, models=[tmp_path]).check.state == "ok"
