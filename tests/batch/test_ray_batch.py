# SPDX-License-Identifier: MIT
"""Batches with Ray on this machine: a kill, a resumption, workers that die, every kind of input and output.

Each test is a process of its own, since Ray is one of a process and leaves threads behind.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

import refcodec

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
COLUMNS = ["key", "sem", "width", "height", "method", "bpp", "check", "error"]


def picture(number: int, side: int = 32) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (side, side + number % 3, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def environment() -> dict[str, str]:
    paths = [str(ROOT), str(SUPPORT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def command(*args: str | Path) -> list[str]:
    return [sys.executable, "-m", "refcodec.cli", "batch", *map(str, args)]


def semtool(*args: str | Path) -> tuple[int, dict[str, Any], str]:
    """Call `semtool batch … --json`; return status, object and standard error."""
    done = subprocess.run(command(*args, "--json"), capture_output=True, text=True, env=environment(), check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def python(code: str, *args: str | Path) -> Any:
    """Run a program that prints JSON."""
    call = [sys.executable, "-c", code, *map(str, args)]
    done = subprocess.run(call, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ray_folders() -> set[str]:
    """Folders of Ray that this program has made."""
    return {name for name in os.listdir(tempfile.gettempdir()) if name.startswith(".sem-")}


def rows_in(folder: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(folder).to_pylist())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """40 pictures in folders, the sixth and every tenth after it cut short."""
    for number in range(40):
        path = tmp_path / "in" / f"{number // 20}" / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = picture(number)
        path.write_bytes(data[: len(data) // 2] if number % 10 == 5 else data)
    return tmp_path / "in"


def test_killed_resumed_damaged_and_verified(photos: Path, tmp_path: Path) -> None:
    """36 files and 4 error rows, whatever happened on the way; then nothing is done twice, and what was damaged is mended."""
    out = tmp_path / "out"
    call = command("encode", photos, "-o", out, "--workers", "2")
    process = subprocess.Popen(call, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(out.rglob("*.sem"))) < 10:
        time.sleep(0.05)
    process.kill()
    process.wait()
    time.sleep(1)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.sem")}
    assert len(before) >= 10
    status, done, _ = semtool("encode", photos, "-o", out, "--workers", "2", "--resume")
    assert status == 7  # of pictures that cannot be read
    assert done["summary"]["done"] == 36 - len(before)
    assert (done["summary"]["kept"], done["summary"]["failed"]) == (len(before), 4)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [each["key"] for each in done["errors"]] == ["0/005.png", "0/015.png", "1/025.png", "1/035.png"]
    assert all(each["error"].startswith("SEM-E-104 ") for each in done["errors"])
    check_rows(out)

    first, second = sorted(out.rglob("*.sem"))[:2]
    whole = first.read_bytes()
    first.write_bytes(whole[:-1])
    second.unlink()
    (photos / "0" / "002.png").write_bytes(picture(99))
    _, done, _ = semtool("encode", photos, "-o", out, "--workers", "1", "--resume")
    assert (done["summary"]["done"], done["summary"]["kept"]) == (3, 33)
    assert first.read_bytes() == whole
    check_rows(out)
    status, done, _ = semtool("verify", out, "--workers", "1")
    assert (status, done["summary"]["done"], done["errors"]) == (0, 36, [])
    assert not ray_folders()


def check_rows(out: Path) -> None:
    """There is one row of each picture, and the file of each that could be read is the one that the row is of."""
    rows = {row["key"]: row for row in rows_in(out / "_rows")}
    assert len(rows) == len(rows_in(out / "_rows")) == 40
    made = {key: row for key, row in rows.items() if row["error"] is None}
    files = {str(path.relative_to(out).with_suffix(".png")): path for path in out.rglob("*.sem")}
    assert sorted(made) == sorted(files)
    for key, path in files.items():
        row, found = made[key], refcodec.inspect(path)
        assert (row["width"], row["height"], row["method"]) == (found.width, found.height, "elic")
        assert (row["bytes"], row["check"]) == (path.stat().st_size, "ok")
        assert row["bpp"] == pytest.approx(8 * row["bytes"] / (row["width"] * row["height"]))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_writes_its_rows_and_leaves_nothing_running(
    photos: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    out, before = tmp_path / "out", ray_folders()
    call = command("encode", photos, "-o", out, "--workers", "1", "--effort", "1")
    process = subprocess.Popen(call, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(out.rglob("*.sem")):
        time.sleep(0.02)
    process.send_signal(number)
    stdout, stderr = process.communicate()
    assert process.returncode == status, stderr
    assert stdout == ""
    assert stderr.splitlines()[-1].endswith("no file is left half written")
    assert ray_folders() == before
    assert not list(out.rglob(".*.tmp"))


def test_parquet_out_and_in_again(photos: Path, tmp_path: Path) -> None:
    """The files of --parquet are those of a folder of files; they can be verified and decoded, and are resumed."""
    out = tmp_path / "out"
    status, done, _ = semtool("encode", photos, "-o", out, "--parquet", "--workers", "1")
    assert (status, done["summary"]["done"], done["summary"]["failed"]) == (7, 36, 4)
    assert pq.read_table(out).schema.names[:8] == COLUMNS
    rows = {row["key"]: row for row in rows_in(out)}
    assert rows["0/000.png"]["sem"] == refcodec.encode(photos / "0" / "000.png")
    assert sum(row["error"] is not None for row in rows.values()) == 4
    status, done, _ = semtool("encode", photos, "-o", out, "--parquet", "--workers", "1", "--resume")
    assert (done["summary"]["done"], done["summary"]["kept"], done["summary"]["failed"]) == (0, 36, 4)
    assert len(rows_in(out)) == 40
    pictures = tmp_path / "pictures"
    status, done, err = semtool("decode", *out.glob("part-*.parquet"), "-o", pictures, "--workers", "1")
    assert (status, done["summary"]["done"]) == (0, 36), err
    assert np.array_equal(np.asarray(Image.open(pictures / "0" / "000.png")), refcodec.decode(rows["0/000.png"]["sem"]))


def test_tars_and_files_in_one_call(photos: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.add(photos / "0", "set")
    data = (tmp_path / "s.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: len(data) // 2])
    out = tmp_path / "out"
    args = (tmp_path / "s.tar", tmp_path / "cut.tar", photos / "1" / "*.png", "-o", out, "--workers", "1")
    _, done, err = semtool("encode", *args)
    made = {str(path.relative_to(out)) for path in out.rglob("*.sem")}
    assert {f"s/set/{number:03d}.sem" for number in range(20) if number % 10 != 5} <= made, err
    assert {f"{number:03d}.sem" for number in range(20, 40) if number % 10 != 5} <= made
    assert "cut.tar" in [each["key"] for each in done["errors"]]
    assert len(made) == done["summary"]["done"]
    _, again, _ = semtool("encode", *args, "--resume")
    assert (again["summary"]["done"], again["summary"]["kept"]) == (0, len(made))
    assert again["errors"] == done["errors"]


COPY = """
import json, sys
from batch_tasks import Copy
from refcodec.batch.ray_batch import Batch, Cluster, run
top, log, output = sys.argv[1:4]
files = dict(suffix=".out") if output else dict()
batch = Batch(Copy(log), (top,), frozenset({".in"}), output or None, **files)
rows = [(row.key, row.state, row.error) for row in run(batch, Cluster(workers=2))]
print(json.dumps(sorted(rows)))
"""


@pytest.mark.parametrize("output", ["out", ""])
def test_workers_that_die_are_started_again(tmp_path: Path, output: str) -> None:
    """An input that kills one worker is made; one that kills two is an error; the others are done once."""
    (tmp_path / "in").mkdir()
    (tmp_path / "log").mkdir()
    contents = {"a": b"x", "b": b"once", "c": b"kill", "d": b"bad", "e": b"y", "f": b"z", "\udcff": b"not UTF-8"}
    for name, data in contents.items():
        (tmp_path / "in" / f"{name}.in").write_bytes(data)
    rows = python(COPY, tmp_path / "in", tmp_path / "log", tmp_path / output if output else "")
    states = {key: state for key, state, _ in rows}
    shown = {name: os.fsencode(name).decode("utf-8", "backslashreplace") for name in contents}
    assert states == {f"{shown[name]}.in": "failed" if name in "cd" else "done" for name in contents}
    errors = {key: error for key, _, error in rows if error is not None}
    assert errors["c.in"].startswith("SEM-E-605 limit-symbols: two workers that worked on it have ended")
    assert errors["d.in"].startswith("usage: a bad input")
    starts = [path.name.split(".in.")[0] for path in (tmp_path / "log").iterdir()]
    assert Counter(starts) == {shown[name]: 2 if name in "bc" else 1 for name in contents}
    if output:
        made = {path.stem: path.read_bytes() for path in (tmp_path / "out").glob("*.out")}
        assert made == {name: data for name, data in contents.items() if name not in "cd"}


MEMORY = """
import json, fsspec
from batch_tasks import Copy
from refcodec.batch.outputs import Present
from refcodec.batch.ray_batch import Batch, Cluster, run
import sys
files = fsspec.filesystem("memory")
for name in "abc":
    files.pipe_file(f"/in/{name}.in", name.encode())
states = []
for present in (Present.REFUSE, Present.RESUME):
    batch = Batch(Copy(sys.argv[1]), ("memory://in",), frozenset({".in"}), "memory://out", ".out", present=present)
    states.append(sorted((row.key, row.state) for row in run(batch, Cluster(workers=1))))
    files.rm_file("/out/a.out") if present is Present.REFUSE else None
print(json.dumps([states, {name: files.cat_file(f"/out/{name}.out").decode() for name in "abc"}]))
"""


def test_urls_of_fsspec(tmp_path: Path) -> None:
    states, made = python(MEMORY, tmp_path)
    assert states[0] == [["a.in", "done"], ["b.in", "done"], ["c.in", "done"]]
    assert states[1] == [["a.in", "done"], ["b.in", "kept"], ["c.in", "kept"]]
    assert made == {name: name for name in "abc"}


@pytest.fixture
def cluster() -> Iterator[tuple[str, dict[str, str]]]:
    """A cluster of one machine that is started apart; its address, and the environment to reach it with."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    variables = {**environment(), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
    call = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port=0", "--num-cpus=1"]
    call += ["--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=100000000"]
    head = subprocess.Popen(
        [*call, f"--temp-dir={folder}"], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        file = Path(folder, "ray_current_cluster")
        while not file.is_file():
            assert head.poll() is None
            time.sleep(0.2)
        time.sleep(3)
        yield file.read_text(encoding="ascii").strip(), variables
    finally:
        head.terminate()
        head.wait()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_running_cluster(cluster: tuple[str, dict[str, str]], photos: Path, tmp_path: Path) -> None:
    """A cluster that was started apart is used and stays; options are checked there before anything is removed."""
    address, variables = cluster
    call = command("encode", photos / "0", "-o", tmp_path / "out", "--address", address, "--workers", "1")
    done = subprocess.run(call, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert done.stderr.splitlines()[-1].startswith("18 encoded, 2 failed")
    wrong = subprocess.run([*call, "--force", "--profile", "nope"], env=variables, capture_output=True, check=False)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (4, 1), wrong.stderr
    assert len(list((tmp_path / "out").rglob("*.sem"))) == 18
    assert len(rows_in(tmp_path / "out" / "_rows")) == 20
