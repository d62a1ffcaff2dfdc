# SPDX-License-Identifier: MIT
"""Sections taken away, cut off or added, without a look at the others: what SPEC §6 asks of an editor.

Checks are those of single sections and hold in either form of the file, so nothing that stays is decoded or changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from refcodec import spec
from refcodec.container import Container, Section, assemble, write
from refcodec.container.sections import section_name
from refcodec.errors import Code, SemError
from refcodec.payloads.base import Kinds
from refcodec.payloads.kinds import KINDS


@dataclass(frozen=True)
class Edited:
    """The new file, and the types of sections that had to go with the change (R-051)."""

    data: bytes
    dropped: tuple[int, ...] = ()


def type_named(name: str, kinds: Kinds = KINDS) -> int:
    """The section type of a kind or ancillary section by name, or by number as in 0x43. ValueError for another one."""
    for kind in kinds:
        if name == kind.name:
            return spec.CRITICAL | kind.id
    for section_type, known in spec.ANCILLARY.items():
        if name == known:
            return section_type
    try:
        number = int(name, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFF:
        known_names = ", ".join([*(kind.name for kind in kinds), *spec.ANCILLARY.values()])
        raise ValueError(f"{name!r} is no section: there are {known_names}, and types such as 0x43")
    return number


def strip(container: Container, types: Collection[int], *, level: int = 1) -> Edited:
    """The file without the sections of these types. ValueError where one is not there, or none would be left."""
    have = {section.type for section in container.sections}
    if missing := sorted(set(types) - have):
        raise ValueError(f"the file has no section {_name(missing[0])}")
    kept = [section for section in container.sections if section.type not in types]
    return _edited(container, kept, any(t & spec.CRITICAL for t in types), level)


def add(container: Container, sections: Iterable[Section], *, replacing: bool = False, level: int = 1) -> Edited:
    """The file with these sections beside its own. ValueError for one that is there already, unless `replacing`.

    SEM-E-303 for a kind that the profile does not allow.
    """
    new = list(sections)
    types = {section.type for section in new}
    if twice := [section.type for i, section in enumerate(new) if section.type in {other.type for other in new[:i]}]:
        raise ValueError(f"{_name(twice[0])} is to be added twice")
    there = [section for section in container.sections if section.type in types]
    if there and not replacing:
        raise ValueError(f"the file has a section {_name(there[0].type)} already")
    for section in new:
        if section.critical and section.number not in container.profile.kinds:
            what = f"profile {container.profile.name} has no section of kind {section.number}"
            raise SemError(Code.SECTION_KIND, what, path="sections")
    kept = [section for section in container.sections if section.type not in types]
    return _edited(container, [*kept, *new], any(section.critical for section in new), level)


def cut(container: Container, *, sections: int | None = None, most: int | None = None) -> Edited:
    """The file up to the end of its first `sections` sections, or of as many as fit `most` bytes; its header stays.

    Reads as an incomplete file (R-047). ValueError for a compact file, and where no section would be left.
    """
    if not container.header.sectioned:
        raise ValueError("a compact file has no sections to cut between")
    for keep in range(len(container.sections), 0, -1):
        data = write(replace(container, sections=container.sections[:keep]), level=max(_levels()))
        if (sections is None or keep <= sections) and (most is None or len(data) <= most):
            return Edited(data)
    raise ValueError("not even the first section would be left")


def _edited(container: Container, sections: list[Section], deep: bool, level: int) -> Edited:
    if not sections:
        raise ValueError("nothing would be left of the file")
    dropped = [section for section in sections if deep and not section.survives_edit]
    kept = [section for section in sections if section not in dropped]
    if not kept:
        raise ValueError("nothing would be left of the file")
    return Edited(write(assemble(container.header, kept), level=level), tuple(section.type for section in dropped))


def _levels() -> Iterable[int]:
    from refcodec.container import LEVELS

    return LEVELS


def _name(section_type: int) -> str:
    return section_name(section_type) or f"0x{section_type:02X}"
