# SPDX-License-Identifier: MIT
"""Change .sem files part by part, with lengths, counts and checks corrected, so that changes reach the payloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import Any, Final

from diff_fuzz.cases import Cases
from diff_fuzz.damage import damage_parts
from diff_fuzz.files import parse_parts
from refcodec import spec
from refcodec.container import Container, read, section_check, symbol_count, write
from refcodec.decoder import decode_container, explicit_digest
from refcodec.environment import Environment
from refcodec.errors import SemError
from semrunner.suite import load
from tools.fuzz.mutators import plain
from tools.fuzz.target import MODELS, ROOT, VECTORS

SYMBOLS: Final = 1 << 13  # a file that claims more gets no check of its own
MAGICS: Final = (
    spec.MAGIC, b"\xf5\x9e\x2c\x01", b"\xf5\x9e\x20\x03", b"\xf5\x9e\x22\x01", b"\xf8", b"\xf9\x78\x9c", b"\xfa\x20", b"\xff\xff\xff\x7f",
    b"\x80\x00", b"\xfe\x00\xc8", b"\xff\xc8\x00", *(bytes([kind]) for kind in (0x01, 0x02, 0x04, 0x43, *range(0x80, 0x89))),
    *(name.encode() for name in ("seed", "steps", "guidance", "encoder", "setting", "scheduler")),
)  # fmt: skip


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the environment of the vectors: the shipped registry, and their models."""
    return Environment().with_packages(MODELS)


@lru_cache(maxsize=1)
def _cases() -> Cases:
    refcodec = ROOT / "refcodec"
    return Cases(load(VECTORS), refcodec / "registry" / "registry.json", refcodec / "payloads" / "data", 0)


@lru_cache(maxsize=1)
def rows() -> dict[int, Any]:
    """Return the bindings of the registry by id."""
    return _cases().rows


def vectors() -> list[bytes]:
    """Return the files of all vectors, valid or not."""
    return [path.read_bytes() for path in sorted(VECTORS.rglob("*.sem"))]


def claimed(container: Container) -> int:
    """Return the symbols of the largest payload that a header allows."""
    header, profile = container.header, container.profile
    return max((symbol_count(profile, kind, header.width, header.height) or 0 for kind in profile.kinds), default=0)


def with_valid_checks(data: bytes) -> bytes:
    """Return the file with the checks of its own symbols; unchanged if it has none, or does not decode."""
    try:
        container = read(data, environment=environment())
        header = container.header
        if not header.check_bits or claimed(container) > SYMBOLS:
            return data
        bare = replace(
            container,
            header=replace(header, check_bits=0, check=None),
            sections=tuple(replace(section, check=b"") for section in container.sections),
        )
        values = decode_container(bare, environment()).values
        digest = explicit_digest(header, environment())
        sections = []
        for section in container.sections:
            symbols = values[section.type].serialise() if section.critical else section.body
            check = section_check(header.profile, digest, header, section.type, symbols, header.check_bits)
            sections.append(replace(section, check=check))
        compact = None if header.sectioned else sections[0].check
        return write(replace(container, header=replace(header, check=compact), sections=tuple(sections)))
    except (SemError, ValueError, KeyError):
        return data


def repair(rng: Random, data: bytes) -> bytes:
    """Return a file with the version right, and often without a check or with that of its symbols."""
    if len(data) < 4:
        return data
    if rng.random() < 0.7:
        data = spec.MAGIC + data[2:]
    choice = rng.random()
    if choice < 0.3 and (parts := parse_parts(data, rows())) is not None:
        parts.check_code = 0
        return parts.data()
    return with_valid_checks(data) if choice < 0.45 else data


def mutate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return another file: of changed parts, of changed bytes, or a new one with a valid body."""
    choice = rng.random()
    if choice < 0.1:
        made = _cases().case(rng.getrandbits(40))
        return data if made.base_package is not None or made.registry is not None else made.file
    if choice < 0.3:
        return repair(rng, plain.mutate(rng, data, others))
    parts, another = parse_parts(data, rows()), parse_parts(rng.choice(others), rows()) if others else None
    if parts is None or another is None:
        return plain.mutate(rng, data, others)
    if rng.random() < 0.5:
        parts.check_code = 0
    for _ in range(rng.choice((1, 1, 2, 3))):
        damage_parts(rng, parts, [another], [section.body or b"\0" for section in another.sections] or [b"\0"])
    changed = parts.data()
    return with_valid_checks(changed) if rng.random() < 0.12 else changed
