# SPDX-License-Identifier: MIT
"""Convert public checkpoints, each kind by the module that knows its tensor names.

elic           to a model package (SPEC §12)
hed, perco     to folders that fill roles

Callers may pass another converter, as the bench does for the weights of its metrics.
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
PHOTO_SIDE: Final = 512  # of the crop of a photo on which activations are measured
_PHOTOS: Final = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".avif", ".bmp")


@dataclass
class ImportJob:
    """Checkpoints to convert, with the settings of the user. say: called with each line of the report."""

    sources: list[Path]
    out: Path = Path()
    scratch: Path = Path()  # for intermediate files, as large as the checkpoints
    variant: str | None = None
    photos: Path | None = None
    base: Path | None = None
    name: str = ""
    licence: str = ""
    notes: str = ""
    say: Callable[[str], None] = print
    progress: Progress | None = None
    roles: dict[str, Path] = field(default_factory=dict)  # result: role -> folder, below `out`
    digest: str | None = None  # result: of a model package


def load_states(sources: list[Path], scratch: Path, progress: Progress | None = None) -> list[dict[str, Tensor]]:
    """Return name -> tensor of each checkpoint: safetensors, pickled or .npz. The last two are opened in a separate process.

    Raises Code.CANNOT_READ, MODEL_MALFORMED for a file that is not a checkpoint of tensors, or DEPENDENCY_MISSING without
    torch.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise SemError(
            Code.DEPENDENCY_MISSING, "checkpoints are converted with torch, which is not installed"
        ) from error
    states = []
    for i, source in enumerate(sources):
        file = source
        if source.suffix != WEIGHTS:
            file = scratch / f"checkpoint-{i}{WEIGHTS}"
            to_safetensors(source, file)
        try:
            states.append(load_file(file))
        except OSError as error:
            raise SemError(Code.CANNOT_READ, f"{shown(str(source))}: {error.strerror}") from error
        except (SafetensorError, ValueError, KeyError) as error:
            raise SemError(
                Code.MODEL_MALFORMED, f"{shown(source.name)} is not a safetensors file", hint="get it again"
            ) from error
        if progress is not None:
            progress((i + 1) / len(sources))
    return states


def convert(kind: str, job: ImportJob, converter: Converter | None = None) -> None:
    """Write the converted checkpoints to the folder `job.out`. converter: default by kind.

    Raises ValueError for settings, and SemError for checkpoints, that do not fit the kind.
    """
    if len(job.sources) != 1 and kind in ("elic", "hed"):
        raise ValueError(f"{kind} is converted from one checkpoint")
    (converter or CONVERTERS[kind])(kind, job, load_states(job.sources, job.scratch, part(job.progress, 0, 0.5)))


def _elic(kind: str, job: ImportJob, states: list[dict[str, Tensor]]) -> None:
    from refcodec.convert.elic_checkpoint import convert as convert_elic

    pictures = None if job.photos is None else load_photos(job.photos)
    job.digest = convert_elic(states[0], job.variant, pictures, job.out, job.name, job.licence, job.notes, say=job.say)


def load_photos(folder: Path) -> list[Tensor]:
    """Return centre crops of the first photographs of a folder, float32[1, 3, H, W] in 0..1, sides at most PHOTO_SIDE.

    Raises ValueError for a folder without pictures.
    """
    import torch

    from refcodec.images.load import load as load_image

    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PHOTOS)[:PHOTOS_MAX]
    except OSError as error:
        raise SemError(Code.CANNOT_READ, f"{shown(str(folder))}: {error.strerror}") from error
    crops = []
    for file in files:
        pixels = load_image(file).pixels
        height, width = (min(PHOTO_SIDE, side) for side in pixels.shape[:2])
        top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
        crop = torch.from_numpy(pixels[top : top + height, left : left + width].copy())
        crops.append(crop.permute(2, 0, 1)[None].float() / 255)
    if not crops:
        raise ValueError(f"{shown(str(folder))} holds no photographs")
    return crops


def _hed(kind: str, job: ImportJob, states: list[dict[str, Tensor]]) -> None:
    from refcodec.foundation import hed, hed_layouts

    _write_role(job, hed_layouts.ROLE, hed.convert(states[0]), hed.CONFIG, hed.WEIGHTS)


def _perco(kind: str, job: ImportJob, states: list[dict[str, Tensor]]) -> None:
    """Write the role hyper_encoder and, with `base`, a folder of the Stable Diffusion behind the U-Net, the role painter."""
    from refcodec.convert import perco_checkpoint
    from refcodec.convert.copy_folder import copy
    from refcodec.foundation import hyper_config, hyper_encoder

    hyper, unet = perco_checkpoint.convert({name: tensor for state in states for name, tensor in state.items()})
    if hyper is not None:
        _write_role(job, hyper_config.ROLE, hyper.tensors, hyper.config, hyper_encoder.WEIGHTS)
    if unet is None:
        if job.base is not None:
            raise ValueError("a base needs a U-Net, which these checkpoints do not have")
    elif job.base is None:
        job.say("the U-Net is left out: name a folder of its Stable Diffusion with --base to convert the painter, too")
    else:
        if not (job.base / "model_index.json").is_file():
            raise ValueError(f"{shown(str(job.base))} is not a folder of a diffusion pipeline")
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
    """Write tensors as safetensors into a folder, which is created, and a config.json beside them if there is a config.

    Raises Code.CANNOT_WRITE (SEM-E-102).
    """
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
        except SafetensorError as error:  # raised when the disk is full
            raise OSError(str(error)) from error
        if config is not None:
            (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


Converter = Callable[[str, ImportJob, list[dict[str, Any]]], None]
CONVERTERS: Final[dict[str, Converter]] = {"elic": _elic, "hed": _hed, "perco": _perco}
PACKAGE_KINDS, ROLE_KINDS = ("elic",), ("hed", "perco")
# kind -> settings of a job that apply to it
SETTINGS: Final = {"elic": ("variant", "photos", "name", "licence", "notes"), "perco": ("base",)}
