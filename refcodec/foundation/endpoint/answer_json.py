# SPDX-License-Identifier: MIT
"""Parse the JSON of an untrusted answer in bounded memory."""

from __future__ import annotations

import json
import math
from typing import Any, Final

VALUES_MAX: Final = 1 << 16  # values of a document; each takes up to 100 bytes of memory
DIGITS_MAX: Final = 64  # of a number


class NotJson(Exception):
    """An answer is not an accepted JSON document; `args[0]` completes "answers with …"."""


def parse_answer(data: bytes) -> Any:
    """Return the JSON document of UTF-8 bytes.

    Raises `NotJson` for any other bytes, for a document that repeats a name, has an infinite number, NaN or one of more
    than 64 characters, or consists of more than 65,536 values.
    """
    # also counts marks inside texts, which are shorter than this bound
    if sum(data.count(mark) for mark in b"[{,:") > 2 * VALUES_MAX:
        raise NotJson("too many values")
    try:
        return json.loads(
            data.decode(), object_pairs_hook=_object, parse_constant=_refuse, parse_int=_int, parse_float=_float
        )
    except (ValueError, RecursionError):
        raise NotJson("something that is not JSON") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotJson("JSON that repeats a name")
    return members


def _refuse(_: str) -> Any:
    raise NotJson("a number that is not finite")


def _int(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise NotJson("a number of too many digits")
    return int(text)


def _float(text: str) -> float:
    if len(text) > DIGITS_MAX:
        raise NotJson("a number of too many digits")
    value = float(text)
    if not math.isfinite(value):
        raise NotJson("a number that is not finite")
    return value
