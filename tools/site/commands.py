# SPDX-License-Identifier: MIT
"""Commands and code of a page: each block of a console or of Python with the output that the page shows.

    python -m tools.site.commands docs/tutorial.md    run them in an empty folder

The output must be the same but for digests, and numbers that depend on the reader of the photograph's format (5 %). Exit status 1 with the first difference.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

FENCE: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIGEST: Final = re.compile(r"\b(?=[0-9a-f]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{4,}\b…?")
NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
SHARE: Final = 0.05  # by which a number may differ
PROGRAM: Final = "import sys; from refcodec.cli.main import main; sys.argv[0] = 'semtool'; main()"


class Step(NamedTuple):
    """A command of a shell, or code in Python, and the lines that it prints."""

    language: str
    source: str
    output: tuple[str, ...]


class PageError(Exception):
    """A command fails, or prints something else than its page shows."""


def steps_of(page: str) -> list[Step]:
    """Return the steps of a page: each command after "$ " in blocks of a console, each block of Python."""
    steps = []
    for language, block in FENCE.findall(page):
        if language == "python":
            steps.append(Step("python", block, ()))
        elif language == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, *output = part.rstrip("\n").split("\n")
                steps.append(Step("console", command.split("  #")[0].rstrip(), tuple(output)))
    return steps


def same(shown: str, printed: str) -> bool:
    """Return whether two lines are equal, apart from digests, spaces and numbers that differ by at most SHARE."""
    shown, printed = (DIGEST.sub("digest", " ".join(line.split())) for line in (shown, printed))
    if NUMBER.sub("0", shown) != NUMBER.sub("0", printed):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(abs(float(a) - float(b)) <= SHARE * float(a) for a, b in pairs)


def compare(step: Step, printed: str) -> None:
    """Raise PageError unless the lines are those of the page; a line "…" of the page stands for any number of lines."""
    lines, at = printed.splitlines(), 0
    for i, shown in enumerate(step.output):
        if shown.strip() == "…":
            if i + 1 == len(step.output):
                return
            after = step.output[i + 1]
            at = next((j for j in range(at, len(lines)) if same(after, lines[j])), len(lines))
            continue
        if at >= len(lines) or not same(shown, lines[at]):
            raise PageError(f"{step.source}\n  the page shows {shown!r}\n  it prints      {lines[at : at + 1]}")
        at += 1
    if at < len(lines):
        raise PageError(f"{step.source}\n  prints more than the page shows: {lines[at]!r}")


def run(page: str, folder: Path, environment: Mapping[str, str]) -> int:
    """Run the steps of a page in `folder`/work, which is created; return their number. Raises PageError."""
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin/semtool"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{PROGRAM}" "$@"\n')
    program.chmod(0o755)
    python = folder / "bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    path = os.pathsep.join([str(folder / "bin"), environment.get("PATH", "")])
    work = folder / "work"
    work.mkdir()
    steps = steps_of(page)
    for step in steps:
        command = ["python", "-c", step.source] if step.language == "python" else ["sh", "-c", step.source]
        done = subprocess.run(
            command,
            cwd=work,
            env={**environment, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise PageError(f"{step.source}\n  status {done.returncode}: {done.stdout}")
        if step.language == "console":
            compare(step, done.stdout)
    return len(steps)


def main() -> None:
    """Run a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        try:
            print(f"{run(args.page.read_text(encoding='utf-8'), Path(name), os.environ)} steps")
        except PageError as error:
            raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
