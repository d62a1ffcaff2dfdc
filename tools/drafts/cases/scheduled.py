# SPDX-License-Identifier: MIT
"""drafts/scheduled.md: latents with a declared schedule of passes."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from refcodec import entropy, spec
from refcodec.container.key_value import encode as text_encode
from refcodec.draft_files import coding_context
from refcodec.errors import SemError
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts.scheduled import encode_from, shapes, walk
from refcodec.payloads.latents import ElicLatents
from tools.drafts import schedules
from tools.drafts.case import Change, DraftCase, DraftRow, InvalidDraft, InvalidModel, Package, RefusedRow, ValidDraft
from tools.vectors import symbols as chosen
from tools.vectors.case import ValidCase
from tools.vectors.edits import Edit, append, flip_bits, replace_body
from tools.vectors.models import tiny
from tools.vectors.vector import Vector

FOLDER: Final = "scheduled"
KIND: Final = 50
ELIC, ELIC_2, FOUR, TWO, THREE = 245, 246, 247, 248, 249

MODELS: Final[dict[str, Callable[[], Package]]] = {
    "scheduled-elic": lambda: schedules.converted(tiny.MODELS["elic-tiny"]()),
    "scheduled-elic-2": lambda: schedules.converted(tiny.MODELS["elic-tiny-2"]()),
    "scheduled-four": schedules.four_passes,
    "scheduled-two": schedules.two_passes,
    "scheduled-three": schedules.rows_of_three,
}


def _row(id_: int, model: str, notes: str) -> DraftRow:
    symbols = MODELS[model]()[0]
    parameters = {name: symbols[name] for name in ("groups", "hyper", "rates", "ratio", "stride")}
    parameters["m"] = sum(symbols["groups"])
    pad = symbols["stride"] * symbols["ratio"]
    return DraftRow(id_, f"draft-{model}", 1, KIND, {KIND: parameters}, notes, model, pad)


ROWS: Final = (
    _row(ELIC, "scheduled-elic", "The schedule of ELIC, with the weights of elic-tiny."),
    _row(ELIC_2, "scheduled-elic-2", "The same with anchor heads, odd parity and a ladder: elic-tiny-2."),
    _row(FOUR, "scheduled-four", "Four passes as in DCVC-RT's pictures, sites of y 64 pixels apart, of z 256."),
    _row(TWO, "scheduled-two", "Two passes of complementary halves, sites 8 pixels apart, z as fine as y."),
    _row(THREE, "scheduled-three", "A pattern of one row and three columns; sites 128 pixels apart, of z 1024."),
)


def latents(rate: int = 0, z: str = "natural", y: str = "natural", seed: str = "") -> dict[int, Any]:
    """Return a payload of latents that are chosen as those of the suite are, by methods of `tools.vectors.symbols`."""

    def make(context: CodingContext) -> ElicLatents:
        stream = chosen.Sha256Stream(seed)
        values = chosen.z(z, context.model, rate, shapes(context.parameters, context.size)[0], stream)
        source: Any = chosen.y(y, stream)
        return encode_from(rate, values, source, context)[1]

    return {KIND: make}


R200, R201, R202, R203, R204, R205, R210, R211 = (f"DRAFT-R-{n}" for n in (200, 201, 202, 203, 204, 205, 210, 211))


def _valid(name: str, note: str, profile: int, payload: dict[int, Any], *rules: str, **more: Any) -> ValidDraft:
    return ValidDraft(f"scheduled-{name}", rules or (R211,), note, profile, payload, tier="L", **more)


VALID: Final = (
    _valid("elic-micro", "the symbols and body of the vector micro of the suite", ELIC, latents(y="sparse", seed="micro"), check=0),
    _valid("elic-rate-2", "rate 2, 70 × 40 pixels", ELIC, latents(2, seed="elic"), size=(70, 40)),
    _valid("elic-escapes", "values beyond their tables", ELIC, latents(1, "escapes", "escapes", "escapes")),
    _valid("elic-2", "anchor heads, odd parity, a ladder", ELIC_2, latents(1, seed="elic 2"), size=(65, 64), check=32),
    _valid("elic-2-bounds", "ŷ at both ends of its range", ELIC_2, latents(0, "natural", "bounds", "bounds"), R210),
    _valid("four", "one cell of 4 × 4 sites", FOUR, latents(seed="four")),
    _valid("four-probe", "the same unchecked", FOUR, latents(seed="four"), check=0),
    _valid("four-wide", "three cells by two, rate 1", FOUR, latents(1, seed="four wide"), size=(700, 300)),
    _valid("four-1x1", "one pixel", FOUR, latents(seed="four 1"), size=(1, 1)),
    _valid("four-z-extreme", "z at both ends of its range", FOUR, latents(1, "extreme", "sparse", "extreme")),
    _valid("two-1x1", "one site: nothing at the other class", TWO, latents(seed="two 1"), size=(1, 1)),
    _valid("two-odd", "an odd number of rows and columns of sites", TWO, latents(seed="two odd"), size=(39, 23)),
    _valid("two-row", "one row of sites", TWO, latents(seed="two row"), size=(100, 8)),
    _valid("two-wide", "64 × 64 pixels", TWO, latents(seed="two wide", y="escapes"), check=32),
    _valid("two-unchecked", "the same unchecked", TWO, latents(seed="two wide", y="escapes"), check=0),
    _valid("three", "8 sites a row, of three classes", THREE, latents(seed="three"), size=(900, 100)),
    _valid("three-wide", "16 sites a row", THREE, latents(seed="three wide"), size=(1025, 100)),
    _valid("beside-hints", "latents beside hints", FOUR, latents(seed="hints"),
        ancillary={spec.METADATA: text_encode({"title": "four passes"})}),
)  # fmt: skip


def beyond_int16(base: Vector) -> list[Edit]:
    """Replace the body by one whose first coded residual takes ŷ beyond 32767."""
    environment = base.environment
    row = environment.registry.get(TWO)
    context = (
        coding_context(row, row.kind(KIND), base.case.size, environment) if isinstance(base.case, ValidCase) else None
    )
    assert context is not None
    coder = entropy.Encoder()

    def source(_rate: int, _step: int, _coded: Any, mean: Any, index: Any) -> Any:
        s = np.zeros(mean.shape, np.int32)
        s[np.unravel_index(np.flatnonzero(index)[0], s.shape)] = 1100
        return s

    z = np.zeros((context.model.hyper, *shapes(context.parameters, context.size)[0]), np.int32)
    with contextlib.suppress(SemError):
        walk(coder, context, 0, z, source)
    return replace_body(coder.finish())(base)


INVALID: Final = (
    InvalidDraft("scheduled-tail-zero", "scheduled-four-probe", 402, ("SEM-R-070",), "a zero byte too many",
        append("00"), "L"),
    InvalidDraft("scheduled-ffffffff", "scheduled-four-probe", 401, ("SEM-R-080",), "a body that begins as none can",
        replace_body(b"\xff\xff\xff\xff"), "L"),
    InvalidDraft("scheduled-check-bit", "scheduled-four", 501, ("SEM-R-060",), "one bit of the check is wrong",
        flip_bits("check", 0, 1), "L"),
    InvalidDraft("scheduled-beyond-int16", "scheduled-two-unchecked", 403, (R210,), "an escape takes ŷ too far",
        beyond_int16, "L"),
)  # fmt: skip


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(binding: dict[str, Any]) -> None:
        binding["parameters"][str(KIND)][name] = value

    return change


def _parity(binding: dict[str, Any]) -> None:
    binding["parameters"][str(KIND)]["parity"] = 0


ROWS_REFUSED: Final = tuple(
    RefusedRow(f"scheduled-row-{name}", "scheduled-four", (R200,), note, change)
    for name, note, change in (
        ("stride-3", "sites 3 pixels apart", _set("stride", 3)),
        ("stride-129", "sites 129 pixels apart", _set("stride", 129)),
        ("ratio-3", "three sites of y to one of z", _set("ratio", 3)),
        ("ratio-16", "sixteen sites of y to one of z", _set("ratio", 16)),
        ("ratio-as-truth", "`ratio` is true", _set("ratio", True)),
        ("m", "`m` is not the sum of `groups`", _set("m", 9)),
        ("no-groups", "no groups", _set("groups", [])),
        ("groups-as-number", "`groups` is a number", _set("groups", 8)),
        ("rates-65", "65 rates", _set("rates", 65)),
        ("parity", "a parameter of kind 7", _parity),
    )
)


def _member(name: str, value: Any) -> Change:
    def change(symbols: dict[str, Any], _tensors: dict[str, Any]) -> None:
        symbols[name] = value

    return change


def _step(i: int, name: str, value: Any) -> Change:
    def change(symbols: dict[str, Any], _tensors: dict[str, Any]) -> None:
        symbols["steps"][i] = symbols["steps"][i] | {name: value}

    return change


def _code(i: int, j: int, **members: Any) -> Change:
    def change(symbols: dict[str, Any], _tensors: dict[str, Any]) -> None:
        symbols["steps"][i]["codes"][j] = members

    return change


def _reversed(symbols: dict[str, Any], _tensors: dict[str, Any]) -> None:
    symbols["steps"][0]["codes"].reverse()


def _no_last(symbols: dict[str, Any], tensors: dict[str, Any]) -> None:
    symbols["steps"].pop()
    symbols["nets"].pop()
    for name in [name for name in tensors if name.startswith(("head.3.", "net.2."))]:
        del tensors[name]


def _spare_net(symbols: dict[str, Any], _tensors: dict[str, Any]) -> None:
    symbols["nets"].append(copy.deepcopy(symbols["nets"][0]))


def _strided(symbols: dict[str, Any], _tensors: dict[str, Any]) -> None:
    symbols["nets"][0]["layers"][0]["stride"] = 2


def _hyper_stride(symbols: dict[str, Any], _tensors: dict[str, Any]) -> None:
    symbols["hyper_net"][0]["stride"] = 2


def _wide_scales(symbols: dict[str, Any], _tensors: dict[str, Any]) -> None:
    symbols["scales"][2]["hi"] = 64


def _shift_0(_symbols: dict[str, Any], tensors: dict[str, Any]) -> None:
    tensors["net.1.q.s"][0, 0] = 0


MODELS_INVALID: Final = tuple(
    InvalidModel(f"scheduled-four-{name}", "scheduled-four-probe", "scheduled-four", error, (rule,), note, change)
    for name, error, rule, note, change in (
        ("member-more", 803, R201, "a member of kind 7", _member("parity", 0)),
        ("order", 803, R201, "an unknown order", _member("order", "means")),
        ("pattern-empty", 803, R201, "no pattern", _member("pattern", [])),
        ("pattern-rows", 803, R201, "rows of two lengths", _member("pattern", [[0, 1], [2, 3, 0]])),
        ("pattern-gap", 803, R201, "no site has class 3", _member("pattern", [[0, 1], [2, 4]])),
        ("pattern-large", 803, R201, "a pattern of nine rows", _member("pattern", [[0, 1]] * 9)),
        ("pattern-fifth", 803, R202, "a class that no step codes", _member("pattern", [[0, 1], [2, 3], [4, 0]])),
        ("pattern-as-truth", 803, R201, "a class that is true", _member("pattern", [[0, True], [2, 3]])),
        ("steps-empty", 803, R201, "no steps", _member("steps", [])),
        ("step-missing", 803, R202, "the last step is missing", _no_last),
        ("step-twice", 803, R202, "group 0 has class 0 in two steps", _code(1, 0, group=0, classes=[0])),
        ("class-4", 803, R201, "a class that the pattern has not", _code(0, 3, group=3, classes=[4])),
        ("classes-none", 803, R201, "no classes", _code(0, 3, group=3, classes=[])),
        ("group-4", 803, R201, "a group that there is not", _code(0, 3, group=4, classes=[3])),
        ("groups-descend", 803, R201, "groups that do not ascend", _reversed),
        ("context-none", 803, R201, "a head that reads nothing", _step(0, "context", [])),
        ("context-net-3", 803, R201, "a net that there is not", _step(1, "context", [{"net": 3}, "hyper"])),
        ("context-zeros-0", 803, R201, "no channels of 0", _step(0, "context", [{"zeros": 0}, "hyper"])),
        ("context-word", 803, R201, "an entry that is unknown", _step(0, "context", ["spatial"])),
        ("context-both", 803, R201, "an entry of two members", _step(1, "context", [{"net": 0, "zeros": 5}, "hyper"])),
        ("context-wide", 803, "SEM-R-111", "more channels than the head reads", _step(0, "context", ["hyper"] * 2)),
        ("net-unused", 803, R203, "a net that no step reads", _spare_net),
        ("net-stride", 803, R204, "a net that halves its input", _strided),
        ("hyper-stride", 803, R204, "a hyper net that enlarges twofold", _hyper_stride),
        ("scales-64", 804, "SEM-R-121", "a scale index of 64", _wide_scales),
        ("shift-0", 804, "SEM-R-102", "a shift of 0 in a net", _shift_0),
        ("stride-32", 803, R205, "another stride than the row's", _member("stride", 32)),
        ("ratio-2", 803, R204, "another ratio than the hyper net's", _member("ratio", 2)),
        ("kind-7", 803, "SEM-R-112", "the same as a model of kind 7", _member("kind", 7)),
    )
)  # fmt: skip

CASES: Final[tuple[DraftCase, ...]] = (*VALID, *INVALID, *ROWS_REFUSED, *MODELS_INVALID)
