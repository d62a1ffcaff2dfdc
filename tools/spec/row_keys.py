# SPDX-License-Identifier: MIT
"""Appendix E of SPEC.md: K (§7) of each row of the registry, for decoders that do without JSON."""

from __future__ import annotations

from refcodec.registry.rows import Registry, key


def row_keys() -> str:
    """Return the table of rows as Markdown: id, name, digest of the model and K, in ascending order of ids."""
    lines = ["| id | name | model | K |", "|---|---|---|---|"]
    for number, row in sorted(Registry.shipped().rows.items()):
        model = "base" if row.base else "null" if row.model is None else f"`{row.model}`"
        lines.append(f"| {number} | {row.name} | {model} | `{key(row).hex()}` |")
    return "\n".join(lines)
