# SPDX-License-Identifier: MIT
"""Exactness and conformance: the same symbols everywhere, damage, decoders over the vectors, wrong decoders."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from tools.results.bench import EXACT, Bench, Figures, Inputs, Row

KINDS: Final = {"flip": "bit flips", "truncation": "truncations", "appended byte": "appended bytes"}
RUN: Final = "python conformance/run.py --quiet --decoder"
DECODERS: Final = {
    "refcodec": ("refcodec", "'PYTHON conformance/adapters/refcodec.py'"),
    "micro": ("the micro-decoder", "'PYTHON conformance/adapters/micro.py'"),
    "javascript": ("the decoder in JavaScript", "'node conformance/decoders/js/semdec.mjs'"),
}  # end of the bench's name -> decoder, its command


def _as_it_is(document: Any, _: Inputs) -> Figures:
    if not isinstance(document, dict):
        raise TypeError("not an object")
    return document


def _exact_rows(f: Figures) -> list[Row]:
    what = "same symbols: encoder, numpy, torch in eight configurations, micro-decoder"
    return [(what, f"{f['agree']} of {f['decoders']}")]


def _read_damage(document: Any, _: Inputs) -> Figures:
    counts = {
        kind: {"inputs": sum(of.values()), "undetected": of.get("undetected", 0)}
        for kind, of in document["damage"].items()
    }
    return {"bytes": document["bytes"], "check": document["check"], "damage": {kind: counts[kind] for kind in KINDS}}


def _damage_rows(f: Figures) -> list[Row]:
    inputs = ", ".join(f"{f['damage'][kind]['inputs']} {noun}" for kind, noun in KINDS.items())
    undetected = sum(of["undetected"] for of in f["damage"].values())
    return [
        (f"a file of {f['bytes']} bytes, check {f['check']}: all of {inputs}", f"{undetected or 'none'} undetected")
    ]


def _read_conformance(document: Any, _: Inputs) -> Figures:
    return {
        "tier": document["decoder"]["tier"],
        **{name: document["counts"][name] for name in ("passed", "failed", "skipped")},
    }


def _conformance_rows(decoder: str, f: Figures) -> list[Row]:
    vectors = f["passed"] + f["failed"] + f["skipped"]
    skipped = f", {f['skipped']} skipped" if f["skipped"] else ""
    return [(f"{decoder}, tiers H to {f['tier']}, over {vectors} vectors", f"{f['failed']} failures{skipped}")]


def _wrong_rows(f: Figures) -> list[Row]:
    return [("wrong decoders that the suite detects", f"{f['detected']} of {f['wrong_decoders']}")]


def _integer_rows(f: Figures) -> list[Row]:
    return [("integer against float entropy model, file size", f"at most {f['most_percent']:+g} % at every rate")]


CONFORMANCE: Final = tuple(
    Bench(
        f"conformance-{name}",
        "make conformance",
        _read_conformance,
        runs=f"{RUN} {command}",
        heading=EXACT,
        rows=partial(_conformance_rows, decoder),
    )
    for name, (decoder, command) in DECODERS.items()
)

BENCHES: Final = (
    Bench("exact", "make micro", _as_it_is, runs="python -m tools.bench.exact", heading=EXACT, rows=_exact_rows),
    # of a training run, printed by tools.train.pack: taken over with --take
    Bench("integer-networks", "python -m tools.train.pack", _as_it_is, writes="", heading=EXACT, rows=_integer_rows),
    Bench("damage", "python -m tools.bench.damage", _read_damage, heading=EXACT, rows=_damage_rows),
    *CONFORMANCE,
    Bench("wrong-decoders", "make conformance", _as_it_is, runs="python conformance/selftest.py", heading=EXACT, rows=_wrong_rows),
)  # fmt: skip
