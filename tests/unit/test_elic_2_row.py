# SPDX-License-Identifier: MIT
"""Row 23, elic-2: its package and where that comes from, what it saves, and files of the other row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rows import assert_differs_in_the_model_alone, assert_trained_on_the_photographs_of

import refcodec
from refcodec.errors import SemError
from refcodec.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "refcodec" / "data" / "models"
PACKAGE, BASE = MODELS / "elic-small-2", MODELS / "elic-small"
ROW, BASE_ROW = 23, 1
PACKAGE_BYTES = 12_000_000


def photograph() -> Image.Image:
    """The photograph of the examples, 384 × 256."""
    with Image.open(ROOT / "refcodec" / "data" / "examples" / "photo.jpg") as picture:
        return picture.convert("RGB").resize((384, 256), Image.Resampling.LANCZOS)


def test_the_row_is_that_of_elic_with_another_model() -> None:
    assert Registry.shipped().by_name("elic-2").id == ROW
    assert_differs_in_the_model_alone("elic-2", BASE_ROW, PACKAGE)


def test_the_row_is_written_only_where_it_is_named() -> None:
    picture = photograph().resize((64, 48))
    assert refcodec.encode(picture)[3] == BASE_ROW
    assert refcodec.encode(picture, profile="elic-2")[3] == ROW


def test_manifest_and_notice_state_where_the_weights_come_from() -> None:
    assert_trained_on_the_photographs_of(BASE, PACKAGE, "tools.train.long")


def test_the_package_is_not_too_large() -> None:
    assert sum(path.stat().st_size for path in PACKAGE.iterdir()) <= PACKAGE_BYTES


@pytest.mark.parametrize("quality", [2, 5, 9])
def test_a_photograph_takes_fewer_bytes_and_is_no_worse(quality: int) -> None:
    picture = photograph()

    def measured(profile: str) -> tuple[int, float]:
        data = refcodec.encode(picture, profile=profile, quality=quality)
        difference = np.asarray(picture, float) - np.asarray(refcodec.decode(data), float)
        return len(data), float(np.square(difference).mean())

    (size, error), (base_size, base_error) = measured("elic-2"), measured("elic")
    assert size < base_size
    assert error < 1.01 * base_error


def codes(data: bytes, row: int) -> int:
    changed = bytearray(data)
    changed[3] = row
    with pytest.raises(SemError) as caught:
        refcodec.symbols(bytes(changed))
    return caught.value.code


@pytest.mark.parametrize(("profile", "other"), [("elic", ROW), ("elic-2", BASE_ROW)])
def test_a_file_in_the_other_row_is_refused(profile: str, other: int) -> None:
    """Both rows have the same shapes, so that the body is read, but K is another."""
    data = refcodec.encode(photograph().resize((64, 64)), profile=profile, check=32)
    assert data[3] == {"elic": BASE_ROW, "elic-2": ROW}[profile]
    assert codes(data, other) in (401, 402, 403, 501)


def test_the_other_package_is_not_taken_for_it(tmp_path: Path) -> None:
    options: dict[str, Any] = {"environment": refcodec.Environment(package_folders=(BASE,))}
    with pytest.raises(SemError) as caught:
        refcodec.encode(photograph(), profile="elic-2", **options)
    assert caught.value.code == 801
