# SPDX-License-Identifier: MIT
"""Map the tensors of `network.Elic` to their names in public checkpoints of ELIC, and detect the kind of a state dict.

taco         TACO (Lee et al. 2024), and JiangWei's ELIC, without a text adapter
compressai   CompressAI's Elic2022Official, and its Elic2022Chandelier
chandelier   Chandelier's re-implementation
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from torch import Tensor

from refcodec.errors import Code, SemError
from refcodec.transforms.elic import config
from refcodec.transforms.elic.config import ElicConfig

Rule = tuple[str, str | Callable[[re.Match[str]], str]]
_ATTENTION: Final[tuple[Rule, ...]] = (
    (r"^(g_[as]\.\d+)\.([ab])\.(\d)\.branch\.", r"\1.conv_\2.\3.conv."),
    (r"^(g_[as]\.\d+)\.b\.3\.", r"\1.conv_b.3."),
)
_BLOCKS: Final[tuple[Rule, ...]] = ((r"\.branch\.([024])\.", lambda m: f".conv{int(m[1]) // 2 + 1}."),)
_TACO: Final[tuple[Rule, ...]] = (
    *_ATTENTION,
    (r"^g_a\.(8|15)\.project\.", r"g_a.\1.text_feature_dim_proj."),
    (r"^g_a\.14\.project\.", r"g_a.14.image_feature_dim_proj."),
    (r"^(g_a\.\d+)\.attention\.", r"\1.cross_attn."),
    (r"^g_a\.", "g_a.analysis_transform."),
    (r"^g_s\.", "g_s.synthesis_transform."),
    (r"^entropy\.h_a\.", "h_a.reduction."),
    (r"^entropy\.h_s\.", "h_s.increase."),
    (r"^entropy\.spatial\.", "local_context."),
    (r"^entropy\.channel\.(\d+)\.", r"channel_context.\1.fushion."),
    (r"^entropy\.head\.(\d+)\.", r"entropy_parameters_nonanchor.\1.fusion."),
    (r"^entropy\.anchor_head\.(\d+)\.", r"entropy_parameters_anchor.\1.fusion."),
)
_COMPRESSAI: Final[tuple[Rule, ...]] = (
    *_ATTENTION,
    *_BLOCKS,
    (r"^entropy\.(h_[as])\.", r"latent_codec.\1."),
    (r"^entropy\.spatial\.(\d+)\.", r"latent_codec.y.latent_codec.y\1.context_prediction."),
    (r"^entropy\.channel\.(\d+)\.", r"latent_codec.y.channel_context.y\1."),
    (r"^entropy\.head\.(\d+)\.", r"latent_codec.y.latent_codec.y\1.entropy_parameters."),
)
_CHANDELIER: Final[tuple[Rule, ...]] = (
    *_ATTENTION,
    *_BLOCKS,
    (r"^entropy\.(h_[as])\.", r"\1."),
    (r"^entropy\.spatial\.", "context_prediction."),
    (r"^entropy\.channel\.(\d+)\.", lambda m: f"cc_transforms.{int(m[1]) - 1}."),
    (r"^entropy\.head\.", "ParamAggregation."),
)


@dataclass(frozen=True)
class Variant:
    """One family of checkpoints. masked: spatial contexts are masked at run time. only: a key that no other family has."""

    name: str
    rules: tuple[Rule, ...]
    config: Callable[[int, int, tuple[int, ...]], ElicConfig]
    prior: str
    masked: bool
    only: str

    def key(self, name: str) -> str:
        """Return the name in the checkpoint of a tensor of `network.Elic`."""
        for pattern, replacement in self.rules:
            name = re.sub(pattern, replacement, name)
        return name


VARIANTS: Final = (
    Variant("taco", _TACO, config.taco, "entropy_bottleneck.", False, "g_a.analysis_transform.0.weight"),
    Variant(
        "compressai",
        _COMPRESSAI,
        config.compressai,
        "latent_codec.z.entropy_bottleneck.",
        True,
        "latent_codec.h_a.0.weight",
    ),
    Variant("chandelier", _CHANDELIER, config.chandelier, "entropy_bottleneck.", True, "cc_transforms.0.0.weight"),
)
# Tensors that are not converted: tables of another coder, masks, and counters of operations.
_IGNORED: Final = re.compile(
    r"(.*\.)?gaussian_conditional\..*|.*context_prediction\.(.*\.)?mask|(.*\.)?total_(ops|params)"
)


def ignored(key: str) -> bool:
    return _IGNORED.fullmatch(key) is not None


def find(state: Mapping[str, Tensor], name: str | None) -> Variant:
    """Return the variant of a state, by name or by its keys.

    Raises ValueError for an unknown name, Code.MODEL_MALFORMED for a state of no variant.
    """
    if name is not None:
        named = next((v for v in VARIANTS if v.name == name), None)
        if named is None:
            raise ValueError(f"variant {name!r} is unknown: there are {', '.join(v.name for v in VARIANTS)}")
        return named
    for variant in VARIANTS:
        if variant.only in state:
            return variant
    first = next(iter(sorted(state)), "no key at all")
    raise SemError(
        Code.MODEL_MALFORMED,
        f"not a state of TACO, ELIC, Elic2022Official or Chandelier's ELIC: it begins with {first}",
        path=first,
    )


def shape(state: Mapping[str, Tensor], key: str, rank: int) -> tuple[int, ...]:
    """Return the shape of a tensor. Raises Code.MODEL_MALFORMED if it is absent or has another rank."""
    if key not in state:
        raise SemError(Code.MODEL_MALFORMED, f"the checkpoint has no {key}", path=key)
    axes = tuple(state[key].shape)
    if len(axes) != rank:
        raise SemError(Code.MODEL_MALFORMED, f"{key} has the shape {list(axes)}, not one of {rank} axes", path=key)
    return axes


def architecture(state: Mapping[str, Tensor], variant: Variant) -> ElicConfig:
    """Return the configuration with the widths and groups of a state. Raises Code.MODEL_MALFORMED if they are invalid."""
    n = shape(state, variant.key("g_a.0.weight"), 4)[0]
    m = shape(state, variant.key("entropy.h_a.0.weight"), 4)[1]
    groups = [shape(state, variant.key("entropy.spatial.0.weight"), 4)[1]]
    while (key := variant.key(f"entropy.spatial.{len(groups)}.weight")) in state:
        groups.append(shape(state, key, 4)[1])
    build = variant.config
    if variant.name == "compressai" and shape(state, variant.key("entropy.h_s.4.weight"), 4)[0] == 2 * m:
        build = config.chandelier  # its last layer is a plain convolution, with outputs in the first axis
    text = variant.key("g_a.8.project.weight")
    width = shape(state, text, 2)[1] if variant.name == "taco" and text in state else 0
    try:
        return replace(build(n, m, tuple(groups)), scale_head="linear", text_width=width)
    except ValueError as error:
        raise SemError(
            Code.MODEL_MALFORMED, f"the checkpoint is not an architecture of ELIC: {error}", path=variant.only
        ) from error
