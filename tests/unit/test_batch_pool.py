# SPDX-License-Identifier: MIT
"""Processes for many files: each job once, what a dying process takes with it, bounds on memory, no orphans."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pytest
from pool_tasks import Little

from refcodec import memory
from refcodec.batch import sizing
from refcodec.batch.decode import Decode
from refcodec.batch.encode import Encode
from refcodec.batch.inspect import Inspect
from refcodec.batch.job import Job, Work
from refcodec.batch.outcome import Failure, Outcome
from refcodec.batch.pool import Pool
from refcodec.batch.verify import Verify
from refcodec.errors import Code, SemError
from refcodec.limits import Limits

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def run(task: Little, sources: list[str], processes: int, budget: int | None = None) -> dict[str, Outcome]:
    """Run jobs of these sources; return outcomes by source."""
    jobs = [Job(i, source, source) for i, source in enumerate(sources)]
    with Pool(Work(task), processes, budget) as pool:
        return {job.source: outcome for job, outcome in pool.outcomes(jobs)}


def spans(folder: Path) -> list[tuple[float, float]]:
    """When each try that ended began and ended."""
    found = []
    for end in folder.glob("*.end"):
        found.append((float(end.with_suffix(".try").read_text().split()[1]), float(end.read_text())))
    return found


@pytest.mark.parametrize("processes", [1, 3])
def test_each_job_is_done_once(tmp_path: Path, processes: int) -> None:
    names = [str(i) for i in range(12)]
    done = run(Little(str(tmp_path)), names, processes)
    assert {name: outcome.data for name, outcome in done.items()} == {name: name.encode() for name in names}
    assert sorted(path.name for path in tmp_path.glob("*.try")) == sorted(f"{name}.0.try" for name in names)
    pids = {path.read_text().split()[0] for path in tmp_path.glob("*.try")}
    assert 1 <= len(pids) <= processes
    assert str(os.getpid()) not in pids


@posix
@pytest.mark.parametrize(("what", "tries", "failed"), [("die", 2, True), ("die-once", 2, False), ("raise", 1, True)])
def test_a_job_that_ends_its_process(tmp_path: Path, what: str, tries: int, failed: bool) -> None:
    """The others are done; the one is tried again, alone."""
    names = ["0", "1", f"2:{what}", "3", "4", "5"]
    done = run(Little(str(tmp_path), seconds=0.02), names, 2)
    assert set(done) == set(names)
    assert [name for name, outcome in done.items() if outcome.error is not None] == [names[2]] * failed
    assert len(list(tmp_path.glob("2.*.try"))) == tries
    error = done[names[2]].error
    if what == "die":
        assert error is not None
        assert (error.code, error.status) == ("SEM-E-605", 6)
        assert "SIGKILL" in error.text
    if what == "raise":
        assert error is not None
        assert (error.code, error.name, error.status) == (None, "bug", 1)
    if what.startswith("die"):
        last = float((tmp_path / "2.1.try").read_text().split()[1])
        assert all(not start < last < end for start, end in spans(tmp_path) if start != last)


@pytest.mark.parametrize(("what", "error"), [("value", ValueError), ("model", SemError)])
def test_preparing_fails(tmp_path: Path, what: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"not so|no such model"):
        run(Little(str(tmp_path), unprepared=what), ["0", "1", "2"], 2)
    assert not list(tmp_path.glob("*.try"))


@posix
def test_processes_that_die_before_they_answer(tmp_path: Path) -> None:
    with pytest.raises(SemError, match="has ended with SIGKILL"):
        run(Little(str(tmp_path), unprepared="die"), [str(i) for i in range(50)], 2)


@pytest.mark.parametrize(("budget", "together"), [(250, 2), (100, 1), (1, 1), (None, 3)])
def test_jobs_that_run_at_once_fit_into_memory(tmp_path: Path, budget: int | None, together: int) -> None:
    run(Little(str(tmp_path), bytes=100, seconds=0.3), [str(i) for i in range(6)], 3, budget)
    found = spans(tmp_path)
    assert len(found) == 6
    most = max(sum(start <= at < end for start, end in found) for at, _ in found)
    assert most <= together


PARENT = """
import sys
from pool_tasks import Little
from refcodec.batch.job import Job, Work
from refcodec.batch.pool import Pool
with Pool(Work(Little(sys.argv[1], seconds=60)), 2) as pool:
    list(pool.outcomes([Job(i, str(i), str(i)) for i in range(4)]))
"""


@posix
def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*.try"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pids = [int(path.read_text().split()[0]) for path in tmp_path.glob("*.try")]
    parent.kill()
    parent.wait()
    while any(memory.resident(pid) for pid in pids):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("files", "limits", "several", "expected"),
    [
        (1000, Limits(), True, 8),
        (9, Limits(), True, 2),
        (3, Limits(), True, 1),
        (0, Limits(), True, 1),
        (1000, Limits(), False, 1),
        (1000, Limits(max_memory=1 << 20), True, 1),
        (1000, Limits(max_memory=5 * 2 * sizing.PROCESS), True, 4),
    ],
)
def test_how_many_processes(
    monkeypatch: pytest.MonkeyPatch, files: int, limits: Limits, several: bool, expected: int
) -> None:
    monkeypatch.setattr(sizing, "cores", lambda: 8)
    monkeypatch.setattr(sizing.memory, "machine", lambda: 64 << 30)
    monkeypatch.setattr(sizing.memory, "free", lambda: None)
    assert sizing.process_count(files, limits, several=several) == expected


def test_memory_for_the_work_of_all_processes() -> None:
    assert sizing.memory_for_work(Limits(max_memory=10 * sizing.PROCESS), 3) == 6 * sizing.PROCESS
    assert sizing.memory_for_work(Limits(max_memory=1), 3) == 0


# --- tasks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [Encode({"quality": 3}), Decode(), Verify(), Inspect()])
def test_tasks_are_values(task: Encode | Decode | Verify | Inspect) -> None:
    """What they have loaded stays where it is."""
    task.prepare()
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    assert set(vars(again)) == {each.name for each in fields(task)}


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (SemError(Code.CHECK_MISMATCH, "x"), "SEM-E-501", 3),
        (MemoryError(), "SEM-E-605", 6),
        (ImportError("x", name="torch"), "SEM-E-805", 5),
        (OSError(5, "Input/output error", "x"), "SEM-E-101", 7),
        (ValueError("a\nb"), None, 2),
        (RuntimeError(), None, 1),
    ],
)
def test_failures_of_exceptions(error: Exception, code: str | None, status: int) -> None:
    failure = Failure.of(error)
    assert (failure.code, failure.status) == (code, status)
    assert failure.text.isprintable()
    assert failure.members["code"] == code
    assert pickle.loads(pickle.dumps(failure)) == failure
