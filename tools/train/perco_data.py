# SPDX-License-Identifier: MIT
"""The pictures of PerCo's training, and their captions."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.train import data, photos, stream
from tools.train.data import Data, InMemory
from tools.train.joint import caption_table
from tools.train.listing import Listing

Pixels = NDArray[np.uint8]


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


def listed(args: argparse.Namespace, digests: Mapping[str, str]) -> tuple[Callable[[], Data], dict[str, str]]:
    """Return a function that loads the pictures of a run, and the record of the training data."""
    if data.streams(args):
        found = data.streamed(args, 0, photos.plain_crop, None if args.image_embedder else _texts(args))
        return (lambda: found), _record(args, found.digest, found.pictures, digests)
    if args.image_embedder is None:
        captions = read_captions(args.captions, args.photos)
    else:
        captions = dict.fromkeys(photos.require_listing(args.photos, 0), "")
    digest = photos.digest(args.photos, list(captions))
    return (lambda: _in_memory(captions, digest)), _record(args, digest, len(captions), digests)


def _record(args: argparse.Namespace, digest: str, count: int, digests: Mapping[str, str]) -> dict[str, str]:
    print(f"{count} pictures, listing sha256 {digest}", flush=True)
    record = {"listing_sha256": digest}
    if args.captions is not None:
        record["captions_sha256"] = hashlib.sha256(args.captions.read_bytes()).hexdigest()
    return {**record, **digests}


def _in_memory(captions: Mapping[Path, str], digest: str) -> Data:
    pictures = [(photos.load(path), text) for path, text in captions.items()]

    def draw(size: int, rng: np.random.Generator) -> tuple[Pixels, str]:
        pixels, text = pictures[int(rng.integers(0, len(pictures)))]
        return photos.plain_crop(pixels, size, rng), text

    return Data(digest, len(pictures), [], [], [], lambda _process, _position: InMemory(draw))


def _texts(args: argparse.Namespace) -> Callable[[Listing], stream.Texts]:
    """Return what makes the captions of a picture: from the caption file, or those beside it in its shard."""
    table = None if args.captions is None else caption_table(args.captions)

    def of_listing(listing: Listing) -> stream.Texts:
        def texts(picture: Any) -> list[str]:
            if table is None:
                return listing.captions(picture)
            return table.get(picture.name) or table.get(PurePosixPath(picture.name).name) or []

        data.require_captions(listing, texts, args.captions or args.photos)
        return texts

    return of_listing
