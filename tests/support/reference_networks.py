# SPDX-License-Identifier: MIT
"""SPEC §11 and §13 once more, in plain Python integers and lists, read off the text; and random models to try it on.

Nothing here comes from refcodec: nets are the JSON of a manifest, arrays are nested lists [channel][row][column].
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np

Grid = list[list[list[int]]]
Symbols = dict[str, Any]
Tensors = dict[str, np.ndarray[Any, Any]]


def conv(x: Grid, w: list[Any], b: list[int], s: int) -> Grid:
    n, h, width = len(w[0][0]), len(x[0]), len(x[0][0])
    p = (n - 1) // 2

    def one(o: int, r: int, c: int) -> int:
        total = b[o]
        for i, plane in enumerate(x):
            for u in range(n):
                for v in range(n):
                    row, col = s * r + u - p, s * c + v - p
                    if 0 <= row < h and 0 <= col < width:
                        total += w[o][i][u][v] * plane[row][col]
        return total

    return [[[one(o, r, c) for c in range(-(-width // s))] for r in range(-(-h // s))] for o in range(len(w))]


def deconv(x: Grid, w: list[Any], b: list[int], s: int) -> Grid:
    n, h, width = len(w[0][0]), len(x[0]), len(x[0][0])
    p = (n - 1) // 2
    y = [[[b[o]] * (s * width) for _ in range(s * h)] for o in range(len(b))]
    for i, plane in enumerate(x):
        for r in range(h):
            for c in range(width):
                for u in range(n):
                    for v in range(n):
                        row, col = s * r + u - p, s * c + v - p
                        if 0 <= row < s * h and 0 <= col < s * width:
                            for o in range(len(b)):
                                y[o][row][col] += w[i][o][u][v] * plane[r][c]
    return y


def requant(x: Grid, q: Symbols, t: Tensors, rate: int, first: int = 0) -> Grid:
    """`first`: the channel within q's tensors that x[0] is."""

    def entry(name: str, o: int) -> int:
        values = t[q[name]].tolist()
        row = values[rate if len(values) > 1 else 0]
        return int(row[first + o if len(row) > 1 else 0])

    def one(v: int, o: int) -> int:
        m, s = entry("m", o), entry("s", o)
        a = entry("a", o) if "a" in q else 1 << (s - 1)
        return int(max(q["lo"], min(q["hi"], (v * m + a) >> s)))

    return [[[one(v, o) for v in row] for row in plane] for o, plane in enumerate(x)]


def run(net: list[Symbols], x: Grid, t: Tensors, rate: int) -> Grid:
    outputs: list[Grid] = []
    for layer in net:
        if layer["op"] == "conv":
            x = conv(x, t[layer["w"]].tolist(), t[layer["b"]].tolist(), layer["stride"])
        elif layer["op"] == "deconv":
            x = deconv(x, t[layer["w"]].tolist(), t[layer["b"]].tolist(), layer["stride"])
        elif layer["op"] == "requant":
            x = requant(x, layer, t, rate)
        elif layer["op"] == "relu":
            x = [[[max(v, 0) for v in row] for row in plane] for plane in x]
        else:
            other = outputs[layer["from"]]
            x = [
                [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(*planes, strict=True)]
                for planes in zip(x, other, strict=True)
            ]
        outputs.append(x)
    return x


def width(net: list[Symbols], inputs: int, t: Tensors) -> int:
    for layer in net:
        if layer["op"] in ("conv", "deconv"):
            inputs = len(t[layer["b"]])
    return inputs


# (group, pass, mean [c][n], index [c][n]) -> symbols [c][n]
Chooser = Callable[[int, int, list[list[int]], list[list[int]]], list[list[int]]]


def walk(m: Symbols, t: Tensors, rate: int, z: Grid, choose: Chooser) -> tuple[Grid, list[tuple[Any, Any]]]:
    """(ŷ, what each pass was told: means and indices at its sites, channel by channel) for the symbols z and s."""
    h, w = 4 * len(z[0]), 4 * len(z[0][0])
    hyper = run(m["hyper_net"], requant(z, m["z_input"], t, rate), t, rate)
    told: list[tuple[Any, Any]] = []
    y: Grid = []
    x: list[Grid] = []
    for k, c in enumerate(m["groups"]):
        chan: Grid = []
        if k:
            scope = range(k) if m["context"] == "all" else sorted({0, k - 1})
            chan = run(m["channel_nets"][k], [plane for j in scope for plane in x[j]], t, rate)
        here: Grid = [[[0] * w for _ in range(h)] for _ in range(c)]
        x.append([[[0] * w for _ in range(h)] for _ in range(c)])
        for step in (0, 1):
            sites = [(r, q) for r in range(h) for q in range(w) if ((r + q) % 2 == m["parity"]) == (step == 0)]
            if step == 0 and m["anchor_heads"] is not None:
                out = run(m["anchor_heads"][k], chan + hyper, t, rate)
            else:
                if step == 0:
                    spat = [[[0] * w for _ in range(h)] for _ in range(width(m["spatial_nets"][k], c, t))]
                else:
                    spat = run(m["spatial_nets"][k], x[k], t, rate)
                out = run(m["heads"][k], spat + chan + hyper, t, rate)
            one, two = out[:c], out[c:]
            mean_half, scale_half = (one, two) if m["order"] == "means-scales" else (two, one)
            mean, scale = requant(mean_half, m["means"][k], t, rate), requant(scale_half, m["scales"][k], t, rate)
            if "ladder" in m["scales"][k]:
                steps = t[m["scales"][k]["ladder"]].tolist()
                scale = [[[sum(1 for v in steps if v < value) for value in row] for row in plane] for plane in scale]
            mu, j = ([[a[o][r][q] for r, q in sites] for o in range(c)] for a in (mean, scale))
            told.append((mu, j))
            symbols = choose(k, step, mu, j)
            first = sum(m["groups"][:k])
            for o in range(c):
                for (r, q), s, mean_value in zip(sites, symbols[o], mu[o], strict=True):
                    here[o][r][q] = 64 * s + mean_value
            known = requant(here, m["y_input"], t, rate, first)
            for o in range(c):
                for r, q in sites:
                    x[k][o][r][q] = known[o][r][q]
        y += here
    return y, told


class Models:
    """Random models within the bounds, of every shape that the grammar has; the same one for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random, self.rng = random.Random(seed), np.random.default_rng(seed)
        self.tensors: Tensors = {}
        self.rates = self.random.randint(1, 3)

    def _keep(self, values: Any, dtype: str) -> str:
        name = f"t{len(self.tensors)}"
        self.tensors[name] = np.ascontiguousarray(np.array(values, dtype=dtype))
        return name

    def requant(self, channels: int, shift: int, lo: int, hi: int, centre: int = 0) -> Symbols:
        def shape() -> tuple[int, int]:
            return self.random.choice((1, self.rates)), self.random.choice((1, channels))

        s = self.rng.integers(shift, shift + 3, shape())
        q = {
            "m": self._keep(self.rng.integers(2**13, 2**15, shape()), "<i2"),
            "s": self._keep(s, "u1"),
            "lo": lo,
            "hi": hi,
        }
        if centre or self.random.random() < 0.5:
            rows, columns = shape()
            reach = 1 << (shift + 1)
            a = (centre << shift) + self.rng.integers(-reach, reach + 1, (rows, columns))
            q["a"] = self._keep(a, "<i8")
        return q

    def conv(self, i: int, o: int, kernel: int, op: str = "conv", stride: int = 1) -> Symbols:
        shape = (o, i, kernel, kernel) if op == "conv" else (i, o, kernel, kernel)
        weight = min(32767, 2**21 // (i * kernel * kernel))
        w = self._keep(self.rng.integers(-weight, weight + 1, shape), "<i2")
        return {"op": op, "w": w, "b": self._keep(self.rng.integers(-(2**33), 2**33, o), "<i8"), "stride": stride}

    def clamp(self, channels: int) -> Symbols:
        lo = self.random.choice((-32768, -32767, 0, -300))
        return {"op": "requant", **self.requant(channels, self.random.randint(28, 32), lo, 32767)}

    def net(self, inputs: int, outputs: int | None = None) -> list[Symbols]:
        """`outputs`: ends in a convolution to that many channels; else in a requant, or in what needs none."""
        pick, layers, channels = self.random.choice, list[Symbols](), inputs
        for _ in range(self.random.randint(0 if outputs or inputs < 4 else 1, 2)):
            kind, wide = pick(("conv", "deconv", "grown", "residual", "relu")), self.random.randint(1, 3)
            if kind == "relu":
                layers.append({"op": "relu"})
            elif kind == "residual":
                at = len(layers)
                layers.append({"op": "relu"})
                layers += [
                    self.conv(channels, channels, pick((1, 3))),
                    self.clamp(channels),
                    {"op": "add", "from": at},
                    self.clamp(channels),
                ]
            else:
                layers += [
                    self.conv(channels, wide, pick((1, 1, 3, 5)), "deconv" if kind == "deconv" else "conv"),
                    self.clamp(wide),
                ]
                channels = wide
        if outputs:
            layers.append(self.conv(channels, outputs, pick((1, 1, 3)), pick(("conv", "deconv"))))
        return layers or [{"op": "relu"}]

    def model(self) -> Symbols:
        pick = self.random.choice
        hyper, groups = self.random.randint(1, 2), [self.random.randint(1, 2) for _ in range(self.random.randint(1, 4))]
        wide = self.random.randint(1, 3)
        up: list[Symbols] = []
        channels = hyper
        for s in pick(((4,), (2, 2), (1, 4), (2, 1, 2), (4, -2, 2), (3, -3, -1, 4))):  # below 0: a convolution
            up += [
                self.conv(channels, wide, pick((1, 3, 5, 7)), "deconv" if s > 0 else "conv", abs(s)),
                self.clamp(wide),
            ]
            channels = wide
        m: Symbols = {
            "kind": 7,
            "rates": self.rates,
            "hyper": hyper,
            "groups": groups,
            "parity": pick((0, 1)),
            "order": pick(("scales-means", "means-scales")),
            "context": pick(("all", "ends")),
            "z_input": self.requant(hyper, 5, -32768, 32767),
            "y_input": self.requant(sum(groups), 10, -32768, 32767),
            "hyper_net": up,
            "channel_nets": [None],
            "spatial_nets": [],
            "anchor_heads": pick((None, [])),
            "heads": [],
            "means": [],
            "scales": [],
        }
        t = self.tensors
        for k, c in enumerate(groups):
            base = wide
            if k:
                before = sum(groups[:k]) if m["context"] == "all" else sum(groups[j] for j in {0, k - 1})
                m["channel_nets"].append(self.net(before))
                base += width(m["channel_nets"][k], before, t)
            single = [self.conv(c, 2, pick((1, 3, 5))), self.clamp(2), {"op": "relu"}]
            m["spatial_nets"].append(pick((single, self.net(c), [*single, {"op": "add", "from": 1}, self.clamp(2)])))
            both = base + width(m["spatial_nets"][k], c, t)
            m["heads"].append(self.net(both, 2 * c))
            if m["anchor_heads"] is not None:
                m["anchor_heads"].append(self.net(base, 2 * c))
            m["means"].append(self.requant(c, 36, -32768, 32767))
            if pick((True, False)):
                ladder = np.sort(self.rng.choice(np.arange(-9000, 9000), 63, replace=False))
                m["scales"].append({**self.requant(c, 33, -32768, 32767), "ladder": self._keep(ladder, "<i4")})
            else:
                m["scales"].append(self.requant(c, pick((39, 41)), 0, 63, centre=20))
        offset = self.rng.integers(-9, 3, (self.rates, hyper))
        size = self.rng.integers(1, 12, (self.rates, hyper))
        freq: list[int] = []
        for n in size.ravel().tolist():
            cuts = np.sort(self.rng.choice(np.arange(1, 65536), n, replace=False))
            freq += np.diff([0, *cuts, 65536]).tolist()
        used = set(re.findall(r"'(t\d+)'", str(m)))  # of the nets that were drawn, not all were picked
        self.tensors = {name: values for name, values in t.items() if name in used}
        self.tensors |= {
            "z.offset": offset.astype("<i2"),
            "z.size": size.astype("<i4"),
            "z.freq": np.array(freq, "<u2"),
        }
        return m
