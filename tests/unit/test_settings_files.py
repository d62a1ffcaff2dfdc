# SPDX-License-Identifier: MIT
"""Small files that options and variables name: regular, bounded, and messages that say what they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from refcodec.cli.edit import _thumbnail
from refcodec.cli.symbol_options import _array
from refcodec.cli.verify import _parts_at
from refcodec.errors import SemError
from refcodec.fileio import read_settings
from refcodec.methods.consonant import prompts
from refcodec.registry import Registry

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")


def captions(path: Path) -> Any:
    from refcodec.cli.bench.captions import read_captions

    return read_captions(path)


# what the file is -> its reader, and its limit in bytes
READERS: dict[str, tuple[Callable[[Path], Any], int]] = {
    "a file of prompts": (prompts.load, 1 << 16),
    "a registry of private profiles": (Registry.shipped().extended_by, 1 << 24),
    "a file of captions": (captions, 1 << 28),
    "a thumbnail": (lambda path: _thumbnail(str(path), False), 1 << 20),
    "a file of an array": (lambda path: _array(str(path)), 1 << 28),
    "a digest file": (lambda path: _parts_at(str(path).removesuffix(".trace.json"), b"", None), 1 << 26),
}


@pytest.mark.parametrize("what", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device", "link to a pipe", "endless device"])
def test_pipes_and_devices_are_refused_at_once(what: str, kind: str, tmp_path: Path) -> None:
    """`--prompts FIFO` waited for ever."""
    path = tmp_path / "x.trace.json"
    if "pipe" in kind:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
    else:
        path.symlink_to("/dev/zero" if "endless" in kind else "/dev/null")
    with pytest.raises(SemError, match="is a pipe or a device") as caught:
        READERS[what][0](path)
    assert caught.value.code == 101


@pytest.mark.parametrize("what", READERS)
def test_a_file_that_is_too_long_is_named_as_what_it_is(what: str, tmp_path: Path) -> None:
    """The remedy of a file of prompts was that of the level of a .sem file."""
    read, limit = READERS[what]
    path = tmp_path / "x.trace.json"
    path.touch()
    os.truncate(path, limit + 1)
    with pytest.raises(SemError, match=f"holds more than {limit} bytes") as caught:
        read(path)
    assert "the level" not in str(caught.value)
    if what not in ("a registry of private profiles", "a digest file"):  # which have remedies of their own
        assert caught.value.code == 606
        assert caught.value.hint == f"{what} has at most {limit} bytes"


def test_an_open_descriptor_is_read(tmp_path: Path) -> None:
    """As a shell passes the output of a command, <(command)."""
    reader, writer = os.pipe()
    try:
        os.write(writer, b"text")
        os.close(writer)
        assert read_settings(f"/dev/fd/{reader}", 4, "a text") == b"text"
    finally:
        os.close(reader)


@pytest.mark.parametrize("name", ["", "none", "x\0y", "."])
def test_names_that_are_no_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SemError) as caught:
        read_settings(name, 4, "a text")
    assert caught.value.code == 101
