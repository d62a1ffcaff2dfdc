# SPDX-License-Identifier: MIT
"""Write the annotated dump beside each vector: every byte with its offset, field and meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from refcodec import registry, spec
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.inspection import Field, inspect
from refcodec.payloads.caption.modes import Caption
from refcodec.payloads.latents import ElicLatents
from refcodec.registry import dim_classes
from tools.vectors import payload_writer
from tools.vectors.case import InvalidCase
from tools.vectors.vector import Vector

WIDTH: Final = 8  # bytes a line
FIELD_BYTES: Final = 8 * WIDTH  # of one field; longer ones are cut
LINES: Final = 120  # of one dump; longer ones are cut
TEXTS: Final = ("key", "value")


def dump(vector: Vector) -> str:
    """Return the text of a `.txt`."""
    case = vector.case
    rows = list(table(vector))
    if len(rows) > LINES:
        rows[LINES:] = [f"        … {len(rows) - LINES} lines more"]
    lines = [f"{case.id}: {case.note}", "", *rows]
    if isinstance(case, InvalidCase):
        error = SemError(case.error, "")
        lines += ["", f"rejected: {error.id} {error.name}; without its defect it is {case.base}"]
    return "\n".join(lines) + "\n"


def table(vector: Vector) -> Iterator[str]:
    """Yield lines of offset, bytes and field; a byte of several fields is in the line of the first one."""
    yield "offset  bytes                    field"
    end = 0
    for f in inspect(vector.data, environment=vector.environment).fields:
        start = max(end, f.offset)  # fields within one byte follow one another
        end = f.offset + -(-f.bits // 8)
        rows = list(_rows(vector.data, start, end)) or [" " * 31]
        notes = _notes(vector, f)
        for i in range(max(len(rows), len(notes))):
            left = rows[i] if i < len(rows) else " " * 31
            yield f"{left}  {notes[i] if i < len(notes) else ''}".rstrip()


def _rows(data: bytes, start: int, end: int) -> Iterator[str]:
    shown = min(end, start + FIELD_BYTES)
    for at in range(start, shown, WIDTH):
        yield f"{at:6}  {data[at : min(at + WIDTH, shown)].hex(' ').upper():<23}"
    if shown < end:
        yield f"{shown:6}  … {end - shown} bytes more".ljust(31)


def _notes(vector: Vector, f: Field) -> list[str]:
    """Return the lines of the column `field`: name and value, the meaning, and for a body its symbols."""
    name = f.name.rpartition(".")[2]
    if name in ("body", "unparsed", "trailing"):
        return [f.name, *(f"  {line}" for line in _symbols(vector, f.offset) if name == "body")]
    bits = f" ({f.bits} bit{'s' * (f.bits > 1)})" if f.bits % 8 else ""
    if isinstance(f.value, int):
        meaning = _meaning(name, f.value, vector.environment)
        return [f"{f.name} = {f.value}{bits}{f': {meaning}' if meaning else ''}"]
    if name in TEXTS and f.value is not None:
        text = f.value if len(f.value) <= FIELD_BYTES else f.value[:FIELD_BYTES] + "…"
        return [f"{f.name} = {json.dumps(text)}"]
    return [f.name]


def _symbols(vector: Vector, offset: int) -> Iterator[str]:
    """Yield lines with the first symbols of the payload whose body is at `offset`."""
    sections = [s for s in (vector.expected or {}).get("sections", ()) if s["offset"] == offset]
    if not sections or (value := vector.values.get(sections[0]["type"])) is None:
        return
    section: dict[str, Any] = sections[0]
    if isinstance(value, ElicLatents):
        yield f"rate = {value.rate}"
        yield _first_values("z", value.z.ravel().tolist())
        yield _first_values("ŷ", value.y.ravel().tolist())
        return
    symbols = payload_writer.flat(section["type"] & spec.NUMBER, value)
    if isinstance(value, Caption):
        yield f"mode = {symbols[0]}"
        if value.candidate is not None:
            yield f"candidate = {value.candidate}"
        symbols = symbols[1]
    if isinstance(symbols, str):
        text = json.dumps(symbols[:FIELD_BYTES], ensure_ascii=False)
        yield f"text = {text}{'…' if len(symbols) > FIELD_BYTES else ''}"
    else:
        yield _first_values({"vq": "indices", "caption": "tokens"}.get(section["kind"], "codes"), list(symbols))


def _first_values(name: str, values: list[int]) -> str:
    count = f"{len(values)} value{'s' * (len(values) != 1)}"
    return f"{name} = {', '.join(map(str, values[:8]))}{', …' if len(values) > 8 else ''}  ({count})"


def _meaning(name: str, value: int, environment: Environment) -> str:
    """Return the meaning of an integer, or "" if it is a plain number."""
    if name == "check_code" and value in spec.CHECK_BITS:
        return f"{spec.CHECK_BITS[value]} bits" if value else "no check"
    if name in ("profile", "base_profile"):
        row = environment.registry.rows.get(value)
        special = {spec.PROFILE_EXTENDED: "extended", spec.PROFILE_EXPLICIT: "explicit model"}
        return special.get(value, row.name if row else "")
    if name == "hash_code" and value in spec.HASH_BYTES:
        return f"{spec.HASH_BYTES[value]} bytes"
    if name == "dim_class" and value in dim_classes.sizes():
        return "{} × {}".format(*registry.dim_size(value))
    if name == "dim_class" and value == spec.DIM_EXPLICIT:
        return "both sides follow"
    if name in ("width_minus_1", "height_minus_1", "count_minus_1"):
        return f"{name.partition('_')[0]} {value + 1}"
    if name == "sectioned":
        return "sectioned form" if value else "compact form"
    return ""


def example(vector: Vector) -> str:
    """Return test_vectors/example.txt, which SPEC §20 contains."""
    return "\n".join(table(vector)) + "\n"
