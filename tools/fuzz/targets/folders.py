# SPDX-License-Identifier: MIT
"""Folders of foundation models: models.json and the configurations that are read before any library sees the folder.

An input is three files: models.json of a set, config.json of a role, and an index of sharded weights.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from random import Random

from refcodec.convert.copy_folder import shards
from refcodec.errors import SemError
from refcodec.foundation.hyper_config import HyperConfig
from refcodec.foundation.loading import require_config
from refcodec.foundation.models_json import roles_in_folder
from refcodec.foundation.roles import ROLES
from tools.fuzz import archive
from tools.fuzz.mutators import json_text
from tools.fuzz.target import Target, refusal, require

FILES = "models.json", "painter/config.json", "painter/model.bin.index.json"
VALUES = (
    *ROLES, "painter", "../painter", "/etc", "a/b", "stabilityai/sd-turbo", "C:\\x", "painter\0", "", ".", "..", "~", "a/../b", "0" * 64, "A" * 64,
    "https://h/v1#m", {"source": "painter", "revision": None, "sha256": None}, "CLIPModel", ["CLIPModel"], [["x"]], "sem-models",
    {"model_type": "perco_hyper_encoder"}, "perco_hyper_encoder", [77, 1024], "pytorch_model-00001-of-00002.bin", "../x.bin", {"w": "../x.bin"},
)  # fmt: skip


def seeds() -> list[bytes]:
    """Return sets of models as `semtool models import` writes them."""
    entry = {"source": "painter", "revision": None, "sha256": "0" * 64}
    listing = {"format": "sem-models", "format_version": 1, "roles": {"painter": entry}}
    hub = {**listing, "roles": {"clip": {"source": "openai/clip-vit-base-patch32", "revision": "main", "sha256": None}}}
    configs = [{"architectures": ["CLIPModel"]}, {"_class_name": "UNet2DConditionModel"}, HyperConfig().to_dict()]
    index = {"metadata": {"total_size": 8}, "weight_map": {"a": "model-00001-of-00001.bin"}}
    return [
        archive.pack([json.dumps(document).encode() for document in (roles, config, index)])
        for roles in (listing, hub)
        for config in configs
    ]


@lru_cache(maxsize=1)
def _folder() -> Path:
    folder = archive.scratch_folder()
    (folder / "painter").mkdir()
    return folder


def close() -> None:
    """Remove the folder in which files are written."""
    shutil.rmtree(_folder(), ignore_errors=True)
    _folder.cache_clear()


def run(data: bytes) -> str:
    """Read each file as the code that uses it does."""
    folder = _folder()
    parts = archive.unpack(data, len(FILES))
    archive.write(folder, dict(zip(FILES, parts, strict=True)))
    outcomes = [_roles(folder), _config(folder / "painter")]
    try:
        outcomes.append(_shards(folder / "painter"))
    except SemError as error:
        outcomes.append(refusal(error))
    return ", ".join(outcomes)


def _roles(folder: Path) -> str:
    try:
        roles = roles_in_folder(folder)
    except SemError as error:
        return refusal(error)
    for role, source in roles.items():
        inside = Path(source.place).resolve().is_relative_to(folder.resolve())
        require(role in ROLES and role == source.role, "only known roles are filled")
        require(inside or not source.place.startswith(("/", ".")), "a folder outside of the set fills a role")
    return "accepted"


def _config(folder: Path) -> str:
    outcome = "accepted"
    for member, allowed in (
        ("architectures", ("CLIPModel",)),
        ("_class_name", ("UNet2DConditionModel",)),
        ("model_type", ("perco_hyper_encoder",)),
    ):
        try:
            config = require_config("painter", folder, "config.json", member, allowed)
            HyperConfig.from_dict(config)
        except SemError as error:
            outcome = refusal(error)
        except ValueError:
            outcome = "ValueError"
    return outcome


def _shards(folder: Path) -> str:
    for name in shards(folder / "model.bin.index.json"):
        require("/" not in name and "\\" not in name and name not in ("", ".", ".."), "a shard outside of its folder")
    return "accepted"


_MUTATE = json_text.mutator(VALUES)


def mutate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return other files, mostly with one of them changed."""
    parts = archive.unpack(data, len(FILES))
    at = rng.randrange(len(parts))
    parts[at] = _MUTATE(rng, parts[at], [archive.unpack(other, len(FILES))[at] for other in others[:8]])
    return archive.pack(parts)


TARGET = Target(
    "folders",
    seeds,
    run,
    mutate,
    dictionary=(b'"roles"', b'"source"', b'"sha256"', b'"weight_map"', b'"architectures"'),
    close=close,
)
