# SPDX-License-Identifier: MIT
"""The search for a target size, on made-up sizes: growing, with plateaus, with wiggles; and the operating points between rates."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refcodec.errors import Code, SemError
from refcodec.methods.operating_point import OperatingPoint, at_position, at_quality, rate_of
from refcodec.methods.rate_search import EVALUATIONS, search
from refcodec.rate_target import BPP_MAX, RateTarget

Sizes = Callable[[float], int]


def like_a_codec(rates: int, lowest: float, ratio: float, grows: float, shrinks: float, wiggle: float = 0.0) -> Sizes:
    """Sizes as those of latents: a ladder of rates, each with a half above it and, from anew, a half below it."""

    def size(position: float) -> int:
        rate = math.floor(position)
        share = position - rate
        log = math.log(lowest) + rate * math.log(ratio)
        if share <= 0.5:
            log += 2 * share * grows
        else:
            log += math.log(ratio) - shrinks * (2 - 2 * share)
        return round(math.exp(log + (wiggle * math.sin(1e4 * position) if share else 0)))

    return size


def recorded(sizes: Sizes) -> tuple[Sizes, list[float]]:
    asked: list[float] = []

    def size(position: float) -> int:
        asked.append(position)
        return sizes(position)

    return size, asked


@given(
    rates=st.integers(1, 64),
    ratio=st.floats(1.05, 1.6),
    grows=st.floats(0.0, 0.12),
    shrinks=st.floats(0.6, 1.2),
    target=st.floats(0.0, 1.0),
    lowest=st.floats(2000, 10_000),
)
@settings(deadline=None, max_examples=300)
def test_a_target_in_reach_is_met_within_a_percent(
    rates: int, ratio: float, grows: float, shrinks: float, target: float, lowest: float
) -> None:
    sizes, asked = recorded(like_a_codec(rates, lowest, ratio, grows, shrinks))
    low, high = math.log(sizes(0)), math.log(sizes(rates - 0.5))
    wanted = max(math.exp(low + target * (high - low)), sizes(0))
    asked.clear()
    found = search(sizes, wanted, rates, 0.01)
    assert found.fits
    assert not found.short
    assert 0.99 * wanted <= found.size <= wanted
    assert found.size == sizes(found.position)
    assert len(set(asked[:-1])) == len(asked[:-1]) == found.evaluations <= EVALUATIONS
    assert all(0 <= position <= rates - 0.5 for position in asked)


@given(
    wiggle=st.floats(0, 0.05), quantum=st.integers(1, 40), target=st.floats(1, 40_000), rates=st.integers(1, 12)
)  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_sizes_with_wiggles_and_plateaus(wiggle: float, quantum: int, target: float, rates: int) -> None:
    wavy = like_a_codec(rates, 900, 1.35, 0.07, 0.7, wiggle)
    sizes, asked = recorded(lambda position: wavy(position) // quantum * quantum)
    found = search(sizes, target, rates, 0.01)
    measured = {position: wavy(position) // quantum * quantum for position in asked}
    assert len(measured) == len(asked) == found.evaluations <= EVALUATIONS
    fitting = [size for size in measured.values() if size <= target]
    if found.fits:
        assert found.size == max(fitting)  # the best that was measured
        assert measured[found.position] == found.size
        assert found.short == (found.size < 0.99 * target and rates - 0.5 in fitting_positions(measured, target))
    else:
        assert (found.position, found.size, fitting) == (0, measured[0], [])


def fitting_positions(measured: dict[float, int], target: float) -> set[float]:
    return {position for position, size in measured.items() if size <= target}


@pytest.mark.parametrize("constant", [1, 7, 5000])
@pytest.mark.parametrize("rates", [1, 2, 10])
def test_one_size_at_all_positions(constant: int, rates: int) -> None:
    for target, fits, short in ((constant - 0.5, False, False), (constant, True, False), (2 * constant, True, True)):
        found = search(lambda _: constant, target, rates, 0.01)
        assert (found.size, found.fits, found.short) == (constant, fits, short)


def test_the_ends_of_the_reach() -> None:
    sizes = like_a_codec(10, 3000, 1.35, 0.07, 0.7)
    smallest, largest = sizes(0), sizes(9.5)
    for target, size, fits, short in (
        (1, smallest, False, False),
        (smallest - 1, smallest, False, False),
        (smallest, smallest, True, False),
        (largest, largest, True, False),
        (largest / 0.995, largest, True, False),
        (largest / 0.98, largest, True, True),
        (1e12, largest, True, True),
    ):
        found = search(sizes, target, 10, 0.01)
        assert (found.fits, found.short) == (fits, short), target
        assert found.size <= size
        assert found.size >= 0.99 * min(target, size) or not fits


def test_a_rate_is_taken_as_it_is() -> None:
    sizes = like_a_codec(10, 3000, 1.35, 0.07, 0.7)
    for rate in range(10):
        found = search(sizes, sizes(rate), 10, 0.01)
        assert (found.position, found.size) == (rate, sizes(rate))
        assert found.evaluations <= 6


def test_a_gap_that_nothing_fills() -> None:
    sizes = like_a_codec(3, 1000, 2.0, 0.0, 0.1)  # 1000, 2000, 4000, and at most a tenth below each
    found = search(sizes, 1500, 3, 0.01)
    assert (found.size, found.fits, found.short) == (1000, True, False)


# --- operating points ---


def test_positions() -> None:
    assert [at_position(rate, 10) for rate in range(10)] == [OperatingPoint(rate) for rate in range(10)]
    more = 0.5**0.6
    assert at_position(3.25, 10) == OperatingPoint(3, pytest.approx(1 / (1 - more**2)), pytest.approx(more * 2 / 15))
    assert at_position(0.5, 1) == OperatingPoint(0, math.inf, 0.1)
    assert at_position(9.5, 10) == OperatingPoint(9, math.inf, 0.2)
    for below, above in pairwise(n / 64 for n in range(65)):
        a, b = at_position(2 + below, 10), at_position(2 + above, 10)
        assert a.rate < b.rate or (a.factor < b.factor and (a.correction < b.correction or not b.correction))
        assert b.factor > 0


@pytest.mark.parametrize("rates", [1, 2, 3, 10, 16, 64])
def test_qualities_with_decimals(rates: int) -> None:
    for quality in range(1, 11):
        whole = OperatingPoint(rate_of(quality, rates))
        assert at_quality(quality, rates) == at_quality(float(quality), rates) == whole
    points = [at_quality(1 + n / 40, rates) for n in range(361)]
    assert points[-1] == OperatingPoint(rates - 1)
    assert all((a.rate, a.factor) <= (b.rate, b.factor) for a, b in pairwise(points))
    assert all(point.factor >= 0.35 and 0 <= point.rate < rates for point in points)
    assert all(not point.correction or point.factor > 1 for point in points)
    if rates >= 10:
        assert len(set(points)) == len(points)


def test_quality_half_way() -> None:
    assert at_quality(5.25, 10) == at_position(4.25, 10)
    assert at_quality(5.5, 10) == OperatingPoint(5, pytest.approx(0.36))
    assert at_quality(5.75, 10) == OperatingPoint(5, pytest.approx(0.64))


def test_qualities_span_the_rates() -> None:
    assert [rate_of(q, 10) for q in range(1, 11)] == list(range(10))
    assert {rate_of(q, 1) for q in range(1, 11)} == {0}
    assert [rate_of(q, 64) for q in (1, 10)] == [0, 63]
    assert sorted({rate_of(q, 3) for q in range(1, 11)}) == [0, 1, 2]


# --- the error of a target ---


@given(
    st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 10**7), st.integers(1, 10**7), st.booleans()
)  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_the_remedy_of_a_miss_is_true(width: int, height: int, a: int, b: int, low: bool) -> None:
    smallest, largest = min(a, b), max(a, b)
    bytes_wanted = smallest / 2 if low else largest * 2
    error = RateTarget(8 * bytes_wanted / (width * height), (width, height), True).error(smallest, largest)
    assert error.code == Code.LIMIT_FILE
    assert f"({smallest} to {largest} bytes)" in error.what
    if 8 * smallest / (width * height) >= BPP_MAX:  # no target can be that large
        assert error.hint == "leave out strict-bpp for the file that comes closest"
        return
    advised = float(error.hint.partition(" at least " if low else " at most ")[2].split()[0])
    better = RateTarget(advised, (width, height))
    assert better.file_bytes == pytest.approx(smallest if low else largest, rel=0.006)
    assert smallest * (1 - 1e-9) <= better.file_bytes
    assert better.lowest <= largest


def test_the_error_of_a_miss_is_one_line() -> None:
    error = RateTarget(0.01, (768, 512), True).error(2217, 40364)
    assert isinstance(error, SemError)
    assert (error.id, error.status) == ("SEM-E-606", 6)
    assert str(error) == (
        "SEM-E-606 limit-file: 0.01 bpp cannot be reached: files of this picture have 0.0452 to 0.8213 bpp (2217 to 40364 "
        "bytes); ask for at least 0.0452 bpp, or leave out strict-bpp for the file that comes closest"
    )


@pytest.mark.parametrize("wanted", [1.0, 63.9])
def test_no_bound_is_named_that_no_target_can_have(wanted: float) -> None:
    """A file of one pixel takes more than 64 bpp."""
    error = RateTarget(wanted, (1, 1), True).error(13, 36)
    assert error.hint == "leave out strict-bpp for the file that comes closest"
    assert RateTarget(1.0, (2, 1), True).error(13, 36).hint == (
        "ask for at least 52 bpp, or leave out strict-bpp for the file that comes closest"
    )
