# SPDX-License-Identifier: MIT
"""SPEC §13.4 PQ codes (kind 4; product quantisation, Jégou et al. 2011): M codes of V code words each.

An embedding of d dimensions is cut into M parts of d / M; each part is sent as the index of its nearest code word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from refcodec.entropy import Coder, Decoder, Encoder, uniform
from refcodec.payloads import Codes, checked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class PqCodes(Codes):
    """codes, each 0 … V - 1, of the M parts in their order."""


def _walk(coder: Coder, parameters: Mapping[str, Any], codes: Sequence[int] | None = None) -> PqCodes:
    table = uniform(int(parameters["v"]))
    return PqCodes(tuple(coder.symbol(table, None if codes is None else codes[i]) for i in range(int(parameters["m"]))))


def decode(body: bytes, parameters: Mapping[str, Any]) -> PqCodes:
    """The codes of a body; SemError 401, 402."""
    coder = Decoder(body)
    value = _walk(coder, parameters)
    coder.finish()
    return value


def encode(codes: Sequence[int], parameters: Mapping[str, Any]) -> bytes:
    """The body of M codes; ValueError where they are not M, or one is not 0 … V - 1."""
    values = checked(codes, int(parameters["v"]), "codes")
    if len(values) != parameters["m"]:
        raise ValueError(f"the profile has {parameters['m']} codes, not {len(values)}")
    coder = Encoder()
    _walk(coder, parameters, values)
    return coder.finish()


def search(vector: ArrayLike, codebooks: NDArray[np.float32]) -> tuple[int, ...]:
    """The nearest code words, found by looking at all of them; of equally near ones the first.

    vector: real numbers [d]; codebooks float32[M, V, d / M]. ValueError for what does not fit or is not finite.
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
    """float32[d], the code words one behind the other."""
    import numpy as np

    return np.concatenate([book[code] for book, code in zip(codebooks, codes, strict=True)])
