# SPDX-License-Identifier: MIT
"""Docstrings of this package as reStructuredText: code in single backticks, and arguments with a colon in their type.

Napoleon ends a name at the first colon, also at one in parentheses: "profile (str, default: the first): row". Arguments are
therefore turned into a list here, before napoleon reads the other sections.
"""

from __future__ import annotations

import re
from typing import Final

CODE: Final = re.compile(r"(?<![`\w:])`([^`\n]+)`(?![`_])")
NAME: Final = re.compile(r"\*{0,2}[A-Za-z_]\w*")


def as_rst(lines: list[str]) -> list[str]:
    """Return the lines of a docstring as reStructuredText."""
    lines = [CODE.sub(r"``\1``", line) for line in lines]
    try:
        start = lines.index("Args:")
    except ValueError:
        return lines
    end = next((i for i in range(start + 1, len(lines)) if lines[i] and not lines[i].startswith(" ")), len(lines))
    return [*lines[:start], ".. rubric:: Arguments", "", *_entries(lines[start + 1 : end]), "", *lines[end:]]


def _entries(lines: list[str]) -> list[str]:
    """Return the entries of a section as a list, with a dash before each and names in bold."""
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    entries = []
    for line in lines:
        text = line[indent:]
        if text and not text.startswith(" "):
            head, description = split_head(text)
            entries.append(f"- {bold_names(head)}: {description}")
        else:
            entries.append(f"  {text.strip()}".rstrip())
    return entries


def split_head(text: str) -> tuple[str, str]:
    """Split "name (type): text" at the first colon outside of parentheses; without one, the text is all head."""
    depth = 0
    for i, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == ":" and depth == 0:
            return text[:i], text[i + 1 :].strip()
    return text, ""


def bold_names(head: str) -> str:
    """Return the head with the names outside of parentheses in bold."""
    parts, depth, last = [], 0, 0
    for i, char in enumerate(head):
        if char == "(":
            parts.append(_bold(head[last:i]) if depth == 0 else "")
            last = i if depth == 0 else last
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                parts.append(head[last : i + 1])
                last = i + 1
    return "".join([*parts, _bold(head[last:])])


def _bold(text: str) -> str:
    return NAME.sub(lambda found: "**" + found[0].replace("*", r"\*") + "**", text)
