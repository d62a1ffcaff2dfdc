# SPDX-License-Identifier: MIT
"""Measure how pictures of tier P differ between ways to compute them, and derive their tolerances.

    python -m tools.vectors.pixel_tolerance             compare the spread with the limits; exit status 1 beyond one
    python -m tools.vectors.pixel_tolerance --accept    write reference pictures and pixels.json; then run make --accept

The reference is computed in binary64. The limit of `peak` is the spread plus one. The limit of `rms` is twice the spread,
and at least permits one sample in 400, and one sample of the picture, to be off by one. `raw` is the largest difference
before rounding.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import warnings
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refcodec.networks.package import read_manifest
from refcodec.transforms.elic.torch_transforms import TorchSynthesis, samples
from tools.vectors.build import MODELS
from tools.vectors.case import ValidCase
from tools.vectors.pictures import MEASURED, OUT, picture_path
from tools.vectors.suite import Suite
from tools.vectors.vector import Vector

Picture = NDArray[np.uint8]
MIN_RMS: Final = 0.05


def synthesise(
    painter: TorchSynthesis, vector: Vector, binary64: bool, channels_last: bool
) -> tuple[Picture, NDArray[np.float64]]:
    """Return the picture, uint8[H, W, C], and its samples in 0 ... 255 before they are clamped and rounded."""
    assert isinstance(vector.case, ValidCase)
    y, net = torch.from_numpy(vector.latents.y)[None], painter.g_s
    number = torch.float64 if binary64 else torch.float32
    factor = (painter.inverse[vector.latents.rate].to(number) / 64)[None, :, None, None]
    x: Tensor = y.to(number) * factor
    net.to(number)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    width, height = vector.case.size
    raw = (net.linear(x) + net.net(x) + 0.5)[0, :, :height, :width].permute(1, 2, 0)  # type: ignore[operator]
    return np.ascontiguousarray(samples(raw).numpy()), raw.double().numpy() * 255


def configurations() -> Iterator[dict[str, bool]]:
    """Yield options of `synthesise`, with all combinations of threads and MKLDNN set in torch meanwhile."""
    threads = torch.get_num_threads()
    warnings.filterwarnings("ignore", message="TF32 acceleration")
    try:
        for count, mkldnn, binary64, channels_last in itertools.product(
            (1, 2), (True, False), (False, True), (False, True)
        ):
            torch.set_num_threads(count)
            with torch.backends.mkldnn.flags(enabled=mkldnn):  # type: ignore[no-untyped-call]
                yield {"binary64": binary64, "channels_last": channels_last}
    finally:
        torch.set_num_threads(threads)


def distance(picture: Picture, other: Picture) -> tuple[int, float]:
    """Return peak and rms of the difference."""
    difference = picture.astype(np.int64) - other
    return int(np.abs(difference).max()), math.sqrt(float((difference * difference).mean()))


@torch.inference_mode()
def measure(vector: Vector) -> tuple[Picture, dict[str, Any]]:
    """Return the reference picture, and its shape, limits and spread."""
    assert isinstance(vector.case, ValidCase)
    folder = MODELS / str(vector.case.model)
    painter = TorchSynthesis(folder, read_manifest(folder))
    reference, exact = synthesise(painter, vector, binary64=True, channels_last=False)
    others = [synthesise(painter, vector, **options) for options in configurations()]
    peak, rms = (max(values) for values in zip(*(distance(other, reference) for other, _ in others), strict=True))
    raw = max(float(np.abs(other - exact).max()) for _, other in others)
    limits = {"peak": peak + 1, "rms": round(max(MIN_RMS, 2 * rms, math.sqrt(1 / reference.size)) + 0.0005, 3)}
    spread = {"peak": peak, "rms": round(rms, 5), "raw": float(f"{raw:.2g}")}
    return reference, {"shape": list(reference.shape), **limits, "spread": spread}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="write the measured pictures and limits")
    accept = parser.parse_args().accept
    suite, measured, beyond = Suite(), dict[str, Any](), []
    before = json.loads(MEASURED.read_bytes()) if MEASURED.exists() else {}
    for case in suite.picture_cases():
        picture, measured[case.id] = measure(suite.vector(case.id))
        limits, spread = measured[case.id] if accept else before[case.id], measured[case.id]["spread"]
        print(
            f"{case.id:24} peak {spread['peak']} of {limits['peak']}, rms {spread['rms']:.5f} of {limits['rms']:g}, raw {spread['raw']:g}; "
            f"samples {picture.min()} to {picture.max()}, mean {picture.mean():.0f}"
        )
        if any(spread[name] > limits[name] for name in ("peak", "rms")):
            beyond.append(case.id)
        path = OUT / picture_path(case.id)
        if accept:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture.tobytes())
    if accept:
        lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in measured.items())
        MEASURED.write_text("{\n" + lines + "\n}\n")
    return 1 if beyond else 0


if __name__ == "__main__":
    raise SystemExit(main())
