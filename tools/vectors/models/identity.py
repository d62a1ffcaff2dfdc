# SPDX-License-Identifier: MIT
"""Build the packages that have an identity (SPEC §12): `identity-clip`, which has nothing else, and tables with one."""

from __future__ import annotations

import json
from typing import Any, Final

from tools.vectors.models import package_files, tiny
from tools.vectors.models.layers import Symbols
from tools.vectors.models.package_files import Tensors

EMBEDDER, CODEBOOKS, HYPER_ENCODER, TOKENIZER = "e1" * 32, "c0" * 32, "4e" * 32, "70" * 32  # digests of no real model
ALONE: Final = "identity-clip"
IDENTITIES: Final[dict[str, dict[str, str]]] = {
    ALONE: {"image_embedder": EMBEDDER},
    "identity-perco": {"codebooks": CODEBOOKS, "hyper_encoder": HYPER_ENCODER, "tokenizer": TOKENIZER},
    "clip-identity": {"image_embedder": EMBEDDER},
    "vq-identity": {"hyper_encoder": HYPER_ENCODER},
}
TABLES: Final = {"clip-identity": tiny.clip, "vq-identity": tiny.vq}  # packages that also have a table
NAMES: Final = tuple(IDENTITIES)


def package(name: str) -> tuple[Symbols, Tensors]:
    """Return `symbols` with its identity, and the tensors: none for an identity alone."""
    if name not in TABLES:
        return {"kind": 0, "identity": IDENTITIES[name]}, {}
    symbols, tensors = TABLES[name]()
    return symbols | {"identity": IDENTITIES[name], "tensors": package_files.declare(tensors)}, tensors


def files(name: str) -> dict[str, bytes]:
    """Return the files of a package by name; an identity alone has no file of tensors."""
    symbols, tensors = package(name)
    text = manifest(name, symbols, "Digests that no model has: for conformance only.")
    return {"manifest.json": text} | ({"symbols.safetensors": package_files.safetensors(tensors)} if tensors else {})


def manifest(name: str, symbols: Any, notes: str, version: int = 2) -> bytes:
    """Return manifest.json of a package of this format version."""
    head = package_files.manifest_head(name, notes) | {"format_version": version}
    return (json.dumps(head | {"symbols": symbols}, indent=1) + "\n").encode()
