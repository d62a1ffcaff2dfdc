# SPDX-License-Identifier: MIT
"""What pipelines of diffusers return, as pixels."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from refcodec.errors import SemError
from refcodec.foundation.generated_pixels import generated_pixels

PICTURE = np.array([[[-0.5, 0.0, 0.4 / 255], [0.5 / 255, 1.0, 7.0]]])


def test_values_are_clipped_and_rounded() -> None:
    output = SimpleNamespace(images=[PICTURE, PICTURE + 1])
    assert generated_pixels("painter", "m", output).tolist() == [[[0, 0, 0], [1, 255, 255]]]


@pytest.mark.parametrize(
    ("output", "what"),
    [
        (SimpleNamespace(images=[PICTURE * np.nan]), "editor: the output of the model m is not finite"),
        (SimpleNamespace(images=[PICTURE * 0]), "editor: the model m returned an all-black picture"),
        (
            SimpleNamespace(images=[PICTURE], nsfw_content_detected=[True]),
            "editor: the safety checker of m has replaced the picture by a black one",
        ),
    ],
)
def test_pictures_that_are_refused(output: SimpleNamespace, what: str) -> None:
    with pytest.raises(SemError) as caught:
        generated_pixels("editor", "m", output)
    assert (caught.value.code, caught.value.path, caught.value.what) == (803, "editor", what)
