# SPDX-License-Identifier: MIT
"""SPEC §2: canonical JSON (RFC 8785) for the values of this format: integers, ASCII strings, lists, objects.

As there are no other numbers and characters, it suffices to sort member names and to leave out white space.
"""

from __future__ import annotations

import json
from typing import Any, Final

INTEGER_END: Final = 1 << 53  # binary64 holds every integer below this one
DIGITS_MAX: Final = 4300  # of an integer; reading a longer one takes a time that grows with the square of its length
VALUES_MAX: Final = 1 << 18  # of a text, far more than the largest manifest has; each takes up to 250 bytes of memory


def canonical_json(value: object) -> bytes:
    """Return the canonical serialisation of `value`.

    Raises ValueError for floats, strings that are not ASCII, integers of 2^53 or more, and too deep nesting.
    """
    try:
        _require(value)
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("ascii")
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def ascii_name(name: str) -> str:
    """Return a name in ASCII: escapes stay unique, since backslashes are doubled before others are added."""
    return name.replace("\\", "\\\\").encode("ascii", "backslashreplace").decode()


def parse_json(data: bytes) -> Any:
    """Return the value of a JSON text in UTF-8, in a time and memory that grow with its length.

    Raises ValueError for invalid JSON, a repeated member name, too deep nesting, an integer of more than `DIGITS_MAX`
    digits, or more than `VALUES_MAX` commas and opening brackets, of which every value but the first needs one.
    """
    if data.count(b",") + data.count(b"[") + data.count(b"{") > VALUES_MAX:
        raise ValueError(f"JSON of more than {VALUES_MAX} values")
    text = data.decode("utf-8")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def _require(value: object) -> None:
    """Raise ValueError for a value that canonical JSON of this format cannot hold."""
    if isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str):
                raise ValueError(f"{name!r} cannot name a member of canonical JSON")
            _require(name)
            _require(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _require(member)
    elif isinstance(value, str):
        if not value.isascii():
            raise ValueError(f"{value!r} is not ASCII, as canonical JSON must be")
    elif isinstance(value, int):
        if not -INTEGER_END < value < INTEGER_END:
            raise ValueError(f"{value} is too large for canonical JSON")
    elif value is not None:
        raise ValueError(f"{type(value).__name__} has no place in canonical JSON")


def _integer(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a JSON object names a member twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
