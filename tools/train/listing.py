# SPDX-License-Identifier: MIT
"""Listings of training pictures that need not fit into memory: a folder, a list of files, or tar shards.

Shards follow the convention of WebDataset: members of one name up to the first dot are one sample, and stand together. A
sample has one picture, and captions in NAME.txt (one a line) or NAME.json (`caption` or `captions`). A listing keeps
paths and counts; names and bytes of the members of shards are read when they are needed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from tools.train import photos

Span = tuple[int, int]  # offset and length in bytes
LIST_SUFFIXES = (".txt", ".lst")
BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


class Picture(NamedTuple):
    """One picture: number of its shard, its name, and for a member of a shard the spans of its picture and texts."""

    shard: int
    name: str
    span: Span | None = None
    text: Span | None = None
    record: Span | None = None  # of JSON


class Listing(Protocol):
    """Pictures in a fixed order, by shard. `digest`: SHA-256 over a line `bytes  name` a picture, in that order."""

    counts: Sequence[int]  # pictures of each shard
    digest: str

    def pictures(self, shard: int) -> Iterator[Picture]:
        """Yield the pictures of a shard in order."""
        ...

    def read(self, picture: Picture) -> bytes:
        """Return the file of a picture. Raises OSError."""
        ...

    def captions(self, picture: Picture) -> list[str]:
        """Return the captions that stand beside a picture, [] without any."""
        ...


class Files:
    """Picture files, each a shard of its own, so that shuffled shards are shuffled pictures."""

    def __init__(self, root: Path, paths: Sequence[Path]) -> None:
        self.paths = paths
        self.counts: Sequence[int] = [1] * len(paths)
        self.names = [p.relative_to(root).as_posix() if p.is_relative_to(root) else p.as_posix() for p in paths]
        total = hashlib.sha256()
        for path, name in zip(paths, self.names, strict=True):
            total.update(f"{_bytes(path)}  {name}\n".encode())
        self.digest = total.hexdigest()

    def pictures(self, shard: int) -> Iterator[Picture]:
        yield Picture(shard, self.names[shard])

    def read(self, picture: Picture) -> bytes:
        return self.paths[picture.shard].read_bytes()

    def captions(self, picture: Picture) -> list[str]:
        return []


class Tars:
    """Pictures in tar shards. Each shard is scanned once for its count and the digest, by its headers alone."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        counts: list[int] = []
        total = hashlib.sha256()
        for number, path in enumerate(paths):
            count = 0
            for picture in self.pictures(number):
                assert picture.span is not None
                total.update(f"{picture.span[1]}  {path.name}/{picture.name}\n".encode())
                count += 1
            counts.append(count)
        self.counts: Sequence[int] = counts
        self.digest = total.hexdigest()

    def pictures(self, shard: int) -> Iterator[Picture]:
        """Yield the pictures of a shard; exit if it is not a complete tar archive."""
        path = self.paths[shard]
        try:
            with tarfile.open(path, "r:") as archive:
                for _, group in itertools.groupby(_members(archive), key=lambda member: _key(member.name)):
                    if (picture := _sample(shard, list(group))) is not None:
                        yield picture
        except (OSError, tarfile.TarError, EOFError) as error:
            raise SystemExit(f"error: {path} is not a complete tar archive ({error})") from error

    def read(self, picture: Picture) -> bytes:
        assert picture.span is not None
        return self._part(picture.shard, picture.span)

    def captions(self, picture: Picture) -> list[str]:
        """Return the lines of NAME.txt and the captions of NAME.json; exit if the latter is not a record with captions."""
        found: list[str] = []
        if picture.text is not None:
            text = self._part(picture.shard, picture.text).decode("utf-8", "replace")
            found += [line.strip() for line in text.splitlines() if line.strip()]
        if picture.record is not None:
            found += _record(self._part(picture.shard, picture.record), self.paths[picture.shard], picture.name)
        return found

    def _part(self, shard: int, span: Span) -> bytes:
        with self.paths[shard].open("rb") as file:
            file.seek(span[0])
            data = file.read(span[1])
        if len(data) != span[1]:
            raise OSError(f"{self.paths[shard]} ends early")
        return data


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the ordinary files of an archive, without keeping them."""
    while (member := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every header that it has read
        if member.isreg() and not member.issparse():
            yield member


def _key(name: str) -> str:
    path = PurePosixPath(name)
    return (path.parent / path.name.split(".", 1)[0]).as_posix()


def _sample(shard: int, members: Sequence[tarfile.TarInfo]) -> Picture | None:
    """Return the picture of the members of one name, the first if there are several, or None."""
    by_suffix: dict[str, tarfile.TarInfo] = {}
    for member in members:
        suffix = "." + PurePosixPath(member.name).name.rpartition(".")[2].lower()
        by_suffix.setdefault("picture" if suffix in photos.SUFFIXES else suffix, member)
    if "picture" not in by_suffix:
        return None
    spans = {name: (member.offset_data, member.size) for name, member in by_suffix.items()}
    picture = by_suffix["picture"]
    return Picture(shard, picture.name, spans["picture"], spans.get(".txt"), spans.get(".json"))


def _record(data: bytes, path: Path, name: str) -> list[str]:
    """Return the captions of a JSON record, [] without any; exit if it is malformed."""
    try:
        row = json.loads(data)
        captions = row["captions"] if "captions" in row else [row["caption"]] if "caption" in row else []
        if not isinstance(captions, list) or not all(isinstance(text, str) for text in captions):
            raise TypeError("captions are strings")
    except (ValueError, TypeError, RecursionError) as error:
        raise SystemExit(f"error: {path}: the record of {name} has no captions ({error})") from error
    return [str(text) for text in captions]


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise SystemExit(f"error: {path} cannot be read ({error.strerror})") from error


def is_streamed(place: Path) -> bool:
    """Return whether pictures of a place can only be streamed: shards, a list of files, or a folder with shards."""
    if place.is_dir():
        return any(place.glob("*.tar"))
    return place.suffix == ".tar" or place.suffix in LIST_SUFFIXES


def open_listing(place: Path) -> Listing:
    """Return the listing of a folder of pictures or shards, a list of files, or shards such as `set-{000..009}.tar`.

    A list of files has a path on each line, relative to its folder. Exits if there are no pictures.
    """
    if place.is_dir():
        shards = sorted(place.glob("*.tar"))
        found: Listing = Tars(shards) if shards else Files(place, photos.listing(place))
    elif place.suffix == ".tar":
        found = Tars(_expanded(place))
    else:
        found = _listed(place)
    if not sum(found.counts):
        raise SystemExit(f"error: {place} has no pictures")
    return found


def _expanded(place: Path) -> list[Path]:
    """Return the paths of a pattern with one range in braces, or the path itself; exit if one is missing."""
    pattern = str(place)
    ranges = BRACES.search(pattern)
    paths = [place]
    if ranges is not None:
        first, last, width = int(ranges[1]), int(ranges[2]), len(ranges[1])
        paths = [Path(BRACES.sub(f"{n:0{width}d}", pattern, count=1)) for n in range(first, last + 1)]
    for path in paths:
        _bytes(path)
    return paths


def _listed(place: Path) -> Listing:
    try:
        lines = [line.strip() for line in place.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"error: {place} is neither a folder nor a list of files ({error})") from error
    paths = [place.parent / line for line in lines if line]
    shards = [path for path in paths if path.suffix == ".tar"]
    if not shards:
        return Files(place.parent, paths)
    if len(shards) != len(paths):
        raise SystemExit(f"error: {place} names both shards and pictures")
    return Tars(shards)
