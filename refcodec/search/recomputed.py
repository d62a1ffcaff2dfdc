# SPDX-License-Identifier: MIT
"""Compute a part of a network again for its gradients, in place of keeping its activations.

As `torch.utils.checkpoint`, which imports torch's compiler: that takes a second, and leaves a folder behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, run: Callable[..., tuple[Tensor, ...]], *inputs: Tensor) -> tuple[Tensor, ...]:
        ctx.run = run
        ctx.save_for_backward(*inputs)
        with torch.no_grad():
            return run(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad[1:]
        inputs = [t.detach().requires_grad_(need) for t, need in zip(ctx.saved_tensors, needed, strict=True)]
        with torch.enable_grad():
            outputs = ctx.run(*inputs)
        torch.autograd.backward(outputs, grads)
        return None, *(t.grad for t in inputs)


def recomputed(run: Callable[..., tuple[Tensor, ...]], *inputs: Tensor) -> tuple[Tensor, ...]:
    """Return run(*inputs), which must give the same tensors again; all of them take part in gradients."""
    outputs: tuple[Tensor, ...] = _Recomputed.apply(run, *inputs)  # type: ignore[no-untyped-call]
    return outputs
