# SPDX-License-Identifier: MIT
"""Two versions of a registry, for programs that check changes of the registry (SPEC §5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tools.vectors.case import Output, OwnRegistry, Vectors
from tools.vectors.case_types.registry_row import Row, document, row
from tools.vectors.entry import common_members

DRAFT: Final = row(202)
PUBLISHED: Final = row(204, status="published")
BEFORE: Final = (DRAFT, PUBLISHED)


@dataclass(frozen=True)
class RegistryChange:
    """A change from the rows `before` to the rows `after`, permitted or not."""

    id: str
    rules: tuple[int, ...]
    note: str
    permitted: bool
    after: tuple[Row, ...]
    before: tuple[Row, ...] = BEFORE

    def build(self, _: Vectors) -> Output:
        before = OwnRegistry("history" if self.before == BEFORE else f"{self.id}-before", document(*self.before))
        after = OwnRegistry(self.id, document(*self.after))
        entry: dict[str, Any] = {
            "id": self.id,
            "before": before.member()["registry"],
            "after": after.member()["registry"],
            "expect": "accept" if self.permitted else "reject",
            **common_members(self.rules, self.note),
        }
        return Output({each.path: each.document for each in (before, after)}, (("history", entry),))
