# SPDX-License-Identifier: MIT
"""Symbols 0 … V - 1 that are coded one by one, by the frequencies of the tensor `usage` if the row has a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from refcodec.errors import Code, SemError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SYMBOL_BYTES: Final = 56  # memory of one symbol while it is decoded: an integer in a list, then in a tuple


def check_usage(symbol: str, members: Mapping[str, int], tensor: NDArray[Any]) -> None:
    """Raise `ModelError` if the tensor `usage` is not one frequency for each symbol (SEM-R-118, DRAFT-R-113).

    symbol: its noun, for the message. members: those of the model, with `v`.
    """
    import numpy as np

    from refcodec.entropy.tables import TOTAL

    if tensor.shape != (members["v"],) or not (tensor >= 1).all() or int(tensor.astype(np.int64).sum()) != TOTAL:
        what = f"not a frequency of 1 or more for each {symbol}, {TOTAL} in sum"
        raise SemError(Code.MODEL_MALFORMED, what, path="usage")
