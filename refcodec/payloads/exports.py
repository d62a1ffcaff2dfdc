# SPDX-License-Identifier: MIT
"""Export payloads as files: the context and result of a kind's `export`, and writers of common formats."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.payloads.base import Parameters

IMAGE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".ppm")


@dataclass(frozen=True)
class Artifact:
    """A payload that can be written as a file. `what` describes it; `suffixes`: file formats, the default first."""

    what: str
    suffixes: tuple[str, ...]
    make: Callable[[str], bytes]  # suffix -> contents of the file


@dataclass(frozen=True)
class ExportContext:
    """What an export may use beside the symbols of the payload."""

    parameters: Parameters
    size: tuple[int, int]  # width, height of the picture in pixels
    find_model: Callable[[], Any]  # the model that the file names, None if it names none or it is not installed
    synthesise: Callable[[Any], NDArray[np.uint8]]  # latents -> uint8[H, W, C], by the model that decoded them


def npy_bytes(array: NDArray[Any]) -> bytes:
    """Return the .npy file of an array."""
    import numpy as np

    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def npz_bytes(arrays: Mapping[str, Any]) -> bytes:
    """Return the .npz file of several arrays."""
    import numpy as np

    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def npz_export(what: str) -> Callable[[Any, ExportContext], Artifact]:
    """Return the `export` of a kind whose symbols are several arrays: `what`, as one .npz file of `value.arrays()`."""

    def export(value: Any, _context: ExportContext) -> Artifact:
        return Artifact(what, (".npz",), lambda _suffix: npz_bytes(value.arrays()))

    return export


def image_bytes(pixels: NDArray[np.uint8], suffix: str) -> bytes:
    """Return the image file of uint8[H, W] or uint8[H, W, 3] in the format of a suffix."""
    from refcodec.images.save import format_of, save

    out = io.BytesIO()
    save(pixels, out, format=format_of(suffix))
    return out.getvalue()
