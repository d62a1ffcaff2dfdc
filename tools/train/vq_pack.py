# SPDX-License-Identifier: MIT
"""Write the package of a trained VQ autoencoder (SPEC §12, kind 5)."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor

from refcodec.networks import package
from refcodec.networks.package import declare, symbol_digest
from refcodec.transforms.vq.config import VqConfig
from refcodec.transforms.vq.network import VqNet
from refcodec.transforms.vq.transforms import VqDecoder, VqEncoder
from tools.train import data, small, stream
from tools.train.listing import open_listing

PACKED = 2000  # streamed pictures on which the use of codes is counted


def streamed(args: argparse.Namespace, held_out: int) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures of a listing, on which the use of codes is counted."""
    listing = open_listing(args.photos)
    counts, _ = stream.split(listing, held_out)
    yield from data.first_pictures(listing, counts, args.seed, PACKED)


def half(tensors: dict[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Convert tensors to float16; exit if a value overflows."""
    out = {name: v.detach().cpu().to(torch.float16).numpy() for name, v in tensors.items()}
    if not all(np.isfinite(v).all() for v in out.values()):
        raise SystemExit("error: the weights overflow float16; train the network longer")
    return out


def pack(args: argparse.Namespace, state: dict[str, Any], pictures: Iterable[NDArray[np.uint8]]) -> None:
    """Write the package: first the float16 networks, then the table of code usage that they give on the photographs."""
    net = VqNet(VqConfig.from_dict(state["config"]))
    net.load_state_dict(state["net"])
    out: Path = args.pack
    out.mkdir(parents=True, exist_ok=True)
    architecture = json.loads(json.dumps(net.cfg.to_dict()))
    parts: dict[str, Any] = {}
    for name, module, prefix in (("painter", net.decoder, "decoder"), ("encoder", net.encoder, "encoder")):
        tensors = half(
            {"codebook": net.quantiser.codes, **{f"{prefix}.{k}": v for k, v in module.state_dict().items()}}
        )
        blob = save({k: np.ascontiguousarray(v) for k, v in sorted(tensors.items())})
        (out / f"{name}.safetensors").write_bytes(blob)
        parts[name] = {
            "file": f"{name}.safetensors",
            "sha256": hashlib.sha256(blob).hexdigest(),
            "architecture": architecture,
        }
    to_indices = VqEncoder(out, {"symbols": {"v": net.cfg.v}, **parts})
    indices = np.concatenate([to_indices(pixels).ravel() for pixels in pictures])
    table = small.usage(indices, net.cfg.v)
    tensor_of = {"usage": table}
    symbols: dict[str, Any] = {"kind": 5, "v": net.cfg.v, "tensors": declare(tensor_of)}
    (out / "symbols.safetensors").write_bytes(save(tensor_of))
    manifest = {
        "format": package.FORMAT,
        "format_version": package.FORMAT_VERSION,
        "name": args.name,
        "licence": args.licence,
        "notes": args.notes,
        "training": {
            "steps": state["step"],
            "seconds": round(state["seconds"]),
            "seed": state["seed"],
            "listing_sha256": state["data"],
            "command": args.command,
        },
        **parts,
        "symbols": symbols,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    package.load_any(out, symbol_digest(symbols))
    VqDecoder(out, manifest)
    counts = np.bincount(indices, minlength=net.cfg.v)
    bits = float(-(counts[counts > 0] / counts.sum() * np.log2(table[counts > 0] / small.TOTAL)).sum())
    total = sum(p.stat().st_size for p in out.iterdir())
    print(f"{len(indices)} indices, {int((counts > 0).sum())} of {net.cfg.v} codes, {bits:.3f} bits per index")
    print(f"{out}: {total} bytes, digest {symbol_digest(symbols)}")
