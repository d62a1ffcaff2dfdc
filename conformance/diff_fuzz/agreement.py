# SPDX-License-Identifier: MIT
"""Compare the answers of several decoders, allow the freedoms of SPEC Appendix C, and shrink files on which they differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

from semrunner.answer import Answer
from semrunner.compare import FILE_MEMBERS, SECTION_MEMBERS

DEEP_MEMBERS = ("check", "sha256", "shape", "rate", "mode")  # members of a section above tier H
FOREIGN = {"zlib": b"\xf9", "zstd": b"\xfa"}  # first byte of a caption in each foreign mode

NOT_STARTED = "when started with the registry of this vector"  # of answers; it is how a decoder may refuse a registry

Agreement = Literal["agree", "differ", "unspecified"]


def comparable(answer: Answer, tier: str) -> Any:
    """Return the part of an answer that all decoders must report; without `value`, which is optional."""
    if answer.verdict != "accept":
        return answer.summary()
    result = answer.result
    if not isinstance(result, dict) or not isinstance(result.get("sections"), list):
        return f"malformed answer: {json.dumps(result)[:200]}"
    deep = tier != "H"
    members = (*SECTION_MEMBERS, *DEEP_MEMBERS) if deep else SECTION_MEMBERS
    sections = [
        {name: part.get(name) for name in members} if isinstance(part, dict) else part for part in result["sections"]
    ]
    file = {name: result.get(name) for name in (*FILE_MEMBERS, "check") if deep or name != "check"}
    return file | {"sections": sections}


def may_have_unspecified_frame(file: bytes) -> bool:
    """Whether the file may contain a zstd frame that decoders may accept or reject (SEM-R-168; Appendix C, line 4).

    That is a frame with a compressed block, or with a block larger than the window.
    """
    at = -1
    while (at := file.find(FOREIGN["zstd"], at + 1)) >= 0:
        head = file[at + 1 :].ljust(16, b"\0")
        single, width = head[0] >> 5 & 1, (head[0] >> 5 & 1, 2, 4, 8)[head[0] >> 6]
        begin = 2 - single + (0, 1, 2, 4)[head[0] & 3]
        size = int.from_bytes(head[begin : begin + width], "little") + 256 * (width == 2)
        window = size if single else (1 << 10 + (head[1] >> 3)) // 8 * (8 + (head[1] & 7))
        offset, last = at + 1 + begin + width, 0
        while not last and offset + 3 <= len(file):
            block = int.from_bytes(file[offset : offset + 3], "little")
            last, kind, length = block & 1, block >> 1 & 3, block >> 3
            if kind == 2 or length > window:
                return True
            offset += 3 + (1 if kind == 1 else length)
    return False


def may_leave_out(file: bytes, kinds: Sequence[str]) -> bool:
    """Whether the file may contain one of `kinds`, the payload kinds and foreign modes that a decoder leaves out."""
    return any(FOREIGN.get(kind, b"") in file for kind in kinds)


def refused_registry(answer: Answer) -> Answer:
    """Return SEM-E-702 for a decoder that did not start with the registry of the case; other answers as they are."""
    if answer.verdict == "broken" and answer.why.startswith(NOT_STARTED):
        return Answer("reject", error="SEM-E-702", status=4)
    return answer


def values(answer: Answer) -> list[Any]:
    """Return the `value` of each section, None for ancillary sections and where it is omitted."""
    parts = answer.result.get("sections", []) if answer.verdict == "accept" and isinstance(answer.result, dict) else []
    return [
        part.get("value") if part.get("type", "").isdigit() and int(part["type"]) >= 0x80 else None for part in parts
    ]


def verdict(
    answers: Sequence[Answer],
    tier: str,
    file: bytes,
    left_out: Sequence[Sequence[str]],
    *,
    strict: bool = False,
    refusable: bool = False,
) -> Agreement:
    """Return whether the answers agree.

    left_out: for each decoder, the kinds and modes that it never reads, which count as agreement (Appendix C, line 2 and
        Appendix C, line 3).
    strict: whether the file has no zstd frame that SEM-R-168 leaves to decoders.
    refusable: whether the registry may have an error in another row, for which a decoder may refuse it
        (Appendix C, line 8).
    """
    answers = [refused_registry(answer) for answer in answers]
    if any(answer.verdict == "broken" for answer in answers):
        return "differ"
    counted = [
        answer
        for answer, kinds in zip(answers, left_out, strict=True)
        if not (answer.leaves_out and may_leave_out(file, kinds))
    ]
    results = [comparable(answer, tier) for answer in counted]
    if all(result == results[0] for result in results):
        texts = [list(map(json.dumps, values(answer))) for answer in counted if tier != "H"]
        same = all(len({*column} - {"null"}) <= 1 for column in zip(*texts, strict=True))
        return "agree" if same else "differ"
    codes = {answer.error or answer.verdict for answer in counted}
    if all(code.startswith("SEM-E-8") or code in ("SEM-E-705", "SEM-E-607") for code in codes):
        return "unspecified"  # Appendix C, line 5: any of several errors of a model may be reported
    if refusable and "SEM-E-702" in codes:
        return "unspecified"  # Appendix C, line 8
    if not strict and may_have_unspecified_frame(file) and "SEM-E-401" in codes:
        return "unspecified"  # Appendix C, line 4: a decoder that accepts the frame goes on to report later errors
    return "differ"


def summarize(answers: Sequence[Answer], tier: str) -> tuple[str, ...]:
    """Return each answer in a word, the key by which differences are grouped; different results are numbered."""
    known: list[Any] = []
    words = []
    for answer in answers:
        if answer.verdict != "accept":
            words.append(answer.error or answer.verdict)
            continue
        result = (comparable(answer, tier), values(answer))
        if result not in known:
            known.append(result)
        words.append(f"accept{'' if len(known) == 1 else f' ({known.index(result) + 1})'}")
    return tuple(words)


def shrink(data: bytes, same: Callable[[bytes], bool], tries: int = 300) -> bytes:
    """Return a shorter file for which `same` holds: drop runs of bytes, long ones first, then set bytes to 0."""
    size = max(len(data) // 2, 1)
    while size and tries > 0:
        at, changed = 0, False
        while at < len(data) and tries > 0:
            candidate = data[:at] + data[at + size :]
            tries -= 1
            if same(candidate):
                data, changed = candidate, True
            else:
                at += size
        if size == 1 and not changed:
            break
        size = size if changed and size == 1 else size // 2
    for at in range(len(data)):
        if data[at] and tries > 0:
            tries -= 1
            candidate = data[:at] + b"\0" + data[at + 1 :]
            data = candidate if same(candidate) else data
    return data
