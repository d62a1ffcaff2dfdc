# SPDX-License-Identifier: MIT
"""SPEC §13.2, the static caption model: trees of contexts, integers only, and the walk that codes a text with them.

A *tree* predicts a sequence of ids from the ids before it, most recent first. Its root has a frequency for every id;
a node below it, reached by the latest one, two, … ids, a frequency for some of them and for the escape, which leads to
the node one id shorter; what the longer node offered is left out there. Two trees: one of pieces (words), one of
octets, for pieces that the first does not know.

    caption.bin   u16, little-endian: V L w w' l l' | styles[6] | piece frequencies[V] | octet frequencies[L]
                  | piece nodes[w + 65536 w'] | octet nodes[l + 65536 l'] | the pieces of ids 3 …, LF between them
    node          16 · id + 8 · (has nodes below) + min(entries, 7) | entries if 7 or more | words below if it has any
                  | entry, ascending: 16 · id + level, frequency 2^level | the nodes below, ascending
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
END: Final = 0  # of a text, of a piece; before its first id, the history of either is END
ESCAPE: Final = 1  # to the shorter context
SPELL: Final = 2  # in the tree of pieces: octets follow; in the tree of octets id 2 + b is the octet b
FIRST: Final = 3  # the id of the first piece in caption.bin
PIECE_DEPTH: Final = 3
OCTET_DEPTH: Final = 4


class Rest(Sequence[int]):
    """A table without some of its symbols: they keep their numbers, but have no interval (frequency 0)."""

    def __init__(self, table: Sequence[int], gone: Sequence[int]) -> None:
        """`gone`: numbers of symbols of the table, ascending."""
        self._table, self._gone = table, gone
        self._less = [0, *accumulate(table[j + 1] - table[j] for j in gone)]

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> list[int]: ...
    def __getitem__(self, at: int | slice) -> int | list[int]:
        """Entry `at` of the cumulative table, counted from the end if negative."""
        if isinstance(at, slice):
            return [self[j] for j in range(*at.indices(len(self)))]
        at = at + len(self) if at < 0 else at
        return self._table[at] - self._less[bisect_left(self._gone, at)]


class Node:
    """One context: ids (ascending), their cumulative table, and the nodes of contexts one id longer."""

    def __init__(self, words: Sequence[int], ids: Sequence[int], table: Sequence[int], begin: int, end: int) -> None:
        """`words[begin:end]` are the nodes below."""
        self.ids, self.table = ids, table
        self._words, self._begin, self._end = words, begin, end
        self._children: dict[int, Node] = {}
        self._rest: Rest | None = None

    @cached_property
    def _places(self) -> dict[int, int]:
        """Where the node of each next id begins: a scan of the headers, at the first question."""
        words, at, places = self._words, self._begin, {}
        while at < self._end:
            head = words[at]
            places[head >> 4] = at
            at += 1
            size = head & 7
            if size == 7:
                size = words[at]
                at += 1
            if head & 8:
                size += words[at]
                at += 1
            at += size
        return places

    def child(self, number: int) -> Node | None:
        """The node of this context with one earlier id; None if the tree has none."""
        node = self._children.get(number)
        if node is None and number in self._places:
            node = self._children[number] = self._read(self._places[number])
        return node

    def _read(self, at: int) -> Node:
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

    def symbol(self, number: int) -> int:
        """The place of an id in the table, of the escape if it has none."""
        at = bisect_left(self.ids, number)
        return at if at < len(self.ids) and self.ids[at] == number else bisect_left(self.ids, ESCAPE)

    def without(self, longer: Node) -> Rest:
        """The table less what a longer context offers; `longer` always is one id longer than this one."""
        if longer._rest is None:
            gone = [bisect_left(self.ids, number) for number in longer.ids if number != ESCAPE]
            longer._rest = Rest(self.table, gone)
        return longer._rest


class Tree:
    """Contexts of up to `depth` ids."""

    def __init__(self, words: Sequence[int], frequencies: Sequence[int], begin: int, end: int, depth: int) -> None:
        table = [0, *accumulate(frequencies)]
        self.root, self.depth = Node(words, range(len(frequencies)), table, begin, end), depth

    def code(self, coder: Coder, history: list[int], number: int | None = None) -> int:
        """Code one id after `history` (the latest id last): read it, or write `number`."""
        node, chain = self.root, []
        for earlier in history[: -self.depth - 1 : -1]:
            found = node.child(earlier)
            if found is None:
                break
            chain.append(node)
            node = found
        table: Sequence[int] = node.table
        while True:
            symbol = coder.symbol(table, None if number is None else node.symbol(number))
            found_id = node.ids[symbol]
            if found_id != ESCAPE:
                return found_id
            shorter = chain.pop()
            table = shorter.without(node)
            node = shorter


class CaptionModel:
    """caption.bin as an object; what it does is a pure function of those bytes."""

    def __init__(self, data: bytes) -> None:
        """`data`: a well-formed caption.bin; its digest vouches for that."""
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
        """The id of each piece."""
        return {piece: FIRST + at for at, piece in enumerate(self.strings)}

    def walk(self, coder: Coder, limit: int, text: bytes | None = None) -> bytes:
        """Code the octets of a text: read them, at most `limit`, or write `text`.

        SemError 604 for a longer text, 402 for one that would be written with other symbols.
        """
        style, given = (None, None) if text is None else split.split(text)
        style = coder.symbol(self.styles, style)
        pieces: list[bytes] = []
        history, room = [END], limit + 1  # a space is before the text
        while True:
            piece = None if given is None else given[len(pieces)] if len(pieces) < len(given) else b""
            number = None if piece is None else self.numbers.get(piece, SPELL) if piece else END
            number = self.pieces.code(coder, history, number)
            if number == END:
                break
            piece = self._spell(coder, room, piece) if number == SPELL else self.strings[number - FIRST]
            history.append(number)
            pieces.append(piece)
            room -= len(piece)
            if room < 0:
                raise too_long(limit)
        read = split.join(style, pieces)
        if len(read) > limit:
            raise too_long(limit)
        if given is None and not self._canonical(read, style, pieces, history):
            raise SemError(Code.STREAM_NOT_CANONICAL, "the same text is written with other symbols")
        return read

    def _spell(self, coder: Coder, room: int, piece: bytes | None) -> bytes:
        """One piece, octet by octet; SemError 402 for one of none. Stops when there is no more room."""
        read, history = bytearray(), [END]
        while len(read) <= room:
            given = None if piece is None else 2 + piece[len(read)] if len(read) < len(piece) else END
            number = self.octets.code(coder, history, given)
            if number == END:
                break
            read.append(number - 2)
            history.append(number)
        if not read:
            raise SemError(Code.STREAM_NOT_CANONICAL, "a piece of no octets is spelt out")
        return bytes(read)

    def _canonical(self, text: bytes, style: int, pieces: list[bytes], history: list[int]) -> bool:
        """Whether `split` gives these very pieces, and none is spelt out that has an id."""
        spelt = (piece for piece, number in zip(pieces, history[1:], strict=True) if number == SPELL)
        return split.split(text) == (style, pieces) and not any(piece in self.numbers for piece in spelt)


def too_long(limit: int) -> SemError:
    return SemError(Code.LIMIT_TEXT, f"the text is longer than {limit} octets")


MODEL: Final = TableFile("refcodec.payloads", "caption.bin", SHA256, CaptionModel)
