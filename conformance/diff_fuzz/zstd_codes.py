# SPDX-License-Identifier: MIT
"""Write what compressed blocks of zstd consist of (RFC 8878 §3.1.1.3, §4): Huffman literals and sequences coded by FSE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

MAX_BITS = 11  # of a Huffman code
Field = tuple[int, int]  # value, bits


def backward(fields: Iterable[Field]) -> bytes:
    """Return a stream of bits that is read from its end: the end mark, then the fields in the order of reading."""
    number = 1
    for value, bits in fields:
        number = number << bits | value
    return number.to_bytes((number.bit_length() + 7) // 8, "little")


@dataclass(frozen=True)
class Code:
    """The codes of literal lengths, offsets or match lengths: each is a base and as many extra bits."""

    bits: tuple[int, ...]
    first: int
    log: int  # of the predefined distribution
    predefined: tuple[int, ...]
    most_log: int

    def of(self, value: int) -> tuple[int, Field]:
        """Return the code of a value, and its extra bits."""
        base = self.first
        for code, bits in enumerate(self.bits):
            if value < base + (1 << bits):
                return code, (value - base, bits)
            base += 1 << bits
        raise ValueError(value)


LITERALS = Code(
    (*[0] * 16, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, *range(7, 17)), 0, 6,
    (4, 3, *[2] * 11, 1, 1, 1, *[2] * 9, 3, 2, *[1] * 5, *[-1] * 4), 9,
)  # fmt: skip
MATCHES = Code(
    (*[0] * 32, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, *range(7, 17)), 3, 6,
    (1, 4, 3, *[2] * 6, *[1] * 37, *[-1] * 7), 9,
)  # fmt: skip
OFFSETS = Code(tuple(range(32)), 1, 5, (*[1] * 6, 2, 2, 2, *[1] * 15, *[-1] * 5), 8)
CODES = (LITERALS, OFFSETS, MATCHES)


@dataclass(frozen=True)
class Table:
    """The states of an FSE table: symbol, bits to read, and the state to which they are added."""

    log: int
    symbols: Sequence[int]
    bits: Sequence[int]
    bases: Sequence[int]

    def states(self, symbols: Sequence[int]) -> list[int]:
        """Return the state at each symbol. ValueError for a symbol without a state."""
        states = [self.symbols.index(symbols[-1])]
        for symbol in reversed(symbols[:-1]):
            states.append(
                next(
                    state
                    for state, found in enumerate(self.symbols)
                    if found == symbol and 0 <= states[-1] - self.bases[state] < 1 << self.bits[state]
                )
            )
        return states[::-1]


def fse_table(log: int, probabilities: Sequence[int]) -> Table:
    """Return the table of a distribution; -1 stands for a probability below 1."""
    size = 1 << log
    symbols, following = [0] * size, [abs(p) for p in probabilities]
    high, at = size, 0
    for symbol, p in enumerate(probabilities):
        if p == -1:
            high -= 1
            symbols[high] = symbol
    for symbol, p in enumerate(probabilities):
        for _ in range(p):
            symbols[at] = symbol
            at = (at + (size >> 1) + (size >> 3) + 3) % size
            while at >= high:
                at = (at + (size >> 1) + (size >> 3) + 3) % size
    bits, bases = [], []
    for symbol in symbols:
        n = following[symbol]
        following[symbol] += 1
        bits.append(log - n.bit_length() + 1)
        bases.append((n << bits[-1]) - size)
    return Table(log, symbols, bits, bases)


def only(symbol: int) -> Table:
    """Return the table in which a symbol is always the next one."""
    return Table(0, [symbol], [0], [0])


def distribution(rng: Random, symbols: Sequence[int], most_log: int) -> tuple[int, list[int]]:
    """Return the log and the probabilities of a random distribution in which these symbols have states."""
    used = sorted({*symbols})
    least = max(5, (len(used) - 1).bit_length())
    log = rng.randrange(least, most_log + 1)
    probabilities = [0] * (used[-1] + 1)
    left = (1 << log) - len(used)
    for symbol in used:
        more = rng.randrange(left + 1) if symbol != used[-1] else left
        left -= more
        probabilities[symbol] = 1 + more if more or rng.random() < 0.7 else -1
    return log, probabilities


def described(log: int, probabilities: Sequence[int]) -> bytes:
    """Return the description of a distribution."""
    number, length, left, zeros = log - 5, 4, 1 << log, 0

    def put(value: int, bits: int) -> None:
        nonlocal number, length
        number |= value << length
        length += bits

    at = 0
    while left > 0:
        p = probabilities[at]
        at += 1
        bits = (left + 1).bit_length()
        low, threshold = (1 << bits - 1) - 1, (1 << bits) - 2 - left
        if p + 1 < threshold:
            put(p + 1, bits - 1)
        else:
            put(p + 1 if p + 1 <= low else p + 1 + threshold, bits)
        left -= abs(p)
        if p == 0:
            zeros = 0
            while left > 0 and probabilities[at] == 0:
                zeros, at = zeros + 1, at + 1
            for _ in range(zeros // 3):
                put(3, 2)
            put(zeros % 3, 2)
    return number.to_bytes((length + 7) // 8, "little")


class Tree:
    """A complete Huffman code for some octets below 129, described by its weights."""

    def __init__(self, rng: Random, octets: Iterable[int]) -> None:
        used = sorted({*octets, 32, 101})
        lengths = [0]
        while len(lengths) < len(used):
            splittable = [at for at, length in enumerate(lengths) if length < MAX_BITS]
            at = rng.choice(splittable)
            lengths[at] += 1
            lengths.append(lengths[at])
        rng.shuffle(lengths)
        self.most = max(lengths)
        self.weights = [0] * (used[-1] + 1)
        for octet, length in zip(used, lengths, strict=True):
            self.weights[octet] = self.most + 1 - length
        self.codes: dict[int, Field] = {}
        at = 0
        for weight in range(1, self.most + 1):
            for octet, own in enumerate(self.weights):
                if own == weight:
                    self.codes[octet] = at >> weight - 1, self.most + 1 - weight
                    at += 1 << weight - 1

    def description(self) -> bytes:
        """Return the weights but the last one, four bits each."""
        weights = self.weights[:-1]
        pairs = weights + [0] * (len(weights) % 2)
        return bytes([127 + len(weights), *(a << 4 | b for a, b in zip(pairs[::2], pairs[1::2], strict=True))])

    def stream(self, octets: bytes) -> bytes:
        return backward(self.codes[octet] for octet in octets)
