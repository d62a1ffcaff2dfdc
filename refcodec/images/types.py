# SPDX-License-Identifier: MIT
"""Types of the arguments and the result of `load`. Imports neither Pillow nor numpy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from PIL import Image

ImageInput: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | NDArray[Any] | torch.Tensor"
)
"""Any representation of one image:

- a path to an image file, the bytes of one, or a binary stream, which is read to its end;
- a `PIL.Image.Image`, taken at its current frame and left unchanged;
- a numpy array [H, W], [H, W, 1] (grey), [H, W, 2] (grey, alpha), [H, W, 3] (RGB) or [H, W, 4] (RGB, alpha), in sRGB:
  uint8, uint16 (0 to 65535) or floating point (0 to 1);
- a torch tensor of these shapes and types on any device, or channels first, [C, H, W], where that is unambiguous.
"""

Colour: TypeAlias = tuple[int, int, int]
"""sRGB levels 0 to 255: red, green, blue."""

WHITE: Final[Colour] = (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Loaded:
    """One image as 8-bit sRGB."""

    pixels: NDArray[np.uint8]  # uint8[H, W, 3], sRGB, C-contiguous, read-only
    notices: tuple[str, ...]  # the conversions applied, one sentence each, in order
    source_format: str | None  # Pillow's name, such as "PNG"; None for an image made in memory
    metadata: Mapping[str, str] = field(
        default_factory=dict
    )  # kept on request: entries of a metadata section (SPEC §6)

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])
