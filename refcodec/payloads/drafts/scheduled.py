# SPDX-License-Identifier: MIT
"""Code latents with a declared schedule (drafts/scheduled.md, kind 50): a generalisation of ELIC latents.

    rate | z[hyper, h / ratio, w / ratio] | step 0 | step 1 | …

The symbols are an `ElicLatents`, the body is one range-coded stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from refcodec import entropy
from refcodec.errors import Code, SemError
from refcodec.payloads.base import Kind, is_integer
from refcodec.payloads.exports import npz_export
from refcodec.payloads.latents import GROUPS_MAX, STEP, ElicLatents, code_residuals, z_tables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.networks.scheduled_model import Coded, ScheduledModel
    from refcodec.payloads.coding import CodingContext

    Ints = NDArray[np.int32]
    # (rate, step, what is coded, means [c, n], indices [c, n]) -> residual symbols [c, n]
    ResidualSource = Callable[[int, int, Coded, Ints, NDArray[np.uint8]], Ints]

ID: Final = 50
RATIOS: Final = (1, 2, 4, 8)


def well_formed(parameters: dict[str, Any]) -> bool:
    """Return whether the parameters of a row are valid: channels, rates and strides (DRAFT-R-200)."""
    groups = parameters.get("groups")
    if set(parameters) != {"groups", "hyper", "m", "rates", "ratio", "stride"} or not isinstance(groups, list):
        return False
    if not 1 <= len(groups) <= GROUPS_MAX or not all(is_integer(n, 1, 1024) for n in groups):
        return False
    return (
        (is_integer(parameters["m"], 1, 1024) and sum(groups) == parameters["m"])
        and (is_integer(parameters["hyper"], 1, 1024) and is_integer(parameters["rates"], 1, 64))
        and is_integer(parameters["stride"], 4, 128)
        and (is_integer(parameters["ratio"], 1, 8) and parameters["ratio"] in RATIOS)
    )


def shapes(parameters: Mapping[str, Any], size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return ((h, w) of z, (h, w) of y) for a picture of size (width, height)."""
    ratio = int(parameters["ratio"])
    cell = int(parameters["stride"]) * ratio
    rows, cols = -(-size[1] // cell), -(-size[0] // cell)
    return (rows, cols), (ratio * rows, ratio * cols)


def symbol_count(parameters: Mapping[str, Any], width: int, height: int) -> int:
    """Return the number of symbols of a picture: the rate, the values of z and those of y."""
    (z_rows, z_cols), (rows, cols) = shapes(parameters, (width, height))
    return 1 + int(parameters["hyper"]) * z_rows * z_cols + int(parameters["m"]) * rows * cols


def walk(
    coder: entropy.Coder,
    context: CodingContext,
    rate: int | None = None,
    z: Ints | None = None,
    source: ResidualSource | None = None,
) -> ElicLatents:
    """Read all symbols, or write rate, z and the residuals of `source`, step by step."""
    import numpy as np

    from refcodec.networks.scheduled_context import ScheduledContext

    assert context.backend is not None, "latents are coded by the networks of a model"
    model: ScheduledModel = context.model
    residuals = entropy.gaussians(context.tables)
    z_shape, y_shape = shapes(context.parameters, context.size)
    rate = coder.symbol(entropy.uniform(model.rates), rate)
    numbers = np.arange(rate * model.hyper, (rate + 1) * model.hyper, dtype=np.int32)
    z = coder.array(z_tables(model), np.broadcast_to(numbers[:, None, None], (model.hyper, *z_shape)), z)
    networks = ScheduledContext(model, rate, y_shape, context.backend, context.trace)
    networks.start(z)
    y = np.zeros((model.m, *y_shape), np.int16)
    for i in range(len(model.steps)):
        for coded, sites, mean, index in networks.predictions(i):
            if not mean.size:  # a small grid may have no site of these classes
                continue
            s = None if source is None else source(rate, i, coded, mean, index)
            part = code_residuals(coder, residuals, mean, index, s)
            if part is None:
                raise SemError(Code.VALUE_RANGE, f"a latent of group {coded.group} leaves int16", path="y")
            y[model.part(coded.group)][:, sites[0], sites[1]] = part
            networks.update(coded, sites, part)
            if context.trace is not None:
                context.trace(f"steps[{i}].group[{coded.group}].y", part)
        if context.progress is not None:
            context.progress((i + 1) / len(model.steps))
    return ElicLatents(rate, z, y)


def decode(body: bytes, context: CodingContext) -> ElicLatents:
    """Return the symbols of a body.

    Raise STREAM_INVALID (SEM-E-401), STREAM_NOT_CANONICAL (SEM-E-402) or VALUE_RANGE (SEM-E-403).
    """
    assert context.backend is not None, "latents are decoded by the networks of a model"
    coder = entropy.Decoder(body)
    with context.backend.computing(_work(context)):
        latents = walk(coder, context)
    coder.finish()
    return latents


def encode_from(rate: int, z: Ints, source: ResidualSource, context: CodingContext) -> tuple[bytes, ElicLatents]:
    """Return the body of z and of the residuals that `source` returns for each step, and the coded symbols."""
    assert context.backend is not None, "latents are encoded by the networks of a model"
    coder = entropy.Encoder()
    with context.backend.computing(_work(context)):
        latents = walk(coder, context, rate, z, source)
    return coder.finish(), latents


def encode(value: ElicLatents, context: CodingContext) -> bytes:
    """Return the body of known latents. Raises ValueError if no stream decodes to them."""
    import numpy as np

    model: ScheduledModel = context.model
    shape = shapes(context.parameters, context.size)[1]

    def source(_rate: int, _step: int, coded: Coded, mean: Ints, index: NDArray[np.uint8]) -> Ints:
        rows, cols = model.sites(coded, shape)
        s, remainder = np.divmod(value.y[model.part(coded.group)][:, rows, cols] - mean, STEP)
        if remainder.any() or s[index == 0].any():
            raise ValueError("these latents do not lie on the grid of the model's means")
        return s.astype(np.int32)

    return encode_from(value.rate, value.z, source, context)[0]


def _work(context: CodingContext) -> int:
    """Return about how many multiplications the networks take for a picture."""
    rows, cols = shapes(context.parameters, context.size)[1]
    return rows * cols * int(context.model.weights)


def _memory(context: CodingContext) -> int:
    from refcodec.networks.scheduled_context import context_bytes

    return context_bytes(context.model, shapes(context.parameters, context.size)[1])


def _build(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> ScheduledModel:
    from refcodec.networks import scheduled_model

    return scheduled_model.build(symbols, tensors)


KIND: Final = Kind(
    id=ID,
    name="scheduled",
    well_formed=well_formed,
    decode=decode,
    encode=encode,
    export=npz_export("latents"),
    symbol_count=symbol_count,
    memory=_memory,
    uses_model=lambda _: True,
    networks=True,
    build=_build,
    inputs=frozenset({"scheduled"}),
    model_inputs=frozenset({"scheduled"}),
)
