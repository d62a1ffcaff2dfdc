# SPDX-License-Identifier: MIT
"""docs/results.md is a function of docs/results.json, and runs replace figures only when they succeed."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scipy")
pytest.importorskip("torch")  # tools.train, which lists the held-out photographs

from tools.results import __main__ as program
from tools.results import page, quotes, rate_tables, rates, run, store
from tools.results.bench import EXACT, Bench, BenchError, filled
from tools.results.catalogue import BENCHES
from tools.results.store import Entry, Results
from tools.results.unfinished import Unfinished

STORED = store.load()
PAGES = {*page.BLOCKS, *(quote.page for quote in quotes.QUOTES), *page.PLOTS}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with the pages that the data write."""
    for name in PAGES:
        if (store.ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(store.ROOT / name, tmp_path / name)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def with_figures(name: str, figures: dict[str, Any]) -> Results:
    entries = {**STORED.entries, name: replace(STORED.entries[name], figures=figures)}
    return replace(STORED, entries=entries)


def test_pages_and_data_agree() -> None:
    assert page.disagreements(STORED) == []


def test_writing_twice_changes_nothing(copy: Path) -> None:
    before = {name: (copy / name).read_bytes() for name in PAGES if (copy / name).is_file()}
    assert page.write(STORED, copy) == []
    assert before == {name: (copy / name).read_bytes() for name in PAGES if (copy / name).is_file()}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("README.md", "**+4.6 %, +4.7 %: AVIF is ahead**", "**+4.5 %, +4.7 %: AVIF is ahead**"),
        ("README.md", "it takes 4.6 % more bits than AVIF", "it takes 4.5 % more bits than AVIF"),
        ("README.md", "no torch; 153 MB", "no torch; 152 MB"),
        ("docs/results.md", "| 7216 |", "| 7215 |"),
        ("docs/results.md", "encode 92 ms", "encode 90 ms"),
        ("docs/images/rate.svg", "<circle cx=", "<circle  cx="),
        ("docs/scaling.md", "takes 14 s of a processor", "takes 15 s of a processor"),
        ("docs/methods/elic.md", "91 MB for 768×512", "90 MB for 768×512"),
        ("drafts/README.md", "30.6 % fewer", "31 % fewer"),
    ],
)
def test_a_changed_figure_is_reported_and_written_again(copy: Path, name: str, old: str, new: str) -> None:
    change(copy / name, old, new)
    (wrong,) = page.disagreements(STORED, copy)
    assert wrong.startswith(f"{name} is not that of docs/results.json")
    assert page.write(STORED, copy) == []
    assert old in (copy / name).read_text(encoding="utf-8")
    assert page.disagreements(STORED, copy) == []


def test_new_figures_reach_the_page_and_the_sentences(copy: Path) -> None:
    figures = STORED.entries["base"].figures
    results = with_figures("base", {**figures, "environment_mb": 149.7})
    assert page.write(results, copy) == []
    assert "| 150 MB, numpy 71 of them |" in (copy / "docs/results.md").read_text(encoding="utf-8")
    assert "no torch; 150 MB |" in (copy / "README.md").read_text(encoding="utf-8")


def test_a_sentence_that_is_no_longer_true_is_left_and_reported(copy: Path) -> None:
    figures = STORED.entries["kodak-efforts"].figures
    smaller = {
        name: {**of, "points": {of_picture: [[0.8 * size, *rest] for size, *rest in points] for of_picture, points in of["points"].items()}}
        if name == rate_tables.EFFORT_1
        else of
        for name, of in figures["codecs"].items()
    }  # fmt: skip
    before = (copy / "README.md").read_text(encoding="utf-8")
    wrong = page.write(with_figures("kodak-efforts", {**figures, "codecs": smaller}), copy)
    assert any("more bits than AVIF" in line and "no longer true" in line for line in wrong)
    after = (copy / "README.md").read_text(encoding="utf-8")
    assert "it takes 4.6 % more bits than AVIF" in before
    assert "it takes 4.6 % more bits than AVIF" in after
    assert "AVIF is ahead" not in after.partition("<!-- results: rates -->")[2].partition("<!-- end")[0]


def test_a_page_without_its_block_or_sentence_is_reported(copy: Path) -> None:
    change(copy / "README.md", "<!-- results: rates -->", "")
    change(copy / "docs/scaling.md", "of a processor instead of", "of a processor, not")
    wrong = page.disagreements(STORED, copy)
    assert "README.md, block rates: the block rates is missing, or there twice" in wrong
    assert any(line.startswith("docs/scaling.md has 0 sentences") for line in wrong)


def test_entries_of_no_bench_or_of_another_command_are_reported(copy: Path) -> None:
    ran = replace(STORED.entries["damage"], how="run", command="python -m tools.bench.damage --width 80")
    results = replace(STORED, entries={**STORED.entries, "damage": ran, "gone": ran})
    wrong = page.disagreements(results, copy)
    assert "docs/results.json: damage was run by another command" in wrong
    assert "docs/results.json: there is no bench gone" in wrong


def test_stored_results_are_read_back_and_lines_are_short(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    store.store(STORED, list(BENCHES), path)
    assert store.load(path) == STORED
    assert path.read_bytes() == store.DATA.read_bytes()
    assert max(map(len, path.read_text(encoding="utf-8").splitlines())) < 250


def test_all_that_the_page_links_to_is_there() -> None:
    for attempt in STORED.attempts:
        assert (store.ROOT / "docs" / attempt.source).is_file()


# runs


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


# rates


def test_means_and_bd_rates_follow_from_points() -> None:
    points = {"a": [[1000, 30.0, 0.9], [2000, 33.0, 0.99]], "b": [[3000, 20.0, 0.9], [4000, 23.0, 0.9]]}
    codec = rates.Measured({"a": 8000, "b": 80000}, ("1", "2"), points, ((9, 1, 9, 2), (9, 3, 9, 4)))
    first, second = codec.means
    assert (first.bpp, first.psnr, first.ms_ssim) == (pytest.approx(0.65), 25.0, pytest.approx(0.9))
    assert second.ms_ssim_db == pytest.approx(15.0)  # the mean of 20 and 10 dB
    assert codec.cpu == (2, 3)


def test_half_the_bytes_are_minus_fifty_percent() -> None:
    def codec(share: float) -> rates.Measured:
        points = {
            "a": [
                [share * size, db, 1 - 10 ** (-db / 20)]
                for size, db in ((1000, 30), (2000, 33), (4000, 36), (8000, 39))
            ]
        }
        return rates.Measured({"a": 80000}, ("",) * 4, points, ())

    for metric in rates.METRICS:
        found = rates.saving(codec(0.5), codec(1), metric)
        assert found is not None
        assert [found.average, found.mean, found.worst] == pytest.approx([-50] * 3)


def document(percent: float) -> dict[str, Any]:
    """Return JSON as `semtool bench rate` writes it, of two codecs over one picture."""

    def curve(share: float) -> list[dict[str, float]]:
        pairs = enumerate(((1000, 30), (2000, 33), (4000, 36), (8000, 39)))
        return [
            {
                "quality": n,
                "bpp": share * 8 * size / 80000,
                "psnr": db,
                "ms-ssim": 1 - 10 ** (-db / 20),
                "ms-ssim-db": db / 2,
            }
            for n, (size, db) in pairs
        ]

    seconds = [{"encode_s": 1.0, "encode_cpu_s": 2.0, "decode_s": 3.0, "decode_cpu_s": 4.0}] * 4
    return {
        "window_bpp": [0.1, 0.8],
        "pictures": [{"name": "a.png", "sha256": ""}],
        "curves": {name: {"average": curve(share), "pictures": [curve(share)]} for name, share in (("x", 0.5), ("y", 1))},
        "seconds": {"x": seconds, "y": seconds},
        "bd_rate": [{"codec": "x", "anchor": "y", "metric": "psnr", "average": {"percent": percent}}],
    }  # fmt: skip


def test_reading_keeps_bytes_and_refuses_other_bd_rates(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (400, 200)).save(tmp_path / "a.png")
    figures = rates.read(document(-50.0), {"KODAK": tmp_path})
    assert figures["pictures"] == {"a.png": 80000}
    assert figures["codecs"]["x"]["points"]["a.png"][0] == [500, 30, 0.968377]
    assert figures["codecs"]["x"]["seconds"][0] == [1.0, 2.0, 3.0, 4.0]
    assert json.loads(json.dumps(figures)) == figures
    with pytest.raises(ValueError, match="BD-rate of x against y does not follow from its points"):
        rates.read(document(-49.9), {"KODAK": tmp_path})


def test_a_further_model_is_a_further_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rate_tables.MODELS, "medium", "--profile elic-medium")
    monkeypatch.setitem(rate_tables.MODELS, "", "")
    efforts = STORED.entries["kodak-efforts"]
    results = replace(STORED, entries={**STORED.entries, "kodak-medium-efforts": efforts, "photos-efforts": efforts})
    commands = {each.name: each.shown for each in rate_tables._benches()}
    assert commands["kodak-medium"] == "semtool bench rate KODAK --profile elic-medium"
    assert commands["photos-medium-efforts"].startswith("semtool bench rate HELD-OUT --profile elic-medium --efforts")
    assert list(rate_tables.lines_of(results, "kodak"))[:4] == [
        ".sem, effort 1", ".sem, effort 9", ".sem medium, effort 1", ".sem medium, effort 9",
    ]  # fmt: skip
    svg = rate_tables.plot(results, "photos")
    assert svg is not None
    assert ">.sem, effort 9<" in svg
    assert ">AVIF<" in svg
    assert rate_tables.plot(STORED, "photos") is None or "photos" in STORED.entries
