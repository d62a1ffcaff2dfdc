# SPDX-License-Identifier: MIT
"""SPEC §12: packages of kinds 3, 4, 5 and 6 that are a tiny model with one defect, each with a file that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tools.vectors.mini import Symbols, Tensors
from tools.vectors.recipes_model import Bad, Change, _all, _drop, _set, _tensor

NAMES = {3: "clip-tiny", 4: "pq-tiny", 5: "vq-tiny", 6: "sketch-tiny"}


def _bad(
    kind: int, name: str, rule: int, note: str, change: Change = lambda _s, _t: None, error: int = 803, **more: Any
) -> Bad:
    base = NAMES[kind]
    return Bad(f"{base}-{name}", error, (rule,), note, change, base=base, **more)


def _renamed(old: str, new: str) -> Change:
    """A tensor of another name."""
    return lambda _, tensors: tensors.update({new: tensors.pop(old)})


def _cast(name: str, dtype: str) -> Change:
    return lambda _, tensors: tensors.update({name: tensors[name].astype(dtype)})


def _shaped(name: str, *shape: int) -> Change:
    return lambda _, tensors: tensors.update({name: tensors[name].reshape(shape)})


def _word(value: float) -> Change:
    """One number of one code word."""

    def change(_: Symbols, tensors: Tensors) -> None:
        tensors["codebooks"] = tensors["codebooks"].copy()
        tensors["codebooks"][1, 2, 0] = value

    return change


def _flip(name: str) -> Callable[[Symbols, Tensors], None]:
    def change(_: Symbols, tensors: Tensors) -> None:
        raw = tensors[name].copy().view("|u1")
        raw.reshape(-1)[0] ^= 1
        tensors[name] = raw.view(tensors[name].dtype).reshape(tensors[name].shape)

    return change


def _books(m: int, v: int, part: int) -> Change:
    return _tensor("codebooks", np.zeros((m, v, part)))


ODD_USAGE = [40_000, 1, 20_000, 5_000, 500, 34]
ZERO_USAGE = [40_000, 0, 20_000, 5_001, 500, 35]
SEVEN = [40_000, 1, 20_000, 5_000, 500, 34, 1]

BAD = (
    _bad(3, "frequency-0", 117, "a sign that is never positive", _tensor("sign", [1, 65535, 0, 2, 3, 4, 5, 6])),
    _bad(3, "seven-signs", 111, "a table for seven of eight dimensions", _tensor("sign", [1, 65535, 3, 2, 3, 4, 5])),
    _bad(3, "signs-in-a-square", 111, "a table of two axes", _shaped("sign", 2, 4)),
    _bad(3, "nine-dimensions", 112, "nine dimensions, and as many frequencies, on a row of eight",
         _all(_set("d", to=9), _tensor("sign", list(range(1, 10))))),
    _bad(3, "three-bits", 112, "codes of three bits on a row of two", _set("b", to=3)),
    _bad(3, "b-17", 111, "17 bits, more than there can be", _set("b", to=17)),
    _bad(3, "d-as-truth", 111, "`d` is true", _set("d", to=True)),
    _bad(3, "member-unknown", 111, "a member that SPEC.md does not have", _set("norm", to=19)),
    _bad(3, "member-missing", 111, "no member `b`", _drop("b")),
    _bad(3, "kind-8", 111, "a kind that there is not", _set("kind", to=8)),
    _bad(3, "kind-as-text", 111, "the kind is a text", _set("kind", to="3")),
    _bad(3, "tensor-renamed", 111, "its tensor is called `signs`", _renamed("sign", "signs")),
    _bad(3, "tensor-more", 111, "a tensor that nothing uses", _tensor("more", [1], dtype="<u2")),
    _bad(3, "dtype-i16", 111, "frequencies with a sign", _cast("sign", "<i2")),
    _bad(3, "dtype-f32", 111, "frequencies in floating point", _cast("sign", "<f4")),
    _bad(3, "digest", 110, "one bit of the table differs from what the digest says", error=802, late=_flip("sign")),
    _bad(3, "tensors-missing", 114, "there is no file of tensors", error=801, blob=lambda _: None),
    _bad(4, "nan", 119, "a code word that is not a number", _word(np.nan)),
    _bad(4, "infinity", 119, "an infinite code word", _word(np.inf)),
    _bad(4, "minus-infinity", 119, "the same below", _word(-np.inf)),
    _bad(4, "d-7", 119, "seven dimensions in two parts", _set("d", to=7)),
    _bad(4, "shape", 111, "two numbers a code word, not three", _books(2, 4, 2)),
    _bad(4, "flat", 111, "codebooks of one axis", _shaped("codebooks", 24)),
    _bad(4, "dtype-i32", 111, "code words of integers", _all(_books(2, 4, 3), _cast("codebooks", "<i4"))),
    _bad(4, "three-parts", 112, "three parts on a row of two", _all(_set("m", to=3), _set("d", to=9), _books(3, 4, 3))),
    _bad(4, "five-words", 112, "five code words on a row of four", _all(_set("v", to=5), _books(2, 5, 3))),
    _bad(4, "member-missing", 111, "no member `d`", _drop("d")),
    _bad(5, "sum", 118, "frequencies that sum to 65535", _tensor("usage", ODD_USAGE)),
    _bad(5, "sum-above", 118, "frequencies that sum to 131072", _tensor("usage", [65_535, 1, 65_533, 1, 1, 1])),
    _bad(5, "frequency-0", 118, "an index that cannot be coded", _tensor("usage", ZERO_USAGE)),
    _bad(5, "seven-words", 112, "seven code words on a row of six", _all(_set("v", to=7), _tensor("usage", SEVEN))),
    _bad(5, "shape", 111, "seven frequencies for six code words", _tensor("usage", SEVEN)),
    _bad(5, "v-0", 111, "no code word at all", _set("v", to=0)),
    _bad(5, "stride", 111, "a member of the row that is none of the model", _set("stride", to=16)),
    _bad(5, "dtype-i32", 111, "frequencies of 32 bits", _cast("usage", "<i4")),
    _bad(6, "kind-7", 210, "the same model for latents of kind 7", _set("kind", to=7)),
    _bad(6, "shift-0", 102, "a shift of 0", error=804,
         change=lambda s, t: t.update({s["z_input"]["s"]: t[s["z_input"]["s"]] * 0})),
)  # fmt: skip
