# SPDX-License-Identifier: MIT
"""Train an ELIC network for several rates at once; runs resume from one checkpoint file.

    python -m tools.train.elic PHOTOS --out runs/elic --minutes 100 --processes 2

PHOTOS is a folder of photographs. `--config taco-text` trains TACO with its text adapter, using captions and TACO's
losses (tools/train/joint.py). The run writes `checkpoint.pt` (weights, averaged weights and optimiser state, all that
resuming needs) and `log.jsonl` to the --out folder. Ctrl-C saves and stops; the same command resumes. The schedule
follows the elapsed share of --minutes, summed over all sessions, or of --steps. A run with --steps, in one process on a
CPU and without interruption, gives the same losses each time.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing
from numpy.typing import NDArray
from torch import Tensor

from refcodec.transforms.elic import config as configs
from refcodec.transforms.elic.network import Elic
from refcodec.transforms.elic.torch_transforms import extended
from tools.train import joint, photos, sketches
from tools.train.joint import Guide
from tools.train.losses import distortion, line_distortion
from tools.train.session import (
    CHECKPOINT_EVERY,
    VALIDATE_EVERY,
    Log,
    interruptible,
    learning_rate,
    load_checkpoint,
    save_checkpoint,
    tensor,
)

LAMBDAS = tuple(round(0.0003 * (0.0256 / 0.0003) ** (i / 9), 6) for i in range(10))  # quality 1 … 10
SKETCH_LAMBDAS = tuple(round(3e-6 * (1.6e-4 / 3e-6) ** (i / 9), 8) for i in range(10))  # about 0.006 … 0.06 bpp
TEXT_WIDTH = 512  # of openai/clip-vit-base-patch32
HELD_OUT = 8  # pictures at the end of the listing, used for validation only
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


def initialise(net: Any, pictures: list[NDArray[np.uint8]], rng: np.random.Generator) -> None:
    """Initialise the linear path with a PCA of 16x16 patches and scale down all other branches."""
    cfg: configs.ElicConfig = net.cfg
    for m in net.modules():
        if hasattr(m, "branch"):
            m.branch[-1].weight.data.mul_(0.3)
            m.branch[-1].bias.data.zero_()
    if cfg.transform != "patch":
        return
    crop = sketches.crop if cfg.channels == 1 else photos.crop
    patches = np.stack([crop(pictures, 16, rng) for _ in range(PATCHES)]).astype(np.float64)
    flat = patches.transpose(0, 3, 1, 2).reshape(len(patches), -1) / 255 - 0.5
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    order = np.argsort(values)[::-1][: cfg.m]
    basis = torch.tensor(vectors[:, order].T.copy(), dtype=torch.float32).view(cfg.m, cfg.channels, 16, 16)
    net.g_a.linear.weight.data.copy_(basis)
    net.g_s.linear.weight.data.copy_(basis)
    for t in (net.g_a, net.g_s):
        t.linear.bias.data.zero_()
        last: Any = [m for m in t.net if isinstance(m, torch.nn.Conv2d)][-1]
        last.weight.data.mul_(0.1)
        last.bias.data.zero_()
    log_std = torch.tensor(0.5 * np.sqrt(np.maximum(values[order], 1e-8)), dtype=torch.float32).log()
    start = 0
    for k, c in enumerate(cfg.groups):
        for head in (net.entropy.head, net.entropy.anchor_head):
            if k < len(head):
                bias, weight = head[k][-1].bias.data, head[k][-1].weight.data
                weight.mul_(0.1)
                bias.zero_()
                bias[slice(c, 2 * c) if cfg.means_first else slice(0, c)] = log_std[start : start + c]
        start += c


def average_gradients(params: list[torch.nn.Parameter], world: int) -> float:
    """Average the gradients over all processes and clip them to norm 3; return the norm before clipping."""
    flat = torch.cat([p.grad.view(-1) if p.grad is not None else p.data.new_zeros(p.numel()) for p in params])
    if world > 1:
        dist.all_reduce(flat)
        flat /= world
    norm = float(flat.norm())
    flat *= min(1.0, 3.0 / (norm + 1e-9))
    at = 0
    for p in params:
        p.grad = flat[at : at + p.numel()].view_as(p)
        at += p.numel()
    return norm


@torch.no_grad()
def validate(net: Elic, pictures: list[NDArray[np.uint8]], device: str, guide: Guide) -> list[dict[str, float]]:
    """Return estimated bpp and PSNR with rounded symbols, on 384x384 centres of the held-out pictures, at three rates.

    The held-out pictures are the last ones of the listing; each is encoded with its first caption, if any.
    """
    net.eval()
    captions = [texts[0] for texts in guide.captions[-len(pictures) :]] if guide.captions else [""] * len(pictures)
    rows = []
    for rate in (1, net.cfg.rates // 2, net.cfg.rates - 2) if net.cfg.rates > 3 else range(net.cfg.rates):
        bpp, psnr = [], []
        for pic, caption in zip(pictures, captions, strict=True):
            part = photos.centre(pic, 384)
            h, w = part.shape[:2]
            x = extended(part).to(device)
            out = net(x, torch.tensor([rate], device=device), guide.states([caption]))
            bpp.append(float((out.y_bits + out.z_bits)[0]) / (h * w))
            psnr.append(-10 * math.log10(float(((out.x.clamp(0, 1) - x)[:, :, :h, :w] ** 2).mean()) + 1e-12))
        rows.append({"rate": rate, "bpp": round(float(np.mean(bpp)), 4), "psnr": round(float(np.mean(psnr)), 3)})
    net.train()
    return rows


def read_checkpoint(args: argparse.Namespace, data_digest: str) -> dict[str, Any] | None:
    """Return the state to resume from, None for a new run; exit if the checkpoint does not match the run."""
    loaded = load_checkpoint(args, lambda state: (configs.ElicConfig.from_dict(state["config"]), state["data"]))
    if loaded is None:
        return None
    state, (trained, data) = loaded
    path = args.out / "checkpoint.pt"
    if trained != config(args.config):
        raise SystemExit(f"error: {path} holds another architecture than --config {args.config}; choose another --out")
    if data != data_digest:
        raise SystemExit(f"error: {path} was trained on other pictures (listing {data}); choose another --out")
    return state


class Run:
    """The training state that is saved in a checkpoint."""

    def __init__(
        self, args: argparse.Namespace, state: dict[str, Any] | None, pictures: list[NDArray[np.uint8]]
    ) -> None:
        torch.manual_seed(args.seed)
        self.net = Elic(config(args.config)).to(args.device)
        self.seconds, self.step = 0.0, 0
        if state is None:
            initialise(self.net, pictures, np.random.default_rng(args.seed))
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
        if args.processes > 1:
            for p in self.params:
                dist.broadcast(p.data, 0)
            if state is None:
                self.ema = {k: v.clone() for k, v in self.net.state_dict().items()}

    def done(self, args: argparse.Namespace) -> float:
        """Return the completed share of the schedule, 0 at the start and 1 at the end."""
        share: float = self.step / args.steps if args.steps else self.seconds / (60 * args.minutes)
        return share

    def update_ema(self) -> None:
        keep = min(0.999, (1 + self.step) / (10 + self.step))
        live = self.net.state_dict()
        torch._foreach_lerp_(list(self.ema.values()), [live[k] for k in self.ema], 1 - keep)

    def save(self, args: argparse.Namespace, data_digest: str) -> None:
        state = {
            "net": self.net.state_dict(),
            "ema": self.ema,
            "optimiser": self.optimiser.state_dict(),
            "seconds": self.seconds,
            "step": self.step,
            "config": self.net.cfg.to_dict(),
            "data": data_digest,
            "seed": args.seed,
        }
        save_checkpoint(args.out, state)


def batch(
    args: argparse.Namespace,
    pictures: list[NDArray[np.uint8]],
    size: int,
    sketch: bool,
    guide: Guide,
    rng: np.random.Generator,
) -> tuple[Tensor, list[str] | None]:
    """Return random crops [B, C, size, size] and, if captions are used, one caption per crop."""
    if guide.captions is None:
        crop = sketches.crop if sketch else photos.crop
        return tensor(np.stack([crop(pictures, size, rng) for _ in range(args.batch)]), args.device), None
    crops, drawn = zip(*(joint.crop(pictures, size, rng) for _ in range(args.batch)), strict=True)
    return tensor(np.stack(crops), args.device), guide.drawn(list(drawn), rng)


def train_step(
    run: Run, args: argparse.Namespace, pictures: list[NDArray[np.uint8]], rng: np.random.Generator, guide: Guide
) -> tuple[tuple[float, ...], dict[str, Any]]:
    """Take one optimiser step; return (loss, bpp, MSE, LPIPS, joint loss) of its crops, and further values to log."""
    done, device = run.done(args), args.device
    size = args.final_crop if done > 0.85 else args.crop
    sketch = run.net.cfg.channels == 1
    share = args.structure if done > (0.1 if sketch else 0.4) else 0.0
    x, captions = batch(args, pictures, size, sketch, guide, rng)
    text = guide.states(captions) if captions is not None else None
    rate = torch.from_numpy(rng.integers(0, run.net.cfg.rates, args.batch)).to(device)
    with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
        out = run.net(x, rate, text)
    lam = torch.tensor(run.net.cfg.lambdas, device=device)[rate]
    d, mse = (
        line_distortion(out.x, x, share, sketches.levels(args.batch, rng).to(device))
        if sketch
        else distortion(out.x, x, share)
    )
    bpp = (out.y_bits + out.z_bits) / size**2
    perceptual, together = guide.terms(out.x, x, captions)
    more = guide.perceptual * perceptual + guide.joint_weight * together
    loss = ((bpp + lam * 255**2 * d + more) * 0.08 / lam.sqrt()).mean()
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = average_gradients(run.params, args.processes)
    factor = learning_rate(run.step, done)
    for group in run.optimiser.param_groups:
        group["lr"] = args.rate * group["scale"] * factor
    if math.isfinite(norm):
        run.optimiser.step()
        run.update_ema()
    run.step += 1
    values = tuple(float(v.mean().detach()) for v in (loss, bpp, mse, perceptual, together))
    return values, {"lr": round(args.rate * factor, 7), "norm": round(norm, 3), "crop": size, "structure": share}


def work(
    rank: int, args: argparse.Namespace, pictures: list[NDArray[np.uint8]], data_digest: str, guide: Guide
) -> None:
    """Run the training loop of one process."""
    if args.processes > 1:
        dist.init_process_group(
            "gloo", init_method=f"file://{args.out.resolve()}/rendezvous", rank=rank, world_size=args.processes
        )
    train, held = pictures[:-HELD_OUT], pictures[-HELD_OUT:]
    run = Run(args, read_checkpoint(args, data_digest), train)
    # separate random streams of crops and of noise per process and session
    rng = np.random.default_rng((args.seed, rank, run.step))
    torch.manual_seed(int(np.random.SeedSequence((args.seed, rank, run.step)).generate_state(1)[0]))
    log = Log(args, rank, run)
    if rank == 0 and run.step:
        print(f"resuming from step {run.step} after {run.seconds:.0f} s", flush=True)
    last = time.monotonic()
    saved = validated = run.seconds
    sums, steps = np.zeros(5), 0
    run.net.train()
    with interruptible() as stop_requested:
        while True:
            flag = torch.tensor([run.seconds, float(stop_requested())], dtype=torch.float64)
            if args.processes > 1:  # every process must agree on the schedule and on stopping
                dist.all_reduce(flag, op=dist.ReduceOp.MAX)
            run.seconds = float(flag[0])
            if run.done(args) >= 1 or flag[1] > 0:
                break
            values, more = train_step(run, args, train, rng, guide)
            now = time.monotonic()
            run.seconds, last = run.seconds + now - last, now
            if all(map(math.isfinite, values)):
                sums, steps = sums + values, steps + 1
            if run.step % args.log_every == 0 and steps:
                loss, bpp, mse, perceptual, together = sums / steps
                if guide.active:
                    more = {"lpips": round(perceptual, 4), "joint": round(together, 4), **more}
                log(loss=round(loss, 4), bpp=round(bpp, 4), psnr=round(-10 * math.log10(mse + 1e-12), 3), **more)
                sums, steps = np.zeros(5), 0
            if rank == 0 and run.seconds - validated > VALIDATE_EVERY:
                validated = run.seconds
                log(held_out=validate_ema(run, held, args, guide))
            if rank == 0 and run.seconds - saved > CHECKPOINT_EVERY:
                saved = run.seconds
                run.save(args, data_digest)
        if rank == 0:
            log(held_out=validate_ema(run, held, args, guide))
            run.save(args, data_digest)
    if args.processes > 1:
        dist.barrier()
        dist.destroy_process_group()


def validate_ema(
    run: Run, held: list[NDArray[np.uint8]], args: argparse.Namespace, guide: Guide
) -> list[dict[str, float]]:
    """Validate with the averaged weights."""
    live = {k: v.clone() for k, v in run.net.state_dict().items()}
    run.net.load_state_dict(run.ema)
    rows = validate(run.net, held, args.device, guide)
    run.net.load_state_dict(live)
    return rows


def arguments(argv: list[str] | None) -> argparse.Namespace:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("photos", type=Path)
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument(
        "--config", default="embedded", choices=["embedded", "sketch", "taco", "taco-text", "compressai", "chandelier"]
    )
    length = ap.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=100)
    length.add_argument(
        "--steps", type=int, default=0, help="length in steps instead of --minutes; exactly reproducible"
    )
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    ap.add_argument("--processes", type=int, default=1, help="CPU processes whose gradients are averaged")
    ap.add_argument("--threads", type=int, default=1, help="CPU threads of each process")
    ap.add_argument("--batch", type=int, default=4, help="crops per step and process")
    ap.add_argument("--crop", type=int, default=128, help="crop side, a multiple of 64")
    ap.add_argument(
        "--final-crop", type=int, help="crop side in the last 15 %% of the schedule (default: 1.5 times --crop)"
    )
    ap.add_argument(
        "--structure",
        type=float,
        help="share of MS-SSIM in the distortion after 40 %% of the schedule; for sketches after 10 %%, with the same share for misplaced lines (default: 0.25, or 0 with --lpips or --clip)",
    )
    ap.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--log-every", type=int, default=100, help="steps between log rows")
    joint.options(ap)
    args = ap.parse_args(argv)
    for problem in joint.option_errors(args, config(args.config)):
        ap.error(problem)
    if args.structure is None:
        args.structure = 0.0 if args.lpips or args.clip else 0.25
    if args.final_crop is None:
        args.final_crop = -(-3 * args.crop // 128) * 64
    if any(side < 64 or side % 64 for side in (args.crop, args.final_crop)):
        ap.error("--crop and --final-crop must be multiples of 64 pixels")
    if min(args.processes, args.threads, args.batch, args.log_every) < 1 or args.minutes <= 0 or args.steps < 0:
        ap.error("--minutes, --steps, --processes, --threads, --batch and --log-every must be positive")
    if args.processes > 1 and args.device != "cpu":
        ap.error("--processes above 1 needs --device cpu")
    if not args.photos.is_dir():
        ap.error(f"{args.photos} is not a folder")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)  # before any thread starts: threads do not survive a fork
    files = photos.require_listing(args.photos, HELD_OUT)
    guide = joint.guide(args, config(args.config), files)
    data_digest = joint.digest(args, photos.digest(args.photos, files))
    print(f"{len(files)} pictures, listing sha256 {data_digest}", flush=True)
    read_checkpoint(args, data_digest)  # report an unusable checkpoint before loading the pictures
    pictures = [photos.load(p) for p in files]
    if config(args.config).channels == 1:
        rng = np.random.default_rng(args.seed)
        drawn = [v for p in pictures[:-HELD_OUT] for v in sketches.versions(p, rng)]
        pictures = drawn + [sketches.held_out(p) for p in pictures[-HELD_OUT:]]
        print(f"training on {len(drawn)} edge maps", flush=True)
    (args.out / "rendezvous").unlink(missing_ok=True)
    if args.processes == 1:
        work(0, args, pictures, data_digest, guide)
    else:  # forked processes share the decoded pictures
        start: Any = torch.multiprocessing.start_processes  # type: ignore[attr-defined]
        start(work, (args, pictures, data_digest, guide), args.processes, start_method="fork")


if __name__ == "__main__":
    main()
