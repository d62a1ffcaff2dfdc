# SPDX-License-Identifier: MIT
"""conformance/: the runner passes what is right, fails what is not, and says which; so does the suite of wrong decoders."""

from __future__ import annotations

import ast
import base64
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import selftest
from mutants import catalogue
from mutants.kill_matrix import Row
from mutants.trials import trial
from semrunner import cli, compare, process, session
from semrunner.answer import Answer
from semrunner.cli import Options
from semrunner.manifest import SuiteError
from semrunner.suite import Case, load
from semrunner.verdict import Verdict

ROOT = Path(__file__).resolve().parents[2]


VECTORS = ROOT / "test_vectors"
CONFORMANCE = ROOT / "conformance"
PLACES = [ROOT / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]
SCHEMA = json.loads((CONFORMANCE / "schema" / "report.schema.json").read_bytes())
IDS = (
    "micro", "grease", "default", "reserved-bit", "check-bit", "pq-tiny", "caption-zstd-unchecked", "caption-zstd-bomb",
    "caption-static-cat", "limit-side", "limit-side-exceeded", "unknown-critical", "pq-tiny-embedding",
)  # fmt: skip


def adapter(name: str) -> str:
    return shlex.join([sys.executable, str(CONFORMANCE / "adapters" / f"{name}.py")])


def small(folder: Path, wanted: Callable[[dict[str, Any]], bool]) -> Path:
    """A suite of some vectors and faulty models, with the valid files of which they are made."""
    manifest = json.loads((VECTORS / "manifest.json").read_bytes())
    bases = {entry.get("repaired") for entry in manifest["vectors"] if wanted(entry)}
    kept = [entry for entry in manifest["vectors"] if wanted(entry) or entry["id"] in bases]
    models = [entry for entry in manifest["models"] if wanted(entry)]
    head = {key: value for key, value in manifest.items() if not isinstance(value, list)}
    folder.mkdir()
    for entry in kept:
        (folder / entry["file"]).parent.mkdir(exist_ok=True)
        shutil.copyfile(VECTORS / entry["file"], folder / entry["file"])
    for entry in models:
        shutil.copytree(VECTORS / entry["folder"], folder / entry["folder"])
    shutil.copytree(VECTORS / "models", folder / "models")
    (folder / "manifest.json").write_text(json.dumps(head | {"vectors": kept, "models": models}))
    return folder


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of everything."""
    some = ("conv-input-unbounded", "clip-tiny-digest", "pq-tiny-shape")
    return small(
        tmp_path_factory.mktemp("suites") / "some",
        lambda entry: entry["id"] in (*IDS, *some) or entry["file"].startswith("pq/"),
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid file of tier H and a faulty one."""
    return small(
        tmp_path_factory.mktemp("suites") / "pair", lambda entry: entry["id"] in ("limit-side", "limit-side-exceeded")
    )


def put(suite: Path, decoder: str, **options: Any) -> int:
    return cli.run(Options(decoder, suite, jobs=1, **options), PLACES)


# --- decoders that are right --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "run"),
    [
        ("persistent", ()),
        pytest.param("one-shot", ("pq-tiny*", "micro", "reserved-bit", "pq"), marks=pytest.mark.slow),
    ],
)
def test_refcodec_passes(
    suite: Path, tmp_path: Path, protocol: str, run: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    report, junit = tmp_path / "report.json", tmp_path / "report.xml"
    assert put(suite, adapter("refcodec"), protocol=protocol, run=run, json=report, junit=junit) == 0
    document = json.loads(report.read_bytes())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["passed"] is True
    assert document["decoder"]["protocol"] == protocol
    assert document["counts"] == {"passed": len(document["vectors"]), "failed": 0, "skipped": 0}
    said = capsys.readouterr().out.splitlines()
    assert f"{len(document['vectors'])} passed, 0 failed, 0 skipped" in said[-1]
    assert any(line.startswith("slowest: ") for line in said)
    cases = ET.parse(junit).getroot().findall("./testsuite/testcase")
    assert {case.get("name") for case in cases} == {entry["id"] for entry in document["vectors"]}


def test_micro_decoder_leaves_out_zstd(suite: Path, tmp_path: Path) -> None:
    """As SEM-R-180 lets it, where its Python has none. The rest passes, models that only an embedding asks for too."""
    report = tmp_path / "report.json"
    assert put(suite, adapter("micro"), json=report) == 0
    document = json.loads(report.read_bytes())
    skipped = [entry["id"] for entry in document["vectors"] if entry["outcome"] == "skipped"]
    assert document["left_out"] == ([] if sys.version_info >= (3, 14) else ["zstd"])
    assert skipped == ([] if sys.version_info >= (3, 14) else ["caption-zstd-unchecked", "caption-zstd-bomb"])
    assert {entry["list"] for entry in document["vectors"]} == {"vectors", "models"}


def test_semtool_runs_it(suite: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "refcodec.cli",
        "conformance",
        "run",
        "--suite",
        str(suite),
        "--decoder",
        adapter("refcodec"),
    ]
    place = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(CONFORMANCE)])}
    done = subprocess.run(
        [*command, "--tier", "H", "--json", str(tmp_path / "r.json")],
        env=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "r.json").read_bytes())["decoder"]["tier"] == "H"
    done = subprocess.run(
        [*command, "--run", "nothing-like-it"], env=place, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "conformance: no vector matches nothing-like-it\n")


def test_the_script_runs_from_anywhere(pair: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(CONFORMANCE / "run.py"),
        "--suite",
        str(pair),
        "--decoder",
        adapter("micro"),
        "--quiet",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


def test_the_runner_needs_the_standard_library_alone() -> None:
    files = [
        *(CONFORMANCE / "semrunner").glob("*.py"),
        CONFORMANCE / "run.py",
        *(CONFORMANCE / "adapters" / f"{name}.py" for name in ("protocol_server", "writer_server", "micro_writer")),
    ]
    own = {"semrunner", "adapters", "protocol_server", "writer_server", "micro"}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] in sys.stdlib_module_names | own, f"{path.name} imports {name}"


# --- decoders that are not, one vector at a time ------------------------------------------------------------------

RIGHT = """
import base64, json, os, signal, subprocess, sys, time
GOOD = {"width": "16384", "height": "1", "profile": "200", "model_hash": None, "check_bits": "0", "complete": True,
        "sections": [{"type": "135", "kind": "elic", "offset": "8", "bytes": "0"}]}
out = lambda text: (sys.stdout.write(text), sys.stdout.flush())
"""
ONE_SHOT = (
    RIGHT
    + """
if "--persistent" in sys.argv:
    sys.exit(2)
data = sys.stdin.buffer.read()
bad = data[5:7] != bytes.fromhex("FE7F")
def reject(line="SEM-E-601 limit-side: too wide", status=6):
    print("a note\\n" + line, file=sys.stderr)
    sys.exit(status)
"""
)
PERSISTENT = (
    RIGHT
    + """
def start(asked):
    return {"ok": True, "name": "stub 1", "tiers": ["H"]}
def run(asked, right):
    return right
def stop():
    out(json.dumps({"ok": True}) + "\\n")
    sys.exit(0)
def serve():
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["op"] == "start":
            out(json.dumps(start(asked)) + "\\n")
        elif asked["op"] == "stop":
            stop()
        else:
            bad = asked["id"].endswith("exceeded")
            said = {"error": {"code": "SEM-E-601", "status": "6"}} if bad else {"result": GOOD}
            out(json.dumps(run(asked, {"seq": asked["seq"]} | said)) + "\\n")
"""
)


def stub(folder: Path, text: str) -> str:
    path = folder / "stub.py"
    path.write_text(text)
    return shlex.join([sys.executable, "-I", "-S", str(path)])


def test_a_right_stub_passes(pair: Path, tmp_path: Path) -> None:
    """So that what follows fails for its fault alone."""
    body = "reject() if bad else out(json.dumps(GOOD | {'more': 1}))"
    assert put(pair, stub(tmp_path, ONE_SHOT + body)) == 0
    assert put(pair, stub(tmp_path, PERSISTENT + "serve()"), protocol="persistent") == 0


def test_a_decoder_that_waits_for_a_file_speaks_one_shot(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes --persistent for anything, and the start for the beginning of a file."""
    monkeypatch.setattr(session, "START_TIMEOUT", 0.5)
    body = ONE_SHOT.replace('if "--persistent" in sys.argv:\n    sys.exit(2)\n', "")
    assert put(pair, stub(tmp_path, body + "reject() if bad else out(json.dumps(GOOD))")) == 0


WRONG_ENDS = {
    "status 1": ("sys.exit(1)", "exit status 1 (a note)"),
    "traceback": ("raise KeyError('x')", "exit status 1 (KeyError: 'x')"),
    "signal": ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV"),
    "no code": ("sys.exit(6)", "exit status 6 without a code (a note)"),
    "code of four digits": ("reject('SEM-E-6011 x')", "exit status 6 without a code"),
    "code in the line": ("reject('error: SEM-E-601')", "exit status 6 without a code"),
    "another status": ("reject(status=3)", "SEM-E-601 with status 3: the status of its family is 6"),
    "another code": ("reject('SEM-E-602 limit-pixels')", "got SEM-E-602, status 6"),
    "another family": ("reject('SEM-E-202 header-truncated', 3)", "got SEM-E-202, status 3"),
    "left out": ("reject('SEM-E-704 unsupported-kind', 4)", "left out (SEM-E-704, status 4)"),
    "status of usage": ("reject(status=2)", "exit status 2"),
    "output beside it": ("out('{}'); reject()", "exit status 6 with 2 bytes on standard output"),
    "accepted": ("out(json.dumps(GOOD))", "got accepted"),
    "too slow": ("time.sleep(60)", "timed out after 3 s"),
    "never ends": ("out('{}'); os.close(1); os.close(2); time.sleep(60)", "closed its output but did not exit"),
    "too large": ("x = bytearray(b'1') * (1 << 28)", "exit status 1 (MemoryError)"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_ENDS)
def test_wrong_end_of_a_faulty_file(name: str, pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    action, why = WRONG_ENDS[name]
    decoder = stub(
        tmp_path, ONE_SHOT + f"print('a note', file=sys.stderr)\nif bad: {action}\nelse: out(json.dumps(GOOD))"
    )
    assert put(pair, decoder, timeout=3.0 if "sleep" in action else 60.0, memory=128) == 1
    said = capsys.readouterr().out
    assert "FAILED limit-side-exceeded (SEM-R-141): " in said
    assert why in said
    assert "1 passed, 1 failed" in said


WRONG_OUTPUTS = {
    "nothing": ("pass", "not one JSON object"),
    "no JSON": ("out('width: 16384')", "not one JSON object"),
    "two values": ("out('{} {}')", "not one JSON object"),
    "NaN": ("out(json.dumps(GOOD | {'more': float('nan')}))", "NaN is not JSON"),
    "a member twice": ("out(json.dumps(GOOD)[:-1] + ', \"width\": \"16384\"}')", "names a member twice"),
    "endless nesting": ("out('[' * 100000)", "nested too deeply"),
    "no UTF-8": ("sys.stdout.buffer.write(b'{\"a\": \"\\xff\"}')", "codec can't decode"),
    "a list": ("out(json.dumps([GOOD]))", "not a JSON object"),
    "a number": ("out(json.dumps(GOOD | {'width': 16384}))", 'width: expected "16384"; got 16384'),
    "another number": ("out(json.dumps(GOOD | {'height': '2'}))", 'height: expected "1"; got "2"'),
    "a word": ("out(json.dumps(GOOD | {'complete': 'true'}))", 'complete: expected true; got "true"'),
    "a member less": ("del GOOD['model_hash']; out(json.dumps(GOOD))", "model_hash: expected null; got nothing"),
    "a section more": ("GOOD['sections'] *= 2; out(json.dumps(GOOD))", "sections: expected "),
    "another section": ("GOOD['sections'][0]['kind'] = None; out(json.dumps(GOOD))", 'sections[0].kind: expected "elic"; got null'),
    "rejected": ("reject()", "expected to be accepted; got SEM-E-601, status 6"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_OUTPUTS)
def test_wrong_output_of_a_valid_file(
    name: str, pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    action, why = WRONG_OUTPUTS[name]
    assert put(pair, stub(tmp_path, ONE_SHOT + f"if bad: reject()\nelse: {action}")) == 1
    said = capsys.readouterr().out
    assert "FAILED limit-side (" in said
    assert why in said


def test_too_much_output(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process, "OUTPUT_MAX", 1 << 16)
    assert put(pair, stub(tmp_path, ONE_SHOT + "while True: out('x' * 4096)")) == 1
    assert "more than 65536 bytes of output" in capsys.readouterr().out


WRONG_ANSWERS = {
    "wrong seq": ("run = lambda a, r: r | {'seq': '9'}", "no answer to seq 1"),
    "no seq": ("run = lambda a, r: {'result': GOOD}", "no answer to seq 1"),
    "both": ("run = lambda a, r: r | {'result': GOOD, 'error': {}}", "one of result, error and skip; got result, error"),
    "none": ("run = lambda a, r: {'seq': a['seq']}", "one of result, error and skip; got none"),
    "numbers": ("run = lambda a, r: {'seq': a['seq'], 'error': {'code': 'SEM-E-601', 'status': 6}}", "error must have code and status"),
    "skip of a container": ("run = lambda a, r: {'seq': a['seq'], 'skip': 'no time'}", "left out (no time)"),
    "skip without reason": ("run = lambda a, r: {'seq': a['seq'], 'skip': None}", "skip must give its reason as a string"),
    "two lines": ("run = lambda a, r: out('hello\\n' + json.dumps(r) + '\\n') and r", "more than one line in answer to one request"),
    "no JSON": ("run = lambda a, r: out('hello\\n') and time.sleep(1)", "the answer is not JSON"),
    "silence": ("run = lambda a, r: time.sleep(60)", "timed out after 3 s"),
    "gone": ("run = lambda a, r: print('oh', file=sys.stderr) or os._exit(0)", "the process ended (oh)"),
    "half a line": ("run = lambda a, r: out('{\"seq\"') and os._exit(0)", "the process ended within a line"),
    "stop ignored": ("stop = lambda: out('{\"ok\": true}\\n') and sys.exit(4)", "exit status 4 after stop"),
    "leaks": ("stop = lambda: out('{\"ok\": true}\\n') and sys.exit('9 byte(s) leaked')", "exit status 1 after stop (9 byte(s) leaked)"),
    "stop unanswered": ("stop = lambda: sys.exit(0)", "the process ended"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_ANSWERS)
def test_wrong_answer(name: str, pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    action, why = WRONG_ANSWERS[name]
    decoder = stub(tmp_path, f"{PERSISTENT}\n{action}\nserve()")
    assert put(pair, decoder, protocol="persistent", timeout=3.0 if "sleep" in action else 60.0) == 1
    assert why in capsys.readouterr().out


def test_a_decoder_that_dies_is_started_anew(pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    once = "run = lambda a, r: os._exit(1) if a['id'] == 'limit-side' else r"
    assert put(pair, stub(tmp_path, f"{PERSISTENT}\n{once}\nserve()"), protocol="persistent") == 1
    assert "stub 1: 1 passed, 1 failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ("start = lambda a: {'ok': False, 'why': 'no tables'}", '"why": "no tables"'),
        ("start = lambda a: {'ok': True, 'name': 'x', 'tiers': ['Z']}", "lacks a name or a list of tiers"),
        ("start = lambda a: {'ok': True, 'name': 'x', 'tiers': []}", "lacks a name or a list of tiers"),
        ("start = lambda a: sys.exit('no registry')", "no registry"),
        ("start = lambda a: {'ok': True, 'name': 'x', 'tiers': ['P']}", "only the tiers P"),
    ],
)
def test_a_decoder_that_does_not_start(
    pair: Path, tmp_path: Path, action: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert put(pair, stub(tmp_path, f"{PERSISTENT}\n{action}\nserve()"), protocol="persistent") == 2
    assert why in capsys.readouterr().err


def test_a_decoder_is_asked_for_no_tier_that_it_has_not(
    pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert put(pair, stub(tmp_path, PERSISTENT + "serve()"), tier="L") == 2
    assert "has the tiers H, not L" in capsys.readouterr().err
    assert put(pair, str(tmp_path / "nowhere")) == 2
    assert put(pair, "") == 2


def test_children_of_a_decoder_end_with_it(pair: Path, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    body = f"child = subprocess.Popen(['sleep', '60']); open({str(note)!r}, 'w').write(str(child.pid)); out(json.dumps(GOOD)); os._exit(0)"
    put(pair, stub(tmp_path, ONE_SHOT + body), run=("limit-side",), timeout=2.0)
    for _ in range(50):
        state = Path(f"/proc/{note.read_text()}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("a process that the decoder started goes on")


def test_environment_names_no_models(pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEM_MODELS", "/nowhere")
    monkeypatch.setenv("SEM_REGISTRY", "/nowhere")
    body = "assert not [name for name in os.environ if name.startswith('SEM_')]\nreject() if bad else out(json.dumps(GOOD))"
    assert put(pair, stub(tmp_path, ONE_SHOT + body)) == 0


def test_options_of_one_shot(pair: Path, tmp_path: Path) -> None:
    """As PROTOCOL.md orders them; the folder of data holds the four tables and nothing else."""
    body = """
assert sys.argv[1::2] == ["--tier", "--registry", "--data", "--models"], sys.argv
tier, registry, data, models = sys.argv[2::2]
assert tier == "H" and os.path.isdir(models) and json.load(open(registry))["profiles"]
assert sorted(os.listdir(data)) == ["caption.bin", "caption.zdict", "consonant.bin", "gaussian.bin"]
reject() if bad else out(json.dumps(GOOD))
"""
    assert put(pair, stub(tmp_path, ONE_SHOT + body)) == 0
    assert cli.run(Options("true", pair), []) == 2


def test_valid_files_of_higher_tiers_are_put_to_lower_ones() -> None:
    latents, text, wide = (case(tier=tier) for tier in "LSP")
    assert [latents.tier_for(tier) for tier in "HSLP"] == ["H", "H", "L", "L"]
    assert [text.tier_for(tier) for tier in "HSLP"] == ["H", "S", "S", "S"]
    assert [wide.tier_for(tier) for tier in "HSLP"] == ["H", "H", "L", "P"]
    faulty = case(tier="S", expected=None, error="SEM-E-401", status=3)
    assert [faulty.tier_for(tier) for tier in "HSLP"] == [None, "S", "L", "P"]


# --- what is skipped ----------------------------------------------------------------------------------------------


def test_an_unexpected_pass_is_an_error(pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decoder = stub(tmp_path, ONE_SHOT + "out(json.dumps(GOOD))")  # accepts all
    assert put(pair, decoder, skip=("limit-side-ex*",)) == 0
    assert "skipped limit-side-exceeded: --known-bad: expected SEM-E-601" in capsys.readouterr().out
    assert put(pair, decoder, skip=("limit-*",)) == 1
    assert "FAILED limit-side (SEM-R-140 SEM-R-141): unexpected pass" in capsys.readouterr().out
    assert put(pair, decoder, skip=("no-longer-there",)) == 2


def test_skips_of_the_suite(pair: Path, tmp_path: Path) -> None:
    listed = tmp_path / "suite"
    shutil.copytree(pair, listed)
    (listed / "skips.txt").write_text(
        "# decoder id why\nstub  *-exceeded  limits come later\nother  limit-side  none of ours\n"
    )
    decoder = stub(tmp_path, f"{PERSISTENT}\nrun = lambda a, r: {{'seq': a['seq'], 'result': GOOD}}\nserve()")
    assert put(listed, decoder, protocol="persistent") == 0
    assert put(listed, decoder, protocol="persistent", name="other") == 1
    (listed / "skips.txt").write_text("stub *-exceeded\n")
    assert put(listed, decoder, protocol="persistent") == 2


def case(name: str = "a", **more: Any) -> Case:
    return replace(load_case(), id=name, **more)


def load_case() -> Case:
    expected = {
        "width": 1,
        "height": 1,
        "profile": 9,
        "model_hash": None,
        "check_bits": 0,
        "complete": True,
        "check": "absent",
        "sections": [],
    }
    return Case(
        "a", "vectors", "group", "S", ("SEM-R-052",), "", b"", Path(), "symbols", expected, kinds=frozenset({"caption"})
    )


def test_what_is_left_out_is_left_out_everywhere() -> None:
    """Also where a decoder says so by a skip; and it is no failure where another kind in the file is left out."""
    left = Answer("reject", error="SEM-E-704", status=4)
    read = Verdict(case("read"), "S", Answer("accept"), "passed")
    out = session.evaluate(case("out"), "S", left, None)
    zstd = session.evaluate(case("zstd", kinds=frozenset({"caption", "zstd"})), "S", Answer("skip", why="none"), None)
    assert (out.outcome, zstd.outcome) == ("skipped", "skipped")
    final, left_out = session.check_left_out([read, out, zstd])
    assert [verdict.outcome for verdict in final] == ["passed", "failed", "skipped"]
    assert left_out == ("zstd",)
    assert [verdict.outcome for verdict in session.check_left_out([out, zstd])[0]] == ["skipped", "skipped"]
    assert session.unread_tiers([out, zstd]) == ["tier S: all valid files are left out"]
    assert session.unread_tiers([read, out]) == []


def test_an_expected_704_is_a_verdict() -> None:
    left = Answer("reject", error="SEM-E-704", status=4)
    reserved = case(expected=None, error="SEM-E-704", status=4)
    assert session.evaluate(reserved, "S", left, None).outcome == "passed"
    assert session.evaluate(case(tier="H"), "H", left, None).outcome == "failed"


# --- pixels -------------------------------------------------------------------------------------------------------

PIXELS = {"shape": [1, 2, 3], "file": "a", "sha256": "", "peak": 4, "rms": 2.0}


def picture(*samples: int, shape: Sequence[str] = ("1", "2", "3"), **more: Any) -> Answer:
    pixels = {"shape": list(shape), "data": base64.b64encode(bytes(samples)).decode()}
    result = {"width": "1", "height": "1", "profile": "9", "model_hash": None, "check_bits": "0", "complete": True}
    return Answer("accept", result | {"check": "absent", "sections": [], "pixels": pixels | more})


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (picture(10, 20, 30, 40, 50, 60), ""),
        (picture(12, 20, 30, 40, 50, 56), ""),
        (picture(15, 20, 30, 40, 50, 60), "pixels.peak: expected at most 4; got 5"),
        (picture(13, 23, 33, 43, 53, 63), "pixels.rms: expected at most 2; got 3"),
        (picture(10, 20, 30, 40, 50), "expected the samples of a picture"),
        (picture(10, 20, 30, 40, 50, 60, shape=("2", "1", "3")), "expected the samples of a picture"),
        (picture(10, 20, 30, 40, 50, 60, data="!"), "expected the samples of a picture"),
        (Answer("accept", picture().result | {"pixels": None}), "expected the samples of a picture"),
    ],
)
def test_pixels(answer: Answer, why: str) -> None:
    asked = case(tier="P", reference=bytes([10, 20, 30, 40, 50, 60]))
    asked = replace(asked, expected={**(asked.expected or {}), "pixels": PIXELS})
    verdict = session.evaluate(asked, "P", answer, None)
    assert (verdict.outcome == "passed") is (why == "")
    assert why in verdict.why
    if answer.result["pixels"] and answer.result["pixels"]["data"].startswith("DB"):
        assert dict(verdict.margins) == pytest.approx({"peak": 1.0, "rms": (20 / 6) ** 0.5 / 2})


def test_numbers_are_compared_as_strings() -> None:
    expected = {"a": [[1, 2], [3]], "b": True, "c": "1"}
    assert compare.strings(expected) == {"a": [["1", "2"], ["3"]], "b": True, "c": "1"}
    assert list(compare.differences({"value": "x", "sha256": "y"}, {"sha256": "y"}, "")) == []
    assert list(compare.differences({"value": "x"}, {}, "")) == ['value: expected "x"; got nothing']


# --- suites that are none -----------------------------------------------------------------------------------------


def spoilt(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    change(manifest)
    path.write_text(json.dumps(manifest))


SPOILT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no vectors": lambda m: m["vectors"].clear(),
    "no list": lambda m: m.pop("vectors"),
    "another list": lambda m: m.update(extra=[]),
    "format": lambda m: m.update(format_version=2),
    "tier": lambda m: m["vectors"][0].update(tier="X"),
    "expect": lambda m: m["vectors"][0].update(expect="maybe"),
    "member": lambda m: m["vectors"][0].update(colour="red"),
    "lacking": lambda m: m["vectors"][0].pop("rules"),
    "number": lambda m: m["vectors"][0]["expected"].update(width="64"),
    "digest": lambda m: m["vectors"][0].update(sha256="0" * 64),
    "file": lambda m: m["vectors"][0].update(file="header/nowhere.sem"),
    "outside": lambda m: m["vectors"][0].update(file="../header/limit-side.sem"),
    "twice": lambda m: m["vectors"].append(m["vectors"][0]),
    "repaired": lambda m: m["vectors"][1].update(repaired="nothing"),
    "status": lambda m: m["vectors"][1].update(status=1),
    "pixels": lambda m: m["vectors"][0].update(tier="P"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_suite_that_is_none(name: str, pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "suite"
    shutil.copytree(pair, folder)
    spoilt(folder, SPOILT[name])
    with pytest.raises(SuiteError):
        load(folder)
    assert put(folder, "true") == 2
    said = capsys.readouterr()
    assert said.err.startswith("conformance: ")
    assert said.err.count("\n") == 1


def test_what_an_earlier_revision_asked_is_not_put(pair: Path, tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    shutil.copytree(pair, folder)
    ids = [case.id for case in load(folder).cases]
    spoilt(folder, lambda m: m["vectors"][1].update(until=1))
    assert len(ids) > 1
    assert [case.id for case in load(folder).cases] == [
        name for name in ids if name != json.loads((folder / "manifest.json").read_bytes())["vectors"][1]["id"]
    ]


def test_a_manifest_that_is_no_json(pair: Path, tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    shutil.copytree(pair, folder)
    path = folder / "manifest.json"
    for data in (b"", b"[]", b'{"a": 1, "a": 2}', b"\xff", path.read_bytes().replace(b"limit-side", b"limit\xffside")):
        path.write_bytes(data)
        with pytest.raises(SuiteError):
            load(folder)
    with pytest.raises(SuiteError):
        load(tmp_path / "nowhere")


def test_the_whole_suite_loads() -> None:
    cases = load(VECTORS).cases
    manifest = json.loads((VECTORS / "manifest.json").read_bytes())
    lists = ("vectors", "models", "registries", "painters")
    assert len(cases) == sum(len(manifest.get(name, ())) for name in lists) > 750


# --- deliberately wrong decoders ----------------------------------------------------------------------------------

SELFTEST = CONFORMANCE / "selftest.py"
MUTANTS = CONFORMANCE / "mutants"


@pytest.mark.slow
def test_wrong_decoders_are_found_out() -> None:
    """A few; `make conformance` tries all."""
    few = [
        "reserved-bit",
        "tail-floor",
        "parity",
        "vq-turned",
        "caption-nfc",
        "crashes",
        "both",
        "skips-all",
        "not-stopped",
        "rejects-all-704",
    ]
    done = subprocess.run([sys.executable, str(SELFTEST), *few], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(few)} of {len(few)} wrong decoders are detected" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="nothing is painted without torch")
def test_wrong_painters_are_found_out() -> None:
    """One for each reason: shape, `peak`, `rms` alone, verdict. refcodec, of which they are made, passes."""
    few = [
        "paint-alpha",
        "paint-mirrored",
        "paint-256",
        "paint-near-halo",
        "paint-check-of-payloads",
        "painter-any-path",
    ]
    done = subprocess.run(
        [sys.executable, str(SELFTEST), "sound-painter", *few], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sound-painter: passes" in done.stdout
    assert f"{len(few)} of {len(few)} wrong decoders are detected" in done.stdout


def test_a_painter_that_crashes_is_not_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its answers alone: a mutant that does not fit refcodec any more would hide among the wrong ones."""
    asked: list[dict[str, Any]] = []

    def fake_run(cases: Sequence[Case], _: Any, **options: Any) -> session.Run:
        asked.append({"tiers": {case.tier for case in cases}, "lists": {case.list for case in cases}, **options})
        verdict = Verdict(cases[0], "P", Answer("broken", why="a traceback"), "failed", "a traceback")
        return session.Run("x", "persistent", "P", (verdict,), ("exit status 1 after stop",), (), 0.0)

    monkeypatch.setattr(session, "run", fake_run)
    suite = load(VECTORS)
    row = trial(catalogue.MUTANTS["paint-bgr"], suite, None, (), 1)
    assert (row.first, row.came) == ((), "exit status 1 after stop; a traceback")
    assert trial(catalogue.SOUND_PAINTER, suite, None, (), None).first
    assert trial(catalogue.MUTANTS["crashes"], suite, None, (), 1).first
    assert asked[0] == {
        "tiers": {"P"},
        "lists": {"vectors", "painters"},
        "protocol": "persistent",
        "tier": "P",
        "stop_after": 1,
    }
    assert asked[2]["tier"] == "L"


def test_without_torch_wrong_painters_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(
        selftest, "trials", lambda _suite, names, *_: iter([Row(name, "", 1, ("a",)) for name in names])
    )
    monkeypatch.setattr(sys, "argv", ["selftest.py", "paint*", "reserved-bit"])
    assert selftest.main() == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "torch is not installed: mutants of tier P are skipped"
    assert said[-1].startswith("1 of 1 wrong decoders are detected")


def test_every_mutant_is_in_the_matrix_and_still_one() -> None:
    """Edits fit the micro-decoder as it is, and matrix.json names the mutants that there are, each with what finds it."""
    source = (CONFORMANCE / "decoders" / "micro" / "semmicro.py").read_text(encoding="utf-8")
    assert all(mutant.change(source) != source for mutant in catalogue.MUTANTS.values() if mutant.edits)
    rows = {row["name"]: row for row in json.loads((MUTANTS / "matrix.json").read_bytes())["mutants"]}
    assert list(rows) == [name for name, mutant in catalogue.MUTANTS.items() if mutant not in catalogue.SOUNDS]
    assert len(rows) >= 250
    assert [name for name, row in rows.items() if not row["first"]] == []
    assert all(f"| {name} |" in (MUTANTS / "matrix.md").read_text(encoding="utf-8") for name in rows)
