# SPDX-License-Identifier: MIT
"""Remove, add and truncate sections of a file without decoding the others, as SPEC §6 requires of an editor.

Each check covers one section and is valid in both forms of the file, so the remaining sections do not change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from refcodec import spec
from refcodec.container import LEVELS, Container, Section, assemble, write
from refcodec.container.sections import section_name
from refcodec.errors import Code, SemError
from refcodec.payloads.kinds import KINDS, Kinds


@dataclass(frozen=True)
class Edited:
    """An edited file. `dropped`: the types of unknown sections that the edit had to remove (SEM-R-051)."""

    data: bytes
    dropped: tuple[int, ...] = ()


def type_named(name: str, kinds: Kinds = KINDS) -> int:
    """Return the section type for the name of a kind or ancillary section, or for a number such as 0x43.

    Raises ValueError for another name.
    """
    for kind, known in kinds.names.items():
        if name == known:
            return spec.CRITICAL | kind
    for section_type, known in spec.ANCILLARY.items():
        if name == known:
            return section_type
    try:
        number = int(name, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFF:
        known_names = ", ".join([*kinds.names.values(), *spec.ANCILLARY.values()])
        raise ValueError(f"{name!r} is not a section: there are {known_names}, and types such as 0x43")
    return number


def strip(container: Container, types: Collection[int], *, level: int = 1) -> Edited:
    """Return the file without the sections of these types. Raises ValueError if one is absent, or none would be left."""
    have = {section.type for section in container.sections}
    if missing := sorted(set(types) - have):
        raise ValueError(f"the file has no section {_name(missing[0], container)}")
    kept = [section for section in container.sections if section.type not in types]
    return _edited(container, kept, any(t & spec.CRITICAL for t in types), level)


def add(container: Container, sections: Iterable[Section], *, replacing: bool = False, level: int = 1) -> Edited:
    """Return the file with further sections; `replacing`: they may replace sections of the file.

    Raises ValueError for a section that the file has already, Code.SECTION_KIND (SEM-E-303) for a kind that the profile
    does not allow.
    """
    new = list(sections)
    types = {section.type for section in new}
    if twice := [section.type for i, section in enumerate(new) if section.type in {other.type for other in new[:i]}]:
        raise ValueError(f"{_name(twice[0], container)} is to be added twice")
    there = [section for section in container.sections if section.type in types]
    if there and not replacing:
        raise ValueError(f"the file has a section {_name(there[0].type, container)} already")
    for section in new:
        if section.critical and section.number not in container.profile.kinds:
            what = f"profile {container.profile.name} has no section of kind {section.number}"
            raise SemError(Code.SECTION_KIND, what, path="sections")
    kept = [section for section in container.sections if section.type not in types]
    return _edited(container, [*kept, *new], any(section.critical for section in new), level)


def cut(container: Container, *, sections: int | None = None, limit: int | None = None) -> Edited:
    """Return the file up to the end of its first `sections` sections, or of as many as fit `limit` bytes.

    The header does not change, so it reads as an incomplete file (SEM-R-047). Raises ValueError for a compact file, and
    if no section would be left.
    """
    if not container.header.sectioned:
        raise ValueError("a compact file has no sections to cut between")
    for keep in range(len(container.sections), 0, -1):
        data = write(replace(container, sections=container.sections[:keep]), level=max(LEVELS))
        if (sections is None or keep <= sections) and (limit is None or len(data) <= limit):
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


def _name(section_type: int, container: Container) -> str:
    return section_name(section_type, container.profile.known) or f"0x{section_type:02X}"
