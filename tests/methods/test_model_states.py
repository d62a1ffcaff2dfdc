# SPDX-License-Identifier: MIT
"""Foundation models in processes of unusual state: loaded and run with the same results, and nothing left changed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")

import tiny_models as tiny

from refcodec.errors import Code, SemError
from refcodec.foundation.clip_model import ClipModel
from refcodec.foundation.hed import EdgeDetector
from refcodec.foundation.hyper_encoder import HyperConfig, HyperEncoder
from refcodec.foundation.language_model import LanguageModel
from refcodec.foundation.loading import running
from refcodec.foundation.prompt_inversion import invert
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_to_image import TextToImage
from refcodec.networks import package_cache
from tools.bench.states.snapshot import changes, snapshot
from tools.bench.states.torch_states import TORCH, mixed_flags

pytestmark = [pytest.mark.models, pytest.mark.slow]
STATES = {**TORCH, "mixed flags": mixed_flags}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("models")
    torch.manual_seed(1)
    HyperEncoder(HyperConfig(v=16, n=8, m=8, dim=4, null_text=None)).save(place / "hyper")
    return {
        "painter": tiny.text_to_image(place / "painter"),
        "clip": tiny.clip_model(place / "clip"),
        "edges": tiny.edge_detector(place / "edges"),
        "language": tiny.language_model(place / "language"),
        "hyper": place / "hyper",
    }


def results(folders: dict[str, Path]) -> dict[str, Any]:
    """Load each model and run it once."""
    models, pixels = Models.of(device="cpu"), tiny.photo(64, 64)
    found = {
        "painter": TextToImage.load(folders["painter"], models).paint("old stone bridge", (64, 64), seed=3, steps=2),
        "edges": EdgeDetector.load(folders["edges"], models)(pixels),
        "hyper": HyperEncoder.load(folders["hyper"], models).features_of(np.zeros((2, 2), np.int64)).numpy(),
    }
    inverted = invert(ClipModel.load(folders["clip"], models), pixels, count=3, iterations=4)
    answer = LanguageModel.load(folders["language"], models).ask("Repeat:", "a cat", 8)
    digests = {name: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest() for name, value in found.items()}
    return {**digests, "clip": inverted.tokens, "language": answer}


@pytest.fixture(scope="module")
def expected(folders: dict[str, Path]) -> dict[str, Any]:
    return results(folders)


@pytest.mark.parametrize("name", sorted(STATES))
def test_models_are_loaded_and_run_as_in_a_plain_process(
    name: str, folders: dict[str, Path], expected: dict[str, Any]
) -> None:
    with STATES[name]():
        before = snapshot()
        with package_cache.neutral_torch():  # as encode and decode call methods
            found = results(folders)
        left = changes(before, snapshot())
    assert left == []
    if name != "seven threads":  # whose number may change the rounding of networks of other libraries (decision 0027)
        assert found == expected


def test_an_error_of_the_device_does_not_blame_the_model() -> None:
    with pytest.raises(SemError) as caught, running("painter", "tiny"):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")
    assert caught.value.code == Code.DEPENDENCY_MISSING
    assert "torch cannot run the model tiny here" in caught.value.what
    with pytest.raises(SemError) as caught, running("painter", "tiny"):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    assert caught.value.code == Code.MODEL_MALFORMED
