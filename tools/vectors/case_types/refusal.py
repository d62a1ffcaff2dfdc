# SPDX-License-Identifier: MIT
"""Input that an encoder must refuse: symbols, or maps of sketches, from which no valid file can be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.vectors.case import Output, Vectors
from tools.vectors.entry import common_members, file_members
from tools.vectors.json_files import compact_json


@dataclass(frozen=True)
class Refusal:
    """Input of an encoder: sections as JSON, in a picture of this size."""

    id: str  # without the prefix `refuse-` of the entry
    rules: tuple[int, ...]
    note: str
    profile: int
    sections: tuple[dict[str, Any], ...]
    size: tuple[int, int] = (64, 48)

    def build(self, _: Vectors) -> Output:
        path = f"refuse/{self.id}.json"
        data = compact_json(
            {
                "profile": self.profile,
                "model_hash": None,
                "width": self.size[0],
                "height": self.size[1],
                "check_bits": 16,
                "sections": list(self.sections),
            }
        )
        entry = {
            "id": f"refuse-{self.id}",
            "input": path,
            **file_members(data),
            **common_members(self.rules, self.note),
        }
        return Output({path: data}, (("refuse", entry),))


def refused_value(
    name: str, rule: int, note: str, profile: int, section_type: int, value: Any, **members: Any
) -> Refusal:
    """Return a refusal of one payload."""
    return Refusal(name, (rule,), note, profile, ({"type": section_type, "value": value, **members},))
