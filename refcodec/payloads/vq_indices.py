# SPDX-License-Identifier: MIT
"""Code VQ indices (SPEC §13.5, kind 5; van den Oord et al. 2017, PerCo): one index of V for each site of a grid.

A site covers stride × stride pixels; the picture is extended to the right and below to complete sites.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from refcodec import entropy, spec
from refcodec.payloads import SHOWN_SYMBOLS, checked, u16
from refcodec.payloads.base import Kind, SymbolOption, TableForm, is_integer
from refcodec.payloads.usage import SYMBOL_BYTES, check_usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.payloads.coding import CodingContext
    from refcodec.payloads.exports import Artifact, ExportContext
    from refcodec.progress import Progress

STRIDE_MIN, STRIDE_MAX = 8, 1024


@dataclass(frozen=True)
class VqIndices:
    """Indices 0 … V - 1 of a grid of h rows and w columns, in raster order."""

    indices: tuple[int, ...]
    h: int
    w: int
    canonical = True

    @property
    def shape(self) -> list[list[int]]:
        return [[self.h, self.w]]

    def serialise(self) -> bytes:
        return u16(self.indices)

    def to_json(self) -> Any:
        """Return the rows as lists, None if there are more than `SHOWN_SYMBOLS` indices."""
        if len(self.indices) > SHOWN_SYMBOLS:
            return None
        return [list(self.indices[r * self.w : (r + 1) * self.w]) for r in range(self.h)]

    def arrays(self) -> NDArray[np.uint16]:
        """Return uint16[h, w]."""
        import numpy as np

        return np.array(self.indices, np.uint16).reshape(self.h, self.w)


def well_formed(parameters: dict[str, Any]) -> bool:
    """Return whether the parameters of a row are valid: code words, pixels of a site, and whether there is a table."""
    return (
        set(parameters) == {"v", "stride", "usage"}
        and is_integer(parameters["v"], 1, 65536)
        and type(parameters["usage"]) is bool
        and is_integer(parameters["stride"], STRIDE_MIN, STRIDE_MAX)
    )


def symbol_count(parameters: Mapping[str, Any], width: int, height: int) -> int:
    """Return the number of sites of the grid of a picture."""
    h, w = grid((width, height), parameters)
    return h * w


def grid(size: tuple[int, int], parameters: Mapping[str, Any]) -> tuple[int, int]:
    """Return (h, w) of the grid of a picture of size (width, height)."""
    stride = int(parameters["stride"])
    return -(-size[1] // stride), -(-size[0] // stride)


def _walk(
    coder: entropy.Coder,
    parameters: Mapping[str, Any],
    size: tuple[int, int],
    usage: Sequence[int] | None,
    indices: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> VqIndices:
    h, w = grid(size, parameters)
    table = entropy.uniform(int(parameters["v"])) if usage is None else entropy.cumulative(usage)
    out: list[int] = []
    for row in range(h):
        sites = range(row * w, (row + 1) * w)
        out += [coder.symbol(table, None if indices is None else indices[i]) for i in sites]
        if progress is not None:
            progress((row + 1) / h)
    return VqIndices(tuple(out), h, w)


def decode(
    body: bytes,
    parameters: Mapping[str, Any],
    size: tuple[int, int],
    usage: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> VqIndices:
    """Return the indices of a body for a picture of size (width, height). usage: frequencies, 2^16 in sum.

    Raise STREAM_INVALID (SEM-E-401) or STREAM_NOT_CANONICAL (SEM-E-402).
    """
    coder = entropy.Decoder(body)
    value = _walk(coder, parameters, size, usage, progress=progress)
    coder.finish()
    return value


def encode(
    indices: Sequence[int], parameters: Mapping[str, Any], size: tuple[int, int], usage: Sequence[int] | None = None
) -> bytes:
    """Return the body of h · w indices in raster order.

    Raises ValueError for another number, or one outside 0 … V - 1.
    """
    values = checked(indices, int(parameters["v"]), "indices")
    h, w = grid(size, parameters)
    if len(values) != h * w:
        raise ValueError(f"a picture of {size[0]}x{size[1]} has {h} rows of {w} indices, not {len(values)} indices")
    coder = entropy.Encoder()
    _walk(coder, parameters, size, usage, values)
    return coder.finish()


def index_map(grid: NDArray[np.uint16], v: int, stride: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return uint8[H, W, 3]: a block of stride × stride pixels for each site, with hues that differ for nearby indices.

    size: (width, height) of the picture.
    """
    import numpy as np

    golden = (grid.astype(np.uint32) * 40503) & 0xFFFF  # 2^16 / golden ratio spreads the hues
    shade = 64 + (grid.astype(np.uint32) * 191) // max(1, v - 1)
    hue = golden * 6
    ramp = (hue & 0xFFFF) * shade >> 16
    sector = hue >> 16
    zero, full, fall = np.zeros_like(shade), shade, shade - ramp
    red = np.choose(sector, [full, fall, zero, zero, ramp, full])
    green = np.choose(sector, [ramp, full, full, fall, zero, zero])
    blue = np.choose(sector, [zero, zero, ramp, full, full, fall])
    small = np.stack([red, green, blue], 2).astype(np.uint8)
    return np.ascontiguousarray(small.repeat(stride, 0)[: size[1]].repeat(stride, 1)[:, : size[0]])


def _usage(context: CodingContext) -> Sequence[int] | None:
    return None if context.model is None else context.model.table


def _export(value: VqIndices, context: ExportContext) -> Artifact:
    from refcodec.payloads.exports import IMAGE_SUFFIXES, Artifact, image_bytes, npy_bytes

    v, stride = int(context.parameters["v"]), int(context.parameters["stride"])

    def make(suffix: str) -> bytes:
        if suffix == ".npy":
            return npy_bytes(value.arrays())
        return image_bytes(index_map(value.arrays(), v, stride, context.size), suffix)

    return Artifact("index map", (*IMAGE_SUFFIXES, ".npy"), make)


KIND: Final = Kind(
    id=spec.VQ,
    name="vq",
    well_formed=well_formed,
    decode=lambda body, context: decode(body, context.parameters, context.size, _usage(context), context.progress),
    encode=lambda value, context: encode(value.indices, context.parameters, context.size, _usage(context)),
    export=_export,
    symbol_count=symbol_count,
    memory=lambda context: (1 << 20) + SYMBOL_BYTES * symbol_count(context.parameters, *context.size),
    uses_model=lambda parameters: bool(parameters["usage"]),
    table=TableForm({"v": 65536}, "usage", "U16", partial(check_usage, "index")),
    option=SymbolOption("indices", "F.npy", "VQ indices, rows and columns of integers.", "array"),
    inputs=frozenset({"indices"}),
    model_inputs=frozenset({"indices"}),
)
