# SPDX-License-Identifier: MIT
"""SPEC §12: the symbol models of kinds 3, 4 and 5, which are a single tensor each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.errors import Code, SemError
from refcodec.networks.symbol_model import symbol_digest

TOTAL: Final = 1 << 16
# kind -> its other members, all positive integers with their largest value; its tensor, the tensor's dtype
FORMS: Final = {
    3: ({"d": 65536, "b": 16}, "sign", "U16"),
    4: ({"m": 65536, "v": 65536, "d": 65536}, "codebooks", "F32"),
    5: ({"v": 65536}, "usage", "U16"),
}


@dataclass(frozen=True, eq=False)
class SmallModel:
    """`numbers`: the members of `symbols` that are integers. `tensor`: sign [D], codebooks [M, V, d / M], usage [V]."""

    kind: int
    digest: str
    numbers: dict[str, int]
    tensor: NDArray[Any]

    @property
    def table(self) -> list[int]:
        """The tensor of kind 3 or 5 as Python integers."""
        values: list[int] = self.tensor.tolist()
        return values


def build(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> SmallModel:
    """The checked model of a manifest's `symbols` and its tensors (already verified against their digests)."""
    kind = symbols["kind"]
    most, name, dtype = FORMS[kind]
    if set(symbols) != {"kind", "tensors", *most}:
        raise _malformed(f"its members are not {sorted({'kind', 'tensors', *most})}", "symbols")
    for member, bound in most.items():
        if type(symbols[member]) is not int or not 1 <= symbols[member] <= bound:
            raise _malformed(f"not an integer from 1 to {bound}", member)
    numbers = {member: symbols[member] for member in most}
    if set(tensors) != {name}:
        raise _malformed(f"its only tensor is not {name}", "tensors")
    if symbols["tensors"][name]["dtype"] != dtype:
        raise _malformed(f"tensor {name} is not {dtype}", name)
    tensor = tensors[name]
    _RULES[kind](numbers, tensor, name)
    return SmallModel(kind, symbol_digest(symbols), numbers, tensor)


def _sign(numbers: dict[str, int], tensor: NDArray[Any], name: str) -> None:
    """SEM-R-117."""
    if tensor.shape != (numbers["d"],) or not (tensor >= 1).all():
        raise _malformed("not a frequency from 1 to 65535 for each dimension", name)


def _codebooks(numbers: dict[str, int], tensor: NDArray[Any], name: str) -> None:
    """SEM-R-119."""
    m, v, d = numbers["m"], numbers["v"], numbers["d"]
    if d % m or tensor.shape != (m, v, d // m) or not np.isfinite(tensor).all():
        raise _malformed(f"not finite numbers of the shape [{m}, {v}, d / {m}]", name)


def _usage(numbers: dict[str, int], tensor: NDArray[Any], name: str) -> None:
    """SEM-R-118."""
    if tensor.shape != (numbers["v"],) or not (tensor >= 1).all() or int(tensor.astype(np.int64).sum()) != TOTAL:
        raise _malformed(f"not a frequency of 1 or more for each index, {TOTAL} in sum", name)


_RULES: Final = {3: _sign, 4: _codebooks, 5: _usage}


def _malformed(what: str, path: str) -> SemError:
    return SemError(Code.MODEL_MALFORMED, what, path=path)
