# SPDX-License-Identifier: MIT
"""Find the folder of a model at a path that the user names, or describe what is there instead."""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Final

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.link_loops import is_loop
from refcodec.foundation.place_text import shown_place
from refcodec.foundation.roles import HUB_ID, ROLES
from refcodec.foundation.weight_files import LFS_POINTER, PICKLED, safetensors_defect

COMMIT_BYTES_MAX: Final = 256
ARCHIVES: Final = (".zip", ".tar", ".tgz", ".gz", ".xz", ".zst", ".7z", ".rar")
MARKERS: Final = ("model_index.json", "config.json")  # of a pipeline, of a network
# role -> class of diffusers that reads a checkpoint of a single file
_SINGLE_FILES: Final = {
    "painter": "StableDiffusionPipeline",
    "editor": "StableDiffusionInstructPix2PixPipeline",
    "controlnet": "ControlNetModel",
}
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_PIPELINE_KEYS: Final = ("model.diffusion_model.", "first_stage_model.", "cond_stage_model.", "conditioner.embedders.")
_ADAPTER: Final = re.compile(r"(^|\.)(lora_(up|down|A|B)|lokr_w1|hada_w1)\b")


def snapshot_of(role: str, folder: Path) -> Path:
    """Return the snapshot of a folder of the hub's cache (`models--OWNER--NAME`), else the folder itself.

    The snapshot is that of the branch main, or the only one. Raises Code.MODEL_UNAVAILABLE without a snapshot, and for several.
    """
    snapshots = folder / "snapshots"
    if any(os.path.isfile(folder / name) for name in MARKERS) or not os.path.isdir(snapshots):
        return folder
    commit = _main_branch(folder)
    if _COMMIT.fullmatch(commit) and os.path.isdir(snapshots / commit):
        return snapshots / commit
    found = sorted(entry.name for entry in os.scandir(snapshots) if not is_loop(entry) and entry.is_dir())
    if len(found) == 1:
        return snapshots / found[0]
    what = f"{role}: {shown(folder.name)} of the hub's cache has {len(found) or 'no'} snapshots"
    hint = f"name one of them, {shown(str(snapshots / found[0]))}" if found else "download the model again"
    raise SemError(Code.MODEL_UNAVAILABLE, what, path=role, hint=hint)


def _main_branch(folder: Path) -> str:
    """Return the commit of the branch main in a folder of the hub's cache, "" if it is not there."""
    place = folder / "refs" / "main"
    try:
        if not place.is_file():  # reading a pipe would block
            return ""
        with place.open("rb") as stream:
            return stream.read(COMMIT_BYTES_MAX).decode("ascii").strip()
    except (OSError, ValueError):
        return ""


def not_a_folder_error(role: str, place: str) -> SemError:
    """Return the MODEL_UNAVAILABLE error for a place that is neither a folder nor a hub id."""
    what, remedy = (
        f"{role}: {shown_place(place)} is not a folder",
        f"name it with --model {role}=FOLDER, a folder or a hub id",
    )
    path = Path(place)
    if os.path.islink(path) and not os.path.exists(path):
        what += f" but a broken link to {shown(os.readlink(path))}"
    elif os.path.lexists(path):
        more, remedy = file_kind(role, path)
        what += f" but {more}"
    else:
        remedy += f"; there is no folder {shown_place(place)}"
    return SemError(Code.MODEL_UNAVAILABLE, what, path=role, hint=remedy)


def missing_hub_folder(place: str) -> str | None:
    """Return the first part of a hub id if it is a local folder, so that the id may be a mistyped path; else None."""
    first, slash, _ = place.partition("/")
    return first if slash and os.path.isdir(first) else None


def file_kind(role: str, path: Path) -> tuple[str, str]:
    """Return what kind of file was named as a model, as the end of a sentence, and the remedy."""
    suffix, model = path.suffix.lower(), f"--model {role}=FOLDER"
    try:
        if not path.is_file():  # a pipe or a device, which may block or never end
            return "a device or a pipe", f"name the folder of the model with {model}"
        with path.open("rb") as stream:
            start = stream.read(len(LFS_POINTER))
    except OSError as error:
        return f"a file that cannot be read ({error.strerror or error})", "check its permissions"
    if start.startswith(LFS_POINTER):
        return "a pointer of git-lfs", f"fetch the files with git lfs pull, and name their folder with {model}"
    if suffix == ".safetensors":
        return _safetensors_kind(role, path)
    if suffix == ".gguf" or start.startswith(b"GGUF"):
        hint = f"serve it with llama.cpp and name its URL, or name a folder of safetensors files with {model}"
        return "a GGUF file, for llama.cpp", hint
    if suffix in ARCHIVES or (suffix not in PICKLED and zipfile.is_zipfile(path)):
        return "an archive", f"unpack it, and name the folder with {model}"
    if suffix in PICKLED:
        return "a single-file checkpoint of pickled weights, which are never opened", _conversion(role, path)
    if path.name in MARKERS:
        return "a file of a model", f"name its folder, --model {role}={shown(str(path.parent))}"
    return "a file", f"name the folder of the model with {model}"


def _safetensors_kind(role: str, path: Path) -> tuple[str, str]:
    """Return what a safetensors file holds, by the names of its tensors."""
    if (defect := safetensors_defect(path)) is not None:
        return f"a file that {defect}", "get it again, and name the folder of the model"
    names = tensor_names(path)
    if any(_ADAPTER.search(name) for name in names):
        return (
            "a file of LoRA weights, which modify a model",
            f"merge it into its base model with diffusers or peft, and name the folder of the result with --model {role}=FOLDER",
        )
    if any(name.startswith(_PIPELINE_KEYS) for name in names):
        return "a single-file checkpoint", _conversion(role, path)
    if any(os.path.isfile(path.parent / name) for name in MARKERS):
        return "the weights of a model", f"name their folder, --model {role}={shown(str(path.parent))}"
    return "a single-file checkpoint without configuration", _conversion(role, path)


def tensor_names(path: Path) -> list[str]:
    """Return the names of the tensors in a valid safetensors file."""
    with path.open("rb") as stream:
        length = min(int.from_bytes(stream.read(8), "little"), spec.TENSOR_HEADER_BYTES_MAX)
        return [name for name in json.loads(stream.read(length)) if name != "__metadata__"]


def _conversion(role: str, path: Path) -> str:
    """Return how to turn a single-file checkpoint into a folder."""
    if role not in _SINGLE_FILES:
        return f"name the folder of {ROLES[role]} in the layout of transformers with --model {role}=FOLDER"
    call = f"{_SINGLE_FILES[role]}.from_single_file({path.name!r}).save_pretrained('FOLDER')"
    return f"convert it with diffusers, {call}, and name it with --model {role}=FOLDER"


def is_hub_id(place: str) -> bool:
    """Return whether a text is a hub id and not a path."""
    return not place.startswith((".", "/", "~")) and HUB_ID.fullmatch(place) is not None
