# SPDX-License-Identifier: MIT
"""Describe a folder that is not a model of the role for which it is named: what it is, and which folder to name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.config_files import read_object
from refcodec.foundation.model_place import MARKERS
from refcodec.foundation.roles import ROLES
from refcodec.foundation.weight_files import OPENVINO, OTHER_FORMATS, unfinished
from refcodec.networks import package_search

NAME_MAX: Final = 80  # characters of the name of a part; diffusers takes it as an argument
ADAPTER_FILES: Final = ("adapter_config.json", "adapter_model.safetensors", "pytorch_lora_weights.safetensors")
PIPELINE_ROLES: Final = ("painter", "editor")
EDITORS: Final = ("StableDiffusionInstructPix2PixPipeline", "StableDiffusionXLInstructPix2PixPipeline")
_MERGE: Final = "merge it into its base model with diffusers or peft, and name the folder of the result"


def model_index(folder: Path) -> dict[str, Any] | None:
    """Return model_index.json of a folder, None if it is absent or not a JSON object."""
    return read_object(folder / "model_index.json")


def components(folder: Path) -> dict[str, tuple[str, str]]:
    """Return {name: (library, class)} of the parts of a pipeline, without those that are null; {} for another folder."""
    return {
        name: (value[0], value[1])
        for name, value in (model_index(folder) or {}).items()
        if _is_name(name) and isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value)
    }


def _is_name(name: str) -> bool:
    """Return whether a member may name a part: an argument of the pipeline, and a folder on every system."""
    return name.isascii() and name.isidentifier() and not name.startswith("_") and len(name) <= NAME_MAX


def pipeline_role(folder: Path) -> str:
    """Return the role that the pipeline of a folder fills: editor if it edits by instructions, else painter."""
    return "editor" if (model_index(folder) or {}).get("_class_name") in EDITORS else "painter"


def refuse_adapter(role: str, folder: Path) -> None:
    """Raise Code.MODEL_MALFORMED for a folder of LoRA weights: a library would load the base model that it names."""
    has_model = os.path.isfile(folder / "model_index.json") or os.path.isfile(folder / "config.json")
    if os.path.isfile(folder / ADAPTER_FILES[0]) or (
        not has_model and any(os.path.isfile(folder / name) for name in ADAPTER_FILES)
    ):
        base = (read_object(folder / ADAPTER_FILES[0]) or {}).get("base_model_name_or_path")
        of = f" of {shown(base)}" if isinstance(base, str) and base else ""
        what = f"{role}: {shown(folder.name)} is a LoRA adapter{of}, not a model"
        raise SemError(Code.MODEL_MALFORMED, what, path=role, hint=f"{_MERGE} with --model {role}=FOLDER")


def other_kind_error(role: str, folder: Path) -> SemError | None:
    """Return the error for a folder without the configuration of the role that states what it is; None if it is unclear."""
    name = shown(folder.name)
    if is_empty_folder(folder):
        return empty_folder_error(role, folder, {})
    if (download := unfinished(folder)) is not None:
        what = f"{name} is not downloaded completely ({shown(download)})"
        return _error(Code.MODEL_UNAVAILABLE, role, what, "download it again")
    if os.path.isfile(folder / package_search.MANIFEST):
        what = f"{name} is a model package, which drives the entropy coder"
        return _error(Code.MODEL_MALFORMED, role, what, f"name it alone, --model {shown(str(folder))}")
    if role not in PIPELINE_ROLES and (index := model_index(folder)) is not None:
        what = f"{name} is a pipeline, {shown(str(index.get('_class_name')))}, not {ROLES[role]}"
        return _error(
            Code.MODEL_MALFORMED, role, what, f"it may fill another role: --model {pipeline_role(folder)}={name}"
        )
    return _part_error(role, folder) or _nested_error(role, folder) or _format_error(role, folder)


def is_empty_folder(folder: Path) -> bool:
    """Return whether a folder has no entries but hidden ones."""
    return os.path.isdir(folder) and _entries(folder) == []


def empty_folder_error(role: str, folder: Path, recommended: Mapping[str, str]) -> SemError:
    """Return the MODEL_UNAVAILABLE error for an empty folder of a role. recommended: role -> hub id, for the remedy."""
    kind = f", {ROLES[role]}" if role in ROLES else ""
    example = f", such as {recommended[role]} of the hub" if role in recommended else ""
    hint = f"get the model again into it{kind}{example}, or name another with --model {role}=FOLDER"
    return _error(Code.MODEL_UNAVAILABLE, role, f"{shown(str(folder))} is an empty folder", hint)


def folder_remark(role: str, folders: Iterable[Path]) -> str:
    """Return the end of a remedy: that the folders of models which a user has named have no subfolder for a role.

    "" for folders without subfolders of roles, such as packages.
    """
    for folder in folders:
        filled = [name for name in ROLES if os.path.isdir(folder / name)]
        if filled and role not in filled:
            return f"; {shown(str(folder))} has {', '.join(filled)}, and no folder {role}"
    return ""


def _part_error(role: str, folder: Path) -> SemError | None:
    """Return the error for a part of a pipeline, or for a network, that was named as a pipeline."""
    config = read_object(folder / "config.json")
    own = None if config is None else config.get("_class_name") or config.get("model_type")
    if role not in PIPELINE_ROLES:
        return None
    parent = Path(os.path.abspath(folder)).parent
    if folder.name in components(parent):
        what = f"{shown(folder.name)} is a part of the pipeline {shown(parent.name)}"
        return _error(Code.MODEL_MALFORMED, role, what, f"name that folder, --model {role}={shown(str(folder.parent))}")
    if not isinstance(own, str):
        return None
    what = f"{shown(folder.name)} is {shown(own)}, not {ROLES[role]}: it has no model_index.json"
    return _error(Code.MODEL_MALFORMED, role, what, remedy_for(own, role, folder) or f"name a folder of {ROLES[role]}")


def remedy_for(kind: str, role: str, folder: Path) -> str | None:
    """Return the other role that a class of models fills, as a remedy; None if it is not known to fill one."""
    other = {"ControlNetModel": "controlnet", "hed": "edge_detector", "perco_hyper_encoder": "hyper_encoder"}.get(kind)
    if other is None and kind.endswith("Pipeline"):
        other = "editor" if kind in EDITORS else "painter"
    return None if other in (None, role) else f"it may fill another role: --model {other}={shown(folder.name)}"


def _nested_error(role: str, folder: Path) -> SemError | None:
    """Return the error for a folder that holds models in its subfolders."""
    name = shown(folder.name)
    inner = [entry for entry in _entries(folder) or () if any(os.path.isfile(folder / entry / m) for m in MARKERS)]
    if role in inner:
        hint = f"name it alone, --model {shown(str(folder))}, or --model {role}={shown(str(folder / role))}"
        return _error(Code.MODEL_MALFORMED, role, f"{name} is a set of models", hint)
    if len(inner) == 1:
        hint = f"name that folder, --model {role}={shown(str(folder / inner[0]))}"
        return _error(Code.MODEL_MALFORMED, role, f"{name} holds a model in its folder {shown(inner[0])}", hint)
    if inner:
        what = f"{name} holds several models or parts ({shown(', '.join(inner[:4]))}) and no configuration of its own"
        return _error(Code.MODEL_MALFORMED, role, what, f"name the folder of {ROLES[role]}, or get the model again")
    return None


def _format_error(role: str, folder: Path) -> SemError | None:
    """Return the error for a folder whose weights are for other libraries."""
    for place in (folder, *(folder / entry for entry in _entries(folder) or ())):
        for entry in _entries(place) or ():
            kind = "OpenVINO" if entry.startswith(OPENVINO) else OTHER_FORMATS.get(Path(entry).suffix.lower())
            if kind is not None:
                what = f"{shown(folder.name)} has weights for {kind} only ({shown(entry)})"
                return _error(Code.MODEL_MALFORMED, role, what, "get the model's safetensors files")
    return None


def no_weights_error(role: str, folder: Path, name: str) -> SemError:
    """Return the error for a folder without safetensors and without pickled weights."""
    unlike = _format_error(role, folder) or other_kind_error(role, folder)
    if unlike is not None:
        return unlike
    return SemError(
        Code.MODEL_UNAVAILABLE,
        f"{role}: {shown(name)} has no weights",
        path=role,
        hint=f"name a folder that has safetensors files with --model {role}=FOLDER",
    )


def _entries(folder: Path) -> list[str] | None:
    """Return the names in a folder in order, without hidden ones; None if it cannot be read."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return None


def _error(code: Code, role: str, what: str, hint: str) -> SemError:
    return SemError(code, f"{role}: {what}", path=role, hint=hint)
