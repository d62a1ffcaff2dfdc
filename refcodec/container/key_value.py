# SPDX-License-Identifier: MIT
"""Parse and build key-value text (SPEC §6): the body of provenance, hints and metadata.

    key_length varint | key | value_length varint | value        repeated until the end of the body

The entries are checked as fields of the body, in their order.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

from refcodec import spec
from refcodec.container.fields import Bytes, FieldReader, Struct, Varint, Violation, field, serialise, this
from refcodec.errors import Code, SemError
from refcodec.registry.hints import is_valid_value


def _key_length(value: int, _: Any) -> Violation:
    return None if 1 <= value <= spec.KEY_BYTES_MAX else (Code.SECTION_VALUE, f"a key of {value} bytes")


def _key(value: bytes, context: Any) -> Violation:
    if value <= context._params.before:  # R-049; before the first entry it is the empty key
        return Code.SECTION_VALUE, "keys must ascend"
    return _utf8(value, context)


def _utf8(value: bytes, _: Any) -> Violation:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as error:
        return Code.SECTION_VALUE, f"not UTF-8: {error.reason}"
    return None


def _value(value: bytes, context: Any) -> Violation:
    key = context.key.decode("utf-8", "replace")
    if context._params.hints and not is_valid_value(key, value.decode("utf-8", "replace")):
        return Code.SECTION_VALUE, f"not a value that the hint {key} can have"
    return _utf8(value, context)


ENTRY: Final = Struct(
    field("key_length", Varint(Code.SECTION_VALUE), _key_length),
    field("key", Bytes(this.key_length), _key),
    field("value_length", Varint(Code.SECTION_VALUE)),
    field("value", Bytes(this.value_length), _value),
)


def read_entries(reader: FieldReader, body: bytes, *, hints: bool = False) -> dict[str, str]:
    """Read the entries of a body that begins at the position of the reader, and record their fields.

    `hints`: whether R-054 applies.
    """
    entries: dict[str, str] = {}
    outer, stream, key = reader.prefix, io.BytesIO(body), b""
    reader.truncated = Code.SECTION_VALUE
    while stream.tell() < len(body):
        reader.prefix = f"{outer}entries[{len(entries)}]."
        if len(entries) == spec.TEXT_ENTRIES_MAX:
            raise reader.error(
                Code.SECTION_VALUE, f"more than {spec.TEXT_ENTRIES_MAX} entries", "key_length", reader.byte
            )
        entry = reader.parse(ENTRY, stream, before=key, hints=hints)
        key = entry.key
        entries[key.decode("utf-8", "replace")] = entry.value.decode("utf-8", "replace")
    reader.prefix, reader.truncated = outer, Code.SECTION_TRUNCATED
    return entries


def decode(body: bytes) -> dict[str, str]:
    """Return the entries in their order. Raise SECTION_VALUE (SEM-E-305), with an offset from the start of the body."""
    return read_entries(FieldReader(), body)


def encode(entries: Mapping[str, str], *, hints: bool = False) -> bytes:
    """Return the body of these entries. `hints`: check values as hints, too.

    Raises TypeError for a key or value that is not text, ValueError for an invalid one.
    """
    for key, value in entries.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"an entry is a text with a text as its key, not {key!r}: {value!r}")
    try:
        pairs = sorted((key.encode("utf-8"), value.encode("utf-8")) for key, value in entries.items())
    except UnicodeEncodeError as error:
        raise ValueError("an entry is not Unicode text: it holds a lone surrogate") from error
    body = b"".join(
        serialise(ENTRY, {"key_length": len(key), "key": key, "value_length": len(value), "value": value})
        for key, value in pairs
    )
    try:
        read_entries(FieldReader(), body, hints=hints)
    except SemError as error:
        raise ValueError(error.what) from error
    return body
