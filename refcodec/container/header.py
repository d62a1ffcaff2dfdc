# SPDX-License-Identifier: MIT
"""SPEC §4, the header: 5 to 48 bytes.

    magic 2 | descriptor 1 | profile 1 [explicit model] | dim_class 1 [both sides] | check 0, 2, 4   compact form
                                                                                   | count_minus_1   sectioned form

    descriptor:  7 6 5   version       4 3 2   check_code       1   sectioned       0   reserved

Fields are judged in their order in the file: the first fault names the error.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from dataclasses import field as member
from typing import Any, Final

from refcodec import registry, spec
from refcodec.container.fields import (
    BitStruct,
    Bytes,
    Fault,
    Int8ub,
    Int16ub,
    Struct,
    Varint,
    Walk,
    bits,
    field,
    group,
    serialise,
    this,
)
from refcodec.errors import Code, SemError
from refcodec.registry import Profile, Registry, dim_classes

CHECK_CODE: Final = {width: code for code, width in spec.CHECK_BITS.items()}
HASH_CODE: Final = {width: code for code, width in spec.HASH_BYTES.items()}


@dataclass(frozen=True)
class Header:
    """A header. `check` is None in sectioned form and for 0 bits, `count` is None in compact form.

    `row`: what the registry that it was read with has for `row_id`, looked up once; no part of the header's own value.
    """

    version: int
    check_bits: int  # 0, 16 or 32
    sectioned: bool
    profile_id: int  # 0 … 253, 255 for an explicit model, or 256 … 65791
    base_profile_id: int | None  # 0 … 253, with model_hash, for an explicit model
    model_hash: bytes | None  # 4, 8, 16 or 32 bytes
    width: int  # pixels
    height: int
    check: bytes | None
    count: int | None
    row: Profile | None = member(default=None, compare=False, repr=False)

    @property
    def row_id(self) -> int:
        """The id of the registry row: that of `base_profile` for an explicit model."""
        return self.profile_id if self.base_profile_id is None else self.base_profile_id

    @property
    def profile(self) -> Profile:
        """The registry row; SEM-E-702 where none was found, or it is not that of `row_id`."""
        if self.row is None or self.row.id != self.row_id:
            raise SemError(Code.UNSUPPORTED_PROFILE, f"no profile {self.row_id} in this registry", path="profile")
        return self.row

    @property
    def rows(self) -> Registry:
        """The registry of its row alone, by which the file of this header can be read again."""
        return Registry.of() if self.row is None else Registry.of(self.row, kinds=self.row.known)

    def model_digest(self) -> str | None:
        """The full digest of the symbol model as far as header and row tell it: None for a short hash, or no model."""
        if self.model_hash is None:
            return self.profile.model
        return self.model_hash.hex() if len(self.model_hash) == max(HASH_CODE) else None


# --- rules, in the order of the fields ---------------------------------------------------------------------------


def _magic(value: bytes, _: Any) -> Fault:
    return None if value == spec.MAGIC else (Code.NOT_A_SEM_FILE, f"the first bytes are {value.hex(' ').upper()}")


def _version(value: int, _: Any) -> Fault:
    said = "was the draft" if value == 0 else "is not known here"
    return None if value == spec.VERSION else (Code.UNSUPPORTED_VERSION, f"format version {value} {said}")


def _check_code(value: int, _: Any) -> Fault:
    return None if value in spec.CHECK_BITS else (Code.CHECK_CODE, f"there is no check code {value}")


def _reserved(value: int, _: Any) -> Fault:
    return (Code.RESERVED_BIT, "the reserved bit is set") if value else None


def _listed(profile_id: int, rows: Registry) -> Fault:
    try:
        rows.get(profile_id)
    except SemError as error:
        return error.code, error.what
    return None


def _named(profile_id: int, rows: Registry) -> Fault:
    if fault := _listed(profile_id, rows):
        return fault
    row = rows.get(profile_id)
    return (Code.PROFILE_FORM, f"the base {row.name} without an explicit model") if row.base else None


def _profile(value: int, context: Any) -> Fault:
    return _named(value, context._params.rows) if value < spec.PROFILE_ROWS_END else None


def _extended_profile(value: int, context: Any) -> Fault:
    return _named(spec.EXTENDED_BASE + value, context._params.rows)


def _base_profile(value: int, context: Any) -> Fault:
    if value >= spec.PROFILE_ROWS_END:
        return Code.PROFILE_FORM, f"{value} is no row that an explicit model can stand on"
    return _listed(value, context._params.rows)


def _hash_code(value: int, _: Any) -> Fault:
    return None if value in spec.HASH_BYTES else (Code.HASH_CODE, f"there is no hash code {value}")


def _dim_class(value: int, _: Any) -> Fault:
    known = value == spec.DIM_EXPLICIT or value in dim_classes.sizes()
    return None if known else (Code.DIM_CLASS, f"there is no dim class {value}")


def _size(value: Any, _: Any) -> Fault:
    if value.dim_class != spec.DIM_EXPLICIT:
        return None
    width, height = value.width_minus_1 + 1, value.height_minus_1 + 1
    dim_class = registry.dim_class(width, height)
    return None if dim_class is None else (Code.SIZE_FORM, f"{width} × {height} is dim class {dim_class}")


# --- the declaration ---------------------------------------------------------------------------------------------


def _check_bytes(context: Any) -> int:
    return spec.CHECK_BITS[context.descriptor.check_code] // 8


def _has_check(context: Any) -> bool:
    return not context.descriptor.sectioned and _check_bytes(context) > 0


HEADER: Final = Struct(
    field("magic", Bytes(2), _magic),
    group(
        "descriptor",
        BitStruct(
            bits("version", 3, _version),
            bits("check_code", 3, _check_code),
            bits("sectioned", 1),
            bits("reserved", 1, _reserved),
        ),
    ),
    field("profile", Int8ub, _profile),
    field("extended_profile", Int16ub, _extended_profile, when=this.profile == spec.PROFILE_EXTENDED),
    field("base_profile", Int8ub, _base_profile, when=this.profile == spec.PROFILE_EXPLICIT),
    field("hash_code", Int8ub, _hash_code, when=this.profile == spec.PROFILE_EXPLICIT),
    field(
        "model_hash",
        Bytes(lambda context: spec.HASH_BYTES[context.hash_code]),
        when=this.profile == spec.PROFILE_EXPLICIT,
    ),
    group(
        "size",
        Struct(
            field("dim_class", Int8ub, _dim_class),
            field("width_minus_1", Varint(Code.VARINT_RANGE), when=this.dim_class == spec.DIM_EXPLICIT),
            field("height_minus_1", Varint(Code.VARINT_RANGE), when=this.dim_class == spec.DIM_EXPLICIT),
        ),
        _size,
    ),
    field("check", Bytes(_check_bytes), when=_has_check),
    field("count_minus_1", Varint(Code.VARINT_RANGE), when=this.descriptor.sectioned),
)


# --- both ways ---------------------------------------------------------------------------------------------------


def parse(data: bytes, rows: Registry) -> tuple[Header, int]:
    """The header and the offset of the byte after it. Errors of §4; limits (§15) are not judged here."""
    walk = Walk()
    return walk_header(walk, io.BytesIO(data), rows), walk.byte


def walk_header(walk: Walk, stream: io.BytesIO, rows: Registry) -> Header:
    """Read the header at the start of a stream, noting its fields on the walk, and look its row up."""
    start = stream.read(len(spec.MAGIC))
    stream.seek(0)
    if len(start) < len(spec.MAGIC):  # not 202
        raise SemError(Code.NOT_A_SEM_FILE, "the file is shorter than its magic", offset=0, path="magic")
    header = _header(walk.parse(HEADER, stream, rows=rows))
    try:
        return replace(header, row=rows.get(header.row_id))
    except SemError:  # noted on the walk; only a lenient one comes here
        return header


def build(header: Header) -> bytes:
    """The bytes of a header, judged by its own row. What `parse` would refuse is refused with the same error; ValueError
    for a Header that does not say what its own fields say."""
    data = serialise(HEADER, _values(header))
    if parse(data, header.rows) != (header, len(data)):
        raise ValueError(f"no file has the header {header}")
    return data


def bound_header(header: Header) -> bytes:
    """H of §7: from the magic to the end of the size, the sectioned bit cleared, neither check nor count."""
    check = bytes(header.check_bits // 8)
    data = serialise(HEADER, _values(replace(header, sectioned=False, check=check, count=None)))
    return data[: len(data) - len(check)]


def _header(values: Any) -> Header:
    """A Header of what stands in a file."""
    size, descriptor = values.size, values.descriptor
    explicit = size.dim_class == spec.DIM_EXPLICIT
    width, height = (size.width_minus_1 + 1, size.height_minus_1 + 1) if explicit else registry.dim_size(size.dim_class)
    extended = values.profile == spec.PROFILE_EXTENDED
    return Header(
        version=descriptor.version,
        check_bits=spec.CHECK_BITS[descriptor.check_code],
        sectioned=bool(descriptor.sectioned),
        profile_id=spec.EXTENDED_BASE + values.extended_profile if extended else values.profile,
        base_profile_id=values.base_profile,
        model_hash=values.model_hash,
        width=width,
        height=height,
        check=values.check,
        count=None if values.count_minus_1 is None else values.count_minus_1 + 1,
    )


def _values(header: Header) -> dict[str, Any]:
    """What stands in a file for a Header. ValueError for one that no file can hold."""
    explicit = header.profile_id == spec.PROFILE_EXPLICIT
    extended = header.profile_id >= spec.EXTENDED_BASE
    if header.check_bits not in CHECK_CODE or (explicit and len(header.model_hash or b"") not in HASH_CODE):
        raise ValueError(f"no check has {header.check_bits} bits, or no model hash the length of {header.model_hash!r}")
    dim_class = registry.dim_class(header.width, header.height) or spec.DIM_EXPLICIT
    return {
        "magic": spec.MAGIC,
        "descriptor": {
            "version": header.version,
            "check_code": CHECK_CODE[header.check_bits],
            "sectioned": int(header.sectioned),
            "reserved": 0,
        },
        "profile": spec.PROFILE_EXTENDED if extended else header.profile_id,
        "extended_profile": header.profile_id - spec.EXTENDED_BASE,
        "base_profile": header.base_profile_id,
        "hash_code": HASH_CODE[len(header.model_hash)] if explicit and header.model_hash else None,
        "model_hash": header.model_hash,
        "size": {"dim_class": dim_class, "width_minus_1": header.width - 1, "height_minus_1": header.height - 1},
        "check": header.check,
        "count_minus_1": None if header.count is None else header.count - 1,
    }
