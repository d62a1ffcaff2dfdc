# SPDX-License-Identifier: MIT
"""Describe a payload kind (SPEC §6, §13) by one `Kind`, from which everything in the library about it derives.

    KIND = Kind(id=4, name="pq", well_formed=well_formed, decode=..., encode=..., export=...)

The module of a kind exports its descriptor, and `refcodec.payloads.kinds.KINDS` lists them. The container, the
registry, `inspect` and semtool read descriptors before any payload is decoded; therefore these modules import neither
numpy nor torch until a function needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

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
    check: Callable[[Mapping[str, int], NDArray[Any]], None]  # raises MODEL_MALFORMED for an invalid tensor


class Model(Protocol):
    """A loaded symbol model (SPEC §12). `numbers`: its members that also stand in the parameters of a row."""

    @property
    def kind(self) -> int: ...

    @property
    def digest(self) -> str: ...

    @property
    def numbers(self) -> dict[str, Any]: ...


class SymbolOption(NamedTuple):
    """A keyword of `refcodec.encode` and option of `semtool encode` that takes symbols."""

    name: str
    metavar: str
    help: str
    form: Literal["text", "array", "picture"]  # of its value; arrays and pictures are read from files


def _no_count(_parameters: Parameters, _width: int, _height: int) -> int | None:
    return None


def _little_memory(_context: CodingContext) -> int:
    return 1 << 22


def _no_model(_parameters: Parameters) -> bool:
    return False


@dataclass(frozen=True, eq=False)
class Kind:
    """One payload kind: its numbers and names, its rules, its coder and its exports."""

    id: int  # number of its critical section, 1 … 63
    name: str
    well_formed: Callable[[dict[str, Any]], bool]  # whether the parameters of a row are valid (SEM-R-032)
    decode: Callable[[bytes, CodingContext], Value]  # raises SemError for an invalid body
    encode: Callable[[Any, CodingContext], bytes]  # raises ValueError for a value that the row cannot code
    export: Callable[[Any, ExportContext], Artifact]
    # decodes as `decode` does, and yields the symbols of previews on the way, with predictions for those to come
    stages: Callable[[bytes, CodingContext], Generator[Value, None, Value]] | None = None
    # number of symbols in a picture of (width, height); None if the size does not determine it
    symbol_count: Callable[[Parameters, int, int], int | None] = _no_count
    # bytes of memory that decoding takes beyond the model and the libraries, within 20 % of what is more than 50 MB
    memory: Callable[[CodingContext], int] = _little_memory
    uses_model: Callable[[Parameters], bool] = _no_model  # whether a row with these parameters uses its model (§5)
    decodes_without_model: bool = False  # the model only gives a meaning to the symbols
    table: TableForm | None = None  # form of its model, if that is one tensor
    networks: bool = False  # whether its model consists of networks
    # manifest's `symbols`, tensors -> checked model; None: the form of kinds 6 and 7 if `networks`, else that of `table`
    build: Callable[[dict[str, Any], dict[str, NDArray[Any]]], Model] | None = None
    text: bool = False  # the limit for text applies to its bytes and symbols (§15)
    option: SymbolOption | None = None  # the option that it adds
    inputs: frozenset[str] = frozenset()  # names of all options that take its symbols
    model_inputs: frozenset[str] = frozenset()  # those that need the model, if the row uses one

    def needs_model(self, parameters: Parameters) -> bool:
        """Return whether the bodies of a row with these parameters need its model to be decoded."""
        return not self.decodes_without_model and self.uses_model(parameters)

    def check_model(self, model: Any, parameters: Parameters) -> None:
        """Raise `ModelError` if a model is of another kind, or differs from the parameters of the row (SEM-R-112)."""
        required = {name: parameters[name] for name in model.numbers if name in parameters}
        if model.kind != self.id or any(model.numbers[name] != value for name, value in required.items()):
            raise SemError(Code.MODEL_MALFORMED, "the model's shapes are not those of the profile", path="model")


def is_integer(value: Any, low: int, high: int) -> bool:
    """Return whether a JSON value is an integer from `low` to `high`: neither `true` nor 1.0."""
    return type(value) is int and low <= value <= high
