# SPDX-License-Identifier: MIT
"""Links between the files of the kit: rewrite those that lead out of it, and find dead ones."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Final

LINK: Final = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
BLOCK: Final = re.compile(r"^```.*?^```[^\n]*$", re.M | re.S)  # of code
HEADING: Final = re.compile(r"^#{1,6} +(.+?)\s*$", re.M)


def rewritten(text: str, source: str, place: str, placed: Callable[[str], str | None]) -> str:
    """Return a Markdown page of the repository for the kit: links to what the kit lacks become text.

    source, place: of the page in the repository and the kit. placed: maps a path of the repository to that in the kit,
    or to None.
    """

    def link(match: re.Match[str]) -> str:
        label, target = match.groups()
        if "://" in target or target.startswith(("#", "mailto:")):
            return match[0]
        path, mark, anchor = target.partition("#")
        there = placed(posixpath.normpath(posixpath.join(posixpath.dirname(source), path)))
        if there is None:
            return label
        relative = posixpath.relpath(there, posixpath.dirname(place) or ".")
        return f"[{label}]({relative}{mark}{anchor})"

    parts = re.split(f"({BLOCK.pattern})", text, flags=BLOCK.flags)
    return "".join(part if index % 2 else LINK.sub(link, part) for index, part in enumerate(parts))


def slug(heading: str) -> str:
    """Return the anchor that code hosts give a heading."""
    plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower(), flags=re.U)
    return plain.strip().replace(" ", "-")


class _Page(HTMLParser):
    """The ids and the links of a page in HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            if name in ("href", "src") and value:
                self.links.append(value)


def dead(folder: Path) -> list[str]:
    """Return the dead links of all Markdown and HTML pages below a folder, anchors included, each as a line."""
    pages = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    texts = {
        name: path.read_text(encoding="utf-8")
        for name, path in pages.items()
        if path.suffix in (".md", ".html") and path.is_file()
    }
    anchors = {name: _anchors(name, text) for name, text in texts.items()}
    return [
        f"{name}: {target}" for name, text in texts.items() for target in _dead(name, text, set(pages) | {"."}, anchors)
    ]


def _anchors(name: str, text: str) -> set[str]:
    if name.endswith(".html"):
        return _Page(text).ids
    return {slug(heading) for heading in HEADING.findall(BLOCK.sub("", text))}


def _dead(name: str, text: str, present: set[str], anchors: Mapping[str, set[str]]) -> Iterator[str]:
    found = [target for _, target in LINK.findall(BLOCK.sub("", text))]
    links = _Page(text).links if name.endswith(".html") else found
    for target in links:
        if "://" in target or target.startswith(("mailto:", "data:")):
            continue
        path, _, anchor = target.partition("#")
        there = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
        if (
            there not in present
            or PurePosixPath(there).is_absolute()
            or (anchor and anchor not in anchors.get(there, set()))
        ):
            yield target
