# SPDX-License-Identifier: MIT
"""inspect: any bytes are covered by fields without a gap, with the error of `read`, as text, JSON and page."""

from __future__ import annotations

import json

from refcodec.cli.inspect_ import _lines as text_lines
from refcodec.cli.inspect_html import render
from refcodec.container import read
from refcodec.errors import SemError
from refcodec.inspection import Inspection, inspect
from tools.fuzz.mutators import sem_file
from tools.fuzz.target import Target, refusal, require

PAGE = b"<script", b"<img", b"javascript:"


def run(data: bytes) -> str:
    """Inspect a file in every form."""
    environment = sem_file.environment()
    inspection, bit = inspect(data, environment=environment), 0
    for part in inspection.fields:
        require(part.offset == bit // 8 and part.bits >= 1, f"field {part.name} starts where the previous one ends")
        bit += part.bits
    require(bit == 8 * len(data), f"{8 * len(data) - bit} bits belong to no field")
    code = None
    try:
        read(data, environment=environment)
    except SemError as error:
        code = error.code
    reported = [error.code for error in inspection.errors if error.family not in ("check", "model")]
    require((reported[0] if reported else None) == code, f"inspect reports {reported}, read {code}")
    json.dumps(inspection.to_dict())
    if len(data) % 2:
        _show_text(data, inspection)
    else:
        _show_page(data, inspection)
    return refusal(inspection.errors[0], len(data)) if inspection.errors else "accepted"


def _show_text(data: bytes, inspection: Inspection) -> None:
    environment = sem_file.environment()
    lines = "\n".join(text_lines("f.sem", data, inspection, environment.registry, True))
    require(all(letter.isprintable() or letter == "\n" for letter in lines), "the text has control characters")


def _show_page(data: bytes, inspection: Inspection) -> None:
    environment = sem_file.environment()
    page = render("f.sem", data, inspection, environment.registry).encode("utf-8", "backslashreplace").lower()
    require(not any(word in page for word in PAGE[:2]), "the page holds an element that the file made")


TARGET = Target(
    "inspect",
    sem_file.vectors,
    run,
    sem_file.mutate,
    sem_file.repair,
    ".sem",
    (*sem_file.MAGICS, *PAGE),
    max_bytes=1024,
)
