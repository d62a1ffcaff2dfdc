# SPDX-License-Identifier: MIT
"""The documentation site, without Sphinx: its drawings, its lists of pages and names, and what its guides name."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from fnmatch import fnmatch
from pathlib import Path

import click
import pytest

import refcodec
from refcodec.cli.commands import cli
from refcodec.foundation.hub_errors import COPIES
from refcodec.foundation.roles import ROLES
from refcodec.registry import Registry
from tools.site.commands import steps_of
from tools.site.docstrings import as_rst, bold_names, split_head
from tools.site.drawings import DRAWINGS, FOLDER
from tools.site.mermaid import Node, nodes_of

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs/methods").glob("*.md"))


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_what_its_script_draws(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert text == DRAWINGS[name]().svg(), "run python -m tools.site.drawings"
    root = ET.fromstring(text)
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    assert root.attrib["role"] == "img"
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    for box in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y, w, h = (float(box.attrib[side]) for side in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height


def test_drawings_show_what_files_contain() -> None:
    data = refcodec.encode(caption="A cat on a mat.", size=(768, 512))
    text = (FOLDER / "compact.svg").read_text(encoding="utf-8")
    assert re.findall(r">([0-9A-F]{2})</text>", text) == [f"{byte:02X}" for byte in data]
    assert "BD 8F 3D" in (FOLDER / "coder.svg").read_text(encoding="utf-8")  # the worked example of SPEC §9


def listed() -> list[str]:
    """Entries of all toctrees, as paths from docs/."""
    entries = []
    for page in ("index", "more", "decisions/index", "methods/index"):
        text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                if line and not line.startswith(":"):
                    target = line.partition("<")[2].rstrip(">") or line
                    entries.append(f"{page.rpartition('/')[0]}/{target}".lstrip("/"))
    return entries


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))
)
def test_every_page_is_in_the_table_of_contents(page: str) -> None:
    name = page.removesuffix(".md")
    assert name == "index" or any(fnmatch(name, entry) for entry in listed()), f"name {page} in docs/index.md"


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs/site/api.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\.\. auto(?:function|class|data|exception):: (\w+)$", text, re.MULTILINE)
    assert sorted(shown) == sorted(set(refcodec.__all__) - {"__version__"})


def options_of(words: list[str]) -> set[str]:
    """The options of a command of semtool."""
    command: click.Command = cli
    for word in words[1:3]:
        if isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            assert found is not None, word
            command = found
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_names_what_there_is(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    rows = Registry.shipped().rows.values()
    for step in steps_of(text):
        words = step.source.split()
        assert words[0] == "semtool"
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= options_of(words)
        for role in re.findall(r"--model (\w+)=", step.source) + re.findall(r"--as (\w+)", step.source):
            assert role in {*ROLES, "elic", "hed", "perco"}
        for profile in re.findall(r"--profile (\S+)", step.source):
            assert profile in {row.name for row in rows}
        assert not [model for model in COPIES if re.search(rf"\b{re.escape(model)}(?![\w-])", step.source)]


@pytest.mark.parametrize(
    "row", [row for row in Registry.shipped().rows.values() if row.recommended.models], ids=lambda row: row.name
)
def test_the_models_that_a_row_recommends_are_in_the_guide(row: refcodec.Profile) -> None:
    text = (ROOT / f"docs/methods/{row.method_name}.md").read_text(encoding="utf-8")
    for role, model in row.recommended.models.items():
        assert f"`{role}`" in text
        assert model in text


def test_withdrawn_models_and_their_copies_are_in_the_guide() -> None:
    text = (ROOT / "docs/methods/index.md").read_text(encoding="utf-8")
    recommended = {model for row in Registry.shipped().rows.values() for model in row.recommended.models.values()}
    for withdrawn, copy in COPIES.items():
        if copy in recommended:
            assert f"| `{withdrawn}` | `{copy}` |" in text


def test_docstrings_as_rst() -> None:
    lines = ["Return `x`.", "", "Args:", "    a (str, default: the first): row: or id.", "    b (int), c (as `d`): two", "        lines.", "", "Raises:", "    ValueError: bad."]  # fmt: skip
    assert as_rst(lines) == [
        "Return ``x``.", "", ".. rubric:: Arguments", "",
        "- **a** (str, default: the first): row: or id.", "- **b** (int), **c** (as ``d``): two", "  lines.", "", "",
        "Raises:", "    ValueError: bad.",
    ]  # fmt: skip
    assert as_rst(["No arguments: ``kept``."]) == ["No arguments: ``kept``."]
    assert split_head("size ((int, int), pixels): width") == ("size ((int, int), pixels)", "width")
    assert split_head("no colon (a: b)") == ("no colon (a: b)", "")
    assert bold_names("size ((int, int), pixels)") == "**size** ((int, int), pixels)"


def test_nodes_of_a_flowchart() -> None:
    chart = 'flowchart TD\n  a["<b>one, two</b><br/>text"]\n  b["<b>three</b>"]\n  a --> b\n  a & b --> b --> a\n'
    assert nodes_of(chart) == [Node("one, two", "text", ("three", "three")), Node("three", "", ("three", "one"))]
    with pytest.raises(ValueError, match="neither a node nor an arrow: a -- b"):
        nodes_of("a -- b")
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    found = re.search(r"```mermaid\n(.*?)```", page, re.DOTALL)
    assert found is not None
    nodes = nodes_of(found[1])
    assert "cli" in {node.name for node in nodes}
    assert sum(len(node.down) for node in nodes) >= len(nodes)
