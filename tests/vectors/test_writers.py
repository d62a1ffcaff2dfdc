# SPDX-License-Identifier: MIT
"""Encoders and editors behind the runner: refcodec passes, and wrong ones fail for the reason that is reported."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mutants.mutants_writers import EDITORS, ENCODERS
from semrunner import cli
from semrunner.answer import Answer
from semrunner.case import Case
from semrunner.cli import Options
from semrunner.compare import mismatches
from semrunner.evidence import mark_unproven
from semrunner.session import evaluate
from semrunner.settings import Settings
from semrunner.suite import load
from semrunner.writers import WriterOneShot, WriterPersistent

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "test_vectors"
CONFORMANCE = ROOT / "conformance"
PLACES = [ROOT / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]
REFCODEC, MICRO = (
    shlex.join([sys.executable, str(CONFORMANCE / "adapters" / f"{name}_writer.py")]) for name in ("refcodec", "micro")
)
SETTINGS = Settings(("true",), Path("registry.json"), Path("data"), role="encoder")


def case(name: str) -> Case:
    (found,) = (case for case in load(VECTORS).written if case.id == name)
    return found


def test_every_entry_of_the_lists_is_a_case() -> None:
    manifest = json.loads((VECTORS / "manifest.json").read_bytes())
    cases = load(VECTORS).written
    for name in ("encode", "refuse", "edit", "quantise"):
        ids = {entry["id"] for entry in manifest[name]}
        assert ids == {c.id for c in cases if c.list == name and not c.base}, name
    numbers = [c for c in cases if c.list == "quantise" and c.base]
    assert len(numbers) >= 20
    assert all(not c.accepted and c.id.startswith(f"{c.base}-refused-") for c in numbers)


@pytest.mark.parametrize(
    ("role", "run", "passes"),
    [
        ("encoder", ("encode-sections*", "refuse-clip*", "quantise-edges-1*"), 17),
        ("editor", (), 13),
    ],
)
def test_refcodec_passes(role: str, run: tuple[str, ...], passes: int, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    assert cli.run(Options(REFCODEC, VECTORS, role=role, jobs=1, run=run, json=report), PLACES) == 0
    document = json.loads(report.read_bytes())
    jsonschema.Draft202012Validator(json.loads((CONFORMANCE / "schema" / "report.schema.json").read_bytes())).validate(
        document
    )
    assert document["role"] == role
    assert document["counts"] == {"passed": passes, "failed": 0, "skipped": 0}
    assert document["decoder"]["protocol"] == "persistent"


def test_the_writer_of_the_micro_decoder_passes(tmp_path: Path) -> None:
    """It leaves out texts and networks, in every entry."""
    report = tmp_path / "report.json"
    assert cli.run(Options(MICRO, VECTORS, role="encoder", jobs=1, json=report), PLACES) == 0
    document = json.loads(report.read_bytes())
    assert document["left_out"] == ["caption", "consonant"]
    assert document["decoder"]["tier"] == "S"
    lists = {entry["list"] for entry in document["vectors"] if entry["outcome"] == "passed"}
    assert lists == {"encode", "refuse", "quantise"}
    assert cli.run(Options(MICRO, VECTORS, role="editor", jobs=1), PLACES) == 0


@pytest.mark.slow
def test_refcodec_passes_one_shot() -> None:
    for role, run in (("encoder", ("refuse-pq*", "encode-pq*", "quantise-example")), ("editor", ("edit-to-cut*",))):
        assert cli.run(Options(REFCODEC, VECTORS, role=role, jobs=1, run=run, protocol="one-shot"), PLACES) == 0


def test_one_shot_arguments() -> None:
    client = WriterOneShot(SETTINGS)
    paths = ["--registry", "registry.json", "--data", "data", "--models", str(VECTORS / "models")]
    assert client.options(case("encode-sections"), "L") == ["encode", *paths]
    assert client.options(case("refuse-clip-few"), "L") == ["encode", *paths]
    assert client.options(case("quantise-example"), "L") == ["quantise", *paths]
    assert client.options(case("edit-to-cut"), "L") == ["edit", *paths, "--operation", '{"cut":2}']


ONE_SHOT = {
    "a file": ("encode-sections", 0, b"\xf5\x9e", "", "accepted"),
    "codes": ("quantise-example", 0, b'{"codes": [], "body": ""}', "", "accepted"),
    "codes that are no JSON": ("quantise-example", 0, b"\xf5", "", "no valid answer: standard output is not one JSON"),
    "refused": ("refuse-clip-few", 2, b"", "refused: 3 codes", "refused"),
    "refused with a code of usage": ("refuse-clip-few", 2, b"", "SEM-E-102 x", "refused"),
    "refused with a code": ("refuse-clip-few", 3, b"", "SEM-E-303 x", "SEM-E-303, status 3"),
    "left out": ("refuse-map-turned", 4, b"", "SEM-E-704 maps", "SEM-E-704, status 4"),
    "usage": ("refuse-clip-few", 2, b"", "unknown task encode", "no valid answer: exit status 2 (unknown task encode)"),
    "output beside it": ("refuse-clip-few", 2, b"x", "refused", "no valid answer: exit status 2 (refused)"),
    "a traceback": ("refuse-clip-few", 1, b"", "KeyError: 1", "no valid answer: exit status 1 (KeyError: 1)"),
    "a signal": ("refuse-clip-few", -11, b"", "", "no valid answer: killed by SIGSEGV"),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_SHOT)
def test_one_shot_answers(name: str) -> None:
    entry, status, out, note, summary = ONE_SHOT[name]
    assert WriterOneShot(SETTINGS).parse(case(entry), status, out, note).summary().startswith(summary)


class Unstarted(WriterPersistent):
    """A client without a process."""

    def __init__(self) -> None:
        self.settings = SETTINGS


PERSISTENT: dict[str, tuple[str, Any, str]] = {
    "a file": ("encode-sections", {"result": {"file": "9Z4="}}, "accepted"),
    "no base64": ("encode-sections", {"result": {"file": "9Z"}}, "no valid answer: result must have the file"),
    "no file": ("encode-sections", {"result": {}}, "no valid answer: result must have the file"),
    "a text": ("encode-sections", {"result": "9Z4="}, "no valid answer: result must have the file"),
    "refused": ("refuse-clip-few", {"refused": "3 codes"}, "refused"),
    "refused without a reason": ("refuse-clip-few", {"refused": None}, "no valid answer: refused must give its reason"),
    "both": ("refuse-clip-few", {"refused": "x", "result": {"file": ""}}, "no valid answer: refused must give"),
    "a code": ("refuse-clip-few", {"error": {"code": "SEM-E-303", "status": "3"}}, "SEM-E-303, status 3"),
    "another number": ("encode-sections", {"seq": "2", "refused": "x"}, "no valid answer: no answer to seq 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", PERSISTENT)
def test_persistent_answers(name: str) -> None:
    entry, reply, summary = PERSISTENT[name]
    assert Unstarted().parse(case(entry), {"seq": "1"} | reply, "1").summary().startswith(summary)


def test_persistent_requests() -> None:
    client, cut = Unstarted(), case("edit-to-cut")
    request = client.run_request(cut, "S")
    assert request == {
        "id": "edit-to-cut",
        "task": "edit",
        "models": str(VECTORS / "models"),
        "input": base64.b64encode(cut.file).decode(),
        "operation": {"cut": 2},
    }
    assert "operation" not in client.run_request(case("refuse-clip-few"), "S")


def test_a_wrong_file_is_described() -> None:
    wanted = case("encode-consonant-fixed-empty")
    expected = bytes.fromhex((wanted.expected or {})["file"])
    n = len(expected)
    for data, why in (
        (expected + b"\0", f"expected a file of {n} bytes; got one of {n + 1}, which differs from byte {n} on"),
        (b"\0" + expected[1:], f"expected a file of {n} bytes; got one of {n}, which differs from byte 0 on"),
    ):
        assert mismatches(wanted, Answer("accept", result={"file": data.hex()}), "S") == [why]
    assert mismatches(wanted, Answer("accept", result={"file": expected.hex()}), "S") == []
    assert mismatches(wanted, Answer("reject", status=2), "S") == ["expected to be written; got refused"]
    assert mismatches(case("refuse-clip-few"), Answer("accept", result={"file": ""}), "S") == [
        "expected to be refused; got a file"
    ]


def test_refusals_of_an_encoder_that_refuses_everything_show_nothing() -> None:
    """Those of its kinds: where another kind is written, its refusals count."""
    no = Answer("reject", status=2)
    clip, few = (evaluate(case(name), "L", no, None) for name in ("encode-clip", "refuse-clip-few"))
    vector, nan = (evaluate(case(f"quantise-edges-1{end}"), "L", no, None) for end in ("", "-refused-7fc00000"))
    assert [verdict.outcome for verdict in (clip, few, vector, nan)] == ["failed", "passed", "failed", "passed"]
    found = mark_unproven([clip, few, vector, nan])
    assert [verdict.outcome for verdict in found] == ["failed"] * 4
    assert found[1].why == "refused is right, but shows nothing: every valid file with clip is answered in the same way"
    assert found[3].why == "refused is right, but shows nothing: the valid quantise-edges-1 is answered in the same way"
    right = replace(vector, outcome="passed")
    assert mark_unproven([clip, few, right, nan])[3].outcome == "passed"


def test_a_program_of_another_role_is_not_started(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(Options("true", VECTORS, role="editor", run=("encode-sections",)), PLACES) == 2
    assert capsys.readouterr().err == "conformance: no vector matches encode-sections\n"
    assert cli.run(Options("", VECTORS, role="encoder"), PLACES) == 2
    assert "--encoder needs a command" in capsys.readouterr().err
    run = [sys.executable, str(CONFORMANCE / "run.py")]
    for words in ([], ["--encoder", "true", "--editor", "true"]):
        done = subprocess.run([*run, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_wrong_encoders_and_editors_are_found_out() -> None:
    assert len(ENCODERS) >= 5
    assert len(EDITORS) >= 5
    few = [
        "sound-encoder",
        "sound-editor",
        "encoder-strips-text",
        "encoder-refuses-all",
        "quantise-nan",
        "editor-cut-count",
    ]
    done = subprocess.run(
        [sys.executable, str(CONFORMANCE / "selftest.py"), "--jobs", "1", *few],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 wrong decoders are detected" in done.stdout
