# SPDX-License-Identifier: MIT
"""How far pictures of tier P differ between ways to compute them, and the limits that follow.

    python -m tools.vectors.spread             spread beside the limits in the manifest; exit status 1 beyond one
    python -m tools.vectors.spread --accept    reference pictures and pixels.json anew, then run make.py --accept

The reference is computed in binary64. A limit of `peak` is one more than the spread. One of `rms` is twice it, and lets at
least one sample in 400 be off by one, and one of the whole picture. `raw` is the largest difference before rounding.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refcodec.networks.package import read_manifest
from refcodec.transforms.elic.transforms import Synthesis, samples
from tools.vectors import recipes_paint
from tools.vectors.build import MODELS, OUT, valid
from tools.vectors.vector import Vector

ROOT: Final = Path(__file__).resolve().parents[2]


Picture = NDArray[np.uint8]
RMS_LEAST: Final = 0.05


def painted(painter: Synthesis, vector: Vector, wide: bool, last: bool) -> tuple[Picture, NDArray[np.float64]]:
    """uint8[H, W, C], and the samples before they are clamped and rounded. wide: in binary64. last: channels innermost."""
    y, net = torch.from_numpy(vector.latents.y)[None], painter.g_s
    number = torch.float64 if wide else torch.float32
    factor = (painter.inverse[vector.latents.rate].to(number) / 64)[None, :, None, None]
    x: Tensor = y.to(number) * factor
    net.to(number)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    width, height = vector.recipe.size  # type: ignore[union-attr]
    raw = (net.linear(x) + net.net(x) + 0.5)[0, :, :height, :width].permute(1, 2, 0)  # type: ignore[operator]
    return np.ascontiguousarray(samples(raw).numpy()), raw.double().numpy() * 255


def ways() -> Iterator[tuple[str, dict[str, bool]]]:
    """Threads, MKLDNN, precision and layout; torch is set as the name says while it is out."""
    threads = torch.get_num_threads()
    warnings.filterwarnings("ignore", message="TF32 acceleration")
    try:
        for count, mkldnn, wide, last in itertools.product((1, 2), (True, False), (False, True), (False, True)):
            torch.set_num_threads(count)
            with torch.backends.mkldnn.flags(enabled=mkldnn):  # type: ignore[no-untyped-call]
                name = f"{count} threads, MKLDNN {'on' if mkldnn else 'off'}, {'binary64' if wide else 'binary32'}"
                yield f"{name}{', channels last' if last else ''}", {"wide": wide, "last": last}
    finally:
        torch.set_num_threads(threads)


def distance(one: Picture, other: Picture) -> tuple[int, float]:
    """peak and rms of the difference."""
    off = one.astype(np.int64) - other
    return int(np.abs(off).max()), math.sqrt(float((off * off).mean()))


@torch.inference_mode()
def measured(vector: Vector) -> tuple[Picture, dict[str, Any]]:
    """The reference, and shape, limits and spread."""
    folder = MODELS / str(vector.recipe.model)  # type: ignore[union-attr]
    painter = Synthesis(folder, read_manifest(folder))
    reference, exact = painted(painter, vector, wide=True, last=False)
    others = [painted(painter, vector, **way) for _, way in ways()]
    peak, rms = (max(values) for values in zip(*(distance(other, reference) for other, _ in others), strict=True))
    raw = max(float(np.abs(other - exact).max()) for _, other in others)
    limits = {"peak": peak + 1, "rms": round(max(RMS_LEAST, 2 * rms, math.sqrt(1 / reference.size)) + 0.0005, 3)}
    spread = {"peak": peak, "rms": round(rms, 5), "raw": float(f"{raw:.2g}")}
    return reference, {"shape": list(reference.shape), **limits, "spread": spread}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="write what was measured")
    accept = parser.parse_args().accept
    found, beyond = {}, []
    before = json.loads(recipes_paint.MEASURED.read_bytes()) if recipes_paint.MEASURED.exists() else {}
    for recipe in recipes_paint.VALID:
        picture, found[recipe.id] = measured(valid(recipe, "paint"))
        limits, spread = found[recipe.id] if accept else before[recipe.id], found[recipe.id]["spread"]
        print(
            f"{recipe.id:24} peak {spread['peak']} of {limits['peak']}, rms {spread['rms']:.5f} of {limits['rms']:g}, raw {spread['raw']:g}; "
            f"samples {picture.min()} to {picture.max()}, mean {picture.mean():.0f}"
        )
        if any(spread[name] > limits[name] for name in ("peak", "rms")):
            beyond.append(recipe.id)
        path = OUT / recipes_paint.picture_path(recipe.id)
        if accept:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture.tobytes())
    if accept:
        lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
        recipes_paint.MEASURED.write_text("{\n" + lines + "\n}\n")
    return 1 if beyond else 0


if __name__ == "__main__":
    raise SystemExit(main())
