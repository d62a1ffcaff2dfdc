# SPDX-License-Identifier: MIT
"""Model packages with one defect (SPEC §12), each with a file that names it by digest."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from refcodec import spec
from refcodec.networks.package import symbol_digest
from tools.vectors.build import payloads
from tools.vectors.case import SHIPPED, Output, ValidCase, Vectors
from tools.vectors.entry import common_members, error_members, file_members
from tools.vectors.model_changes import Change, unchanged
from tools.vectors.models import mini, package_files, tiny
from tools.vectors.models.layers import Symbols
from tools.vectors.models.package_files import Tensors

HASH_BYTES: Final = 8
PROBES: Final = {  # package -> the file whose payload its probe has
    mini.NAME: ValidCase("probe", (), "", model=mini.NAME, hash_bytes=HASH_BYTES, rate=1),
    "clip-tiny": ValidCase("clip", (), "", profile=202, latents=False, payloads=((3, (1, 2, 3, 0, 2, 1, 3, 0)),)),
    "pq-tiny": ValidCase("pq", (), "", profile=203, latents=False, payloads=((4, (1, 2)),)),
    "vq-tiny": ValidCase("vq", (), "", profile=204, latents=False, payloads=((5, (0, 2, 0, 3) * 4),)),
    "sketch-tiny": ValidCase("sketch", (), "", profile=205, rate=1),
}


def probe(base: str, digest: bytes) -> bytes:
    """Return a compact, unchecked file of 64 x 64 pixels that names a model of these shapes by 8 bytes of its digest."""
    head = bytes((spec.VERSION << 5, spec.PROFILE_EXPLICIT, PROBES[base].profile, 1))
    return spec.MAGIC + head + digest[:HASH_BYTES] + b"\x04" + _body(base)


@lru_cache(maxsize=8)
def _body(base: str) -> bytes:
    return next(payloads(PROBES[base], SHIPPED))[1]


@dataclass(frozen=True)
class InvalidModel:
    """The package `base` with one defect.

    `change` and `late` edit `symbols` and the tensors, before and after the digests of tensors are taken. `blob` and
    `text` replace the bytes of symbols.safetensors (None: no such file) and of manifest.json.
    """

    id: str
    error: int
    rules: tuple[int, ...]
    note: str
    change: Change = unchanged
    late: Change = unchanged
    blob: Callable[[bytes], bytes | None] = lambda data: data
    text: Callable[[bytes], bytes] = lambda data: data
    base: str = mini.NAME

    @property
    def folder(self) -> str:
        return f"models-bad/{self.id}"

    def files(self) -> dict[str, bytes]:
        """Return the package and its probe, by file name."""
        symbols, tensors = self.symbols()
        blob = self.blob(package_files.safetensors(tensors))
        digest = bytes.fromhex(symbol_digest(symbols))
        files = {"manifest.json": self.text(self.manifest(symbols)), "probe.sem": probe(self.base, digest)}
        return files | ({} if blob is None else {"symbols.safetensors": blob})

    def symbols(self) -> tuple[Symbols, Tensors]:
        """Return `symbols` with its tensors declared, and the tensors, with the defect."""
        if self.base == mini.NAME:
            symbols, tensors = copy.deepcopy(mini.package()[:2])
        else:
            symbols, tensors = (tiny.MODELS | tiny.TABLES)[self.base]()
        self.change(symbols, tensors)
        symbols["tensors"] = package_files.declare(tensors)
        self.late(symbols, tensors)
        return symbols, tensors

    def manifest(self, symbols: Symbols) -> bytes:
        return package_files.manifest(self.id, symbols, package_files.defect_notes(self.note))

    def build(self, _: Vectors) -> Output:
        files = self.files()
        entry = {
            "id": self.id,
            "folder": self.folder,
            "file": f"{self.folder}/probe.sem",
            **file_members(files["probe.sem"]),
            **common_members(self.rules, self.note),
            **error_members(self.error),
            "stage": "model",
            "repaired": f"models/{self.base}",
        } | ({"asked": "embedding"} if self.base == "pq-tiny" else {})
        return Output({f"{self.folder}/{name}": data for name, data in files.items()}, (("models", entry),))


@dataclass(frozen=True)
class ScalarSymbols(InvalidModel):
    """A package whose `symbols` are the number 3; its probe names the digest of that JSON."""

    def files(self) -> dict[str, bytes]:
        manifest = package_files.manifest_head(self.id, package_files.defect_notes(self.note)) | {"symbols": 3}
        text = (json.dumps(manifest, indent=1) + "\n").encode()
        return super().files() | {"manifest.json": text, "probe.sem": probe(self.base, hashlib.sha256(b"3").digest())}


@dataclass(frozen=True)
class ListedTensors(InvalidModel):
    """A package whose member `tensors` is a list of names."""

    def symbols(self) -> tuple[Symbols, Tensors]:
        symbols, tensors = super().symbols()
        return symbols | {"tensors": sorted(tensors)}, tensors

    def manifest(self, symbols: Symbols) -> bytes:
        head = package_files.manifest_head(self.id, package_files.defect_notes(self.note))
        return (json.dumps(head | {"symbols": symbols}, indent=1) + "\n").encode()


@dataclass(frozen=True)
class Undigestible(InvalidModel):
    """A package whose `symbols` have no canonical JSON; its probe names the digest of the sorted JSON without spaces."""

    def files(self) -> dict[str, bytes]:
        symbols, tensors = self.symbols()
        digest = hashlib.sha256(json.dumps(symbols, sort_keys=True, separators=(",", ":")).encode()).digest()
        return {
            "manifest.json": self.text(self.manifest(symbols)),
            "probe.sem": probe(self.base, digest),
            "symbols.safetensors": package_files.safetensors(tensors),
        }
