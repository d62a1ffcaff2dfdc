# SPDX-License-Identifier: MIT
"""Row 24, perco-small-2: its package and where that comes from, what it gains, and files of the other row."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rows import assert_differs_in_the_model_alone, assert_trained_on_the_photographs_of

import refcodec
from refcodec.errors import SemError
from refcodec.networks import package
from refcodec.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "refcodec" / "data" / "models"
PACKAGE, BASE = MODELS / "vq-small-2", MODELS / "vq-small"
ROW, BASE_ROW = 24, 20


def photograph() -> Image.Image:
    """The photograph of the examples, 384 × 256."""
    with Image.open(ROOT / "refcodec" / "data" / "examples" / "photo.jpg") as picture:
        return picture.convert("RGB").resize((384, 256), Image.Resampling.LANCZOS)


def encode(row: str | None, **options: Any) -> bytes:
    return bytes(refcodec.encode(photograph(), method="perco", profile=row, **options))


def test_the_row_is_that_of_perco_small_with_another_model() -> None:
    assert Registry.shipped().by_name("perco-small-2").id == ROW
    assert_differs_in_the_model_alone("perco-small-2", BASE_ROW, PACKAGE)


def test_the_row_is_written_only_where_it_is_named() -> None:
    assert encode(None)[3] == encode("perco-small")[3] == BASE_ROW
    assert encode("perco-small-2")[3] == ROW


def test_manifest_and_notice_state_where_the_weights_come_from() -> None:
    assert_trained_on_the_photographs_of(BASE, PACKAGE, "tools.train.vq")
    steps, of_base = (package.read_manifest(folder)["training"]["steps"] for folder in (PACKAGE, BASE))
    assert steps > of_base


@pytest.mark.parametrize("part", ["painter", "encoder"])
def test_the_float_parts_are_those_of_the_manifest(part: str) -> None:
    stated = package.read_manifest(PACKAGE)[part]
    assert hashlib.sha256((PACKAGE / stated["file"]).read_bytes()).hexdigest() == stated["sha256"]
    assert stated["architecture"] == package.read_manifest(BASE)[part]["architecture"]


def test_the_package_is_as_large_as_that_of_perco_small() -> None:
    of_package, of_base = (sum(p.stat().st_size for p in folder.iterdir()) for folder in (PACKAGE, BASE))
    assert abs(of_package - of_base) < 1000


def test_a_photograph_looks_more_like_itself() -> None:
    picture = photograph()

    def measured(row: str) -> tuple[int, float]:
        data = encode(row)
        difference = np.asarray(picture, float) - np.asarray(refcodec.decode(data), float)
        return len(data), float(np.square(difference).mean())

    (size, error), (base_size, base_error) = measured("perco-small-2"), measured("perco-small")
    assert abs(size - base_size) < 0.02 * base_size
    assert error < base_error


@pytest.mark.parametrize(("profile", "other"), [("perco-small", ROW), ("perco-small-2", BASE_ROW)])
def test_a_file_in_the_other_row_is_refused(profile: str, other: int) -> None:
    """Both rows have tables of the same shape, so that the body may be read, but K is another."""
    changed = bytearray(encode(profile, check=32))
    changed[3] = other
    with pytest.raises(SemError) as caught:
        refcodec.symbols(bytes(changed))
    assert caught.value.code in (401, 402, 403, 501)


def test_the_other_package_is_not_taken_for_it() -> None:
    with pytest.raises(SemError) as caught:
        encode("perco-small-2", environment=refcodec.Environment(package_folders=(BASE,)))
    assert caught.value.code == 801
