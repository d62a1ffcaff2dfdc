# SPDX-License-Identifier: MIT
"""The role hyper_encoder: PerCo's local features z_l, one of v codes for stride x stride pixels of a latent picture.

Careil et al. 2024 §3.2; layers, widths and order as in the public re-implementation PerCo (SD). Its folder holds
`config.json` (the fields of `HyperConfig`, and model_type) and `model.safetensors`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from refcodec.errors import Code, SemError
from refcodec.foundation.resolve import Models
from refcodec.networks.torch_guard import neutral
from refcodec.transforms.elic.blocks import Attention, ResidualBottleneck
from refcodec.transforms.vq.quantiser import VectorQuantizer

ROLE: Final = "hyper_encoder"
MODEL_TYPE: Final = "perco_hyper_encoder"
CONFIG, WEIGHTS = "config.json", "model.safetensors"
TRAINING_ONLY: Final = {"quantiser.count", "quantiser.total"}  # used only in training


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


class Local(NamedTuple):
    """features: [B, m, h, w], for the U-Net. indices: int64[B, h, w]. commitment: as in `Quantised`."""

    features: Tensor
    indices: Tensor
    commitment: Tensor


def _conv(i: int, o: int, down: bool) -> nn.Module:
    return nn.Conv2d(i, o, 5, stride=2, padding=2) if down else nn.Conv2d(i, o, 1)


class HyperEncoder(nn.Module):
    """Encode latents [B, latent_channels, H / factor, W / factor] as local features."""

    name = ""

    def __init__(self, cfg: HyperConfig) -> None:
        super().__init__()
        self.cfg = cfg
        n, m, downs = cfg.n, cfg.m, cfg.downs

        def blocks() -> list[nn.Module]:
            return [ResidualBottleneck(n) for _ in range(3)]

        self.backbone = nn.Sequential(
            _conv(cfg.latent_channels, n, downs > 2),
            *blocks(),
            _conv(n, n, downs > 1),
            *blocks(),
            Attention(n),
            _conv(n, n, downs > 0),
            *blocks(),
            nn.Conv2d(n, m, 1),
            Attention(m),
        )
        self.project_in, self.project_out = nn.Linear(m, cfg.dim), nn.Linear(cfg.dim, m)
        self.quantiser = VectorQuantizer(cfg.v, cfg.dim)
        self.null_text = None if cfg.null_text is None else nn.Parameter(0.02 * torch.randn(cfg.null_text))

    def forward(self, latent: Tensor) -> Local:
        quantised = self.quantiser(self.unquantised(latent))
        return Local(self._features(quantised.codes), quantised.indices, quantised.commitment)

    def indices(self, latent: Tensor) -> Tensor:
        """Return the indices int64[B, h, w] of the nearest codes."""
        return self.quantiser.nearest(self.unquantised(latent))

    def features(self, indices: Tensor) -> Tensor:
        """Return features [B, m, h, w] of indices [B, h, w]."""
        return self._features(self.quantiser.lookup(indices))

    def features_of(self, grid: NDArray[np.int64]) -> Tensor:
        """Return features [1, m, h, w] of the indices [h, w] of one picture."""
        with neutral():
            return self.features(torch.from_numpy(grid)[None].to(self.quantiser.codes.device))

    def unquantised(self, latent: Tensor) -> Tensor:
        """Return vectors [B, h, w, dim] before vector quantisation."""
        out: Tensor = self.project_in(self.backbone(latent).permute(0, 2, 3, 1))
        return out

    def _features(self, codes: Tensor) -> Tensor:
        out: Tensor = self.project_out(codes.to(self.project_out.weight.dtype)).permute(0, 3, 1, 2)
        return out

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        state = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items() if k not in TRAINING_ONLY}
        save_file(state, folder / WEIGHTS)
        (folder / CONFIG).write_text(json.dumps(self.cfg.to_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path, models: Models) -> HyperEncoder:
        """Load a folder in float32, so that rounding does not decide between two codes. Raises Code.MODEL_MALFORMED."""
        from safetensors.torch import load_file

        from refcodec.foundation.device import device_of
        from refcodec.foundation.loading import loading, require_config

        config = require_config(ROLE, folder, CONFIG, "model_type", (MODEL_TYPE,))
        with loading(ROLE, folder):
            network = cls(HyperConfig.from_dict(config))
            network.fill({k: v.float() for k, v in load_file(folder / WEIGHTS).items()})
            network.name = folder.name
            return network.to(device_of(models)).eval()

    def fill(self, tensors: dict[str, Tensor]) -> None:
        """Set the weights. Raises ValueError for missing or other tensors, and for values that are not finite."""
        own = self.state_dict()
        odd = [k for k in own if k not in TRAINING_ONLY and (k not in tensors or tensors[k].shape != own[k].shape)]
        if odd := [*odd, *(k for k in tensors if k not in own)]:
            raise ValueError(f"{odd[0]} does not fit the configuration")
        if not all(bool(t.isfinite().all()) for t in tensors.values()):
            raise ValueError("its weights are not finite numbers")
        self.load_state_dict(tensors, strict=False)
        self.quantiser.codes.copy_(nn.functional.normalize(self.quantiser.codes, dim=-1))
        self.quantiser.total.copy_(self.quantiser.codes)


def check_profile(cfg: HyperConfig, v: int, stride: int, profile: str) -> None:
    """Raise Code.MODEL_MALFORMED unless a hyper-encoder yields the indices of a profile."""
    if (cfg.v, cfg.stride) != (v, stride):
        what = f"{ROLE}: it has {cfg.v} codes and a stride of {cfg.stride}, profile {profile} has {v} and {stride}"
        raise SemError(
            Code.MODEL_MALFORMED, what, path=ROLE, hint="name another hyper-encoder, or another profile with --profile"
        )
