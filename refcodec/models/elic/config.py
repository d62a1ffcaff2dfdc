# SPDX-License-Identifier: MIT
"""What an ELIC network is made of, as data (no torch): widths, groups, contexts, transforms.

Axis letters as in SPEC §2. `m` latent channels at 1/16, `hyper` channels of z at 1/64.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# One layer of a hyper-decoder or channel context: (kind, kernel, stride, output channels).
Layer = tuple[str, int, int, int]


@dataclass(frozen=True)
class ElicConfig:
    """One architecture. The three public ELIC variants and the embedded model differ only in these fields."""

    m: int = 192
    hyper: int = 48
    groups: tuple[int, ...] = (16, 16, 32, 48, 80)
    widths: tuple[int, int, int] = (48, 96, 192)  # transform channels at 1/4, 1/8, 1/16 (patch) or N, N, N (elic)
    transform: str = "patch"  # "patch": pixel shuffles and a linear 16x16 path; "elic": He et al. 2022, Fig. 2
    hyper_analysis: tuple[Layer, ...] = (("conv", 1, 1, 96), ("conv", 3, 2, 96), ("conv", 3, 2, 48))
    hyper_synthesis: tuple[Layer, ...] = (("deconv", 5, 2, 96), ("deconv", 5, 2, 128))
    channel_context: tuple[tuple[int, int], ...] = ((3, 64),)  # (kernel, width); width 0 means 2 x group channels
    channel_scope: str = "all"  # "all" previous groups, or "ends": the first and the last decoded one
    spatial_width: int = 64  # 0 means 2 x group channels
    spatial_kernel: int = 5
    aggregation: tuple[int, ...] = (128, 96)  # widths before the last; () means (2c*5//3, 2c*4//3)
    anchor_parity: int = 0  # anchors are the sites with (r + c) % 2 == anchor_parity
    anchor_net: bool = False  # True: anchors have a parameter net of their own, without a spatial context
    means_first: bool = False  # True: the head gives (means, scales)
    lambdas: tuple[float, ...] = field(default=(0.0016,))  # one rate each: loss = bpp + lambda 255^2 MSE

    def __post_init__(self) -> None:
        if sum(self.groups) != self.m or min(self.groups) < 1:
            raise ValueError(f"groups {self.groups} do not sum to m = {self.m}")
        if self.transform not in ("patch", "elic") or self.channel_scope not in ("all", "ends"):
            raise ValueError("unknown transform or channel scope")

    @property
    def rates(self) -> int:
        return len(self.lambdas)

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

    def aggregation_widths(self, k: int) -> tuple[int, ...]:
        c2 = 2 * self.groups[k]
        return (*(self.aggregation or (c2 * 5 // 3, c2 * 4 // 3)), c2)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ElicConfig:
        def freeze(v: Any) -> Any:
            return tuple(freeze(x) for x in v) if isinstance(v, list) else v

        return cls(**{k: freeze(v) for k, v in data.items()})


_ELIC_CONTEXT = ((5, 224), (5, 128), (5, 0))
_GROUPS = (16, 16, 32, 64, 192)


def taco(n: int = 192, m: int = 320) -> ElicConfig:
    """TACO and JiangWei's ELIC: anchors on odd sites, scales first, own anchor nets."""
    return ElicConfig(
        m=m, hyper=n, groups=_GROUPS, widths=(n, n, n), transform="elic",
        hyper_analysis=(("conv", 3, 1, n), ("conv", 5, 2, n), ("conv", 5, 2, n)),
        hyper_synthesis=(("deconv", 5, 2, m), ("deconv", 5, 2, m * 3 // 2), ("deconv", 3, 1, m * 2)),
        channel_context=_ELIC_CONTEXT, spatial_width=0, aggregation=(), anchor_parity=1, anchor_net=True,
    )  # fmt: skip


def compressai(n: int = 192, m: int = 320) -> ElicConfig:
    """CompressAI's Elic2022Official: anchors on even sites, a narrower hyper-decoder, one parameter net."""
    return ElicConfig(
        m=m, hyper=n, groups=_GROUPS, widths=(n, n, n), transform="elic",
        hyper_analysis=(("conv", 3, 1, n), ("conv", 5, 2, n), ("conv", 5, 2, n)),
        hyper_synthesis=(("deconv", 5, 2, n), ("deconv", 5, 2, n * 3 // 2), ("deconv", 3, 1, n * 2)),
        channel_context=_ELIC_CONTEXT, spatial_width=0, aggregation=(), anchor_parity=0,
    )  # fmt: skip


def chandelier(n: int = 192, m: int = 320) -> ElicConfig:
    """Chandelier's ELIC: means first, channel context from the first and the most recent group only."""
    return ElicConfig(
        m=m, hyper=n, groups=_GROUPS, widths=(n, n, n), transform="elic",
        hyper_analysis=(("conv", 3, 1, n), ("conv", 5, 2, n), ("conv", 5, 2, n)),
        hyper_synthesis=(("deconv", 5, 2, m), ("deconv", 5, 2, m * 3 // 2), ("conv", 3, 1, m * 2)),
        channel_context=_ELIC_CONTEXT, channel_scope="ends", spatial_width=0, aggregation=(), means_first=True,
    )  # fmt: skip
