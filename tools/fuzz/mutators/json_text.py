# SPDX-License-Identifier: MIT
"""Change JSON: members and items of the document, or the spelling of the text."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from diff_fuzz.package_damage import ODD_VALUES
from diff_fuzz.packages import member_at, member_paths
from tools.fuzz.mutators import plain

SPELLINGS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda text: b" \n" + text + b"\t\r ",
    lambda text: b"\xef\xbb\xbf" + text,
    lambda text: text + b"x",
    lambda text: text[:-1],
    lambda text: text.replace(b": 1", b": 1.0", 1),
    lambda text: text.replace(b": 1", b": 1e0", 1),
    lambda text: text.replace(b": 1", b": 01", 1),
    lambda text: text.replace(b": 1", b": NaN", 1),
    lambda text: text.replace(b": 1", b": 1e400", 1),
    lambda text: text.replace(b": 1", b": " + b"9" * 5000, 1),
    lambda text: text.replace(b"{", b'{"a": 1, "a": 1, ', 1),
    lambda text: text.replace(b"{", b'{"n": "\\ud800", ', 1),
    lambda text: text.replace(b"{", b'{"n": "\xed\xa0\x80", ', 1),
    lambda text: text.replace(b"{", b'{"n": ' + b"[" * 3000 + b"]" * 3000 + b", ", 1),
    lambda text: b"[" * 3000,
    lambda text: text.decode("utf-8", "replace").encode("utf-16"),
    lambda text: b"",
)


def mutate_value(rng: Random, document: Any, values: Sequence[Any] = ()) -> Any:
    """Return a JSON value with one member changed, removed, copied or inserted. `values`: odd values of the format."""
    document = copy.deepcopy(document)
    paths = member_paths(document)
    if not paths:
        return copy.deepcopy(rng.choice((*ODD_VALUES, *values)))
    path = rng.choice(paths)
    holder, name = member_at(document, path[:-1]), path[-1]
    odd = copy.deepcopy(rng.choice((*ODD_VALUES, *values)))
    match rng.randrange(8):
        case 0 | 1 if type(holder[name]) is int:
            holder[name] += rng.choice((-1, 1, 1, 7, -64, 1 << 16, 1 << 31))
        case 0 | 1 if isinstance(holder[name], str):
            text = holder[name]
            holder[name] = rng.choice((text[:-1], text + "x", text.upper(), "../" + text, "/" + text, text * 40, ""))
        case 0 | 1 | 2 | 3:
            holder[name] = odd
        case 4:
            del holder[name]
        case 5:
            holder[name] = copy.deepcopy(member_at(document, rng.choice(paths)))
        case 6 if isinstance(holder, dict):
            holder[rng.choice(("x", "", "é", "__proto__", str(rng.randrange(10))))] = odd
        case 7 if isinstance(holder, dict):
            holder[rng.choice([str(each[-1]) for each in paths])] = odd
        case _ if isinstance(holder, list):
            holder.insert(rng.randrange(len(holder) + 1), odd)
    return document


def cross(rng: Random, document: Any, other: Any) -> Any:
    """Return a JSON value with one member taken from another document, where it has the same name."""
    document = copy.deepcopy(document)
    theirs = member_paths(other)
    names = {path[-1] for path in theirs}
    if paths := [path for path in member_paths(document) if path[-1] in names]:
        path = rng.choice(paths)
        chosen = rng.choice([each for each in theirs if each[-1] == path[-1]])
        member_at(document, path[:-1])[path[-1]] = copy.deepcopy(member_at(other, chosen))
    return document


def mutator(values: Sequence[Any] = ()) -> Callable[[Random, bytes, Sequence[bytes]], bytes]:
    """Return a mutator of JSON texts. `values`: odd values of the format."""

    def mutate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
        choice = rng.random()
        if choice < 0.1:
            return rng.choice(SPELLINGS)(data)
        if choice < 0.2:
            return plain.mutate(rng, data, others)
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            return plain.mutate(rng, rng.choice(others) if others and rng.random() < 0.5 else data, others)
        other = _parsed(rng.choice(others)) if others and rng.random() < 0.5 else None
        if other is not None:
            document = cross(rng, document, other)
        for _ in range(rng.choice((0, 0, 1)) if other is not None else rng.choice((1, 1, 2, 3))):
            document = mutate_value(rng, document, values)
        try:
            return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
        except (ValueError, RecursionError):
            return data

    return mutate


def _parsed(data: bytes) -> Any:
    """Return a JSON value, None for other bytes."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
