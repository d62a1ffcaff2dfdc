# SPDX-License-Identifier: MIT
"""Select the device, the dtype and the noise generator of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from refcodec.foundation.resolve import Models


class SettingError(ValueError):
    """A user's setting that the model or this machine does not support; the model itself is valid."""


def device_of(models: Models) -> torch.device:
    """Return the selected device; `auto` means cuda, else mps, else cpu. Raises SettingError if it is not available."""
    import torch

    available = {"cpu": True, "cuda": has_cuda(), "mps": torch.backends.mps.is_available()}
    if models.device == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if available[name]))
    if not available[models.device]:
        raise SettingError(f"torch sees no {models.device} device here")
    return torch.device(models.device)


def dtype_of(models: Models) -> torch.dtype:
    """Return the selected dtype; `auto` means float32 on the CPU, float16 elsewhere."""
    import torch

    if models.dtype == "auto":
        return torch.float32 if device_of(models).type == "cpu" else torch.float16
    dtype: torch.dtype = getattr(torch, models.dtype)
    return dtype


def generator(kind: str, seed: int) -> torch.Generator:
    """Return the noise generator of one picture. kind: cpu or cuda, whose streams differ. Raises SettingError without cuda."""
    import torch

    if kind == "cuda" and not has_cuda():
        raise SettingError("torch sees no cuda device here")
    return torch.Generator(kind).manual_seed(seed)


def has_cuda() -> bool:
    """Return whether torch is installed and can use a CUDA device in this process, which a fork of one that has cannot."""
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available() and not getattr(torch._C, "_cuda_isInBadFork", bool)()
