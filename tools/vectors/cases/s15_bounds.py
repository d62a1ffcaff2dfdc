# SPDX-License-Identifier: MIT
"""SPEC §5, §11, §12 and §15: rows and models at their bounds. Cases one beyond a bound are with their sections."""

from __future__ import annotations

from typing import Any, Final

from refcodec.networks.package import symbol_digest
from tools.vectors.case import OwnRegistry, ValidCase
from tools.vectors.case_types.registry_row import Row, RowChange, change_all, document, row, set_binding
from tools.vectors.models import bounds

FOLDER: Final = "registries"
RATES, LAYERS, CHANNELS = (32, 102, 103, 104, 121, 122, 123), (100, 105, 115, 123), (32, 111, 115)  # rules


def _model(name: str | None) -> RowChange:
    return set_binding(None if name is None else symbol_digest(bounds.package(name)[0]), "model")


def latents_row(profile_id: int, name: str, multiple: int, **members: Any) -> Row:
    parameters, fit = set_binding(members, "parameters", "7"), set_binding(multiple, "fit", "multiple")
    return row(200, change_all(_model(name), parameters, fit), id=profile_id, name=name)


def _codes(profile_id: int, name: str, like: int, model: str | None = None, **members: Any) -> Row:
    """Return a row of kind 3 or 4 made from row 202 or 203."""
    parameters = set_binding(members, "parameters", str(like - 199))
    return row(like, change_all(_model(model), parameters), id=profile_id, name=name)


def _indices(
    profile_id: int, name: str, modes: list[str], vocabulary: int, v: int, stride: int, model: str | None = None
) -> Row:
    """Return a row of kinds 2 and 5."""
    changes = change_all(
        _model(model),
        set_binding(modes, "parameters", "2", "modes"),
        set_binding(vocabulary, "parameters", "2", "vocabulary"),
        set_binding({"v": v, "stride": stride, "usage": model is not None}, "parameters", "5"),
    )
    return row(204, changes, id=profile_id, name=name)


ROWS: Final = OwnRegistry(
    "bounds",
    document(
        latents_row(220, "edge-rates", 65_536, rates=64, hyper=1, groups=[1] * 16, m=16, parity=1),
        latents_row(221, "edge-layers", 1, rates=1, hyper=1, groups=[1], m=1, parity=0),
        latents_row(222, "edge-channels", 64, rates=1, hyper=1024, groups=[1024], m=1024, parity=0),
        _codes(223, "edge-signs", 202, "edge-signs", d=65_536, b=1, prior=True),
        _codes(224, "edge-code", 202, "edge-code", d=1, b=16, prior=True),
        _codes(225, "most-bits", 202, d=65_536, b=16, prior=False),
        _codes(226, "most-parts", 203, m=65_536, v=1, codebooks=False),
        _codes(227, "most-words", 203, m=1, v=65_536, codebooks=False),
        _indices(228, "edge-usage", ["tokens"], 65_536, 65_536, 1024, "edge-usage"),
        _indices(229, "edge-pair", ["raw"], 1, 2, 8, "edge-pair"),
        _indices(230, "least-words", ["tokens"], 1, 1, 8),
        _indices(231, "most-indices", ["zstd"], 65_536, 65_536, 1024),
    ),
)


def _accepted(
    name: str, rules: tuple[int, ...], note: str, profile: int, *payloads: tuple[int, Any], **options: Any
) -> ValidCase:
    symbols: dict[str, Any] = {"tier": "S", "latents": False, "payloads": payloads} if payloads else {}
    return ValidCase(name, rules, note, profile=profile, registry=ROWS, **({"check": 16} | symbols | options))


def _constant(count: int, value: int, *others: tuple[int, int]) -> tuple[int, ...]:
    """Return `count` times the same value, except for (index, value)."""
    return tuple(dict(others).get(index, value) for index in range(count))


VALID: Final = (
    _accepted("edge-rate-0", RATES,
        "64 rates, 16 groups of one channel: z is -32767 without an escape, multiplied by 1; multiples of 65536",
        220, size=(1, 1)),
    _accepted("edge-rate-63", RATES, "the last of 64 rates: z is 32767 without an escape, multiplied by 32767", 220,
        rate=63, size=(1, 1)),
    _accepted("edge-rates-whole", RATES, "the same model in the middle, twice as many sites", 220, rate=31,
        size=(65, 40), y="escapes", check=32),
    _accepted("edge-layers", LAYERS,
        "16 layers, one layer, a kernel of 15, 4096 channels, one rate, one group, one channel", 221, size=(64, 65)),
    _accepted("edge-layers-1x1", LAYERS, "the same on one pixel, by escapes", 221, size=(1, 1), z="escapes",
        y="escapes"),
    _accepted("edge-channels", CHANNELS, "1024 channels of z, and 1024 in one group", 222, size=(1, 1), y="sparse"),
    _accepted("edge-signs", (32, 117, 190), "65536 dimensions of one bit, the signs in a table", 223,
        (3, _constant(65_536, 1, (7, 0), (65_535, 0)))),
    _accepted("edge-code", (32, 117, 190), "one dimension of 16 bits, its sign in a table", 224, (3, (65_535,))),
    _accepted("edge-bits", (32,), "65536 dimensions of 16 bits: the highest code, and the lowest of all others", 225,
        (3, _constant(65_536, 0, (0, 65_535)))),
    _accepted("edge-parts", (32, 200), "65536 parts of one code word: nothing is to be coded", 226,
        (4, (0,) * 65_536)),
    _accepted("edge-words", (32, 200), "one part of 65536 code words, the last of them", 227, (4, (65_535,))),
    _accepted("edge-usage", (32, 118, 206), "65536 code words in a table, a stride of 1024, and ids below 65536",
        228, (2, ("tokens", (0, 65_535))), (5, (65_535, 0)), size=(1025, 1024)),
    _accepted("edge-pair", (32, 118, 206),
        "two code words in a table, one of them all but certain; a stride of 8, and raw captions alone", 229,
        (2, ("raw", "a")), (5, (1, 1, 0, 1)), size=(9, 16)),
    _accepted("edge-least", (32, 205), "one code word, and one id", 230, (2, ("tokens", (0, 0))), (5, (0, 0)),
        size=(16, 8)),
    _accepted("edge-indices", (32, 205), "65536 code words without a table", 231, (5, (65_535, 256)), size=(1, 1025)),
)  # fmt: skip

CASES: Final = VALID
