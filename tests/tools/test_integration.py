# SPDX-License-Identifier: MIT
"""integration/: each file is read by the program that it is for, as far as that is installed."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from image_files import packed
from vector_cases import VECTORS, vectors

import refcodec
from refcodec.cli import completion
from refcodec.cli.commands import COMMANDS
from tools.integration import __main__ as tool
from tools.integration import man

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "integration"
MAGIC = FOLDER / "magic/sem"
PAGES = sorted((FOLDER / "man").glob("*.1"))


def program(name: str) -> str:
    """The path of a program; the test is skipped without it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str | Path, **more: object) -> str:
    """The standard output of a program that ends with 0."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    assert isinstance(done.stdout, str)
    return done.stdout


@pytest.fixture
def semtool_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program `semtool` of this source tree, first on the path."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/semtool"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m refcodec "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


# --- file(1) ------------------------------------------------------------------------------------------------------


def types(*paths: Path) -> list[tuple[str, str]]:
    """What `file` says of each path, with our magic before the system's: description and media type."""
    magic = f"{MAGIC}:/usr/share/misc/magic"
    names = [str(path) for path in paths]
    described = run(program("file"), "-b", "-m", magic, *names).splitlines()
    media = run(program("file"), "-b", "--mime-type", "-m", magic, *names).splitlines()
    return list(zip(described, media, strict=True))


def test_the_magic_is_that_of_the_specification() -> None:
    block = (ROOT / "SPEC.md").read_text(encoding="utf-8").split("For `file(1)`:")[1].split("```")[1]
    lines = [line.split() for line in MAGIC.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if line[0] != "!:ext"] == [line.split() for line in block.strip().splitlines()]
    assert ["!:ext", "sem"] in lines


def test_file_knows_every_valid_vector() -> None:
    paths = [VECTORS / str(entry["file"]) for entry in vectors().values() if entry["expect"] == "accept"]
    assert set(types(*paths)) == {("Semantic image (.sem), version 1", "image/x-sem")}


def test_file_knows_the_version_of_a_later_file(tmp_path: Path) -> None:
    (tmp_path / "later.sem").write_bytes(b"\xf5\x9e\x4c\x01\x0b")
    assert types(tmp_path / "later.sem") == [("Semantic image (.sem), version 2", "image/x-sem")]


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM"])
def test_file_leaves_foreign_pictures_alone(name: str, tmp_path: Path) -> None:
    from pillow_files import pixels

    (tmp_path / "foreign.sem").write_bytes(packed(pixels(), name))
    ((_, media),) = types(tmp_path / "foreign.sem")
    assert media.startswith("image/")
    assert media != "image/x-sem"


@pytest.mark.parametrize("data", [b"", b"\xf5", b"\x9e\xf5\x2c", b"text", b"x\xf5\x9e", b"\xf5\x9f\x2c"])
def test_file_leaves_other_data_alone(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "foreign.sem").write_bytes(data)
    assert "image/x-sem" not in types(tmp_path / "foreign.sem")[0]


# --- shared-mime-info ---------------------------------------------------------------------------------------------


@pytest.fixture
def mime(tmp_path: Path) -> Path:
    """A folder of media types that `update-mime-database` has made of our file alone."""
    (tmp_path / "mime/packages").mkdir(parents=True)
    shutil.copy(FOLDER / "mime/refcodec-sem.xml", tmp_path / "mime/packages")
    assert "rror" not in run(program("update-mime-database"), "-V", tmp_path / "mime")
    return tmp_path / "mime"


def test_the_media_type_is_accepted(mime: Path) -> None:
    assert "50:image/x-sem:*.sem" in (mime / "globs2").read_text().splitlines()
    assert b"[50:image/x-sem]\n>0=\x00\x02\xf5\x9e\n" in (mime / "magic").read_bytes()
    assert (mime / "image/x-sem.xml").is_file()
    assert "image/x-sem:image-x-generic" in (mime / "generic-icons").read_text().splitlines()


def test_the_media_type_is_the_one_that_pillow_gets() -> None:
    from refcodec.pillow import registration

    root = ElementTree.parse(FOLDER / "mime/refcodec-sem.xml").getroot()
    space = "{http://www.freedesktop.org/standards/shared-mime-info}"
    (kind,) = root.iter(f"{space}mime-type")
    assert kind.attrib["type"] == registration.MEDIA_TYPE
    assert [glob.attrib["pattern"] for glob in kind.iter(f"{space}glob")] == ["*" + registration.EXTENSION]


def test_no_other_type_of_the_system_has_the_extension() -> None:
    globs = Path("/usr/share/mime/globs2")
    if not globs.is_file():
        pytest.skip("there are no media types of the system")
    others = [line for line in globs.read_text().splitlines() if line.endswith(":*.sem") and "x-sem" not in line]
    assert others == []


# --- thumbnails ---------------------------------------------------------------------------------------------------


def test_the_thumbnailer_makes_a_thumbnail(semtool_on_path: None, tmp_path: Path) -> None:
    from PIL import Image
    from pillow_files import file_bytes

    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment, method-assign]
    entry.read(FOLDER / "thumbnailer/refcodec-sem.thumbnailer")
    section = entry["Thumbnailer Entry"]
    assert section["MimeType"].split(";") == ["image/x-sem", ""]
    assert shutil.which(section["TryExec"])
    source, target = tmp_path / "a picture.sem", tmp_path / "thumbnail without suffix"
    source.write_bytes(file_bytes())
    values = {"%i": str(source), "%o": str(target), "%s": "24", "%u": source.as_uri()}
    run(*(values.get(word, word) for word in shlex.split(section["Exec"])))
    with Image.open(target) as image:
        assert (image.format, image.size) == ("PNG", (24, 16))


# --- completion ---------------------------------------------------------------------------------------------------


def completed(line: str, shell: str = "bash") -> list[str]:
    """What the program answers to the script of a shell at the end of a line."""
    words = line.split(" ")
    more = {
        "_SEMTOOL_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1) if shell != "fish" else words[-1],
        "PYTHONPATH": str(ROOT),
    }
    answer = run(sys.executable, "-m", "refcodec", env={**os.environ, **more})
    return [line for line in answer.splitlines() if line]


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("semtool enc", {"plain,encode"}),
        ("semtool ", {f"plain,{name}" for name in COMMANDS}),
        ("semtool models ver", {"plain,verify"}),
        ("semtool decode ph", {"file,ph"}),
        ("semtool encode photo.jpg -o ph", {"file,ph"}),
        ("semtool decode --trace tr", {"dir,tr"}),
        ("semtool encode --profile perco-sm", {"plain,perco-small"}),
        ("semtool encode --method pe", {"plain,perco"}),
        ("semtool encode --device c", {"plain,cpu", "plain,cuda"}),
        ("semtool encode --qual", {"plain,--quality"}),
        ("semtool completion ", {"plain,bash", "plain,zsh", "plain,fish"}),
        ("semtool encode --text wor", set()),
        ("semtool nothing x", set()),
    ],
)
def test_candidates(line: str, some: set[str]) -> None:
    found = set(completed(line))
    assert some <= found
    assert len(found) == len(some) or line == "semtool "


def test_rows_for_tests_are_not_offered() -> None:
    assert "plain,elic" in completed("semtool encode --profile ")
    assert not [line for line in completed("semtool encode --profile ") if "tiny" in line]


def test_candidates_of_bash_in_bash(semtool_on_path: None) -> None:
    for script in (f". {FOLDER / 'completions/semtool'}", 'eval "$(semtool completion bash)"'):
        lines = f"{script}; COMP_WORDS=(semtool enc); COMP_CWORD=1; _semtool_completion semtool; echo ${{COMPREPLY[@]}}"
        assert run(program("bash"), "--norc", "-c", f"{lines}; complete -p semtool").split("\n") == [
            "encode",
            "complete -o nosort -F _semtool_completion semtool",
            "",
        ]


def test_the_script_of_zsh_in_zsh(semtool_on_path: None, tmp_path: Path) -> None:
    folder, dump = FOLDER / "completions", tmp_path / "dump"
    start = f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -d {dump}"
    assert run(program("zsh"), "-f", "-c", f"{start}; print $_comps[semtool]") == "_semtool\n"
    loaded = 'eval "$(semtool completion zsh)"; print $_comps[semtool]'
    assert run(program("zsh"), "-f", "-c", f"autoload -Uz compinit; compinit -u -d {dump}2; {loaded}").split() == [
        "_semtool_completion"
    ]
    assert completed("semtool enc", "zsh") == ["plain", "encode", "Encode a picture, or symbols, as a .sem file."]


def test_candidates_of_fish_in_fish(semtool_on_path: None, tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    lines = f"source {FOLDER / 'completions/semtool.fish'}; complete -C 'semtool enc'"
    assert run(program("fish"), "--no-config", "-c", lines, env=environment).split("\t")[0].split() == ["encode"]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_the_scripts_are_printed(shell: str, semtool_on_path: None) -> None:
    text = run("semtool", "completion", shell)
    assert text == completion.script(shell)
    assert "_SEMTOOL_COMPLETE" in text


@pytest.mark.parametrize("instruction", ["bash", "bash_", "bash_nothing", "csh_complete", "x"])
def test_a_wrong_instruction_is_refused_silently(instruction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMP_WORDS", raising=False)
    assert completion.answer(instruction) == 1


def parameters() -> dict[str, click.Parameter]:
    """Every option and argument that is a text, with its command."""
    return {
        f"{context.command_path} {parameter.opts[0]}": parameter
        for context in man.contexts()
        for parameter in context.command.params
        if isinstance(parameter.type, click.types.StringParamType)
    }


FREE = {  # texts that nothing is offered for, by their metavars
    *("BYTES", "CMD", "ENCODE DECODE", "GLOB", "K=V", "LIST", "N", "NAME CMD", "NAME", "NAME[=VALUES"),
    *("ROLE=FOLDER", "RRGGBB", "SECONDS", "T", "TEXT", "WxH", ""),
}


@pytest.mark.parametrize(("name", "parameter"), parameters().items(), ids=parameters())
def test_every_text_is_free_or_completed(name: str, parameter: click.Parameter) -> None:
    """A new metavar belongs into one of the lists, here or in refcodec/cli/completion.py."""
    metavar = (parameter.metavar or "").strip("[]").removesuffix("…")
    named = parameter.name in ("profile", "method")
    assert (metavar in completion.FILES) + (metavar in completion.FOLDERS) + (metavar in FREE) + named == 1, metavar


# --- manual pages -------------------------------------------------------------------------------------------------


def test_the_pages_are_those_of_the_help() -> None:
    pinned = re.search(r"^click==(\S+)", (ROOT / "requirements/ci.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    if version("click") != pinned[1]:
        pytest.skip("another click may show options otherwise")
    assert tool.stale() == [], "python -m tools.integration"


def test_every_command_has_a_page() -> None:
    names = {path.stem for path in PAGES}
    assert names >= {"semtool", *(f"semtool-{name}" for name in COMMANDS)}
    assert "semtool-models-import" in names


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_man_and_mandoc_show_a_page(path: Path) -> None:
    done = subprocess.run(
        [program("man"), "--warnings", "-E", "UTF-8", "-l", path],
        capture_output=True,
        text=True,
        env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"},
        check=True,
    )
    assert done.stderr == ""
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"):
        assert re.search(rf"^{heading}$", done.stdout, re.MULTILINE)
    if shutil.which("mandoc"):
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, check=False)
        assert lint.stdout == b""


def test_a_page_has_what_the_help_has() -> None:
    for context in man.contexts():
        text = man.page(context)
        for parameter in context.command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert man.plain(parameter.opts[-1]) in text


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        ("--option", "\\-\\-option"),
        (".sem file", "\\&.sem file"),
        ("'quoted'", "\\&\\(aqquoted\\(aq"),
        ("back\\slash", "back\\eslash"),
        ("`code`", "\\(gacode\\(ga"),
    ],
)
def test_text_is_not_read_as_roff(text: str, roff: str) -> None:
    assert man.plain(text) == roff


def test_check_names_stale_pages(tmp_path: Path) -> None:
    folder = tmp_path / "man"
    folder.mkdir()
    for name, text in man.pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    assert tool.stale(folder) == []
    (folder / "semtool-old.1").write_text("")
    (folder / "semtool.1").write_text("")
    (folder / "semtool-cut.1").unlink()
    assert tool.stale(folder) == ["semtool-cut.1", "semtool-old.1", "semtool.1"]


# --- the package --------------------------------------------------------------------------------------------------


def test_a_wheel_installs_the_files() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    found = {path for patterns in listed.values() for pattern in patterns for path in ROOT.glob(pattern)}
    assert found == {path for path in FOLDER.rglob("*") if path.is_file()}
    page = (ROOT / "docs/media-type.md").read_text(encoding="utf-8")
    for target in listed:
        assert target.removeprefix("share/") in page


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["encode", "--nothing"], ["verify", "absent.sem"]])
def test_python_m_refcodec_is_semtool(arguments: list[str], tmp_path: Path) -> None:
    results = [
        subprocess.run(
            [sys.executable, "-m", module, *arguments],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for module in ("refcodec", "refcodec.cli")
    ]
    first, second = ((done.returncode, done.stdout, done.stderr) for done in results)
    assert first == second
    assert refcodec.__version__ in first[1].decode() or arguments != ["--version"]
