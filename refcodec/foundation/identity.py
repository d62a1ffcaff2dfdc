# SPDX-License-Identifier: MIT
"""Find the models that give symbols their meaning in the folders that hold them, and compute their digests (SPEC §12)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.config_files import read_object
from refcodec.foundation.folder_digest import folder_sha256, model_files
from refcodec.foundation.hyper_config import MODEL_TYPE as HYPER_ENCODER
from refcodec.foundation.part_digest import tensors_digest, vocabulary_digest
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import ModelSource
from refcodec.foundation.weight_files import weight_files
from refcodec.networks import package, package_search

# role of an identity -> what it is, for messages
ROLES: Final = {
    "image_embedder": "image embedder",
    "hyper_encoder": "hyper-encoder",
    "codebooks": "codebooks of the image embedding",
    "tokenizer": "tokenizer",
    "text_encoder": "text encoder",
}
# role -> subfolder of a pipeline that holds its model
PARTS: Final = {"image_embedder": "image_encoder", "tokenizer": "tokenizer", "text_encoder": "text_encoder"}
# role -> beginnings of the names of the tensors that count
PREFIXES: Final = {
    "image_embedder": ("vision_model.", "visual_projection."),
    "hyper_encoder": ("",),
    "text_encoder": tuple(f"embeddings.{table}_embedding.weight" for table in ("token", "position")),
}
WITHOUT: Final = {"text_encoder": "text_model."}  # role -> beginning of names that is left out
VOCABULARY_FILES: Final = (("tokenizer.json",), ("vocab.json", "added_tokens.json"))  # the first set that is there
DIGITS: Final = 16  # of a digest in a provenance
_WORD: Final = re.compile("sha256:([0-9a-f]{8,64})")


def digest_of(role: str, folder: Path) -> str | None:
    """Return the digest that the model of a role has in a folder of its own, in a pipeline or in a package; None if absent.

    Raise ValueError for a role without a defined digest, ModelError for files that cannot be read.
    """
    if role not in ROLES:
        raise ValueError(f"{role!r} has no digest of its own: there are {', '.join(ROLES)}")
    if os.path.isfile(folder / package_search.MANIFEST):
        return _digest_of_package(role, folder)
    if role == "codebooks":
        return None
    if os.path.isfile(folder / "model_index.json"):
        if role not in PARTS:
            return None
        folder /= PARTS[role]
    if not folder.is_dir():
        return None
    if role == "tokenizer":
        files = next((found for names in VOCABULARY_FILES if (found := _present(folder, names))), [])
        return vocabulary_digest(files) if files else None
    weights = weight_files(folder)
    return None if weights is None else tensors_digest(weights.files, PREFIXES[role], WITHOUT.get(role, ""))


def _present(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """Return the files of these names that are in a folder, none without the first."""
    files = [folder / name for name in names if os.path.isfile(folder / name)]
    return files if files and files[0].name == names[0] else []


def _digest_of_package(role: str, folder: Path) -> str | None:
    """Return the digest of codebooks, or of the codebook of an embedded autoencoder; None if a package has neither."""
    manifest = package.read_manifest(folder)
    if role == "codebooks":
        return package.symbol_digest(manifest["symbols"]) if manifest["symbols"].get("kind") == spec.PQ else None
    part = next((manifest[name] for name in ("painter", "encoder") if isinstance(manifest.get(name), dict)), None)
    if role != "hyper_encoder" or part is None or os.path.basename(str(part.get("file"))) != part.get("file"):
        return None
    return tensors_digest([folder / part["file"]], ("codebook",))


# --- provenance ------------------------------------------------------------------------------------------------------


def describe_used(models: Models) -> str:
    """Return "role sha256:…, role sha256:…" of the models that a file was made with, as a provenance states it.

    The name of a local folder never appears, since it may reveal more than the file does; that of a hub id or endpoint
    does. A model that the caller has loaded has its role alone.
    """
    entries = []
    for role in sorted({*models.used, *models.meaning}):
        source, folder = models.find(role), models.meaning.get(role) or models.resolved.get(role)
        words = [role]
        if role in models.used and isinstance(source, ModelSource) and not os.path.isdir(source.place):
            words.append(models.used[role])
        if folder is not None:
            words.append(f"sha256:{_digest(role, folder)[:DIGITS]}")
        entries.append(" ".join(words))
    return ", ".join(entries)


def _digest(role: str, folder: Path) -> str:
    """Return the digest of the model of a role: of an identity where it has one, else of a package, else of all files."""
    found = digest_of(role, folder) if role in ROLES else None
    return found or package_search.folder_digest(folder) or _files_digest(folder, _state(folder))


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, bytes and time of the last change of each file of a model."""
    status = ((name, path.stat()) for name, path in model_files(folder))
    return tuple((name, each.st_size, each.st_mtime_ns) for name, each in status)


@lru_cache(maxsize=64)
def _files_digest(folder: Path, _state: tuple[tuple[str, int, int], ...]) -> str:
    return folder_sha256(folder)


def stated_in(provenance: Mapping[str, str]) -> dict[str, str]:
    """Return role -> beginning of a digest, as the provenance of a file states it; {} if it states none."""
    stated = {}
    for entry in provenance.get("model", "").split(", "):
        role, *words = entry.split(" ")
        digests = [match[1] for word in words if (match := _WORD.fullmatch(word))]
        if role and len(digests) == 1:
            stated[role] = digests[0]
    return stated


# --- packages --------------------------------------------------------------------------------------------------------


def identify(role: str, folder: Path) -> str:
    """Return the digest of the model of a role in a folder that the user names.

    Raise ValueError for another role, Code.MODEL_UNAVAILABLE (SEM-E-801) for a folder without such a model.
    """
    found = digest_of(role, folder) if role != "hyper_encoder" or _may_be_hyper_encoder(folder) else None
    if found is None:
        kind = "package of codebooks" if role == "codebooks" else ROLES[role]
        what = f"{role}: {shown(str(folder))} holds no {kind}"
        raise SemError(Code.MODEL_UNAVAILABLE, what, path=role, hint="name the folder of the model")
    return found


def _may_be_hyper_encoder(folder: Path) -> bool:
    """Return whether a folder is a package or states that it is a hyper-encoder: the names of its tensors cannot show it."""
    if os.path.isfile(folder / package_search.MANIFEST):
        return True
    return (read_object(folder / "config.json") or {}).get("model_type") == HYPER_ENCODER
