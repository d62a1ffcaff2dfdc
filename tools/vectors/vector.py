# SPDX-License-Identifier: MIT
"""A built vector: the bytes of a file and its entry in manifest.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from refcodec import spec
from refcodec.environment import Environment
from refcodec.payloads import Value
from tools.vectors.case import SHIPPED, InvalidCase, OwnRegistry, ValidCase
from tools.vectors.entry import common_members, error_members, file_members
from tools.vectors.features import features, stage

if TYPE_CHECKING:
    from tools.vectors.edits import Edit


@dataclass(frozen=True)
class Vector:
    """One finished vector."""

    case: ValidCase | InvalidCase
    folder: str  # of test_vectors/
    data: bytes
    expected: Mapping[str, Any] | None = None  # of a valid file
    edits: tuple[Edit, ...] = ()
    values: Mapping[int, Value] = field(default_factory=dict)  # decoded payloads of a valid file, by section type
    trace: bytes | None = None
    pixels: Mapping[str, Any] | None = None  # tier P: the member `pixels` of `expected`
    environment: Environment = SHIPPED  # its registry is used to read the file
    registry: OwnRegistry | None = None

    @property
    def latents(self) -> Any:
        """The ElicLatents of the file, or None."""
        return self.values.get(spec.CRITICAL | spec.ELIC, self.values.get(spec.CRITICAL | spec.SKETCH))

    @property
    def path(self) -> str:
        """Path in test_vectors/ without a suffix."""
        return f"{self.folder}/{self.case.id}"

    def to_dict(self, base: Vector | None = None) -> dict[str, Any]:
        """Return the entry of the manifest; `base` is the valid file from which an invalid one was made."""
        case = self.case
        entry: dict[str, Any] = {"id": case.id, "file": f"{self.path}.sem", **file_members(self.data)}
        entry |= {"tier": case.tier, **common_members(case.rules, case.note), "expect": "accept"}
        valid = base or self
        if isinstance(case, InvalidCase):
            sectioned = bool(valid.data[2] & 2)
            edits = [edit.to_dict() for edit in self.edits]
            entry |= {"expect": "reject", **error_members(case.error), "stage": stage(case.error, case.tier, sectioned)}
            entry |= {"repaired": case.base, "edits": edits}
        else:
            entry |= {"expected": dict(self.expected or {}) | ({"pixels": self.pixels} if self.pixels else {})}
        error = case.error if isinstance(case, InvalidCase) else None
        entry["features"] = features(valid.data, valid.expected or {}, error)
        if self.trace is not None:
            entry["trace"] = f"{self.path}.trace.json"
        return entry if self.registry is None else entry | self.registry.member()
