# SPDX-License-Identifier: MIT
"""The fuzzer: targets accept their seeds and changed inputs, changes reach deep, findings are kept and replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from refcodec.container import read
from refcodec.errors import SemError
from tools.fuzz import archive, campaign, engines
from tools.fuzz.catalogue import TARGETS, load, missing
from tools.fuzz.execution import REPORT, Executor, current, findings
from tools.fuzz.mutators import json_text, model_package, png, sem_file
from tools.fuzz.target import ROOT, Target

NAMES = [name for name in TARGETS if missing(name) is None]
FEW = 60  # changed inputs of each target


@pytest.mark.parametrize("name", NAMES)
def test_a_target_accepts_some_seeds_and_runs_changed_ones(name: str) -> None:
    target, rng = load(name), Random(7)
    seeds = [data for data in target.seeds() if len(data) <= target.max_bytes]
    try:
        chosen = rng.sample(seeds, min(len(seeds), FEW))
        outcomes = [target.run(data) for data in chosen]
        assert any("accepted" in each or "text" in each or "unchanged" in each for each in outcomes), outcomes
        for _ in range(FEW):
            data = target.mutate(rng, rng.choice(seeds), seeds)[: target.max_bytes]
            assert isinstance(target.run(data), str)
            assert isinstance(target.run(target.repair(rng, data)[: target.max_bytes]), str)
        target.run(b"")
    finally:
        target.close()


def test_every_entrance_has_a_target() -> None:
    assert {
        *("read", "payload", "inspect", "edit", "package", "registry", "tables", "picture", "checkpoint", "folders"),
        *("text", "caption", "frames", "endpoint", "symbols", "javascript", "check"),
    } == set(TARGETS)


def test_changed_files_reach_the_payloads() -> None:
    """A third of the changed files have a valid container, and a tenth decode."""
    rng, files = Random(3), [data for data in sem_file.vectors() if len(data) < 1024]
    payload, valid, decoded = load("payload"), 0, 0
    for _ in range(400):
        data = sem_file.mutate(rng, rng.choice(files), files)
        try:
            read(data, environment=sem_file.environment())
        except SemError:
            continue
        valid += 1
        decoded += payload.run(data).startswith("accepted")
    assert valid > 400 / 3
    assert decoded > 400 / 10


def test_a_changed_body_gets_the_check_of_its_symbols() -> None:
    rng, files = Random(5), [each for each in sem_file.vectors() if 8 < len(each) < 60][:300]
    repaired = 0
    for data in files:
        damaged = bytearray(data)
        damaged[-1] ^= 1 << rng.randrange(8)
        mended = sem_file.with_valid_checks(bytes(damaged))
        repaired += mended != bytes(damaged)
    assert repaired > 50


def test_changed_packages_still_load() -> None:
    rng, target = Random(2), load("package")
    try:
        seeds = [data for data in target.seeds() if target.run(data).startswith("accepted")]
        outcomes = [target.run(model_package.mutate(rng, rng.choice(seeds), seeds)) for _ in range(150)]
    finally:
        target.close()
    assert sum(outcome.startswith("accepted") for outcome in outcomes) > 15
    assert {"SEM-E-803", "SEM-E-804"} & set(outcomes)


def test_changed_pictures_have_valid_chunks() -> None:
    target = load("picture")
    seed = next(data for data in target.seeds() if data.startswith(png.SIGNATURE))
    damaged = bytearray(seed)
    damaged[20] ^= 1  # the width, in IHDR
    assert png.with_valid_checks(seed) == seed
    assert png.with_valid_checks(bytes(damaged)) != bytes(damaged)


def test_changed_json_is_mostly_json() -> None:
    rng, text = Random(1), b'{"a": [1, 2, {"b": "c"}], "d": null}'
    changed = [json_text.mutator()(rng, text, [b'{"a": {"b": 5}, "d": [7, 8], "e": "f"}']) for _ in range(300)]
    parsed = 0
    for each in changed:
        try:
            json.loads(each)
        except (ValueError, RecursionError):
            continue
        parsed += 1
    assert 150 < parsed < 300
    assert len(set(changed)) > 150


@pytest.mark.parametrize("parts", [[b"a", b"bc", b""], [b"", b"", b"x"], [b"\0" * 9, b"{}", b"\xff"]])
def test_archives_hold_their_parts(parts: list[bytes]) -> None:
    assert archive.unpack(archive.pack(parts), 3) == parts


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff\xff", b"\2\0\0\0a"])
def test_any_bytes_are_an_archive(data: bytes) -> None:
    assert len(archive.unpack(data, 3)) == 3


def _planted(data: bytes) -> str:
    if b"bug" in data:
        raise KeyError("planted")
    if b"loop" in data:
        while True:
            pass
    return "accepted"


PLANTED = Target(
    "planted", lambda: [b"b", b"ug"], _planted, lambda rng, a, others: a + rng.choice(others), cpu_seconds=0.3
)


def test_a_finding_is_saved_once_with_its_report(tmp_path: Path) -> None:
    executor = Executor(PLANTED, tmp_path)
    executor.folder.joinpath("findings").mkdir()
    assert executor.execute(b"fine") == "accepted"
    assert executor.execute(b"bug") is None
    assert executor.execute(b"another bug") is None
    (found,) = findings(tmp_path)
    assert found.read_bytes() == b"bug"
    report = found.with_suffix(REPORT).read_text()
    assert "KeyError" in report
    assert f"python -m tools.fuzz --replay planted {found}" in report
    assert executor.executions == 3
    assert executor.outcomes == {"accepted": 1, "finding": 2}


_HANG = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from tests.tools.test_fuzz import PLANTED
from tools.fuzz.execution import Executor
executor = Executor(PLANTED, Path({folder!r}))
executor.begin()
print(executor.execute(b"loop"), executor.execute(b"x"), round(executor.worst_seconds, 1))
"""


def test_an_endless_execution_is_a_finding(tmp_path: Path) -> None:
    code = _HANG.format(path=[str(ROOT), str(ROOT / "conformance")], folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[:2] == ["None", "accepted"], done.stdout
    (found,) = findings(tmp_path)
    assert found.read_bytes() == b"loop"
    assert "TooLong" in found.with_suffix(REPORT).read_text()
    assert current(tmp_path) == (2, b"x")


def _fuzz(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "conformance")])
    command = [sys.executable, "-m", "tools.fuzz", "--out", str(out), "--jobs", "1", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": paths}, cwd=ROOT
    )


@pytest.mark.slow
def test_a_campaign_goes_on_from_its_corpus(tmp_path: Path) -> None:
    arguments = ("--targets", "frames", "--engine", "random", "--runs", "2000")
    for total in (2000, 4000):
        done = _fuzz(tmp_path, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        summary = json.loads((tmp_path / "frames" / "summary.json").read_bytes())
        assert summary["executions"] == 2000
        assert summary["total"]["executions"] == total
        assert summary["findings"] == []
        assert summary["worst_seconds"] > 0
        assert sum(summary["outcomes"].values()) == 2000
    assert summary["corpus"] > 0


@pytest.mark.slow
def test_an_open_finding_fails_until_it_is_mended(tmp_path: Path) -> None:
    """A finding that no longer fails is removed by the next run; one that ended its process stays until then, too."""
    folder = tmp_path / "frames" / "findings"
    folder.mkdir(parents=True)
    (folder / "0123.bin").write_bytes(b"\xf9mended")
    (folder / f"0123{REPORT}").write_text("of a run before")
    assert _fuzz(tmp_path, "--targets", "frames", "--engine", "random", "--runs", "10").returncode == 0
    assert list(folder.iterdir()) == []


def test_replay_executes_one_file(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"\xf9not zlib")
    done = _fuzz(tmp_path, "--replay", "frames", str(path))
    assert (done.returncode, done.stdout.strip()) == (0, "zlib SEM-E-401")


@pytest.mark.parametrize("arguments", [("--targets", "none"), ("--targets", "read,"), ("--engine", "other")])
def test_wrong_arguments_are_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = _fuzz(tmp_path, *arguments)
    assert done.returncode == 2
    assert "error:" in done.stderr


class _Ended:
    """A process that has ended with a status."""

    pid = 0

    def __init__(self, status: int) -> None:
        self.status = status

    def poll(self) -> int:
        return self.status


def test_a_process_that_ends_is_a_finding_with_its_input(tmp_path: Path) -> None:
    settings = campaign.Settings(tmp_path, "random", runs=5)
    run = campaign.Run("frames", settings)
    executor = Executor(PLANTED, run.folder)
    (run.folder / "findings").mkdir(parents=True)
    (run.folder / "log.txt").write_text("Fatal Python error: Aborted")
    executor.executions = 4
    data = (5).to_bytes(8, "little") + (3).to_bytes(4, "little") + b"abc" + bytes(9)
    (run.folder / "current").write_bytes(data)
    run.process = _Ended(-6)  # type: ignore[assignment]
    assert run.poll() is True
    (found,) = findings(run.folder)
    assert found.read_bytes() == b"abc"
    assert "status -6" in found.with_suffix(REPORT).read_text()
    assert run.summary()["executions"] == 5
    assert run.summary()["findings"][0]["replay"] == f"python -m tools.fuzz --replay frames {found}"


def test_random_changes_repeat_with_the_seed(tmp_path: Path) -> None:
    def trace(folder: str) -> list[bytes]:
        seen: list[bytes] = []

        class Recorder(Executor):
            def execute(self, data: bytes) -> str | None:
                seen.append(data)
                self.executions += 1
                return "accepted"

        engines.random_changes(
            "frames", 3, tmp_path / folder, lambda target: Recorder(target, tmp_path), lambda one: one.executions < 50
        )
        return seen

    first = trace("a")
    assert first == trace("b")
    assert len(set(first)) > 30
