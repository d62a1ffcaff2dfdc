# SPDX-License-Identifier: MIT
"""Convert pictures whose colours are named by code points of ITU-T H.273: PNG's cICP, AVIF's and HEIF's nclx, ICC's cicp."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from PIL import Image

from refcodec.images.light import (
    D65,
    SRGB,
    Chromaticities,
    Light,
    Transfer,
    converted,
    hlg_display,
    hlg_to_scene,
    power,
    pq_to_nits,
    srgb_to_light,
    tone_mapped,
    xyz_matrix,
)

UNSPECIFIED: Final = 2
PQ, HLG = 16, 18
_C: Final = (0.310, 0.316)

_PRIMARIES: Final[dict[int, tuple[str, Chromaticities]]] = {
    1: ("BT.709", SRGB),
    4: ("BT.470 M", (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08)),
    5: ("BT.601 (625 lines)", (*D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),
    6: ("BT.601 (525 lines)", (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    7: ("SMPTE 240M", (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    8: ("film", (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049)),
    9: ("BT.2020", (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    11: ("DCI-P3", (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    12: ("Display P3", (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    22: ("EBU 3213", (*D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077)),
}
_TRANSFERS: Final[dict[int, tuple[str, Transfer]]] = {
    4: ("gamma 2.2", power(2.2)),
    5: ("gamma 2.8", power(2.8)),
    8: ("linear", power(1.0)),
    13: ("sRGB", srgb_to_light),
    17: ("SMPTE 428", lambda signal: np.minimum(np.asarray(signal**2.6 * 52.37 / 48), 1)),
}
_VIDEO: Final = frozenset({1, 6, 7, 11, 12, 14, 15})  # camera curves, whose pictures are shown as sRGB


@dataclass(frozen=True)
class Cicp:
    """Code points of primaries, transfer and matrix, and whether levels use the full range."""

    primaries: int
    transfer: int
    matrix: int = 0
    full: bool = True
    chunk: bool = False  # from a PNG's cICP, which outranks an ICC profile

    @property
    def hdr(self) -> bool:
        return self.transfer in (PQ, HLG)


def to_srgb_by_cicp(image: Image.Image, cicp: Cicp, notices: list[str]) -> Image.Image:
    """Return an RGB image in sRGB of one in L or RGB; a notice names each conversion, and whatever is not converted."""
    if cicp.matrix not in (0, UNSPECIFIED):
        notices.append(f"The colour matrix {cicp.matrix} of an RGB picture was ignored.")
    if not cicp.full:
        notices.append("Levels in the narrow range, 16 to 235, were expanded.")
        image = image.point([round(min(max((v - 16) * 255 / 219, 0), 255)) for v in range(256)] * len(image.getbands()))
    name, primaries = _PRIMARIES.get(cicp.primaries, ("", SRGB))
    if not name and cicp.primaries != UNSPECIFIED:
        notices.append(f"The colour primaries {cicp.primaries} are unknown and were read as those of sRGB.")
    transfer = _transfer(cicp.transfer, notices)
    if cicp.hdr:
        curve = "PQ" if cicp.transfer == PQ else "HLG"
        notices.append(f"{name or 'sRGB'} {curve} was converted to sRGB, with 203 cd/m2 as white (BT.2408, BT.2390).")
        if cicp.transfer == PQ:
            return converted(image, primaries, pq_to_nits, tone_mapped)
        return converted(image, primaries, hlg_to_scene, partial(_hlg, xyz_matrix(primaries)[1]))
    if primaries == SRGB and transfer is srgb_to_light:
        return image.convert("RGB")
    known = _TRANSFERS.get(cicp.transfer, ("", transfer))[0]
    space = " ".join(part for part in (name, known if known != "sRGB" else "") if part)
    notices.append(f"{space or 'The colour space'} was converted to sRGB.")
    return converted(image, primaries, transfer)


def _transfer(code: int, notices: list[str]) -> Transfer:
    """Return a transfer for standard range; with a notice for one that is read as sRGB's."""
    if code in _VIDEO:
        notices.append(f"The transfer curve {code} of video was read as that of sRGB.")
    elif code not in _TRANSFERS and code not in (PQ, HLG, UNSPECIFIED):
        notices.append(f"The transfer curve {code} is unknown and was read as that of sRGB.")
    return _TRANSFERS.get(code, ("", srgb_to_light))[1]


def _hlg(luminance: Light, scene: Light) -> Light:
    """Return light [N, 3], 1 being white, of the light of a scene with the weights [3] of luminance."""
    return tone_mapped(hlg_display(scene, luminance))
