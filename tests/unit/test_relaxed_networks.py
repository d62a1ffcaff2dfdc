# SPDX-License-Identifier: MIT
"""The networks, symbols and rounding of the search beside the exact ones that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from refcodec.entropy import TableBank, gaussians
from refcodec.environment import Environment
from refcodec.methods.rdo import cost_table
from refcodec.networks.layers import Requant
from refcodec.search.latent_search import Rows, learning_rate, strips_of
from refcodec.search.relaxed_networks import RelaxedNetworks
from refcodec.search.relaxed_rounding import RelaxedRounding
from refcodec.search.symbol_costs import ZCosts, gaussian_bits

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bank() -> TableBank:
    return gaussians(Environment.default().tables)


@pytest.mark.parametrize("index", [1, 7, 20, 40, 60])
def test_bits_are_those_of_the_gaussian_tables(bank: TableBank, index: int) -> None:
    # value 0 of wide tables also has what rounding the others down left over
    s = np.arange(1, max(2, int(2 * 0.11 * (256 / 0.11) ** (index / 63))))
    relaxed = gaussian_bits(torch.tensor(s, dtype=torch.float32), torch.full((len(s),), float(index))).numpy()
    assert relaxed == pytest.approx(cost_table(bank)[index, s], rel=0.02, abs=0.1)


def test_table_0_codes_nothing() -> None:
    index = torch.tensor([0.0, 0.4], requires_grad=True)
    bits = gaussian_bits(torch.tensor([3.0, 0.0]), index)
    bits.sum().backward()
    assert bits.tolist() == [0, 0]
    assert index.grad is not None
    assert torch.isfinite(index.grad).all()


def test_bits_of_z_are_those_of_its_tables_and_linear_between_them() -> None:
    bank = TableBank([(-1, [16384, 32768, 8192, 8192])])  # -1, 0, 1 and the escape
    costs = ZCosts(bank, 0, 1, CPU)

    def bits(value: float) -> float:
        return float(costs(torch.tensor([[[value]]], dtype=torch.float32)))

    assert [bits(z) for z in (-1, 0, 1)] == [2, 1, 3]
    assert bits(0.25) == pytest.approx(1.5)
    assert [bits(z) for z in (2, 3, 4, 5, -2)] == [5, 7, 7, 9, 5]  # escape, side, and 2 floor(log2 e) + 1 bits


@given(
    x=st.lists(st.integers(-(2**22), 2**22), min_size=1, max_size=20),
    m=st.integers(1, 255),
    s=st.integers(1, 20),
    a=st.integers(-(2**15), 2**15),
)
def test_requantisation_is_that_of_spec_11_within_a_unit(x: list[int], m: int, s: int, a: int) -> None:
    q = Requant(np.array([[m]], np.int16), np.array([[s]], np.uint8), np.array([[a]], np.int64), -500, 500)
    got = RelaxedNetworks(0, CPU).requant(torch.tensor([x], dtype=torch.float32), q).numpy()[0]
    exact = [min(max((v * m + a) >> s, -500), 500) for v in x]
    assert np.abs(got - exact).max() <= 1


def test_flooring_passes_gradients_within_the_bounds() -> None:
    q = Requant(np.array([[2]], np.int16), np.array([[2]], np.uint8), np.array([[0]], np.int64), -4, 4)
    x = torch.tensor([[3.0, -5.0, 100.0]], requires_grad=True)
    RelaxedNetworks(0, CPU).requant(x, q).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.5, 0.5, 0.0]]


def test_a_ladder_is_linear_between_its_thresholds() -> None:
    q = Requant(np.array([[2]], np.int16), np.array([[1]], np.uint8), np.array([[0]], np.int64), -1000, 1000)
    ladder = (10 * np.arange(63)).astype(np.int32)
    x = torch.tensor([[-50.0, 0.0, 10.0, 15.0, 620.0, 900.0]])
    got = RelaxedNetworks(0, CPU).table_index(x, q, ladder)
    assert got.tolist() == [[0.0, 0.0, 1.0, 1.5, 62.0, 63.0]]


@given(st.floats(-100, 100, width=32), st.sampled_from([0.05, 0.2, 1.0]))
def test_rounding_stays_between_floor_and_ceiling(value: float, temperature: float) -> None:
    rounding = RelaxedRounding(0, CPU)
    rounding.temperature = temperature
    x = torch.full((64,), value)
    got = rounding(x, rounding.noise(x.shape))
    assert (got >= np.floor(value)).all()
    assert (got <= np.floor(value) + 1).all()


def test_rounding_becomes_that_to_the_nearest_integer() -> None:
    rounding = RelaxedRounding(0, CPU)
    rounding.temperature = 0.02
    x = torch.tensor([0.2, 0.8, -1.3, 5.0, 6.999]).repeat(200, 1)
    assert (rounding(x, rounding.noise(x.shape)) - x.round()).abs().max() < 0.01


def test_the_same_seed_gives_the_same_choices() -> None:
    x = torch.linspace(-2, 2, 50)
    first, second, other = (RelaxedRounding(seed, CPU).noise(x.shape) for seed in (7, 7, 8))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@given(st.integers(1, 400), st.integers(1, 80), st.integers(0, 30))
def test_strips_cover_every_row_once(rows: int, height: int, halo: int) -> None:
    strips = strips_of(rows, height, halo)
    assert [row for strip in strips for row in range(strip.top, strip.bottom)] == list(range(rows))
    assert all(max(0, s.top - halo) == s.low and min(rows, s.top + height + halo) == s.high for s in strips)
    assert strips[0] == Rows(0, min(rows, height), 0, min(rows, height + halo))


def test_the_learning_rate_falls_to_0_and_is_smaller_at_low_rates() -> None:
    assert learning_rate(0.01, 0) == 0.05
    assert learning_rate(0.0003, 0) == pytest.approx(0.01128, abs=1e-4)
    assert learning_rate(0.01, 1) == pytest.approx(0)
