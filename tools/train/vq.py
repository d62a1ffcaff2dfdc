# SPDX-License-Identifier: MIT
"""Train the embedded VQ autoencoder (profile perco-small) and write its package; runs resume from one checkpoint file.

    python -m tools.train.vq PHOTOS --out runs/vq --minutes 65
    python -m tools.train.vq PHOTOS --out runs/vq --pack refcodec/data/models/vq-small --name vq-small

PHOTOS is a folder of photographs, or shards or a list of files, which are streamed (tools/train/listing.py); several devices
are used under `accelerate launch`. The run writes `checkpoint.pt` (weights and optimiser state, all that resuming needs)
and `log.jsonl` to the --out folder. Ctrl-C saves and stops; the same command resumes. Training starts as a plain
autoencoder; k-means of the encoder output then initialises the codebook. The schedule follows the elapsed share of
--minutes, summed over all sessions, or of --steps, which gives the same losses each time. `--pack` counts the use of
each code on the photographs and writes the package (SPEC §12, kind 5).
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refcodec.transforms.elic.blocks import ResidualBottleneck
from refcodec.transforms.vq.config import VqConfig
from refcodec.transforms.vq.network import VqNet
from tools import program
from tools.train import data, devices, photos, vq_data, vq_pack
from tools.train.data import Data, Source
from tools.train.devices import Devices, average_gradients
from tools.train.listing import open_listing
from tools.train.losses import distortion
from tools.train.rates import Cosine
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

WARM_UP = 0.06  # share of the schedule without a codebook
COMMITMENT = 0.001  # weight relative to the distortion, which is in units of MSE on 0..1
VECTORS = 40  # per code, for k-means
CONFIG = VqConfig()


class Run:
    """The training state that is saved in a checkpoint."""

    def __init__(self, args: argparse.Namespace, state: dict[str, Any] | None, process: Devices) -> None:
        torch.manual_seed(args.seed)
        self.process = process
        self.net = VqNet(CONFIG).to(process.device)
        self.net.quantiser.exchange = process if process.world > 1 else None
        for m in self.net.modules():
            if isinstance(m, ResidualBottleneck):  # residual branches start small
                last: Any = m.branch[-1]
                last.weight.data.mul_(0.3)
                last.bias.data.zero_()
        self.seconds, self.step, self.quantised = 0.0, 0, False
        if state is not None:
            self.net.load_state_dict(state["net"])
            self.seconds, self.step, self.quantised = state["seconds"], state["step"], state["quantised"]
        self.params = list(self.net.parameters())
        self.optimiser = torch.optim.Adam(self.params, lr=args.rate)
        if state is not None:
            self.optimiser.load_state_dict(state["optimiser"])
        devices.share_weights(self.net.state_dict().values(), process)

    def done(self, args: argparse.Namespace) -> float:
        """Return the completed share of the schedule, 0 at the start and 1 at the end."""
        share: float = self.step / args.steps if args.steps else self.seconds / (60 * args.minutes)
        return share

    def save(self, args: argparse.Namespace, data_digest: str, position: dict[str, Any]) -> None:
        state = {
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "quantised": self.quantised,
            "seconds": self.seconds,
            "step": self.step,
            "config": self.net.cfg.to_dict(),
            "data": data_digest,
            "seed": args.seed,
            "position": position,
        }
        save_checkpoint(args.out, state)


def read_checkpoint(args: argparse.Namespace, data_digest: str) -> dict[str, Any] | None:
    """Return the state to resume from, None for a new run; exit if the checkpoint does not match the run."""
    loaded = load_checkpoint(args, lambda state: (VqConfig.from_dict(state["config"]), state["data"]))
    if loaded is None:
        return None
    state, (trained, data) = loaded
    path = args.out / "checkpoint.pt"
    if trained != CONFIG:
        raise SystemExit(f"error: {path} holds another architecture; choose another --out")
    if data != data_digest:
        raise SystemExit(f"error: {path} was trained on other pictures (listing {data}); choose another --out")
    return state


def side(run: Run, args: argparse.Namespace) -> int:
    """Return the side of the crops of a step in pixels."""
    return int(args.final_crop if run.done(args) > 0.85 else args.crop)


def start_codebook(run: Run, args: argparse.Namespace, source: Source, rng: np.random.Generator) -> None:
    """Initialise the codebook by k-means of the encoder output on random crops; all processes get that of the first."""
    vectors: list[Tensor] = []
    with torch.no_grad():
        while sum(map(len, vectors)) < VECTORS * run.net.cfg.v:
            pixels, _ = source.batch(args.batch, side(run, args), rng)
            vectors.append(run.net.latent(tensor(pixels, run.process.device)).flatten(0, -2))
        run.net.quantiser.start(torch.cat(vectors))
        devices.share_weights(run.net.quantiser.state_dict().values(), run.process)
    run.quantised = True


def train_step(
    run: Run, args: argparse.Namespace, source: Source, rng: np.random.Generator
) -> tuple[tuple[float, float, float], dict[str, Any]]:
    """Take one optimiser step; return (loss, commitment, MSE) of its crops, and further values to log."""
    if not run.quantised and run.done(args) >= WARM_UP:
        start_codebook(run, args, source, rng)
    x = tensor(source.batch(args.batch, side(run, args), rng)[0], run.process.device)
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        out, commitment = run.net(x, run.quantised)
    d, mse = distortion(out, x, args.structure)
    loss = d.mean() + COMMITMENT * commitment
    run.optimiser.zero_grad(set_to_none=True)
    (100 * loss).backward()
    norm = average_gradients(run.params, run.process, 3.0)
    for group in run.optimiser.param_groups:
        group["lr"] = args.rate * Cosine().factor(run.step, run.done(args))
    if math.isfinite(norm):
        run.optimiser.step()
    run.step += 1
    values = float(100 * loss.detach()), float(commitment.detach()), float(mse.mean().detach())
    return values, {"lr": round(run.optimiser.param_groups[0]["lr"], 7), "norm": round(norm, 3), "crop": x.shape[-1]}


@torch.no_grad()
def validate(run: Run, pictures: list[NDArray[np.uint8]]) -> dict[str, float]:
    """Return PSNR, codes in use and entropy in bits per index, on 384x384 centres of the held-out pictures."""
    run.net.eval()
    psnr, counts = [], np.zeros(run.net.cfg.v)
    for pic in pictures:
        part = photos.centre(pic, 384)
        stride = run.net.cfg.stride
        part = part[: part.shape[0] // stride * stride, : part.shape[1] // stride * stride]
        x = tensor(np.array(part[None]), run.process.device)
        out, _ = run.net(x, run.quantised)
        psnr.append(-10 * math.log10(float(((out.clamp(0, 1) - x) ** 2).mean()) + 1e-12))
        counts += np.bincount(run.net.indices(x).flatten().cpu().numpy(), minlength=run.net.cfg.v)
    run.net.train()
    share = counts[counts > 0] / counts.sum()
    row = {
        "psnr": float(np.mean(psnr)),
        "codes": int((counts > 0).sum()),
        "bits": float(-(share * np.log2(share)).sum()),
    }
    return {name: round(value, 3) for name, value in row.items()}


def work(args: argparse.Namespace, found: Data, process: Devices) -> None:
    """Run the training loop of one process."""
    state = read_checkpoint(args, found.digest)
    run = Run(args, state, process)
    source = found.source(process, None if state is None else state.get("position"))
    seeds = process.seeds(args.seed, run.step)
    rng = np.random.default_rng(seeds)  # a random stream of crops per session
    torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
    if process.first and run.step:
        print(f"resuming from step {run.step} after {run.seconds:.0f} s", flush=True)
    run.net.train()
    try:
        loop(run, args, found, source, rng)
    finally:
        source.close()
    process.close()


def loop(run: Run, args: argparse.Namespace, found: Data, source: Source, rng: np.random.Generator) -> None:
    """Take steps until the schedule ends or a signal arrives."""
    process, log = run.process, Log(args, run.process.rank, run)
    last = time.monotonic()
    saved = validated = run.seconds
    sums, steps = np.zeros(3), 0
    with interruptible() as stop_requested:
        while True:
            stopped, position = agree(process, run, stop_requested(), source)
            if process.first and run.seconds - validated > VALIDATE_EVERY:
                validated = run.seconds
                log(held_out=validate(run, found.held))
            if process.first and run.seconds - saved > CHECKPOINT_EVERY:
                saved = run.seconds
                run.save(args, found.digest, position)
            if run.done(args) >= 1 or stopped:
                break
            values, more = train_step(run, args, source, rng)
            now = time.monotonic()
            run.seconds, last = run.seconds + now - last, now
            if all(map(math.isfinite, values)):
                sums, steps = sums + values, steps + 1
            if run.step % args.log_every == 0 and steps:
                loss, commitment, mse = sums / steps
                psnr = -10 * math.log10(mse + 1e-12)
                if sum(position["broken"]):
                    more["broken"] = sum(position["broken"])
                log(loss=round(loss, 4), commitment=round(commitment, 4), psnr=round(psnr, 3), **more)
                sums, steps = np.zeros(3), 0
        if process.first:
            log(held_out=validate(run, found.held))
            run.save(args, found.digest, position)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("photos", type=Path)
    ap.add_argument("--out", type=Path, required=True)
    length = ap.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=65)
    length.add_argument(
        "--steps", type=int, default=0, help="length in steps instead of --minutes; exactly reproducible"
    )
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    ap.add_argument("--batch", type=int, default=8, help="crops per step")
    ap.add_argument("--crop", type=int, default=128, help="crop side, a multiple of 16")
    ap.add_argument("--final-crop", type=int, default=192, help="crop side in the last 15 %% of the schedule")
    ap.add_argument("--structure", type=float, default=0.4, help="share of MS-SSIM in the distortion")
    ap.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--log-every", type=int, default=100, help="steps between log rows")
    ap.add_argument("--pack", type=Path, help="write the package of the checkpoint to this folder instead of training")
    ap.add_argument("--name", default="vq", help="name of the package")
    ap.add_argument("--licence", default="MIT", help="licence of the package")
    ap.add_argument("--notes", default="", help="notes in the manifest")
    ap.add_argument("--command", default="", help="the training command, recorded in the manifest")
    data.options(ap)
    args = ap.parse_args(argv)
    for problem in data.option_errors(args):
        ap.error(problem)
    if min(args.batch, args.log_every) < 1 or args.minutes <= 0 or args.steps < 0:
        ap.error("--minutes, --steps, --batch and --log-every must be positive")
    if any(side < 16 or side % CONFIG.stride for side in (args.crop, args.final_crop)):
        ap.error(f"--crop and --final-crop must be multiples of {CONFIG.stride} pixels")
    if not 0 <= args.structure <= 1:
        ap.error("--structure must be between 0 and 1")
    if (wrong := data.check_place(args.photos)) is not None:
        ap.error(wrong)
    return args


def pack_checkpoint(args: argparse.Namespace) -> None:
    """Write the package of the checkpoint; exit if it has no codebook."""
    if data.streams(args):
        digest = open_listing(args.photos).digest
        pictures = vq_pack.streamed(args, vq_data.HELD_OUT)
    else:
        digest, files = vq_data.in_memory(args)
        pictures = (photos.load(path) for path in files[: -vq_data.HELD_OUT])
    state = read_checkpoint(args, digest)
    if state is None or not state["quantised"]:
        raise SystemExit(f"error: {args.out} has no checkpoint with a codebook to pack")
    vq_pack.pack(args, state, pictures)


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    if args.pack is not None:
        pack_checkpoint(args)
        return
    process = devices.launched(args.device)
    args.device = process.device
    work(args, vq_data.opened(args, lambda digest: read_checkpoint(args, digest)), process)


if __name__ == "__main__":
    raise SystemExit(program.run(main))
