# SPDX-License-Identifier: MIT
"""List the payload kinds of this codec (SPEC §6), and look them up by number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from refcodec.payloads import Value, clip_bits, consonant, latents, pq_codes, vq_indices
from refcodec.payloads.base import Kind, Kinds, SymbolOption
from refcodec.payloads.caption import modes

if TYPE_CHECKING:
    from refcodec.networks.context_model import Backend, Trace
    from refcodec.progress import Progress
    from refcodec.table_files import TableFiles

KINDS: Final[Kinds] = (
    consonant.KIND,
    modes.KIND,
    clip_bits.KIND,
    pq_codes.KIND,
    vq_indices.KIND,
    latents.SKETCH,
    latents.ELIC,
)


def find(number: Any, kinds: Kinds = KINDS) -> Kind | None:
    """Return the kind of this number, None if it is unknown."""
    return next((kind for kind in kinds if type(number) is int and kind.id == number), None)


def get(number: int, kinds: Kinds = KINDS) -> Kind:
    """Return the kind of a number that a row of the registry allows; KeyError if it is unknown."""
    return {kind.id: kind for kind in kinds}[number]


def needs_model(number: int, parameters: Mapping[str, Any], kinds: Kinds = KINDS) -> bool:
    """Return whether the bodies of a row need its model to be decoded (SPEC §5); PQ codes do not."""
    return get(number, kinds).needs_model(parameters)


def check_model(model: Any, number: int, parameters: Mapping[str, Any], kinds: Kinds = KINDS) -> None:
    """Raise `ModelError` if a model is of another kind, or differs from the parameters of the row (SEM-R-112)."""
    get(number, kinds).check_model(model, parameters)


def decode(
    number: int,
    body: bytes,
    parameters: Mapping[str, Any],
    size: tuple[int, int],
    *,
    limit: int,
    tables: TableFiles,
    model: Any = None,
    backend: Backend | None = None,
    trace: Trace | None = None,
    progress: Progress | None = None,
    kinds: Kinds = KINDS,
) -> Value:
    """Return the symbols of a body in a picture of size (width, height). Raise SemError if the body is invalid.

    limit: octets of a text at this level (§15). tables: the normative tables of SPEC.md. model: the loaded model of the
    row, if `needs_model`. backend: runs the model, if it consists of networks.
    """
    from refcodec.payloads.coding import CodingContext

    context = CodingContext(parameters, size, limit, tables, model, backend, trace, progress)
    return get(number, kinds).decode(body, context)


def name_of(number: int, kinds: Kinds = KINDS) -> str:
    """Return the name of a known kind."""
    return get(number, kinds).name


def symbol_options(kinds: Kinds = KINDS) -> tuple[SymbolOption, ...]:
    """Return the options that take symbols, in the order of the kinds that add them."""
    return tuple(kind.option for kind in kinds if kind.option is not None)
