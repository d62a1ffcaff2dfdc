# SPDX-License-Identifier: MIT
"""What a payload kind is (SPEC §6, §13): one `Kind`, from which whatever the library knows of the kind derives.

    KIND = Kind(id=4, name="pq", well_formed=well_formed, decode=..., encode=..., export=...)

A module of a kind exports its descriptor, and `refcodec.payloads.kinds.KINDS` lists them. The container, the registry,
`inspect` and semtool read them before any payload is decoded, so that importing one imports neither numpy nor torch:
functions import what is heavy when they are called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from refcodec.errors import Code, SemError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from refcodec.payloads import Value
    from refcodec.payloads.coding import CodingContext
    from refcodec.payloads.exports import Artifact, ExportContext

Parameters = Mapping[str, Any]  # of one kind, from the binding of a registry row (§5)


class TableForm(NamedTuple):
    """A symbol model that is one tensor (SPEC §12)."""

    members: Mapping[str, int]  # integers of the manifest's `symbols`, each from 1 to its largest value
    tensor: str
    dtype: str
    check: Callable[[Mapping[str, int], NDArray[Any]], None]  # SemError 803 for members and a tensor that do not fit


class SymbolOption(NamedTuple):
    """A keyword of `refcodec.encode` and an option of `semtool encode` under which symbols are given."""

    name: str
    metavar: str
    help: str
    form: Literal["text", "array", "picture"]  # of its value; the latter two stand in files


def _no_count(_parameters: Parameters, _width: int, _height: int) -> int | None:
    return None


def _no_model(_parameters: Parameters) -> bool:
    return False


@dataclass(frozen=True, eq=False)
class Kind:
    """One payload kind: its numbers and names, its rules, its coder and its exports."""

    id: int  # number of its critical section, 1 … 63
    name: str
    well_formed: Callable[[dict[str, Any]], bool]  # whether a row may have these parameters (SEM-R-032)
    decode: Callable[[bytes, CodingContext], Value]  # SemError for a body that is no payload of the kind
    encode: Callable[[Any, CodingContext], bytes]  # ValueError for a value that no body of the row gives
    export: Callable[[Any, ExportContext], Artifact]
    # symbols of a payload in a picture of (width, height); None where the size does not fix them
    symbol_count: Callable[[Parameters, int, int], int | None] = _no_count
    uses_model: Callable[[Parameters], bool] = _no_model  # whether a row of these parameters uses its model (§5)
    decodes_without_model: bool = False  # the model tells only what the symbols stand for
    table: TableForm | None = None  # of its model, where that is one tensor
    networks: bool = False  # whether its model is one of networks
    text: bool = False  # its bytes, and those of its symbols, are limited as text (§15)
    option: SymbolOption | None = None  # that it adds
    inputs: frozenset[str] = frozenset()  # names of all under which symbols of the kind are given
    model_inputs: frozenset[str] = frozenset()  # those of them that need the model, where the row uses one

    def needs_model(self, parameters: Parameters) -> bool:
        """Return whether bodies of a row with these parameters cannot be decoded without its model."""
        return not self.decodes_without_model and self.uses_model(parameters)

    def check_model(self, model: Any, parameters: Parameters) -> None:
        """Raise `ModelError` for a model of another kind, or of other numbers than the row's parameters (SEM-R-112)."""
        wanted = {name: parameters[name] for name in model.numbers if name in parameters}
        if model.kind != self.id or any(model.numbers[name] != value for name, value in wanted.items()):
            raise SemError(Code.MODEL_MALFORMED, "the model's shapes are not those of the profile", path="model")


Kinds = tuple[Kind, ...]


def is_integer(value: Any, low: int, high: int) -> bool:
    """Return whether a JSON value is an integer from `low` to `high`: neither `true` nor 1.0."""
    return type(value) is int and low <= value <= high


def is_digest(value: Any) -> bool:
    """Return whether a JSON value is a SHA-256 in lower-case hexadecimal."""
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None
