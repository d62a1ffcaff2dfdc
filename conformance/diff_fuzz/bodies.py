# SPDX-License-Identifier: MIT
"""Payload bodies of every kind: some that an encoder could write, some that none writes, and random bytes.

A body comes with its S (SPEC §7) if that is known, so that the file can have a correct check.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from diff_fuzz.coder import END, SPELL, CaptionTables, Coder, contexts, encode_id, sample_id
from diff_fuzz.compressed import Body, deflated, zstd
from diff_fuzz.noise import BROKEN_UTF8, WORDS, noise, text

MODE_TABLE = (240, 8, 1, 1, 1, 5)


@dataclass
class Tables:
    """The normative tables, and zstd captions to start from."""

    consonant: bytes
    captions: CaptionTables
    zstd: Sequence[bytes]  # bodies of mode zstd


def consonant(rng: Random, parameters: dict[str, Any], tables: Tables) -> Body:
    """Return a body of kind 1 (SPEC §13.1), mostly canonical."""
    length = rng.choice((0, 1, 2, 3, 7, 20, rng.randrange(60)) * 9 + (65535, 65536, 65537))
    codes = [rng.choice((rng.randrange(16), rng.randrange(16), 0, 1)) for _ in range(length)]
    if length > 60 or rng.random() < 0.2:
        codes = [rng.randrange(16)] * length
    if codes and codes[-1] == 0 and rng.random() < 0.8:
        codes[-1] = rng.randrange(1, 16)
    if parameters["code"] == "fixed":
        even = codes + [0] * (len(codes) % 2)
        body = bytes(16 * a + b for a, b in zip(even[::2], even[1::2], strict=True))
        return body, bytes(codes) if not codes or codes[-1] else None
    coder, context = Coder(), [0, 0, 0]
    for code in codes:
        at = 17 * (256 * context[-3] + 16 * context[-2] + context[-1])
        coder.symbol(tables.consonant[at : at + 17], 1 + code)
        context.append(code)
    at = 17 * (256 * context[-3] + 16 * context[-2] + context[-1])
    coder.symbol(tables.consonant[at : at + 17], 0)
    return coder.finish(), bytes(codes)


def candidate(rng: Random, coder: Coder, count: int | None) -> bytes:
    """Encode the number of a candidate, if the row has some; return what S begins with."""
    if count is None:
        return b""
    number = rng.choice((0, count - 1, rng.randrange(count)))
    coder.uniform(number, count)
    return bytes([number])


def static_caption(rng: Random, tables: Tables, candidates: int | None = None) -> bytes:
    """Return a caption of mode static with any style and pieces; occasionally invalid UTF-8 or an empty spelling."""
    captions, coder, history = tables.captions, Coder(), [END]
    coder.symbol(MODE_TABLE, 0 if rng.random() < 0.97 else rng.randrange(6))
    candidate(rng, coder, candidates)
    coder.symbol(captions.styles, rng.choice((0, 0, 1, 2, 2, 3, 4, 5)))
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4, 7, 12))):
        nodes = contexts(captions.pieces, history, 3)
        id_ = SPELL if rng.random() < 0.3 else sample_id(rng, nodes)
        if id_ == END:
            break
        encode_id(coder, nodes, id_)
        history.append(id_)
        if id_ == SPELL:
            spell(rng, captions, coder)
    encode_id(coder, contexts(captions.pieces, history, 3), END)
    return coder.finish()


def spell(rng: Random, captions: CaptionTables, coder: Coder) -> None:
    """Encode a piece octet by octet: a word, or octets drawn from the tables."""
    history, word = [END], None
    if rng.random() < 0.6:
        word = rng.choice((b"", b" ")) + rng.choice(
            (rng.choice(WORDS).encode(), rng.choice(captions.words[3:]), rng.choice(BROKEN_UTF8))
        )
    for at in range(20 if word is None else len(word)):
        nodes = contexts(captions.octets, history, 4)
        id_ = sample_id(rng, nodes) if word is None else 2 + word[at]
        if id_ == END:
            break
        encode_id(coder, nodes, id_)
        history.append(id_)
    encode_id(coder, contexts(captions.octets, history, 4), END)


def tokens(rng: Random, vocabulary: int, candidates: int | None = None) -> Body:
    """Return a caption of mode tokens with at most 75 ids."""
    coder = Coder()
    coder.symbol(MODE_TABLE, 1 if rng.random() < 0.97 else rng.randrange(6))
    number = candidate(rng, coder, candidates)
    ids = [rng.choice((0, vocabulary - 1, rng.randrange(vocabulary))) for _ in range(rng.choice((0, 1, 2, 16, 75)))]
    coder.symbol([76 if n == 16 else 1 for n in range(76)], len(ids))
    for id_ in ids:
        coder.uniform(id_, vocabulary)
    return coder.finish(), number + b"\xff" + b"".join(id_.to_bytes(2, "big") for id_ in ids)


def caption(rng: Random, parameters: dict[str, Any], tables: Tables) -> Body:
    """Return a body of kind 2 (SPEC §13.2) in any mode."""
    candidates: int | None = parameters.get("candidates")
    match rng.randrange(12):
        case 0:
            octets = text(rng) if candidates is None else bytes([rng.randrange(candidates + 1)]) + text(rng)
            return b"\xf8" + octets, octets
        case 1 | 2:
            body, symbols = deflated(rng)
            return b"\xf9" + body, symbols
        case 3 | 4:
            body, symbols = zstd(rng, tables.zstd)
            return b"\xfa" + body, symbols
        case 5:
            return tokens(rng, parameters["vocabulary"], candidates)
        case 6 | 7 | 8 | 9:
            return static_caption(rng, tables, candidates), None
        case 10:
            return bytes([rng.randrange(0xE8, 0x100)]) + noise(rng), None
    return noise(rng), None


def codes(rng: Random, sizes: Sequence[int]) -> Body:
    """Return uniformly coded codes, one of each size."""
    values = [rng.choice((0, size - 1, rng.randrange(size))) for size in sizes]
    coder = Coder()
    for code, size in zip(values, sizes, strict=True):
        coder.uniform(code, size)
    return coder.finish(), b"".join(struct.pack(">H", code) for code in values)


def body(rng: Random, kind: int, parameters: dict[str, Any], size: tuple[int, int], tables: Tables) -> Body:
    """Return a body of a kind 1 to 5, for a picture of `size` (width, height) and the parameters of a registry row."""
    if rng.random() < 0.25:
        return noise(rng, 120), None
    if kind == 1:
        return consonant(rng, parameters, tables)
    if kind == 2:
        return caption(rng, parameters, tables)
    if kind == 3 and not parameters["prior"]:
        return codes(rng, [2 ** parameters["b"]] * parameters["d"])
    if kind == 4:
        return codes(rng, [parameters["v"]] * parameters["m"])
    if kind == 5 and not parameters["usage"]:
        sites = -(-size[0] // parameters["stride"]) * -(-size[1] // parameters["stride"])
        if sites <= 4096:
            return codes(rng, [parameters["v"]] * sites)
    return noise(rng, 120), None
