# SPDX-License-Identifier: MIT
"""The pictures of a training run: all in memory, or streamed; those for training, and those for validation."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tools.train import stream
from tools.train.devices import Devices
from tools.train.listing import Listing, Picture, is_streamed, open_listing

Pixels = NDArray[np.uint8]
CAPTIONED = 1000  # pictures among which a caption is looked for
SAMPLE = 64  # pictures from which networks are initialised, if the others are streamed


class Source(Protocol):
    """Training crops of one process. start, taken and broken: its position, as in `stream.positions`."""

    start: int
    taken: int
    broken: int

    def batch(self, count: int, size: int, rng: np.random.Generator) -> tuple[Pixels, list[str]]:
        """Return crops uint8[count, size, size, C] and a caption of each, "" without any."""
        ...

    def close(self) -> None:
        """Stop background work."""
        ...


@dataclass
class InMemory:
    """Crops drawn from pictures in memory. draw: returns a crop and its caption."""

    draw: Callable[[int, np.random.Generator], tuple[Pixels, str]]
    start = taken = broken = 0

    def batch(self, count: int, size: int, rng: np.random.Generator) -> tuple[Pixels, list[str]]:
        crops, captions = zip(*(self.draw(size, rng) for _ in range(count)), strict=True)
        return np.stack(crops), list(captions)

    def close(self) -> None:
        pass


class Streamed(stream.Stream):
    """Crops of a stream. Their random numbers depend on the position in it, not on those of the step."""

    def batch(self, count: int, size: int, _rng: np.random.Generator) -> tuple[Pixels, list[str]]:
        crops = self.draw(count, size)
        return np.stack([crop.pixels for crop in crops]), [crop.caption for crop in crops]


@dataclass(frozen=True)
class Data:
    """digest: of the listing. pictures: how many there are for training. sample: all of them, or `SAMPLE` if they are
    streamed. held: those for validation. held_captions: one for each of them. source: the crops of a process, from a
    position in a checkpoint."""

    digest: str
    pictures: int
    sample: list[Pixels]
    held: list[Pixels]
    held_captions: list[str]
    source: Callable[[Devices, Mapping[str, Any] | None], Source]


def options(ap: argparse.ArgumentParser) -> None:
    """Add the options of streamed pictures to a parser."""
    group = ap.add_argument_group("streamed pictures")
    group.add_argument(
        "--stream",
        action="store_true",
        help="read the pictures of a folder while training, not all into memory; shards and lists of files always are",
    )
    group.add_argument("--workers", type=int, default=2, help="threads that decode streamed pictures")
    group.add_argument("--shuffle", type=int, default=stream.SHUFFLED, help="names in the shuffle buffer")


def option_errors(args: argparse.Namespace) -> Iterator[str]:
    """Yield an error message for every option out of range."""
    if args.workers < 0 or args.shuffle < 1:
        yield "--workers must not be negative, and --shuffle must be positive"


def streams(args: argparse.Namespace) -> bool:
    """Return whether the pictures of a run are streamed."""
    return bool(args.stream or is_streamed(args.photos))


def streamed(
    args: argparse.Namespace,
    held_out: int,
    cut: stream.Cut,
    texts: Callable[[Listing], stream.Texts] | None = None,
) -> Data:
    """Return the pictures of a listing, to be streamed. texts: makes a function that returns the captions of a picture."""
    listing = open_listing(args.photos)
    counts, held = stream.split(listing, held_out)
    captions = texts(listing) if texts is not None else None
    validation = _whole(listing, held)

    def source(devices: Devices, position: Mapping[str, Any] | None) -> Streamed:
        return Streamed(
            listing,
            counts,
            cut,
            seed=args.seed,
            buffer=args.shuffle,
            workers=args.workers,
            rank=devices.rank,
            world=devices.world,
            position=position,
            texts=captions,
        )

    return Data(
        listing.digest,
        sum(counts),
        list(first_pictures(listing, counts, args.seed, SAMPLE)),
        [pixels for pixels, _ in validation],
        [(captions(picture) or [""])[0] if captions is not None else "" for _, picture in validation],
        source,
    )


def first_pictures(listing: Listing, counts: Sequence[int], seed: int, most: int) -> Iterator[Pixels]:
    """Yield the first `most` whole pictures of the first epoch; exit if there are none."""
    found = 0
    for picture in itertools.islice(stream.epoch(listing, counts, seed, 0, 4 * most), 4 * most):
        try:
            pixels = stream.decode(listing.read(picture))
        except stream.BROKEN:
            continue
        yield pixels
        found += 1
        if found == most:
            return
    if not found:
        raise SystemExit("error: none of the first pictures of the listing can be read")


def _whole(listing: Listing, held: Sequence[Picture]) -> list[tuple[Pixels, Picture]]:
    """Return the pictures for validation that can be read; exit if none can."""
    found: list[tuple[Pixels, Picture]] = []
    for picture in held:
        try:
            found.append((stream.decode(listing.read(picture)), picture))
        except stream.BROKEN:
            print(f"{picture.name} cannot be read and is not used for validation", flush=True)
    if held and not found:
        raise SystemExit("error: none of the last pictures of the listing, which are for validation, can be read")
    return found


def require_captions(listing: Listing, texts: stream.Texts, named: Path) -> None:
    """Exit if none of the first pictures of a listing has a caption. named: where the captions were looked for."""
    pictures = itertools.chain.from_iterable(map(listing.pictures, range(len(listing.counts))))
    if not any(texts(picture) for picture in itertools.islice(pictures, CAPTIONED)):
        raise SystemExit(f"error: {named} has no caption for any of the first {CAPTIONED} pictures of the listing")


def check_place(place: Path) -> str | None:
    """Return an error message if a place is neither a folder nor the name of shards or of a list of files."""
    return None if place.is_dir() or is_streamed(place) else f"{place} is not a folder"
