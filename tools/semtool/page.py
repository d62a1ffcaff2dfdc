# SPDX-License-Identifier: MIT
"""The page of `semtool inspect --html`: every byte coloured by the field that owns it; one file, no scripts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refcodec.inspection import Inspection

_SHOWN = 4096  # bytes of a field
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.1rem .8rem;border-bottom:1px solid #ddd}
code,pre{font:13px/1.6 ui-monospace,monospace}pre{white-space:pre-wrap;word-break:break-all}
.e{color:#a00}"""


def _hue(i: int) -> int:
    return (i * 137) % 360  # the golden angle keeps neighbours apart


def render(name: str, data: bytes, found: Inspection) -> str:
    """A whole HTML document."""
    rows, spans, covered = [], [], 0
    for i, f in enumerate(found.fields):
        colour = f"background:hsl({_hue(i)} 70% 88%)"
        rows.append(
            f"<tr style='{colour}'><td>{f.offset}</td><td>{f.bits}</td><td>{escape(f.name)}</td>"
            f"<td><code>{escape(str(f.value))}</code></td></tr>"
        )
        end = f.offset + (f.bits + 7) // 8
        part = data[max(covered, f.offset) : end]
        covered = max(covered, end)
        if part:
            more = f" … {len(part) - _SHOWN} more bytes " if len(part) > _SHOWN else ""
            spans.append(f"<span style='{colour}' title='{escape(f.name)}'>{part[:_SHOWN].hex(' ')}{more}</span>")
    errors = "".join(f"<p class='e'>{escape(str(e))}</p>" for e in found.errors)
    facts = {
        "file": f"{found.file_bytes} bytes, {found.overhead_bytes} overhead",
        "picture": f"{found.width} × {found.height}" if found.width else "unknown",
        "rate": "unknown" if found.bpp is None else f"{found.bpp:.4f} bpp ({found.ubpp:.0f} µbpp)",
        "method": str(found.method), "check": found.check.state, "model": f"{found.model.name} {found.model.digest}",
    }  # fmt: skip
    head = "".join(f"<tr><th>{k}</th><td>{escape(v)}</td></tr>" for k, v in facts.items())
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(name)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(name)}</h1>{errors}<table>{head}</table><h2>Fields</h2><table><tr><th>offset</th><th>bits</th>"
        f"<th>field</th><th>value</th></tr>{''.join(rows)}</table><h2>Bytes</h2><pre>{' '.join(spans)}</pre></html>\n"
    )
