# SPDX-License-Identifier: MIT
"""Messages between a process and its worker: a length, a JSON header, and the bytes of the arrays that it lists.

    u32 length of the header, u32 zero | {"body": …, "arrays": [["uint8", [64, 96, 3]], …]} | bytes of each array

Nothing is ever unpickled, and lengths are bounded: the worker runs libraries on untrusted files. Values are None, bool,
int, float, str, list, tuple, dict with text keys, Path, numbers and arrays of numpy, the value types of `VALUES`, and,
through `pack` and `unpack` of the two sides, handles of objects in the worker and callbacks of the caller.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    import numpy as np

HEADER_BYTES_MAX: Final = 1 << 25
ARRAY_BYTES_MAX: Final = 1 << 32
ARRAYS_MAX: Final = 64
DIMENSIONS_MAX: Final = 8
DTYPES: Final = (
    "bool",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
)
# value types that are sent as their fields: name -> module
VALUES: Final = {
    "HyperConfig": "refcodec.foundation.hyper_config",
    "Inverted": "refcodec.foundation.inverted_prompt",
}
_LENGTHS: Final = struct.Struct("<II")


class WireError(Exception):
    """A message is malformed, or a value cannot be sent; the text says which."""


def send(stream: BinaryIO, body: dict[str, Any], arrays: list[np.ndarray[Any, Any]]) -> None:
    """Write a message. Raises WireError if it is too long, OSError if the other side has ended."""
    import numpy as np

    header = json.dumps({"body": body, "arrays": [[a.dtype.name, list(a.shape)] for a in arrays]}).encode("ascii")
    if len(header) > HEADER_BYTES_MAX or sum(array.nbytes for array in arrays) > ARRAY_BYTES_MAX:
        raise WireError("an answer is too long")
    stream.write(_LENGTHS.pack(len(header), 0))
    stream.write(header)
    for array in arrays:
        stream.write(np.ascontiguousarray(array).tobytes())
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], list[np.ndarray[Any, Any]]] | None:
    """Read a message; None at the end of the stream. Raises WireError for one that breaks the format."""
    start = stream.read(_LENGTHS.size)
    if not start:
        return None
    try:
        length, zero = _LENGTHS.unpack(start)
        if zero or length > HEADER_BYTES_MAX:
            raise WireError("a message is too long")
        document = json.loads(_exactly(stream, length))
        body, described = document["body"], document["arrays"]
        if not isinstance(body, dict) or len(described) > ARRAYS_MAX:
            raise WireError("a message has another form")
        return body, [_array(stream, name, shape) for name, shape in described]
    except (struct.error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise WireError("a message has another form") from error


def _array(stream: BinaryIO, name: Any, shape: Any) -> np.ndarray[Any, Any]:
    import numpy as np

    if name not in DTYPES or len(shape) > DIMENSIONS_MAX or not all(type(n) is int and 0 <= n < 1 << 32 for n in shape):
        raise WireError("an array has another form")
    size = np.dtype(name).itemsize
    for n in shape:
        size *= n
    if size > ARRAY_BYTES_MAX:
        raise WireError("an array is too long")
    return np.frombuffer(bytearray(_exactly(stream, size)), name).reshape(shape)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise WireError("a message is cut short")
    return data


Special = Callable[[Any], dict[str, Any] | None]  # form of an object that is not a value; None if it cannot be sent


def pack(value: Any, arrays: list[np.ndarray[Any, Any]], special: Special) -> Any:
    """Return the JSON form of a value, whose arrays are appended to `arrays`. Raises WireError for an object without one."""
    import numpy as np

    if value is None or isinstance(value, bool | str) or type(value) in (int, float):
        return value
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.name not in DTYPES or len(arrays) >= ARRAYS_MAX:
            raise WireError(f"an array of {array.dtype} cannot be sent")
        arrays.append(array)
        return {"number" if isinstance(value, np.generic) else "array": len(arrays) - 1}
    if isinstance(value, list):
        return {"list": [pack(item, arrays, special) for item in value]}
    if type(value).__name__ in VALUES and dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"value": type(value).__name__, "fields": pack(fields, arrays, special)}
    if isinstance(value, tuple) and type(value) is tuple:
        return {"tuple": [pack(item, arrays, special) for item in value]}
    if type(value) is dict and all(isinstance(key, str) for key in value):
        return {"dict": {key: pack(item, arrays, special) for key, item in value.items()}}
    if isinstance(value, Path):
        return {"path": str(value)}
    form = special(value)
    if form is None:
        raise WireError(f"{type(value).__name__} cannot be sent to the process of the models")
    return form


def unpack(form: Any, arrays: list[np.ndarray[Any, Any]], special: Mapping[str, Callable[[Any], Any]]) -> Any:
    """Return the value of a JSON form. special: name of a form -> its reader. Raises WireError for another form."""
    if not isinstance(form, dict):
        return form
    try:
        if "list" in form:
            return [unpack(item, arrays, special) for item in form["list"]]
        if "tuple" in form:
            return tuple(unpack(item, arrays, special) for item in form["tuple"])
        if "dict" in form:
            return {str(key): unpack(item, arrays, special) for key, item in form["dict"].items()}
        if "array" in form:
            return arrays[form["array"]]
        if "number" in form:
            return arrays[form["number"]][()]
        if "path" in form:
            return Path(form["path"])
        if "value" in form:
            kind = getattr(importlib.import_module(VALUES[form["value"]]), form["value"])
            return kind(**unpack(form["fields"], arrays, special))
        name, content = next(iter(form.items()))
        return special[name](content)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, StopIteration, RecursionError) as error:
        raise WireError("a value has another form") from error
