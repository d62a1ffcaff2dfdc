# SPDX-License-Identifier: MIT
"""Hints of an untrusted file that are not followed, whatever form the caller's settings take."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest

from refcodec.methods.sampler import RenderOptions, overrides_of, sanitise_hints, without_cuda_noise

STEPS = "the file asks for 99999 steps: 250 are made, unless the user says otherwise"
NORM_SCALE = "the file asks for the norm-scale 9, which is left out: it is 0.75 to 1.5"
SCHEDULER = "the file asks for the scheduler none-such, which is not known here: this picture may differ"
CUDA = "the picture was chosen with the noise of a cuda device, which is not here: this one will differ"
# hint -> value in the file, value that is followed, notice, value set by the user
CASES: dict[str, tuple[str, str | None, str, Any]] = {
    "steps": ("99999", "250", STEPS, 300),
    "norm_scale": ("9", None, NORM_SCALE, 1.25),
    "scheduler": ("none-such", None, SCHEDULER, "ddim"),
}


@pytest.mark.parametrize("name", get_type_hints(RenderOptions))
def test_a_keyword_of_none_is_not_set(name: str) -> None:
    assert overrides_of({name: None}) == {}  # type: ignore[misc]
    assert overrides_of({name: 0}) == {name.replace("_", "-"): 0}  # type: ignore[misc]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("unset", [{}, None], ids=["absent", "none"])
def test_a_hint_that_cannot_be_followed_is_replaced(name: str, unset: dict[str, Any] | None) -> None:
    value, followed, notice, _ = CASES[name]
    key = name.replace("_", "-")
    overrides = {key: None} if unset is None else unset
    kept = {} if followed is None else {key: followed}
    assert sanitise_hints({key: value}, overrides) == (kept, [notice])
    assert sanitise_hints({key: value}, overrides_of({name: None})) == (kept, [notice])  # type: ignore[misc]


@pytest.mark.parametrize("name", CASES)
def test_a_setting_of_the_user_replaces_the_notice(name: str) -> None:
    value, _, _, chosen = CASES[name]
    key = name.replace("_", "-")
    hints, notices = sanitise_hints({key: value}, overrides_of({name: chosen}))  # type: ignore[misc]
    assert notices == []
    assert hints == ({key: value} if name == "steps" else {})


@pytest.mark.parametrize("overrides", [{}, {"generator": None}], ids=["absent", "none"])
def test_cuda_noise_becomes_cpu_noise_without_a_device(overrides: dict[str, Any]) -> None:
    assert without_cuda_noise({"generator": "cuda"}, {}, overrides, lambda: False) == ({"generator": "cpu"}, [CUDA])
    assert without_cuda_noise({"generator": "cuda"}, {}, overrides, lambda: True) == ({"generator": "cuda"}, [])
    assert without_cuda_noise({}, {"generator": "cuda"}, overrides, lambda: False) == ({"generator": "cpu"}, [CUDA])


def test_a_user_who_asks_for_cuda_noise_gets_no_other() -> None:
    hints = {"generator": "cuda"}
    assert without_cuda_noise(hints, {}, {"generator": "cuda"}, lambda: False) == (hints, [])
