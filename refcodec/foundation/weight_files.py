# SPDX-License-Identifier: MIT
"""Find the weights that a loader will read from the folder of one network, and check that they are complete.

Libraries do not report what is missing: they initialise weights at random, or call a header too large where the file
is a pointer of git-lfs. No tensor is read here, only names, sizes and headers.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.config_files import read_object
from refcodec.foundation.link_loops import is_loop

SUFFIX: Final = ".safetensors"
STEMS: Final = ("model", "diffusion_pytorch_model")  # of transformers, of diffusers
PREFERRED: Final = (None, "fp16", "bf16")  # variants, the best first; others follow by name, non_ema at the end
LFS_POINTER: Final = b"version https://git-lfs"
UNFINISHED: Final = (".incomplete", ".part", ".crdownload", ".aria2", ".download", ".partial")
CONVERTIBLE: Final = (".bin", ".pt", ".pth", ".ckpt")  # pickled, which `semtool models import` converts in a folder
PICKLED: Final = (*CONVERTIBLE, ".pkl")  # often something else than weights: the state of a random generator, a list
OPENVINO: Final = "openvino_"  # start of the names of its files
OTHER_FORMATS: Final = {
    ".onnx": "ONNX",
    ".msgpack": "Flax",
    ".h5": "TensorFlow",
    ".tflite": "TensorFlow",
    ".gguf": "llama.cpp (GGUF)",
    ".mlmodel": "Core ML",
    ".pte": "ExecuTorch",
}
_NAME: Final = re.compile(
    rf"(?P<stem>{'|'.join(STEMS)})(\.(?P<before>[A-Za-z]\w*))?(-\d{{5}}-of-(?P<number>\d{{5}}))?(\.(?P<after>[A-Za-z]\w*))?\.safetensors"
)
_INDEX: Final = re.compile(rf"(?P<stem>{'|'.join(STEMS)})\.safetensors\.index(\.(?P<variant>[A-Za-z]\w*))?\.json")


@dataclass(frozen=True)
class WeightFiles:
    """The weights of a network. variant: as in `model.fp16.safetensors`. missing: names of shards that are not here."""

    variant: str | None
    files: tuple[Path, ...]
    missing: tuple[str, ...] = ()


def is_pickled(file: str) -> bool:
    """Return whether a file with this name is a pickle, which is never opened."""
    return file.endswith(PICKLED) and not file.startswith(OPENVINO)


def pickled_remedy(file: str) -> str:
    """Return how to get the weights of a model that has pickled ones in this file."""
    safe = "get the model's safetensors files"
    return f"convert them with semtool models import, or {safe}" if file.endswith(CONVERTIBLE) else safe


def weight_files(folder: Path) -> WeightFiles | None:
    """Return the weights of a network that a loader reads, without a variant if there are any; None if there are none."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not is_loop(entry) and entry.is_file())
    except OSError:
        return None
    whole: dict[str | None, str] = {}
    shards: dict[str | None, list[str]] = {}
    counts: dict[str | None, int] = {}
    for name in names:
        if (match := _NAME.fullmatch(name)) is None:
            continue
        variant = match["before"] or match["after"]
        if match["number"] is None:
            whole.setdefault(variant, name)
        else:
            shards.setdefault(variant, []).append(name)
            counts[variant] = int(match["number"])
    indices = {match["variant"]: name for name in names if (match := _INDEX.fullmatch(name))}
    for variant in sorted({*whole, *shards, *indices}, key=_rank):
        if variant in whole:
            return WeightFiles(variant, (folder / whole[variant],))
        return _sharded(folder, variant, shards.get(variant, []), indices.get(variant), counts.get(variant, 0))
    return None


def _rank(variant: str | None) -> tuple[int, str]:
    order = PREFERRED.index(variant) if variant in PREFERRED else len(PREFERRED) + ("non_ema" in (variant or ""))
    return order, variant or ""


def _sharded(folder: Path, variant: str | None, shards: list[str], index: str | None, count: int) -> WeightFiles:
    """Return the shards that an index names; without an index it is missing itself."""
    if index is None:
        suffix = "" if variant is None else f".{variant}"
        stem = next(stem for stem in sorted(STEMS, key=len, reverse=True) if shards[0].startswith(stem))
        lost = (f"{count - len(shards)} of {count} shards",) if len(shards) < count else ()
        names = (f"{stem}{SUFFIX}.index{suffix}.json", *lost)
        return WeightFiles(variant, tuple(folder / name for name in shards), names)
    try:
        named = _index_names(folder / index)
    except ValueError:
        return WeightFiles(variant, tuple(folder / name for name in shards), (f"a valid {index}",))
    here = [name for name in named if os.path.isfile(folder / name)]
    return WeightFiles(
        variant, tuple(folder / name for name in here), tuple(name for name in named if name not in here)
    )


def _index_names(path: Path) -> list[str]:
    """Return the names of the shards in an index, in order. Raises ValueError for anything else than names beside it."""
    named = (read_object(path) or {}).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise ValueError("no weight_map")
    names = sorted({str(name) for name in named.values()})
    if any(os.path.basename(name) != name or not name.endswith(SUFFIX) for name in names):
        raise ValueError("a shard is not a file beside the index")
    return names


def check_weight_files(role: str, name: str, folder: Path, parts: Iterable[str]) -> None:
    """Check the weights in a folder and in its subfolders `parts`, and that no file in them is a pointer of git-lfs.

    name: of the model, for messages. Raises Code.MODEL_UNAVAILABLE for files that are not here, MODEL_MALFORMED for
    damaged ones.
    """
    for part in ("", *parts):
        check_pointers(role, name, folder / part, part)
        weights = weight_files(folder / part)
        if weights is None:
            continue
        if weights.missing:
            what = f"{role}: {shown(name)} lacks {shown(_in(part, weights.missing[0]))}"
            raise SemError(
                Code.MODEL_UNAVAILABLE, what + _and_more(weights.missing), path=role, hint="get its missing files"
            )
        for file in weights.files:
            if (defect := safetensors_defect(file)) is not None:
                raise SemError(
                    Code.MODEL_MALFORMED,
                    f"{role}: {shown(_in(part, file.name))} of {shown(name)} {defect}",
                    path=role,
                    hint="get this file again",
                )


def check_pointers(role: str, name: str, folder: Path, part: str = "") -> None:
    """Raise Code.MODEL_UNAVAILABLE if a file in a folder is the pointer of git-lfs or a broken link, or cannot be read."""
    try:
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.name.startswith(".") or not (kind := _stand_in(entry)):
                continue
            what = f"{role}: {shown(_in(part, entry.name))} of {shown(name)} is {kind}, not the file itself"
            remedy = "fetch the files with git lfs pull in that folder" if "git-lfs" in kind else "get this file again"
            raise SemError(Code.MODEL_UNAVAILABLE, what, path=role, hint=remedy)
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(role, Path(error.filename or folder), error) from error


def _stand_in(entry: os.DirEntry[str]) -> str | None:
    """Return what is in the place of a file: a broken link or a pointer of git-lfs; None for anything else."""
    if entry.is_symlink() and not os.path.exists(entry.path):
        return "a broken link"
    if not entry.is_file():
        return None
    with open(entry.path, "rb") as stream:  # each file, since one that may not be read is an error, too
        return "a pointer of git-lfs" if stream.read(len(LFS_POINTER)) == LFS_POINTER else None


def unreadable(role: str, path: Path, error: OSError) -> SemError:
    """Return the MODEL_UNAVAILABLE error for a file of a model that the system refuses to read."""
    what = f"{role}: cannot read {shown(str(path))}: {error.strerror or error}"
    return SemError(Code.MODEL_UNAVAILABLE, what, path=role, hint="check its permissions")


def safetensors_defect(path: Path) -> str | None:
    """Return what is wrong with a safetensors file by its header and size, as the end of a sentence; None if nothing is.

    Raises OSError if it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            start = stream.read(8)
            if not start:
                return "is empty"
            length = int.from_bytes(start, "little")
            if length > spec.TENSOR_HEADER_BYTES_MAX and start.lstrip().startswith((b"<", b"{")):
                return "is a web page or a message, not a safetensors file"
            if len(start) < 8 or (length <= spec.TENSOR_HEADER_BYTES_MAX and length + 8 > size):
                return "is cut short"
            if not 2 <= length <= spec.TENSOR_HEADER_BYTES_MAX:
                return "is not a safetensors file"
            header: Any = json.loads(stream.read(length))
            ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
            data = max((end for end in ends if isinstance(end, int)), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return "is not a safetensors file"
    if 8 + length + data > size:
        return f"is cut short: {size} of {8 + length + data} bytes"
    return None if 8 + length + data == size else "has bytes after its tensors"


def unfinished(folder: Path) -> str | None:
    """Return the name of an incomplete download in a folder, or None."""
    for place in (folder, folder / ".cache" / "huggingface" / "download"):
        try:
            names = sorted(entry.name for entry in os.scandir(place))
        except OSError:
            continue
        for name in names:
            if name.endswith(UNFINISHED):
                return name
    return None


def _in(part: str, name: str) -> str:
    return f"{part}/{name}" if part else name


def _and_more(names: tuple[str, ...]) -> str:
    more = len(names) - 1
    return f" and {more} more weight file{'s' if more > 1 else ''}" if more else ""
