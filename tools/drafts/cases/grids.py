# SPDX-License-Identifier: MIT
"""drafts/grids.md: grids of indices whose frequencies integer networks give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts.grid_shapes import shapes
from refcodec.payloads.drafts.grids import IndexGrids
from tools.drafts.case import DraftCase, DraftRow, InvalidDraft, InvalidModel, RefusedRow, ValidDraft
from tools.vectors.edits import append, flip_bits, replace_body, truncate
from tools.vectors.models.priors import KIND, PRIORS
from tools.vectors.samples import seeded_codes

FOLDER: Final = "grids"
TINY, SCALES, RESIDUAL, SMALL = 250, 251, 252, 253

ROWS: Final = (
    DraftRow(TINY, "draft-grids-tiny", 5, KIND, {KIND: {"v": 14, "grids": [8]}},
        "One grid from coarse to fine in seven passes.", "grids-tiny"),
    DraftRow(SCALES, "draft-grids-scales", 5, KIND, {KIND: {"v": 9, "grids": [[1, 1], [2, 3], 8]}},
        "Three scales, two of them of fixed shape, as VAR has them.", "grids-scales"),
    DraftRow(RESIDUAL, "draft-grids-residual", 5, KIND, {KIND: {"v": 5, "grids": [16, 16]}},
        "Two grids of one stride, as a residual quantiser has them.", "grids-residual", 16),
    DraftRow(SMALL, "draft-perco-small-prior", 5, KIND, {KIND: {"v": 1024, "grids": [16]}},
        "The indices of perco-small with a trained prior.", "vq-small-prior", 16),
)  # fmt: skip
MODELS: Final = PRIORS
TRAINED: Final = ("vq-small-prior",)  # in drafts/vectors/models, written by tools/train/prior.py


def seeded(seed: str) -> dict[int, Callable[[CodingContext], Any]]:
    """Return grids of seeded indices, of the shapes of the row."""

    def make(context: CodingContext) -> IndexGrids:
        v = int(context.parameters["v"])
        found = shapes(context.parameters, context.size)
        return IndexGrids(
            tuple(
                np.array(seeded_codes(f"{seed} {k}", h * w, v), np.uint16).reshape(h, w)
                for k, (h, w) in enumerate(found)
            )
        )

    return {KIND: make}


def constant(index: int) -> dict[int, Callable[[CodingContext], Any]]:
    """Return grids of one index."""

    def make(context: CodingContext) -> IndexGrids:
        found = shapes(context.parameters, context.size)
        return IndexGrids(tuple(np.full(shape, index, np.uint16) for shape in found))

    return {KIND: make}


R300, R301, R303, R304, R305, R306 = (f"DRAFT-R-{n}" for n in (300, 301, 303, 304, 305, 306))
R310, R320 = "DRAFT-R-310", "DRAFT-R-320"
VALID: Final = (
    ValidDraft("grids-tiny", (R310, R320), "8 × 8 sites in seven passes", TINY, seeded("tiny"), (64, 64), "L"),
    ValidDraft("grids-tiny-probe", (R320,), "the same, unchecked", TINY, seeded("tiny"), (64, 64), "L", check=0),
    ValidDraft("grids-tiny-one", (R320,), "one site, of the first pass; the others have none", TINY, seeded("one"),
        (1, 1), "L", check=0),
    ValidDraft("grids-tiny-edges", (R320,), "5 × 7 sites: borders within a period", TINY, seeded("edges"), (49, 37), "L"),
    ValidDraft("grids-tiny-row", (R320,), "one row of 13 sites: no net sees a second", TINY, seeded("row"), (104, 3), "L"),
    ValidDraft("grids-tiny-first", (R310,), "the first index everywhere", TINY, constant(0), (32, 48), "L"),
    ValidDraft("grids-tiny-last", (R310,), "the last index everywhere, of the part that is shorter", TINY, constant(13),
        (32, 48), "L", check=32),
    ValidDraft("grids-scales", (R304, R320), "1 × 1, 2 × 3 and 6 × 4 sites", SCALES, seeded("scales"), (32, 48), "L"),
    ValidDraft("grids-scales-small", (R320,), "the third grid is smaller than the second", SCALES, seeded("small"),
        (8, 8), "L"),
    ValidDraft("grids-scales-odd", (R320,), "5 × 7 sites from 2 × 3: floors that differ", SCALES, seeded("odd"),
        (56, 40), "L", check=32),
    ValidDraft("grids-residual", (R304, R320), "two grids of 3 × 4 sites with one embedding", RESIDUAL,
        seeded("residual"), (64, 48), "L"),
    ValidDraft("grids-residual-odd", (R320,), "two grids of 3 × 3 sites: a checkerboard that ends as it began", RESIDUAL,
        seeded("odd"), (47, 33), "L"),
    ValidDraft("grids-small", (R310, R320), "8 × 6 sites by the trained prior", SMALL, seeded("trained"), (128, 96), "L"),
    ValidDraft("grids-small-flat", (R310, R320), "4 × 4 sites of one index, which it finds likely", SMALL, constant(5),
        (64, 64), "L"),
)  # fmt: skip

INVALID: Final = (
    InvalidDraft("grids-cut", "grids-tiny", 402, ("SEM-R-070",), "the last byte is missing: other indices, coded otherwise",
        truncate(-1), "L"),
    InvalidDraft("grids-tail-zero", "grids-tiny-probe", 402, ("SEM-R-070",), "a zero byte too many", append("00"), "L"),
    InvalidDraft("grids-tail-byte", "grids-tiny-one", 402, ("SEM-R-070",), "bytes beyond the last index",
        append("01" * 9), "L"),
    InvalidDraft("grids-ffffffff", "grids-tiny-probe", 401, ("SEM-R-080",), "a body that begins as none can",
        replace_body(b"\xff\xff\xff\xff"), "L"),
    InvalidDraft("grids-check-bit", "grids-scales", 501, ("SEM-R-060",), "one bit of the check is wrong",
        flip_bits("check", 0, 1), "L"),
)  # fmt: skip


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(binding: dict[str, Any]) -> None:
        binding["parameters"][str(KIND)][name] = value

    return change


ROWS_REFUSED: Final = tuple(
    RefusedRow(f"grids-row-{name}", "grids-tiny", (R300,), note, change)
    for name, note, change in (
        ("v-1", "one code word", _set("v", 1)),
        ("v-65537", "more code words than there can be", _set("v", 65_537)),
        ("no-grids", "no grid", _set("grids", [])),
        ("17-grids", "17 grids", _set("grids", [8] * 17)),
        ("stride-0", "sites 0 pixels apart", _set("grids", [0])),
        ("stride-1025", "sites 1025 pixels apart", _set("grids", [1025])),
        ("stride-as-float", "a stride that is no integer", _set("grids", [8.5])),
        ("shape-of-one", "a shape of one side", _set("grids", [[4]])),
        ("shape-0", "a grid of no columns", _set("grids", [[4, 0]])),
        ("member-more", "a member that the draft does not have", _set("stride", 8)),
    )
)

Change = Callable[[dict[str, Any], dict[str, Any]], None]


def _at(*path: Any, value: Any) -> Change:
    """Return a change of one member of `symbols`."""

    def change(symbols: dict[str, Any], _tensors: dict[str, Any]) -> None:
        inner: Any = symbols
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value

    return change


def _tensor(name: str, make: Callable[[Any], Any]) -> Change:
    def change(_symbols: dict[str, Any], tensors: dict[str, Any]) -> None:
        tensors[name] = make(tensors[name])

    return change


def _more(path: str, value: Any) -> Change:
    return lambda symbols, _tensors: (symbols["contexts"][0] if path == "passes" else symbols)[path].append(value)


def _bias(value: int) -> Callable[[Any], Any]:
    def make(old: Any) -> Any:
        new = old.copy()
        new[0] = value
        return new

    return make


CONTEXT, NET = ("contexts", 0), ("nets", 0)
MODELS_INVALID: Final = tuple(
    InvalidModel(f"grids-tiny-{name}", "grids-tiny-probe", "grids-tiny", error, (rule,), note, change)
    for name, error, rule, note, change in (
        ("member-more", 803, R301, "a member that the draft does not have", _at("rates", value=1)),
        ("split-0", 803, R301, "parts of no index", _at("split", value=0)),
        ("split-15", 803, R301, "parts larger than the code book", _at("split", value=15)),
        ("from-itself", 803, R301, "a grid that is predicted from itself", _at(*CONTEXT, "from", value=[0])),
        ("embedding-short", 803, R301, "an embedding of 13 code words", _tensor("embedding.0", lambda t: t[:13].copy())),
        ("not-square", 803, R301, "a schedule of 4 rows and 3 columns",
            lambda s, _: s["contexts"][0].update(schedule=[row[:3] for row in s["contexts"][0]["schedule"]])),
        ("pass-absent", 803, R303, "a pass that no site has", _more("passes", {"step": 1, "net": 0})),
        ("pass-unknown", 803, R301, "a site of a pass that is not there", _at(*CONTEXT, "schedule", 0, 1, value=7)),
        ("off-step", 803, R303, "a pass of step 2 with sites in odd rows", _at(*CONTEXT, "passes", 4, "step", value=2)),
        ("step-3", 803, R303, "a step that does not divide the period", _at(*CONTEXT, "passes", 0, "step", value=3)),
        ("net-unused", 803, R304, "a net without a pass", lambda s, _: s["nets"].append(s["nets"][0])),
        ("stride", 803, R305, "a conv of stride 2", _at(*NET, "context", 0, "stride", value=2)),
        ("head-features", 803, R301, "a head for three features", _tensor("nets.0.head.w", lambda t: t[:, :3].copy())),
        ("head-words", 803, R301, "a head of 13 code words", _tensor("nets.0.head.b", lambda t: t[:13].copy())),
        ("other-grids", 803, R306, "a model of another stride than the row", _at("grids", value=[16])),
        ("head-sum", 804, "SEM-R-101", "a sum of the head above 2^37", _tensor("nets.0.head.b", _bias(2**37))),
        ("logits-high", 804, "SEM-R-104", "logits beyond int16", _at(*NET, "head", "logits", "hi", value=32_768)),
        ("shift-0", 804, "SEM-R-102", "a shift of 0", _tensor("s24", lambda t: t * 0)),
    )
)  # fmt: skip

CASES: Final[tuple[DraftCase, ...]] = (*VALID, *INVALID, *ROWS_REFUSED, *MODELS_INVALID)
