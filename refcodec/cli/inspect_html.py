# SPDX-License-Identifier: MIT
"""The page of `semtool inspect --html`: every byte coloured by its field. One file, no scripts."""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from refcodec.cli.html_page import Rules, page
from refcodec.cli.inspect_text import facts, meaning, split, title, value_text
from refcodec.errors import one_line

if TYPE_CHECKING:
    from refcodec.cli.deep_check import DeepCheck
    from refcodec.inspection import Field, Inspection
    from refcodec.registry import Registry

_SHOWN = 4096  # bytes of one field that are shown
_LINKED = 200  # fields that are highlighted together with their bytes
_ROW = 16  # bytes a line
_PARTS = 7  # colours of sections, after that of the header
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
            _facts(inspection, deep),
            _bar(inspection, colours, rules),
            "<h2>Fields</h2>\n",
            _table(inspection, rows, colours),
            "<h2>Bytes</h2>\n",
            _bytes(data, inspection, colours, rules),
        ]
    )
    style = resources.files("refcodec.cli").joinpath("inspection.css").read_text("utf-8")
    return page(one_line(name), f"{style}{_STYLE}{_links(inspection)}{rules.css()}", body)


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


def _links(inspection: Inspection) -> str:
    """Return the rules that highlight a field and its bytes together."""
    rules = (f"body:has(.f{i}:hover) .f{i}.m" for i in range(min(len(inspection.fields), _LINKED)))
    return ",".join(rules) + "{outline:2px solid currentColor}" if inspection.fields else ""


def _facts(inspection: Inspection, deep: DeepCheck | None) -> str:
    items = (
        f"<dt>{escape(name)}</dt><dd{' class=bad' if name == 'error' else ''}>{escape(one_line(text))}</dd>"
        for name, text in facts(inspection, deep)
    )
    return f"<dl class='facts'>{''.join(items)}</dl>\n"


def _bar(inspection: Inspection, colours: list[str], rules: Rules) -> str:
    """Return the bar that shows each field's share of the file."""
    parts = (
        f"<span class='f{i} m {colours[i]} {rules.name(f'flex:{f.bits}')}' "
        f"title='{escape(f.name)}: {f.bits / (8 * inspection.file_bytes):.1%}'></span>"
        for i, f in enumerate(inspection.fields)
    )
    return f"<div class='bar'>{''.join(parts)}</div>\n" if inspection.fields else ""


def _table(inspection: Inspection, registry: Registry, colours: list[str]) -> str:
    """Return the table of fields."""
    rows, before = [], ""
    pixels = (inspection.width or 0) * (inspection.height or 0)
    for i, field in enumerate(inspection.fields):
        part, name = split(field.name)
        if part and part != before:
            rows.append(f"<tr><th class='part' colspan='5'>{escape(part)}</th></tr>\n")
        before = part
        explanation = meaning(field, inspection, registry)
        rows.append(
            f"<tr class='f{i}'><td class='n'>{field.offset}</td><td class='n'>{field.bits}</td>"
            f"<td class='n'>{f'{1e6 * field.bits / pixels:.1f}' if pixels else ''}</td>"
            f"<td><span class='key f{i} m {colours[i]}'></span>{escape(name)}</td>"
            f"<td class='v'><code>{escape(one_line(value_text(field)))}</code>"
            + (f" <i>{escape(one_line(explanation))}</i>" if explanation else "")
            + "</td></tr>\n"
        )
    head = "".join(f"<th class='n'>{name}</th>" for name in ("offset", "bits", "µbpp")) + "<th>field</th><th>value</th>"
    return f"<div class='wide'><table><tr>{head}</tr>\n{''.join(rows)}</table></div>\n"


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
