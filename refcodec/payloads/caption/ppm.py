# SPDX-License-Identifier: MIT
"""Code a caption by PPM (prediction by partial matching) with exclusion and fixed integer frequencies (SPEC §13.2).

A tree predicts the next id from the preceding ids. Its root has a frequency for every id. A node of depth n is the
context of the last n ids; it has frequencies for some ids and for the escape. The escape leads to the context one id
shorter, where the ids of the longer one are excluded, since they are no longer possible. There are two trees: one of
pieces (words), and one of octets, which spells pieces without an id.

caption.bin consists of little-endian u16:

    V L w w' l l' | styles[6] | piece frequencies[V] | octet frequencies[L]
    | piece nodes[w + 65536 w'] | octet nodes[l + 65536 l'] | the pieces of ids 3 … V - 1, separated by LF

and a node, with its children after it, of

    +-----------------+---+-----------+------------+-----------------+------------------------+----------+
    | key 12          | c | min(n, 7) | n if n ≥ 7 | size if c       | n entries, ascending:  | children |
    | id that leads   | 1 | 3         | 16         | 16, words of    | id 12 | level 4:       | if c,    |
    | here            |   |           |            | all children    | frequency 2^level      | by key   |
    +-----------------+---+-----------+------------+-----------------+------------------------+----------+
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final, overload

from refcodec.entropy import Coder
from refcodec.entropy.tables import cumulative
from refcodec.errors import Code, SemError
from refcodec.payloads.caption import split
from refcodec.table_files import TableFile

SHA256: Final = "770e266b8e76ae22e873ee5a539eb880a556f2df1a480bb51c8db2633cf4d646"
END: Final = 0  # end of a text or of a piece; also the initial history of both trees
ESCAPE: Final = 1  # to the shorter context
SPELL: Final = 2  # tree of pieces: a piece follows as octets; tree of octets: id 2 + b is the octet b
FIRST: Final = 3  # id of the first piece in caption.bin
PIECE_DEPTH: Final = 3
OCTET_DEPTH: Final = 4


class ExcludedTable(Sequence[int]):
    """A cumulative table in which some symbols are excluded: they keep their numbers, with frequency 0."""

    def __init__(self, table: Sequence[int], excluded: Sequence[int]) -> None:
        """`excluded`: symbols of the table, ascending."""
        self._table, self._excluded = table, excluded
        self._removed = [0, *accumulate(table[j + 1] - table[j] for j in excluded)]

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        """Return entry `index` of the cumulative table, counted from the end if negative."""
        if isinstance(index, slice):
            return [self[j] for j in range(*index.indices(len(self)))]
        index = index + len(self) if index < 0 else index
        return self._table[index] - self._removed[bisect_left(self._excluded, index)]


class Node:
    """One context: its ids (ascending), their cumulative table, and its children, the contexts one id longer."""

    def __init__(self, words: Sequence[int], ids: Sequence[int], table: Sequence[int], begin: int, end: int) -> None:
        """`words[begin:end]` are the children, which are parsed when they are needed."""
        self.ids, self.table = ids, table
        self._words, self._begin, self._end = words, begin, end
        self._children: dict[int, Node] = {}
        self._shorter_table: ExcludedTable | None = None

    @cached_property
    def _child_offsets(self) -> dict[int, int]:
        """Return key -> offset of each child, by a scan of their headers."""
        words, at, offsets = self._words, self._begin, {}
        while at < self._end:
            head = words[at]
            offsets[head >> 4] = at
            at += 1
            size = head & 7
            if size == 7:
                size = words[at]
                at += 1
            if head & 8:
                size += words[at]
                at += 1
            at += size
        return offsets

    def child(self, key: int) -> Node | None:
        """Return the node of this context preceded by the id `key`, None if the tree does not have it."""
        node = self._children.get(key)
        if node is None and key in self._child_offsets:
            node = self._children[key] = self._parse(self._child_offsets[key])
        return node

    def _parse(self, at: int) -> Node:
        """Return the node at an offset in `words`."""
        words, head = self._words, self._words[at]
        at += 1
        size, below = head & 7, 0
        if size == 7:
            size = words[at]
            at += 1
        if head & 8:
            below = words[at]
            at += 1
        entries = words[at : at + size]
        table = [0, *accumulate(1 << (entry & 15) for entry in entries)]
        at += size
        return Node(words, [entry >> 4 for entry in entries], table, at, at + below)

    def symbol(self, id_: int) -> int:
        """Return the symbol of an id in the table, that of the escape if the context does not have the id."""
        symbol = bisect_left(self.ids, id_)
        return symbol if symbol < len(self.ids) and self.ids[symbol] == id_ else bisect_left(self.ids, ESCAPE)

    def without(self, longer: Node) -> ExcludedTable:
        """Return the table without the ids of `longer`, a context that is one id longer than this one."""
        if longer._shorter_table is None:
            excluded = [bisect_left(self.ids, id_) for id_ in longer.ids if id_ != ESCAPE]
            longer._shorter_table = ExcludedTable(self.table, excluded)
        return longer._shorter_table


class Tree:
    """A tree of contexts of up to `depth` ids."""

    def __init__(self, words: Sequence[int], frequencies: Sequence[int], begin: int, end: int, depth: int) -> None:
        table = [0, *accumulate(frequencies)]
        self.root, self.depth = Node(words, range(len(frequencies)), table, begin, end), depth

    def code(self, coder: Coder, history: list[int], id_: int | None = None) -> int:
        """Read the id after `history` (the latest id last), or write `id_`, and return it."""
        node, chain = self.root, []
        for earlier in history[: -self.depth - 1 : -1]:
            child = node.child(earlier)
            if child is None:
                break
            chain.append(node)
            node = child
        table: Sequence[int] = node.table
        while True:
            symbol = coder.symbol(table, None if id_ is None else node.symbol(id_))
            coded = node.ids[symbol]
            if coded != ESCAPE:
                return coded
            shorter = chain.pop()
            table = shorter.without(node)
            node = shorter


class CaptionModel:
    """The model of caption.bin."""

    def __init__(self, data: bytes) -> None:
        """`data`: caption.bin, not checked beyond its digest."""
        import sys

        words = array("H", data[: len(data) & ~1])
        if sys.byteorder == "big":
            words.byteswap()
        pieces, octets = words[0], words[1]
        sizes = words[2] + (words[3] << 16), words[4] + (words[5] << 16)
        at = 6 + split.STYLES
        self.styles = cumulative(words[6:at])
        ends = list(accumulate((pieces, octets, *sizes), initial=at))
        self.pieces = Tree(words, words[at : ends[1]], ends[2], ends[3], PIECE_DEPTH)
        self.octets = Tree(words, words[ends[1] : ends[2]], ends[3], ends[4], OCTET_DEPTH)
        self.strings = data[2 * ends[4] :].split(b"\n")

    @cached_property
    def numbers(self) -> dict[bytes, int]:
        """Return piece -> id."""
        return {piece: FIRST + i for i, piece in enumerate(self.strings)}

    def walk(self, coder: Coder, limit: int, text: bytes | None = None) -> bytes:
        """Read the octets of a text, at most `limit`, or write `text`, and return them.

        Raise LIMIT_TEXT (SEM-E-604) for a longer text, STREAM_NOT_CANONICAL (SEM-E-402) for symbols that an encoder
        would not write.
        """
        style, source = (None, None) if text is None else split.split(text)
        style = coder.symbol(self.styles, style)
        pieces: list[bytes] = []
        history, room = [END], limit + 1  # one more for the space before the text
        while True:
            piece = None if source is None else source[len(pieces)] if len(pieces) < len(source) else b""
            id_ = None if piece is None else self.numbers.get(piece, SPELL) if piece else END
            id_ = self.pieces.code(coder, history, id_)
            if id_ == END:
                break
            piece = self._spell(coder, room, piece) if id_ == SPELL else self.strings[id_ - FIRST]
            history.append(id_)
            pieces.append(piece)
            room -= len(piece)
            if room < 0:
                raise too_long(limit)
        octets = split.join(style, pieces)
        if len(octets) > limit:
            raise too_long(limit)
        if source is None and not self._canonical(octets, style, pieces, history):
            raise SemError(Code.STREAM_NOT_CANONICAL, "the same text is written with other symbols")
        return octets

    def _spell(self, coder: Coder, room: int, piece: bytes | None) -> bytes:
        """Read a piece octet by octet, or write `piece`, and return it. Stop after more than `room` octets.

        Raise STREAM_NOT_CANONICAL (SEM-E-402) for an empty piece.
        """
        octets, history = bytearray(), [END]
        while len(octets) <= room:
            id_ = None if piece is None else 2 + piece[len(octets)] if len(octets) < len(piece) else END
            id_ = self.octets.code(coder, history, id_)
            if id_ == END:
                break
            octets.append(id_ - 2)
            history.append(id_)
        if not octets:
            raise SemError(Code.STREAM_NOT_CANONICAL, "a piece of no octets is spelt out")
        return bytes(octets)

    def _canonical(self, text: bytes, style: int, pieces: list[bytes], history: list[int]) -> bool:
        """Return whether `split` returns exactly these pieces, and no piece with an id is spelt out."""
        spelt = (piece for piece, id_ in zip(pieces, history[1:], strict=True) if id_ == SPELL)
        return split.split(text) == (style, pieces) and not any(piece in self.numbers for piece in spelt)


def too_long(limit: int) -> SemError:
    """Return the error of a text of more than `limit` octets."""
    return SemError(Code.LIMIT_TEXT, f"the text is longer than {limit} octets")


MODEL: Final = TableFile("refcodec.payloads", "caption.bin", SHA256, CaptionModel)
