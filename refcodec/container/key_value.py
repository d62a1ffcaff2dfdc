# SPDX-License-Identifier: MIT
"""SPEC §6, key-value text: the body of provenance, hints and metadata.

    key_length varint | key | value_length varint | value        as often as fits the body exactly

The entries are judged as fields of the body, in their order.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

from refcodec import spec
from refcodec.container.fields import Bytes, Fault, Struct, Varint, Walk, field, serialise, this
from refcodec.errors import Code, SemError
from refcodec.registry import hints as hintforms


def _key_length(value: int, _: Any) -> Fault:
    return None if 1 <= value <= spec.KEY_BYTES_MAX else (Code.SECTION_VALUE, f"a key of {value} bytes")


def _key(value: bytes, context: Any) -> Fault:
    if value <= context._params.before:  # R-049; the empty key before the first
        return Code.SECTION_VALUE, "keys must ascend"
    return _utf8(value, context)


def _utf8(value: bytes, _: Any) -> Fault:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as error:
        return Code.SECTION_VALUE, f"not UTF-8: {error.reason}"
    return None


def _value(value: bytes, context: Any) -> Fault:
    key = context.key.decode("utf-8", "replace")
    if context._params.hints and not hintforms.fits(key, value.decode("utf-8", "replace")):
        return Code.SECTION_VALUE, f"not a value that the hint {key} can have"
    return _utf8(value, context)


ENTRY: Final = Struct(
    field("key_length", Varint(Code.SECTION_VALUE), _key_length),
    field("key", Bytes(this.key_length), _key),
    field("value_length", Varint(Code.SECTION_VALUE)),
    field("value", Bytes(this.value_length), _value),
)


def walk_text(walk: Walk, body: bytes, *, hints: bool = False) -> dict[str, str]:
    """Read the entries of a body that begins where the walk stands, noting their fields on it. `hints`: R-054 holds."""
    entries: dict[str, str] = {}
    outer, stream, key = walk.prefix, io.BytesIO(body), b""
    walk.truncated = Code.SECTION_VALUE
    while stream.tell() < len(body):
        walk.prefix = f"{outer}entries[{len(entries)}]."
        if len(entries) == spec.TEXT_ENTRIES_MAX:
            raise walk.error(Code.SECTION_VALUE, f"more than {spec.TEXT_ENTRIES_MAX} entries", "key_length", walk.byte)
        entry = walk.parse(ENTRY, stream, before=key, hints=hints)
        key = entry.key
        entries[key.decode("utf-8", "replace")] = entry.value.decode("utf-8", "replace")
    walk.prefix, walk.truncated = outer, Code.SECTION_TRUNCATED
    return entries


def decode(body: bytes) -> dict[str, str]:
    """The entries in their order. SEM-E-305, its offset counted from the start of the body."""
    return walk_text(Walk(), body)


def encode(entries: Mapping[str, str], *, hints: bool = False) -> bytes:
    """The one body with these entries. ValueError for a key or value that cannot stand in it, or not in hints."""
    try:
        pairs = sorted((key.encode("utf-8"), value.encode("utf-8")) for key, value in entries.items())
    except UnicodeEncodeError as error:
        raise ValueError("an entry is not Unicode text: it holds a lone surrogate") from error
    body = b"".join(
        serialise(ENTRY, {"key_length": len(key), "key": key, "value_length": len(value), "value": value})
        for key, value in pairs
    )
    try:
        walk_text(Walk(), body, hints=hints)
    except SemError as error:
        raise ValueError(error.what) from error
    return body
