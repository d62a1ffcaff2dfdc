# SPDX-License-Identifier: MIT
"""Files decoded as far as the installed models allow."""

from __future__ import annotations

from pathlib import Path

import pytest

import refcodec
from refcodec.container import read
from refcodec.environment import Environment
from refcodec.errors import SemError

MODELS = Path(__file__).resolve().parents[2] / "test_vectors" / "models"
CAPTION = "A cup of coffee."


@pytest.fixture(scope="module")
def data() -> bytes:
    """A caption, indices that need a model, and metadata, each with its check."""
    indices = [[0, 1, 2, 3], [3, 2, 1, 0]]
    here = Environment.default().with_packages(MODELS)
    made = refcodec.encode(
        indices=indices, caption=CAPTION, profile=204, size=(64, 32), metadata={"title": "x"}, environment=here
    )
    return bytes(made)


def test_what_needs_no_model_is_decoded(data: bytes) -> None:
    notices: list[str] = []
    found = refcodec.symbols(data, partial=True, notice=notices.append)
    assert found == {"caption": CAPTION}
    assert [notice.split(":")[0] for notice in notices] == ["without vq, whose model is not installed"]
    text = refcodec.text(data)
    assert (text.text, text.check, text.complete) == (CAPTION, "unchecked", True)


@pytest.mark.parametrize("index", [0, 2])
def test_an_error_names_the_section_of_the_file(data: bytes, index: int) -> None:
    """The section that is left out counts."""
    section = read(data).sections[index]
    damaged = bytearray(data)
    damaged[section.check_offset] ^= 1
    with pytest.raises(SemError) as caught:
        refcodec.symbols(bytes(damaged), partial=True)
    error = caught.value
    assert (error.code, error.path, error.offset) == (501, f"sections[{index}].check", section.check_offset)
