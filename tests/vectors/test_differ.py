# SPDX-License-Identifier: MIT
"""conformance/differ.py finds and shrinks a file on which decoders differ, and reports nothing for equal decoders."""

from __future__ import annotations

import ast
import json
import shlex
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from random import Random
from typing import Any

import pytest

from diff_fuzz import agreement, deflate, json_text, zstd_frames
from diff_fuzz.agreement import verdict
from diff_fuzz.cases import Cases
from diff_fuzz.files import FileParts, Section, parse_parts, read_varint, varint
from refcodec.payloads.caption import compressed
from refcodec.registry import Registry
from refcodec.table_files import SHIPPED
from semrunner import persistent
from semrunner.answer import Answer
from semrunner.suite import load

ROOT = Path(__file__).resolve().parents[2]
CONFORMANCE = ROOT / "conformance"


REGISTRY = ROOT / "refcodec" / "registry" / "registry.json"
DATA = ROOT / "refcodec" / "payloads" / "data"
FAKE = """
import sys
import protocol_server

def begin(registry, data):
    def decode(question):
        if {odd} and 0x2A in question.file[2:]:
            raise protocol_server.Rejected("SEM-E-402", 3)
        if question.file[:2] != b"\\xf5\\x9e":
            raise protocol_server.Rejected("SEM-E-201", 3)
        raise protocol_server.Rejected("SEM-E-704" if {poor} and 0xFA in question.file else "SEM-E-202", 4 if {poor} and 0xFA in question.file else 3)
    return decode

sys.exit(protocol_server.main("fake-{name}", ("H", "S", "L"), begin))
"""


def fake(folder: Path, name: str, *, odd: bool = False, poor: bool = False) -> str:
    path = folder / f"{name}.py"
    path.write_text(FAKE.format(odd=odd, poor=poor, name=name))
    shutil.copy(CONFORMANCE / "adapters" / "protocol_server.py", folder)
    return shlex.join([sys.executable, str(path)])


def differ(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CONFORMANCE / "differ.py"), "--suite", str(ROOT / "test_vectors"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_difference_is_found_and_shrunk(tmp_path: Path) -> None:
    out, report = tmp_path / "out", tmp_path / "report.json"
    decoders = ["--decoder", fake(tmp_path, "one"), "--decoder", fake(tmp_path, "other", odd=True)]
    done = differ(*decoders, "--count", "200", "--seed", "1", "--out", str(out), "--json", str(report))
    assert done.returncode == 1, done.stderr
    document = json.loads(report.read_bytes())
    assert document["decoders"] == ["fake-one", "fake-other"]
    assert document["cases"] == 200
    answers = {tuple(item["answers"]) for item in document["different"]}
    assert answers <= {("SEM-E-202", "SEM-E-402"), ("SEM-E-201", "SEM-E-402")}
    assert document["written"]
    for item in document["written"]:
        file = out / item["file"]
        assert 0x2A in file.read_bytes()
        line = file.with_suffix(".txt").read_text()
        assert "fake-other: SEM-E-402" in line
        assert f"case {item['case']}" in line
    files = [
        out / item["file"] for item in document["written"] if not item["kind"].startswith(("package", "zstd frame"))
    ]
    assert files
    assert all(len(file.read_bytes()) == 3 for file in files)  # two bytes before it, and itself


def test_equal_decoders_do_not_differ(tmp_path: Path) -> None:
    decoders = ["--decoder", fake(tmp_path, "one"), "--decoder", fake(tmp_path, "other")]
    done = differ(*decoders, "--count", "60", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--decoder", "true"), "differ.py: error: --decoder: two or more are needed"),
        (("--decoder", "true") * 2, "differ: true gives no valid answer to any file: standard output is not one JSON"),
        (
            ("--decoder", "./nowhere") * 2,
            "differ: the decoder cannot be started: [Errno 2] No such file or directory: './",
        ),
        (
            ("--decoder", "sh -c 'echo \"9 byte(s) leaked\" >&2; exit 1'") * 2,
            "(9 byte(s) leaked); LeakSanitizer counts",
        ),
    ],
)
def test_decoders_that_cannot_be_run(arguments: tuple[str, ...], why: str) -> None:
    done = differ(*arguments, "--count", "1")
    assert (done.returncode, why in done.stderr.splitlines()[-1]) == (2, True), done.stderr


def one_shot(command: str, folder: Path, name: str) -> str:
    """Return the command of a decoder without the persistent protocol."""
    path = folder / name
    path.write_text(f'#!/bin/sh\n[ "$1" = --persistent ] && exit 2\nexec {command} "$@"\n')
    path.chmod(0o755)
    return str(path)


def test_a_one_shot_decoder_beside_a_persistent_one(tmp_path: Path) -> None:
    single, report = one_shot(fake(tmp_path, "one"), tmp_path, "single"), tmp_path / "report.json"
    decoders = ["--decoder", single, "--decoder", fake(tmp_path, "other")]
    done = differ(*decoders, "--count", "3", "--json", str(report), "--out", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"3 cases for each of {single}, fake-other: 0 differ")
    assert json.loads(report.read_bytes())["decoders"] == [single, "fake-other"]


@pytest.mark.slow
def test_one_shot_decoders(tmp_path: Path) -> None:
    single = one_shot(fake(tmp_path, "one"), tmp_path, "single")
    poor = one_shot(fake(tmp_path, "poor", poor=True), tmp_path, "poor")
    odd = one_shot(fake(tmp_path, "odd", odd=True), tmp_path, "odd")
    report = tmp_path / "report.json"

    def run(count: int, *decoders: str) -> tuple[int, Any]:
        words = [word for decoder in decoders for word in ("--decoder", decoder)]
        done = differ(*words, "--count", str(count), "--json", str(report), "--out", str(tmp_path / "out"))
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, json.loads(report.read_bytes())

    status, document = run(4, single, single)
    assert (status, document["cases"], document["different"]) == (0, 4, [])
    assert document["decoders"] == [single, f"{single} (2)"]
    status, document = run(20, poor, odd)
    assert (status, document["decoders"], document["left_out"]) == (1, [poor, odd], [["caption", "zstd"], []])
    assert document["written"]
    assert all(item["answers"][odd] == "SEM-E-402" for item in document["written"])


def rejected(code: str) -> Answer:
    return Answer("reject", error=code, status=3)


def accepted(**section: Any) -> Answer:
    members = {
        "type": "130",
        "kind": "caption",
        "offset": "5",
        "bytes": "1",
        "check": "absent",
        "sha256": "00",
        "mode": "raw",
    } | section
    return Answer("accept", result={"width": "1", "height": "1", "sections": [members]})


def test_unspecified_differences_are_recognised() -> None:
    none: tuple[str, ...] = ()

    def agree(one: Answer, other: Answer, file: bytes = b"", left_out: tuple[str, ...] = none, tier: str = "L") -> str:
        return verdict([one, other], tier, file, [none, left_out])

    frame = bytes.fromhex("fa2005 150000 0000")
    assert agree(rejected("SEM-E-402"), rejected("SEM-E-402")) == "agree"
    assert agree(rejected("SEM-E-402"), rejected("SEM-E-401")) == "differ"
    assert agree(rejected("SEM-E-803"), rejected("SEM-E-804")) == "unspecified"
    assert agree(rejected("SEM-E-803"), rejected("SEM-E-705")) == "unspecified"
    assert agree(rejected("SEM-E-803"), rejected("SEM-E-607")) == "unspecified"
    assert agree(rejected("SEM-E-607"), rejected("SEM-E-605")) == "differ"
    assert agree(rejected("SEM-E-803"), rejected("SEM-E-501")) == "differ"
    assert agree(accepted(), rejected("SEM-E-401"), frame) == "unspecified"
    assert verdict([accepted(), rejected("SEM-E-401")], "L", frame, [none, none], strict=True) == "differ"
    assert verdict([accepted(), rejected("SEM-E-702")], "L", frame, [none, none], refusable=True) == "unspecified"
    assert verdict([accepted(), rejected("SEM-E-401")], "L", b"", [none, none], refusable=True) == "differ"
    assert agree(accepted(), rejected("SEM-E-704"), b"\xf9", ("zlib",)) == "agree"
    unstarted = Answer("broken", why=f"{agreement.NOT_STARTED}: no")
    assert agree(unstarted, Answer("reject", error="SEM-E-702", status=4)) == "agree"
    assert agree(unstarted, accepted()) == "differ"
    assert agreement.NOT_STARTED in Path(persistent.__file__).read_text(encoding="utf-8")
    assert agree(accepted(), rejected("SEM-E-704"), b"\xfa", ("zlib",)) == "differ"
    assert agree(accepted(), rejected("SEM-E-401"), bytes.fromhex("fa2005 290000 6120636174")) == "differ"
    assert agree(accepted(), rejected("SEM-E-704"), frame, ("zstd",)) == "agree"
    assert agree(accepted(), rejected("SEM-E-704"), b"", ("zstd",)) == "differ"
    assert agree(accepted(), rejected("SEM-E-704"), frame) == "differ"
    assert agree(accepted(value="a"), accepted()) == "agree"
    assert agree(accepted(value="a"), accepted(value="b")) == "differ"
    assert agree(accepted(), accepted(sha256="01")) == "differ"
    assert agree(accepted(), accepted(sha256="01"), tier="H") == "agree"
    assert agree(Answer("broken", why="it crashed"), Answer("broken", why="it crashed")) == "differ"


def test_files_are_parsed_and_serialised_again() -> None:
    rows = {row["id"]: row["binding"] for row in json.loads(REGISTRY.read_bytes())["profiles"]}
    for file in {case.file for case in load(ROOT / "test_vectors").cases if case.accepted and case.registry is None}:
        parts = parse_parts(file, rows)
        assert parts is not None
        assert parts.data() == file
    assert [read_varint(varint(n), 0)[0] for n in (0, 127, 128, 16511, 16512, 270549119)] == [
        0,
        127,
        128,
        16511,
        16512,
        270549119,
    ]
    made = FileParts(b"\x04", b"\x01", [Section(0x83, b"a", symbols=b"S")], 3, key=b"K")
    assert len(made.data()) == 5 + 2 + 1


def test_a_case_is_always_the_same(tmp_path: Path) -> None:
    suite = load(ROOT / "test_vectors")
    one, other = Cases(suite, REGISTRY, DATA, 5), Cases(suite, REGISTRY, DATA, 5)
    for number in range(60):
        a, b = one.case(number), other.case(number)
        assert (a.name, a.file, a.tier, a.asked) == (b.name, b.file, b.tier, b.asked)
    assert one.case(1).file != one.case(2).file


def inflated(stream: bytes) -> bytes | None:
    """Return what zlib makes of exactly one stream."""
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(stream)
    except zlib.error:
        return None
    return text if inflate.eof and not inflate.unused_data else None


def test_zlib_streams_without_a_defect_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [inflated(deflate.stream(Random(seed))) for seed in range(400)]
    assert 60 < sum(text is None for text in found) < 340  # most defects are errors
    kinds = set()
    monkeypatch.setattr(deflate, "DEFECTS", ("",))
    for seed in range(400):
        stream = deflate.stream(Random(seed))
        kinds.add(stream[2] >> 1 & 3)
        assert inflated(stream) is not None, seed
    assert kinds == {0, 1, 2}


@pytest.mark.parametrize("defect", deflate.DEFECTS)
def test_every_defect_of_a_zlib_stream_is_found_by_zlib(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In some stream at least: a changed bit, length or number can be harmless."""
    monkeypatch.setattr(deflate, "DEFECTS", (defect,))
    assert any(inflated(deflate.stream(Random(seed))) is None for seed in range(60))


def test_zstd_blocks_are_valid_by_construction() -> None:
    """Those of every kind of literals and mode of sequences, which the reference decoder reads."""
    dictionary = SHIPPED.load(compressed.DICTIONARY)
    seen: set[str] = set()
    for seed in range(300):
        writer = zstd_frames.Writer(Random(seed))
        blocks = [writer.block() for _ in range(3)]
        if writer.out > 1 << 16:
            continue
        header = zstd_frames.Header(False, 4, writer.out)
        frame = header.bytes() + b"".join(block.bytes(last=at == 2) for at, block in enumerate(blocks))
        assert len(compressed.decompress(frame, 1 << 16, dictionary)) == writer.out
        seen |= {f"block {block.kind}" for block in blocks}
        seen |= {f"literals {block.data[0] & 3}" for block in blocks if block.kind == zstd_frames.COMPRESSED}
    assert seen == {f"block {kind}" for kind in range(3)} | {f"literals {kind}" for kind in range(4)}


def test_registries_are_spelt_otherwise() -> None:
    document = json.loads(REGISTRY.read_bytes())
    texts = [json_text.respelled(Random(seed), document) for seed in range(40)]
    assert all(json.loads(text) == document for text, changed in texts if not changed)
    assert any(b"\\u00" in text for text, _ in texts)
    assert {changed for _, changed in texts} == {True, False}


def test_malformed_registries_are_no_registries() -> None:
    def is_registry(text: bytes) -> bool:
        try:
            Registry.parse(text)
        except ValueError:
            return False
        return True

    text = json.dumps(json.loads(REGISTRY.read_bytes())).encode()
    assert is_registry(text)
    assert [change(text)[:40] for change in json_text.MALFORMED if is_registry(change(text))] == []


def test_it_needs_the_standard_library_alone() -> None:
    for path in [*(CONFORMANCE / "diff_fuzz").glob("*.py"), CONFORMANCE / "differ.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] in sys.stdlib_module_names | {"semrunner", "diff_fuzz"}, (
                    f"{path.name} imports {name}"
                )
