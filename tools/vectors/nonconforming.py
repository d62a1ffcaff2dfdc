# SPDX-License-Identifier: MIT
"""Write bodies that SPEC.md forbids: values out of range, in an otherwise conforming stream."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from refcodec.entropy import Encoder, TableBank, gaussians, uniform
from refcodec.networks.context_model import ContextModel
from refcodec.payloads.latents import STEP, encode, replay, shapes, z_tables
from tools.vectors.build import BACKEND, model_of
from tools.vectors.vector import Valid, Vector, spans

Ints = NDArray[np.int32]

BIT = uniform(2)
Residual = Callable[[int, int], int | None]  # (mean, residual as it was) -> residual, or None: another place


def code(encoder: Encoder, bank: TableBank, number: int, value: int) -> None:
    """SPEC §10, a value by its table or its escape, of any size that the prefix can spell."""
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


def recoded(z_first: int | None = None, s_first: Residual | None = None) -> Callable[[Vector], bytes]:
    """The file of a vector with another first value of z, or another residual at the first coded place that it
    takes. All other z and residuals stay what they are."""

    def make(base: Vector) -> bytes:
        recipe, encoder, todo = base.recipe, Encoder(), s_first
        assert isinstance(recipe, Valid)
        m, z = model_of(recipe, base.environment), base.latents.z.copy()
        residuals = residuals_of(base)
        if z_first is not None:
            z[0, 0, 0] = z_first
        encoder.symbol(uniform(m.rates), recipe.rate)
        for at in np.ndindex(z.shape):
            code(encoder, z_tables(m), recipe.rate * m.hyper + at[0], int(z[at]))
        context_model = ContextModel(m, recipe.rate, shapes(*recipe.size)[1], BACKEND)
        context_model.start(z)
        for (k, step), s in residuals.items():
            mean, index = context_model.entropy_parameters(k, step)
            s = np.where(index == 0, 0, s)
            for place in np.ndindex(s.shape):
                new = todo(int(mean[place]), int(s[place])) if index[place] and todo is not None else None
                if new is not None:
                    s[place], todo = new, None
                if index[place]:
                    code(encoder, gaussians(base.environment.tables), int(index[place]), int(s[place]))
            context_model.update(k, step, (STEP * s + mean).astype(np.int32))
        return base.data[: spans(base)["body"][0]] + encoder.finish()

    return make


def residuals_of(base: Vector) -> dict[tuple[int, int], Ints]:
    """(group, pass) -> residuals, in the order of the stream."""
    recipe, found = base.recipe, dict[tuple[int, int], Ints]()
    assert isinstance(recipe, Valid)
    m = model_of(recipe, base.environment)
    source = replay(base.latents, m, recipe.size)

    def note(rate: int, k: int, step: int, mean: Ints, index: NDArray[np.uint8]) -> Ints:
        found[k, step] = source(rate, k, step, mean, index)
        return found[k, step]

    encode(recipe.rate, base.latents.z, note, m, recipe.size, BACKEND, tables=base.environment.tables)
    return found
