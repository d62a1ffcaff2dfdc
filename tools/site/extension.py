# SPDX-License-Identifier: MIT
"""Extension of Sphinx for pages that are also read on a code host (decision 0052).

Links to folders lead to the README of the folder, or become text where it has none, since a code host lists a folder and a
site does not. Mermaid drawings become tables, so that no script has to be loaded. External links are listed in
`external-links.txt` and not fetched. The site may not name a file of another host that a browser would load.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from tools.site.docstrings import as_rst
from tools.site.mermaid import nodes_of

LISTING = "external-links.txt"
LOADED = re.compile(
    r"""<(?:script|link|img|iframe|source|video)\b[^>]*?\s(?:src|href)=["'](?:https?:)?//""", re.IGNORECASE
)
IMPORTED = re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""", re.IGNORECASE)


class FlowchartTable(Directive):  # type: ignore[misc]  # Any where docutils is not installed
    """Show the nodes of a flowchart in mermaid as a table: name, contents, and the nodes that its arrows lead to."""

    has_content = True
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        parts = nodes_of("\n".join(self.content))
        rows = [("part", "contents", "imports"), *((name, text, ", ".join(down)) for name, text, down in parts)]
        group = nodes.tgroup(cols=3)
        group += [nodes.colspec(colwidth=width) for width in (30, 50, 20)]
        head, body = nodes.thead(), nodes.tbody()
        for number, row in enumerate(rows):
            line = nodes.row()
            line += [nodes.entry("", nodes.paragraph("", cell)) for cell in row]
            (body if number else head).append(line)
        group += [head, body]
        return [nodes.table("", group)]


def _resolve_folders(app: Sphinx, document: nodes.document) -> None:
    """Turn links to folders of the repository into links to their README, or into text."""
    name = app.env.docname
    here = Path(app.srcdir, name).parent
    for link in list(document.findall(pending_xref)):
        target = link.get("reftarget", "")
        if link.get("reftype") != "myst" or not target or target.startswith(("#", "/")):
            continue
        folder = here / target.partition("#")[0]
        if not folder.is_dir():
            continue
        readme = (folder / "README.md").resolve()
        if not readme.is_relative_to(app.srcdir):
            continue
        page = readme.relative_to(app.srcdir).with_suffix("").as_posix()
        if page in app.env.found_docs:
            link["refdomain"], link["reftype"], link["reftarget"] = "std", "doc", f"/{page}"
            link["refexplicit"], link["refdoc"] = True, name
        else:
            link.replace_self(nodes.inline("", "", *link.children, classes=["folder"]))


def _break_rules(_app: Sphinx, document: nodes.document) -> None:
    """Begin a line for each rule of SPEC.md: several of them follow one another in a paragraph."""
    for rule in list(document.findall(nodes.strong)):
        at = rule.parent.index(rule)
        if rule.astext().startswith("SEM-R-") and any(node.astext().strip() for node in rule.parent.children[:at]):
            rule.parent.insert(at, nodes.raw("", "<br>", format="html"))


def _markup_of_docstring(_app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    lines[:] = as_rst(lines)


def _collect_links(app: Sphinx, document: nodes.document) -> None:
    """Keep the external links of a page with what else Sphinx keeps of it, so that builds can go on from one another."""
    found = {node["refuri"] for node in document.findall(nodes.reference) if "://" in node.get("refuri", "")}
    app.env.metadata[app.env.docname]["external_links"] = "\n".join(sorted(found))


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Write the list of external links; raise ExtensionError for a page that loads a file of another host."""
    if error is not None:
        return
    links: dict[str, list[str]] = {}
    for name in sorted(app.env.found_docs):
        for link in app.env.metadata[name].get("external_links", "").split():
            links.setdefault(link, []).append(name)
    lines = [f"{link}\t{', '.join(pages)}" for link, pages in sorted(links.items())]
    Path(app.outdir, LISTING).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for path in sorted(Path(app.outdir).rglob("*")):
        pattern = {".html": LOADED, ".css": IMPORTED}.get(path.suffix)
        if pattern and (hit := pattern.search(path.read_text(encoding="utf-8", errors="replace"))):
            raise ExtensionError(f"{path.relative_to(app.outdir)} loads a file of another host: {hit.group()}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register directive and events with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.add_directive("mermaid", FlowchartTable)
    app.connect("doctree-read", _resolve_folders)
    app.connect("doctree-read", _break_rules)
    app.connect("autodoc-process-docstring", _markup_of_docstring, priority=400)
    app.connect("doctree-read", _collect_links)
    app.connect("build-finished", _finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
