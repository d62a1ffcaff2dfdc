# SPDX-License-Identifier: MIT
"""Adapt refcodec's encoder and editor to the suite's protocol, with the registry, tables and models of the suite.

python conformance/adapters/refcodec_writer.py …
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:] = [
    str(HERE.parents[1]),
    *(folder for folder in sys.path if Path(folder).resolve() != HERE),
]  # a file there has the same name as the package
sys.path.append(str(HERE))

import writer_server

from refcodec import __version__, editing
from refcodec.assemble import header_of, section_of
from refcodec.container import Header, Section, assemble, read, write
from refcodec.container.limits import level_bounds
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.networks import package_cache
from refcodec.payloads import kinds
from refcodec.payloads.coding import CodingContext
from refcodec.registry import Profile, Registry
from refcodec.table_files import TableFiles

TIERS = ("S", "L")
Size = tuple[int, int]


def begin(rows: Path, data: Path) -> writer_server.Work:
    """Return an encoder and editor with this registry and the tables in `data`."""
    registry, tables = Registry.parse(rows.read_bytes()), TableFiles(data)

    @functools.cache
    def environment(models: Path) -> Environment:
        return Environment(registry, tables, (models,))

    def work(order: writer_server.Order) -> bytes | dict[str, Any]:
        try:
            return done(order, environment(order.models))
        except SemError as error:
            raise writer_server.Refused(str(error), error.id, error.status) from None
        except ValueError as error:
            raise writer_server.Refused(str(error)) from None

    return work


def done(order: writer_server.Order, environment: Environment) -> bytes | dict[str, Any]:
    """Return the file or the codes that are asked for. Raises SemError or ValueError if there are none."""
    if order.task == "edit":
        return edited(order.input, order.operation or {}, environment)
    symbols = json.loads(order.input)
    if order.task == "quantise":
        return quantised(symbols["vector"], int(symbols["b"]))
    if any("map" in section for section in symbols["sections"]):
        return sketch_of_map(symbols, environment)
    return encoded(symbols, environment)


def encoded(symbols: dict[str, Any], environment: Environment) -> bytes:
    """Return the file of these symbols (`$defs/input` of manifest.schema.json)."""
    row, size = environment.registry.get(symbols["profile"]), (symbols["width"], symbols["height"])
    if symbols["model_hash"] is not None:
        raise ValueError("symbols of explicit models are not encoded")
    header = header_of(row, size, symbols["check_bits"])
    sections = []
    for section in symbols["sections"]:
        if "body" in section:
            body = s = bytes.fromhex(section["body"])
        else:
            body, s = payload(section, row, size, environment)
        sections.append(section_of(header, None, section["type"], body, s))
    return write(assemble(header, sections))


def payload(section: dict[str, Any], row: Profile, size: Size, environment: Environment) -> tuple[bytes, bytes]:
    """Return the body and S of a payload."""
    number, context = section["type"] & 0x3F, context_of(section["type"] & 0x3F, row, size, environment)
    if "z" in section:
        return latents(section, context)
    return body_of_value(section, number, context)


def context_of(number: int, row: Profile, size: Size, environment: Environment) -> CodingContext:
    """Return what a payload of this kind is coded with. Raises ValueError if the row has no such kind."""
    if number not in row.kinds:
        raise ValueError(f"profile {row.name} has no payload of kind {number}")
    kind, parameters, model = kinds.get(number), row.parameters(number), None
    if kind.needs_model(parameters):
        assert row.model is not None
        model = package_cache.payload_model(kind, environment.locate_package(row.model), row.model)
    backend = package_cache.backend("numpy") if kind.networks else None
    return CodingContext(parameters, size, level_bounds(1).text_bytes, environment.tables, model, backend, None, None)


def latents(section: dict[str, Any], context: CodingContext) -> tuple[bytes, bytes]:
    """Return the body and S of latents of kind 6 or 7."""
    import numpy as np

    from refcodec.payloads.latents import ElicLatents

    value = ElicLatents(section["rate"], *(np.array(section[name], np.int32) for name in ("z", "y")))
    kind = kinds.get(section["type"] & 0x3F)
    return kind.encode(value, context), value.serialise()


def body_of_value(section: dict[str, Any], number: int, context: CodingContext) -> tuple[bytes, bytes]:
    """Return the body and S of a payload of kinds 1 to 5."""
    from refcodec.payloads import clip_bits, consonant, pq_codes, vq_indices
    from refcodec.payloads.caption import modes

    value, parameters, tables = section["value"], dict(context.parameters), context.tables
    table = None if context.model is None else context.model.table
    if number == 1:
        body = consonant.encode(consonant.from_text(value).codes, parameters, tables=tables)
    elif number == 2 and section["mode"] == "tokens":
        body = modes.encode_tokens(value, parameters, section.get("candidate"))
    elif number == 2:
        candidate = section.get("candidate")
        body = modes.encode(value, parameters, section["mode"], tables=tables, candidate=candidate)
    elif number == 3:
        body = clip_bits.encode(value, parameters, table)
    elif number == 4:
        body = pq_codes.encode(value, parameters)
    else:
        body = vq_indices.encode([index for line in value for index in line], parameters, context.size, table)
    return body, kinds.get(number).decode(body, context).serialise()


def sketch_of_map(symbols: dict[str, Any], environment: Environment) -> bytes:
    """Return the file of a map of edges, for which the encoder finds the latents."""
    import numpy as np

    from refcodec.codec import encode_file

    (given,) = (section["map"] for section in symbols["sections"] if "map" in section)
    samples = np.frombuffer(bytes.fromhex(given["samples"]), np.uint8).reshape(given["height"], given["width"])
    size = (symbols["width"], symbols["height"])
    return encode_file(sketch=samples, size=size, profile=symbols["profile"], environment=environment).data


def quantised(vector: list[str], b: int) -> dict[str, Any]:
    """Return the codes of a vector of binary32 numbers in hexadecimal, and their body. ValueError for not a number."""
    import numpy as np

    from refcodec.payloads import clip_bits

    numbers = np.frombuffer(bytes.fromhex("".join(vector)), ">f4").astype(np.float32)
    codes = [int(code) for code in clip_bits.quantise(numbers, b)]
    body = clip_bits.encode(codes, {"d": len(codes), "b": b, "prior": False})
    return {"codes": codes, "body": body.hex()}


def edited(data: bytes, operation: dict[str, Any], environment: Environment) -> bytes:
    """Return the file after an operation of the list `edit`."""
    container = read(data, environment=environment)
    if "strip" in operation:
        return editing.strip(container, operation["strip"]).data
    if "cut" in operation:
        return editing.cut(container, sections=operation["cut"]).data
    header = container.header
    new = [new_section(header, section, environment) for section in operation["add"]]
    return editing.add(container, new, replacing=operation["replacing"]).data


def new_section(header: Header, section: dict[str, Any], environment: Environment) -> Section:
    """Return a section to be added, with its check over the symbols that its body codes."""
    body = s = bytes.fromhex(section["body"])
    if section["type"] & 0x80:
        number, size = section["type"] & 0x3F, (header.width, header.height)
        s = kinds.get(number).decode(body, context_of(number, header.profile, size, environment)).serialise()
    return section_of(header, header.model_digest(), section["type"], body, s)


def main(arguments: list[str]) -> int:
    """Serve the protocol; return the exit status."""
    return writer_server.main(f"refcodec {__version__}", TIERS, begin, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
