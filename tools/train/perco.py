# SPDX-License-Identifier: MIT
"""Train PerCo's hyper-encoder and the linear layers of a Stable Diffusion U-Net (Careil et al. 2024, §3.2, §4.1).

    python -m tools.train.perco PIPELINE PHOTOS CAPTIONS.tsv --v 256 --stride 64 --out runs/perco --steps 50000

PIPELINE is a diffusers StableDiffusionPipeline folder with safetensors weights. CAPTIONS.tsv has one line per training
picture: file name relative to PHOTOS, tab, caption. In the U-Net, the linear layers are trained, and the weights of the
first convolution that read local features; autoencoder and text encoder stay frozen. The loss is v-prediction plus
commitment; in 10 % of the crops a learned embedding replaces the text. The run writes `checkpoint.pt`, `log.jsonl`,
`training.json` and the folders `painter` and `hyper_encoder` for method perco to the --out folder. Ctrl-C saves and stops;
the same command resumes. An uninterrupted run on a CPU gives the same losses each time.
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
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from refcodec.errors import SemError
from refcodec.foundation.hyper_config import HyperConfig
from refcodec.foundation.hyper_encoder import HyperEncoder
from refcodec.foundation.loading import OWN_FILES, loading, quiet, require_config
from refcodec.foundation.perco_diffusion import CLASSES, ROLE, PercoGenerator
from tools.train import photos
from tools.train.session import Log, interruptible, load_checkpoint, save_checkpoint, tensor

DROPPED = 0.1  # share of the crops trained without text
COMMITMENT = 0.25  # weight relative to the diffusion loss (van den Oord et al. 2017, §3.2)
VECTORS = 4  # per code, for k-means
SAVE_EVERY = 600.0  # seconds
Pictures = list[tuple[NDArray[np.uint8], str]]


def add_input_channels(unet: Any, count: int) -> Any:
    """Append `count` input channels to the first convolution of a U-Net, with random weights of matching scale."""
    old = unet.conv_in
    new = nn.Conv2d(old.in_channels + count, old.out_channels, old.kernel_size, padding=old.padding)
    with torch.no_grad():
        new.weight[:, old.in_channels :] *= float(old.weight.std()) / float(new.weight.std()) / math.sqrt(count)
        new.weight[:, : old.in_channels] = old.weight
    new.bias = old.bias
    unet.conv_in = new
    unet.register_to_config(in_channels=new.in_channels)
    return unet


def trainable(unet: Any, latents: int) -> dict[str, nn.Parameter]:
    """Return the trained parameters by name: linear layers, and conv_in, masked to the inputs of local features."""
    unet.requires_grad_(False)
    parameters = {
        f"{name}.{k}": p
        for name, m in unet.named_modules()
        if isinstance(m, nn.Linear)
        for k, p in m.named_parameters()
    }
    parameters["conv_in.weight"] = unet.conv_in.weight
    for p in parameters.values():
        p.requires_grad_(True)
    mask = torch.ones_like(unet.conv_in.weight)
    mask[:, :latents] = 0
    unet.conv_in.weight.register_hook(lambda grad: grad * mask.to(grad))
    return parameters


class Run:
    """The training state that is saved in a checkpoint."""

    def __init__(self, args: argparse.Namespace, pipeline: Any, state: dict[str, Any] | None) -> None:
        from diffusers import DDPMScheduler

        torch.manual_seed(args.seed)
        self.pipeline, device = pipeline, args.device
        self.coder = PercoGenerator(
            pipeline.vae.to(device), pipeline.text_encoder.to(device), pipeline.tokenizer, None, None
        )
        self.coder.vae.requires_grad_(False).eval()
        self.coder.text_encoder.requires_grad_(False).eval()
        self.hyper = HyperEncoder(config(args, self.coder)).to(device)
        self.unet = self.coder.unet = pipeline.unet = add_input_channels(pipeline.unet, args.m).to(device).train()
        self.linear = trainable(self.unet, self.coder.latents)
        self.params = [*self.hyper.parameters(), *self.linear.values()]
        self.optimiser = torch.optim.Adam(self.params, lr=args.rate)
        self.schedule = DDPMScheduler.from_config(pipeline.scheduler.config, prediction_type="v_prediction")
        self.seconds, self.step = 0.0, 0
        if state is not None:
            self.hyper.load_state_dict(state["hyper"])
            for name, p in self.linear.items():
                p.data.copy_(state["unet"][name])
            self.optimiser.load_state_dict(state["optimiser"])
            self.seconds, self.step = state["seconds"], state["step"]

    def done(self, args: argparse.Namespace) -> float:
        """Return the completed share of the schedule, 0 at the start and 1 at the end."""
        share: float = self.step / args.steps
        return share

    def save(self, args: argparse.Namespace, data: dict[str, str]) -> None:
        """Write the checkpoint and the model folders."""
        from diffusers import DDIMScheduler

        state = {
            "hyper": self.hyper.state_dict(),
            "unet": {name: p.detach() for name, p in self.linear.items()},
            "optimiser": self.optimiser.state_dict(),
            "seconds": self.seconds,
            "step": self.step,
            "data": data,
            "config": self.hyper.cfg.to_dict(),
        }
        save_checkpoint(args.out, state)
        self.hyper.save(args.out / "hyper_encoder")
        self.pipeline.scheduler = DDIMScheduler.from_config(self.schedule.config)
        with quiet():
            self.pipeline.save_pretrained(args.out / "painter", safe_serialization=True)
        note = {**data, "steps": self.step, "seconds": round(self.seconds), "seed": args.seed}
        (args.out / "training.json").write_text(json.dumps(note, indent=1) + "\n")


def config(args: argparse.Namespace, coder: PercoGenerator) -> HyperConfig:
    """Return the hyper-encoder configuration. Raises ValueError if the autoencoder does not support the stride."""
    width = int(coder.text_encoder.config.hidden_size)
    return HyperConfig(
        args.v,
        args.stride,
        coder.factor,
        coder.latents,
        args.n,
        args.m,
        args.dim,
        (int(coder.tokenizer.model_max_length), width),
    )


def crop(pic: NDArray[np.uint8], size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random square crop uint8[size, size, 3], neither mirrored nor rotated; small pictures are enlarged first."""
    height, width = pic.shape[:2]
    if min(height, width) < size:
        scale = size / min(height, width)
        enlarged = (max(size, round(width * scale)), max(size, round(height * scale)))
        pic = np.asarray(Image.fromarray(pic).resize(enlarged, Image.Resampling.BICUBIC))
    top, left = (int(rng.integers(0, n - size + 1)) for n in pic.shape[:2])
    return pic[top : top + size, left : left + size]


@torch.no_grad()
def latents(
    run: Run, args: argparse.Namespace, pictures: Pictures, rng: np.random.Generator
) -> tuple[Tensor, list[str]]:
    """Return latents [B, C, h, w] of random crops (posterior mode), and the captions of their pictures."""
    chosen = [pictures[int(i)] for i in rng.integers(0, len(pictures), args.batch)]
    x = tensor(np.stack([crop(pic, args.crop, rng) for pic, _ in chosen]), args.device)
    latent: Tensor = run.coder.vae.encode(2 * x - 1).latent_dist.mode() * run.coder.vae.config.scaling_factor
    return latent, [text for _, text in chosen]


@torch.no_grad()
def start_codebook(run: Run, args: argparse.Namespace, pictures: Pictures, rng: np.random.Generator) -> None:
    """Initialise the codebook by k-means of the hyper-encoder output on random crops."""
    vectors: list[Tensor] = []
    while sum(map(len, vectors)) < VECTORS * args.v:
        vectors.append(run.hyper.unquantised(latents(run, args, pictures, rng)[0]).flatten(0, -2))
    run.hyper.quantiser.start(torch.cat(vectors))


def train_step(run: Run, args: argparse.Namespace, pictures: Pictures, rng: np.random.Generator) -> dict[str, float]:
    """Take one optimiser step; return the losses of its crops."""
    latent, captions = latents(run, args, pictures, rng)
    local = run.hyper(latent)
    scale = run.hyper.cfg.stride // run.hyper.cfg.factor
    features = local.features.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    null = run.coder.null(run.hyper, learning=True)
    context = torch.cat([null if rng.random() < DROPPED else run.coder.text(text).clone() for text in captions])
    noise = torch.randn(latent.shape, device=latent.device)
    t = torch.randint(0, run.schedule.config.num_train_timesteps, (len(latent),), device=latent.device)
    noisy = run.schedule.add_noise(latent, noise, t)
    predicted = run.unet(torch.cat([noisy, features], 1), t, encoder_hidden_states=context).sample
    diffusion = F.mse_loss(predicted.float(), run.schedule.get_velocity(latent, noise, t))
    loss = diffusion + COMMITMENT * local.commitment
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = float(nn.utils.clip_grad_norm_(run.params, 1.0))
    for group in run.optimiser.param_groups:
        group["lr"] = args.rate * min(1.0, (run.step + 1) / args.warm_up)
    if math.isfinite(norm):
        run.optimiser.step()
    run.step += 1
    return {
        "loss": float(loss.detach()),
        "diffusion": float(diffusion.detach()),
        "commitment": float(local.commitment.detach()),
    }


def work(
    args: argparse.Namespace, pipeline: Any, pictures: Pictures, data: dict[str, str], state: dict[str, Any] | None
) -> None:
    """Run the training loop."""
    run = Run(args, pipeline, state)
    rng = np.random.default_rng((args.seed, run.step))  # a random stream of crops per session
    torch.manual_seed(int(np.random.SeedSequence((args.seed, run.step)).generate_state(1)[0]))
    log = Log(args, 0, run)
    if state is None:
        start_codebook(run, args, pictures, rng)
    else:
        print(f"resuming from step {run.step} after {run.seconds:.0f} s", flush=True)
    last, saved = time.monotonic(), run.seconds
    rows: list[dict[str, float]] = []
    with interruptible() as stop_requested:
        while run.done(args) < 1 and not stop_requested():
            rows.append(train_step(run, args, pictures, rng))
            now = time.monotonic()
            run.seconds, last = run.seconds + now - last, now
            if run.step % args.log_every == 0:
                log(**{name: round(float(np.mean([row[name] for row in rows])), 5) for name in rows[0]})
                rows = []
            if run.seconds - saved > SAVE_EVERY:
                saved = run.seconds
                run.save(args, data)
        run.save(args, data)


def read_captions(path: Path, root: Path) -> dict[Path, str]:
    """Return picture -> caption; exit if a line does not name a picture below `root`."""
    captions: dict[Path, str] = {}
    for i, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        name, tab, text = line.partition("\t")
        if not tab or not (root / name).is_file():
            raise SystemExit(f"error: {path}, line {i + 1}: expected a file below {root}, a tab and a caption")
        captions[root / name] = text.strip()
    if not captions:
        raise SystemExit(f"error: {path} has no captions")
    return dict(sorted(captions.items()))


def read_checkpoint(args: argparse.Namespace, data: dict[str, str]) -> dict[str, Any] | None:
    """Return the state to resume from, None for a new run; exit if the checkpoint does not match the run."""
    loaded = load_checkpoint(args, lambda state: (HyperConfig.from_dict(state["config"]), state["data"]))
    if loaded is None:
        return None
    state, (cfg, trained_on) = loaded
    path = args.out / "checkpoint.pt"
    if (cfg.v, cfg.stride, cfg.n, cfg.m, cfg.dim) != (args.v, args.stride, args.n, args.m, args.dim):
        raise SystemExit(f"error: {path} holds another hyper-encoder; choose another --out")
    if trained_on != data:
        raise SystemExit(f"error: {path} was trained on other pictures or captions; choose another --out")
    return state


def arguments(argv: list[str] | None) -> argparse.Namespace:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("pipeline", type=Path)
    ap.add_argument("photos", type=Path)
    ap.add_argument("captions", type=Path)
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--steps", type=int, default=50_000)
    ap.add_argument("--v", type=int, default=256, help="number of codes")
    ap.add_argument("--stride", type=int, default=64, help="side in pixels of the square that one code represents")
    ap.add_argument("--n", type=int, default=192, help="channels of the hyper-encoder")
    ap.add_argument("--m", type=int, default=320, help="channels added to the input of the U-Net")
    ap.add_argument("--dim", type=int, default=32, help="dimensions of a code")
    ap.add_argument("--batch", type=int, default=4, help="crops per step")
    ap.add_argument("--crop", type=int, default=512, help="crop side, a multiple of 64 and of the stride")
    ap.add_argument("--rate", type=float, default=1e-4, help="learning rate")
    ap.add_argument("--warm-up", type=int, default=1000, help="steps until the learning rate is reached")
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--log-every", type=int, default=100, help="steps between log rows")
    args = ap.parse_args(argv)
    if min(args.steps, args.v, args.stride, args.batch, args.warm_up, args.log_every) < 1:
        ap.error("--steps, --v, --stride, --batch, --warm-up and --log-every must be positive")
    if args.crop < 1 or args.crop % args.stride:
        ap.error("--crop must be a multiple of --stride")
    return args


def main(argv: list[str] | None = None) -> None:
    args = arguments(argv)
    captions = read_captions(args.captions, args.photos)
    args.out.mkdir(parents=True, exist_ok=True)
    data = {
        "listing_sha256": photos.digest(args.photos, list(captions)),
        "captions_sha256": hashlib.sha256(args.captions.read_bytes()).hexdigest(),
    }
    print(f"{len(captions)} pictures, listing sha256 {data['listing_sha256']}", flush=True)
    state = read_checkpoint(args, data)
    try:
        require_config(ROLE, args.pipeline, "model_index.json", "_class_name", CLASSES[:1])
        with loading(ROLE, args.pipeline):
            from diffusers import StableDiffusionPipeline

            pipeline = StableDiffusionPipeline.from_pretrained(
                args.pipeline,
                **OWN_FILES,
                use_safetensors=True,
                safety_checker=None,
                requires_safety_checker=False,
            )
        if pipeline.unet.config.in_channels != pipeline.vae.config.latent_channels:
            raise SystemExit(
                f"error: the U-Net of {args.pipeline} has more inputs than its latents: name the original pipeline, before PerCo training"
            )
        work(args, pipeline, [(photos.load(path), text) for path, text in captions.items()], data, state)
    except SemError as error:
        raise SystemExit(f"error: {error}") from error
    except ValueError as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
