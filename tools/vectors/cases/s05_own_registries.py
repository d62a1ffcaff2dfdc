# SPDX-License-Identifier: MIT
"""SPEC §5: private, withdrawn and extended rows, in registries that a decoder uses in place of the shipped one."""

from __future__ import annotations

from typing import Any, Final

from tools.vectors.case import InvalidCase, OwnRegistry, ValidCase
from tools.vectors.case_types.registry_row import (
    InvalidRow,
    RowChange,
    change_all,
    document,
    drop_binding,
    row,
    set_binding,
    set_parameters,
)
from tools.vectors.edits import replace, truncate
from tools.vectors.samples import TITLE

FOLDER: Final = "registries"
CODES: Final = (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2)
ROWS: Final = OwnRegistry(
    "rows",
    document(
        row(204, id=210, name="private"),
        row(202, id=253, name="last-private"),
        row(204, id=199, name="withdrawn", status="withdrawn"),
        row(204, id=256, name="first-extended"),
        row(200, id=456, name="extended"),
        row(10, id=65_791, name="last-extended"),
        row(206, id=300, name="extended-base"),
        row(200, id=252, name="pad-1", change=set_binding(1, "fit", "multiple")),
    ),
)
RETIRED: Final = OwnRegistry(
    "retired",
    document(
        row(
            204,
            status="withdrawn",
            notes="Use another.",
            recommended={"models": {"painter": "somebody/something"}, "hints": {"steps": "9"}},
        )
    ),
)
PRIVATE: Final = OwnRegistry(
    "private-extended",
    document(
        row(204, id=61_696, name="first-private-extended"),
        row(204, id=65_791, name="last-private-extended"),
    ),
)
WIDE: Final = OwnRegistry("wide", document(row(200, set_parameters(7, m=511, groups=[511], hyper=1))))


def _indices(name: str, rules: tuple[int, ...], note: str, profile: int, **options: Any) -> ValidCase:
    defaults: dict[str, Any] = {"size": (64, 48), "check": 16, "tier": "S", "latents": False}
    return ValidCase(name, rules, note, profile=profile, payloads=((5, CODES),), **defaults | options)


def _of_another(name: str, note: str, change: RowChange) -> InvalidRow:
    """Return the file of one party, read with the row that another party has given the same private id, 204."""
    return InvalidRow(f"private-{name}", "vq-tiny", 60, note, change, 501, "S")


VALID: Final = (
    _indices("row-private", (15, 60), "a private row, 210: its id bears on the check", 210, registry=ROWS),
    _indices("row-private-unchecked", (15,), "the same unchecked, with the model by 8 bytes", 210, check=0,
        model="vq-tiny", hash_bytes=8, registry=ROWS),
    ValidCase("row-private-last", (15, 60), "the last private row, 253", tier="S", profile=253, latents=False,
        check=16, payloads=((3, (1, 2, 3, 0, 2, 1, 3, 0)),), registry=ROWS),
    _indices("row-withdrawn", (15, 60), "a row that was withdrawn is read all the same", 199, check=32, registry=ROWS),
    _indices("row-extended-first", (15, 60), "the first extended id, 256: 254, then 00 00", 256, registry=ROWS),
    _indices("row-extended-sections", (15, 40, 60), "an extended id in sectioned form", 256, sections=(TITLE,),
        registry=ROWS),
    ValidCase("row-extended", (15, 60), "the extended id 456 of a row with networks", profile=456, check=16,
        y="sparse", size=(50, 33), registry=ROWS),
    ValidCase("row-extended-last", (15, 60), "the last id that there is, 65791: 254, then FF FF", tier="S",
        profile=65_791, latents=False, check=16, size=(100, 70), payloads=((5, (1, 2, 3, 255)),), registry=ROWS),
    ValidCase("row-pad-1", (15, 60), "a row whose `fit` differs: shapes of latents do not follow from it",
        profile=252, check=16, y="sparse", size=(33, 50), registry=ROWS),
    _indices("row-retired", (30, 60), "`status`, `notes` and `recommended` changed: the check is that of `vq-tiny`",
        204, registry=RETIRED),
    _indices("row-withdrawn-sections", (36, 40, 60), "a row that was withdrawn, in sectioned form", 199, check=16,
        sections=(TITLE,), registry=ROWS),
    _indices("row-withdrawn-as-base", (36, 60), "a row that was withdrawn as the base of an explicit model", 199,
        check=16, model="vq-tiny", hash_bytes=8, registry=ROWS),
    _indices("row-private-extended-first", (15, 60), "the first private row of the extended ids, 61696: 254, F0 00",
        61_696, registry=PRIVATE),
    _indices("row-private-extended-last", (15, 60), "the last one, 65791: 254, FF FF", 65_791, registry=PRIVATE),
    ValidCase("row-of-most-symbols", (140, 141), "2^26 symbols less a few", profile=200, tier="H",
        size=(16_384, 2048), latents_body=b"", registry=WIDE),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("row-extended-base", "row-extended", 209, (34,), "a base named by `extended_profile`",
        replace("extended_profile", "002C")),
    InvalidCase("row-extended-unlisted", "row-extended", 702, (15,), "an extended id that no row has",
        replace("extended_profile", "00C9")),
    InvalidCase("row-extended-cut", "row-extended", 202, (14,), "it ends within the extended id", truncate(5)),
    InvalidCase("row-extended-byte-order", "row-extended", 702, (15,), "the bytes of the id have changed places",
        replace("extended_profile", "C800")),
    InvalidCase("row-private-other", "row-private", 501, (60,), "another row of the same parameters: K differs",
        replace("profile", "C7"), "S"),
)  # fmt: skip

MIXED_UP: Final = (
    _of_another("method", "another party's row of the same id has another method: K differs", set_binding(1, "method")),
    _of_another("fit", "another party's row of the same id has no `fit`", set_binding({"rule": "none"}, "fit")),
    _of_another("kinds", "another party's row of the same id has no captions",
        change_all(set_binding([5], "kinds"), drop_binding("parameters", "2"))),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *MIXED_UP)
