# SPDX-License-Identifier: MIT
"""Parse and build the header (SPEC §4): 5 to 48 bytes.

    magic 2 | descriptor 1 | profile 1 [explicit model] | dim_class 1 [both sides] | check 0, 2, 4   compact form
                                                                                   | count_minus_1   sectioned form

    descriptor:  7 6 5   version       4 3 2   check_code       1   sectioned       0   reserved

Fields are checked in their order in the file; the first violated rule determines the error.
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
    FieldReader,
    Int8ub,
    Int16ub,
    Struct,
    Varint,
    Violation,
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

    `row`: the row of `row_id` in the registry that the file was read with. It does not take part in comparisons.
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
        """Return the id of the registry row: that of `base_profile` for an explicit model."""
        return self.profile_id if self.base_profile_id is None else self.base_profile_id

    @property
    def profile(self) -> Profile:
        """Return the registry row; raise UNSUPPORTED_PROFILE (SEM-E-702) if it is absent or not that of `row_id`."""
        if self.row is None or self.row.id != self.row_id:
            raise SemError(Code.UNSUPPORTED_PROFILE, f"no profile {self.row_id} in this registry", path="profile")
        return self.row

    @property
    def rows(self) -> Registry:
        """Return a registry of the header's row alone, which suffices to read its file again."""
        return Registry.of() if self.row is None else Registry.of(self.row, kinds=self.row.known)

    @property
    def named_digest(self) -> str | None:
        """Return the digest of the symbol model as the file names it: a prefix of it for a short hash, None for no model."""
        return self.profile.model if self.model_hash is None else self.model_hash.hex()

    def model_digest(self) -> str | None:
        """Return the full digest of the symbol model; None if there is no model, or the header has a short hash of it."""
        if self.model_hash is None:
            return self.profile.model
        return self.model_hash.hex() if len(self.model_hash) == max(HASH_CODE) else None


# --- rules, in the order of the fields ---------------------------------------------------------------------------


def _magic(value: bytes, _: Any) -> Violation:
    return None if value == spec.MAGIC else (Code.NOT_A_SEM_FILE, f"the first bytes are {value.hex(' ').upper()}")


def _version(value: int, _: Any) -> Violation:
    status = "was the draft" if value == 0 else "is not known here"
    return None if value == spec.VERSION else (Code.UNSUPPORTED_VERSION, f"format version {value} {status}")


def _check_code(value: int, _: Any) -> Violation:
    return None if value in spec.CHECK_BITS else (Code.CHECK_CODE, f"there is no check code {value}")


def _reserved(value: int, _: Any) -> Violation:
    return (Code.RESERVED_BIT, "the reserved bit is set") if value else None


def _known_row(profile_id: int, rows: Registry) -> Violation:
    try:
        rows.get(profile_id)
    except SemError as error:
        if error.code == Code.CANNOT_READ:  # of the registry, not of this file
            raise
        return error.code, error.what, error.hint
    return None


def _direct_row(profile_id: int, rows: Registry) -> Violation:
    if violation := _known_row(profile_id, rows):
        return violation
    row = rows.get(profile_id)
    return (Code.PROFILE_FORM, f"the base {row.name} without an explicit model") if row.base else None


def _profile(value: int, context: Any) -> Violation:
    return _direct_row(value, context._params.rows) if value < spec.PROFILE_ROWS_END else None


def _extended_profile(value: int, context: Any) -> Violation:
    return _direct_row(spec.EXTENDED_BASE + value, context._params.rows)


def _base_profile(value: int, context: Any) -> Violation:
    if value >= spec.PROFILE_ROWS_END:
        return Code.PROFILE_FORM, f"{value} is no row that an explicit model can stand on"
    return _known_row(value, context._params.rows)


def _hash_code(value: int, _: Any) -> Violation:
    return None if value in spec.HASH_BYTES else (Code.HASH_CODE, f"there is no hash code {value}")


def _dim_class(value: int, _: Any) -> Violation:
    known = value == spec.DIM_EXPLICIT or value in dim_classes.sizes()
    return None if known else (Code.DIM_CLASS, f"there is no dim class {value}")


def _size(value: Any, _: Any) -> Violation:
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
    """Return the header and the offset of the byte after it. Raise the errors of §4; limits (§15) are not checked."""
    reader = FieldReader()
    return read_header(reader, io.BytesIO(data), rows), reader.byte


def read_header(reader: FieldReader, stream: io.BytesIO, rows: Registry) -> Header:
    """Read the header at the start of a stream, record its fields on the reader, and look up its row."""
    start = stream.read(len(spec.MAGIC))
    stream.seek(0)
    if len(start) < len(spec.MAGIC):  # not 202
        raise SemError(Code.NOT_A_SEM_FILE, "the file is shorter than its magic", offset=0, path="magic")
    header = _header(reader.parse(HEADER, stream, rows=rows))
    try:
        return replace(header, row=rows.get(header.row_id))
    except SemError:  # recorded already; reached with a lenient reader only
        return header


def build(header: Header) -> bytes:
    """Return the bytes of a header, checked against its own row.

    Raise the error that `parse` would raise for them; ValueError if the members of the header contradict each other.
    """
    data = serialise(HEADER, _values(header))
    if parse(data, header.rows) != (header, len(data)):
        raise ValueError(f"no file has the header {header}")
    return data


def bound_header(header: Header) -> bytes:
    """Return H of §7: the bytes from the magic to the end of the size, with the sectioned bit cleared."""
    check = bytes(header.check_bits // 8)
    data = serialise(HEADER, _values(replace(header, sectioned=False, check=check, count=None)))
    return data[: len(data) - len(check)]


def _header(values: Any) -> Header:
    """Return the Header of parsed fields."""
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
    """Return the fields of a Header. Raises ValueError if no file can hold it."""
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
