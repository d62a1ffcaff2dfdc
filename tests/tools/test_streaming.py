# SPDX-License-Identifier: MIT
"""Training pictures that are streamed: listings, their order, positions, threads, processes, and pictures that are broken."""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from tools.train import photos, stream
from tools.train.listing import Files, Picture, Tars, is_streamed, open_listing


def encoded(number: int, side: int = 20, form: str = "PNG") -> bytes:
    """A picture of one colour, which is its number."""
    out = io.BytesIO()
    Image.fromarray(np.full((side, side + number % 3, 3), number, np.uint8)).save(out, form)
    return out.getvalue()


def shard(path: Path, members: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Three shards of 7, 5 and 1 pictures, numbered from 0, with texts, a record, a label and a text without picture."""
    number = 0
    for k, count in enumerate((7, 5, 1)):
        members: list[tuple[str, bytes]] = [("notes.txt", b"of no picture")]
        for _ in range(count):
            key = f"train/{number:04d}"
            if number % 2:
                members.append((f"{key}.txt", f"picture {number}\n\nnumber {number}\n".encode()))
            members.append((f"{key}.png", encoded(number)))
            if number % 3 == 0:
                members.append((f"{key}.json", json.dumps({"captions": [f"record {number}"], "url": 1}).encode()))
            members.append((f"{key}.cls", b"3"))
            number += 1
        shard(tmp_path / f"set-{k:03d}.tar", members)
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirteen pictures in subfolders."""
    root = tmp_path / "pictures"
    for number in range(13):
        path = root / "ab"[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(number))
    return root


def whole(pic: Any, size: int, rng: np.random.Generator) -> Any:
    """A crop that says which picture it is of, how large it is, and which random number it had."""
    return np.array([pic[0, 0, 0], size, rng.integers(256)], np.uint8)


def made(listing: Any, counts: Any = None, **more: Any) -> stream.Stream:
    return stream.Stream(listing, listing.counts if counts is None else counts, whole, seed=1, **more)


def drawn(source: stream.Stream, count: int, size: int = 8) -> list[list[int]]:
    return [[int(v) for v in crop.pixels] for crop in source.draw(count, size)]


# --- listings ------------------------------------------------------------------------------------------------------


def test_shards_are_listed_with_their_captions(shards: Path) -> None:
    listing = open_listing(shards)
    assert isinstance(listing, Tars)
    assert listing.counts == [7, 5, 1]
    pictures = [p for k in range(3) for p in listing.pictures(k)]
    assert [stream.decode(listing.read(p))[0, 0, 0] for p in pictures] == list(range(13))
    assert [p.name for p in pictures[:2]] == ["train/0000.png", "train/0001.png"]
    assert listing.captions(pictures[0]) == ["record 0"]
    assert listing.captions(pictures[1]) == ["picture 1", "number 1"]
    assert listing.captions(pictures[2]) == []
    assert listing.captions(pictures[3]) == ["picture 3", "number 3", "record 3"]


def test_ways_to_name_shards(shards: Path) -> None:
    whole_set = open_listing(shards)
    assert open_listing(shards / "set-{000..002}.tar").digest == whole_set.digest
    (shards / "list.txt").write_text("set-000.tar\n\nset-001.tar\nset-002.tar\n")
    assert open_listing(shards / "list.txt").digest == whole_set.digest
    assert open_listing(shards / "set-001.tar").counts == [5]
    with pytest.raises(SystemExit, match=r"set-003.tar cannot be read"):
        open_listing(shards / "set-{000..003}.tar")
    (shards / "list.txt").write_text("set-000.tar\na.png\n")
    with pytest.raises(SystemExit, match="both shards and pictures"):
        open_listing(shards / "list.txt")
    with pytest.raises(SystemExit, match="neither a folder nor a list"):
        open_listing(shards / "missing")


def test_folders_and_lists_of_pictures(folder: Path, tmp_path: Path) -> None:
    listing = open_listing(folder)
    assert isinstance(listing, Files)
    assert listing.names == [p.relative_to(folder).as_posix() for p in photos.listing(folder)]
    (tmp_path / "list.txt").write_text("pictures/a/00.png\npictures/b/01.png\n")
    few = open_listing(tmp_path / "list.txt")
    assert [stream.decode(few.read(next(few.pictures(k))))[0, 0, 0] for k in range(2)] == [0, 1]
    (tmp_path / "list.txt").write_text("pictures/a/99.png\n")
    with pytest.raises(SystemExit, match=r"99.png cannot be read"):
        open_listing(tmp_path / "list.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="has no pictures"):
        open_listing(tmp_path / "empty")


def test_what_is_streamed_without_being_asked_for(shards: Path, folder: Path) -> None:
    assert [is_streamed(p) for p in (shards, shards / "set-{0..2}.tar", shards / "a.txt")] == [True] * 3
    assert not is_streamed(folder)
    assert not is_streamed(folder / "missing")


def test_the_digest_names_the_pictures_and_their_order(shards: Path, folder: Path) -> None:
    before, of_files = open_listing(shards).digest, open_listing(folder).digest
    assert len(before) == 64
    (shards / "set-002.tar").rename(shards / "set-003.tar")
    assert open_listing(shards).digest != before
    (folder / "a" / "00.png").write_bytes(encoded(0) + b"\0")
    assert open_listing(folder).digest != of_files


@pytest.mark.parametrize("cut", [300, 3000])
def test_a_shard_that_ends_early_is_an_error_before_training(shards: Path, cut: int) -> None:
    data = (shards / "set-001.tar").read_bytes()
    (shards / "set-001.tar").write_bytes(data[:cut])
    with pytest.raises(SystemExit, match=r"set-001.tar is not a complete tar archive"):
        open_listing(shards)


@pytest.mark.parametrize("record", [b"{", b"[]", b'{"captions": "text"}', b'{"captions": [3]}', b'{"caption": 3}'])
def test_a_malformed_record_is_an_error(tmp_path: Path, record: bytes) -> None:
    shard(tmp_path / "a.tar", [("1.png", encoded(1)), ("1.json", record)])
    listing = open_listing(tmp_path / "a.tar")
    if record == b"[]":  # a record without captions
        assert listing.captions(next(listing.pictures(0))) == []
        return
    with pytest.raises(SystemExit, match="has no captions"):
        listing.captions(next(listing.pictures(0)))


def test_links_and_odd_members_of_a_shard_are_no_pictures(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"{kind!r}.png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("good.v2.PNG")
        info.size = len(encoded(5))
        archive.addfile(info, io.BytesIO(encoded(5)))
    listing = open_listing(tmp_path / "a.tar")
    assert [p.name for p in listing.pictures(0)] == ["good.v2.PNG"]


# --- order and positions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("buffer", [3, 8, 100])
@pytest.mark.parametrize("place", ["shards", "folder"])
def test_every_epoch_has_every_picture_once_in_an_order_of_its_own(
    shards: Path, folder: Path, place: str, buffer: int
) -> None:
    listing = open_listing(shards if place == "shards" else folder)
    orders = [[p.name for p in stream.epoch(listing, listing.counts, 1, n, buffer)] for n in range(3)]
    assert all(Counter(order) == Counter(orders[0]) and len(order) == 13 for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert orders[1] == [p.name for p in stream.epoch(listing, listing.counts, 1, 1, buffer)]
    assert orders[1] != [p.name for p in stream.epoch(listing, listing.counts, 2, 1, buffer)]


def test_held_out_pictures_are_the_last_and_never_drawn(shards: Path) -> None:
    listing = open_listing(shards)
    counts, held = stream.split(listing, 4)
    assert counts == [7, 2, 0]
    assert [stream.decode(listing.read(p))[0, 0, 0] for p in held] == [9, 10, 11, 12]
    source = made(listing, counts)
    assert {crop[0] for crop in drawn(source, 60)} == set(range(9))
    source.close()
    with pytest.raises(SystemExit, match="at least 14 are needed"):
        stream.split(listing, 13)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_crops_do_not_depend_on_threads_or_batches(shards: Path, workers: int) -> None:
    listing = open_listing(shards)
    expected = drawn(made(listing, workers=0), 30)
    source = made(listing, workers=workers)
    found = [crop for count in (1, 7, 2, 20) for crop in drawn(source, count)]
    source.close()
    assert found == expected


@pytest.mark.parametrize("workers", [0, 3])
def test_crops_have_the_side_that_is_wanted_when_it_changes(shards: Path, workers: int) -> None:
    source = made(open_listing(shards), workers=workers)
    sides = [[crop[1] for crop in drawn(source, 3, size)] for size in (8, 8, 16, 8)]
    source.close()
    assert sides == [[8] * 3, [8] * 3, [16] * 3, [8] * 3]


@pytest.mark.parametrize("stop", [0, 5, 13, 29])
def test_a_stream_goes_on_at_its_position(shards: Path, stop: int) -> None:
    listing = open_listing(shards)
    expected = drawn(made(listing, workers=0, buffer=4), 40)
    first = made(listing, buffer=4)
    before = drawn(first, stop)
    first.close()
    state = stream.positions(first.start, [first.taken], [first.broken])
    second = made(listing, buffer=4, position=json.loads(json.dumps(state)))
    assert before + drawn(second, 40 - stop) == expected
    second.close()


def test_processes_share_the_sequence(shards: Path) -> None:
    listing = open_listing(shards)
    alone = drawn(made(listing, workers=0), 24)
    sources = [made(listing, workers=0, rank=r, world=3) for r in range(3)]
    parts = [drawn(source, 8) for source in sources]
    assert [crop for row in zip(*parts, strict=True) for crop in row] == alone
    state = stream.positions(0, [s.taken for s in sources], [s.broken for s in sources])
    again = [drawn(made(listing, workers=0, rank=r, world=3, position=state), 1)[0] for r in range(3)]
    assert again == drawn(made(listing, workers=0), 27)[24:]
    fewer = made(listing, workers=0, position=state)  # by another number of processes: after all that were taken
    assert drawn(fewer, 3) == again


# --- broken pictures, captions, memory -----------------------------------------------------------------------------


def test_broken_pictures_are_skipped_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = {2: b"no picture", 5: encoded(5)[:40], 7: b""}
    shard(tmp_path / "a.tar", [(f"{n}.png", bad.get(n, encoded(n))) for n in range(9)])
    source = made(open_listing(tmp_path))
    assert {crop[0] for crop in drawn(source, 6)} == {0, 1, 3, 4, 6, 8}
    assert drawn(source, 1)  # of the next epoch
    source.close()
    assert source.broken >= 3 or source.taken < 9
    assert "2.png cannot be read and is skipped" in capsys.readouterr().out
    state = stream.positions(0, [source.taken], [source.broken])
    assert made(open_listing(tmp_path), position=state).broken == source.broken


def test_broken_pictures_do_not_change_the_crops_of_the_others(tmp_path: Path) -> None:
    shard(tmp_path / "a.tar", [(f"{n}.png", encoded(n)) for n in range(9)])
    before = drawn(made(open_listing(tmp_path / "a.tar"), workers=0), 9)
    shard(tmp_path / "a.tar", [(f"{n}.png", b"x" if n == 4 else encoded(n)) for n in range(9)])
    after = drawn(made(open_listing(tmp_path / "a.tar")), 8)
    assert after == [crop for crop in before if crop[0] != 4]


def test_a_listing_of_broken_pictures_alone_is_an_error(tmp_path: Path) -> None:
    shard(tmp_path / "a.tar", [(f"{n}.png", b"x") for n in range(5)])
    with pytest.raises(SystemExit, match="no picture of the listing can be read"):
        drawn(made(open_listing(tmp_path)), 1)


def test_captions_are_drawn_with_the_crops(shards: Path) -> None:
    listing = open_listing(shards)
    source = made(listing, texts=listing.captions)
    crops = source.draw(200, 8)
    source.close()
    by_picture: dict[int, set[str]] = {}
    for crop in crops:
        by_picture.setdefault(int(crop.pixels[0]), set()).add(crop.caption)
    assert by_picture[3] == {"picture 3", "number 3", "record 3"}
    assert by_picture[2] == {""}


def test_few_pictures_are_read_ahead_and_few_names_kept(tmp_path: Path) -> None:
    class Counted(Files):
        reads = names = 0

        def pictures(self, shard: int) -> Any:
            Counted.names += 1
            return super().pictures(shard)

        def read(self, picture: Picture) -> bytes:
            Counted.reads += 1
            return super().read(picture)

    for number in range(200):
        (tmp_path / f"{number:03d}.png").write_bytes(encoded(number))
    listing = Counted(tmp_path, photos.listing(tmp_path))
    source = made(listing, workers=2, buffer=20)
    drawn(source, 5)
    source.close()
    assert Counted.reads <= 5 + 8
    assert Counted.names <= 20 + 5 + 8 + 1


def test_a_scan_does_not_keep_the_headers_of_a_shard(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    real = tarfile.TarFile.next

    def counted(archive: tarfile.TarFile) -> Any:
        member = real(archive)
        kept.append(len(archive.getmembers.__self__.members))  # type: ignore[attr-defined]
        return member

    monkeypatch.setattr(tarfile.TarFile, "next", counted)
    assert open_listing(shards).counts == [7, 5, 1]
    assert max(kept) <= 2
