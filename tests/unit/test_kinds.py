# SPDX-License-Identifier: MIT
"""SPEC §13.3 to §13.5: CLIP bits, PQ codes and VQ indices, as codes, as bodies, and as what they are made from."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from default_environment import TABLES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from refcodec import codec, spec
from refcodec.container import read, symbol_count
from refcodec.decoder import decode_container
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.networks.table_model import TableModel
from refcodec.payloads import SHOWN_SYMBOLS, Value, clip_bits, kinds, pq_codes, vq_indices
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts import tokens
from refcodec.registry import Profile

relaxed = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
brief = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
LIMIT = 65536  # bytes of a text, which these kinds are not
TOTAL = 1 << 16


@dataclass(frozen=True)
class Case:
    """A row's parameters for one kind, with its table where it has one, and the size of the picture."""

    kind: int
    parameters: dict[str, Any]
    table: tuple[int, ...] | None = None
    size: tuple[int, int] = (1, 1)

    @property
    def count(self) -> int:
        if self.kind == spec.VQ:
            h, w = vq_indices.grid(self.size, self.parameters)
            return h * w
        return int(self.parameters["d" if self.kind == spec.CLIP else "m"])

    @property
    def most(self) -> int:
        """The largest symbol."""
        return (1 << self.parameters["b"] if self.kind == spec.CLIP else int(self.parameters["v"])) - 1

    @property
    def model(self) -> TableModel | None:
        return None if self.table is None else TableModel(self.kind, "", {}, np.array(self.table, np.uint16))

    def encode(self, codes: Sequence[int]) -> bytes:
        if self.kind == spec.CLIP:
            return clip_bits.encode(codes, self.parameters, self.table)
        if self.kind == spec.PQ:
            return pq_codes.encode(codes, self.parameters)
        return vq_indices.encode(codes, self.parameters, self.size, self.table)

    def decode(self, body: bytes) -> Value:
        context = CodingContext(self.parameters, self.size, LIMIT, TABLES, self.model)
        return kinds.get(self.kind).decode(body, context)


def codes_of(value: Any) -> tuple[int, ...]:
    codes: tuple[int, ...] = value.indices if isinstance(value, vq_indices.VqIndices) else value.codes
    return codes


def clip(d: int, b: int, prior: Sequence[int] | None = None) -> Case:
    return Case(spec.CLIP, {"d": d, "b": b, "prior": prior is not None}, None if prior is None else tuple(prior))


def pq(m: int, v: int) -> Case:
    return Case(spec.PQ, {"m": m, "v": v, "codebooks": False})


def vq(size: tuple[int, int], v: int, stride: int, usage: Sequence[int] | None = None) -> Case:
    parameters = {"v": v, "stride": stride, "usage": usage is not None}
    return Case(spec.VQ, parameters, None if usage is None else tuple(usage), size)


@st.composite
def usages(draw: st.DrawFn) -> list[int]:
    """Frequencies of at least 1 that sum to 2^16, some of them lopsided."""
    v = draw(st.integers(2, 12))  # of one index the frequency, 2^16, has no place in a U16
    weights = draw(st.lists(st.sampled_from([0, 1, 5, 1000, 60000]), min_size=v, max_size=v))
    shares = [1 + (TOTAL - v) * weight // max(1, sum(weights)) for weight in weights]
    shares[draw(st.integers(0, v - 1))] += TOTAL - sum(shares)
    return shares


sizes = st.tuples(st.integers(1, 70), st.integers(1, 70))
strides = st.sampled_from([8, 13, 16, 64, 1024])
cases = st.one_of(
    st.builds(clip, st.integers(1, 40), st.integers(1, 16)),
    st.lists(st.one_of(st.integers(1, 65535), st.sampled_from([1, 65535])), min_size=1, max_size=40).flatmap(
        lambda prior: st.builds(clip, st.just(len(prior)), st.integers(1, 16), st.just(prior))
    ),
    st.builds(
        pq, st.integers(1, 40), st.one_of(st.integers(1, 65536), st.sampled_from([1, 2, 255, 256, 257, 65535, 65536]))
    ),
    st.builds(vq, sizes, st.one_of(st.integers(1, 65536), st.sampled_from([1, 65536])), strides),
    usages().flatmap(lambda usage: st.builds(vq, sizes, st.just(len(usage)), strides, st.just(usage))),
)


@st.composite
def filled(draw: st.DrawFn) -> tuple[Case, tuple[int, ...]]:
    case = draw(cases)
    return case, tuple(draw(st.lists(st.integers(0, case.most), min_size=case.count, max_size=case.count)))


def held(case: Case, body: bytes) -> tuple[int, ...] | int:
    """The codes of a body, or the code of its SemError; a body that is read is the only one of its codes."""
    fault = None
    try:
        value = case.decode(body)
    except SemError as error:
        fault = error
    if fault is not None:
        assert fault.family == "payload"
        assert fault.offset is None or 0 <= fault.offset <= len(body)
        return fault.code
    codes = codes_of(value)
    assert len(codes) == case.count
    assert all(0 <= code <= case.most for code in codes)
    assert case.encode(codes) == body
    return codes


# --- bodies ------------------------------------------------------------------------------------------------------


@relaxed
@given(filled())
def test_codes_come_back(given_: tuple[Case, tuple[int, ...]]) -> None:
    case, codes = given_
    value = case.decode(case.encode(codes))
    assert codes_of(value) == codes
    assert value.canonical
    assert value.serialise() == b"".join(struct.pack(">H", code) for code in codes)
    h, w = vq_indices.grid(case.size, case.parameters) if case.kind == spec.VQ else (1, 1)
    assert value.shape == [[h, w] if case.kind == spec.VQ else [case.count]]
    rows = [list(codes[r * w : (r + 1) * w]) for r in range(h)] if case.kind == spec.VQ else list(codes)
    assert value.to_json() == (rows if case.count <= SHOWN_SYMBOLS else None)


@relaxed
@given(cases, st.binary(max_size=24))
@example(clip(8, 1), b"\xff\xff\xff\xff")
@example(pq(1, 1), b"")
@example(vq((1, 1), 1, 8), b"\0")
def test_any_bytes_give_codes_or_an_error(case: Case, body: bytes) -> None:
    seen = held(case, body)
    if body.startswith(b"\xff\xff\xff\xff"):
        assert seen == 401
    elif body.endswith(b"\0"):
        assert seen == 402


@brief
@given(filled(), st.data())
def test_damage_gives_other_codes_or_an_error(given_: tuple[Case, tuple[int, ...]], data: st.DataObject) -> None:
    case, codes = given_
    body = case.encode(codes)
    for n in range(len(body)):
        assert held(case, body[:n]) != codes
    for more in (b"\0", b"\x01", b"\xff", data.draw(st.binary(min_size=1, max_size=6))):
        assert held(case, body + more) != codes
    for bit in range(8 * len(body)):
        assert held(case, (int.from_bytes(body, "big") ^ 1 << bit).to_bytes(len(body), "big")) != codes


@pytest.mark.parametrize(
    ("case", "size"),
    [
        (clip(768, 1), 96), (clip(768, 2), 192), (clip(768, 16), 1536), (pq(16, 1024), 20), (vq((768, 512), 256, 64), 96),
        (vq((512, 512), 8196, 16), 1665), (vq((2048, 2048), 65536, 64), 2048),
    ],
)  # fmt: skip
def test_sizes_of_equally_likely_codes(case: Case, size: int) -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, case.most + 1, case.count).tolist()
    codes[-1] = case.most  # no zero at the end, which would be left out
    body = case.encode(codes)
    assert len(body) == size
    assert held(case, body) == tuple(codes)


@pytest.mark.parametrize(
    "case",
    [
        clip(1, 1), clip(65536, 16), clip(300, 1, [65535] * 300), clip(300, 16, [1] * 300), pq(1, 1), pq(65536, 1),
        pq(65536, 65536), vq((1, 1), 1, 8), vq((1, 1), 65536, 1024), vq((1024, 16), 65536, 8), vq((4096, 8), 1, 8),
        vq((99, 99), 2, 8, [TOTAL - 1, 1]),
    ],
)  # fmt: skip
def test_smallest_and_largest(case: Case) -> None:
    for code in {0, case.most}:
        codes = (code,) * case.count
        assert held(case, case.encode(codes)) == codes
    assert case.encode((0,) * case.count) == b""  # every interval begins at 0


def test_examples_of_the_specification() -> None:
    codes = (2, 1, 3, 0, 2, 2, 3, 0)
    assert clip_bits.quantise(np.array([0.3, -0.3, 1.7, -2, 0, -0.0, 0.5, -0.5001]), 2) == codes
    assert clip(8, 2).encode(codes).hex() == "9cac"
    assert codes_of(clip(8, 2).decode(b"\x9c\xac")) == codes
    assert clip(8, 2).decode(b"\x9c\xac").serialise().hex(" ", 2) == "0002 0001 0003 0000 0002 0002 0003 0000"
    assert pq(3, 1000).encode((7, 999, 500)).hex() == "020c4157"
    case = vq((100, 70), 256, 64)
    assert case.encode((1, 2, 3, 255)).hex() == "010203fe"
    assert case.decode(bytes.fromhex("010203FE")).to_json() == [[1, 2], [3, 255]]


def test_a_table_moves_the_bits_and_nothing_else() -> None:
    prior = [60000, 3000] * 40
    likely = tuple(1 if frequency > 32768 else 0 for frequency in prior)
    assert len(clip(80, 1, prior).encode(likely)) < len(clip(80, 1).encode(likely)) == 10
    assert len(clip(80, 1, prior).encode([1 - code for code in likely])) > 10
    usage = [TOTAL - 3, 1, 1, 1]
    assert len(vq((640, 8), 4, 8, usage).encode([0] * 80)) == 0
    assert len(vq((640, 8), 4, 8, usage).encode([3] * 80)) == 160


@pytest.mark.parametrize(
    "case", [clip(3, 2), clip(3, 2, [5, 6, 7]), pq(3, 4), vq((24, 8), 4, 8), vq((24, 8), 2, 8, [1, TOTAL - 1])]
)
def test_codes_that_do_not_fit(case: Case) -> None:
    good = (0,) * case.count
    wrong: list[Sequence[Any]] = [good[1:], (*good, 0), (), (case.most + 1, 0, 0), (-1, 0, 0), (1 << 70, 0, 0)]
    for codes in wrong:
        with pytest.raises(ValueError, match=r"0 … |dimensions, not|codes, not|rows of"):
            case.encode(codes)
    for odd in ((0.0, 0, 0), ("0", 0, 0), (None, 0, 0)):
        with pytest.raises(TypeError):
            case.encode(odd)  # type: ignore[arg-type]
    assert case.encode(np.array(good, np.int8)) == case.encode(good)  # type: ignore[arg-type]


# --- CLIP: from real numbers to codes ----------------------------------------------------------------------------


def exact_code(z: float, b: int) -> int:
    """SPEC §13.3 in rational numbers, of one binary32 value."""
    if math.isinf(z):
        return (1 << b) - 1 if z > 0 else 0
    half = 1 << (b - 1)
    return min(max(math.floor(Fraction(z) * half) + half, 0), 2 * half - 1)


def steps(b: int) -> list[float]:
    """The borders of steps ±k / 2^(b-1) about -1, 0 and 1, with their neighbours among binary32 numbers."""
    half = 1 << (b - 1)
    near = {k for about in (-half, 0, half) for k in range(about - 3, about + 4)}
    exact = [np.float32(k / half) for k in near]
    return [float(z) for x in exact for z in (x, np.nextafter(x, np.float32(-9)), np.nextafter(x, np.float32(9)))]


SPECIAL = [
    0.0,
    -0.0,
    math.inf,
    -math.inf,
    2.0**-149,
    -(2.0**-149),
    2.0**-126,
    -(2.0**-126),
    3.4028234e38,
    -3.4028234e38,
]


@pytest.mark.parametrize("b", range(1, 17))
def test_quantiser_at_every_border(b: int) -> None:
    z = np.array([*SPECIAL, *steps(b)], np.float32)
    assert clip_bits.quantise(z, b) == tuple(exact_code(float(x), b) for x in z)


@relaxed
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=30), st.integers(1, 16))
def test_quantiser_is_exact(values: list[float], b: int) -> None:
    z = np.array(values, np.float32)
    wanted = tuple(exact_code(float(x), b) for x in z)
    assert clip_bits.quantise(z, b) == wanted
    for same in (z.astype(np.float64), z.astype(">f4"), values, z[::-1][::-1]):
        assert clip_bits.quantise(same, b) == wanted


def test_quantiser_takes_the_binary32_value() -> None:
    below = np.array([-1e-300, 1 - 1e-12, -1e300, 1e300])  # as binary64; as binary32 -0.0, 1, and infinities
    assert clip_bits.quantise(below, 2) == (2, 3, 0, 3)
    assert clip_bits.quantise(np.array([-3, -1, 0, 1, 1 << 40]), 2) == (0, 0, 2, 3, 3)
    assert clip_bits.quantise(np.array([0, 255], np.uint8), 1) == (1, 1)
    assert clip_bits.quantise(np.array([-0.5, 0.25], np.float16), 3) == (2, 5)


@pytest.mark.parametrize("b", [1, 2, 16])
def test_quantiser_refuses_what_is_no_vector_of_numbers(b: int) -> None:
    quiet = struct.unpack("<ff", bytes.fromhex("0000C07F 010080FF"))  # quiet and signalling, of either sign
    for nan in (*quiet, math.nan):
        with pytest.raises(ValueError, match="dimension 1 of the vector is not a number"):
            clip_bits.quantise(np.array([0, nan, 0], np.float32), b)
    wrong: list[Any] = [
        5.0,
        [[1.0]],
        [1j],
        ["1"],
        [True],
        [None],
        np.zeros((0, 3)),
        np.array(["2020"], "M8[Y]"),
        [[1], [1, 2]],
    ]
    for vector in wrong:
        with pytest.raises(ValueError, match=r"vector is one row|inhomogeneous"):
            clip_bits.quantise(vector, b)
    assert clip_bits.quantise([], b) == ()


@relaxed
@given(
    st.integers(1, 16).flatmap(
        lambda b: st.tuples(st.just(b), st.lists(st.integers(0, (1 << b) - 1), min_size=1, max_size=50))
    )
)
@example((1, [0]))
@example((16, [32767, 32768]))
def test_the_middle_of_a_step_is_of_its_code(given_: tuple[int, list[int]]) -> None:
    b, codes = given_
    middles = [(Fraction(code) + Fraction(1, 2)) / 2 ** (b - 1) - 1 for code in codes]
    z = np.array([float(middle) for middle in middles], np.float32)
    assert [Fraction(float(x)) for x in z] == middles  # binary32 holds them
    assert clip_bits.quantise(z, b) == tuple(codes)
    vector = clip_bits.dequantise(codes, b)
    assert vector.dtype == np.float32
    assert math.sqrt(sum(float(x) ** 2 for x in vector)) == pytest.approx(19.5, rel=1e-5)
    assert vector == pytest.approx(19.5 * z / np.linalg.norm(z.astype(float)), rel=1e-5)
    assert [x > 0 for x in vector] == [code >= 1 << (b - 1) for code in codes]
    assert clip_bits.quantise(vector, 1) == tuple(code >> (b - 1) for code in codes)


# --- PQ: the nearest code word -----------------------------------------------------------------------------------


def brute(vector: Sequence[int], books: NDArray[np.float32]) -> tuple[int, ...]:
    """The first of the nearest code words, in rational numbers."""
    m, v, part = books.shape
    out = []
    for i in range(m):
        z = [Fraction(x) for x in vector[i * part : (i + 1) * part]]
        far = [sum((a - Fraction(float(c))) ** 2 for a, c in zip(z, books[i, j], strict=True)) for j in range(v)]
        out.append(far.index(min(far)))
    return tuple(out)


@relaxed
@given(st.data(), st.integers(1, 4), st.integers(1, 6), st.integers(1, 3))
def test_search_finds_the_first_of_the_nearest(data: st.DataObject, m: int, v: int, part: int) -> None:
    small = st.integers(-3, 3)  # so that many are equally near
    words = data.draw(st.lists(small, min_size=m * v * part, max_size=m * v * part))
    books = np.array(words, np.float32).reshape(m, v, part)
    vector = data.draw(st.lists(small, min_size=m * part, max_size=m * part))
    wanted = brute(vector, books)
    for form in (vector, np.array(vector, np.int64), np.array(vector, np.float32), np.array(vector, ">f8")):
        assert pq_codes.search(form, books) == wanted
    codes = tuple(data.draw(st.integers(0, v - 1)) for _ in range(m))
    word = pq_codes.lookup(codes, books)
    assert word.dtype == np.float32
    assert word.shape == (m * part,)
    assert np.array_equal(word.reshape(m, part), [books[i, code] for i, code in enumerate(codes)])
    again = pq_codes.search(word, books)
    assert np.array_equal(pq_codes.lookup(again, books), word)
    assert all(first <= code for first, code in zip(again, codes, strict=True))


def test_search_of_what_cannot_be() -> None:
    books = np.zeros((2, 3, 2), np.float32)
    wrong: list[Any] = [[1, 2, 3], [[1, 2], [3, 4]], 4.0, [1j] * 4, [True] * 4, ["a"] * 4]
    for vector in wrong:
        with pytest.raises(ValueError, match="one row of 4 real numbers"):
            pq_codes.search(vector, books)
    for bad in (math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match="dimension 2 of the vector is not finite"):
            pq_codes.search([0, 0, bad, 0], books)
    assert pq_codes.search([1e300] * 4, books) == (0, 0)  # squares beyond binary64 are all the same


# --- VQ: the grid ------------------------------------------------------------------------------------------------


@given(st.integers(1, 65536), st.integers(1, 65536), st.integers(8, 1024))
@example(64, 65, 64)
@example(1, 1, 1024)
def test_grids_are_rounded_up(width: int, height: int, stride: int) -> None:
    h, w = vq_indices.grid((width, height), {"stride": stride})
    assert (h, w) == (math.ceil(Fraction(height, stride)), math.ceil(Fraction(width, stride)))
    assert (h - 1) * stride < height <= h * stride
    parameters = {"5": {"v": 9, "stride": stride, "usage": False}}
    row = Profile(240, "row", "draft", {"id": 240, "kinds": [5], "parameters": parameters}, None, "")
    assert symbol_count(row, spec.VQ, width, height) == h * w


def test_what_is_too_long_to_show() -> None:
    for case in (clip(SHOWN_SYMBOLS + 1, 1), pq(SHOWN_SYMBOLS + 1, 1), vq((8 * SHOWN_SYMBOLS + 8, 1), 1, 8)):
        assert case.decode(b"").to_json() is None


# --- models and rows ---------------------------------------------------------------------------------------------


def test_a_model_must_be_of_the_row() -> None:
    def code(kind: int, numbers: dict[str, int], wanted: int, parameters: dict[str, Any]) -> int:
        try:
            kinds.check_model(TableModel(kind, "", numbers, np.zeros(1)), wanted, parameters)
        except SemError as error:
            return error.code
        return 0

    row = {"d": 8, "b": 2, "prior": True}
    assert code(3, {"d": 8, "b": 2}, 3, row) == 0
    assert (
        code(3, {"d": 9, "b": 2}, 3, row)
        == code(3, {"d": 8, "b": 1}, 3, row)
        == code(3, {"d": 8, "b": 2}, 5, row)
        == 803
    )
    assert code(4, {"m": 2, "v": 4, "d": 6}, 4, {"m": 2, "v": 4, "codebooks": True}) == 0
    assert code(4, {"m": 2, "v": 5, "d": 6}, 4, {"m": 2, "v": 4, "codebooks": True}) == 803
    assert code(5, {"v": 6}, 5, {"v": 6, "stride": 16, "usage": True}) == 0
    assert code(5, {"v": 7}, 5, {"v": 6, "stride": 16, "usage": True}) == 803


def test_which_kinds_need_a_model() -> None:
    assert kinds.needs_model(spec.CLIP, {"prior": True})
    assert not kinds.needs_model(spec.CLIP, {"prior": False})
    assert not kinds.needs_model(spec.PQ, {"codebooks": True})
    assert kinds.needs_model(spec.VQ, {"usage": True})
    assert not kinds.needs_model(spec.VQ, {"usage": False})
    assert not kinds.needs_model(spec.CONSONANT, {})
    assert kinds.needs_model(spec.SKETCH, {})


def test_bodies_are_read_without_numpy() -> None:
    script = (
        "import sys\n"
        "from refcodec.payloads import clip_bits, pq_codes, vq_indices\n"
        "clip_bits.decode(b'', {'d': 4, 'b': 1, 'prior': False})\n"
        "pq_codes.decode(b'', {'m': 4, 'v': 5})\n"
        "vq_indices.decode(b'', {'v': 5, 'stride': 8}, (9, 9))\n"
        "print('numpy' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"False\n"


def test_kinds_by_number_and_name() -> None:
    assert [kind.id for kind in kinds.KINDS] == list(kinds.KINDS.names) == [1, 2, 3, 4, 5, 6, 7]
    assert [kinds.KINDS.names[number] for number in (1, 7)] == ["consonant", "elic"]
    with pytest.raises(ValueError, match="there is a payload kind 7"):
        kinds.KINDS.extended_by(kinds.get(7))
    with pytest.raises(KeyError):
        kinds.get(8)
    assert kinds.KINDS.find(True) is None


def test_a_section_that_is_not_there() -> None:
    container = read(codec.encode_file(None, caption="x", size=(64, 48)).data)
    assert container.section(0x82) is container.sections[0]
    assert container.section(0x81) is None
    with pytest.raises(SemError, match="the file holds no elic"):
        decode_container(container, Environment()).value(7)


@pytest.mark.parametrize(("number", "noun"), [(spec.VQ, "index"), (tokens.ID, "token")])
def test_frequencies_of_symbols(number: int, noun: str) -> None:
    form = kinds.WITH_DRAFTS.get(number).table
    assert form is not None
    form.check({"v": 3}, np.array([65_533, 2, 1], np.uint16))
    for frequencies in ([65_534, 2, 1], [65_534, 2, 0], [65_534, 2], [65_531, 2, 1]):
        with pytest.raises(SemError) as caught:
            form.check({"v": 3}, np.array(frequencies, np.uint16))
        assert (caught.value.code, caught.value.path) == (803, "usage")
        assert caught.value.what == f"not a frequency of 1 or more for each {noun}, 65536 in sum"
