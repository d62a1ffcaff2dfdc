# SPDX-License-Identifier: MIT
"""Write an ELIC network and its integer symbol model as a model package (SPEC §12)."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor

from refcodec.networks import package
from refcodec.transforms.elic.network import Elic
from refcodec.transforms.elic.runners import load_analysis, load_synthesis

Array = NDArray[Any]


def weights(prefix: str, state: dict[str, Tensor]) -> dict[str, Array]:
    """Return tensors as float16, or as float32 if out of range. Raises ValueError if one is not finite."""
    out = {}
    for name, v in state.items():
        if not bool(v.isfinite().all()):
            raise ValueError(f"{prefix}{name} is not finite")
        short = v.detach().to(torch.float16)
        out[prefix + name] = (short if bool(short.isfinite().all()) else v.detach().float()).cpu().numpy()
    return out


@torch.no_grad()
def write_package(
    net: Elic, symbols: dict[str, Any], tensors: dict[str, Array], out: Path, about: dict[str, Any]
) -> str:
    """Write the package folder, the manifest last, and return its digest. about: name, licence, notes, training.

    Raises ValueError for weights that are not finite, SemError for a package that a decoder would refuse.
    """
    out.mkdir(parents=True, exist_ok=True)
    gain = net.log_gain.exp()
    inverse = {"inverse": (net.log_inverse.exp() / gain).numpy()}
    painter = {**weights("g_s.", net.g_s.state_dict()), **inverse}
    encoder = weights("g_a.", net.g_a.state_dict()) | weights("h_a.", net.entropy.h_a.state_dict())
    encoder |= {"gain": gain.numpy(), "gain_z": net.log_gain_z.exp().numpy()}
    parts: dict[str, Any] = {}
    for name, data in (("symbols", tensors), ("painter", painter), ("encoder", encoder)):
        blob = save({k: np.ascontiguousarray(v) for k, v in sorted(data.items())})
        _put(out / f"{name}.safetensors", blob)
        parts[name] = {"file": f"{name}.safetensors", "sha256": hashlib.sha256(blob).hexdigest()}
    architecture = json.loads(json.dumps(net.cfg.to_dict()))
    manifest = {
        "format": package.FORMAT,
        "format_version": package.FORMAT_VERSION,
        **about,
        "painter": {**parts["painter"], "architecture": architecture},
        "encoder": {**parts["encoder"], "architecture": architecture},
        "symbols": symbols,
    }
    _put(out / "manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())
    digest = package.symbol_digest(symbols)
    package.load(out, digest)
    load_analysis(out, manifest)
    load_synthesis(out, manifest)
    return digest


def _put(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)
