# SPDX-License-Identifier: MIT
"""Measure what each part of a sketch network's entropy model saves, by removing it and retraining the rest.

    python -m tools.train.sketch_ablation runs/sketch/checkpoint.pt PHOTOS --steps 600

Transforms and gains stay fixed, so all variants send the same latents and reconstruct the same maps. Only the entropy
networks are trained further, for the same number of steps, with the complete network as control. Bits are estimated on
contour and Sobel maps of the held-out photographs, at the rate whose contours come closest to each target.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from refcodec.transforms.elic.network import Elic
from refcodec.transforms.elic.torch_transforms import extended
from tools import program
from tools.train import elic, pack, photos, sketches
from tools.train.session import tensor

TARGETS = (0.015, 0.025)
PARTS: dict[str, Callable[[Elic], list[nn.Module]]] = {
    "all on": lambda _: [],
    "no channel context": lambda net: list(net.entropy.channel)[1:],
    "no spatial context": lambda net: list(net.entropy.spatial),
    "neither context": lambda net: [*list(net.entropy.channel)[1:], *net.entropy.spatial],
    "no z": lambda net: [net.entropy.h_s],
}


def zero_output(_: nn.Module, __: Any, out: Tensor) -> Tensor:
    """Forward hook that replaces the output of a module by zeros."""
    return out * 0


def load_without(checkpoint: Path, part: str) -> Elic:
    """Load the trained network with the output of a part set to 0; only the entropy networks are trainable."""
    net, _ = pack.load(checkpoint)
    for module in PARTS[part](net):
        module.register_forward_hook(zero_output)
    net.requires_grad_(False)
    for name in ("h_s", "channel", "spatial", "head", "anchor_head"):
        getattr(net.entropy, name).requires_grad_(True)
    return net


def train(net: Elic, maps: list[sketches.Maps], args: argparse.Namespace) -> None:
    """Train the entropy networks on estimated bits, with a learning rate that falls linearly to 0."""
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    params = [p for p in net.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(params, lr=args.rate)
    weight = 0.08 / torch.tensor(net.cfg.lambdas).sqrt()
    net.train()
    for step in range(args.steps):
        for group in optimiser.param_groups:
            group["lr"] = args.rate * (1 - step / args.steps)
        crops = np.stack([sketches.crop(maps, args.crop, rng) for _ in range(args.batch)])
        rate = torch.from_numpy(rng.integers(0, net.cfg.rates, args.batch))
        out = net(tensor(crops, "cpu"), rate)
        loss = (out.y_bits * weight[rate]).mean() / args.crop**2
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 3.0)
        optimiser.step()
    net.eval()


@torch.no_grad()
def bits(net: Elic, pictures: list[Tensor], rate: int, with_z: bool) -> float:
    """Return the mean of estimated bits per pixel."""
    per_picture = []
    for x in pictures:
        out = net(x, torch.tensor([rate]))
        per_picture.append(float(out.y_bits + (out.z_bits if with_z else 0)) / (x.shape[2] * x.shape[3]))
    return float(np.mean(per_picture))


def main(argv: list[str] | None = None) -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("checkpoint", type=Path)
    ap.add_argument("photos", type=Path)
    ap.add_argument("--steps", type=int, default=600)
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--crop", type=int, default=128)
    ap.add_argument("--rate", type=float, default=3e-4, help="learning rate, falling to 0")
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args(argv)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    loaded = [photos.load(p) for p in photos.listing(args.photos)]
    held_out = [sketches.half_size_maps(p) for p in loaded[-elic.HELD_OUT :]]
    maps = [v for p in loaded[: -elic.HELD_OUT : 2] for v in sketches.versions(p, rng)]
    validation = [[extended(m[..., i, None]) for m in held_out] for i in (0, 1)]
    rates: list[int] = []
    control: dict[tuple[int, int], float] = {}
    print(f"{'':20}" + "".join(f"{f'{kind} {t}':>22}" for kind in ("contours", "Sobel") for t in TARGETS))
    for part in PARTS:
        net = load_without(args.checkpoint, part)
        train(net, maps, args)
        if not rates:
            curve = [bits(net, validation[0], r, True) for r in range(net.cfg.rates)]
            rates = [int(np.argmin([abs(b - t) for b in curve])) for t in TARGETS]
        row = f"{part:20}"
        for kind in (0, 1):
            for rate in rates:
                bpp = bits(net, validation[kind], rate, part != "no z")
                control.setdefault((kind, rate), bpp)
                row += f"{bpp:13.5f} {bpp / control[kind, rate] - 1:+8.1%}"
        print(row, flush=True)


if __name__ == "__main__":
    raise SystemExit(program.run(main))
