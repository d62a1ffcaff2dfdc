# SPDX-License-Identifier: MIT
"""Precomputed symbols: JSON of the arguments of `encode`, and .npy files, are a valid file or one documented error.

An input that begins with { is a JSON object of arguments; any other is the file of an array.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from random import Random
from typing import Final

import numpy as np

import refcodec
from refcodec.cli.symbol_options import _array
from refcodec.errors import SemError
from tools.fuzz import archive
from tools.fuzz.mutators import json_text, plain
from tools.fuzz.mutators.sem_file import environment
from tools.fuzz.target import Target, refusal, require

SIDE = 512  # of a picture that is decoded again
NAMES = frozenset(
    [
        "text",
        "caption",
        "vector",
        "codes",
        "indices",
        "size",
        "mode",
        "strict",
        "check",
        "explicit_model",
        "provenance",
        "hints",
        "metadata",
        "method",
        "profile",
        "level",
        "quality",
        "bpp",
        "strict_bpp",
    ]
)
VALUES = (
    "consonant", "consonant-coded", "clip", "clip-4", "pics", "perco", "perco-16-8196", "perco-64-256", "vq-tiny", "pq-tiny", "clip-tiny", "elic",
    [16, 16], [64, 48], [1, 1], [65535, 1], [0, 1], [-1, 5], [1.5, 2], [1e308] * 4, [float("nan")], [[0, 1], [2, 3]], [[0] * 4] * 3, "\ud800",
    list(range(16)), [255] * 24, "static", "tokens", "raw", "zlib", "zstd", 16, 32, {"seed": "7"}, {"seed": "x"}, {"": "x"}, {"a": "b" * 70000},
)  # fmt: skip
MAGICS = (
    b"\x93NUMPY\1\0", b"\x93NUMPY\2\0", b"\x93NUMPY\3\0", b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", b"'|O'", b"'<f8'", b"(99999999999,)",
    b"'<M8[ns]'", b"'|V8'", b"[('a', '<i4')]", b"(3, -1)", b"True", b"PK\3\4",
)  # fmt: skip


def seeds() -> list[bytes]:
    """Return arguments for each kind of symbols, and arrays of several types."""
    arguments: list[dict[str, object]] = [
        {"text": "old stone bridge", "size": [64, 48]},
        {"text": "ct", "size": [64, 48], "profile": "consonant-coded", "strict": True},
        {"caption": "A cat on a mat.", "size": [64, 48], "mode": "raw", "check": 32},
        {"caption": "A cat.", "size": [64, 48], "provenance": True, "hints": {"seed": "7"}, "metadata": {"a": "b"}},
        {"codes": list(range(16)), "method": "pics", "size": [100, 70]},
        {"vector": [0.1] * 768, "profile": "clip", "size": [100, 70]},
        {"codes": [1, 0, 2, 3] * 4, "profile": "perco-64-256", "size": [64, 64]},
        {"indices": [[3]], "profile": "perco-64-256", "size": [64, 64], "explicit_model": 4},
        {"indices": [[1] * 4] * 4, "profile": "perco-16-8196", "size": [64, 64]},
    ]
    arrays = []
    for dtype in ("<f4", "<f8", ">i4", "|u1", "?", "<c8"):
        out = io.BytesIO()
        np.save(out, np.arange(6).astype(dtype).reshape(2, 3))
        arrays.append(out.getvalue())
    return [json.dumps(each).encode() for each in arguments] + arrays


SCRATCH: Final = archive.Scratch()  # where arrays are written


def run(data: bytes) -> str:
    """Encode symbols and decode them again, or read an array."""
    if not data.startswith(b"{"):
        return _read_array(data)
    try:
        options = json.loads(data)
    except (ValueError, RecursionError):
        return "not JSON"
    options = {name: value for name, value in options.items() if name in NAMES}
    try:
        file = refcodec.encode(environment=environment(), **options)
    except SemError as error:
        return refusal(error)
    except (ValueError, TypeError) as error:
        return type(error).__name__
    found = refcodec.read(file, level=2, environment=environment())
    if max(found.header.width, found.header.height) <= SIDE:
        symbols = refcodec.symbols(file, level=2, environment=environment())
        require(bool(symbols), "an encoded file has symbols")
        text = options.get("caption")
        if isinstance(text, str) and "caption" in symbols:
            require(symbols["caption"] == text, "a caption comes back as it was")
    return "accepted"


def _read_array(data: bytes) -> str:
    path = SCRATCH.folder() / "array.npy"
    path.write_bytes(data)
    try:
        array = _array(str(path))
    except SemError as error:
        return refusal(error)
    require(isinstance(array, np.ndarray) and array.dtype != object, "an array holds numbers")
    require(array.nbytes <= max(len(data), 64) * 64, "an array takes more memory than its file")
    return "accepted, array"


_JSON, _PLAIN = json_text.mutator(VALUES), plain.inserting(MAGICS)


def mutate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return other arguments, or another file of an array."""
    return (_JSON if data.startswith(b"{") else _PLAIN)(rng, data, others)


TARGET = Target("symbols", seeds, run, mutate, dictionary=MAGICS, max_bytes=6144, close=SCRATCH.remove)
