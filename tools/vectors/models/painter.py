# SPDX-License-Identifier: MIT
"""Build float synthesis networks of a few kB for tiny models, for the pictures of tier P. Not trained.

The graph is the "patch" synthesis of the reference codec, which test_vectors/README.md describes.
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
    """Return the architecture for a tiny symbol model; members that the synthesis does not read are placeholders."""
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
    """Return the shapes of the weights by layer; each layer also has one bias per output channel."""
    n1, n2, n3 = WIDTHS
    layers: dict[str, tuple[int, ...]] = {
        "net.0": (n3, m, 1, 1),
        "net.4": (4 * n2, n3, 1, 1),
        "net.9": (4 * n1, n2, 1, 1),
    }
    for first, count, width in ((1, 3, n3), (6, 3, n2), (11, 2, n1)):
        for block in range(first, first + count):
            half = width // 2
            layers[f"net.{block}.branch.0"] = (half, width, 1, 1)
            layers[f"net.{block}.branch.2"] = (half, half, 3, 3)
            layers[f"net.{block}.branch.4"] = (width, half, 1, 1)
    return layers | {"net.13": (16 * channels, n1, 3, 3), "linear": (m, channels, 16, 16)}


def build(name: str, symbols: dict[str, Any], channels: int | None = None) -> tuple[bytes, dict[str, Any]]:
    """Return painter.safetensors and its entry in the manifest; `channels` overrides the number that the kind has."""
    cfg, stream = config(symbols), Sha256Stream(f"painter of {name}")
    count = channels or cfg.channels
    architecture = json.loads(json.dumps(cfg.to_dict())) | {"channels": count}

    def weights(shape: tuple[int, ...], fan: int) -> NDArray[np.float16]:
        """Return multiples of 2^-12 in binary16, scaled so that a layer keeps the magnitude of its input."""
        limit = int(4096 / fan**0.5)
        values = [stream.below(2 * limit + 1) - limit for _ in range(int(np.prod(shape)))]
        return np.array(values, np.float64).reshape(shape).astype(np.float16) / np.float16(4096)

    tensors = Arrays()
    for layer, shape in shapes(cfg.m, count).items():
        fan = shape[0] if layer == "linear" else int(np.prod(shape[1:]))
        outputs = shape[1] if layer == "linear" else shape[0]
        tensors[f"g_s.{layer}.weight"] = weights(shape, fan)
        tensors[f"g_s.{layer}.bias"] = weights((outputs,), 64)
    gains = [(1 + stream.below(3)) / (32 << rho) for rho in range(cfg.rates) for _ in range(cfg.m)]
    tensors["inverse"] = np.array(gains, np.float32).reshape(cfg.rates, cfg.m)
    blob = save({key: np.ascontiguousarray(value) for key, value in sorted(tensors.items())})
    entry = {"file": "painter.safetensors", "sha256": hashlib.sha256(blob).hexdigest(), "architecture": architecture}
    return blob, entry
