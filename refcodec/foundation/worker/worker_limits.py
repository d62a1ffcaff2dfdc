# SPDX-License-Identifier: MIT
"""Limits of time and memory of the process that runs foundation models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from refcodec import memory
from refcodec.limits import NONE, Limits

GIB: Final = 1 << 30
LOADING_BYTES_PER_S: Final = 20 << 20  # from a slow disk
LEAST_BYTES: Final = 2 * GIB  # of address space, however little memory is free: libraries reserve more than they use
COPIES: Final = 4  # of the weights in address space while they load: mapped, read, converted from float16 to float32


@dataclass(frozen=True)
class WorkerLimits:
    """Limits in seconds and bytes. Memory is what a step may take in addition to what is taken before it.

    start_s: to start the process and import the libraries. load_s: to load a model, in addition to reading its files.
    prepare_s, prepare_bytes: for a chat template, tokenizer and picture processor, which take milliseconds and little
    memory unless they are hostile. run_s: without a sign of progress. run_bytes: activations; a picture of 1024 x 1024
    in float32 takes about 10 GiB in the decoder of Stable Diffusion XL. A call may take the free memory of the machine at
    most, or LEAST_BYTES. load_bytes: in addition to COPIES of the weights.
    caller: bounds of the call in progress, which apply, too.
    """

    start_s: float = 300
    load_s: float = 120
    prepare_s: float = 30
    run_s: float = 1800
    load_bytes: int = 4 * GIB
    prepare_bytes: int = 2 * GIB
    run_bytes: int = 24 * GIB
    caller: Limits = NONE

    def loading_s(self, weights: int) -> float:
        """Return the time for a model whose files have `weights` bytes."""
        return self.load_s + weights / LOADING_BYTES_PER_S

    def loading_bytes(self, weights: int) -> int:
        return self.load_bytes + COPIES * weights

    def within(self, caller: Limits) -> WorkerLimits:
        """Return these limits for a call with bounds of its own, on this machine as it is now."""
        free = memory.free()
        most = self.run_bytes if free is None else min(self.run_bytes, max(free, LEAST_BYTES))
        return replace(self, caller=caller, run_bytes=most)

    def to_dict(self) -> dict[str, Any]:
        """Return the limits that the process applies to itself; `caller` is applied by its caller."""
        return {name: value for name, value in vars(self).items() if name != "caller"}
