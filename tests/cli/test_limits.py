# SPDX-License-Identifier: MIT
"""--max-pixels, --max-memory and --timeout of semtool: status 6, one line, and nothing left half written."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cli_harness import Semtool, contents, refused
from PIL import Image

import refcodec
from refcodec import memory
from refcodec.cli.limit_options import OPTIONS

PHOTO = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)
COMMANDS: dict[str, tuple[str, ...]] = {
    "decode": ("decode", "a.sem", "-o", "out.png"),
    "symbols": ("decode", "a.sem", "--symbols", "-o", "out.npz"),
    "payload": ("payload", "a.sem"),
    "encode": ("encode", "a.png", "-o", "out.sem"),
}


@pytest.fixture(autouse=True)
def files(place: Path) -> None:
    Image.fromarray(PHOTO).save("a.png")
    Path("a.sem").write_bytes(refcodec.encode(PHOTO))
    Path("words.sem").write_bytes(refcodec.encode(text="old stone bridge", size=(64, 64)))


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("by_option", [True, False])
def test_pixels(semtool: Semtool, place: Path, monkeypatch: pytest.MonkeyPatch, name: str, by_option: bool) -> None:
    before = contents(place)
    code = (
        "SEM-E-105 picture-too-large: "
        if name == "encode"
        else "SEM-E-602 limit-pixels: 6144 pixels, more than the 6143"
    )
    if by_option:
        done = semtool(*COMMANDS[name], "--max-pixels", "6143")
    else:
        monkeypatch.setenv("SEM_MAX_PIXELS", "6143")
        done = semtool(*COMMANDS[name])
    refused(done, 7 if name == "encode" else 6, code)
    assert contents(place) == before
    done = semtool(*COMMANDS[name], "--max-pixels", "6144")
    assert done.status == 0, done.err


@pytest.mark.parametrize("name", COMMANDS)
def test_memory(semtool: Semtool, place: Path, name: str) -> None:
    before = contents(place)
    done = semtool(*COMMANDS[name], "--max-memory", "1M")
    refused(done, 6, "SEM-E-605 limit-symbols: ")
    assert "of memory, more than the 1 MB that the caller allows; raise the bound (--max-memory" in done.line
    assert contents(place) == before


@pytest.mark.parametrize("name", COMMANDS)
def test_time(semtool: Semtool, place: Path, name: str) -> None:
    before = contents(place)
    refused(
        semtool(*COMMANDS[name], "--timeout", "0.000001"),
        6,
        "SEM-E-605 limit-symbols: not done in 1e-06 s, the time limit of the caller; raise the bound (--timeout",
    )
    assert contents(place) == before
    if hasattr(signal, "setitimer"):  # nothing of it is left
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_time_of_a_text(semtool: Semtool) -> None:
    assert semtool("decode", "words.sem", "--text", "--timeout", "100").status == 0
    refused(
        semtool("decode", "words.sem", "--text", "--timeout", "0.000001"), 6, "SEM-E-605 limit-symbols: not done in"
    )


def test_memory_of_a_text(semtool: Semtool) -> None:
    """The memory of restoring its words is that of their candidates, too: 65,536 letters may take 300 MB."""
    letters = "bcdfghjklmnprstvwz"
    words = [letters[i * i % 18] + letters[i * 7 % 18] for i in range(20_000)]
    Path("long.sem").write_bytes(refcodec.encode(text=" ".join(words), size=(64, 64)))
    done = semtool("decode", "long.sem", "--text", "--max-memory", str(memory.resident() + (8 << 20)))
    refused(done, 6, "SEM-E-605 limit-symbols: ")
    assert "restoring its words would take about" in done.line or "the lexicon of words would take" in done.line


@pytest.mark.parametrize("letters", [41, 60_000])
def test_a_notice_of_guesses_is_short(semtool: Semtool, letters: int) -> None:
    Path("long.sem").write_bytes(refcodec.encode(text=("bcdfghklmnprst" * 5000)[:letters], size=(64, 64)))
    done = semtool("decode", "long.sem", "--text")
    assert done.status == 0
    assert done.line.startswith("note: words that are not in the lexicon, spelled by guess: ")
    assert done.line.endswith("…")
    assert len(done.line) < 120


def test_verify_reports_each_file(semtool: Semtool) -> None:
    done = semtool("verify", "a.sem", "words.sem", "--max-pixels", "5000", "--json")
    assert done.status == 6
    first, second = done.json["files"]
    assert (first["valid"], first["error"]["code"]) == (None, "SEM-E-602")
    assert (second["valid"], second["error"]) == (True, None)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--max-pixels", "0"),
        ("--max-pixels", "1e6"),
        ("--max-memory", "much"),
        ("--max-memory", "-1"),
        ("--timeout", "nan"),
    ],
)
def test_values_that_make_no_sense(semtool: Semtool, monkeypatch: pytest.MonkeyPatch, option: str, value: str) -> None:
    done = semtool("payload", "a.sem", option, value)
    refused(done, 2, f"usage: Invalid value for '{option}'")
    variable = "SEM_" + option[2:].upper().replace("-", "_")
    monkeypatch.setenv(variable, value)
    done = semtool("payload", "a.sem")
    refused(done, 2, f"usage: Invalid value for '{option}': {variable}: ")


@pytest.mark.parametrize("command", [("decode",), ("payload",), ("encode",), ("verify",), ("bench", "rate")])
def test_the_help_names_them(semtool: Semtool, command: tuple[str, ...]) -> None:
    text = semtool(*command, "--help").text
    for option in ("--max-pixels", "--max-memory", "--timeout"):
        assert option in text
    assert len(OPTIONS) == 3


def test_the_timer_ends_what_checks_no_time(semtool: Semtool, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that neither reports progress nor returns in time."""
    from refcodec.networks import package_cache

    def stuck(*_: object) -> None:
        time.sleep(20)

    monkeypatch.setattr(package_cache, "symbol_model", stuck)
    before, start = contents(place), time.monotonic()
    refused(
        semtool("decode", "a.sem", "-o", "out.png", "--timeout", "0.3"), 6, "SEM-E-605 limit-symbols: not done in 0.3 s"
    )
    assert time.monotonic() - start < 10
    assert contents(place) == before


@pytest.mark.parametrize(
    ("number", "status", "line"),
    [
        (signal.SIGALRM, 6, "SEM-E-605 limit-symbols: not done in 60 s"),
        (signal.SIGINT, 130, "interrupted; no file is left half written"),
    ],
)
def test_a_signal_that_python_turns_into_another_error(
    semtool: Semtool, place: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, status: int, line: str
) -> None:
    """In a failing `from … import`, CPython replaces an exception of a signal handler by this TypeError."""
    _replace_exceptions_of(number, monkeypatch)
    before, handler = contents(place), signal.getsignal(signal.SIGINT)
    refused(semtool("decode", "a.sem", "-o", "out.png", "--timeout", "60"), status, line)
    assert (contents(place), signal.getsignal(signal.SIGINT)) == (before, handler)


def test_a_termination_that_python_turns_into_another_error(semtool: Semtool, monkeypatch: pytest.MonkeyPatch) -> None:
    _replace_exceptions_of(signal.SIGTERM, monkeypatch)
    with pytest.raises(SystemExit, match="143"):
        semtool("decode", "a.sem", "-o", "out.png")
    assert not Path("out.png").exists()


def _replace_exceptions_of(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    from refcodec.networks import package_cache

    def importing(*_: object) -> None:
        try:
            signal.raise_signal(number)
        except BaseException:  # noqa: BLE001 - as C code does
            raise TypeError("expected a message argument") from None

    monkeypatch.setattr(package_cache, "symbol_model", importing)


def test_a_timer_that_a_library_turns_into_an_error_of_its_own(
    semtool: Semtool, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from refcodec.networks import package_cache

    def swallowing(*_: object) -> None:
        try:
            time.sleep(20)
        except refcodec.SemError:
            raise OSError("the library failed") from None

    monkeypatch.setattr(package_cache, "symbol_model", swallowing)
    refused(
        semtool("decode", "a.sem", "-o", "out.png", "--timeout", "0.3"), 6, "SEM-E-605 limit-symbols: not done in 0.3 s"
    )


def _largest(place: Path) -> Path:
    """Return a file of a few bytes that claims the largest picture of level 1."""
    from refcodec import spec
    from refcodec.assemble import header_of
    from refcodec.container import Section, assemble, write
    from refcodec.environment import Environment

    header = header_of(Environment().registry.get(1), (8192, 4096), 0, None)
    path = place / "largest.sem"
    path.write_bytes(write(assemble(header, [Section(spec.CRITICAL | spec.ELIC, b"", b"")])))
    return path


PROGRAM = """
import sys
from refcodec.cli.main import main
status = main(sys.argv[1:])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
sys.exit(status)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the memory of one process")
@pytest.mark.parametrize("options", [("--max-memory", "100M"), ("--max-pixels", "1000000")])
def test_a_few_bytes_that_claim_the_largest_picture(place: Path, options: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", PROGRAM, "payload", str(_largest(place)), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert done.stderr.startswith("SEM-E-60")
    assert done.stderr.count("\n") == 1
    assert int(done.stdout) * 1024 < 100 << 20
