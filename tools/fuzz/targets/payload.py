# SPDX-License-Identifier: MIT
"""The payloads of every kind, drafts too: symbols or one error, and canonical symbols have the bytes that they came from."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Final

from refcodec import spec
from refcodec.container import read
from refcodec.decoder import DecodedFile, Payload, decode_container, payload
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.networks import package_cache
from refcodec.payloads.coding import CodingContext
from tools.fuzz.mutators import sem_file
from tools.fuzz.target import ROOT, Target, refusal, require
from tools.fuzz.valid_files import files

PIXELS = 1 << 14  # larger pictures with networks are left to the container's target
DRAFTS: Final = ROOT / "drafts" / "vectors"


@lru_cache(maxsize=1)
def environment_with_drafts() -> Environment:
    """Return the environment of the vectors, with the rows and models of the drafts."""
    return sem_file.environment().with_drafts(DRAFTS / "registry.json").with_packages(DRAFTS / "models")


def seeds() -> list[bytes]:
    """Return files of every kind, valid or not."""
    return [*files(), *(path.read_bytes() for path in sorted(DRAFTS.rglob("*.sem")))]


def run(data: bytes) -> str:
    """Decode all symbols of a file, encode them again, and report them as JSON."""
    environment = environment_with_drafts()
    try:
        container = read(data, environment=environment)
        symbols = sem_file.claimed(container)
        networks = any(container.profile.kind(kind).networks for kind in container.profile.kinds)
        if symbols > sem_file.SYMBOLS or (networks and container.header.width * container.header.height > PIXELS):
            return "large"
        decoded = decode_container(container, environment)
    except SemError as error:
        return refusal(error, len(data))
    _encode_again(decoded)
    if len(data) % 4 == 0:
        reported: Payload = payload(data, environment=environment)
        json.dumps(reported.to_dict())
        require(len(reported.sections) == len(container.sections), "payload reports every section")
    return f"accepted, check {decoded.state}"


def _encode_again(decoded: DecodedFile) -> None:
    """Require that canonical symbols encode to the body that they were decoded from."""
    header, environment = decoded.container.header, decoded.environment
    for section in decoded.container.sections:
        if not section.critical:
            continue
        value, kind = decoded.values[section.type], header.profile.kind(section.type & spec.NUMBER)
        value.arrays()
        shape = value.shape
        require(all(type(n) is int and n >= 0 for axes in shape for n in axes), f"shapes are integers, not {shape}")
        if not value.canonical:
            continue
        parameters = header.profile.parameters(kind.id)
        context = CodingContext(parameters, (header.width, header.height), tables=environment.tables)
        if kind.needs_model(parameters):
            assert decoded.folder is not None
            chosen = decoded.folder, package_cache.model_digest(decoded.folder)
            context = package_cache.with_model(context, kind, chosen, environment.kinds)
        require(kind.encode(value, context) == section.body, f"{kind.name}: encoding does not reproduce the body")


TARGET = Target("payload", seeds, run, sem_file.mutate, sem_file.repair, ".sem", sem_file.MAGICS, max_bytes=2048)
