# SPDX-License-Identifier: MIT
"""Describe the architecture of an ELIC network as data: widths, groups, contexts, transforms. Imports no torch.

Axis letters as in SPEC §2. `m` latent channels at 1/16, `hyper` channels of z at 1/64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import Any, Final

from refcodec import spec
from refcodec.networks.symbol_model import context_groups

# One layer of a hyper-analysis or hyper-decoder: (kind, kernel, stride, output channels).
Layer = tuple[str, int, int, int]
TEXT_HEADS = 8  # of the text adapter's attention
PLAIN_DEPTH = ((2, 0), (3, 0), (3, 0))  # residual blocks of the first embedded model


@dataclass(frozen=True)
class ElicConfig:
    """Architecture of a network. The three public ELIC variants and the embedded model differ only in these fields."""

    m: int = 192
    hyper: int = 48
    groups: tuple[int, ...] = (16, 16, 32, 48, 80)
    widths: tuple[int, int, int] = (48, 96, 192)  # transform channels at 1/4, 1/8, 1/16 (patch) or N, N, N (elic)
    synthesis_widths: tuple[int, ...] = ()  # of the synthesis, if they differ from `widths` (patch)
    # (bottleneck, plain) residual blocks at 1/4, 1/8, 1/16 (patch)
    analysis_blocks: tuple[tuple[int, int], ...] = PLAIN_DEPTH
    synthesis_blocks: tuple[tuple[int, int], ...] = PLAIN_DEPTH
    transform: str = "patch"  # "patch": pixel shuffles and a linear 16x16 path; "elic": He et al. 2022, Fig. 2
    hyper_analysis: tuple[Layer, ...] = (("conv", 1, 1, 96), ("conv", 3, 2, 96), ("conv", 3, 2, 48))
    hyper_synthesis: tuple[Layer, ...] = (("deconv", 5, 2, 96), ("deconv", 5, 2, 128))
    channel_context: tuple[tuple[int, int], ...] = ((3, 64),)  # (kernel, width); width 0 means 2 x group channels
    channel_scope: str = "all"  # "all" previous groups, or "ends": the first and the last decoded one
    spatial_width: int = 64  # 0 means 2 x group channels
    spatial_kernel: int = 5
    aggregation: tuple[int, ...] = (128, 96)  # widths before the last; () means (2c*5//3, 2c*4//3)
    # if not 0 and `aggregation` is (): two widths evenly spaced from the head's input to 2c, at least this
    aggregation_ramp: int = 0
    anchor_parity: int = 0  # anchors are the sites with (r + c) % 2 == anchor_parity
    anchor_net: bool = False  # True: anchors have a separate parameter net without spatial context
    means_first: bool = False  # True: the head outputs (means, scales)
    lambdas: tuple[float, ...] = field(default=(0.0016,))  # one rate each: loss = bpp + lambda 255^2 MSE
    channels: int = 3  # of the pictures: 3 for photographs (kind 7), 1 for sketches (kind 6)
    # scale output of the head: "log" of sigma, or sigma itself ("linear", all public checkpoints)
    scale_head: str = "log"
    text_width: int = 0  # if not 0, the analysis takes text embeddings of this width through TACO's adapter
    text_tokens: int = 38  # length of a text embedding

    def __post_init__(self) -> None:
        """Raise ValueError if no module can be built or SPEC §12 does not allow it: manifests are not trusted."""
        for holds, message in _RULES:
            if not holds(self):
                raise ValueError(message.format(self))

    @property
    def rates(self) -> int:
        return len(self.lambdas)

    @property
    def kind(self) -> int:
        """Id of the payload kind that the network codes (SPEC §13)."""
        return spec.SKETCH if self.channels == 1 else spec.ELIC

    @property
    def hyper_width(self) -> int:
        """Channels of the hyper-decoder's output."""
        return self.hyper_synthesis[-1][3]

    def largest_map(self, widths: tuple[int, ...]) -> int:
        """Return the values of the largest map of a patch transform with these widths, for one latent."""
        return max(16 * widths[0], 4 * widths[1], widths[2], self.m, 256 * self.channels)

    @property
    def parts(self) -> tuple[slice, ...]:
        """Channels of each group, as slices of all m."""
        ends = tuple(accumulate(self.groups))
        return tuple(slice(end - c, end) for c, end in zip(self.groups, ends, strict=True))

    def context_groups(self, k: int) -> tuple[int, ...]:
        """Return the groups that the channel context of group k reads."""
        return context_groups(self.channel_scope, k)

    def channel_layers(self, k: int) -> tuple[tuple[int, int], ...]:
        return tuple((kernel, width or 2 * self.groups[k]) for kernel, width in self.channel_context)

    def spatial_channels(self, k: int) -> int:
        return self.spatial_width or 2 * self.groups[k]

    def base_channels(self, k: int) -> int:
        """Return the channels of channel context and hyper-decoder together, which every head reads."""
        return self.hyper_width + (self.channel_layers(k)[-1][1] if k else 0)

    def aggregation_widths(self, k: int) -> tuple[int, ...]:
        c2 = 2 * self.groups[k]
        if self.aggregation:
            return (*self.aggregation, c2)
        if self.aggregation_ramp:
            inputs = self.spatial_channels(k) + self.base_channels(k)
            return (*(max(self.aggregation_ramp, (inputs * (3 - i) + c2 * i) // 3) for i in (1, 2)), c2)
        return (c2 * 5 // 3, c2 * 4 // 3, c2)

    def to_dict(self) -> dict[str, Any]:
        """Return the architecture as JSON. Options added later are left out at their defaults, as in earlier manifests."""
        return {k: v for k, v in asdict(self).items() if (k, v) not in _UNGROWN}

    @classmethod
    def from_dict(cls, data: object) -> ElicConfig:
        """Parse an architecture. Raises ValueError if it is invalid."""

        def freeze(v: Any) -> Any:
            return tuple(freeze(x) for x in v) if isinstance(v, list) else v

        if not isinstance(data, dict):
            raise ValueError("an architecture is an object")
        try:
            return cls(**{k: freeze(v) for k, v in data.items()})
        except TypeError as e:
            raise ValueError(str(e)) from e


def _integers(values: object, lo: int, hi: int, min_length: int = 1, max_length: int = 64) -> bool:
    """Return whether `values` is a tuple of `min_length` to `max_length` integers, each from lo to hi."""
    if not isinstance(values, tuple) or not min_length <= len(values) <= max_length:
        return False
    return all(type(v) is int and lo <= v <= hi for v in values)


def _kernels(values: Iterable[object]) -> bool:
    """Return whether all values are odd integers from 1 to 15."""
    return all(type(v) is int and v % 2 == 1 and 1 <= v <= 15 for v in values)


def _pairs(values: object) -> bool:
    return isinstance(values, tuple) and bool(values) and all(isinstance(v, tuple) and len(v) == 2 for v in values)


def _layers(layers: object, strides: dict[str, int]) -> bool:
    """Return whether `layers` is 1 to 8 valid layers. strides: allowed kind -> largest stride."""
    if not isinstance(layers, tuple) or not 1 <= len(layers) <= 8:
        return False
    for layer in layers:
        if not isinstance(layer, tuple) or len(layer) != 4 or layer[0] not in tuple(strides):
            return False
        if (
            not _kernels([layer[1]])
            or not _integers(layer[2:3], 1, strides[layer[0]])
            or not _integers(layer[3:], 1, 4096)
        ):
            return False
    return True


def _scales_by_4(layers: tuple[Layer, ...]) -> bool:
    return math.prod(stride for _, _, stride, _ in layers) == 4


def _text_adapter_fits(c: ElicConfig) -> bool:
    """Return whether the widths of a text adapter, if any, are multiples of its number of heads."""
    shared = (c.text_width, c.widths[1], c.widths[2])
    return not c.text_width or (c.transform == "elic" and not any(width % TEXT_HEADS for width in shared))


def _depth(blocks: object) -> bool:
    """Return whether `blocks` is a pair of block counts for each of three scales."""
    if not isinstance(blocks, tuple) or len(blocks) != 3:
        return False
    return all(_integers(pair, 0, 32, min_length=2, max_length=2) for pair in blocks)


def _growth_fits(c: ElicConfig) -> bool:
    return c.transform == "patch" or (c.synthesis_widths, c.analysis_blocks, c.synthesis_blocks) == _PLAIN


def _positive(values: tuple[object, ...]) -> bool:
    return all(isinstance(v, int | float) and type(v) in (int, float) and 0 < v < math.inf for v in values)


_PLAIN: Final = ((), PLAIN_DEPTH, PLAIN_DEPTH)
_UNGROWN: Final = tuple(zip(("synthesis_widths", "analysis_blocks", "synthesis_blocks"), _PLAIN, strict=True))

# (what must hold, the message if it does not), in order: a rule may rely on those before it
_RULES: Final[tuple[tuple[Callable[[ElicConfig], bool], str], ...]] = (
    (lambda c: _integers((c.m, c.hyper), 2, 1024), "m, hyper: not integers from 2 to 1024"),
    (lambda c: _integers((c.channels,), 1, 3) and c.channels != 2, "channels is 1 or 3"),
    (lambda c: _integers(c.groups, 1, 1024, max_length=16), "groups: not 1 to 16 integers from 1 to 1024"),
    (lambda c: sum(c.groups) == c.m, "groups {0.groups} do not sum to m = {0.m}"),
    (lambda c: c.transform in ("patch", "elic"), "transform is patch or elic"),
    (lambda c: c.channel_scope in ("all", "ends"), "channel_scope is all or ends"),
    (lambda c: _integers(c.widths, 2, 4096, min_length=3, max_length=3), "widths: not 3 integers from 2 to 4096"),
    (lambda c: c.synthesis_widths == () or _integers(c.synthesis_widths, 2, 4096, min_length=3, max_length=3),
     "synthesis_widths: not 3 integers from 2 to 4096"),
    (lambda c: _depth(c.analysis_blocks) and _depth(c.synthesis_blocks), "blocks: not 3 pairs of integers up to 32"),
    (_growth_fits, "numbers of blocks and widths of the synthesis need the patch transform"),
    (lambda c: _layers(c.hyper_analysis, {"conv": 4}), "hyper_analysis: not 1 to 8 layers (conv, kernel, stride, channels)"),
    (lambda c: _scales_by_4(c.hyper_analysis), "hyper_analysis does not scale by 4"),
    (lambda c: _layers(c.hyper_synthesis, {"conv": 1, "deconv": 4}),
     "hyper_synthesis: not 1 to 8 layers (conv of stride 1 or deconv, kernel, stride, channels)"),
    (lambda c: _scales_by_4(c.hyper_synthesis), "hyper_synthesis does not scale by 4"),
    (lambda c: c.hyper_analysis[-1][3] == c.hyper, "hyper_analysis does not end in {0.hyper} channels"),
    (lambda c: _pairs(c.channel_context), "channel_context is not pairs of kernel and width"),
    (lambda c: _kernels([kernel for kernel, _ in c.channel_context]), "channel_context: kernels are odd numbers from 1 to 15"),
    (lambda c: _kernels([c.spatial_kernel]), "spatial_kernel: kernels are odd numbers from 1 to 15"),
    (lambda c: _integers((c.spatial_width, c.aggregation_ramp, *(w for _, w in c.channel_context)), 0, 4096),
     "context widths: not integers from 0 to 4096"),
    (lambda c: _integers(c.aggregation, 1, 4096, min_length=0), "aggregation: not up to 64 integers from 1 to 4096"),
    (lambda c: _integers((c.anchor_parity,), 0, 1), "anchor_parity is 0 or 1"),
    (lambda c: c.scale_head in ("log", "linear"), "scale_head is log or linear"),
    (lambda c: _integers((c.text_width,), 0, 4096), "text_width: not an integer from 0 to 4096"),
    (lambda c: _integers((c.text_tokens,), 1, 1024), "text_tokens: not an integer from 1 to 1024"),
    (_text_adapter_fits, f"a text adapter needs the elic transform and widths that are multiples of {TEXT_HEADS}"),
    (lambda c: type(c.anchor_net) is type(c.means_first) is bool, "anchor_net and means_first are true or false"),
    (lambda c: isinstance(c.lambdas, tuple) and 1 <= len(c.lambdas) <= 64, "lambdas is not 1 to 64 numbers"),
    (lambda c: _positive(c.lambdas), "lambdas are positive numbers"),
)  # fmt: skip


_ELIC_CONTEXT = ((5, 224), (5, 128), (5, 0))


def _groups(m: int) -> tuple[int, ...]:
    return (16, 16, 32, 64, m - 128)


def taco(n: int = 192, m: int = 320, groups: tuple[int, ...] | None = None) -> ElicConfig:
    """Return TACO's and JiangWei's ELIC: anchors on odd sites, scales first, separate anchor nets."""
    return ElicConfig(
        m=m,
        hyper=n,
        groups=groups or _groups(m),
        widths=(n, n, n),
        transform="elic",
        hyper_analysis=(("conv", 3, 1, n), ("conv", 5, 2, n), ("conv", 5, 2, n)),
        hyper_synthesis=(("deconv", 5, 2, m), ("deconv", 5, 2, m * 3 // 2), ("deconv", 3, 1, m * 2)),
        channel_context=_ELIC_CONTEXT,
        spatial_width=0,
        aggregation=(),
        anchor_parity=1,
        anchor_net=True,
    )


def compressai(n: int = 192, m: int = 320, groups: tuple[int, ...] | None = None) -> ElicConfig:
    """Return CompressAI's Elic2022Official: anchors on even sites, a narrower hyper-decoder, one parameter net with evenly
    spaced widths."""
    return ElicConfig(
        m=m,
        hyper=n,
        groups=groups or _groups(m),
        widths=(n, n, n),
        transform="elic",
        hyper_analysis=(("conv", 3, 1, n), ("conv", 5, 2, n), ("conv", 5, 2, n)),
        hyper_synthesis=(("deconv", 5, 2, n), ("deconv", 5, 2, n * 3 // 2), ("deconv", 3, 1, n * 2)),
        channel_context=_ELIC_CONTEXT,
        spatial_width=0,
        aggregation=(),
        aggregation_ramp=2 * n,
    )


def chandelier(n: int = 192, m: int = 320, groups: tuple[int, ...] | None = None) -> ElicConfig:
    """Return Chandelier's ELIC: means first, channel context from the first and the most recent group only."""
    return ElicConfig(
        m=m,
        hyper=n,
        groups=groups or _groups(m),
        widths=(n, n, n),
        transform="elic",
        hyper_analysis=(("conv", 3, 1, n), ("conv", 5, 2, n), ("conv", 5, 2, n)),
        hyper_synthesis=(("deconv", 5, 2, n), ("deconv", 5, 2, n * 3 // 2), ("conv", 3, 1, m * 2)),
        channel_context=_ELIC_CONTEXT,
        channel_scope="ends",
        spatial_width=0,
        aggregation=(2 * m, 512),
        means_first=True,
    )
