# SPDX-License-Identifier: MIT
"""Adapt refcodec to the suite's protocol, with the registry, tables and models of the suite instead of its own.

python conformance/adapters/refcodec.py [--drafts] …      also read payload kinds that are drafts
"""

from __future__ import annotations

import base64
import functools
import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:] = [
    str(HERE.parents[1]),
    *(folder for folder in sys.path if Path(folder).resolve() != HERE),
]  # this file has the same name as the package
sys.path.append(str(HERE))

import protocol_server

from refcodec import __version__, errors
from refcodec.environment import Environment
from refcodec.payloads.kinds import KINDS, WITH_DRAFTS, Kinds
from refcodec.registry import Registry
from refcodec.table_files import TableFiles

TIERS = ("H", "S", "L", "P")


def begin(rows: Path, data: Path, kinds: Kinds = KINDS) -> protocol_server.Decode:
    """Return a decoder of these kinds, this registry and the tables in `data`."""
    document = rows.read_bytes()
    try:
        environment = Environment(Registry.parse(document, kinds), TableFiles(data), ())
    except ValueError as error:
        return rejecting(str(error))
    from refcodec.networks.numpy_backend import NumpyBackend

    backend = NumpyBackend()

    def decode(question: protocol_server.Question) -> protocol_server.Answer:
        try:
            return answer(question, replace(environment, package_folders=(question.models,)), backend)
        except errors.SemError as error:
            raise protocol_server.Rejected(error.id, error.status, str(error)) from None

    return decode


def rejecting(reason: str) -> protocol_server.Decode:
    """Return a decoder that rejects every file, since refcodec does not load a registry with an error (SEM-R-055, 056)."""

    def decode(_: protocol_server.Question) -> protocol_server.Answer:
        raise protocol_server.Rejected("SEM-E-702", 4, reason)

    return decode


def answer(question: protocol_server.Question, environment: Environment, backend: Any) -> protocol_server.Answer:
    """Decode the file of a question to its tier; raise SemError for an invalid file."""
    from refcodec.container import read
    from refcodec.container.check import file_state, section_state
    from refcodec.container.sections import section_name
    from refcodec.decoder import decode_container, explicit_digest
    from refcodec.networks.package_cache import model_digest

    container = read(question.file, environment=environment)
    header, sections, known = container.header, container.sections, environment.kinds
    result = {
        "width": header.width,
        "height": header.height,
        "profile": header.row_id,
        "model_hash": None if header.model_hash is None else header.model_hash.hex(),
        "check_bits": header.check_bits,
        "complete": container.complete,
    }
    reports: list[dict[str, Any]] = [
        {"type": s.type, "kind": section_name(s.type, known), "offset": s.body_offset, "bytes": len(s.body)}
        for s in sections
    ]
    if question.tier == "H":
        return result | {"sections": reports}
    if question.asked == "embedding" and any(section.type == 0x84 for section in sections):
        check_codebooks(container, environment)
    decoded = decode_container(container, environment, backend=backend)
    digest = explicit_digest(header, environment) if decoded.folder is None else model_digest(decoded.folder)
    states = []
    for section, members in zip(sections, reports, strict=True):
        symbols = section.body
        if section.critical:
            value: Any = decoded.values[section.type]
            symbols = value.serialise()
            members |= {"shape": value.shape} | payload(members["kind"], value)
        states.append(section_state(header, section, symbols, digest))
        members |= {"check": states[-1], "sha256": hashlib.sha256(symbols).hexdigest()}
    result |= {"check": file_state(states), "sections": reports}
    return result | ({"pixels": picture(decoded, (header.width, header.height))} if question.tier == "P" else {})


def payload(kind: str | None, value: Any) -> dict[str, Any]:
    """Return the members of a section's report that depend on its kind."""
    if kind in ("sketch", "elic", "scheduled"):
        return {"rate": value.rate}
    return {"value": value.to_json()} | ({"mode": value.mode} if kind == "caption" else {})


def picture(decoded: Any, size: tuple[int, int]) -> dict[str, Any]:
    """Return the picture that the synthesis network of the symbol model's package makes of latents, as `pixels`."""
    from refcodec.methods import latent_coding, sketch

    ((section_type, latents),) = [item for item in decoded.values.items() if item[0] & 0x3F in (6, 7)]
    pixels: Any = (
        sketch.synthesise(latents, decoded.folder, size)
        if section_type & 0x3F == 6
        else latent_coding.synthesise(latents, decoded.folder, size)
    )
    shape = (*pixels.shape, 1)[:3]
    return {"shape": shape, "data": base64.b64encode(pixels.tobytes()).decode("ascii")}


def check_codebooks(container: Any, environment: Environment) -> None:
    """Check the model that maps PQ codes to an embedding. Decoding the codes does not need it."""
    from refcodec.networks import package_cache
    from refcodec.networks.package_cache import model_digest
    from refcodec.payloads import kinds

    header, profile = container.header, container.profile
    digest = header.named_digest
    if 4 in profile.kinds and profile.parameters(4).get("codebooks") and digest is not None:
        folder = environment.locate_package(digest)
        kinds.check_model(package_cache.table_model(folder, model_digest(folder)), 4, profile.parameters(4))


def main(arguments: list[str]) -> int:
    """Serve the protocol; return the exit status."""
    drafts = arguments[:1] == ["--drafts"]
    decoder = functools.partial(begin, kinds=WITH_DRAFTS if drafts else KINDS)
    return protocol_server.main(f"refcodec {__version__}", TIERS, decoder, arguments[drafts:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
