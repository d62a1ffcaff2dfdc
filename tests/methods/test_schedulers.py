# SPDX-License-Identifier: MIT
"""A scheduler that the file asks for, and that the generator does not have: it is left out, and nothing else is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("diffusers")

import tiny_models

import refcodec
from refcodec import reconstruct
from refcodec.decoder import decode_file
from refcodec.foundation.device import SettingError
from refcodec.foundation.schedulers import SchedulerError

pytestmark = pytest.mark.models

OWN = "the generator does not have the scheduler that the file asks for: its own is used"
UNEXPANDED = "not expanded: nothing fills the role language, which it needs"
HINTED = refcodec.encode(text="old stone bridge calm river", size=(64, 64), hints={"scheduler": "euler"})


@dataclass
class Generator:
    """A generator that raises an error for schedulers."""

    error: Exception | None
    native: int = 64
    name: str = "flow"
    samplers: list[str | None] = field(default_factory=list)

    def paint(self, _: str, size: tuple[int, int], *, sampler: str | None, **__: Any) -> NDArray[np.uint8]:
        self.samplers.append(sampler)
        if sampler is not None and self.error is not None:
            raise self.error
        return np.full((size[1], size[0], 3), len(self.samplers), np.uint8)


def painted(generator: Any, overrides: dict[str, Any], **more: Any) -> reconstruct.Reconstruction:
    models = {"painter": generator}
    return reconstruct.reconstruct(decode_file(HINTED), models=models, overrides=overrides, reflections=0, **more)


def test_the_generator_uses_its_own() -> None:
    """Notices and steps are those of the pictures that are returned, once each."""
    generator, steps = Generator(SchedulerError("it follows a flow")), list[tuple[str, Any]]()
    done = painted(generator, {"expand": True}, samples=2, record=lambda *step: steps.append(step))
    assert generator.samplers == ["euler", None, None]
    assert [picture[0, 0, 0] for picture in done.pictures] == [2, 3]
    assert done.notices.count(UNEXPANDED) == 1
    assert done.notices[-1] == OWN
    assert [name for name, _ in steps] == ["restored", "painted", "painted"]
    assert [value[0, 0, 0] for _, value in steps[1:]] == [2, 3]


def test_a_generator_that_has_the_scheduler() -> None:
    generator, steps = Generator(None), list[tuple[str, Any]]()
    done = painted(generator, {"expand": True}, record=lambda *step: steps.append(step))
    assert generator.samplers == ["euler"]
    assert OWN not in done.notices
    assert done.notices.count(UNEXPANDED) == 1
    assert [name for name, _ in steps] == ["restored", "painted"]


@pytest.mark.parametrize("kind", [ValueError, SettingError])
def test_another_error_is_the_error_of_the_call(kind: type[ValueError]) -> None:
    """It was taken for an absent scheduler, and the picture generated again."""
    generator = Generator(kind("too many steps"))
    with pytest.raises(kind, match="too many steps"):
        painted(generator, {})
    assert generator.samplers == ["euler"]


def test_a_scheduler_of_the_user_is_an_error() -> None:
    generator = Generator(SchedulerError("it follows a flow"))
    with pytest.raises(SchedulerError, match="it follows a flow"):
        painted(generator, {"scheduler": "ddim"})
    assert generator.samplers == ["ddim"]


@pytest.mark.slow
def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    folder = tiny_models.flux(tmp_path)
    few = {"steps": 1}
    done = painted(folder, few)
    assert done.notices[-1] == OWN
    plain = decode_file(refcodec.encode(text="old stone bridge calm river", size=(64, 64)))
    usual = reconstruct.reconstruct(plain, models={"painter": folder}, overrides=few, reflections=0)
    assert np.array_equal(done.pictures[0], usual.pictures[0])
    with pytest.raises(SchedulerError, match="is a flow-matching model with its own sampler"):
        painted(folder, few | {"scheduler": "euler"})
