# SPDX-License-Identifier: MIT
"""Write payloads of kinds 1 to 5 from the values in a case or in the input of an encoder vector.

kind 1   the consonants, as text
kind 2   (mode, text) or ("tokens", ids), and the number of the candidate in rows that have some; for zlib and zstd
         (mode, text, bytes after the first), since another version of a compressor may produce other bytes
3 to 5   integers in the order of the stream
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from refcodec import spec, table_files
from refcodec.payloads import Value, clip_bits, consonant, kinds, pq_codes, vq_indices
from refcodec.payloads.caption import modes as caption
from refcodec.payloads.coding import CodingContext

LIMIT: Final = spec.LEVELS[1][3]
FIRST_BYTE: Final = {"zlib": b"\xf9", "zstd": b"\xfa"}


def encode(
    kind: int, value: Any, parameters: Mapping[str, Any], size: tuple[int, int], table: Sequence[int] | None
) -> tuple[bytes, Value]:
    """Return the body and its symbols; `table`: frequencies of the model, if the kind needs one.

    Raises ValueError if decoding the body gives other symbols.
    """
    body = _body(kind, value, parameters, size, table)
    model = None if table is None else _Table(table)
    context = CodingContext(parameters, size, LIMIT, table_files.SHIPPED, model)
    decoded = kinds.get(kind).decode(body, context)
    if flat(kind, decoded) != (tuple(v for v in value if not isinstance(v, bytes)) if kind == spec.CAPTION else value):
        raise ValueError(f"kind {kind}: decoding the payload gives other symbols")
    return body, decoded


def flat(kind: int, value: Any) -> Any:
    """Return symbols in the form that cases use."""
    if kind == spec.CONSONANT:
        return value.text
    if kind == spec.CAPTION:
        head = (value.mode, value.text if value.tokens is None else value.tokens)
        return head if value.candidate is None else (*head, value.candidate)
    return value.indices if kind == spec.VQ else value.codes


def _body(
    kind: int, value: Any, parameters: Mapping[str, Any], size: tuple[int, int], table: Sequence[int] | None
) -> bytes:
    if kind == spec.CONSONANT:
        return consonant.encode(consonant.from_text(value).codes, parameters, tables=table_files.SHIPPED)
    if kind == spec.CAPTION:
        mode, text, *rest = value
        if rest and isinstance(rest[0], bytes):
            return FIRST_BYTE[mode] + rest[0]
        candidate = rest[0] if rest else None
        if mode == "tokens":
            return caption.encode_tokens(text, parameters, candidate)
        return caption.encode(text, parameters, mode, tables=table_files.SHIPPED, candidate=candidate)
    if kind == spec.CLIP:
        return clip_bits.encode(value, parameters, table)
    if kind == spec.PQ:
        return pq_codes.encode(value, parameters)
    return vq_indices.encode(value, parameters, size, table)


class _Table:
    """A model of kind 3 or 5 as `kinds.decode` uses it."""

    def __init__(self, table: Sequence[int]) -> None:
        self.table = table
