# SPDX-License-Identifier: MIT
"""Train PerCo's hyper-encoder and the linear layers of a Stable Diffusion U-Net (Careil et al. 2024, §3.2, §4.1).

    python -m tools.train.perco PIPELINE PHOTOS CAPTIONS.tsv --v 256 --stride 64 --out runs/perco --steps 50000
    python -m tools.train.perco PIPELINE PHOTOS --image-embedder CLIP --codebooks BOOKS --out runs/perco-image

PIPELINE is a diffusers StableDiffusionPipeline folder with safetensors weights. PHOTOS is a folder, or shards or a list of
files, which are streamed (tools/train/listing.py). CAPTIONS.tsv has one line per training picture: file name relative to
PHOTOS, tab, caption; captions may also stand in the shards. With --image-embedder the U-Net attends to the product-quantised
embedding of the crop instead (PerCo-Image). In the U-Net, the linear layers are trained, and the weights of the first
convolution that read local features; autoencoder and text encoder stay frozen. The loss is v-prediction plus commitment,
and LPIPS of the predicted picture with --lpips; in 10 % of the crops a learned embedding replaces the text. Several devices
are used under `accelerate launch`. The run writes `checkpoint.pt`, `log.jsonl`, `training.json` and the folders `painter` and
`hyper_encoder` for method perco to the --out folder. Ctrl-C saves and stops; the same command resumes. An uninterrupted run
on a CPU gives the same losses each time.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from refcodec.errors import SemError
from refcodec.foundation.hyper_config import HyperConfig
from refcodec.foundation.hyper_encoder import HyperEncoder
from refcodec.foundation.loading import quiet
from refcodec.foundation.perco_diffusion import PercoGenerator
from tools import program
from tools.train import devices, perco_data, perco_losses, perco_options
from tools.train.data import Data, Source
from tools.train.devices import Devices, average_gradients
from tools.train.perco_conditioning import Conditioning
from tools.train.perco_pipeline import add_input_channels, load_pipeline, trainable
from tools.train.session import Log, agree, interruptible, load_checkpoint, save_checkpoint, tensor

COMMITMENT = 0.25  # weight relative to the diffusion loss (van den Oord et al. 2017, §3.2)
VECTORS = 4  # per code, for k-means
SAVE_EVERY = 600.0  # seconds


class Run:
    """The training state that is saved in a checkpoint."""

    def __init__(
        self,
        args: argparse.Namespace,
        pipeline: Any,
        state: dict[str, Any] | None,
        conditioning: Conditioning,
        process: Devices,
    ) -> None:
        from diffusers import DDPMScheduler

        torch.manual_seed(args.seed)
        self.pipeline, self.conditioning, self.process, device = pipeline, conditioning, process, process.device
        self.coder = PercoGenerator(
            pipeline.vae.to(device), pipeline.text_encoder.to(device), pipeline.tokenizer, None, None
        )
        self.coder.vae.requires_grad_(False).eval()
        self.coder.text_encoder.requires_grad_(False).eval()
        self.hyper = HyperEncoder(config(args, self.coder)).to(device)
        self.hyper.quantiser.exchange = process if process.world > 1 else None
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
        self.lpips = perco_losses.load_lpips(args, device)
        devices.share_weights([*self.hyper.state_dict().values(), *(p.data for p in self.linear.values())], process)

    def done(self, args: argparse.Namespace) -> float:
        """Return the completed share of the schedule, 0 at the start and 1 at the end."""
        share: float = self.step / args.steps
        return share

    def save(self, args: argparse.Namespace, data: dict[str, str], position: Mapping[str, Any]) -> None:
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
            "position": dict(position),
        }
        save_checkpoint(args.out, state)
        self.hyper.save(args.out / "hyper_encoder")
        self.pipeline.scheduler = DDIMScheduler.from_config(self.schedule.config)
        with quiet():
            self.pipeline.save_pretrained(args.out / "painter", safe_serialization=True)
        note = {**data, "steps": self.step, "seconds": round(self.seconds), "seed": args.seed}
        (args.out / "training.json").write_text(json.dumps(note, indent=1) + "\n")


def config(args: argparse.Namespace, coder: PercoGenerator) -> HyperConfig:
    """Return the hyper-encoder configuration. Raises ValueError if the autoencoder does not support the stride.

    Absent text has as many tokens as a text, an absent image embedding has one.
    """
    width = int(coder.text_encoder.config.hidden_size)
    tokens = 1 if args.image_embedder else int(coder.tokenizer.model_max_length)
    return HyperConfig(
        args.v,
        args.stride,
        coder.factor,
        coder.latents,
        args.n,
        args.m,
        args.dim,
        (tokens, width),
    )


@torch.no_grad()
def latents(run: Run, x: Tensor) -> Tensor:
    """Return latents [B, C, h, w] of crops [B, 3, H, W] in 0..1, the mode of the posterior."""
    latent: Tensor = run.coder.vae.encode(2 * x - 1).latent_dist.mode() * run.coder.vae.config.scaling_factor
    return latent


@torch.no_grad()
def start_codebook(run: Run, args: argparse.Namespace, source: Source, rng: np.random.Generator) -> None:
    """Initialise the codebook by k-means of the hyper-encoder output on random crops; all processes get the first's."""
    vectors: list[Tensor] = []
    while sum(map(len, vectors)) < VECTORS * args.v:
        pixels, _ = source.batch(args.batch, args.crop, rng)
        vectors.append(run.hyper.unquantised(latents(run, tensor(pixels, run.process.device))).flatten(0, -2))
    run.hyper.quantiser.start(torch.cat(vectors))
    devices.share_weights(run.hyper.quantiser.state_dict().values(), run.process)


def train_step(run: Run, args: argparse.Namespace, source: Source, rng: np.random.Generator) -> dict[str, float]:
    """Take one optimiser step; return the losses of its crops."""
    pixels, captions = source.batch(args.batch, args.crop, rng)
    x = tensor(pixels, run.process.device)
    latent = latents(run, x)
    local = run.hyper(latent)
    scale = run.hyper.cfg.stride // run.hyper.cfg.factor
    features = local.features.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    null = run.coder.null(run.hyper, learning=True)
    context = run.conditioning(run.coder, pixels, captions, null, rng)
    noise = torch.randn(latent.shape, device=latent.device)
    t = torch.randint(0, run.schedule.config.num_train_timesteps, (len(latent),), device=latent.device)
    noisy = run.schedule.add_noise(latent, noise, t)
    predicted = run.unet(torch.cat([noisy, features], 1), t, encoder_hidden_states=context).sample.float()
    diffusion = nn.functional.mse_loss(predicted, run.schedule.get_velocity(latent, noise, t))
    losses = {"diffusion": diffusion, "commitment": local.commitment}
    loss = diffusion + COMMITMENT * local.commitment
    if run.lpips is not None:
        losses["lpips"] = perco_losses.perceptual(run.lpips, run.coder.vae, run.schedule, x, noisy, predicted, t)
        loss = loss + args.perceptual * losses["lpips"]
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = average_gradients(run.params, run.process, 1.0)
    for group in run.optimiser.param_groups:
        group["lr"] = args.rate * min(1.0, (run.step + 1) / args.warm_up)
    if math.isfinite(norm):
        run.optimiser.step()
    run.step += 1
    return {"loss": float(loss.detach()), **{name: float(value.detach()) for name, value in losses.items()}}


def work(args: argparse.Namespace, run: Run, found: Data, data: dict[str, str], state: dict[str, Any] | None) -> None:
    """Run the training loop of one process."""
    process = run.process
    source = found.source(process, None if state is None else state.get("position"))
    seeds = process.seeds(args.seed, run.step)
    rng = np.random.default_rng(seeds)  # a random stream of crops per session
    torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
    log = Log(args, process.rank, run)
    try:
        if state is None:
            start_codebook(run, args, source, rng)
        elif process.first:
            print(f"resuming from step {run.step} after {run.seconds:.0f} s", flush=True)
        last, saved = time.monotonic(), run.seconds
        rows: list[dict[str, float]] = []
        with interruptible() as stop_requested:
            while True:
                stopped, position = agree(process, run, stop_requested(), source)
                if process.first and run.seconds - saved > SAVE_EVERY:
                    saved = run.seconds
                    run.save(args, data, position)
                if run.done(args) >= 1 or stopped:
                    break
                rows.append(train_step(run, args, source, rng))
                now = time.monotonic()
                run.seconds, last = run.seconds + now - last, now
                if run.step % args.log_every == 0:
                    means = {name: round(float(np.mean([row[name] for row in rows])), 5) for name in rows[0]}
                    log(**means, **({"broken": sum(position["broken"])} if sum(position["broken"]) else {}))
                    rows = []
            if process.first:
                run.save(args, data, position)
    finally:
        source.close()
    process.close()


def read_checkpoint(args: argparse.Namespace, data: dict[str, str]) -> dict[str, Any] | None:
    """Return the state to resume from, None for a new run; exit if the checkpoint does not match the run."""
    loaded = load_checkpoint(args, lambda state: (HyperConfig.from_dict(state["config"]), state["data"]))
    if loaded is None:
        return None
    state, (cfg, trained_on) = loaded
    path = args.out / "checkpoint.pt"
    by_image = cfg.null_text is not None and cfg.null_text[0] == 1
    if (cfg.v, cfg.stride, cfg.n, cfg.m, cfg.dim, by_image) != (
        args.v,
        args.stride,
        args.n,
        args.m,
        args.dim,
        args.image_embedder is not None,
    ):
        raise SystemExit(f"error: {path} holds another hyper-encoder; choose another --out")
    if trained_on != data:
        raise SystemExit(f"error: {path} was trained on other pictures or captions; choose another --out")
    return state


def main(argv: list[str] | None = None) -> None:
    args = perco_options.arguments(argv, __doc__ or "")
    process = devices.launched(args.device)
    args.device = process.device
    try:
        conditioning = perco_losses.conditioning(args, process.device)
        load, data = perco_data.listed(args, conditioning.digests)
        args.out.mkdir(parents=True, exist_ok=True)
        state = read_checkpoint(args, data)
        run = Run(args, load_pipeline(args), state, conditioning, process)
        conditioning.check(run.coder)
        work(args, run, load(), data, state)
    except (SemError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    raise SystemExit(program.run(main))
