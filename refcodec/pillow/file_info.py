# SPDX-License-Identifier: MIT
"""What is known of a file without decoding its pictures: the size, and the entries of Pillow's `info`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from refcodec import spec
from refcodec.container import Container, read
from refcodec.container.key_value import decode as text_decode
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.inspection import Inspection, inspect

_REFUSED: Final = ("io", "header", "limit")  # families of errors with which a file cannot be opened
_TEXTS: Final = {spec.CAPTION: "caption", spec.CONSONANT: "consonants"}  # kinds -> entries
_SECTIONS: Final = {spec.PROVENANCE: "provenance", spec.HINTS: "hints"}


@dataclass(frozen=True)
class FileInfo:
    """size: width and height in pixels. verifiable: whether decoding the symbols verifies every check of the file."""

    size: tuple[int, int]
    info: Mapping[str, Any]
    verifiable: bool


def file_info(data: bytes, level: int = 1, environment: Environment | None = None) -> FileInfo:
    """Return size and `info` of a file. An error of its sections or payloads is left to those who decode it.

    Raises SemError for a file whose header is invalid, whose size is unknown or that exceeds the limits of the level.
    """
    environment = Environment.of(environment)
    inspection = inspect(data, level=level, environment=environment)
    first = inspection.errors[0] if inspection.errors else None
    if first is not None and (first.family in _REFUSED or inspection.width is None):
        raise first
    size = (inspection.width or 0, inspection.height or 0)
    info = _properties(inspection, environment)
    verifiable = False
    if first is None:
        container = read(data, level=level, environment=environment)
        info |= _texts(container, environment, level) | _ancillary(container)
        verifiable = container.header.model_hash is None or container.header.model_digest() is not None
    return FileInfo(size, info, verifiable)


def _properties(inspection: Inspection, environment: Environment) -> dict[str, Any]:
    row = environment.registry.rows.get(-1 if inspection.profile is None else inspection.profile)
    return {
        "method": inspection.method,
        "profile": None if row is None else row.name,
        "bytes": inspection.file_bytes,
        "bpp": inspection.bpp,
        "check": "unchecked" if inspection.errors and inspection.check.state == "ok" else inspection.check.state,
        "complete": inspection.complete,
    }


def _texts(container: Container, environment: Environment, level: int) -> dict[str, str]:
    """Return caption and consonants of a file, which need no model; nothing for a damaged text."""
    from refcodec.decoder import decode_container

    kept = tuple(section for section in container.sections if section.critical and section.number in _TEXTS)
    if not kept:
        return {}
    header = container.header
    if len(kept) < len(container.sections):
        header = replace(header, count=len(kept) + 1)
    try:
        decoded = decode_container(replace(container, header=header, sections=kept), environment, level=level)
    except SemError:
        return {}
    texts = {_TEXTS[section.number]: getattr(decoded.values[section.type], "text", None) for section in kept}
    return {name: text for name, text in texts.items() if text is not None}


def _ancillary(container: Container) -> dict[str, Any]:
    """Return the entries of provenance, hints and metadata; EXIF and XMP under Pillow's names."""
    found: dict[str, Any] = {}
    for section in container.sections:
        if section.type in _SECTIONS:
            found[_SECTIONS[section.type]] = text_decode(section.body)
    if container.metadata:
        from refcodec.images.metadata import KEYS, info_of

        found["metadata"] = {key: value for key, value in container.metadata.items() if key not in KEYS}
        found |= info_of(container.metadata)
    return found
