# SPDX-License-Identifier: MIT
"""Files that state one model each, in every way of SPEC §7, and sets of tiny models that are the stated ones or not."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import tiny_models
import torch
from strategies import registry_file

import refcodec
from refcodec import editing, spec
from refcodec.assemble import ancillary, section_of
from refcodec.container import read
from refcodec.convert import identity_package
from refcodec.environment import Environment
from refcodec.foundation import identity
from refcodec.foundation.hyper_config import HyperConfig
from refcodec.foundation.hyper_encoder import HyperEncoder
from refcodec.foundation.loading import quiet
from refcodec.registry import Registry
from tools.train import small

WAYS: Final = ("row", "explicit model", "provenance", "nothing")
PARAMETER: Final = "row's tokenizer"  # a way for tokenizers alone: the SHA-256 of the file, in the parameters of kind 2
# method -> role of an identity -> folder of a set that holds its model
ROLES: Final[Mapping[str, Mapping[str, str]]] = {
    "clip": {"image_embedder": "painter"},
    "perco": {
        "hyper_encoder": "hyper_encoder",
        "codebooks": "books",
        "image_embedder": "image_embedder",
        "tokenizer": "painter",
        "text_encoder": "painter",
    },
    "pics": {"tokenizer": "painter", "text_encoder": "painter"},
}
CASES: Final = [(method, role) for method, roles in ROLES.items() for role in roles]
TOKENS: Final = [7, 300, 12]
M: Final = 12  # channels of the local features
CONFIG: Final = HyperConfig(v=64, stride=8, factor=2, latent_channels=4, n=8, m=M, dim=4, null_text=(77, 16))
SIZE: Final = (32, 24)
BASES: Final = {"clip": "clip", "perco": "perco-8-64", "pics": "pics"}


def symbols(method: str, role: str) -> dict[str, Any]:
    """Return arguments of `encode`: the symbols of a file whose meaning the model of a role gives."""
    if method == "clip":
        return {"codes": np.arange(768) % 2}
    if method == "pics":
        return {"codes": TOKENS}
    grid: dict[str, Any] = {"indices": np.arange(12).reshape(3, 4)}
    return grid if role == "hyper_encoder" else grid | {"codes": [k % 64 for k in range(16)]}


def of(method: str, role: str, **options: Any) -> bytes:
    """Return a file of these symbols. Token ids beside indices are assembled: `encode` takes PQ codes there."""
    profile = options.pop("profile", BASES[method])
    if method == "perco" and role in ("tokenizer", "text_encoder"):
        return _with_tokens(profile, **options)
    return refcodec.encode(method=method, size=SIZE, profile=profile, **symbols(method, role), **options)


def _with_tokens(profile: str, **options: Any) -> bytes:
    from refcodec.assemble import payload_section
    from refcodec.methods.inputs import PackJob, SymbolInputs
    from refcodec.methods.pics.pics_method import prompt

    grid = {"indices": np.arange(12).reshape(3, 4)}
    container = read(
        refcodec.encode(method="perco", size=SIZE, profile=profile, caption="a", **grid, **options),
        environment=options.get("environment"),
    )
    environment = Environment.of(options.get("environment"))
    job = PackJob(SymbolInputs(codes=TOKENS), container.profile, SIZE, environment)
    (payload,) = prompt(job)
    digest = _digest_of(options.get("model"))
    section = payload_section(container.header, digest, payload)
    return editing.add(container, [section], replacing=True).data


def _digest_of(package: Path | None) -> str | None:
    from refcodec.networks import package_search

    return None if package is None else package_search.folder_digest(package)


def stating(way: str, method: str, role: str, right: Path, scratch: Path) -> tuple[bytes, Environment]:
    """Return a file that states the right model of a role in one way, and the environment to read it with."""
    digest = identity.digest_of(role, right / ROLES[method][role])
    assert digest is not None
    environment = Environment.default()
    if way == "nothing":
        return of(method, role), environment
    if way in ("row", PARAMETER):
        base = json.loads(json.dumps(dict(environment.registry.by_name(BASES[method]).binding)))
        row = {"id": 230, "name": "bound", "status": "draft", "recommended": None, "notes": ""}
        if way == PARAMETER:
            file = right / ROLES[method][role] / "tokenizer" / "tokenizer.json"
            base["parameters"]["2"]["tokenizer"] = hashlib.sha256(file.read_bytes()).hexdigest()
        else:
            base["identity"] = {role: digest}
        extra = registry_file(scratch, row | {"binding": base | {"id": 230}})
        environment = replace(environment, registry=Registry.shipped().extended_by(extra))
        return of(method, role, profile="bound", environment=environment), environment
    if way == "explicit model":
        package = scratch / "identity"
        identity_package.write(package, {role: digest}, name="identity", replace=True)
        data = of(method, role, model=package, explicit_model=4)
        return data, environment.with_packages(package)
    container = read(of(method, role))
    entries = {"model": f"{role} sha256:{digest[:16]}, painter some/painter"}
    body = ancillary(entries)[spec.PROVENANCE]
    section = section_of(container.header, None, spec.PROVENANCE, body, body)
    return editing.add(container, [section]).data, environment


# --- sets of models ------------------------------------------------------------------------------------------------


def build(folder: Path, method: str) -> Path:
    """Write the models of a method into a set: folders named for their roles, and for perco its codebooks."""
    if method == "clip":
        tiny_models.unclip(folder)
    elif method == "pics":  # which paints 512 pixels: few latents
        _stable_diffusion(folder, tiny_models.vae(blocks=6), 4)
    else:
        torch.manual_seed(5)
        HyperEncoder(CONFIG).save(folder / "hyper_encoder")
        _stable_diffusion(folder, tiny_models.vae(), 4 + M)
        tiny_models.image_embedder(folder / "image_embedder", 16)
        books = np.random.default_rng(0).normal(size=(16, 1024, 1)).astype(np.float32)
        small.write(folder / "books", "books", {"kind": 4, "m": 16, "v": 1024, "d": 16}, "codebooks", books, "", "")
    shutil.rmtree(folder / "scratch", ignore_errors=True)
    return folder


def _stable_diffusion(folder: Path, vae: Any, channels: int) -> None:
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    tokenizer = tiny_models.clip_tokenizer(folder / "scratch")
    with quiet():
        StableDiffusionPipeline(
            vae=vae,
            unet=tiny_models.unet(16, channels),
            tokenizer=tokenizer,
            text_encoder=tiny_models.text_model(16, len(tokenizer)),
            scheduler=DDIMScheduler(prediction_type="v_prediction"),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        ).save_pretrained(folder / "painter", safe_serialization=True)


def wrong(right: Path, method: str, target: Path) -> Path:
    """Copy a set, and replace every model that gives meaning to symbols by another of the same shape."""
    shutil.copytree(right, target)
    for role, place in ROLES[method].items():
        if role == "codebooks":
            books = np.random.default_rng(1).normal(size=(16, 1024, 1)).astype(np.float32)
            small.write(target / place, place, {"kind": 4, "m": 16, "v": 1024, "d": 16}, role, books, "", "")
            continue
        folder = target / place
        folder = folder / identity.PARTS[role] if (folder / "model_index.json").is_file() else folder
        if role == "tokenizer":
            _exchange_tokens(folder)
        else:
            edit_weights(folder, lambda tensor: tensor.flip(0) if tensor.dim() else tensor)
    return target


def edit_weights(folder: Path, change: Callable[[Any], Any]) -> None:
    """Change every tensor in the weights of a folder."""
    from safetensors.torch import load_file, save_file

    (path,) = folder.glob("*.safetensors")
    save_file({name: change(tensor).contiguous() for name, tensor in load_file(path).items()}, path)


def _exchange_tokens(folder: Path) -> None:
    """Exchange the ids of two tokens of a tokenizer."""
    for name in ("tokenizer.json", "vocab.json"):
        if not (folder / name).is_file():
            continue
        document = json.loads((folder / name).read_text(encoding="utf-8"))
        vocabulary = document["model"]["vocab"] if "model" in document else document
        first, second = (next(t for t, i in vocabulary.items() if i == wanted) for wanted in (300, 301))
        vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
        (folder / name).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
