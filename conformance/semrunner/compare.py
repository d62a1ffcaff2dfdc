# SPDX-License-Identifier: MIT
"""Compare an answer with the expected one: exactly, except for pixels, which have a tolerance."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from typing import Any

from semrunner.answer import Answer
from semrunner.case import Case
from semrunner.manifest import WRITTEN

FILE_MEMBERS = ("width", "height", "profile", "model_hash", "check_bits", "complete")  # present in tier H
SECTION_MEMBERS = ("type", "kind", "offset", "bytes")  # present in tier H


def mismatches(case: Case, answer: Answer, tier: str) -> list[str]:
    """Return every way in which the answer differs from what the vector expects; empty for a correct answer."""
    if case.list in WRITTEN:
        return list(written_mismatches(case, answer))
    if case.expected is None:
        correct = (answer.verdict, answer.error, answer.status) == ("reject", case.error, case.status)
        return [] if correct else [f"expected {case.error}, status {case.status}; got {answer.summary()}"]
    if answer.verdict != "accept":
        return [f"expected to be accepted; got {answer.summary()}"]
    if not isinstance(answer.result, dict):
        return ["the answer is not a JSON object"]
    messages = list(differences(expected_members(case.expected, tier), answer.result, ""))
    if case.files and any(".sha256: " in message for message in messages):
        messages.append(f"compare with {' and '.join(case.files)}")
    return [*messages, *pixel_mismatches(case, answer.result)] if tier == "P" else messages


def written_mismatches(case: Case, answer: Answer) -> Iterator[str]:
    """Yield every way in which the answer of an encoder or editor is wrong."""
    if case.expected is None:
        if answer.verdict != "reject":
            yield f"expected to be refused; got {'a file' if answer.verdict == 'accept' else answer.summary()}"
    elif answer.verdict != "accept":
        yield f"expected to be written; got {answer.summary()}"
    elif "file" in case.expected:
        expected, actual = (bytes.fromhex(text["file"]) for text in (case.expected, answer.result))
        if actual != expected:
            same = next((i for i, (a, b) in enumerate(zip(expected, actual, strict=False)) if a != b), None)
            where = f"from byte {min(len(expected), len(actual)) if same is None else same} on"
            yield f"expected a file of {len(expected)} bytes; got one of {len(actual)}, which differs {where}"
    elif not isinstance(answer.result, dict):
        yield "the answer is not a JSON object"
    else:
        yield from differences(strings(case.expected), answer.result, "")


def expected_members(expected: dict[str, Any], tier: str) -> Any:
    """Return the members that a decoder of this tier must report, with numbers as strings."""
    if tier == "H":
        sections = [{name: section[name] for name in SECTION_MEMBERS} for section in expected["sections"]]
        return strings({name: expected[name] for name in FILE_MEMBERS} | {"sections": sections})
    return strings({name: value for name, value in expected.items() if name != "pixels"})


def strings(value: Any) -> Any:
    """Return a copy of a JSON value with every integer as a string of decimal digits."""
    if isinstance(value, dict):
        return {name: strings(member) for name, member in value.items()}
    if isinstance(value, list):
        return [strings(member) for member in value]
    return str(value) if type(value) is int else value


def differences(expected: Any, actual: Any, path: str) -> Iterator[str]:
    """Yield a message for each missing or different member.

    Objects may have additional members, and may omit `value` beside a `sha256` (PROTOCOL.md).
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name, member in expected.items():
            inner = f"{path}.{name}" if path else name
            if name in actual:
                yield from differences(member, actual[name], inner)
            elif name != "value" or "sha256" not in expected:
                yield f"{inner}: expected {abbreviate(member)}; got nothing"
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (left, right) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(left, right, f"{path}[{index}]")
    elif type(expected) is not type(actual) or expected != actual:
        yield f"{path}: expected {abbreviate(expected)}; got {abbreviate(actual)}"


def abbreviate(value: Any) -> str:
    """Return the value as JSON, cut to 150 characters if it is longer than 160."""
    text = json.dumps(value)
    return text if len(text) <= 160 else f"{text[:150]}… ({len(text)} characters)"


def pixel_distances(case: Case, result: dict[str, Any]) -> dict[str, float] | None:
    """Return `peak` and `rms` between the answer's picture and the reference; None if it has another shape."""
    assert case.expected is not None
    actual = result.get("pixels")
    shape = strings(case.expected["pixels"]["shape"])
    if not isinstance(actual, dict) or actual.get("shape") != shape or not isinstance(actual.get("data"), str):
        return None
    try:
        samples = base64.b64decode(actual["data"], validate=True)
    except ValueError:
        return None
    if len(samples) != len(case.reference):
        return None
    errors = [abs(left - right) for left, right in zip(case.reference, samples, strict=True)]
    return {"peak": float(max(errors)), "rms": math.sqrt(sum(d * d for d in errors) / len(errors))}


def pixel_mismatches(case: Case, result: dict[str, Any]) -> Iterator[str]:
    """Yield a message if there is no picture of the expected shape, and one for each tolerance that is exceeded."""
    distances = pixel_distances(case, result)
    assert case.expected is not None
    if distances is None:
        shape = case.expected["pixels"]["shape"]
        yield f"pixels: expected the samples of a picture of shape {shape}; got {abbreviate(result.get('pixels'))}"
        return
    for name, distance in distances.items():
        if distance > case.expected["pixels"][name]:
            yield f"pixels.{name}: expected at most {case.expected['pixels'][name]:g}; got {distance:g}"


def margins(case: Case, answer: Answer) -> dict[str, float]:
    """Return the share of each tolerance that a picture uses, 1 being all of it; tolerances of 0 are omitted."""
    if case.expected is None or "pixels" not in case.expected or not isinstance(answer.result, dict):
        return {}
    limits = case.expected["pixels"]
    distances = pixel_distances(case, answer.result) or {}
    return {name: distance / limits[name] for name, distance in distances.items() if limits[name] > 0}
