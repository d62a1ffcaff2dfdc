# SPDX-License-Identifier: MIT
"""Copy a folder of a foundation model: files that loaders read, licences, and weights, with pickles converted to safetensors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from posixpath import dirname, join, split
from typing import Any, Final

from refcodec.canonical_json import parse_json
from refcodec.convert.unpickle import to_safetensors
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.download import WEIGHTS
from refcodec.foundation.folder_digest import SUFFIXES, model_files
from refcodec.foundation.model_set import write_errors
from refcodec.foundation.weight_files import CONVERTIBLE, OPENVINO
from refcodec.progress import Progress

_DOCUMENTS: Final = re.compile(r"(licen[cs]e|notice|readme|copying)(\..*)?", re.IGNORECASE)
_INDEX: Final = ".bin.index.json"
INDEX_BYTES_MAX: Final = 1 << 24
# files of training, and duplicates of the weights in another form
_NOT_WEIGHTS: Final = (
    "training_args.*",
    "optimizer.*",
    "scheduler.*",
    "scaler.*",
    "rng_state*",
    "*.fp16.*",
    "*non_ema*",
    "*ema_only*",
    "open_clip*",
    f"{OPENVINO}*",
)
_CHUNK: Final = 1 << 24


def pickled_weights(folder: Path) -> dict[str, str]:
    """Return {pickled file: safetensors file to write} for every subfolder without safetensors files."""
    files = [name for name, _ in model_files(folder)]
    safe = {dirname(name) for name in files if name.endswith(WEIGHTS)}
    of_index = {
        dirname(name): shards(folder / name) for name in files if name.endswith(_INDEX) and dirname(name) not in safe
    }
    targets: dict[str, str] = {}
    for name in files:
        subfolder, file = split(name)
        if (
            subfolder in safe
            or not file.endswith(CONVERTIBLE)
            or any(fnmatch(file, pattern) for pattern in _NOT_WEIGHTS)
        ):
            continue
        if file in of_index.get(subfolder, {file}):
            targets[name] = join(subfolder, _safe_name(file))
    if lost := sorted(
        join(subfolder, file)
        for subfolder, named in of_index.items()
        for file in named
        if join(subfolder, file) not in targets
    ):
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{shown(folder.name)} lacks {shown(lost[0])}, which its index names",
            hint="get the model again",
        )
    if twice := sorted(name for name in targets if list(targets.values()).count(targets[name]) > 1):
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{shown(folder.name)}: {shown(twice[0])} and {shown(twice[1])} would be converted to the same file",
            hint="keep only the right one",
        )
    return targets


def _safe_name(file: str) -> str:
    """Return the file name that transformers and diffusers expect."""
    stem = file[: -len(next(suffix for suffix in CONVERTIBLE if file.endswith(suffix)))]
    return re.sub(r"^pytorch_model", "model", stem) + WEIGHTS


def shards(index: Path) -> set[str]:
    """Return the files in an index of pickled shards. Raises Code.MODEL_MALFORMED for an invalid index."""
    return set(_index(index)["weight_map"].values())


def _index(index: Path) -> dict[str, Any]:
    try:
        if not index.is_file() or index.stat().st_size > INDEX_BYTES_MAX:
            raise ValueError("a pipe, which would block, or too long")
        document: Any = parse_json(index.read_bytes())
        for file in document["weight_map"].values():
            if not file.endswith(CONVERTIBLE) or re.fullmatch(r"[\w.-]+", file) is None:
                raise ValueError("not a plain file name")
        return dict(document)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SemError(
            Code.MODEL_MALFORMED, f"{shown(index.name)} is not an index of weights", hint="get the model again"
        ) from error


def copy(
    source: Path, target: Path, *, only: Iterable[str] | None = None, progress: Progress | None = None
) -> list[str]:
    """Copy the files of `source` that loaders read into the empty folder `target`. Return the names of converted weights.

    only: first components of the paths to copy. Raises Code.CANNOT_READ, CANNOT_WRITE, or MODEL_MALFORMED for pickles that
    hold more than tensors.
    """
    pickled = pickled_weights(source)
    files = {name: path for name, path in model_files(source) if only is None or name.split("/")[0] in only}
    kept = [
        name
        for name, path in files.items()
        if name in pickled or path.suffix in SUFFIXES or _DOCUMENTS.fullmatch(path.name)
    ]
    total, done = sum(files[name].stat().st_size for name in kept) + 1, 0
    for name in kept:
        if name in pickled:
            with write_errors(target / pickled[name]):
                (target / pickled[name]).parent.mkdir(parents=True, exist_ok=True)
            to_safetensors(files[name], target / pickled[name])
        elif name.endswith(_INDEX):
            if any(dirname(other) == dirname(name) for other in pickled):
                _copy_index(files[name], target / name)
        else:
            _copy_file(files[name], target / name)
        done += files[name].stat().st_size
        if progress is not None:
            progress(done / total)
    return sorted(name for name in kept if name in pickled)


def _copy_file(source: Path, target: Path) -> None:
    with write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        stream = source.open("rb")
    except OSError as error:
        raise SemError(Code.CANNOT_READ, f"{shown(str(source))}: {error.strerror}") from error
    with stream, write_errors(target), target.open("wb") as out:
        while chunk := stream.read(_CHUNK):
            out.write(chunk)


def _copy_index(source: Path, target: Path) -> None:
    """Write the index of the converted shards, under their file name."""
    document = _index(source)
    document["weight_map"] = {tensor: _safe_name(file) for tensor, file in document["weight_map"].items()}
    name = re.sub(r"^pytorch_model", "model", source.name.removesuffix(_INDEX)) + WEIGHTS + ".index.json"
    with write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        (target.parent / name).write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
