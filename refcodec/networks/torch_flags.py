# SPDX-License-Identifier: MIT
"""Flags of torch that belong to the process and change results: precision of float32, oneDNN, determinism, default dtype.

They are touched only where the program, or a library of it, has set them to other values than networks here need, while
a network runs; `SharedSettings` puts them back. float32 is IEEE binary32 (SPEC §14 allows less than TF32 or bfloat16
lose).
"""

from __future__ import annotations

from typing import Final

import torch

from refcodec.process_settings import SharedSettings, Undo

_PARTS: Final = ("all", "conv", "matmul", "rnn")
_REDUCED: Final = ("tf32", "bf16")


def _change() -> list[Undo]:
    undo: list[Undo] = []
    if torch.are_deterministic_algorithms_enabled() and not torch.is_deterministic_algorithms_warn_only_enabled():
        # deterministic algorithms stay in use; an operation that has none is no error of the file
        torch._C._set_deterministic_algorithms(True, warn_only=True)
        undo.append(lambda: torch._C._set_deterministic_algorithms(True, warn_only=False))
    if not torch._C._get_mkldnn_enabled():  # type: ignore[no-untyped-call]
        torch._C._set_mkldnn_enabled(True)
        undo.append(lambda: torch._C._set_mkldnn_enabled(False))
    return [*undo, *_change_precision()]


def _change_precision() -> list[Undo]:
    if not hasattr(torch._C, "_get_fp32_precision_getter"):
        return _change_old_precision()
    backends = ("mkldnn", "cuda") if torch.cuda.is_initialized() else ("mkldnn",)  # type: ignore[no-untyped-call]
    get, put = torch._C._get_fp32_precision_getter, torch._C._set_fp32_precision_setter
    if not any(get(backend, part) in _REDUCED for backend in backends for part in _PARTS):
        return []
    # The general settings first: what is not set shows the value that it inherits from them.
    names = [("generic", "all"), *((backend, part) for part in _PARTS for backend in ("mkldnn", "cuda"))]
    saved = []
    for name in names:
        saved.append((*name, get(*name)))
        put(*name, "none")

    def restore() -> None:
        for setting in saved:
            put(*setting)

    return [restore, *_change_old_precision()]


def _change_old_precision() -> list[Undo]:
    """Set the flags of the older interface, which torch compares with those of the newer one when either is read."""
    undo: list[Undo] = []
    if (matmul := torch.get_float32_matmul_precision()) != "highest":
        torch.set_float32_matmul_precision("highest")
        undo.append(lambda: torch.set_float32_matmul_precision(matmul))
    if _cudnn_allows_tf32():
        torch._C._set_cudnn_allow_tf32(False)
        undo.append(lambda: torch._C._set_cudnn_allow_tf32(True))
    return undo


def _cudnn_allows_tf32() -> bool:
    try:
        return bool(torch._C._get_cudnn_allow_tf32())
    except RuntimeError:  # it is allowed by the older interface, and not by the newer one
        return True


def _change_dtype() -> list[Undo]:
    if (dtype := torch.get_default_dtype()) == torch.float32:
        return []
    torch.set_default_dtype(torch.float32)
    return [lambda: torch.set_default_dtype(dtype)]


FLAGS: Final = SharedSettings(_change)
# Networks here name the dtype of each tensor; those of other libraries do not.
DEFAULT_DTYPE: Final = SharedSettings(_change_dtype)
