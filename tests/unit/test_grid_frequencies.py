# SPDX-License-Identifier: MIT
"""Frequencies from logits (drafts/grids.md): their sum and floor, against plain integers and exact numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from refcodec.payloads.drafts import grid_frequencies
from refcodec.payloads.drafts.grid_frequencies import POWERS, cumulative, frequencies, part_tables, rest_table, weights
from semdrafts import grids as text

LOGIT = st.integers(-32768, 32767)


class Micro:
    """What the functions of the text need of the micro-decoder."""

    @staticmethod
    def cumulative_of(given_frequencies: list[int]) -> list[int]:
        return [0, *np.cumsum(given_frequencies).tolist()]


def test_the_powers_are_those_of_exact_numbers_and_of_the_text() -> None:
    with mp.workdps(60):
        exact = [int(mp.floor(mp.power(2, mp.mpf(20) - mp.mpf(i) / 64) + mp.mpf(1) / 2)) for i in range(64)]
    assert list(POWERS) == exact == text.T


@given(st.lists(st.integers(0, 2**36), min_size=1, max_size=300).filter(any))
def test_frequencies_are_at_least_1_and_2_to_the_16_in_sum(shares: list[int]) -> None:
    found = frequencies(np.array(shares, np.int64))
    assert int(found.sum()) == 65536
    assert int(found.min()) >= 1
    room, total = 65536 - len(shares), sum(shares)
    first = shares.index(max(shares))
    for j, (share, frequency) in enumerate(zip(shares, found.tolist(), strict=True)):
        exact = 1 + Fraction(room * share, total)
        assert 0 <= exact - frequency < 1 or (j == first and 0 <= frequency - exact < len(shares))


def test_the_largest_table_and_shares_stay_exact() -> None:
    shares = np.full(1 << 14, 1 << 20, np.int64)
    assert frequencies(shares).tolist() == [4] * (1 << 14)
    wide = np.array([2**36, 1], np.int64)
    assert frequencies(wide).tolist() == [65535, 1]
    assert frequencies(np.array([5], np.int64)).tolist() == [65536]


@given(st.lists(LOGIT, min_size=1, max_size=80))
def test_weights_halve_every_64_units(logits: list[int]) -> None:
    found = weights(np.array(logits, np.int64)).tolist()
    assert found == text.weights(logits)
    assert max(found) == 1 << 20
    for logit, weight in zip(logits, found, strict=True):
        exact = 2.0 ** (20 - (max(logits) - logit) / 64)
        assert abs(weight - exact) <= 1


@settings(deadline=None)
@given(st.lists(LOGIT, min_size=2, max_size=60), st.data())
def test_tables_of_parts_and_rests_are_those_of_the_text(logits: list[int], data: st.DataObject) -> None:
    split = data.draw(st.integers(1, len(logits)))
    table = part_tables(np.array([logits, logits[::-1]], np.int64), split)[0].tolist()
    every = text.weights(logits)
    parts = [sum(every[start : start + split]) for start in range(0, len(logits), split)]
    assert table == text.table(Micro, parts)
    for part in range(len(parts)):
        start = part * split
        rest = rest_table(np.array(logits, np.int64), split, part).tolist()
        assert rest == text.table(Micro, text.weights(logits[start : start + split]))


@pytest.mark.parametrize("split", [1, 2, 3, 5])
def test_both_symbols_together_have_the_probability_of_the_index(split: int) -> None:
    """Up to the floor of 1 in 2^16, an index costs what its logit says."""
    logits = np.array([0, 64, 128, -64, 20], np.int64)
    exact = 2.0 ** (logits / 64)
    exact /= exact.sum()
    table = np.diff(part_tables(logits[None], split)[0])
    for index in range(5):
        part, rest = divmod(index, split)
        found = table[part] / 65536 * np.diff(rest_table(logits, split, part))[rest] / 65536
        assert found == pytest.approx(exact[index], rel=2e-3)


def test_a_cumulative_table_begins_at_0_and_ends_at_2_to_the_16() -> None:
    table = cumulative(np.array([[1, 2, 3], [7, 0, 1]], np.int64))
    assert table[:, 0].tolist() == [0, 0]
    assert table[:, -1].tolist() == [65536, 65536]
    assert (np.diff(table) >= 1).all()
    assert grid_frequencies.OCTAVE == 64


def test_the_worked_example_of_the_text() -> None:
    from refcodec import entropy

    logits = np.array([0, 64, 128, 100, -6400], np.int64)
    assert weights(logits).tolist() == [262144, 524288, 1048576, 774282, 0]
    parts = part_tables(logits[None], 2)[0]
    assert np.diff(parts).tolist() == [19752, 45783, 1]
    assert [np.diff(rest_table(logits, 2, part)).tolist() for part in range(3)] == [
        [21845, 43691],
        [37699, 27837],
        [65536],
    ]
    coder = entropy.Encoder()
    for index in (3, 0, 4):
        part, rest = divmod(index, 2)
        coder.symbol(parts.tolist(), part)
        coder.symbol(rest_table(logits, 2, part).tolist(), rest)
    assert coder.finish() == bytes.fromhex("BBA9E6")
