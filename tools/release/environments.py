# SPDX-License-Identifier: MIT
"""Install a package into a new environment, and try it there in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from refcodec import __version__

KEPT: Final = ("HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "PIP_", "SYSTEMROOT")  # beginnings of names
ABOUT: Final = """
import importlib.metadata as m, importlib.util as u, pathlib, refcodec, sys
assert m.version("refcodec") == refcodec.__version__ == sys.argv[1], m.version("refcodec")
assert pathlib.Path(refcodec.__file__).is_relative_to(sys.prefix), refcodec.__file__
assert sys.argv[2] == "extras" or u.find_spec("torch") is None, "the base install brings torch"
from PIL import Image
Image.effect_mandelbrot((384, 256), (-2, -1, 1, 1), 60).convert("RGB").save("try.png")
"""
CALLS: Final = (
    ("--version",),
    ("encode", "try.png", "--quality", "3", "-o", "try.sem"),
    ("inspect", "try.sem"),
    ("verify", "try.sem"),
    ("decode", "try.sem", "-o", "back.png"),
    ("spec", "13.7"),
    ("models", "list"),
    ("conformance", "run", "--help"),
)


class TrialError(Exception):
    """A command in a new environment that failed, with the last lines of its output."""


def variables(environment: Path) -> dict[str, str]:
    """Return variables of a shell in which an environment is active, with nothing of this process that changes Python."""
    own = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    return own | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(environment)}


def run(command: list[str], environment: Path, folder: Path) -> str:
    """Run a command with an environment active; return its standard output. Raises TrialError."""
    done = subprocess.run(
        command, cwd=folder, env=variables(environment), capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise TrialError(f"`{' '.join(command)}` ends with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def python_of(environment: Path) -> Path:
    """Return the Python of an environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def empty(folder: Path) -> Path:
    """Make an environment in which nothing is installed, not even pip; return its folder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def borrowing(folder: Path) -> Path:
    """Make an environment that finds the packages of this one, after its own; return its folder.

    refcodec itself is not found there if this environment has it as an editable installation: those are lines of .pth
    files, which are read in the folder of the environment alone.
    """
    empty(folder)
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    call = [str(python_of(folder)), "-c", script]
    packages = subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()
    lines = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    Path(packages, "borrowed.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def install(environment: Path, what: str, *options: str) -> None:
    """Install a package with this Python's pip. Raises TrialError with pip's complaint."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python_of(environment))]
    done = subprocess.run([*pip, "install", "--quiet", *options, what], capture_output=True, text=True, check=False)
    if done.returncode:
        raise TrialError(f"pip install {what}:\n{(done.stdout + done.stderr)[-2000:]}")


def smoke(environment: Path, folder: Path, extras: bool = False) -> None:
    """Try an installation in an empty folder: its version, a picture to a file and back, the specification.

    Raises TrialError.
    """
    folder.mkdir()
    run([str(python_of(environment)), "-c", ABOUT, __version__, "extras" if extras else "base"], environment, folder)
    for arguments in CALLS:
        run(["semtool", *arguments], environment, folder)
