# SPDX-License-Identifier: MIT
"""SPEC §5: registries one after another. What was published stays, but for three members that bear on nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tools.vectors.recipes_registry import Row, document, path_of, row, several, to
from tools.vectors.vector import digests, shared

PUBLISHED: Final = row(204, status="published")
DRAFT: Final = row(202)
BEFORE: Final = document(DRAFT, PUBLISHED)
ADVICE: Final = {"models": {"painter": "somebody/something"}, "hints": {"steps": "9"}}


@dataclass(frozen=True)
class Step:
    """A registry that follows `BEFORE`, or another one."""

    id: str
    rules: tuple[int, ...]
    note: str
    right: bool
    after: tuple[Row, ...]
    before: bytes = BEFORE

    def files(self) -> dict[str, bytes]:
        return {self._before: self.before, self._after: document(*self.after)}

    @property
    def _before(self) -> str:
        return path_of("history" if self.before == BEFORE else f"{self.id}-before")

    @property
    def _after(self) -> str:
        return path_of(self.id)

    def to_dict(self) -> dict[str, Any]:
        """The entry of the manifest."""
        before, after = (
            {"file": path, "sha256": digests(data)["sha256"]}
            for path, data in ((self._before, self.before), (self._after, document(*self.after)))
        )
        return {
            "id": self.id,
            "before": before,
            "after": after,
            "expect": "accept" if self.right else "reject",
            **shared(self.rules, self.note),
        }


def _published(change: Any = lambda _: None, **members: Any) -> Row:
    return row(204, change, **{"status": "published"} | members)


STEPS: Final = (
    Step("history-same", (30,), "nothing changes", True, (DRAFT, PUBLISHED)),
    Step("history-withdrawn", (30,), "a published row is withdrawn", True, (DRAFT, _published(status="withdrawn"))),
    Step("history-advice", (30,), "its notes and what it recommends change", True,
         (DRAFT, _published(notes="Better with another painter.", recommended=ADVICE))),
    Step("history-draft", (30,), "a draft changes in all its members", True,
         (row(202, to(4, "parameters", "3", "b"), name="clip-other"), PUBLISHED)),
    Step("history-draft-gone", (30,), "a draft is gone", True, (PUBLISHED,)),
    Step("history-draft-replaced", (31,), "the id of a draft is given to another row", True, (row(203, id=202), PUBLISHED)),
    Step("history-row-more", (30, 31), "a row more", True, (DRAFT, PUBLISHED, row(10))),
    Step("history-binding", (30,), "a parameter of a published row changes", False,
         (DRAFT, _published(to(8, "parameters", "5", "stride")))),
    Step("history-model", (30,), "the model of a published row changes", False, (DRAFT, _published(to("5e" * 32, "model")))),
    Step("history-binding-member", (30,), "a member more in the binding of a published row", False,
         (DRAFT, _published(to("2.2", "gamma")))),
    Step("history-name", (30,), "the name of a published row changes", False, (DRAFT, _published(name="vq-small"))),
    Step("history-gone", (30,), "a published row is gone", False, (DRAFT,)),
    Step("history-withdrawn-binding", (30,), "a row that was withdrawn changes", False,
         (_published(several(to(8, "parameters", "5", "stride")), status="withdrawn"),), document(_published(status="withdrawn"))),
    Step("history-id-again", (31,), "the id of a published row is given to another one", False,
         (DRAFT, row(10, id=204, status="published"))),
    Step("history-id-of-withdrawn", (31,), "the id of a row that was withdrawn is given to another one", False,
         (row(203, id=204, status="published"),), document(_published(status="withdrawn"))),
)  # fmt: skip
