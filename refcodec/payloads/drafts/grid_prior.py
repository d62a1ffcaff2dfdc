# SPDX-License-Identifier: MIT
"""drafts/grids.md: the symbol model of grids of indices, integer networks that give their frequencies.

symbols, tensors -> parse (form: SEM-E-803) -> IndexPrior -> check_bounds (SEM-E-804)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.layer_reader import LayerReader
from refcodec.networks.layers import Conv, Net, check_net
from refcodec.networks.manifest_values import malformed, require_integer, require_list, require_members
from refcodec.networks.symbol_model import symbol_digest
from refcodec.payloads.drafts.grid_shapes import WORDS_MAX, valid_grids

PERIOD_MAX, PASSES_MAX, NETS_MAX, EMBEDDING_MAX = 16, 64, 64, 1024
SYMBOLS_MAX: Final = 1 << 14  # of one table: at least 3/4 of 2^16 are left for what the logits say
_MEMBERS: Final = {"kind", "v", "grids", "split", "contexts", "nets", "tensors"}


@dataclass(frozen=True)
class Pass:
    """One pass over a grid: the network sees the sites whose row and column are multiples of `step`."""

    step: int
    net: int


@dataclass(frozen=True, eq=False)
class GridContext:
    """What the indices of one grid are predicted from: earlier grids, and earlier passes of its own.

    embedding: int16[V, d]. numbers: int[P, P], the pass of the site (r, c) is numbers[r mod P, c mod P].
    """

    sources: tuple[int, ...]
    embedding: NDArray[np.int16]
    numbers: NDArray[np.int64]
    passes: tuple[Pass, ...]


@dataclass(frozen=True, eq=False)
class PriorNet:
    """From embedded indices to features of each site (`context`), and from those to V logits (`head`: a matrix, a requant)."""

    context: Net
    head: Net


@dataclass(frozen=True, eq=False)
class IndexPrior:
    """A prior, ready to run. An index is coded as floor(index / split) and index mod split."""

    kind: int
    digest: str
    v: int
    grids: list[Any]
    split: int
    contexts: tuple[GridContext, ...]
    nets: tuple[PriorNet, ...]

    @property
    def numbers(self) -> dict[str, Any]:
        """The members that are also parameters of a profile."""
        return {"v": self.v, "grids": self.grids}

    @cached_property
    def weights(self) -> int:
        """The number of weights of the largest network, each of which is used about once at every site."""
        sizes = [sum(layer.w.size for layer in (*n.context, *n.head) if isinstance(layer, Conv)) for n in self.nets]
        return int(max(sizes))

    def sites(self, k: int, shape: tuple[int, int]) -> NDArray[np.int64]:
        """Return the number of the pass of each site of grid k, int64[h, w]."""
        numbers = self.contexts[k].numbers
        tiles = [-(-side // len(numbers)) for side in shape]
        return np.tile(numbers, tiles)[: shape[0], : shape[1]]

    @cached_property
    def site_bytes(self) -> tuple[int, int]:
        """The memory of each site while a context network runs, and while indices are coded (measured with numpy)."""
        inputs = max(sum(c.embedding.shape[1] for c in self.inputs(k)) for k in range(len(self.contexts)))
        outputs = (layer.outputs for net in self.nets for layer in net.context if isinstance(layer, Conv))
        widest = max(outputs, default=inputs)
        features = max(net.head[0].inputs for net in self.nets if isinstance(net.head[0], Conv))
        return 10 * inputs + 4 * widest, 5 * inputs + 2 * features

    def inputs(self, k: int) -> tuple[GridContext, ...]:
        """Return the contexts whose embeddings the networks of grid k read: its own, then those of earlier grids."""
        return (self.contexts[k], *(self.contexts[j] for j in self.contexts[k].sources))


def build(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> IndexPrior:
    """Return the checked model of a manifest's `symbols` and its tensors (already verified against their digests).

    Raise Code.MODEL_MALFORMED (SEM-E-803) for an invalid form, MODEL_BOUNDS (804) for sums that can grow too large.
    """
    prior = parse(symbols, tensors)
    check_bounds(prior)
    return prior


def parse(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> IndexPrior:
    """Return the model; raise Code.MODEL_MALFORMED for an invalid form."""
    s = require_members(symbols, _MEMBERS, "symbols")
    v = require_integer(s["v"], 2, WORDS_MAX, "v")
    if not valid_grids(s["grids"]):
        raise malformed("not a list of strides and of pairs of rows and columns", "grids")
    split = require_integer(s["split"], 1, min(v, SYMBOLS_MAX), "split")
    if -(-v // split) > SYMBOLS_MAX:
        raise malformed(f"it leaves more than {SYMBOLS_MAX} parts", "split")
    reader = LayerReader(1, s["tensors"], tensors)
    nets = require_list(s["nets"], 1, NETS_MAX, "nets")
    entries = require_list(s["contexts"], len(s["grids"]), len(s["grids"]), "contexts")
    contexts = tuple(_context(reader, entry, v, k, len(nets)) for k, entry in enumerate(entries))
    widths = _input_channels(contexts, len(nets))
    parsed = tuple(_net(reader, entry, widths[i], v, f"nets[{i}]") for i, entry in enumerate(nets))
    if reader.used != set(tensors):
        raise malformed(f"tensors that nothing uses: {sorted(set(tensors) - reader.used)[:3]}", "tensors")
    return IndexPrior(s["kind"], symbol_digest(symbols), v, s["grids"], split, contexts, parsed)


def _context(reader: LayerReader, entry: Any, v: int, k: int, nets: int) -> GridContext:
    """Return the context of grid k."""
    path = f"contexts[{k}]"
    o = require_members(entry, {"from", "embedding", "schedule", "passes"}, path)
    sources = [require_integer(j, 0, k - 1, f"{path}.from") for j in require_list(o["from"], 0, k, f"{path}.from")]
    if sources != sorted(set(sources)):
        raise malformed("earlier grids in another order, or twice", f"{path}.from")
    embedding = reader.tensor(o["embedding"], "I16", f"{path}.embedding")
    if embedding.ndim != 2 or len(embedding) != v or not 1 <= embedding.shape[1] <= EMBEDDING_MAX:
        raise malformed(f"an embedding of the shape {embedding.shape}", f"{path}.embedding")
    passes = []
    for i, item in enumerate(require_list(o["passes"], 1, PASSES_MAX, f"{path}.passes")):
        members = require_members(item, {"step", "net"}, f"{path}.passes[{i}]")
        step = require_integer(members["step"], 1, PERIOD_MAX, f"{path}.passes[{i}].step")
        passes.append(Pass(step, require_integer(members["net"], 0, nets - 1, f"{path}.passes[{i}].net")))
    return GridContext(tuple(sources), embedding, _schedule(o["schedule"], passes, f"{path}.schedule"), tuple(passes))


def _schedule(value: Any, passes: list[Pass], path: str) -> NDArray[np.int64]:
    """Return the number of the pass of each site of a period, of which every pass has one on the sites of its step."""
    rows = require_list(value, 1, PERIOD_MAX, path)
    table = [[require_integer(n, 0, len(passes) - 1, path) for n in require_list(row, len(rows), len(rows), path)]
             for row in rows]  # fmt: skip
    numbers = np.array(table, np.int64)
    for number, entry in enumerate(passes):
        sites = np.argwhere(numbers == number)
        if len(rows) % entry.step or not len(sites) or (sites % entry.step).any():
            raise malformed(f"pass {number} has no sites, or one off the sites of its step", path)
    return numbers


def _input_channels(contexts: tuple[GridContext, ...], nets: int) -> list[int]:
    """Return the input channels of each network, which are the same wherever it is used."""
    found: list[set[int]] = [set() for _ in range(nets)]
    for context in contexts:
        channels = context.embedding.shape[1] + sum(contexts[j].embedding.shape[1] for j in context.sources)
        for entry in context.passes:
            found[entry.net].add(channels)
    if not all(len(widths) == 1 for widths in found):
        raise malformed("a network that no pass uses, or on inputs of different widths", "nets")
    return [widths.pop() for widths in found]


def _net(reader: LayerReader, entry: Any, channels: int, v: int, path: str) -> PriorNet:
    """Return a network on inputs of `channels` channels, with a head of V logits."""
    o = require_members(entry, {"context", "head"}, path)
    context, features = reader.net(o["context"], channels, f"{path}.context")
    head = require_members(o["head"], {"w", "b", "logits"}, f"{path}.head")
    w, b = reader.tensor(head["w"], "I16", f"{path}.head.w"), reader.tensor(head["b"], "I64", f"{path}.head.b")
    if w.shape != (v, features) or b.shape != (v,):
        raise malformed(f"weights {w.shape} and biases {b.shape} for {features} features", f"{path}.head")
    logits = reader.requant(head["logits"], v, f"{path}.head.logits")
    return PriorNet(context, (Conv(np.ascontiguousarray(w[:, :, None, None]), b), logits))


def check_bounds(prior: IndexPrior) -> None:
    """Raise Code.MODEL_BOUNDS unless SEM-R-100 to 105 hold in every network, for the largest embedding it reads."""
    largest = [0] * len(prior.nets)
    for k, context in enumerate(prior.contexts):
        reach = max(int(np.abs(c.embedding.astype(np.int64)).max()) for c in prior.inputs(k))
        for entry in context.passes:
            largest[entry.net] = max(largest[entry.net], reach)
    for i, net in enumerate(prior.nets):
        features = check_net(net.context, largest[i], f"nets[{i}].context")
        check_net(net.head, features, f"nets[{i}].head")
