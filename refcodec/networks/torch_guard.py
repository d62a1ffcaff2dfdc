# SPDX-License-Identifier: MIT
"""Run torch as in a new process, whatever the program around has set, and leave its settings alone.

A program may have set a default device or dtype, autocast, function or dispatch modes, reduced precision, deterministic
algorithms, or gradients that are recorded: each would change results here or end them with an error.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import torch
from torch import nn
from torch.utils._python_dispatch import _disable_current_modes

from refcodec.networks.openmp import threads_for
from refcodec.networks.torch_flags import DEFAULT_DTYPE, FLAGS
from refcodec.process_settings import quiet_warnings

DEVICES: Final = ("cpu", "cuda", "mps")


@contextmanager
def neutral(work: float = math.inf) -> Iterator[None]:
    """Run the block without the modes, flags and gradients of the program. `work`: as for `threads_for`.

    Raises MemoryError where torch raises an error of its own for exhausted memory.
    """
    with ExitStack() as stack:
        stack.enter_context(quiet_warnings())
        stack.enter_context(without_modes())
        stack.enter_context(FLAGS.changed())
        stack.enter_context(without_autocast())
        stack.enter_context(threads_for(work))
        stack.enter_context(torch.inference_mode())
        try:
            yield
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise MemoryError(str(error)) from error
            raise


@contextmanager
def recording_gradients(work: float = math.inf) -> Iterator[None]:
    """Run the block as `neutral` does, but record gradients. Tensors that are made in it may take part in later blocks."""
    with neutral(work), torch.inference_mode(False), torch.enable_grad():
        yield


@contextmanager
def neutral_for_libraries() -> Iterator[None]:
    """Run networks of other libraries in the block as `neutral` does, and with the default dtype float32."""
    with neutral(), DEFAULT_DTYPE.changed():
        yield


# Held while networks are built: torch keeps the device of a context, and the default dtype that the libraries change, in
# variables of the process.
_BUILDING: Final = threading.RLock()


@contextmanager
def loading_weights() -> Iterator[None]:
    """Load networks of other libraries on the CPU, whatever the defaults, without taking from torch's random numbers.

    Their tensors outlive the block and may take part in gradients later. One thread at a time.
    """
    with neutral_for_libraries(), torch.inference_mode(False), torch.no_grad(), _BUILDING, torch.device("cpu"):
        state = torch.get_rng_state()
        try:
            yield
        finally:
            torch.set_rng_state(state)


@contextmanager
def without_memory() -> Iterator[None]:
    """Build networks on the device "meta", which takes neither time nor memory; weights are assigned to them later."""
    with without_modes(), _BUILDING, torch.device("meta"):
        yield


def multiplications(network: nn.Module, sites: int) -> int:
    """Return about how many multiplications a network takes whose weights are used at `sites` places each."""
    return sites * sum(weights.numel() for weights in network.parameters())


@contextmanager
def without_modes() -> Iterator[None]:
    """Set aside the function modes, such as the default device, and the dispatch modes of the calling thread."""
    modes = [torch._C._pop_torch_function_stack() for _ in range(torch._C._len_torch_function_stack())]
    try:
        with _disable_current_modes():  # type: ignore[no-untyped-call]
            yield
    finally:
        for mode in reversed(modes):
            torch._C._push_on_torch_function_stack(mode)


@contextmanager
def without_autocast() -> Iterator[None]:
    """Switch autocast off for every type of device in the calling thread."""
    enabled = [kind for kind in DEVICES if torch.is_autocast_enabled(kind)]
    for kind in enabled:
        torch.set_autocast_enabled(kind, False)
    try:
        yield
    finally:
        for kind in enabled:
            torch.set_autocast_enabled(kind, True)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of torch, of any of several types, means that memory is exhausted."""
    text = str(error)
    return isinstance(error, torch.OutOfMemoryError) or "allocate" in text or "ALLOC_FAILED" in text


def is_failure_of_device(error: BaseException) -> bool:
    """Return whether an error of torch concerns the device or the installation, and not the network that runs."""
    kinds = tuple(kind for name in ("AcceleratorError",) if isinstance(kind := getattr(torch, name, None), type))
    return isinstance(error, kinds) or (
        isinstance(error, RuntimeError | NotImplementedError | AssertionError)
        and any(sign in str(error) for sign in SIGNS)
    )


SIGNS: Final = (  # in messages of torch about the machine that it runs on
    "CUDA",
    "CUBLAS",
    "cuDNN",
    "CUDNN",
    "HIP error",
    "MPS",
    "NVIDIA",
    "same device",
    "same dtype",
    "same type",
    "not implemented for '",
    "could not create a primitive",
    "forked subprocess",
    "kernel image",
)
