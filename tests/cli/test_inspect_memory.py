# SPDX-License-Identifier: MIT
"""semtool inspect --memory: what it adds to the output, and for which files the memory is unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli_harness import Semtool, valid

from refcodec.codec import encode

FILES = {"elic": True, "pics": False, "consonant": False}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "elic.sem").write_bytes(encode(np.zeros((40, 50, 3), np.uint8)))
    (folder / "pics.sem").write_bytes(encode(method="pics", caption="A cat on a mat.", size=(512, 512)))
    (folder / "consonant.sem").write_bytes(encode(method="consonant", text="old stone bridge", size=(512, 512)))
    (folder / "broken.sem").write_bytes((folder / "elic.sem").read_bytes()[:6])
    return folder


@pytest.mark.parametrize(("name", "known"), FILES.items())
def test_memory_is_added(name: str, known: bool, files: Path, semtool: Semtool) -> None:
    file = files / f"{name}.sem"
    plain, with_memory = semtool("inspect", file, "--json").json, semtool("inspect", file, "--json", "--memory").json
    memory = with_memory.pop("memory")
    assert with_memory == plain
    valid("inspect", plain)
    assert 20e6 < memory["symbols"] < 200e6
    assert (memory["picture"] is not None) == known
    assert not known or memory["picture"] >= memory["symbols"]


def test_text(files: Path, semtool: Semtool) -> None:
    assert "memory" not in semtool("inspect", files / "elic.sem").text
    assert "memory of decode about" in semtool("inspect", files / "elic.sem", "--memory").text
    assert "memory of decode unknown, of verify about" in semtool("inspect", files / "pics.sem", "--memory").text


def test_the_memory_of_a_broken_file_is_unknown(files: Path, semtool: Semtool) -> None:
    assert semtool("inspect", files / "broken.sem", "--json", "--memory").json["memory"] is None
    assert "memory of" not in semtool("inspect", files / "broken.sem", "--memory").text
