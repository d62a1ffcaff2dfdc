# SPDX-License-Identifier: MIT
"""Convert levels of other colour spaces to sRGB: transfer to light, tone curve for HDR, primaries, clip, sRGB curve.

HDR is brought to a display whose white is HDR reference white, 203 cd/m2 (ITU-R BT.2408): the brightest channel of each
pixel goes through the EETF of ITU-R BT.2390 from a mastering peak of 1000 cd/m2, and the others are scaled with it. What
lies outside the sRGB gamut afterwards is clipped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refcodec.images.channels import as_rgb

Light: TypeAlias = NDArray[np.float64]
Transfer: TypeAlias = Callable[[Light], Light]
"""Signal 0 to 1 to light, 1 being the white of the picture."""

Chromaticities: TypeAlias = tuple[float, float, float, float, float, float, float, float]
"""x and y of white, red, green, blue: the order of a PNG's cHRM."""

REFERENCE_WHITE: Final = 203.0  # cd/m2, ITU-R BT.2408
PEAK: Final = 1000.0  # cd/m2: of the display of HLG, and of the mastering that PQ is taken to have had
D65: Final = (0.3127, 0.3290)
SRGB: Final[Chromaticities] = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

_BAND: Final = 1 << 18  # pixels converted at a time
_STEPS: Final = 1 << 16  # of light, in the table of sRGB levels
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_GAMMA: Final = 1.2  # of the system, for a peak of 1000 cd/m2 (ITU-R BT.2100)


def srgb_to_light(signal: Light) -> Light:
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def light_to_srgb(light: Light) -> Light:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)


def plausible(chromaticities: Any) -> Chromaticities | None:
    """Return the chromaticities of a file if there are eight numbers, and each pair is that of a colour, with y above 0."""
    if not isinstance(chromaticities, tuple) or len(chromaticities) != 8:
        return None
    pairs = zip(chromaticities[::2], chromaticities[1::2], strict=True)
    if not all(0 <= x < 1 and 0.001 < y <= 1 and x + y <= 1.001 for x, y in pairs):
        return None
    return chromaticities


def power(exponent: float) -> Transfer:
    """Return the transfer of a gamma curve."""
    return lambda signal: np.asarray(signal**exponent)


def pq_to_nits(signal: Light) -> Light:
    """Return cd/m2 of a PQ signal (SMPTE ST 2084)."""
    root = signal ** (1 / _M2)
    return np.asarray(10_000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def nits_to_pq(nits: Light) -> Light:
    """Return the PQ signal of cd/m2."""
    light = np.clip(nits / 10_000, 0, 1) ** _M1
    return np.asarray(((_C1 + _C2 * light) / (1 + _C3 * light)) ** _M2)


def hlg_to_scene(signal: Light) -> Light:
    """Return the light of the scene, 0 to 1, of an HLG signal (ITU-R BT.2100)."""
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _HLG_C) / _HLG_A) + _HLG_B) / 12)


def hlg_display(scene: Light, luminance: Light) -> Light:
    """Return cd/m2 on a display of `PEAK`, of light of the scene [N, 3] with the weights [3] of luminance."""
    y = np.maximum(scene @ luminance, 1e-9)[:, None]
    return np.asarray(PEAK * y ** (_HLG_GAMMA - 1) * scene)


def tone_mapped(nits: Light) -> Light:
    """Return light [N, 3], 1 being white, of cd/m2: the EETF of BT.2390 on the largest channel of each pixel."""
    grid, gains = _gains()
    peak = np.maximum(np.maximum(nits[:, 0], nits[:, 1]), nits[:, 2])
    return np.asarray(nits * (np.interp(peak, grid, gains) / REFERENCE_WHITE)[:, None])


@cache
def _gains() -> tuple[Light, Light]:
    """Return cd/m2 in steps of PQ, and the factor of the EETF for each."""
    grid = pq_to_nits(np.linspace(0, 1, 2049))
    gains = _eetf(grid[1:]) / grid[1:]
    return grid, np.append(gains[0], gains)


def _eetf(nits: Light) -> Light:
    """Return cd/m2 up to `REFERENCE_WHITE` of cd/m2 up to `PEAK` (ITU-R BT.2390, section 5.4.1, black level 0)."""
    whole = nits_to_pq(np.array(PEAK))
    target = float(nits_to_pq(np.array(REFERENCE_WHITE)) / whole)
    knee = 1.5 * target - 0.5
    e = np.minimum(nits_to_pq(nits) / whole, 1)
    t = np.clip((e - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * target
    return pq_to_nits(np.where(e < knee, e, spline) * whole)


def xyz_matrix(primaries: Chromaticities) -> Light:
    """Return the matrix from linear RGB to XYZ; numpy.linalg.LinAlgError for primaries that span no colours."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in zip(primaries[2::2], primaries[3::2], strict=True)]).T
    return columns * np.linalg.solve(columns, _xyz(primaries[:2]))


def srgb_matrix(primaries: Chromaticities) -> Light:
    """Return the matrix from linear RGB of these primaries to linear sRGB, the white adapted by Bradford's method."""
    cone, target = _BRADFORD @ _xyz(primaries[:2]), _BRADFORD @ _xyz(D65)
    adapt = np.linalg.solve(_BRADFORD, np.diag(target / cone) @ _BRADFORD)
    return np.asarray(np.linalg.solve(xyz_matrix(SRGB), adapt @ xyz_matrix(primaries)))


def _xyz(white: tuple[float, ...]) -> Light:
    x, y = white
    return np.array([x / y, 1, (1 - x - y) / y])


def converted(
    image: Image.Image,
    primaries: Chromaticities,
    transfer: Transfer,
    display: Callable[[Light], Light] | None = None,
) -> Image.Image:
    """Return an RGB image of one in L or RGB: `transfer` for each channel, then `display` for pixels [N, 3], if given."""
    levels = np.asarray(as_rgb(image))
    flat = levels.reshape(-1, 3)
    out = np.empty_like(flat)
    curve = transfer(np.arange(256) / 255)
    matrix = srgb_matrix(primaries).T
    table = (light_to_srgb(np.arange(_STEPS + 1) / _STEPS) * 255).round().astype(np.uint8)
    for at in range(0, len(flat), _BAND):
        light = curve[flat[at : at + _BAND]]
        light = (light if display is None else display(light)) @ matrix
        out[at : at + _BAND] = table[(np.clip(light, 0, 1) * _STEPS + 0.5).astype(np.int32)]
    return Image.fromarray(out.reshape(levels.shape))
