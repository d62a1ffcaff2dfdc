# SPDX-License-Identifier: MIT
"""Other spellings of a JSON document (SPEC §2): of the same values, with one number that is not canonical, or malformed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

NUMBER = re.compile(rb"(?<=: )-?[0-9]+(?=[,}\]\s])")
LETTER = re.compile(rb"(?<=[\"a-z])[a-z](?=[a-z0-9-]*\")")


MALFORMED: tuple[Callable[[bytes], bytes], ...] = (
    lambda text: b"\xef\xbb\xbf" + text,
    lambda text: text[:-1],
    lambda text: text + b"}",
    lambda text: b"",
    lambda text: b"[]",
    lambda text: b'{"n": 1, "\\u006e": 1, ' + text[1:],
    lambda text: b'{"n": {"a": [{"b": 1, "b": 1}]}, ' + text[1:],
    lambda text: b'{"n": NaN, ' + text[1:],
    lambda text: b'{"n": 01, ' + text[1:],
    lambda text: b'{"n": "\xff", ' + text[1:],
    lambda text: b'{"n": "\t", ' + text[1:],
    lambda text: b'{"n": "\\x41", ' + text[1:],
    lambda text: text[:-1] + b",}",
    lambda text: text.replace(b": ", b":\xc2\xa0", 1),
    lambda text: text.replace(b'"profiles"', b'"profile\\u0074"', 1),
    lambda text: text.decode().encode("utf-16"),
)


def malformed(rng: Random, document: Any) -> bytes:
    """Return a text that is no JSON, that names a member twice, or that is not a registry."""
    return rng.choice(MALFORMED)(json.dumps(document).encode())


def respelled(rng: Random, document: Any) -> tuple[bytes, bool]:
    """Return the text of a document, in another order, with other white space and escapes, and whether a number differs."""
    text = json.dumps(
        shuffled(rng, document) if rng.random() < 0.5 else document,
        indent=rng.choice((None, 0, 3, "\t")),
        separators=rng.choice(((",", ": "), (" ,", ": "))),
        ensure_ascii=rng.random() < 0.5,
    ).encode()
    for _ in range(rng.choice((0, 1, 3))):
        text = escaped(rng, text)
    changed = rng.random() < 0.5
    if changed:
        text = renumbered(rng, text)
    return rng.choice((b"", b"\n\t ")) + text + rng.choice((b"", b"\r\n")), changed


def shuffled(rng: Random, value: Any) -> Any:
    """Return the same value with the members of its objects in another order."""
    if isinstance(value, list):
        return [shuffled(rng, item) for item in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    rng.shuffle(names)
    return {name: shuffled(rng, value[name]) for name in names}


def escaped(rng: Random, text: bytes) -> bytes:
    """Return the text with one letter of a name or string as an escape."""
    found = list(LETTER.finditer(text))
    if not found:
        return text
    at = rng.choice(found).start()
    form = rng.choice(("\\u%04x", "\\u%04X"))
    return text[:at] + (form % text[at]).encode() + text[at + 1 :]


def renumbered(rng: Random, text: bytes) -> bytes:
    """Return the text with one number in another spelling: of the same value, or of one that is not canonical."""
    found = list(NUMBER.finditer(text))
    if not found:
        return text
    match = rng.choice(found)
    old = match[0]
    new = rng.choice((old + b".0", old + b"e0", old + b"E+0", b"-" + old, old + b"0e-1", old + b"." + b"0" * 20))
    return text[: match.start()] + new + text[match.end() :]
