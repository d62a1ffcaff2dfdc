# SPDX-License-Identifier: MIT
"""Estimate the context trees of SPEC §13.2 from sequences of ids: count, prune, smooth, quantise.

Probabilities are modified interpolated Kneser-Ney estimates with three discounts per order (Chen and Goodman 1999).
Pruned entries pass their counts to the shorter context (Siivola et al. 2007). An entry is kept if the bits it saves on
the training text, after its discount, are worth its bytes in the file (after Stolcke 1998).
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from refcodec.payloads.caption.ppm import ESCAPE

Context = tuple[int, ...]  # the latest id last
Tallies = dict[Context, Counter[int]]
Kept = list[dict[Context, set[int]]]

ENTRY_BYTES = 2
NODE_BYTES = 4  # header and the entry of the escape
FREE = 65536


def count(sequences: Iterable[tuple[int, list[int]]], depth: int) -> list[Tallies]:
    """Count the successors of every context of length 0 … depth; a sequence is (multiplicity, ids from the start id on)."""
    tallies: list[Tallies] = [{} for _ in range(depth + 1)]
    for times, ids in sequences:
        for at in range(1, len(ids)):
            for length in range(min(depth, at) + 1):
                tallies[length].setdefault(tuple(ids[at - length : at]), Counter())[ids[at]] += times
    return tallies


@dataclass
class Smoothed:
    """An interpolated Kneser-Ney model over `size` ids. With `kept`, all other entries are pruned."""

    raw: list[Tallies]
    size: int
    kept: Kept | None = None
    counts: list[Tallies] = field(init=False)
    discounts: list[tuple[float, ...]] = field(init=False)
    below: list[dict[Context, float]] = field(init=False)  # probability mass left to the shorter context
    totals: list[dict[Context, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = self._lower_order_counts()
        self.discounts = [_discounts(tally) for tally in self.counts]
        self.totals = [{c: sum(row.values()) for c, row in tally.items()} for tally in self.counts]
        self.below = []
        for length, tally in enumerate(self.counts):
            shares = {}
            for context, row in tally.items():
                kept = self._entries(length, context)
                lost = sum(self._discount(length, n) if kept is None or w in kept else n for w, n in row.items())
                shares[context] = lost / self.totals[length][context]
            self.below.append(shares)

    def _entries(self, length: int, context: Context) -> set[int] | None:
        """Return the entries kept in a context, None if all are."""
        return None if self.kept is None or length == 0 else self.kept[length].get(context, set())

    def _discount(self, length: int, n: int) -> float:
        return self.discounts[length][min(n, 3)]

    def _lower_order_counts(self) -> list[Tallies]:
        """Return the counts per order: a kept entry adds 1 to its shorter context, a pruned one its full count."""
        counts = [*self.raw]
        for length in range(len(self.raw) - 1, 0, -1):
            shorter: Tallies = {}
            covered: Tallies = {}
            for context, row in self.raw[length].items():
                covered.setdefault(context[1:], Counter()).update(row)
            for context, row in self.raw[length - 1].items():  # ids at the start of a text have no longer context
                shorter[context] = row - covered.get(context, Counter())
            for context, row in counts[length].items():
                kept = self._entries(length, context)
                tally = shorter[context[1:]]
                for w, n in row.items():
                    tally[w] += 1 if kept is None or w in kept else n
            counts[length - 1] = shorter
        return counts

    def p(self, context: Context, w: int) -> float:
        """Return the probability of id w after a context."""
        low = self.p(context[1:], w) if context else 1 / self.size
        length = len(context)
        row = self.counts[length].get(context)
        kept = self._entries(length, context)
        if row is None or (kept is not None and context not in (self.kept or [])[length]):
            return low
        n = row.get(w, 0) if kept is None or w in kept else 0
        high = (n - self._discount(length, n)) / self.totals[length][context] if n else 0.0
        return high + self.below[length][context] * low

    def gains(self) -> list[dict[Context, dict[int, float]]]:
        """Return, per length, the bits each entry saves on the training text relative to the shorter context."""
        gains: list[dict[Context, dict[int, float]]] = [{}]
        discounts = self.discounts[-1]
        for length in range(1, len(self.raw)):
            rows = {}
            for context, row in self.raw[length].items():
                share = self.below[length][context]
                rows[context] = {
                    w: (n - discounts[min(n, 3)]) * math.log2(self.p(context, w) / (share * self.p(context[1:], w)))
                    for w, n in row.items()
                }
            gains.append(rows)
        return gains


def _discounts(tally: Tallies) -> tuple[float, ...]:
    """Return the discounts of counts 0, 1, 2 and 3 or more."""
    seen = Counter(min(n, 5) for row in tally.values() for n in row.values())
    y = seen[1] / (seen[1] + 2 * seen[2]) if seen[1] else 0.5
    three = (j - (j + 1) * y * seen[j + 1] / max(seen[j], 1) for j in (1, 2, 3))
    return (0.0, *(min(j - 0.05, max(0.05, d)) for j, d in enumerate(three, 1)))


def prune(gains: list[dict[Context, dict[int, float]]], price: float) -> tuple[Kept, int]:
    """Return the entries that save more than `price` bits per byte, and their size in bytes.

    Every shorter context keeps a node with at least the entries of the longer one. The entries of a node are therefore
    always a subset of those of the next shorter context.
    """
    kept: Kept = [{} for _ in gains]
    size = 0
    for length in range(len(gains) - 1, 0, -1):
        nodes = kept[length]
        for context, row in gains[length].items():
            forced = nodes.get(context, set())
            worth = {w: gain for w, gain in row.items() if gain > price * ENTRY_BYTES and w not in forced}
            paid = sum(worth.values()) - price * ENTRY_BYTES * len(worth)
            if forced or paid > price * NODE_BYTES:
                nodes[context] = forced | worth.keys()
        for context, entries in nodes.items():
            size += NODE_BYTES + ENTRY_BYTES * len(entries) + 2 * (len(entries) >= 6)
            if length > 1:
                kept[length - 1].setdefault(context[1:], set()).update(entries)
    parents = {context[1:] for nodes in kept[2:] for context in nodes}
    return kept, size + 2 * len(parents)


def tree(model: Smoothed) -> tuple[list[int], array[int]]:
    """Serialise a pruned model; return (root frequencies, nodes as u16)."""
    ids = [w for w in range(model.size) if w != ESCAPE]
    chances = [model.p((), w) for w in ids]
    room = (FREE - len(ids)) / sum(chances)
    root = [0] * model.size
    for w, chance in zip(ids, chances, strict=True):
        root[w] = 1 + int(chance * room)
    below: dict[Context, list[Context]] = {}
    for nodes in model.kept or []:
        for context in nodes:
            below.setdefault(context[1:], []).append(context)
    return root, _nodes(model, below, ())


def _nodes(model: Smoothed, below: dict[Context, list[Context]], context: Context) -> array[int]:
    """Return the nodes of all contexts one id longer, each followed by its descendants."""
    out = array("H")
    for longer in sorted(below.get(context, [])):
        assert model.kept is not None
        entries = sorted(model.kept[len(longer)][longer])
        chances = [model.p(longer, w) for w in entries]
        levels = _levels([max(1 - sum(chances), 1e-4), *chances])
        pairs = sorted(zip([ESCAPE, *entries], levels, strict=True))
        deeper = _nodes(model, below, longer)
        out.append(longer[0] << 4 | (len(deeper) > 0) << 3 | min(len(pairs), 7))
        if len(pairs) >= 7:
            out.append(len(pairs))
        if deeper:
            out.append(len(deeper))
        out.extend(w << 4 | level for w, level in pairs)
        out.extend(deeper)
    return out


def _levels(chances: list[float]) -> list[int]:
    """Return levels 0 … 15 whose frequencies 2^level approximate the probabilities with least divergence, sum <= 2^16."""
    logs = [math.log2(chance) for chance in chances]
    mass = sum(chances)
    lowest_cost, best = math.inf, [0] * len(chances)
    for quarter in range(-32, 9):
        shift = quarter / 4 - min(logs)
        levels = [min(max(round(value + shift), 0), 15) for value in logs]
        total = sum(1 << level for level in levels)
        if total > FREE:
            break
        expected = sum(chance * level for chance, level in zip(chances, levels, strict=True))
        cost = math.log2(total) - expected / mass
        if cost < lowest_cost:
            lowest_cost, best = cost, levels
    return best
