# SPDX-License-Identifier: MIT
"""SPEC §2 and §8: canonical JSON of the example, and a body's canonical form by the decoder's state alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from refcodec.canonical_json import canonical_json, parse_json
from refcodec.entropy.arithmetic import tail

SPEC = (Path(__file__).resolve().parents[2] / "SPEC.md").read_text(encoding="utf-8")
RANGE, FULL, BOTTOM = 2**32 - 1, 2**32, 2**24

Symbol = tuple[int, int, int]  # c, f, T


@dataclass(frozen=True)
class State:
    """The decoder's state after the last symbol of a body, and how many bytes it has read, missing ones included."""

    code: int
    range: int
    read: int


def encode(symbols: list[Symbol]) -> bytes:
    """The encoder of §9, with one number for all bytes and `low`."""
    low, size, written = 0, RANGE, 0
    for c, f, total in symbols:
        a, b = size * c // total, size * (c + f) // total
        low, size = low + a, b - a
        while size < BOTTOM:
            low, size, written = low << 8, size << 8, written + 1
    return tail(low % FULL, size, (low // FULL).to_bytes(written, "big"))


def decode(body: bytes, totals: list[list[int]]) -> tuple[list[Symbol], State] | None:
    """The decoder of §9 with a table of sums for each symbol; None for a body that SEM-R-080 refuses."""
    code, size, read = int.from_bytes(body[:4].ljust(4, b"\0"), "big"), RANGE, 4
    if code >= size:
        return None
    symbols = []
    for sums in totals:
        total = sums[-1]
        q = ((code + 1) * total - 1) // size
        j = max(i for i in range(len(sums) - 1) if sums[i] <= q)
        a, b = size * sums[j] // total, size * sums[j + 1] // total
        symbols.append((sums[j], sums[j + 1] - sums[j], total))
        code, size = code - a, b - a
        while size < BOTTOM:
            code, size, read = code * 256 + (body[read] if read < len(body) else 0), size << 8, read + 1
    return symbols, State(code, size, read)


def state_of_encoder(body: bytes, state: State) -> bytes:
    """The pseudo-code of §8: the encoder's state from the decoder's, and `finish`."""
    read = body[: state.read].ljust(state.read, b"\0")
    written, last = int.from_bytes(read[:-4], "big"), int.from_bytes(read[-4:], "big")
    low = last - state.code
    if low < 0:
        low, written = low + FULL, written - 1
    return tail(low, state.range, written.to_bytes(state.read - 4, "big"))


def is_canonical(body: bytes, state: State) -> bool:
    """The test of §8 in constant time."""
    last = int.from_bytes(body[: state.read].ljust(state.read, b"\0")[-4:], "big")
    low = (last - state.code) % FULL
    f = 0 if low == 0 else FULL if low + state.range > FULL else -(-low // BOTTOM) * BOTTOM
    return len(body) <= state.read and (not body or body[-1] != 0) and low + state.code == f


TABLES = st.lists(
    st.lists(st.integers(1, 21_000), min_size=1, max_size=3).map(lambda fs: [sum(fs[:i]) for i in range(len(fs) + 1)]),
    max_size=12,
)
FLAT = [0, 1, 2, 3]
TAILS = st.sampled_from([b"", b"\0", b"\1", b"\0\0\0\0\1", b"\xff", b"\x80\0"])


@settings(deadline=None, max_examples=400)
@given(TABLES, st.data())
def test_every_way_to_prove_the_canonical_form_agrees(totals: list[list[int]], data: st.DataObject) -> None:
    """For canonical bodies, changed ones and arbitrary ones."""
    symbols = []
    for sums in totals:
        j = data.draw(st.integers(0, len(sums) - 2))
        symbols.append((sums[j], sums[j + 1] - sums[j], sums[-1]))
    body = encode(symbols)
    at = data.draw(st.integers(0, len(body)))
    changed = data.draw(st.binary(max_size=3))
    for candidate in (body, body + data.draw(TAILS), body[:at], body[:at] + changed + body[at + len(changed) :]):
        check(candidate, totals, body if candidate == body else None)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=10), TABLES)
@example(bytes.fromhex("800006"), [FLAT] * 13)
@example(bytes.fromhex("7ffff1"), [FLAT] * 13)
@example(bytes.fromhex("80"), [FLAT] * 12)  # with a borrow
@example(bytes.fromhex("7fffff"), [FLAT] * 12)  # the same symbols in more bytes
@example(b"\0", [])
def test_the_canonical_form_of_any_bytes(body: bytes, totals: list[list[int]]) -> None:
    check(body, totals, None)


def check(body: bytes, totals: list[list[int]], canonical: bytes | None) -> None:
    """Compare the two tests of §8 with encoding again."""
    decoded = decode(body, totals)
    if decoded is None:
        return
    symbols, state = decoded
    again = encode(symbols)
    assert state_of_encoder(body, state) == again
    assert is_canonical(body, state) == (body == again)
    assert canonical is None or again == canonical


def test_the_worked_states_of_the_text() -> None:
    example_tables = [[0, 5, 8, 10], [0, 5, 8, 10], list(range(1001)), list(range(257))]
    _, state = decode(bytes.fromhex("bd8f3d"), example_tables) or ([], State(0, 0, 0))
    assert state == State(0x004D7000, 0x03EEA200, 6)
    _, state = decode(b"\x80", [FLAT] * 12) or ([], State(0, 0, 0))
    assert (state.code, state.read) == (0x0FCBE0AB, 6)
    assert (0 - state.code) % FULL == 0xF0341F55
    for number in ("004D7000", "03EEA200", "3CB29000", "0FCBE0AB", "F0341F55"):
        assert number in SPEC


def test_the_canonical_json_of_the_text() -> None:
    spelled, canonical = re.search(r"For example, `(.*)` becomes `(.*)`\.\n", SPEC).groups()  # type: ignore[union-attr]
    assert canonical_json(parse_json(spelled.encode())) == canonical.encode()
    assert canonical == '{"b":2,"m":[0,"/"]}'
    controls = "".join(map(chr, range(0x20))) + '"\\\x7f'
    written = canonical_json(controls).decode()
    assert written.startswith(r'"\u0000\u0001')
    assert r"\u0007\b\t\n\u000b\f\r\u000e" in written
    assert written.endswith('\\u001f\\"\\\\\x7f"')
