# SPDX-License-Identifier: MIT
"""Pin what continuous integration installs, with the SHA-256 of every file, in requirements/ci.txt.

python -m tools.requirements           # resolve anew, with uv: needs the network, and changes versions
python -m tools.requirements --check   # pinned and hashed entirely, no index named, in step with pyproject.toml
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements" / "ci.txt"
SOURCE: Final = ROOT / "requirements" / "ci.in"
EXTRAS: Final = ("models", "test", "fuzz", "sbom", "batch", "viewer", "release", "docs")
HEAD: Final = (
    "# Written by `make requirements`: what continuous integration installs, with the SHA-256 of every file.\n"
)
_PIN: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\]+)(?: ; ([^\\]+?))? \\$", re.MULTILINE)
_HASH: Final = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def resolve() -> None:
    """Write the lock file for every system and Python that the project supports."""
    command = ["uv", "pip", "compile", "pyproject.toml", str(SOURCE), *(f"--extra={extra}" for extra in EXTRAS)]
    options = ["--universal", "--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "--upgrade"]
    done = subprocess.run(
        [sys.executable, "-m", *command, *options, "--prerelease=explicit", "--python-version=3.11"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    LOCK.write_text(HEAD + done.stdout, encoding="utf-8")


def pins(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return the (version, marker) of each package; several for different systems."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, version, marker in _PIN.findall(text):
        found.setdefault(canonicalize_name(name), []).append((version, marker))
    return found


def wanted() -> list[Requirement]:
    """Return what pyproject.toml and ci.in ask for."""
    project: Any = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"], *(text for extra in EXTRAS for text in project["optional-dependencies"][extra])]
    lines = SOURCE.read_text(encoding="utf-8").splitlines()
    return [Requirement(text) for text in (*texts, *(line for line in lines if line and not line.startswith("#")))]


def disagreements(text: str) -> list[str]:
    """Return what is wrong with a lock file."""
    wrong = []
    for number, line in enumerate(text.splitlines(), 1):
        if "://" in line or line.startswith("-"):
            wrong.append(f"line {number} names an index or a file")
        if line and not line.startswith("#") and not _HASH.match(line) and not _PIN.match(line):
            wrong.append(f"line {number} is neither a pinned package nor a hash")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    wrong += [f"{block.split(' ')[0]} has no hash" for block in blocks if _PIN.match(block) and "--hash=" not in block]
    known = pins(text)
    for requirement in wanted():
        versions = known.get(canonicalize_name(requirement.name), [])
        if not versions:
            wrong.append(f"{requirement.name} is not pinned")
        wrong += [
            f"{requirement.name}=={version} is not {requirement.specifier}"
            for version, _ in versions
            if not requirement.specifier.contains(version, prereleases=True)
        ]
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        resolve()
    text = LOCK.read_text(encoding="utf-8")
    wrong = disagreements(text)
    print("\n".join(wrong) or f"requirements/ci.txt pins {len(pins(text))} packages")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
