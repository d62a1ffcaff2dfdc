# SPDX-License-Identifier: MIT
"""The remedy for a model that the device or the installation of torch cannot run: only what differs from what was tried."""

from __future__ import annotations

from typing import Any

import torch


def remedy(network: Any) -> str:
    """Return how to run a network, or a pipeline of networks, that torch cannot run here."""
    device, dtype = _placed(network)
    others = ["--device cpu"] if device != "cpu" else []
    others += ["--dtype float32"] if dtype is not torch.float32 else []
    if others:
        return f"run it with {' or '.join(others)}, or with another version of torch"
    return "run it with another version of torch or on another machine, or name another model for the role"


def _placed(network: Any) -> tuple[str | None, torch.dtype | None]:
    """Return the kind of device and the dtype of a network, None for what is not known."""
    first = next(network.parameters(), None) if isinstance(network, torch.nn.Module) else network
    device, dtype = getattr(first, "device", None), getattr(first, "dtype", None)
    if device is None and not torch.cuda.is_available() and not torch.backends.mps.is_available():
        return "cpu", dtype
    return None if device is None else torch.device(device).type, dtype
