# SPDX-License-Identifier: MIT
"""Convert public checkpoints of ELIC to model packages: state dict -> `network.Elic` -> integers -> package.

Their heads output sigma, their prior of z has medians, and they have one rate without gains. The median of each channel
is subtracted after the hyper-analysis and added before the hyper-decoder, so that z counts steps from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from refcodec.convert import elic_names
from refcodec.convert.calibrate import calibrate, default_text
from refcodec.convert.elic_names import Variant
from refcodec.convert.elic_package import write_package
from refcodec.convert.factorised_prior import Prior
from refcodec.convert.quantisation_loss import EntropyParameters, FloatContextModel, ideal_bits
from refcodec.convert.quantise import symbol_model
from refcodec.errors import Code, SemError
from refcodec.networks.context_model import ContextModel
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.symbol_model import build
from refcodec.networks.torch_guard import without_memory
from refcodec.transforms.elic.network import Elic

# Lambda for which a quantisation step of 1 is right (`network.Elic`); the encoder's choice of residuals depends on it.
UNIT_LAMBDA = 18 / math.log(2) / 255**2
SYNTHETIC, SIDE = 6, 256  # number and side of synthetic pictures
QUIET = 1 / 32  # of `calibrate`, since users supply few pictures
FEW = 1 << 18  # total pixels
COMPARED = 3  # pictures in the report


def network(state: Mapping[str, Tensor], variant: str | None = None) -> tuple[Elic, Prior]:
    """Return the float network of a state dict and its prior of z. variant: taco, compressai, chandelier or None (detect).

    Raises Code.MODEL_MALFORMED for the first key that is missing, misshapen, not finite or unknown.
    """
    state = {key.removeprefix("module."): value for key, value in state.items()}
    names = elic_names.find(state, variant)
    cfg = replace(elic_names.architecture(state, names), lambdas=(UNIT_LAMBDA,))
    with without_memory():
        net = Elic(cfg)
    own = dict.fromkeys(("log_gain", "log_inverse", "log_gain_z", "z_loc", "z_log_scale"))
    weights = {
        name: torch.zeros(like.shape) if name in own else _tensor(state, names.key(name), like)
        for name, like in net.state_dict().items()
    }
    prior = Prior(state, names.prior, cfg.hyper)
    known = prior.used | {names.key(name) for name in weights if name not in own}
    if unknown := sorted(key for key in state if key not in known and not elic_names.ignored(key)):
        raise SemError(Code.MODEL_MALFORMED, f"the architecture has no tensor {unknown[0]}", path=unknown[0])
    _mask(weights, names)
    median = prior.medians.float()
    last = f"entropy.h_a.{2 * len(cfg.hyper_analysis) - 2}.bias"
    weights[last] = weights[last] - median
    net.load_state_dict(weights, assign=True)
    net.z_centre = median
    return net.eval().requires_grad_(False), prior


def _tensor(state: Mapping[str, Tensor], key: str, like: Tensor) -> Tensor:
    tensor = state.get(key)
    if tensor is None:
        raise SemError(Code.MODEL_MALFORMED, f"the checkpoint has no {key}", path=key)
    if tensor.shape != like.shape:
        raise SemError(
            Code.MODEL_MALFORMED, f"{key} has the shape {list(tensor.shape)}, not {list(like.shape)}", path=key
        )
    if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
        raise SemError(Code.MODEL_MALFORMED, f"{key} has values that are not finite numbers", path=key)
    return tensor.detach().cpu().float()


def _mask(weights: dict[str, Tensor], variant: Variant) -> None:
    """Set the weights of spatial contexts to 0 at an even distance, where the public code masks them."""
    for name in weights if variant.masked else ():
        if name.startswith("entropy.spatial.") and name.endswith(".weight"):
            at = torch.arange(weights[name].shape[2])
            weights[name] = weights[name] * ((at[:, None] + at) % 2)


def synthetic(seed: int = 0) -> list[Tensor]:
    """Return pictures float[1, 3, 256, 256] with statistics of photographs: a 1/f spectrum, gradients and edges."""
    rng = np.random.default_rng(seed)
    f = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    f[0, 0] = np.inf
    out = []
    for _ in range(SYNTHETIC):
        grey, *chroma = (
            np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) / f, s=(SIDE, SIDE)) for _ in range(4)
        )
        planes = np.stack([0.2 * grey / grey.std() + 0.06 * c / c.std() for c in chroma]) + rng.uniform(
            0.3, 0.7, (3, 1, 1)
        )
        planes += np.linspace(-0.2, 0.2, SIDE) * rng.uniform(-1, 1, (3, 1, 1))
        for top, left, height, width in rng.integers(8, SIDE - 64, (6, 4)).tolist():
            planes[:, top : top + height, left : left + width] += rng.uniform(-0.3, 0.3, (3, 1, 1))
        out.append(torch.tensor(planes.clip(0, 1), dtype=torch.float32)[None])
    return out


def convert(
    state: Mapping[str, Tensor],
    variant: str | None,
    pictures: list[Tensor] | None,
    out: Path,
    name: str,
    licence: str,
    notes: str = "",
    *,
    texts: list[Tensor] | None = None,
    say: Callable[[str], None] = print,
) -> str:
    """Write the state dict of a public checkpoint as a model package to the folder `out`, and return its digest.

    variant: see `network`. pictures float[1, 3, H, W] in 0..1: for the ranges of activations; default synthetic. texts
    float[1, 38, width]: embeddings of their captions, for TACO. say: called with each line of the report.
    Raises Code.MODEL_MALFORMED for a state of no known variant, or with weights that integers cannot represent.
    """
    net, prior = network(state, variant)
    if not pictures:
        say("warning: activations are measured on synthetic pictures; photographs give better results")
        pictures, texts = synthetic(), None
    elif sum(x.shape[2] * x.shape[3] for x in pictures) < FEW:
        say(f"warning: pictures with fewer than {FEW} pixels in total show few activations; use several photographs")
    pictures = [F.pad(x.float(), (0, -x.shape[3] % 64, 0, -x.shape[2] % 64), mode="replicate") for x in pictures]
    try:
        tables, ranges = prior.tables(), calibrate(net, pictures, texts, QUIET)
        ends = np.stack([tables["z.offset"][0], tables["z.offset"][0] + tables["z.size"][0] - 1.0])
        ranges.require("z", np.abs(ends + net.z_centre.numpy()).max(0))  # every z in the tables
        symbols, tensors = symbol_model(net, ranges, tables)
        say(_report(net, symbols, tensors, pictures[:COMPARED], texts))
        about = {"name": name, "licence": licence, "notes": notes}
        return write_package(net, symbols, tensors, out, about)
    except ValueError as error:
        raise SemError(
            Code.MODEL_MALFORMED, f"integers cannot represent this checkpoint: {error}", path="symbols"
        ) from error


@torch.no_grad()
def _report(
    net: Elic, symbols: dict[str, Any], tensors: dict[str, Any], pictures: list[Tensor], texts: list[Tensor] | None
) -> str:
    """Return a line that compares the code length of y under the integer and the float entropy model."""
    model = build(symbols, tensors)
    bits = [0.0, 0.0]
    for i, x in enumerate(pictures):
        y, z = net.analyse(x, default_text(net.cfg) if texts is None else texts[i])
        shape = (y.shape[2], y.shape[3])
        both: tuple[EntropyParameters, EntropyParameters] = (
            FloatContextModel(net, 0, shape),
            ContextModel(model, 0, shape, NumpyBackend()),
        )
        for j, predictor in enumerate(both):
            bits[j] += ideal_bits(predictor, model.groups, y[0].numpy(), z[0].round().int().numpy())
    loss = bits[1] / max(1.0, bits[0]) - 1
    return f"y of {len(pictures)} pictures: {bits[0] / 8:.0f} bytes with the float entropy model, {bits[1] / 8:.0f} with integers ({loss:+.2%})"
