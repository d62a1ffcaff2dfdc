# SPDX-License-Identifier: MIT
"""Split a net (SPEC §11) into stages: a convolution, if there is one, and the layers behind it that take each value alone.

The values within a stage need not be stored: it is computed part by part, and only its output is an array of the size of
the grid. This is int16 where the bounds of a requantisation say so, which is after nearly every stage.
"""

from __future__ import annotations

from dataclasses import dataclass

from refcodec.networks.layers import Add, Conv, Layer, Net, Relu, Requant


@dataclass(frozen=True, eq=False)
class Stage:
    """Layers start … of a net. `conv` is None if the stage begins with another layer; `rest`: those behind it."""

    start: int
    conv: Conv | None
    rest: Net

    @property
    def last(self) -> int:
        """The number of its last layer within the net."""
        return self.start + len(self.rest) - int(self.conv is None)

    @property
    def narrow(self) -> bool:
        """Whether its output is within int16."""
        layers = [layer for layer in self.rest if not isinstance(layer, Relu)]
        return bool(layers) and isinstance(layers[-1], Requant)


def stages(net: Net, every_layer: bool = False) -> list[Stage]:
    """Return the stages of a net. A layer that is added later ends its stage; with `every_layer`, each does."""
    ends = {layer.source for layer in net if isinstance(layer, Add)}
    found: list[list[Layer]] = []
    for i, layer in enumerate(net):
        if not found or isinstance(layer, Conv) or every_layer or i - 1 in ends:
            found.append([])
        found[-1].append(layer)
    result, start = [], 0
    for layers in found:
        conv = layers[0] if isinstance(layers[0], Conv) else None
        result.append(Stage(start, conv, tuple(layers[conv is not None :])))
        start += len(layers)
    return result
