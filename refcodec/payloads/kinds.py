# SPDX-License-Identifier: MIT
"""SPEC §13: which kind is read by what. Modules of a kind are imported when it is met."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.payloads import Value
from refcodec.registry.binding_schema import uses_model

if TYPE_CHECKING:
    from refcodec.networks.context_model import Backend, Trace
    from refcodec.progress import Progress
    from refcodec.table_files import TableFiles

NETWORKS = (spec.SKETCH, spec.ELIC)


def needs_model(kind: int, parameters: Mapping[str, Any]) -> bool:
    """Whether the symbols of a kind cannot be read without the model of the row (SPEC §5): PQ codes can."""
    return kind != spec.PQ and uses_model(kind, parameters)


def fits(model: Any, kind: int, parameters: Mapping[str, Any]) -> None:
    """SEM-R-112: model and registry row must speak of the same kind and shapes; SemError 803."""
    if model.kind in NETWORKS:
        own = {
            "groups": list(model.groups),
            "hyper": model.hyper,
            "m": model.m,
            "parity": model.parity,
            "rates": model.rates,
        }
        wanted = dict(parameters)
    else:
        wanted = {name: parameters.get(name) for name in model.numbers if name in parameters}
        own = {name: model.numbers[name] for name in wanted}
    if model.kind != kind or own != wanted:
        raise SemError(Code.MODEL_MALFORMED, "the model's shapes are not those of the profile", path="model")


def decode(
    kind: int,
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
) -> Value:
    """The symbols of a body of this kind in a picture of size (width, height); SemError for what is wrong with it.

    limit: bytes of a text at this level (§15). tables: those that SPEC.md fixes. model: the loaded model of the row where `needs_model`, and for kinds 6
    and 7 the backend that runs it.
    """
    if kind == spec.CONSONANT:
        from refcodec.payloads import consonant

        return consonant.decode(body, parameters, limit, tables=tables)
    if kind == spec.CAPTION:
        from refcodec.payloads.caption import kind as caption

        return caption.decode(body, parameters, limit, tables=tables)
    if kind == spec.CLIP:
        from refcodec.payloads import clip_bits

        return clip_bits.decode(body, parameters, None if model is None else model.table)
    if kind == spec.PQ:
        from refcodec.payloads import pq_codes

        return pq_codes.decode(body, parameters)
    if kind == spec.VQ:
        from refcodec.payloads import vq_indices

        return vq_indices.decode(body, parameters, size, None if model is None else model.table)
    from refcodec.payloads import latents

    assert backend is not None
    return latents.decode(body, model, size, backend, trace, progress, tables=tables)
