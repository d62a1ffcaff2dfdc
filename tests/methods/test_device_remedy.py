# SPDX-License-Identifier: MIT
"""A model that torch cannot run: the remedy names another device or dtype only if the model is not there already."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("diffusers")

import tiny_models
import torch

from refcodec.errors import SemError
from refcodec.foundation.loading import running
from refcodec.foundation.resolve import Models

pytestmark = pytest.mark.models
NETWORK = torch.nn.Linear(2, 2)
CASES = [
    (NETWORK, []),
    (torch.nn.Linear(2, 2, dtype=torch.float16), ["--dtype float32"]),
    (torch.nn.Linear(2, 2, device="meta"), ["--device cpu"]),
    (torch.nn.Linear(2, 2, device="meta", dtype=torch.float16), ["--device cpu", "--dtype float32"]),
    (SimpleNamespace(device=torch.device("cpu"), dtype=torch.float32), []),
    (SimpleNamespace(device=torch.device("cuda"), dtype=torch.float32), ["--device cpu"]),
    (None, ["--dtype float32"]),
    (torch.nn.Identity(), ["--dtype float32"]),
]


@pytest.mark.parametrize("message", ["CUDA error: x", "expected m1 and m2 to have the same dtype", "MPS backend"])
@pytest.mark.parametrize(("network", "options"), CASES)
def test_what_was_tried_is_no_remedy(
    network: Any, options: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(SemError) as caught, running("language", "lm", network):
        raise RuntimeError(message)
    hint = caught.value.hint or ""
    assert [option for option in ("--device cpu", "--dtype float32") if option in hint] == options
    assert "another version of torch" in hint


@pytest.mark.parametrize("member", ["offloaded_static", "offloaded"])
def test_a_cache_that_needs_cuda(place: Path, member: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("it runs here")
    tiny_models.language_model(Path("lm"))
    path = Path("lm/generation_config.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"cache_implementation": member}))
    with pytest.raises(SemError, match="torch cannot run the model lm here") as caught:
        Models.of({"language": "lm"}, device="cpu").load_language({}).ask("Say", "a red cup", 2)
    assert "--device" not in str(caught.value)
    assert "name another model" in str(caught.value)
