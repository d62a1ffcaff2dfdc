# SPDX-License-Identifier: MIT
"""Check what a wheel and an sdist contain, their metadata, and the page that a package index makes of the README."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable
from email import message_from_bytes
from email.message import Message
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from refcodec import __version__
from tools.release.build import ROOT, Packages

GENERATED: Final = {"PKG-INFO"}
PACKAGES: Final = {"refcodec/": "refcodec/", "conformance/semrunner/": "semrunner/"}  # in the repository, in the wheel

SHARED: Final = r"^[^/]+\.data/data/share/.*/"  # folders of the environment's prefix that files of integration/ go to


def repository() -> str:
    """Return the address of the repository, from its one place in pyproject.toml; "" while it has none."""
    project: Any = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    address: str = project["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
    return address


def files_of_git(new_ones: bool = False) -> set[str] | None:
    """Return the files that git tracks and that are there, with `new_ones` also those it would add; None without git."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        return None
    more = ["--others", "--exclude-standard"] if new_ones else []
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", *more]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return {name for name in names if name and (ROOT / name).is_file()}


def contents(packages: Packages, expected: set[str]) -> list[str]:
    """Return what is missing in the packages, or too much, against the files of the repository."""
    with tarfile.open(packages.sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    problems = _compared("the sdist", names - GENERATED, expected)
    with zipfile.ZipFile(packages.wheel) as wheel:
        names = {re.sub(SHARED, "integration/", name) for name in wheel.namelist() if ".dist-info/" not in name}
    moved = {
        target + name.removeprefix(source)
        for source, target in PACKAGES.items()
        for name in expected
        if name.startswith(source)
    }
    moved |= {f"integration/{Path(name).name}" for name in expected if name.startswith("integration/")}
    return problems + _compared("the wheel", names, moved | {"refcodec/SPEC.md"})


def _compared(where: str, names: set[str], expected: set[str]) -> list[str]:
    """Return a line for each name that is in one set alone."""
    return [f"{where} lacks {name}" for name in sorted(expected - names)] + [
        f"{where} has {name}, which the repository does not track" for name in sorted(names - expected)
    ]


def twine(packages: Packages) -> list[str]:
    """Return the complaints of `twine check --strict`."""
    command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *map(str, packages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [" ".join((done.stdout + done.stderr).split())]


def metadata(wheel: Path) -> Message:
    """Return the METADATA of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


class _Targets(HTMLParser):
    """Collect the targets of links and pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src", "srcset")]


def targets(markdown: str) -> list[str]:
    """Return the targets of links and pictures on the page that a package index makes of Markdown.

    Raises ValueError if it refuses the text.
    """
    from readme_renderer.markdown import render

    page = render(markdown)
    if page is None:
        raise ValueError("a package index cannot render README.md")
    parser = _Targets()
    parser.feed(page)
    return parser.found


def links(found: Iterable[str], address: str, expected: set[str]) -> list[str]:
    """Return a line for each target that is relative, or leads to a file of this repository that there is not."""
    problems = []
    for target in found:
        if target.startswith("#user-content-"):  # of a heading, made by the renderer
            continue
        if not re.match(r"https?://|mailto:", target):
            problems.append(f"README.md on a package index has the relative link {target}")
        elif address and target.startswith(f"{address}/"):
            path = re.sub(r"^(?:-/)?(?:blob|raw|tree)/[^/]+/", "", target.removeprefix(f"{address}/")).partition("#")[0]
            if path not in expected and not any(name.startswith(f"{path.rstrip('/')}/") for name in expected):
                problems.append(f"README.md on a package index links to {path}, which is not in the repository")
    return problems


def versions() -> list[str]:
    """Return what contradicts `refcodec.__version__`: CITATION.cff, CHANGELOG.md."""
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    stated = re.search(r"^version: (\S+)$", citation, re.MULTILINE)
    problems = []
    if stated is None or stated[1] != __version__:
        problems.append(f"CITATION.cff does not state version {__version__}")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^##+ {re.escape(__version__)}\b", changes, re.MULTILINE):
        problems.append(f"CHANGELOG.md has no section {__version__}")
    source = re.search(r"^repository-code: \"?([^\"\s]*)", citation, re.MULTILINE)
    if (source[1] if source else "") != repository():
        problems.append("repository-code of CITATION.cff is not `repository` of pyproject.toml")
    return problems


def problems(packages: Packages, expected: set[str] | None) -> list[str]:
    """Return everything that is wrong with two packages; expected: files of the repository, None without git."""
    found = versions() + twine(packages)
    about = metadata(packages.wheel)
    if about["Version"] != __version__:
        found.append(f"the wheel has version {about['Version']}, refcodec {__version__}")
    if expected is not None:
        found += contents(packages, expected)
        found += links(targets(str(about.get_payload())), repository(), expected)
    return found
