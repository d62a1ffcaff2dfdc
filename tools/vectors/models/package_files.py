# SPDX-License-Identifier: MIT
"""Write the files of a model package (SPEC §12) byte by byte, so that an invalid package can be written, too."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from numpy.typing import NDArray

from refcodec.networks.package import FORMAT, FORMAT_VERSION
from tools.vectors.models.layers import Symbols

DTYPES: Final = {"<i2": "I16", "<u2": "U16", "<i4": "I32", "<i8": "I64", "|u1": "U8", "<f4": "F32"}

Tensors = dict[str, NDArray[Any]]


def declare(tensors: Tensors) -> Symbols:
    """Return the member `tensors` of `symbols`: dtype, shape and digest by name."""
    return {
        name: {
            "dtype": DTYPES[t.dtype.str],
            "shape": list(t.shape),
            "sha256": hashlib.sha256(t.tobytes()).hexdigest(),
        }
        for name, t in sorted(tensors.items())
    }


def safetensors(tensors: Tensors) -> bytes:
    """Return symbols.safetensors, with the widest types first so that all tensors are aligned."""
    header, data = dict[str, Any](), b""
    for name, t in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        offsets = [len(data), len(data) + t.nbytes]
        header[name] = {"dtype": DTYPES[t.dtype.str], "shape": list(t.shape), "data_offsets": offsets}
        data += t.tobytes()
    return with_header(header, data)


def with_header(header: Symbols, data: bytes) -> bytes:
    """Return a safetensors file: the length of the header, the header padded to 8 bytes, and the data."""
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def manifest_head(name: str, notes: str) -> Symbols:
    """Return the members of manifest.json that precede `symbols`."""
    return {"format": FORMAT, "format_version": FORMAT_VERSION, "name": name, "licence": "CC0-1.0", "notes": notes}


def defect_notes(note: str) -> str:
    """Return the member `notes` of an invalid package, in the words of the released ones."""
    return f"A fault: {note}."


def manifest(name: str, symbols: Symbols, notes: str) -> bytes:
    """Return manifest.json with one line for each member of `symbols` and for each tensor."""
    tensors = symbols.get("tensors", {})
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in symbols.items() if key != "tensors"]
    inner = ",\n".join(f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in tensors.items())
    lines.append('  "tensors": {\n' + inner + "\n  }")
    head = "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in manifest_head(name, notes).items())
    return ("{\n" + head + ' "symbols": {\n' + ",\n".join(lines) + "\n }\n}\n").encode()
