# SPDX-License-Identifier: MIT
"""The edge detector: against a plain one pixel by pixel, on known shapes, on pictures of every small size."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import label

from refcodec.images import edge_detector

Picture = NDArray[np.uint8]
Grid = dict[tuple[int, int], int]


def blobs(h: int, w: int, seed: int) -> Picture:
    """Bright discs and noise."""
    rng = np.random.default_rng(seed)
    out = rng.integers(0, 24, (h, w, 3))
    rows, cols = np.mgrid[:h, :w]
    for _ in range(6):
        r, c, radius = rng.integers(0, h), rng.integers(0, w), rng.integers(3, max(4, min(h, w) // 2))
        out[(rows - r) ** 2 + (cols - c) ** 2 < radius**2] += rng.integers(0, 60, 3)
    return np.minimum(out, 255).astype(np.uint8)


def plain(pixels: Picture, detail: int) -> list[list[int]]:
    """The recipe of SPEC §13.6, one pixel at a time in Python's integers."""
    h, w = pixels.shape[:2]
    sites = [(r, c) for r in range(h) for c in range(w)]

    def at(grid: Grid, r: int, c: int) -> int:
        return grid[min(max(r, 0), h - 1), min(max(c, 0), w - 1)]

    def each(f: Callable[[int, int], int]) -> Grid:
        return {(r, c): f(r, c) for r, c in sites}

    rgb = pixels.tolist()
    x = each(lambda r, c: 16 * ((77 * rgb[r][c][0] + 150 * rgb[r][c][1] + 29 * rgb[r][c][2] + 128) >> 8))
    taps = ((-2, 1), (-1, 4), (0, 6), (1, 4), (2, 1))
    for _ in range(2):
        a = x
        b = each(lambda r, c, a=a: (sum(k * at(a, r, c + d) for d, k in taps) + 8) >> 4)  # type: ignore[misc]
        x = each(lambda r, c, b=b: (sum(k * at(b, r + d, c) for d, k in taps) + 8) >> 4)  # type: ignore[misc]
    three = ((-1, 1), (0, 2), (1, 1))
    across = each(lambda r, c: at(x, r, c + 1) - at(x, r, c - 1))
    down = each(lambda r, c: at(x, r + 1, c) - at(x, r - 1, c))
    gx = each(lambda r, c: sum(k * at(across, r + d, c) for d, k in three))
    gy = each(lambda r, c: sum(k * at(down, r, c + d) for d, k in three))
    size = each(lambda r, c: min(255, math.isqrt((gx[r, c] >> 4) ** 2 + (gy[r, c] >> 4) ** 2)))
    span = range(-12, 13)
    row = each(lambda r, c: sum(at(size, r, c + d) for d in span))
    mean = each(lambda r, c: sum(at(row, r + d, c) for d in span) // 625)
    square = each(lambda r, c: gx[r, c] ** 2 + gy[r, c] ** 2)
    strong, least = 60 - 5 * detail, 88 - 8 * detail

    def strength(r: int, c: int) -> int:
        ax, ay = abs(gx[r, c]), abs(gy[r, c])
        if 12 * ay < 5 * ax:
            dr, dc = 0, 1
        elif 12 * ax < 5 * ay:
            dr, dc = 1, 0
        else:
            dr, dc = 1, 1 if (gx[r, c] >= 0) == (gy[r, c] >= 0) else -1
        peak = at(square, r - dr, c - dc) < square[r, c] >= at(square, r + dr, c + dc)
        rest = max(0, size[r, c] - mean[r, c])
        return rest if peak and rest >= strong // 3 else 0

    line = each(strength)
    drawn = dict.fromkeys(sites, 0)
    seen: set[tuple[int, int]] = set()
    for start in sites:
        if not line[start] or start in seen:
            continue
        contour, todo = [], [start]
        seen.add(start)
        while todo:
            r, c = todo.pop()
            contour.append((r, c))
            near = [(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
            new = [p for p in near if line.get(p) and p not in seen]
            seen.update(new)
            todo += new
        if max(line[p] for p in contour) >= strong and len(contour) * 512 >= least * min(h, w, 512):
            drawn.update({p: min(255, 96 + line[p]) for p in contour})
    blur = each(lambda r, c: sum(k * at(drawn, r, c + d) for d, k in three))
    out = each(lambda r, c: min(255, (sum(k * at(blur, r + d, c) for d, k in three) + 4) >> 3))
    return [[out[r, c] for c in range(w)] for r in range(h)]


@pytest.mark.parametrize(
    ("h", "w", "detail"), [(1, 1, 4), (1, 40, 9), (33, 47, 4), (64, 50, 9), (50, 64, 1), (2, 3, 5)]
)
def test_the_recipe(h: int, w: int, detail: int) -> None:
    for seed in range(2):
        pixels = blobs(h, w, seed)
        assert edge_detector.contours(pixels, detail).tolist() == plain(pixels, detail)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_the_recipe_on_noise(data: st.DataObject) -> None:
    h, w, detail = data.draw(st.integers(1, 14)), data.draw(st.integers(1, 14)), data.draw(st.integers(1, 9))
    pixels = data.draw(arrays(np.uint8, (h, w, 3)))
    assert edge_detector.contours(pixels, detail).tolist() == plain(pixels, detail)


def test_the_bytes_stay_the_same() -> None:
    rows, cols = np.mgrid[:160, :120]
    waves = [(rows * rows + k * cols * cols) // (300 * k) % 2 * 90 + (rows * cols + k) % 13 for k in (1, 2, 3)]
    pixels = np.stack(waves, -1).astype(np.uint8)
    found = [
        hashlib.sha256(f(pixels).tobytes()).hexdigest()[:16] for f in (edge_detector.contours, edge_detector.sobel)
    ]
    assert found == ["2127413830df4369", "01af6863c28ff209"]


def test_the_example_of_the_specification() -> None:
    pixels = np.full((8, 8, 3), 40, np.uint8)
    pixels[:4, 5:] = pixels[4:, 3:] = (200, 180, 160)
    assert edge_detector.contours(pixels).tolist() == [
        [0, 0, 0, 128, 255, 128, 0, 0],
        [0, 0, 0, 128, 255, 128, 0, 0],
        [0, 0, 32, 191, 255, 128, 0, 0],
        [0, 0, 96, 255, 255, 96, 0, 0],
        [0, 0, 128, 255, 191, 32, 0, 0],
        [0, 0, 128, 255, 128, 0, 0, 0],
        [0, 0, 128, 255, 128, 0, 0, 0],
        [0, 0, 128, 255, 128, 0, 0, 0],
    ]


def test_a_square_has_one_contour() -> None:
    pixels = np.full((200, 200, 3), 40, np.uint8)
    pixels[60:140, 60:140] = 200
    found = edge_detector.contours(pixels)
    assert label(found > 0, np.ones((3, 3)))[1] == 1
    on = np.zeros((200, 200), bool)
    on[57:143, 57:143] = True
    on[63:137, 63:137] = False  # within three pixels of the border
    assert not found[~on].any()
    assert found[58:62, 100].max() > 128
    assert 2 <= np.count_nonzero(found[:100, 100] > 64) <= 4


def test_what_has_no_contours() -> None:
    assert not edge_detector.contours(np.full((90, 70, 3), 255, np.uint8)).any()
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    assert not edge_detector.contours(ramp)[:, 8:-8].any()
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    assert np.mean(edge_detector.contours(noise) > 0) < 0.2  # texture is not contour


def test_more_detail_is_more() -> None:
    pixels = blobs(256, 256, 3)
    lit = [int(np.count_nonzero(edge_detector.contours(pixels, d))) for d in range(1, 10)]
    assert lit == sorted(lit)
    assert lit[0] < lit[-1]


def test_sobel() -> None:
    pixels = np.zeros((5, 6, 3), np.uint8)
    pixels[:, 3:] = 50
    assert edge_detector.sobel(pixels)[2].tolist() == [0, 0, 200, 200, 0, 0]
    pixels[:, 3:] = 255
    assert edge_detector.sobel(pixels)[2].tolist() == [0, 0, 255, 255, 0, 0]
    noise = np.random.default_rng(1).integers(0, 256, (9, 12, 3)).astype(np.uint8)
    y = np.pad(edge_detector.luma(noise), 1, "edge").tolist()
    for r in range(9):
        for c in range(12):
            gx = sum(k * (y[r + i][c + 2] - y[r + i][c]) for i, k in enumerate((1, 2, 1)))
            gy = sum(k * (y[r + 2][c + i] - y[r][c + i]) for i, k in enumerate((1, 2, 1)))
            assert edge_detector.sobel(noise)[r, c] == min(255, math.isqrt(gx * gx + gy * gy))


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 300), (300, 1), (3, 3), (65, 129)])
def test_any_size(shape: tuple[int, int]) -> None:
    for pixels in (np.zeros((*shape, 3), np.uint8), blobs(*shape, 1)):
        for f in (edge_detector.contours, edge_detector.sobel):
            assert f(pixels).shape == shape
            assert f(pixels).dtype == np.uint8


@pytest.mark.parametrize("mask", ["spiral", "snake", "noise", "full", "empty"])
def test_contours_are_connected_sets(mask: str) -> None:
    n = 90
    on = np.zeros((n, n), bool)
    if mask == "spiral":
        for i in range(0, n // 2, 2):
            on[i, max(i - 2, 0) : n - i] = on[i : n - i, n - 1 - i] = on[n - 1 - i, i : n - i] = on[
                i + 2 : n - i, i
            ] = True
    elif mask == "snake":
        on[::2] = True
        on[1::4, -1] = on[3::4, 0] = True
    elif mask == "noise":
        on = np.random.default_rng(2).random((n, n)) < 0.4
    elif mask == "full":
        on[:] = True
    strength = np.where(on, np.random.default_rng(3).integers(1, 100, (n, n)), 0).astype(np.int32)
    sets, _ = label(on, np.ones((3, 3)))
    peak = np.zeros(sets.max() + 1, int)
    np.maximum.at(peak, sets.ravel(), strength.ravel())
    counts = np.bincount(sets.ravel(), minlength=sets.max() + 1)
    for strong, least in ((90, 1), (1, 100), (99, 200)):
        want = on & (peak[sets] >= strong) & (counts[sets] * 512 >= least * n)
        assert np.array_equal(edge_detector._long(strength, strong, least), want)


def test_what_is_no_picture() -> None:
    good = np.zeros((4, 4, 3), np.uint8)
    for detail in (0, 10, -1):
        with pytest.raises(ValueError, match="detail"):
            edge_detector.contours(good, detail)
    for bad in (
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        good.astype(np.int32),
    ):
        for f in (edge_detector.contours, edge_detector.sobel):
            with pytest.raises(ValueError, match="not a picture"):
                f(bad)  # type: ignore[arg-type]
