# SPDX-License-Identifier: MIT
"""Put the kit together: files of the repository with links that work, SPEC.md as HTML and PDF, README, first decoder."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Final

from refcodec import __version__
from tools.kit import archive, links, page, printed
from tools.kit.contents import OPTIONAL, place_of, places
from tools.release.build import ROOT

README: Final = Path(__file__).parent / "kit_readme.md"
GUIDE: Final = "docs/implementing.md"
FIRST: Final = "example/first.py"
DEFAULT_DATE: Final = 1580601600  # 2020-02-02, as of hatchling's archives
PYTHON_BLOCK: Final = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


def make(folder: Path) -> Path:
    """Write the archive into a folder and return its path. Raises ValueError for a dead link, NoBrowser without Chromium."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", DEFAULT_DATE))
    files = assembled()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "SPEC.html").write_bytes(files["SPEC.html"])
        files["SPEC.pdf"] = printed.pdf(scratch / "SPEC.html", seconds)
        for place, data in files.items():
            (scratch / place).parent.mkdir(parents=True, exist_ok=True)
            (scratch / place).write_bytes(data)
        if dead := links.dead(scratch):
            raise ValueError(f"dead links in the kit: {'; '.join(dead)}")
    top = f"sem-kit-{__version__}"
    path = folder / f"{top}.zip"
    archive.write(path, top, files, seconds)
    return path


def assembled() -> dict[str, bytes]:
    """Return the files of the kit by their place in it, without SPEC.pdf."""
    found = places()
    files = {}
    for source, place in found.items():
        data = (ROOT / source).read_bytes()
        if source.endswith(".md"):
            text = links.rewritten(data.decode("utf-8"), source, place, lambda path: place_of(path, found))
            data = text.encode("utf-8")
        files[place] = data
    files["SPEC.html"] = page.html(files["SPEC.md"].decode("utf-8")).encode("utf-8")
    files["README.md"] = readme(set(files)).encode("utf-8")
    files[FIRST] = first_decoder((ROOT / GUIDE).read_text(encoding="utf-8")).encode("utf-8")
    return files


def readme(places: set[str]) -> str:
    """Return the README of the kit, without the rows of optional pages that are not in it."""
    absent = [name for name in OPTIONAL if name.endswith(".md") and name not in places]
    lines = README.read_text(encoding="utf-8").replace("VERSION", __version__).splitlines(keepends=True)
    return "".join(line for line in lines if not any(f"({name})" in line for name in absent))


def first_decoder(guide: str) -> str:
    """Return the decoder that the guide begins with. Raises ValueError unless the guide has one program."""
    programs = PYTHON_BLOCK.findall(guide)
    if len(programs) != 1:
        raise ValueError(f"{GUIDE} has {len(programs)} programs in Python, not one")
    return str(programs[0])
