# SPDX-License-Identifier: MIT
"""Additional training losses of TACO (Lee et al. 2024, eq. (6) and (7)): LPIPS and CLIP's joint image-text loss.

    rate + lambda * MSE + k_p * LPIPS(x, x') + k_j * (contrastive(f_I(x'), f_T(caption)) + beta * |f_I(x) - f_I(x')|)

CLIP and LPIPS are frozen; gradients flow through their image branches to the reconstruction x'.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from refcodec.cli.bench.metric_networks.lpips import Lpips
from refcodec.errors import SemError
from refcodec.foundation.loading import OWN_FILES, load_pretrained, loading, require_config
from refcodec.foundation.text_encoder import TextEncoder
from refcodec.transforms.elic.config import ElicConfig
from tools.train import photos
from tools.train.listing import is_streamed

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's input images, RGB
LOGIT_SCALE = math.exp(2.6592)  # CLIP's initial value, constant in TACO


def read_captions(path: Path, root: Path, files: list[Path]) -> list[list[str]]:
    """Return the captions of each file, or [""] for a file without any; exit if the caption file is unusable."""
    by_name = caption_table(path)
    per_file = [by_name.get(f.relative_to(root).as_posix()) or by_name.get(f.name) or [""] for f in files]
    if not any(captions != [""] for captions in per_file):
        raise SystemExit(f"error: {path} has no caption for any picture in {root}")
    return per_file


def caption_table(path: Path) -> dict[str, list[str]]:
    """Return name of a picture -> captions; exit if the caption file is unusable.

    A .tsv has lines of file, tab, caption; any other file has JSON lines {"file": …, "caption": …}, or "captions" with a
    list. `file` is a path relative to the folder of pictures, or a bare file name.
    """
    by_name: dict[str, list[str]] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                name, captions = _line(line, path.suffix == ".tsv")
                by_name.setdefault(name, []).extend(captions)
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise SystemExit(f"error: {path} is not a caption file ({type(e).__name__}: {e})") from e
    return by_name


def _line(line: str, tabs: bool) -> tuple[str, list[str]]:
    """Parse one line into (file, captions); ValueError, KeyError or TypeError if malformed."""
    if tabs:
        name, _, caption = line.partition("\t")
        return name, [caption]
    row = json.loads(line)
    captions = row["captions"] if "captions" in row else [row["caption"]]
    if (
        not isinstance(captions, list)
        or not all(isinstance(c, str) for c in captions)
        or not isinstance(row["file"], str)
    ):
        raise ValueError("file and captions must be strings")
    return row["file"], captions


def crop(pictures: list[NDArray[np.uint8]], size: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], int]:
    """Return a random crop as `photos.crop` does, and the index of its picture."""
    weights = np.array([p.shape[0] * p.shape[1] for p in pictures], dtype=np.float64)
    i = int(rng.choice(len(pictures), p=weights / weights.sum()))
    return photos.crop([pictures[i]], size, rng), i


class Joint(nn.Module):
    """The joint image-text loss L_j of eq. (7), computed with a transformers CLIP model."""

    def __init__(self, model: Any, tokenizer: Any, beta: float) -> None:
        super().__init__()
        self.model, self.tokenizer, self.beta = model.eval().requires_grad_(False), tokenizer, beta

    @classmethod
    def load(cls, folder: Path, beta: float) -> Joint:
        """Load a CLIPModel and its tokenizer. Raises SemError MODEL_MALFORMED (SEM-E-803) or DEPENDENCY_MISSING (SEM-E-805)."""
        require_config("clip", folder, "config.json", "model_type", ("clip",))
        with loading("clip", folder):
            from transformers import CLIPModel, CLIPTokenizerFast

            return cls(
                load_pretrained("clip", folder, CLIPModel),
                CLIPTokenizerFast.from_pretrained(folder, **OWN_FILES),
                beta,
            )

    def images(self, x: Tensor) -> Tensor:
        """Return unit embeddings [B, D] of square images [B, 3, H, W] in 0..1, after CLIP's resize and normalisation."""
        side = self.model.config.vision_config.image_size
        x = F.interpolate(x, (side, side), mode="bicubic", align_corners=False, antialias=True)
        mean, std = (x.new_tensor(v)[:, None, None] for v in (MEAN, STD))
        out = self.model.visual_projection(self.model.vision_model(pixel_values=(x - mean) / std).pooler_output)
        return F.normalize(out, dim=1)

    def texts(self, captions: list[str]) -> Tensor:
        """Return unit embeddings [B, D] of captions, truncated to 77 tokens."""
        batch = self.tokenizer(captions, padding=True, truncation=True, max_length=77, return_tensors="pt")
        out = self.model.text_projection(self.model.text_model(**batch.to(self.model.device)).pooler_output)
        return F.normalize(out, dim=1)

    def forward(self, x: Tensor, target: Tensor, captions: list[str]) -> Tensor:
        """Return the scalar loss of reconstructions x of target, both [B, 3, H, W]."""
        decoded = self.images(x)
        with torch.no_grad():
            original, texts = self.images(target), self.texts(captions)
        logits, labels = LOGIT_SCALE * texts @ decoded.T, torch.arange(len(decoded), device=decoded.device)
        contrastive = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
        total: Tensor = contrastive + self.beta * (decoded - original).norm(dim=1).mean()
        return total


@dataclass
class Guide:
    """Optional training inputs and losses besides rate and distortion.

    captions: a list per picture in memory. captioned: each crop has a caption. lpips: maps two batches of images to distances [B]. perceptual, joint_weight: the
    weights k_p and k_j.
    """

    captions: list[list[str]] | None = None
    text_encoder: TextEncoder | None = None
    joint: Joint | None = None
    lpips: Callable[[Tensor, Tensor], Tensor] | None = None
    perceptual: float = 0.0
    joint_weight: float = 0.0
    captioned: bool = False

    @property
    def active(self) -> bool:
        """True if the loss has terms besides rate and distortion."""
        return self.joint is not None or self.lpips is not None

    def drawn(self, pictures: list[int], rng: np.random.Generator) -> list[str]:
        """Draw a random caption for each picture index."""
        assert self.captions is not None
        return [self.captions[i][int(rng.integers(0, len(self.captions[i])))] for i in pictures]

    @torch.no_grad()
    def states(self, captions: list[str]) -> Tensor | None:
        """Return the text encoder states for the text adapter, None without a text encoder."""
        return None if self.text_encoder is None else self.text_encoder.states(captions)

    def terms(self, x: Tensor, target: Tensor, captions: list[str] | None) -> tuple[Tensor, Tensor]:
        """Return unweighted (LPIPS [B], joint loss []) of reconstructions; a term that is not used is 0."""
        x = x.float()
        perceptual = x.new_zeros(len(x)) if self.lpips is None else self.lpips(x, target)
        joint = x.new_zeros(()) if self.joint is None or captions is None else self.joint(x, target, captions)
        return perceptual, joint


def options(ap: argparse.ArgumentParser) -> None:
    """Add the options of this module to a parser."""
    group = ap.add_argument_group("TACO losses")
    group.add_argument("--captions", type=Path, help="captions of the photos: a .tsv of file and caption, or .jsonl")
    group.add_argument(
        "--text-encoder",
        type=Path,
        help="folder of a CLIP text model, for --config taco-text (default: that of --clip)",
    )
    group.add_argument("--clip", type=Path, help="folder of a CLIP model, for the joint image-text loss")
    group.add_argument("--lpips", type=Path, help="lpips-alex.safetensors, or its folder, for the perceptual loss")
    group.add_argument("--perceptual", type=float, default=3.5, help="k_p, weight of LPIPS")
    group.add_argument("--joint", type=float, default=0.0025, help="k_j, weight of the joint loss")
    group.add_argument(
        "--beta", type=float, default=40.0, help="weight of the distance of image embeddings in the joint loss"
    )


def option_errors(args: argparse.Namespace, cfg: ElicConfig) -> Iterator[str]:
    """Yield an error message for every inconsistent combination of options."""
    encoder = args.text_encoder or args.clip
    if cfg.channels != 3 and (args.captions or args.clip or args.lpips):
        yield "--captions, --clip and --lpips apply to photographs only"
    captioned = args.captions or is_streamed(args.photos)  # shards may hold captions
    if cfg.text_width and not (captioned and encoder):
        yield "a network with a text adapter needs --captions, and --text-encoder or --clip"
    if args.clip and not captioned:
        yield "the joint loss of --clip needs --captions"
    if args.captions and not (args.clip or cfg.text_width):
        yield "--captions are for --config taco-text, or for --clip"
    if args.text_encoder and not cfg.text_width:
        yield "--text-encoder is for --config taco-text"
    if min(args.perceptual, args.joint, args.beta) < 0:
        yield "weights of losses must not be negative"


def guide(args: argparse.Namespace, cfg: ElicConfig, captions: list[list[str]] | None) -> Guide:
    """Load the models named by the options; exit with an error if one is unusable."""
    try:
        joint = Joint.load(args.clip, args.beta).to(args.device) if args.clip else None
        lpips = Lpips.load(args.lpips).to(args.device) if args.lpips else None
        encoder = TextEncoder.load(args.text_encoder or args.clip, tokens=cfg.text_tokens) if cfg.text_width else None
    except SemError as e:
        raise SystemExit(f"error: {e}") from e
    if encoder is not None:
        encoder.model.to(args.device)
        if encoder.width != cfg.text_width:
            raise SystemExit(
                f"error: the text encoder has states of width {encoder.width}, the adapter expects {cfg.text_width}"
            )
    return Guide(
        captions, encoder, joint, cast(Any, lpips), args.perceptual, args.joint, captioned=captions is not None
    )


def digest(args: argparse.Namespace, listing: str) -> str:
    """Return the digest of the training data, photos and captions, which must not change when a run resumes."""
    if not args.captions:
        return listing
    return hashlib.sha256(listing.encode() + hashlib.sha256(args.captions.read_bytes()).digest()).hexdigest()
