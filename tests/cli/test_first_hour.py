# SPDX-License-Identifier: MIT
"""What a new user meets first: examples that work as they stand, one name for a quality, errors once, remedies that help."""

from __future__ import annotations

import importlib
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from cli_harness import Semtool, contents, refused
from PIL import Image
from strategies import private_registry

import refcodec
from refcodec.cli.commands import COMMANDS
from refcodec.methods.operating_point import position_of, quality_of, rate_of

PROGRAM = "import sys; from refcodec.cli.main import main; sys.exit(main())"
PHOTO = Path(refcodec.__file__).parent / "data/examples/photo.jpg"


# --- semtool example --------------------------------------------------------------------------------------------------


def test_examples_are_written_with_their_shapes(semtool: Semtool, place: Path) -> None:
    done = semtool("example", "--json")
    assert (done.status, done.err) == (0, "")
    listed = {row["file"]: row["what"] for row in done.json["files"]}
    assert {*listed, "EXAMPLES.txt"} == {path.name for path in place.iterdir()}
    arrays = list(place.glob("*.npy"))
    assert len(arrays) >= 3
    for path in arrays:
        array = np.load(path, allow_pickle=False)
        assert listed[path.name].startswith(f"{array.dtype}[{', '.join(map(str, array.shape))}]: ")
    with Image.open("photo.jpg") as photo:
        assert f"{photo.width}x{photo.height}" in listed["photo.jpg"]


def test_every_example_is_used_by_its_command(semtool: Semtool, place: Path) -> None:
    for row in semtool("example", "--json").json["files"]:
        words = [
            Path("text.txt").read_text().strip() if w == "$(cat text.txt)" else w for w in shlex.split(row["command"])
        ]
        assert words[0] == "semtool"
        done = semtool(*words[1:])
        assert done.status == 0, (row["command"], done.err)
        written = place / (words[words.index("-o") + 1] if "-o" in words else "photo.sem")
        assert semtool("verify", written).status == 0


def test_examples_replace_nothing_unless_told(semtool: Semtool, place: Path) -> None:
    Path("grid.npy").write_bytes(b"mine")
    before = contents(place)
    refused(semtool("example"), 7, "SEM-E-102 cannot-write: grid.npy exists; --force replaces it")
    assert contents(place) == before
    assert semtool("example", "-o", "new/folder").status == 0
    assert Path("new/folder/grid.npy").stat().st_size > 100
    assert semtool("example", "--force").status == 0
    assert Path("grid.npy").read_bytes() == Path("new/folder/grid.npy").read_bytes()


@pytest.mark.parametrize(("target", "start"), [("file", "SEM-E-102"), ("", "SEM-E-102"), ("/proc/no", "SEM-E-102")])
def test_examples_need_a_folder(target: str, start: str, semtool: Semtool) -> None:
    Path("file").write_bytes(b"")
    refused(semtool("example", "-o", target), 7, start)


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("encode --caption x --size 8x8 -o", "name a file, or leave -o out"),
        ("inspect file --html", "name a file, or leave --html out"),
        ("thumbnail file -o", "name a file"),
        ("batch encode file -o", "name a folder"),
        ("batch verify file -o", "name a folder, or leave -o out"),
        ("example -o", "name a folder, or leave -o out"),
    ],
)
def test_an_empty_name_of_an_output(command: str, hint: str, semtool: Semtool, place: Path) -> None:
    Path("file").write_bytes(b"\xf5\x9e")
    done = semtool(*command.split(), "")
    what = "folder" if "folder" in hint else "output"
    assert (done.status, done.line) == (7, f"SEM-E-102 cannot-write: '': the name of the {what} is empty; {hint}")


# --- one name and number for a quality --------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [1, 2, 5, 10])
@pytest.mark.parametrize("method", ["elic", "pics"])
def test_payload_prints_the_quality_of_encode(quality: int, method: str, semtool: Semtool) -> None:
    more = ["--method", "pics", "--caption", "A cup."] if method == "pics" else []
    Image.open(PHOTO).resize((150, 100)).save("small.png")
    assert semtool("encode", "small.png", "-o", "x.sem", "--quality", str(quality), *more).status == 0
    done = semtool("payload", "x.sem")
    assert re.findall(r"^  rate +(.+)$", done.text, re.MULTILINE) == [f"quality {quality}"]
    (latents,) = [s for s in semtool("payload", "x.sem", "--json").json["sections"] if s["kind"] in ("elic", "sketch")]
    assert latents["value"] == {
        "rate": rate_of(quality, 26 if method == "pics" else 10)
    }  # the key and its meaning stay


@pytest.mark.parametrize("rates", [1, 2, 3, 6, 10, 13, 64])
def test_the_quality_of_a_rate_gives_that_rate(rates: int) -> None:
    for rate in range(rates):
        quality = quality_of(rate, rates)
        assert 1 <= quality <= 10
        assert round(position_of(quality, rates), 6) == rate
    if rates == 10:
        assert [quality_of(rate, rates) for rate in range(rates)] == list(range(1, 11))


# --- test rows --------------------------------------------------------------------------------------------------------


def test_rows_of_the_test_vectors_are_listed_when_asked(
    semtool: Semtool, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ids(*options: str) -> list[int]:
        part = semtool("models", "list", *options).text.partition("Profiles\n")[2].partition("\n\n")[0]
        return [int(line.split()[0]) for line in part.splitlines()[1:]]

    assert max(ids()) == 24
    assert ids("--all")[-7:] == list(range(200, 207))
    in_json = [row["id"] for row in semtool("models", "list", "--json").json["profiles"]]
    assert in_json == ids("--all")
    path = private_registry(place)
    mine = [row["id"] for row in json.loads(path.read_bytes())["profiles"]]
    monkeypatch.setenv("SEM_REGISTRY", str(path))
    assert {each for each in ids() if each >= 200} == set(mine)


# --- options that are a flag in one command and take a value in another -------------------------------------------------


def leaves() -> Iterator[tuple[str, click.Command]]:
    for name, (module, attribute) in COMMANDS.items():
        found = getattr(importlib.import_module(module), attribute)
        if isinstance(found, click.Group):
            context = click.Context(found)
            for inner in found.list_commands(context):
                command = found.get_command(context, inner)
                assert command is not None
                yield f"{name} {inner}", command
        else:
            yield name, found


def test_a_flag_that_takes_a_value_elsewhere_says_that_it_takes_none() -> None:
    flags: dict[str, list[str]] = {}
    values = set()
    for name, command in leaves():
        if name == "conformance run":  # the options of another program, of the same names since version 1
            continue
        for option in command.params:
            if isinstance(option, click.Option):
                for spelling in option.opts:
                    if option.is_flag:
                        flags.setdefault(spelling, []).append(option.help or "")
                    else:
                        values.add(spelling)
    both = {spelling for spelling in flags if spelling in values}
    assert both >= {"--provenance", "--text", "--trace"}
    for spelling in both:
        assert all("Takes no value" in text for text in flags[spelling]), spelling


def test_both_meanings_of_provenance_work(semtool: Semtool) -> None:
    Image.open(PHOTO).resize((150, 100)).save("small.png")
    assert semtool("encode", "small.png", "-o", "x.sem", "--provenance").status == 0
    for i, name in enumerate(("--provenance", "--provenance-entry")):
        assert semtool("encode", "small.png", "-o", "y.sem", "--force").status == 0
        assert semtool("add", "y.sem", "-o", f"z{i}.sem", name, "author=Ann").status == 0
        assert '"author"' in semtool("inspect", f"z{i}.sem", "--json").text
    done = semtool("encode", "small.png", "--provenance", "author=Ann", "-o", "z.sem")
    refused(done, 2, "usage: --provenance takes no value here: semtool add --provenance author=Ann adds an entry")
    refused(semtool("add", "y.sem", "-o", "z.sem", "--provenance", "Ann"), 2, "usage: Invalid value for '--provenance'")


# --- errors once --------------------------------------------------------------------------------------------------------


def broken() -> list[tuple[str, list[str]]]:
    data = refcodec.encode(PHOTO, quality=1)
    Path("check.sem").write_bytes(data[:100])
    Path("short.sem").write_bytes(data[:3])
    Path("not.sem").write_bytes(b"xx" + data)
    return [(name, ["inspect", name]) for name in ("short.sem", "not.sem")] + [
        (name, ["verify", name]) for name in ("check.sem", "short.sem", "not.sem")
    ]


def on_a_terminal(args: list[str]) -> str:
    """Everything that a command prints on a terminal."""
    main, child = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *args], stdout=child, stderr=child, stdin=child)
    os.close(child)
    out = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        out += part
    process.wait()
    os.close(main)
    return out.decode()


def through_one_pipe(args: list[str]) -> str:
    command = [sys.executable, "-c", PROGRAM, *args]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout.decode()


@pytest.mark.parametrize("output", [on_a_terminal, through_one_pipe])
def test_an_error_is_printed_once(output: Callable[[list[str]], str], place: Path) -> None:
    for name, args in broken():
        text = output(args)
        assert len(re.findall(r"SEM-E-\d{3}", text)) == 1, (name, text)
        apart = subprocess.run([sys.executable, "-c", PROGRAM, *args], capture_output=True, check=False)
        for stream in (apart.stdout, apart.stderr):  # each alone is complete
            assert len(re.findall(rb"SEM-E-\d{3}", stream)) == 1, (name, stream)


@pytest.mark.parametrize("output", [on_a_terminal, through_one_pipe])
def test_the_error_of_a_model_is_printed_once(output: Callable[[list[str]], str], place: Path) -> None:
    Path("set/painter").mkdir(parents=True)
    text = output(["models", "verify", "painter", "--model", "set"])
    assert len(re.findall(r"SEM-E-801", text)) == 1, text


# --- every byte ---------------------------------------------------------------------------------------------------------


def test_hex_shows_every_byte(semtool: Semtool) -> None:
    data = refcodec.encode(PHOTO, quality=6)
    assert len(data) > 4000
    Path("x.sem").write_bytes(data)
    text = semtool("inspect", "x.sem", "--hex").text
    lines = text.partition("body")[2].splitlines()[1:]
    assert bytes.fromhex("".join(lines)) == data[-sum(len(line.split()) for line in lines) :]
    assert len(lines) == -(-(len(data) - 11) // 16)
    assert "more" not in text


# --- folders of models, and models that are missing ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folders", "named", "what", "remedy"),
    [
        (["set"], "set", "set holds no model package: it is an empty folder", "with a folder for each role"),
        (["set/painter"], "set/painter", "it is an empty folder", "name the role, --model painter=set/painter"),
        (["set/other"], "set", "set holds no model package", "with a folder for each role, such as painter"),
        (["set/painter"], "set", "painter: set/painter is an empty folder", "--model painter=FOLDER"),
        (["set/painter"], "painter=set/painter", "painter: set/painter is an empty folder", "--model painter=FOLDER"),
        (["set/language", "set/captioner"], "set", "nothing fills the role painter", "set has captioner, language, and no folder painter"),
        (["set"], "painter=set/nothing", "painter: there is no folder set/nothing", "correct the path"),
    ],
)  # fmt: skip
def test_remedies_fit_the_folder(folders: list[str], named: str, what: str, remedy: str, semtool: Semtool) -> None:
    for folder in folders:
        Path(folder).mkdir(parents=True)
    semtool("encode", "--text", "a red cup", "--size", "64x64", "-o", "x.sem")
    done = semtool("decode", "x.sem", "--model", named)
    refused(done, 5, "SEM-E-801 model-unavailable: ")
    assert what in done.line
    assert remedy in done.line


MISSING: list[tuple[list[str], list[str], str]] = [
    (["encode", "p.jpg", "--method", "clip"], [], "image_embedder"),
    (["encode", "p.jpg", "--method", "consonant"], [], "captioner"),
    (["encode", "p.jpg", "--method", "consonant"], ["language"], "captioner"),
    (["encode", "p.jpg", "--method", "pics"], [], "clip"),
    (["encode", "p.jpg", "--method", "pics", "--caption", "A", "--candidates", "2"], ["painter", "controlnet"], "clip"),
    (["encode", "p.jpg", "--method", "pics", "--caption", "A", "--candidates", "2"], ["painter", "clip"], "controlnet"),
    (["encode", "p.jpg", "--method", "perco", "--profile", "perco-16-256"], ["painter"], "hyper_encoder"),
    (["encode", "p.jpg", "--method", "perco", "--profile", "perco-16-256"], ["hyper_encoder"], "painter"),
    (["decode", "words.sem"], [], "painter"),
    (["decode", "vector.sem"], [], "painter"),
    (["decode", "sketch.sem"], ["painter"], "controlnet"),
    (["decode", "indices.sem"], ["hyper_encoder"], "painter"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "there", "role"), MISSING)
@pytest.mark.parametrize("empty", [False, True])
def test_a_missing_model_is_reported_before_any_is_loaded(
    args: list[str], there: list[str], role: str, empty: bool, place: Path
) -> None:
    """In a process that must not import torch, nor start the one in which models run."""
    Image.open(PHOTO).resize((96, 64)).save("p.jpg")
    Path("words.sem").write_bytes(refcodec.encode(text="a red cup", size=(64, 64)))
    Path("vector.sem").write_bytes(refcodec.encode(vector=np.ones(768, np.float32), size=(64, 64)))
    Path("sketch.sem").write_bytes(refcodec.encode("p.jpg", method="pics", caption="A"))
    Path("indices.sem").write_bytes(refcodec.encode(indices=np.zeros((1, 1), int), size=(64, 64)))
    for name in there:
        Path(name).mkdir()
        (Path(name) / "model.safetensors").write_bytes(b"not read before all roles are filled")
    if empty:
        Path(role).mkdir()
    models = [word for name in [*there, *([role] if empty else [])] for word in ("--model", f"{name}={name}")]
    code = (
        "import sys; from refcodec.cli.main import main; from refcodec.foundation.worker import proxy\n"
        "def load(*args): raise AssertionError('a model was loaded')\n"
        "proxy.load = load\n"
        "status = main(sys.argv[1:])\n"
        "print(sorted({'torch', 'transformers', 'diffusers'} & set(sys.modules)))\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *args, *models], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (5, "[]\n"), done.stderr
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
    assert line.startswith("SEM-E-801 model-unavailable: ")
    assert f"{role}: {role} is an empty folder" in line if empty else f"nothing fills the role {role}" in line
    assert f"--model {role}=" in line


def test_the_package_has_its_photograph() -> None:
    """Below the package, so that an installation has it, too."""
    with Image.open(PHOTO) as image:
        assert (image.format, image.size) == ("JPEG", (600, 400))
    assert PHOTO.is_relative_to(Path(refcodec.__file__).parent)
