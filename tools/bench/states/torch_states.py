# SPDX-License-Identifier: MIT
"""States of torch that a caller, or a library of a caller, can have set in the process or in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tools.bench.states.states import State, changed


class _RaisingFunctionMode(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} was called under the mode of the program")


class _HalvingDispatchMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Round every float result to 16 bits."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor) and out.is_floating_point():
            return out.to(torch.bfloat16).to(out.dtype)
        return out


def _fake_tensors() -> AbstractContextManager[Any]:
    from torch._subclasses.fake_tensor import FakeTensorMode

    return FakeTensorMode()


@contextmanager
def _default_device() -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


def _default_dtype(dtype: torch.dtype) -> AbstractContextManager[Any]:
    return changed(torch.get_default_dtype, torch.set_default_dtype, dtype)


def _matmul_precision() -> AbstractContextManager[Any]:
    return changed(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "medium")


def _precision(*settings: tuple[str, str, str]) -> AbstractContextManager[Any]:
    """Set precisions by the new interface: (backend, operation, precision)."""
    get, put = torch._C._get_fp32_precision_getter, torch._C._set_fp32_precision_setter
    stack = ExitStack()
    for backend, operation, _ in settings:
        stack.callback(put, backend, operation, get(backend, operation))
    for backend, operation, value in settings:
        put(backend, operation, value)
    return stack


def _old_flags() -> AbstractContextManager[Any]:
    stack = ExitStack()
    stack.enter_context(changed(torch._C._get_cudnn_allow_tf32, torch._C._set_cudnn_allow_tf32, False))
    stack.enter_context(changed(torch._C._get_cublas_allow_tf32, torch._C._set_cublas_allow_tf32, True))
    return stack


@contextmanager
def _deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def _without_onednn() -> AbstractContextManager[Any]:
    return changed(torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled, False)


def _threads(number: int) -> AbstractContextManager[Any]:
    return changed(torch.get_num_threads, torch.set_num_threads, number)


@contextmanager
def _flush() -> Iterator[None]:
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _seeded() -> AbstractContextManager[Any]:
    torch.manual_seed(7)
    return ExitStack()


@contextmanager
def mixed_flags() -> Iterator[None]:
    """Set every flag of the process that calls change while they run."""
    with ExitStack() as stack:
        stack.enter_context(_precision(("generic", "all", "tf32"), ("mkldnn", "conv", "bf16")))
        for state in (_deterministic(), _without_onednn(), _default_dtype(torch.float64)):
            stack.enter_context(state)
        yield


TORCH: Final[dict[str, State]] = {
    "default device meta": _default_device,
    "device context meta": lambda: torch.device("meta"),
    "default dtype float64": lambda: _default_dtype(torch.float64),
    "default dtype bfloat16": lambda: _default_dtype(torch.bfloat16),
    "autocast bfloat16": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast float16": lambda: torch.autocast("cpu", torch.float16),
    "matmul precision medium": _matmul_precision,
    "fp32 precision bf16": lambda: _precision(("mkldnn", "all", "bf16")),
    "fp32 precision of conv": lambda: _precision(("mkldnn", "conv", "bf16"), ("cuda", "conv", "ieee")),
    "fp32 precision tf32": lambda: _precision(("generic", "all", "tf32")),
    "allow_tf32 of old": _old_flags,
    "deterministic algorithms": _deterministic,
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "anomaly detection": lambda: changed(torch.is_anomaly_enabled, torch.set_anomaly_enabled, True),
    "function mode": _RaisingFunctionMode,
    "dispatch mode": _HalvingDispatchMode,
    "fake tensors": _fake_tensors,
    "oneDNN off": _without_onednn,
    "one thread": lambda: _threads(1),
    "seven threads": lambda: _threads(7),
    "denormals to zero": _flush,
    "seeded torch": _seeded,
}
