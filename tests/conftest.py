# SPDX-License-Identifier: MIT
"""Fixtures of all tests. Helpers that are no fixtures are in `support/`."""

from __future__ import annotations

import os

# Networks here are tiny: one thread is quicker than several, and workers of pytest-xdist do not crowd one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import io
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_harness import Done, Semtool
from strategies import private_registry

from refcodec.cli import main as program

# Signals that nohup or a shell's background job ignores are sent by tests, here and in the processes that they start.
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """torch computes on one thread, whatever a program called by an earlier test has set."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def no_models_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither models nor a registry of the user: no SEM_MODELS, no SEM_REGISTRY, an empty XDG_DATA_HOME."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    for name in ("SEM_MODELS", "SEM_REGISTRY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place(no_models_of_this_machine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, in which no temporary file may stay."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("SEMTOOL_TRACEBACK", raising=False)
    yield tmp_path / "work"
    assert not list((tmp_path / "work").rglob(".*.tmp")), "a temporary file was left"


@pytest.fixture
def semtool(place: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Semtool:
    """Call `semtool` in this process and return its status, standard output and standard error."""

    def call(*args: str | Path, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfdbinary.readouterr()
        status = program.main([str(arg) for arg in args])
        out, err = capfdbinary.readouterr()
        return Done(status, out, err.decode())

    return call


@pytest.fixture(scope="module")
def private_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """SEM_REGISTRY with rows of every kind, of compact text, and of more symbols than any level has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEM_REGISTRY", str(private_registry(tmp_path_factory.mktemp("rows"))))
        yield


@pytest.fixture(autouse=True)
def in_an_empty_folder(request: pytest.FixtureRequest) -> None:
    """Run tests of the command line and of methods where they see no models or registry, and leave nothing behind."""
    if request.path.parent.name in ("cli", "methods"):
        request.getfixturevalue("place")
