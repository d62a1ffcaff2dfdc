# SPDX-License-Identifier: MIT
"""Crops of pictures that are read while training: shuffled, decoded by threads, the same for any number of them.

The order of a run is one endless sequence, epoch after epoch: shards in random order, then a shuffle buffer of names.
Process r of w takes every w-th picture from the r-th on. The crop of a picture depends on the seed and on its number in the
sequence alone, so that a run goes on at a recorded position with the crops that it would have had.
"""

from __future__ import annotations

import io
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.train.listing import Listing, Picture

Pixels = NDArray[np.uint8]
Cut = Callable[[Pixels, int, np.random.Generator], Pixels]  # picture, side of the crop, random numbers
Texts = Callable[[Picture], list[str]]
SHUFFLED = 10_000  # names in the shuffle buffer
SHOWN = 10  # broken pictures that are named
BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


class Crop(NamedTuple):
    pixels: Pixels
    caption: str


class _Job(NamedTuple):
    """A picture of the sequence, whose crop of a side is made in the background, if at all."""

    number: int
    picture: Picture
    size: int
    crop: Future[Crop | None] | None


def split(listing: Listing, held_out: int) -> tuple[list[int], list[Picture]]:
    """Return how many pictures of each shard are for training, and the last `held_out` of the listing.

    Exits if no picture would be left to train on.
    """
    total = sum(listing.counts)
    if total <= held_out:
        raise SystemExit(
            f"error: the listing has {total} pictures; at least {held_out + 1} are needed, of which {held_out} are held out"
        )
    counts, tails, left = list(listing.counts), list[list[Picture]](), held_out
    for shard in range(len(counts) - 1, -1, -1):
        if not left:
            break
        taken = min(left, counts[shard])
        counts[shard] -= taken
        left -= taken
        tails.insert(0, list(itertools.islice(listing.pictures(shard), counts[shard], None)))
    return counts, [picture for tail in tails for picture in tail]


def epoch(listing: Listing, counts: Sequence[int], seed: int, number: int, buffer: int = SHUFFLED) -> Iterator[Picture]:
    """Yield every training picture once, in the order of an epoch. At most `buffer` names are kept."""
    rng = np.random.default_rng((seed, number))
    kept: list[Picture] = []
    for shard in rng.permutation(len(counts)):
        for picture in itertools.islice(listing.pictures(int(shard)), counts[shard]):
            if len(kept) < buffer:
                kept.append(picture)
                continue
            i = int(rng.integers(buffer))
            yield kept[i]
            kept[i] = picture
    for i in rng.permutation(len(kept)):
        yield kept[i]


def decode(data: bytes) -> Pixels:
    """Return a picture uint8[H, W, 3]. Raises one of `BROKEN` if Pillow cannot read it."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


class Stream:
    """Random crops of one process. Broken pictures are skipped, counted and the first of them named."""

    def __init__(
        self,
        listing: Listing,
        counts: Sequence[int],
        cut: Cut,
        *,
        seed: int,
        buffer: int = SHUFFLED,
        workers: int = 2,
        rank: int = 0,
        world: int = 1,
        position: Mapping[str, Any] | None = None,
        texts: Texts | None = None,
    ) -> None:
        """position: from `positions`. texts: the captions of a picture, of which one is drawn for each crop."""
        self.listing, self.counts, self.cut, self.texts = listing, counts, cut, texts
        self.seed, self.buffer, self.rank, self.world = seed, buffer, rank, world
        self.start, self.taken, self.broken = _resumed(position, rank, world)
        self.pictures = sum(counts)
        self._pool = ThreadPoolExecutor(workers) if workers else None
        self._ahead, self._jobs = 4 * workers, deque[_Job]()
        self._numbers = self._sequence(self.start + self.taken * world + rank)

    def _sequence(self, start: int) -> Iterator[tuple[int, Picture]]:
        """Yield the pictures of this process with their numbers in the sequence of all."""
        first, skipped = divmod(start, self.pictures)
        number, wanted = start - skipped, start
        for part in itertools.count(first):
            for picture in epoch(self.listing, self.counts, self.seed, part, self.buffer):
                if number == wanted:
                    yield number, picture
                    wanted += self.world
                number += 1

    def draw(self, count: int, size: int) -> list[Crop]:
        """Return crops of a side from the next pictures that are whole; exit if none of an epoch is."""
        crops: list[Crop] = []
        failed = 0
        while len(crops) < count:
            self._refill(size, max(1, count))
            job = self._jobs.popleft()
            same = job.crop is not None and job.size == size
            crop = job.crop.result() if same and job.crop is not None else self._made(job.number, job.picture, size)
            self.taken += 1
            if crop is None:
                self._count(job.picture)
                failed += 1
                if failed > self.pictures:
                    raise SystemExit("error: no picture of the listing can be read")
                continue
            failed = 0
            crops.append(crop)
        return crops

    def _refill(self, size: int, count: int) -> None:
        """Start on the next pictures."""
        while len(self._jobs) < max(1, min(self._ahead, 4 * count)):
            number, picture = next(self._numbers)
            crop = None if self._pool is None else self._pool.submit(self._made, number, picture, size)
            self._jobs.append(_Job(number, picture, size, crop))

    def _made(self, number: int, picture: Picture, size: int) -> Crop | None:
        """Return the crop of a picture, None if it cannot be read."""
        rng = np.random.default_rng((self.seed, number, 1))
        try:
            pixels = self.cut(decode(self.listing.read(picture)), size, rng)
        except BROKEN:
            return None
        texts = self.texts(picture) if self.texts is not None else []
        return Crop(pixels, texts[int(rng.integers(len(texts)))] if texts else "")

    def _count(self, picture: Picture) -> None:
        self.broken += 1
        if self.broken <= SHOWN:
            print(f"{picture.name} cannot be read and is skipped", flush=True)

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def positions(start: int, taken: Sequence[int], broken: Sequence[int]) -> dict[str, Any]:
    """Return the position of all processes, from the pictures that each has taken since `start`, for a checkpoint."""
    return {"start": start, "taken": list(taken), "broken": list(broken)}


def _resumed(position: Mapping[str, Any] | None, rank: int, world: int) -> tuple[int, int, int]:
    """Return (start, taken, broken) of a process; with another number of processes, after the last picture of all."""
    if position is None:
        return 0, 0, 0
    taken, broken = position["taken"], position["broken"]
    if len(taken) == world:
        return position["start"], taken[rank], broken[rank]
    return position["start"] + max(taken) * len(taken), 0, sum(broken) if rank == 0 else 0
