# SPDX-License-Identifier: MIT
"""Assemble a file from its payloads: choose the profile, build header and sections, compute the checks."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from refcodec import __version__, spec
from refcodec.container import Header, Section, assemble, section_check, write
from refcodec.container.key_value import encode as text_encode
from refcodec.container.limits import level_bounds
from refcodec.errors import Code, SemError
from refcodec.payloads import Value
from refcodec.rate_target import RateNotice
from refcodec.registry import Profile, Registry

HASHES: Final = (4, 8, 16, 32)


@dataclass(frozen=True)
class CodedPayload:
    """A payload to be written: its kind, its body, and the symbols that the body codes."""

    kind: int
    body: bytes
    value: Value


@dataclass(frozen=True, eq=False)
class EncodedFile:
    """An encoded file, and notices for the user."""

    data: bytes
    width: int
    height: int
    method: str
    profile: Profile
    payloads: tuple[CodedPayload, ...]
    notices: tuple[str, ...] = ()
    bpp_target: float | None = None  # bits per pixel that the caller asked for

    @property
    def bpp(self) -> float:
        """Bits per pixel of the file."""
        return 8 * len(self.data) / (self.width * self.height)

    @property
    def missed(self) -> RateNotice | None:
        """The notice that the target in bits per pixel is out of reach."""
        return next((notice for notice in self.notices if isinstance(notice, RateNotice)), None)

    @property
    def latents(self) -> Any:
        """The ELIC latents or those of the sketch, None if the file has neither."""
        latents = [payload.value for payload in self.payloads if payload.kind in (spec.SKETCH, spec.ELIC)]
        return latents[-1] if latents else None

    @property
    def rate(self) -> int | None:
        """The rate index of the latents."""
        return None if self.latents is None else int(self.latents.rate)


@dataclass(frozen=True)
class FileOptions:
    """The form of a file: the bits of its checks, and the bytes of the model hash, None for no explicit model."""

    check: int = 16
    hash_bytes: int | None = None

    @classmethod
    def of(cls, check: int, explicit_model: bool | int) -> FileOptions:
        """Return the form for two arguments of `encode`. Raises ValueError or TypeError for an invalid value."""
        if not hasattr(check, "__index__"):
            raise TypeError(f"check is 0, 16 or 32, not {check!r}")
        if isinstance(check, bool) or operator.index(check) not in spec.CHECK_BITS.values():
            raise ValueError("check is 0, 16 or 32")
        if explicit_model is True or explicit_model is False:
            return cls(operator.index(check), 8 if explicit_model else None)
        if not hasattr(explicit_model, "__index__"):
            raise TypeError(f"explicit_model is True, False, 4, 8, 16 or 32, not {explicit_model!r}")
        if operator.index(explicit_model) not in HASHES:
            raise ValueError("an explicit model is named by 4, 8, 16 or 32 bytes")
        return cls(operator.index(check), operator.index(explicit_model))

    def model_hash_for(self, row: Profile, digest: str | None) -> tuple[int | None, tuple[str, ...]]:
        """Return the bytes of the model hash, None for no explicit model, and notices for the user.

        digest: of the model that is used.
        """
        if row.base:
            return self.hash_bytes or 8, ()
        if self.hash_bytes is not None or digest == row.model:
            return self.hash_bytes, ()
        return 8, (f"the model is not that of profile {row.name}: it is named in the file by 8 bytes",)


def find_profile(name: str | int | None, method: str, rows: Registry) -> Profile:
    """Return a profile of this method by id or name; None: the first that is not withdrawn.

    Raises Code.UNSUPPORTED_PROFILE (SEM-E-702) for an unknown profile, ValueError for one of another method.
    """
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        raise TypeError(f"a profile is named by its id or name, not by {name!r}")
    if name is None:
        return rows.profiles(method)[0]
    text = str(name)
    row = rows.get(int(text)) if text.isascii() and text.isdecimal() and len(text) < 9 else rows.by_name(text)
    if row.method_name != method:
        raise ValueError(f"profile {row.name} is of method {row.method_name}, not {method}")
    return row


def require_model(row: Profile, model: object) -> None:
    """Raise ValueError for a base profile without a named model (SEM-R-034)."""
    if row.base and model is None:
        raise ValueError(
            f"profile {row.name} is a base and has no model of its own: name one with its folder (--model DIR)"
        )


def header_of(profile: Profile, size: tuple[int, int], check: int, model_hash: bytes | None = None) -> Header:
    """Return the header of a file of this profile and size (width, height); `model_hash`: of an explicit model."""
    explicit = model_hash is not None
    return Header(
        version=spec.VERSION,
        check_bits=check,
        sectioned=False,
        profile_id=spec.PROFILE_EXPLICIT if explicit else profile.id,
        base_profile_id=profile.id if explicit else None,
        model_hash=model_hash,
        width=size[0],
        height=size[1],
        check=None,
        count=None,
        row=profile,
    )


def ancillary(
    provenance: Mapping[str, str] | None = None,
    hints: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    thumbnail: bytes | None = None,
) -> dict[int, bytes]:
    """Return the bodies of ancillary sections by type, without those that are empty or None.

    Raises ValueError for entries that are not allowed there.
    """
    out = {}
    for section_type, entries in ((spec.PROVENANCE, provenance), (spec.HINTS, hints), (spec.METADATA, metadata)):
        if entries:
            out[section_type] = text_encode(entries, hints=section_type == spec.HINTS)
    if thumbnail is not None:
        if not is_thumbnail(thumbnail):
            raise ValueError("a thumbnail is a PNG, JPEG or WebP file")
        out[spec.THUMBNAIL] = thumbnail
    return out


def is_thumbnail(data: bytes) -> bool:
    """Return whether a file begins as PNG, JPEG or WebP files do."""
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or data[8:12] == b"WEBP"


def provenance_entries(**more: str) -> dict[str, str]:
    """Return the entries of a provenance section."""
    return {"encoder": f"refcodec {__version__}", **more}


def section_of(header: Header, digest: str | None, section_type: int, body: bytes, symbols: bytes) -> Section:
    """Return a section with its check. `digest`: of the explicit model that the header names."""
    return Section(
        section_type, body, section_check(header.profile, digest, header, section_type, symbols, header.check_bits)
    )


def payload_section(header: Header, digest: str | None, payload: CodedPayload, level: int = 1) -> Section:
    """Return the section of a payload.

    Raises Code.LIMIT_TEXT (SEM-E-604) for a text whose serialisation S exceeds the level; its body may be shorter.
    """
    s, bound = payload.value.serialise(), level_bounds(level).text_bytes
    kind = header.profile.kind(payload.kind)
    if kind.text and len(s) > bound:
        raise SemError(Code.LIMIT_TEXT, f"{len(s)} bytes of text, more than {bound}", path=kind.name)
    return section_of(header, digest, spec.CRITICAL | payload.kind, payload.body, s)


class _NoSymbols:
    """A placeholder for symbols, enough to measure a file."""

    shape: Final[list[list[int]]] = []
    canonical = True

    def serialise(self) -> bytes:
        return b""

    def to_json(self) -> None:
        return None

    def arrays(self) -> None:
        return None


@dataclass(frozen=True)
class FileTemplate:
    """A file without its payloads. digest: of the explicit model that the header names; others: ancillary bodies by type."""

    header: Header
    digest: str | None
    others: Mapping[int, bytes]
    level: int = 1
    notices: tuple[str, ...] = ()  # for the user

    def write(self, payloads: Iterable[CodedPayload]) -> bytes:
        """Return the file with these payloads. Raises LimitError for one beyond the level."""
        header, digest, others = self.header, self.digest, self.others.items()
        sections = [payload_section(header, digest, payload, self.level) for payload in payloads]
        sections += [section_of(header, digest, section_type, body, body) for section_type, body in others]
        return write(assemble(header, sections), level=self.level)

    def size_of(self, payloads: Iterable[CodedPayload]) -> int:
        """Return the bytes of the file with these payloads."""
        return len(self.write(payloads))

    def size_with(self, kind: int, length: int, beside: Iterable[CodedPayload] = ()) -> int:
        """Return the bytes of the file with a body of `length` bytes of this kind, beside other payloads.

        A candidate may exceed the level: the file that is written is checked.
        """
        body = bytes(min(length, 1 << 22))
        return self.size_of([*beside, CodedPayload(kind, body, _NoSymbols())]) + length - len(body)


def check_size(size: object, level: int = 1) -> tuple[int, int]:
    """Return (width, height). Raises ValueError for an invalid size, LimitError for one beyond the level."""
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise ValueError("a size is (width, height)")
    width, height = (operator.index(side) for side in size)
    if width < 1 or height < 1:
        raise ValueError("sides of a size are at least 1")
    bounds = level_bounds(level)
    if max(width, height) > bounds.side:
        raise SemError(Code.LIMIT_SIDE, f"{max(width, height)} pixels on a side, more than {bounds.side}", path="size")
    if width * height > bounds.pixels:
        raise SemError(Code.LIMIT_PIXELS, f"{width * height} pixels, more than {bounds.pixels}", path="size")
    return width, height
