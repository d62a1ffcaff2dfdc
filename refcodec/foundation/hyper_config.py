# SPDX-License-Identifier: MIT
"""The configuration of a PerCo hyper-encoder. Imports no torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from refcodec.errors import Code, SemError

ROLE: Final = "hyper_encoder"
MODEL_TYPE: Final = "perco_hyper_encoder"


@dataclass(frozen=True)
class HyperConfig:
    """v codes of `dim` dimensions, one for stride x stride pixels. factor: pixels per side of a latent site.

    null_text: shape (tokens, width) of the learned embedding of no text; None: the embedding of an empty text is used.
    """

    v: int = 256
    stride: int = 64
    factor: int = 8
    latent_channels: int = 4
    n: int = 192
    m: int = 320
    dim: int = 32
    null_text: tuple[int, int] | None = (77, 1024)

    def __post_init__(self) -> None:
        """Raise ValueError if no network can be built: folders are not trusted."""
        sizes = {"v": 65536, "stride": 512, "factor": 64, "latent_channels": 64, "n": 4096, "m": 4096, "dim": 4096}
        for name, limit in sizes.items():
            if type(getattr(self, name)) is not int or not 2 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} is not an integer from 2 to {limit}")
        if self.stride not in (self.factor << downs for downs in range(4)):
            raise ValueError(f"stride is 1, 2, 4 or 8 times the factor {self.factor}, not {self.stride}")
        shape = self.null_text
        if shape is not None and not (
            isinstance(shape, tuple) and len(shape) == 2 and all(type(k) is int and 1 <= k <= 65536 for k in shape)
        ):
            raise ValueError("null_text is not null or a pair of tokens and width")

    @property
    def downs(self) -> int:
        """Number of convolutions that halve the grid, 0 to 3."""
        return (self.stride // self.factor).bit_length() - 1

    def to_dict(self) -> dict[str, Any]:
        return {"model_type": MODEL_TYPE, **json.loads(json.dumps(asdict(self)))}

    @classmethod
    def from_dict(cls, data: object) -> HyperConfig:
        """Parse config.json. Raises ValueError for an invalid configuration."""
        if not isinstance(data, dict) or data.get("model_type") != MODEL_TYPE:
            raise ValueError(f"its model_type is not {MODEL_TYPE}")
        fields: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "model_type"
        }
        try:
            return cls(**fields)
        except TypeError as error:
            raise ValueError(str(error)) from error


def check_profile(cfg: HyperConfig, v: int, stride: int, profile: str) -> None:
    """Raise Code.MODEL_MALFORMED unless a hyper-encoder yields the indices of a profile."""
    if (cfg.v, cfg.stride) != (v, stride):
        what = f"{ROLE}: it has {cfg.v} codes and a stride of {cfg.stride}, profile {profile} has {v} and {stride}"
        raise SemError(
            Code.MODEL_MALFORMED, what, path=ROLE, hint="name another hyper-encoder, or another profile with --profile"
        )
