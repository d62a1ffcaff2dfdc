#!/usr/bin/env python3
"""semmicro, the micro-decoder: SPEC.md once more, in plain Python.

Read it beside SPEC.md.  Each ruler below is a section of that document, in its order; names are the
document's names, with Greek letters spelled out (rho, mu) and y_hat for a y with a hat.  Each rule that is
enforced is cited where it is enforced (SEM-R-nnn), and each rejection is a Fault with the error code that
the document gives.  Nothing but the standard library is used, nothing is shared with another decoder, all
arithmetic that bears on symbols is on Python's own integers, and slow and obvious is preferred to fast.

The big picture, as the last ruler has it:

    bytes -> header -> limits -> sections -> symbols of each section -> check -> JSON

It implements level 1 and the payload of kind 7; it goes from the file to symbols, and paints nothing.

    semmicro.py [--tier header|symbols] [--model DIR]... [--registry FILE] [--trace] < file.sem

Where the document leaves a question open, the answer taken here is marked "Q n": question n of
docs/decisions/0005-questions-of-the-first-reader.md.
"""

import argparse
import hashlib
import json
import os
import struct
import sys
from bisect import bisect_right
from dataclasses import dataclass, field
from operator import add, mul
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
REGISTRY = REPOSITORY / "refcodec" / "registry" / "registry.json"
DIMS = REPOSITORY / "refcodec" / "registry" / "dims.json"
GAUSSIAN = REPOSITORY / "refcodec" / "entropy" / "data" / "gaussian.bin"
MODELS = REPOSITORY / "refcodec" / "data" / "models"


class Fault(Exception):
    """One error of SPEC.md section 17: its code, what was found, and the place in the file."""

    def __init__(self, code, message, offset=None):
        super().__init__(message)
        self.code, self.message, self.offset = code, message, offset


# ======================================================================================================
# SPEC 2: Conventions
# ======================================================================================================


class Cursor:
    """A place in some bytes.  Nothing here reads a file in any other way, so nothing reads past an end.

    `cut` is the error for bytes that end too early, `long` the one for a varint that is too long.
    """

    def __init__(self, data, pos, end, cut, long):
        self.data, self.pos, self.end, self.cut, self.long = data, pos, end, cut, long

    def bytes(self, n):
        if n > self.end - self.pos:
            raise Fault(self.cut, f"{n} bytes wanted, {self.end - self.pos} left", self.pos)
        self.pos += n
        return self.data[self.pos - n : self.pos]

    def u(self, n):
        return int.from_bytes(self.bytes(n // 8), "big")

    def varint(self):
        start = self.pos
        byte = self.u(8)
        n = byte & 0x7F
        for _ in range(3):
            if byte < 0x80:
                return n
            byte = self.u(8)
            n = ((n + 1) << 7) + (byte & 0x7F)
        if byte >= 0x80:
            raise Fault(self.long, "the fourth byte of a varint has bit 7 set", start)  # SEM-R-003
        return n


def canonical_json(value):
    """RFC 8785 for values whose numbers are integers and whose strings are ASCII."""
    check_canonical(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("ascii")


def check_canonical(value):
    """ValueError for what a canonical object of the document cannot hold."""
    if isinstance(value, dict):
        for name, member in value.items():
            check_canonical(name)
            check_canonical(member)
    elif isinstance(value, list):
        for member in value:
            check_canonical(member)
    elif isinstance(value, str):
        if not value.isascii():
            raise ValueError("a string that is not ASCII")
    elif isinstance(value, int):
        if abs(value) >= 1 << 53:
            raise ValueError("a number of 2^53 or more")
    elif value is not None:
        raise ValueError("a number that is not an integer")


def parse_json(text):
    """RFC 8259, and no member name twice.  ValueError for anything else."""

    def members(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a member name occurs twice")
        return dict(pairs)

    try:
        return json.loads(bytes(text).decode("utf-8"), object_pairs_hook=members)
    except RecursionError:
        raise ValueError("nested too deeply") from None


# ======================================================================================================
# SPEC 4: Header
# ======================================================================================================

MAGIC = b"\xf5\x9e"
CHECK_BITS = {0: 0, 3: 16, 5: 32}  # check_code -> bits of the check


@dataclass
class Header:
    version: int
    check_code: int
    sectioned: int
    profile: int = 0  # the id: 256 + extended_profile for 254; 255 for an explicit model
    base_profile: int | None = None
    model_hash: bytes | None = None
    row: dict = field(default_factory=dict)  # the row of the registry that `profile` or `base_profile` names
    width: int = 0
    height: int = 0
    H: bytes = b""  # SPEC 7: the header to the end of the size, `sectioned` cleared
    check: bytes = b""  # compact form only
    count: int = 1  # sections; 1 in compact form
    end: int = 0  # offset of the first byte behind the header

    @property
    def binding(self):
        return self.row["binding"]


def read_header(data, registry, dims):
    f = Cursor(data, 0, len(data), cut=202, long=207)  # SEM-R-014
    if data[:2] != MAGIC:
        raise Fault(201, "the file does not begin with F5 9E", 0)  # SEM-R-010
    f.bytes(2)

    descriptor = f.u(8)
    header = Header(version=descriptor >> 5, check_code=descriptor >> 2 & 7, sectioned=descriptor >> 1 & 1)
    reserved = descriptor & 1
    if header.version != 0:
        raise Fault(701, f"version {header.version}, only 0 is implemented", 2)  # SEM-R-011
    if header.check_code not in CHECK_BITS:
        raise Fault(204, f"check code {header.check_code}", 2)  # SEM-R-012
    if reserved != 0:
        raise Fault(203, "the reserved bit is set", 2)  # SEM-R-013

    header.profile = f.u(8)
    if header.profile == 254:
        header.profile = 256 + f.u(16)  # extended_profile
    if header.profile == 255:
        header.base_profile = f.u(8)
        if header.base_profile > 253:
            raise Fault(209, f"base profile {header.base_profile}", 4)  # SEM-R-017
        header.row = row_of(registry, header.base_profile, 4)
        hash_code = f.u(8)
        if hash_code > 3:
            raise Fault(208, f"hash code {hash_code}", 5)  # SEM-R-016
        header.model_hash = f.bytes(4 << hash_code)
    else:
        header.row = row_of(registry, header.profile, 3)

    size_at = f.pos
    dim_class = f.u(8)
    if dim_class == 0:
        header.width = f.varint() + 1
        header.height = f.varint() + 1
        if (header.width, header.height) in dims.values():
            raise Fault(205, f"{header.width} x {header.height} has a dim class", size_at)  # SEM-R-019
    elif dim_class in dims:
        header.width, header.height = dims[dim_class]
    else:
        raise Fault(206, f"dim class {dim_class}", size_at)  # SEM-R-018
    header.H = data[:2] + bytes([descriptor & 0b11111101]) + data[3 : f.pos]

    if header.sectioned == 0:
        header.check = f.bytes(CHECK_BITS[header.check_code] // 8)
    else:
        header.count = f.varint() + 1
    header.end = f.pos
    return header


def load_dims(path=DIMS):
    """Appendix A: dim class -> (width, height)."""
    classes = parse_json(path.read_bytes())["classes"]
    return {row["class"]: (row["width"], row["height"]) for row in classes}


# ======================================================================================================
# SPEC 5: Profile registry
# ======================================================================================================

BINDING = {"id", "method", "compact", "kinds", "fit", "colour", "parameters", "model"}
PARAMETERS_7 = {"m", "hyper", "groups", "parity", "rates"}


def load_registry(path):
    """Profile id -> row."""
    try:
        return {row["id"]: row for row in parse_json(path.read_bytes())["profiles"]}  # Q 5
    except (ValueError, KeyError, TypeError):
        raise Fault(101, f"{path} is not a registry") from None


def row_of(registry, profile, offset):
    if profile not in registry:
        raise Fault(702, f"profile {profile} is not in the registry", offset)  # SEM-R-015
    binding = registry[profile]["binding"]
    known = set(binding) == BINDING and set(binding["parameters"].get("7", PARAMETERS_7)) == PARAMETERS_7
    if not known:
        raise Fault(702, f"the row of profile {profile} has other members than these", offset)  # SEM-R-032, Q 6
    return registry[profile]


# ======================================================================================================
# SPEC 6: Sections
# ======================================================================================================

PROVENANCE, METADATA = 0x01, 0x43
CRITICAL, SAFE_TO_COPY = 0x80, 0x40  # bits of the type
ELIC = 7  # the only kind whose payload is implemented


@dataclass
class Section:
    type: int
    offset: int  # of the body
    body: bytes
    check: bytes

    @property
    def kind(self):
        """The payload kind of a critical section, None for an ancillary one."""
        return self.type & 0x3F if self.type & CRITICAL else None


def read_sections(data, header):
    """The sections, and whether the file holds all that it announces."""
    if header.sectioned == 0:
        body = data[header.end :]
        section = Section(CRITICAL + header.binding["compact"], header.end, body, header.check)
        check_section_limits(header, section.type, len(body), header.end)
        return [section], True

    sections = []
    f = Cursor(data, header.end, len(data), cut=301, long=305)  # SEM-R-046
    for index in range(header.count):
        if index > 0 and f.pos == f.end:
            return sections, False  # SEM-R-047
        start = f.pos
        type = f.u(8)
        check_type(type, sections[-1].type if sections else None, header, start)
        length = f.varint()
        check_section_limits(header, type, length, start)
        section = Section(type, f.pos, f.bytes(length), b"")
        if type in (PROVENANCE, METADATA):
            check_key_value_text(section)
        section.check = f.bytes(CHECK_BITS[header.check_code] // 8)
        sections.append(section)
    if f.pos != f.end:
        raise Fault(306, f"{f.end - f.pos} bytes after the last section", f.pos)  # SEM-R-048
    return sections, True


def check_type(type, previous, header, offset):
    """First what the section is, then where it stands."""
    if type & CRITICAL:
        kind = type & 0x3F
        if type & SAFE_TO_COPY or not 1 <= kind <= 7:
            raise Fault(703, f"critical section of unknown type 0x{type:02X}", offset)  # SEM-R-043
        if kind not in header.binding["kinds"]:
            raise Fault(303, f"kind {kind} is not among the profile's", offset)  # SEM-R-042
    if previous is not None and place_in_order(previous) >= place_in_order(type):
        raise Fault(302, f"section 0x{type:02X} after 0x{previous:02X}", offset)  # SEM-R-040, SEM-R-041
    if header.count == 1 and type == CRITICAL + header.binding["compact"]:
        raise Fault(304, "this file must be in compact form", offset)  # SEM-R-045


def place_in_order(type):
    if type == PROVENANCE:
        return 0, type
    return (1 if type & CRITICAL else 2), type


def check_key_value_text(section):
    f = Cursor(section.body, 0, len(section.body), cut=305, long=305)
    keys = []
    try:
        while f.pos < f.end:
            key = f.bytes(f.varint())
            value = f.bytes(f.varint())
            if not 1 <= len(key) <= 64 or (keys and key <= keys[-1]):
                raise Fault(305, "a key that is too long, empty, or out of order", f.pos)  # SEM-R-049
            if not is_utf8(key) or not is_utf8(value):
                raise Fault(305, "a key or a value that is not UTF-8", f.pos)  # SEM-R-050
            keys.append(key)
            if len(keys) > 1024:
                raise Fault(305, "more than 1024 entries", f.pos)  # SEM-R-053
    except Fault as fault:  # SEM-R-003, SEM-R-050: what a Cursor finds
        raise Fault(305, fault.message, section.offset + fault.offset) from None


def is_utf8(data):
    """RFC 3629, as Python's own decoder has it: no surrogates, no long forms."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# ======================================================================================================
# SPEC 7: Keyed check
# ======================================================================================================


def keyed_check(header, digest, type, S):
    """What the check has to be; `digest` is the full digest of an explicit model."""
    binding = header.binding if header.model_hash is None else header.binding | {"model": digest}
    K = hashlib.sha256(canonical_json(binding)).digest()
    return hashlib.sha256(K + header.H + bytes([type]) + S).digest()[: CHECK_BITS[header.check_code] // 8]


def check_state(header, digest, section, S):
    if header.check_code == 0:
        return "absent"
    if header.model_hash is not None and digest is None:
        return "unchecked"  # SEM-R-061
    if keyed_check(header, digest, section.type, S) != section.check:
        # SEM-R-060, SEM-R-002
        raise Fault(501, f"the check of section 0x{section.type:02X} differs", section.offset)
    return "ok"


# ======================================================================================================
# SPEC 8: Canonical form
# ======================================================================================================


class Stream:
    """A body of SPEC 9 that is decoded and, in lockstep, encoded again."""

    def __init__(self, body, offset):
        self.body, self.offset = body, offset
        self.decoder, self.encoder = Decoder(body, offset), Encoder()

    def symbol(self, cumulative):
        """One symbol of the table with these cumulative frequencies: 0, f_0, f_0 + f_1, ..., T."""
        T = cumulative[-1]
        j = bisect_right(cumulative, self.decoder.quantile(T)) - 1
        self.code(cumulative[j], cumulative[j + 1] - cumulative[j], T)
        return j

    def uniform(self, V):
        symbol = self.decoder.quantile(V)
        self.code(symbol, 1, V)
        return symbol

    def code(self, c, f, T):
        self.decoder.decode(c, f, T)
        self.encoder.encode(c, f, T)

    def finish(self):
        if self.encoder.finish() != self.body:
            raise Fault(402, "the body is not the one that its symbols have", self.offset)  # SEM-R-070


# ======================================================================================================
# SPEC 9: Range coder
# ======================================================================================================


class Encoder:
    def __init__(self):
        self.low, self.range, self.written = 0, 2**32 - 1, bytearray()

    def encode(self, c, f, T):
        a, b = self.range * c // T, self.range * (c + f) // T
        self.low += a
        self.range = b - a
        if self.low >= 2**32:
            self.low -= 2**32
            self.carry()
        while self.range < 2**24:
            self.written.append(self.low >> 24)
            self.low = (self.low << 8) & 0xFFFFFFFF
            self.range <<= 8

    def carry(self):
        """Add 1 to the number that the written bytes form."""
        at = len(self.written) - 1
        while self.written[at] == 0xFF:
            self.written[at] = 0
            at -= 1
        self.written[at] += 1

    def finish(self):
        if self.low + self.range > 2**32:
            self.carry()
        elif self.low > 0:
            self.written.append(-(-self.low // 2**24))
        return bytes(self.written).rstrip(b"\0")


class Decoder:
    def __init__(self, body, offset):
        self.body, self.next, self.offset = body, 4, offset
        self.code, self.range = int.from_bytes(body[:4].ljust(4, b"\0"), "big"), 2**32 - 1

    def quantile(self, T):
        """q, with c <= q < c + f for the symbol that comes next."""
        q = ((self.code + 1) * T - 1) // self.range
        if q >= T:
            raise Fault(401, "no symbol has this code", self.offset)  # SEM-R-080; first bytes FF FF FF FF
        return q

    def decode(self, c, f, T):
        a, b = self.range * c // T, self.range * (c + f) // T
        self.code -= a
        self.range = b - a
        while self.range < 2**24:
            byte = self.body[self.next] if self.next < len(self.body) else 0
            self.next += 1
            self.code = self.code << 8 | byte
            self.range <<= 8


# ======================================================================================================
# SPEC 10: Tables
# ======================================================================================================


@dataclass
class EscapeTable:
    """Regular symbols for offset ... offset + n - 1, then the escape."""

    offset: int
    cumulative: list  # 0, f_0, f_0 + f_1, ..., 2^16

    def decode(self, stream):
        n = len(self.cumulative) - 2
        j = stream.symbol(self.cumulative)
        if j < n:
            value = self.offset + j
        elif stream.uniform(2) == 0:
            value = self.offset + n + excess(stream)
        else:
            value = self.offset - 1 - excess(stream)
        if not -32767 <= value <= 32767:
            raise Fault(403, f"value {value}", stream.offset)  # SEM-R-090
        return value


def excess(stream):
    """e: Exp-Golomb of order 0, at most 16 bits 1 in the prefix."""
    q = 0
    while q < 16 and stream.uniform(2) == 1:
        q += 1
    e_plus_1 = 1
    for _ in range(q):
        e_plus_1 = 2 * e_plus_1 + stream.uniform(2)
    return e_plus_1 - 1


def cumulative(frequencies):
    c = [0]
    for f in frequencies:
        c.append(c[-1] + f)
    return c


def load_gaussian_tables(path=GAUSSIAN):
    """The 64 tables.  Each sums to 2^16, so the sums say where it ends, without a look at sigma (SEM-R-093)."""
    data = path.read_bytes()
    tables, frequencies = [], []
    for (f,) in struct.iter_unpack("<H", data):
        frequencies.append(f)
        if sum(frequencies) == 2**16:
            n_j = (len(frequencies) - 2) // 2
            tables.append(EscapeTable(-n_j, cumulative(frequencies)))
            frequencies = []
    if len(tables) != 64 or frequencies:
        raise Fault(101, f"{path} does not hold the 64 tables")
    return tables


# ======================================================================================================
# SPEC 11: Integer networks
#
# An activation of shape (C, h, w) is kept as one list a place, at[r * w + c] = the values of the C channels.
# So a 1 x 1 layer is a dot product at each place, and a wider kernel is the same over the places it covers,
# laid end to end.  A place where nothing later looks is left out (None).
# ======================================================================================================


@dataclass
class Activation:
    C: int
    h: int
    w: int
    at: list

    def value(self, r, c):
        """The channels at a place; 0 outside."""
        if 0 <= r < self.h and 0 <= c < self.w:
            return self.at[r * self.w + c]
        return [0] * self.C


def zeros(C, h, w):
    return Activation(C, h, w, [[0] * C for _ in range(h * w)])


def everywhere(h, w):
    return [(r, c) for r in range(h) for c in range(w)]


@dataclass
class Conv:
    """conv, or deconv where `transposed`: weights w[o, i, u, v] or w[i, o, u, v]."""

    transposed: bool
    w: "Tensor"
    b: list
    stride: int
    rows_of: dict = field(default_factory=dict)  # kept from call to call

    @property
    def n(self):
        return self.w.shape[2]

    @property
    def outputs(self):
        return self.w.shape[1 if self.transposed else 0]

    @property
    def inputs(self):
        return self.w.shape[0 if self.transposed else 1]

    def weight(self, o, i, u, v):
        first, second = (i, o) if self.transposed else (o, i)
        return self.w.values[((first * self.w.shape[1] + second) * self.n + u) * self.n + v]

    def rows(self, taps):
        """For each o, the weights that meet the places of `taps`, a tuple of (u, v), laid end to end."""
        if taps not in self.rows_of:
            self.rows_of[taps] = [
                [self.weight(o, i, u, v) for u, v in taps for i in range(self.inputs)] for o in range(self.outputs)
            ]
        return self.rows_of[taps]

    def run(self, x, places):
        """`places` are those of the output that are wanted, None for all."""
        n, s, p = self.n, self.stride, (self.n - 1) // 2
        h, w = (s * x.h, s * x.w) if self.transposed else (-(-x.h // s), -(-x.w // s))
        y = Activation(self.outputs, h, w, [None] * (h * w))
        for r, c in places or everywhere(h, w):
            if self.transposed:  # s * r' + u - p = r
                taps = tuple((u, v) for u in range((r + p) % s, n, s) for v in range((c + p) % s, n, s))
                covered = [x.value((r + p - u) // s, (c + p - v) // s) for u, v in taps]
            else:
                taps = tuple((u, v) for u in range(n) for v in range(n))
                covered = [x.value(s * r + u - p, s * c + v - p) for u, v in taps]
            patch = covered[0] if len(taps) == 1 else [value for place in covered for value in place]
            y.at[r * w + c] = [sum(map(mul, row, patch), b) for row, b in zip(self.rows(taps), self.b, strict=True)]
        return y


@dataclass
class Requant:
    """m, s and a are lists by rate and channel, both axes of length 1 or full."""

    m: list
    s: list
    a: list
    lo: int
    hi: int

    def channel(self, rho, o):
        """m, a, s of a channel."""

        def pick(tensor):
            row = tensor[rho if len(tensor) > 1 else 0]
            return row[o if len(row) > 1 else 0]

        return pick(self.m), pick(self.a), pick(self.s)

    def run(self, x, rho, first=0):
        """`first` is the channel of this requant that channel 0 of x is."""
        channels = [self.channel(rho, first + o) for o in range(x.C)]
        lo, hi = self.lo, self.hi

        def clamped(values):
            return [min(max((v * m + a) >> s, lo), hi) for v, (m, a, s) in zip(values, channels, strict=True)]

        return Activation(x.C, x.h, x.w, [None if values is None else clamped(values) for values in x.at])


@dataclass
class Relu:
    def run(self, x):
        at = [None if values is None else [max(v, 0) for v in values] for values in x.at]
        return Activation(x.C, x.h, x.w, at)


@dataclass
class Add:
    from_: int

    def run(self, x, other):
        at = [None if v is None else list(map(add, v, u)) for v, u in zip(x.at, other.at, strict=True)]
        return Activation(x.C, x.h, x.w, at)


def run_net(net, x, rho, places=None, trace=None, name=None):
    """The output of a net, at `places` or (None) everywhere; `trace(name, layer index, activation)` sees all."""
    outputs = []
    for layer, wanted in zip(net, places_wanted(net, places)[1:], strict=True):
        if isinstance(layer, Conv):
            x = layer.run(x, wanted)
        elif isinstance(layer, Requant):
            x = layer.run(x, rho)
        elif isinstance(layer, Add):
            x = layer.run(x, outputs[layer.from_])
        else:
            x = layer.run(x)
        if trace:
            trace(name, len(outputs), x)
        outputs.append(x)
    return x


def places_wanted(net, places):
    """Where the input and then each layer's output is wanted, for an output wanted at `places`."""
    wanted = [places]
    for layer in reversed(net):
        if isinstance(layer, Conv) and (layer.n > 1 or layer.stride > 1):
            places = None
        wanted.insert(0, places)
    return wanted


def concatenate(parts, places=None):
    """a || b || ...: the channels of all parts."""
    h, w = parts[0].h, parts[0].w
    at = [None] * (h * w)
    for r, c in places or everywhere(h, w):
        at[r * w + c] = [value for part in parts for value in part.at[r * w + c]]
    return Activation(sum(part.C for part in parts), h, w, at)


def ladder_run(ladder, x):
    """x becomes the number of thresholds t_j < x."""
    at = [None if v is None else [sum(t < value for t in ladder) for value in v] for v in x.at]
    return Activation(x.C, x.h, x.w, at)


# What can be said of an activation before there is one: channels, the size in quarters of the latent's
# (z has size 1, y has size 4), and X, the largest magnitude.  The bounds below are checked with it, once.
@dataclass
class Shape:
    C: int
    size: int
    X: int


def bound(condition, message):
    if not condition:
        raise Fault(804, message)


def fits(condition, message):
    if not condition:
        raise Fault(803, message)  # SEM-R-111 unless said otherwise


def shape_after(layer, x, before, rates):
    """The shape of a layer's output; `before` are the shapes of the layers before it."""
    if isinstance(layer, Conv):
        bound(x.X <= 32768, f"input of a conv as large as {x.X}")  # SEM-R-100
        fits(layer.inputs == x.C, f"a conv of {layer.inputs} channels after {x.C}")
        sums = [abs(b) for b in layer.b]
        taps = tuple((u, v) for u in range(layer.n) for v in range(layer.n))
        for o, row in enumerate(layer.rows(taps)):
            sums[o] += x.X * sum(map(abs, row))
            bound(sums[o] <= 2**37, f"sums as large as {sums[o]}")  # SEM-R-101
        if layer.transposed:
            return Shape(layer.outputs, x.size * layer.stride, max(sums))
        fits(x.size % layer.stride == 0, "a stride that does not divide every size")  # SEM-R-123
        return Shape(layer.outputs, x.size // layer.stride, max(sums))
    if isinstance(layer, Requant):
        check_requant(layer, x, rates)
        return Shape(x.C, x.size, max(abs(layer.lo), abs(layer.hi)))
    if isinstance(layer, Add):
        fits(layer.from_ < len(before), "an add from a layer that has not come yet")
        other = before[layer.from_]
        fits((x.C, x.size) == (other.C, other.size), "an add of different shapes")
        bound(x.X + other.X <= 2**38, f"sums as large as {x.X + other.X}")  # SEM-R-105
        return Shape(x.C, x.size, x.X + other.X)
    return x


def check_requant(requant, x, rates):
    for tensor in requant.m, requant.s, requant.a:
        fits(len(tensor) in (1, rates), "a requant of another number of rates")
        fits(len(tensor[0]) in (1, x.C), "a requant of another number of channels")
    bound(-32768 <= requant.lo <= requant.hi <= 32767, f"bounds {requant.lo} ... {requant.hi}")  # SEM-R-104
    for rho in range(rates):
        for o in range(x.C):
            m, a, s = requant.channel(rho, o)
            bound(1 <= m <= 2**15 - 1 and 1 <= s <= 52, f"multiplier {m}, shift {s}")  # SEM-R-102
            bound(x.X * m + abs(a) < 2**53, f"products as large as {x.X} * {m} + {abs(a)}")  # SEM-R-103


def check_net(net, x, rates):
    """The shape of a net's output."""
    fits(x.C <= 4096, f"a net {x.C} channels wide")  # SEM-R-115
    shapes = []
    for layer in net:
        x = shape_after(layer, x, shapes, rates)
        fits(x.C <= 4096, f"a net {x.C} channels wide")  # SEM-R-115
        fits(x.size <= 4, "a net that goes beyond the size of the latent")  # SEM-R-123
        shapes.append(x)
    fits(x.size == 4, "a net that ends at another size than the latent's")  # SEM-R-123
    return x


# ======================================================================================================
# SPEC 12: Model package
# ======================================================================================================

FORMATS = {"I16": "h", "I32": "i", "I64": "q", "U8": "B", "U16": "H"}  # dtype -> struct's letter
SYMBOLS = {
    "kind", "rates", "hyper", "groups", "parity", "order", "context", "z_input", "y_input", "hyper_net",
    "channel_nets", "spatial_nets", "anchor_heads", "heads", "means", "scales", "tensors",
}  # fmt: skip


@dataclass
class Tensor:
    dtype: str
    shape: list
    values: tuple  # in raster order
    used: bool = False


@dataclass
class Model:
    digest: str
    rates: int
    hyper: int
    groups: list
    parity: int
    order: str
    context: str
    z_input: Requant
    y_input: Requant
    hyper_net: list
    channel_nets: list
    spatial_nets: list
    anchor_heads: list | None
    heads: list
    means: list
    scales: list
    ladders: list  # one a group: None or 63 thresholds
    z_tables: list  # z_tables[rho][channel]


def find_packages(folders):
    """Digest -> folder, of every package in `folders` or one level below."""
    packages = {}
    for folder in folders:
        for manifest in [folder / "manifest.json", *sorted(folder.glob("*/manifest.json"))]:
            try:
                packages.setdefault(digest_of(parse_json(manifest.read_bytes())["symbols"]), manifest.parent)
            except (OSError, ValueError, KeyError, TypeError):
                continue  # not a model package
    return packages


def digest_of(symbols):
    """The digest of a model."""
    return hashlib.sha256(canonical_json(symbols)).hexdigest()


def find_model(header, packages):
    """The digest of the model that the header wants, as far as it can be known."""
    if header.model_hash is None:
        return header.binding["model"]
    wanted = header.model_hash.hex()
    if len(wanted) == 64:
        return wanted
    found = [digest for digest in packages if digest.startswith(wanted)]
    return found[0] if len(found) == 1 else None  # Q 4


def load_model(header, packages):
    """The model of kind 7 that the header wants, whole and checked."""
    digest = find_model(header, packages)
    if digest not in packages:
        wanted = digest or header.model_hash.hex() + "..."
        raise Fault(801, f"no model package, or more than one, has the digest {wanted}")  # SEM-R-114
    manifest = parse_json((packages[digest] / "manifest.json").read_bytes())
    fits(manifest.get("format") == "sem-model", "a manifest of another format")
    if not is_int(manifest.get("format_version"), 0, 0):
        raise Fault(705, f"model format version {manifest.get('format_version')}")  # SEM-R-116
    return build_model(digest, manifest["symbols"], packages[digest], header.binding["parameters"]["7"])


def build_model(digest, symbols, folder, parameters):
    has_members(symbols, SYMBOLS, "symbols")
    fits(is_int(symbols["kind"], ELIC, ELIC), "symbols of another kind")
    rates, hyper, groups, parity = (symbols[name] for name in ("rates", "hyper", "groups", "parity"))
    fits(is_int(rates, 1, 64), "rates")
    fits(is_int(hyper, 1, 1024), "hyper")
    fits(isinstance(groups, list) and 1 <= len(groups) <= 16, "groups")
    fits(all(is_int(size, 1, 1024) for size in groups) and sum(groups) <= 1024, "groups")
    fits(is_int(parity, 0, 1), "parity")
    fits(symbols["order"] in ("scales-means", "means-scales"), "order")
    fits(symbols["context"] in ("all", "ends"), "context")
    here = {"rates": rates, "hyper": hyper, "groups": groups, "parity": parity, "m": sum(groups)}
    fits(here == parameters, "parameters that differ from the profile's")  # SEM-R-112

    tensors = read_tensors(symbols["tensors"], folder / "symbols.safetensors")

    def nets(name, first_is_null=False):
        return [net if net is None else build_net(net, tensors) for net in one_a_group(symbols, name, first_is_null)]

    model = Model(
        digest=digest,
        rates=rates,
        hyper=hyper,
        groups=groups,
        parity=parity,
        order=symbols["order"],
        context=symbols["context"],
        z_input=build_requant(symbols["z_input"], tensors),
        y_input=build_requant(symbols["y_input"], tensors),
        hyper_net=build_net(symbols["hyper_net"], tensors),
        channel_nets=nets("channel_nets", first_is_null=True),
        spatial_nets=nets("spatial_nets"),
        anchor_heads=None if symbols["anchor_heads"] is None else nets("anchor_heads"),
        heads=nets("heads"),
        means=[build_requant(mean, tensors) for mean in one_a_group(symbols, "means")],
        scales=[build_requant(scale, tensors, {"ladder"}) for scale in one_a_group(symbols, "scales")],
        ladders=[build_ladder(scale, tensors) for scale in symbols["scales"]],
        z_tables=build_z_tables(tensors, rates, hyper),
    )
    unused = sorted(name for name, tensor in tensors.items() if not tensor.used)
    fits(not unused, f"tensors that nothing uses: {unused}")  # SEM-R-111
    check_model(model)
    return model


def check_model(model):
    """The bounds of SPEC 11 along the way that the values go in SPEC 13."""
    check_requant(model.z_input, Shape(model.hyper, 1, 32768), model.rates)
    check_requant(model.y_input, Shape(sum(model.groups), 4, 32768), model.rates)
    X_z = max(abs(model.z_input.lo), abs(model.z_input.hi))
    X_y = max(abs(model.y_input.lo), abs(model.y_input.hi))

    hyper = check_net(model.hyper_net, Shape(model.hyper, 1, X_z), model.rates)
    for k, size in enumerate(model.groups):
        parts = [hyper]
        if k > 0:
            channels = sum(model.groups[j] for j in context_of(model, k))
            parts.insert(0, check_net(model.channel_nets[k], Shape(channels, 4, X_y), model.rates))
        if model.anchor_heads is not None:
            check_head(model, k, model.anchor_heads[k], parts)
        spat = check_net(model.spatial_nets[k], Shape(size, 4, X_y), model.rates)
        check_head(model, k, model.heads[k], [spat, *parts])


def check_head(model, k, head, parts):
    size = model.groups[k]
    x = Shape(sum(part.C for part in parts), 4, max(part.X for part in parts))
    out = check_net(head, x, model.rates)
    fits(2 * size == out.C, f"a head of {out.C} channels for a group of {size}")
    half = Shape(size, 4, out.X)
    check_requant(model.means[k], half, model.rates)
    check_requant(model.scales[k], half, model.rates)
    if model.ladders[k] is None:
        bound(0 <= model.scales[k].lo <= model.scales[k].hi <= 63, "a scale index outside 0 ... 63")  # SEM-R-121


# The parts of a manifest.


def is_int(value, low, high):
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def has_members(value, names, what, optional=frozenset()):
    fits(isinstance(value, dict), f"{what}: not an object")
    fits(names <= set(value) <= names | optional, f"{what}: members {sorted(value)}")


def one_a_group(symbols, name, first_is_null=False):
    """A member that is a list with one entry a group, null for group 0 where `first_is_null`."""
    value = symbols[name]
    fits(isinstance(value, list) and len(value) == len(symbols["groups"]), f"{name}: not one a group")
    for k, entry in enumerate(value):
        fits((entry is None) == (first_is_null and k == 0), f"{name}: null where it should not be, or the reverse")
    return value


def build_net(layers, tensors):
    fits(isinstance(layers, list) and len(layers) > 0, "a net that is no list of layers, or an empty one")
    fits(len(layers) <= 16, f"a net of {len(layers)} layers")  # SEM-R-115
    return [build_layer(layer, tensors) for layer in layers]


def build_layer(layer, tensors):
    fits(isinstance(layer, dict) and "op" in layer, "a layer without an operation")
    op, rest = layer["op"], {name: value for name, value in layer.items() if name != "op"}
    if op in ("conv", "deconv"):
        return build_conv(op, rest, tensors)
    if op == "requant":
        return build_requant(rest, tensors)
    if op == "relu":
        has_members(rest, set(), "relu")
        return Relu()
    if op == "add":
        has_members(rest, {"from"}, "add")
        fits(is_int(rest["from"], 0, 15), "add: from")
        return Add(rest["from"])
    raise Fault(803, f"operation {op!r}")  # SEM-R-111


def build_conv(op, layer, tensors):
    has_members(layer, {"w", "b", "stride"}, op)
    w = tensor_of(tensors, layer["w"], "I16", 4)
    b = tensor_of(tensors, layer["b"], "I64", 1)
    fits(is_int(layer["stride"], 1, 4), f"{op}: stride")
    fits(w.shape[2] == w.shape[3] and w.shape[2] % 2 == 1, f"{op}: a kernel that is not square or not odd")
    fits(w.shape[2] <= 15, f"{op}: a kernel {w.shape[2]} wide")  # SEM-R-115
    conv = Conv(op == "deconv", w, list(b.values), layer["stride"])
    fits(conv.inputs >= 1 and conv.outputs >= 1, f"{op}: no channels")
    fits(len(conv.b) == conv.outputs, f"{op}: w and b differ")
    return conv


def build_requant(requant, tensors, optional=frozenset()):
    has_members(requant, {"m", "s", "lo", "hi"}, "requant", {"a"} | optional)
    fits(is_int(requant["lo"], -(2**53), 2**53) and is_int(requant["hi"], -(2**53), 2**53), "requant: bounds")
    m = rates_and_channels(tensor_of(tensors, requant["m"], "I16", 2))
    s = rates_and_channels(tensor_of(tensors, requant["s"], "U8", 2))
    bound(all(shift >= 1 for row in s for shift in row), "a shift of 0")  # SEM-R-102
    if "a" in requant:
        a = rates_and_channels(tensor_of(tensors, requant["a"], "I64", 2))
    else:
        a = [[1 << (shift - 1) for shift in row] for row in s]
    return Requant(m, s, a, requant["lo"], requant["hi"])


def rates_and_channels(tensor):
    rates, channels = tensor.shape
    fits(rates >= 1 and channels >= 1, "a requant of no rates or no channels")
    return [list(tensor.values[rho * channels : (rho + 1) * channels]) for rho in range(rates)]


def build_ladder(scale, tensors):
    if "ladder" not in scale:
        return None
    ladder = tensor_of(tensors, scale["ladder"], "I32", 1)
    fits(ladder.shape == [63], "a ladder of another length than 63")
    fits(sorted(set(ladder.values)) == list(ladder.values), "a ladder that does not ascend")  # SEM-R-124
    return list(ladder.values)


def build_z_tables(tensors, rates, hyper):
    """z_tables[rho][channel], SPEC 13."""
    offset = tensor_of(tensors, "z.offset", "I16", 2)
    size = tensor_of(tensors, "z.size", "I32", 2)
    freq = tensor_of(tensors, "z.freq", "U16", 1)
    fits(offset.shape == size.shape == [rates, hyper], "z tables of another shape")
    fits(all(n >= 0 for n in size.values), "a z table of negative size")
    fits(sum(n + 1 for n in size.values) == len(freq.values), "the number of z frequencies")  # SEM-R-122
    tables, at = [], 0
    for first, n in zip(offset.values, size.values, strict=True):
        frequencies = freq.values[at : at + n + 1]
        at += n + 1
        fits(min(frequencies) >= 1 and sum(frequencies) == 2**16, "a z table's frequencies")  # SEM-R-122
        tables.append(EscapeTable(first, cumulative(frequencies)))
    return [tables[rho * hyper : (rho + 1) * hyper] for rho in range(rates)]


# The tensors, and safetensors by hand.


def tensor_of(tensors, name, dtype, axes):
    fits(isinstance(name, str) and name in tensors, f"no tensor {name!r}")
    tensor = tensors[name]
    fits(tensor.dtype == dtype, f"tensor {name} is {tensor.dtype}, not {dtype}")
    fits(len(tensor.shape) == axes, f"tensor {name} has {len(tensor.shape)} axes, not {axes}")
    tensor.used = True
    return tensor


def read_tensors(listed, path):
    """The tensors that the manifest lists, from the file."""
    fits(isinstance(listed, dict), "tensors: not an object")
    try:
        data = path.read_bytes()
    except OSError:
        raise Fault(801, f"{path} cannot be read") from None  # SEM-R-114, Q 26
    header, data = split_safetensors(data)
    fits(header.keys() - {"__metadata__"} == listed.keys(), "other tensors in the file than listed")  # SEM-R-111, Q 25
    tensors = {}
    for name, entry in listed.items():
        has_members(entry, {"dtype", "shape", "sha256"}, f"tensor {name}")
        dtype, shape = entry["dtype"], entry["shape"]
        fits(isinstance(dtype, str) and dtype in FORMATS, f"tensor {name}: dtype {dtype!r}")
        fits(isinstance(shape, list) and all(is_int(n, 0, 2**31) for n in shape), f"tensor {name}: shape")
        there = header[name]
        fits(isinstance(there, dict), f"tensor {name} is no object in the file")
        fits(there.get("dtype") == dtype and there.get("shape") == shape, f"tensor {name} differs in the file")
        values = read_tensor(name, dtype, shape, there.get("data_offsets"), data, entry["sha256"])
        tensors[name] = Tensor(dtype, shape, values)
    return tensors


def split_safetensors(data):
    """Name -> entry, and the bytes that data_offsets are relative to."""
    length = int.from_bytes(data[:8], "little")
    fits(8 + length <= len(data), "a safetensors file that is cut")
    try:
        header = parse_json(data[8 : 8 + length])
    except ValueError as error:
        raise Fault(803, f"a safetensors header that is not JSON: {error}") from None
    fits(isinstance(header, dict), "a safetensors header that is not an object")
    return header, data[8 + length :]


def read_tensor(name, dtype, shape, offsets, data, sha256):
    count = 1
    for n in shape:
        count *= n
    form = struct.Struct(f"<{min(count, len(data))}{FORMATS[dtype]}")
    fits(isinstance(offsets, list) and len(offsets) == 2, f"tensor {name}: data_offsets")
    begin, end = offsets
    fits(is_int(begin, 0, len(data)) and is_int(end, begin, len(data)), f"tensor {name}: data_offsets")
    fits(count <= len(data) and end - begin == form.size, f"tensor {name}: data_offsets and shape differ")
    if hashlib.sha256(data[begin:end]).hexdigest() != sha256:
        raise Fault(802, f"tensor {name} does not have the digest in the manifest")  # SEM-R-110
    return form.unpack(data[begin:end])


# ======================================================================================================
# SPEC 13: ELIC payload (kind 7)
# ======================================================================================================


@dataclass
class Latents:
    """The symbols of a payload: planes of values in raster order, one a channel."""

    rho: int
    z_shape: tuple
    y_shape: tuple
    z: list
    y_hat: list

    def serialise(self):
        """S."""
        planes = [*self.z, *self.y_hat]
        return bytes([self.rho]) + b"".join(struct.pack(f">{len(plane)}h", *plane) for plane in planes)

    def describe(self):
        return {
            "kind": str(ELIC),
            "rate": str(self.rho),
            "shapes": {"z": [str(n) for n in self.z_shape], "y": [str(n) for n in self.y_shape]},
            "canonical": True,  # Stream.finish has proved it
        }


def latent_size(header):
    return 4 * -(-header.height // 64), 4 * -(-header.width // 64)


def context_of(model, k):
    """The groups that the channel context of group k reads, ascending."""
    return list(range(k)) if model.context == "all" else sorted({0, k - 1})


def elic_latents(stream, model, gaussian, h, w, trace=None):
    rho = stream.uniform(model.rates)
    z = [[table.decode(stream) for _ in range(h // 4 * (w // 4))] for table in model.z_tables[rho]]
    x_z = model.z_input.run(from_planes(z, h // 4, w // 4), rho)
    hyper = run_net(model.hyper_net, x_z, rho, None, trace, "hyper_net")

    y_hat = []  # planes of all channels
    x = []  # x of each group
    for k, size in enumerate(model.groups):
        chan = []  # none for k = 0
        if k > 0:
            context = concatenate([x[j] for j in context_of(model, k)])
            chan = [run_net(model.channel_nets[k], context, rho, None, trace, f"channel_nets[{k}]")]
        group = [[0] * (h * w) for _ in range(size)]  # y_hat of group k
        x_k = zeros(size, h, w)  # x of group k: 0 at sites not yet decoded
        for pass_ in 0, 1:
            sites = [(r, c) for r, c in everywhere(h, w) if ((r + c) % 2 == model.parity) == (pass_ == 0)]
            out = head_output(model, k, pass_, x_k, chan, hyper, rho, sites, trace)
            mu, j = means_and_scales(model, k, out, rho)
            decode_pass(stream, gaussian, group, mu, j, sites)
            if trace:
                name, at = f"group {k} pass {pass_}", [r * w + c for r, c in sites]
                trace.values(name, "mu", zip(*[mu.at[place] for place in at], strict=True))
                trace.values(name, "j", zip(*[j.at[place] for place in at], strict=True))
                trace.values(name, "y_hat", [[plane[place] for place in at] for plane in group])
            # What was decoded in this pass enters x of group k, and nothing else does.
            now = model.y_input.run(from_planes(group, h, w), rho, first=sum(model.groups[:k]))
            for r, c in sites:
                x_k.at[r * w + c] = now.at[r * w + c]
        y_hat += group
        x.append(x_k)
    stream.finish()
    return Latents(rho, (model.hyper, h // 4, w // 4), (sum(model.groups), h, w), z, y_hat)


def head_output(model, k, pass_, x_k, chan, hyper, rho, sites, trace):
    """`out` of a pass.  Only its sites matter; a trace shows all places."""
    sites = None if trace else sites
    if pass_ == 0 and model.anchor_heads is not None:
        head, name, parts = model.anchor_heads[k], f"anchor_heads[{k}]", [*chan, hyper]
        wanted = places_wanted(head, sites)[0]
    else:
        head, name = model.heads[k], f"heads[{k}]"
        wanted = places_wanted(head, sites)[0]
        if pass_ == 0:
            spat = zeros(channels_after(model.spatial_nets[k], x_k.C), x_k.h, x_k.w)
        else:
            spat = run_net(model.spatial_nets[k], x_k, rho, wanted, trace, f"spatial_nets[{k}]")
        parts = [spat, *chan, hyper]
    return run_net(head, concatenate(parts, wanted), rho, sites, trace, f"{name} pass {pass_}")


def channels_after(net, C):
    return [C, *(layer.outputs for layer in net if isinstance(layer, Conv))][-1]


def means_and_scales(model, k, out, rho):
    first, second = split(out, model.groups[k])
    mu, j = (first, second) if model.order == "means-scales" else (second, first)
    mu, j = model.means[k].run(mu, rho), model.scales[k].run(j, rho)
    return mu, (j if model.ladders[k] is None else ladder_run(model.ladders[k], j))


def split(x, C):
    """Channels 0 ... C - 1, and the others."""
    first = [None if values is None else values[:C] for values in x.at]
    second = [None if values is None else values[C:] for values in x.at]
    return Activation(C, x.h, x.w, first), Activation(x.C - C, x.h, x.w, second)


def decode_pass(stream, gaussian, group, mu, j, sites):
    """Fill the planes of `group` at `sites`."""
    for channel, plane in enumerate(group):
        for r, c in sites:
            at = r * mu.w + c
            scale = j.at[at][channel]
            s = gaussian[scale].decode(stream) if scale > 0 else 0  # SEM-R-092
            plane[at] = 64 * s + mu.at[at][channel]
            if not -32768 <= plane[at] <= 32767:
                raise Fault(403, f"y_hat {plane[at]}", stream.offset)  # SEM-R-120


def from_planes(planes, h, w):
    return Activation(len(planes), h, w, [list(values) for values in zip(*planes, strict=True)])


# ======================================================================================================
# SPEC 15: Levels and limits
# ======================================================================================================

LIMIT_SIDE, LIMIT_PIXELS, LIMIT_SECTIONS = 16384, 2**25, 16  # level 1
LIMIT_TEXT, LIMIT_SYMBOLS, LIMIT_FILE = 65536, 2**26, 2**26
TEXTS = {0x81, 0x82, PROVENANCE, METADATA}


def check_limit(code, what, value, limit, offset=None):
    if value > limit:
        raise Fault(code, f"{what}: {value}, the limit of level 1 is {limit}", offset)  # SEM-R-141


def check_header_limits(header):
    check_limit(601, "width or height", max(header.width, header.height), LIMIT_SIDE)
    check_limit(602, "pixels", header.width * header.height, LIMIT_PIXELS)
    check_limit(603, "sections", header.count, LIMIT_SECTIONS)


def check_section_limits(header, type, length, offset):
    """Judged when a section's length is known, before its body is looked at (SEM-R-141, SEM-R-142, Q 8)."""
    if type in TEXTS:
        check_limit(604, "bytes of a text section", length, LIMIT_TEXT, offset)
    if type == CRITICAL + ELIC:
        parameters = header.binding["parameters"]["7"]
        h, w = latent_size(header)
        symbols = 1 + parameters["hyper"] * (h // 4) * (w // 4) + parameters["m"] * h * w
        check_limit(605, "symbols", symbols, LIMIT_SYMBOLS, offset)


# ======================================================================================================
# SPEC 17: Errors
# ======================================================================================================

EXIT_OK = 0  # and 2 for a command line that makes no sense, which argparse gives
EXIT_STATUS = {1: 7, 2: 3, 3: 3, 4: 3, 5: 3, 6: 6, 7: 4, 8: 5}  # hundreds of the code -> status of the family
NAMES = {
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


def report(fault):
    """The line on stderr."""
    offset = "" if fault.offset is None else f" (offset {fault.offset})"
    return f"SEM-E-{fault.code} {NAMES[fault.code]}: {fault.message}{offset}"


# ======================================================================================================
# The big picture: from bytes to JSON, and the command line
# ======================================================================================================


def decode_header(data, registry):
    """The header tier: everything that needs neither model nor tables."""
    check_limit(606, "bytes of the file", len(data), LIMIT_FILE)
    header = read_header(data, registry, load_dims())
    check_header_limits(header)
    sections, complete = read_sections(data, header)
    return header, sections, complete


def decode_symbols(header, sections, packages, trace=None):
    """The symbols tier: what is to be said of each section, after its check."""
    digest = find_model(header, packages)
    decoded = []
    for section in sections:
        if section.kind is None:
            decoded.append((section.body, {}))  # S of an ancillary section is its body
        elif section.kind == ELIC:
            model = load_model(header, packages)
            stream = Stream(section.body, section.offset)
            latents = elic_latents(stream, model, load_gaussian_tables(), *latent_size(header), trace)
            decoded.append((latents.serialise(), latents.describe()))
        else:
            raise Fault(704, f"kind {section.kind} is not implemented", section.offset)  # SEM-R-052
    return [
        {**more, "sha256": hashlib.sha256(S).hexdigest(), "check": check_state(header, digest, section, S)}
        for section, (S, more) in zip(sections, decoded, strict=True)
    ]


class Trace:
    """SHA-256 of values on the way, each as a big-endian i(64), for finding where two decoders part."""

    def __init__(self):
        self.lines = []

    def __call__(self, net, layer, activation):
        """A layer's output, in raster order of (channel, r, c)."""
        self.values(net, layer, zip(*activation.at, strict=True))

    def values(self, name, what, planes):
        digest = hashlib.sha256()
        for plane in planes:
            digest.update(struct.pack(f">{len(plane)}q", *plane))
        self.lines.append({"net": name, "layer": str(what), "sha256": digest.hexdigest()})


def as_json(header, sections, complete):
    """What the header tier says; numbers are strings."""
    result = {
        "version": str(header.version),
        "profile": str(header.profile),
        "method": str(header.binding["method"]),
        "width": str(header.width),
        "height": str(header.height),
        "check_bits": str(CHECK_BITS[header.check_code]),
        "complete": complete,
        "sections": [
            {"type": str(section.type), "offset": str(section.offset), "bytes": str(len(section.body))}
            for section in sections
        ],
    }
    if header.model_hash is not None:
        result |= {"base_profile": str(header.base_profile), "model_hash": header.model_hash.hex()}
    return result


def decode(data, options):
    registry = load_registry(options.registry)
    header, sections, complete = decode_header(data, registry)
    result = as_json(header, sections, complete)
    if options.tier == "symbols":
        trace = Trace() if options.trace else None
        more = decode_symbols(header, sections, find_packages(options.model), trace)
        for section, symbols in zip(result["sections"], more, strict=True):
            section.update(symbols)
        if trace:
            result["trace"] = trace.lines
    return result


def command_line():
    parser = argparse.ArgumentParser(prog="semmicro.py", description="Decode a .sem file from stdin to JSON.")
    parser.add_argument("--tier", choices=["header", "symbols"], default="symbols")
    parser.add_argument("--model", action="append", type=Path, default=[], metavar="DIR",
                        help="a model package, or a folder of them; SEM_MODELS is a list of more")  # fmt: skip
    parser.add_argument("--registry", type=Path, default=REGISTRY, metavar="FILE")
    parser.add_argument("--trace", action="store_true", help="digests of all layers and passes")
    options = parser.parse_args()
    listed = os.environ.get("SEM_MODELS", "").split(os.pathsep)
    options.model += [Path(folder) for folder in listed if folder] + [MODELS]
    return options


def main():
    options = command_line()
    try:
        with open(0, "rb", closefd=False) as stdin:
            data = stdin.read(LIMIT_FILE + 1)  # SEM-R-142
        result = decode(data, options)
    except Fault as fault:
        print(report(fault), file=sys.stderr)
        return EXIT_STATUS[fault.code // 100]
    except OSError as error:
        print(report(Fault(101, str(error))), file=sys.stderr)
        return EXIT_STATUS[1]
    json.dump(result, sys.stdout, indent=2)
    print()
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
