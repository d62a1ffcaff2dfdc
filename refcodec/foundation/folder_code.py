# SPDX-License-Identifier: MIT
"""Refuse model folders whose configurations name code, before a library opens them. Imports no torch.

A folder can name code in many ways: transformers' `auto_map` (of the folder or of another repository), `custom_generate`
and kernels of the hub as attention; diffusers' `_class_name` of a file and a class, and components of other modules than
its own; adapters whose base model is elsewhere; quantisation, which imports the package it names. None of them is
needed: the models of all roles run with classes of transformers and diffusers themselves.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.config_files import CONFIG_BYTES_MAX
from refcodec.foundation.folder_digest import model_files

WORDS_BYTES_MAX: Final = 1 << 28  # of a vocabulary or a list of weights; the largest published ones have 35 MB
DEPTH_MAX: Final = 64  # of a configuration
NAME_MAX: Final = 80  # characters of a name in a message
# files that hold words or names of weights, not settings
WORD_LISTS: Final = ("tokenizer.json", "vocab.json", "added_tokens.json", "special_tokens_map.json", "merges.json")
INDEX: Final = ".index.json"
PIPELINES: Final = ("model_index.json", "modular_model_index.json")
LIBRARIES: Final = ("diffusers", "transformers")
# members whose value, if there is one, names code or has code fetched
CODE: Final = (
    "auto_map", "auto_mapping", "custom_generate", "custom_pipeline", "custom_pipelines", "custom_code", "trust_remote_code",
    "code_revision", "use_kernels", "kernel_config", "audio_tokenizer",
)  # fmt: skip
QUANTISED: Final = ("quantization_config", "compression_config")
CLASSES: Final = (
    "_class_name", "tokenizer_class", "slow_tokenizer_class", "processor_class", "image_processor_type",
    "image_processor_class", "feature_extractor_type", "video_processor_type", "library_name",
)  # fmt: skip
IMPLEMENTATION: Final = ("implementation", "implementation_internal")  # ends of names, as in `_attn_implementation`
FILE_LISTS: Final = ("configuration_files", "fast_tokenizer_files")
CODE_FILES: Final = ("None.py", "custom_generate/generate.py")  # run by diffusers and transformers if they are there


def refuse_code(role: str, folder: Path) -> None:
    """Raise Code.MODEL_MALFORMED if the folder names code, or holds a configuration too large or too deep to be read.

    Raises Code.MODEL_UNAVAILABLE for a folder that cannot be read.
    """
    for name, path in model_files(folder):
        if (problem := _file_problem(name, path)) is not None:
            what, hint = problem
            raise SemError(
                Code.MODEL_MALFORMED,
                f"{role}: {shown(folder.name)} {what}",
                path=role,
                hint=f"{hint}, or name another folder",
            )


Problem = tuple[str, str]  # what a folder does, and its remedy


def _file_problem(name: str, path: Path) -> Problem | None:
    file, suffix = shown(name), path.suffix.lower()
    if name in CODE_FILES:
        return f"holds {file}, code that a library would run", f"remove {file} from it"
    if suffix not in (".json", ".jinja", ".txt", ".model"):
        return None
    words = path.name in WORD_LISTS or name.endswith(INDEX) or suffix in (".txt", ".model")
    most = WORDS_BYTES_MAX if words else CONFIG_BYTES_MAX
    try:
        if path.stat().st_size > most:
            return f"has a {file} of more than {most >> 20} MB", "get the model again"
        if words or suffix != ".json":
            return None
        if path.name == "adapter_config.json":
            return f"is an adapter ({file}), which names its model and code", "name a model that it is merged into"
        document = json.loads(path.read_bytes())
        component = _component_problem(document, file) if path.name in PIPELINES else None
        return component or next(_problems(document, file), None)
    except RecursionError:
        return f"has a {file} that is too deep", "get the model again"
    except (OSError, ValueError):  # reported by the library that needs the file
        return None


def _problems(value: Any, file: str, depth: int = 0) -> Iterator[Problem]:
    """Yield the problem of each member of a configuration that names code. Raises RecursionError beyond DEPTH_MAX."""
    if depth > DEPTH_MAX:
        raise RecursionError
    if isinstance(value, list):
        for item in value:
            yield from _problems(item, file, depth + 1)
    if not isinstance(value, dict):
        return
    for name, member in value.items():
        where = f"{name} in {file}"
        if name in CODE and member:
            hint = f"remove {name} from {file} if transformers or diffusers has the model's class"
            yield f"names code of its own ({where}), which is never run", hint
        elif name in QUANTISED and member:
            yield f"is quantised ({where}) by a package that it names", "get the model without quantisation"
        elif name in CLASSES and not _is_class_name(member):
            hint = f"write the name of a class of transformers or diffusers as {where}"
            yield f"names a file or module for a class ({where}), whose code is never run", hint
        elif name.endswith(IMPLEMENTATION) and _names_kernel(member):
            yield f"names a kernel of the hub ({where}), which is never fetched", f"remove {name} from {file}"
        elif name in FILE_LISTS and not _are_files(member):
            yield f"names files elsewhere ({where}), which are not read", f"remove {name} from {file}"
        yield from _problems(member, file, depth + 1)


def _is_class_name(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.replace("-", "_").isidentifier())


def _names_kernel(value: Any) -> bool:
    """Return whether an implementation, or that of a part, is ORG/KERNEL."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return any(isinstance(item, str) and ("/" in item or os.sep in item or ":" in item) for item in values)


def _are_files(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(name, str) and os.path.basename(name) == name and not name.startswith(".") for name in value
    )


def _component_problem(document: Any, file: str) -> Problem | None:
    """Return the problem of a component that is no class of transformers or diffusers; None if all are."""
    for name, entry in document.items() if isinstance(document, dict) else ():
        if name == "_class_name" or not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[0], str):
            continue
        if not _is_library(entry[0]) or not _is_class_name(entry[1]):
            where = f"{shown(name[:NAME_MAX])} in {file}"
            what = f"takes a component from {shown(entry[0][:NAME_MAX])} ({where}), whose code is never run"
            return what, f"name a class of transformers or diffusers as {where}"
    return None


@lru_cache(256)
def _is_library(name: str) -> bool:
    """Return whether a component may come from there: transformers, diffusers or one of its folders of pipelines."""
    if name in LIBRARIES:
        return True
    try:
        spec = importlib.util.find_spec("diffusers") if name.isidentifier() else None
    except (ImportError, ValueError):  # hidden, or half imported
        spec = None
    places = (spec.submodule_search_locations or ()) if spec is not None else ()
    return any(os.path.isdir(os.path.join(place, "pipelines", name)) for place in places)
