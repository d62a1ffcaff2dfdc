# SPDX-License-Identifier: MIT
"""Convert a trained float checkpoint to a model package (SPEC §12) and print the rate loss of quantisation.

    python -m tools.train.pack runs/elic/checkpoint.pt PHOTOS --out refcodec/data/models/elic-small --name elic-small

PHOTOS, the training photographs, calibrates activation ranges and z tables over all rates. The report compares payload
sizes with the float entropy model and with the integer one, for the same weights and the same rounding. A network of
one channel (kind 6) is calibrated on edge maps of the photographs, and with --maps on as many HED maps of a folder of
tools/train/hed_maps.py.
"""

from __future__ import annotations

import argparse
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from refcodec import table_files
from refcodec.convert.calibrate import calibrate, default_text
from refcodec.convert.elic_package import write_package
from refcodec.convert.quantisation_loss import FloatContextModel
from refcodec.convert.quantise import symbol_model
from refcodec.convert.z_tables import counted_tables
from refcodec.networks.context_model import ContextModel
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.package import SymbolModel, build
from refcodec.payloads import latents as elic_latents
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.network import Elic
from refcodec.transforms.elic.torch_transforms import extended
from tools import program
from tools.train import hed_maps, photos, sketches

Array = NDArray[Any]
REACH = 1024  # largest magnitude in a z table, unless the calibration pictures have larger values


def body_size(predictor: Any, model: SymbolModel, rate: int, y: Array, z: Array) -> int:
    """Return the payload size in bytes when `predictor` drives the coder and residuals are rounded to nearest."""
    from refcodec.entropy import Encoder, gaussians, uniform

    coder = Encoder()
    coder.symbol(uniform(model.rates), rate)
    index = np.broadcast_to(np.arange(rate * model.hyper, (rate + 1) * model.hyper)[:, None, None], z.shape)
    coder.array(elic_latents.z_tables(model), index, z)
    predictor.start(z)
    for k in range(len(model.groups)):
        for step in (0, 1):
            mean, table = predictor.entropy_parameters(k, step)
            rows, cols = predictor.sites[step]
            s = np.rint(y[model.part(k), rows, cols] - mean / 64).astype(np.int32)
            s[table == 0] = 0
            coder.array(gaussians(table_files.SHIPPED), table, s, skip=0)
            predictor.update(k, step, 64 * s + mean)
    return len(coder.finish())


def z_counts(net: Elic, latents: list[tuple[Array, Array]]) -> dict[str, Array]:
    """Return the z tables: calibration counts blended with the trained logistic, which supplies the tails."""
    loc, scale = net.z_loc.detach().double().numpy(), net.z_log_scale.detach().clamp(min=-4).double().exp().numpy()
    gain_z = net.log_gain_z.detach().exp().numpy()

    def one(rate: int, c: int) -> tuple[int, Array]:
        seen = np.concatenate([np.rint(z0[c] * gain_z[rate, c]).ravel() for _, z0 in latents]).astype(int)
        mu, s = loc[rate, c], scale[rate, c]
        lo = min(max(int(np.floor(mu - 12 * s)), -REACH), int(seen.min()))
        hi = max(min(int(np.ceil(mu + 12 * s)), REACH), int(seen.max()))
        edges = 1 / (1 + np.exp(-np.clip((np.arange(lo, hi + 2) - 0.5 - mu) / s, -500, 500)))
        counts = np.bincount(seen - lo, minlength=hi - lo + 1)
        return lo, counts / len(seen) * 0.85 + np.diff(edges) * 0.15 + 1e-9

    return counted_tables((one(r, c) for r in range(net.cfg.rates) for c in range(net.cfg.hyper)), tuple(loc.shape))  # type: ignore[arg-type]


def load(path: Path) -> tuple[Elic, dict[str, Any]]:
    """Load a checkpoint; return the network with its averaged weights, and the checkpoint state."""
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        net = Elic(ElicConfig.from_dict(state["config"]))
        net.load_state_dict(state["ema"])
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError) as e:
        raise SystemExit(f"error: {path} is not a checkpoint of tools/train/elic.py ({e})") from e
    return net.eval(), state


def crops(root: Path, count: int, side: int, channels: int = 3, maps: Path | None = None) -> list[NDArray[np.uint8]]:
    """Return centre crops of pictures spread evenly over the listing; for one channel, of alternating contour and Sobel maps.

    maps: for one channel, a folder from which `count` HED maps are added, spread evenly.
    """
    files = photos.listing(root)
    if not files:
        raise SystemExit(f"error: {root} contains no pictures")
    pictures = [photos.load(path) for path in files[:: max(1, len(files) // count)][:count]]
    if channels == 1:
        pictures = [sketches.half_size_maps(pic)[..., i % 2, None] for i, pic in enumerate(pictures)]
        if maps is not None:
            names = hed_maps.complete(maps)
            pictures += hed_maps.load(maps, names[:: max(1, len(names) // count)][:count])
    return [photos.centre(pic, side) for pic in pictures]


@torch.no_grad()
def interpolate_rates(net: Elic, positions: list[float]) -> Elic:
    """Return the network with rates at fractional positions: 1.5 is halfway between the trained rates 1 and 2.

    All parameters of a rate are interpolated: lambda, gains and scales as logarithms, z_loc linearly. Positions outside
    the trained rates extrapolate from the nearest two.
    """
    at = np.clip(np.floor(positions).astype(int), 0, net.cfg.rates - 2)
    weight = torch.tensor(np.array(positions) - at, dtype=torch.float32)[:, None]
    log_lambda = torch.tensor(net.cfg.lambdas).log()[:, None]
    lambdas = torch.lerp(log_lambda[at], log_lambda[at + 1], weight).exp()[:, 0]
    out = Elic(replace(net.cfg, lambdas=tuple(float(f"{v:.4g}") for v in lambdas)))
    state = net.state_dict()
    for name in ("log_gain", "log_inverse", "log_gain_z", "z_loc", "z_log_scale"):
        state[name] = torch.lerp(state[name][at], state[name][at + 1], weight)
    out.load_state_dict(state)
    return out.eval()


def write(
    net: Elic, state: dict[str, Any], symbols: dict[str, Any], tensors: dict[str, Array], args: argparse.Namespace
) -> None:
    """Write the package folder; exit if the weights cannot be quantised."""
    about = {
        "name": args.name,
        "licence": args.licence,
        "notes": args.notes,
        "training": {
            "steps": state["step"],
            "seconds": round(state["seconds"]),
            "seed": state["seed"],
            "listing_sha256": state["data"],
            "command": args.command,
        },
    }
    try:
        digest = write_package(net, symbols, tensors, args.out, about)
    except ValueError as e:
        raise SystemExit(f"error: {e}; the network was hardly trained") from e
    total = sum(p.stat().st_size for p in args.out.iterdir())
    print(f"{args.out}: {total} bytes, digest {digest}")


def main(argv: list[str] | None = None) -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("checkpoint", type=Path)
    ap.add_argument("photos", type=Path)
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--name", required=True)
    ap.add_argument("--licence", default="MIT")
    ap.add_argument("--notes", default="")
    ap.add_argument("--command", default="", help="the training command, recorded in the manifest")
    ap.add_argument("--pictures", type=int, default=40, help="number of calibration pictures")
    ap.add_argument(
        "--rates", type=float, nargs="+", help="rates of the package, as positions among the trained rates: 0 0.5 1 …"
    )
    ap.add_argument("--maps", type=Path, help="folder of HED maps that a network of one channel is calibrated on, too")
    ap.add_argument("--report", type=int, default=6, help="number of pictures in the size comparison")
    args = ap.parse_args(argv)
    torch.set_num_threads(1)
    net, state = load(args.checkpoint)
    if args.rates:
        net = interpolate_rates(net, args.rates)
    pictures = [extended(p) for p in crops(args.photos, args.pictures, 512, net.cfg.channels, args.maps)]
    ranges = calibrate(net, pictures)
    with torch.no_grad():
        text = default_text(net.cfg)
        latents = [(y[0].numpy(), z[0].numpy()) for y, z in (net.analyse(x, text) for x in pictures)]
    symbols, tensors = symbol_model(net, ranges, z_counts(net, latents))
    model = build(symbols, tensors)
    print(f"{'rate':>4} {'lambda':>9} {'float bytes':>12} {'integer bytes':>14} {'loss':>8}")
    gain, gain_z = (t.detach().exp().numpy()[:, :, None, None] for t in (net.log_gain, net.log_gain_z))
    sample = latents[:: max(1, len(latents) // args.report)][: args.report]
    for rate in range(net.cfg.rates):
        total = [0, 0]
        for y, z0 in sample:
            z = np.rint(z0 * gain_z[rate]).astype(np.int32)
            for i, predictor in enumerate(
                (FloatContextModel(net, rate, y.shape[1:]), ContextModel(model, rate, y.shape[1:], NumpyBackend()))  # type: ignore[arg-type]
            ):
                total[i] += body_size(predictor, model, rate, y * gain[rate], z)
        print(
            f"{rate:4} {net.cfg.lambdas[rate]:9.6f} {total[0]:12} {total[1]:14} {total[1] / max(1, total[0]) - 1:+8.2%}"
        )
    write(net, state, symbols, tensors, args)


if __name__ == "__main__":
    raise SystemExit(program.run(main))
