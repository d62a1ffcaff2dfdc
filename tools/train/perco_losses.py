# SPDX-License-Identifier: MIT
"""The models beside the pipeline in PerCo's training: LPIPS as a loss, and the embedder of image conditioning."""

from __future__ import annotations

import argparse
from typing import Any

from torch import Tensor

from refcodec.cli.bench.metric_networks.lpips import Lpips
from refcodec.foundation.folder_digest import folder_sha256
from refcodec.foundation.image_embedder import ImageEmbedder
from refcodec.foundation.resolve import Models
from tools.train.perco_conditioning import Captions, Conditioning, Embeddings, read_codebooks


def load_lpips(args: argparse.Namespace, device: str) -> Any:
    """Return the frozen network of `--lpips`, None without it. Raises SemError."""
    return None if args.lpips is None else Lpips.load(args.lpips, args.lpips_net).to(device)


def conditioning(args: argparse.Namespace, device: str) -> Conditioning:
    """Return the conditioning that the options name. Raises SemError for a model that cannot be used."""
    if args.image_embedder is None:
        return Captions(args.dropped)
    embedder = ImageEmbedder.load(args.image_embedder, Models(device=device))
    books, digest = read_codebooks(args.codebooks)
    digests = {"embedder_sha256": folder_sha256(args.image_embedder), "codebooks_sha256": digest}
    return Embeddings(embedder, books, embedder.width, args.dropped, digests)


def predicted_latents(schedule: Any, noisy: Tensor, velocity: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the latents [B, C, h, w] that a predicted velocity implies, and the share of signal in the noisy ones [B].

    Salimans & Ho 2022, appendix D: x = sqrt(a) z - sqrt(1 - a) v.
    """
    signal = schedule.alphas_cumprod.to(noisy.device, noisy.dtype)[t]
    a = signal[:, None, None, None]
    return a.sqrt() * noisy - (1 - a).sqrt() * velocity, signal


def perceptual(
    lpips: Any, vae: Any, schedule: Any, target: Tensor, noisy: Tensor, velocity: Tensor, t: Tensor
) -> Tensor:
    """Return the mean LPIPS [] of the predicted pictures and the crops [B, 3, H, W] in 0..1.

    Each is weighted by the share of signal at its time step: from pure noise only a mean of pictures can be predicted,
    which LPIPS would draw towards one of them.
    """
    latent, signal = predicted_latents(schedule, noisy, velocity, t)
    picture = vae.decode(latent / vae.config.scaling_factor).sample.float() / 2 + 0.5
    loss: Tensor = (signal * lpips(picture.clamp(0, 1), target)).mean()
    return loss
