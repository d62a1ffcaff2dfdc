# SPDX-License-Identifier: MIT
"""A PyTorch dataset of `.sem` files, for torch_dataset.py. Copy it: workers need a module that they can import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

import refcodec


class SemDataset(Dataset[dict[str, Any]]):
    """Items of a folder of `.sem` files. Nothing is read before an item is asked for, and then only its file."""

    def __init__(self, folder: str | Path, item: Callable[[Path], dict[str, Any]]) -> None:
        self.paths, self.item = sorted(Path(folder).glob("*.sem")), item

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.item(self.paths[index])


def latents(path: Path) -> dict[str, Any]:
    """Return the latents of a file: y float32[m, h, w] in quantisation steps, z int64[hyper, h / 4, w / 4]. Decodes no picture."""
    symbols: Any = refcodec.symbols(path)["elic"]
    y = torch.from_numpy(symbols["y"].astype(np.float32)) / 64  # SPEC §13.7: y is in 1/64 of a step
    return {"y": y, "z": torch.from_numpy(symbols["z"].astype(np.int64)), "rate": int(symbols["rate"])}


def picture(path: Path) -> dict[str, Any]:
    """Return the picture of a file: float32[3, H, W], 0 to 1."""
    pixels = np.array(refcodec.decode(path))
    return {"picture": torch.from_numpy(pixels).permute(2, 0, 1).float() / 255}
