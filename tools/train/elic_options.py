# SPDX-License-Identifier: MIT
"""The options of tools/train/elic.py."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from refcodec.transforms.elic.config import ElicConfig
from tools.train import data, joint, rates


def arguments(
    argv: list[str] | None, description: str, configuration: Callable[[argparse.Namespace], ElicConfig]
) -> argparse.Namespace:
    """Parse the arguments; exit for a combination that is inconsistent."""
    ap = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    length.add_argument("--epochs", type=float, default=0, help="length in passes over the pictures")
    ap.add_argument(
        "--decay-at",
        type=rates.numbers,
        metavar="EPOCHS",
        help="divide the learning rate by ten at these epochs, such as 45,48, instead of the cosine schedule",
    )
    ap.add_argument("--recipe", choices=sorted(rates.RECIPES), help="settings of a paper, as defaults of all others")
    ap.add_argument("--lambdas", type=rates.numbers, metavar="LIST", help="the weights of the distortion, one a rate")
    ap.add_argument(
        "--loss-scale",
        choices=["rate", "none"],
        default="rate",
        help="rate: losses are scaled so that gradients of all rates are of one size",
    )
    ap.add_argument(
        "--augment",
        choices=["full", "none"],
        default="full",
        help="full: crops are mirrored, some downscaled or rotated; none: as they are, and pictures equally often",
    )
    ap.add_argument("--clip-norm", type=float, default=3.0, help="largest norm of a gradient")
    ap.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16", help="of the forward pass")
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
    data.options(ap)
    joint.options(ap)
    args = rates.with_recipe(ap, argv)
    if given(argv, "--minutes", "--steps"):  # instead of the epochs of a recipe
        args.epochs, args.decay_at = 0, None
    for problem in (*data.option_errors(args), *joint.option_errors(args, configuration(args))):
        ap.error(problem)
    if args.structure is None:
        args.structure = 0.0 if args.lpips or args.clip else 0.25
    if args.final_crop is None:
        args.final_crop = -(-3 * args.crop // 128) * 64
    if any(side < 64 or side % 64 for side in (args.crop, args.final_crop)):
        ap.error("--crop and --final-crop must be multiples of 64 pixels")
    if min(args.processes, args.threads, args.batch, args.log_every) < 1 or args.minutes <= 0 or args.steps < 0:
        ap.error("--minutes, --steps, --processes, --threads, --batch and --log-every must be positive")
    if args.augment == "none" and configuration(args).channels == 1:
        ap.error("--augment none applies to photographs only")
    if args.epochs < 0 or args.clip_norm <= 0:
        ap.error("--epochs and --clip-norm must be positive")
    if args.decay_at and not args.epochs:
        ap.error("--decay-at needs --epochs")
    if args.processes > 1 and args.device != "cpu":
        ap.error("--processes above 1 needs --device cpu")
    if (wrong := data.check_place(args.photos)) is not None:
        ap.error(wrong)
    return args


def given(argv: list[str] | None, *names: str) -> bool:
    """Return whether one of the options is named on the command line."""
    words = sys.argv[1:] if argv is None else argv
    return any(word.partition("=")[0] in names for word in words)
