# SPDX-License-Identifier: MIT
"""Code ELIC latents (SPEC §13.7, kind 7) and sketches (§13.6, kind 6), the same for pictures of one channel.

z is coded first, then y in channel groups of different sizes, each in two checkerboard passes:

    rate | z[hyper, h/4, w/4] | group 0 pass 0 | group 0 pass 1 | group 1 pass 0 | …

The body is one range-coded stream. `_walk` reads symbols, or writes those that a `ResidualSource` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from refcodec import entropy, spec
from refcodec.errors import Code, SemError
from refcodec.payloads.base import Kind, SymbolOption, is_integer
from refcodec.payloads.exports import npz_export
from refcodec.progress import run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.networks.context_model import Backend, ContextModel, Trace
    from refcodec.networks.scheduled_model import ScheduledModel
    from refcodec.networks.symbol_model import SymbolModel
    from refcodec.payloads.coding import CodingContext
    from refcodec.payloads.exports import Artifact, ExportContext
    from refcodec.progress import Progress
    from refcodec.table_files import TableFiles

    Ints = NDArray[np.int32]
    Shorts = NDArray[np.int16]
    # (rate, group, pass, means [c, n], indices [c, n]) -> residual symbols [c, n]
    ResidualSource = Callable[[int, int, int, Ints, NDArray[np.uint8]], Ints]

STEP = 64  # units of y-hat and the means in one quantisation step
GROUPS_MAX: Final = 16
CODED: Final = 1 << 18  # symbols that are coded at a time


@dataclass(frozen=True, eq=False)
class ElicLatents:
    """Rate 0 … R-1; z int32[hyper, h/4, w/4], values within int16; y int16[M, h, w] = 64 s + mean."""

    rate: int
    z: Ints
    y: Shorts
    canonical = True

    @property
    def shape(self) -> list[list[int]]:
        """Return the shapes of z and y."""
        return [list(self.z.shape), list(self.y.shape)]

    def to_json(self) -> Any:
        """Return the rate; the values are too many for JSON."""
        return {"rate": self.rate}

    def arrays(self) -> dict[str, Any]:
        """Return rate int32[], z int16[hyper, h/4, w/4] and y int16[M, h, w]."""
        import numpy as np

        return {"rate": np.int32(self.rate), "z": self.z.astype(np.int16), "y": self.y}

    def serialise(self) -> bytes:
        """Return S of SPEC §13.7, the bytes that the check and every digest cover."""
        return bytes([self.rate]) + self.z.astype(">i2").tobytes() + self.y.astype(">i2").tobytes()


def well_formed(parameters: dict[str, Any]) -> bool:
    """Return whether the parameters of a row are valid: channel groups of y, channels of y and z, rates and parity."""
    groups = parameters.get("groups")
    if set(parameters) != {"groups", "hyper", "m", "parity", "rates"} or not isinstance(groups, list):
        return False
    if len(groups) > GROUPS_MAX:
        return False
    channels = [*groups, parameters["hyper"], parameters["m"]]
    valid_channels = all(is_integer(n, 1, 1024) for n in channels) and sum(groups) == parameters["m"]
    return valid_channels and is_integer(parameters["rates"], 1, 64) and is_integer(parameters["parity"], 0, 1)


def symbol_count(parameters: Mapping[str, Any], width: int, height: int) -> int:
    """Return the number of symbols of a picture: the rate, the values of z and those of y."""
    (z_rows, z_cols), (rows, cols) = shapes(width, height)
    return 1 + int(parameters["hyper"]) * z_rows * z_cols + int(parameters["m"]) * rows * cols


def shapes(width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return ((h, w) of z, (h, w) of y) for a picture of width x height pixels."""
    rows, cols = -(-height // 64), -(-width // 64)
    return (rows, cols), (4 * rows, 4 * cols)


@lru_cache(maxsize=4)
def z_tables(model: SymbolModel | ScheduledModel) -> entropy.TableBank:
    """Return the z tables of a model: table rate * hyper + channel."""
    rows, at = [], 0
    for offset, size in zip(model.z_offset.ravel().tolist(), model.z_size.ravel().tolist(), strict=True):
        rows.append((offset, model.z_freq[at : at + size + 1].tolist()))
        at += size + 1
    return entropy.TableBank(rows)


def _in_range(y: Ints) -> bool:
    """Return whether all values are within int16 (SEM-R-120)."""
    return bool(y.min() >= -32768 and y.max() <= 32767)


def code_residuals(
    coder: entropy.Coder, residuals: entropy.TableBank, mean: Ints, table: NDArray[np.uint8], s: Ints | None
) -> Shorts | None:
    """Code the residuals of a pass, s[c, n] or None to read; return y, None unless it is within int16."""
    import numpy as np

    y, in_range = np.empty(mean.shape, np.int16), True
    step = max(1, CODED // max(1, mean.shape[1]))
    for top in range(0, len(mean), step):  # a few channels at a time, to save memory
        part = slice(top, top + step)
        values = coder.array(residuals, table[part], None if s is None else s[part], skip=0)
        values *= STEP
        values += mean[part]
        in_range = _in_range(values) and in_range
        y[part] = values
    return y if in_range else None


def _multiplications(model: SymbolModel, size: tuple[int, int]) -> int:
    """Return about how many multiplications the networks of a model take for a picture."""
    rows, cols = shapes(*size)[1]
    return rows * cols * model.weights


def _walk(
    coder: entropy.Coder,
    model: SymbolModel,
    size: tuple[int, int],
    backend: Backend,
    residuals: entropy.TableBank,
    trace: Trace | None,
    progress: Progress | None,
    rate: int | None = None,
    z: Ints | None = None,
    source: ResidualSource | None = None,
) -> Generator[tuple[ElicLatents, ContextModel], None, ElicLatents]:
    """Read all symbols, or write rate, z and the residuals of `source`, pass by pass.

    Yields z and the groups so far, with the context model that has predicted them, before each group; y is 0 elsewhere.
    """
    import numpy as np

    from refcodec.networks.context_model import ContextModel

    z_shape, y_shape = shapes(*size)
    rate = coder.symbol(entropy.uniform(model.rates), rate)
    numbers = np.arange(rate * model.hyper, (rate + 1) * model.hyper, dtype=np.int32)
    index = np.broadcast_to(numbers[:, None, None], (model.hyper, *z_shape))
    z = coder.array(z_tables(model), index, z)
    context_model = ContextModel(model, rate, y_shape, backend, trace)
    context_model.start(z)
    y = np.zeros((model.m, *y_shape), np.int16)
    for k in range(len(model.groups)):
        yield ElicLatents(rate, z, y), context_model
        for step in (0, 1):
            mean, table = context_model.entropy_parameters(k, step)
            part = code_residuals(
                coder, residuals, mean, table, None if source is None else source(rate, k, step, mean, table)
            )
            if part is None:
                raise SemError(Code.VALUE_RANGE, f"a latent of group {k} leaves int16", path="y")
            context_model.squares[step].write(y[model.part(k)], part)
            context_model.update(k, step, part)
            if trace is not None:
                trace(f"group[{k}].pass[{step}].y", part)
            if progress is not None:
                progress((2 * k + step + 1) / (2 * len(model.groups)))
    return ElicLatents(rate, z, y)


def decode(
    body: bytes,
    model: SymbolModel,
    size: tuple[int, int],
    backend: Backend,
    trace: Trace | None = None,
    progress: Progress | None = None,
    *,
    tables: TableFiles,
) -> ElicLatents:
    """Return the symbols of a body for a picture of size (width, height).

    Raise STREAM_INVALID (SEM-E-401), STREAM_NOT_CANONICAL (SEM-E-402) or VALUE_RANGE (SEM-E-403).
    """
    coder = entropy.Decoder(body)
    with backend.computing(_multiplications(model, size)):
        latents = run(_walk(coder, model, size, backend, entropy.gaussians(tables), trace, progress))
    coder.finish()
    return latents


def decode_in_stages(body: bytes, context: CodingContext) -> Generator[ElicLatents, None, ElicLatents]:
    """Decode as `decode` does, and yield the latents before each group, those to come at their predicted means."""
    from refcodec.payloads.latent_stages import in_stages

    assert context.backend is not None, "latents are decoded by the networks of a model"
    model, size, backend = context.model, context.size, context.backend
    coder, work = entropy.Decoder(body), _multiplications(model, size)
    walk = _walk(coder, model, size, backend, entropy.gaussians(context.tables), context.trace, context.progress)
    latents = yield from in_stages(walk, lambda: backend.computing(work))
    coder.finish()
    return latents


def encode(
    rate: int,
    z: Ints,
    source: ResidualSource,
    model: SymbolModel,
    size: tuple[int, int],
    backend: Backend,
    trace: Trace | None = None,
    progress: Progress | None = None,
    *,
    tables: TableFiles,
) -> tuple[bytes, ElicLatents]:
    """Return the body of z and of the residuals that `source` returns for each pass, and the coded symbols."""
    coder = entropy.Encoder()
    with backend.computing(_multiplications(model, size)):
        latents = run(_walk(coder, model, size, backend, entropy.gaussians(tables), trace, progress, rate, z, source))
    return coder.finish(), latents


def replay(latents: ElicLatents, model: SymbolModel, size: tuple[int, int]) -> ResidualSource:
    """Return the source of the residuals of known latents. It raises ValueError if no stream decodes to them."""
    import numpy as np

    from refcodec.networks.context_model import pass_sites

    sites = pass_sites(*shapes(*size)[1], model.parity)

    def source(_rate: int, k: int, step: int, mean: Ints, table: NDArray[np.uint8]) -> Ints:
        rows, cols = sites[step]
        s, remainder = np.divmod(latents.y[model.part(k), rows, cols] - mean, STEP)
        if remainder.any() or s[table == 0].any():
            raise ValueError("these latents do not lie on the grid of the model's means")
        return s.astype(np.int32)

    return source


def _decode(body: bytes, context: CodingContext) -> ElicLatents:
    assert context.backend is not None, "latents are decoded by the networks of a model"
    model, size, backend = context.model, context.size, context.backend
    return decode(body, model, size, backend, context.trace, context.progress, tables=context.tables)


def _memory(context: CodingContext) -> int:
    """Return the bytes of memory that decoding takes, the model and the libraries apart."""
    from refcodec.networks.context_memory import context_bytes

    assert context.backend is not None, "latents are decoded by the networks of a model"
    return context_bytes(context.model, shapes(*context.size)[1], context.backend.name)


def _encode(value: ElicLatents, context: CodingContext) -> bytes:
    assert context.backend is not None, "latents are encoded by the networks of a model"
    model, size, backend = context.model, context.size, context.backend
    source = replay(value, model, size)
    trace, progress, tables = context.trace, context.progress, context.tables
    return encode(value.rate, value.z, source, model, size, backend, trace, progress, tables=tables)[0]


def _export_sketch(value: ElicLatents, context: ExportContext) -> Artifact:
    from refcodec.payloads.exports import IMAGE_SUFFIXES, Artifact, image_bytes

    return Artifact("edge map", IMAGE_SUFFIXES, lambda suffix: image_bytes(context.synthesise(value)[..., 0], suffix))


SKETCH: Final = Kind(
    id=spec.SKETCH,
    name="sketch",
    well_formed=well_formed,
    decode=_decode,
    encode=_encode,
    export=_export_sketch,
    symbol_count=symbol_count,
    memory=_memory,
    uses_model=lambda _: True,
    networks=True,
    option=SymbolOption("sketch", "F.png", "An edge map, sent as it is.", "picture"),
    inputs=frozenset({"sketch"}),
    model_inputs=frozenset({"sketch"}),
)
ELIC: Final = Kind(
    id=spec.ELIC,
    name="elic",
    well_formed=well_formed,
    decode=_decode,
    encode=_encode,
    export=npz_export("latents"),
    symbol_count=symbol_count,
    memory=_memory,
    uses_model=lambda _: True,
    networks=True,
    stages=decode_in_stages,
    inputs=frozenset({"latents"}),
    model_inputs=frozenset({"latents"}),
)
