# SPDX-License-Identifier: MIT
"""Public checkpoints become what this codec reads: each kind by the module that knows its names.

elic           a model package (SPEC §12)
hed, perco     folders that fill roles

Another converter can be passed in, as the bench does for the weights of its metrics.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from refcodec.convert.unpickle import to_safetensors
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.download import WEIGHTS
from refcodec.progress import Progress, part

if TYPE_CHECKING:
    from torch import Tensor

PHOTOS_MAX: Final = 16
PHOTO_SIDE: Final = 512  # of the part of a photo that activations are measured on
_PHOTOS: Final = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".avif", ".bmp")


@dataclass
class ImportJob:
    """What is converted, and what a user may say of it. say: takes lines for a person."""

    sources: list[Path]
    out: Path = Path()
    scratch: Path = Path()  # for what is in between, as large as the checkpoints
    variant: str | None = None
    photos: Path | None = None
    base: Path | None = None
    name: str = ""
    licence: str = ""
    notes: str = ""
    say: Callable[[str], None] = print
    progress: Progress | None = None
    roles: dict[str, Path] = field(default_factory=dict)  # made: role -> folder, below `out`
    digest: str | None = None  # made: of a model package


def states(sources: list[Path], scratch: Path, progress: Progress | None = None) -> list[dict[str, Tensor]]:
    """Name -> tensor of each checkpoint, safetensors or pickled (which a process of its own opens).

    SEM-E-101 for a file that cannot be read, 803 for one that is no checkpoint of tensors, 805 without torch.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise SemError(
            Code.DEPENDENCY_MISSING, "checkpoints are converted with torch, which is not installed"
        ) from error
    found = []
    for i, source in enumerate(sources):
        file = source
        if source.suffix != WEIGHTS:
            file = scratch / f"checkpoint-{i}{WEIGHTS}"
            to_safetensors(source, file)
        try:
            found.append(load_file(file))
        except OSError as error:
            raise SemError(Code.CANNOT_READ, f"{shown(str(source))}: {error.strerror}") from error
        except (SafetensorError, ValueError, KeyError) as error:
            raise SemError(
                Code.MODEL_MALFORMED, f"{shown(source.name)} is not a safetensors file", hint="get it again"
            ) from error
        if progress is not None:
            progress((i + 1) / len(sources))
    return found


def convert(kind: str, job: ImportJob, converter: Converter | None = None) -> None:
    """Fill the folder `job.out`, by the converter of the kind or by one that is given.

    ValueError for settings that do not fit, SemError for checkpoints that do not.
    """
    if len(job.sources) != 1 and kind in ("elic", "hed"):
        raise ValueError(f"{kind} is made of one checkpoint")
    (converter or CONVERTERS[kind])(kind, job, states(job.sources, job.scratch, part(job.progress, 0, 0.5)))


def _elic(kind: str, job: ImportJob, found: list[dict[str, Tensor]]) -> None:
    from refcodec.convert.elic_checkpoint import convert as packaged

    pictures = None if job.photos is None else photos(job.photos)
    job.digest = packaged(found[0], job.variant, pictures, job.out, job.name, job.licence, job.notes, say=job.say)


def photos(folder: Path) -> list[Tensor]:
    """The middles of the first photographs of a folder, float32[1, 3, H, W] in 0..1, sides a multiple of 64.

    ValueError for a folder without pictures.
    """
    import torch

    from refcodec.images.load import load as load_image

    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PHOTOS)[:PHOTOS_MAX]
    except OSError as error:
        raise SemError(Code.CANNOT_READ, f"{shown(str(folder))}: {error.strerror}") from error
    found = []
    for file in files:
        pixels = load_image(file).pixels
        height, width = (min(PHOTO_SIDE, side) for side in pixels.shape[:2])
        top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
        cut = torch.from_numpy(pixels[top : top + height, left : left + width].copy())
        found.append(cut.permute(2, 0, 1)[None].float() / 255)
    if not found:
        raise ValueError(f"{shown(str(folder))} holds no photographs")
    return found


def _hed(kind: str, job: ImportJob, found: list[dict[str, Tensor]]) -> None:
    from refcodec.foundation import hed

    _write_role(job, hed.ROLE, hed.convert(found[0]), hed.CONFIG, hed.WEIGHTS)


def _perco(kind: str, job: ImportJob, found: list[dict[str, Tensor]]) -> None:
    """The hyper-encoder, and with `base`, a folder of the Stable Diffusion that it was made of, the painter."""
    from refcodec.convert import perco_checkpoint
    from refcodec.convert.copy_folder import copy
    from refcodec.foundation import hyper_encoder

    hyper, unet = perco_checkpoint.convert({name: tensor for state in found for name, tensor in state.items()})
    if hyper is not None:
        _write_role(job, hyper_encoder.ROLE, hyper.tensors, hyper.config, hyper_encoder.WEIGHTS)
    if unet is None:
        if job.base is not None:
            raise ValueError("a base is for a U-Net, and there is none in these checkpoints")
    elif job.base is None:
        job.say("the U-Net is left out: name a folder of its Stable Diffusion with --base to have the painter, too")
    else:
        if not (job.base / "model_index.json").is_file():
            raise ValueError(f"{shown(str(job.base))} is no folder of a diffusion pipeline")
        painter = job.out / "painter"
        painter.mkdir()
        parts = (
            "model_index.json",
            "vae",
            "text_encoder",
            "tokenizer",
            "scheduler",
            "LICENSE",
            "LICENSE.md",
            "README.md",
        )
        copy(job.base, painter, only=parts, progress=part(job.progress, 0.5, 0.9))
        write_weights(painter / "unet", unet.tensors, unet.config, "diffusion_pytorch_model" + WEIGHTS)
        job.roles["painter"] = painter
    if not job.roles:
        raise ValueError("these checkpoints hold a U-Net only: name a folder of its Stable Diffusion with --base")


def _write_role(job: ImportJob, role: str, tensors: Mapping[str, Tensor], config: Mapping[str, Any], file: str) -> None:
    write_weights(job.out / role, tensors, config, file)
    job.roles[role] = job.out / role


def write_weights(folder: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any] | None, file: str) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    from refcodec.foundation.model_set import write_errors

    with write_errors(folder):
        folder.mkdir(exist_ok=True)
        try:
            save_file(
                {name: tensor.contiguous() for name, tensor in tensors.items()},
                folder / file,
                metadata={"format": "pt"},
            )
        except SafetensorError as error:  # how it says that the disk is full
            raise OSError(str(error)) from error
        if config is not None:
            (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


Converter = Callable[[str, ImportJob, list[dict[str, Any]]], None]
CONVERTERS: Final[dict[str, Converter]] = {"elic": _elic, "hed": _hed, "perco": _perco}
PACKAGE_KINDS, ROLE_KINDS = ("elic",), ("hed", "perco")
# kind -> the settings of a job that it has
SETTINGS: Final = {"elic": ("variant", "photos", "name", "licence", "notes"), "perco": ("base",)}
