# SPDX-License-Identifier: MIT
"""Layers of symbol models as JSON objects (SPEC §12)."""

from __future__ import annotations

from typing import Any, Final

Symbols = dict[str, Any]
Layer = dict[str, Any]


def requant(shift: str, lo: int = -32768, hi: int = 32767, **members: str) -> Layer:
    """Return a requant object whose multiplier is the tensor `m`; `shift` names its tensor of shifts."""
    return {"m": "m", "s": shift, "lo": lo, "hi": hi, **members}


def requant_layer(shift: str, lo: int = -32768, hi: int = 32767) -> Layer:
    """Return a layer that requantises, as `requant`."""
    return {"op": "requant", **requant(shift, lo, hi)}


def conv(weights: str, biases: str, op: str = "conv", stride: int = 1) -> Layer:
    """Return a convolution, or with op "deconv" a transposed one; `weights` and `biases` name its tensors."""
    return {"op": op, "w": weights, "b": biases, "stride": stride}


REQUANT: Final = requant_layer("s22")  # of `elic-mini` and the models at bounds
