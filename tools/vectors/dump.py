# SPDX-License-Identifier: MIT
"""The annotated dump beside each vector: every byte with its offset, its field and what it says."""

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
from tools.vectors.vector import Fault, Vector

WIDTH: Final = 8  # bytes a line
CAP: Final = 8 * WIDTH  # bytes of one field that are shown
LINES: Final = 120  # of one dump
TEXTS: Final = ("key", "value")


def dump(vector: Vector) -> str:
    """The text of a `.txt`."""
    r = vector.recipe
    rows = list(table(vector))
    if len(rows) > LINES:
        rows[LINES:] = [f"        … {len(rows) - LINES} lines more"]
    lines = [f"{r.id}: {r.note}", "", *rows]
    if isinstance(r, Fault):
        error = SemError(r.error, "")
        lines += ["", f"rejected: {error.id} {error.name}; without its defect it is {r.base}"]
    return "\n".join(lines) + "\n"


def table(vector: Vector) -> Iterator[str]:
    """Offset, bytes, field. A byte of several fields is shown with the first of them."""
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
    shown = min(end, start + CAP)
    for at in range(start, shown, WIDTH):
        yield f"{at:6}  {data[at : min(at + WIDTH, shown)].hex(' ').upper():<23}"
    if shown < end:
        yield f"{shown:6}  … {end - shown} bytes more".ljust(31)


def _notes(vector: Vector, f: Field) -> list[str]:
    """What stands to the right: name and value, what it means, and for the body its symbols."""
    name = f.name.rpartition(".")[2]
    if name in ("body", "unparsed", "trailing"):
        return [f.name, *(f"  {line}" for line in _symbols(vector, f.offset) if name == "body")]
    bits = f" ({f.bits} bit{'s' * (f.bits > 1)})" if f.bits % 8 else ""
    if isinstance(f.value, int):
        meaning = _meaning(name, f.value, vector.environment)
        return [f"{f.name} = {f.value}{bits}{f': {meaning}' if meaning else ''}"]
    if name in TEXTS and f.value is not None:
        shown = f.value if len(f.value) <= CAP else f.value[:CAP] + "…"
        return [f"{f.name} = {json.dumps(shown)}"]
    return [f.name]


def _symbols(vector: Vector, offset: int) -> Iterator[str]:
    """The first symbols of the payload whose body begins there."""
    found = [s for s in (vector.expected or {}).get("sections", ()) if s["offset"] == offset]
    if not found or (value := vector.values.get(found[0]["type"])) is None:
        return
    section: dict[str, Any] = found[0]
    if isinstance(value, ElicLatents):
        yield f"rate = {value.rate}"
        yield _some("z", value.z.ravel().tolist())
        yield _some("ŷ", value.y.ravel().tolist())
        return
    shown = payload_writer.flat(section["type"] & spec.NUMBER, value)
    if isinstance(value, Caption):
        yield f"mode = {shown[0]}"
        shown = shown[1]
    if isinstance(shown, str):
        yield f"text = {json.dumps(shown[:CAP], ensure_ascii=False)}{'…' if len(shown) > CAP else ''}"
    else:
        yield _some({"vq": "indices", "caption": "tokens"}.get(section["kind"], "codes"), list(shown))


def _some(name: str, values: list[int]) -> str:
    count = f"{len(values)} value{'s' * (len(values) != 1)}"
    return f"{name} = {', '.join(map(str, values[:8]))}{', …' if len(values) > 8 else ''}  ({count})"


def _meaning(name: str, value: int, environment: Environment) -> str:
    """An integer in words, where it stands for something."""
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
    """test_vectors/example.txt, which SPEC §20 shows."""
    return "\n".join(table(vector)) + "\n"
