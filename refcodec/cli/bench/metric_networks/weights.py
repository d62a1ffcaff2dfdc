# SPDX-License-Identifier: MIT
"""Weight files of metric networks: their places, and the tensors that they must have.

    DIR/lpips-alex.safetensors   features.{0,3,6,8,10}.{weight,bias} of torchvision's AlexNet, lin{0..4}.model.1.weight of LPIPS v0.1
    DIR/lpips-vgg.safetensors    features.{0..28}.{weight,bias} of torchvision's VGG16, lin{0..4}.model.1.weight
    DIR/dists.safetensors        the same features of VGG16, alpha and beta of DISTS
    DIR/inception.safetensors    the Inception of FID (2015-12-05) under torchvision's names, without its classifier
    DIR/clip/, DIR/segmenter/    folders of transformers: a CLIPModel, a semantic segmentation model

`semtool models import CHECKPOINT… --as lpips-alex -o DIR` creates the files from the public checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

import torch
from torch import Tensor, nn

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.networks.tensors import load_tensors

# kind -> the public checkpoints that it is made from
CHECKPOINTS: Final = {
    "lpips-alex": "torchvision's alexnet and LPIPS v0.1 alex.pth",
    "lpips-vgg": "torchvision's vgg16 and LPIPS v0.1 vgg.pth",
    "dists": "torchvision's vgg16 and the weights.pt of DISTS",
    "inception": "pt_inception-2015-12-05 of pytorch-fid",
}
COUNTERS: Final = ".num_batches_tracked"  # of training; some checkpoints have them, our files do not
Net = TypeVar("Net", bound=nn.Module)


def expected(net: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of every tensor that a file must have."""
    return {name: tuple(t.shape) for name, t in net.state_dict().items() if not name.endswith(COUNTERS)}


def first_mismatch(tensors: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> str | None:
    """Return a message for the first tensor that is missing, surplus or of another shape; None if all match."""
    for name, shape in wanted.items():
        if name not in tensors:
            return f"there is no tensor {name}"
        if tensors[name] != shape:
            return f"the tensor {name} is {list(tensors[name])}, not {list(shape)}"
    return next(
        (f"there is a tensor {shown(name)}, which it does not have" for name in tensors if name not in wanted), None
    )


def path_of(place: str | Path, kind: str) -> Path:
    """Return the file of `kind` in a folder, or the file itself. Raises Code.MODEL_UNAVAILABLE if it is missing."""
    path = Path(place)
    path = path / f"{kind}.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise missing(kind, shown(str(path.parent)))
    return path


def missing(kind: str, folder: str | None = None) -> SemError:
    """Return a MODEL_UNAVAILABLE error (SEM-E-801) for missing weights. `folder`: the one searched, None if none is named."""
    where = f"there is no {kind}.safetensors in {folder}" if folder else f"no folder with {kind}.safetensors is named"
    hint = f"make it from {CHECKPOINTS[kind]}: semtool models import CHECKPOINT… --as {kind} -o {folder or 'DIR'}"
    return SemError(Code.MODEL_UNAVAILABLE, f"the metric of {kind} has no weights: {where}", hint=hint)


def loaded(net: Net, place: str | Path, kind: str) -> Net:
    """Return `net`, built on the meta device, with the weights of a file or folder: frozen, float32, on the CPU.

    Raises Code.MODEL_UNAVAILABLE (SEM-E-801) if the file is missing, MODEL_MALFORMED (803) if it is not a safetensors file
    of exactly these tensors.
    """
    path = path_of(place, kind)
    arrays = load_tensors(path)
    mismatch = first_mismatch({name: tuple(array.shape) for name, array in arrays.items()}, expected(net))
    if mismatch is None and any(array.dtype.kind != "f" for array in arrays.values()):
        mismatch = "its tensors are not all floats"
    if mismatch is not None:
        raise SemError(
            Code.MODEL_MALFORMED,
            f"not the weights of {kind}: {mismatch}",
            path=path.name,
            hint=f"import {CHECKPOINTS[kind]} again",
        )
    state: dict[str, Tensor] = {name: torch.from_numpy(array).float() for name, array in arrays.items()}
    net.load_state_dict(state, strict=False, assign=True)
    return net.requires_grad_(False).eval()
