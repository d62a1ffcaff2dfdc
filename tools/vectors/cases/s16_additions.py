# SPDX-License-Identifier: MIT
"""SPEC §16: what a document revision may add, and the error with which earlier decoders refuse each addition."""

from __future__ import annotations

from typing import Any, Final

from tools.vectors.case import InvalidCase
from tools.vectors.case_types.invalid_model import InvalidModel
from tools.vectors.case_types.registry_row import InvalidRow, RowChange, change_all, set_binding
from tools.vectors.edits import replace, replace_body
from tools.vectors.model_changes import Change, set_member
from tools.vectors.model_changes import change_all as change_model
from tools.vectors.models.layers import REQUANT, conv

FOLDER: Final = "sections"
NET, VQ, CLIP, PQ, CODED, CAPTION, SKETCH = (
    "micro", "vq-tiny-unchecked", "clip-tiny-unchecked", "pq-tiny-unchecked", "consonant-coded-unchecked",
    "caption-raw-unchecked", "sketch-1x1",
)  # fmt: skip
MODES: Final = ["static", "tokens", "raw", "zlib", "zstd"]


def _row(name: str, base: str, note: str, *changes: RowChange) -> InvalidRow:
    return InvalidRow(f"addition-{name}", base, 189, note, change_all(*changes))


def _parameter(kind: int, name: str, value: Any) -> RowChange:
    return set_binding(value, "parameters", str(kind), name)


def _later(name: str, note: str, change: Change) -> InvalidModel:
    """Return the addition in a package of a later `format_version`; s12_packages.py has the same in one of this version."""
    return InvalidModel(f"addition-{name}", 705, (116, 189), f"{note}, in a package of a later version", change,
        text=lambda data: data.replace(b'"format_version": 1', b'"format_version": 3'))  # fmt: skip


ROWS: Final = (
    _row("binding", NET, "a member of the binding", set_binding("2.2", "gamut")),
    _row("method", VQ, "a method", set_binding(6, "method")),
    _row("method-255", CAPTION, "a method of a large number", set_binding(255, "method")),
    _row("colour", NET, "a colour space of more bits", set_binding("p3-10", "colour")),
    _row("colour-hdr", CLIP, "a colour space of high dynamic range", set_binding("bt2100-pq", "colour")),
    _row("fit", NET, "a rule of `fit`", set_binding({"rule": "scale", "multiple": 64}, "fit")),
    _row("fit-extend", NET, "a way of extending", set_binding("reflect", "fit", "extend")),
    _row("fit-member", NET, "a member of a rule of `fit`", set_binding("centre", "fit", "anchor")),
    _row("kind", CLIP, "a payload kind", set_binding([3, 8], "kinds"), set_binding({"v": 4}, "parameters", "8")),
    _row("kind-compact", CLIP, "a payload kind as the compact one", set_binding([8], "kinds"),
        set_binding(8, "compact"), set_binding({"8": {}}, "parameters")),
    _row("mode", CAPTION, "a caption mode", _parameter(2, "modes", [*MODES, "brotli"])),
    _row("mode-alone", CAPTION, "a caption mode alone", _parameter(2, "modes", ["tokens-prior"])),
    _row("code", CODED, "a code of consonants", set_binding("adaptive", "parameters", "1", "code")),
    _row("parameter-1", CODED, "a parameter of consonants", _parameter(1, "alphabet", 24)),
    _row("parameter-2", CAPTION, "a parameter of captions", _parameter(2, "languages", 2)),
    _row("parameter-3", CLIP, "a parameter of CLIP bits", _parameter(3, "norm", True)),
    _row("parameter-4", PQ, "a parameter of PQ codes", _parameter(4, "rotation", True)),
    _row("parameter-5", VQ, "a parameter of VQ indices", _parameter(5, "grids", [4, 2, 1])),
    _row("parameter-6", SKETCH, "a parameter of sketches", _parameter(6, "levels", 2)),
    _row("parameter-7", NET, "a parameter of latents", _parameter(7, "passes", 4)),
    _row("value-candidates", CAPTION, "more candidates", _parameter(2, "modes", MODES[:3]),
        _parameter(2, "candidates", 65_536)),
    _row("value-bits", CLIP, "codes of more bits", _parameter(3, "b", 32)),
    _row("value-groups", NET, "more groups", _parameter(7, "groups", [1] * 24), _parameter(7, "m", 24)),
)  # fmt: skip

FILES: Final = (
    InvalidCase("addition-section", "caption-beside-hints", 703, (43, 189), "a critical section of a later kind",
        replace("sections[1]", "88", 1)),
    InvalidCase("addition-mode-of-file", "caption-raw-unchecked", 704, (170, 189),
        "a body of a later caption mode, in a row that has it not", replace_body(bytes.fromhex("FC 00 41 42")), "S"),
)  # fmt: skip

MODELS: Final = (
    _later("operation", "a layer operation",
        set_member("spatial_nets", 0, to=[conv("spatial.2.w", "b"), REQUANT, {"op": "attention", "heads": 4}])),
    _later("symbols-member", "a member of `symbols`", set_member("passes", to=[[0, 0], [1, 1], [0, 1], [1, 0]])),
    _later("layer-member", "a member of a layer", set_member("heads", 1, 0, "dilation", to=2)),
    _later("context", "a value of a member of `symbols`",
        change_model(set_member("context", to="window"), set_member("order", to="means-scales"))),
)  # fmt: skip

CASES: Final = (*ROWS, *FILES, *MODELS)
