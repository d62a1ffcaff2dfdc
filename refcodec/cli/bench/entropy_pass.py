# SPDX-License-Identifier: MIT
"""The cost of exactness: run ELIC's entropy networks as in one decode, in exact integers and in float32."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from refcodec.convert.calibrate import calibrate
from refcodec.convert.quantise import symbol_model
from refcodec.convert.z_tables import logistic_tables
from refcodec.networks.context_model import Backend, ContextModel
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.package import SymbolModel, build
from refcodec.networks.torch_backend import TorchBackend
from refcodec.transforms.elic import config
from refcodec.transforms.elic.network import Elic


def passes(n: int, m: int, size: tuple[int, int]) -> list[tuple[str, Callable[[], None]]]:
    """Return (name, call) for each backend, float32 before its exact counterpart.

    A call runs the networks over the latents of a picture of `size` (width, height). They are untrained and of TACO's
    shape with widths n and m, as time does not depend on weights.
    """
    symbols, shape = _model(n, m), (4 * -(-size[1] // 64), 4 * -(-size[0] // 64))
    rows: list[tuple[str, Backend]] = [
        ("torch float32 (not exact)", TorchBackend(torch.float32)),
        ("torch float64, exact", TorchBackend()),
        ("numpy float32 (not exact)", NumpyBackend(np.float32)),
        ("numpy float64, exact", NumpyBackend()),
    ]
    return [(name, partial(_entropy_pass, symbols, shape, backend)) for name, backend in rows]


def _model(n: int, m: int) -> SymbolModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net = Elic(config.taco(n, m)).eval()
        ranges = calibrate(net, [torch.rand(1, 3, 128, 128)])
    z = logistic_tables(np.zeros((1, n)), np.ones((1, n)))
    return build(*symbol_model(net, ranges, z))


def _entropy_pass(symbols: SymbolModel, shape: tuple[int, int], backend: Backend) -> None:
    """Run all network evaluations of one decode of a latent of `shape` (h, w), with symbols all zero."""
    context_model = ContextModel(symbols, 0, shape, backend)
    context_model.start(np.zeros((symbols.hyper, shape[0] // 4, shape[1] // 4), np.int32))
    for k in range(len(symbols.groups)):
        for step in (0, 1):
            mean, _ = context_model.entropy_parameters(k, step)
            context_model.update(k, step, mean)
