# SPDX-License-Identifier: MIT
"""semtool with unusual outputs: names of descriptors, files that exist, signals, streams, and a zip archive."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cli_harness import Semtool, contents, refused
from PIL import Image

from refcodec import codec
from refcodec.cli import output_file

ROOT = Path(__file__).resolve().parents[2]

posix = pytest.mark.skipif(os.name != "posix", reason="descriptors, signals and modes are POSIX")
MAIN = "from refcodec.cli.main import main; sys.exit(main())"


def run(
    *args: str | Path, code: str = "", flags: tuple[str, ...] = (), **more: Any
) -> subprocess.CompletedProcess[bytes]:
    """semtool in a process of its own, after `code`."""
    program = f"import os, signal, sys; sys.path.insert(0, {str(ROOT)!r})\n{code}\n{MAIN}"
    streams = {name: subprocess.PIPE for name in ("stdout", "stderr") if name not in more}
    return subprocess.run(
        [sys.executable, *flags, "-c", program, *map(str, args)], check=False, timeout=120, **streams, **more
    )


def shell(script: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    """A shell script in which `semtool` is the program."""
    head = f"semtool() {{ PYTHONPATH='{ROOT}' '{sys.executable}' -m refcodec.cli \"$@\"; }}\n"
    return subprocess.run(["bash", "-c", head + script], capture_output=True, check=False, timeout=120, **more)


@pytest.fixture
def text(place: Path) -> Path:
    """A file whose symbols are one text."""
    made = codec.encode_file(None, text="a cat on a mat", size=(64, 64)).data
    (place / "text.sem").write_bytes(made)
    return place / "text.sem"


@pytest.fixture
def photo(place: Path) -> Path:
    pytest.importorskip("torch")
    Image.new("RGB", (48, 32), (200, 90, 30)).save(place / "a.png")
    return place / "a.png"


# --- names of outputs ---------------------------------------------------------------------------------------------

COMMANDS = {
    "encode": ["encode", "--text", "a cat", "--size", "8x8", "-o"],
    "decode": ["decode", "text.sem", "--symbols", "-o"],
    "text": ["decode", "text.sem", "--text", "-o"],
    "inspect": ["inspect", "text.sem", "--html"],
    "strip": ["strip", "text.sem", "-o"],
    "add": ["add", "text.sem", "--metadata", "k=v", "-o"],
    "cut": ["cut", "text.sem", "--sections", "1", "-o"],
    "payload": ["payload", "text.sem", "-o"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["", ".", "..", "folder", "folder/", "new/", "new/x", "text.sem/x", "folder/."])
def test_names_that_are_no_files(semtool: Semtool, text: Path, command: str, name: str) -> None:
    Path("folder").mkdir()
    before = contents(text.parent)
    refused(semtool(*COMMANDS[command], name), 7, "SEM-E-102 cannot-write: ")
    assert contents(text.parent) == before


@pytest.mark.parametrize(
    "command",
    [
        ["models", "import", "owner/name", "--as", "painter", "--no-fetch", "-o", ""],
        ["decode", "text.sem", "--trace", ""],
    ],
)
def test_folders_without_a_name(semtool: Semtool, text: Path, command: list[str]) -> None:
    before = contents(text.parent)
    refused(semtool(*command), 7, "SEM-E-102 cannot-write: '': the name of the folder is empty; name a folder")
    assert contents(text.parent) == before


@posix
@pytest.mark.parametrize("command", ["encode", "decode", "text", "inspect", "strip", "payload"])
@pytest.mark.parametrize(("name", "sink"), [("/dev/stdout", "pipe"), ("/dev/fd/1", "file"), ("/proc/self/fd/1", "appended"),
    ("link", "pipe"), ("link", "appended"), ("-", "appended")])  # fmt: skip
def test_standard_output_by_any_name(text: Path, command: str, name: str, sink: str) -> None:
    """It carries the file alone; text goes to standard error."""
    Path("link").symlink_to("/dev/stdout")
    expected = run(*COMMANDS[command], "named.txt")
    assert expected.returncode == 0
    told = run(*COMMANDS[command], name) if sink == "pipe" else None
    if told is None:
        Path("log").write_bytes(b"before")
        with open("log", "ab" if sink == "appended" else "wb") as log:
            told = run(*COMMANDS[command], name, stdout=log)
        data = Path("log").read_bytes().removeprefix(b"before" if sink == "appended" else b"")
    else:
        data = told.stdout
    assert (told.returncode, data) == (0, Path("named.txt").read_bytes())
    if command not in ("inspect", "text", "payload"):  # which print nothing else then
        assert told.stderr.strip()


@posix
def test_the_file_that_standard_output_is(text: Path) -> None:
    done = shell("semtool strip text.sem -o out.sem > out.sem; semtool verify out.sem")
    assert done.returncode == 0, done.stderr
    done = shell("semtool strip text.sem -o /dev/fd/3 3>&1 >&2 | semtool inspect - ")
    assert b".sem version 1" in done.stdout
    before = text.read_bytes()
    done = shell("semtool strip text.sem -o - >> text.sem")
    assert done.returncode == 2
    assert b"the output is the input itself" in done.stderr
    assert text.read_bytes() == before


@posix
def test_other_descriptors(text: Path) -> None:
    done = shell(
        "semtool strip text.sem -o /dev/fd/5 5> five && semtool verify five && semtool strip text.sem -o /dev/fd/6"
    )
    assert done.returncode == 7
    assert b"five: consonant" in done.stdout or b"five: valid" in done.stdout, done.stdout
    assert done.stderr.startswith(b"SEM-E-102 cannot-write: descriptor 6: Bad file descriptor")
    assert text.read_bytes() == Path("five").read_bytes()


@posix
def test_standard_error_as_output_holds_the_file_alone(text: Path) -> None:
    done = shell("semtool encode --text 'Ohio' --size 8x8 -o /dev/stderr 2> err; semtool verify err")
    assert done.returncode == 0, done.stderr
    assert b"note: " in done.stdout
    done = shell("semtool encode --text 'Ohio' --size 8x8 -o /dev/stderr --json 2> err")
    assert json.loads(done.stdout)["file"] == "/dev/stderr"


@posix
def test_a_terminal_takes_no_file(text: Path) -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    try:
        name = os.ttyname(follower)
        for args, more in (([name], {}), (["-"], {"stdout": follower}), (["/dev/stdout"], {"stdout": follower}),
                           (["/dev/stderr"], {"stderr": follower})):  # fmt: skip
            done = run("strip", text, "-o", *args, **more)
            assert done.returncode == 2
            if not more or "stdout" in more:
                assert b"this would write a file to the terminal" in done.stderr
    finally:
        os.close(leader)
        os.close(follower)


@posix
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">&- 2>&-"])
def test_closed_streams_do_not_get_into_the_file(text: Path, closed: str) -> None:
    expected = text.read_bytes()
    shell(f"semtool strip text.sem -o out.sem {closed}")
    assert Path("out.sem").read_bytes() == expected


@posix
@pytest.mark.parametrize("head", ["head -c 0", "true"])
@pytest.mark.parametrize("command", ["encode", "decode", "inspect", "payload"])
def test_a_closed_pipe_is_no_traceback(text: Path, head: str, command: str) -> None:
    args = " ".join(f"'{arg}'" for arg in (COMMANDS[command] if command != "payload" else ["payload", "text.sem"]))
    done = shell(f"semtool {args} {'/dev/stdout' if command != 'payload' else ''} | {head}; exit ${{PIPESTATUS[0]}}")
    assert done.returncode in (0, 7)  # the pipe may have room for all of it
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


@posix
@pytest.mark.parametrize(("locale", "name"), [("C", b"caf\xc3\xa9"), ("C", b"caf\xe9"), ("POSIX", b"-x"), ("C", b"a\nb"),
    ("C", b"n" * 251), ("C.UTF-8", b"\xf0\x9f\x90\x88"), ("C.UTF-8", b"\xe9")])  # fmt: skip
def test_names_of_bytes_in_any_locale(text: Path, locale: str, name: bytes) -> None:
    environment = {**os.environ, "LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    target = name + b".sem"
    program = [os.fsencode(sys.executable), b"-m", b"refcodec.cli"]
    environment["PYTHONPATH"] = str(ROOT)
    for args in (
        [b"strip", b"text.sem", b"-o", target],
        [b"verify", b"--", target],
        [b"inspect", b"--json", b"--", target],
    ):
        done = subprocess.run([*program, *args], env=environment, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(os.listdir(b".")) == sorted([target, b"text.sem"])


# --- default names ------------------------------------------------------------------------------------------------


def test_a_default_name_replaces_an_earlier_sem_file_with_a_notice(semtool: Semtool, photo: Path) -> None:
    assert semtool("encode", photo).err == ""
    again = semtool("encode", photo, "--check", "0")
    assert again.status == 0
    assert again.line == f"note: {photo.with_suffix('.sem')} was there already, and was replaced"
    assert semtool("encode", photo, "--force", "--json").err == ""
    assert semtool("encode", photo, "-o", "a.sem").err == ""  # the user has named it


@pytest.mark.parametrize("kind", ["another kind", "empty", "folder", "dangling link"])
def test_a_default_name_replaces_nothing_else(semtool: Semtool, photo: Path, kind: str) -> None:
    target = photo.with_suffix(".sem")
    {
        "another kind": lambda: target.write_bytes(b"my notes"),
        "empty": lambda: target.write_bytes(b""),
        "folder": target.mkdir,
        "dangling link": lambda: target.symlink_to("nowhere"),
    }[kind]()  # type: ignore[no-untyped-call]
    before = contents(photo.parent)
    done = semtool("encode", photo)
    refused(done, 2, f"usage: {target} is there already: name the output with -o, or replace it with --force")
    assert contents(photo.parent) == before
    if kind != "folder":
        assert semtool("encode", photo, "--force").status == 0


@pytest.mark.parametrize("names", [("a.png", "a.bmp"), ("a.png", "a.PNG"), ("a.png", "a.tiff"), ("x.y.png", "x.y.bmp")])
def test_pictures_of_one_stem_do_not_share_a_file(semtool: Semtool, photo: Path, names: tuple[str, str]) -> None:
    photo.rename(names[0])
    Image.new("RGB", (16, 16)).save("other.bmp")
    Path("other.bmp").rename(names[1])
    stem = names[0].removesuffix(".png")
    assert semtool("encode", names[0]).status == 0
    first = Path(f"{stem}.sem").read_bytes()
    refused(semtool("encode", names[1]), 2, f"usage: {stem}.sem is there already, and may be that of {names[0]}: ")
    assert Path(f"{stem}.sem").read_bytes() == first
    assert semtool("encode", names[1], "-o", "second.sem").status == 0
    assert semtool("encode", names[1], "--force").status == 0
    assert Path(f"{stem}.sem").read_bytes() == Path("second.sem").read_bytes()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "avif", "tiff"])
def test_a_decoded_picture_is_no_other_picture(semtool: Semtool, photo: Path, suffix: str) -> None:
    """Encode, decode beside the photograph, encode again: the second file replaces the first, with a notice."""
    photo = photo.rename("a.bmp")
    Image.new("RGB", (16, 16), "red").save(photo)
    assert semtool("encode", photo).status == 0
    assert semtool("decode", "a.sem", "-o", f"a.{suffix}").status == 0
    done = semtool("encode", photo, "--quality", "9")
    assert (done.status, done.err) == (0, "note: a.sem was there already, and was replaced\n")
    refused(semtool("encode", f"a.{suffix}"), 2, "usage: a.sem is there already, and may be that of a.bmp: ")
    Path(f"a.{suffix}").write_bytes(Path(f"a.{suffix}").read_bytes()[:20])
    refused(semtool("encode", photo), 2, f"usage: a.sem is there already, and may be that of a.{suffix}: ")


@pytest.mark.slow
def test_pictures_of_one_stem_at_the_same_time(photo: Path) -> None:
    """Neither has found a file when it began; the second to end does not replace the first one's."""
    Image.new("RGB", (16, 16)).save("a.bmp")
    late = f"import refcodec.cli.encode as e; real = e.report\nfrom refcodec import codec\nmade = codec.encode_file\ndef slow(*a, **k):\n    r = made(*a, **k); open({str(photo.with_suffix('.sem'))!r}, 'wb').write(b'first'); return r\ncodec.encode_file = slow"
    done = run("encode", "a.bmp", code=late)
    assert done.returncode == 7
    assert done.stderr.startswith(b"SEM-E-102 cannot-write: a.sem is there already; name another file with -o")
    assert Path("a.sem").read_bytes() == b"first"


def test_on_a_disk_that_ignores_case(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There A.sem and a.sem are one file."""
    Path("A.bmp").write_bytes(b"")
    Path("a.sem").write_bytes(b"\xf5\x9e")
    assert output_file.default_sem("a.png").replaces
    monkeypatch.setattr(output_file, "_same_file", lambda one, other: one.casefold() == other.casefold())
    with pytest.raises(Exception, match=r"a\.sem is there already, and may be that of A\.bmp"):
        output_file.default_sem("a.png")


def test_default_names_of_the_decoder(semtool: Semtool, text: Path) -> None:
    Path("text.txt").write_text("mine")
    refused(semtool("decode", text, "--symbols"), 2, f"usage: {text.with_suffix('.txt')} is there already: ")
    assert Path("text.txt").read_text() == "mine"
    assert semtool("decode", text, "--symbols", "--force").status == 0
    assert Path("text.txt").read_bytes() != b"mine"


@pytest.mark.parametrize("name", ["a.png", ".png", "-.png", "a", "a.tar.png", "dir.x/a", "é.PNG"])
def test_no_default_name_is_standard_output(name: str) -> None:
    assert output_file.default_sem(name).name not in ("-", name)


# --- times --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["strip", "add", "decode", "text"])
def test_times_of_the_input(semtool: Semtool, text: Path, command: str) -> None:
    os.utime(text, ns=(10**18 + 1, 10**18 + 123_456_789))
    for _ in range(2):
        assert semtool(*COMMANDS[command], "out.txt", "--preserve-times").status == 0
        assert Path("out.txt").stat().st_mtime_ns == 10**18 + 123_456_789
    assert semtool(*COMMANDS[command], "out.txt").status == 0
    assert Path("out.txt").stat().st_mtime_ns > 10**18 + 10**17
    assert semtool(*COMMANDS[command], "-", "--preserve-times").status == 0


def test_times_of_a_picture_and_of_no_file(semtool: Semtool, photo: Path) -> None:
    os.utime(photo, ns=(10**18, 10**18))
    assert semtool("encode", photo, "--preserve-times").status == 0
    assert Path("a.sem").stat().st_mtime_ns == 10**18
    assert semtool("decode", "a.sem", "-o", "b.png", "--preserve-times").status == 0
    assert Path("b.png").stat().st_mtime_ns == 10**18
    refused(
        semtool("encode", "-", "-o", "x.sem", "--preserve-times", stdin=photo.read_bytes()),
        2,
        "usage: --preserve-times needs",
    )
    refused(
        semtool("encode", "--text", "a", "--size", "8x8", "-o", "x.sem", "--preserve-times"),
        2,
        "usage: --preserve-times needs",
    )
    refused(semtool("strip", "no.sem", "-o", "x.sem", "--preserve-times"), 7, "SEM-E-101 ")


# --- signals ------------------------------------------------------------------------------------------------------

WINDOW = {
    "data": "import refcodec.replace_file as r; w = r.write_all; r.write_all = lambda s, v: (w(s, v[:3]), die(), w(s, v[3:]))",
    "sync": "f = os.fsync; os.fsync = lambda d: (die(), f(d))",
    "rename": "f = os.replace; os.replace = lambda *a, **k: (die(), f(*a, **k))",
}
SIGNALS = {signal.SIGTERM: 143, signal.SIGINT: 130} | ({signal.SIGHUP: 129} if hasattr(signal, "SIGHUP") else {})


@posix
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("window", WINDOW)
@pytest.mark.parametrize("old", [None, b"old"])
def test_signals_in_the_write_window(text: Path, number: signal.Signals, window: str, old: bytes | None) -> None:
    if old is not None:
        Path("out.sem").write_bytes(old)
    code = f"die = lambda: os.kill(os.getpid(), {int(number)})\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{WINDOW[window]}"
    done = run("strip", text, "-o", "out.sem", code=code)
    word = b"interrupted" if number == signal.SIGINT else b"terminated"
    assert (done.returncode, done.stdout, done.stderr) == (
        SIGNALS[number],
        b"",
        word + b"; no file is left half written\n",
    )
    assert (Path("out.sem").read_bytes() if Path("out.sem").exists() else None) == old
    assert sorted(os.listdir()) == ["text.sem"] if old is None else ["out.sem", "text.sem"]


@posix
@pytest.mark.parametrize("window", WINDOW)
def test_a_kill_in_the_write_window_is_tidied_by_the_next_run(semtool: Semtool, text: Path, window: str) -> None:
    Path("out.sem").write_bytes(b"old")
    code = f"die = lambda: os.kill(os.getpid(), 9)\n{WINDOW[window]}"
    assert run("strip", text, "-o", "out.sem", code=code).returncode == -9
    assert (Path("out.sem").read_bytes(), len(os.listdir())) == (b"old", 3)
    assert semtool("strip", text, "-o", "other.sem").status == 0
    assert sorted(os.listdir()) == ["other.sem", "out.sem", "text.sem"]


@posix
def test_a_second_signal_does_not_stop_the_tidying(text: Path) -> None:
    code = (
        "die = lambda: os.kill(os.getpid(), 15)\nu = os.unlink; os.unlink = lambda p: (die(), u(p))\n" + WINDOW["sync"]
    )
    done = run("strip", text, "-o", "out.sem", code=code)
    assert (done.returncode, os.listdir()) == (143, ["text.sem"])


@posix
def test_nohup_and_callers_with_handlers(semtool: Semtool, text: Path) -> None:
    code = f"signal.signal(signal.SIGHUP, signal.SIG_IGN)\ndie = lambda: os.kill(os.getpid(), signal.SIGHUP)\n{WINDOW['sync']}"
    assert run("strip", text, "-o", "out.sem", code=code).returncode == 0
    before = signal.getsignal(signal.SIGTERM)
    assert semtool("strip", text, "-o", "out2.sem").status == 0
    assert signal.getsignal(signal.SIGTERM) == before


@posix
def test_json_of_a_termination(text: Path) -> None:
    code = f"die = lambda: os.kill(os.getpid(), 15)\n{WINDOW['sync']}"
    done = run("strip", text, "-o", "out.sem", "--json", code=code)
    assert json.loads(done.stdout)["error"]["family"] == "interrupted"


# --- where the program lies ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library as a zip archive, with its data."""
    path = tmp_path_factory.mktemp("zip") / "library.zip"
    with zipfile.ZipFile(path, "w") as out:
        for file in (ROOT / "refcodec").rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                out.write(file, file.relative_to(ROOT))
    return path


def from_zip(archive: Path, *args: str | Path, **more: Any) -> subprocess.CompletedProcess[bytes]:
    program = f"import sys; sys.path.insert(0, {str(archive)!r})\nimport refcodec; assert refcodec.__file__.startswith({str(archive)!r})\n{MAIN}"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | more.pop("env", {})
    return subprocess.run(
        [sys.executable, "-P", "-c", program, *map(str, args)], capture_output=True, check=False, env=environment
    )


@pytest.mark.parametrize(
    "args",
    [["inspect", "--json"], ["payload", "--json"], ["verify", "--json"], ["decode", "--text"], ["decode", "--symbols", "-o", "-"]],
)  # fmt: skip
@pytest.mark.parametrize("vector", ["text", "elic", "caption"])
def test_from_a_zip_archive(archive: Path, text: Path, tmp_path: Path, args: list[str], vector: str) -> None:
    file = {
        "text": text,
        "elic": next((ROOT / "test_vectors" / "elic").glob("*.sem")),
        "caption": next((ROOT / "test_vectors" / "caption").glob("caption-static-cat.sem")),
    }[vector]
    if vector == "elic" and "--text" in args:
        return
    (tmp_path / "temporary").mkdir()
    where = {"TMPDIR": str(tmp_path / "temporary"), "SEM_MODELS": str(ROOT / "test_vectors" / "models")}
    done = from_zip(archive, *args[:1], file, *args[1:], env=where)
    as_ever = run(*args[:1], file, *args[1:], env={**os.environ, **where})
    assert (done.returncode, done.stdout, done.stderr) == (0, as_ever.stdout, as_ever.stderr)
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.slow
def test_shipped_models_from_a_zip_archive(archive: Path, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    where = {"TMPDIR": str(tmp_path / "temporary")}
    assert from_zip(archive, "encode", photo, env=where).returncode == 0
    done = from_zip(archive, "payload", "a.sem", "--json", env=where)
    assert done.stdout == run("payload", "a.sem", "--json").stdout
    assert from_zip(archive, "decode", "a.sem", "-o", "b.png", env=where).returncode == 0
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize("flags", [("-O",), ("-OO",), ("-I", "-B", "-OO")])
@pytest.mark.parametrize("args", [["encode", "--help"], ["inspect", "text.sem", "--json"], ["payload", "text.sem"],
    ["decode", "text.sem", "--text"], ["strip", "text.sem", "-o", "x.sem"]])  # fmt: skip
def test_optimised_and_isolated(text: Path, flags: tuple[str, ...], args: list[str]) -> None:
    plain, done = run(*args), run(*args, flags=flags)
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)
    if "--help" in args:
        assert b"--help" in done.stdout
    else:
        assert done.stdout == plain.stdout


@pytest.mark.slow
def test_the_codec_without_assertions(photo: Path) -> None:
    assert run("encode", photo, "-o", "one.sem", flags=("-OO",)).returncode == 0
    assert run("encode", photo, "-o", "two.sem").returncode == 0
    assert Path("one.sem").read_bytes() == Path("two.sem").read_bytes()
    assert run("decode", "one.sem", "-o", "b.png", flags=("-OO",)).returncode == 0


@posix
@pytest.mark.slow
def test_without_a_home_and_without_a_folder_for_temporary_files(text: Path, tmp_path: Path) -> None:
    for home in (None, "", "/dev/null"):
        environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")}
        environment |= {"TMPDIR": "/nowhere"} | ({} if home is None else {"HOME": home})
        for args in (["inspect", text], ["strip", text, "-o", "x.sem"], ["models", "list"]):
            done = run(*args, env=environment)
            assert (done.returncode, done.stderr) == (0, b""), (home, args)
    assert sorted(os.listdir()) == ["text.sem", "x.sem"]


@posix
def test_a_user_without_a_home(text: Path) -> None:
    code = "import refcodec.networks.package_search as s; os.path.expanduser = lambda p: p; os.environ.pop('XDG_DATA_HOME', None)"
    assert run("models", "list", code=code).returncode == 0
    done = run("models", "import", ".", "--as", "painter", code=code)
    assert done.returncode in (2, 7)
    assert sorted(os.listdir()) == ["text.sem"]
    relative = run("models", "list", "--json", env={**os.environ, "XDG_DATA_HOME": "relative"})
    assert b'"relative/' not in relative.stdout


@posix
def test_a_working_folder_that_is_gone(text: Path) -> None:
    done = shell(
        f"mkdir gone; cd gone; rmdir ../gone; semtool strip '{text}' -o '{text.parent}/x.sem'; semtool strip '{text}' -o x.sem"
    )
    assert done.returncode == 7
    assert b"Traceback" not in done.stderr
    assert Path("x.sem").read_bytes() == text.read_bytes()


@posix
@pytest.mark.slow
def test_a_read_only_installation_stays_as_it_is(tmp_path: Path, photo: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(ROOT / "refcodec", site / "refcodec", ignore=shutil.ignore_patterns("__pycache__"))
    before = sorted(site.rglob("*"))
    for path in [site, *site.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    code = f"sys.path[0] = {str(site)!r}\nsys.dont_write_bytecode = True\n"
    code += "from refcodec.entropy import compiled; compiled.LOADING_VALUES_MIN = 0\n"  # loads numba, whose cache is in question
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "HOME": "/nowhere",
        "XDG_CACHE_HOME": "/nowhere",
    }
    assert run("encode", photo, code=code, env=environment).returncode == 0
    assert run("payload", "a.sem", code=code, env=environment).returncode == 0
    for path in [site, *site.rglob("*")]:
        path.chmod(0o755)
    if os.geteuid():  # root writes anywhere
        assert sorted(site.rglob("*")) == before


def test_many_files_and_long_command_lines(semtool: Semtool, text: Path) -> None:
    names = []
    for i in range(300):
        name = f"{i:0200d}.sem"
        os.link(text, name)
        names.append(name)
    done = semtool("verify", *names)
    assert (done.status, done.text.count("\n"), done.err) == (0, 300, "")
