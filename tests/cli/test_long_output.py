# SPDX-License-Identifier: MIT
"""What is too long for a terminal is shortened there, with the way to the rest; JSON and -o FILE hold all of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_harness import Semtool, refused, valid

from refcodec import codec, editing, spec
from refcodec.assemble import section_of
from refcodec.cli.stdio import brief
from refcodec.container import read
from refcodec.networks import tensors
from tools.vectors.models import tiny

ROOT = Path(__file__).resolve().parents[2]
CAPTION = "A cat on a mat. " * 300
THUMBNAIL = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8192  # of 2 MB
UNKNOWN = 0x15


@pytest.fixture
def big(place: Path) -> Path:
    """A file with a long caption, a thumbnail of 2 MB and a section of 100 kB of an unknown type."""
    container = read(codec.encode_file(None, caption=CAPTION, size=(64, 48), mode="zlib").data)
    bodies = {spec.THUMBNAIL: THUMBNAIL, UNKNOWN: bytes(100_000)}
    sections = [section_of(container.header, None, number, body, body) for number, body in bodies.items()]
    (place / "big.sem").write_bytes(editing.add(container, sections).data)
    return place / "big.sem"


def test_text_is_short(semtool: Semtool, big: Path) -> None:
    lines = semtool("payload", big).text.splitlines()
    assert max(map(len, lines)) < 300
    assert [line for line in lines if not line.startswith(" ")] == ["caption", "thumbnail", "0x15"]
    values = [line.split(maxsplit=1)[1] for line in lines if line.startswith("  value")]
    assert values[0] == f"{CAPTION[:200]}… (4800 characters: -o FILE writes all of it)"
    assert values[1] == f"{THUMBNAIL[:100].hex()}… ({2 * len(THUMBNAIL)} characters: -o FILE writes all of it)"
    assert values[2] == f"{'0' * 200}… (200000 characters: -o FILE writes all of it)"


def test_json_is_complete(semtool: Semtool, big: Path) -> None:
    said = semtool("payload", big, "--json").json
    valid("payload", said)
    assert [section["value"] for section in said["sections"]] == [CAPTION, THUMBNAIL.hex(), bytes(100_000).hex()]
    done = semtool("payload", big, "-o", "all.json")
    assert (done.status, done.text) == (0, "all.json: caption, thumbnail, 0x15\n")
    assert json.loads(Path("all.json").read_bytes()) == said
    assert semtool("payload", big, "-o", "-").json == said
    silent = semtool("payload", big, "-o", "again.json", "--json")
    assert (silent.status, silent.out) == (0, b"")
    assert Path("again.json").read_bytes() == Path("all.json").read_bytes()


def test_an_output_that_is_the_input_or_nowhere(semtool: Semtool, big: Path) -> None:
    refused(semtool("payload", big, "-o", big), 2, "usage: ")
    refused(semtool("payload", big, "-o", "no/all.json"), 7, "SEM-E-102 ")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudoterminal")
@pytest.mark.parametrize("arguments", [["--json"], ["-o", "-"]])
def test_a_terminal_gets_no_megabytes_of_json(big: Path, arguments: list[str]) -> None:
    status, shown, error = on_a_terminal("payload", str(big), *arguments)
    assert status == 2
    assert error.startswith("usage: this would print 43")
    assert "bytes to the terminal: -o FILE writes all of it" in error
    assert len(shown) < 500  # nothing, or the error as JSON


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudoterminal")
def test_a_terminal_gets_short_text(big: Path) -> None:
    for command in ("payload", "inspect"):
        status, shown, error = on_a_terminal(command, str(big))
        assert (status, error) == (0, "")
        assert 100 < len(shown) < 6000
        assert "\x07" not in shown


def on_a_terminal(*arguments: str) -> tuple[int, str, str]:
    """Status, standard output and standard error of a call whose standard output is a terminal."""
    terminal, end = os.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "dumb"}
    command = [sys.executable, "-m", "refcodec.cli", *arguments]
    process = subprocess.Popen(command, stdout=end, stderr=subprocess.PIPE, env=environment)
    os.close(end)
    parts = []
    try:
        while part := os.read(terminal, 1 << 16):
            parts.append(part)
    except OSError:  # Linux: the other end is closed
        pass
    os.close(terminal)
    _, error = process.communicate(timeout=60)
    return process.returncode, b"".join(parts).decode(), error.decode()


def test_long_words_of_a_package(semtool: Semtool, place: Path) -> None:
    symbols, arrays = tiny.MODELS["elic-tiny"]()
    folder = place / "long"
    folder.mkdir()
    notes = "all of it\n" * 100_000
    manifest = {
        "format": "sem-model", "format_version": 1, "name": "n" * 10_000, "notes": notes, "training": {"k" * 9000: [1] * 9000},
        "symbols": {**symbols, "tensors": tensors.declare(arrays)},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    tiny.write(place, "elic-tiny")
    (folder / "symbols.safetensors").write_bytes((place / "elic-tiny" / "symbols.safetensors").read_bytes())
    for command in ("show", "verify", "list"):
        done = semtool("models", command, *([] if command == "list" else ["long"]), "--model", "long")
        assert done.status == 0, done.err
        assert max(map(len, done.text.splitlines())) < 1500
        assert f"{'n' * 200}… (10000 characters: --json prints all of it)" in done.text
    assert semtool("models", "show", "long", "--json").json["packages"][0]["notes"] == notes


def test_brief() -> None:
    assert brief("a\x1bb", "look") == "a\\x1bb"
    assert brief("n" * 2000, "look") == "n" * 2000
    assert brief("é" * 2001, "look") == f"{'é' * 200}… (2001 characters: look)"
    assert brief([1, 2], "look") == "[1, 2]"
