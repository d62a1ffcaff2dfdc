# SPDX-License-Identifier: MIT
"""The pictures of an ELIC training run, with the captions and models that its losses use."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.transforms.elic.config import ElicConfig
from tools.train import data, joint, photos, sketches, stream
from tools.train.data import Data, InMemory, Source
from tools.train.devices import Devices
from tools.train.joint import Guide
from tools.train.listing import Listing

HELD_OUT = 8  # pictures at the end of the listing, used for validation only
Pixels = NDArray[np.uint8]


def opened(args: argparse.Namespace, cfg: ElicConfig, check_checkpoint: Callable[[str], Any]) -> tuple[Data, Guide]:
    """Return the pictures and losses of a run. check_checkpoint: called with the digest before pictures are loaded."""
    return (_streamed if data.streams(args) else _in_memory)(args, cfg, check_checkpoint)


def _in_memory(args: argparse.Namespace, cfg: ElicConfig, check: Callable[[str], Any]) -> tuple[Data, Guide]:
    files = photos.require_listing(args.photos, HELD_OUT)
    captions = joint.read_captions(args.captions, args.photos, files) if args.captions else None
    guide = joint.guide(args, cfg, captions)
    digest = joint.digest(args, photos.digest(args.photos, files))
    print(f"{len(files)} pictures, listing sha256 {digest}", flush=True)
    check(digest)
    pictures = [photos.load(p) for p in files]
    train, held = pictures[:-HELD_OUT], pictures[-HELD_OUT:]
    if cfg.channels == 1:
        rng = np.random.default_rng(args.seed)
        train, held = [v for p in train for v in sketches.versions(p, rng)], [sketches.held_out(p) for p in held]
        print(f"training on {len(train)} edge maps", flush=True)
    first = [texts[0] for texts in captions[-HELD_OUT:]] if captions is not None else [""] * HELD_OUT

    def draw(size: int, rng: np.random.Generator) -> tuple[Pixels, str]:
        if args.augment == "none":
            i = int(rng.integers(len(train)))
            text = guide.drawn([i], rng)[0] if captions is not None else ""
            return photos.plain_crop(train[i], size, rng), text
        if captions is None:
            return (sketches.crop if cfg.channels == 1 else photos.crop)(train, size, rng), ""
        pixels, i = joint.crop(train, size, rng)
        return pixels, guide.drawn([i], rng)[0]

    def source(_: Devices, _position: Mapping[str, Any] | None) -> Source:
        return InMemory(draw)

    return Data(digest, len(train), train, held, first, source), guide


def _streamed(args: argparse.Namespace, cfg: ElicConfig, check: Callable[[str], Any]) -> tuple[Data, Guide]:
    wanted = bool(cfg.text_width or args.clip)
    cut = _map_cut if cfg.channels == 1 else photos.plain_crop if args.augment == "none" else _cut
    found = data.streamed(args, HELD_OUT, cut, _texts(args) if wanted else None)
    guide = replace(joint.guide(args, cfg, None), captioned=wanted)
    found = replace(found, digest=joint.digest(args, found.digest))
    print(f"{found.pictures + HELD_OUT} pictures, listing sha256 {found.digest}", flush=True)
    check(found.digest)
    if cfg.channels == 1:
        rng = np.random.default_rng(args.seed)
        maps = [v for p in found.sample for v in sketches.versions(p, rng)]
        found = replace(found, sample=maps, held=[sketches.held_out(p) for p in found.held])
    return found, guide


def _cut(pixels: Pixels, size: int, rng: np.random.Generator) -> Pixels:
    return photos.crop([pixels], size, rng)


def _map_cut(pixels: Pixels, size: int, rng: np.random.Generator) -> Pixels:
    return sketches.crop([sketches.version(pixels, rng)], size, rng)


def _texts(args: argparse.Namespace) -> Callable[[Listing], stream.Texts]:
    """Return what makes the captions of a picture: from `--captions`, or those beside it in its shard."""
    table = joint.caption_table(args.captions) if args.captions else None

    def of_listing(listing: Listing) -> stream.Texts:
        def texts(picture: Any) -> list[str]:
            if table is None:
                return listing.captions(picture)
            return table.get(picture.name) or table.get(PurePosixPath(picture.name).name) or []

        data.require_captions(listing, texts, args.captions or args.photos)
        return texts

    return of_listing
