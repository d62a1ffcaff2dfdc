# SPDX-License-Identifier: MIT
"""Choose what runs a float network of a package: numpy for "patch" transforms on the CPU, else torch.

The choice depends on the package and the device alone, and not on what is installed or imported, so that one machine
gives one picture (decision 0031).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from refcodec.networks import package_cache
from refcodec.progress import Progress
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.numpy_transforms import NumpyAnalysis, NumpySynthesis


class Analysis(Protocol):
    """Maps pictures uint8[H, W, C] to (y, z0), as `NumpyAnalysis` does."""

    cfg: ElicConfig
    gain: NDArray[np.float32]
    gain_z: NDArray[np.float32]

    def __call__(
        self, pixels: NDArray[np.uint8], progress: Progress | None = None, text: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (y, z0)."""
        ...


class Synthesis(Protocol):
    """Maps latents to pictures, as `NumpySynthesis` does."""

    cfg: ElicConfig

    def __call__(
        self,
        y: NDArray[Any],
        rate: int,
        size: tuple[int, int],
        progress: Progress | None = None,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Return uint8[H, W, C] of size (width, height)."""
        ...


def load_analysis(folder: Path, manifest: dict[str, Any], device: str = "cpu") -> Analysis:
    """Return the analysis of a package. Raises ModelError; Code.DEPENDENCY_MISSING if it needs torch, which is absent."""
    if runs_in_numpy(manifest, "encoder", device):
        return NumpyAnalysis(folder, manifest)
    package_cache.need_torch("encoding a picture with this model" if device == "cpu" else f"--device {device}")
    with package_cache.torch_errors(folder, "encoder", device):
        from refcodec.transforms.elic.torch_transforms import TorchAnalysis

        return TorchAnalysis(folder, manifest, device)


def load_synthesis(folder: Path, manifest: dict[str, Any], device: str = "cpu") -> Synthesis:
    """Return the synthesis of a package. Raises ModelError; Code.DEPENDENCY_MISSING if it needs torch, which is absent."""
    if runs_in_numpy(manifest, "painter", device):
        return NumpySynthesis(folder, manifest)
    package_cache.need_torch("painting a picture with this model" if device == "cpu" else f"--device {device}")
    with package_cache.torch_errors(folder, "painter", device):
        from refcodec.transforms.elic.torch_transforms import TorchSynthesis

        return TorchSynthesis(folder, manifest, device)


def runs_in_numpy(manifest: Mapping[str, Any], part: str, device: str = "cpu") -> bool:
    """Return whether numpy runs a part; also for a malformed entry, which it reports."""
    entry = manifest.get(part)
    architecture = entry.get("architecture") if isinstance(entry, dict) else None
    is_elic = isinstance(architecture, dict) and architecture.get("transform") == "elic"
    return device == "cpu" and not is_elic
