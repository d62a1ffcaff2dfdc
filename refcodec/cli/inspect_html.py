# SPDX-License-Identifier: MIT
"""The page of `semtool inspect --html`: every byte coloured by its field. One file, no scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from refcodec.cli.html_page import Rules, page
from refcodec.cli.inspect_text import facts, meaning, split, title, value_text
from refcodec.errors import one_line

if TYPE_CHECKING:
    from refcodec.inspection import Field, Inspection
    from refcodec.registry import Registry

_SHOWN = 4096  # bytes of one field that are shown
_LINKED = 200  # fields that are highlighted together with their bytes
_ROW = 16  # bytes a line
_STYLE = """
:root{color-scheme:light dark;--l:86%;--line:#8884}
@media(prefers-color-scheme:dark){:root{--l:30%}}
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.2rem 0 1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1.2rem;margin:0}
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}.error{color:light-dark(#a00,#f88)}
.bar{display:flex;height:1.6rem;border-radius:.3rem;overflow:hidden;margin:1rem 0}.bar span{min-width:2px}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.1rem .7rem .1rem 0;border-bottom:1px solid var(--line);vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums}
td.v{overflow-wrap:anywhere}td i{opacity:.7}
th.part{padding-top:.7rem}
.key{display:inline-block;width:1em;height:1em;border-radius:.2em;vertical-align:-.15em;margin-right:.5em}
code,.hex{font:13px/1.7 ui-monospace,Menlo,Consolas,monospace}
.hex{display:grid;grid-template-columns:max-content max-content 1fr;gap:0 1.2rem}
.hex b{font-weight:400;opacity:.6}.hex b+div+b{white-space:pre}.hex span{padding:.1em .25em}
.on,.hex span:hover,tr:hover .key{outline:2px solid currentColor}
"""


def render(name: str, data: bytes, inspection: Inspection, rows: Registry) -> str:
    """Return the HTML document for a file called `name`."""
    rules = Rules()
    body = "".join(
        [
            f"<h1>{escape(one_line(name))}</h1><p>{escape(one_line(title(inspection)))}</p>\n",
            _facts(inspection),
            _bar(inspection, rules),
            "<h2>Fields</h2>\n",
            _table(inspection, rows, rules),
            "<h2>Bytes</h2>\n",
            _bytes(data, inspection, rules),
        ]
    )
    return page(one_line(name), f"{_STYLE}{_links(inspection)}{rules.css()}", body)


def _colour(i: int) -> str:
    return f"hsl({i * 137 % 360} 65% var(--l))"  # the golden angle keeps neighbours apart


def _links(inspection: Inspection) -> str:
    """Return the rules that highlight a field and its bytes together."""
    rules = (f"body:has(.f{i}:hover) .f{i}.m" for i in range(min(len(inspection.fields), _LINKED)))
    return ",".join(rules) + "{outline:2px solid currentColor}" if inspection.fields else ""


def _facts(inspection: Inspection) -> str:
    items = (
        f"<dt>{escape(name)}</dt><dd{' class=error' if name == 'error' else ''}>{escape(one_line(text))}</dd>"
        for name, text in facts(inspection)
    )
    return f"<dl>{''.join(items)}</dl>\n"


def _bar(inspection: Inspection, rules: Rules) -> str:
    """Return the bar that shows each field's share of the file."""
    parts = (
        f"<span class='f{i} m {rules.name(f'background:{_colour(i)}')} {rules.name(f'flex:{f.bits}')}' "
        f"title='{escape(f.name)}: {f.bits / (8 * inspection.file_bytes):.1%}'></span>"
        for i, f in enumerate(inspection.fields)
    )
    return f"<div class='bar'>{''.join(parts)}</div>\n" if inspection.fields else ""


def _table(inspection: Inspection, registry: Registry, rules: Rules) -> str:
    """Return the table of fields."""
    rows, before = [], ""
    for i, field in enumerate(inspection.fields):
        part, name = split(field.name)
        if part and part != before:
            rows.append(f"<tr><th class='part' colspan='4'>{escape(part)}</th></tr>\n")
        before = part
        explanation = meaning(field, inspection, registry)
        rows.append(
            f"<tr class='f{i}'><td class='n'>{field.offset}</td><td class='n'>{field.bits}</td>"
            f"<td><span class='key f{i} m {rules.name(f'background:{_colour(i)}')}'></span>{escape(name)}</td>"
            f"<td class='v'><code>{escape(one_line(value_text(field)))}</code>"
            + (f" <i>{escape(one_line(explanation))}</i>" if explanation else "")
            + "</td></tr>\n"
        )
    head = "<tr><th class='n'>offset</th><th class='n'>bits</th><th>field</th><th>value</th></tr>\n"
    return f"<table>{head}{''.join(rows)}</table>\n"


def _bytes(data: bytes, inspection: Inspection, rules: Rules) -> str:
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
        cells = "".join(_cell(data[k], owners[k], inspection.fields, rules) for k in range(at, end))
        text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in data[at:end])
        lines.append(f"<b>{at}</b><div>{cells}</div><b>{escape(text)}</b>\n")
        at = end
    return f"<div class='hex'>{''.join(lines)}</div>\n"


def _owners(fields: tuple[Field, ...]) -> dict[int, list[int]]:
    """Return, for each byte that is shown, the indices of the fields that have bits in it."""
    owners: dict[int, list[int]] = {}
    for i, field in enumerate(fields):
        for k in range(field.offset, field.offset + min(_SHOWN, -(-field.bits // 8))):
            owners.setdefault(k, []).append(i)
    return owners


def _cell(byte: int, owned: list[int], fields: tuple[Field, ...], rules: Rules) -> str:
    """Return one byte, coloured by the share that each of its fields has in it."""
    names = ", ".join(fields[i].name for i in owned)
    classes = " ".join(f"f{i}" for i in owned)
    background = _colour(owned[0])
    if len(owned) > 1:
        stops, at = [], 0.0
        for i in owned:
            stops.append(f"{_colour(i)} {at:.1f}% {at + 12.5 * fields[i].bits:.1f}%")
            at += 12.5 * fields[i].bits
        background = f"linear-gradient(90deg,{','.join(stops)})"
    look = rules.name(f"background:{background}")
    return f"<span class='{classes} m {look}' title='{escape(names)}'>{byte:02x}</span>"
