# SPDX-License-Identifier: MIT
"""The conformance runner against decoders that run away, flood, fork and cheat."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from semrunner import cli, process
from semrunner.cli import Options
from semrunner.handover import absolute_words, environment, scratch_folder
from semrunner.process import ChildProcess, ProtocolError

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "test_vectors"
PLACES = [ROOT / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]

# An honest one-shot decoder of two vectors; what a test does beforehand stands at ACTION.
HONEST = """
import json, os, signal, subprocess, sys, time
if "--persistent" in sys.argv:
    sys.exit(2)
data = sys.stdin.buffer.read()
def answer():
    if data[5:7] != bytes.fromhex("FE7F"):
        print("SEM-E-601 limit-side", file=sys.stderr, flush=True)
        os._exit(6)
    sys.stdout.write(json.dumps({"width": "16384", "height": "1", "profile": "200", "model_hash": None,
        "check_bits": "0", "complete": True,
        "sections": [{"type": "135", "kind": "elic", "offset": "8", "bytes": "0"}]}))
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A valid file and an invalid one, and a registry of its own to hand over."""
    manifest = json.loads((VECTORS / "manifest.json").read_bytes())
    kept = [entry for entry in manifest["vectors"] if entry["id"] in ("limit-side", "limit-side-exceeded")]
    folder = tmp_path / "suite"
    for entry in kept:
        (folder / entry["file"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(VECTORS / entry["file"], folder / entry["file"])
    shutil.copytree(VECTORS / "models" / "elic-tiny", folder / "models" / "elic-tiny")
    head = {key: value for key, value in manifest.items() if not isinstance(value, list)}
    (folder / "manifest.json").write_text(json.dumps(head | {"vectors": kept}))
    return folder


def decoder(folder: Path, action: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "decoder.py").write_text(f"{HONEST}\n{action}\nanswer()\n")
    return shlex.join([sys.executable, "-I", "-S", str(folder / "decoder.py")])


def put(suite: Path, command: str, **options: Any) -> int:
    return cli.run(Options(command, suite, jobs=1, **({"timeout": 10.0} | options)), PLACES)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def processes(note: Path) -> list[int]:
    """The process ids in a file, once no line of it is being written."""
    return [int(line) for line in note.read_text().split()] if note.exists() else []


def all_end(pids: list[int]) -> bool:
    end = time.monotonic() + 5
    while any(alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(alive(pid) for pid in pids)


# --- decoders that run away ---------------------------------------------------------------------------------------

NOTE = "def note(): open(NOTES, 'a').write(f'{os.getpid()}\\n')\n"
STAY = "note(); time.sleep(60); os._exit(0)"
RUNAWAYS = {
    "child": f"if not os.fork(): {STAY}",
    "session": f"if not os.fork(): os.setsid(); {STAY}",
    "daemon": f"if not os.fork():\n    os.setsid()\n    if not os.fork(): os.chdir('/'); os.closerange(0, 256); {STAY}\n    os._exit(0)\nos.wait()",
    "three forks": f"if not os.fork():\n    os.setsid()\n    if not os.fork():\n        os.setsid()\n        if not os.fork(): {STAY}\n    os._exit(0)",
    "deaf": f"if not os.fork():\n    os.setsid()\n    for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n    {STAY}",
    "empty environment": "subprocess.Popen(['sh', '-c', 'echo $$ >> \"$0\"; exec sleep 60', NOTES], env={}, start_new_session=True)",
    "group of another": f"if not os.fork():\n    os.setpgid(0, 0)\n    {STAY}",
    "stopped": "if not os.fork(): os.setsid(); note(); os.kill(os.getpid(), signal.SIGSTOP)",
    "forks": f"for _ in range(40):\n    if not os.fork():\n        os.setsid(); os.fork(); {STAY}",
}
WAIT = "\nend = time.monotonic() + 5\nwhile not os.path.exists(NOTES) and time.monotonic() < end: time.sleep(0.01)\ntime.sleep(0.05)"


@pytest.mark.parametrize("name", RUNAWAYS)
@pytest.mark.parametrize("end", ["answers", "hangs"])
def test_every_process_of_a_decoder_ends_with_it(suite: Path, tmp_path: Path, name: str, end: str) -> None:
    notes = tmp_path / "notes"
    action = f"NOTES = {str(notes)!r}\n{NOTE}{RUNAWAYS[name]}{WAIT}" + ("\ntime.sleep(60)" if end == "hangs" else "")
    begin = time.monotonic()
    status = put(suite, decoder(tmp_path / "d", action), run=("limit-side",), timeout=10.0 if end == "answers" else 1.5, protocol="one-shot")  # fmt: skip
    assert status == (0 if end == "answers" else 1)  # open pipes do not keep a decoder from having ended
    assert time.monotonic() - begin < 25
    assert processes(notes)
    assert all_end(processes(notes))


def test_a_small_fork_bomb(suite: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    action = f"""NOTES = {str(notes)!r}
{NOTE}
if not os.fork():
    os.setsid()
    end = time.monotonic() + 20
    while time.monotonic() < end:  # from process to process, each in a session of its own
        if os.fork():
            os._exit(0)
        os.setsid()
        note()
        time.sleep(0.002)
    os._exit(0)
{WAIT}"""
    put(suite, decoder(tmp_path / "d", action), run=("limit-side",), protocol="one-shot")
    time.sleep(0.2)
    before = len(processes(notes))
    time.sleep(0.3)
    assert len(processes(notes)) == before > 0


@pytest.mark.parametrize("action", ["signal.SIGKILL", "signal.SIGSTOP"])
def test_a_decoder_that_attacks_its_supervisor(
    suite: Path, tmp_path: Path, action: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process, "ENDING_SECONDS", 0.5)
    notes = tmp_path / "notes"
    body = f"NOTES = {str(notes)!r}\n{NOTE}{RUNAWAYS['daemon']}{WAIT}\nos.kill(os.getppid(), {action}); time.sleep(0.5)"
    assert put(suite, decoder(tmp_path / "d", body), run=("limit-side",), timeout=2.0, protocol="one-shot") == 1
    assert "FAILED limit-side" in capsys.readouterr().out
    assert all_end(processes(notes))


FLOODS = {
    "output": ("while True: os.write(1, bytes(1 << 16))", "bytes of output"),
    "errors": ("while True: os.write(2, b'x' * (1 << 16))", "timed out"),
    "both": ("\nif os.fork():\n    while True: os.write(1, b'{' * (1 << 16))\nwhile True: os.write(2, b'x' * (1 << 16))", "bytes of output"),
    "deaf": ("for n in (1, 2, 3, 15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(60)", "timed out"),
    "closed": ("os.close(1); os.close(2); time.sleep(60)", "closed its output but did not exit"),
    "stopped": ("os.kill(os.getpid(), signal.SIGSTOP)", "timed out"),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOODS)
def test_floods_and_hangs(
    suite: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process, "OUTPUT_MAX", 1 << 20)
    action, why = FLOODS[name]
    begin = time.monotonic()
    assert put(suite, decoder(tmp_path / "d", action), run=("limit-side",), timeout=2.0, protocol="one-shot") == 1
    assert why in capsys.readouterr().out
    assert time.monotonic() - begin < 20


def test_the_end_of_the_runner_is_the_end_of_its_decoders(suite: Path, tmp_path: Path) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):
        notes, places = tmp_path / f"notes{number}", tmp_path / f"tmp{number}"
        places.mkdir()
        action = f"NOTES = {str(notes)!r}\n{NOTE}note()\n{RUNAWAYS['daemon']}{WAIT}\ntime.sleep(60)"
        command = [sys.executable, str(ROOT / "conformance" / "run.py"), "--suite", str(suite), "--timeout", "4", "--jobs", "1",
                   "--protocol", "one-shot", "--run", "limit-side", "--decoder", decoder(tmp_path / "d", action)]  # fmt: skip
        with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(places)}, stdout=subprocess.DEVNULL) as runner:
            end = time.monotonic() + 20
            while len(processes(notes)) < 2 and time.monotonic() < end:
                time.sleep(0.05)
            runner.send_signal(number)
            runner.wait(30)
        assert runner.returncode == (-9 if number == signal.SIGKILL else 143)
        assert len(processes(notes)) == 2
        assert all_end(processes(notes))
        if number == signal.SIGKILL:  # what it leaves is gone after the next run
            assert list(places.iterdir())
            monkey = {**os.environ, "TMPDIR": str(places)}
            subprocess.run(
                [*command[:-1], decoder(tmp_path / "e", "")], env=monkey, check=True, stdout=subprocess.DEVNULL
            )
        assert not list(places.iterdir())


def test_folders_of_runners_at_work_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch_folder() as one, scratch_folder() as other:
        assert one.is_dir()
        assert other.is_dir()
    assert not list(tmp_path.iterdir())


def test_a_process_of_the_runner_that_is_no_decoder_stays(suite: Path, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            assert put(suite, decoder(tmp_path / "d", ""), protocol="one-shot") == 0
            assert other.poll() is None
        finally:
            other.kill()


@pytest.mark.parametrize("command", ["/nowhere/decoder", "no-such-program-anywhere", "FOLDER", "FILE"])
def test_commands_that_cannot_be_started(tmp_path: Path, command: str) -> None:
    (tmp_path / "FILE").write_text("no program")
    with pytest.raises(OSError, match=r"No such file|Permission denied|Exec format|directory"):
        ChildProcess([str(tmp_path / command) if command.isupper() else command, "--persistent"], None)


@pytest.mark.parametrize(("code", "status"), [("3", 3), ("0", 0), ("255", 255)])
def test_exit_statuses_arrive(code: str, status: int) -> None:
    child = ChildProcess([sys.executable, "-c", f"import sys; sys.exit({code})"], None)
    try:
        child.exchange(b"", 30, lambda: False, close=True)
        assert child.wait(30) == status
    finally:
        child.end()
    killed = ChildProcess([sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"], None)
    try:
        killed.exchange(b"", 30, lambda: False, close=True)
        assert killed.wait(30) == -signal.SIGSEGV
    finally:
        killed.end()


# Shared memory does not count against the limit of the data segment: the peak tells.
MAPPED = "import mmap; m = mmap.mmap(-1, 300 << 20); [m.__setitem__(i, 1) for i in range(0, len(m), 4096)]"


def test_memory_is_that_of_the_command() -> None:
    big = bytearray(300 << 20)  # of this process, which the command is not
    child = ChildProcess([sys.executable, "-c", "pass"], 200 << 20)
    try:
        child.exchange(b"", 30, lambda: False, close=True)
        assert child.wait(30) == 0
    finally:
        child.end()
    del big
    child = ChildProcess([sys.executable, "-c", MAPPED], 200 << 20)
    try:
        child.exchange(b"", 30, lambda: False, close=True)
        with pytest.raises(ProtocolError, match="of memory; the limit is 200 MB"):
            child.wait(30)
    finally:
        child.end()


# --- decoders that cheat ------------------------------------------------------------------------------------------

# Looks upward from a path, and one folder down, for a manifest with answers.
SEARCH = """
def search(start):
    path = os.path.realpath(start)
    while path.startswith(PROJECT):  # above lies what other tests made
        beside = []
        try: beside = os.listdir(path)
        except OSError: pass
        for name in ["."] + beside[:200]:
            try: document = json.load(open(os.path.join(path, name, "manifest.json")))
            except (OSError, ValueError): continue
            if "vectors" in document:
                open(FOUND, "a").write(path + "\\n")
        path = os.path.dirname(path)
"""
CHEATS = {
    "paths of the options": "for word in sys.argv[1:]:\n    if word.startswith('/'): search(word)",
    "working folder": "search('.'); search(os.getcwd())",
    "parent": "search(f'/proc/{os.getppid()}/cwd')",
    "words of the parent": "for word in open(f'/proc/{os.getppid()}/cmdline').read().split('\\0'):\n    if word.startswith('/') and word != __file__ and not word.startswith(sys.prefix): search(word)",
    "environment": "for value in os.environ.values():\n    for word in value.split(':'):\n        if word.startswith('/'): search(word)",
    "environment of the parent": "for pair in open(f'/proc/{os.getppid()}/environ').read().split('\\0'):\n    value = pair.partition('=')[2]\n    if value.startswith('/'): search(value)",
    "open files": "for n in os.listdir('/proc/self/fd'):\n    try: target = os.readlink(f'/proc/self/fd/{n}')\n    except OSError: continue\n    if target.startswith('/'): search(target)",
    "home": "for folder, folders, files in os.walk(os.environ['HOME']):\n    if 'manifest.json' in files: search(folder)",
}  # fmt: skip


@pytest.fixture
def hidden(suite: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The suite in a project, where the runner is called from, with paths to it in the environment."""
    place = tmp_path / "project"
    place.mkdir()
    suite.rename(place / "test_vectors")
    monkeypatch.chdir(place)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PWD", str(place))
    monkeypatch.setenv("OLDPWD", str(place / "test_vectors"))
    monkeypatch.setenv("VECTORS", str(place / "test_vectors"))
    monkeypatch.setenv("WHERE", f"a:{place}/test_vectors/manifest.json:b")
    monkeypatch.setenv("SEM_MODELS", str(place / "test_vectors" / "models"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "home"))
    return place / "test_vectors"


@pytest.mark.parametrize("cheat", CHEATS)
@pytest.mark.parametrize("relative", [False, True])
def test_a_decoder_does_not_come_upon_the_answers(hidden: Path, tmp_path: Path, cheat: str, relative: bool) -> None:
    found = tmp_path / "found"
    action = f"FOUND, PROJECT = {str(found)!r}, {str(tmp_path)!r}\n{SEARCH}\n{CHEATS[cheat]}"
    suite = Path("test_vectors") if relative else hidden
    assert put(suite, decoder(tmp_path / "home" / "d", action), protocol="one-shot", timeout=60.0) == 0
    assert not found.exists(), found.read_text()


def test_what_is_not_prevented(hidden: Path, tmp_path: Path) -> None:
    """A decoder that knows where the suite lies on this machine, or is started there, can read it."""
    found = tmp_path / "found"
    action = f"FOUND, PROJECT = {str(found)!r}, {str(tmp_path)!r}\n{SEARCH}\nsearch({str(hidden)!r})"
    assert put(hidden, decoder(tmp_path / "d", action), protocol="one-shot", run=("limit-side",)) == 0
    assert found.exists()
    found.unlink()
    action = f"FOUND, PROJECT = {str(found)!r}, {str(tmp_path)!r}\n{SEARCH}\nsearch('.')"
    assert put(hidden, decoder(tmp_path / "d", action), protocol="one-shot", run=("limit-side",), cwd=hidden) == 0
    assert found.exists()


def test_a_decoder_cannot_change_the_suite(hidden: Path, tmp_path: Path) -> None:
    """It writes over every file that it is given a path to, and beside them."""
    before = {path: path.read_bytes() for path in hidden.rglob("*") if path.is_file()}
    action = """
for word in [*sys.argv[1:], "."]:
    if os.path.exists(word):
        for folder, folders, files in os.walk(word if os.path.isdir(word) else os.path.dirname(word)):
            for name in [*files, "new"]:
                try:
                    os.chmod(folder, 0o777)
                    os.path.exists(os.path.join(folder, name)) and os.chmod(os.path.join(folder, name), 0o666)
                    open(os.path.join(folder, name), "w").write("mine")
                except OSError: pass
"""
    put(hidden, decoder(tmp_path / "d", action), protocol="one-shot")
    assert {path: path.read_bytes() for path in hidden.rglob("*") if path.is_file()} == before


def test_models_have_neutral_names_and_are_alone(hidden: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    action = f"models = sys.argv[sys.argv.index('--models') + 1]\nopen({str(seen)!r}, 'w').write(json.dumps([models, sorted(os.listdir(models)), os.listdir(os.path.dirname(models)), os.listdir('.')]))"
    assert put(hidden, decoder(tmp_path / "d", action), protocol="one-shot", run=("limit-side",)) == 0
    models, inside, beside, working = json.loads(seen.read_text())
    assert (Path(models).name, inside, beside, working) == ("1", ["elic-tiny"], ["1"], [])
    assert "test_vectors" not in models


def test_the_order_can_be_shuffled(hidden: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders, reports = set(), set()
    for seed in (None, *range(6)):
        seen, report = tmp_path / "seen", tmp_path / "report.json"
        seen.unlink(missing_ok=True)
        command = decoder(tmp_path / "d", f"open({str(seen)!r}, 'a').write(data.hex() + ' ')")
        assert put(hidden, command, protocol="one-shot", shuffle=seed, json=report) == 0
        orders.add(seen.read_text())
        reports.add(tuple(entry["id"] for entry in json.loads(report.read_bytes())["vectors"]))
    assert len(orders) == 2
    assert reports == {("limit-side", "limit-side-exceeded")}


def test_relative_paths_of_a_command_stay_those_of_the_caller(hidden: Path, tmp_path: Path) -> None:
    decoder(Path("tools"), "")
    Path("decoder.py").write_text(Path("tools/decoder.py").read_text())
    for words in ("tools/decoder.py", "./tools/decoder.py", "decoder.py"):
        assert put(hidden, f"{shlex.quote(sys.executable)} -I -S {words}", protocol="one-shot") == 0
    Path("run").mkdir()
    assert absolute_words(["python", "decoder.py", "run", "--x=tools/decoder.py", "--y=1.5", "-v", "a/b"]) == (
        "python", str(Path.cwd() / "decoder.py"), "run", f"--x={Path.cwd()}/tools/decoder.py", "--y=1.5", "-v", "a/b",
    )  # fmt: skip
    assert absolute_words(["./x", "a"])[0] == "./x"  # there is none
    assert put(hidden, f"{shlex.quote(sys.executable)} -S -m decoder", protocol="one-shot", cwd=Path("tools")) == 0
    assert put(hidden, "true", cwd=Path("nowhere")) == 2


def test_the_environment_of_a_decoder() -> None:
    kept = environment(
        Path("/a/suite"),
        {"PATH": "/bin", "SEM_X": "1", "PWD": "/a", "X": "/a/suite/models", "Y": "/a/suit", "HOME": "/a"},
    )
    assert kept == {"PATH": "/bin", "Y": "/a/suit", "HOME": "/a"}
    assert environment(Path("/"), {"PATH": "/bin"}) == {"PATH": "/bin"}


def test_folders_in_the_environment_of_a_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders whose names begin as that of the suite stay, relative ones become absolute."""
    monkeypatch.chdir(tmp_path)
    Path("src").mkdir()
    beside = {
        "PATH": "/bin:/a/suite-tools:/a/suite/bin:/a/suite",
        "X": "/a/suite2",
        "Y": "/a/suite:b",
        "Z": "x=/a/suite",
    }
    assert environment(Path("/a/suite"), beside) == {"PATH": "/bin:/a/suite-tools", "X": "/a/suite2"}
    relative = {"PATH": "src:nowhere:/bin", "PYTHONPATH": "./src::src", "CLASSPATH": "src", "OTHER": "src"}
    src = str(tmp_path / "src")
    assert environment(Path("/a/suite"), relative) == {
        "PATH": f"{src}:nowhere:/bin", "PYTHONPATH": f"{src}::{src}", "CLASSPATH": src, "OTHER": "src",
    }  # fmt: skip


@pytest.mark.parametrize("command", ["sh decoder", "env X=1 sh decoder", "sh bin/decoder", "mine", "PYTHON -m mine"])
def test_commands_as_people_type_them(
    hidden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    words = decoder(Path("bin").absolute(), "")
    Path("decoder").write_text(f'exec {words} "$@"\n')
    Path("bin/decoder").write_text(f'exec {words} "$@"\n')
    Path("bin/mine").write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    Path("bin/mine").chmod(0o755)
    Path("bin/mine.py").write_text(Path("bin/decoder.py").read_text())
    monkeypatch.setenv("PATH", f"bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", "bin")
    assert put(hidden, command.replace("PYTHON", shlex.quote(sys.executable)), protocol="one-shot") == 0


@pytest.mark.parametrize("option", ["json", "junit"])
@pytest.mark.parametrize("name", ["", "reports/x", "."])
def test_a_report_that_cannot_be_written_is_found_before_the_run(
    hidden: Path, capsys: pytest.CaptureFixture[str], option: str, name: str
) -> None:
    command = decoder(Path("bin").absolute(), "open('/proc/self/cwd/ran', 'w')")
    assert put(hidden, command, protocol="one-shot", cwd=Path(), **{option: Path(name)}) == 2
    assert not Path("ran").exists()
    error = f"conformance: {Path(name)} cannot be written: it is a folder, or its folder does not exist\n"
    assert capsys.readouterr().err == error


@pytest.mark.parametrize("words", ["-m decoder", "-c 'import decoder'", "-S -c 'open(\"decoder.py\")'"])
def test_a_decoder_that_misses_its_folder_is_told_of_cwd(
    hidden: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    decoder(Path("."), "")
    command = f"{shlex.quote(sys.executable)} {words}"
    assert put(hidden, command, protocol="one-shot") == 1
    assert capsys.readouterr().err == f"note: {cli.EMPTY_FOLDER}\n"
    put(hidden, command, protocol="one-shot", cwd=Path())
    assert capsys.readouterr().err == ""


def test_the_script_finds_the_vectors_beside_itself(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "conformance" / "run.py"), "--run", "micro", "--quiet", "--decoder",
               shlex.join([sys.executable, str(ROOT / "conformance" / "adapters" / "micro.py")])]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run([*command, "--vectors", "nowhere"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("conformance: cannot read the suite nowhere: ")
