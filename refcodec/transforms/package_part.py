# SPDX-License-Identifier: MIT
"""Check a float network of a model package, `encoder` or `painter`, before it is built. Imports no torch.

All functions raise Code.MODEL_MALFORMED (SEM-E-803) with the part as its path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.manifest_values import malformed

Config = TypeVar("Config")
Tensors = Mapping[str, NDArray[Any]]


def read_architecture(entry: Mapping[str, Any], part: str, parse: Callable[[object], Config]) -> Config:
    """Return the architecture of a manifest's entry; `parse` raises ValueError for an invalid one."""
    try:
        return parse(entry.get("architecture"))
    except ValueError as e:
        raise malformed(f"its architecture is not one this program knows ({e})", part) from e


def check_numbers(tensors: Tensors, part: str) -> None:
    """Check that all tensors are finite float16 or float32 numbers."""
    if any(t.dtype not in (np.float16, np.float32) or not np.isfinite(t).all() for t in tensors.values()):
        raise malformed("its tensors are not finite F16 or F32 numbers", part)
