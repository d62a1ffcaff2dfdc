# SPDX-License-Identifier: MIT
"""Find a section, a rule or an error code in the text of SPEC.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_HEADING: Final = re.compile(
    r"(?P<marks>#{2,})\s+(?:(?P<number>(?:\d+|[A-Z]\.\d+)(?:\.\d+)*)|Appendix (?P<letter>[A-Z])):?\s"
)
_RULE: Final = re.compile(r"\*\*(SEM-R-\d{3})\*\*")
_ERROR: Final = re.compile(r"\|\s*(SEM-E-\d{3})\s*\|")


@dataclass(frozen=True)
class Section:
    """A section: its number ("13.7", "B.4") or letter ("A"), its heading, and its lines, those of subsections included."""

    number: str
    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Passage:
    """What a reference names: the section that contains it, and the text."""

    reference: str
    section: str
    heading: str
    text: str


def sections(document: str) -> list[Section]:
    """Return every numbered section of the document, in its order."""
    lines = document.splitlines()
    heads = [(i, match) for i, match in _headings(lines)]
    found = []
    for n, (start, match) in enumerate(heads):
        depth = len(match["marks"])
        end = next((i for i, later in heads[n + 1 :] if len(later["marks"]) <= depth), len(lines))
        number = match["number"] or match["letter"]
        found.append(Section(number, lines[start].lstrip("#").strip(), tuple(lines[start:end])))
    return found


def _headings(lines: list[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield index and match of each line that is a heading, outside of code."""
    code = False
    for i, line in enumerate(lines):
        if line.startswith("```"):
            code = not code
        elif not code and (match := _HEADING.match(line)):
            yield i, match


def find(document: str, reference: str) -> Passage | None:
    """Return what a reference such as "13.7", "§12", "A", "B.4", "SEM-R-103" or "SEM-E-804" names; None if it names nothing."""
    name = normalised(reference)
    found = sections(document)
    if name.startswith("SEM-"):
        return _rule(found, name) or _error(found, name)
    for section in found:
        if section.number == name:
            return Passage(name, name, section.heading, "\n".join(section.lines).strip())
    return None


def normalised(reference: str) -> str:
    """Return a reference without "§", "section", "appendix" and spaces, letters upper-case."""
    text = re.sub(r"^(?:§|SECTION|APPENDIX)\s*", "", reference.strip().upper())
    return text.removesuffix(".")


def _rule(sections: list[Section], name: str) -> Passage | None:
    """Return a rule: its paragraph, up to an empty line or the next rule."""
    for section in _innermost(sections):
        for i, line in enumerate(section.lines):
            match = _RULE.match(line)
            if match and match[1] == name:
                rest = section.lines[i + 1 :]
                end = next((n for n, text in enumerate(rest) if not text.strip() or _RULE.match(text)), len(rest))
                return Passage(name, section.number, section.heading, "\n".join((line, *rest[:end])))
    return None


def _error(sections: list[Section], name: str) -> Passage | None:
    """Return the row of an error code, and every rule that gives this code."""
    home, rows, rules = None, [], []
    for section in _innermost(sections):
        for i, line in enumerate(section.lines):
            match = _ERROR.match(line)
            if match and match[1] == name:
                home = section
                rows = [*_table_head(section.lines, i), line]
            elif _RULE.match(line) and name in line:
                rules += ["", f"§{section.number}  {line}"]
    if home is None:
        return None
    return Passage(name, home.number, home.heading, "\n".join([*rows, *rules]))


def _table_head(lines: tuple[str, ...], row: int) -> list[str]:
    """Return the two lines that head the table of a row."""
    start = row
    while lines[start - 1].startswith("|"):
        start -= 1
    return list(lines[start : start + 2])


def _innermost(sections: list[Section]) -> Iterator[Section]:
    """Yield sections without the lines of their subsections, so that each line comes once."""
    for section in sections:
        inner = next((i for i, _ in _headings(list(section.lines[1:]))), None)
        lines = section.lines if inner is None else section.lines[: inner + 1]
        yield Section(section.number, section.heading, lines)
