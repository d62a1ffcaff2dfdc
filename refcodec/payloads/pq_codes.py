# SPDX-License-Identifier: MIT
"""Code PQ codes (SPEC §13.4, kind 4; product quantisation, Jégou et al. 2011): M codes of V code words each.

An embedding of d dimensions is divided into M parts of d / M; each part is coded as the index of its nearest code word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from refcodec import entropy, spec
from refcodec.errors import Code, SemError
from refcodec.payloads import Codes, checked
from refcodec.payloads.base import Kind, SymbolOption, TableForm, is_integer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from refcodec.payloads.exports import Artifact, ExportContext


@dataclass(frozen=True)
class PqCodes(Codes):
    """Codes 0 … V - 1, one for each of the M parts in order."""


def well_formed(parameters: dict[str, Any]) -> bool:
    """Return whether the parameters of a row are valid: parts, code words of each, and whether the model has them."""
    return (
        set(parameters) == {"m", "v", "codebooks"}
        and is_integer(parameters["m"], 1, 65536)
        and type(parameters["codebooks"]) is bool
        and is_integer(parameters["v"], 1, 65536)
    )


def check_codebooks(members: Mapping[str, int], tensor: NDArray[Any]) -> None:
    """Raise `ModelError` if the tensor `codebooks` is not V finite code words for each part (SEM-R-119)."""
    import numpy as np

    m, v, d = members["m"], members["v"], members["d"]
    if d % m or tensor.shape != (m, v, d // m) or not np.isfinite(tensor).all():
        what = f"not finite numbers of the shape [{m}, {v}, d / {m}]"
        raise SemError(Code.MODEL_MALFORMED, what, path="codebooks")


def _walk(coder: entropy.Coder, parameters: Mapping[str, Any], codes: Sequence[int] | None = None) -> PqCodes:
    table = entropy.uniform(int(parameters["v"]))
    return PqCodes(tuple(coder.symbol(table, None if codes is None else codes[i]) for i in range(int(parameters["m"]))))


def decode(body: bytes, parameters: Mapping[str, Any]) -> PqCodes:
    """Return the codes of a body. Raise STREAM_INVALID (SEM-E-401) or STREAM_NOT_CANONICAL (SEM-E-402)."""
    coder = entropy.Decoder(body)
    value = _walk(coder, parameters)
    coder.finish()
    return value


def encode(codes: Sequence[int], parameters: Mapping[str, Any]) -> bytes:
    """Return the body of M codes. Raises ValueError for another number of codes, or one outside 0 … V - 1."""
    values = checked(codes, int(parameters["v"]), "codes")
    if len(values) != parameters["m"]:
        raise ValueError(f"the profile has {parameters['m']} codes, not {len(values)}")
    coder = entropy.Encoder()
    _walk(coder, parameters, values)
    return coder.finish()


def search(vector: ArrayLike, codebooks: NDArray[np.float32]) -> tuple[int, ...]:
    """Return the codes of the nearest code words by exhaustive search, the first in a tie.

    vector: real numbers [d]; codebooks: float32[M, V, d / M]. Raises ValueError for another shape, or a number that is
    not finite.
    """
    import numpy as np

    z, (m, _, part) = np.asarray(vector), codebooks.shape
    if z.ndim != 1 or z.dtype.kind not in "fiu" or z.size != m * part:
        raise ValueError(f"a vector is one row of {m * part} real numbers, not {z.dtype}{list(z.shape)}")
    with np.errstate(over="ignore"):
        z = z.astype(np.float64)
        if not np.isfinite(z).all():
            raise ValueError(f"dimension {int((~np.isfinite(z)).argmax())} of the vector is not finite")
        distance = ((codebooks.astype(np.float64) - z.reshape(m, 1, part)) ** 2).sum(2)
    return tuple(distance.argmin(1).tolist())


def lookup(codes: Sequence[int], codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32[d], the concatenated code words."""
    import numpy as np

    return np.concatenate([book[code] for book, code in zip(codebooks, codes, strict=True)])


def codebooks(model: Any, parameters: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """Return float32[M, V, d / M], the code words of the model that a file names.

    None if there is no model, or if it is an explicit one for other codes that the row does not use (§7). Raise
    `ModelError` for another model that differs from the row.
    """
    if model is None or model.kind != spec.PQ:
        return None
    if not parameters["codebooks"] and any(model.numbers[name] != parameters[name] for name in ("m", "v")):
        return None
    KIND.check_model(model, parameters)
    books: NDArray[np.float32] = model.tensor
    return books


def _export(value: PqCodes, context: ExportContext) -> Artifact:
    from refcodec.payloads.exports import Artifact, npy_bytes

    books = codebooks(context.find_model(), context.parameters)
    if books is None:
        return Artifact("PQ codes", (".npy",), lambda _: npy_bytes(value.arrays()))
    return Artifact("image embedding", (".npy",), lambda _: npy_bytes(lookup(value.codes, books)))


KIND: Final = Kind(
    id=spec.PQ,
    name="pq",
    well_formed=well_formed,
    decode=lambda body, context: decode(body, context.parameters),
    encode=lambda value, context: encode(value.codes, context.parameters),
    export=_export,
    symbol_count=lambda parameters, _width, _height: int(parameters["m"]),
    uses_model=lambda parameters: bool(parameters["codebooks"]),
    decodes_without_model=True,
    table=TableForm({"m": 65536, "v": 65536, "d": 65536}, "codebooks", "F32", check_codebooks),
    option=SymbolOption("codes", "F.npy", "PQ codes, CLIP codes or prompt token ids, one row of integers.", "array"),
    inputs=frozenset({"vector", "codes"}),
    model_inputs=frozenset({"vector"}),
)
