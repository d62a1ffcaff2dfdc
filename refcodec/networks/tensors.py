# SPDX-License-Identifier: MIT
"""SPEC §12: read safetensors files as arrays, and check them against what a manifest declares."""

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


def read_bounded(path: Path, limit: int) -> bytes:
    """Return the bytes of a package file.

    Raises Code.MODEL_UNAVAILABLE (SEM-E-801) if it cannot be read, MODEL_MALFORMED (803) if it exceeds `limit` bytes.
    """
    try:
        if not path.is_file():
            raise SemError(Code.MODEL_UNAVAILABLE, f"no {path.name} in {path.parent.name}", path=path.name)
        if path.stat().st_size > limit:
            raise SemError(Code.MODEL_MALFORMED, f"it is larger than {limit} bytes", path=path.name)
        return path.read_bytes()
    except OSError as e:
        raise SemError(Code.MODEL_UNAVAILABLE, f"cannot read {path.name} in {path.parent.name}", path=path.name) from e


def load_tensors(path: Path, sha256: str | None = None) -> dict[str, Array]:
    """Return the tensors of a safetensors file. Never unpickles.

    sha256: expected digest of the file, None for no check. Raises Code.MODEL_DIGEST (SEM-E-802) for another digest,
    MODEL_UNAVAILABLE (801) or MODEL_MALFORMED (803) for a file that cannot be read.
    """
    data = read_bounded(path, FILE_BYTES_MAX)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise SemError(Code.MODEL_DIGEST, "it has another SHA-256 than its manifest says", path=path.name)
    try:
        return _arrays(data)
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        raise SemError(Code.MODEL_MALFORMED, f"not a safetensors file ({e})", path=path.name) from e


def _arrays(data: bytes) -> dict[str, Array]:
    """Return the arrays of a safetensors file, by the rules of SPEC §12.

    The safetensors library is not used: it has its own rules for `__metadata__` and for the form of the header.
    Raises ValueError, TypeError, KeyError or AttributeError for an invalid file.
    """
    begin = 8 + int.from_bytes(data[:8], "little")
    if begin > len(data):
        raise ValueError("its header is incomplete")
    entries = {name: entry for name, entry in parse_json(data[8:begin]).items() if name != "__metadata__"}
    arrays, at = {}, begin
    for name, entry in sorted(entries.items(), key=lambda item: tuple(item[1]["data_offsets"])):
        dtype, shape, (start, end) = (DTYPES | _OTHERS)[entry["dtype"]], entry["shape"], entry["data_offsets"]
        if not isinstance(shape, list) or any(type(n) is not int or n < 0 for n in (*shape, start, end)):
            raise ValueError(f"invalid shape or offsets of {name!a}")
        if begin + start != at or end - start != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name!a} leaves a gap, overlaps or has another length")
        at = begin + end
        arrays[name] = np.frombuffer(data[begin + start : at], dtype).reshape(shape).copy()
    if at != len(data):
        raise ValueError("bytes that belong to no tensor")
    return arrays


def declare(tensors: dict[str, Array]) -> dict[str, dict[str, Any]]:
    """Return a manifest's `tensors` for arrays to be saved. Raises ValueError for an unsupported dtype."""
    for name, t in tensors.items():
        if t.dtype.newbyteorder("<") not in _NAMES:
            raise ValueError(f"tensor {name} is {t.dtype}")
    return {name: _entry(t) for name, t in sorted(tensors.items())}


def verify(tensors: dict[str, Array], declared: object) -> None:
    """Check that these are exactly the declared tensors (SEM-R-110).

    Raises Code.MODEL_MALFORMED (SEM-E-803) for another set, dtype or shape, MODEL_DIGEST (802) for another SHA-256.
    """
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
    """Return dtype and shape of an array, and the SHA-256 of its little-endian bytes in raster order."""
    dtype = t.dtype.newbyteorder("<")
    name, data = _NAMES.get(dtype, str(dtype)), np.ascontiguousarray(t, dtype=dtype).tobytes()
    return {"dtype": name, "shape": list(t.shape), "sha256": hashlib.sha256(data).hexdigest()}
