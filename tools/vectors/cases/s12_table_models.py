# SPDX-License-Identifier: MIT
"""SPEC §12: packages of kinds 3, 4 and 5, a tiny model with one defect each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tools.vectors.case_types.invalid_model import InvalidModel, ListedTensors, ScalarSymbols, Undigestible
from tools.vectors.model_changes import (
    Change,
    cast_tensor,
    change_all,
    drop_member,
    edit_declaration,
    edit_header,
    flip_tensor_bit,
    rename_tensor,
    reshape_tensor,
    set_declaration,
    set_member,
    set_tensor,
    unchanged,
)
from tools.vectors.models.layers import Symbols
from tools.vectors.models.package_files import Tensors

FOLDER: Final = "models-bad"
BASES: Final = {3: "clip-tiny", 4: "pq-tiny", 5: "vq-tiny"}
ODD_USAGE: Final = [40_000, 1, 20_000, 5_000, 500, 34]
ZERO_USAGE: Final = [40_000, 0, 20_000, 5_001, 500, 35]
SEVEN: Final = [40_000, 1, 20_000, 5_000, 500, 34, 1]


def _invalid(
    kind: int, name: str, rule: int, note: str, change: Change = unchanged, error: int = 803, **options: Any
) -> InvalidModel:
    base = BASES[kind]
    return InvalidModel(f"{base}-{name}", error, (rule,), note, change, base=base, **options)


def _word(value: float) -> Change:
    """Replace one number of one code word."""

    def change(_: Symbols, tensors: Tensors) -> None:
        tensors["codebooks"] = tensors["codebooks"].copy()
        tensors["codebooks"][1, 2, 0] = value

    return change


def _books(m: int, v: int, part: int) -> Change:
    return set_tensor("codebooks", np.zeros((m, v, part)))


def _float_shape(header: dict[str, Any], data: bytes) -> bytes:
    header["sign"]["shape"] = [8.0]
    return data


MODELS: Final = (
    _invalid(3, "frequency-0", 117, "a sign that is never positive", set_tensor("sign", [1, 65535, 0, 2, 3, 4, 5, 6])),
    _invalid(3, "seven-signs", 111, "a table for seven of eight dimensions",
        set_tensor("sign", [1, 65535, 3, 2, 3, 4, 5])),
    _invalid(3, "signs-in-a-square", 111, "a table of two axes", reshape_tensor("sign", 2, 4)),
    _invalid(3, "nine-dimensions", 112, "nine dimensions, and as many frequencies, on a row of eight",
        change_all(set_member("d", to=9), set_tensor("sign", list(range(1, 10))))),
    _invalid(3, "three-bits", 112, "codes of three bits on a row of two", set_member("b", to=3)),
    _invalid(3, "b-17", 111, "17 bits, more than there can be", set_member("b", to=17)),
    _invalid(3, "d-as-truth", 111, "`d` is true", set_member("d", to=True)),
    _invalid(3, "member-unknown", 111, "a member that SPEC.md does not have", set_member("norm", to=19)),
    _invalid(3, "member-missing", 111, "no member `b`", drop_member("b")),
    _invalid(3, "kind-8", 111, "a kind that there is not", set_member("kind", to=8)),
    _invalid(3, "kind-as-text", 111, "the kind is a text", set_member("kind", to="3")),
    _invalid(3, "tensor-renamed", 111, "its tensor is called `signs`", rename_tensor("sign", "signs")),
    _invalid(3, "tensor-more", 111, "a tensor that nothing uses", set_tensor("more", [1], dtype="<u2")),
    _invalid(3, "dtype-i16", 111, "frequencies with a sign", cast_tensor("sign", "<i2")),
    _invalid(3, "dtype-f32", 111, "frequencies in floating point", cast_tensor("sign", "<f4")),
    _invalid(3, "digest", 110, "one bit of the table differs from what the digest says", error=802,
        late=flip_tensor_bit("sign")),
    _invalid(3, "tensors-missing", 114, "there is no file of tensors", error=801, blob=lambda _: None),
    _invalid(4, "nan", 119, "a code word that is not a number", _word(np.nan)),
    _invalid(4, "infinity", 119, "an infinite code word", _word(np.inf)),
    _invalid(4, "minus-infinity", 119, "the same below", _word(-np.inf)),
    _invalid(4, "d-7", 119, "seven dimensions in two parts", set_member("d", to=7)),
    _invalid(4, "shape", 111, "two numbers a code word, not three", _books(2, 4, 2)),
    _invalid(4, "flat", 111, "codebooks of one axis", reshape_tensor("codebooks", 24)),
    _invalid(4, "dtype-i32", 111, "code words of integers",
        change_all(_books(2, 4, 3), cast_tensor("codebooks", "<i4"))),
    _invalid(4, "three-parts", 112, "three parts on a row of two",
        change_all(set_member("m", to=3), set_member("d", to=9), _books(3, 4, 3))),
    _invalid(4, "five-words", 112, "five code words on a row of four",
        change_all(set_member("v", to=5), _books(2, 5, 3))),
    _invalid(4, "member-missing", 111, "no member `d`", drop_member("d")),
    _invalid(5, "sum", 118, "frequencies that sum to 65535", set_tensor("usage", ODD_USAGE)),
    _invalid(5, "sum-above", 118, "frequencies that sum to 131072", set_tensor("usage", [65_535, 1, 65_533, 1, 1, 1])),
    _invalid(5, "frequency-0", 118, "an index that cannot be coded", set_tensor("usage", ZERO_USAGE)),
    _invalid(5, "seven-words", 112, "seven code words on a row of six",
        change_all(set_member("v", to=7), set_tensor("usage", SEVEN))),
    _invalid(5, "shape", 111, "seven frequencies for six code words", set_tensor("usage", SEVEN)),
    _invalid(5, "v-0", 111, "no code word at all", set_member("v", to=0)),
    _invalid(5, "stride", 111, "a member of the row that is none of the model", set_member("stride", to=16)),
    _invalid(5, "dtype-i32", 111, "frequencies of 32 bits", cast_tensor("usage", "<i4")),
    _invalid(3, "d-as-text", 111, "`d` is a text", set_member("d", to="8")),
    ListedTensors("clip-tiny-tensors-as-list", 803, (111,), "`tensors` is a list of names", base="clip-tiny"),
    _invalid(3, "tensor-as-list", 111, "what is said of a tensor is a list",
        late=set_declaration("sign", ["dtype", "sha256", "shape"])),
    _invalid(3, "tensor-member", 111, "a member more of a tensor", late=edit_declaration("sign", layout="row")),
    _invalid(3, "dtype-of-file", 111, "frequencies with a sign in the file, without one in the manifest",
        lambda _, t: t.update(sign=np.array([1, 2, 3, 4, 5, 6, 7, 8], "<i2")),
        late=edit_declaration("sign", dtype="U16")),
    _invalid(3, "shape-of-file", 111, "another shape in the manifest than in the file",
        late=edit_declaration("sign", shape=[2, 4])),
    Undigestible("symbols-float", 801, (114,),
        "`b` is 2.0: canonical JSON has no such number, so that the package has no digest", base="clip-tiny",
        late=set_member("b", to=2.0)),
    Undigestible("symbols-float-in-list", 801, (114,), "the same in a list: a shape of 8.0", base="clip-tiny",
        late=edit_declaration("sign", shape=[8.0])),
    Undigestible("symbols-2-53", 801, (114,), "`b` is 2^53, of which canonical JSON has none either",
        base="clip-tiny", late=set_member("b", to=2**53)),
    Undigestible("symbols-minus-2-53", 801, (114,), "`b` is -2^53", base="clip-tiny",
        late=set_member("b", to=-(2**53))),
    Undigestible("symbols-member-twice", 801, (114,), "`b` is given twice", base="clip-tiny",
        late=set_member("b", to=3), text=lambda data: data.replace(b'"b": 3', b'"b": 2, "b": 3')),
    Undigestible("manifest-nan", 801, (114,), "NaN, which JSON has not, outside of `symbols`", base="clip-tiny",
        text=lambda data: data.replace(b'"licence": "CC0-1.0"', b'"licence": NaN')),
    _invalid(4, "d-0", 119, "an embedding of no dimensions",
        change_all(set_member("d", to=0), set_tensor("codebooks", np.zeros((2, 4, 0))))),
    InvalidModel("clip-tiny-shape-spelt", 803, (111,),
        "a shape of 8.0 in the file of tensors, whose numbers are integers", blob=edit_header(_float_shape),
        base="clip-tiny"),
    ScalarSymbols("symbols-as-number", 801, (114,), "`symbols` are a number, so that the package has no digest",
        base="clip-tiny"),
)  # fmt: skip

CASES: Final = MODELS
