# SPDX-License-Identifier: MIT
"""SPEC §12 tensors: safetensors files as arrays, and what a manifest declares about them."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.canonical_json import parse_json
from refcodec.errors import Code, SemError

Array = NDArray[Any]
FILE_BYTES_MAX: Final = 1 << 28
DTYPES: Final = {
    name: np.dtype(code)
    for name, code in (("I16", "<i2"), ("U16", "<u2"), ("I32", "<i4"), ("I64", "<i8"), ("U8", "u1"), ("F32", "<f4"))
}
_OTHERS: Final = {
    name: np.dtype(code)
    for name, code in (("F16", "<f2"), ("F64", "<f8"), ("U32", "<u4"), ("U64", "<u8"), ("I8", "i1"), ("BOOL", "?"))
}
_NAMES: Final = {dtype: name for name, dtype in DTYPES.items()}


def read_bounded(path: Path, most: int) -> bytes:
    """A package file's bytes; SemError 801 where it cannot be read, 803 where it is larger than any can be."""
    try:
        if not path.is_file():
            raise SemError(Code.MODEL_UNAVAILABLE, f"no {path.name} in {path.parent.name}", path=path.name)
        if path.stat().st_size > most:
            raise SemError(Code.MODEL_MALFORMED, f"it is larger than {most} bytes", path=path.name)
        return path.read_bytes()
    except OSError as e:
        raise SemError(Code.MODEL_UNAVAILABLE, f"cannot read {path.name} in {path.parent.name}", path=path.name) from e


def load_tensors(path: Path, sha256: str | None = None) -> dict[str, Array]:
    """A safetensors file as arrays; never unpickles. `sha256` of the whole file is verified where given."""
    data = read_bounded(path, FILE_BYTES_MAX)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise SemError(Code.MODEL_DIGEST, "it has another SHA-256 than its manifest says", path=path.name)
    try:
        return _arrays(data)
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        raise SemError(Code.MODEL_MALFORMED, f"not a safetensors file ({e})", path=path.name) from e


def _arrays(data: bytes) -> dict[str, Array]:
    """By SPEC §12 rather than by the safetensors library, which judges `__metadata__` and spellings of its own.

    ValueError and its like for anything else.
    """
    begin = 8 + int.from_bytes(data[:8], "little")
    if begin > len(data):
        raise ValueError("its header is not whole")
    entries = {name: entry for name, entry in parse_json(data[8:begin]).items() if name != "__metadata__"}
    arrays, at = {}, begin
    for name, entry in sorted(entries.items(), key=lambda item: tuple(item[1]["data_offsets"])):
        dtype, shape, (first, end) = (DTYPES | _OTHERS)[entry["dtype"]], entry["shape"], entry["data_offsets"]
        if not isinstance(shape, list) or any(type(n) is not int or n < 0 for n in (*shape, first, end)):
            raise ValueError(f"the numbers of {name!a}")
        if begin + first != at or end - first != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name!a} leaves a gap, overlaps or has another length")
        at = begin + end
        arrays[name] = np.frombuffer(data[begin + first : at], dtype).reshape(shape).copy()
    if at != len(data):
        raise ValueError("bytes that belong to no tensor")
    return arrays


def declare(tensors: dict[str, Array]) -> dict[str, dict[str, Any]]:
    """The manifest's `tensors` for arrays that a writer is about to save; ValueError for a dtype it has no name for."""
    for name, t in tensors.items():
        if t.dtype.newbyteorder("<") not in _NAMES:
            raise ValueError(f"tensor {name} is {t.dtype}")
    return {name: _entry(t) for name, t in sorted(tensors.items())}


def verify(tensors: dict[str, Array], declared: object) -> None:
    """SEM-R-110: exactly the declared tensors (SemError 803), each with the declared digest (802)."""
    if not isinstance(declared, dict) or set(declared) != set(tensors):
        raise SemError(Code.MODEL_MALFORMED, "its tensors are not those of the manifest", path="tensors")
    for name, entry in declared.items():
        path = f"tensors.{name}"
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "sha256"}:
            raise SemError(Code.MODEL_MALFORMED, "not an object of dtype, shape and sha256", path=path)
        own = _entry(tensors[name])
        if own["dtype"] != entry["dtype"]:
            raise SemError(Code.MODEL_MALFORMED, "another dtype than the manifest says", path=path)
        if own["shape"] != entry["shape"] or any(type(n) is not int for n in entry["shape"]):
            raise SemError(Code.MODEL_MALFORMED, "another shape than the manifest says", path=path)
        if own["sha256"] != entry["sha256"]:
            raise SemError(Code.MODEL_DIGEST, "another SHA-256 than the manifest says", path=path)


def _entry(t: Array) -> dict[str, Any]:
    """dtype and shape of an array, and SHA-256 of its little-endian bytes in raster order."""
    dtype = t.dtype.newbyteorder("<")
    name, data = _NAMES.get(dtype, str(dtype)), np.ascontiguousarray(t, dtype=dtype).tobytes()
    return {"dtype": name, "shape": list(t.shape), "sha256": hashlib.sha256(data).hexdigest()}
