# SPDX-License-Identifier: MIT
"""Runs of benches: an entry is stored when its bench has succeeded, and an interrupted run goes on where it stopped."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scipy")
pytest.importorskip("torch")  # tools.train, which lists the held-out photographs

from tools.results import __main__ as program
from tools.results import run, store
from tools.results.bench import EXACT, Bench, BenchError, filled
from tools.results.catalogue import BENCHES
from tools.results.store import Entry, Results
from tools.results.unfinished import Unfinished


def bench(tmp_path: Path, script: str, name: str = "tried", **more: Any) -> Bench:
    """Return a bench that runs a Python program with the file to write as its argument."""
    path = tmp_path / f"{name}.py"
    path.write_text(script)
    return Bench(name, f"python {path}", lambda document, _: {"n": int(document["n"])}, "OUT", heading=EXACT, **more)


WRITE_SEVEN = "import sys; open(sys.argv[1], 'w').write('{\"n\": 7}')"


def test_a_run_states_when_and_on_what(tmp_path: Path) -> None:
    entry = run.run(bench(tmp_path, WRITE_SEVEN), {}, tmp_path / "out")
    assert (entry.how, entry.figures, entry.command) == ("run", {"n": 7}, f"python {tmp_path / 'tried.py'}")
    assert entry.date[:2] == "20"
    assert entry.seconds is not None
    assert {"Python", "numpy", "Pillow"} <= set(entry.versions)
    assert entry.machine.endswith(f", {sys.platform.capitalize()}")


def test_json_on_standard_output_is_read_too(tmp_path: Path) -> None:
    printing = replace(bench(tmp_path, "print('{\"n\": 8}')"), writes="")
    assert run.run(printing, {}, tmp_path / "out").figures == {"n": 8}


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit('no such photograph')", r"exit status 1: no such photograph \(.*tried\.log\)"),
        ("", "tried.json is not JSON"),
        ("import sys; open(sys.argv[1], 'w').write('{')", "tried.json is not JSON"),
        ("import sys; open(sys.argv[1], 'w').write('{}')", "the output is not that of this bench: KeyError: 'n'"),
        ("import sys; open(sys.argv[1], 'w').write('[]')", "the output is not that of this bench: TypeError"),
    ],
)
def test_a_failed_bench_is_one_line(tmp_path: Path, script: str, message: str) -> None:
    with pytest.raises(BenchError, match=message) as caught:
        run.run(bench(tmp_path, script), {}, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_program_that_is_missing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no-such-program cannot be run"):
        run.run(replace(bench(tmp_path, ""), shown="no-such-program"), {}, tmp_path / "out")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the program run two benches, of which the second fails, with data and pages in a folder; return the data."""
    benches = {
        "good": bench(tmp_path, WRITE_SEVEN, "good"),
        "bad": bench(tmp_path, "raise SystemExit('broken')", "bad"),
    }
    data = tmp_path / "results.json"
    before = Entry("python", "recorded", "2026-01-01", "0" * 8, {"n": 1})
    store.store(Results({"bad": before}), list(benches), data)
    monkeypatch.setattr(program, "BENCHES", benches)
    monkeypatch.setattr(run, "OUT", tmp_path / "out")
    monkeypatch.setattr(run.run, "__defaults__", (tmp_path / "out",))
    monkeypatch.setattr(store.load, "__defaults__", (data,))
    monkeypatch.setattr(store.store, "__defaults__", (data,))
    monkeypatch.setattr(program.page, "write", lambda _: [])
    return data


def test_a_failed_bench_leaves_its_figures(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.measured(store.load(), ["bad", "good"], {}) == 1
    entries = store.load().entries
    assert (entries["bad"].figures, entries["bad"].how) == ({"n": 1}, "recorded")
    assert (entries["good"].figures, entries["good"].how) == ({"n": 7}, "run")
    assert "bad                      FAILED: exit status 1: broken" in capsys.readouterr().out
    assert "1.json" not in str(list(elsewhere.parent.glob("*")))


@pytest.mark.parametrize("text", ["<<<<<<< ours", "[]", '{"benches": {"x": {"how": "run"}}, "did_not_help": []}'])
def test_damaged_data_are_one_line(elsewhere: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere.write_text(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["results", "--check"])
        assert program.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("docs/results.json is damaged: ")


def test_an_interrupted_run_goes_on_after_what_is_done(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, calls = run.run, []

    def interrupted(of: Bench, inputs: Any) -> Entry:
        calls.append(of.name)
        if calls == ["good", "bad"]:
            raise KeyboardInterrupt
        return real(of, inputs)

    monkeypatch.setattr(run, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        program.measured(store.load(), ["good", "bad"], {})
    assert store.load().entries["good"].figures == {"n": 7}
    program.measured(store.load(), ["good", "bad"], {})
    assert calls == ["good", "bad", "bad"]
    assert "good                     left out: done before the interruption" in capsys.readouterr().out
    program.measured(store.load(), ["good", "bad"], {})  # that run has ended: all over again
    assert calls == ["good", "bad", "bad", "good", "bad"]


def test_a_run_of_other_benches_or_another_commit_starts_anew(tmp_path: Path) -> None:
    one, other = Unfinished(tmp_path / "a" / "run.json", "one"), Unfinished(tmp_path / "a" / "run.json", "other")
    one.add("x")
    one.add("y")
    assert (one.done(), other.done()) == (["x", "y"], [])
    (tmp_path / "a" / "run.json").write_text("[")
    assert one.done() == []


def test_benches_without_their_input_are_left_out() -> None:
    reasons = {name: program.left_out(of, {}, []) for name, of in BENCHES.items()}
    assert reasons["kodak"] == "it needs --kodak"
    assert reasons["photos"] == "it needs --photos"
    assert reasons["text"] == "it needs --captions"
    assert reasons["integer-networks"] == "a figure of the training"
    assert reasons["published"] == reasons["damage"] == reasons["base"] == ""


def test_commands_have_paths_for_places() -> None:
    inputs = {"KODAK": Path("/k"), "OUT": Path("/o.json")}
    assert run.command(BENCHES["efforts"], inputs)[1:5] == ["-m", "refcodec.cli", "bench", "rate"]
    assert "/k/kodim20.png" in run.command(BENCHES["efforts"], inputs)
    decoder = run.command(BENCHES["conformance-micro"], inputs)[4]
    assert decoder == f"{sys.executable} conformance/adapters/micro.py"
    assert filled(["KODAKS", "xKODAK"], inputs) == ["KODAKS", "xKODAK"]


def test_a_bench_reads_its_own_folder(tmp_path: Path) -> None:
    inputs = {"KODAK": Path("/k"), "HELD-OUT": Path("/h"), "CAPTIONS": Path("/c")}
    seen: list[Any] = []

    def read(_: Any, given: Any) -> dict[str, Any]:
        seen.append(dict(given))
        return {}

    for name in ("kodak-efforts", "photos", "text", "published"):
        assert run.figures_of(replace(BENCHES[name], read=read, rows=lambda _: []), {}, inputs) == {}
    assert seen == [{"KODAK": Path("/k")}, {"HELD-OUT": Path("/h")}, {"CAPTIONS": Path("/c")}, {}]
    with pytest.raises(BenchError, match="KODAK"):
        run.figures_of(BENCHES["kodak"], {}, {})


def test_the_last_photographs_are_held_out(tmp_path: Path) -> None:
    for number in range(11):
        (tmp_path / "in" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / "ab"[number % 2] / f"{number:02}.png").write_bytes(b"")
    folder = run.held_out(tmp_path / "in", tmp_path / "held")
    assert [path.resolve().relative_to(tmp_path / "in").as_posix() for path in sorted(folder.iterdir())] == [
        "a/06.png", "a/08.png", "a/10.png", "b/01.png", "b/03.png", "b/05.png", "b/07.png", "b/09.png",
    ]  # fmt: skip
    with pytest.raises(BenchError, match="fewer than 8 photographs"):
        run.held_out(tmp_path / "in" / "b", tmp_path / "held")
