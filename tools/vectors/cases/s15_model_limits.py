# SPDX-License-Identifier: MIT
"""SPEC §15: what a model may ask for, exactly at each limit and one step beyond.

Models of that size are large, and their shapes alone are checked: these packages declare tensors and lack their file. One
within the limits is SEM-E-801, one beyond is SEM-E-607 before the file is looked for.
"""

from __future__ import annotations

import math
from typing import Final

from refcodec.container.fields import varint
from refcodec.spec import MODEL_LEVELS
from tools.vectors.case import Defect, InvalidCase
from tools.vectors.case_types.invalid_model import InvalidModel
from tools.vectors.edits import combine, replace
from tools.vectors.model_changes import Change, change_all, spatial_net
from tools.vectors.models.layers import REQUANT, Symbols, conv
from tools.vectors.models.package_files import Tensors

FOLDER: Final = "registries"
MAX_BYTES, MAX_WORK, _ = MODEL_LEVELS[1]
Shapes = dict[str, tuple[int, ...]]


def _no_file(_: bytes) -> None:
    return None


def _declared(**shapes: tuple[int, ...]) -> Change:
    """Declare shapes of tensors whose values are nowhere; `_` in a name stands for a dot."""

    def change(symbols: Symbols, _: Tensors) -> None:
        for name, shape in shapes.items():
            entry = symbols["tensors"].setdefault(name.replace("_", "."), {"dtype": "I16", "sha256": "0" * 64})
            entry["shape"] = list(shape)

    return change


def _tensor_bytes(beyond: int) -> Change:
    """Let the frequencies of z take what other tensors leave of the limit, and `beyond` frequencies more."""

    def change(symbols: Symbols, tensors: Tensors) -> None:
        symbols["tensors"]["mean.0.s"]["shape"] = [1, 1]  # a byte less, so that an even number is left
        others = sum(t.nbytes for name, t in tensors.items() if name != "z.freq") - 1
        symbols["tensors"]["z.freq"]["shape"] = [(MAX_BYTES - others) // 2 + beyond]

    return change


WIDE: Final[Shapes] = {
    "wide_w": (4096, 2, 1, 1), "wide_b": (4096,), "deep_w": (908, 4096, 3, 3), "deep_b": (908,),
    "thin_w": (1, 908, 1, 1), "tail_w": (4039, 1, 3, 3), "tail_b": (4039,), "last_w": (1, 4039, 3, 3),
}  # fmt: skip
NET: Final = (("wide", "wide.b"), ("deep", "deep.b"), ("thin", "b"), ("tail", "tail.b"), ("last", "b"))


def _sides(width: int, height: int) -> Defect:
    return combine(
        replace("width_minus_1", varint(width - 1).hex()), replace("height_minus_1", varint(height - 1).hex())
    )


def _multiplications(*more: str) -> tuple[Change, Change]:
    """Return the changes before and after digests are taken for a spatial net at the limit, and with convolutions `more`.

    The sum is asserted here, so that it stays what the note says.
    """
    names = [*NET, *((name, "b") for name in more)]
    layers = [layer for name, bias in names for layer in (conv(f"{name}.w", bias), REQUANT)]
    others = 16 * 104 + 8 + 144 + 72  # all nets of elic-mini but this one: 16 sites of y, and those of the hyper net
    work = others + 16 * sum(math.prod(WIDE[f"{name}_w"]) for name, _ in NET)
    assert work == MAX_WORK, work
    shapes = WIDE | {f"{name}_w": (1, 1, 1, 1) for name in more}
    late = change_all(_declared(**shapes), lambda s, _: [s["tensors"][n].update(dtype="I64") for n in _biases(shapes)])
    return spatial_net(*layers), late


def _biases(shapes: Shapes) -> list[str]:
    return [name.replace("_", ".") for name in shapes if name.endswith("_b")]


def _work(name: str, error: int, rules: tuple[int, ...], note: str, *more: str) -> InvalidModel:
    change, late = _multiplications(*more)
    return InvalidModel(name, error, rules, note, change, late, blob=_no_file)


MODELS: Final = (
    InvalidModel("limit-tensor-bytes", 801, (114, 143), "tensors of 2^27 bytes, the limit, whose file is missing",
        late=_tensor_bytes(0), blob=_no_file),
    InvalidModel("limit-tensor-bytes-exceeded", 607, (143, 144),
        "one frequency more: beyond the limit, whether the file is there or not", late=_tensor_bytes(1), blob=_no_file),
    InvalidModel("limit-tensor-bytes-of-2-54", 607, (143, 144),
        "a tensor of 2^53 - 1 frequencies, whose bytes are beyond 32 bits, in a package without a file",
        late=_declared(z_freq=(2**53 - 1,)), blob=_no_file),
    _work("limit-multiplications", 801, (114, 143, 145),
        "2^29 multiplications for 64 × 64 pixels, the limit, in a package without a file"),
    _work("limit-multiplications-exceeded", 607, (143, 144, 145), "one weight more in a net of a spatial context",
        "more"),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("limit-array", "edge-layers", 401, (80, 143, 145),
        "4095 × 4096 pixels, in which an array of 4096 channels has 2^28 values, the limit; a body that begins as none "
        "can", combine(_sides(4095, 4096), replace("body", "FFFFFFFF", 4)), "L"),
    InvalidCase("limit-array-exceeded", "edge-layers", 607, (143, 145),
        "4097 × 4096 pixels, in which it has 2^22 more", _sides(4097, 4096), "L"),
)  # fmt: skip

CASES: Final = (*MODELS, *INVALID)
