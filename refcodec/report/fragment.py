# SPDX-License-Identifier: MIT
"""Parts of an HTML page that stand for themselves, as notebooks show them: own style, no scripts, all text escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from refcodec.errors import one_line
from refcodec.report.fields import bar_css, bar_html, facts_html, field_colours, table_html
from refcodec.report.style import scoped_sheet
from refcodec.report.text import title

if TYPE_CHECKING:
    from refcodec.inspection import Inspection
    from refcodec.registry import Registry

FIELDS_MAX: Final = 200  # fields that are shown


@dataclass(frozen=True)
class Shot:
    """A picture with its caption. png: the file that is shown, at `width` x `height` pixels of the screen."""

    name: str
    note: str
    png: bytes
    width: int
    height: int


def inspection_html(inspection: Inspection, rows: Registry) -> str:
    """Return an inspection: facts, shares of the fields, and the table of the first 200, folded."""
    colours, count = field_colours(inspection), len(inspection.fields)
    table = table_html(inspection, rows, colours, FIELDS_MAX) if count else ""
    body = "".join(
        [
            f"<h3>{escape(one_line(title(inspection)))}</h3>\n",
            facts_html(inspection),
            bar_html(inspection, colours, FIELDS_MAX),
            f"<details><summary>{count} field{'s' * (count != 1)}</summary>{table}</details>\n" if table else "",
        ]
    )
    return fragment(body, bar_css(inspection, FIELDS_MAX))


def shots_html(shots: Iterable[Shot]) -> str:
    """Return pictures side by side, each with its caption below."""
    return fragment(f"<div class='shots'>{''.join(map(_figure, shots))}</div>\n")


def beside_html(shot: Shot | None, facts: Iterable[tuple[str, str]]) -> str:
    """Return a picture beside a list of facts; those alone without a picture."""
    items = "".join(
        f"<dt>{escape(one_line(name))}</dt><dd{' class=bad' if name == 'error' else ''}>{escape(one_line(value))}</dd>"
        for name, value in facts
    )
    figure = "" if shot is None else _figure(shot)
    return fragment(f"<div class='beside'>{figure}<dl class='facts'>{items}</dl></div>\n")


def _figure(shot: Shot) -> str:
    data, name = base64.b64encode(shot.png).decode("ascii"), escape(one_line(shot.name))
    caption = f"<figcaption><b>{name}</b>{escape(one_line(shot.note))}</figcaption>" if name or shot.note else ""
    size = f"width='{shot.width}' height='{shot.height}'"
    return f"<figure><img src='data:image/png;base64,{data}' {size} alt='{name}'>{caption}</figure>\n"


def fragment(body: str, rules: str = "") -> str:
    """Return HTML with a style sheet of its own, which concerns nothing else on the page.

    body: without scripts and style attributes. rules: CSS of this part alone.
    """
    scope = f"sem-{hashlib.sha256((body + rules).encode('utf-8', 'backslashreplace')).hexdigest()[:12]}"
    return f"<div class='{scope}'><style>{scoped_sheet(scope, rules)}</style>\n{body}</div>\n"
