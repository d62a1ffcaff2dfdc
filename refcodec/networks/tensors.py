# SPDX-License-Identifier: MIT
"""SPEC §12: read the tensors of safetensors files, and check them against what a manifest declares."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.networks.package_files import PackageFile, open_package_file
from refcodec.networks.safetensors_layout import DTYPES, TensorPlace, read_layout

Array = NDArray[Any]
FILE_BYTES_MAX: Final = max(most for most, *_ in spec.MODEL_LEVELS.values()) + spec.TENSOR_HEADER_BYTES_MAX + 8
_NAMES: Final = {dtype: name for name, dtype in DTYPES.items()}
_CHUNK: Final = 1 << 20


def load_tensors(path: Path, sha256: str | None = None) -> dict[str, Array]:
    """Return the tensors of a safetensors file. Never unpickles.

    sha256: expected digest of the file, None for no check. It is computed before anything is parsed, and again of the
    bytes that are used. Raises Code.MODEL_DIGEST (SEM-E-802) for another digest, MODEL_UNAVAILABLE (801) or
    MODEL_MALFORMED (803) for a file that cannot be read.
    """
    with open_package_file(path, FILE_BYTES_MAX) as file:
        if sha256 is not None and _file_digest(file) != sha256:
            raise _other_digest(path)
        places = _layout(file)
        used = hashlib.sha256(file.read(0, places[0].start if places else file.size))
        arrays = {}
        for place in places:
            array = arrays[place.name] = _read(file, place)
            if sha256 is not None:
                used.update(_bytes(array))
    if sha256 is not None and used.hexdigest() != sha256:
        raise _other_digest(path)
    return arrays


def load_declared(path: Path, declared: object) -> dict[str, Array]:
    """Return the tensors of a safetensors file, which are exactly those that a manifest declares (SEM-R-110).

    Names, dtypes and shapes are compared before any tensor is read. Raises Code.MODEL_MALFORMED (SEM-E-803) for another
    set, dtype or shape, MODEL_DIGEST (802) for another SHA-256, and what `load_tensors` raises.
    """
    with open_package_file(path, FILE_BYTES_MAX) as file:
        places = _layout(file)
        entries = _entries(declared, {place.name: place for place in places})
        arrays = {}
        for place in places:
            array = arrays[place.name] = _read(file, place)
            if hashlib.sha256(_bytes(array)).hexdigest() != entries[place.name]["sha256"]:
                what = "another SHA-256 than the manifest says"
                raise SemError(Code.MODEL_DIGEST, what, path=f"tensors.{place.name}")
    return arrays


def declare(tensors: dict[str, Array]) -> dict[str, dict[str, Any]]:
    """Return a manifest's `tensors` for arrays to be saved. Raises ValueError for an unsupported dtype."""
    declared = {}
    for name, t in sorted(tensors.items()):
        dtype = t.dtype.newbyteorder("<")
        if dtype not in _NAMES:
            raise ValueError(f"tensor {name} is {t.dtype}")
        digest = hashlib.sha256(_bytes(np.ascontiguousarray(t, dtype))).hexdigest()
        declared[name] = {"dtype": _NAMES[dtype], "shape": list(t.shape), "sha256": digest}
    return declared


def _layout(file: PackageFile) -> list[TensorPlace]:
    try:
        return read_layout(file)
    except ValueError as error:
        raise SemError(Code.MODEL_MALFORMED, f"not a safetensors file ({error})", path=file.name) from error


def _entries(declared: object, places: dict[str, TensorPlace]) -> dict[str, dict[str, Any]]:
    """Return a manifest's `tensors`, which have the names, dtypes and shapes of these places."""
    if not isinstance(declared, dict) or set(declared) != set(places):
        raise SemError(Code.MODEL_MALFORMED, "its tensors are not those of the manifest", path="tensors")
    for name, entry in declared.items():
        path = f"tensors.{name}"
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "sha256"}:
            raise SemError(Code.MODEL_MALFORMED, "not an object of dtype, shape and sha256", path=path)
        if _NAMES.get(places[name].dtype) != entry["dtype"]:
            raise SemError(Code.MODEL_MALFORMED, "another dtype than the manifest says", path=path)
        if list(places[name].shape) != entry["shape"] or any(type(n) is not int for n in entry["shape"]):
            raise SemError(Code.MODEL_MALFORMED, "another shape than the manifest says", path=path)
    return declared


def _read(file: PackageFile, place: TensorPlace) -> Array:
    """Return one tensor as an array of its own."""
    array = np.empty(place.shape, place.dtype)
    file.read_into(place.start, _bytes(array))
    return array


def _bytes(array: Array) -> memoryview:
    """Return the bytes of a contiguous array."""
    flat: Any = array.reshape(-1).view(np.uint8)
    return memoryview(flat)


def _file_digest(file: PackageFile) -> str:
    """Return the SHA-256 of a file, in little memory."""
    digest = hashlib.sha256()
    for start in range(0, file.size, _CHUNK):
        digest.update(file.read(start, min(_CHUNK, file.size - start)))
    return digest.hexdigest()


def _other_digest(path: Path) -> SemError:
    return SemError(Code.MODEL_DIGEST, "it has another SHA-256 than its manifest says", path=path.name)
