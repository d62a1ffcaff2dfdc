# SPDX-License-Identifier: MIT
"""semtool inspect --memory: what it adds to the output, and for which files the memory is unknown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from refcodec.cli.inspect_ import command
from refcodec.codec import encode

FILES = {"elic": True, "pics": False, "consonant": False}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import numpy as np

    folder = tmp_path_factory.mktemp("files")
    (folder / "elic.sem").write_bytes(encode(np.zeros((40, 50, 3), np.uint8)))
    (folder / "pics.sem").write_bytes(encode(method="pics", caption="A cat on a mat.", size=(512, 512)))
    (folder / "consonant.sem").write_bytes(encode(method="consonant", text="old stone bridge", size=(512, 512)))
    (folder / "broken.sem").write_bytes((folder / "elic.sem").read_bytes()[:6])
    return folder


def shown(file: Path, *options: str) -> str:
    return CliRunner().invoke(command, [str(file), *options]).stdout


@pytest.mark.parametrize(("name", "known"), FILES.items())
def test_memory_is_added(name: str, known: bool, files: Path) -> None:
    file = files / f"{name}.sem"
    plain, with_memory = json.loads(shown(file, "--json")), json.loads(shown(file, "--json", "--memory"))
    memory = with_memory.pop("memory")
    assert with_memory == plain
    assert 20e6 < memory["symbols"] < 200e6
    assert (memory["picture"] is not None) == known
    assert not known or memory["picture"] >= memory["symbols"]


def test_text(files: Path) -> None:
    assert "memory" not in shown(files / "elic.sem")
    assert "memory of decode about" in shown(files / "elic.sem", "--memory")
    assert "memory of decode unknown, of verify about" in shown(files / "pics.sem", "--memory")


def test_the_memory_of_a_broken_file_is_unknown(files: Path) -> None:
    assert json.loads(shown(files / "broken.sem", "--json", "--memory"))["memory"] is None
    assert "memory" not in shown(files / "broken.sem", "--memory").splitlines()[-1]
