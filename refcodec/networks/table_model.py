# SPDX-License-Identifier: MIT
"""Load symbol models that consist of one tensor (SPEC §12), in the form that their payload kind describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from refcodec.networks import identity
from refcodec.networks.manifest_values import malformed
from refcodec.networks.symbol_model import symbol_digest

if TYPE_CHECKING:
    from refcodec.payloads.base import TableForm


@dataclass(frozen=True, eq=False)
class TableModel:
    """A symbol model of one tensor. `numbers`: the integer members of `symbols`; `tensor`: as `TableForm` describes it."""

    kind: int
    digest: str
    numbers: dict[str, int]
    tensor: NDArray[Any]

    @property
    def table(self) -> list[int]:
        """Return the tensor as Python integers."""
        values: list[int] = self.tensor.tolist()
        return values


def build(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]], form: TableForm) -> TableModel:
    """Return the checked model of a manifest's `symbols` and its tensors (already verified against their digests).

    Raise `ModelError` (MODEL_MALFORMED, SEM-E-803) if they do not have the form.
    """
    if set(symbols) - {identity.MEMBER} != {"kind", "tensors", *form.members}:
        raise malformed(f"its members are not {sorted({'kind', 'tensors', *form.members})}", "symbols")
    for member, bound in form.members.items():
        if type(symbols[member]) is not int or not 1 <= symbols[member] <= bound:
            raise malformed(f"not an integer from 1 to {bound}", member)
    numbers = {member: symbols[member] for member in form.members}
    name = form.tensor
    if set(tensors) != {name}:
        raise malformed(f"its only tensor is not {name}", "tensors")
    if symbols["tensors"][name]["dtype"] != form.dtype:
        raise malformed(f"tensor {name} is not {form.dtype}", name)
    form.check(numbers, tensors[name])
    return TableModel(symbols["kind"], symbol_digest(symbols), numbers, tensors[name])
