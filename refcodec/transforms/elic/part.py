# SPDX-License-Identifier: MIT
"""Read the float halves of a package of kind 6 or 7: architecture, tensors and gains. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.manifest_values import malformed
from refcodec.networks.package import load_part
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.package_part import Tensors, check_numbers, read_architecture


def read_elic_part(folder: Path, manifest: dict[str, Any], part: str) -> tuple[ElicConfig, Tensors]:
    """Return architecture and tensors of `encoder` or `painter`. Raises ModelError."""
    entry, tensors = load_part(folder, manifest, part)
    cfg = read_architecture(entry, part, ElicConfig.from_dict)
    symbols = manifest["symbols"]
    if [cfg.kind, list(cfg.groups), cfg.hyper, cfg.rates] != [
        symbols.get(name) for name in ("kind", "groups", "hyper", "rates")
    ]:
        raise malformed("its architecture is not that of the symbol model", part)
    check_numbers(tensors, part)
    return cfg, tensors


def read_gains(tensors: Tensors, name: str, shape: tuple[int, int], part: str) -> NDArray[np.float32]:
    """Return the tensor `name`, float32, which must hold one positive number per rate and channel."""
    tensor = tensors.get(name)
    if tensor is None or tensor.shape != shape or not bool((tensor > 0).all()):
        raise malformed(f"no tensor {name} of {shape} positive numbers", part)
    return tensor.astype(np.float32)
