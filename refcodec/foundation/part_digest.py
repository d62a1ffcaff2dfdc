# SPDX-License-Identifier: MIT
"""Compute the digests of an identity (SPEC §12): of the tensors of a model, and of the vocabulary of a tokenizer.

Only headers and the tensors that count are read. A digest is computed once for each state of the files in a process.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from refcodec import spec
from refcodec.canonical_json import ascii_name, canonical_json, parse_json
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

FLOATS: Final = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2"}  # dtype -> its numbers, or bits of BF16
VOCABULARY_BYTES_MAX: Final = 1 << 27
_CHUNK: Final = 1 << 22  # values that are rounded at a time
# what JSON of another form raises where it is read
_INVALID: Final = (ValueError, LookupError, ArithmeticError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class _Tensor:
    """A tensor of floating-point numbers in a file: bytes `start` to `end`."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def tensors_digest(files: Iterable[Path], prefixes: tuple[str, ...] = ("",), without: str = "") -> str:
    """Return the digest of the floating-point tensors whose names begin with a prefix, in safetensors files.

    without: a beginning of names that is left out first, since versions of a library differ in it. Raise
    Code.MODEL_UNAVAILABLE for files that cannot be read, MODEL_MALFORMED for files that are not safetensors or have no
    such tensor.
    """
    return _tensors_digest(tuple(_state(path) for path in files), prefixes, without)


def vocabulary_digest(files: Iterable[Path]) -> str:
    """Return the digest of a vocabulary: of the tokens of `tokenizer.json`, or of `vocab.json` and `added_tokens.json`.

    Raise Code.MODEL_UNAVAILABLE for files that cannot be read, MODEL_MALFORMED for files without tokens.
    """
    return _vocabulary_digest(tuple(_state(path) for path in files))


_State = tuple[str, int, int]  # path, bytes and time of the last change of a file


def _state(path: Path) -> _State:
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path) from error
    return os.path.realpath(path), status.st_size, status.st_mtime_ns


@lru_cache(maxsize=64)
def _tensors_digest(files: tuple[_State, ...], prefixes: tuple[str, ...], without: str) -> str:
    entries: dict[str, Any] = {}
    for name, _, _ in files:
        path = Path(name)
        try:
            with path.open("rb") as stream:
                for stored_name, tensor in _layout(stream, path).items():
                    tensor_name = stored_name.removeprefix(without)
                    if tensor_name.startswith(prefixes):
                        entry = {"shape": list(tensor.shape), "sha256": _rounded_sha256(stream, tensor, path)}
                        entries[ascii_name(tensor_name)] = entry
        except OSError as error:
            raise _unreadable(path) from error
    if not entries:
        names = " or ".join(prefix or "any name" for prefix in prefixes)
        where = Path(files[0][0]).parent.name if files else "the model"
        raise _malformed(f"{shown(where)} has no tensors of floating-point numbers called {names}")
    return hashlib.sha256(canonical_json(entries)).hexdigest()


def _layout(stream: Any, path: Path) -> dict[str, _Tensor]:
    """Return the floating-point tensors of a safetensors file by name."""
    size = os.fstat(stream.fileno()).st_size
    length = int.from_bytes(stream.read(8), "little")
    if size < 8 or not 2 <= length <= min(spec.TENSOR_HEADER_BYTES_MAX, size - 8):
        raise _malformed(f"{shown(path.name)} is not a safetensors file")
    try:
        header = json.loads(stream.read(length))
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] not in FLOATS:
                continue
            start, end = (8 + length + int(offset) for offset in entry["data_offsets"])
            shape = tuple(int(n) for n in entry["shape"])
            count = int(np.prod(shape, dtype=object)) * np.dtype(FLOATS[entry["dtype"]]).itemsize
            if not 8 + length <= start <= end <= size or count != end - start:
                raise ValueError(name)
            tensors[name] = _Tensor(entry["dtype"], shape, start, end)
    except _INVALID as error:
        raise _malformed(f"{shown(path.name)} is not a safetensors file") from error
    return tensors


def _rounded_sha256(stream: Any, tensor: _Tensor, path: Path) -> str:
    """Return the SHA-256 of the values of a tensor, each rounded to binary16, in little-endian form."""
    digest, dtype = hashlib.sha256(), np.dtype(FLOATS[tensor.dtype])
    stream.seek(tensor.start)
    left = tensor.end - tensor.start
    while left:
        data = stream.read(min(left, _CHUNK * dtype.itemsize))
        if not data or len(data) % dtype.itemsize:
            raise _malformed(f"{shown(path.name)} has become shorter while it was read")
        left -= len(data)
        values = np.frombuffer(data, dtype)
        if tensor.dtype == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        with np.errstate(over="ignore", invalid="ignore"):
            digest.update(values.astype("<f2").tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _vocabulary_digest(files: tuple[_State, ...]) -> str:
    tokens: dict[str, int] = {}
    for name, size, _ in files:
        path = Path(name)
        try:
            if not path.is_file() or size > VOCABULARY_BYTES_MAX:
                raise _malformed(f"{shown(path.name)} is not a vocabulary")
            document = parse_json(path.read_bytes())
            tokens |= _tokens(document)
        except OSError as error:
            raise _unreadable(path) from error
        except _INVALID as error:
            raise _malformed(f"{shown(path.name)} has no vocabulary") from error
    if not tokens:
        raise _malformed("a tokenizer without tokens")
    lines = sorted((index, token.encode("utf-8", "surrogatepass")) for token, index in tokens.items())
    return hashlib.sha256(b"".join(b"%d %s\n" % line for line in lines)).hexdigest()


def _tokens(document: Any) -> Mapping[str, int]:
    """Return token -> id of tokenizer.json, vocab.json or added_tokens.json."""
    if "model" in document and isinstance(document["model"], dict):
        vocabulary = document["model"]["vocab"]
        if isinstance(vocabulary, list):  # a unigram model: [token, score]
            vocabulary = {str(entry[0]): i for i, entry in enumerate(vocabulary)}
        document = vocabulary | {entry["content"]: entry["id"] for entry in document.get("added_tokens") or ()}
    if any(type(index) is not int or index < 0 for index in document.values()):
        raise ValueError("an id that is not a whole number")
    if any(type(token) is not str for token in document):
        raise ValueError("a token that is not a text")
    return dict(document)


def _unreadable(path: Path) -> SemError:
    return SemError(
        Code.MODEL_UNAVAILABLE, f"cannot read {shown(path.name)} in {shown(path.parent.name)}", path=path.name
    )


def _malformed(what: str) -> SemError:
    hint = "name the folder of the model; if this is it, get it again"
    return SemError(Code.MODEL_MALFORMED, what, path="identity", hint=hint)
