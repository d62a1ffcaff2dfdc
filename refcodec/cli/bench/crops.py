# SPDX-License-Identifier: MIT
"""Crops of pictures for the report: what each codec makes of one part of a picture in about the same number of bytes."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from refcodec.cli.bench.distortions import Picture
from refcodec.cli.bench.measure import Cache, Codec, Point, Source, setting_key

if TYPE_CHECKING:
    from refcodec.cli.bench.rate import RateResult

PICTURES = 3
WIDTH, HEIGHT = 256, 192  # of a crop, in pixels
STEP = 16  # between the positions that are tried
THUMBNAIL = 320  # longer side, in pixels
FAR = 1.5  # a rate that differs by more than this factor is marked

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class Crop:
    """A part of a decoded picture. point: rate and metrics of the entire picture; png: the pixels, in base64."""

    codec: str
    point: Point
    png: str
    size: int  # bytes of the file
    far: bool  # whether its rate is far from the one that was asked for


@dataclass(frozen=True)
class CroppedPicture:
    """One picture at one rate: its thumbnail with the place of the crop, the original, and the codecs' crops."""

    source: Source
    bpp: float  # that was asked for
    box: Box
    thumbnail: str
    original: str
    crops: Sequence[Crop]


def crops_of(result: RateResult, rates: Sequence[float], cache: Cache) -> list[CroppedPicture]:
    """Return crops of a few of the pictures, spread over all, at each rate: of each codec the file nearest to it."""
    sources, found = result.sources, []
    count = min(PICTURES, len(sources))
    for number in sorted({round(i * (len(sources) - 1) / max(count - 1, 1)) for i in range(count)}):
        source, box = sources[number], detailed_box(sources[number].pixels)
        thumbnail = _thumbnail(source.pixels)
        for bpp in dict.fromkeys(rates):
            crops = [_crop(codec, result, number, bpp, box, cache) for codec in result.codecs]
            original = _png(_cut(source.pixels, box))
            found.append(CroppedPicture(source, bpp, box, thumbnail, original, crops))
    return found


def _crop(codec: Codec, result: RateResult, number: int, bpp: float, box: Box, cache: Cache) -> Crop:
    """Return the crop of the file of a codec whose rate is nearest to `bpp`, on a logarithmic scale."""
    source = result.sources[number]
    point = nearest(result.sweeps[codec.name].rows[number], bpp)

    def make() -> dict[str, str | int]:
        data = codec.encode(Image.fromarray(source.pixels), point.setting)
        decoded = np.asarray(codec.decode(data)[0].convert("RGB"))
        return {"png": _png(_cut(_at_place(decoded, source.pixels), box)), "bytes": len(data)}

    key = {"codec": codec.identity, "picture": source.sha256, **setting_key(point.setting), "of": f"crop {box}"}
    made = cache.get(key, make)
    return Crop(codec.name, point, made["png"], made["bytes"], abs(math.log(point.bpp / bpp)) > math.log(FAR))


def nearest(points: Sequence[Point], bpp: float) -> Point:
    """Return the point whose rate is nearest to `bpp`, on a logarithmic scale."""
    return min(points, key=lambda point: abs(math.log(point.bpp / bpp)))


def _at_place(decoded: Picture, original: Picture) -> Picture:
    """Return a decoded picture of the size of the original: the centre square of a codec stands in a grey picture."""
    if decoded.shape == original.shape:
        return decoded
    whole = np.full_like(original, 128)
    top, left = ((whole.shape[i] - decoded.shape[i]) // 2 for i in (0, 1))
    whole[top : top + decoded.shape[0], left : left + decoded.shape[1]] = decoded
    return whole


def detailed_box(pixels: Picture) -> Box:
    """Return the part of a picture with the strongest differences between neighbours, in its inner part if it is large."""
    height, width = pixels.shape[:2]
    h, w = min(HEIGHT, height), min(WIDTH, width)
    grey = pixels.astype(np.float64).mean(-1)
    strength = np.zeros((height + 1, width + 1))
    differences = np.abs(np.diff(grey, axis=0, append=grey[-1:])) + np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    strength[1:, 1:] = np.minimum(differences, 64).cumsum(0).cumsum(1)
    best, at = -1.0, (0, 0)
    for top in range(0, height - h + 1, STEP):
        for left in range(0, width - w + 1, STEP):
            bottom, right = top + h, left + w
            total = strength[bottom, right] - strength[top, right] - strength[bottom, left] + strength[top, left]
            if total > best:
                best, at = float(total), (left, top)
    left, top = at
    return left, top, left + w, top + h


def _cut(pixels: Picture, box: Box) -> Picture:
    left, top, right, bottom = box
    return pixels[top:bottom, left:right]


def _png(pixels: Picture) -> str:
    """Return pixels as a PNG file in base64."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _thumbnail(pixels: Picture) -> str:
    """Return a small version of a picture as a JPEG file in base64."""
    small, file = Image.fromarray(pixels), io.BytesIO()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    small.save(file, "JPEG", quality=85)
    return base64.b64encode(file.getvalue()).decode("ascii")
