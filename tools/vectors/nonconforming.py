# SPDX-License-Identifier: MIT
"""Write bodies that SPEC.md forbids: values out of range in an otherwise conforming stream."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from refcodec.entropy import Encoder, TableBank, gaussians, uniform
from refcodec.networks.context_model import ContextModel
from refcodec.payloads.latents import STEP, encode, replay, shapes, z_tables
from tools.vectors.build import BACKEND, model_of
from tools.vectors.case import Defect, ValidCase
from tools.vectors.edits import field_spans, replace_file
from tools.vectors.vector import Vector

Ints = NDArray[np.int32]

BIT = uniform(2)
Residual = Callable[[int, int], int | None]  # (mean, residual) -> new residual, or None to leave this site


def code(encoder: Encoder, bank: TableBank, number: int, value: int) -> None:
    """Code a value by its table or by an escape (SPEC §10), of any size that the prefix can express."""
    table, offset = bank.tables[number], bank.offsets[number]
    escape = len(table) - 2
    if 0 <= value - offset < escape:
        encoder.symbol(table, value - offset)
        return
    encoder.symbol(table, escape)
    below = value < offset
    encoder.symbol(BIT, int(below))
    number = (offset - 1 - value if below else value - offset - escape) + 1
    q = number.bit_length() - 1
    for one in [1] * q + [0] * (q < 16):
        encoder.symbol(BIT, one)
    for place in reversed(range(q)):
        encoder.symbol(BIT, number >> place & 1)


def recode(first_z: int | None = None, residual: Residual | None = None) -> Defect:
    """Encode a file again with another first value of z, or with one other residual.

    `residual` is called for each coded site until it returns a number. All other z and residuals stay.
    """

    def make(base: Vector) -> bytes:
        case, encoder, change = base.case, Encoder(), residual
        assert isinstance(case, ValidCase)
        m, z = model_of(case, base.environment), base.latents.z.copy()
        residuals = residuals_of(base)
        if first_z is not None:
            z[0, 0, 0] = first_z
        encoder.symbol(uniform(m.rates), case.rate)
        for at in np.ndindex(z.shape):
            code(encoder, z_tables(m), case.rate * m.hyper + at[0], int(z[at]))
        context_model = ContextModel(m, case.rate, shapes(*case.size)[1], BACKEND)
        context_model.start(z)
        for (k, step), s in residuals.items():
            mean, index = context_model.entropy_parameters(k, step)
            s = np.where(index == 0, 0, s)
            for site in np.ndindex(s.shape):
                new = change(int(mean[site]), int(s[site])) if index[site] and change is not None else None
                if new is not None:
                    s[site], change = new, None
                if index[site]:
                    code(encoder, gaussians(base.environment.tables), int(index[site]), int(s[site]))
            context_model.update(k, step, (STEP * s + mean).astype(np.int32))
        return base.data[: field_spans(base)["body"][0]] + encoder.finish()

    return replace_file(make)


def above(mean: int, _: int) -> int | None:
    """Return the residual for which ŷ is 32768, if the mean permits one."""
    return (32768 - mean) // STEP if mean % STEP == 0 else None


def below(mean: int, _: int) -> int | None:
    """Return the residual for which ŷ is -32769, if the mean permits one."""
    return (-32769 - mean) // STEP if mean % STEP == STEP - 1 else None


def residuals_of(base: Vector) -> dict[tuple[int, int], Ints]:
    """Return the residuals by (group, pass), in the order of the stream."""
    case, residuals = base.case, dict[tuple[int, int], Ints]()
    assert isinstance(case, ValidCase)
    m = model_of(case, base.environment)
    choose = replay(base.latents, m, case.size)

    def record(rate: int, k: int, step: int, mean: Ints, index: NDArray[np.uint8]) -> Ints:
        residuals[k, step] = choose(rate, k, step, mean, index)
        return residuals[k, step]

    encode(case.rate, base.latents.z, record, m, case.size, BACKEND, tables=base.environment.tables)
    return residuals
