# SPDX-License-Identifier: MIT
"""Code CLIP bits (SPEC §13.3, kind 3; Bachard & Maugey 2024, §III): an image embedding of D dimensions, b bits each.

    code of each dimension = sign | the b - 1 bits below it

Codes divide -1 … 1 into 2^b equal steps, so that the highest bit is the sign; with b = 1 only signs are coded.
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

    from refcodec.payloads.coding import CodingContext
    from refcodec.payloads.exports import Artifact, ExportContext

NORM: Final = 19.5  # norm of embeddings of photographs by CLIP ViT-L/14 (the paper's r)


@dataclass(frozen=True)
class ClipBits(Codes):
    """Codes 0 … 2^b - 1, one for each of the D dimensions in order."""

    b: int


def well_formed(parameters: dict[str, Any]) -> bool:
    """Return whether the parameters of a row are valid: dimensions, bits of each, and whether signs have a table."""
    return (
        set(parameters) == {"d", "b", "prior"}
        and is_integer(parameters["d"], 1, 65536)
        and type(parameters["prior"]) is bool
        and is_integer(parameters["b"], 1, 16)
    )


def check_sign(members: Mapping[str, int], tensor: NDArray[Any]) -> None:
    """Raise `ModelError` if the tensor `sign` is not one frequency for each dimension (SEM-R-117)."""
    if tensor.shape != (members["d"],) or not (tensor >= 1).all():
        raise SemError(Code.MODEL_MALFORMED, "not a frequency from 1 to 65535 for each dimension", path="sign")


def _walk(
    coder: entropy.Coder, parameters: Mapping[str, Any], prior: Sequence[int] | None, codes: Sequence[int] | None = None
) -> ClipBits:
    """Read all codes, or write `codes`.

    prior: for each dimension the frequency, of 2^16, of a positive sign; None if the row has no prior.
    """
    from refcodec.entropy.tables import TOTAL

    d, b = int(parameters["d"]), int(parameters["b"])
    half = 1 << (b - 1)
    out = []
    for i in range(d):
        code = None if codes is None else codes[i]
        if prior is None:
            out.append(coder.symbol(entropy.uniform(2 * half), code))
            continue
        sign = coder.symbol(entropy.cumulative((TOTAL - prior[i], prior[i])), None if code is None else code // half)
        out.append(half * sign + coder.symbol(entropy.uniform(half), None if code is None else code % half))
    return ClipBits(tuple(out), b)


def decode(body: bytes, parameters: Mapping[str, Any], prior: Sequence[int] | None = None) -> ClipBits:
    """Return the codes of a body. Raise STREAM_INVALID (SEM-E-401) or STREAM_NOT_CANONICAL (SEM-E-402)."""
    coder = entropy.Decoder(body)
    value = _walk(coder, parameters, prior)
    coder.finish()
    return value


def encode(codes: Sequence[int], parameters: Mapping[str, Any], prior: Sequence[int] | None = None) -> bytes:
    """Return the body of D codes. Raises ValueError for another number of codes, or one outside 0 … 2^b - 1."""
    values = checked(codes, 1 << int(parameters["b"]), "codes")
    if len(values) != parameters["d"]:
        raise ValueError(f"the profile has {parameters['d']} dimensions, not {len(values)}")
    coder = entropy.Encoder()
    _walk(coder, parameters, prior, values)
    return coder.finish()


def quantise(vector: ArrayLike, b: int) -> tuple[int, ...]:
    """Return clamp(floor(z · 2^(b-1)) + 2^(b-1), 0, 2^b - 1) of each dimension z of a vector, rounded to binary32 first.

    Infinities are clamped, -0.0 is 0. Raises ValueError for NaN, or for anything but a one-dimensional array of real
    numbers.
    """
    import numpy as np

    z = np.asarray(vector)
    if z.ndim != 1 or z.dtype.kind not in "fiu":
        raise ValueError(f"a vector is one row of real numbers, not {z.dtype}{list(z.shape)}")
    with np.errstate(over="ignore"):
        z = z.astype(np.float32)
    if np.isnan(z).any():
        raise ValueError(f"dimension {int(np.isnan(z).argmax())} of the vector is not a number")
    half = 1 << (b - 1)
    # exact: a product with a power of two, clamped before it becomes an integer
    steps = np.floor(np.clip(z, -2, 2).astype(np.float64) * half)
    return tuple(np.clip(steps + half, 0, 2 * half - 1).astype(np.int64).tolist())


def dequantise(codes: Sequence[int], b: int, norm: float = NORM) -> NDArray[np.float32]:
    """Return float32[D]: the midpoints of the steps, scaled to the norm. No midpoint is 0, so the norm is never 0."""
    import numpy as np

    z = (np.asarray(codes, np.float64) + 0.5) / (1 << (b - 1)) - 1
    scaled: NDArray[np.float32] = (z * (norm / np.sqrt((z * z).sum()))).astype(np.float32)
    return scaled


def _prior(context: CodingContext) -> Sequence[int] | None:
    return None if context.model is None else context.model.table


def _export(value: ClipBits, _: ExportContext) -> Artifact:
    from refcodec.payloads.exports import Artifact, npy_bytes

    return Artifact("image vector", (".npy",), lambda _: npy_bytes(dequantise(value.codes, value.b)))


KIND: Final = Kind(
    id=spec.CLIP,
    name="clip",
    well_formed=well_formed,
    decode=lambda body, context: decode(body, context.parameters, _prior(context)),
    encode=lambda value, context: encode(value.codes, context.parameters, _prior(context)),
    export=_export,
    symbol_count=lambda parameters, _width, _height: int(parameters["d"]),
    uses_model=lambda parameters: bool(parameters["prior"]),
    table=TableForm({"d": 65536, "b": 16}, "sign", "U16", check_sign),
    option=SymbolOption("vector", "F.npy", "An image embedding, one row of numbers.", "array"),
    inputs=frozenset({"vector", "codes"}),
    model_inputs=frozenset({"vector", "codes"}),
)
