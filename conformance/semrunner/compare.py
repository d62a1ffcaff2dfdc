# SPDX-License-Identifier: MIT
"""An answer beside what is expected: exactly, but for pixels, which have a tolerance."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from typing import Any

from semrunner.answer import Answer
from semrunner.suite import Case

CONTAINER = ("width", "height", "profile", "model_hash", "check_bits", "complete")  # members that tier H has
OF_SECTION = ("type", "kind", "offset", "bytes")


def faults(case: Case, answer: Answer, tier: str) -> list[str]:
    """What is wrong with the answer; nothing where it is right."""
    if case.expected is None:
        right = (answer.verdict, answer.error, answer.status) == ("reject", case.error, case.status)
        return [] if right else [f"expected {case.error}, status {case.status}; came {answer.shown()}"]
    if answer.verdict != "accept":
        return [f"expected to be accepted; came {answer.shown()}"]
    if not isinstance(answer.result, dict):
        return ["the answer is not a JSON object"]
    found = list(differences(wanted(case.expected, tier), answer.result, ""))
    return [*found, *pixel_faults(case, answer.result)] if tier == "P" else found


def wanted(expected: dict[str, Any], tier: str) -> Any:
    """The members that a decoder of this tier gives, numbers as strings."""
    if tier == "H":
        sections = [{name: section[name] for name in OF_SECTION} for section in expected["sections"]]
        return strings({name: expected[name] for name in CONTAINER} | {"sections": sections})
    return strings({name: value for name, value in expected.items() if name != "pixels"})


def strings(value: Any) -> Any:
    """The same with every number as decimal digits."""
    if isinstance(value, dict):
        return {name: strings(member) for name, member in value.items()}
    if isinstance(value, list):
        return [strings(member) for member in value]
    return str(value) if type(value) is int else value


def differences(want: Any, got: Any, path: str) -> Iterator[str]:
    """Where the answer lacks or misses something. Objects may have more members, and leave out a `value` (PROTOCOL)."""
    if isinstance(want, dict) and isinstance(got, dict):
        for name, member in want.items():
            where = f"{path}.{name}" if path else name
            if name in got:
                yield from differences(member, got[name], where)
            elif name != "value" or "sha256" not in want:
                yield f"{where}: expected {brief(member)}; came nothing"
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for index, (one, other) in enumerate(zip(want, got, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif type(want) is not type(got) or want != got:
        yield f"{path}: expected {brief(want)}; came {brief(got)}"


def brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 160 else f"{text[:150]}… ({len(text)} characters)"


def distances(case: Case, result: dict[str, Any]) -> dict[str, float] | None:
    """`peak` and `rms` of the picture against the vector's; None where it is none of its shape."""
    assert case.expected is not None
    got = result.get("pixels")
    shape = strings(case.expected["pixels"]["shape"])
    if not isinstance(got, dict) or got.get("shape") != shape or not isinstance(got.get("data"), str):
        return None
    try:
        samples = base64.b64decode(got["data"], validate=True)
    except ValueError:
        return None
    if len(samples) != len(case.reference):
        return None
    off = [abs(ours - theirs) for ours, theirs in zip(case.reference, samples, strict=True)]
    return {"peak": float(max(off)), "rms": math.sqrt(sum(d * d for d in off) / len(off))}


def pixel_faults(case: Case, result: dict[str, Any]) -> Iterator[str]:
    found = distances(case, result)
    assert case.expected is not None
    if found is None:
        shape = case.expected["pixels"]["shape"]
        yield f"pixels: expected the samples of a picture of shape {shape}; came {brief(result.get('pixels'))}"
        return
    for name, distance in found.items():
        if distance > case.expected["pixels"][name]:
            yield f"pixels.{name}: expected at most {case.expected['pixels'][name]:g}; came {distance:g}"


def margins(case: Case, answer: Answer) -> dict[str, float]:
    """How much of each tolerance a picture uses up: 1 is all of it. Exact limits have no share."""
    if case.expected is None or "pixels" not in case.expected or not isinstance(answer.result, dict):
        return {}
    limits = case.expected["pixels"]
    found = distances(case, answer.result) or {}
    return {name: distance / limits[name] for name, distance in found.items() if limits[name] > 0}
