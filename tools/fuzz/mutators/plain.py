# SPDX-License-Identifier: MIT
"""Change bytes without regard for their structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from tools.fuzz.target import Mutate

EDGES: Final = (0, 1, 2, 127, 128, 254, 255)
NUMBERS: Final = tuple(
    value.to_bytes(size, order, signed=value < 0)
    for size in (2, 4, 8)
    for value in (-1, 0, 1, (1 << 8 * size - 1) - 1, -(1 << 8 * size - 1), 1 << 8 * size - 2)
    for order in ("little", "big")
)


def _flip(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    at = rng.randrange(len(data))
    data[at] = rng.choice((*EDGES, rng.randrange(256), data[at] + 1 & 255, data[at] - 1 & 255))


def _number(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    at, number = rng.randrange(len(data)), rng.choice(NUMBERS)
    data[at : at + len(number)] = number


def _cut_end(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    del data[rng.randrange(len(data)) :]


def _cut_middle(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randrange(1, 20)]


def _insert(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    at = rng.choice((rng.randrange(len(data) + 1), len(data)))
    data[at:at] = rng.choice((rng.randbytes(rng.randrange(1, 20)), b"\0", b"\xff" * 5))


def _duplicate(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    at, to = rng.randrange(len(data)), rng.randrange(len(data) + 1)
    data[to:to] = data[at : at + rng.randrange(1, 60)]


def _splice(rng: Random, data: bytearray, others: Sequence[bytes]) -> None:
    other = rng.choice(others) if others else b""
    data[rng.randrange(len(data)) :] = other[rng.randrange(len(other) + 1) :]


def _swap(rng: Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """Exchange two adjacent ranges."""
    a, b, c = sorted(rng.randrange(len(data) + 1) for _ in range(3))
    data[a:c] = data[b:c] + data[a:b]


CHANGES: Final[tuple[Callable[[Random, bytearray, Sequence[bytes]], None], ...]] = (
    _flip, _flip, _set, _set, _number, _cut_end, _cut_middle, _insert, _duplicate, _splice, _swap,
)  # fmt: skip


def mutate(rng: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Return the bytes with one to four random changes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if changed:
            rng.choice(CHANGES)(rng, changed, others)
        else:
            changed += rng.choice(others) if others else rng.randbytes(rng.randrange(20))
    return bytes(changed)


def inserting(words: Sequence[bytes]) -> Mutate:
    """Return `mutate`, which now and then also inserts one of these words or writes it over other bytes."""

    def change(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
        if rng.random() < 0.6:
            return mutate(rng, data, others)
        at, word = rng.randrange(len(data) + 1), rng.choice(words)
        return data[:at] + word + data[at + rng.choice((0, len(word))) :]

    return change
