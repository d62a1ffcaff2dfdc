# SPDX-License-Identifier: MIT
"""Encode valid files of every kind, form and check, to be fuzzed beside the vectors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec import spec
from refcodec.assemble import header_of
from refcodec.codec import encode_file
from refcodec.container import Section, assemble, section_check, write
from refcodec.container.key_value import encode as text_encode
from refcodec.networks import package_cache
from refcodec.payloads import latents as elic_latents
from refcodec.payloads import vq_indices
from tools.fuzz.mutators.sem_file import environment, vectors
from tools.fuzz.target import MODELS

Sections = dict[int, bytes]
BYTES_MAX = 1 << 12  # of a file to start from
ANCILLARY: tuple[Sections, ...] = (
    {},
    {spec.PROVENANCE: text_encode({"encoder": "fuzz", "setting": "ü"})},
    {spec.PROVENANCE: b"", spec.METADATA: text_encode({"a": "b", "c": "d" * 40}), 0x15: b"\x00\x01\x02"},
)


@lru_cache(maxsize=1)
def _all() -> tuple[bytes, ...]:
    made = [*vectors(), *_latent_files(), *_symbol_files()]
    return tuple(dict.fromkeys(data for data in made if len(data) <= BYTES_MAX))


def files() -> list[bytes]:
    """Return the files of all vectors, valid or not, and encoded ones of every kind."""
    return list(_all())


def _latent_files() -> Iterator[bytes]:
    """Yield files of random latents of tiny models."""
    sizes = (((1, 1), 0), ((70, 40), 4), ((33, 17), 32))
    for seed, (profile, check, others, (size, hash_bytes)) in enumerate(
        product((200, 201, 205), (0, 16, 32), ANCILLARY, sizes)
    ):
        yield latent_file(profile, size, check=check, seed=seed, hash_bytes=hash_bytes, others=others)


def latent_file(
    profile: int = 200,
    size: tuple[int, int] = (70, 40),
    *,
    check: int = 16,
    seed: int = 0,
    rate: int = 0,
    hash_bytes: int = 0,
    others: Sections | None = None,
) -> bytes:
    """Return a valid file of a tiny model with random latents. `others`: ancillary sections by type."""
    row, rng = environment().registry.get(profile), np.random.default_rng(seed)
    if row.model is None:
        raise ValueError(f"profile {profile} names no model")
    model = package_cache.symbol_model(environment().locate_package(row.model), row.model)
    sigma = 0.11 * (256 / 0.11) ** (np.arange(64) / 63)

    def choose(_rate: int, _k: int, _step: int, mean: NDArray[np.int32], index: NDArray[np.uint8]) -> NDArray[np.int32]:
        s = np.rint(rng.normal(0, 1, mean.shape) * sigma[index]).astype(np.int32)
        s = np.clip(s, -((32768 + mean) // 64), (32767 - mean) // 64)
        return np.where(index == 0, 0, s).astype(np.int32)

    z = rng.integers(-3, 4, (model.hyper, *elic_latents.shapes(*size)[0])).astype(np.int32)
    backend = package_cache.backend("numpy")
    body, latents = elic_latents.encode(rate, z, choose, model, size, backend, tables=environment().tables)
    kind = spec.SKETCH if spec.SKETCH in row.kinds else spec.ELIC
    header = header_of(row, size, check, bytes.fromhex(row.model)[:hash_bytes] if hash_bytes else None)
    contents = {spec.CRITICAL | kind: (body, latents.serialise())}
    contents |= {section_type: (text, text) for section_type, text in (others or {}).items()}
    parts = [
        Section(number, body, section_check(row, row.model, header, number, symbols, check))
        for number, (body, symbols) in contents.items()
    ]
    return write(assemble(header, parts))


def _symbol_files() -> Iterator[bytes]:
    """Yield files of precomputed symbols for every kind without a network, in every form."""
    for check in (0, 16, 32):
        yield from _ready(check, check=check)
    yield from _ready(
        3, check=16, provenance=True, hints={"seed": "7", "steps": "20"}, metadata={"a": "b"}
    )  # fmt: skip


def _ready(seed: int, **options: Any) -> Iterator[bytes]:
    """Yield files of precomputed symbols. Options are those of `encode_file`."""
    rng, size = np.random.default_rng(seed), (100, 70)

    def one(profile: int | str | None = None, **symbols: Any) -> bytes:
        return encode_file(**symbols, profile=profile, size=size, **options).data

    for text in ("", "ct", "ndn trdtnl rch vndv lt shdv", "  k"):
        yield from (one(profile, text=text) for profile in ("consonant", "consonant-coded"))
    for text in ("", "A cat on a mat.", "ÄÖÜ 🦆\n" * 9):
        for mode in ("static", "raw", "zlib", "zstd"):
            yield one(caption=text, mode=mode)
    yield one(codes=list(range(16)), method="pics")
    for profile in ("clip", "clip-4", "clip-16"):
        yield one(profile, vector=rng.normal(0, 0.5, 768))
    tiny = MODELS / "clip-tiny"
    yield one("clip-tiny", codes=rng.integers(0, 4, 8), method="clip", model=tiny)
    grids = {
        name: vq_indices.grid(size, environment().registry.by_name(name).parameters(spec.VQ))
        for name in ("perco-64-256", "perco-16-8196", "vq-tiny")
    }
    codes, small = rng.integers(0, 1024, 16), rng.integers(0, 6, grids["vq-tiny"])
    yield one("perco-16-8196", indices=rng.integers(0, 8196, grids["perco-16-8196"]))
    coarse = rng.integers(0, 256, grids["perco-64-256"])
    yield one("perco-64-256", indices=coarse, caption="A cat on a mat.", codes=codes)
    yield one("perco-64-256", codes=codes)
    yield one("pq-tiny", codes=[1, 3], model=MODELS / "pq-tiny")
    yield one(codes=codes, model=MODELS / "vq-tiny")
    for explicit in (False, 4, 32):
        yield one("vq-tiny", indices=small, caption="x", model=MODELS / "vq-tiny", explicit_model=explicit)
