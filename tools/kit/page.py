# SPDX-License-Identifier: MIT
"""SPEC.md as one page of HTML, with an anchor for every section, rule and error, and links wherever they are named.

Anchors are `#sem-r-103` for a rule, `#sem-e-402` for an error, and for a section that of code hosts, `#9-range-coder`.
An index of rules and errors follows the text; it also makes Chromium keep all anchors in the PDF.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tools.kit.links import slug

STYLE: Final = Path(__file__).parent / "page.css"
SECTION: Final = r"[0-9]+(?:\.[0-9]+)?|[A-Z]\.[0-9]+"
NAMED: Final = re.compile(rf"SEM-[RE]-[0-9]{{3}}|§(?:{SECTION})")
ID: Final = re.compile(r"SEM-[RE]-[0-9]{3}")
NUMBER: Final = re.compile(rf"({SECTION}) ")


def html(markdown: str) -> str:
    """Return the page. Raises ValueError if a rule or an error is defined twice."""
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(markdown)
    sections = _name_headings(tokens)
    defined = _define(tokens)
    _link(tokens, sections | {name: name.lower() for name in defined})
    title = next(tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open")
    head = f"<title>{escape(title.replace('`', ''))}</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}</style>"
    body = parser.renderer.render(tokens, parser.options, {})
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{head}\n</head>\n'
        f"<body>\n{_contents(tokens)}<main>\n{body}{_index(defined)}</main>\n</body>\n</html>\n"
    )


def _name_headings(tokens: list[Token]) -> dict[str, str]:
    """Give each heading its id; return the ids by the reference that leads there, such as §9."""
    sections = {}
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            text = tokens[index + 1].content
            token.attrSet("id", slug(text))
            if number := NUMBER.match(text):
                sections[f"§{number[1]}"] = slug(text)
    return sections


def _define(tokens: list[Token]) -> set[str]:
    """Give each rule and error its id where it is defined: a rule in bold, an error in the first cell of a row."""
    defined: set[str] = set()

    def define(name: str, token: Token) -> None:
        if name in defined:
            raise ValueError(f"{name} is defined twice")
        defined.add(name)
        token.attrSet("id", name.lower())

    for index, token in enumerate(tokens):
        in_row = [before.type for before in tokens[max(index - 2, 0) : index]] == ["tr_open", "td_open"]
        if token.type == "inline" and ID.fullmatch(token.content) and in_row:
            define(token.content, tokens[index - 2])
        for place, child in enumerate(token.children or ()):
            if child.type == "strong_open" and ID.fullmatch((token.children or ())[place + 1].content):
                define((token.children or ())[place + 1].content, child)
    return defined


def _link(tokens: list[Token], targets: dict[str, str]) -> None:
    """Make a link of each name in running text that has a target, except in links and where it is defined."""
    for token in tokens:
        if token.type != "inline":
            continue
        inside, children = 0, []
        for child in token.children or ():
            opens = child.type == "link_open" or (child.type == "strong_open" and child.attrGet("id") is not None)
            inside += 1 if opens else -1 if inside and child.type in ("link_close", "strong_close") else 0
            children += [child] if inside or child.type != "text" else list(_pieces(child, targets))
        token.children = children


def _pieces(child: Token, targets: dict[str, str]) -> list[Token]:
    """Return a token of text as text and links."""
    pieces, end = [], 0
    for match in NAMED.finditer(child.content):
        if target := targets.get(match[0]):
            link = Token("link_open", "a", 1, attrs={"href": f"#{target}"})
            before, name = Token("text", "", 0), Token("text", "", 0)
            before.content, name.content = child.content[end : match.start()], match[0]
            pieces += [before, link, name, Token("link_close", "a", -1)]
            end = match.end()
    last = Token("text", "", 0)
    last.content = child.content[end:]
    return [*pieces, last]


def _contents(tokens: list[Token]) -> str:
    """Return the list of sections that stands beside the text."""
    lines = []
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag in ("h2", "h3"):
            text = escape(tokens[index + 1].content.replace("`", ""))
            lines.append(f'<li class="{token.tag}"><a href="#{token.attrGet("id")}">{text}</a></li>\n')
    return f'<nav aria-label="Contents">\n<ul>\n{"".join(lines)}</ul>\n</nav>\n'


def _index(defined: set[str]) -> str:
    """Return the index of rules and errors."""
    links = {
        letter: ", ".join(
            f'<a href="#{name.lower()}">{name}</a>' for name in sorted(defined) if name.startswith(f"SEM-{letter}-")
        )
        for letter in "RE"
    }
    return (
        '<h2 id="index">Index</h2>\n'
        f'<p class="index">Rules: {links["R"]}</p>\n<p class="index">Errors: {links["E"]}</p>\n'
    )
