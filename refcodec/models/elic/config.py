# SPDX-License-Identifier: MIT
"""What an ELIC network is made of, as data (no torch): widths, groups, contexts, transforms.

Axis letters as in SPEC §2. `m` latent channels at 1/16, `hyper` channels of z at 1/64.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

# One layer of a hyper-analysis or hyper-decoder: (kind, kernel, stride, output channels).
Layer = tuple[str, int, int, int]
TEXT_HEADS = 8  # of the text adapter's attention
PLAIN_DEPTH = ((2, 0), (3, 0), (3, 0))


@dataclass(frozen=True)
class ElicConfig:
    """One architecture. The three public ELIC variants and the embedded model differ only in these fields."""

    m: int = 192
    hyper: int = 48
    groups: tuple[int, ...] = (16, 16, 32, 48, 80)
    widths: tuple[int, int, int] = (48, 96, 192)  # transform channels at 1/4, 1/8, 1/16 (patch) or N, N, N (elic)
    synthesis_widths: tuple[int, ...] = ()  # of a synthesis unlike the analysis (patch), () for the same
    analysis_blocks: tuple[tuple[int, int], ...] = PLAIN_DEPTH  # (bottleneck, plain) residual blocks at 1/4, 1/8, 1/16 (patch)
    synthesis_blocks: tuple[tuple[int, int], ...] = PLAIN_DEPTH
    transform: str = "patch"  # "patch": pixel shuffles and a linear 16x16 path; "elic": He et al. 2022, Fig. 2
    hyper_analysis: tuple[Layer, ...] = (("conv", 1, 1, 96), ("conv", 3, 2, 96), ("conv", 3, 2, 48))
    hyper_synthesis: tuple[Layer, ...] = (("deconv", 5, 2, 96), ("deconv", 5, 2, 128))
    channel_context: tuple[tuple[int, int], ...] = ((3, 64),)  # (kernel, width); width 0 means 2 x group channels
    channel_scope: str = "all"  # "all" previous groups, or "ends": the first and the last decoded one
    spatial_width: int = 64  # 0 means 2 x group channels
    spatial_kernel: int = 5
    aggregation: tuple[int, ...] = (128, 96)  # widths before the last; () means (2c*5//3, 2c*4//3)
    aggregation_ramp: int = 0  # not 0, with (): two widths falling evenly from the head's input to 2c, at least this
    anchor_parity: int = 0  # anchors are the sites with (r + c) % 2 == anchor_parity
    anchor_net: bool = False  # True: anchors have a parameter net of their own, without a spatial context
    means_first: bool = False  # True: the head gives (means, scales)
    lambdas: tuple[float, ...] = field(default=(0.0016,))  # one rate each: loss = bpp + lambda 255^2 MSE
    channels: int = 3  # of the pictures: 3 for photographs (kind 7), 1 for sketches (kind 6)
    scale_head: str = "log"  # what the head gives beside means: "log" of sigma, or sigma itself ("linear", all public checkpoints)
    text_width: int = 0  # not 0: the analysis takes text embeddings of this width through TACO's adapter
    text_tokens: int = 38  # and this many of them

    def __post_init__(self) -> None:
        """ValueError for what no module could be built from, or SPEC §12 has no room for: manifests are not trusted."""
        _whole("m, hyper", (self.m, self.hyper), 2, 1024)
        if type(self.channels) is not int or self.channels not in (1, 3):
            raise ValueError("channels is 1 or 3")
        _whole("groups", self.groups, 1, 1024, most=16)
        if sum(self.groups) != self.m:
            raise ValueError(f"groups {self.groups} do not sum to m = {self.m}")
        if self.transform not in ("patch", "elic") or self.channel_scope not in ("all", "ends"):
            raise ValueError("unknown transform or channel scope")
        _whole("widths", self.widths, 2, 4096, least=3, most=3)
        if self.synthesis_widths != ():
            _whole("synthesis_widths", self.synthesis_widths, 2, 4096, least=3, most=3)
        for blocks in (self.analysis_blocks, self.synthesis_blocks):
            if not isinstance(blocks, tuple) or len(blocks) != 3:
                raise ValueError("blocks are of three scales")
            for pair in blocks:
                _whole("blocks", pair, 0, 32, least=2, most=2)
        if self.transform != "patch" and (self.synthesis_widths, self.analysis_blocks, self.synthesis_blocks) != ((), PLAIN_DEPTH, PLAIN_DEPTH):
            raise ValueError("numbers of blocks and widths of the synthesis are of the patch transform")
        for name, layers, kinds in (
            ("hyper_analysis", self.hyper_analysis, ("conv",)), ("hyper_synthesis", self.hyper_synthesis, ("conv", "deconv"))
        ):  # fmt: skip
            _layers(name, layers, kinds)
            if math.prod(stride for _, _, stride, _ in layers) != 4:
                raise ValueError(f"{name} does not scale by 4")
        if self.hyper_analysis[-1][3] != self.hyper:
            raise ValueError(f"hyper_analysis does not end in {self.hyper} channels")
        pairs = self.channel_context
        if not isinstance(pairs, tuple) or not pairs or not all(isinstance(p, tuple) and len(p) == 2 for p in pairs):
            raise ValueError("channel_context is not pairs of kernel and width")
        _kernels("channel_context", [kernel for kernel, _ in pairs])
        _kernels("spatial_kernel", [self.spatial_kernel])
        _whole("context widths", (self.spatial_width, self.aggregation_ramp, *(w for _, w in pairs)), 0, 4096)
        _whole("aggregation", self.aggregation, 1, 4096, least=0)
        _whole("anchor_parity", (self.anchor_parity,), 0, 1)
        if self.scale_head not in ("log", "linear"):
            raise ValueError("unknown scale head")
        _whole("text_width", (self.text_width,), 0, 4096)
        _whole("text_tokens", (self.text_tokens,), 1, 1024)
        if self.text_width and (self.transform != "elic" or self.text_width % TEXT_HEADS or self.widths[1] % TEXT_HEADS or self.widths[2] % TEXT_HEADS):
            raise ValueError(f"a text adapter is of the elic transform, and of widths that {TEXT_HEADS} heads share")
        if type(self.anchor_net) is not bool or type(self.means_first) is not bool:
            raise ValueError("anchor_net and means_first are true or false")
        if not isinstance(self.lambdas, tuple) or not 1 <= len(self.lambdas) <= 64:
            raise ValueError("lambdas is not 1 to 64 numbers")
        if not all(type(v) in (int, float) and 0 < v < math.inf for v in self.lambdas):
            raise ValueError("lambdas are positive numbers")

    @property
    def rates(self) -> int:
        return len(self.lambdas)

    @property
    def kind(self) -> int:
        """Number of the payload kind that such a network codes (SPEC §13)."""
        return 6 if self.channels == 1 else 7

    @property
    def hyper_width(self) -> int:
        """Channels of the hyper-decoder's output."""
        return self.hyper_synthesis[-1][3]

    def context_channels(self, k: int) -> tuple[int, ...]:
        """The groups that group k's channel context reads."""
        if self.channel_scope == "all" or k < 2:
            return tuple(range(k))
        return (0, k - 1)

    def channel_layers(self, k: int) -> tuple[tuple[int, int], ...]:
        return tuple((kernel, width or 2 * self.groups[k]) for kernel, width in self.channel_context)

    def spatial_channels(self, k: int) -> int:
        return self.spatial_width or 2 * self.groups[k]

    def base_channels(self, k: int) -> int:
        """Channels of the channel context and the hyper-decoder together, which every head reads."""
        return self.hyper_width + (self.channel_layers(k)[-1][1] if k else 0)

    def aggregation_widths(self, k: int) -> tuple[int, ...]:
        c2 = 2 * self.groups[k]
        if self.aggregation:
            return (*self.aggregation, c2)
        if self.aggregation_ramp:
            first = self.spatial_channels(k) + self.base_channels(k)
            return (*(max(self.aggregation_ramp, (first * (3 - i) + c2 * i) // 3) for i in (1, 2)), c2)
        return (c2 * 5 // 3, c2 * 4 // 3, c2)

    def to_dict(self) -> dict[str, Any]:
        """Without the options of growth where they are not used, so that manifests are what they were before there were any."""
        return {k: v for k, v in asdict(self).items() if (k, v) not in _UNGROWN}

    @classmethod
    def from_dict(cls, data: object) -> ElicConfig:
        """ValueError for anything that is not an architecture."""

        def freeze(v: Any) -> Any:
            return tuple(freeze(x) for x in v) if isinstance(v, list) else v

        if not isinstance(data, dict):
            raise ValueError("an architecture is an object")
        try:
            return cls(**{k: freeze(v) for k, v in data.items()})
        except TypeError as e:
            raise ValueError(str(e)) from e


_UNGROWN: tuple[tuple[str, Any], ...] = (("synthesis_widths", ()), ("analysis_blocks", PLAIN_DEPTH), ("synthesis_blocks", PLAIN_DEPTH))


def _whole(name: str, values: object, lo: int, hi: int, least: int = 1, most: int = 64) -> None:
    if not isinstance(values, tuple) or not least <= len(values) <= most:
        raise ValueError(f"{name}: not a list of {least} to {most}")
    if not all(type(v) is int and lo <= v <= hi for v in values):
        raise ValueError(f"{name}: not whole numbers from {lo} to {hi}")


def _kernels(name: str, values: Iterable[object]) -> None:
    if not all(type(v) is int and v % 2 == 1 and 1 <= v <= 15 for v in values):
        raise ValueError(f"{name}: kernels are odd numbers from 1 to 15")


def _layers(name: str, layers: object, kinds: tuple[str, ...]) -> None:
    if not isinstance(layers, tuple) or not 1 <= len(layers) <= 8:
        raise ValueError(f"{name}: not a list of 1 to 8 layers")
    for layer in layers:
        if not isinstance(layer, tuple) or len(layer) != 4 or layer[0] not in kinds:
            raise ValueError(f"{name}: a layer is kind, kernel, stride, channels")
        _kernels(name, [layer[1]])
        _whole(name, layer[2:3], 1, 1 if name == "hyper_synthesis" and layer[0] == "conv" else 4)
        _whole(name, layer[3:], 1, 4096)


_ELIC_CONTEXT = ((5, 224), (5, 128), (5, 0))


def _groups(m: int) -> tuple[int, ...]:
    return (16, 16, 32, 64, m - 128)


def taco(n: int = 192, m: int = 320, groups: tuple[int, ...] | None = None) -> ElicConfig:
    """TACO and JiangWei's ELIC: anchors on odd sites, scales first, own anchor nets."""
    return ElicConfig(
        m=m, hyper=n, groups=groups or _groups(m), widths=(n, n, n), transform="elic",
        hyper_analysis=(("conv", 3, 1, n), ("conv", 5, 2, n), ("conv", 5, 2, n)),
        hyper_synthesis=(("deconv", 5, 2, m), ("deconv", 5, 2, m * 3 // 2), ("deconv", 3, 1, m * 2)),
        channel_context=_ELIC_CONTEXT, spatial_width=0, aggregation=(), anchor_parity=1, anchor_net=True,
    )  # fmt: skip


def compressai(n: int = 192, m: int = 320, groups: tuple[int, ...] | None = None) -> ElicConfig:
    """CompressAI's Elic2022Official: anchors on even sites, a narrower hyper-decoder, one parameter net whose widths
    fall evenly."""
    return ElicConfig(
        m=m, hyper=n, groups=groups or _groups(m), widths=(n, n, n), transform="elic",
        hyper_analysis=(("conv", 3, 1, n), ("conv", 5, 2, n), ("conv", 5, 2, n)),
        hyper_synthesis=(("deconv", 5, 2, n), ("deconv", 5, 2, n * 3 // 2), ("deconv", 3, 1, n * 2)),
        channel_context=_ELIC_CONTEXT, spatial_width=0, aggregation=(), aggregation_ramp=2 * n,
    )  # fmt: skip


def chandelier(n: int = 192, m: int = 320, groups: tuple[int, ...] | None = None) -> ElicConfig:
    """Chandelier's ELIC: means first, channel context from the first and the most recent group only."""
    return ElicConfig(
        m=m, hyper=n, groups=groups or _groups(m), widths=(n, n, n), transform="elic",
        hyper_analysis=(("conv", 3, 1, n), ("conv", 5, 2, n), ("conv", 5, 2, n)),
        hyper_synthesis=(("deconv", 5, 2, n), ("deconv", 5, 2, n * 3 // 2), ("conv", 3, 1, m * 2)),
        channel_context=_ELIC_CONTEXT, channel_scope="ends", spatial_width=0, aggregation=(2 * m, 512), means_first=True,
    )  # fmt: skip
