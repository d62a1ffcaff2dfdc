# SPDX-License-Identifier: MIT
"""Sections taken away, cut off and added: the others keep their bytes, their checks hold, and unknown ones obey R-051."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool, contents, refused, valid
from default_environment import default_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, PngImagePlugin
from strategies import containers

from refcodec import SemError, codec, editing, spec
from refcodec.assemble import header_of, section_of
from refcodec.container import Container, Section, assemble, bound_header, read, section_check, write
from refcodec.decoder import decode_file, payload
from refcodec.images.without_metadata import without_metadata
from refcodec.networks import package_cache
from tools.fuzz.target import MODELS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("place", "private_rows")

SIZE = (100, 70)
UNSAFE, SAFE = 0x15, 0x55  # unknown ancillary sections; the latter may be copied
INDICES, CODES, CAPTION = np.array([[1, 2], [3, 255]]), list(range(16)), "A cat on a mat."
relaxed = settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))


def made(check: int = 16, **symbols: Any) -> bytes:
    return codec.encode_file(None, size=SIZE, check=check, **symbols).data


def with_unknown(data: bytes) -> bytes:
    """The file with an unknown section that is safe to copy and one that is not."""
    container = read(data)
    header = container.header
    unknown = [section_of(header, header.model_digest(), number, b"?", b"?") for number in (UNSAFE, SAFE)]
    return write(assemble(header, [*container.sections, *unknown]))


def parts(data: bytes) -> dict[int, tuple[bytes, bytes]]:
    """Type -> body and check."""
    return {section.type: (section.body, section.check) for section in read(data).sections}


def must_go(types: set[int]) -> set[int]:
    """Those of R-051, where a critical section changes."""
    return {t for t in types if t < 0x80 and t not in spec.ANCILLARY and not t & 0x40}


@pytest.fixture(scope="module")
def file_of_rows(private_rows: None) -> str:
    return os.environ["SEM_REGISTRY"]


@pytest.fixture
def rows(file_of_rows: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry rows of `containers`."""
    monkeypatch.setenv("SEM_REGISTRY", file_of_rows)


# --- what is left is what was there ------------------------------------------------------------------------------


@relaxed
@given(containers(), st.data())
def test_strip_leaves_the_others_as_they_are(rows: None, container: Container, data: st.DataObject) -> None:
    have = {section.type for section in container.sections}
    gone = data.draw(st.sets(st.sampled_from(sorted(have))))
    dropped = must_go(have - gone) if any(t >= 0x80 for t in gone) else set()
    kept = have - gone - dropped
    if not kept:
        with pytest.raises(ValueError, match="nothing would be left"):
            editing.strip(container, gone)
        return
    edited = editing.strip(container, gone)
    before = {section.type: (section.body, section.check) for section in container.sections}
    assert parts(edited.data) == {t: before[t] for t in kept}
    assert set(edited.dropped) == dropped
    after = read(edited.data)
    assert after.complete
    assert after.header.sectioned == (kept != {0x80 | container.profile.compact})
    assert bound_header(after.header) == bound_header(container.header)
    missing = next(t for t in range(256) if t not in have)
    with pytest.raises(ValueError, match="has no section"):
        editing.strip(container, {missing})


@relaxed
@given(containers(), st.data())
def test_add_gives_back_what_strip_took(rows: None, container: Container, data: st.DataObject) -> None:
    some = data.draw(st.sets(st.sampled_from([section.type for section in container.sections]), min_size=1))
    taken = [section for section in container.sections if section.type in some]
    try:
        edited = editing.strip(container, some)
    except ValueError:
        return
    again = editing.add(read(edited.data), taken)
    before = {section.type: (section.body, section.check) for section in container.sections}
    if any(section.critical for section in taken):  # those of them that are unknown and unsafe go as well
        before = {t: part for t, part in before.items() if t not in must_go({t})}
    assert parts(again.data) == before
    with pytest.raises(ValueError, match=r"has a section .* already"):
        editing.add(
            read(again.data),
            [section for section in taken if section.type in before] or list(read(again.data).sections),
        )
    section = read(again.data).sections[0]
    other = Section(section.type, b"", section.check)
    replaced = editing.add(read(again.data), [other], replacing=True)
    assert parts(replaced.data)[section.type] == (b"", section.check)


@relaxed
@given(containers(), st.integers(1, 12), st.integers(1, 300))
def test_cut_is_the_beginning_of_the_file(rows: None, container: Container, sections: int, limit: int) -> None:
    whole = write(container)
    if not container.header.sectioned:
        with pytest.raises(ValueError, match="compact file"):
            editing.cut(container, sections=sections)
        return
    container, width = read(whole), container.header.check_bits // 8
    ends = [part.body_offset + len(part.body) + width for part in container.sections]
    for limits, keep in (
        ({"sections": sections}, min(sections, len(ends))),
        ({"limit": limit}, sum(end <= limit for end in ends)),
        ({"sections": sections, "limit": limit}, min(sections, sum(end <= limit for end in ends))),
    ):
        if keep == 0:
            with pytest.raises(ValueError, match="not even the first"):
                editing.cut(container, **limits)
            continue
        edited = editing.cut(container, **limits)
        assert edited.data == whole[: ends[keep - 1]]
        assert read(edited.data).complete == (keep == container.header.count)


# --- rules -------------------------------------------------------------------------------------------------------


def test_unknown_sections_that_are_not_safe_to_copy_go_with_the_change() -> None:
    data = with_unknown(made(indices=INDICES, caption=CAPTION, metadata={"a": "b"}))
    container = read(data)
    assert editing.strip(container, {0x82}).dropped == (UNSAFE,)
    assert editing.strip(container, {spec.METADATA}).dropped == ()
    assert editing.strip(container, {0x82, UNSAFE}).dropped == ()
    header = container.header
    note = section_of(header, None, spec.PROVENANCE, b"", b"")
    assert editing.add(container, [note]).dropped == ()
    codes = read(made(codes=CODES)).sections
    changed = editing.add(container, codes)
    assert changed.dropped == (UNSAFE,)
    assert set(parts(changed.data)) == {0x82, 0x84, 0x85, spec.METADATA, SAFE}
    assert decode_file(changed.data).state == "ok"
    assert editing.cut(container, sections=2).dropped == ()  # a cut file is a part of the file, and no other one


@pytest.mark.parametrize("check", [0, 16, 32])
def test_compact_and_sectioned_forms(check: int) -> None:
    """A check is that of its section, in whatever form the file is."""
    compact = made(check, indices=INDICES)
    note = codec.encode_file(None, size=SIZE, check=check, indices=INDICES, metadata={"a": "b"}).data
    sections = [section for section in read(note).sections if section.type == spec.METADATA]
    added = editing.add(read(compact), sections).data
    assert added == note
    assert editing.strip(read(note), {spec.METADATA}).data == compact
    caption = made(check, caption=CAPTION, method="perco")
    whole = editing.add(read(compact), read(caption).sections).data
    assert whole == made(check, indices=INDICES, caption=CAPTION)
    assert decode_file(whole).state == ("ok" if check else "absent")
    assert editing.strip(read(whole), {0x85}).data == caption
    assert editing.strip(read(whole), {0x82}).data == compact
    alone = editing.strip(read(note), {0x85}).data
    assert read(alone).header.sectioned
    with pytest.raises(ValueError, match="nothing would be left"):
        editing.strip(read(compact), {0x85})


def test_sections_that_cannot_stand_there() -> None:
    container = read(made(text="ct"))
    row = container.profile
    check = section_check(row, None, container.header, 0x87, b"", 16)
    with pytest.raises(SemError) as caught:
        editing.add(container, [Section(0x87, b"", check)])
    assert caught.value.code == 303
    with pytest.raises(SemError) as caught:
        editing.add(container, [Section(0x88, b"", check)])
    assert caught.value.code in (303, 703)
    many = [Section(0x40 | n, b"", check) for n in range(20) if 0x40 | n not in spec.ANCILLARY]
    with pytest.raises(SemError) as caught:
        editing.add(container, many)
    assert caught.value.code == 603
    assert len(read(editing.add(container, many, level=2).data, level=2).sections) == 20
    with pytest.raises(ValueError, match=r"header and sections .* contradict|check"):
        editing.add(container, [Section(0x43, b"", b"")])  # without the check that the header announces


def test_nothing_that_stays_is_decoded() -> None:
    """Bodies and checks that are wrong are none of an editor's business."""
    whole = made(indices=INDICES, caption=CAPTION, metadata={"a": "b"})
    container = read(whole)
    broken = [
        Section(section.type, b"\xff" * 9, b"\0\0") if section.critical else section for section in container.sections
    ]
    data = write(assemble(container.header, broken))
    assert parts(editing.strip(read(data), {spec.METADATA}).data) == dict.fromkeys((0x82, 0x85), (b"\xff" * 9, b"\0\0"))


def test_incomplete_files() -> None:
    whole = made(indices=INDICES, caption=CAPTION, codes=CODES, metadata={"a": "b"})
    cut = read(editing.cut(read(whole), sections=2).data)
    assert (cut.complete, [section.type for section in cut.sections]) == (False, [0x82, 0x84])
    assert parts(editing.cut(cut, sections=1).data) == {0x82: parts(whole)[0x82]}
    missing = [section for section in read(whole).sections if section.type not in (0x82, 0x84)]
    assert editing.add(cut, missing).data == whole


@pytest.mark.parametrize(
    ("name", "number"),
    [("consonant", 0x81), ("elic", 0x87), ("provenance", 1), ("hints", 2), ("thumbnail", 4), ("metadata", 0x43), ("0x55", 0x55), ("21", 21), ("0", 0)],
)  # fmt: skip
def test_names_of_sections(name: str, number: int) -> None:
    assert editing.type_named(name) == number


@pytest.mark.parametrize("name", ["", "words", "256", "-1", "0x", "0x100", "1.0", "٣x", "010", "CAPTION"])
def test_what_names_no_section(name: str) -> None:
    with pytest.raises(ValueError, match="is not a section: there are consonant"):
        editing.type_named(name)


# --- the command line --------------------------------------------------------------------------------------------


@pytest.fixture
def files(place: Path) -> Path:
    """whole.sem with everything, grid.sem in compact form, and what can be added to them."""
    notes: dict[str, Any] = {"metadata": {"a": "b"}, "provenance": True, "hints": {"seed": "1"}}
    Path("whole.sem").write_bytes(with_unknown(made(indices=INDICES, caption=CAPTION, **notes)))
    Path("grid.sem").write_bytes(made(indices=INDICES))
    Path("words.sem").write_bytes(made(caption=CAPTION, method="perco"))
    Path("other.sem").write_bytes(codec.encode_file(None, size=(9, 9), method="perco", caption="x").data)
    np.save("codes.npy", np.array(CODES))
    np.save("grid.npy", INDICES)
    for name, size in (("small.png", 8), ("small.jpg", 8), ("small.webp", 8)):
        Image.new("RGB", (size, size)).save(name)
    Path("empty").write_bytes(b"")
    Path("text").write_text("no picture")
    return place


def edited(done: Any, target: str = "x.sem") -> dict[str, Any]:
    """The object of an edit that went well, whose file is intact."""
    assert done.status == 0, done.err
    valid("edit", done.json)
    assert done.json["file"] == target
    assert done.json["bytes"] == Path(target).stat().st_size
    assert decode_file(Path(target).read_bytes()).state == "ok"
    result: dict[str, Any] = done.json
    return result


def test_truncate_is_cut(semtool: Semtool, files: Path) -> None:
    cut, truncated = (semtool(name, "whole.sem", "-o", "-", "--sections", "1") for name in ("cut", "truncate"))
    assert (cut.status, cut.out) == (truncated.status, truncated.out)
    assert cut.status == 0


def test_strip(semtool: Semtool, files: Path) -> None:
    before = parts(Path("whole.sem").read_bytes())
    said = edited(semtool("strip", "whole.sem", "-o", "x.sem", "--json"))
    assert said["sections"] == ["caption", "vq", "hints", "0x15", "0x55"]  # nobody is named any more
    assert parts(Path("x.sem").read_bytes()) == {t: before[t] for t in (0x82, 0x85, 2, UNSAFE, SAFE)}
    said = edited(semtool("strip", "whole.sem", "-o", "x.sem", "--ancillary", "--json"))
    assert said["sections"] == ["caption", "vq"]
    gone = semtool("strip", "whole.sem", "-o", "x.sem", "--section", "caption", "--section", "0x43", "--json")
    assert edited(gone)["dropped"] == ["0x15"]
    assert gone.line == "note: section 0x15 is unknown and not safe to copy: it was removed with the change"
    edited(semtool("strip", "whole.sem", "-o", "x.sem", "--section", "caption", "--ancillary", "--json"))
    assert Path("x.sem").read_bytes() == Path("grid.sem").read_bytes()
    plain = semtool("strip", "x.sem", "-o", "y.sem")
    assert (plain.status, plain.text) == (0, f"y.sem: {Path('grid.sem').stat().st_size} bytes, vq\n")
    assert Path("y.sem").read_bytes() == Path("grid.sem").read_bytes()  # nothing there that would have to go


def test_cut(semtool: Semtool, files: Path) -> None:
    whole = Path("whole.sem").read_bytes()
    for n in range(1, 8):
        said = edited(semtool("cut", "whole.sem", "-o", "x.sem", "--sections", str(n), "--json"))
        assert said["complete"] == (n == 7)
        assert whole.startswith(Path("x.sem").read_bytes())
        same = edited(semtool("cut", "whole.sem", "-o", "y.sem", "--bytes", str(said["bytes"]), "--json"), "y.sem")
        assert same["sections"] == said["sections"]
    semtool("cut", "whole.sem", "-o", "x.sem", "--sections", "2")
    assert semtool("verify", "x.sem").text == "x.sem: valid, canonical, check ok, level 1, incomplete\n"
    assert semtool("cut", "x.sem", "-o", "y.sem", "--sections", "2").text.endswith(
        " bytes, provenance, caption, incomplete\n"
    )
    shown = semtool("decode", "x.sem", "--symbols", "--json")
    valid("decode", shown.json)
    assert (shown.json["what"], shown.json["complete"]) == ("caption", False)


def test_add(semtool: Semtool, files: Path) -> None:
    said = edited(semtool("add", "grid.sem", "-o", "x.sem", "--caption", CAPTION, "--json"))
    assert said["sections"] == ["caption", "vq"]
    assert Path("x.sem").read_bytes() == made(indices=INDICES, caption=CAPTION)
    edited(semtool("add", "words.sem", "-o", "x.sem", "--indices", "grid.npy", "--json"))
    assert Path("x.sem").read_bytes() == made(indices=INDICES, caption=CAPTION)
    everything = [
        "--codes",
        "codes.npy",
        "--caption",
        CAPTION,
        "--metadata",
        "a=b",
        "--provenance",
        "by=me",
        "--hint",
        "seed=1",
    ]
    said = edited(semtool("add", "grid.sem", "-o", "x.sem", *everything, "--thumbnail", "small.png", "--json"))
    assert said["sections"] == ["provenance", "caption", "pq", "vq", "hints", "thumbnail", "metadata"]
    values = {section.kind: section.value for section in payload(Path("x.sem").read_bytes()).sections}
    assert values["provenance"] == {"by": "me"}
    assert values["thumbnail"] == Path("small.png").read_bytes().hex()
    assert values["pq"] == CODES
    valid("payload", semtool("payload", "x.sem", "--json").json)
    valid("inspect", semtool("inspect", "x.sem", "--json").json)
    for name in ("small.jpg", "small.webp"):
        edited(semtool("add", "grid.sem", "-o", "y.sem", "--thumbnail", name, "--json"), "y.sem")
    more = semtool("add", "x.sem", "-o", "y.sem", "--caption", "Another one.", "--replace", "--mode", "raw", "--json")
    assert edited(more, "y.sem")["sections"] == said["sections"]
    before, after = parts(Path("x.sem").read_bytes()), parts(Path("y.sem").read_bytes())
    assert {t for t in before if before[t] != after[t]} == {0x82}
    edited(semtool("add", "grid.sem", "-o", "z.sem", "--from", "words.sem", "--json"), "z.sem")
    assert Path("z.sem").read_bytes() == made(indices=INDICES, caption=CAPTION)


def test_streams(semtool: Semtool, files: Path) -> None:
    whole = Path("whole.sem").read_bytes()
    for args in (["strip"], ["cut", "--sections", "2"], ["add", "--codes", "codes.npy"]):
        semtool(args[0], "whole.sem", "-o", "x.sem", *args[1:])
        piped = semtool(args[0], "-", "-o", "-", *args[1:], stdin=whole)
        assert piped.out == Path("x.sem").read_bytes()
        assert piped.err.splitlines()[-1].startswith("-: ")
        said = semtool(args[0], "-", "-o", "-", *args[1:], "--json", stdin=whole).err
        valid("edit", json.loads(said[said.index("{") :]))


def test_models_of_the_file(semtool: Semtool, files: Path) -> None:
    """Symbols are added by the model that the file names, wherever it lies, and by no other."""
    indices = np.array([[5, 0], [1, 2], [3, 4]])
    np.save("small.npy", indices)
    size = (32, 48)
    named: dict[str, Any] = {"profile": "vq-tiny", "size": size}
    wanted = codec.encode_file(
        None, indices=indices, caption=CAPTION, model=MODELS / "vq-tiny", explicit_model=4, **named
    ).data
    Path("text.sem").write_bytes(editing.strip(read(wanted), {0x85}).data)
    refused(semtool("add", "text.sem", "-o", "x.sem", "--indices", "small.npy"), 5, "SEM-E-801 ")
    for folder in (MODELS, MODELS / "vq-tiny"):
        done = semtool("add", "text.sem", "-o", "x.sem", "--indices", "small.npy", "--model", folder)
        assert done.status == 0, done.err
        assert Path("x.sem").read_bytes() == wanted
    refused(
        semtool("add", "text.sem", "-o", "y.sem", "--indices", "small.npy", "--model", MODELS / "pq-tiny"),
        5,
        "SEM-E-801 ",
    )
    row = default_rows().get(203)
    books = package_cache.table_model(MODELS / "pq-tiny").tensor
    header = header_of(row, size, 16)
    note = section_of(header, None, spec.METADATA, b"", b"")
    Path("note.sem").write_bytes(write(assemble(header, [note])))
    np.save("embedding.npy", np.concatenate([books[0, 1], books[1, 3]]))
    assert semtool("add", "note.sem", "-o", "z.sem", "--vector", "embedding.npy", "--model", MODELS).status == 0
    values = {section.kind: section.value for section in payload(Path("z.sem").read_bytes()).sections}
    assert values == {"pq": [1, 3], "metadata": {}}


@pytest.mark.parametrize(
    ("args", "status", "start"),
    [
        (["strip", "whole.sem"], 2, "usage: Missing option '-o'"),
        (["strip", "no.sem", "-o", "x.sem"], 7, "SEM-E-101 "),
        (["strip", "text", "-o", "x.sem"], 3, "SEM-E-201 "),
        (["strip", "empty", "-o", "x.sem"], 3, "SEM-E-201 "),
        (["strip", "whole.sem", "-o", "whole.sem"], 2, "usage: whole.sem is the input itself"),
        (["strip", "whole.sem", "-o", "no/x.sem"], 7, "SEM-E-102 "),
        (["strip", "whole.sem", "-o", "/dev/full"], 7, "SEM-E-102 cannot-write: /dev/full: "),
        (["strip", "whole.sem", "-o", "x.sem", "--section", "words"], 2, "usage: 'words' is not a section: there are consonant"),
        (["strip", "whole.sem", "-o", "x.sem", "--section", "pq"], 2, "usage: the file has no section pq"),
        (["strip", "whole.sem", "-o", "x.sem", "--section", "0x99"], 2, "usage: the file has no section 0x99"),
        (["strip", "grid.sem", "-o", "x.sem", "--section", "vq"], 2, "usage: nothing would be left"),
        (["cut", "whole.sem", "-o", "x.sem"], 2, "usage: give --sections or --bytes"),
        (["cut", "whole.sem", "-o", "x.sem", "--sections", "0"], 2, "usage: "),
        (["cut", "whole.sem", "-o", "x.sem", "--bytes", "9"], 2, "usage: not even the first section would be left"),
        (["cut", "grid.sem", "-o", "x.sem", "--sections", "1"], 2, "usage: a compact file has no sections"),
        (["add", "whole.sem", "-o", "x.sem"], 2, "usage: nothing to add"),
        (["add", "whole.sem", "-o", "x.sem", "--caption", "x"], 2, "usage: the file has a section caption already"),
        (["add", "whole.sem", "-o", "x.sem", "--metadata", "a=b"], 2, "usage: the file has a section metadata already"),
        (["add", "grid.sem", "-o", "x.sem", "--metadata", "ab"], 2, "usage: Invalid value for '--metadata': ab is not KEY=VALUE"),
        (["add", "grid.sem", "-o", "x.sem", "--hint", "steps=0"], 2, "usage: not a value that the hint"),
        (["add", "grid.sem", "-o", "x.sem", "--metadata", f"a={'b' * 65_536}"], 6, "SEM-E-604 "),
        (["add", "grid.sem", "-o", "x.sem", "--caption", "a" * 65_537], 6, "SEM-E-604 "),
        (["add", "grid.sem", "-o", "x.sem", "--text", "a", "--caption", "b"], 2, "usage: give one prompt"),
        (["add", "grid.sem", "-o", "x.sem", "--sketch", "small.png"], 2, "usage: method 'perco' has no sketch"),
        (["add", "grid.sem", "-o", "x.sem", "--codes", "grid.npy"], 2, "usage: codes are one row of integers, not int64[2, 2]"),
        (["add", "grid.sem", "-o", "x.sem", "--vector", "codes.npy"], 2, "usage: a vector needs the codebooks of a model"),
        (["add", "grid.sem", "-o", "x.sem", "--codes", "no.npy"], 7, "SEM-E-101 "),
        (["add", "grid.sem", "-o", "x.sem", "--caption", "x", "--strict"], 2, "usage: strict needs a consonant text"),
        (["add", "grid.sem", "-o", "x.sem", "--thumbnail", "no.png"], 7, "SEM-E-101 "),
        (["add", "grid.sem", "-o", "x.sem", "--thumbnail", "empty"], 2, "usage: a thumbnail is a PNG, JPEG or WebP file"),
        (["add", "grid.sem", "-o", "x.sem", "--thumbnail", "text"], 2, "usage: a thumbnail is a PNG, JPEG or WebP file"),
        (["add", "grid.sem", "-o", "x.sem", "--from", "other.sem"], 2, "usage: other.sem has another profile, size or check"),
        (["add", "grid.sem", "-o", "x.sem", "--from", "no.sem"], 7, "SEM-E-101 "),
        (["add", "grid.sem", "-o", "x.sem", "--from", "text"], 3, "SEM-E-201 "),
        (["add", "grid.sem", "-o", "x.sem", "--from", "grid.sem"], 2, "usage: the file has a section vq already"),
        (["add", "grid.sem", "-o", "x.sem", "--caption", "x", "--from", "words.sem"], 2, "usage: caption is to be added twice"),
        (["add", "grid.sem", "-o", "grid.sem", "--caption", "x"], 2, "usage: grid.sem is the input itself"),
        (["add", "grid.sem", "-o", "x.sem", "--caption", "x", "--model", "no"], 5, "SEM-E-801 "),
    ],
)  # fmt: skip
def test_what_edits_refuse(semtool: Semtool, files: Path, args: list[str], status: int, start: str) -> None:
    before = contents(files)
    refused(semtool(*args), status, start)
    said = semtool(*args, "--json")
    assert said.status == status
    valid("error", said.json)
    assert said.line.endswith(said.json["error"]["hint"])
    assert contents(files) == before


def test_damaged_files_are_not_edited(semtool: Semtool, files: Path) -> None:
    whole = Path("whole.sem").read_bytes()
    for damaged, code in (
        (whole[:-1], 301),
        (whole + b"\0", 306),
        (whole[:6], 202),
        (whole[:2] + b"\x4e" + whole[3:], 701),
    ):
        Path("bad.sem").write_bytes(damaged)
        for args in (["strip"], ["cut", "--sections", "1"], ["add", "--codes", "codes.npy"]):
            done = semtool(args[0], "bad.sem", "-o", "x.sem", *args[1:])
            assert done.line.startswith(f"SEM-E-{code} ")
            assert not Path("x.sem").exists()


def test_sections_of_files_above_a_level(semtool: Semtool, place: Path) -> None:
    data = codec.encode_file(None, size=(20_000, 1), caption="x", method="perco", level=2).data
    Path("long.sem").write_bytes(data)
    refused(semtool("strip", "long.sem", "-o", "x.sem"), 6, "SEM-E-601 ")
    assert semtool("add", "long.sem", "-o", "x.sem", "--metadata", "a=b", "--level", "2").status == 0
    assert semtool("strip", "x.sem", "-o", "y.sem", "--level", "2").status == 0
    assert Path("y.sem").read_bytes() == data
    assert semtool("cut", "x.sem", "-o", "z.sem", "--sections", "1", "--level", "2").status == 0


def test_thumbnails_of_any_size_are_bounded(semtool: Semtool, files: Path) -> None:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (700, 700, 3), np.uint8)).save(out, "PNG")
    Path("large.png").write_bytes(out.getvalue())
    assert len(out.getvalue()) > 1 << 20
    done = semtool("add", "grid.sem", "-o", "x.sem", "--thumbnail", "large.png")
    assert (done.status, done.out) == (6, b"")
    assert done.line.startswith("SEM-E-606 ")


def _thumbnail(form: str, mark: bytes) -> bytes:
    """A picture on its side, with a place in EXIF and a mark in EXIF, XMP, a comment and after its end."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = mark.decode()
    exif._ifds[ExifTags.IFD.GPSInfo] = exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (47.0, 1.0, 2.5), 27: mark}
    picture = Image.linear_gradient("L").convert("RGB").resize((16, 8))
    more: dict[str, Any] = {"comment": mark} if form == "JPEG" else {}
    if form == "PNG":
        more["pnginfo"] = PngImagePlugin.PngInfo()
        more["pnginfo"].add_text("Comment", mark.decode())
        more["pnginfo"].add_itxt("XML:com.adobe.xmp", f"<x>{mark.decode()}</x>")
    else:
        more["xmp"] = b"<x>" + mark + b"</x>"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    out = io.BytesIO()
    picture.save(out, form, exif=exif, icc_profile=profile, **more)
    return out.getvalue() + mark


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_thumbnail_leaves_its_metadata_behind(semtool: Semtool, files: Path, form: str) -> None:
    mark = b"SECRET-PLACE"
    Path("thumb").write_bytes(data := _thumbnail(form, mark))
    assert data.count(mark) >= 4
    done = semtool("add", "grid.sem", "-o", "x.sem", "--thumbnail", "thumb")
    assert done.line == "note: the metadata of the thumbnail were left out: --keep-metadata keeps them"
    assert mark not in Path("x.sem").read_bytes()
    values = {section.kind: section.value for section in payload(Path("x.sem").read_bytes()).sections}
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(bytes.fromhex(values["thumbnail"])))
    assert dict(after.getexif()) == {ExifTags.Base.Orientation: 6}
    assert after.info["icc_profile"] == before.info["icc_profile"]
    assert np.array_equal(np.asarray(after.convert("RGB")), np.asarray(before.convert("RGB")))
    Path("bare").write_bytes(bytes.fromhex(values["thumbnail"]))
    again = semtool("add", "grid.sem", "-o", "y.sem", "--thumbnail", "bare")
    assert (again.err, Path("y.sem").read_bytes()) == ("", Path("x.sem").read_bytes())
    kept = semtool("add", "grid.sem", "-o", "z.sem", "--thumbnail", "thumb", "--keep-metadata")
    assert (kept.status, kept.err, data in Path("z.sem").read_bytes()) == (0, "", True)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_thumbnail_that_is_cut_anywhere(form: str) -> None:
    data = _thumbnail(form, b"mark")[:-4]
    for end in range(12, len(data)):
        with pytest.raises(ValueError, match=r"cut short|segments"):
            without_metadata(data[:end])


def test_a_damaged_thumbnail_is_stored_on_request_alone(semtool: Semtool, files: Path) -> None:
    Path("cut.jpg").write_bytes(_thumbnail("JPEG", b"mark")[:100])
    done = semtool("add", "grid.sem", "-o", "x.sem", "--thumbnail", "cut.jpg")
    assert (done.status, Path("x.sem").exists()) == (2, False)
    assert done.line.startswith("usage: the metadata of cut.jpg cannot be removed (it is cut short): --keep-metadata ")
    assert semtool("add", "grid.sem", "-o", "x.sem", "--thumbnail", "cut.jpg", "--keep-metadata").status == 0
    assert semtool("add", "grid.sem", "-o", "y.sem", "--keep-metadata", "--hint", "seed=1").status == 2
