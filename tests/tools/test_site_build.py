# SPDX-License-Identifier: MIT
"""The extension of Sphinx, on a site of a few pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")

ROOT = Path(__file__).resolve().parents[2]
CONF = """
import sys
sys.path.insert(0, {root!r})
extensions = ["myst_parser", "tools.site.extension"]
myst_heading_anchors = 3
myst_fence_as_directive = {{"mermaid"}}
html_theme = "basic"
"""


def build(folder: Path, page: str) -> tuple[int, str]:
    """Build a site of one page beside some folders, with warnings as errors; return status and messages."""
    (folder / "with").mkdir()
    (folder / "with/README.md").write_text("---\norphan: true\n---\n# The folder\n")
    (folder / "without").mkdir()
    (folder / "without/code.py").write_text("x = 1\n")
    (folder / "conf.py").write_text(CONF.format(root=str(ROOT)))
    (folder / "index.md").write_text(f"# Start\n\n{page}\n")
    return run(folder)


def run(folder: Path) -> tuple[int, str]:
    """Build the site of a folder."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(folder), str(folder / "out")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def test_pages_of_a_code_host(tmp_path: Path) -> None:
    page = (
        "[readme](with) and [code](without) and [file](without/code.py) and [far](https://example.org/x)\n\n"
        "**SEM-R-001** one **SEM-R-002** two\n\n"
        '```mermaid\nflowchart TD\n  a["<b>top</b><br/>what"]\n  b["<b>base</b>"]\n  a --> b\n```\n'
    )
    status, messages = build(tmp_path, page)
    assert (status, messages) == (0, "")
    html = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert 'href="with/README.html"' in html
    assert '<span class="folder"><span class="xref myst">code</span></span>' in html
    assert "_downloads/" in html
    assert "<br><strong>SEM-R-002</strong>" in html
    assert html.count("<br><strong>") == 1
    assert "<p>top</p>" in html
    assert "<p>base</p>" in html
    assert (tmp_path / "out/external-links.txt").read_text() == "https://example.org/x\tindex\n"
    (tmp_path / "with/README.md").write_text("---\norphan: true\n---\n# [Far](https://example.org/x)\n")
    assert run(tmp_path) == (0, "")  # reads that page alone
    assert (tmp_path / "out/external-links.txt").read_text() == "https://example.org/x\tindex, with/README\n"


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("[x](nowhere.md)", "nowhere"),
        ("[x](#no-heading)", "no-heading"),
        ("![x](missing.png)", "missing.png"),
        ("```mermaid\na -- b\n```", "neither a node nor an arrow"),
        ('<script src="https://example.org/x.js"></script>', "index.html loads a file of another host"),
        ('<img src="//example.org/x.png">', "index.html loads a file of another host"),
        ("![x](https://example.org/x.png)", "another host"),
    ],
)
def test_what_a_build_refuses(tmp_path: Path, page: str, message: str) -> None:
    status, messages = build(tmp_path, page)
    assert status != 0
    assert message in messages
