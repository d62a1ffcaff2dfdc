# SPDX-License-Identifier: MIT
"""Build wheel and sdist, and again elsewhere in another way, and compare their bytes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
PLAIN: Final = {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
OTHER: Final = {"TZ": "Asia/Kolkata", "LC_ALL": "C", "PYTHONHASHSEED": "7"}


class Packages(NamedTuple):
    """The two files of a release."""

    wheel: Path
    sdist: Path


class BuildError(Exception):
    """A build that failed, with the last lines of its output."""


def build(source: Path, out: Path, variables: dict[str, str] = PLAIN, umask: int = 0o022) -> Packages:
    """Build wheel and sdist of a folder with the backend that is installed; both directly from that folder.

    Times in the files are those of SOURCE_DATE_EPOCH, else hatchling's constant. Raises BuildError.
    """
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist", "--outdir", str(out), str(source)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    done = subprocess.run(command, env=environment, umask=umask, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-2000:]}")
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return Packages(wheel, sdist)


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist; return the one folder in it."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (inner,) = folder.iterdir()
    return inner


def rebuilt(packages: Packages, folder: Path) -> Packages:
    """Build from the unpacked sdist, in another place, time zone, locale and umask."""
    return build(unpack(packages.sdist, folder / "source"), folder / "again", OTHER, 0o077)


def sha256(path: Path) -> str:
    """Return the digest of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def differences(first: Packages, second: Packages) -> list[str]:
    """Return a line for each file whose name or bytes differ between two builds."""
    pairs = zip(first, second, strict=True)
    return [
        f"{one.name} is not reproducible: SHA-256 {sha256(one)}, and {sha256(two)} from the sdist"
        for one, two in pairs
        if one.name != two.name or sha256(one) != sha256(two)
    ]
