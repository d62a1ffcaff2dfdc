# SPDX-License-Identifier: MIT
"""Previews of latents while they are decoded: groups to come at the means that the context model predicts."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from refcodec.networks.context_model import ContextModel
    from refcodec.payloads.latents import ElicLatents, Shorts

    Walk = Generator[tuple[ElicLatents, ContextModel], None, ElicLatents]


def in_stages(
    walk: Walk, computing: Callable[[], AbstractContextManager[Any]]
) -> Generator[ElicLatents, None, ElicLatents]:
    """Yield the latents of a preview at each stage of a walk, and return its result.

    computing: the state of the process that the networks need, which the caller does not see between two stages.
    """
    while True:
        try:
            with computing():
                latents, context_model = next(walk)
                preview = replace(latents, y=predicted(latents.y, context_model))
        except StopIteration as end:
            complete: ElicLatents = end.value
            return complete
        yield preview


def predicted(y: Shorts, context_model: ContextModel) -> Shorts:
    """Return y whose groups to come have the means that the context model predicts, each from the groups before it."""
    ahead, model, y = context_model.fork(), context_model.model, y.copy()
    for k in range(ahead.done, len(model.groups)):
        for step in (0, 1):
            mean = np.clip(ahead.entropy_parameters(k, step)[0], -32768, 32767)
            rows, cols = ahead.sites[step]
            y[model.part(k), rows, cols] = mean
            ahead.update(k, step, mean)
    return y
