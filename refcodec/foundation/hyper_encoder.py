# SPDX-License-Identifier: MIT
"""The role hyper_encoder: PerCo's local features z_l, one of v codes for stride x stride pixels of a latent picture.

Careil et al. 2024 §3.2; layers, widths and order as in the public re-implementation PerCo (SD). Its folder holds
`config.json` (the fields of `HyperConfig`, and model_type) and `model.safetensors`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from refcodec.foundation.hyper_config import MODEL_TYPE, ROLE, HyperConfig
from refcodec.foundation.resolve import Models
from refcodec.networks.torch_guard import neutral
from refcodec.transforms.elic.blocks import Attention, ResidualBottleneck
from refcodec.transforms.vq.quantiser import VectorQuantizer

CONFIG, WEIGHTS = "config.json", "model.safetensors"
TRAINING_ONLY: Final = {"quantiser.count", "quantiser.total"}  # used only in training


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
