# SPDX-License-Identifier: MIT
"""test_vectors/: refcodec says of each what its entry says, and every rule has one."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from default_environment import default_rows
from vector_cases import (
    BACKEND,
    LISTS,
    MODELS,
    ROOT,
    SPEC,
    VECTORS,
    asked,
    data_of,
    edits_of,
    entries,
    manifest,
    shown,
    vectors,
    verdict,
    writer,
    writer_environment,
)

from refcodec.canonical_json import parse_json
from refcodec.container import read
from refcodec.decoder import decode_file, payload
from refcodec.entropy import Decoder, Encoder
from refcodec.errors import SemError
from refcodec.inspection import inspect
from refcodec.networks import package
from refcodec.networks.trace import Tracer
from refcodec.payloads import clip_bits, kinds
from refcodec.payloads.coding import CodingContext
from tools.vectors import coverage, make, suite
from tools.vectors.edits import Edit, apply
from tools.vectors.models import tiny

# Errors that no vector gives.
UNSHOWN_ERRORS = {
    101: "of the file system", 102: "of the file system", 103: "of pictures", 104: "of pictures", 105: "of pictures",
    606: "needs a file above 64 MB", 805: "of an installation",
}  # fmt: skip


# --- the folder ----------------------------------------------------------------------------------------------------


def test_there_are_vectors() -> None:
    counts = {name: len(manifest()[name]) for name in LISTS}
    assert counts["vectors"] >= 600
    assert counts["models"] >= 80
    assert counts["encode"] >= 30
    assert counts["coder"] >= 6
    assert counts["quantise"] >= 6
    files = [e for name in ("vectors", "registries", "models", "painters") for e in manifest()[name]]
    assert 2 * sum("error" in e for e in files) >= len(files)
    assert sum(path.stat().st_size for path in VECTORS.rglob("*") if path.is_file()) <= 13_000_000
    kinds_of_files = {s["kind"] for e in vectors().values() if "expected" in e for s in e["expected"]["sections"]}
    assert kinds_of_files >= {"consonant", "caption", "clip", "pq", "vq", "sketch", "elic", "hints", "thumbnail", None}


def test_schema() -> None:
    schema = json.loads((VECTORS / "manifest.schema.json").read_bytes())
    judge = jsonschema.Draft202012Validator
    judge.check_schema(schema)
    judge(schema).validate(manifest())
    for name, part in (("encode", "input"), ("refuse", "input"), ("coder", "stream"), ("quantise", "vector_of_floats")):
        judge_part = judge({**schema["$defs"][part], "$defs": schema["$defs"]})
        for entry in manifest()[name]:
            judge_part.validate(json.loads(data_of(entry)))


def test_collision() -> None:
    """Two texts whose checks of 16 bits are the same: the header says it."""
    first, second = (data_of(vectors()[name]) for name in ("consonant-fixed-paper", "collision"))
    assert first[:7] == second[:7]
    assert first[7:] != second[7:]


def test_files() -> None:
    """Each digest is right, nothing lies about that no entry names, ids are unique, errors and their statuses fit."""
    with_files = [entry for entry in entries() if "sha256" in entry]
    assert [entry["id"] for entry in with_files if hashlib.sha256(data_of(entry)).hexdigest() != entry["sha256"]] == []
    assert [entry["id"] for entry in with_files if len(data_of(entry)) != entry["size"]] == []
    ids = [entry["id"] for entry in entries()]
    assert len(set(ids)) == len(ids)
    named = {VECTORS / entry[key] for entry in entries() for key in ("file", "trace") if key in entry}
    named |= {VECTORS / entry["input"] for entry in entries() if "sha256" in entry and "input" in entry}
    named |= {
        VECTORS / entry[key]["file"] for entry in entries() for key in ("registry", "before", "after") if key in entry
    }
    assert {path for pattern in ("*.sem", "*/*.json") for path in VECTORS.rglob(pattern)} - named == {
        path for path in VECTORS.rglob("manifest.json") if path.parent != VECTORS
    }
    dumped = {path.with_suffix(".sem") for path in VECTORS.glob("*/*.txt")}
    assert dumped == {VECTORS / entry["file"] for entry in (*vectors().values(), *manifest()["registries"])}
    for entry in entries():
        if "error" in entry:
            assert SemError(int(entry["error"][-3:]), "").status == entry["status"], entry["id"]


def test_make_gives_the_same() -> None:
    assert make.changes(suite.tree()) == []


def test_small_models_are_those_of_their_tool(tmp_path: Path) -> None:
    """And the registry names them by their digests."""
    for name in tiny.TABLES:
        digest = tiny.write(tmp_path, name)
        for file in ("manifest.json", "symbols.safetensors"):
            assert (tmp_path / name / file).read_bytes() == (MODELS / name / file).read_bytes()
        assert package.load_any(MODELS / name, digest).digest == digest == default_rows().by_name(name).model


def test_coverage() -> None:
    """Every MUST of SPEC.md has a vector, every rule of a vector is one of SPEC.md, and every error is given or has a reason."""
    assert coverage.missing(manifest()) == []
    errors = {int(found) for found in re.findall(r"^\| SEM-E-(\d{3}) \| [a-z]", SPEC, re.MULTILINE)}
    assert len(errors) > 30
    given = {int(entry["error"][-3:]) for entry in entries() if "error" in entry}
    assert (errors - given, given - errors) == (set(UNSHOWN_ERRORS), set())


def test_rules_without_a_vector_are_listed_with_their_tests() -> None:
    """In conformance/README.md: each a SHOULD, and a test that there is."""
    text = (ROOT / "conformance" / "README.md").read_text(encoding="utf-8")
    table = text.partition("<!-- begin untested-rules -->\n")[2].partition("<!-- end untested-rules -->")[0]
    rows = re.findall(r"^\| SEM-R-(\d{3}) \| [^|]+ \| `([^`:]+)::(\w+)` \|$", table, re.MULTILINE)
    rules, shown = coverage.rules_of(SPEC), coverage.entries_by_rule(manifest())
    assert {int(rule) for rule, _, _ in rows} == set(rules) - set(shown)
    for rule, path, name in rows:
        assert not rules[int(rule)], rule
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), rule


def test_example() -> None:
    """SPEC §20 shows example.txt, and example.txt all bytes of the vector `example`."""
    text = (VECTORS / "example.txt").read_text(encoding="utf-8")
    block = SPEC.partition("<!-- begin dump -->\n")[2].partition("\n<!-- end dump -->")[0]
    assert block == f"```\n{text.rstrip()}\n```"
    shown = bytes.fromhex("".join(line[8:31] for line in text.splitlines()[1:]))
    assert shown == data_of(vectors()["example"])
    assert len(shown) < 40


# --- refcodec ------------------------------------------------------------------------------------------------------


def test_refcodec() -> None:
    wrong = []
    for name, entry in vectors().items():
        said = verdict(entry)
        if said["expect"] == entry["expect"] == "accept":
            said = shown(said, entry)
        if said != asked(entry):
            wrong.append((name, said))
    assert wrong == []


def test_payload() -> None:
    """`refcodec.payload` says the same of the symbols as the manifest."""
    for name, entry in vectors().items():
        if entry["expect"] == "accept" and entry["tier"] == "S":
            found = payload(data_of(entry), models=(MODELS,)).to_dict()["sections"]
            for ours, theirs in zip(found, entry["expected"]["sections"], strict=True):
                assert ours["sha256"] == theirs["sha256"], name
                if theirs["type"] & 0x80:
                    assert ours["shape"] == theirs["shape"], name
                    assert ours["value"] == theirs.get("value", ours["value"]), name


def test_section_checks() -> None:
    """The file's check is what its sections' checks make it."""
    for name, entry in vectors().items():
        if entry["expect"] == "accept":
            states = {section["check"] for section in entry["expected"]["sections"]}
            assert entry["expected"]["check"] == (states.pop() if len(states) == 1 else "unchecked"), name


def types_of(entry: dict[str, Any]) -> set[int]:
    """The types of the sections of a file, of a faulty one as it would be without its defect."""
    base = vectors()[entry["repaired"]] if "repaired" in entry else entry
    return {section["type"] for section in base["expected"]["sections"]}


def test_kinds_encode_what_they_decode() -> None:
    """The descriptor of each kind gives back the body of each canonical payload."""
    seen = Counter[str]()
    for entry in vectors().values():
        said = entry["expected"] if entry["expect"] == "accept" else None
        if said is None or said["width"] * said["height"] > 1 << 14:
            continue
        symbols = decode_file(data_of(entry), models=(MODELS,), backend=BACKEND)
        header = symbols.container.header
        for section in symbols.container.sections:
            value = symbols.values.get(section.type)
            if value is None or not value.canonical or seen[section.name or ""] >= 40:
                continue
            kind, parameters, model = kinds.get(section.number), header.profile.parameters(section.number), None
            if kind.needs_model(parameters):
                assert symbols.folder is not None
                model = package.load_any(symbols.folder)
            context = CodingContext(parameters, (header.width, header.height), model=model, backend=BACKEND)
            assert kind.encode(value, context) == section.body, entry["id"]
            seen[kind.name] += 1
    assert set(seen) == {kind.name for kind in kinds.KINDS}


def test_inspect() -> None:
    """`inspect` names the same error wherever no payload needs to be decoded."""
    for name, entry in vectors().items():
        errors = inspect(data_of(entry), models=(MODELS,)).errors
        in_payload = entry["tier"] != "H" and any(part >= 0x80 for part in types_of(entry))
        if not in_payload:
            assert [error.id for error in errors][:1] == ([entry["error"]] if "error" in entry else []), name
        elif entry["expect"] == "accept":
            assert errors == (), name


def test_repaired() -> None:
    """Without its defect a rejected file is a valid one, and decodes as far as anybody can tell."""
    for name, entry in vectors().items():
        if entry["expect"] == "reject":
            base, edits = vectors()[entry["repaired"]], edits_of(entry)
            whole, faulty = data_of(base), data_of(entry)
            assert base["expect"] == "accept", name
            assert apply(whole, edits) == faulty != whole, name
            shift, undone = 0, []
            for edit in edits:
                undone.append(Edit(edit.offset + shift, edit.insert, edit.delete))
                shift += len(edit.insert) - len(edit.delete)
            assert apply(faulty, undone) == whole, name


def test_empty_bodies_of_tier_h() -> None:
    """Files whose payload nobody decodes here are valid all the same: the small ones are decoded."""
    for entry in vectors().values():
        size = entry.get("expected", {}).get("width", 0) * entry.get("expected", {}).get("height", 0)
        if entry["tier"] == "H" and entry["expect"] == "accept" and size <= 16_384:
            assert decode_file(data_of(entry), models=(MODELS,), backend=BACKEND).state == "absent"


def opened(entry: dict[str, Any], data: bytes, folder: Path) -> None:
    """The file with this model. Codes of kind 4 are read without it, so there it is opened beside them."""
    decoded = decode_file(data, models=(folder,), backend=BACKEND)
    if entry.get("asked") == "embedding":
        kinds.check_model(package.load_any(folder), 4, decoded.container.profile.parameters(4))


def test_models() -> None:
    """Each faulty package is refused, and its file decodes with the package of which it was made."""
    for entry in manifest()["models"]:
        data, folder, sound = data_of(entry), VECTORS / entry["folder"], VECTORS / entry["repaired"]
        header = read(data).header
        with pytest.raises(SemError) as caught:
            opened(entry, data, folder)
        assert (caught.value.id, caught.value.status) == (entry["error"], entry["status"]), entry["id"]
        digest = bytes.fromhex(package.load_any(sound).digest)
        assert header.model_hash is not None
        n = len(header.model_hash)
        repaired = data[:6] + digest[:n] + data[6 + n :]
        decoded = decode_file(repaired, models=(sound,), backend=BACKEND)
        assert decoded.folder == (None if "asked" in entry else sound), entry["id"]


def malformed(text: bytes) -> bool:
    """Whether SPEC §2 takes a text of JSON for malformed, which the parser of Python may not."""
    try:
        parse_json(text)
    except ValueError:
        return True
    return False


def test_models_have_one_defect() -> None:
    """A faulty package differs from the sound one in three members at most, in the tensors, or is malformed JSON alone."""
    for entry in manifest()["models"]:
        folders = [VECTORS / entry[key] for key in ("folder", "repaired")]
        text = (folders[0] / "manifest.json").read_bytes()
        bad, good = (json.loads((folder / "manifest.json").read_bytes()) for folder in folders)
        changed = {key for key in bad.keys() | good.keys() if json.dumps(bad.get(key)) != json.dumps(good.get(key))} - {
            "name",
            "notes",
            "symbols",
        }
        assert changed <= {"format", "format_version", "licence"}
        ours, theirs = bad["symbols"] if isinstance(bad["symbols"], dict) else {}, good["symbols"]
        members = {
            key
            for key in ours.keys() | theirs.keys()
            if json.dumps(ours.get(key, "absent")) != json.dumps(theirs.get(key, "absent"))
        }
        paths = [folder / "symbols.safetensors" for folder in folders]
        blobs = [path.read_bytes() if path.is_file() else b"" for path in paths]
        assert members or changed or blobs[0] != blobs[1] or malformed(text), entry["id"]
        assert len(members - {"tensors"}) <= 3, entry["id"]


# --- both ways -----------------------------------------------------------------------------------------------------


def test_encode() -> None:
    for entry in manifest()["encode"]:
        written = writer().encoded(json.loads(data_of(entry)), writer_environment())
        assert written == data_of(vectors()[entry["output"]]), entry["id"]


def test_quantise() -> None:
    """SEM-R-191, SEM-R-192: codes of binary32 numbers, and a body of them."""
    for entry in manifest()["quantise"]:
        said = json.loads(data_of(entry))
        vector, codes = floats(said["vector"]), said["codes"]
        assert list(clip_bits.quantise(vector, said["b"])) == codes, entry["id"]
        parameters = {"d": len(codes), "b": said["b"], "prior": False}
        assert clip_bits.encode(codes, parameters).hex() == said["body"], entry["id"]
        for number in said["refused"]:
            with pytest.raises(ValueError, match="not a number"):
                clip_bits.quantise(np.append(vector, floats([number])), said["b"])


def floats(numbers: list[str]) -> Any:
    return np.frombuffer(bytes.fromhex("".join(numbers)), ">f4").astype(np.float32)


def test_coder() -> None:
    for entry in manifest()["coder"]:
        stream = json.loads(data_of(entry))
        encoder, states = Encoder(), []
        decoder = Decoder(bytes.fromhex(stream["body"]))
        for symbol in [None, *stream["symbols"]]:
            if symbol is not None:
                c, f, total = symbol
                table = sorted({0, c, c + f, total})
                assert encoder.symbol(table, table.index(c)) == decoder.symbol(table), entry["id"]
            states.append({"low": encoder._low, "range": encoder._range, "bytes": encoder._out.hex()})
        assert states == stream["states"], entry["id"]
        assert encoder.finish().hex() == decoder.finish().hex() == stream["body"], entry["id"]


def test_coder_examples_are_those_of_the_spec() -> None:
    streams = {entry["id"]: json.loads(data_of(entry)) for entry in manifest()["coder"]}
    names = ("coder-worked-example", "coder-carry", "coder-carry-at-the-end", "coder-escape", "coder-clip", "coder-pq")
    for name in names:
        assert f"`{bytes.fromhex(streams[name]['body']).hex(' ').upper()}`" in SPEC, name


def test_examples_of_texts_are_those_of_the_spec() -> None:
    """Each row of the tables of examples in SPEC §13.1 and §13.2 is a vector with this very body."""
    bodies: dict[tuple[str, Any], set[str]] = {}
    for entry in vectors().values():
        for section in entry.get("expected", {}).get("sections", ()):
            how = section.get("mode", {2: "fixed", 3: "coded"}.get(entry["expected"]["profile"]))
            body = data_of(entry)[section["offset"] : section["offset"] + section["bytes"]]
            bodies.setdefault((how, json.dumps(section.get("value"))), set()).add(body.hex(" ").upper())
    found = 0
    for text, fixed, coded in re.findall(
        r"^\| (empty|`[a-z ]+`) \|((?: `[0-9A-F ]+`)?) \|((?: `[0-9A-F ]+`)?) \|$", SPEC, re.M
    ):
        for how, body in (("fixed", fixed), ("coded", coded)):
            assert body.strip(" `") in bodies[how, json.dumps("" if text == "empty" else text[1:-1])], text
            found += 1
    for text, mode, body in re.findall(
        r"^\| (.+) \| (static|tokens|raw|zlib|zstd) \|((?: `[0-9A-F ]+`)?) \|$", SPEC, re.M
    ):
        ids = [int(number) for number in re.findall(r"[0-9]+", text)] if mode == "tokens" else None
        value = ids if ids is not None else "" if text == "empty" else text[1:-1]
        assert body.strip(" `") in bodies[mode, json.dumps(value)], text
        found += 1
    assert found >= 20


def test_traces() -> None:
    traced = [entry for entry in vectors().values() if "trace" in entry]
    assert len(traced) >= 2
    for entry in traced:
        data, tracer = data_of(entry), Tracer()
        decode_file(data, models=(MODELS,), backend=BACKEND, trace=tracer)
        assert tracer.to_json(data) == (VECTORS / entry["trace"]).read_bytes(), entry["id"]
