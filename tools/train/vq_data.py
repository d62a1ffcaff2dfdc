# SPDX-License-Identifier: MIT
"""The pictures of a training run of the VQ autoencoder."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.train import data, photos
from tools.train.data import Data, InMemory

HELD_OUT = 8  # pictures at the end of the listing, used for validation only


def in_memory(args: argparse.Namespace) -> tuple[str, list[Path]]:
    """Return the digest of a folder and its files."""
    files = photos.require_listing(args.photos, HELD_OUT)
    digest = photos.digest(args.photos, files)
    print(f"{len(files)} pictures, listing sha256 {digest}", flush=True)
    return digest, files


def opened(args: argparse.Namespace, check_checkpoint: Callable[[str], Any]) -> Data:
    """Return the pictures of a run. check_checkpoint: called with the digest before pictures are loaded into memory."""
    if data.streams(args):
        found = data.streamed(args, HELD_OUT, lambda pixels, size, rng: photos.crop([pixels], size, rng))
        print(f"{found.pictures + HELD_OUT} pictures, listing sha256 {found.digest}", flush=True)
        return found
    digest, files = in_memory(args)
    check_checkpoint(digest)
    pictures = [photos.load(p) for p in files]
    train, held = pictures[:-HELD_OUT], pictures[-HELD_OUT:]
    source = InMemory(lambda size, rng: (photos.crop(train, size, rng), ""))
    return Data(digest, len(train), train, held, [""] * HELD_OUT, lambda _devices, _position: source)
