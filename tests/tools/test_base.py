# SPDX-License-Identifier: MIT
"""The bench of the base install: what it runs, and its figures from given ones. It installs nothing here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tools.bench import base, large

ROOT = Path(__file__).resolve().parents[2]


def test_a_process_is_measured() -> None:
    # from a small process, since a child's peak begins with that of its parent
    measure = "import sys; from tools.bench import base; print(*base.run([sys.executable, '-c', sys.argv[1]]))"
    command = [sys.executable, "-c", measure, "x = bytes(range(256)) * 200_000"]  # 51 MB
    wall, cpu, peak = map(float, subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout.split())
    assert 0 < cpu < 30
    assert wall > 0
    assert 50e6 < peak < 500e6


def test_a_process_that_fails_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="such is life"):
        base.run([sys.executable, "-c", "raise SystemExit('such is life')"])


def test_variables_that_would_change_the_result_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "OPENBLAS_NUM_THREADS", "SEM_NO_NUMBA"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("SEM_TIMEOUT", "9")
    assert {"PYTHONPATH", "OPENBLAS_NUM_THREADS", "SEM_NO_NUMBA"} & set(base.clean()) == set()
    assert base.clean()["SEM_TIMEOUT"] == "9"


def test_figures() -> None:
    rounds = [
        base.Measured(1.0, 0.5, 40_000_000),
        base.Measured(3.0, 0.7, 41_000_000),
        base.Measured(2.0, 0.9, 39_000_000),
    ]
    row = base.summary(rounds)
    assert row == {"wall_s": 2.0, "cpu_s": 0.7, "peak_mb": 41.0}
    rows = dict.fromkeys(base.commands(Path("bin/python"), Path("x.png"), Path("out")), row)
    assert list(rows) == ["png to avif", "avif to png", "encode", "decode", "verify", "inspect"]
    rows |= {"decode": {"wall_s": 5.0, "cpu_s": 2.1, "peak_mb": 90.0}}
    assert base.ratios(rows) == {"decode": {"wall_s": 2.5, "cpu_s": 3.0}, "encode": {"wall_s": 1.0, "cpu_s": 1.0}}
    text = base.table("sample", (768, 512), rows)
    assert "sample, 768x512" in text
    assert "decode / avif to png: 2.5 (processor 3.0); at most 5 is wanted" in text


def test_pictures_are_measured_as_png(tmp_path: Path) -> None:
    Image.new("RGBA", (30, 20)).save(tmp_path / "x.webp")
    assert base.as_png(Path(sys.executable), tmp_path / "x.webp", tmp_path / "x.png") == (30, 20)
    with Image.open(tmp_path / "x.png") as found:
        assert found.mode == "RGB"
    pytest.importorskip("skimage")
    assert base.as_png(Path(sys.executable), None, tmp_path / "y.png") == base.SIZE


def checkout(folder: Path, *, old: bool) -> Path:
    (folder / ("tools/semtool" if old else "refcodec/cli")).mkdir(parents=True)
    return folder


def test_another_checkout_takes_turns(tmp_path: Path) -> None:
    for old, module in ((True, "semtool"), (False, "refcodec.cli")):
        tree = checkout(tmp_path / module, old=old)
        this, other = large.programs(Path("bin/python"), tree)
        assert (this.command[-1], other.command[-1]) == ("refcodec.cli", module)
        assert other.variables["PYTHONPATH"].split(os.pathsep)[0] == str(tree)
    assert [each.command for each in large.programs(Path("bin/python"), None)] == [["bin/semtool"]]
    (tmp_path / "python").touch()
    assert large.programs(Path("bin/python"), tmp_path / "python")[1].command == [str(tmp_path / "semtool")]
    with pytest.raises(ValueError, match="no checkout"):
        large.programs(Path("bin/python"), tmp_path)


def test_figures_of_large_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "predict", lambda *_: {"decode": 300, "verify": 250})
    run: list[tuple[str, str]] = []

    def runs(command: list[str], variables: dict[str, str]) -> base.Measured:
        run.append((variables["name"], command[1]))
        slow = variables["name"] == "other"
        return base.Measured(9.0 if slow else 2.0, 6.0 if slow else 3.0, 1_200_000_000 if slow else 450_000_000)

    programs = [large.Program(name, ["semtool"], {"name": name}) for name in ("this", "other")]
    rows, predicted = large.compare(programs, large.LARGE, Path("x.png"), 2, runs, base.summary)
    assert run == [(name, each) for each in large.COMMANDS for name in ("this", "other")] * 2
    assert large.ratios(rows)["decode"] == {"wall_s": 0.222, "cpu_s": 0.5, "peak_mb": 0.375}
    assert large.exceeded(large.LARGE, rows) == [
        "verify takes 450 MB, more than 400",
        *(f"{name}: cpu_s is 0.500 of the other's, more than a third" for name in large.COMMANDS),
    ]
    assert "(-33 %)" in large.table(large.LARGE, rows, predicted)
    assert large.ratios({"this": rows["this"]}) == {}


def test_large_pictures_are_at_their_level() -> None:
    program = large.Program("this", ["semtool"], {})
    for each, level in ((large.LARGE, []), (large.HUGE, ["--level", "2"])):
        for command in large.commands(program, Path("x.png"), Path("out"), each.level).values():
            assert command[len(command) - len(level) :] == level
            assert ("--level" in command) == bool(level)
