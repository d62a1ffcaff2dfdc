# SPDX-License-Identifier: MIT
"""Train an ELIC network for several rates at once; runs resume from one checkpoint file.

    python -m tools.train.elic PHOTOS --out runs/elic --minutes 100 --processes 2
    accelerate launch --multi_gpu --num_processes 8 -m tools.train.elic 'coco-{000..082}.tar' --recipe taco --out runs/taco ...

PHOTOS is a folder of photographs, or shards or a list of files, which are streamed (tools/train/listing.py). `--config
taco-text` trains TACO with its text adapter, using captions and TACO's losses (tools/train/joint.py); `--recipe taco` with
all settings of the paper. The run writes `checkpoint.pt` (weights, averaged weights, optimiser state and position in the
pictures, all that resuming needs) and `log.jsonl` to the --out folder. Ctrl-C saves and stops; the same command resumes. The
schedule follows the elapsed share of --minutes, summed over all sessions, or of --steps or --epochs. A run with --steps, in
one process on a CPU and without interruption, gives the same losses each time.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.multiprocessing
from numpy.typing import NDArray
from torch import Tensor

from refcodec.transforms.elic import config as configs
from refcodec.transforms.elic.network import Elic
from tools import program
from tools.train import devices, elic_data, elic_options, rates, sketches
from tools.train.data import Data, Source
from tools.train.devices import Devices, average_gradients
from tools.train.elic_validation import validate
from tools.train.joint import Guide
from tools.train.losses import distortion, line_distortion
from tools.train.principal import initialise
from tools.train.session import (
    CHECKPOINT_EVERY,
    VALIDATE_EVERY,
    Log,
    agree,
    interruptible,
    load_checkpoint,
    save_checkpoint,
    tensor,
)

LAMBDAS = tuple(round(0.0003 * (0.0256 / 0.0003) ** (i / 9), 6) for i in range(10))  # quality 1 … 10
SKETCH_LAMBDAS = tuple(round(3e-6 * (1.6e-4 / 3e-6) ** (i / 9), 8) for i in range(10))  # about 0.006 … 0.06 bpp
TEXT_WIDTH = 512  # of openai/clip-vit-base-patch32
HELD_OUT = elic_data.HELD_OUT
PATCHES = 25_000  # patches in the PCA that initialises the linear path

SKETCH = configs.ElicConfig(
    m=96,
    hyper=16,
    groups=(8, 8, 16, 32, 32),
    widths=(32, 72, 176),
    hyper_analysis=(("conv", 1, 1, 64), ("conv", 3, 2, 64), ("conv", 3, 2, 16)),
    hyper_synthesis=(("deconv", 5, 2, 48), ("deconv", 5, 2, 64)),
    channel_context=((3, 32),),
    spatial_width=32,
    aggregation=(64, 48),
    lambdas=SKETCH_LAMBDAS,
    channels=1,
)


def config(name: str) -> configs.ElicConfig:
    """Return the configuration of a name: embedded, sketch, taco-text (with text adapter) or a public variant.

    Public variants use the lambdas of the embedded model.
    """
    if name == "sketch":
        return SKETCH
    if name == "embedded":
        return configs.ElicConfig(lambdas=LAMBDAS)
    if name == "taco-text":
        return replace(config("taco"), text_width=TEXT_WIDTH)
    base: configs.ElicConfig = {
        "taco": configs.taco,
        "compressai": configs.compressai,
        "chandelier": configs.chandelier,
    }[name]()
    return configs.ElicConfig.from_dict({**base.to_dict(), "lambdas": list(LAMBDAS)})


def configuration(args: argparse.Namespace) -> configs.ElicConfig:
    """Return the configuration of a run: that of its name, with the lambdas of `--lambdas`."""
    named = config(args.config)
    return replace(named, lambdas=tuple(args.lambdas)) if args.lambdas else named


def read_checkpoint(args: argparse.Namespace, data_digest: str) -> dict[str, Any] | None:
    """Return the state to resume from, None for a new run; exit if the checkpoint does not match the run."""
    loaded = load_checkpoint(args, lambda state: (configs.ElicConfig.from_dict(state["config"]), state["data"]))
    if loaded is None:
        return None
    state, (trained, data) = loaded
    path = args.out / "checkpoint.pt"
    if trained != configuration(args):
        raise SystemExit(f"error: {path} holds another architecture than --config {args.config}; choose another --out")
    if data != data_digest:
        raise SystemExit(f"error: {path} was trained on other pictures (listing {data}); choose another --out")
    return state


class Run:
    """The training state that is saved in a checkpoint."""

    def __init__(
        self,
        args: argparse.Namespace,
        state: dict[str, Any] | None,
        pictures: list[NDArray[np.uint8]],
        processes: Devices,
    ) -> None:
        torch.manual_seed(args.seed)
        self.net = Elic(configuration(args)).to(processes.device)
        self.seconds, self.step, self.processes = 0.0, 0, processes
        self.schedule = rates.schedule(args)
        if state is None:
            initialise(self.net, pictures, np.random.default_rng(args.seed), PATCHES)
        else:
            self.net.load_state_dict(state["net"])
            self.seconds, self.step = state["seconds"], state["step"]
        slow = [p for n, p in self.net.named_parameters() if ".linear." in n]
        fast = [p for n, p in self.net.named_parameters() if ".linear." not in n]
        self.params = [*fast, *slow]
        self.optimiser = torch.optim.Adam([{"params": fast, "scale": 1.0}, {"params": slow, "scale": 0.05}], lr=1e-3)
        self.ema = {k: v.clone() for k, v in self.net.state_dict().items()}
        if state is not None:
            self.optimiser.load_state_dict(state["optimiser"])
            self.ema = state["ema"]
        devices.share_weights([*self.net.state_dict().values(), *self.ema.values()], processes)

    def done(self, args: argparse.Namespace) -> float:
        """Return the completed share of the schedule, 0 at the start and 1 at the end."""
        share: float = self.step / args.steps if args.steps else self.seconds / (60 * args.minutes)
        return share

    def update_ema(self) -> None:
        keep = min(0.999, (1 + self.step) / (10 + self.step))
        live = self.net.state_dict()
        torch._foreach_lerp_(list(self.ema.values()), [live[k] for k in self.ema], 1 - keep)

    def save(self, args: argparse.Namespace, data_digest: str, position: Mapping[str, Any]) -> None:
        state = {
            "net": self.net.state_dict(),
            "ema": self.ema,
            "optimiser": self.optimiser.state_dict(),
            "seconds": self.seconds,
            "step": self.step,
            "config": self.net.cfg.to_dict(),
            "data": data_digest,
            "seed": args.seed,
            "position": dict(position),
        }
        save_checkpoint(args.out, state)


def losses(
    run: Run,
    args: argparse.Namespace,
    x: Tensor,
    captions: list[str],
    share: float,
    guide: Guide,
    rng: np.random.Generator,
) -> tuple[Tensor, ...]:
    """Return (loss, bpp, MSE, LPIPS, joint loss) of crops [B, C, H, W], whose rates are drawn."""
    sketch, device = run.net.cfg.channels == 1, x.device
    text = guide.states(captions) if guide.captioned else None
    rate = torch.from_numpy(rng.integers(0, run.net.cfg.rates, len(x))).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=args.precision == "bfloat16"):
        out = run.net(x, rate, text)
    lam = torch.tensor(run.net.cfg.lambdas, device=device)[rate]
    d, mse = (
        line_distortion(out.x, x, share, sketches.levels(len(x), rng).to(device))
        if sketch
        else distortion(out.x, x, share)
    )
    bpp = (out.y_bits + out.z_bits) / (x.shape[-1] * x.shape[-2])
    perceptual, together = guide.terms(out.x, x, captions if guide.captioned else None)
    more = guide.perceptual * perceptual + guide.joint_weight * together
    scale = 0.08 / lam.sqrt() if args.loss_scale == "rate" else torch.ones_like(lam)
    return ((bpp + lam * 255**2 * d + more) * scale).mean(), bpp, mse, perceptual, together


def train_step(
    run: Run, args: argparse.Namespace, source: Source, rng: np.random.Generator, guide: Guide
) -> tuple[tuple[float, ...], dict[str, Any]]:
    """Take one optimiser step; return (loss, bpp, MSE, LPIPS, joint loss) of its crops, and further values to log."""
    done = run.done(args)
    size = args.final_crop if done > 0.85 else args.crop
    share = args.structure if done > (0.1 if run.net.cfg.channels == 1 else 0.4) else 0.0
    pixels, captions = source.batch(args.batch, size, rng)
    found = losses(run, args, tensor(pixels, run.processes.device), captions, share, guide, rng)
    run.optimiser.zero_grad(set_to_none=True)
    found[0].backward()  # type: ignore[no-untyped-call]
    norm = average_gradients(run.params, run.processes, args.clip_norm)
    factor = run.schedule.factor(run.step, done)
    for group in run.optimiser.param_groups:
        group["lr"] = args.rate * group["scale"] * factor
    if math.isfinite(norm):
        run.optimiser.step()
        run.update_ema()
    run.step += 1
    values = tuple(float(v.mean().detach()) for v in found)
    return values, {"lr": round(args.rate * factor, 7), "norm": round(norm, 3), "crop": size, "structure": share}


def work(rank: int, args: argparse.Namespace, data: Data, guide: Guide, process: Devices | None = None) -> None:
    """Run the training loop of one process, by default of one that is forked."""
    if process is None:
        process = devices.forked(rank, args.processes, args.out / "rendezvous")
    state = read_checkpoint(args, data.digest)
    run = Run(args, state, data.sample, process)
    source = data.source(process, None if state is None else state.get("position"))
    # separate random streams of crops and of noise per process and session
    rng = np.random.default_rng((args.seed, process.rank, run.step))
    torch.manual_seed(int(np.random.SeedSequence((args.seed, process.rank, run.step)).generate_state(1)[0]))
    if process.first and run.step:
        print(f"resuming from step {run.step} after {run.seconds:.0f} s", flush=True)
    run.net.train()
    try:
        loop(run, args, data, source, guide, rng)
    finally:
        source.close()
    process.close()


def loop(
    run: Run, args: argparse.Namespace, data: Data, source: Source, guide: Guide, rng: np.random.Generator
) -> None:
    """Take steps until the schedule ends or a signal arrives."""
    process, log = run.processes, Log(args, run.processes.rank, run)
    last = time.monotonic()
    saved = validated = run.seconds
    sums, steps = np.zeros(5), 0
    with interruptible() as stop_requested:
        while True:
            stopped, position = agree(process, run, stop_requested(), source)
            if process.first and run.seconds - validated > VALIDATE_EVERY:
                validated = run.seconds
                log(held_out=validate(run.net, run.ema, data, guide))
            if process.first and run.seconds - saved > CHECKPOINT_EVERY:
                saved = run.seconds
                run.save(args, data.digest, position)
            if run.done(args) >= 1 or stopped:
                break
            values, more = train_step(run, args, source, rng, guide)
            now = time.monotonic()
            run.seconds, last = run.seconds + now - last, now
            if all(map(math.isfinite, values)):
                sums, steps = sums + values, steps + 1
            if run.step % args.log_every == 0 and steps:
                log(**row(sums / steps, guide, position), **more)
                sums, steps = np.zeros(5), 0
        if process.first:
            log(held_out=validate(run.net, run.ema, data, guide))
            run.save(args, data.digest, position)


def row(means: NDArray[np.float64], guide: Guide, position: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a log row, from means over steps."""
    loss, bpp, mse, perceptual, together = means
    out = {"loss": round(loss, 4), "bpp": round(bpp, 4), "psnr": round(-10 * math.log10(mse + 1e-12), 3)}
    if guide.active:
        out |= {"lpips": round(perceptual, 4), "joint": round(together, 4)}
    if sum(position["broken"]):
        out["broken"] = sum(position["broken"])
    return out


def main(argv: list[str] | None = None) -> None:
    args = elic_options.arguments(argv, __doc__ or "", configuration)
    process = devices.launched(args.device)
    if process.world > 1 and args.processes > 1:
        raise SystemExit("error: --processes are for runs that are not launched in several processes")
    args.device = process.device
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)  # before any thread starts: threads do not survive a fork
    data, guide = elic_data.opened(args, configuration(args), lambda digest: read_checkpoint(args, digest))
    if args.epochs:
        args.steps = devices.epochs_to_steps(args, data.pictures, max(process.world, args.processes))
    if process.first:
        (args.out / "rendezvous").unlink(missing_ok=True)
    if args.processes == 1:
        work(process.rank, args, data, guide, process)
    else:  # forked processes share the decoded pictures
        start: Any = torch.multiprocessing.start_processes  # type: ignore[attr-defined]
        start(work, (args, data, guide), args.processes, start_method="fork")


if __name__ == "__main__":
    raise SystemExit(program.run(main))
