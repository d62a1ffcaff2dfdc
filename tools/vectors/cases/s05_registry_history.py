# SPDX-License-Identifier: MIT
"""SPEC §5: changes of a registry. Published rows are permanent, except for three members that affect no file."""

from __future__ import annotations

from typing import Any, Final

from tools.vectors.case_types.registry_change import DRAFT, PUBLISHED, RegistryChange
from tools.vectors.case_types.registry_row import Row, row, set_binding

FOLDER: Final = "registries"
ADVICE: Final = {"models": {"painter": "somebody/something"}, "hints": {"steps": "9"}}


def _published(change: Any = lambda _: None, **members: Any) -> Row:
    return row(204, change, **{"status": "published"} | members)


CHANGES: Final = (
    RegistryChange("history-same", (30,), "nothing changes", True, (DRAFT, PUBLISHED)),
    RegistryChange("history-withdrawn", (30,), "a published row is withdrawn", True,
        (DRAFT, _published(status="withdrawn"))),
    RegistryChange("history-advice", (30,), "its notes and what it recommends change", True,
        (DRAFT, _published(notes="Better with another painter.", recommended=ADVICE))),
    RegistryChange("history-draft", (30,), "a draft changes in all its members", True,
        (row(202, set_binding(4, "parameters", "3", "b"), name="clip-other"), PUBLISHED)),
    RegistryChange("history-draft-gone", (30,), "a draft is gone", True, (PUBLISHED,)),
    RegistryChange("history-draft-replaced", (31,), "the id of a draft is given to another row", True,
        (row(203, id=202), PUBLISHED)),
    RegistryChange("history-row-more", (30, 31), "a row more", True, (DRAFT, PUBLISHED, row(10))),
    RegistryChange("history-binding", (30,), "a parameter of a published row changes", False,
        (DRAFT, _published(set_binding(8, "parameters", "5", "stride")))),
    RegistryChange("history-model", (30,), "the model of a published row changes", False,
        (DRAFT, _published(set_binding("5e" * 32, "model")))),
    RegistryChange("history-binding-member", (30,), "a member more in the binding of a published row", False,
        (DRAFT, _published(set_binding("2.2", "gamma")))),
    RegistryChange("history-name", (30,), "the name of a published row changes", False,
        (DRAFT, _published(name="vq-small"))),
    RegistryChange("history-gone", (30,), "a published row is gone", False, (DRAFT,)),
    RegistryChange("history-withdrawn-binding", (30,), "a row that was withdrawn changes", False,
        (_published(set_binding(8, "parameters", "5", "stride"), status="withdrawn"),),
        (_published(status="withdrawn"),)),
    RegistryChange("history-id-again", (31,), "the id of a published row is given to another one", False,
        (DRAFT, row(10, id=204, status="published"))),
    RegistryChange("history-name-again", (39,), "the name of a published row is given to another one", False,
        (DRAFT, PUBLISHED, row(10, name="vq-tiny"))),
    RegistryChange("history-name-of-withdrawn", (39,), "the name of a row that was withdrawn is given to another one",
        False, (_published(status="withdrawn"), row(10, name="vq-tiny")), (_published(status="withdrawn"),)),
    RegistryChange("history-name-of-draft", (39,), "the name of a draft that is gone is given to another row", True,
        (PUBLISHED, row(10, name="clip-tiny"))),
    RegistryChange("history-parameter-more", (30,), "a published row gets a parameter that came later", False,
        (row(9, set_binding(4, "parameters", "2", "candidates")),), (row(9),)),
    RegistryChange("history-parameter-of-new-row", (30, 189), "a new row has a parameter that came later", True,
        (row(9), row(21, status="published")), (row(9),)),
    RegistryChange("history-id-of-withdrawn", (31,), "the id of a row that was withdrawn is given to another one",
        False, (row(203, id=204, status="published"),), (_published(status="withdrawn"),)),
)  # fmt: skip

CASES: Final = CHANGES
