# SPDX-License-Identifier: MIT
"""`semtool thumbnail`: the thumbnail of the file, or its picture scaled down; always a PNG, and nothing after an error."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from cli_harness import Semtool
from PIL import Image
from pillow_files import file_bytes, pixels, same

import refcodec
from refcodec import editing, spec
from refcodec.assemble import ancillary
from refcodec.container import Section, section_check


def with_thumbnail(data: bytes, thumbnail: bytes, *, wrong: bool = False) -> bytes:
    """A file with a thumbnail section; wrong: whose check is another."""
    container = refcodec.read(data)
    (body,) = ancillary(thumbnail=thumbnail).values()
    header = container.header
    check = section_check(header.profile, None, header, spec.THUMBNAIL, body, header.check_bits)
    check = bytes([check[0] ^ 1]) + check[1:] if wrong else check
    return editing.add(container, [Section(spec.THUMBNAIL, body, check)]).data


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(("size", "expected"), [(24, (24, 16)), (48, (48, 32)), (256, (48, 32)), (1, (1, 1))])
def test_a_picture_is_decoded_and_scaled_down(
    semtool: Semtool, size: int, expected: tuple[int, int], place: Path
) -> None:
    Path("squares.sem").write_bytes(file_bytes())
    assert semtool("thumbnail", "squares.sem", "-o", "out", "--size", str(size)).status == 0
    with Image.open("out") as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", expected)
        if expected == (48, 32):
            assert same(image, refcodec.decode(file_bytes()))
    assert sorted(path.name for path in place.iterdir()) == ["out", "squares.sem"]


@pytest.mark.parametrize(
    "data", [file_bytes(), refcodec.encode(caption="A cat.", size=(64, 48))], ids=["elic", "perco"]
)
def test_the_thumbnail_of_the_file_goes_before(semtool: Semtool, data: bytes) -> None:
    blue = Image.new("RGB", (20, 10), "blue")
    Path("squares.sem").write_bytes(with_thumbnail(data, png(blue)))
    done = semtool("thumbnail", "squares.sem", "-o", "-")
    assert done.status == 0
    with Image.open(io.BytesIO(done.out)) as image:
        assert same(image, blue)
    done = semtool("thumbnail", "squares.sem", "-o", "-", "--size", "10")
    with Image.open(io.BytesIO(done.out)) as image:
        assert image.size == (10, 5)


def test_a_thumbnail_that_cannot_be_read_is_left_out(semtool: Semtool) -> None:
    Path("squares.sem").write_bytes(with_thumbnail(file_bytes(), png(pixels())[:60]))
    assert semtool("thumbnail", "squares.sem", "-o", "out.png").status == 0
    with Image.open("out.png") as image:
        assert same(image, refcodec.decode(file_bytes()))


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"text", 3, "SEM-E-201"),
        (file_bytes()[:4], 3, "SEM-E-202"),
        (file_bytes()[:90], 3, "SEM-E-4"),
        (refcodec.encode(caption="A cat.", size=(64, 48)), 5, "SEM-E-801"),
        (with_thumbnail(file_bytes(), png(pixels()), wrong=True), 3, "SEM-E-501"),
    ],
    ids=["foreign", "header", "body", "model", "check"],
)
def test_a_file_without_a_thumbnail_writes_nothing(
    semtool: Semtool, data: bytes, status: int, code: str, place: Path
) -> None:
    Path("squares.sem").write_bytes(data)
    done = semtool("thumbnail", "squares.sem", "-o", "out.png")
    assert done.status == status
    assert done.err.startswith(code)
    assert done.err.count("\n") == 1
    assert [path.name for path in place.iterdir()] == ["squares.sem"]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["squares.sem"], 2),
        (["squares.sem", "-o", "squares.sem"], 2),
        (["squares.sem", "-o", "out.png", "--size", "0"], 2),
        (["squares.sem", "-o", "out.png", "--size", "4096"], 2),
        (["absent.sem", "-o", "out.png"], 7),
        (["squares.sem", "-o", "absent/out.png"], 7),
        (["squares.sem", "-o", "out.png", "--max-pixels", "100"], 6),
        (["squares.sem", "-o", "out.png", "--max-memory", "1K"], 6),
    ],
    ids=str,
)
def test_wrong_calls(semtool: Semtool, arguments: list[str], status: int, place: Path) -> None:
    Path("squares.sem").write_bytes(file_bytes())
    assert semtool("thumbnail", *arguments).status == status
    assert [path.name for path in place.iterdir()] == ["squares.sem"]
    assert Path("squares.sem").read_bytes() == file_bytes()
