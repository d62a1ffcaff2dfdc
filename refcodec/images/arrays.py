# SPDX-License-Identifier: MIT
"""Convert numpy arrays and torch tensors to images.

    tensor [C, H, W] or [H, W, C] -> array [H, W, C] -> shape and type checked -> 8 bits -> colour and opacity

Torch is not imported here: an object can be a tensor only if the program has already imported torch.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refcodec.images.channels import as_rgb, scale_levels

if TYPE_CHECKING:
    import torch
    from typing_extensions import TypeIs

_CHANNELS: Final = (1, 2, 3, 4)  # grey; grey, alpha; RGB; RGB, alpha
_SHAPES: Final = "[H, W] or [H, W, C] with 1 to 4 channels"


def is_array(image: object) -> TypeIs[NDArray[Any] | torch.Tensor]:
    """Return whether `image` is a numpy array or a torch tensor."""
    return isinstance(image, np.ndarray) or _is_tensor(image)


def array_size(image: NDArray[Any] | torch.Tensor) -> tuple[int, int]:
    """Return (width, height); raise ValueError for a shape that is not one image, or is ambiguous."""
    height, width = _channels_last(image).shape[:2]
    return int(width), int(height)


def eight_bit_array(image: NDArray[Any] | torch.Tensor, notices: list[str]) -> NDArray[np.uint8]:
    """Return uint8[H, W, C] of an array, C from 1 to 4.

    Raises TypeError for a type other than uint8, uint16 and floating point, and ValueError for a shape that is not one
    image and for floating-point levels that are NaN or not in 0..1.
    """
    values = _as_numpy(_channels_last(image))
    if values.ndim == 2:
        values = values[..., None]
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        notices.append("16 bits a channel were reduced to 8.")
        return scale_levels(values, 0, 65535)
    if values.dtype.kind == "f":
        _check_unit_range(values)
        notices.append("Floating-point levels 0 to 1 were rounded to 8 bits.")
        return scale_levels(values, 0, 1)
    raise TypeError(f"an image array has the type uint8, uint16 or floating point, not {values.dtype}")


def colour_and_alpha(levels: NDArray[np.uint8]) -> tuple[Image.Image, Image.Image | None]:
    """Return (RGB image, L image of opacity or None) of uint8[H, W, C], C from 1 to 4."""
    channels = levels.shape[2]
    colour = levels[..., :3] if channels >= 3 else levels[..., 0]
    alpha = Image.fromarray(np.ascontiguousarray(levels[..., -1])) if channels in (2, 4) else None
    return as_rgb(Image.fromarray(np.ascontiguousarray(colour))), alpha


def _is_tensor(image: object) -> TypeIs[torch.Tensor]:
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    return tensor is not None and isinstance(image, tensor)


def _channels_last(image: NDArray[Any] | torch.Tensor) -> NDArray[Any] | torch.Tensor:
    """Return an image [H, W] or [H, W, C]: itself, or the view of a tensor [C, H, W]."""
    shape = tuple(image.shape)
    if 0 in shape:
        raise ValueError(f"an image array has the shape {_SHAPES}, not {list(shape)}: it has no pixels")
    if len(shape) == 2:
        return image
    if len(shape) != 3:
        raise ValueError(f"an image array has the shape {_SHAPES}, not {list(shape)}: pass one image at a time")
    channels_last, channels_first = shape[2] in _CHANNELS, shape[0] in _CHANNELS
    if not _is_tensor(image):
        if not channels_last:
            hint = ": move the channels last, with .transpose(1, 2, 0)" if channels_first else ""
            raise ValueError(f"an image array has the shape {_SHAPES}, not {list(shape)}{hint}")
        return image
    if channels_first and channels_last:
        raise ValueError(f"a tensor {list(shape)} may be [C, H, W] or [H, W, C]: pass a numpy array [H, W, C] instead")
    if not channels_first and not channels_last:
        raise ValueError(f"an image tensor has the shape [H, W], [C, H, W] or [H, W, C], not {list(shape)}")
    return image.permute(1, 2, 0) if channels_first else image


def _as_numpy(image: NDArray[Any] | torch.Tensor) -> NDArray[Any]:
    """Return the array of a tensor on any device; float types that numpy lacks, such as bfloat16, become float32."""
    if isinstance(image, np.ndarray):
        if np.ma.is_masked(image):
            raise TypeError(
                "an image array has a level everywhere, but this one has a mask: fill it, with .filled(level)"
            )
        return np.asarray(image)
    try:
        tensor = image.detach().cpu()
        if tensor.is_floating_point() and tensor.element_size() != 8:
            tensor = tensor.float()
        return np.asarray(tensor.numpy())
    except (RuntimeError, NotImplementedError, TypeError) as error:
        kind = f"{image.dtype}, {image.layout} on {image.device}"
        raise TypeError(f"an image tensor has dense levels that can be read, unlike this one ({kind})") from error


def _check_unit_range(values: NDArray[Any]) -> None:
    """Raise ValueError unless every value is in 0..1."""
    low, high = float(values.min()), float(values.max())  # NaN if any value is
    if np.isnan(low):
        raise ValueError("a floating-point image has levels 0 to 1, but this one contains NaN")
    if low < 0 or high > 1:
        raise ValueError(f"a floating-point image has levels 0 to 1, but this one has {low:g} to {high:g}")
