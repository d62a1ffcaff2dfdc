# SPDX-License-Identifier: MIT
"""Build wheel and sdist, and check all of it (docs/releasing.md). Nothing is uploaded.

    python -m tools.release [--index]          # build, compare two builds, check, install, run
    python -m tools.release NAME [--index]     # record release NAME in the lists of rows and vectors first

Packages, the implementer's kit and their digests (SHA256SUMS) are left in out/release. --index: for a package index, which needs an address of the
repository (`repository` in pyproject.toml); without it, its absence is a note.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from refcodec import __version__
from tools import program
from tools.kit.kit import make as make_kit
from tools.kit.printed import NoBrowser
from tools.release import build, check, environments, record, tour
from tools.release.build import ROOT, Packages

OUT: Final = ROOT / "out" / "release"
NO_ADDRESS: Final = "`repository` in pyproject.toml is empty: no URLs in the metadata, no links in its README"


def step(what: str, work: Callable[[], list[str]]) -> bool:
    """Do one part, and print its name, its seconds and its problems; return whether there are none."""
    start = time.monotonic()
    try:
        problems = work()
    except (build.BuildError, environments.TrialError, ValueError) as error:
        problems = [str(error)]
    print(f"{'FAILED' if problems else 'ok':6} {what} ({time.monotonic() - start:.0f} s)", flush=True)
    for problem in problems:
        print(f"       {problem}", flush=True)
    return not problems


def built() -> Packages:
    """Build into `OUT`, with the implementer's kit and the digests of all files."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    packages = build.build(ROOT, OUT)
    try:
        kit = make_kit(OUT)
    except NoBrowser as error:
        raise build.BuildError(str(error)) from error
    lines = [f"{build.sha256(path)}  {path.name}\n" for path in (*packages, kit)]
    (OUT / "SHA256SUMS").write_text("".join(lines), encoding="ascii")
    return packages


def installed(package: Path, folder: Path) -> list[str]:
    """Install a package with what it requires into an empty environment, and try it."""
    environments.install(environments.empty(folder / "environment"), str(package))
    environments.smoke(folder / "environment", folder / "trial")
    return []


def toured(wheel: Path, folder: Path) -> list[str]:
    """Take README's tour with the wheel and its extra `codec`, which `--effort 7` needs."""
    environments.install(folder / "environment", f"refcodec[codec] @ {wheel.as_uri()}")
    tour.follow(folder / "environment", folder / "tour")
    return []


def tested(sdist: Path, folder: Path) -> list[str]:
    """Run the tests of an unpacked sdist, with the packages of this environment."""
    source = build.unpack(sdist, folder)
    command = [sys.executable, "-m", "pytest", "tests/unit", "-q"]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=source, env=variables, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else done.stdout.splitlines()[-20:]


def made_again(folder: Path) -> list[str]:
    """Make the implementer's kit again; return a line if its bytes differ."""
    again = make_kit(folder)
    same = build.sha256(again) == build.sha256(OUT / again.name)
    return [] if same else [f"{again.name} is not reproducible"]


def checked(packages: Packages, folder: Path) -> bool:
    """Check both packages in every way; return whether all is well."""
    for name in ("again", "kit", "wheel", "sdist", "tests"):
        (folder / name).mkdir()
    parts: dict[str, Callable[[], list[str]]] = {
        "the sdist builds the same wheel and sdist, byte for byte": lambda: build.differences(
            packages, build.rebuilt(packages, folder / "again")
        ),
        "the implementer's kit again, byte for byte": lambda: made_again(folder / "kit"),
        "contents, metadata, versions, README on an index, twine check --strict": lambda: check.problems(
            packages, check.files_of_git()
        ),
        "the wheel in an empty environment": lambda: installed(packages.wheel, folder / "wheel"),
        "the sdist in an empty environment": lambda: installed(packages.sdist, folder / "sdist"),
        "README's tour with the wheel and its extra codec": lambda: toured(packages.wheel, folder / "wheel"),
        "tests/unit from the sdist": lambda: tested(packages.sdist, folder / "tests"),
    }
    results = [step(what, work) for what, work in parts.items()]  # of all, also after a failure
    return all(results)


def main() -> int:
    """Record, build and check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME", nargs="?", default="")
    parser.add_argument("--index", action="store_true")
    arguments = parser.parse_args()
    if arguments.index and not check.repository():
        raise SystemExit(NO_ADDRESS)
    if arguments.name:
        if arguments.name != __version__:
            raise SystemExit(f"refcodec.__version__ is {__version__}, not {arguments.name}")
        try:
            print(record.record(arguments.name))
        except ValueError as error:
            raise SystemExit(str(error)) from error
    try:
        packages = built()
    except build.BuildError as error:
        raise SystemExit(str(error)) from error
    print((OUT / "SHA256SUMS").read_text(encoding="ascii"), end="")
    with tempfile.TemporaryDirectory() as folder:
        well = checked(packages, Path(folder))
    if not check.repository():
        print(f"note: {NO_ADDRESS}; do not publish these files on an index")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(program.run(main))
