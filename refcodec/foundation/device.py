# SPDX-License-Identifier: MIT
"""Where models run: the device, the dtype and the noise generator that a user asks for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from refcodec.foundation.resolve import Models


class SettingError(ValueError):
    """A user's setting that the model or this machine does not support; the model is not at fault."""


def device_of(models: Models) -> torch.device:
    """The device asked for; `auto`: cuda, else mps, else cpu. ValueError for one that is not here."""
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if models.device == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if here[name]))
    if not here[models.device]:
        raise SettingError(f"torch sees no {models.device} device here")
    return torch.device(models.device)


def dtype_of(models: Models) -> torch.dtype:
    """The dtype asked for; `auto`: float32 on the CPU, float16 elsewhere."""
    if models.dtype == "auto":
        return torch.float32 if device_of(models).type == "cpu" else torch.float16
    dtype: torch.dtype = getattr(torch, models.dtype)
    return dtype


def generator(kind: str, seed: int) -> torch.Generator:
    """The noise of one picture. `kind` cpu or cuda: their streams differ; ValueError where there is no cuda."""
    if kind == "cuda" and not torch.cuda.is_available():
        raise SettingError("torch sees no cuda device here")
    return torch.Generator(kind).manual_seed(seed)


@lru_cache(maxsize=1)
def has_cuda() -> bool:
    return torch.cuda.is_available()
