# SPDX-License-Identifier: MIT
"""Refuse pictures that a safety checker has replaced by black ones."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.errors import Code, SemError
from refcodec.fileio import shown

FLAGS: Final = ("nsfw_content_detected", "nsfw_detected")  # of the outputs of diffusers
_REMEDY: Final = "take another seed, or name another painter"


def require_generated(role: str, name: str, output: Any) -> None:
    """Raise Code.MODEL_MALFORMED if the safety checker of a pipeline has replaced its picture."""
    for flag in FLAGS:
        flags = getattr(output, flag, None)
        if isinstance(flags, bool | list | tuple | np.ndarray) and bool(np.any(np.asarray(flags, dtype=bool))):
            what = f"{role}: the safety checker of {shown(name)} has replaced the picture by a black one"
            raise SemError(Code.MODEL_MALFORMED, what, path=role, hint=_REMEDY)


def require_not_black(role: str, name: str, pixels: NDArray[np.uint8]) -> None:
    """Raise Code.MODEL_MALFORMED for pixels that are all 0, which safety checkers return and samplers do not."""
    if not pixels.any():
        what = f"{role}: the model {shown(name)} returned an all-black picture"
        raise SemError(Code.MODEL_MALFORMED, what, path=role, hint=f"{_REMEDY}, or run it with --dtype float32")
