# SPDX-License-Identifier: MIT
"""Code which of several pictures a caption stands for, in rows that have `candidates` (SPEC §13.2).

An encoder generates N pictures from the same symbols and sends the number of the best one. It follows the symbol of the
mode as uniform(N), or the first byte of a body of mode raw as one byte; S begins with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from refcodec import entropy
from refcodec.errors import Code, SemError
from refcodec.payloads import checked
from refcodec.payloads.base import is_integer

MODES: Final = ("static", "tokens", "raw")  # those that a row with candidates may have
LARGEST_COUNT: Final = 256


def well_formed(parameters: Mapping[str, Any]) -> bool:
    """Return whether the member `candidates` of the parameters of a row is absent, or valid beside its modes."""
    if "candidates" not in parameters:
        return True
    return is_integer(parameters["candidates"], 2, LARGEST_COUNT) and set(parameters["modes"]) <= set(MODES)


def code_number(coder: entropy.Coder, parameters: Mapping[str, Any], number: int | None = None) -> int | None:
    """Read the number of the candidate, or write `number`; return None for a row without candidates."""
    count = parameters.get("candidates")
    return None if count is None else coder.symbol(entropy.uniform(count), number)


def split_raw(body: bytes, parameters: Mapping[str, Any]) -> tuple[int | None, bytes]:
    """Return the number of the candidate and the octets of a body of mode raw.

    Raise STREAM_INVALID (SEM-E-401) for a body without the number (SEM-R-185), VALUE_RANGE (SEM-E-403) for a number that
    the row does not have (SEM-R-186).
    """
    count = parameters.get("candidates")
    if count is None:
        return None, body[1:]
    if len(body) < 2:
        raise SemError(Code.STREAM_INVALID, "the body ends before the number of the candidate", offset=1)
    if body[1] >= count:
        what = f"the number of the candidate is {body[1]}, and the profile has {count} candidates"
        raise SemError(Code.VALUE_RANGE, what, offset=1, path="candidate")
    return body[1], body[2:]


def number_to_write(number: int | None, parameters: Mapping[str, Any]) -> int | None:
    """Return the number that a body holds: 0 in place of None, but None for a row without candidates.

    Raises ValueError for a number that the row does not have.
    """
    count = parameters.get("candidates")
    if count is not None:
        return checked((0 if number is None else number,), count, "numbers of candidates")[0]
    if number is not None:
        raise ValueError("the profile has no candidates")
    return None


def as_byte(number: int | None) -> bytes:
    """Return the number as S and bodies of mode raw contain it: one byte, or none without candidates."""
    return b"" if number is None else bytes([number])
