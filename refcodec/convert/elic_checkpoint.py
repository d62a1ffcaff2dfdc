# SPDX-License-Identifier: MIT
"""Public checkpoints of ELIC become model packages: state dict -> `net.Elic` -> integers -> package.

Their heads give sigma, their prior of z has medians, and they have one rate without gains. The median of each channel is
taken off behind the analysis and put back before the hyper-decoder, so that z counts steps from it.
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
from refcodec.convert.calibrate import any_text, calibrate
from refcodec.convert.elic_names import Variant
from refcodec.convert.elic_package import write_package
from refcodec.convert.factorised_prior import Prior
from refcodec.convert.quantisation_loss import EntropyParameters, FloatContextModel, ideal_bits
from refcodec.convert.quantise import symbol_model
from refcodec.errors import Code, SemError
from refcodec.networks.context_model import ContextModel
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.symbol_model import build
from refcodec.transforms.elic.network import Elic

# At this lambda a quantisation step of 1 is right (`net.Elic`): what the encoder's choice of residuals goes by.
UNIT_LAMBDA = 18 / math.log(2) / 255**2
SYNTHETIC, SIDE = 6, 256  # pictures made where none are given
QUIET = 1 / 32  # of `calibrate`: users give few pictures
FEW = 1 << 18  # pixels of them all
COMPARED = 3  # pictures of the report


def network(state: Mapping[str, Tensor], variant: str | None = None) -> tuple[Elic, Prior]:
    """The float network of a checkpoint's state dict, and its prior of z; variant: taco, compressai, chandelier or None.

    SEM-E-803 names the first key that is missing, of another shape, not finite, or that nothing knows.
    """
    state = {key.removeprefix("module."): value for key, value in state.items()}
    found = elic_names.find(state, variant)
    cfg = replace(elic_names.architecture(state, found), lambdas=(UNIT_LAMBDA,))
    with torch.device("meta"):
        net = Elic(cfg)
    own = dict.fromkeys(("log_gain", "log_inverse", "log_gain_z", "z_loc", "z_log_scale"))
    made = {
        name: torch.zeros(like.shape) if name in own else _taken(state, found.key(name), like)
        for name, like in net.state_dict().items()
    }
    prior = Prior(state, found.prior, cfg.hyper)
    known = prior.used | {found.key(name) for name in made if name not in own}
    if left := sorted(key for key in state if key not in known and not elic_names.ignored(key)):
        raise SemError(Code.MODEL_MALFORMED, f"nothing in the architecture is called {left[0]}", path=left[0])
    _mask(made, found)
    median = prior.medians.float()
    last = f"entropy.h_a.{2 * len(cfg.hyper_analysis) - 2}.bias"
    made[last] = made[last] - median
    net.load_state_dict(made, assign=True)
    net.z_centre = median
    return net.eval().requires_grad_(False), prior


def _taken(state: Mapping[str, Tensor], key: str, like: Tensor) -> Tensor:
    found = state.get(key)
    if found is None:
        raise SemError(Code.MODEL_MALFORMED, f"the checkpoint has no {key}", path=key)
    if found.shape != like.shape:
        raise SemError(
            Code.MODEL_MALFORMED, f"{key} has the shape {list(found.shape)}, not {list(like.shape)}", path=key
        )
    if not found.is_floating_point() or not bool(found.isfinite().all()):
        raise SemError(Code.MODEL_MALFORMED, f"{key} is not finite numbers", path=key)
    return found.detach().cpu().float()


def _mask(made: dict[str, Tensor], variant: Variant) -> None:
    """Spatial contexts see the sites an odd number of steps away; what else they hold was never used."""
    for name in made if variant.masked else ():
        if name.startswith("entropy.spatial.") and name.endswith(".weight"):
            at = torch.arange(made[name].shape[2])
            made[name] = made[name] * ((at[:, None] + at) % 2)


def synthetic(seed: int = 0) -> list[Tensor]:
    """Pictures float[1, 3, 256, 256] with the statistics of photographs: a 1/f spectrum, slopes, and edges."""
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
    """A public checkpoint's state dict as a model package in the folder `out`; its digest.

    variant: see `network`. pictures float[1, 3, H, W] in 0..1 measure the ranges of activations; synthetic ones where there
    are none. texts float[1, 38, width]: the embeddings of their captions, for TACO. say: takes the lines of the report.
    SEM-E-803 for a state that is none of the variants, or whose weights no integers can stand for.
    """
    net, prior = network(state, variant)
    if not pictures:
        say("warning: no pictures to measure activations on; synthetic ones are used, and photographs are better")
        pictures, texts = synthetic(), None
    elif sum(x.shape[2] * x.shape[3] for x in pictures) < FEW:
        say(f"warning: pictures of fewer than {FEW} pixels show few activations; give several photographs")
    pictures = [F.pad(x.float(), (0, -x.shape[3] % 64, 0, -x.shape[2] % 64), mode="replicate") for x in pictures]
    try:
        tables, ranges = prior.tables(), calibrate(net, pictures, texts, QUIET)
        ends = np.stack([tables["z.offset"][0], tables["z.offset"][0] + tables["z.size"][0] - 1.0])
        ranges.reach("z", np.abs(ends + net.z_centre.numpy()).max(0))  # every z that a table has
        symbols, tensors = symbol_model(net, ranges, tables)
        say(_report(net, symbols, tensors, pictures[:COMPARED], texts))
        about = {"name": name, "licence": licence, "notes": notes}
        return write_package(net, symbols, tensors, out, about)
    except ValueError as error:
        raise SemError(
            Code.MODEL_MALFORMED, f"no integers can stand for this checkpoint: {error}", path="symbols"
        ) from error


@torch.no_grad()
def _report(
    net: Elic, symbols: dict[str, Any], tensors: dict[str, Any], pictures: list[Tensor], texts: list[Tensor] | None
) -> str:
    """How much longer codes of y are under the integer entropy model than under the float one."""
    model = build(symbols, tensors)
    bits = [0.0, 0.0]
    for i, x in enumerate(pictures):
        y, z = net.analyse(x, any_text(net.cfg) if texts is None else texts[i])
        shape = (y.shape[2], y.shape[3])
        both: tuple[EntropyParameters, EntropyParameters] = (
            FloatContextModel(net, 0, shape),
            ContextModel(model, 0, shape, NumpyBackend()),
        )
        for j, predictor in enumerate(both):
            bits[j] += ideal_bits(predictor, model.groups, y[0].numpy(), z[0].round().int().numpy())
    loss = bits[1] / max(1.0, bits[0]) - 1
    return f"y of {len(pictures)} pictures: {bits[0] / 8:.0f} bytes with the float entropy model, {bits[1] / 8:.0f} with integers ({loss:+.2%})"
