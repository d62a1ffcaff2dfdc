# SPDX-License-Identifier: MIT
"""SPEC §11 and §12: read layers from a manifest's JSON and its tensors. Checks their form; `layers` checks the bounds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.layers import Add, Conv, Ladder, Layer, Net, Relu, Requant
from refcodec.networks.manifest_values import malformed, require_integer, require_list, require_members

SCALES: Final = 64  # Gaussian tables
LATENT_SCALE: Final = 4  # rows of y to one row of z, in kinds 6 and 7
LAYERS_MAX, KERNEL_MAX, STRIDE_MAX, WIDTH_MAX = 16, 15, 4, 4096  # SEM-R-115


class LayerReader:
    """Reads layers; raises Code.MODEL_MALFORMED for an invalid form. `used`: the names of the tensors read so far.

    ratio: rows of y, and of every net but the hyper-decoder, to one row of z.
    """

    def __init__(self, rates: int, declared: Any, tensors: dict[str, NDArray[Any]], ratio: int = LATENT_SCALE) -> None:
        self.rates, self.declared, self.tensors, self.ratio = rates, declared, tensors, ratio
        self.used = set[str]()
        self._rounding: dict[str, NDArray[np.int64]] = {}  # by the name of the shifts

    def tensor(self, name: object, dtype: str, path: str) -> NDArray[Any]:
        """Return the tensor of this name, which must have the given dtype."""
        if not isinstance(name, str) or name not in self.tensors:
            raise malformed(f"no tensor {name!r}", path)
        if self.declared[name]["dtype"] != dtype:
            raise malformed(f"tensor {name} is not {dtype}", path)
        self.used.add(name)
        return self.tensors[name]

    def net(self, obj: object, channels: int, path: str, rows: int | None = None) -> tuple[Net, int]:
        """Return a net and the channels of its output (SEM-R-123).

        Its input has `rows` rows for each of z, as many as its output if None.
        """
        rows = self.ratio if rows is None else rows
        layers: list[Layer] = []
        shapes: list[tuple[int, int]] = []  # channels and rows behind each layer
        begin = rows
        for i, item in enumerate(require_list(obj, 1, LAYERS_MAX, path)):
            layer = self._layer(item, channels, len(layers), f"{path}[{i}]")
            if isinstance(layer, Conv):
                channels = layer.outputs
                # if a stride did not divide the rows, the output size would depend on rounding
                divides = layer.transposed or rows % layer.stride == 0
                rows = rows * layer.stride if layer.transposed else rows // layer.stride
                if not divides or not begin <= rows <= self.ratio:
                    raise malformed(f"a layer's size is not {begin} to {self.ratio} times that of z", f"{path}[{i}]")
            elif isinstance(layer, Add) and shapes[layer.source] != (channels, rows):
                raise malformed("the two shapes differ", f"{path}[{i}]")
            layers.append(layer)
            shapes.append((channels, rows))
        if rows != self.ratio:
            raise malformed("its output does not have the size of y", path)
        return tuple(layers), channels

    def head(self, obj: object, channels: int, c: int, path: str) -> Net:
        """Return the net that gives means and scales of c channels."""
        net, outputs = self.net(obj, channels, path)
        if outputs != 2 * c:
            raise malformed(f"it ends in {outputs} channels, not {2 * c}", path)
        return net

    def scale(self, obj: object, channels: int, path: str) -> tuple[Requant, Ladder | None]:
        """Return a requant, and the ladder that turns its output into table indices, if it has one."""
        q = self.requant(obj, channels, path, frozenset({"ladder"}))
        assert isinstance(obj, dict)
        if "ladder" not in obj:
            return q, None
        ladder = self.tensor(obj["ladder"], "I32", f"{path}.ladder")
        if ladder.shape != (SCALES - 1,) or bool((np.diff(ladder.astype(np.int64)) <= 0).any()):
            raise malformed("a ladder is 63 ascending integers", f"{path}.ladder")
        return q, ladder

    def requant(self, obj: object, channels: int, path: str, more: frozenset[str] = frozenset()) -> Requant:
        """Return a requantisation of `channels` channels. `more`: further members that its object may have."""
        o = require_members(obj, {"m", "s", "lo", "hi"}, path, {"a"} | more)
        parts = [self.tensor(o["m"], "I16", path), self.tensor(o["s"], "U8", path)]
        if "a" in o:
            parts.append(self.tensor(o["a"], "I64", path))
        for t in parts:
            if t.ndim != 2 or t.shape[0] not in (1, self.rates) or t.shape[1] not in (1, channels):
                raise malformed(f"a requant tensor has the shape {t.shape}", path)
        if "a" not in o:
            parts.append(self._half(o["s"]))
        m, s, a = np.broadcast_arrays(*parts)
        lo, hi = (require_integer(o[k], -(2**53) + 1, 2**53 - 1, f"{path}.{k}") for k in ("lo", "hi"))
        return Requant(m, s, a, lo, hi)

    def _half(self, name: str) -> NDArray[np.int64]:
        """Return the addends that round to the nearest, once for all layers with these shifts.

        Shifts outside 1 … 52 are refused with the bounds.
        """
        if name not in self._rounding:
            self._rounding[name] = np.int64(1) << np.clip(self.tensors[name].astype(np.int64) - 1, 0, 62)
        return self._rounding[name]

    def _layer(self, item: object, channels: int, before: int, path: str) -> Layer:
        """Return one layer with `channels` input channels; `before`: the number of layers in front of it."""
        if not isinstance(item, dict):
            raise malformed("a layer is an object", path)
        op, body = item.get("op"), {name: value for name, value in item.items() if name != "op"}
        if op in ("conv", "deconv"):
            return self._conv(body, channels, op == "deconv", path)
        if op == "requant":
            return self.requant(body, channels, path)
        if op == "relu":
            require_members(body, set(), path)
            return Relu()
        if op == "add":
            return Add(require_integer(require_members(body, {"from"}, path)["from"], 0, before - 1, f"{path}.from"))
        raise malformed(f"unknown operation {op!r}", path)

    def _conv(self, body: dict[str, Any], channels: int, transposed: bool, path: str) -> Conv:
        o = require_members(body, {"w", "b", "stride"}, path)
        w, b = self.tensor(o["w"], "I16", path), self.tensor(o["b"], "I64", path)
        conv = Conv(w, b, require_integer(o["stride"], 1, STRIDE_MAX, f"{path}.stride"), transposed)
        square = w.ndim == 4 and w.shape[2] == w.shape[3] and w.shape[2] % 2 == 1 and w.shape[2] <= KERNEL_MAX
        if not square or conv.inputs != channels or b.shape != (conv.outputs,) or not 1 <= conv.outputs <= WIDTH_MAX:
            raise malformed(f"weights {w.shape} and bias {b.shape} do not fit {channels} channels", path)
        return conv
