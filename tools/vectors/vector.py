# SPDX-License-Identifier: MIT
"""What a vector is: a valid file with what it says, or a valid file with one defect and the error that it must give.

Recipes are data: `Valid` and `Fault`. A defect is a list of edits, so that undoing them is mechanical.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from refcodec import spec
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.inspection import inspect
from refcodec.payloads import Value
from tools.vectors.features import features, stage

SHIPPED: Final = Environment()
SINCE: Final = 1  # the document revision of SPEC.md for which new vectors are written


@dataclass(frozen=True)
class Valid:
    """A valid file. Latents come from the seed, the id where none is given: z and y name ways of `symbols.py`."""

    id: str
    rules: tuple[int, ...]
    note: str
    size: tuple[int, int] = (64, 64)
    tier: str = "L"
    profile: int = 200
    check: int = 0
    rate: int = 0
    z: str = "natural"
    y: str = "natural"
    seed: str | None = None
    sections: tuple[tuple[int, bytes], ...] = ()  # the ancillary ones
    payloads: tuple[tuple[int, Any], ...] = ()  # (kind, what `payload_writer.py` writes) of kinds 1 to 5
    payload: bool = True  # whether there are latents: a section of kind 6 or 7, as the profile has it
    body: bytes | None = None  # of that section, where it is not to be decoded
    model: str | None = None  # an explicit model: a folder of test_vectors/models, or a digest that no model has
    hash_bytes: int = 0  # its hash length
    keep: int | None = None  # so many sections are in the file
    trace: bool = False
    encode: bool = False  # whether it is an encoder vector, too


@dataclass(frozen=True)
class Edit:
    """At this offset of the valid file these bytes give way to those."""

    offset: int
    delete: bytes
    insert: bytes

    def to_dict(self) -> dict[str, Any]:
        return {"offset": self.offset, "delete": self.delete.hex(), "insert": self.insert.hex()}


def explicit(base_profile: int) -> bytes:
    """A header of 8 bytes of hash without a check, up to the hash (SPEC §4)."""
    return spec.MAGIC + bytes((spec.VERSION << 5, spec.PROFILE_EXPLICIT, base_profile, 1))


Defect = Callable[["Vector"], list[Edit]]


@dataclass(frozen=True)
class Fault:
    """The file of the vector `base` with one defect."""

    id: str
    base: str
    error: int
    rules: tuple[int, ...]
    note: str
    defect: Defect
    tier: str = "H"


@dataclass(frozen=True)
class Vector:
    """One finished vector."""

    recipe: Valid | Fault
    group: str
    data: bytes
    expected: Mapping[str, Any] | None = None  # of a valid file
    edits: tuple[Edit, ...] = ()
    values: Mapping[int, Value] = field(default_factory=dict)  # of the payloads of a valid file, by section type
    trace: bytes | None = None
    pixels: Mapping[str, Any] | None = None  # of tier P: what the manifest says of the picture
    environment: Environment = SHIPPED  # whose registry the file is read with

    @property
    def latents(self) -> Any:
        """The ElicLatents of the file, None where it has none."""
        return self.values.get(0x87, self.values.get(0x86))

    @property
    def path(self) -> str:
        return f"{self.group}/{self.recipe.id}"

    def to_dict(self, base: Vector | None = None) -> dict[str, Any]:
        """The entry of the manifest. `base`: the valid file of which a defect made it."""
        r = self.recipe
        entry: dict[str, Any] = {"id": r.id, "file": f"{self.path}.sem", **digests(self.data), "tier": r.tier}
        entry |= {**shared(r.rules, r.note), "expect": "accept"}
        whole = base or self
        if isinstance(r, Fault):
            sectioned = bool(whole.data[2] & 2)
            edits = [edit.to_dict() for edit in self.edits]
            entry |= {"expect": "reject", **error_entry(r.error), "stage": stage(r.error, r.tier, sectioned)}
            entry |= {"repaired": r.base, "edits": edits}
        else:
            entry |= {"expected": dict(self.expected or {}) | ({"pixels": self.pixels} if self.pixels else {})}
        error = r.error if isinstance(r, Fault) else None
        entry["features"] = features(whole.data, whole.expected or {}, error)
        if self.trace is not None:
            entry["trace"] = f"{self.path}.trace.json"
        return entry


def shared(rules: Iterable[int], note: str) -> dict[str, Any]:
    """Members that every entry has."""
    return {"rules": rule_ids(rules), "note": note, "since": SINCE, "until": None}


def digests(data: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def rule_ids(rules: Iterable[int]) -> list[str]:
    return [f"SEM-R-{rule:03}" for rule in sorted(rules)]


def error_entry(code: int) -> dict[str, Any]:
    error = SemError(code, "")
    return {"error": error.id, "status": error.status}


# --- edits -------------------------------------------------------------------------------------------------------


def apply(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The file with its defect. Offsets count in the valid file; ValueError where it does not hold what is deleted."""
    out, at = bytearray(), 0
    for edit in edits:
        if edit.offset < at or data[edit.offset : edit.offset + len(edit.delete)] != edit.delete:
            raise ValueError(f"the edit at {edit.offset} does not fit")
        out += data[at : edit.offset] + edit.insert
        at = edit.offset + len(edit.delete)
    return bytes(out + data[at:])


def spans(vector: Vector) -> dict[str, tuple[int, int]]:
    """Field name -> first byte and the byte after the last; also of whole sections, `sections[0]`."""
    found: dict[str, tuple[int, int]] = {}
    at = 0
    for f in inspect(vector.data, environment=vector.environment).fields:
        at = max(at, 8 * f.offset)
        end = at + f.bits
        found[f.name] = (f.offset, -(-end // 8))
        if f.name.startswith("sections["):
            name = f.name.partition(".")[0]
            found[name] = (found.get(name, (f.offset, 0))[0], -(-end // 8))
        at = end
    return found


def put(where: str | int, new: str, count: int | None = None) -> Defect:
    """A field, or `count` bytes at an offset, becomes other bytes (hexadecimal)."""

    def defect(base: Vector) -> list[Edit]:
        if isinstance(where, int):
            start, end = where, where + (1 if count is None else count)
        else:
            start, end = spans(base)[where]
            end = end if count is None else start + count
        return [Edit(start, base.data[start:end], bytes.fromhex(new))]

    return defect


def before(where: str, new: str) -> Defect:
    """Bytes are inserted before a field."""
    return put(where, new, 0)


def both(*defects: Defect) -> Defect:
    """Two edits that are one defect; the second stands further on."""
    return lambda base: [edit for defect in defects for edit in defect(base)]


def cut(where: str | int, count: int = 0) -> Defect:
    """The file ends so many bytes into a field, or at an offset."""

    def defect(base: Vector) -> list[Edit]:
        at = (where if isinstance(where, int) else spans(base)[where][0]) + count
        return [Edit(at, base.data[at:], b"")]

    return defect


def append(new: str) -> Defect:
    return lambda base: [Edit(len(base.data), b"", bytes.fromhex(new))]


def swap(one: str, two: str) -> Defect:
    """Two sections, or the bytes of two fields of the same length, change places."""

    def defect(base: Vector) -> list[Edit]:
        (a, b), (c, d) = spans(base)[one], spans(base)[two]
        first, second = base.data[a:b], base.data[c:d]
        return [Edit(a, first, second), Edit(c, second, first)]

    return defect


def twice(where: str) -> Defect:
    """A section is there twice; the count in the header says so."""

    def defect(base: Vector) -> list[Edit]:
        start, end = spans(base)[where]
        count = spans(base)["count_minus_1"][0]
        more = bytes([base.data[count] + 1])
        return [Edit(count, base.data[count : count + 1], more), Edit(end, b"", base.data[start:end])]

    return defect


def becomes(make: Callable[[Vector], bytes]) -> Defect:
    """The file becomes another; the edit is the shortest one that does it."""

    def defect(base: Vector) -> list[Edit]:
        old, new = base.data, make(base)
        least = min(len(old), len(new))
        head = next((i for i in range(least) if old[i] != new[i]), least)
        tail = next((i for i in range(least - head) if old[-1 - i] != new[-1 - i]), least - head)
        return [Edit(head, old[head : len(old) - tail], new[head : len(new) - tail])]

    return defect
