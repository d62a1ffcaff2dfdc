# SPDX-License-Identifier: MIT
"""The fields of an inspection as HTML: facts, bar of shares, table. All text is escaped.

The classes are those of inspection.css, and f0, f1, … for all that belongs to a field.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from refcodec.errors import one_line
from refcodec.report import text

if TYPE_CHECKING:
    from refcodec.cli.deep_check import DeepCheck
    from refcodec.inspection import Field, Inspection
    from refcodec.registry import Registry

_PARTS = 7  # colours of sections, after that of the header


def field_colours(inspection: Inspection) -> list[str]:
    """Return the colour of each field, a class of inspection.css: `p`, its part and its tone, such as p12."""
    count: dict[str, int] = {}
    colours = []
    for field in inspection.fields:
        part, tone = _part(field.name), "2"
        if part == "x":
            tone = ""
        elif not field.name.endswith("body"):
            tone = str(count.setdefault(part, 0) % 2)
            count[part] += 1
        colours.append(f"p{part}{tone}")
    return colours


def _part(name: str) -> str:
    if name.rpartition(".")[2] in ("unparsed", "trailing"):
        return "x"
    if name.startswith("sections["):
        return str(1 + int(name[len("sections[") : name.index("]")]) % _PARTS)
    return "1" if name == "body" else "0"


def facts_html(inspection: Inspection, deep: DeepCheck | None = None) -> str:
    """Return the list of everything that is not a field. deep: what decoding the payloads has given."""
    items = (
        f"<dt>{escape(name)}</dt><dd{' class=bad' if name == 'error' else ''}>{escape(one_line(value))}</dd>"
        for name, value in text.facts(inspection, deep)
    )
    return f"<dl class='facts'>{''.join(items)}</dl>\n"


def bar_html(inspection: Inspection, colours: list[str], limit: int | None = None) -> str:
    """Return the bar that shows the share of each field, or of the first `limit`, in the file; widths: `bar_css`."""
    parts = (
        f"<span class='f{i} m {colours[i]}' title='{escape(f.name)}: {f.bits / (8 * inspection.file_bytes):.1%}'></span>"
        for i, f in enumerate(inspection.fields[:limit])
    )
    return f"<div class='bar'>{''.join(parts)}</div>\n" if inspection.fields else ""


def bar_css(inspection: Inspection, limit: int | None = None) -> str:
    """Return the widths of the parts of the bar."""
    return "".join(f".bar .f{i}{{flex:{field.bits}}}\n" for i, field in enumerate(inspection.fields[:limit]))


def table_html(inspection: Inspection, registry: Registry, colours: list[str], limit: int | None = None) -> str:
    """Return the table of fields; of the first `limit`, and the number of the others."""
    rows, before = [], ""
    for i, field in enumerate(inspection.fields[:limit]):
        part, name = text.split(field.name)
        if part and part != before:
            rows.append(f"<tr><th class='part' colspan='5'>{escape(part)}</th></tr>\n")
        before = part
        rows.append(_row(i, name, field, inspection, registry, colours[i]))
    if more := len(inspection.fields) - len(inspection.fields[:limit]):
        rows.append(f"<tr><td colspan='5'>… {more} more fields</td></tr>\n")
    head = "".join(f"<th class='n'>{name}</th>" for name in ("offset", "bits", "µbpp")) + "<th>field</th><th>value</th>"
    return f"<div class='wide'><table><tr>{head}</tr>\n{''.join(rows)}</table></div>\n"


def _row(i: int, name: str, field: Field, inspection: Inspection, registry: Registry, colour: str) -> str:
    pixels = (inspection.width or 0) * (inspection.height or 0)
    explanation = text.meaning(field, inspection, registry)
    return (
        f"<tr class='f{i}'><td class='n'>{field.offset}</td><td class='n'>{field.bits}</td>"
        f"<td class='n'>{f'{1e6 * field.bits / pixels:.1f}' if pixels else ''}</td>"
        f"<td><span class='key f{i} m {colour}'></span>{escape(name)}</td>"
        f"<td class='v'><code>{escape(one_line(text.value_text(field)))}</code>"
        + (f" <i>{escape(one_line(explanation))}</i>" if explanation else "")
        + "</td></tr>\n"
    )
