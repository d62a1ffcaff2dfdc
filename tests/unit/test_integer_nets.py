# SPDX-License-Identifier: MIT
"""SPEC §11: both backends against plain Python integers, at the bounds that make them exact, in every configuration."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import reference_networks as plain
from hypothesis import given, settings
from hypothesis import strategies as st

from refcodec.errors import SemError
from refcodec.networks import layers, numpy_backend, numpy_convolution
from refcodec.networks.checkerboard import passes
from refcodec.networks.context_model import is_one_convolution, pass_sites
from refcodec.networks.layers import Add, Conv, Layer, Net, Relu, Requant, check_net, check_requant
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.torch_backend import TorchBackend

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:TF32 acceleration")  # torch warns of what its own context manager sets

TORCH = tuple(itertools.product((1, 2), (True, False), (False, True)))  # threads, oneDNN, channels last


@contextmanager
def configured(threads: int, onednn: bool) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.backends.mkldnn.flags(enabled=onednn):
            yield
    finally:
        torch.set_num_threads(before)


def everywhere(net: Net, x: np.ndarray[Any, Any], rate: int = 0) -> list[np.ndarray[Any, Any]]:
    """What every backend and configuration makes of a net."""
    b: Any = NumpyBackend()
    results = [b.to_int(b.run(net, b.array(x), rate))]
    for threads, onednn, last in TORCH:
        with configured(threads, onednn):
            b = TorchBackend(channels_last=last)
            results.append(b.to_int(b.run(net, b.array(x), rate)))
    return results


def agree(net: Net, x: np.ndarray[Any, Any], wanted: Any, rate: int = 0) -> None:
    for got in everywhere(net, x, rate):
        assert got.dtype == np.int64
        assert got.tolist() == wanted


def random_conv(rng: np.random.Generator, i: int, o: int, n: int, stride: int, transposed: bool) -> Conv:
    """Weights of all of int16, biases that take the accumulator to its bound exactly."""
    w = rng.integers(-32768, 32768, (i, o, n, n) if transposed else (o, i, n, n)).astype(np.int16)
    w[np.abs(w) < 20000] //= 2
    total = np.abs(w.astype(np.int64)).sum((0, 2, 3) if transposed else (1, 2, 3))
    b = (layers.ACCUMULATOR - layers.ACTIVATION * total) * rng.choice((-1, 1), o)
    conv = Conv(w, b, stride, transposed)
    assert check_net((conv,), layers.ACTIVATION, "") == layers.ACCUMULATOR
    return conv


CASES = [(n, s, transposed) for n in (1, 3, 5) for s in (1, 2, 3, 4) for transposed in (False, True)]


@pytest.mark.parametrize(("n", "stride", "transposed"), [*CASES, (7, 2, True), (9, 4, False), (15, 4, True)])
def test_convolutions_of_full_range(n: int, stride: int, transposed: bool) -> None:
    rng = np.random.default_rng(1000 * n + 10 * stride + transposed)
    sides = ((1, 1), (1, 5), (4, 7)) if n < 7 else ((3, 2),)
    for h, w in sides:
        i, o = (2, 3) if n < 9 else (1, 1)
        layer = random_conv(rng, i, o, n, stride, transposed)
        x = rng.choice((-32768, 32767, 0, 1, -12345), (i, h, w))
        reference = plain.deconv if transposed else plain.conv
        wanted = reference(x.tolist(), layer.w.tolist(), layer.b.tolist(), stride)
        agree((layer,), x, wanted)
        assert np.array(wanted).shape[1:] == (
            (h * stride, w * stride) if transposed else (-(-h // stride), -(-w // stride))
        )


@pytest.mark.parametrize("transposed", [False, True])
def test_accumulators_reach_two_to_the_37_exactly(transposed: bool) -> None:
    for sign in (1, -1):
        total = 3 * 3 * 3 * 32768
        w = np.full((3, 3, 3, 3), -32768 if sign > 0 else 32767, np.int16)
        total = int(np.abs(w.astype(np.int64)).sum()) // 3
        b = np.full(3, sign * (2**37 - total * 32768), np.int64)
        layer = Conv(w, b, 1, transposed)
        assert check_net((layer,), 32768, "") == 2**37
        x = np.full((3, 5, 5), -32768)
        for got in everywhere((layer,), x):
            assert set(got[:, 1:-1, 1:-1].ravel().tolist()) == {sign * 2**37}
    # and one more is refused
    with pytest.raises(SemError) as e:
        check_net((Conv(w, b - 1, 1, transposed),), 32768, "net")
    assert e.value.code == 804


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    for transposed, stride in itertools.product((False, True), (1, 2, 3)):
        layer = random_conv(rng, 2, 2, 5, stride, transposed)
        x = rng.integers(-32768, 32768, (2, 7, 6))
        whole = everywhere((layer,), x)[0]
        for band, rows in ((1, 1), (150, 1), (777, 2)):
            monkeypatch.setattr(numpy_convolution, "BAND", band)
            monkeypatch.setattr(numpy_convolution, "ROWS", rows)
            monkeypatch.setattr(numpy_backend, "BAND", band)
            for got in everywhere((layer, Relu()), x)[:1]:
                assert np.array_equal(got, np.maximum(whole, 0))
        monkeypatch.undo()


@pytest.mark.parametrize("n", [3, 5, 15])
@pytest.mark.parametrize("parity", [0, 1])
def test_sites_and_the_taps_that_meet_anchors(n: int, parity: int) -> None:
    rng = np.random.default_rng(n)
    i, o = (2, 3) if n < 15 else (1, 1)
    layer = random_conv(rng, i, o, n, 1, False)
    clamp = requant_of(m=9, s=20, a=-5)
    for h, w in ((4, 4), (8, 6), (2, 2)):
        (_, squares), (anchors, others) = passes(h, w, parity), pass_sites(h, w, parity)
        x = np.zeros((i, h, w), np.int64)
        x[:, anchors[0], anchors[1]] = rng.integers(-32768, 32768, (i, len(anchors[0])))
        wanted = np.array(plain.conv(x.tolist(), layer.w.tolist(), layer.b.tolist(), 1))[:, others[0], others[1]]
        clamped = np.clip((wanted * 9 - 5) >> 20, -32768, 32767)
        b: Any
        for b in (NumpyBackend(), TorchBackend(), TorchBackend(channels_last=True)):
            for rows in (h, 2):
                for band, part in squares.bands(rows):
                    grid = b.array(x)
                    assert np.array_equal(b.to_int(b.beside_anchors((layer,), grid, band, 0)), wanted[:, part])
                    got = b.to_int(b.beside_anchors((layer, clamp, Relu()), grid, band, 0))
                    assert np.array_equal(got, np.maximum(clamped[:, part], 0))


def test_only_one_plain_convolution_takes_the_short_way() -> None:
    rng = np.random.default_rng(0)
    plain_one, one = random_conv(rng, 1, 1, 3, 1, False), random_conv(rng, 1, 1, 1, 1, False)
    clamp = requant_of(m=1, s=16, a=0)
    assert is_one_convolution((plain_one, clamp, Relu()))
    for net in (
        (random_conv(rng, 1, 1, 3, 1, True), clamp),
        (random_conv(rng, 1, 1, 3, 2, False), clamp),
        (plain_one, clamp, one),
        (plain_one, clamp, Relu(), Add(1)),
        (Relu(),),
        (clamp, plain_one),
        (plain_one, one),
        (one, clamp),
    ):
        assert not is_one_convolution(net)


@pytest.mark.parametrize("transposed", [False, True])
def test_pointwise_nets_at_sites_are_nets_on_the_grid(transposed: bool) -> None:
    rng = np.random.default_rng(8)
    small = Conv(rng.integers(-9, 10, (3, 3, 1, 1)).astype(np.int16), rng.integers(-9, 10, 3), 1, transposed)
    net: Net = (
        random_conv(rng, 3, 3, 1, 1, transposed),
        requant_of(m=30000, s=40, a=5),
        Relu(),
        small,
        Add(2),
        requant_of(m=20000, s=16, a=-3),
        small,
    )
    x = rng.integers(-32768, 32768, (3, 4, 6))
    sites, squares = pass_sites(4, 6, 1)[0], passes(4, 6, 1)[0]
    b: Any
    for b in (NumpyBackend(), TorchBackend()):
        whole = b.to_int(b.run(net, b.array(x), 0))
        at_sites = b.run_at_sites(net, b.joined(None, [b.array(x[:1]), b.array(x[1:])], squares), 0)
        assert np.array_equal(b.to_int(at_sites), whole[:, sites[0], sites[1]])
        assert np.array_equal(whole, everywhere(net, x)[0])
        blank = b.array(np.concatenate([np.zeros_like(x[:2]), x[:1]]))
        short = b.run_at_sites(net, b.joined(None, [blank[2:]], squares), 0, skip=2)
        assert np.array_equal(b.to_int(short), b.to_int(b.run_at_sites(net, b.joined(None, [blank], squares), 0)))


@pytest.mark.parametrize("first", [0, 1])
def test_squares_are_the_sites_of_a_pass_in_raster_order(first: int) -> None:
    x = np.arange(2 * 8 * 6).reshape(2, 8, 6)
    for squares, (rows, cols) in zip(passes(8, 6, first), pass_sites(8, 6, first), strict=True):
        assert squares.count == len(rows) == 24
        for step in (1, 2, 3, 4, 8, 100):
            ends, grid = [0], np.zeros_like(x)
            for band, part in squares.bands(step):
                values = np.empty((2, band.count), np.int64)
                band.read(x, values)
                assert np.array_equal(values, x[:, rows, cols][:, part])
                band.write(grid, values)
                assert part.start == ends[-1]
                ends.append(part.stop)
            assert ends[-1] == 24
            assert np.array_equal(grid[:, rows, cols], x[:, rows, cols])
            assert np.count_nonzero(grid) == np.count_nonzero(x[:, rows, cols])


# -- requant, relu, add, ladder


def requant_of(m: Any, s: Any, a: Any, lo: int = -32768, hi: int = 32767) -> Requant:
    multipliers, shifts, addends = np.broadcast_arrays(
        np.atleast_2d(np.array(m, np.int16)), np.atleast_2d(np.array(s, np.uint8)), np.atleast_2d(np.array(a, np.int64))
    )
    return Requant(multipliers, shifts, addends, lo, hi)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_requant_at_its_bounds(data: st.DataObject) -> None:
    largest = data.draw(st.sampled_from((32768, 2**20, 2**37 - 1, 2**38)))
    m = data.draw(st.one_of(st.integers(1, 32767), st.sampled_from((1, 16384, 32767))))
    s = data.draw(st.integers(1, 52))
    room = 2**53 - 1 - largest * m
    a = data.draw(st.one_of(st.integers(-room, room), st.sampled_from((room, -room, 0, min(room, 1 << (s - 1))))))
    lo, hi = sorted((data.draw(st.integers(-32768, 32767)), data.draw(st.integers(-32768, 32767))))
    q = requant_of(m, s, a, lo, hi)
    assert check_requant(q, largest, "") == max(abs(lo), abs(hi))
    values = [largest, -largest, 0, 1, -1, *data.draw(st.lists(st.integers(-largest, largest), max_size=20))]
    edge = ((hi << s) - a) // m  # where the result changes from hi - 1 to hi
    values += [v for v in range(edge - 2, edge + 3) if abs(v) <= largest]
    wanted = [max(lo, min(hi, (v * m + a) >> s)) for v in values]
    agree((q,), np.array([[values]]), [[wanted]])


def test_a_product_just_below_two_to_the_53() -> None:
    for s in (1, 26, 52):
        room = 2**53 - 1 - 2**38 * 32767
        for x, a in ((2**38, room), (-(2**38), -room), (2**38 - 1, room), (-(2**38) + 1, -room)):
            agree((requant_of(32767, s, a),), np.array([[[x]]]), [[[max(-32768, min(32767, (x * 32767 + a) >> s))]]])
    with pytest.raises(SemError):
        check_requant(requant_of(32767, 1, room + 1), 2**38, "q")


@pytest.mark.parametrize("rates", [1, 3])
def test_axes_of_length_one_serve_every_rate_and_channel(rates: int) -> None:
    """Through the manifest, where the shapes of m, s and a are independent, and by parts of the channels."""
    rng = np.random.default_rng(rates)
    x = rng.integers(-(2**30), 2**30, (4, 2, 3))
    shapes = sorted({(r, c) for r in (1, rates) for c in (1, 4)})
    for shape_m, shape_s, shape_a in itertools.product(shapes, shapes, [None, *shapes]):
        q: dict[str, Any] = {"m": "m", "s": "s", "lo": -30000, "hi": 32767}
        t: dict[str, Any] = {
            "m": rng.integers(1, 2**15, shape_m).astype(np.int16),
            "s": rng.integers(1, 40, shape_s).astype(np.uint8),
        }
        if shape_a is not None:
            q["a"], t["a"] = "a", rng.integers(-(2**40), 2**40, shape_a)
        layer = from_manifest(q, t, rates, 4)
        for rate in range(rates):
            agree((layer,), x, plain.requant(x.tolist(), q, t, rate), rate)
            b: Any
            for b in (NumpyBackend(), TorchBackend()):
                part = b.to_int(b.requant(b.array(x[1:3]), layer, rate, slice(1, 3)))
                assert part.tolist() == plain.requant(x[1:3].tolist(), q, t, rate, 1)
                flat = b.to_int(b.requant(b.array(x.reshape(4, 6)), layer, rate))
                assert flat.reshape(4, 2, 3).tolist() == plain.requant(x.tolist(), q, t, rate)


def from_manifest(q: dict[str, Any], t: dict[str, Any], rates: int, channels: int) -> Requant:
    from refcodec.networks.layer_reader import LayerReader
    from refcodec.networks.tensors import declare

    read = LayerReader(rates, declare(t), t).requant(q, channels, "q")
    check_requant(read, 2**30, "q")
    return read


def test_relu_and_add_of_large_values() -> None:
    x = np.array([[[2**37, -(2**37), 0, 5, -5]]])
    agree((Relu(),), x, [[[2**37, 0, 0, 5, 0]]])
    agree((Relu(), Add(0)), x, [[[2**38, 0, 0, 10, 0]]])
    identity = Conv(np.ones((1, 1, 1, 1), np.int16), np.zeros(1, np.int64))
    assert check_net((identity, Relu(), Add(0)), 32768, "") == 65536


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=63, max_size=63, unique=True),
    st.lists(st.integers(-32768, 32767)),
)
@settings(max_examples=30, deadline=None)
def test_a_ladder_counts_the_thresholds_below(steps: list[int], values: list[int]) -> None:
    steps = sorted(steps)
    values = [v for v in (*values, *steps, *(v + 1 for v in steps)) if -32768 <= v <= 32767] or [0]
    wanted = [sum(t < v for t in steps) for v in values]
    b: Any
    for b in (NumpyBackend(), TorchBackend()):
        assert b.to_int(b.ladder(b.array([[values]]), np.array(steps, np.int32))).tolist() == [[wanted]]


def test_weights_are_read_only_and_strided_arrays_too() -> None:
    """As a memory-mapped or broadcast tensor may be; torch would warn of such, or write to it."""
    w = np.arange(18, dtype=np.int16).reshape(2, 1, 3, 3)[::-1]
    b = np.broadcast_to(np.array([7], np.int64), (2,))
    w.flags.writeable = False
    layer = Conv(w, b)
    x = np.ones((1, 4, 4), np.int64)
    x.flags.writeable = False
    agree((layer,), x, plain.conv(x.tolist(), w.tolist(), b.tolist(), 1))


@pytest.mark.parametrize("seed", range(12))
def test_random_nets(seed: int) -> None:
    from refcodec.networks.layer_reader import LayerReader
    from refcodec.networks.tensors import declare

    maker = plain.Models(seed)
    for outputs in (None, 3):
        net = maker.net(2, outputs)
        reader = LayerReader(maker.rates, declare(maker.tensors), maker.tensors)
        layers_, _ = reader.net(net, 2, "net")
        check_net(layers_, 32768, "net")
        x = np.random.default_rng(seed).integers(-32768, 32768, (2, 4, 8))
        for rate in range(maker.rates):
            agree(layers_, x, plain.run(net, x.tolist(), maker.tensors, rate), rate)


# -- SEM-R-100 to 105


ONE = Conv(np.ones((1, 1, 1, 1), np.int16), np.zeros(1, np.int64))
CLAMP = requant_of(1, 1, 0)


def small(w: int, b: int) -> Conv:
    return Conv(np.full((1, 1, 1, 1), w, np.int16), np.array([b], np.int64))


FULL = Conv(np.full((1, 4, 15, 15), 32767, np.int16), np.zeros(1, np.int64))
GOOD: list[tuple[str, tuple[Layer, ...], int]] = [
    ("R-100 at the bound", (ONE,), 32768),
    ("R-101 at the bound", (small(-32768, 2**37 - 2**30),), 32768),
    ("R-101 below, negative bias", (small(32767, -(2**37) + 32767 * 32768),), 32768),
    ("R-102 at the bounds", (requant_of([[1, 32767]], [[1, 52]], 0),), 2**38),
    ("R-103 at the bound", (requant_of(32767, 1, 2**53 - 1 - 2**38 * 32767),), 2**38),
    ("R-103 at the other bound", (requant_of(1, 52, -(2**53) + 1 + 5),), 5),
    ("R-104 at the bounds", (requant_of(1, 1, 0, -32768, -32768), ONE, requant_of(1, 1, 0, 32767, 32767)), 2**38),
    ("R-105 at the bound", (small(1, 2**37 - 32768), Add(0)), 32768),
]
BAD: list[tuple[str, tuple[Layer, ...], int]] = [
    ("R-100", (ONE,), 32769),
    ("R-100 behind a convolution", (small(2, 0), ONE, CLAMP), 32768),
    ("R-100 behind a sum", (ONE, Add(0), ONE), 32768),
    ("R-101", (small(-32768, 2**37 - 2**30 + 1),), 32768),
    ("R-101, negative", (small(-32768, -(2**37) + 2**30 - 1),), 32768),
    ("R-101, a bias whose magnitude int64 has not", (small(0, -(2**63)),), 1),
    ("R-101, a bias of 2^63 - 1", (small(1, 2**63 - 1),), 1),
    ("R-101, a sum beyond int32", (FULL,), 32768),
    ("R-101, one channel of two", (Conv(np.array([[[[1]]], [[[1]]]], np.int16), np.array([0, 2**37])),), 32768),
    ("R-102, multiplier 0", (requant_of(0, 1, 0),), 1),
    ("R-102, negative multiplier", (requant_of(-32768, 1, 0),), 1),
    ("R-102, one multiplier of many", (requant_of([[1, 1], [1, -1]], 1, 0),), 1),
    ("R-102, shift 0", (requant_of(1, 0, 0),), 1),
    ("R-102, shift 53", (requant_of(1, 53, 0),), 1),
    ("R-102, shift 255", (requant_of(1, 255, 0),), 1),
    ("R-103", (requant_of(32767, 1, 2**53 - 2**38 * 32767),), 2**38),
    ("R-103, negative", (requant_of(32767, 1, -(2**53) + 2**38 * 32767),), 2**38),
    ("R-103, an addend whose magnitude int64 has not", (requant_of(1, 1, -(2**63)),), 1),
    ("R-103, a sum that wraps in int64", (requant_of(32767, 1, 2**63 - 1),), 2**38),
    ("R-104, below", (requant_of(1, 1, 0, -32769, 0),), 1),
    ("R-104, above", (requant_of(1, 1, 0, 0, 32768),), 1),
    ("R-104, crossed", (requant_of(1, 1, 0, 1, 0),), 1),
    ("R-105", (small(1, 2**37 - 32768), Add(0), Add(0)), 32768),
    ("R-105, doubling", (ONE, *(Add(i) for i in range(24))), 32768),
]


@pytest.mark.parametrize(("net", "largest"), [case[1:] for case in GOOD], ids=[case[0] for case in GOOD])
def test_bounds_that_are_met(net: Net, largest: int) -> None:
    assert 0 < check_net(net, largest, "net") <= 2**38


@pytest.mark.parametrize(("net", "largest"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bounds_that_are_broken(net: Net, largest: int) -> None:
    with pytest.raises(SemError) as e:
        check_net(net, largest, "net")
    assert e.value.code == 804
    assert e.value.path is not None
    assert e.value.path.startswith("net[")
