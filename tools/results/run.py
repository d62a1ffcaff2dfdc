# SPDX-License-Identifier: MIT
"""Run the command of a bench, and state what it ran on."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from refcodec.cli.bench.timing import processor
from refcodec.networks.threads import cores
from tools.results.bench import Bench, BenchError, Inputs, filled
from tools.results.store import ROOT, Entry
from tools.train import photos
from tools.train.elic_data import HELD_OUT

OUT: Final = ROOT / "out" / "results"  # JSON and messages of each bench
LIBRARIES: Final = ("numpy", "torch", "Pillow")
CODECS: Final = {"libjpeg_turbo": "libjpeg-turbo", "webp": "libwebp", "avif": "libavif"}  # feature of Pillow -> name
SOURCES: Final = ("refcodec", "tools", ":!tools/results", "conformance", "drafts", "pyproject.toml")  # decide figures
PROGRAMS: Final = {"python": [sys.executable], "semtool": [sys.executable, "-m", "refcodec.cli"]}
MESSAGE: Final = 300  # characters of a failure


def command(bench: Bench, inputs: Inputs) -> list[str]:
    """Return the command that runs a bench, with the Python of this process."""
    first, *words = filled(bench.words, inputs)
    return [*PROGRAMS.get(first, [first]), *(word.replace("PYTHON ", f"{sys.executable} ") for word in words)]


def run(bench: Bench, inputs: Inputs, out: Path = OUT) -> Entry:
    """Run a bench and return its entry. Raises BenchError if it fails, or writes what is not understood."""
    out.mkdir(parents=True, exist_ok=True)
    result, log = out / f"{bench.name}.json", out / f"{bench.name}.log"
    result.unlink(missing_ok=True)
    paths = [str(ROOT), str(ROOT / "conformance"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    to_stdout = "OUT" not in bench.words
    start, of = time.monotonic(), commit()
    try:
        with log.open("wb") as errors, (result if to_stdout else log).open("ab") as output:
            words = command(bench, {**inputs, "OUT": result})
            done = subprocess.run(
                words, cwd=ROOT, env=environment, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
            )
    except OSError as error:
        raise BenchError(f"{words[0]} cannot be run: {error.strerror}") from error
    seconds = time.monotonic() - start
    if done.returncode:
        raise BenchError(f"exit status {done.returncode}: {_last_line(log)} ({log})")
    figures = figures_of(bench, _document(result), inputs)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    return Entry(bench.shown, "run", today, of, figures, round(seconds, 1), machine(), versions())


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip()[:MESSAGE] for line in reversed(lines) if line.strip()), "no message")


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} is not JSON") from error


def figures_of(bench: Bench, document: Any, inputs: Inputs) -> dict[str, Any]:
    """Return the figures of a bench's JSON. Raises BenchError if it has another form, or rows cannot be made of it."""
    try:
        figures = bench.read(document, {place: inputs[place] for place in bench.places})
        bench.rows(figures)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError, StopIteration) as error:
        raise BenchError(f"the output is not that of this bench: {type(error).__name__}: {error}") from error
    return figures


def taken(bench: Bench, path: Path, inputs: Inputs, *, date: str, of: str, note: str) -> Entry:
    """Return an entry of JSON that an earlier run of a bench wrote, of that date and commit."""
    return Entry(bench.shown, "recorded", date, of, figures_of(bench, _document(path), inputs), note=note)


def held_out(pictures: Path, into: Path) -> Path:
    """Return a folder of links to the photographs that the training of `pictures` holds out."""
    files = photos.listing(pictures)[-HELD_OUT:]
    if len(files) < HELD_OUT:
        raise BenchError(f"{pictures} has fewer than {HELD_OUT} photographs")
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for number, path in enumerate(files):
        (into / f"{number}-{path.name}").symlink_to(path.resolve())
    return into


def commit() -> str:
    """Return the commit of the checkout, with a plus sign if its sources have changes; "" outside of git."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        return ""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *SOURCES)
    return _git("rev-parse", "HEAD")[:8] + ("+" if changed else "")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def machine() -> str:
    """Return processor, cores and system, and nothing that identifies the computer."""
    return f"{processor()}, {cores()} cores, {platform.system()}"


def versions() -> dict[str, str]:
    """Return the versions of Python, of the libraries that compute, and of the codecs in Pillow."""
    from PIL import features

    found = {"Python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    of_codecs = {name: features.version(feature) for feature, name in CODECS.items() if features.check(feature)}
    return found | {name: version for name, version in of_codecs.items() if version}
