# SPDX-License-Identifier: MIT
"""SPEC §9, the range coder: exact bytes, round trips, the one canonical stream, and two paths that agree."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from math import ceil, log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from default_environment import TABLES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from refcodec.entropy import Coder, Decoder, Encoder, TableBank, compiled, cumulative, gaussians, rangecoder, uniform
from refcodec.entropy.arithmetic import BELOW, SCALE, UNITS, rounds_to_nearest
from refcodec.errors import SemError

try:
    from refcodec.entropy import rangecoder_numba as kernels
except ImportError:
    kernels = None  # type: ignore[assignment]

needs_numba = pytest.mark.skipif(kernels is None, reason="numba is not installed")
PATHS = [False, pytest.param(True, marks=needs_numba)]
relaxed = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])

# Three regular values of almost a third each, and a rare escape; a lopsided one; one whose values end at the limit.
THIRDS = (0, [21845, 21846, 21844, 1])
BANK = TableBank([THIRDS, (-2, [1, 65000, 500, 30, 5]), (32766, [40000, 25000, 536]), (100, [65535, 1])])

Symbol = tuple[int, int, int]
Call = tuple[str, tuple[Any, ...], Any]


# --- The definition once more, with one long number for low and every tail length tried ---


def reference(symbols: Sequence[Symbol]) -> bytes:
    low, size, places = 0, (1 << 32) - 1, 0
    for c, f, total in symbols:
        a, b = size * c // total, size * (c + f) // total
        low, size = low + a, b - a
        while size < 1 << 24:
            low, size, places = low << 8, size << 8, places + 1
    for k in range(5):
        unit = 1 << (32 - 8 * k)
        v = -(-low // unit) * unit
        if v < low + size:
            return v.to_bytes(places + 4, "big").rstrip(b"\0")
    raise AssertionError


class Recorder(Encoder):
    """An encoder that also notes its symbols as (c, f, T)."""

    def __init__(self) -> None:
        super().__init__(fast=False)
        self.symbols: list[Symbol] = []

    def symbol(self, table: Sequence[int], value: int | None = None) -> int:
        assert value is not None
        self.symbols.append((table[value], table[value + 1] - table[value], table[-1]))
        return super().symbol(table, value)

    def bit(self, value: int | None = None) -> int:
        return self.symbol(uniform(2), value)


# --- Random calls ---


@st.composite
def uniform_call(draw: st.DrawFn) -> Call:
    size = draw(st.one_of(st.integers(1, 40), st.integers(1, 65536), st.sampled_from([255, 256, 257, 65535, 65536])))
    return "symbol", (uniform(size),), draw(st.integers(0, size - 1))


@st.composite
def table_call(draw: st.DrawFn) -> Call:
    frequencies = draw(st.lists(st.one_of(st.integers(1, 3), st.integers(1, 3000)), min_size=1, max_size=20))
    return "symbol", (cumulative(frequencies),), draw(st.integers(0, len(frequencies) - 1))


def values_for(bank: TableBank, number: int) -> st.SearchStrategy[int]:
    """Mostly regular values of the table, then its borders, then anything."""
    first, stop = bank.offsets[number], bank.offsets[number] + len(bank.tables[number]) - 2
    borders = [v for v in (first - 2, first - 1, first, stop - 1, stop, stop + 1, -32767, 32767) if abs(v) <= 32767]
    return st.one_of(st.integers(first, stop - 1), st.sampled_from(borders), st.integers(-32767, 32767))


@st.composite
def value_call(draw: st.DrawFn) -> Call:
    bank = draw(st.sampled_from([BANK, gaussians(TABLES)]))
    number = draw(st.integers(0, len(bank) - 1))
    return "value", (bank, number), draw(values_for(bank, number))


@st.composite
def array_call(draw: st.DrawFn) -> Call:
    bank = draw(st.sampled_from([BANK, gaussians(TABLES)]))
    skip = draw(st.sampled_from([None, 0, 1]))
    shape = draw(st.sampled_from([(0,), (1,), (7,), (2, 3), (2, 0, 3), (3, 2, 4)]))
    count = int(np.prod(shape))
    index = draw(st.lists(st.integers(0, len(bank) - 1), min_size=count, max_size=count))
    values = [0 if number == skip else draw(values_for(bank, number)) for number in index]
    numbers = np.array(index, draw(st.sampled_from([np.uint8, np.int32, np.int64]))).reshape(shape)
    return "array", (bank, numbers, skip), np.array(values, np.int32).reshape(shape)


bit_call = st.tuples(st.just("bit"), st.just(()), st.integers(0, 1))
calls = st.lists(st.one_of(uniform_call(), table_call(), value_call(), array_call(), bit_call), max_size=12)


def walk(coder: Coder, script: Sequence[Call], *, write: bool) -> list[Any]:
    """Make all calls, giving the values or asking for them; what came back, in plain Python."""
    results: list[Any] = []
    for name, arguments, value in script:
        given_value = value if write else None
        if name == "array":
            bank, index, skip = arguments
            got = coder.array(bank, index, given_value, skip=skip)
            assert got.dtype == np.int32
            assert got.shape == index.shape
            results.append(got.tolist())
        else:
            results.append(getattr(coder, name)(*arguments, given_value))
    return results


def plain(script: Sequence[Call]) -> list[Any]:
    return [value.tolist() if name == "array" else value for name, _, value in script]


def like(call: Call, result: Any) -> Any:
    """What `walk` gave back, in the form that the call takes."""
    return np.array(result, np.int32).reshape(call[1][1].shape) if call[0] == "array" else result


def written(script: Sequence[Call], *, fast: bool = False) -> bytes:
    coder = Encoder(fast=fast)
    assert walk(coder, script, write=True) == plain(script)
    return coder.finish()


def read(script: Sequence[Call], body: bytes, *, fast: bool = False) -> list[Any]:
    coder = Decoder(body, fast=fast)
    results = walk(coder, script, write=False)
    assert coder.finish() == body
    return results


def noted(script: Sequence[Call]) -> list[Symbol]:
    """Every (c, f, T) of the script, the bits of escapes included."""
    recorder = Recorder()
    for name, arguments, value in script:
        if name == "array":
            bank, index, skip = arguments
            for number, element in zip(index.ravel().tolist(), value.ravel().tolist(), strict=True):
                if number != skip:
                    recorder.value(bank, number, element)
        else:
            getattr(recorder, name)(*arguments, value)
    return recorder.symbols


@pytest.mark.parametrize("fast", PATHS)
@given(script=calls)
@relaxed
def test_round_trip(script: list[Call], fast: bool) -> None:
    body = written(script, fast=fast)
    assert read(script, body, fast=fast) == plain(script)
    symbols = noted(script)
    assert body == reference(symbols)
    ideal = sum(log2(total / f) for _, f, total in symbols)
    assert len(body) <= ceil((ideal + 0.006 * len(symbols)) / 8)


@needs_numba
@given(script=calls, switches=st.lists(st.booleans(), min_size=12, max_size=12))
@relaxed
def test_paths_switch_in_mid_stream(script: list[Call], switches: list[bool]) -> None:
    encoder = Encoder(fast=False)
    for call, fast in zip(script, switches, strict=False):
        encoder.fast = fast
        walk(encoder, [call], write=True)
    body = encoder.finish()
    assert body == written(script)
    decoder, results = Decoder(body), []
    for call, fast in zip(script, reversed(switches), strict=False):
        decoder.fast = fast
        results += walk(decoder, [call], write=False)
    assert results == plain(script)
    assert decoder.finish() == body


# --- One stream for one list of symbols ---


def outcome(script: Sequence[Call], body: bytes, *, fast: bool) -> list[Any] | SemError:
    try:
        return read(script, body, fast=fast)
    except SemError as fault:
        return fault


def changes_nothing_silently(script: Sequence[Call], body: bytes, other: bytes) -> None:
    """`other` is refused or holds other symbols than `body`, and both paths say the same."""
    result, again = (outcome(script, other, fast=fast) for fast in (False, True))
    if isinstance(result, SemError):
        assert isinstance(again, SemError)
        assert result.to_dict() == again.to_dict()
        assert result.code in (401, 402, 403)
        assert result.offset is not None
        assert 0 <= result.offset <= len(other)
    else:
        assert result == again
        assert result != plain(script), body.hex()


@given(script=calls)
@settings(parent=relaxed, max_examples=40)
def test_prefixes_and_flips(script: list[Call]) -> None:
    body = written(script)
    for cut in range(len(body)):
        changes_nothing_silently(script, body, body[:cut])
    for at in range(len(body)):
        for place in range(8):
            flipped = bytearray(body)
            flipped[at] ^= 1 << place
            changes_nothing_silently(script, body, bytes(flipped))


@given(script=calls, more=st.binary(min_size=1, max_size=6))
@relaxed
def test_appended_bytes(script: list[Call], more: bytes) -> None:
    body = written(script)
    changes_nothing_silently(script, body, body + more)
    with pytest.raises(SemError) as caught:
        read(script, body + bytes(len(more)))
    assert (caught.value.code, caught.value.offset) == (402, len(body))


@given(script=calls, body=st.binary(max_size=40))
@example(script=[], body=b"\xff\xff\xff\xff")
@relaxed
def test_any_bytes_are_symbols_or_a_fault(script: list[Call], body: bytes) -> None:
    """Where reading ends well, writing gives the same bytes; where it does not, 402 names the first that differs."""
    result = outcome(script, body, fast=False)
    if isinstance(result, SemError) and result.code != 402:
        return
    results = walk(Decoder(body), script, write=False)
    canonical = written([(*call[:2], like(call, result)) for call, result in zip(script, results, strict=True)])
    if not isinstance(result, SemError):
        assert result == results
        assert canonical == body
        return
    assert result.offset is not None
    assert body[: result.offset] == canonical[: result.offset]
    assert body[result.offset :][:1] != canonical[result.offset :][:1]


def test_first_bytes_that_no_symbol_has() -> None:
    assert Decoder(b"\xff\xff\xff\xfe").symbol(uniform(65536)) == 65535
    for body in (b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\x01"):
        with pytest.raises(SemError) as caught:
            Decoder(body)
        assert (caught.value.code, caught.value.offset) == (401, 0)


# --- Worked examples ---


def states(table_and_value: Sequence[tuple[Sequence[int], int]]) -> list[tuple[int, int, str]]:
    coder = Encoder()
    trace = []
    for table, value in table_and_value:
        coder.symbol(table, value)
        trace.append((coder._low, coder._range, coder._out.hex()))
    return trace


def test_four_symbols_by_hand() -> None:
    five_three_two = cumulative([5, 3, 2])
    script = [(five_three_two, 1), (five_three_two, 2), (uniform(1000), 7), (uniform(256), 200)]
    assert states(script) == [
        (0x7FFFFFFF, 0x4CCCCCCD, ""),
        (0xBD70A3D6, 0x0F5C28F6, ""),
        (0x8C2A4400, 0x03EEA200, "bd"),
        (0x3CB29000, 0x03EEA200, "bd8f"),
    ]
    body = written([("symbol", (table,), value) for table, value in script])
    assert body == bytes.fromhex("bd8f3d")
    decoder = Decoder(body)
    codes = []
    for table, value in script:
        codes.append(decoder._code)
        assert decoder.symbol(table) == value
    assert codes == [0xBD8F3D00, 0x3D8F3D01, 0x001E992A, 0x0312BC00]


def test_carry_by_hand() -> None:
    thirds = uniform(3)
    trace = states([(thirds, 1)] * 12 + [(thirds, 2)])
    assert trace[11] == (0xF0341F55, 0x1F91BD55, "7fff")
    assert trace[12] == (0x053FF2E3, 0x0A85E9C7, "8000")
    assert written([("symbol", (thirds,), 1)] * 12 + [("symbol", (thirds,), 2)]) == bytes.fromhex("800006")
    assert written([("symbol", (thirds,), 1)] * 12 + [("symbol", (thirds,), 0)]) == bytes.fromhex("7ffff1")
    # the end may carry too: the interval holds 0x80 00 00 … and that is one byte
    assert written([("symbol", (thirds,), 1)] * 12) == b"\x80"


@pytest.mark.parametrize("fast", PATHS)
@pytest.mark.parametrize(
    ("bank", "number", "value", "body"),
    [
        (gaussians(TABLES), 0, 5, "ffff60"),
        (gaussians(TABLES), 1, -3, "ffffc0"),
        (gaussians(TABLES), 10, 40, "ffff7c5f"),
        (gaussians(TABLES), 63, 32767, "ffff7ffdedfc"),
        (gaussians(TABLES), 0, -32767, "fffffffdfff8"),
        (gaussians(TABLES), 20, 0, "5a"),
    ],
)
def test_escapes_by_hand(bank: TableBank, number: int, value: int, body: str, fast: bool) -> None:
    script: list[Call] = [("array", (bank, np.array([number]), None), np.array([value], np.int32))]
    assert written(script, fast=fast).hex() == body
    assert read(script, bytes.fromhex(body), fast=fast) == [[value]]


@pytest.mark.parametrize(
    ("bank", "number", "value", "bits"),
    [
        (gaussians(TABLES), 0, 2, "0 0"),  # above; 2 - 1 - 1 = 0, so 1: q = 0
        (gaussians(TABLES), 0, -2, "1 0"),
        (gaussians(TABLES), 0, 5, "0 110 00"),  # 5 - 1 - 1 = 3, so 4 = 1'00: q = 2
        (BANK, 1, -3, "1 0"),  # -2 … 1 are regular
        (BANK, 1, 4, "0 10 1"),  # 4 - 2 = 2, so 3 = 1'1: q = 1
        (BANK, 3, -32767, "1 1111111111111110 000000001100011"),  # 100 is regular; 100 - 1 + 32767 + 1 = 2^15 + 99
    ],
)
def test_an_escape_is_sign_prefix_and_low_bits(bank: TableBank, number: int, value: int, bits: str) -> None:
    table = bank.tables[number]
    spelt: list[Call] = [("bit", (), int(bit)) for bit in bits.replace(" ", "")]
    assert written([("value", (bank, number), value)]) == written([("symbol", (table,), len(table) - 2), *spelt])


@pytest.mark.parametrize("fast", PATHS)
@pytest.mark.parametrize(
    ("bits", "value"),
    [
        ("0 1111111111111111 0000000000000000", 3 + 65535),
        ("1 1111111111111111 1111111111111111", -3 - 131070),
        ("0 1111111111111110 000000000000000", 3 + 32767),
        ("1 111111111111110 11111111111111", -3 - 32766),
    ],
)
def test_escaped_values_beyond_int16(bits: str, value: int, fast: bool) -> None:
    """The longest prefixes can be written, but not what they spell; both paths stop at the same byte."""
    table, regular = gaussians(TABLES).tables[9], np.zeros(300, np.int32)  # -2 … 2 are regular
    spelt: list[Call] = [("bit", (), int(bit)) for bit in bits.replace(" ", "")]
    before: Call = ("array", (gaussians(TABLES), np.full(300, 9), None), regular)
    body = written([before, ("symbol", (table,), len(table) - 2), *spelt])
    faults = []
    for path in (fast, False):
        with pytest.raises(SemError, match=f"value {value} is not") as caught:
            Decoder(body, fast=path).array(gaussians(TABLES), np.full(350, 9))
        faults.append(caught.value.to_dict())
    assert faults[0]["code"] == "SEM-E-403"
    assert faults[0] == faults[1]


@pytest.mark.parametrize("fast", PATHS)
def test_a_range_of_exactly_two_to_the_24_stays(fast: bool) -> None:
    first: Call = ("array", (gaussians(TABLES), np.array([0]), None), np.array([1], np.int32))
    script: list[Call] = [first, *(("symbol", (uniform(1000),), value) for value in (333, 998, 1))]
    coder = Encoder()
    coder.value(gaussians(TABLES), 0, 1)
    assert coder._range == 1 << 24
    body = written(script, fast=fast)
    assert body == reference(noted(script))
    assert read(script, body, fast=fast) == plain(script)


def test_nothing_is_no_bytes() -> None:
    assert Encoder().finish() == b""
    assert Decoder(b"").finish() == b""
    assert written([("symbol", (uniform(256),), 0)] * 1000) == b""
    assert read([("symbol", (uniform(256),), 0)] * 1000, b"") == [0] * 1000
    assert written([("symbol", (uniform(1),), 0)] * 9) == b""
    with pytest.raises(SemError) as caught:
        Decoder(b"\x01").finish()
    assert (caught.value.code, caught.value.offset) == (402, 0)


def test_finish_leaves_the_state() -> None:
    coder = Encoder()
    coder.symbol(uniform(300), 200)
    assert coder.finish() == coder.finish()
    coder.symbol(uniform(300), 100)
    assert coder.finish() == reference([(200, 1, 300), (100, 1, 300)])


# --- Carries that ripple ---


def straddling(table: Sequence[int], count: int) -> tuple[list[int], Encoder]:
    """Symbols that keep a carry undecided as long as they can: the bytes written are 7F FF FF … (or one came early)."""
    coder, values = Encoder(fast=False), []
    for _ in range(count):
        total = table[-1]
        middle = (1 << 32) - coder._low if coder._out else (1 << 31) - coder._low
        above = (v for v in range(len(table) - 1) if coder._range * table[v + 1] // total > middle)
        value = next(above, len(table) - 2)
        coder.symbol(table, value)
        values.append(value)
    return values, coder


@given(frequencies=st.lists(st.integers(1, 900), min_size=2, max_size=8), count=st.integers(0, 200))
@relaxed
def test_long_carries(frequencies: list[int], count: int) -> None:
    table = cumulative(frequencies)
    values, _ = straddling(table, count)
    for last in range(len(frequencies)):
        script: list[Call] = [("symbol", (table,), value) for value in [*values, last, 0, last]]
        body = written(script)
        assert body == reference(noted(script))
        assert read(script, body) == plain(script)


@pytest.mark.parametrize("fast", PATHS)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
def test_carries_between_arrays(fast: bool, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of FF that one call left pending is turned over by a later one, wherever the calls and chunks end."""
    if fast:
        monkeypatch.setattr(kernels, "CHUNK", chunk)
    values, coder = straddling(cumulative(THIRDS[1]), 1200)
    assert coder._out[0] == 0x7F
    assert set(coder._out[1:]) == {0xFF}
    assert len(coder._out) > 200
    for last in (0, 2, 1000, -1000):
        whole = np.array([*values, last, 1, 1], np.int32)
        expected = Encoder(fast=False)
        for value in whole.tolist():
            expected.value(BANK, 0, value)
        for split in (0, 1, 5, 600, len(values) - 1, len(values), len(values) + 1):
            encoder = Encoder(fast=fast)
            for piece in (whole[:split], whole[split:]):
                encoder.array(BANK, np.zeros(piece.size, np.uint8), piece)
            body = encoder.finish()
            assert body == expected.finish()
            decoder = Decoder(body, fast=fast)
            got = [decoder.array(BANK, np.zeros(size, np.uint8)) for size in (split, whole.size - split)]
            assert np.concatenate(got).tolist() == whole.tolist()
            decoder.finish()


@needs_numba
@pytest.mark.parametrize("escapes", [False, True])
def test_long_arrays_agree(escapes: bool) -> None:
    """Longer than a chunk; with every value an escape of the longest kind, and with ordinary latents."""
    bank, random = gaussians(TABLES), np.random.default_rng(5)
    count = 70_000
    index = random.integers(0, 64, count).astype(np.uint8)
    sigma = 0.11 * (256 / 0.11) ** (index / 63)
    values = np.rint(random.normal(0, sigma)).astype(np.int32)
    if escapes:
        values = np.where(random.integers(0, 2, count), 32767, -32767)
    bodies = []
    for fast in (False, True):
        encoder = Encoder(fast=fast)
        encoder.array(bank, index, values, skip=None)
        bodies.append(encoder.finish())
    assert bodies[0] == bodies[1]
    for fast in (False, True):
        decoder = Decoder(bodies[0], fast=fast)
        assert (decoder.array(bank, index) == values).all()
        decoder.finish()


# --- What a caller may not do, and what is loaded when ---


def test_order_is_c_order_whatever_the_layout() -> None:
    index = np.array([[1, 0, 1], [0, 1, 0]], np.uint8)
    values = np.array([[-2, 2, 1], [0, -1, 1]], np.int32)
    bodies = []
    for layout in (np.ascontiguousarray, np.asfortranarray):
        coder = Encoder()
        coder.array(BANK, layout(index), layout(values))
        bodies.append(coder.finish())
    assert bodies[0] == bodies[1]
    assert Decoder(bodies[0]).array(BANK, np.asfortranarray(index)).tolist() == values.tolist()
    scalar = Encoder()
    scalar.array(BANK, np.uint8(1), np.int32(-2))
    assert Decoder(scalar.finish()).array(BANK, np.uint8(1)).tolist() == -2


wrong: list[Callable[[Encoder], object]] = [
    lambda coder: coder.symbol(uniform(5), 5),
    lambda coder: coder.symbol(uniform(5), -1),
    lambda coder: coder.symbol(uniform(5)),
    lambda coder: coder.bit(2),
    lambda coder: coder.value(BANK, 0, 32768),
    lambda coder: coder.value(BANK, 0, -32768),
    lambda coder: coder.array(BANK, np.array([0, 1]), np.array([0, 32768])),
    lambda coder: coder.array(BANK, np.array([0, 1]), np.array([0, -32768])),
    lambda coder: coder.array(BANK, np.array([0, 4]), np.array([0, 0])),
    lambda coder: coder.array(BANK, np.array([0, -1]), np.array([0, 0])),
    lambda coder: coder.array(BANK, np.array([0, 1]), np.array([0, 0, 0])),
    lambda coder: coder.array(BANK, np.array([0, 1])),
    lambda coder: coder.array(BANK, np.array([1, 0]), np.array([0, 3]), skip=0),
]


@pytest.mark.parametrize("call", wrong)
def test_what_cannot_be_written_writes_nothing(call: Callable[[Encoder], object]) -> None:
    coder = Encoder()
    coder.symbol(uniform(7), 3)
    with pytest.raises(ValueError, match=r"."):
        call(coder)
    assert coder.finish() == reference([(3, 1, 7)])


def test_types_and_directions() -> None:
    with pytest.raises(TypeError):
        Encoder().array(BANK, np.array([0.0]), np.array([0]))
    with pytest.raises(TypeError):
        Encoder().array(BANK, np.array([0]), np.array([0.5]))
    with pytest.raises(ValueError, match="no values"):
        Decoder(b"").symbol(uniform(2), 1)
    with pytest.raises(ValueError, match="no values"):
        Decoder(b"").bit(1)
    with pytest.raises(ValueError, match="no values"):
        Decoder(b"").array(BANK, np.array([0]), np.array([0]))


def test_numba_is_loaded_once_it_has_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_kernels", lambda: "kernels")
    monkeypatch.setattr(compiled, "_values_coded_in_python", 0)
    assert compiled.compiled_loops(compiled.LOADING_VALUES_MIN - 1, None) is None
    assert compiled.compiled_loops(1, None) is None
    assert compiled.compiled_loops(compiled.CALLING_VALUES_MIN, None) == "kernels"
    assert compiled.compiled_loops(1, None) is None
    assert compiled.compiled_loops(1, True) == "kernels"
    assert compiled.compiled_loops(1 << 30, False) is None


@pytest.mark.parametrize("bank", [gaussians(TABLES), BANK], ids=["gaussians", "uneven"])
def test_arrays_of_every_table_and_every_escape(bank: TableBank) -> None:
    """Long arrays, in chunks, are coded as value by value: each table with its first, last and most frequent values."""
    rng = np.random.default_rng(3)
    index = np.repeat(np.arange(len(bank), dtype=np.int32), 12)
    first = np.array(bank.offsets, np.int32)[index]
    last = first + np.array([len(table) - 3 for table in bank.tables], np.int32)[index]
    ends = np.stack([first, last, first - 1, last + 1, 0 * first, np.minimum(last, 1), rng.integers(first, last + 1)])
    values = np.clip(ends[rng.integers(0, 7, index.size), np.arange(index.size)], -32767, 32767).astype(np.int32)
    shuffled = rng.permutation(index.size)
    index, values = np.tile(index[shuffled], 30), np.tile(values[shuffled], 30)
    whole, single = Encoder(fast=False), Encoder(fast=False)
    whole.array(bank, index, values)
    for number, value in zip(index.tolist(), values.tolist(), strict=True):
        single.value(bank, number, value)
    body = whole.finish()
    assert body == single.finish()
    for chunk in (7, rangecoder.CHUNK):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rangecoder, "CHUNK", chunk)
            decoder, encoder = Decoder(body, fast=False), Encoder(fast=False)
            assert np.array_equal(decoder.array(bank, index), values)
            assert decoder.finish() == body
            encoder.array(bank, index, values)
            assert encoder.finish() == body


@given(st.integers(1 << 24, (1 << 32) - 1), st.integers(0, 1 << 16))
def test_products_are_rounded_down(size: int, entry: int) -> None:
    x = float(size) * (entry * SCALE)
    floor = x - BELOW + UNITS - UNITS
    assert floor == size * entry >> 16
    code = float(size * entry >> 16)
    assert code <= x < code + 1  # so that a comparison needs no floor


def test_another_direction_of_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a program has floats rounded upwards, integers give the same bytes."""
    assert rounds_to_nearest()
    index = np.array([0, 1, 2, 3] * 5)
    values = np.array([0, 1, -1, 30000] * 5)
    plain, other = Encoder(fast=False), Encoder(fast=False)
    plain.array(BANK, index, values)
    body = plain.finish()
    monkeypatch.setattr(rangecoder, "rounds_to_nearest", lambda: False)
    other.array(BANK, index, values)
    assert other.finish() == body
    assert np.array_equal(Decoder(body, fast=False).array(BANK, index), values)
    library = ctypes.CDLL(None)
    if sys.platform == "linux" and platform.machine() == "x86_64":
        before = library.fegetround()
        try:
            for mode in (0x400, 0x800, 0xC00):  # down, up, towards zero
                library.fesetround(mode)
                found = rounds_to_nearest()
                library.fesetround(before)
                assert not found
        finally:
            library.fesetround(before)


SCRIPT = """
import os, sys
{before}
from refcodec.entropy import Decoder, Encoder, gaussians, uniform
from refcodec.table_files import SHIPPED
coder = Encoder(fast={fast})
coder.symbol(uniform(9), 4)
coder.value(gaussians(SHIPPED), 30, 2)
print("numpy" in sys.modules, end=" ")
coder.array(gaussians(SHIPPED), [30] * 2000, [-1, 3] * 1000)
print(sys.modules.get("numba") is not None, len(coder.finish()))
"""


@pytest.mark.parametrize(
    ("before", "fast"),
    [("", None), ("os.environ['SEM_NO_NUMBA'] = '1'", True), ("sys.modules['numba'] = None", True)],
)
def test_imports_are_lazy_and_numba_is_optional(before: str, fast: bool | None) -> None:
    """Neither numpy nor numba for single symbols; no numba for short arrays, where forbidden, or where absent."""
    script = SCRIPT.format(before=before, fast=fast)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    coder = Encoder(fast=False)
    coder.symbol(uniform(9), 4)
    coder.value(gaussians(TABLES), 30, 2)
    coder.array(gaussians(TABLES), [30] * 2000, [-1, 3] * 1000)
    assert done.stdout.split() == ["False", "False", str(len(coder.finish()))]


CACHED = """
import sys
from numba.core import caching
{before}
from refcodec.entropy import Decoder, Encoder, compiled, gaussians
from refcodec.table_files import SHIPPED
coder = Encoder(fast=True)
coder.array(gaussians(SHIPPED), [30] * 2000, [-1, 3] * 1000)
assert compiled.compiled_loops(1, True) is not None, "numba is not used"
print(coder.finish().hex())
"""


@pytest.mark.slow
@needs_numba
def test_caches_of_numba_that_are_absent_read_only_or_damaged(tmp_path: Path) -> None:
    """None of them changes a byte or keeps the compiled loops from being used."""
    coder = Encoder(fast=False)
    coder.array(gaussians(TABLES), [30] * 2000, [-1, 3] * 1000)
    body = coder.finish().hex()

    def run(folder: Path | str, before: str = "") -> str:
        environment = os.environ | {"NUMBA_CACHE_DIR": str(folder), "HOME": "/nowhere", "XDG_CACHE_HOME": "/nowhere"}
        environment.pop("SEM_NO_NUMBA", None)
        command = [sys.executable, "-c", CACHED.format(before=before)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    cache = tmp_path / "cache"
    assert run(cache) == body
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert any(path.suffix == ".nbi" for path in files)
    for damage in (b"", b"no pickle"):
        for path in files:
            path.write_bytes(damage)
        assert run(cache) == body
    nowhere = "caching.CacheImpl._locator_classes = []"
    assert run("/dev/null/none", nowhere) == body
    full = "def save(*_): raise OSError(28, 'No space left on device')\ncaching.IndexDataCacheFile.save = save"
    assert run(tmp_path / "full", full) == body
