# SPDX-License-Identifier: MIT
"""Public ELIC checkpoints for tests: random states with their own key names, and what their own programs make of them.

Nothing here uses refcodec: the reference walks the keys of a state as the checkpoint's program is documented to run.
"""

from __future__ import annotations

import math
import re
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]
TOKENS, TEXT = 38, 512
BLOCKS = ("r", "r", "r")
G_A = ("down", *BLOCKS, "down", *BLOCKS, "attend", "down", *BLOCKS, "down", "attend")
G_A_TEXT = (
    "down",
    *BLOCKS,
    "down",
    *BLOCKS,
    "inject",
    "attend",
    "down",
    *BLOCKS,
    "extract",
    "inject",
    "down",
    "attend",
)
G_S = ("attend", "up", *BLOCKS, "up", "attend", *BLOCKS, "up", *BLOCKS, "up")


class Maker:
    """Random tensors under public names."""

    def __init__(self, seed: int) -> None:
        self.random, self.state = torch.Generator().manual_seed(seed), State()

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.random)

    def conv(self, key: str, i: int, o: int, k: int, gain: float = 1.0, transposed: bool = False) -> None:
        fan = i * k * k / (4 if transposed and k == 5 else 1)
        self.state[f"{key}.weight"] = self.normal(*((i, o) if transposed else (o, i)), k, k) * gain / math.sqrt(fan)
        self.state[f"{key}.bias"] = 0.1 * self.normal(o)

    def norm(self, key: str, c: int) -> None:
        self.state[f"{key}.weight"], self.state[f"{key}.bias"] = 1 + 0.1 * self.normal(c), 0.1 * self.normal(c)

    def linear(self, key: str, i: int, o: int) -> None:
        self.state[f"{key}.weight"], self.state[f"{key}.bias"] = self.normal(o, i) / math.sqrt(i), 0.1 * self.normal(o)

    def cross(self, key: str, c: int) -> None:
        self.state[f"{key}.in_proj_weight"] = self.normal(3 * c, c) * 2 / math.sqrt(c)
        self.state[f"{key}.in_proj_bias"] = 0.1 * self.normal(3 * c)
        self.linear(f"{key}.out_proj", c, c)

    def bottleneck(self, keys: tuple[str, str, str], c: int) -> None:
        for key, i, o, k, gain in zip(
            keys, (c, c // 2, c // 2), (c // 2, c // 2, c), (1, 3, 1), (1.4, 1.4, 0.4), strict=True
        ):
            self.conv(key, i, o, k, gain)

    def attend(self, key: str, c: int) -> None:
        for branch in ("conv_a", "conv_b"):
            for u in range(3):
                self.bottleneck(tuple(f"{key}.{branch}.{u}.conv.{j}" for j in (0, 2, 4)), c)  # type: ignore[arg-type]
        self.conv(f"{key}.conv_b.3", c, c, 1)

    def transform(self, prefix: str, layout: tuple[str, ...], widths: list[int], branch: bool, last: float) -> None:
        """widths: channels before and behind each of the four scaling layers."""
        scaled = 0
        for i, what in enumerate(layout):
            key, c = f"{prefix}.{i}", widths[scaled]
            if what in ("down", "up"):
                self.conv(key, c, widths[scaled + 1], 5, last if scaled == 3 else 1.0, what == "up")
                scaled += 1
            elif what == "attend":
                self.attend(key, c)
            elif what == "r":
                names = ("branch.0", "branch.2", "branch.4") if branch else ("conv1", "conv2", "conv3")
                self.bottleneck(tuple(f"{key}.{name}" for name in names), c)  # type: ignore[arg-type]
            else:
                project, inner = (
                    ("text_feature_dim_proj", (TEXT, c)) if what == "inject" else ("image_feature_dim_proj", (c, TEXT))
                )
                self.linear(f"{key}.{project}", *inner)
                for name in ("image_norm", "text_norm"):
                    self.norm(f"{key}.{name}", inner[1])
                self.cross(f"{key}.cross_attn", inner[1])
                if what == "inject":
                    self.state[f"{key}.gamma"] = 0.5 * self.normal(c)
        if prefix.startswith("g_s"):
            self.state[f"{prefix}.{len(layout) - 1}.bias"] += 0.5

    def stack(self, key: str, layers: list[tuple[int, int, int]], kinds: str = "", gain: float = 1.0) -> None:
        """Convolutions (inputs, outputs, kernel) at 0, 2, 4 …; kinds: t for a transposed one."""
        for i, (inputs, outputs, k) in enumerate(layers):
            self.conv(
                f"{key}.{2 * i}", inputs, outputs, k, 1.4 if i < len(layers) - 1 else gain, kinds[i : i + 1] == "t"
            )

    def head(self, key: str, inputs: int, widths: tuple[int, int], c: int, means_first: bool) -> None:
        a, b = widths
        self.stack(key, [(inputs, a, 1), (a, b, 1), (b, 2 * c, 1)], gain=0.3)
        scales = slice(c, 2 * c) if means_first else slice(0, c)
        self.state[f"{key}.4.bias"][scales] = torch.exp(self.normal(c) - 0.3)

    def prior(self, prefix: str, c: int, old: bool) -> None:
        widths = (1, 3, 3, 3, 3, 1)
        names = ("_matrix", "_bias", "_factor") if old else ("matrices.", "biases.", "factors.")
        for i in range(5):
            start = math.log(math.expm1(1 / 10 ** (1 / 5) / widths[i + 1]))
            self.state[f"{prefix}{names[0]}{i}"] = start + 0.2 * self.normal(c, widths[i + 1], widths[i])
            self.state[f"{prefix}{names[1]}{i}"] = 0.5 * self.normal(c, widths[i + 1], 1)
            if i < 4:
                self.state[f"{prefix}{names[2]}{i}"] = 0.5 * self.normal(c, widths[i + 1], 1)
        medians = 2 * self.normal(c)
        self.state[f"{prefix}quantiles"] = torch.stack([medians - 10, medians, medians + 10], 1)[:, None]
        self.state[f"{prefix}target"] = torch.tensor([-21.4, 0, 21.4])
        for name in ("_offset", "_quantized_cdf", "_cdf_length"):
            self.state[prefix + name] = torch.zeros(c, dtype=torch.int32)


def taco(n: int, m: int, groups: tuple[int, ...], text: bool = True, seed: int = 1) -> State:
    """TACO, or JiangWei's ELIC without text."""
    made = Maker(seed)
    made.transform("g_a.analysis_transform", G_A_TEXT if text else G_A, [3, n, n, n, m], True, 4.0)
    made.transform("g_s.synthesis_transform", G_S, [m, n, n, n, 3], True, 0.05)
    made.stack("h_a.reduction", [(m, n, 3), (n, n, 5), (n, n, 5)])
    made.stack("h_s.increase", [(n, m, 5), (m, m * 3 // 2, 5), (m * 3 // 2, m * 2, 3)], "ttt")
    for k, c in enumerate(groups):
        made.conv(f"local_context.{k}", c, 2 * c, 5)
        if k:
            made.stack(f"channel_context.{k}.fushion", [(sum(groups[:k]), 224, 5), (224, 128, 5), (128, 2 * c, 5)])
        widths = (2 * c * 5 // 3, 2 * c * 4 // 3)
        made.head(f"entropy_parameters_anchor.{k}.fusion", 2 * m + 2 * c * (k > 0), widths, c, False)
        made.head(f"entropy_parameters_nonanchor.{k}.fusion", 2 * m + 2 * c * (1 + (k > 0)), widths, c, False)
    made.prior("entropy_bottleneck.", n, True)
    made.state["gaussian_conditional.scale_table"] = torch.zeros(64)
    return made.state


def compressai(n: int, m: int, groups: tuple[int, ...], seed: int = 2) -> State:
    """Elic2022Official."""
    made = Maker(seed)
    _even(made, n, m, groups, "latent_codec.", 2 * n, "ttt")
    for k, c in enumerate(groups):
        one = f"latent_codec.y.latent_codec.y{k}"
        _masked(made, f"{one}.context_prediction", c)
        if k:
            layers = [(sum(groups[:k]), 224, 5), (224, 128, 5), (128, 2 * c, 5)]
            made.stack(f"latent_codec.y.channel_context.y{k}", layers)
        first = 2 * n + 2 * c * (1 + (k > 0))
        ramp = [max(2 * n, math.floor(first + (2 * c - first) * i / 3)) for i in (1, 2)]
        made.head(f"{one}.entropy_parameters", first, (ramp[0], ramp[1]), c, False)
        made.state[f"{one}.y.gaussian_conditional.scale_bound"] = torch.tensor([0.11])
    made.prior("latent_codec.z.entropy_bottleneck.", n, False)
    return made.state


def chandelier(n: int, m: int, groups: tuple[int, ...], seed: int = 3, within: bool = False) -> State:
    """Chandelier's re-implementation; within: as CompressAI's Elic2022Chandelier names it."""
    made = Maker(seed)
    _even(made, n, m, groups, "latent_codec." if within else "", 2 * m, "tt")
    for k, c in enumerate(groups):
        one = f"latent_codec.y.latent_codec.y{k}"
        _masked(made, f"{one}.context_prediction" if within else f"context_prediction.{k}", c)
        if k:
            before = groups[0] + (groups[k - 1] if k > 1 else 0)
            layers = [(before, 224, 5), (224, 128, 5), (128, 2 * c, 5)]
            made.stack(f"latent_codec.y.channel_context.y{k}" if within else f"cc_transforms.{k - 1}", layers)
        name = f"{one}.entropy_parameters" if within else f"ParamAggregation.{k}"
        made.head(name, 2 * m + 2 * c * (1 + (k > 0)), (2 * m, 512), c, True)
    made.prior("latent_codec.z.entropy_bottleneck." if within else "entropy_bottleneck.", n, not within)
    return made.state


def _even(made: Maker, n: int, m: int, groups: tuple[int, ...], prefix: str, width: int, kinds: str) -> None:
    made.transform("g_a", G_A, [3, n, n, n, m], False, 4.0)
    made.transform("g_s", G_S, [m, n, n, n, 3], False, 0.05)
    made.stack(f"{prefix}h_a", [(m, n, 3), (n, n, 5), (n, n, 5)])
    made.stack(f"{prefix}h_s", [(n, n, 5), (n, n * 3 // 2, 5), (n * 3 // 2, width, 3)], kinds)


def _masked(made: Maker, key: str, c: int) -> None:
    made.conv(key, c, 2 * c, 5)
    made.state[f"{key}.mask"] = torch.ones(2 * c, c, 5, 5)


# -- what the programs of these checkpoints compute


class Reference:
    """Pictures to reconstructions and bits of y, by the rules of one variant and the tensors of a state."""

    def __init__(self, state: State, variant: str, groups: tuple[int, ...]) -> None:
        self.s, self.variant, self.groups = state, variant, groups

    def conv(self, key: str, x: Tensor, stride: int = 1, mask: Tensor | None = None) -> Tensor:
        w = self.s[f"{key}.weight"] if mask is None else self.s[f"{key}.weight"] * mask
        return F.conv2d(x, w, self.s[f"{key}.bias"], stride, w.shape[2] // 2)

    def deconv(self, key: str, x: Tensor) -> Tensor:
        w = self.s[f"{key}.weight"]
        stride = 2 if w.shape[2] == 5 else 1
        return F.conv_transpose2d(x, w, self.s[f"{key}.bias"], stride, w.shape[2] // 2, stride - 1)

    def chain(self, keys: list[str], x: Tensor) -> Tensor:
        for i, key in enumerate(keys):
            x = self.conv(key, x if i == 0 else F.relu(x))
        return x

    def attend(self, key: str, x: Tensor) -> Tensor:
        a = b = x
        for u in range(3):
            a = F.relu(a + self.chain([f"{key}.conv_a.{u}.conv.{j}" for j in (0, 2, 4)], a))
            b = F.relu(b + self.chain([f"{key}.conv_b.{u}.conv.{j}" for j in (0, 2, 4)], b))
        return x + a * torch.sigmoid(self.conv(f"{key}.conv_b.3", b))

    def normed(self, key: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.s[f"{key}.weight"], self.s[f"{key}.bias"])

    def linear(self, key: str, x: Tensor) -> Tensor:
        return F.linear(x, self.s[f"{key}.weight"], self.s[f"{key}.bias"])

    def cross(self, key: str, query: Tensor, other: Tensor) -> Tensor:
        parts = zip(
            (query, other, other),
            self.s[f"{key}.in_proj_weight"].chunk(3),
            self.s[f"{key}.in_proj_bias"].chunk(3),
            strict=True,
        )
        q, k, v = (F.linear(x, w, b).unflatten(-1, (8, -1)).transpose(1, 2) for x, w, b in parts)
        weight = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]), -1)
        return self.linear(f"{key}.out_proj", (weight @ v).transpose(1, 2).flatten(2))

    def transform(self, prefix: str, x: Tensor, text: Tensor | None) -> Tensor:
        count = 1 + max(int(m[1]) for key in self.s if (m := re.match(rf"{re.escape(prefix)}\.(\d+)\.", key)))
        for i in range(count):
            key = f"{prefix}.{i}"
            if f"{key}.weight" in self.s:
                x = self.conv(key, x, 2) if prefix.startswith("g_a") else self.deconv(key, x)
            elif f"{key}.conv_b.3.weight" in self.s:
                x = self.attend(key, x)
            elif f"{key}.cross_attn.in_proj_bias" in self.s:
                assert text is not None
                flat = x.flatten(2).transpose(1, 2)
                if f"{key}.gamma" in self.s:
                    flat, words = (
                        self.normed(f"{key}.image_norm", flat),
                        self.normed(f"{key}.text_norm", self.linear(f"{key}.text_feature_dim_proj", text)),
                    )
                    flat = flat + self.s[f"{key}.gamma"] * self.cross(f"{key}.cross_attn", flat, words)
                    x = flat.transpose(1, 2).unflatten(2, x.shape[2:])
                else:
                    places = self.normed(f"{key}.image_norm", self.linear(f"{key}.image_feature_dim_proj", flat))
                    text = self.normed(f"{key}.text_norm", text)
                    text = text + self.cross(f"{key}.cross_attn", text, places)
            else:
                names = (
                    ("branch.0", "branch.2", "branch.4")
                    if f"{key}.branch.0.weight" in self.s
                    else ("conv1", "conv2", "conv3")
                )
                x = x + self.chain([f"{key}.{name}" for name in names], x)
        return x

    def key(self, what: str, k: int = 0) -> str:
        y = f"latent_codec.y.latent_codec.y{k}"
        table = {
            "taco": {
                "g_a": "g_a.analysis_transform",
                "g_s": "g_s.synthesis_transform",
                "h_a": "h_a.reduction",
                "h_s": "h_s.increase",
                "local": f"local_context.{k}",
                "channel": f"channel_context.{k}.fushion",
                "prior": "entropy_bottleneck.",
                "anchor": f"entropy_parameters_anchor.{k}.fusion",
                "head": f"entropy_parameters_nonanchor.{k}.fusion",
            },
            "compressai": {
                "h_a": "latent_codec.h_a",
                "h_s": "latent_codec.h_s",
                "local": f"{y}.context_prediction",
                "channel": f"latent_codec.y.channel_context.y{k}",
                "head": f"{y}.entropy_parameters",
                "prior": "latent_codec.z.entropy_bottleneck.",
            },
            "chandelier": {
                "local": f"context_prediction.{k}",
                "channel": f"cc_transforms.{k - 1}",
                "head": f"ParamAggregation.{k}",
                "prior": "entropy_bottleneck.",
            },
        }
        return table[self.variant].get(what, what)

    def analyse(self, x: Tensor, text: Tensor | None) -> tuple[Tensor, Tensor]:
        y = self.transform(self.key("g_a"), x, text)
        z = self.conv(f"{self.key('h_a')}.0", y)
        for i in (2, 4):
            z = self.conv(f"{self.key('h_a')}.{i}", F.relu(z), 2)
        return y, z

    def __call__(self, x: Tensor, text: Tensor | None = None) -> dict[str, Tensor]:
        y, z = self.analyse(x, text)
        median = self.s[f"{self.key('prior')}quantiles"][:, 0, 1][:, None, None]
        symbols = (z - median).round()
        h = symbols + median
        h_s, means_first = self.key("h_s"), self.variant == "chandelier"
        for i in (0, 2, 4):
            last = self.conv if i == 4 and means_first else self.deconv
            h = last(f"{h_s}.{i}", h if i == 0 else F.relu(h))
        rows, cols = torch.arange(y.shape[2])[:, None], torch.arange(y.shape[3])
        anchors = ((rows + cols) % 2 == (1 if self.variant == "taco" else 0)).float()
        u = torch.arange(5)
        mask = None if self.variant == "taco" else ((u[:, None] + u) % 2).float()
        done: list[Tensor] = []
        bits = torch.zeros(())
        for k, target in enumerate(y.split(self.groups, 1)):
            support = [h]
            if k:
                before = done if self.variant != "chandelier" or k == 1 else [done[0], done[k - 1]]
                support.insert(
                    0, self.chain([f"{self.key('channel', k)}.{j}" for j in (0, 2, 4)], torch.cat(before, 1))
                )
            value = torch.zeros_like(target)
            for sites in (anchors, 1 - anchors):
                if sites is anchors and self.variant == "taco":
                    name, parts = self.key("anchor", k), support
                else:
                    local = self.conv(self.key("local", k), value, mask=mask)
                    name, parts = self.key("head", k), [local * float(sites is not anchors), *support]
                a, b = self.chain([f"{name}.{j}" for j in (0, 2, 4)], torch.cat(parts, 1)).chunk(2, 1)
                mean, scale = (a, b) if means_first else (b, a)
                s = (target - mean).round()
                value = value + (s + mean) * sites
                scale, v = scale.clamp(min=0.11), s.abs()
                p = 0.5 * (torch.erfc((v - 0.5) / scale / 2**0.5) - torch.erfc((v + 0.5) / scale / 2**0.5))
                bits = bits - (torch.log2(p.clamp(min=1e-6)) * sites).sum()
            done.append(value)
        y_hat = torch.cat(done, 1)
        return {"x": self.transform(self.key("g_s"), y_hat, None), "y": y, "z": symbols, "y_hat": y_hat, "bits": bits}

    def density(self, c: int, s: int) -> float:
        """Probability of the symbol s of z's channel c."""
        prefix = self.key("prior")

        def cumulative(v: float) -> float:
            x = torch.tensor([[v]], dtype=torch.float64)
            for i in range(5):
                names = (
                    ("_matrix", "_bias", "_factor")
                    if f"{prefix}_matrix0" in self.s
                    else ("matrices.", "biases.", "factors.")
                )
                x = (
                    F.softplus(self.s[f"{prefix}{names[0]}{i}"][c].double()) @ x
                    + self.s[f"{prefix}{names[1]}{i}"][c].double()
                )
                if i < 4:
                    x = x + torch.tanh(self.s[f"{prefix}{names[2]}{i}"][c].double()) * torch.tanh(x)
            return float(torch.sigmoid(x))

        at = s + float(self.s[f"{prefix}quantiles"][c, 0, 1])
        return cumulative(at + 0.5) - cumulative(at - 0.5)


def sizes(variant: str) -> dict[str, Any]:
    """Full size for TACO, narrow ones for the others, which differ in names and order."""
    if variant == "taco":
        return {"n": 192, "m": 320, "groups": (16, 16, 32, 64, 192)}
    return {"n": 16, "m": 28, "groups": (2, 2, 4, 8, 12)}
