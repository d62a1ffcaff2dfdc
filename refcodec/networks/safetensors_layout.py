# SPDX-License-Identifier: MIT
"""SPEC §12: read the header of a safetensors file, and check all of it before any tensor is read.

The safetensors library is not used: it has its own rules for `__metadata__` and for the form of the header.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from refcodec import spec
from refcodec.canonical_json import parse_json
from refcodec.networks.package_files import PackageFile

AXES_MAX: Final = 32  # of numpy's arrays
DTYPES: Final = {
    name: np.dtype(code)
    for name, code in (("I16", "<i2"), ("U16", "<u2"), ("I32", "<i4"), ("I64", "<i8"), ("U8", "u1"), ("F32", "<f4"))
}
_OTHERS: Final = {
    name: np.dtype(code)
    for name, code in (("F16", "<f2"), ("F64", "<f8"), ("U32", "<u4"), ("U64", "<u8"), ("I8", "i1"), ("BOOL", "?"))
}
_KNOWN: Final = DTYPES | _OTHERS


@dataclass(frozen=True)
class TensorPlace:
    """One tensor of a file: its type and shape, and its bytes `start` to `end` of the file."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    end: int


def read_layout(file: PackageFile) -> list[TensorPlace]:
    """Return the tensors of a file in the order of their bytes, which cover it. Raises ValueError for an invalid header."""
    if file.size < 8:
        raise ValueError("its header is incomplete")
    length = int.from_bytes(file.read(0, 8), "little")
    if length > file.size - 8:
        raise ValueError("its header is incomplete")
    if length > spec.TENSOR_HEADER_BYTES_MAX:
        raise ValueError(f"its header has more than {spec.TENSOR_HEADER_BYTES_MAX} bytes")
    header = parse_json(file.read(8, length))
    if not isinstance(header, dict):
        raise ValueError("its header is not an object")
    begin = at = 8 + length
    places = [_place(name, entry, begin, file.size) for name, entry in header.items() if name != "__metadata__"]
    places.sort(key=lambda place: (place.start, place.end))
    for place in places:
        if place.start != at:
            raise ValueError(f"{place.name!a} leaves a gap or overlaps")
        at = place.end
    if at != file.size:
        raise ValueError("bytes that belong to no tensor")
    return places


def _place(name: str, entry: Any, begin: int, size: int) -> TensorPlace:
    """Return the place of a tensor. Every number is bounded by the size of the file before it is used in a product."""
    if not isinstance(entry, dict):
        raise ValueError(f"{name!a} is not described")
    dtype = entry.get("dtype")
    if not isinstance(dtype, str) or dtype not in _KNOWN:
        raise ValueError(f"unknown dtype of {name!a}")
    shape: Any = entry.get("shape")
    offsets: Any = entry.get("data_offsets")
    if not _integers(shape, AXES_MAX, size) or not _integers(offsets, 2, size) or len(offsets) != 2:
        raise ValueError(f"invalid shape or offsets of {name!a}")
    if math.prod(n for n in shape if n) > size:  # numpy refuses such an array even if another axis is 0
        raise ValueError(f"{name!a} is larger than the file")
    if offsets[1] - offsets[0] != math.prod(shape) * _KNOWN[dtype].itemsize:
        raise ValueError(f"{name!a} has another length than its shape")
    return TensorPlace(name, _KNOWN[dtype], tuple(shape), begin + offsets[0], begin + offsets[1])


def _integers(values: Any, count: int, maximum: int) -> bool:
    """Return whether `values` is a list of at most `count` integers from 0 to `maximum`."""
    return (
        isinstance(values, list) and len(values) <= count and all(type(n) is int and 0 <= n <= maximum for n in values)
    )
