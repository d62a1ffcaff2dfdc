# SPDX-License-Identifier: MIT
"""Describe what is fuzzed: a function of bytes, inputs to start from, and how to change them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from refcodec.errors import CODES, SemError

ROOT: Final = Path(__file__).resolve().parents[2]
VECTORS: Final = ROOT / "test_vectors"
MODELS: Final = VECTORS / "models"

Mutate = Callable[[Random, bytes, Sequence[bytes]], bytes]  # (random, input, other inputs) -> another input


@dataclass(frozen=True)
class Target:
    """One entry point of the library.

    `run` returns a label of the outcome, such as an error id, and raises any exception for a finding. `mutate` keeps the
    structure of inputs, so that changes are not refused at the first check. `repair` corrects lengths and checks of
    bytes that were changed without regard for the structure.
    """

    name: str
    seeds: Callable[[], list[bytes]]
    run: Callable[[bytes], str]
    mutate: Mutate
    repair: Callable[[Random, bytes], bytes] = field(default=lambda _rng, data: data)
    suffix: str = ".bin"
    dictionary: tuple[bytes, ...] = ()
    max_bytes: int = 4096  # of an input
    cpu_seconds: float = 10.0  # limit of one execution
    memory: int = 1 << 30  # bytes above the use at the start
    close: Callable[[], None] = field(default=lambda: None)


def refusal(error: SemError, size: int | None = None) -> str:
    """Return the id of an error; AssertionError if it is not as SPEC §17 requires. `size`: bytes of the input, if it is a file."""
    if error.code not in CODES or len(str(error).splitlines()) != 1:
        raise AssertionError(f"an error has a known code and one line, not {str(error)!r}") from error
    if size is not None and error.offset is not None and not 0 <= error.offset <= size:
        raise AssertionError(f"an error at byte {error.offset} of {size}") from error
    return error.id


def require(holds: bool, what: str) -> None:
    """Raise AssertionError, the finding `what`, unless a condition holds (also under python -O)."""
    if not holds:
        raise AssertionError(what)
