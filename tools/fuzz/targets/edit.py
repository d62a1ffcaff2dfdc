# SPDX-License-Identifier: MIT
"""Editing and export: whatever is stripped, added or cut leaves a valid file with the other sections unchanged."""

from __future__ import annotations

from refcodec import editing, spec
from refcodec.container import Container, read, section_check
from refcodec.container.sections import Section
from refcodec.decoder import decode_container
from refcodec.errors import SemError
from refcodec.export import artifacts
from tools.fuzz.mutators import sem_file
from tools.fuzz.target import Target, refusal, require
from tools.fuzz.valid_files import files

NOTE = b"\1a\1b"  # an entry of metadata
PIXELS = 1 << 12


def run(data: bytes) -> str:
    """Edit a file in every way, and export its payloads."""
    environment = sem_file.environment()
    try:
        container = read(data, environment=environment)
        if container.header.width * container.header.height > PIXELS or sem_file.claimed(container) > sem_file.SYMBOLS:
            return "large"
        decoded = decode_container(container, environment)
    except SemError as error:
        return refusal(error, len(data))
    _strip(container)
    _add(container)
    _cut(container)
    try:
        found = artifacts(decoded)
    except SemError as error:
        require(error.family == "model", "an export fails for an error of the model only")
        return "accepted, model unusable"
    for name, artifact in found.items():
        if name != "sketch":  # its picture needs the synthesis network
            artifact.make(artifact.suffixes[0])
    return "accepted"


def _same(before: Container, data: bytes, types: set[int]) -> None:
    """Require a valid file whose sections of these types are those of `before`."""
    after = decode_container(read(data, environment=sem_file.environment()), sem_file.environment()).container
    for section_type in types:
        require(after.section(section_type) == before.section(section_type), f"section {section_type} has changed")


def _strip(container: Container) -> None:
    types = {section.type for section in container.sections}
    for section_type in types:
        try:
            edited = editing.strip(container, {section_type})
        except ValueError:  # it is the only section
            continue
        _same(container, edited.data, types - {section_type, *edited.dropped})


def _add(container: Container) -> None:
    header = container.header
    try:
        check = section_check(header.profile, header.model_digest(), header, spec.METADATA, NOTE, header.check_bits)
        edited = editing.add(container, [Section(spec.METADATA, NOTE, check)], replacing=True)
    except SemError as error:
        refusal(error)
        return
    _same(container, edited.data, {section.type for section in container.sections} - {spec.METADATA, *edited.dropped})


def _cut(container: Container) -> None:
    if not container.header.sectioned:
        return
    for count in range(1, len(container.sections) + 1):
        part = read(editing.cut(container, sections=count).data, environment=sem_file.environment())
        require(part.sections == container.sections[:count], f"a file cut after {count} sections has others")


TARGET = Target("edit", files, run, sem_file.mutate, sem_file.repair, ".sem", sem_file.MAGICS, max_bytes=1024)
