#!/usr/bin/env python3
"""The micro-decoder: one file that reads `.sem` from its header to the symbols of its payloads.

It was written from SPEC.md alone and shares no code with another decoder. It wants to be read beside SPEC.md:

* it stands in the order of that document, with one ruler for each of its sections and under its names; a section
  that is missing here asks nothing of a decoder that paints no picture;
* every rule is cited by its id (SEM-R-nnn) where it is obeyed;
* `read_file`, at the end, is the whole in twenty lines: begin there to see the parts, or with `Reader` to see bytes;
* a payload kind is a function that gives its symbols, and stands in §13 under the name of its pseudo-code;
* every number is a Python integer, exact and of any size. An activation is a dictionary from a site (r, c) to the
  list of the values of its channels; a site that is not in it counts as 0, which is what lies outside an array.

It is slow and wants to be obvious. Three places are a little less obvious than they might be, for the sake of time:
`linear` (the input values under the kernel are gathered first; several processes), `run_net` (what nobody asks for is
not computed) and `RangeDecoder.decode` (bisection).

    semmicro.py [--tier header|symbols] [--model DIR]... [--registry FILE] [--embedding] [--jobs N] [--trace] < file.sem

It implements format version 1, level 1 and all payload kinds. Questions that the document left open are listed in
docs/spec-reviews: "Q n" in a comment is number n of first-reader.md, "T n" number n of third-reader.md.
"""

from __future__ import annotations

import argparse
import bisect
import functools
import hashlib
import importlib
import itertools
import json
import math
import multiprocessing
import operator
import os
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

REPOSITORY = Path(__file__).resolve().parents[3]
KIT = REPOSITORY / "data"  # of the implementer's kit, which has all data files in one folder
REGISTRY = KIT if KIT.is_dir() else REPOSITORY / "refcodec" / "registry"
TABLES = KIT if KIT.is_dir() else REPOSITORY / "refcodec" / "payloads" / "data"
REGISTRY_JSON = REGISTRY / "registry.json"
DIMS_JSON = REGISTRY / "dims.json"
GAUSSIAN_BIN = (KIT if KIT.is_dir() else REPOSITORY / "refcodec" / "entropy" / "data") / "gaussian.bin"
CONSONANT_BIN = TABLES / "consonant.bin"
CAPTION_BIN = TABLES / "caption.bin"
CAPTION_ZDICT = TABLES / "caption.zdict"
MODEL_FOLDERS = (REPOSITORY / "refcodec" / "data" / "models", REPOSITORY / "test_vectors" / "models")

# ====================================================================================================================
# 2 Conventions
# ====================================================================================================================


class Reader:
    """Reads fields one after another. Where the bytes end too early, the place says which error that is."""

    def __init__(self, data: bytes, position: int, truncated: int, bad_varint: int) -> None:
        self.data = data
        self.position = position
        self.truncated = truncated  # the error of bytes that end too early
        self.bad_varint = bad_varint  # the error of SEM-R-003

    def bytes(self, n: int) -> bytes:
        left = len(self.data) - self.position
        if n > left:
            fail(self.truncated, f"{n} bytes are wanted where {left} are left", self.position)
        self.position += n
        return self.data[self.position - n : self.position]

    def u(self, bits: int) -> int:
        """Whole bytes only; the descriptor is taken apart where it is read."""
        return int.from_bytes(self.bytes(bits // 8), "big")

    def varint(self) -> int:
        start = self.position
        byte = self.u(8)
        n = byte & 0x7F
        for _ in range(3):
            if not byte & 0x80:
                return n
            if self.position == len(self.data):
                fail(self.truncated, "a varint is cut off", start)
            byte = self.u(8)
            n = ((n + 1) << 7) + (byte & 0x7F)
        if byte & 0x80:
            fail(self.bad_varint, "SEM-R-003: the fourth byte of a varint has bit 7 set", start)
        return n


def clamp(x: int, a: int, b: int) -> int:
    return a if x < a else b if x > b else x


def parse_json(text: bytes) -> Any:
    """RFC 8259. An object that names a member twice is malformed, as all else is that raises ValueError.

    So is one that would take more time or memory than its bytes are worth: integers of thousands of digits, and more
    values than the tables of SPEC.md can ask for.
    """
    if text.count(b",") + text.count(b"[") + text.count(b"{") > 2**18:
        raise ValueError("more than 2^18 values")

    def integer(digits: str) -> int:
        if len(digits) > 4300:
            raise ValueError("an integer of more than 4300 digits")
        return int(digits)

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("an object names a member twice")
        return dict(pairs)

    def no_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(
            text.decode("utf-8"), object_pairs_hook=members, parse_int=integer, parse_constant=no_constant
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def canonical_json(value: Any) -> bytes:
    """RFC 8785 of what may stand in a canonical object here: integers below 2^53, ASCII. Else raises ValueError."""

    def judge(x: Any) -> None:
        if isinstance(x, dict):
            judge([*x.keys(), *x.values()])
        elif isinstance(x, list):
            for member in x:
                judge(member)
        elif isinstance(x, str) and not x.isascii():
            raise ValueError("a string is not ASCII")
        elif isinstance(x, float) or (isinstance(x, int) and abs(x) >= 2**53):
            raise ValueError("a number is not an integer of magnitude below 2^53")

    try:
        judge(value)
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


# ====================================================================================================================
# 4 Header
# ====================================================================================================================

CHECK_BYTES = {0: 0, 3: 2, 5: 4}  # by check_code


@dataclass
class Header:
    version: int
    check_code: int
    sectioned: bool
    profile: int  # 0 to 253, 255, or 256 + extended_profile
    binding: dict[str, Any]  # of the profile's row, for an explicit model that of base_profile
    model_hash: bytes | None  # of an explicit model
    width: int
    height: int
    size_offset: int  # of dim_class
    check: bytes | None  # of a compact file
    check_offset: int  # or count_offset
    count: int  # of sections; 1 for a compact file
    h: bytes  # H of §7
    end: int


def header(data: bytes, registry: dict[int, dict[str, Any]], dims: dict[int, tuple[int, int]]) -> Header:
    """Fields are judged in their order; the first fault names the error."""
    if data[:2] != b"\xf5\x9e":  # SEM-R-010, and SEM-R-014 for fewer than two bytes
        fail(201, "SEM-R-010: the file does not begin with F5 9E", 0)
    reader = Reader(data, 2, truncated=202, bad_varint=207)  # SEM-R-014

    descriptor = reader.u(8)
    version = descriptor >> 5
    check_code = descriptor >> 2 & 7
    sectioned = descriptor >> 1 & 1
    reserved = descriptor & 1
    if version != 1:  # SEM-R-011
        fail(701, f"SEM-R-011: format version {version}; this decoder implements version 1", 2)
    if check_code not in CHECK_BYTES:  # SEM-R-012
        fail(204, f"SEM-R-012: check_code is {check_code}", 2)
    if reserved != 0:  # SEM-R-013
        fail(203, "SEM-R-013: the reserved bit is set", 2)

    model_hash = None
    profile = reader.u(8)
    if profile == 255:
        base_profile = reader.u(8)
        if base_profile > 253:  # SEM-R-017
            fail(209, f"SEM-R-017: base_profile is {base_profile}", 4)
        binding = find_binding(registry, base_profile, 4)  # Q 12: before hash_code
        hash_code = reader.u(8)
        if hash_code > 3:  # SEM-R-016
            fail(208, f"SEM-R-016: hash_code is {hash_code}", 5)
        model_hash = reader.bytes(4 << hash_code)
    else:
        offset = 3
        if profile == 254:
            offset = 4
            profile = 256 + reader.u(16)
        binding = find_binding(registry, profile, offset)
        if is_base(binding):  # SEM-R-034
            fail(209, f"SEM-R-034: profile {profile} is a base, which only an explicit model can name", offset)

    size_offset = reader.position
    dim_class = reader.u(8)
    if dim_class == 0:
        width = reader.varint() + 1
        height = reader.varint() + 1
        if (width, height) in dims.values():  # SEM-R-019
            fail(205, f"SEM-R-019: {width} x {height} has a class", size_offset)
    elif dim_class not in dims:  # SEM-R-018
        fail(206, f"SEM-R-018: dim_class is {dim_class}", size_offset)
    else:
        width, height = dims[dim_class]

    h = bytearray(data[: reader.position])
    h[2] &= 0b11111101  # sectioned, cleared

    check = None
    check_offset = reader.position
    count = 1
    if sectioned == 0 and check_code != 0:
        check = reader.bytes(CHECK_BYTES[check_code])
    if sectioned == 1:
        count = reader.varint() + 1

    return Header(
        version,
        check_code,
        sectioned == 1,
        profile,
        binding,
        model_hash,
        width,
        height,
        size_offset,
        check,
        check_offset,
        count,
        bytes(h),
        reader.position,
    )


def load_dims(path: Path) -> dict[int, tuple[int, int]]:
    """Appendix A."""
    return {row["class"]: (row["width"], row["height"]) for row in parse_json(path.read_bytes())["classes"]}


# ====================================================================================================================
# 5 Profile registry
# ====================================================================================================================

BINDING_MEMBERS = {"id", "method", "compact", "kinds", "fit", "colour", "parameters", "model"}
FIT_MEMBERS = {"pad": {"rule", "multiple", "extend"}, "none": {"rule"}}  # by rule
LATENT_PARAMETERS = {"m", "hyper", "groups", "parity", "rates"}
PARAMETERS = {  # by kind
    2: {"modes", "static", "dictionary", "vocabulary", "tokenizer"},
    3: {"d", "b", "prior"},
    4: {"m", "v", "codebooks"},
    5: {"v", "stride", "usage"},
    6: LATENT_PARAMETERS,
    7: LATENT_PARAMETERS,
}
PARAMETER_RANGES = {
    "candidates": (2, 256),
    "vocabulary": (1, 65536),
    "d": (1, 65536),
    "b": (1, 16),
    "v": (1, 65536),
    "stride": (8, 1024),
    "hyper": (1, 1024),
    "parity": (0, 1),
    "rates": (1, 64),
}
CONSONANT_PARAMETERS = {"fixed": {"code"}, "coded": {"code", "table"}}  # of kind 1, by code


def load_registry(path: Path) -> dict[int, dict[str, Any]]:
    """Profile id -> binding. SEM-R-055: a document that is no registry lists no row."""
    try:
        document = parse_json(path.read_bytes())
        if not is_whole(document["version"], 1, 1):
            raise ValueError("its version is not 1")
        rows = document["profiles"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) and type(row["id"]) is int for row in rows):
            raise ValueError("its profiles are not a list of rows")
        bindings = {row["id"]: row.get("binding") for row in rows}
        if len(bindings) != len(rows):
            raise ValueError("it lists an id twice")
    except (ValueError, KeyError, TypeError) as error:
        fail(702, f"SEM-R-055: {path} is not a registry: {error}")
    return bindings


def find_binding(registry: dict[int, dict[str, Any]], profile: int, offset: int) -> dict[str, Any]:
    if profile not in registry:  # SEM-R-015
        fail(702, f"SEM-R-015: the registry does not list profile {profile}", offset)
    binding = registry[profile]
    if not is_known(binding, profile):
        fail(702, f"SEM-R-032: the members of the binding of profile {profile} are not those known here", offset)
    return binding


def is_known(binding: dict[str, Any], profile: int) -> bool:
    """SEM-R-032, SEM-R-033: the members are those of the tables, no more and no less (T 1), and so are their values."""
    try:
        fit, kinds, parameters = binding["fit"], binding["kinds"], binding["parameters"]
        if kinds != sorted(set(kinds)) or not all(is_whole(kind, 1, 7) for kind in kinds):
            return False
        wanted = {str(kind): PARAMETERS[kind] for kind in kinds if kind != 1}
        if 2 in kinds and "candidates" in parameters["2"]:  # which a row may have
            wanted["2"] = PARAMETERS[2] | {"candidates"}
        if 1 in kinds:
            wanted["1"] = CONSONANT_PARAMETERS[parameters["1"]["code"]]
        return (
            set(binding) - {"identity"} == BINDING_MEMBERS
            and ("identity" not in binding or is_identity(binding["identity"]))
            and set(fit) == FIT_MEMBERS[fit["rule"]]
            and (is_whole(binding["compact"], 1, 7) and binding["compact"] in kinds)
            and {kind: set(members) for kind, members in parameters.items()} == wanted
            and (len(kinds_with_model(binding)) == 1 or (kinds_with_model(binding) == [] and binding["model"] is None))
            and (is_whole(binding["id"], profile, profile) and is_whole(binding["method"], 1, 5))
            and (fit["rule"] == "none" or (fit["extend"] == "edge" and is_whole(fit["multiple"], 1, 65536)))
            and (binding["colour"] == "srgb8" and (binding["model"] is None or is_digest(binding["model"])))
            and all(fits(name, members) for members in parameters.values() for name in members)
        )
    except (KeyError, TypeError, AttributeError):
        return False


def is_whole(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def is_identity(value: Any) -> bool:
    """SEM-R-125."""
    return (
        isinstance(value, dict)
        and 1 <= len(value) <= 16
        and all(re.fullmatch("[a-z][a-z0-9_]{0,31}", role) and is_digest(value[role]) for role in value)
    )


def fits(name: str, members: dict[str, Any]) -> bool:
    """Whether one parameter of a kind has a value that section 5 gives it."""
    value = members[name]
    if name in PARAMETER_RANGES:
        return is_whole(value, *PARAMETER_RANGES[name])
    if name in {"prior", "codebooks", "usage"}:
        return isinstance(value, bool)
    if name == "modes":
        known = ("static", "tokens", "raw") + (() if "candidates" in members else ("zlib", "zstd"))
        return value != [] and value == [mode for mode in known if mode in value]
    if name == "groups":
        return 1 <= len(value) <= 16 and all(is_whole(width, 1, 1024) for width in value)
    if name == "m":
        return (
            is_whole(value, 1, 1024) and value == sum(members["groups"])
            if "groups" in members
            else is_whole(value, 1, 65536)
        )
    if name == "tokenizer" and value is None:
        return True
    return name == "code" or is_digest(value)


def kinds_with_model(binding: dict[str, Any]) -> list[int]:
    """The kinds of a row that use its model."""
    return [
        kind
        for kind in binding["kinds"]
        if kind in {6, 7}
        or any(binding["parameters"][str(kind)].get(name) is True for name in ("prior", "codebooks", "usage"))
    ]


def is_base(binding: dict[str, Any]) -> bool:
    """Whether a kind of the row uses a model, and the row has none."""
    return kinds_with_model(binding) != [] and binding["model"] is None


def parameters_of(head: Header, kind: int) -> dict[str, Any]:
    parameters: dict[str, Any] = head.binding["parameters"][str(kind)]
    return parameters


def uses_model(head: Header, kind: int) -> bool:
    return kind in kinds_with_model(head.binding)


# ====================================================================================================================
# 6 Sections
# ====================================================================================================================

PROVENANCE, HINTS, THUMBNAIL, METADATA = 0x01, 0x02, 0x04, 0x43
KEY_VALUE_TEXTS = {PROVENANCE, HINTS, METADATA}
SCALE = r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?"  # T 2
HINT_FORMS = {
    "candidate": r"0|[1-9][0-9]{0,5}",
    "generator": r"cpu|cuda",
    "guidance": SCALE,
    "noise-level": r"0|[1-9][0-9]{0,2}",
    "norm-scale": SCALE,
    "scheduler": r"[a-z0-9][a-z0-9-]{0,31}",
    "seed": r"0|[1-9][0-9]{0,18}",
    "steps": r"[1-9][0-9]{0,5}",
    "strength": SCALE,
}


@dataclass
class Section:
    type: int  # for a compact body 0x80 + the compact kind
    offset: int  # of the body
    body: bytes
    check: bytes | None
    check_offset: int
    symbols: bytes | None = None  # S of §7, once it is known
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def critical(self) -> bool:
        return self.type >= 0x80

    @property
    def kind(self) -> int:
        return self.type & 0x3F


def sections(data: bytes, head: Header) -> tuple[list[Section], bool]:
    """The sections, and whether all that the header counts are there."""
    if not head.sectioned:
        return [
            Section(0x80 + head.binding["compact"], head.end, data[head.end :], head.check, head.check_offset)
        ], True

    result: list[Section] = []
    reader = Reader(data, head.end, truncated=301, bad_varint=305)  # SEM-R-046
    while len(result) < head.count:
        if result and reader.position == len(data):  # SEM-R-047
            return result, False
        result.append(section(reader, head, result))
    if reader.position != len(data):  # SEM-R-048
        fail(306, f"SEM-R-048: {len(data) - reader.position} bytes after the last section", reader.position)
    return result, True


def section(reader: Reader, head: Header, before: list[Section]) -> Section:
    start = reader.position
    type_ = reader.u(8)
    if type_ >= 0x80 and not 0x81 <= type_ <= 0x87:  # SEM-R-043
        fail(703, f"SEM-R-043: critical section of unknown type 0x{type_:02X}", start)
    if type_ >= 0x80 and type_ & 0x3F not in head.binding["kinds"]:  # SEM-R-042
        fail(303, f"SEM-R-042: kind {type_ & 0x3F} is not among the profile's kinds", start)
    if before and order(type_) <= order(before[-1].type):  # SEM-R-040, SEM-R-041
        fail(302, f"SEM-R-040, SEM-R-041: type 0x{type_:02X} after type 0x{before[-1].type:02X}", start)
    if head.count == 1 and type_ == 0x80 + head.binding["compact"]:  # SEM-R-045
        fail(304, "SEM-R-045: the only section is of the compact kind", start)

    length = reader.varint()
    judge_body_limits(type_, length, head, start + 1)  # Q 9: before it is judged whether so many bytes are there

    offset = reader.position
    body = reader.bytes(length)
    if type_ in KEY_VALUE_TEXTS:  # of a thumbnail and of an unknown type (SEM-R-044) nothing is asked
        key_value_text(body, offset, HINT_FORMS if type_ == HINTS else {})

    check_offset = reader.position
    check = reader.bytes(CHECK_BYTES[head.check_code]) if head.check_code != 0 else None
    return Section(type_, offset, body, check, check_offset)


def order(type_: int) -> tuple[int, int]:
    """SEM-R-040: provenance, then critical sections by number, then other ancillary sections by type."""
    if type_ == PROVENANCE:
        return 0, type_
    return (1, type_) if type_ >= 0x80 else (2, type_)


def key_value_text(body: bytes, offset: int, forms: dict[str, str]) -> list[tuple[str, str]]:
    """`offset` is that of the body in the file, for the messages; `forms` are those of some values, by their keys."""
    reader = Reader(body, 0, truncated=305, bad_varint=305)  # SEM-R-050: whole entries
    entries: list[tuple[str, str]] = []
    last_key = b""
    try:
        while reader.position < len(body):
            start = reader.position
            if len(entries) == 1024:  # SEM-R-053
                fail(305, "SEM-R-053: more than 1024 entries", start)
            key_length = reader.varint()
            start = reader.position
            key = reader.bytes(key_length)
            if not 1 <= len(key) <= 64 or key <= last_key:  # SEM-R-049
                fail(305, "SEM-R-049: a key is not 1 to 64 bytes long, or not above the key before it", start)
            value = reader.bytes(reader.varint())
            try:
                entries.append((key.decode("utf-8"), value.decode("utf-8")))
            except UnicodeDecodeError:  # SEM-R-050
                fail(305, "SEM-R-050: not UTF-8", start)
            form = forms.get(entries[-1][0])
            if form is not None and re.fullmatch(form, entries[-1][1]) is None:  # SEM-R-054
                fail(305, f"SEM-R-054: {entries[-1][1]!a} is no {entries[-1][0]}", reader.position - len(value))
            last_key = key
    except SemError as error:
        raise SemError(error.code, error.message, offset + (error.offset or 0)) from None
    return entries


# ====================================================================================================================
# 7 Keyed check
# ====================================================================================================================


def key_of(head: Header, model_digest: str | None) -> bytes | None:
    """K, or None where the full digest of an explicit model is not known."""
    binding = dict(head.binding)
    if head.model_hash is not None:
        if model_digest is None:
            return None
        binding["model"] = model_digest
    return hashlib.sha256(canonical_json(binding)).digest()


def judge_check(part: Section, head: Header, model_digest: str | None) -> str:
    """The state of a section's check. A failed one is SEM-E-501 instead."""
    if part.check is None:
        return "absent"
    k = key_of(head, model_digest)
    if k is None or part.symbols is None:  # SEM-R-061
        return "unchecked"
    wanted = hashlib.sha256(k + head.h + bytes([part.type]) + part.symbols).digest()[: len(part.check)]
    if part.check != wanted:  # SEM-R-060
        fail(501, f"SEM-R-060: the check of the section of type 0x{part.type:02X} differs", part.check_offset)
    return "ok"


# ====================================================================================================================
# 8 Canonical form
# ====================================================================================================================


def judge_canonical(coder: RangeDecoder) -> None:
    """SEM-R-070: finish an encoder that stands where the decoder stands, and compare its bytes with the body."""
    body_read = coder.body[: coder.position].ljust(coder.position, b"\0")
    number = int.from_bytes(body_read, "big") - coder.code  # the written bytes, all carries done, then 32 bits of low
    written, low = number >> 32, number & 0xFFFFFFFF
    canonical = finish(written, coder.position - 4, low, coder.range)
    if canonical != coder.body:
        same = 0
        while canonical[same : same + 1] == coder.body[same : same + 1]:
            same += 1
        fail(402, "SEM-R-070: from here on an encoder writes other bytes for these symbols", coder.offset + same)


# ====================================================================================================================
# 9 Range coder
# ====================================================================================================================


def finish(written: int, length: int, low: int, range_: int) -> bytes:
    """The encoder's last step, where `written` is the number that the `length` written bytes form."""
    if low == 0:
        pass
    elif low + range_ > 2**32:
        written += 1
    else:
        written = (written << 8) + -(-low // 2**24)  # ceil(low / 2^24)
        length += 1
    return written.to_bytes(length, "big").rstrip(b"\0")


class RangeDecoder:
    def __init__(self, body: bytes, offset: int) -> None:
        self.body = body
        self.offset = offset  # of the body in the file, for the messages
        self.position = 4  # bytes of the body that were read, those that are missing included
        self.code = int.from_bytes(body[:4].ljust(4, b"\0"), "big")
        self.range = 2**32 - 1
        if self.code >= self.range:  # SEM-R-080
            fail(401, "SEM-R-080: the body begins with FF FF FF FF", offset)

    def decode(self, cumulative: Sequence[int]) -> int:
        """A symbol of the table whose sums are given: 0, f_0, f_0 + f_1, …, T."""
        total = cumulative[-1]
        q = ((self.code + 1) * total - 1) // self.range
        symbol = bisect.bisect_right(cumulative, q) - 1
        a = self.range * cumulative[symbol] // total
        b = self.range * cumulative[symbol + 1] // total
        self.code = self.code - a
        self.range = b - a
        while self.range < 2**24:
            next_byte = self.body[self.position] if self.position < len(self.body) else 0
            self.position += 1
            self.code = self.code * 2**8 + next_byte
            self.range = self.range * 2**8
        return symbol

    @property
    def here(self) -> int:
        return self.offset + min(self.position, len(self.body))


# ====================================================================================================================
# 10 Tables
# ====================================================================================================================


def cumulative_of(frequencies: Iterable[int]) -> list[int]:
    sums = [0]
    for f in frequencies:
        sums.append(sums[-1] + f)
    return sums


def uniform(v: int) -> range:
    return range(v + 1)  # the sums of V symbols of frequency 1: 0, 1, …, V


BIT = uniform(2)


@dataclass
class EscapeTable:
    offset: int
    cumulative: list[int]  # of the regular symbols and, last, the escape

    def decode(self, coder: RangeDecoder) -> int:
        n = len(self.cumulative) - 2  # regular symbols
        symbol = coder.decode(self.cumulative)
        if symbol < n:
            value = self.offset + symbol
        else:
            side = coder.decode(BIT)
            q = 0
            while q < 16 and coder.decode(BIT) == 1:
                q += 1
            e_plus_1 = 1
            for _ in range(q):
                e_plus_1 = 2 * e_plus_1 + coder.decode(BIT)
            e = e_plus_1 - 1
            value = self.offset + n + e if side == 0 else self.offset - 1 - e
        if not -32767 <= value <= 32767:  # SEM-R-090
            fail(403, f"SEM-R-090: the value {value} does not lie in -32767 … 32767", coder.here)
        return value


def load_gaussian(path: Path) -> list[EscapeTable]:
    """SEM-R-093: the integers of gaussian.bin, and nothing else."""
    tables: list[EscapeTable] = []
    frequencies: list[int] = []
    if not path.is_file():
        fail(801, f"there is no {path.name} here")
    for (f,) in struct.iter_unpack("<H", path.read_bytes()):
        frequencies.append(f)
        if sum(frequencies) == 2**16:  # 2 n_j + 2 of them
            tables.append(EscapeTable(-(len(frequencies) // 2 - 1), cumulative_of(frequencies)))
            frequencies = []
    if len(tables) != 64 or frequencies:
        raise ValueError(f"{path} does not hold the 64 Gaussian tables")
    return tables


# ====================================================================================================================
# 11 Integer networks
# ====================================================================================================================

Site = tuple[int, int]  # r, c


@dataclass
class Activation:
    channels: int
    rows: int
    columns: int
    at: dict[Site, list[int]] = field(default_factory=dict)

    def sites(self) -> list[Site]:
        return [(r, c) for r in range(self.rows) for c in range(self.columns)]

    def raster(self, sites: list[Site]) -> Iterator[int]:
        return (self.at[site][channel] for channel in range(self.channels) for site in sites)


def concatenate(parts: Sequence[Activation], sites: list[Site]) -> Activation:
    """The channels of one part after those of another, at the sites that are asked for."""
    result = Activation(sum(x.channels for x in parts), parts[-1].rows, parts[-1].columns)
    zeros = [[0] * x.channels for x in parts]
    for site in sites:
        result.at[site] = [v for x, zero in zip(parts, zeros, strict=True) for v in x.at.get(site, zero)]
    return result


@dataclass
class Tensor:
    shape: list[int]
    values: Sequence[int]


@dataclass
class Linear:
    """A conv, or a deconv."""

    transposed: bool
    w: Tensor
    b: Tensor
    s: int  # stride

    @property
    def n(self) -> int:  # kernel
        return self.w.shape[2]

    @property
    def inputs(self) -> int:
        return self.w.shape[0 if self.transposed else 1]

    @property
    def outputs(self) -> int:
        return self.w.shape[1 if self.transposed else 0]

    def weight(self, o: int, i: int, u: int, v: int) -> int:
        """w[o, i, u, v] of a conv, w[i, o, u, v] of a deconv."""
        pair = i * self.outputs + o if self.transposed else o * self.inputs + i
        return self.w.values[(pair * self.n + u) * self.n + v]

    def size(self, length: int) -> int:
        """Rows (or columns) of the output for rows (or columns) of the input."""
        return self.s * length if self.transposed else -(-length // self.s)

    def taps(self, position: int) -> list[tuple[int, int]]:
        """All (u, r) that row `position` of the output sums over; for a column all (v, c)."""
        p = (self.n - 1) // 2
        if self.transposed:  # s·r + u - p = position
            return [(u, (position + p - u) // self.s) for u in range(self.n) if (position + p - u) % self.s == 0]
        return [(u, self.s * position + u - p) for u in range(self.n)]


@dataclass
class Requant:
    m: Tensor
    s: Tensor
    a: Tensor | None
    lo: int
    hi: int
    ladder: Sequence[int] | None = None

    def parameters(self, rho: int, channels: int) -> list[tuple[int, int, int]]:
        """(m, s, a) of each channel."""
        result = []
        for o in range(channels):
            s = pick(self.s, rho, o)
            a = 2 ** (s - 1) if self.a is None else pick(self.a, rho, o)
            result.append((pick(self.m, rho, o), s, a))
        return result

    def apply(self, vector: Sequence[int], parameters: Sequence[tuple[int, int, int]]) -> list[int]:
        """Of the channels at one site; x >> s is floor(x / 2^s)."""
        return [clamp((x * m + a) >> s, self.lo, self.hi) for x, (m, s, a) in zip(vector, parameters, strict=True)]


def pick(tensor: Tensor, rho: int, o: int) -> int:
    """An axis of length 1 serves every rate, or every channel."""
    rates, channels = tensor.shape
    return tensor.values[(rho if rates > 1 else 0) * channels + (o if channels > 1 else 0)]


@dataclass
class Relu:
    pass


@dataclass
class Add:
    source: int  # `from`


Net = list[Linear | Requant | Relu | Add]


def linear(layer: Linear, x: Activation, sites: list[Site], jobs: int) -> dict[Site, list[int]]:
    """The output of a conv or deconv at some sites.

    For each site the input values under the kernel are gathered into one list, the patch, in the order (u, v, i).
    The values of all channels are the inner product of the patch with the weights in the same order, those of all
    output channels side by side in one integer of Python: channel o is multiplied by 2^(LANE o). That order is one for
    all sites of a conv; of a deconv there is one for each pair of remainders of R and C by the stride.
    """
    weights: dict[Kernel, list[int]] = {}
    for r, c in sites:
        kernel = tuple((u, v) for u, _ in layer.taps(r) for v, _ in layer.taps(c))
        if kernel not in weights:
            weights[kernel] = [
                side_by_side([layer.weight(o, i, u, v) for o in range(layer.outputs)])
                for u, v in kernel
                for i in range(layer.inputs)
            ]
    if jobs == 1 or len(sites) * len(layer.w.values) < 10**6:
        return inner_products(layer, x, weights, sites)
    SHARED[:] = [(layer, x, weights)]  # what the processes inherit when they are forked
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        parts = pool.map(inner_products_shared, [sites[job::jobs] for job in range(jobs)])
    return {site: vector for part in parts for site, vector in part.items()}


Kernel = tuple[tuple[int, int], ...]  # the (u, v) that a site sums over
SHARED: list[tuple[Linear, Activation, dict[Kernel, list[int]]]] = []
LANE = 48  # bits; a sum is at most 2^37 in magnitude (SEM-R-101)


def side_by_side(values: Sequence[int]) -> int:
    """The sum of values[o] · 2^(LANE o): products with it and sums of it are those of each value, exactly."""
    lanes = b"".join((value + 2 ** (LANE - 1)).to_bytes(LANE // 8, "little") for value in values)
    return int.from_bytes(lanes, "little") - middle(len(values))


@functools.cache
def middle(lanes: int) -> int:
    """2^(LANE - 1) in each lane, which makes the values of all lanes positive."""
    return int.from_bytes((2 ** (LANE - 1)).to_bytes(LANE // 8, "little") * lanes, "little")


def apart(total: int, lanes: int) -> list[int]:
    """The values that stand side by side."""
    raw = (total + middle(lanes)).to_bytes(LANE // 8 * lanes, "little")
    return [
        int.from_bytes(raw[at : at + LANE // 8], "little") - 2 ** (LANE - 1) for at in range(0, len(raw), LANE // 8)
    ]


def inner_products_shared(sites: list[Site]) -> dict[Site, list[int]]:
    return inner_products(*SHARED[0], sites)


def inner_products(
    layer: Linear, x: Activation, weights: dict[Kernel, list[int]], sites: list[Site]
) -> dict[Site, list[int]]:
    result = {}
    outside = [0] * layer.inputs
    biases = side_by_side(layer.b.values)
    for site in sites:
        rows, columns = layer.taps(site[0]), layer.taps(site[1])
        patch: list[int] = []
        for _, r in rows:
            for _, c in columns:
                patch += x.at.get((r, c), outside)
        if any(patch):
            kernel = tuple((u, v) for u, _ in rows for v, _ in columns)
            result[site] = apart(sum(map(operator.mul, weights[kernel], patch), biases), layer.outputs)
        else:
            result[site] = list(layer.b.values)
    return result


def run_net(name: str, net: Net, x: Activation, rho: int, run: Run, only: list[Site] | None = None) -> Activation:
    """The output of a net: all of it, or that at the sites `only`.

    In the second case a layer is computed at those sites alone if every layer behind it asks for one site only to
    give the same site. Activations then lack the other sites, and nothing reads them.
    """
    everywhere = [only is None] * len(net)
    for i in range(len(net) - 1, 0, -1):
        layer = net[i]
        everywhere[i - 1] = everywhere[i] or (isinstance(layer, Linear) and (layer.n > 1 or layer.s > 1))

    outputs: list[Activation] = []
    for i, layer in enumerate(net):
        y = Activation(x.channels, x.rows, x.columns)
        match layer:
            case Linear():
                y = Activation(layer.outputs, layer.size(x.rows), layer.size(x.columns))
                y.at = linear(layer, x, y.sites() if everywhere[i] or only is None else only, run.jobs)
            case Requant():
                parameters = layer.parameters(rho, x.channels)
                y.at = {site: layer.apply(vector, parameters) for site, vector in x.at.items()}
            case Relu():
                y.at = {site: [max(v, 0) for v in vector] for site, vector in x.at.items()}
            case Add():
                other = outputs[layer.source].at
                y.at = {site: list(map(operator.add, vector, other[site])) for site, vector in x.at.items()}
        if only is None:
            run.trace(f"{name}[{i}]", y.raster(y.sites()))
        outputs.append(y)
        x = y
    return x


def through_ladder(x: int, thresholds: Sequence[int]) -> int:
    return sum(t < x for t in thresholds)


# The bounds. X is the largest magnitude that the input of a layer can have; it is carried from net to net (Q 3).


def judge_net_bounds(name: str, net: Net, bound: int, rates: int) -> int:
    """Judges a net whose input has the bound X, and gives the bound of its output."""
    outputs: list[int] = []
    for i, layer in enumerate(net):
        where = f"{name}[{i}]"
        match layer:
            case Linear():
                if bound > 32768:  # SEM-R-100
                    fail(804, f"SEM-R-100: the input of {where} can reach {bound}")
                bound = judge_sums(where, layer, bound)
            case Requant():
                bound = judge_requant_bounds(where, layer, bound, rates)
            case Relu():
                pass
            case Add():
                bound += outputs[layer.source]
                if bound > 2**38:  # SEM-R-105
                    fail(804, f"SEM-R-105: the output of {where} can reach {bound}")
        outputs.append(bound)
    return bound


def judge_sums(where: str, layer: Linear, bound: int) -> int:
    sums = [0] * layer.outputs  # Σ|w| of each output channel
    for index, w in enumerate(layer.w.values):
        pair = index // layer.n**2
        sums[pair % layer.outputs if layer.transposed else pair // layer.inputs] += abs(w)
    worst = max(abs(b) + bound * s for b, s in zip(layer.b.values, sums, strict=True))
    if worst > 2**37:  # SEM-R-101
        fail(804, f"SEM-R-101: a sum of {where} can reach {worst}")
    return worst


def judge_requant_bounds(where: str, q: Requant, bound: int, rates: int) -> int:
    if not all(1 <= m < 2**15 for m in q.m.values) or not all(1 <= s <= 52 for s in q.s.values):  # SEM-R-102
        fail(804, f"SEM-R-102: a multiplier or a shift of {where} is out of bounds")
    channels = max(tensor.shape[1] for tensor in (q.m, q.s, q.a) if tensor is not None)
    for rho in range(rates):
        for m, _, a in q.parameters(rho, channels):
            if bound * m + abs(a) >= 2**53:  # SEM-R-103
                fail(804, f"SEM-R-103: a product of {where} can reach {bound * m + abs(a)}")
    if not -32768 <= q.lo <= q.hi <= 32767:  # SEM-R-104
        fail(804, f"SEM-R-104: the bounds of {where} are {q.lo} and {q.hi}")
    return max(abs(q.lo), abs(q.hi))


# ====================================================================================================================
# 12 Model package
# ====================================================================================================================

SYMBOLS_MEMBERS = {
    "kind", "rates", "hyper", "groups", "parity", "order", "context", "z_input", "y_input", "hyper_net",
    "channel_nets", "spatial_nets", "anchor_heads", "heads", "means", "scales", "tensors",
}  # fmt: skip
SMALL_MODELS = {  # kind -> members; tensor
    3: (("d", "b"), "sign", "U16"),
    4: (("m", "v", "d"), "codebooks", "F32"),
    5: (("v",), "usage", "U16"),
}
DTYPES = {  # and their letters in `struct`
    "U8": "B", "I16": "h", "U16": "H", "I32": "i", "I64": "q",
    "F32": "I",  # its bits: nothing is computed with it here
}  # fmt: skip


@dataclass
class Model:
    rates: int
    hyper: int
    groups: list[int]
    parity: int
    order: str
    context: str
    z_input: Requant
    y_input: Requant
    hyper_net: Net
    channel_nets: list[Net | None]
    spatial_nets: list[Net]
    anchor_heads: list[Net] | None
    heads: list[Net]
    means: list[Requant]
    scales: list[Requant]
    z_tables: list[list[EscapeTable]]  # [ρ][channel]


def context_groups(context: str, k: int) -> list[int]:
    return list(range(k)) if context == "all" else sorted({0, k - 1})  # "all", "ends"


@dataclass
class Package:
    folder: Path
    manifest: dict[str, Any]
    digest: str


def find_packages(folders: Iterable[Path], digest: str) -> dict[str, Package]:
    """The packages whose digests begin with `digest`, by digest. A folder is a package or a folder of packages."""
    packages: dict[str, Package] = {}
    for folder in folders:
        is_package = (folder / "manifest.json").is_file()
        for candidate in [folder] if is_package else sorted(folder.glob("*/")):
            try:
                manifest = parse_json(read_package_file(candidate / "manifest.json", 2**24))
                if not isinstance(manifest["symbols"], dict):
                    continue
                found = hashlib.sha256(canonical_json(manifest["symbols"])).hexdigest()
            except (OSError, ValueError, KeyError, TypeError):
                continue  # not a model package, so not the one that is wanted
            if found.startswith(digest):
                packages.setdefault(found, Package(candidate, manifest, found))
    return packages


def read_package_file(path: Path, most: int) -> bytes:
    """Raises OSError for anything but a file of at most `most` bytes."""
    if not path.is_file() or path.stat().st_size > most:
        raise OSError(f"{path} is not a file of at most {most} bytes")
    return path.read_bytes()


Symbols = dict[str, Any]  # `symbols` of a manifest
Tensors = dict[str, tuple[str, Tensor]]  # name -> dtype and tensor


def judge_manifest(package: Package, kind: int, head: Header) -> None:
    """Format, version, identity, kind and limits, in this order (Q 5), before a file of tensors is opened."""
    if package.manifest.get("format") != "sem-model":
        bad_model("the manifest is not of format sem-model")
    symbols = package.manifest["symbols"]
    version = package.manifest.get("format_version")
    if not is_integer(version, 1, 2) or (version == 2 and "identity" not in symbols):
        fail(705, "SEM-R-116: the package is not of format version 1, nor of 2 with an identity")
    if version == 2 and not is_identity(symbols["identity"]):
        bad_model("SEM-R-125: the identity is not of roles and digests")
    if not is_integer(symbols.get("kind"), kind, kind):
        fail(803, f"SEM-R-112: the model is not of kind {kind}")
    judge_model_limits(symbols, head)


def open_package(package: Package, members: Iterable[str]) -> tuple[Symbols, Tensors]:
    """`symbols` and its tensors; members and digests are checked in this order (Q 5)."""
    symbols = package.manifest["symbols"]
    try:
        data = read_package_file(package.folder / "symbols.safetensors", LEVEL_1["tensors"] + 2**24 + 8)
    except OSError as error:
        fail(801, f"SEM-R-114: model {package.digest}: {error}")
    version = package.manifest["format_version"]
    identity = {"identity"} if version == 2 else set()
    if set(symbols) != {*members, *identity} or not isinstance(symbols["tensors"], dict):
        bad_model("`symbols` has not exactly the members of the table")
    return symbols, tensors(symbols["tensors"], data)


def load_model(package: Package, parameters: dict[str, Any]) -> Model:
    """Of kind 6 or 7. Shapes, the profile's parameters and bounds are checked in this order (Q 5)."""
    model = ModelBuilder(*open_package(package, SYMBOLS_MEMBERS)).build()
    here = {"rates": model.rates, "hyper": model.hyper, "groups": model.groups, "parity": model.parity}
    if here | {"m": sum(model.groups)} != parameters:  # SEM-R-112
        fail(803, f"SEM-R-112: the model's {here} are not the profile's {parameters}")
    judge_bounds(model)
    return model


def load_small_model(package: Package, kind: int, parameters: dict[str, Any]) -> Sequence[int]:
    """Of kind 3, 4 or 5: the values of its one tensor."""
    names, tensor_name, dtype = SMALL_MODELS[kind]
    symbols, found = open_package(package, {"kind", *names, "tensors"})
    if set(found) != {tensor_name} or not all(is_integer(symbols[name], 1, 65536) for name in names):
        bad_model(f"`symbols` has not the one tensor or not the integers of kind {kind}")
    if any(symbols[name] != parameters.get(name, symbols[name]) for name in names):  # SEM-R-112
        fail(803, f"SEM-R-112: {names} of the model are not those of the profile, {parameters}")
    if kind == 4 and symbols["d"] % symbols["m"] != 0:  # SEM-R-119
        fail(803, f"SEM-R-119: {symbols['d']} dimensions in {symbols['m']} parts")
    shapes = {3: ["d"], 4: ["m", "v", "d"], 5: ["v"]}
    shape = [symbols[name] for name in shapes[kind]]
    if kind == 4:
        shape[2] //= shape[0]
    found_dtype, tensor = found[tensor_name]
    if found_dtype != dtype or tensor.shape != shape:
        bad_model(f"tensor {tensor_name} is {found_dtype} {tensor.shape}, not {dtype} {shape}")
    if kind == 3 and not all(1 <= f <= 65535 for f in tensor.values):  # SEM-R-117
        fail(803, "SEM-R-117: a frequency of `sign` is 0")
    if kind == 4 and any(bits >> 23 & 0xFF == 0xFF for bits in tensor.values):  # SEM-R-119; binary32's exponent
        fail(803, "SEM-R-119: a code word is not finite")
    if kind == 5 and (min(tensor.values) < 1 or sum(tensor.values) != 2**16):  # SEM-R-118
        fail(803, "SEM-R-118: a frequency of `usage` is 0, or their sum is not 2^16")
    return tensor.values


def bad_model(message: str) -> NoReturn:
    fail(803, f"SEM-R-111: {message}")


def is_integer(x: Any, least: int, most: int) -> bool:
    return type(x) is int and least <= x <= most  # True is none


def tensors(entries: dict[str, Any], data: bytes) -> Tensors:
    """Those that the manifest names, from the bytes of a safetensors file."""
    try:
        start = 8 + int.from_bytes(data[:8], "little")  # of the data
        if start > 2**24 + 8:
            raise ValueError("a header of more than 2^24 bytes")
        index = parse_json(data[8:start])
    except ValueError as error:
        bad_model(f"symbols.safetensors: {error}")
    if not isinstance(index, dict) or start > len(data):
        bad_model("symbols.safetensors: its header is not a whole object")
    if set(index) - {"__metadata__"} != set(entries):
        bad_model("symbols.safetensors does not hold exactly the tensors of the manifest")

    result: Tensors = {}
    for name, entry in entries.items():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "sha256"}:
            bad_model(f"tensor {name}: not a dtype, a shape and a digest")
        dtype, shape = entry["dtype"], entry["shape"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            bad_model(f"tensor {name}: dtype {dtype}")
        if not isinstance(shape, list) or len(shape) > 32 or not all(is_integer(n, 1, 2**31) for n in shape):
            bad_model(f"tensor {name}: shape {shape}")
        stored = index.get(name)
        if not isinstance(stored, dict) or stored.get("dtype") != dtype or not same_shape(stored.get("shape"), shape):
            bad_model(f"tensor {name}: symbols.safetensors does not hold it with this dtype and shape")
        offsets = stored.get("data_offsets")
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(is_integer(x, 0, 2**53) for x in offsets):
            bad_model(f"tensor {name}: data_offsets {offsets}")
        begin, end = start + offsets[0], start + offsets[1]
        count, letter = math.prod(shape), DTYPES[dtype]
        if end > len(data) or end - begin != count * struct.calcsize("<" + letter):
            bad_model(f"tensor {name}: data_offsets {offsets} with shape {shape}")
        if hashlib.sha256(data[begin:end]).hexdigest() != entry["sha256"]:  # SEM-R-110
            fail(802, f"SEM-R-110: tensor {name} has not the digest in the manifest")
        result[name] = dtype, Tensor(shape, struct.unpack(f"<{count}{letter}", data[begin:end]))
    position = 0
    for begin, end in sorted(index[name]["data_offsets"] for name in entries):
        if begin != position:
            bad_model(
                f"symbols.safetensors: bytes {min(begin, position)} to {max(begin, position)} belong to no tensor or to two"
            )
        position = end
    if start + position != len(data):
        bad_model("symbols.safetensors: the last bytes belong to no tensor")
    return result


def same_shape(stored: Any, shape: list[int]) -> bool:
    """Of integers: 1.0 is none, and neither is true."""
    return isinstance(stored, list) and stored == shape and all(type(n) is int for n in stored)


class ModelBuilder:
    """Turns the manifest's `symbols` into a Model, and judges members, dtypes and shapes on the way: SEM-R-111."""

    def __init__(self, symbols: Symbols, tensors: Tensors) -> None:
        self.symbols = symbols
        self.tensors = tensors
        self.used: set[str] = set()
        self.rates = self.integer("rates", 1, 64)
        self.hyper = self.integer("hyper", 1, 1024)
        self.groups = symbols["groups"]
        if not isinstance(self.groups, list) or not all(is_integer(c, 1, 1024) for c in self.groups):
            bad_model(f"groups are {self.groups}")
        if not 1 <= len(self.groups) <= 16 or sum(self.groups) > 1024:
            bad_model(f"groups are {self.groups}")

    def build(self) -> Model:
        model = Model(
            rates=self.rates,
            hyper=self.hyper,
            groups=self.groups,
            parity=self.integer("parity", 0, 1),
            order=self.choice("order", "scales-means", "means-scales"),
            context=self.choice("context", "all", "ends"),
            z_input=self.requant("z_input", self.symbols["z_input"], self.hyper),
            y_input=self.requant("y_input", self.symbols["y_input"], sum(self.groups)),
            hyper_net=[],
            channel_nets=[],
            spatial_nets=[],
            anchor_heads=None if self.symbols["anchor_heads"] is None else [],
            heads=[],
            means=[],
            scales=[],
            z_tables=self.z_tables(),
        )
        model.hyper_net, hyper = self.net("hyper_net", self.symbols["hyper_net"], self.hyper, enlargement=4)
        for k, channels in enumerate(self.groups):
            chan = 0
            entry = self.of_group("channel_nets", k)
            if k == 0:
                if entry is not None:
                    bad_model("channel_nets[0] is not null")
                model.channel_nets.append(None)
            else:
                before = sum(self.groups[g] for g in context_groups(model.context, k))
                channel_net, chan = self.net(f"channel_nets[{k}]", entry, before)
                model.channel_nets.append(channel_net)
            net, spat = self.net(f"spatial_nets[{k}]", self.of_group("spatial_nets", k), channels)
            model.spatial_nets.append(net)
            model.heads.append(self.head("heads", k, spat + chan + hyper))
            if model.anchor_heads is not None:
                model.anchor_heads.append(self.head("anchor_heads", k, chan + hyper))
            model.means.append(self.requant(f"means[{k}]", self.of_group("means", k), channels))
            model.scales.append(self.requant(f"scales[{k}]", self.of_group("scales", k), channels, ladder=True))
        if self.used != set(self.tensors):
            bad_model(f"nothing uses {sorted(set(self.tensors) - self.used)}")
        return model

    def integer(self, name: str, least: int, most: int) -> int:
        value = self.symbols[name]
        if not is_integer(value, least, most):
            bad_model(f"{name} is not an integer from {least} to {most}")
        return int(value)

    def choice(self, name: str, *choices: str) -> str:
        value = self.symbols[name]
        if value not in choices:
            bad_model(f"{name} is none of {choices}")
        return str(value)

    def of_group(self, name: str, k: int) -> Any:
        value = self.symbols[name]
        if not isinstance(value, list) or len(value) != len(self.groups):
            bad_model(f"{name} has not one entry a group")
        return value[k]

    def tensor(self, name: Any, dtype: str, axes: int) -> Tensor:
        if not isinstance(name, str) or name not in self.tensors:
            bad_model(f"tensor {name} is not among `tensors`")
        found, tensor = self.tensors[name]
        self.used.add(name)
        if found != dtype or len(tensor.shape) != axes:
            bad_model(f"tensor {name} is {found} {tensor.shape}, not {dtype} with {axes} axes")
        return tensor

    def requant(self, where: str, entry: Any, channels: int, ladder: bool = False) -> Requant:
        needed, optional = {"m", "s", "lo", "hi"}, {"a", "ladder"} if ladder else {"a"}
        if not isinstance(entry, dict) or not needed <= set(entry) <= needed | optional:
            bad_model(f"{where} is not a requant object")
        if not is_integer(entry["lo"], -(2**53), 2**53) or not is_integer(entry["hi"], -(2**53), 2**53):
            bad_model(f"{where}: lo and hi are not integers")
        m, s = self.tensor(entry["m"], "I16", 2), self.tensor(entry["s"], "U8", 2)
        a = self.tensor(entry["a"], "I64", 2) if "a" in entry else None
        for tensor in (m, s, a):
            if tensor is not None and (tensor.shape[0] not in {1, self.rates} or tensor.shape[1] not in {1, channels}):
                bad_model(f"{where}: shape {tensor.shape} for {self.rates} rates and {channels} channels")
        thresholds = None
        if "ladder" in entry:
            thresholds = self.tensor(entry["ladder"], "I32", 1).values
            if len(thresholds) != 63:
                bad_model(f"{where}: a ladder has 63 thresholds")
            if list(thresholds) != sorted(set(thresholds)):
                fail(803, f"SEM-R-124: the thresholds of the ladder of {where} do not ascend")
        return Requant(m, s, a, entry["lo"], entry["hi"], thresholds)

    def head(self, name: str, k: int, channels: int) -> Net:
        net, out = self.net(f"{name}[{k}]", self.of_group(name, k), channels)
        if out != 2 * self.groups[k]:
            bad_model(f"{name}[{k}] gives {out} channels, not {2 * self.groups[k]}")
        return net

    def net(self, name: str, entries: Any, channels: int, enlargement: int = 1) -> tuple[Net, int]:
        """A net whose input has `channels` channels, and the number of channels of its output."""
        if not isinstance(entries, list) or not 1 <= len(entries) <= 16:  # SEM-R-111, SEM-R-115
            bad_model(f"{name} is not a list of 1 to 16 layers (SEM-R-115)")
        net: Net = []
        shapes: list[tuple[int, int]] = []  # of the output of each layer: channels; h and w by those of the net's input
        factor = 1
        for i, entry in enumerate(entries):
            where = f"{name}[{i}]"
            if not isinstance(entry, dict):
                bad_model(f"{where} is not an object")
            members = {member: value for member, value in entry.items() if member != "op"}
            match entry.get("op"):
                case "conv" | "deconv" if set(members) == {"w", "b", "stride"}:
                    layer = self.linear(where, entry, channels)
                    channels = layer.outputs
                    if not layer.transposed and factor % layer.s != 0:  # SEM-R-123
                        bad_model(f"{where}: the stride does not divide the enlargement before it (SEM-R-123)")
                    factor = factor * layer.s if layer.transposed else factor // layer.s
                    net.append(layer)
                case "requant":
                    net.append(self.requant(where, members, channels))
                case "relu" if not members:
                    net.append(Relu())
                case "add" if set(members) == {"from"}:
                    source = members["from"]
                    if not is_integer(source, 0, i - 1) or shapes[source] != (channels, factor):
                        bad_model(f"{where}: `from` names no earlier layer with an output of the same shape")
                    net.append(Add(source))
                case _:
                    bad_model(f"{where} is not a layer")
            if channels > 4096:  # SEM-R-115
                bad_model(f"{where} is wider than 4096 channels (SEM-R-115)")
            if factor > enlargement:  # SEM-R-123
                bad_model(f"{where} enlarges h and w beyond {enlargement} times (SEM-R-123)")
            shapes.append((channels, factor))
        if factor != enlargement:  # SEM-R-123
            bad_model(f"{name} enlarges {factor} times, not {enlargement} times (SEM-R-123)")
        return net, channels

    def linear(self, where: str, entry: dict[str, Any], channels: int) -> Linear:
        w, b = self.tensor(entry["w"], "I16", 4), self.tensor(entry["b"], "I64", 1)
        if not is_integer(entry["stride"], 1, 4):
            bad_model(f"{where}: the stride is {entry['stride']}")
        if w.shape[2] != w.shape[3] or w.shape[2] % 2 == 0 or w.shape[2] > 15:  # SEM-R-115
            bad_model(f"{where}: the kernel of {w.shape} is not square, odd and at most 15 wide (SEM-R-115)")
        layer = Linear(entry["op"] == "deconv", w, b, entry["stride"])
        if layer.inputs != channels or b.shape != [layer.outputs]:
            bad_model(f"{where}: w {w.shape} and b {b.shape} for an input of {channels} channels")
        return layer

    def z_tables(self) -> list[list[EscapeTable]]:
        offset, size = self.tensor("z.offset", "I16", 2), self.tensor("z.size", "I32", 2)
        freq = self.tensor("z.freq", "U16", 1).values
        if offset.shape != [self.rates, self.hyper] or size.shape != [self.rates, self.hyper]:
            bad_model("z.offset and z.size are not of shape (R, hyper)")
        if min(size.values) < 1 or sum(n + 1 for n in size.values) != len(freq):  # SEM-R-122
            fail(803, "SEM-R-122: z.freq does not hold as many frequencies as z.size says")
        result: list[list[EscapeTable]] = []
        position = 0
        for rho in range(self.rates):
            result.append([])
            for channel in range(self.hyper):
                n = size.values[rho * self.hyper + channel]
                frequencies = freq[position : position + n + 1]
                position += n + 1
                if min(frequencies) < 1 or sum(frequencies) != 2**16:  # SEM-R-122
                    fail(803, f"SEM-R-122: the z table of rate {rho}, channel {channel}")
                first = offset.values[rho * self.hyper + channel]
                if first < -32767 or first + n - 1 > 32767:  # SEM-R-122
                    fail(803, f"SEM-R-122: rate {rho}, channel {channel} has symbols outside -32767 ... 32767")
                result[rho].append(EscapeTable(first, cumulative_of(frequencies)))
        return result


def judge_bounds(model: Model) -> None:
    """SEM-R-100 to 105 and SEM-R-121, for the whole model."""
    rates = model.rates
    z = judge_requant_bounds("z_input", model.z_input, 32768, rates)
    y = judge_requant_bounds("y_input", model.y_input, 32768, rates)
    hyper = judge_net_bounds("hyper_net", model.hyper_net, z, rates)
    for k, scale in enumerate(model.scales):
        net = model.channel_nets[k]
        chan = 0 if net is None else judge_net_bounds(f"channel_nets[{k}]", net, y, rates)
        spat = judge_net_bounds(f"spatial_nets[{k}]", model.spatial_nets[k], y, rates)
        out = judge_net_bounds(f"heads[{k}]", model.heads[k], max(spat, chan, hyper), rates)
        if model.anchor_heads is not None:
            name, anchor_head = f"anchor_heads[{k}]", model.anchor_heads[k]
            out = max(out, judge_net_bounds(name, anchor_head, max(chan, hyper), rates))
        judge_requant_bounds(f"means[{k}]", model.means[k], out, rates)
        judge_requant_bounds(f"scales[{k}]", scale, out, rates)
        if scale.ladder is None and not 0 <= scale.lo <= scale.hi <= 63:  # SEM-R-121
            fail(804, f"SEM-R-121: scales[{k}] has the bounds {scale.lo} and {scale.hi}, and no ladder")


# ====================================================================================================================
# 13 Payloads
# ====================================================================================================================

Found = TypeVar("Found")


@dataclass
class Payload:
    """What a kind's function gives: the symbols."""

    s: bytes  # S of §7
    report: dict[str, Any]  # `shape`, `value` and what else is said of them


def of_codes(codes: list[int], size: int, shape: list[int], value: Any, more: dict[str, Any] | None = None) -> Payload:
    """S is each code as u(8) or u(16), in `size` bytes."""
    s = b"".join(code.to_bytes(size, "big") for code in codes)
    return Payload(s, {"shape": [shape], "value": value, "canonical": True} | (more or {}))


def stream(part: Section, walk: Callable[[RangeDecoder], Found]) -> Found:
    """What `walk` reads from a body that is one stream of §9."""
    coder = RangeDecoder(part.body, part.offset)
    symbols = walk(coder)
    judge_canonical(coder)
    return symbols


# --- 13.1 Consonant text (kind 1) -----------------------------------------------------------------------------------

LETTERS = " ntsrhldcmfgpbkv"  # by code


def consonant_text(codes: list[int]) -> Payload:
    return of_codes(codes, 1, [len(codes)], "".join(LETTERS[code] for code in codes))


def consonant_fixed(body: bytes, offset: int) -> list[int]:
    n = 2 * len(body)
    if n > 0 and body[-1] % 16 == 0:
        n = n - 1
    if n > LEVEL_1["text"]:  # SEM-R-160
        fail(604, f"SEM-R-160: {n} codes, more than {LEVEL_1['text']}", offset + LEVEL_1["text"] // 2)
    if n > 0 and body[-1] == 0:  # SEM-R-161 (T 8)
        fail(402, "SEM-R-161: the last byte is 0x00", offset + len(body.rstrip(b"\0")))
    return [code for byte in body for code in (byte // 16, byte % 16)][:n]


def consonant_coded(coder: RangeDecoder, frequencies: bytes) -> list[int]:
    codes: list[int] = []
    a = b = c = 0
    while True:
        first = 17 * (256 * a + 16 * b + c)
        symbol = coder.decode(cumulative_of(frequencies[first : first + 17]))
        if symbol == 0:  # END
            if codes and c == 0:  # SEM-R-162
                fail(402, "SEM-R-162: END follows a code 0", coder.here)
            return codes
        if len(codes) == LEVEL_1["text"]:  # SEM-R-160
            fail(604, f"SEM-R-160: more than {LEVEL_1['text']} codes", coder.here)
        a, b, c = b, c, symbol - 1
        codes.append(c)


def table_file(path: Path, digest: str) -> bytes:
    """The bytes that the row names, and no others (SEM-R-163, SEM-R-164, SEM-R-174, SEM-R-183)."""
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != digest:
        fail(801, f"SEM-R-163, SEM-R-174: the {path.name} here is not {digest}")
    return data


# --- 13.2 Caption text (kind 2) -------------------------------------------------------------------------------------

MODE = cumulative_of([240, 8, 1, 1, 1, 5])  # 0 static, 1 tokens
TOKEN_COUNT = cumulative_of(76 if n == 16 else 1 for n in range(76))
SPLIT = re.compile(rb" ?(?:[A-Za-z'\x80-\xFF]+|.)", re.DOTALL)  # a space before the last octet is that octet alone
END, ESCAPE, SPELL = 0, 1, 2
LEFT_OUT: frozenset[str] = frozenset()  # the foreign modes that a decoder may refuse, zlib and zstd


def caption(part: Section, parameters: dict[str, Any]) -> Payload:
    mode = caption_mode(part.body[:1], part.offset)
    if mode not in parameters["modes"]:  # SEM-R-171
        fail(403, f"SEM-R-171: the profile has no captions of mode {mode}", part.offset)
    if mode in LEFT_OUT:  # SEM-R-165, SEM-R-180
        fail(704, f"SEM-R-165, SEM-R-180: this decoder does not read mode {mode}", part.offset)
    candidates = parameters.get("candidates")
    number = b""  # of the candidate, as S has it (SEM-R-187)
    match mode:
        case "tokens":
            number, ids = stream(part, lambda coder: caption_tokens(coder, parameters["vocabulary"], candidates))
            payload = of_codes(ids, 2, [len(ids)], ids)
            return Payload(number + b"\xff" + payload.s, payload.report | {"mode": mode})
        case "static":
            table_file(CAPTION_BIN, parameters["static"])  # SEM-R-174 (T 10)
            tables = load_caption(CAPTION_BIN)
            number, octets = stream(part, lambda coder: caption_static(coder, tables, candidates))
        case "zlib":
            octets = caption_zlib(part.body, part.offset)
        case "zstd":
            octets = caption_zstd(part.body, part.offset, parameters["dictionary"])
        case _:
            number = raw_candidate(part, candidates)
            octets = part.body[1 + len(number) :]  # raw; SEM-R-172 is that of the body's bytes
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:  # SEM-R-173
        fail(401, "SEM-R-173: the text is not UTF-8", part.offset)
    report = {"mode": mode, "shape": [[len(octets)]], "value": text, "canonical": mode in {"static", "raw"}}
    return Payload(number + octets, report)


def caption_mode(first: bytes, offset: int) -> str:
    if first < b"\xf0":
        return "static"  # and the empty body
    if first < b"\xf8":
        return "tokens"
    if first > b"\xfa":  # SEM-R-170
        fail(704, f"SEM-R-170: the first byte 0x{first.hex().upper()} is reserved", offset)
    return {0xF8: "raw", 0xF9: "zlib", 0xFA: "zstd"}[first[0]]


def judge_mode(coder: RangeDecoder, mode: int) -> None:
    if coder.decode(MODE) != mode:  # SEM-R-175
        fail(402, "SEM-R-175: the first symbol is not that of the mode which the first byte tells", coder.offset)


def candidate(coder: RangeDecoder, candidates: int | None) -> bytes:
    """The number of the candidate as S has it; nothing in a row without candidates (SEM-R-184, SEM-R-187)."""
    return b"" if candidates is None else bytes([coder.decode(uniform(candidates))])


def raw_candidate(part: Section, candidates: int | None) -> bytes:
    if candidates is None:
        return b""
    if len(part.body) < 2:  # SEM-R-185
        fail(401, "SEM-R-185: the body ends before the number of the candidate", part.offset + 1)
    if part.body[1] >= candidates:  # SEM-R-186
        fail(403, f"SEM-R-186: candidate {part.body[1]} of {candidates}", part.offset + 1)
    return part.body[1:2]


def caption_tokens(coder: RangeDecoder, vocabulary: int, candidates: int | None) -> tuple[bytes, list[int]]:
    judge_mode(coder, 1)
    number = candidate(coder, candidates)
    n = coder.decode(TOKEN_COUNT)
    return number, [coder.decode(uniform(vocabulary)) for _ in range(n)]


def caption_zlib(body: bytes, offset: int) -> bytes:
    """By zlib, which decides about prefix codes, numbers of symbols and windows as SEM-R-166 does."""
    inflate = zlib.decompressobj()
    text = b""
    try:
        for i in range(1, len(body)):  # a byte at a time, so that what comes first is judged first (T 11)
            if inflate.eof:  # SEM-R-176
                fail(401, "SEM-R-176: there is something behind the zlib stream", offset + i)
            text += inflate.decompress(body[i : i + 1], LEVEL_1["text"] + 1 - len(text))
            if len(text) > LEVEL_1["text"]:  # SEM-R-179
                fail(604, f"SEM-R-179: more than {LEVEL_1['text']} octets", offset + i)
    except zlib.error as error:  # SEM-R-176
        fail(401, f"SEM-R-176: {error}", offset)
    if not inflate.eof:  # SEM-R-176
        fail(401, "SEM-R-176: the zlib stream is cut", offset)
    return text


def caption_zstd(body: bytes, offset: int, dictionary: str) -> bytes:
    """By the standard library of Python 3.14; before that there is none."""
    try:
        zstd = importlib.import_module("compression.zstd")
    except ImportError:  # SEM-R-180 (T 9)
        fail(704, "SEM-R-180: this Python has no zstd", offset)
    caption_zdict = zstd.ZstdDict(table_file(CAPTION_ZDICT, dictionary))  # SEM-R-174
    size, parts = judge_frame(body, offset)
    decompressor, text = zstd.ZstdDecompressor(caption_zdict), b""
    try:
        for part in parts:  # block by block: the library may read ahead, and meet a later error first
            text += decompressor.decompress(part)
            if len(text) > LEVEL_1["text"]:  # SEM-R-179
                fail(604, f"SEM-R-179: more than {LEVEL_1['text']} octets", offset)
    except zstd.ZstdError as error:  # SEM-R-177
        fail(401, f"SEM-R-177: {error}", offset)
    if size is not None and len(text) != size:  # SEM-R-177
        fail(401, f"SEM-R-177: the zstd frame declares {size} octets and holds {len(text)}", offset)
    return text


def judge_frame(body: bytes, offset: int) -> tuple[int | None, list[bytes]]:
    """SEM-R-177, SEM-R-178: header and lengths of the blocks of a frame (RFC 8878, 3.1.1).

    Gives the declared size, and the frame with its magic and without that size: header, blocks, checksum. A library that
    knows the size may decode all blocks at once, and then reports of one that goes beyond the limit that it is wrong.
    """
    reader = Reader(body, 1, truncated=401, bad_varint=401)
    try:
        descriptor = reader.u(8)
        single_segment = descriptor >> 5 & 1
        window_byte = 0x50 if single_segment else reader.u(8)  # 2^20 holds all that may be declared
        log, eighths = divmod(window_byte, 8)
        window = 2 ** (10 + log) + 2 ** (7 + log) * eighths
        identity = reader.bytes((0, 1, 2, 4)[descriptor & 3])  # of the dictionary
        n = (single_segment, 2, 4, 8)[descriptor >> 6]
        size = int.from_bytes(reader.bytes(n), "little") + (256 if n == 2 else 0)
        blocks = []
        last = False
        while not last:
            block = int.from_bytes(reader.bytes(3), "little")
            last = block & 1 == 1
            if block >> 1 & 3 == 3:
                fail(401, "a block of the reserved type, which has no length", offset + reader.position - 3)
            contents = reader.bytes(1 if block >> 1 & 3 == 1 else block >> 3)  # type 1: a byte that is repeated
            blocks.append(block.to_bytes(3, "little") + contents)
        blocks.append(reader.bytes(4 * (descriptor >> 2 & 1)))  # checksum
    except SemError as error:
        fail(401, f"SEM-R-177: the zstd frame is cut, or no frame: {error.message}", offset)
    if size > LEVEL_1["text"]:  # SEM-R-178
        fail(604, f"SEM-R-178: the zstd frame declares {size} octets", offset)
    if reader.position != len(body) or window > 2**23:  # SEM-R-177 (T 12)
        fail(401, "SEM-R-177: there is something behind the zstd frame, or its window is too large", offset)
    head = b"\x28\xb5\x2f\xfd" + bytes([descriptor & 0x1F, window_byte]) + identity
    return size if n > 0 else None, [head, *(part for part in blocks if part)]


def split(text: bytes) -> tuple[int, list[bytes]]:
    """Style and pieces."""
    stop = int(text.endswith(b"."))
    text = text[: len(text) - stop]
    if not re.search(rb"[a-z]", text) and len(re.findall(rb"[A-Z]", text)) >= 2:
        case, text = 2, text.lower()  # of octets: A-Z only
    elif re.match(rb"[A-Z](?![A-Z])", text):
        case, text = 1, text[:1].lower() + text[1:]
    else:
        case = 0
    return 2 * case + stop, SPLIT.findall(b" " + text if text else b"")


def join(style: int, pieces: list[bytes]) -> bytes:
    text = b"".join(pieces)[1:]
    case, stop = divmod(style, 2)
    if case == 1:
        text = text[:1].upper() + text[1:]
    if case == 2:
        text = text.upper()
    return text + b"." * stop


@dataclass(eq=False)
class Node:
    """Of a tree; a tree is its root."""

    frequencies: dict[int, int]  # by ascending id
    below: dict[int, Node]  # by key


@dataclass
class CaptionTables:
    styles: list[int]  # sums
    of_pieces: Node
    of_octets: Node
    pieces: dict[int, bytes]  # by id


@functools.cache
def load_caption(path: Path) -> CaptionTables:
    data = path.read_bytes()
    n_pieces, n_octets, *lengths = struct.unpack("<6H", data[:12])  # V, L
    w, l = lengths[0] + 65536 * lengths[1], lengths[2] + 65536 * lengths[3]  # noqa: E741
    position = 12

    def integers(n: int) -> list[int]:
        nonlocal position
        position += 2 * n
        return list(struct.unpack(f"<{n}H", data[position - 2 * n : position]))

    styles, pieces_root, octets_root = integers(6), integers(n_pieces), integers(n_octets)
    of_pieces = Node(dict(enumerate(pieces_root)), nodes(integers(w)))
    of_octets = Node(dict(enumerate(octets_root)), nodes(integers(l)))
    pieces = dict(enumerate(data[position:].split(b"\n"), SPELL + 1))
    return CaptionTables(cumulative_of(styles), of_pieces, of_octets, pieces)


def nodes(integers: list[int]) -> dict[int, Node]:
    """Nodes that stand one after another, by their keys."""
    result: dict[int, Node] = {}
    rest = iter(integers)
    for head in rest:
        n = head % 8 if head % 8 < 7 else next(rest)
        size = next(rest) if head // 8 % 2 == 1 else 0
        entries = list(itertools.islice(rest, n))
        frequencies = {entry // 16: 2 ** (entry % 16) for entry in entries}
        result[head // 16] = Node(frequencies, nodes(list(itertools.islice(rest, size))))
    return result


@functools.cache
def ids_and_sums(node: Node, out: Node | None) -> tuple[list[int], list[int]]:
    """The ids of a node in ascending order and the sums of their frequencies, without the ids of `out` but 1."""
    ids = [id_ for id_ in node.frequencies if out is None or id_ == ESCAPE or id_ not in out.frequencies]
    return ids, cumulative_of(node.frequencies[id_] for id_ in ids)


def code(coder: RangeDecoder, tree: Node, history: list[int], depth: int) -> int:
    path = [tree]
    for id_ in reversed(history[-depth:]):  # the latest first
        if id_ not in path[-1].below:
            break
        path.append(path[-1].below[id_])
    out = None
    while True:
        node = path.pop()
        ids, sums = ids_and_sums(node, out)
        id_ = ids[coder.decode(sums)]
        if id_ != ESCAPE:
            return id_
        out = node


def caption_static(coder: RangeDecoder, tables: CaptionTables, candidates: int | None) -> tuple[bytes, bytes]:
    judge_mode(coder, 0)
    number = candidate(coder, candidates)
    style = coder.decode(tables.styles)
    history = [0]
    pieces: list[bytes] = []
    spelt: list[bytes] = []
    room = LEVEL_1["text"] + 1  # octets; one more for the space before the text
    while (id_ := code(coder, tables.of_pieces, history, 3)) != END:
        if id_ == SPELL:
            piece = spell(coder, tables.of_octets, room)
            spelt.append(piece)
        else:
            piece = tables.pieces[id_]
        history.append(id_)
        pieces.append(piece)
        room -= len(piece)
        judge_room(coder, room)
    text = join(style, pieces)
    judge_room(coder, LEVEL_1["text"] - len(text))
    if (style, pieces) != split(text) or set(spelt) & set(tables.pieces.values()):  # SEM-R-182
        fail(402, "SEM-R-182: an encoder chooses another style or other pieces for this text", coder.offset)
    return number, text


def spell(coder: RangeDecoder, tree: Node, room: int) -> bytes:
    history = [0]
    piece = b""
    while (id_ := code(coder, tree, history, 4)) != END:
        history.append(id_)
        piece += bytes([id_ - 2])
        judge_room(coder, room - len(piece))
    if not piece:  # SEM-R-181
        fail(402, "SEM-R-181: a piece is spelt with no octets", coder.here)
    return piece


def judge_room(coder: RangeDecoder, room: int) -> None:
    if room < 0:  # SEM-R-172
        fail(604, f"SEM-R-172: more than {LEVEL_1['text']} octets", coder.here)


# --- 13.3 CLIP bits (kind 3) ----------------------------------------------------------------------------------------


def clip_bits(coder: RangeDecoder, d: int, b: int, sign: Sequence[int] | None) -> list[int]:
    """`sign`: of the model, if the row has a prior."""
    code: list[int] = []
    for i in range(d):
        if sign is not None:  # SEM-R-190
            positive = coder.decode(cumulative_of([2**16 - sign[i], sign[i]]))
            code.append(2 ** (b - 1) * positive + coder.decode(uniform(2 ** (b - 1))))
        else:
            code.append(coder.decode(uniform(2**b)))
    return code


# --- 13.4 PQ codes (kind 4) -----------------------------------------------------------------------------------------


def pq_codes(coder: RangeDecoder, m: int, v: int) -> list[int]:
    return [coder.decode(uniform(v)) for _ in range(m)]  # SEM-R-200


def pq_embedding(codes: list[int], v: int, codebooks: Sequence[int]) -> list[str]:
    """What the codes stand for: binary32 numbers, in hexadecimal."""
    n = len(codebooks) // (len(codes) * v)  # numbers of a code word
    words = [codebooks[(i * v + code) * n :][:n] for i, code in enumerate(codes)]
    return [f"{bits:08x}" for word in words for bits in word]


# --- 13.5 VQ indices (kind 5) ---------------------------------------------------------------------------------------


def vq_shape(head: Header) -> tuple[int, int]:
    """h, w (SEM-R-205)."""
    stride = parameters_of(head, 5)["stride"]
    return -(-head.height // stride), -(-head.width // stride)


def vq_indices(coder: RangeDecoder, h: int, w: int, v: int, usage: Sequence[int] | None) -> list[list[int]]:
    """`usage`: of the model, if the row has one."""
    table = uniform(v) if usage is None else cumulative_of(usage)  # SEM-R-206
    return [[coder.decode(table) for _ in range(w)] for _ in range(h)]


# --- 13.6 Sketch (kind 6), 13.7 ELIC latents (kind 7) ---------------------------------------------------------------


@dataclass
class Latents:
    rho: int
    z: Activation
    y: Activation  # ŷ

    def serialise(self) -> bytes:
        """S."""
        values = [*self.z.raster(self.z.sites()), *self.y.raster(self.y.sites())]
        return self.rho.to_bytes(1, "big") + struct.pack(f">{len(values)}h", *values)


Shape = tuple[int, int, int]


def latent_shapes(head: Header, kind: int) -> tuple[Shape, Shape]:
    """The shapes of z and y."""
    parameters = parameters_of(head, kind)
    h, w = 4 * -(-head.height // 64), 4 * -(-head.width // 64)
    return (parameters["hyper"], h // 4, w // 4), (parameters["m"], h, w)


def elic_latents(
    coder: RangeDecoder, z_shape: Shape, y_shape: Shape, model: Model, gaussian: list[EscapeTable], run: Run
) -> Latents:
    rho = coder.decode(uniform(model.rates))

    z = Activation(*z_shape)
    z.at = {site: [] for site in z.sites()}
    for channel in range(model.hyper):
        for site in z.sites():
            z.at[site].append(model.z_tables[rho][channel].decode(coder))

    x_z = Activation(*z_shape)
    z_parameters = model.z_input.parameters(rho, model.hyper)
    x_z.at = {site: model.z_input.apply(vector, z_parameters) for site, vector in z.at.items()}
    hyper = run_net("hyper_net", model.hyper_net, x_z, rho, run)

    y = Activation(*y_shape)
    y.at = {site: [] for site in y.sites()}  # grows by a channel at a time
    y_parameters = model.y_input.parameters(rho, y.channels)
    groups: list[Activation] = []  # the x of the groups decoded
    first = 0  # channel of the group within all M
    for k, channels in enumerate(model.groups):
        chan = Activation(0, y.rows, y.columns)
        if (channel_net := model.channel_nets[k]) is not None:
            context = concatenate([groups[g] for g in context_groups(model.context, k)], y.sites())
            chan = run_net(f"channel_nets[{k}]", channel_net, context, rho, run)
        x = Activation(channels, y.rows, y.columns)  # of this group
        x.at = {site: [0] * channels for site in y.sites()}  # sites not yet decoded count as 0

        for p in (0, 1):
            sites = [(r, c) for r, c in y.sites() if ((r + c) % 2 == model.parity) == (p == 0)]
            out = run_head(model, k, p, sites, x, chan, hyper, rho, run)

            halves = [v[:channels] for v in out], [v[channels:] for v in out]
            means, scales = halves if model.order == "means-scales" else halves[::-1]
            mean_parameters = model.means[k].parameters(rho, channels)
            mu = [model.means[k].apply(half, mean_parameters) for half in means]
            scale_parameters = model.scales[k].parameters(rho, channels)
            index = [model.scales[k].apply(half, scale_parameters) for half in scales]
            if (ladder := model.scales[k].ladder) is not None:
                index = [[through_ladder(v, ladder) for v in vector] for vector in index]

            for channel in range(channels):
                for site, j, mean in zip(sites, column(index, channel), column(mu, channel), strict=True):
                    s = 0 if j == 0 else gaussian[j].decode(coder)  # SEM-R-092
                    y_hat = 64 * s + mean
                    if not -32768 <= y_hat <= 32767:  # SEM-R-120
                        fail(403, f"SEM-R-120: ŷ is {y_hat} at {site}, channel {first + channel}", coder.here)
                    y.at[site].append(y_hat)
            for site in sites:
                x.at[site] = model.y_input.apply(y.at[site][first:], y_parameters[first : first + channels])

            name = f"group[{k}].pass[{p}]"
            run.trace(f"{name}.mean", (v for channel in range(channels) for v in column(mu, channel)))
            run.trace(f"{name}.index", (v for channel in range(channels) for v in column(index, channel)))
            run.trace(f"{name}.y", (y.at[site][first + channel] for channel in range(channels) for site in sites))
        groups.append(x)
        first += channels
    return Latents(rho, z, y)


def run_head(
    model: Model,
    k: int,
    p: int,
    sites: list[Site],
    x: Activation,
    chan: Activation,
    hyper: Activation,
    rho: int,
    run: Run,
) -> list[list[int]]:
    """`out` of pass p, at each of its sites."""
    anchors = p == 0 and model.anchor_heads is not None
    head = model.anchor_heads[k] if anchors and model.anchor_heads is not None else model.heads[k]
    looks_around = any(isinstance(layer, Linear) and (layer.n > 1 or layer.s > 1) for layer in head)
    wanted = hyper.sites() if looks_around else sites  # of the head's input
    parts = [chan, hyper]
    if p == 1:
        only = None if run.tracing else wanted
        parts.insert(0, run_net(f"spatial_nets[{k}]", model.spatial_nets[k], x, rho, run, only))
    elif not anchors:
        outputs = [x.channels, *(layer.outputs for layer in model.spatial_nets[k] if isinstance(layer, Linear))]
        parts.insert(0, Activation(outputs[-1], x.rows, x.columns))  # all 0
    out = run_net("", head, concatenate(parts, wanted), rho, run, sites)
    return [out.at[site] for site in sites]


def column(vectors: list[list[int]], channel: int) -> list[int]:
    return [vector[channel] for vector in vectors]


# ====================================================================================================================
# 15 Levels and limits
# ====================================================================================================================

LEVEL_1 = {"side": 16384, "pixels": 2**25, "sections": 16, "text": 65536, "symbols": 2**26, "file": 2**26}
LEVEL_1 |= {"tensors": 2**27, "multiplications": 2**29, "array": 2**28}  # of a model


def judge_file_limit(size: int) -> None:
    """SEM-R-141: before anything else."""
    if size > LEVEL_1["file"]:
        fail(606, f"SEM-R-141: the file has more than {LEVEL_1['file']} bytes", LEVEL_1["file"])


def judge_header_limits(data: bytes, head: Header) -> None:
    """SEM-R-141: after the header."""
    if max(head.width, head.height) > LEVEL_1["side"]:
        fail(601, f"SEM-R-141: {head.width} x {head.height} has a side above {LEVEL_1['side']}", head.size_offset)
    if head.width * head.height > LEVEL_1["pixels"]:
        fail(602, f"SEM-R-141: {head.width} x {head.height} are more than {LEVEL_1['pixels']} pixels", head.size_offset)
    if head.count > LEVEL_1["sections"]:
        fail(603, f"SEM-R-141: {head.count} sections, more than {LEVEL_1['sections']}", head.check_offset)
    if not head.sectioned:
        judge_body_limits(0x80 + head.binding["compact"], len(data) - head.end, head, head.end)


def judge_body_limits(type_: int, length: int, head: Header, offset: int) -> None:
    """SEM-R-141: when type and length of a section are known; SEM-R-142: before memory is taken."""
    if type_ in {0x81, 0x82, *KEY_VALUE_TEXTS} and length > LEVEL_1["text"]:
        fail(604, f"SEM-R-141: {length} bytes of text, more than {LEVEL_1['text']}", offset)
    symbols = symbols_of(type_ - 0x80, head) if type_ >= 0x80 else 0
    if symbols > LEVEL_1["symbols"]:
        fail(605, f"SEM-R-141: {symbols} symbols, more than {LEVEL_1['symbols']}", offset)


def symbols_of(kind: int, head: Header) -> int:
    """How many a payload has, where that is known before it is read."""
    match kind:
        case 3:
            return int(parameters_of(head, 3)["d"])
        case 4:
            return int(parameters_of(head, 4)["m"])
        case 5:
            return math.prod(vq_shape(head))
        case 6 | 7:
            z_shape, y_shape = latent_shapes(head, kind)
            return 1 + math.prod(z_shape) + math.prod(y_shape)
        case _:
            return 0


def judge_model_limits(symbols: Symbols, head: Header) -> None:
    """SEM-R-143 to 145: from the manifest alone, before the tensors are opened."""
    try:
        shapes = {name: entry["shape"] for name, entry in symbols["tensors"].items()}
        if not all(isinstance(shape, list) and len(shape) <= 4 for shape in shapes.values()):
            raise ValueError("a tensor has at most four axes")
        if not all(is_integer(n, 0, 2**53) for shape in shapes.values() for n in shape):
            raise ValueError("a shape is a list of integers")
        sizes = {name: struct.calcsize("<" + DTYPES[entry["dtype"]]) for name, entry in symbols["tensors"].items()}
        most = sum(math.prod(shape) * sizes[name] for name, shape in shapes.items())
        counts = latent_steps(symbols, shapes) if symbols["kind"] in {6, 7} else [(0, 0)]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        bad_model(f"`symbols` does not have the form of §12 ({error!r})")
    if most > LEVEL_1["tensors"]:
        fail(607, f"SEM-R-143: {most} bytes of tensors, more than {LEVEL_1['tensors']}")
    work = sum(count for count, _ in counts)  # for a site of z, which is a block of 64 x 64 pixels
    if work > LEVEL_1["multiplications"]:
        fail(607, f"SEM-R-143: {work} multiplications a block, more than {LEVEL_1['multiplications']}")
    largest = max(values for _, values in counts) * -(-head.width // 64) * -(-head.height // 64)
    if largest > LEVEL_1["array"]:
        fail(607, f"SEM-R-143: an array of {largest} values, more than {LEVEL_1['array']}")


def latent_steps(symbols: Symbols, shapes: dict[str, list[int]]) -> list[tuple[int, int]]:
    """Multiplications and values of each net's input and of each layer, for a site of z (SEM-R-145)."""
    steps: list[tuple[int, int]] = []

    def walk(net: Any, channels: int, rows: int = 4) -> int:
        """Notes the steps of a net, and gives the channels of its output. `rows`: to one row of z."""
        steps.append((0, channels * rows**2))
        for layer in net:
            count = 0
            if layer["op"] == "deconv":
                count = math.prod(shapes[layer["w"]]) * rows**2
                channels, rows = shapes[layer["w"]][1], rows * layer["stride"]
            elif layer["op"] == "conv":
                channels, rows = shapes[layer["w"]][0], -(-rows // max(layer["stride"], 1))
                count = math.prod(shapes[layer["w"]]) * rows**2
            steps.append((count, channels * rows**2))
        return channels

    if not isinstance(symbols["groups"], list) or not 1 <= len(symbols["groups"]) <= 16:
        raise ValueError("groups are a list of 1 to 16")
    if not all(is_integer(n, 1, 1024) for n in (symbols["hyper"], *symbols["groups"])):
        raise ValueError("hyper and groups have 1 to 1024 channels")
    hyper = walk(symbols["hyper_net"], symbols["hyper"], 1)
    for k, channels in enumerate(symbols["groups"]):
        before = sum(symbols["groups"][g] for g in context_groups(symbols["context"], k)) if k else 0
        context = hyper + (walk(symbols["channel_nets"][k], before) if k else 0)
        walk(symbols["heads"][k], walk(symbols["spatial_nets"][k], channels) + context)
        if symbols["anchor_heads"] is not None:
            walk(symbols["anchor_heads"][k], context)
    return steps


# ====================================================================================================================
# 17 Errors
# ====================================================================================================================

ERRORS = {
    101: "cannot-read",
    201: "not-a-sem-file",
    202: "header-truncated",
    203: "reserved-bit",
    204: "check-code",
    205: "size-form",
    206: "dim-class",
    207: "varint-range",
    208: "hash-code",
    209: "profile-form",
    301: "section-truncated",
    302: "section-order",
    303: "section-kind",
    304: "section-count",
    305: "section-value",
    306: "trailing-bytes",
    401: "stream-invalid",
    402: "stream-not-canonical",
    403: "value-range",
    501: "check-mismatch",
    601: "limit-side",
    602: "limit-pixels",
    603: "limit-sections",
    604: "limit-text",
    605: "limit-symbols",
    606: "limit-file",
    607: "limit-model",
    701: "unsupported-version",
    702: "unsupported-profile",
    703: "unsupported-section",
    704: "unsupported-kind",
    705: "unsupported-model",
    801: "model-unavailable",
    802: "model-digest",
    803: "model-malformed",
    804: "model-bounds",
}
STATUS = {1: 7, 2: 3, 3: 3, 4: 3, 5: 3, 6: 6, 7: 4, 8: 5}  # of a family, which is the hundreds of its codes


class SemError(Exception):
    def __init__(self, code: int, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.offset = offset  # in the file; None where the fault is not in it

    @property
    def status(self) -> int:
        return STATUS[self.code // 100]

    def line(self) -> str:
        where = "" if self.offset is None else f" (byte {self.offset})"
        return f"SEM-E-{self.code} {ERRORS[self.code]}: {self.message}{where}"


def fail(code: int, message: str, offset: int | None = None) -> NoReturn:
    raise SemError(code, message, offset)


# ====================================================================================================================
# The whole, in the order of SEM-R-150, and the command line
# ====================================================================================================================


@dataclass
class Run:
    """How the decoder is run, and what is noted of it for those who look for the place where two decoders part."""

    jobs: int = 1
    tracing: bool = False
    embedding: bool = False  # whether it is asked what PQ codes stand for
    digests: dict[str, str] = field(default_factory=dict)

    def trace(self, name: str, values: Iterable[int]) -> None:
        """SHA-256 of the values, each as i(64)."""
        if self.tracing:
            packed = b"".join(value.to_bytes(8, "big", signed=True) for value in values)
            self.digests[name] = hashlib.sha256(packed).hexdigest()


def read_file(data: bytes, tier: str, registry: Path, folders: list[Path], run: Run) -> dict[str, Any]:
    """The report on a file, or the error of its first fault: SEM-R-001, SEM-R-150."""
    judge_file_limit(len(data))
    head = header(data, load_registry(registry), load_dims(DIMS_JSON))
    judge_header_limits(data, head)
    parts, complete = sections(data, head)
    for part in parts:
        part.report |= {"type": part.type, "offset": part.offset, "bytes": len(part.body)}
    if tier == "symbols":
        payloads_and_checks(parts, head, folders, run)

    report: dict[str, Any] = {
        "version": head.version,
        "profile": head.profile,
        "method": head.binding["method"],
        "width": head.width,
        "height": head.height,
        "check_bits": 8 * CHECK_BYTES[head.check_code],
        "complete": complete,
        "sections": [part.report for part in parts],
    }
    if head.model_hash is not None:
        report |= {"base_profile": head.binding["id"], "model_hash": head.model_hash.hex()}
    if run.tracing:
        report["trace"] = run.digests
    return report


def payloads_and_checks(parts: list[Section], head: Header, folders: list[Path], run: Run) -> None:
    wanted = head.binding["model"] if head.model_hash is None else head.model_hash.hex()
    packages = find_packages(folders, wanted) if wanted is not None else {}
    package = next(iter(packages.values())) if len(packages) == 1 else None  # several: the hash is ambiguous (T 4)
    digest = package.digest if package is not None else wanted if wanted is not None and len(wanted) == 64 else None
    for part in parts:
        if not part.critical:
            part.symbols = part.body
            if part.type not in {*KEY_VALUE_TEXTS, THUMBNAIL}:
                part.report["unknown"] = True  # SEM-R-044
        else:
            asked = uses_model(head, part.kind) and (part.kind != 4 or run.embedding)  # T 6
            if asked and package is None:  # SEM-R-114
                fail(801, f"SEM-R-114: {len(packages)} models here begin with the digest {wanted}")
            found = decode_payload(part, head, package if asked else None, run)
            part.symbols = found.s
            part.report |= {"kind": part.kind} | found.report
        part.report["sha256"] = hashlib.sha256(part.symbols).hexdigest()
    for part in parts:  # all payloads are judged by now
        part.report["check"] = judge_check(part, head, digest)


def decode_payload(part: Section, head: Header, package: Package | None, run: Run) -> Payload:
    """For each kind its model, then its body (SEM-R-150)."""
    parameters = parameters_of(head, part.kind)
    if package is not None:
        judge_manifest(package, part.kind, head)
    tensor = load_small_model(package, part.kind, parameters) if package is not None and part.kind < 6 else None
    match part.kind:
        case 1 if parameters["code"] == "fixed":
            return consonant_text(consonant_fixed(part.body, part.offset))
        case 1:
            table = table_file(CONSONANT_BIN, parameters["table"])
            return consonant_text(stream(part, lambda coder: consonant_coded(coder, table)))
        case 2:
            return caption(part, parameters)
        case 3:
            d, b = parameters["d"], parameters["b"]
            codes = stream(part, lambda coder: clip_bits(coder, d, b, tensor))
            return of_codes(codes, 2, [d], codes)
        case 4:
            m, v = parameters["m"], parameters["v"]
            codes = stream(part, lambda coder: pq_codes(coder, m, v))
            embedding = {} if tensor is None else {"embedding": pq_embedding(codes, v, tensor)}
            return of_codes(codes, 2, [m], codes, embedding)
        case 5:
            h, w = vq_shape(head)
            rows = stream(part, lambda coder: vq_indices(coder, h, w, parameters["v"], tensor))
            return of_codes([index for row in rows for index in row], 2, [h, w], rows)
        case 6 | 7 if package is not None:
            model, gaussian = load_model(package, parameters), load_gaussian(GAUSSIAN_BIN)
            z_shape, y_shape = latent_shapes(head, part.kind)
            latents = stream(part, lambda coder: elic_latents(coder, z_shape, y_shape, model, gaussian, run))
            shapes = {"shapes": {"z": z_shape, "y": y_shape}}
            return Payload(latents.serialise(), {"rate": latents.rho, "canonical": True} | shapes)
    fail(704, f"SEM-R-052: this decoder does not implement kind {part.kind}", part.offset)


def numbers_as_strings(x: Any) -> Any:
    if isinstance(x, dict):
        return {name: numbers_as_strings(value) for name, value in x.items()}
    if isinstance(x, list | tuple):
        return [numbers_as_strings(value) for value in x]
    return str(x) if type(x) is int else x


def main() -> int:
    parser = argparse.ArgumentParser(description="Reads a .sem file on stdin and gives its symbols as JSON on stdout.")
    parser.add_argument("--tier", choices=["header", "symbols"], default="symbols")
    parser.add_argument("--model", type=Path, action="append", default=[], metavar="DIR", help="model package")
    parser.add_argument("--registry", type=Path, default=REGISTRY_JSON, metavar="FILE")
    parser.add_argument("--embedding", action="store_true", help="what PQ codes stand for too; needs their model")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes for the networks")
    parser.add_argument("--trace", action="store_true", help="SHA-256 of each layer and pass too")
    arguments = parser.parse_args()
    if arguments.jobs < 1:
        parser.error("--jobs takes a number from 1")
    environment = [Path(name) for name in os.environ.get("SEM_MODELS", "").split(os.pathsep) if name]
    run = Run(arguments.jobs, arguments.trace, arguments.embedding)
    folders = [*arguments.model, *environment, *MODEL_FOLDERS]
    try:
        data = sys.stdin.buffer.read(LEVEL_1["file"] + 1)  # one byte more than needed to see that there are too many
        report = read_file(data, arguments.tier, arguments.registry, folders, run)
    except SemError as error:
        print(error.line(), file=sys.stderr)
        return error.status
    except (OSError, ValueError) as error:  # of standard input, the registry or the tables
        unreadable = SemError(101, str(error))
        print(unreadable.line(), file=sys.stderr)
        return unreadable.status
    print(json.dumps(numbers_as_strings(report), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
