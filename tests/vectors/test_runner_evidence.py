# SPDX-License-Identifier: MIT
"""What the runner says beside its counts: answers that show nothing, programs that do not answer, files to look at."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from semrunner import cli
from semrunner.answer import Answer, broken
from semrunner.cli import Options
from semrunner.compare import mismatches
from semrunner.evidence import explained, mark_unproven, notes
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


LEAK = "exit status 1 (SUMMARY: AddressSanitizer: 99 byte(s) leaked in 1 allocation(s).)"


@pytest.mark.parametrize("memory", [None, LIMIT])
def test_leaks_are_no_matter_of_the_limit(memory: int | None) -> None:
    found = verdicts({"clip": broken(LEAK), "micro": broken("timed out after 60 s")})
    _, hint = notes(found, memory)
    assert hint == (
        "LeakSanitizer counts memory that is not freed at the end of the process as an error: set "
        "ASAN_OPTIONS=detect_leaks=0 in front of the command that starts this program"
    )
    assert explained(found, memory)
    answered = verdicts({"clip": rejection("SEM-E-401", 3)})
    assert list(notes(answered, memory, [LEAK.replace(" (", " after stop (")])) == [hint]
    assert list(notes(answered, memory, ["exit status 1 after stop"])) == []


@pytest.mark.parametrize(
    ("answer", "memory", "known"),
    [
        (broken("exit status 1 (MemoryError)"), LIMIT, True),
        (broken("killed by SIGSEGV"), LIMIT, True),
        (broken("killed by SIGSEGV"), None, False),
        (broken("exit status 1 (SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior x.c:3:5)"), None, True),
        (broken("exit status 1 (ModuleNotFoundError: No module named 'x')"), LIMIT, False),
        (broken("exit status 1 (resource_tracker: There appear to be 1 leaked semaphore objects)"), None, False),
        (rejection("SEM-E-401", 3), LIMIT, False),
    ],
)
def test_whether_the_reason_is_known(answer: Answer, memory: int | None, known: bool) -> None:
    assert explained(verdicts({"clip": answer}), memory) == known


@pytest.mark.parametrize(
    ("last_line", "advised"),
    [("MemoryError", False), (LEAK, False), ("No module named 'x'", True)],
)
def test_the_empty_folder_is_advice_of_last_resort(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], last_line: str, advised: bool
) -> None:
    decoder = stub(tmp_path, f"sys.exit({last_line!r})")
    assert cli.run(Options(decoder, VECTORS, run=("empty",), jobs=1), PLACES) == 1
    captured = capsys.readouterr()
    assert f"1 times: exit status 1 ({last_line})" in captured.out
    assert captured.err == (f"note: {cli.EMPTY_FOLDER}\n" if advised else "")


@pytest.mark.parametrize("protocol", ["auto", "one-shot", "persistent"])
def test_a_command_that_is_not_found_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], protocol: str
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/nowhere/interpreter\n")
    script.chmod(0o755)
    messages = {
        "./nowhere -x": "'./nowhere'",
        "ASAN_OPTIONS=a=0 ./dec": "'ASAN_OPTIONS=a=0'; the command runs without a shell: "
        "set variables with `env ASAN_OPTIONS=a=0 …`",
        str(script): f"'{script}'; the file exists, but not the interpreter or loader that it names",
    }
    for command, end in messages.items():
        assert cli.run(Options(command, VECTORS, run=("empty",), protocol=protocol, jobs=1), PLACES) == 2
        error = capsys.readouterr().err
        assert error == f"conformance: the decoder cannot be started: [Errno 2] No such file or directory: {end}\n"


def test_variables_are_set_with_env(tmp_path: Path) -> None:
    decoder = stub(
        tmp_path, "import os; print('SEM-E-201', file=sys.stderr); sys.exit(3 if 'detect' in os.environ else 9)"
    )
    for prefix, status in (("env detect=0 ", 0), ("", 1)):
        assert cli.run(Options(prefix + decoder, VECTORS, run=("empty",), jobs=1), PLACES) == status


LEAKING = """
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
char *volatile kept;
int main(int count, char **words) {
    for (int at = 1; at < count; at++) if (!strcmp(words[at], "--persistent")) return 2;
    kept = malloc(99);
    kept = NULL;
    fputs("SEM-E-201\\n", stderr);
    return 3;
}
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_a_decoder_with_address_sanitizer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaking.c").write_text(LEAKING)
    program = tmp_path / "leaking"
    build = ["gcc", "-fsanitize=address", "-o", str(program), str(tmp_path / "leaking.c")]
    if subprocess.run(build, capture_output=True, check=False).returncode:
        pytest.skip("gcc has no AddressSanitizer")
    monkeypatch.delenv("ASAN_OPTIONS", raising=False)

    def run(command: str) -> tuple[int, str, str]:
        status = cli.run(Options(command, VECTORS, run=("empty",), memory=0, jobs=1, quiet=True), PLACES)
        return status, *capsys.readouterr()

    status, out, err = run(str(program))
    assert (status, err) == (1, "")
    assert "(SUMMARY: AddressSanitizer: 99 byte(s) leaked in 1 allocation(s).)" in out
    assert "note: LeakSanitizer counts memory" in out
    assert run(f"env ASAN_OPTIONS=detect_leaks=0 {program}")[0] == 0
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    assert run(str(program))[0] == 0


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
