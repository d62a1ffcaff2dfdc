# SPDX-License-Identifier: MIT
"""Float painters of a few kB for tiny models, so that tier P has pictures. None was trained: they paint patterns.

The graph is the "patch" synthesis of the reference codec, which test_vectors/README.md writes out.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from refcodec.transforms.elic.config import ElicConfig
from tools.vectors.symbols import Sha256Stream

Arrays = dict[str, NDArray[Any]]
WIDTHS: Final = (4, 4, 6)


def config(symbols: dict[str, Any]) -> ElicConfig:
    """The architecture that goes with a tiny symbol model. Only what the painter reads of it means anything."""
    hyper, rates = int(symbols["hyper"]), int(symbols["rates"])
    return ElicConfig(
        m=sum(symbols["groups"]),
        hyper=hyper,
        groups=tuple(symbols["groups"]),
        widths=WIDTHS,
        transform="patch",
        hyper_analysis=(("conv", 1, 1, hyper), ("conv", 3, 2, hyper), ("conv", 3, 2, hyper)),
        hyper_synthesis=(("deconv", 5, 2, 8), ("deconv", 5, 2, 12)),
        lambdas=tuple(0.001 * (rho + 1) for rho in range(rates)),
        channels=1 if symbols["kind"] == 6 else 3,
    )


def shapes(m: int, channels: int) -> dict[str, tuple[int, ...]]:
    """Tensor name -> shape, of weights; each convolution has a bias of as many numbers as it has outputs."""
    n1, n2, n3 = WIDTHS
    found: dict[str, tuple[int, ...]] = {
        "net.0": (n3, m, 1, 1),
        "net.4": (4 * n2, n3, 1, 1),
        "net.9": (4 * n1, n2, 1, 1),
    }
    for first, count, width in ((1, 3, n3), (6, 3, n2), (11, 2, n1)):
        for block in range(first, first + count):
            half = width // 2
            found[f"net.{block}.branch.0"] = (half, width, 1, 1)
            found[f"net.{block}.branch.2"] = (half, half, 3, 3)
            found[f"net.{block}.branch.4"] = (width, half, 1, 1)
    return found | {"net.13": (16 * channels, n1, 3, 3), "linear": (m, channels, 16, 16)}


def painter(name: str, symbols: dict[str, Any], channels: int | None = None) -> tuple[bytes, dict[str, Any]]:
    """painter.safetensors and its entry in the manifest. channels: another number than the kind has."""
    cfg, stream = config(symbols), Sha256Stream(f"painter of {name}")
    count = channels or cfg.channels
    architecture = json.loads(json.dumps(cfg.to_dict())) | {"channels": count}

    def numbers(shape: tuple[int, ...], fan: int) -> NDArray[np.float16]:
        """Multiples of 2^-12 that binary16 holds, of a size that keeps the size of what they weigh."""
        most = int(4096 / fan**0.5)
        values = [stream.below(2 * most + 1) - most for _ in range(int(np.prod(shape)))]
        return np.array(values, np.float64).reshape(shape).astype(np.float16) / np.float16(4096)

    tensors = Arrays()
    for layer, shape in shapes(cfg.m, count).items():
        fan = shape[0] if layer == "linear" else int(np.prod(shape[1:]))
        outputs = shape[1] if layer == "linear" else shape[0]
        tensors[f"g_s.{layer}.weight"] = numbers(shape, fan)
        tensors[f"g_s.{layer}.bias"] = numbers((outputs,), 64)
    gains = [(1 + stream.below(3)) / (32 << rho) for rho in range(cfg.rates) for _ in range(cfg.m)]
    tensors["inverse"] = np.array(gains, np.float32).reshape(cfg.rates, cfg.m)
    blob = save({key: np.ascontiguousarray(value) for key, value in sorted(tensors.items())})
    entry = {"file": "painter.safetensors", "sha256": hashlib.sha256(blob).hexdigest(), "architecture": architecture}
    return blob, entry
