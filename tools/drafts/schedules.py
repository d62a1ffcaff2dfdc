# SPDX-License-Identifier: MIT
"""Tiny models of kind 50 with seeded weights, and the schedule of ELIC for any model of kind 7 (drafts/scheduled.md)."""

from __future__ import annotations

from typing import Any

import numpy as np

from refcodec.networks.symbol_model import context_groups
from tools.drafts.case import Package
from tools.vectors.models.tiny_latents import Maker

Symbols = dict[str, Any]
FOUR: tuple[int, ...] = (0, 3, 2, 1)  # step i codes group g at class g xor FOUR[i]
HYPER = "hyper"


def elic(symbols: Symbols, tensors: dict[str, Any]) -> Symbols:
    """Return the `symbols` of kind 50 that give the same bodies as those of kind 7. tensors: of the model, by name."""
    parity = symbols["parity"]
    nets: list[Symbols] = []
    steps: list[Symbols] = []
    for k in range(len(symbols["groups"])):
        context: list[Any] = [HYPER]
        if k:
            nets.append({"of": list(context_groups(symbols["context"], k)), "layers": symbols["channel_nets"][k]})
            context.insert(0, {"net": len(nets) - 1})
        nets.append({"of": [k], "layers": symbols["spatial_nets"][k]})
        near = [{"net": len(nets) - 1}, *context]
        heads = symbols["anchor_heads"]
        zeros = {"zeros": _width(symbols["spatial_nets"][k], tensors, symbols["groups"][k])}
        first = [zeros, *context] if heads is None else context
        head = symbols["heads"][k] if heads is None else heads[k]
        steps.append({"codes": [{"group": k, "classes": [0]}], "context": first, "head": head})
        steps.append({"codes": [{"group": k, "classes": [1]}], "context": near, "head": symbols["heads"][k]})
    kept = ("rates", "hyper", "groups", "order", "z_input", "y_input", "hyper_net", "means", "scales")
    pattern = [[parity, 1 - parity], [1 - parity, parity]]
    own = {"kind": 50, "stride": 16, "ratio": 4, "pattern": pattern, "nets": nets, "steps": steps}
    return own | {name: symbols[name] for name in kept}


def _width(net: list[Symbols], tensors: dict[str, Any], channels: int) -> int:
    """Return the output channels of a net."""
    for layer in net:
        if layer["op"] in ("conv", "deconv"):
            channels = tensors[layer["w"]].shape[1 if layer["op"] == "deconv" else 0]
    return int(channels)


def converted(package: Package) -> Package:
    """Return a package of kind 50 that codes as the one of kind 7 does."""
    symbols, tensors = package
    return elic(symbols, tensors), tensors


def _start(mk: Maker, hyper: int, groups: tuple[int, ...], stride: int, ratio: int, order: str) -> Symbols:
    """Return the members that all schedules have; the hyper net gives 6 channels."""
    scale = "conv" if ratio == 1 else "deconv"
    deep = [*mk.conv("hyper.0", hyper, 6, 3, scale, min(ratio, 4)), mk.requant_layer("hyper.0.q", 6, 20, -32767, 32767)]
    if ratio == 8:
        deep += [*mk.conv("hyper.1", 6, 6, 3, "deconv", 2), mk.requant_layer("hyper.1.q", 6, 22, -32767, 32767)]
    return {
        "kind": 50,
        "rates": mk.rates,
        "hyper": hyper,
        "groups": list(groups),
        "stride": stride,
        "ratio": ratio,
        "order": order,
        "z_input": mk.requant("z_input", hyper, 6, -32767, 32767),
        "y_input": mk.requant("y_input", sum(groups), 12, -32767, 32767, per_rate=True),
        "hyper_net": deep,
        "means": [mk.requant(f"mean.{k}", c, 28, -32767, 32767) for k, c in enumerate(groups)],
        "scales": [mk.requant(f"scale.{k}", c, 34, 0, 63, add=(3, 22)) for k, c in enumerate(groups)],
    }


def _net(mk: Maker, name: str, inputs: int, outputs: int) -> list[Symbols]:
    return [*mk.conv(name, inputs, outputs, 3), mk.requant_layer(f"{name}.q", outputs, 21, -32767, 32767)]


def _head(mk: Maker, name: str, inputs: int, channels: int, kernel: int = 1) -> list[Symbols]:
    return [
        *mk.conv(f"{name}.0", inputs, 8, kernel),
        mk.requant_layer(f"{name}.0.q", 8, 22, 0, 32767),
        *mk.conv(f"{name}.1", 8, 2 * channels, 1),
    ]


def four_passes(seed: int = 21, stride: int = 64, ratio: int = 4, width: int = 2) -> Package:
    """Build the schedule of DCVC-RT's pictures: four groups, four passes, all groups in each."""
    mk, groups = Maker(seed, 2), (width,) * 4
    s = _start(mk, 3, groups, stride, ratio, "scales-means")
    s["pattern"] = [[0, 1], [2, 3]]
    s["nets"] = [{"of": [0, 1, 2, 3], "layers": _net(mk, f"net.{i}", 4 * width, 5)} for i in range(3)]
    s["steps"] = [
        {
            "codes": [{"group": g, "classes": [g ^ FOUR[i]]} for g in range(4)],
            "context": [HYPER] if i == 0 else [{"net": i - 1}, HYPER],
            "head": _head(mk, f"head.{i}", 6 if i == 0 else 11, 4 * width, 3 if i == 3 else 1),
        }
        for i in range(4)
    ]
    mk.tensors.update(mk.z_tables(3))
    return s, mk.tensors


def two_passes(ratio: int = 1) -> Package:
    """Build two passes over two uneven groups, with complementary halves of the checkerboard, sites 8 pixels apart."""
    mk, groups = Maker(22 + ratio, 1), (1, 3)
    s = _start(mk, 2, groups, 8, ratio, "means-scales")
    s["pattern"] = [[0, 1], [1, 0]]
    s["nets"] = [{"of": [0, 1], "layers": _net(mk, "net", 4, 4)}]
    s["steps"] = [
        {
            "codes": [{"group": 0, "classes": [i]}, {"group": 1, "classes": [1 - i]}],
            "context": [{"zeros": 4}, HYPER] if i == 0 else [{"net": 0}, HYPER],
            "head": _head(mk, "head", 10, 4) if i == 0 else [],
        }
        for i in (0, 1)
    ]
    s["steps"][1]["head"] = s["steps"][0]["head"]  # one head for both
    mk.tensors["ladder"] = np.cumsum(mk.rng.integers(1, 90, 63)).astype(np.int32)
    s["scales"][1] = {**mk.requant("scale.ladder", 3, 27, -32768, 32767, add=(300, 700)), "ladder": "ladder"}
    for name in ("m", "s", "a"):
        del mk.tensors[f"scale.1.{name}"]
    mk.tensors.update(mk.z_tables(2))
    return s, mk.tensors


def rows_of_three() -> Package:
    """Build a pattern of one row and three columns, with a class that is coded together with another."""
    mk, groups = Maker(31, 1), (2, 1)
    s = _start(mk, 1, groups, 128, 8, "scales-means")
    s["pattern"] = [[0, 2, 1]]
    s["nets"] = [{"of": [0], "layers": _net(mk, "net.0", 2, 3)}, {"of": [0, 1], "layers": _net(mk, "net.1", 3, 2)}]
    s["steps"] = [
        {"codes": [{"group": 0, "classes": [0, 1]}], "context": [HYPER], "head": _head(mk, "head.0", 6, 2)},
        {"codes": [{"group": 0, "classes": [2]}, {"group": 1, "classes": [2]}], "context": [{"net": 0}, HYPER],
         "head": _head(mk, "head.1", 9, 3)},
        {"codes": [{"group": 1, "classes": [0, 1]}], "context": [{"net": 1}, {"net": 0}],
         "head": _head(mk, "head.2", 5, 1)},
    ]  # fmt: skip
    mk.tensors.update(mk.z_tables(1))
    return s, mk.tensors
