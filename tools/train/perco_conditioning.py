# SPDX-License-Identifier: MIT
"""What the U-Net attends to while PerCo is trained: captions, or product-quantised image embeddings (Careil et al. 2024, §4.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.foundation.perco_diffusion import PercoGenerator
from refcodec.networks import package
from refcodec.networks.table_model import TableModel
from refcodec.payloads import pq_codes

DROPPED = 0.1  # share of the crops trained without a text or embedding
Pixels = NDArray[np.uint8]


class Conditioning(Protocol):
    """digests: of the models that it uses, for the record of the training data."""

    @property
    def digests(self) -> Mapping[str, str]: ...

    def check(self, coder: PercoGenerator) -> None:
        """Raise Code.MODEL_MALFORMED if the U-Net cannot attend to it."""
        ...

    def __call__(
        self, coder: PercoGenerator, pixels: Pixels, captions: list[str], null: Tensor, rng: np.random.Generator
    ) -> Tensor:
        """Return the context [B, tokens, width] of crops uint8[B, H, W, 3], `null` for `DROPPED` of them."""
        ...


@dataclass(frozen=True)
class Captions:
    """The states of the text encoder."""

    dropped: float = DROPPED
    digests: Mapping[str, str] = field(default_factory=dict)

    def check(self, coder: PercoGenerator) -> None:
        pass

    def __call__(
        self, coder: PercoGenerator, pixels: Pixels, captions: list[str], null: Tensor, rng: np.random.Generator
    ) -> Tensor:
        return torch.cat([null if rng.random() < self.dropped else coder.text(text).clone() for text in captions])


@dataclass(frozen=True)
class Embeddings:
    """The image embedding that a decoder looks up: that of the crop, of which each part is its nearest code word."""

    embedder: Callable[[Pixels], NDArray[np.float32]]
    codebooks: NDArray[np.float32]  # [M, V, d / M]
    width: int
    dropped: float = DROPPED
    digests: Mapping[str, str] = field(default_factory=dict)

    def check(self, coder: PercoGenerator) -> None:
        parts, _, part = self.codebooks.shape
        if not self.width == parts * part == coder.width:
            what = f"the embedder has {self.width} dimensions, the codebooks {parts * part}, the attention of the U-Net {coder.width}"
            raise SemError(Code.MODEL_MALFORMED, what, path="image_embedder")

    def __call__(
        self, coder: PercoGenerator, pixels: Pixels, captions: list[str], null: Tensor, rng: np.random.Generator
    ) -> Tensor:
        return torch.cat(
            [null if rng.random() < self.dropped else coder.image(self.quantised(crop)) for crop in pixels]
        )

    def quantised(self, crop: Pixels) -> NDArray[np.float32]:
        """Return the embedding float32[d] of a crop as its file has it."""
        return pq_codes.lookup(pq_codes.search(self.embedder(crop), self.codebooks), self.codebooks)


def read_codebooks(folder: Path) -> tuple[NDArray[np.float32], str]:
    """Return the codebooks float32[M, V, d / M] of a model package of kind 4, and its digest. Raises SemError."""
    model = package.load_any(folder)
    if not isinstance(model, TableModel) or model.kind != spec.PQ:
        raise SemError(Code.MODEL_MALFORMED, "a package without codebooks (kind 4)", path=folder.name)
    books: NDArray[np.float32] = np.asarray(model.tensor)
    return books, hashlib.sha256(np.ascontiguousarray(books).tobytes()).hexdigest()
