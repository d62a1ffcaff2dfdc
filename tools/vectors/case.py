# SPDX-License-Identifier: MIT
"""Cases: the descriptions from which vectors are built.

A `ValidCase` describes a file that a decoder must accept. An `InvalidCase` is a valid file with one defect, a list of
edits that can be undone mechanically, and the error that a decoder must give. Cases of the other lists of manifest.json
are in `case_types/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from refcodec.environment import Environment
from refcodec.registry import Registry
from tools.vectors.entry import file_members

if TYPE_CHECKING:
    from tools.vectors.edits import Edit
    from tools.vectors.vector import Vector

SHIPPED: Final = Environment()
MANIFEST_LISTS: Final = (
    "vectors",
    "models",
    "registries",
    "painters",
    "encode",
    "refuse",
    "edit",
    "history",
    "coder",
    "quantise",
)
Defect = Callable[["Vector"], "list[Edit]"]


@dataclass(frozen=True)
class OwnRegistry:
    """A registry with which a file is decoded in place of the shipped one."""

    name: str
    document: bytes

    @property
    def path(self) -> str:
        return f"registries/{self.name}.json"

    def member(self) -> dict[str, Any]:
        """Return the member `registry` of an entry."""
        return {"registry": {"file": self.path, "sha256": file_members(self.document)["sha256"]}}


@lru_cache(maxsize=16)
def environment_of(registry: OwnRegistry | None) -> Environment:
    """Return the environment that has this registry; None is the shipped one."""
    return SHIPPED if registry is None else Environment(Registry.parse(registry.document))


@dataclass(frozen=True)
class ValidCase:
    """A valid file. z and y name methods of `symbols.py` to choose latents, which `seed` (or else the id) seeds."""

    id: str
    rules: tuple[int, ...]
    note: str
    size: tuple[int, int] = (64, 64)  # width, height
    tier: str = "L"
    profile: int = 200
    check: int = 0  # bits
    rate: int = 0
    z: str = "natural"
    y: str = "natural"
    seed: str | None = None
    sections: tuple[tuple[int, bytes], ...] = ()  # (type, body) of ancillary sections
    payloads: tuple[tuple[int, Any], ...] = ()  # (kind, value as in `payload_writer.py`) of kinds 1 to 5
    latents: bool = True  # whether there is a section of kind 6 or 7, whichever the profile has
    latents_body: bytes | None = None  # the body of that section in a file of tier H, where it is not decoded
    model: str | None = None  # an explicit model: a folder of test_vectors/models, or the digest of an absent model
    hash_bytes: int = 0  # length of the hash that names it
    keep: int | None = None  # the file is cut after that many sections
    trace: bool = False  # whether a trace of all layers is written
    encode: bool = False  # whether there is also an encoder vector
    registry: OwnRegistry | None = None


@dataclass(frozen=True)
class InvalidCase:
    """The file of the valid case `base` with one defect."""

    id: str
    base: str
    error: int
    rules: tuple[int, ...]
    note: str
    defect: Defect
    tier: str = "H"


class Vectors(Protocol):
    """Access to the built vectors, for cases that depend on them."""

    def vector(self, case_id: str) -> Vector: ...

    def valid(self, case_id: str) -> ValidCase: ...


@dataclass(frozen=True)
class Output:
    """The files of a case by their path in test_vectors/, and its entries as (list of manifest.json, entry)."""

    files: Mapping[str, bytes]
    entries: tuple[tuple[str, dict[str, Any]], ...]


class OtherCase(Protocol):
    """A case of `case_types/`, which builds its own files and entries."""

    def build(self, vectors: Vectors) -> Output: ...


Case = ValidCase | InvalidCase | OtherCase
