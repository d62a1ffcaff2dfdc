# SPDX-License-Identifier: MIT
"""Select a sampler by the name in a render hint, and report the progress of a diffusion pipeline."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from refcodec.foundation.device import SettingError
from refcodec.foundation.worker.phases import RUN, report
from refcodec.progress import Progress

# name of the hint `scheduler` -> class of diffusers
SCHEDULERS: Final = {
    "ddim": "DDIMScheduler", "ddpm": "DDPMScheduler", "pndm": "PNDMScheduler", "euler": "EulerDiscreteScheduler",
    "euler-a": "EulerAncestralDiscreteScheduler", "dpm": "DPMSolverMultistepScheduler", "unipc": "UniPCMultistepScheduler",
}  # fmt: skip


class SchedulerError(SettingError):
    """A sampler that a generator does not have."""


@contextmanager
def scheduler(pipeline: Any, name: str | None) -> Iterator[None]:
    """Replace the sampler of a pipeline inside the block, keeping its configuration. None: no change.

    Raises SchedulerError for an unknown name.
    """
    if name is None:
        yield
        return
    if name not in SCHEDULERS:
        raise SchedulerError(f"scheduler is one of {', '.join(SCHEDULERS)}, not {name!r}")
    import diffusers

    own = pipeline.scheduler
    pipeline.scheduler = getattr(diffusers, SCHEDULERS[name]).from_config(own.config)
    try:
        yield
    finally:
        pipeline.scheduler = own


def progress_arguments(pipeline: Any, steps: int, progress: Progress | None) -> dict[str, Any]:
    """Return the arguments that make a pipeline report its steps to `progress`."""

    def ended(step: int) -> None:
        report(RUN)
        if progress is not None:
            progress(min(1.0, (step + 1) / steps))

    if "callback_on_step_end" in inspect.signature(pipeline.__call__).parameters:

        def with_values(_: Any, step: int, __: Any, values: dict[str, Any]) -> dict[str, Any]:
            ended(step)
            return values

        return {"callback_on_step_end": with_values}
    if "callback" not in inspect.signature(pipeline.__call__).parameters:
        return {}
    return {"callback": lambda step, *_: ended(step), "callback_steps": 1}
