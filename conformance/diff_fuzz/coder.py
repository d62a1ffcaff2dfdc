# SPDX-License-Identifier: MIT
"""Range encoder (SPEC §9) and the tables of §13.1 and §13.2, for streams of arbitrary symbols."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

END, ESCAPE, SPELL = 0, 1, 2


class Coder:
    """Range encoder of SPEC §9. `encode` takes cumulative frequency c, frequency f and their total."""

    def __init__(self) -> None:
        self.low, self.range, self.written = 0, 2**32 - 1, 0
        self.bytes = 0

    def encode(self, c: int, f: int, total: int) -> None:
        a, b = self.range * c // total, self.range * (c + f) // total
        self.low, self.range = self.low + a, b - a
        if self.low >= 2**32:
            self.low, self.written = self.low - 2**32, self.written + 1
        while self.range < 2**24:
            self.written, self.bytes = self.written << 8 | self.low >> 24, self.bytes + 1
            self.low, self.range = self.low << 8 & 0xFFFFFFFF, self.range << 8

    def symbol(self, table: Sequence[int], index: int) -> None:
        self.encode(sum(table[:index]), table[index], sum(table))

    def uniform(self, value: int, size: int) -> None:
        self.encode(value, 1, size)

    def finish(self) -> bytes:
        written, n, low = self.written, self.bytes, self.low
        if low and low + self.range > 2**32:
            written += 1
        elif low:
            written, n = written << 8 | -(-low >> 24), n + 1
        return written.to_bytes(n, "big").rstrip(b"\0")


@dataclass
class Node:
    """A context: frequencies by id, and longer contexts by the id before."""

    entries: dict[int, int]
    longer: dict[int, Node] = field(default_factory=dict)


class CaptionTables:
    """The tables in caption.bin."""

    def __init__(self, data: bytes) -> None:
        v, octets = struct.unpack_from("<HH", data)
        w, l = struct.unpack_from("<HH", data, 4), struct.unpack_from("<HH", data, 8)  # noqa: E741 - as in SPEC
        w, l = w[0] + 65536 * w[1], l[0] + 65536 * l[1]  # noqa: E741
        numbers = struct.unpack_from(f"<{12 + v + octets + w + l - 6}H", data, 12)
        self.styles = numbers[:6]
        at = 6
        self.pieces = Node(dict(enumerate(numbers[at : at + v])))
        self.octets = Node(dict(enumerate(numbers[at + v : at + v + octets])))
        at += v + octets
        self.pieces.longer = _nodes(numbers[at : at + w])
        self.octets.longer = _nodes(numbers[at + w : at + w + l])
        self.words = [b"", b"", b"", *data[12 + 2 * (at + w + l) :].split(b"\n")]


def _nodes(numbers: Sequence[int]) -> dict[int, Node]:
    """Parse a serialised list of contexts."""
    out, at = {}, 0
    while at < len(numbers):
        head, at = numbers[at], at + 1
        n = head % 8
        if n == 7:
            n, at = numbers[at], at + 1
        size = 0
        if head & 8:
            size, at = numbers[at], at + 1
        entries = {number >> 4: 1 << (number & 15) for number in numbers[at : at + n]}
        at += n
        out[head >> 4] = Node(entries, _nodes(numbers[at : at + size]))
        at += size
    return out


def contexts(tree: Node, history: Sequence[int], depth: int) -> list[Node]:
    """Return the contexts that match the history, from the longest, at most `depth`, to the root."""
    nodes = [tree]
    for id_ in list(reversed(history))[:depth]:
        if id_ not in nodes[-1].longer:
            break
        nodes.append(nodes[-1].longer[id_])
    return nodes[::-1]


def encode_id(coder: Coder, nodes: Sequence[Node], id_: int) -> None:
    """Encode an id with escapes to shorter contexts, excluding the ids of longer ones (PPM)."""
    excluded: set[int] = set()
    for node in nodes:
        table = {key: f for key, f in sorted(node.entries.items()) if key not in excluded and f}
        symbol = id_ if id_ in table and id_ != ESCAPE else ESCAPE
        keys = list(table)
        coder.symbol(list(table.values()), keys.index(symbol))
        if symbol != ESCAPE:
            return
        excluded = {key for key in node.entries if key != ESCAPE}


def sample_id(rng: Random, nodes: Sequence[Node]) -> int:
    """Return an id, mostly drawn from the longest context, else from all ids."""
    root = nodes[-1].entries
    node = nodes[0]
    keys = [key for key in node.entries if key != ESCAPE and root.get(key)]
    if keys and rng.random() < 0.8:
        return rng.choices(keys, [node.entries[key] for key in keys])[0]
    return rng.choice([key for key, f in root.items() if key != ESCAPE and f])
