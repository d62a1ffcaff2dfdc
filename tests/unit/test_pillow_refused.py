# SPDX-License-Identifier: MIT
"""What `Image.open` refuses: foreign data, invalid headers, too many pixels; and errors found later."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError
from pillow_files import SIZE, file_bytes, opened, pixels, resized

from refcodec.errors import CheckError, SemError
from refcodec.pillow import SemImageFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "squares.sem"
    file.write_bytes(file_bytes())
    return file


@pytest.mark.parametrize("data", [b"", b"\xf5", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"text " * 10, b"\x9e\xf5"])
def test_foreign_data_is_not_this_formats(data: bytes) -> None:
    with pytest.raises(SyntaxError, match=r"not a \.sem file"):
        SemImageFile(io.BytesIO(data))
    with pytest.raises(UnidentifiedImageError, match="cannot identify image file"):
        Image.open(io.BytesIO(data), formats=["SEM"])


def test_foreign_files_are_read_by_their_own_plugin() -> None:
    stream = io.BytesIO()
    pixels().save(stream, "PNG")
    assert Image.open(stream).format == "PNG"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((2, 0xEC), "SEM-E-701"),  # version 7
        ((2, 0x2D), "SEM-E-203"),  # the reserved bit
        ((2, 0x28), "SEM-E-204"),  # no such check code
    ],
)
def test_a_bad_header_is_named_by_its_code(path: Path, change: tuple[int, int], code: str) -> None:
    data = bytearray(file_bytes())
    data[change[0]] = change[1]
    path.write_bytes(data)
    with pytest.raises(UnidentifiedImageError, match=code) as caught:
        Image.open(path)
    assert isinstance(caught.value.__cause__, SemError)
    path.unlink()  # it is closed


def test_an_unknown_profile_opens_and_is_named_on_loading() -> None:
    data = bytearray(file_bytes())
    data[3] = 199
    image = opened(bytes(data))
    assert (image.size, image.info["method"], image.info["profile"]) == (SIZE, None, None)
    with pytest.raises(OSError, match="SEM-E-702"):
        image.load()


def test_more_pixels_than_pillow_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 32 - 1)
    with pytest.warns(Image.DecompressionBombWarning):
        Image.open(io.BytesIO(file_bytes()))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 16 - 1)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(file_bytes()))


def test_a_size_beyond_the_level_is_refused_on_opening() -> None:
    data = resized(file_bytes(), 40_000, 16, level=2)
    with pytest.raises(OSError, match="SEM-E-601"):
        Image.open(io.BytesIO(data))


def test_an_invalid_registry_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEM_REGISTRY", str(path))
    with pytest.raises(OSError, match="SEM-E-101"):
        Image.open(path)


def test_errors_of_verify_have_the_code_and_its_cause() -> None:
    data = bytearray(file_bytes())
    data[-20] ^= 1
    with pytest.raises(SyntaxError, match=r"SEM-E-(401|402|501)") as caught:
        opened(bytes(data)).verify()
    assert isinstance(caught.value.__cause__, SemError | CheckError)
