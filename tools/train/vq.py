# SPDX-License-Identifier: MIT
"""Train the embedded VQ autoencoder (profile perco-small) and write its package; runs resume from one checkpoint file.

    python -m tools.train.vq PHOTOS --out runs/vq --minutes 65
    python -m tools.train.vq PHOTOS --out runs/vq --pack refcodec/data/models/vq-small --name vq-small

PHOTOS is a folder of photographs. The run writes `checkpoint.pt` (weights and optimiser state, all that resuming needs)
and `log.jsonl` to the --out folder. Ctrl-C saves and stops; the same command resumes. Training starts as a plain
autoencoder; k-means of the encoder output then initialises the codebook. The schedule follows the elapsed share of
--minutes, summed over all sessions, or of --steps, which gives the same losses each time. `--pack` counts the use of
each code on the photographs and writes the package (SPEC §12, kind 5).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor

from refcodec.networks import package
from refcodec.networks.package import declare, symbol_digest
from refcodec.transforms.elic.blocks import ResidualBottleneck
from refcodec.transforms.vq.config import VqConfig
from refcodec.transforms.vq.network import VqNet
from refcodec.transforms.vq.transforms import VqDecoder, VqEncoder
from tools.train import photos, small
from tools.train.losses import distortion
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

HELD_OUT = 8  # pictures at the end of the listing, used for validation only
WARM_UP = 0.06  # share of the schedule without a codebook
COMMITMENT = 0.001  # weight relative to the distortion, which is in units of MSE on 0..1
VECTORS = 40  # per code, for k-means
CONFIG = VqConfig()


class Run:
    """The training state that is saved in a checkpoint."""

    def __init__(self, args: argparse.Namespace, state: dict[str, Any] | None) -> None:
        torch.manual_seed(args.seed)
        self.net = VqNet(CONFIG).to(args.device)
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

    def done(self, args: argparse.Namespace) -> float:
        """Return the completed share of the schedule, 0 at the start and 1 at the end."""
        share: float = self.step / args.steps if args.steps else self.seconds / (60 * args.minutes)
        return share

    def save(self, args: argparse.Namespace, data_digest: str) -> None:
        state = {
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "quantised": self.quantised,
            "seconds": self.seconds,
            "step": self.step,
            "config": self.net.cfg.to_dict(),
            "data": data_digest,
            "seed": args.seed,
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


def crops(run: Run, args: argparse.Namespace, pictures: list[NDArray[np.uint8]], rng: np.random.Generator) -> Tensor:
    """Return a batch of random crops float32[B, 3, size, size] in 0..1."""
    size = args.final_crop if run.done(args) > 0.85 else args.crop
    return tensor(np.stack([photos.crop(pictures, size, rng) for _ in range(args.batch)]), args.device)


@torch.no_grad()
def start_codebook(
    run: Run, args: argparse.Namespace, pictures: list[NDArray[np.uint8]], rng: np.random.Generator
) -> None:
    """Initialise the codebook by k-means of the encoder output on random crops."""
    vectors: list[Tensor] = []
    while sum(map(len, vectors)) < VECTORS * run.net.cfg.v:
        vectors.append(run.net.latent(crops(run, args, pictures, rng)).flatten(0, -2))
    run.net.quantiser.start(torch.cat(vectors))
    run.quantised = True


def train_step(
    run: Run, args: argparse.Namespace, pictures: list[NDArray[np.uint8]], rng: np.random.Generator
) -> tuple[tuple[float, float, float], dict[str, Any]]:
    """Take one optimiser step; return (loss, commitment, MSE) of its crops, and further values to log."""
    if not run.quantised and run.done(args) >= WARM_UP:
        start_codebook(run, args, pictures, rng)
    x = crops(run, args, pictures, rng)
    with torch.autocast(torch.device(args.device).type, dtype=torch.bfloat16):
        out, commitment = run.net(x, run.quantised)
    d, mse = distortion(out, x, args.structure)
    loss = d.mean() + COMMITMENT * commitment
    run.optimiser.zero_grad(set_to_none=True)
    (100 * loss).backward()
    norm = float(torch.nn.utils.clip_grad_norm_(run.params, 3.0))
    for group in run.optimiser.param_groups:
        group["lr"] = args.rate * learning_rate(run.step, run.done(args))
    if math.isfinite(norm):
        run.optimiser.step()
    run.step += 1
    values = float(100 * loss.detach()), float(commitment.detach()), float(mse.mean().detach())
    return values, {"lr": round(run.optimiser.param_groups[0]["lr"], 7), "norm": round(norm, 3), "crop": x.shape[-1]}


@torch.no_grad()
def validate(run: Run, pictures: list[NDArray[np.uint8]], device: str) -> dict[str, float]:
    """Return PSNR, codes in use and entropy in bits per index, on 384x384 centres of the held-out pictures."""
    run.net.eval()
    psnr, counts = [], np.zeros(run.net.cfg.v)
    for pic in pictures:
        part = photos.centre(pic, 384)
        side = run.net.cfg.stride
        part = part[: part.shape[0] // side * side, : part.shape[1] // side * side]
        x = tensor(np.array(part[None]), device)
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


def work(args: argparse.Namespace, pictures: list[NDArray[np.uint8]], data_digest: str) -> None:
    """Run the training loop."""
    train, held = pictures[:-HELD_OUT], pictures[-HELD_OUT:]
    run = Run(args, read_checkpoint(args, data_digest))
    rng = np.random.default_rng((args.seed, run.step))  # a random stream of crops per session
    torch.manual_seed(int(np.random.SeedSequence((args.seed, run.step)).generate_state(1)[0]))
    log = Log(args, 0, run)
    if run.step:
        print(f"resuming from step {run.step} after {run.seconds:.0f} s", flush=True)
    last = time.monotonic()
    saved = validated = run.seconds
    sums, steps = np.zeros(3), 0
    run.net.train()
    with interruptible() as stop_requested:
        while run.done(args) < 1 and not stop_requested():
            values, more = train_step(run, args, train, rng)
            now = time.monotonic()
            run.seconds, last = run.seconds + now - last, now
            if all(map(math.isfinite, values)):
                sums, steps = sums + values, steps + 1
            if run.step % args.log_every == 0 and steps:
                loss, commitment, mse = sums / steps
                psnr = -10 * math.log10(mse + 1e-12)
                log(loss=round(loss, 4), commitment=round(commitment, 4), psnr=round(psnr, 3), **more)
                sums, steps = np.zeros(3), 0
            if run.seconds - validated > VALIDATE_EVERY:
                validated = run.seconds
                log(held_out=validate(run, held, args.device))
            if run.seconds - saved > CHECKPOINT_EVERY:
                saved = run.seconds
                run.save(args, data_digest)
        log(held_out=validate(run, held, args.device))
        run.save(args, data_digest)


def half(tensors: dict[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Convert tensors to float16; exit if a value overflows."""
    out = {name: v.detach().cpu().to(torch.float16).numpy() for name, v in tensors.items()}
    if not all(np.isfinite(v).all() for v in out.values()):
        raise SystemExit("error: the weights overflow float16; train the network longer")
    return out


def pack(args: argparse.Namespace, state: dict[str, Any], files: list[Path]) -> None:
    """Write the package: first the float16 networks, then the table of code usage that they give on the photographs."""
    net = VqNet(VqConfig.from_dict(state["config"]))
    net.load_state_dict(state["net"])
    out: Path = args.pack
    out.mkdir(parents=True, exist_ok=True)
    architecture = json.loads(json.dumps(net.cfg.to_dict()))
    parts: dict[str, Any] = {}
    for name, module, prefix in (("painter", net.decoder, "decoder"), ("encoder", net.encoder, "encoder")):
        tensors = half(
            {"codebook": net.quantiser.codes, **{f"{prefix}.{k}": v for k, v in module.state_dict().items()}}
        )
        blob = save({k: np.ascontiguousarray(v) for k, v in sorted(tensors.items())})
        (out / f"{name}.safetensors").write_bytes(blob)
        parts[name] = {
            "file": f"{name}.safetensors",
            "sha256": hashlib.sha256(blob).hexdigest(),
            "architecture": architecture,
        }
    to_indices = VqEncoder(out, {"symbols": {"v": net.cfg.v}, **parts})
    indices = np.concatenate([to_indices(photos.load(path)).ravel() for path in files])
    table = small.usage(indices, net.cfg.v)
    tensor_of = {"usage": table}
    symbols: dict[str, Any] = {"kind": 5, "v": net.cfg.v, "tensors": declare(tensor_of)}
    (out / "symbols.safetensors").write_bytes(save(tensor_of))
    manifest = {
        "format": package.FORMAT,
        "format_version": package.FORMAT_VERSION,
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
        **parts,
        "symbols": symbols,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    package.load_any(out, symbol_digest(symbols))
    VqDecoder(out, manifest)
    counts = np.bincount(indices, minlength=net.cfg.v)
    bits = float(-(counts[counts > 0] / counts.sum() * np.log2(table[counts > 0] / small.TOTAL)).sum())
    total = sum(p.stat().st_size for p in out.iterdir())
    print(f"{len(indices)} indices, {int((counts > 0).sum())} of {net.cfg.v} codes, {bits:.3f} bits per index")
    print(f"{out}: {total} bytes, digest {symbol_digest(symbols)}")


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
    args = ap.parse_args(argv)
    if min(args.batch, args.log_every) < 1 or args.minutes <= 0 or args.steps < 0:
        ap.error("--minutes, --steps, --batch and --log-every must be positive")
    if any(side < 16 or side % CONFIG.stride for side in (args.crop, args.final_crop)):
        ap.error(f"--crop and --final-crop must be multiples of {CONFIG.stride} pixels")
    if not 0 <= args.structure <= 1:
        ap.error("--structure must be between 0 and 1")
    if not args.photos.is_dir():
        ap.error(f"{args.photos} is not a folder")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    files = photos.require_listing(args.photos, HELD_OUT)
    data_digest = photos.digest(args.photos, files)
    print(f"{len(files)} pictures, listing sha256 {data_digest}", flush=True)
    state = read_checkpoint(args, data_digest)  # report an unusable checkpoint before loading the pictures
    if args.pack is None:
        work(args, [photos.load(p) for p in files], data_digest)
    elif state is None or not state["quantised"]:
        raise SystemExit(f"error: {args.out} has no checkpoint with a codebook to pack")
    else:
        pack(args, state, files[:-HELD_OUT])


if __name__ == "__main__":
    main()
