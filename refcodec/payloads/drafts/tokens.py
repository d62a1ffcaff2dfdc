# SPDX-License-Identifier: MIT
"""Code a sequence of tokens with a count (drafts/tokens.md, kind 49): TiTok, FlexTok and other 1-D tokenizers.

count | token 0 | token 1 | …

A tokenizer with nested tokens gives a coarser picture from the first tokens alone; `truncated` makes that file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from refcodec import entropy
from refcodec.payloads import Codes, checked
from refcodec.payloads.base import Kind, SymbolOption, TableForm, is_integer
from refcodec.payloads.usage import SYMBOL_BYTES, check_usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.payloads.coding import CodingContext
    from refcodec.payloads.exports import Artifact, ExportContext

ID: Final = 49
COUNT_MAX: Final = 65535  # of tokens
COUNTS_MAX: Final = 4096  # different counts of a row


class Tokens(Codes):
    """Tokens 0 … V - 1, the most important first if the tokenizer orders them so."""


def well_formed(parameters: dict[str, Any]) -> bool:
    """Return whether the parameters of a row are valid: code words, allowed counts, whether there is a table."""
    return (
        set(parameters) == {"v", "counts", "usage"}
        and is_integer(parameters["v"], 1, 65536)
        and type(parameters["usage"]) is bool
        and _are_counts(parameters["counts"])
    )


def _are_counts(counts: Any) -> bool:
    """Return whether a JSON value is a list of strictly ascending counts."""
    if not isinstance(counts, list) or not 1 <= len(counts) <= COUNTS_MAX:
        return False
    valid = all(is_integer(count, 0, COUNT_MAX) for count in counts)
    return valid and all(low < high for low, high in pairwise(counts))


def symbol_count(parameters: Mapping[str, Any], _width: int, _height: int) -> int:
    """Return the largest number of tokens that a row allows, whatever the size of the picture."""
    return int(parameters["counts"][-1])


def _walk(coder: entropy.Coder, context: CodingContext, tokens: Sequence[int] | None = None) -> Tokens:
    counts: list[int] = context.parameters["counts"]
    v, progress = int(context.parameters["v"]), context.progress
    table = entropy.uniform(v) if context.model is None else entropy.cumulative(context.model.table)
    count = counts[coder.symbol(entropy.uniform(len(counts)), None if tokens is None else counts.index(len(tokens)))]
    out = []
    for i in range(count):
        out.append(coder.symbol(table, None if tokens is None else tokens[i]))
        if progress is not None and i % 1024 == 1023:
            progress((i + 1) / count)
    return Tokens(tuple(out))


def decode(body: bytes, context: CodingContext) -> Tokens:
    """Return the tokens of a body. Raise STREAM_INVALID (SEM-E-401) or STREAM_NOT_CANONICAL (SEM-E-402)."""
    coder = entropy.Decoder(body)
    value = _walk(coder, context)
    coder.finish()
    return value


def encode(value: Codes, context: CodingContext) -> bytes:
    """Return the body of tokens.

    Raises ValueError for a number of them that the row does not allow, or one outside 0 … V - 1.
    """
    tokens = checked(value.codes, int(context.parameters["v"]), "tokens")
    if len(tokens) not in context.parameters["counts"]:
        fitting = truncated_count(context.parameters, len(tokens))
        hint = "" if fitting is None else f"; the first {fitting} of them would do"
        raise ValueError(f"the profile allows no sequence of {len(tokens)} tokens{hint}")
    coder = entropy.Encoder()
    _walk(coder, context, tokens)
    return coder.finish()


def truncated_count(parameters: Mapping[str, Any], limit: int) -> int | None:
    """Return the largest count of a row that is at most `limit`, or None if all are larger."""
    counts: list[int] = parameters["counts"]
    at = bisect_right(counts, limit)
    return counts[at - 1] if at else None


def truncated(value: Codes, parameters: Mapping[str, Any], limit: int) -> Tokens:
    """Return the first tokens of a sequence, at most `limit`: those of a lower rate.

    Raises ValueError if the row has no such count.
    """
    count = truncated_count(parameters, min(limit, len(value.codes)))
    if count is None:
        raise ValueError(f"the profile allows no sequence of {limit} tokens or fewer")
    return Tokens(value.codes[:count])


def _export(value: Codes, _context: ExportContext) -> Artifact:
    from refcodec.payloads.exports import Artifact, npy_bytes

    array: NDArray[np.uint16] = value.arrays()
    return Artifact("tokens", (".npy",), lambda _: npy_bytes(array))


KIND: Final = Kind(
    id=ID,
    name="tokens",
    well_formed=well_formed,
    decode=decode,
    encode=encode,
    export=_export,
    symbol_count=symbol_count,
    memory=lambda context: (1 << 20) + SYMBOL_BYTES * symbol_count(context.parameters, *context.size),
    uses_model=lambda parameters: bool(parameters["usage"]),
    table=TableForm({"v": 65536}, "usage", "U16", partial(check_usage, "token")),
    option=SymbolOption("tokens", "F.npy", "Tokens, one row of integers.", "array"),
    inputs=frozenset({"tokens"}),
    model_inputs=frozenset({"tokens"}),
)
