# SPDX-License-Identifier: MIT
"""Whether answers agree, as far as SPEC.md leaves nothing free, and how small a file can be over which they do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from semrunner.answer import Answer
from semrunner.compare import CONTAINER, OF_SECTION

DEEP = ("check", "sha256", "shape", "rate", "mode")  # members of a section beyond tier H
ZSTD = b"\xfa"  # first byte of a caption of that mode


def told(answer: Answer, tier: str) -> Any:
    """What an answer says, in the members that every decoder has; `value` apart, since it may be left out."""
    if answer.verdict != "accept":
        return answer.shown()
    found = answer.result
    if not isinstance(found, dict) or not isinstance(found.get("sections"), list):
        return f"no answer: {json.dumps(found)[:200]}"
    deep = tier != "H"
    members = (*OF_SECTION, *DEEP) if deep else OF_SECTION
    sections = [
        {name: part.get(name) for name in members} if isinstance(part, dict) else part for part in found["sections"]
    ]
    whole = {name: found.get(name) for name in (*CONTAINER, "check") if deep or name != "check"}
    return whole | {"sections": sections}


def loose_frame(file: bytes) -> bool:
    """Whether a frame of zstd can stand in a file that has what SPEC §13.2 leaves free: a compressed block, or one larger
    than the window."""
    at = -1
    while (at := file.find(ZSTD, at + 1)) >= 0:
        head = file[at + 1 :].ljust(16, b"\0")
        single, width = head[0] >> 5 & 1, (head[0] >> 5 & 1, 2, 4, 8)[head[0] >> 6]
        begin = 2 - single + (0, 1, 2, 4)[head[0] & 3]
        size = int.from_bytes(head[begin : begin + width], "little") + 256 * (width == 2)
        window = size if single else (1 << 10 + (head[1] >> 3)) // 8 * (8 + (head[1] & 7))
        place, last = at + 1 + begin + width, 0
        while not last and place + 3 <= len(file):
            block = int.from_bytes(file[place : place + 3], "little")
            last, kind, length = block & 1, block >> 1 & 3, block >> 3
            if kind == 2 or length > window:
                return True
            place += 3 + (1 if kind == 1 else length)
    return False


def values(answer: Answer) -> list[Any]:
    parts = answer.result.get("sections", []) if answer.verdict == "accept" and isinstance(answer.result, dict) else []
    return [
        part.get("value") if part.get("type", "").isdigit() and int(part["type"]) >= 0x80 else None for part in parts
    ]


def agree(answers: Sequence[Answer], tier: str, file: bytes, left_out: Sequence[Sequence[str]]) -> str:
    """`yes`, `no`, or `free` where they differ in what SPEC.md leaves to them. `left_out`: what each does not read."""
    if any(answer.verdict == "broken" for answer in answers):
        return "no"
    counted = [
        answer
        for answer, kinds in zip(answers, left_out, strict=True)
        if not (answer.leaves_out and kinds and (ZSTD in file or set(kinds) != {"zstd"}))
    ]
    said = [told(answer, tier) for answer in counted]
    if all(one == said[0] for one in said):
        shown = [list(map(json.dumps, values(answer))) for answer in counted if tier != "H"]
        same = all(len({*column} - {"null"}) <= 1 for column in zip(*shown, strict=True))
        return "yes" if same else "no"
    codes = {answer.error or answer.verdict for answer in counted}
    if all(code.startswith("SEM-E-8") or code == "SEM-E-705" for code in codes):
        return "free"  # SPEC §17: of a model with several faults any
    if loose_frame(file) and "SEM-E-401" in codes:
        return "free"  # SPEC §13.2: some frames may be taken or rejected; what is taken meets the faults behind it
    return "no"


def brief(answers: Sequence[Answer], tier: str) -> tuple[str, ...]:
    """The answers in a word each, for telling one difference from another: those that accept by what they say."""
    known: list[Any] = []
    out = []
    for answer in answers:
        if answer.verdict != "accept":
            out.append(answer.error or answer.verdict)
            continue
        said = (told(answer, tier), values(answer))
        if said not in known:
            known.append(said)
        out.append(f"accept{'' if len(known) == 1 else f' ({known.index(said) + 1})'}")
    return tuple(out)


def shrunk(data: bytes, same: Callable[[bytes], bool], tries: int = 300) -> bytes:
    """A shorter file of which `same` holds: runs of bytes are left out, the long ones first, then bytes become 0."""
    size = max(len(data) // 2, 1)
    while size and tries > 0:
        at, found = 0, False
        while at < len(data) and tries > 0:
            less = data[:at] + data[at + size :]
            tries -= 1
            if same(less):
                data, found = less, True
            else:
                at += size
        if size == 1 and not found:
            break
        size = size if found and size == 1 else size // 2
    for at in range(len(data)):
        if data[at] and tries > 0:
            tries -= 1
            less = data[:at] + b"\0" + data[at + 1 :]
            data = less if same(less) else data
    return data
