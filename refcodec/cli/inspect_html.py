# SPDX-License-Identifier: MIT
"""The page of `semtool inspect --html`: every byte coloured by its field. One file, no scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from refcodec.cli.html_page import Rules, page
from refcodec.errors import one_line
from refcodec.report.fields import bar_css, bar_html, facts_html, field_colours, table_html
from refcodec.report.style import sheet
from refcodec.report.text import title

if TYPE_CHECKING:
    from refcodec.cli.deep_check import DeepCheck
    from refcodec.inspection import Field, Inspection
    from refcodec.registry import Registry

_SHOWN = 4096  # bytes of one field that are shown
_LINKED = 200  # fields that are highlighted together with their bytes
_ROW = 16  # bytes a line
_STYLE = """
body{max-width:76rem;margin:0 auto;padding:1.75rem 1.5rem 4rem}
.bar{margin-top:1.5rem}
.m.on,.hex span:hover,tr:hover .key{outline:2px solid var(--ink)}
"""


def render(name: str, data: bytes, inspection: Inspection, rows: Registry, deep: DeepCheck | None = None) -> str:
    """Return the HTML document for a file called `name`. deep: what decoding its payloads has given."""
    rules, colours = Rules(), field_colours(inspection)
    body = "".join(
        [
            f"<h1>{escape(one_line(name))}</h1><p class='soft'>{escape(one_line(title(inspection, deep)))}</p>\n",
            facts_html(inspection, deep),
            bar_html(inspection, colours),
            "<h2>Fields</h2>\n",
            table_html(inspection, rows, colours),
            "<h2>Bytes</h2>\n",
            _bytes(data, inspection, colours, rules),
        ]
    )
    return page(one_line(name), f"{sheet()}{_STYLE}{_links(inspection)}{bar_css(inspection)}{rules.css()}", body)


def _links(inspection: Inspection) -> str:
    """Return the rules that highlight a field and its bytes together."""
    rules = (f"body:has(.f{i}:hover) .f{i}.m" for i in range(min(len(inspection.fields), _LINKED)))
    return ",".join(rules) + "{outline:2px solid currentColor}" if inspection.fields else ""


def _bytes(data: bytes, inspection: Inspection, colours: list[str], rules: Rules) -> str:
    """Return a hex dump, line by line, with the first bytes of long fields."""
    owners = _owners(inspection.fields)
    lines, at = [], 0
    while at < len(data):
        if at not in owners:  # the rest of a long field
            end = min((o for o in owners if o > at), default=len(data))
            lines.append(f"<b>{at}</b><div>… {end - at} more bytes</div><b></b>\n")
            at = end
            continue
        end = at + 1
        while end < min(len(data), at - at % _ROW + _ROW) and end in owners:
            end += 1
        cells = "".join(_cell(data[k], owners[k], inspection.fields, colours, rules) for k in range(at, end))
        text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in data[at:end])
        lines.append(f"<b>{at}</b><div>{cells}</div><b>{escape(text)}</b>\n")
        at = end
    return f"<div class='wide'><div class='hex'>{''.join(lines)}</div></div>\n"


def _owners(fields: tuple[Field, ...]) -> dict[int, list[int]]:
    """Return, for each byte that is shown, the indices of the fields that have bits in it."""
    owners: dict[int, list[int]] = {}
    for i, field in enumerate(fields):
        for k in range(field.offset, field.offset + min(_SHOWN, -(-field.bits // 8))):
            owners.setdefault(k, []).append(i)
    return owners


def _cell(byte: int, owned: list[int], fields: tuple[Field, ...], colours: list[str], rules: Rules) -> str:
    """Return one byte, coloured by the share that each of its fields has in it."""
    names = ", ".join(fields[i].name for i in owned)
    classes = " ".join(f"f{i}" for i in owned)
    look = colours[owned[0]]
    if len(owned) > 1:
        stops, at = [], 0.0
        for i in owned:
            stops.append(f"var(--c{colours[i][1:]}) {at:.1f}% {at + 12.5 * fields[i].bits:.1f}%")
            at += 12.5 * fields[i].bits
        look = rules.name(f"background:linear-gradient(90deg,{','.join(stops)})")
    return f"<span class='{classes} m {look}' title='{escape(names)}'>{byte:02x}</span>"
