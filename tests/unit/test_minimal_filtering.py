# SPDX-License-Identifier: MIT
"""Minimal filtering: an identity over the rationals, exact in binary64 under the bounds of SPEC §11, and as convolutions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import reference_networks as plain
from hypothesis import given, settings
from hypothesis import strategies as st

from refcodec.networks import numpy_convolution
from refcodec.networks.layers import ACCUMULATOR, ACTIVATION, Conv, Requant, check_net
from refcodec.networks.minimal_filtering import GROWTH, OUTPUTS, POINTS, filtering, matrices, odd_denominator
from refcodec.networks.numpy_backend import NumpyBackend


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_identity(data: st.DataObject) -> None:
    n = data.draw(st.sampled_from(sorted(POINTS)))
    inputs, taps, outputs = matrices(n)
    x = [data.draw(st.integers(-(2**40), 2**40)) for _ in range(n + OUTPUTS - 1)]
    w = [data.draw(st.integers(-(2**40), 2**40)) for _ in range(n)]
    products = [
        sum(a * b for a, b in zip(row, x, strict=True)) * sum(a * b for a, b in zip(other, w, strict=True))
        for row, other in zip(inputs, taps, strict=True)
    ]
    y = [sum(a * b for a, b in zip(row, products, strict=True)) for row in outputs]
    assert y == [sum(w[k] * x[i + k] for k in range(n)) for i in range(OUTPUTS)]


def twos(value: Fraction) -> int:
    """Return the exponent e for which 2^e times a fraction other than 0 is an odd integer."""
    assert value.denominator & (value.denominator - 1) == 0, "scaled values are integers over powers of two"
    return value.denominator.bit_length() - (value.numerator & -value.numerator).bit_length()


@pytest.mark.parametrize("n", sorted(POINTS))
def test_every_sum_is_exact_in_binary64(n: int) -> None:
    """Bound all sums in units of their least bit, relative to the bound of the convolution, X times the sum of |w|."""
    inputs, taps, outputs = matrices(n)
    scale = odd_denominator(taps)
    taps = [[scale * entry for entry in row] for row in taps]
    steps, growths = [], []
    for row, other in zip(inputs, taps, strict=True):
        steps.append(max(twos(a) for a in row if a) + max(twos(a) for a in other if a))
        growths.append(sum(map(abs, row)) * max(map(abs, other)))
        assert growths[-1] * 2 ** steps[-1] <= 2**GROWTH  # the sums of products
    for row in outputs:
        step = max(s + twos(a) for s, a in zip(steps, row, strict=True) if a)
        total = sum(g * abs(a) for g, a in zip(growths, row, strict=True))
        assert total * 2**step <= 2**GROWTH
    assert ACCUMULATOR * 2**GROWTH <= 2**53
    # the transformed inputs and weights themselves
    assert max(sum(map(abs, row)) for row in inputs) * ACTIVATION * 2**8 < 2**53
    assert np.array_equal(filtering(n).taps, np.array(taps, float))


def extreme(rng: np.random.Generator, i: int, o: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights whose accumulators reach 2^37, and their biases."""
    w = rng.choice((-32768, 32767, 32766, -1, 0, 1), (o, i, n, n)).astype(np.int16)
    total = np.abs(w.astype(np.int64)).sum((1, 2, 3))
    return w, (ACCUMULATOR - ACTIVATION * total) * rng.choice((-1, 1), o)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(POINTS)),
    st.booleans(),
    st.sampled_from(((4, 8), (7, 4), (1, 12))),
)
@settings(max_examples=40, deadline=None)
def test_convolutions_at_their_bounds(seed: int, n: int, transposed: bool, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    inputs, outputs = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    w, b = extreme(rng, inputs, outputs, n)
    layer = Conv(np.ascontiguousarray(w.transpose(1, 0, 2, 3)) if transposed else w, b, 1, transposed)
    assert check_net((layer,), ACTIVATION, "") == ACCUMULATOR
    x = rng.choice((-32768, 32767, -32767, 12345, 0), (inputs, *size))
    reference = plain.deconv if transposed else plain.conv
    wanted = np.array(reference(x.tolist(), layer.w.tolist(), b.tolist(), 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numpy_convolution, "FILTERING_PAYS", 1)
        patch.setattr(numpy_convolution, "ROWS", int(rng.integers(1, 4)))
        patch.setattr(numpy_convolution, "BAND", 1)
        assert numpy_convolution.is_filtered(layer, *size)
        backend = NumpyBackend()
        assert np.array_equal(backend.to_int(backend.run((layer,), backend.array(x), 0)), wanted)
        one = np.ones((1, 1), np.int64)
        clamp = Requant(one.astype(np.int16), (19 * one).astype(np.uint8), 7 * one, -32768, 32767)
        got = backend.run((layer, clamp), x.astype(np.int16), 0)
        assert got.dtype == np.int16
        assert np.array_equal(got, np.clip((wanted + 7) >> 19, -32768, 32767))


@pytest.mark.parametrize(("n", "stride"), [(5, 2), (7, 3), (9, 2), (9, 4)])
def test_phases_of_deconvolutions(n: int, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Phases with fewer taps than others count as having zeros."""
    rng = np.random.default_rng(n)
    w = rng.integers(-32768, 32768, (2, 3, n, n)).astype(np.int16) if n < 9 else rng.integers(-9999, 9999, (2, 3, n, n))
    layer = Conv(w.astype(np.int16), rng.integers(-9, 9, 3), stride, True)
    check_net((layer,), ACTIVATION, "")
    x = rng.choice((-32768, 32767, 0, -1), (2, 3, 8))
    wanted = np.array(plain.deconv(x.tolist(), layer.w.tolist(), layer.b.tolist(), stride))
    monkeypatch.setattr(numpy_convolution, "FILTERING_PAYS", 1)
    assert numpy_convolution.is_filtered(layer, 3, 8)
    for rows in (1, 2, 16):
        monkeypatch.setattr(numpy_convolution, "ROWS", rows)
        monkeypatch.setattr(numpy_convolution, "BAND", 1)
        backend = NumpyBackend()
        assert np.array_equal(backend.to_int(backend.run((layer,), backend.array(x), 0)), wanted)


def test_what_is_not_filtered() -> None:
    one = np.ones((1, 1, 1, 1), np.int16)
    bias = np.zeros(1, np.int64)
    for n, stride, transposed, size in (
        (1, 1, False, (64, 64)),
        (7, 1, False, (64, 64)),
        (3, 2, False, (64, 64)),
        (3, 2, True, (64, 64)),  # two columns
        (3, 1, False, (64, 63)),
        (3, 1, False, (4, 4)),
    ):
        layer = Conv(np.broadcast_to(one, (1, 1, n, n)), bias, stride, transposed)
        assert not numpy_convolution.is_filtered(layer, *size)
    assert numpy_convolution.is_filtered(Conv(np.broadcast_to(one, (1, 1, 3, 3)), bias), 64, 64)


def test_weights_that_add_up_as_far_as_they_may() -> None:
    """All products of one sign, for which every sum is the largest."""
    for n in POINTS:
        inputs = ACCUMULATOR // (ACTIVATION * 32767 * n * n)
        signs = np.where(np.arange(n) % 2, -1, 1)
        for pattern in (np.ones(n), signs):
            w = np.broadcast_to(32767 * pattern, (1, inputs, n, n)).astype(np.int16)
            x = np.full((inputs, 16, 32), -32767) * np.where(np.arange(32) % 2, -1, 1) * pattern[:1].astype(int)
            layer = Conv(w, np.zeros(1, np.int64))
            wanted = sum(
                (x.sum(0)[None, u : u + 16 - n + 1, v : v + 32 - n + 1]) * int(w[0, 0, u, v])
                for u in range(n)
                for v in range(n)
            )
            p = (n - 1) // 2
            got = NumpyBackend().run((layer,), x.astype(np.int16), 0)
            assert np.array_equal(got[:, p:-p, p:-p], wanted)
