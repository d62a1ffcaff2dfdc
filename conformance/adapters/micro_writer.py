# SPDX-License-Identifier: MIT
"""A small editor and encoder on top of the micro-decoder, in standard-library Python, behind the suite's protocol.

It shares no code with refcodec. It edits every file, quantises, and encodes kinds 3 to 5: the encoder is the decoder, with
a range coder that takes its symbols from a list and writes what it takes. Other kinds are left out.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __package__:  # imported as adapters.micro_writer
    from adapters import micro as decoder
    from adapters import writer_server
else:  # run as a script
    import micro as decoder  # type: ignore[import-not-found, no-redef]
    import writer_server  # type: ignore[import-not-found, no-redef]

Section = tuple[int, bytes, bytes]  # type, body, check
KNOWN = (1, 2, 4, 0x43)  # ancillary types of SPEC.md
UNSUPPORTED = ("SEM-E-704", 4)


class Recorder:
    """A range coder in the place of the decoder's: it takes symbols from a list, and writes them (SPEC §9)."""

    def __init__(self, symbols: Sequence[int]) -> None:
        self.symbols = list(symbols)[::-1]
        self.low, self.range, self.length = 0, 2**32 - 1, 0  # low: with all bytes that have been written, and carries
        self.here = 0

    def decode(self, cumulative: Sequence[int]) -> int:
        """Write the next symbol with a table, and return it. Raises Refused if the table does not have it."""
        symbol = self.symbols.pop() if self.symbols else -1
        if not 0 <= symbol < len(cumulative) - 1:
            raise writer_server.Refused("a symbol is missing or has no place in its table")
        a, b = (self.range * cumulative[place] // cumulative[-1] for place in (symbol, symbol + 1))
        self.low, self.range = self.low + a, b - a
        while self.range < 2**24:
            self.low, self.range, self.length = self.low << 8, self.range << 8, self.length + 1
        return symbol


@dataclass(frozen=True)
class Writer:
    """An encoder and editor with a registry and a folder of models."""

    micro: Any
    registry: Path
    models: Path

    def encode(self, symbols: dict[str, Any]) -> bytes:
        """Return the file of these symbols."""
        binding = self.micro.find_binding(self.micro.load_registry(self.registry), symbols["profile"], 3)
        code = next(code for code, size in self.micro.CHECK_BYTES.items() if 8 * size == symbols["check_bits"])
        if symbols["profile"] > 253 or symbols["model_hash"] is not None:
            raise writer_server.Refused("extended profiles and explicit models are not written", *UNSUPPORTED)
        side, sizes = (symbols["width"], symbols["height"]), self.micro.load_dims(self.micro.DIMS_JSON)
        classes = [number for number, size in sizes.items() if size == side]
        size = bytes(classes) or b"\0" + varint(side[0] - 1) + varint(side[1] - 1)
        head = self.header(b"\xf5\x9e" + bytes([1 << 5 | code << 2, symbols["profile"]]) + size)
        sections = []
        for section in symbols["sections"]:
            kind = section["type"] - 0x80
            if kind >= 0 and kind not in binding["kinds"]:
                raise writer_server.Refused(f"profile {symbols['profile']} has no kind {kind}")
            body = bytes.fromhex(section["body"]) if "body" in section else self.body(section, head)
            sections.append(self.checked(section["type"], body, head))
        return self.verified(self.written(sections, head))

    def header(self, h: bytes) -> Any:
        """Return the header of a file in compact form whose H is this."""
        rows, sizes = self.micro.load_registry(self.registry), self.micro.load_dims(self.micro.DIMS_JSON)
        return self.micro.header(h + bytes(4), rows, sizes)

    def body(self, section: dict[str, Any], head: Any) -> bytes:
        """Return the body of a payload of kinds 3 to 5."""
        kind, value = section["type"] & 0x3F, section.get("value")
        if kind not in (3, 4, 5) or value is None:
            raise writer_server.Refused(f"kind {kind} is left out", *UNSUPPORTED)
        parameters = self.micro.parameters_of(head, kind)
        used = self.micro.uses_model(head, kind) and kind != 4
        tensor = self.micro.load_small_model(self.package(head), kind, parameters) if used else None
        if kind == 3:
            half = parameters["b"] - 1
            pairs = [(code >> half, code & (1 << half) - 1) for code in value]
            recorder = Recorder([part for pair in pairs for part in pair] if tensor is not None else value)
            self.micro.clip_bits(recorder, parameters["d"], parameters["b"], tensor)
        elif kind == 4:
            recorder = Recorder(value)
            self.micro.pq_codes(recorder, parameters["m"], parameters["v"])
        else:
            h, w = self.micro.vq_shape(head)
            if [len(row) for row in value] != [w] * h:
                raise writer_server.Refused(f"{h} rows of {w} indices are wanted")
            recorder = Recorder([index for row in value for index in row])
            self.micro.vq_indices(recorder, h, w, parameters["v"], tensor)
        if recorder.symbols:
            raise writer_server.Refused("there are more symbols than the payload has")
        low = recorder.low
        data: bytes = self.micro.finish(low >> 32, recorder.length, low & 2**32 - 1, recorder.range)
        return data

    def package(self, head: Any) -> Any:
        """Return the model package of a file; None if it is not found."""
        digest = head.binding["model"] if head.model_hash is None else head.model_hash.hex()
        found = self.micro.find_packages([self.models], digest) if digest is not None else {}
        return next(iter(found.values())) if len(found) == 1 else None

    def checked(self, type_: int, body: bytes, head: Any) -> Section:
        """Return a section with its check."""
        size = self.micro.CHECK_BYTES[head.check_code]
        if not size:
            return type_, body, b""
        package, s = self.package(head), body
        if type_ >= 0x80:
            part = self.micro.Section(type_, 0, body, None, 0)
            used = self.micro.uses_model(head, type_ & 0x3F) and type_ != 0x84
            s = self.micro.decode_payload(part, head, package if used else None, self.micro.Run()).s
        key = self.micro.key_of(head, None if package is None else package.digest)
        return type_, body, hashlib.sha256(key + head.h + bytes([type_]) + s).digest()[:size]

    def written(self, sections: Sequence[Section], head: Any) -> bytes:
        """Return a complete file of these sections, in the form and order of SPEC §6."""
        parts = sorted(sections, key=lambda part: self.micro.order(part[0]))
        if not parts:
            raise writer_server.Refused("no section is left")
        if len(parts) == 1 and parts[0][0] == 0x80 + head.binding["compact"]:
            return bytes(head.h) + parts[0][2] + parts[0][1]
        return sectioned(head.h, len(parts), parts)

    def verified(self, data: bytes) -> bytes:
        """Return a file that the decoder reads."""
        self.micro.read_file(data, "symbols", self.registry, [self.models], self.micro.Run())
        return data

    def edit(self, data: bytes, operation: dict[str, Any]) -> bytes:
        """Return the file after an operation of the list `edit`."""
        rows, sizes = self.micro.load_registry(self.registry), self.micro.load_dims(self.micro.DIMS_JSON)
        head = self.micro.header(data, rows, sizes)
        parts = [(part.type, part.body, part.check or b"") for part in self.micro.sections(data, head)[0]]
        if "cut" in operation:
            if not head.sectioned or operation["cut"] >= len(parts):
                raise writer_server.Refused("there is nothing to cut")
            return sectioned(head.h, head.count, parts[: operation["cut"]])
        added = [(item["type"], bytes.fromhex(item["body"])) for item in operation.get("add", ())]
        gone = set(operation.get("strip", ())) | {type_ for type_, _ in added}
        kept = [part for part in parts if part[0] not in gone]
        if any(type_ >= 0x80 for type_ in gone):  # SEM-R-051
            kept = [part for part in kept if part[0] >= 0x80 or part[0] in KNOWN or part[0] & 0x40]
        return self.written([*kept, *(self.checked(type_, body, head) for type_, body in added)], head)


def varint(n: int) -> bytes:
    """Return a number as the bijective varint of SPEC §2."""
    data = [n & 0x7F]
    while (n := (n >> 7) - 1) >= 0:
        data.insert(0, 0x80 | n & 0x7F)
    return bytes(data)


def sectioned(h: bytes, count: int, parts: Sequence[Section]) -> bytes:
    """Return a file in sectioned form. count: that of the header, which an incomplete file exceeds."""
    head = bytes([*h[:2], h[2] | 2, *h[3:]]) + varint(count - 1)
    return head + b"".join(bytes([type_]) + varint(len(body)) + body + check for type_, body, check in parts)


def quantise(vector: Sequence[str], b: int) -> dict[str, Any]:
    """Return the codes of a vector of binary32 numbers and their body (SPEC §13.3)."""
    codes, top = [], 2 ** (b - 1)
    for (z,) in struct.iter_unpack(">f", bytes.fromhex("".join(vector))):
        if math.isnan(z):  # SEM-R-191
            raise writer_server.Refused("the vector holds a NaN")
        codes.append(math.floor(min(max(z, -1.0), 1.0) * top) + top if z < 1 else 2 * top - 1)
    recorder = Recorder(codes)
    micro = loaded()
    micro.clip_bits(recorder, len(codes), b, None)
    body = micro.finish(recorder.low >> 32, recorder.length, recorder.low & 2**32 - 1, recorder.range)
    return {"codes": codes, "body": body.hex()}


loaded: Callable[[], Any] = functools.cache(decoder.load)


def begin(registry: Path, data: Path) -> writer_server.Work:
    """Return an encoder and editor with this registry and the tables in `data`."""
    micro = loaded()
    decoder.begin(micro, 1, registry, data)

    def work(order: writer_server.Order) -> bytes | dict[str, Any]:
        writer = Writer(micro, registry, order.models)
        try:
            if order.task == "edit":
                return writer.edit(order.input, order.operation or {})
            document = json.loads(order.input)
            if order.task == "quantise":
                return quantise(document["vector"], int(document["b"]))
            return writer.encode(document)
        except micro.SemError as error:
            raise writer_server.Refused(error.line(), f"SEM-E-{error.code}", error.status) from None

    return work


def main(arguments: list[str]) -> int:
    """Serve the protocol; return the exit status."""
    return writer_server.main("micro-writer", ("S",), begin, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
