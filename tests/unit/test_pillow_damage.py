# SPDX-License-Identifier: MIT
"""Damaged `.sem` files in Pillow: its exceptions alone, and what LOAD_TRUNCATED_IMAGES makes of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from pillow_files import SIZE, file_bytes, opened, pixels, same
from vector_cases import MODELS, VECTORS, vectors

import refcodec
from refcodec.errors import SemError
from refcodec.pillow import SemImageFile, configure

SECTIONED = refcodec.encode(pixels(), provenance=True, metadata={"title": "squares"})
FILES = {"compact": file_bytes(), "sectioned": SECTIONED, "caption": refcodec.encode(caption="A cat.", size=(64, 48))}
TRUNCATED = pytest.mark.parametrize("tolerant", [False, True])


def outcome(data: bytes) -> str:
    """What opening, verifying and loading make of data: `ok`, or where it was refused; other exceptions pass."""
    try:
        image = Image.open(io.BytesIO(data), formats=["SEM"])
    except (OSError, Image.DecompressionBombError):
        return "open"
    size = image.size
    try:
        Image.open(io.BytesIO(data)).verify()
        valid = True
    except (SyntaxError, OSError):
        valid = False
    failure = None
    try:
        image.load()
    except OSError as error:
        failure = error
    if failure is not None:
        assert isinstance(failure.__cause__, SemError)
        assert str(failure).startswith("SEM-E-")
        return "load"
    assert (image.size, image.mode) == (size, "RGB")
    return "ok" if valid else "tolerated"


@TRUNCATED
@pytest.mark.parametrize("name", list(FILES))
def test_every_prefix(name: str, tolerant: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", tolerant)
    data = FILES[name]
    step = 1 if len(data) < 100 else 11
    seen = {outcome(data[:end]) for end in range(0, len(data), step)}
    assert "open" in seen
    assert seen <= {"open", "load", *(("tolerated", "ok") if tolerant else ("ok",) if name == "sectioned" else ())}
    if tolerant and name != "caption":
        assert "tolerated" in seen


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_flips_and_cuts_raise_pillows_exceptions_alone(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(sorted(FILES.values()))))
    for _ in range(data.draw(st.integers(1, 3))):
        file[data.draw(st.integers(2, len(file) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    ImageFile.LOAD_TRUNCATED_IMAGES = data.draw(st.booleans())
    configure(limits=refcodec.Limits(max_pixels=1 << 14))
    try:
        outcome(bytes(file[: data.draw(st.integers(0, len(file)))]))
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        configure()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes_after_the_magic(tail: bytes) -> None:
    configure(limits=refcodec.Limits(max_pixels=1 << 14))
    try:
        outcome(b"\xf5\x9e" + tail)
    finally:
        configure()


@pytest.mark.parametrize("name", ["compact", "sectioned"])
def test_a_latent_file_cut_short_has_a_preview_if_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = FILES[name][: len(FILES[name]) - 40]
    with pytest.raises(OSError, match=r"SEM-E-(301|401|501)"):
        opened(data).load()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    image = opened(data)
    image.load()
    assert image.info["Description"] == "unverified preview of a .sem description"
    assert image.info["check"] == "unchecked"
    difference = np.abs(np.asarray(image, np.int16) - np.asarray(refcodec.decode(FILES[name]), np.int16))
    assert difference.mean() < 40  # of 255: the same picture, coarser


def test_a_file_cut_after_its_payload_is_that_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    data = SECTIONED[:-3]  # inside its last section, the metadata
    with pytest.raises(OSError, match="SEM-E-301"):
        opened(data).load()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert same(opened(data).copy(), refcodec.decode(SECTIONED))


def test_a_file_cut_between_sections_is_valid() -> None:
    sections = refcodec.inspect(SECTIONED).sections
    data = SECTIONED[: sections[1].offset + sections[1].bytes + 2]
    image = opened(data)
    assert image.info["complete"] is False
    image.verify()
    assert same(opened(data).copy(), refcodec.decode(SECTIONED))


def test_bytes_behind_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="SEM-E-306"):
        opened(SECTIONED + b"\0").load()
    with pytest.raises(SyntaxError, match="SEM-E-306"):
        opened(SECTIONED + b"\0").verify()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert same(opened(SECTIONED + b"\0").copy(), refcodec.decode(SECTIONED))


def test_damage_is_not_tolerated_where_a_model_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(OSError, match=r"SEM-E-80\d"):
        opened(FILES["caption"]).load()


def test_a_stream_that_fails_is_an_error_of_the_system() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError(5, "the disk is gone")
            return super().read(2)

    with pytest.raises(OSError, match="SEM-E-101"):
        SemImageFile(Failing(file_bytes()))


@pytest.mark.parametrize("entry", vectors().values(), ids=vectors().keys())
def test_every_vector_opens_with_its_size_or_is_refused_by_its_code(entry: dict[str, object]) -> None:
    data = (VECTORS / str(entry["file"])).read_bytes()
    try:
        image, refusal = opened(data), ""
    except OSError as error:
        image, refusal = None, "SEM-E-201" if error.__cause__ is None else str(error).split()[0]
    if image is None:
        assert refusal == entry["error"]
    elif entry["expect"] == "accept":
        expected = entry["expected"]
        assert isinstance(expected, dict)
        assert image.size == (expected["width"], expected["height"])
        assert image.info["bytes"] == entry["size"]
        assert image.info["complete"] == expected["complete"]
        assert image.info["check"] in (expected["check"], "unchecked")


ACCEPTED = [entry for entry in vectors().values() if entry["expect"] == "accept" and entry["tier"] != "H"][::23]
REJECTED = [entry for entry in vectors().values() if entry["expect"] == "reject" and entry["tier"] != "H"][::23]


@pytest.mark.parametrize("entry", ACCEPTED + REJECTED, ids=lambda entry: str(entry["id"]))
def test_verify_accepts_and_refuses_what_the_suite_does(entry: dict[str, object]) -> None:
    data = Path(VECTORS / str(entry["file"])).read_bytes()
    configure(models=MODELS)
    try:
        if entry["expect"] == "accept":
            opened(data).verify()
        else:
            with pytest.raises((SyntaxError, OSError), match=str(entry["error"])):
                opened(data).verify()
    finally:
        configure()


def test_the_size_of_a_damaged_file_is_that_of_its_header() -> None:
    assert opened(FILES["compact"][:60]).size == SIZE
