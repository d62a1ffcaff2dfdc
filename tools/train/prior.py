# SPDX-License-Identifier: MIT
"""Train a prior of VQ indices (drafts/grids.md) and write its package.

    python -m tools.train.prior_data PHOTOS --out GRIDS.npz
    python -m tools.train.prior GRIDS.npz --out runs/prior --minutes 30 --codes PACKAGE
    python -m tools.train.prior GRIDS.npz --out runs/prior --pack FOLDER --name vq-small-prior

The run writes `checkpoint.pt` (averaged weights, too) and `log.jsonl` to the --out folder. Ctrl-C saves and stops; the
same command resumes. Each step takes one pass of the schedule on crops of the grids. `--pack` measures the ranges of
activations on grids, turns the network into integers, and prints what that costs.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools import program
from tools.train import prior_data
from tools.train.prior_data import Grid
from tools.train.prior_net import PriorConfig, PriorNet
from tools.train.rates import Cosine
from tools.train.session import CHECKPOINT_EVERY, Log, interruptible, load_checkpoint, save_checkpoint

VALIDATE_EVERY = 120.0  # seconds
AVERAGE = 0.998  # weight of the past in the averaged network
SIDES = (16, 24, 32)  # of crops, in sites
Data = tuple[list[Grid], list[Grid], dict[str, Any]]


class Run:
    """The training state that is saved in a checkpoint."""

    def __init__(self, args: argparse.Namespace, cfg: PriorConfig, codes: Tensor | None, state: Any) -> None:
        torch.manual_seed(args.seed)
        self.net, self.average = PriorNet(cfg, codes), PriorNet(cfg, codes)
        self.seconds, self.step = 0.0, 0
        self.average.load_state_dict(self.net.state_dict())
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=args.rate, weight_decay=0.02)
        if state is not None:
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.seconds, self.step = state["seconds"], state["step"]

    def done(self, args: argparse.Namespace) -> float:
        """Return the completed share of the schedule, 0 at the start and 1 at the end."""
        share: float = self.step / args.steps if args.steps else self.seconds / (60 * args.minutes)
        return share

    def save(self, args: argparse.Namespace, listing: str) -> None:
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "seconds": self.seconds,
            "step": self.step,
            "config": self.net.cfg.to_dict(),
            "data": listing,
            "seed": args.seed,
        }
        save_checkpoint(args.out, state)

    @torch.no_grad()
    def update_average(self) -> None:
        share = min(AVERAGE, self.step / (self.step + 10))
        for kept, new in zip(self.average.parameters(), self.net.parameters(), strict=True):
            kept.lerp_(new, 1 - share)


def draw(grids: list[Grid], batch: int, rng: np.random.Generator) -> Tensor:
    """Return crops int64[B, side, side] of grids drawn in proportion to their size, as many sites as `batch` of 32 x 32."""
    side = int(rng.choice(SIDES))
    while not (fitting := [grid for grid in grids if min(grid.shape) >= side]):
        side = max(1, side // 2)
    weights = np.array([grid.size for grid in fitting], np.float64)
    crops = []
    for i in rng.choice(len(fitting), max(1, batch * SIDES[-1] ** 2 // side**2), p=weights / weights.sum()):
        top, left = (int(rng.integers(0, n - side + 1)) for n in fitting[i].shape)
        crops.append(fitting[i][top : top + side, left : left + side])
    return torch.from_numpy(np.stack(crops).astype(np.int64))


def pass_weights(net: PriorNet) -> Tensor:
    """Return how often each pass is trained: in proportion to the square root of its sites."""
    counts = torch.bincount(net.numbers.flatten()).double().sqrt()
    weights: Tensor = counts / counts.sum()
    return weights


def train_step(run: Run, args: argparse.Namespace, grids: list[Grid], rng: np.random.Generator) -> float:
    """Take one optimiser step on one pass; return its bits an index."""
    number = int(rng.choice(len(run.net.steps), p=pass_weights(run.net).numpy()))
    logits, indices = run.net(draw(grids, args.batch * min(4, run.net.steps[number]), rng), number)
    loss = F.cross_entropy(logits, indices)
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = float(nn.utils.clip_grad_norm_(run.net.parameters(), 1.0))
    for group in run.optimiser.param_groups:
        group["lr"] = args.rate * Cosine().factor(run.step, run.done(args))
    if math.isfinite(norm):
        run.optimiser.step()
    run.step += 1
    run.update_average()
    return float(loss.detach()) / math.log(2)


@torch.no_grad()
def bits_per_index(net: PriorNet, grids: list[Grid]) -> float:
    """Return the ideal code length of all indices of some grids, by the float network."""
    total = 0.0
    for grid in grids:
        x = torch.from_numpy(grid.astype(np.int64))[None]
        for number in range(len(net.steps)):
            if net.inputs(x, number)[1].any():
                logits, indices = net(x, number)
                total += float(F.cross_entropy(logits, indices, reduction="sum"))
    return total / math.log(2) / sum(grid.size for grid in grids)


def work(args: argparse.Namespace, run: Run, data: Data) -> None:
    """Run the training loop."""
    train, held, about = data
    rng = np.random.default_rng((args.seed, run.step))  # a random stream of crops per session
    log = Log(args, 0, run)
    last = time.monotonic()
    saved = validated = run.seconds
    seen: list[float] = []
    with interruptible() as stop_requested:
        while run.done(args) < 1 and not stop_requested():
            seen.append(train_step(run, args, train, rng))
            now = time.monotonic()
            run.seconds, last = run.seconds + now - last, now
            if run.step % args.log_every == 0:
                log(bits=round(float(np.mean(seen)), 4), lr=round(run.optimiser.param_groups[0]["lr"], 7))
                seen = []
            if run.seconds - validated > VALIDATE_EVERY:
                validated = run.seconds
                log(held_out=round(bits_per_index(run.average, held), 4))
            if run.seconds - saved > CHECKPOINT_EVERY:
                saved = run.seconds
                run.save(args, about["listing_sha256"])
        log(held_out=round(bits_per_index(run.average, held), 4))
        run.save(args, about["listing_sha256"])


def read_checkpoint(args: argparse.Namespace, about: dict[str, Any]) -> Any:
    """Return (state, configuration), None for a new run; exit if the checkpoint is of other data."""
    loaded = load_checkpoint(args, lambda state: (PriorConfig(**state["config"]), state["data"]))
    if loaded is None:
        return None
    state, (cfg, listing) = loaded
    if listing != about["listing_sha256"] or cfg.v != about["v"]:
        raise SystemExit(f"error: {args.out / 'checkpoint.pt'} was trained on other grids; choose another --out")
    return state, cfg


def codes_of(package: Path | None) -> Tensor | None:
    """Return the code words float32[v, dim] of the painter of a package."""
    if package is None:
        return None
    from refcodec.networks.package import load_part, read_manifest

    _, tensors = load_part(package, read_manifest(package), "painter")
    return F.normalize(torch.from_numpy(tensors["codebook"].astype(np.float32)), dim=-1)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("grids", type=Path)
    ap.add_argument("--out", type=Path, required=True)
    length = ap.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=30)
    length.add_argument("--steps", type=int, default=0, help="length in steps instead of --minutes; reproducible")
    ap.add_argument("--stride", type=int, default=16, help="pixels of a site")
    ap.add_argument("--codes", type=Path, help="package whose code words the embedding begins with")
    ap.add_argument("--wide", type=int, default=PriorConfig.wide, help="channels of convolutions")
    ap.add_argument("--narrow", type=int, default=PriorConfig.narrow, help="channels between them")
    ap.add_argument("--rank", type=int, default=PriorConfig.rank, help="inputs of the head")
    ap.add_argument("--embedding", type=int, default=PriorConfig.embedding, help="channels of the embedding")
    ap.add_argument("--coarsest", type=int, default=PriorConfig.coarsest, help="step of the first pass, 2 to 16")
    ap.add_argument("--batch", type=int, default=8, help="crops of 32 x 32 sites a step, or as many sites")
    ap.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--log-every", type=int, default=100, help="steps between log rows")
    ap.add_argument("--pack", type=Path, help="write the package of the checkpoint to this folder instead of training")
    ap.add_argument("--name", default="prior", help="name of the package")
    ap.add_argument("--licence", default="MIT", help="licence of the package")
    ap.add_argument("--notes", default="", help="notes in the manifest")
    ap.add_argument("--command", default="", help="the training command, recorded in the manifest")
    ap.set_defaults(device="cpu")
    args = ap.parse_args(argv)
    if args.coarsest not in (1, 2, 4, 8, 16) or min(args.batch, args.log_every) < 1 or args.minutes <= 0:
        ap.error("--coarsest is a power of two up to 16; --batch, --log-every and --minutes are positive")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    train, held, about = data = prior_data.load(args.grids)
    print(f"{len(train)} grids, {sum(map(np.size, train))} indices, {len(held)} held out", flush=True)
    loaded = read_checkpoint(args, about)
    if args.pack is not None:
        if loaded is None:
            raise SystemExit(f"error: {args.out} has no checkpoint to pack")
        from tools.train.prior_package import pack

        pack(args, loaded[0], loaded[1], data)
        return
    cfg = PriorConfig(int(about["v"]), args.embedding, args.wide, args.narrow, args.rank, args.coarsest)
    state, cfg = loaded or (None, cfg)
    work(args, Run(args, cfg, codes_of(args.codes), state), data)


if __name__ == "__main__":
    raise SystemExit(program.run(main))
