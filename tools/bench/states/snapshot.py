# SPDX-License-Identifier: MIT
"""What a process can see of its own state: flags, levels, hooks, random numbers, environment, descriptors, threads."""

from __future__ import annotations

import decimal
import gc
import hashlib
import json
import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings
from contextlib import suppress
from typing import Any

import numpy as np

LOGGERS = ("", "PIL", "transformers", "diffusers", "huggingface_hub", "numba", "torch")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD)


def snapshot() -> dict[str, Any]:
    """Return the state of the process and of the calling thread, in values that can be compared."""
    return {**_python(), **_system(), **_numbers(), **_torch(), **_model_libraries()}


def _python() -> dict[str, Any]:
    found: dict[str, Any] = {
        "warnings.filters": list(warnings.filters),
        "warnings.showwarning": warnings.showwarning,
        "hooks": (sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook, sys.breakpointhook),
        "import hooks": (len(sys.meta_path), len(sys.path_hooks)),
        "sys.path": list(sys.path),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "recursion limit": sys.getrecursionlimit(),
        "digits": sys.get_int_max_str_digits(),
        "gc": (gc.isenabled(), gc.get_threshold(), len(gc.callbacks)),
        "trace": (sys.gettrace(), sys.getprofile()),
        "switch interval": sys.getswitchinterval(),
        "json": (json.loads, json.dumps, json.JSONEncoder.default),
        "decimal": str(decimal.getcontext()),
        "threads": threading.active_count(),
        "logging.disable": logging.root.manager.disable,
    }
    for name in LOGGERS:
        logger = logging.getLogger(name or None)
        found[f"logger {name or 'root'}"] = (logger.level, list(logger.handlers), logger.propagate, logger.disabled)
    return found


def _system() -> dict[str, Any]:
    found: dict[str, Any] = {
        "environment": dict(os.environ),
        "locale": locale.setlocale(locale.LC_ALL),
        "umask": _umask(),
        "signals": [signal.getsignal(number) for number in SIGNALS],
        "timer": signal.getitimer(signal.ITIMER_REAL)[1],
    }
    with suppress(OSError):
        found["directory"] = os.getcwd()
    with suppress(OSError):
        found["descriptors"] = sorted(os.listdir("/dev/fd"))
    return found


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _numbers() -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state()
    return {
        "random": hashlib.sha256(repr(random.getstate()).encode()).hexdigest(),
        "numpy.random": (kind, hashlib.sha256(np.asarray(keys).tobytes()).hexdigest(), *rest),
        "numpy errors": (np.geterr(), np.geterrcall()),
        "numpy printing": np.get_printoptions(),
    }


def _torch() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    precision = torch._C._get_fp32_precision_getter
    operations = [("generic", "all"), *((b, o) for b in ("cuda", "mkldnn") for o in ("all", "conv", "matmul", "rnn"))]
    return {
        "torch dtype": torch.get_default_dtype(),
        "torch device": _default_device(),
        "torch modes": torch.overrides._get_current_function_mode_stack(),
        "torch dispatch modes": torch.utils._python_dispatch._get_current_dispatch_mode_stack(),
        "torch autocast": [torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")],
        "torch precision": [precision(*operation) for operation in operations],
        "torch matmul precision": _or_error(torch.get_float32_matmul_precision),
        "torch cudnn": [_or_error(getter) for getter in _cudnn(torch)],
        "torch deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        "torch mkldnn": (torch._C._get_mkldnn_enabled(), torch._C._get_mkldnn_deterministic()),
        "torch gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()),
        "torch threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "torch random": _torch_random(torch),
    }


def _torch_random(torch: Any) -> str:
    with torch._C.DisableTorchFunction(), torch.utils._python_dispatch._disable_current_modes():
        return hashlib.sha256(torch._C.default_generator.get_state().numpy().tobytes()).hexdigest()


def _cudnn(torch: Any) -> tuple[Any, ...]:
    c = torch._C
    return c._get_cudnn_allow_tf32, c._get_cublas_allow_tf32, c._get_cudnn_enabled, c._get_cudnn_benchmark


def _default_device() -> Any:
    import torch.utils._device  # which `import torch` need not do

    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return (None if context is None else context.device), torch.utils._device.CURRENT_DEVICE


def _or_error(getter: Any) -> Any:
    try:
        return getter()
    except RuntimeError as error:  # flags of the old and the new interface are mixed
        return type(error)


def _model_libraries() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("transformers", "diffusers"):
        if (module := sys.modules.get(f"{name}.utils.logging")) is not None:
            found[f"{name} logging"] = (module.get_verbosity(), module.is_progress_bar_enabled())
    if (hub := sys.modules.get("huggingface_hub.utils")) is not None:
        found["huggingface_hub bars"] = hub.are_progress_bars_disabled()
    return found


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the names of the values that differ; one that only `after` has is of a library imported meanwhile."""
    return sorted(name for name in before if before[name] != after.get(name))
