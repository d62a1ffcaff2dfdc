# SPDX-License-Identifier: MIT
"""Detect the edges that sketches code (SPEC §13.6): without a model, in integers, reproducible to the byte.

Contours after Canny 1986 (smoothing, gradient, thinning, hysteresis) with the surround suppression of Grigorescu et al.
2003, which removes texture. Lines are drawn soft, three pixels wide on black, with their strength as grey level. An
encoder may use any other detector; a decoder needs none.

Division by a power of two is a right shift that rounds down. Reads beyond the border
return the nearest border pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]

DETAIL = 4  # default: takes about 0.015 to 0.03 bits per pixel for a photograph of 768 x 512
RADIUS = 12  # of the surround, pixels
ROOT = np.repeat(np.arange(256, dtype=np.uint8), 2 * np.arange(256) + 1)  # ROOT[n] = floor(sqrt(n)), n < 65536


def contours(pixels: Bytes, detail: int = DETAIL) -> Bytes:
    """Return the contours uint8[H, W] of a picture uint8[H, W, 3]. detail: 1 (only the longest and strongest) to 9 (many).

    Raises ValueError for a detail outside 1 … 9 or a picture of another shape.
    """
    if not 1 <= detail <= 9:
        raise ValueError("detail is 1 to 9")
    strong, min_pixels = 60 - 5 * detail, 88 - 8 * detail  # smallest peak and smallest length of a contour
    weak = strong // 3
    gx, gy = _gradient(_binomial(_binomial(16 * luma(pixels))))
    size = _length(gx >> 4, gy >> 4)
    rest = np.maximum(size - _surround(size), 0)
    line = np.where(_ridge(gx, gy) & (rest >= weak), rest, 0)
    line = np.where(_long(line, strong, min_pixels), np.minimum(255, 96 + line), 0)
    return _drawn(line)


def sobel(pixels: Bytes) -> Bytes:
    """Return uint8[H, W] of a picture uint8[H, W, 3]: min(255, floor(sqrt(gx^2 + gy^2))) of the luma's 3x3 Sobel gradient."""
    return _length(*_gradient(luma(pixels))).astype(np.uint8)


def luma(pixels: Bytes) -> Ints:
    """Return the luma int32[H, W] in 0 … 255: (77 R + 150 G + 29 B + 128) >> 8."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or pixels.size == 0:
        raise ValueError("not a picture uint8[H, W, 3]")
    p = pixels.astype(np.int32)
    out: Ints = (77 * p[..., 0] + 150 * p[..., 1] + 29 * p[..., 2] + 128) >> 8
    return out


def _binomial(x: Ints) -> Ints:
    """Smooth by 1 4 6 4 1 along the rows, then along the columns; each time (sum + 8) >> 4."""
    for axis in (1, 0):
        a, b, c, d, e = _shifted(x, axis, 2)
        x = (a + e + ((b + d) << 2) + 6 * c + 8) >> 4
    return x


def _gradient(x: Ints) -> tuple[Ints, Ints]:
    """Return the Sobel gradient: gx = x(c+1) - x(c-1), smoothed 1 2 1 over the rows; gy with the axes swapped."""
    left, _, right = _shifted(x, 1, 1)
    above, _, below = _shifted(x, 0, 1)
    return _sum121(right - left, 0), _sum121(below - above, 1)


def _sum121(x: Ints, axis: int) -> Ints:
    a, b, c = _shifted(x, axis, 1)
    return a + 2 * b + c


def _length(gx: Ints, gy: Ints) -> Ints:
    """Return min(255, floor(sqrt(gx^2 + gy^2))). |gx| and |gy| must be below 2^15."""
    return ROOT[np.minimum(gx * gx + gy * gy, 65535)].astype(np.int32)


def _surround(size: Ints) -> Ints:
    """Return the mean over the square of side 2 RADIUS + 1 around each pixel, rounded down."""
    side = 2 * RADIUS + 1
    for axis in (1, 0):
        total = np.cumsum(
            np.pad(size, [(RADIUS + 1, RADIUS) if a == axis else (0, 0) for a in (0, 1)], "edge"), axis, np.int32
        )
        n = total.shape[axis]
        size = np.take(total, range(side, n), axis) - np.take(total, range(n - side), axis)
    out: Ints = size // side**2
    return out


def _ridge(gx: Ints, gy: Ints) -> NDArray[np.bool_]:
    """Return where gx^2 + gy^2 is a maximum across the line: above the preceding neighbour, not below the next one."""
    size = gx * gx + gy * gy
    p = np.pad(size, 1, "edge")
    h, w = size.shape
    ax, ay = np.abs(gx), np.abs(gy)
    flat, steep = 12 * ay < 5 * ax, 12 * ax < 5 * ay  # within 22.6 degrees of an axis
    falling = (gx >= 0) == (gy >= 0)
    out = np.zeros((h, w), dtype=np.bool_)
    for where, dr, dc in (
        (flat, 0, 1),
        (steep, 1, 0),
        (~(flat | steep) & falling, 1, 1),
        (~(flat | steep) & ~falling, 1, -1),
    ):
        before, after = p[1 - dr : 1 - dr + h, 1 - dc : 1 - dc + w], p[1 + dr : 1 + dr + h, 1 + dc : 1 + dc + w]
        out |= where & (size > before) & (size >= after)
    return out


def _long(line: Ints, strong: int, min_pixels: int) -> NDArray[np.bool_]:
    """Return the contours (8-connected sets of line > 0) that contain a pixel >= strong and at least `min_pixels` pixels.

    The limit is smaller if the shorter side is below 512: min_pixels * side / 512, rounded up.
    """
    h, w = line.shape
    at = np.flatnonzero(line)
    number = np.full((h + 2, w + 2), -1, dtype=np.int64)
    inner = number[1:-1, 1:-1]
    inner.flat[at] = np.arange(len(at))
    ends_a, ends_b = [], []
    for dr, dc in ((0, 1), (1, -1), (1, 0), (1, 1)):
        other = number[1 + dr : 1 + dr + h, 1 + dc : 1 + dc + w]
        both = (inner >= 0) & (other >= 0)
        ends_a.append(inner[both])
        ends_b.append(other[both])
    label = _components(len(at), np.concatenate(ends_a), np.concatenate(ends_b))
    peak = np.zeros(len(at), dtype=np.int32)
    np.maximum.at(peak, label, line.flat[at])
    count = np.bincount(label, minlength=len(at))
    keep = np.zeros(h * w, dtype=np.bool_)
    keep[at] = (peak[label] >= strong) & (count[label] >= -(-min_pixels * min(h, w, 512) // 512))
    return keep.reshape(h, w)


def _components(n: int, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the smallest vertex of the component of each vertex, int64[n], in the graph with the edges a-b.

    Each round attaches the larger root of every edge to the smaller one and then flattens the trees, so that a spiral
    takes no more rounds than a line.
    """
    label = np.arange(n, dtype=np.int64)
    while len(a):
        low, high = np.minimum(label[a], label[b]), np.maximum(label[a], label[b])
        np.minimum.at(label, high, low)
        while True:
            up = label[label]
            if np.array_equal(up, label):
                break
            label = up
        left = label[a] != label[b]
        a, b = a[left], b[left]
    return label


def _drawn(line: Ints) -> Bytes:
    """Soften lines of one pixel: min(255, (1 2 1 by rows and columns + 4) >> 3)."""
    out: Bytes = np.minimum((_sum121(_sum121(line, 1), 0) + 4) >> 3, 255).astype(np.uint8)
    return out


def _shifted(x: Ints, axis: int, reach: int) -> list[Ints]:
    """Return x shifted by -reach … +reach along an axis."""
    n = x.shape[axis]
    p = np.pad(x, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], "edge")
    return [p[i : i + n] if axis == 0 else p[:, i : i + n] for i in range(2 * reach + 1)]
