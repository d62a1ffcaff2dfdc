# SPDX-License-Identifier: MIT
"""Code grids of VQ indices whose frequencies integer networks give (drafts/grids.md, kind 48).

One range-coded stream: grid after grid, pass after pass, the sites of a pass in raster order, each index as two symbols.
The networks of a pass see the earlier grids and the earlier passes of the same grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from refcodec import entropy
from refcodec.payloads import SHOWN_SYMBOLS
from refcodec.payloads.base import Kind
from refcodec.payloads.drafts.grid_shapes import shapes, symbol_count, well_formed
from refcodec.payloads.exports import npz_export

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.networks.context_model import Backend
    from refcodec.payloads.base import Model
    from refcodec.payloads.coding import CodingContext
    from refcodec.payloads.drafts.grid_prior import GridContext, IndexPrior, PriorNet

    Grid = NDArray[np.uint16]

NUMBER: Final = 48
LOGITS: Final = 1 << 20  # computed at a time
LOGIT_BYTES: Final = 48  # memory of each of them
NETWORK_BYTES: Final = 28 << 20  # of the bands that a network runs on


@dataclass(frozen=True, eq=False)
class IndexGrids:
    """Grids of indices 0 … V - 1, uint16[h, w] each, in the order of the row."""

    grids: tuple[Grid, ...]
    canonical = True

    @property
    def shape(self) -> list[list[int]]:
        return [list(grid.shape) for grid in self.grids]

    def serialise(self) -> bytes:
        return b"".join(grid.astype(">u2").tobytes() for grid in self.grids)

    def to_json(self) -> Any:
        """Return the indices of all grids, one after another, None if there are more than `SHOWN_SYMBOLS`."""
        if sum(grid.size for grid in self.grids) > SHOWN_SYMBOLS:
            return None
        return [index for grid in self.grids for index in grid.ravel().tolist()]

    def arrays(self) -> dict[str, Grid]:
        """Return "grid0", "grid1", …: uint16[h, w]."""
        return {f"grid{k}": grid for k, grid in enumerate(self.grids)}


def _nearest(grid: Grid, shape: tuple[int, int]) -> Grid:
    """Return the index of `grid` that each site of a grid of another shape reads: at floor(r h' / h), floor(c w' / w)."""
    import numpy as np

    rows, cols = (np.arange(n) * m // n for n, m in zip(shape, grid.shape, strict=True))
    read: Grid = grid[rows[:, None], cols[None, :]]
    return read


def _embedded(context: GridContext, grid: Grid) -> NDArray[np.int16]:
    """Return int16[d, h, w]."""
    import numpy as np

    return np.ascontiguousarray(context.embedding[grid].transpose(2, 0, 1))


class _Walk:
    """Reads all grids, or writes them, with one model in one picture."""

    def __init__(self, coder: entropy.Coder, context: CodingContext) -> None:
        assert context.backend is not None, "indices are decoded by the networks of a prior"
        self.coder, self.context = coder, context
        self.prior: IndexPrior = context.model
        self.backend: Backend = context.backend
        self.shapes = shapes(context.parameters, context.size)
        self.total, self.coded = sum(h * w for h, w in self.shapes), 0

    def run(self, written: Sequence[Grid] | None) -> IndexGrids:
        """Return the grids. written: those to encode, None to decode."""
        grids: list[Grid] = []
        with self.backend.computing(self.total * self.prior.weights):
            for k in range(len(self.shapes)):
                grids.append(self._grid(k, grids, None if written is None else written[k]))
        return IndexGrids(tuple(grids))

    def _grid(self, k: int, before: list[Grid], written: Grid | None) -> Grid:
        import numpy as np

        own, shape = self.prior.contexts[k], self.shapes[k]
        grid = np.zeros(shape, np.uint16)
        x = np.zeros((own.embedding.shape[1], *shape), np.int16)
        sources = [_embedded(self.prior.contexts[j], _nearest(before[j], shape)) for j in own.sources]
        numbers = self.prior.sites(k, shape)
        for number, entry in enumerate(own.passes):
            r, c = np.nonzero(numbers == number)
            if not len(r):
                continue
            step = entry.step
            inputs = np.concatenate([part[:, ::step, ::step] for part in (x, *sources)])
            net = self.prior.nets[entry.net]
            features = self.backend.to_numpy(self.backend.run(net.context, self.backend.array(inputs), 0))
            values = None if written is None else written[r, c].astype(np.int64)
            indices = self._code(net, features[:, r // step, c // step], values)
            grid[r, c] = indices
            x[:, r, c] = own.embedding[indices].T
            if self.context.trace is not None:
                self.context.trace(f"grid[{k}].pass[{number}]", indices)
        return grid

    def _code(self, net: PriorNet, features: NDArray[Any], values: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """Code the indices of the sites of a pass; return int64[n]. features: [rank, n]."""
        import numpy as np

        from refcodec.payloads.drafts.grid_frequencies import part_tables, rest_table

        indices, step = np.empty(features.shape[1], np.int64), max(1, LOGITS // self.prior.v)
        split, symbol = self.prior.split, self.coder.symbol
        for top in range(0, len(indices), step):
            some = self.backend.array(features[:, top : top + step])
            logits = self.backend.to_int(self.backend.run_at_sites(net.head, some, 0)).T
            for i, table in enumerate(part_tables(logits, split).tolist(), top):
                part, rest = (None, None) if values is None else divmod(int(values[i]), split)
                part = symbol(table, part)
                indices[i] = part * split + symbol(rest_table(logits[i - top], split, part).tolist(), rest)
            self.coded += logits.shape[0]
            if self.context.progress is not None:
                self.context.progress(self.coded / self.total)
        return indices


def decode(body: bytes, context: CodingContext) -> IndexGrids:
    """Return the grids of a body. Raise STREAM_INVALID (SEM-E-401) or STREAM_NOT_CANONICAL (SEM-E-402)."""
    coder = entropy.Decoder(body)
    value = _Walk(coder, context).run(None)
    coder.finish()
    return value


def encode(value: IndexGrids, context: CodingContext) -> bytes:
    """Return the body of some grids.

    Raises ValueError for other shapes than the row gives, or an index outside 0 … V - 1.
    """
    expected = [list(shape) for shape in shapes(context.parameters, context.size)]
    if value.shape != expected:
        raise ValueError(f"the grids of this row have the shapes {expected}, not {value.shape}")
    v = int(context.parameters["v"])
    if any(int(grid.max()) >= v for grid in value.grids):
        raise ValueError(f"indices are 0 … {v - 1}")
    coder = entropy.Encoder()
    _Walk(coder, context).run(value.grids)
    return coder.finish()


def _build(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> Model:
    from refcodec.payloads.drafts.grid_prior import build

    return build(symbols, tensors)


def _memory(context: CodingContext) -> int:
    """Return the bytes of memory that decoding takes, the model and the libraries apart."""
    sites = max(h * w for h, w in shapes(context.parameters, context.size))
    prior: IndexPrior = context.model
    network, coding = prior.site_bytes
    return max(NETWORK_BYTES + sites * network, (1 << 20) + LOGIT_BYTES * min(LOGITS, sites * prior.v) + sites * coding)


KIND: Final = Kind(
    id=NUMBER,
    name="grids",
    well_formed=well_formed,
    decode=decode,
    encode=encode,
    export=npz_export("index grids"),
    symbol_count=symbol_count,
    memory=_memory,
    uses_model=lambda _: True,
    networks=True,
    build=_build,
)
