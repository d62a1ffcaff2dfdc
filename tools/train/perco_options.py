# SPDX-License-Identifier: MIT
"""The options of tools/train/perco.py."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch

from tools.train import data
from tools.train.listing import is_streamed
from tools.train.perco_conditioning import DROPPED


def arguments(argv: list[str] | None, description: str) -> argparse.Namespace:
    """Parse the arguments; exit for a combination that is inconsistent."""
    ap = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("pipeline", type=Path)
    ap.add_argument("photos", type=Path)
    ap.add_argument("captions", type=Path, nargs="?", help="lines of file, tab, caption; shards may hold captions")
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
    ap.add_argument("--dropped", type=float, default=DROPPED, help="share of the crops trained without a text")
    group = ap.add_argument_group("image conditioning (PerCo-Image)")
    group.add_argument("--image-embedder", type=Path, help="folder of a CLIP vision model, as wide as the attention")
    group.add_argument("--codebooks", type=Path, help="package of kind 4 (tools/train/small.py codebooks)")
    group = ap.add_argument_group("perceptual loss")
    group.add_argument("--lpips", type=Path, help="lpips-vgg.safetensors or lpips-alex.safetensors, or its folder")
    group.add_argument("--lpips-net", choices=["vgg", "alex"], default="vgg")
    group.add_argument("--perceptual", type=float, default=0.1, help="weight of LPIPS")
    data.options(ap)
    args = ap.parse_intermixed_args(argv)  # the captions may follow options
    for problem in (*data.option_errors(args), *_errors(args)):
        ap.error(problem)
    if min(args.steps, args.v, args.stride, args.batch, args.warm_up, args.log_every) < 1:
        ap.error("--steps, --v, --stride, --batch, --warm-up and --log-every must be positive")
    if args.crop < 1 or args.crop % args.stride:
        ap.error("--crop must be a multiple of --stride")
    return args


def _errors(args: argparse.Namespace) -> Iterator[str]:
    """Yield an error message for every inconsistent combination of options."""
    if (args.image_embedder is None) != (args.codebooks is None):
        yield "--image-embedder and --codebooks go together"
    if args.captions is not None and args.image_embedder is not None:
        yield "the U-Net attends to captions or to image embeddings, not both"
    if args.captions is None and args.image_embedder is None and not is_streamed(args.photos):
        yield "name a caption file, or --image-embedder"
    if args.perceptual < 0 or not 0 <= args.dropped <= 1:
        yield "--perceptual must not be negative, and --dropped must be 0 to 1"
    if (wrong := data.check_place(args.photos)) is not None:
        yield wrong
