# SPDX-License-Identifier: MIT
"""Captions: any body is a caption or one error, a canonical one has its body; any text is coded in every mode."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any

from refcodec import spec
from refcodec.errors import SemError
from refcodec.payloads.caption import candidates, modes
from refcodec.registry import Registry
from refcodec.table_files import SHIPPED
from tools.fuzz.mutators import plain
from tools.fuzz.target import VECTORS, Target, refusal, require

LIMIT = 1 << 10  # octets
CANDIDATES = 5
MAGICS = b"\xf0", b"\xf7", b"\xf8", b"\xf9\x78\xda", b"\xfa\x20", b"\xfb", b"\xff", b"\xef\xff\xff\xff"
TEXT = b"T"  # inputs that begin so are texts to be coded, others bodies to be decoded
NUMBERED = b"N"  # bodies of a row with candidates


@lru_cache(maxsize=1)
def parameters() -> Any:
    """Return the parameters of a row with every mode."""
    for row in Registry.shipped().rows.values():
        form: Any = row.binding["parameters"].get(str(spec.CAPTION))
        if form is not None and set(form["modes"]) == set(modes.MODES):
            return form
    form = next(
        row.binding["parameters"]["2"] for row in Registry.shipped().rows.values() if "2" in row.binding["parameters"]
    )
    return {**form, "modes": list(modes.MODES)}


def numbered() -> Any:
    """Return the parameters of a row with candidates."""
    return {**parameters(), "modes": list(candidates.MODES), "candidates": CANDIDATES}


def seeds() -> list[bytes]:
    """Return bodies in each mode, and texts."""
    texts = ("", "A cat on a mat.", "ÄÖÜ 🦆\n" * 3, "a" * 200)
    bodies = [modes.encode(text, parameters(), mode, tables=SHIPPED) for text in texts for mode in modes.TEXT_MODES]
    bodies += [modes.encode_tokens(ids, parameters()) for ids in ([], [1, 2, 3], list(range(16)))]
    bodies += [
        data[5:] for path in sorted((VECTORS / "caption").rglob("*.sem")) if len(data := path.read_bytes()) < 256
    ]
    of_numbers = [
        modes.encode(text, numbered(), mode, tables=SHIPPED, candidate=number)
        for number, text in enumerate(texts)
        for mode in ("static", "raw")
    ]
    of_numbers += [modes.encode_tokens(list(range(number)), numbered(), number) for number in range(CANDIDATES)]
    return bodies + [TEXT + text.encode() for text in texts] + [NUMBERED + body for body in of_numbers]


def run(data: bytes) -> str:
    """Decode a body, or code a text."""
    if data.startswith(TEXT):
        return _code(data[1:].decode("utf-8", "replace"))
    if data.startswith(NUMBERED):
        return _decode(data[1:], numbered())
    return _decode(data, parameters())


def _decode(data: bytes, form: Any) -> str:
    try:
        caption = modes.decode(data, form, LIMIT, tables=SHIPPED)
    except SemError as error:
        return refusal(error, len(data))
    require((caption.candidate is not None) == ("candidates" in form), "the row states whether there are candidates")
    require(0 <= (caption.candidate or 0) < CANDIDATES, "a candidate is one of the row")
    require((caption.text is None) != (caption.tokens is None), "a caption is a text or token ids")
    require(len((caption.text or "").encode()) <= LIMIT, "a text is within the limit")
    if caption.tokens is not None:
        again = modes.encode_tokens(caption.tokens, form, caption.candidate)
    else:
        text, number = caption.text or "", caption.candidate
        again = modes.encode(text, form, caption.mode, tables=SHIPPED, candidate=number)
    if caption.canonical:
        require(again == data, "encoding does not reproduce the body")
    else:
        require(modes.decode(again, form, LIMIT, tables=SHIPPED).text == caption.text, "coding changes a text")
    return f"accepted, {caption.mode}"


def _code(text: str) -> str:
    for mode in modes.TEXT_MODES:
        body = modes.encode(text, parameters(), mode, tables=SHIPPED)
        decoded = modes.decode(body, parameters(), 1 << 16, tables=SHIPPED)
        require(decoded.text == text and decoded.mode == mode, f"mode {mode} changes a text")
    return "accepted, coded"


def mutate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return another body, the first byte mostly as it was."""
    changed = _PLAIN(rng, data, others)
    return data[:1] + changed[1:] if rng.random() < 0.6 else changed


_PLAIN = plain.inserting(MAGICS)
TARGET = Target("caption", seeds, run, mutate, dictionary=MAGICS, max_bytes=256)
