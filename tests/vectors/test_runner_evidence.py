# SPDX-License-Identifier: MIT
"""What the runner says beside its counts: answers that show nothing, programs that do not answer, files to look at."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from semrunner import cli
from semrunner.answer import Answer, broken
from semrunner.cli import Options
from semrunner.compare import mismatches
from semrunner.evidence import mark_unproven, notes
from semrunner.session import evaluate
from semrunner.suite import Case, load
from semrunner.verdict import Verdict

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "test_vectors"
PLACES = [ROOT / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]
CASES = {case.id: case for case in load(VECTORS).cases}
LIMIT = 2048 << 20
MODEL = "clip-tiny-digest"  # of the list `models`: rejected with SEM-E-802


def rejection(code: str, status: int) -> Answer:
    return Answer("reject", error=code, status=status)


def verdicts(answers: dict[str, Answer], known: Sequence[str] = ()) -> list[Verdict]:
    return [evaluate(CASES[name], "L", answer, "known" if name in known else None) for name, answer in answers.items()]


def stub(folder: Path, body: str) -> str:
    path = folder / "stub.py"
    path.write_text(f"import sys\nif '--persistent' in sys.argv: sys.exit(2)\n{body}\n")
    return shlex.join([sys.executable, "-I", "-S", str(path)])


def test_a_rejection_counts_beside_a_valid_file_that_is_read() -> None:
    code = rejection("SEM-E-801", 5)
    answers = {"clip-tiny-explicit": code, "clip-tiny-model-nowhere": code}
    valid, nowhere = mark_unproven(verdicts(answers))
    assert (valid.outcome, nowhere.outcome, nowhere.unproven) == ("failed", "failed", True)
    assert nowhere.why == (
        "SEM-E-801, status 5 is right, but shows nothing: the valid clip-tiny-explicit is answered in the same way"
    )
    assert CASES["clip-tiny-model-nowhere"].base == "clip-tiny-explicit"
    _, other = mark_unproven(verdicts(answers | {"clip-tiny-explicit": rejection("SEM-E-702", 4)}))
    assert other.outcome == "passed"  # the valid file is rejected for another reason
    _, skipped = mark_unproven(verdicts(answers, ["clip-tiny-explicit"]))
    assert (skipped.outcome, skipped.unproven) == ("skipped", True)
    (alone,) = mark_unproven(verdicts({"clip-tiny-model-nowhere": code}))
    assert alone.outcome == "passed"


def test_a_defective_model_counts_beside_any_valid_file_of_its_kind() -> None:
    case = CASES[MODEL]
    code = rejection(case.error, case.status)
    assert (case.base, case.kinds) == ("", frozenset({"clip"}))
    found = mark_unproven(verdicts({"clip": code, "clip-tiny-explicit": code, MODEL: code}))
    assert [verdict.outcome for verdict in found] == ["failed"] * 3
    read = Verdict(CASES["clip"], "L", Answer("accept"), "passed")
    assert mark_unproven([read, *verdicts({"clip-tiny-explicit": code, MODEL: code})])[2].outcome == "passed"


def test_a_decoder_that_rejects_everything_passes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decoder = stub(tmp_path, "print('SEM-E-801 x', file=sys.stderr); sys.exit(5)")
    run = ("clip-tiny-explicit", "clip-tiny-model-nowhere", "clip-tiny", MODEL)
    report = tmp_path / "report.json"
    assert cli.run(Options(decoder, VECTORS, run=run, jobs=1, protocol="one-shot", json=report), PLACES) == 1
    said = capsys.readouterr().out.splitlines()
    assert "0 passed, 4 failed, 0 skipped" in said[-1]
    assert said[-2] == (
        "note: 1 rejections are right and show nothing, because valid files get the same answer, most often SEM-E-801, "
        "status 5 (1 times); perhaps the tables of --data or the models of --models are not found"
    )
    assert json.loads(report.read_bytes())["notes"] == [said[-2].removeprefix("note: ")]


BROKEN: dict[str, tuple[list[str], bool]] = {
    "killed at once": (["killed by SIGABRT", "killed by SIGSEGV (x)"], True),
    "a sanitiser": (["exit status 1 (==9==ReserveShadowMemoryRange failed)", "timed out after 60 s"], True),
    "an allocation": (["exit status 1 (MemoryError)", "killed by SIGSEGV"], True),
    "a missing file": (["exit status 2 (python: can't open file 'x')"] * 2, False),
    "some signals": (["killed by SIGSEGV", "timed out after 60 s"], False),
    "tracebacks": (["exit status 1 (KeyError: 'x')"] * 2, False),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_programs_that_do_not_answer(name: str) -> None:
    reasons, hinted = BROKEN[name]
    found = verdicts(dict(zip(("clip", "micro"), map(broken, reasons), strict=True)))
    assert all(verdict.why.startswith("expected to be accepted; got no valid answer: ") for verdict in found)
    first, *more = notes(found, LIMIT)
    assert first.startswith(
        "2 of 2 vectors got no valid answer (a crash, a signal, a timeout, a breach of the protocol)"
    )
    assert first.endswith(f"times: {reasons[0]}")
    assert bool(more) == hinted
    assert all("2048 MB" in note and note.endswith("need --memory 0") for note in more)
    assert len(list(notes(found, None))) == 1


def test_answers_need_no_note() -> None:
    found = verdicts({"clip-tiny-model-nowhere": rejection("SEM-E-801", 5), "clip": rejection("SEM-E-401", 3)})
    assert list(notes(found, LIMIT)) == []


def test_a_persistent_decoder_that_dies_at_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decoder = stub(tmp_path, "")
    assert cli.run(Options(decoder, VECTORS, run=("micro",), protocol="persistent", jobs=1), PLACES) == 2
    assert "cannot be started: the process ended; memory is limited to 2048 MB" in capsys.readouterr().err
    options = Options(decoder, VECTORS, run=("micro",), protocol="persistent", jobs=1, memory=0)
    assert cli.run(options, PLACES) == 2
    assert capsys.readouterr().err == "conformance: the decoder cannot be started: the process ended\n"


def test_a_wrong_digest_names_the_dump_and_the_trace() -> None:
    def messages(name: str, member: str) -> list[str]:
        case = CASES[name]
        sections: list[dict[str, Any]] = [dict(section) for section in (case.expected or {})["sections"]]
        sections[0][member] = "f" * 64
        answer = Answer("accept", result=strings({**(case.expected or {}), "sections": sections}))
        return mismatches(case, answer, "L")

    traced = next(case for case in CASES.values() if len(case.files) == 2)
    assert traced.files[1].endswith(".trace.json")
    assert messages(traced.id, "sha256")[-1] == f"compare with {traced.files[0]} and {traced.files[1]}"
    dump = VECTORS / "header" / "default.txt"
    assert messages("default", "sha256")[-1] == f"compare with {dump}"
    assert all("compare with" not in message for message in messages("default", "kind"))


def strings(value: Any) -> Any:
    from semrunner.compare import strings as converted

    return converted(value)


def test_tables_and_registry_lie_beside_the_suite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In `data`, or the registry beside the suite and the tables in `data`; nearer folders come first."""
    suite = tmp_path / "kit" / "test_vectors"
    manifest = json.loads((VECTORS / "manifest.json").read_bytes())
    kept = [entry for entry in manifest["vectors"] if entry["id"] == "empty-body"] or manifest["vectors"][:1]
    head = {key: value for key, value in manifest.items() if not isinstance(value, list)}
    (suite / "models").mkdir(parents=True)
    (suite / "manifest.json").write_text(json.dumps(head | {"vectors": kept}))
    (suite / kept[0]["file"]).parent.mkdir(exist_ok=True)
    shutil.copyfile(VECTORS / kept[0]["file"], suite / kept[0]["file"])
    data = tmp_path / "kit" / "data"
    decoder = stub(
        tmp_path, "print(open(sys.argv[sys.argv.index('--registry') + 1]).read(), file=sys.stderr)\nsys.exit(9)"
    )
    assert cli.run(Options(decoder, suite, jobs=1), []) == 2
    assert f"searched {suite}, {suite / 'data'}, {data}, {data.parent}" in capsys.readouterr().err
    data.mkdir()
    for folder in PLACES:
        for path in folder.iterdir():
            if path.suffix in (".json", ".bin", ".zdict"):
                shutil.copyfile(path, data / path.name)
    (data / "registry.json").write_text("in data")
    assert cli.run(Options(decoder, suite, jobs=1), []) == 1
    assert "exit status 9 (in data)" in capsys.readouterr().out
    (data / "registry.json").rename(data.parent / "registry.json")
    (data.parent / "registry.json").write_text("beside the suite")
    assert cli.run(Options(decoder, suite, jobs=1), PLACES) == 1
    assert "exit status 9 (beside the suite)" in capsys.readouterr().out


def test_exclude_is_a_filter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = load(VECTORS)

    def ids(cases: Sequence[Case]) -> set[str]:
        return {case.id for case in cases}

    assert ids(cli.select_cases(suite, ["clip"], ["clip-tiny*"])) == {
        name for name, case in CASES.items() if case.group == "clip" and not name.startswith("clip-tiny")
    }
    assert ids(cli.select_cases(suite, [], ["dims"])) == {name for name, case in CASES.items() if case.group != "dims"}
    for options, why in (
        ({"exclude": ("nothing-like-it",)}, "no vector matches nothing-like-it"),
        ({"run": ("clip",), "exclude": ("clip",)}, "the suite has no vector for this decoder that is not excluded"),
    ):
        assert cli.run(Options("true", VECTORS, **options), PLACES) == 2  # type: ignore[arg-type]
        assert capsys.readouterr().err == f"conformance: {why}\n"


def test_known_bad_and_skip_are_one_option() -> None:
    parser = cli._parser(VECTORS)
    options = parser.parse_args(["--decoder", "x", "--known-bad", "a", "--skip", "b", "--exclude", "c"])
    assert (options.skip, options.exclude) == (["a", "b"], ["c"])
