# SPDX-License-Identifier: MIT
"""Turn the output of a pipeline of diffusers into pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.foundation.loading import require_finite
from refcodec.foundation.withheld import require_generated, require_not_black


def generated_pixels(role: str, name: str, output: Any) -> NDArray[np.uint8]:
    """Return uint8[H, W, 3] of the first picture, float[H, W, 3] in 0..1, of an output, rounded as in SPEC §14.

    Raises Code.MODEL_MALFORMED if it is not finite, or black, as pictures are that a safety checker withholds.
    """
    require_generated(role, name, output)
    values = np.asarray(output.images[0], np.float32)
    require_finite(role, name, bool(np.isfinite(values).all()))
    pixels: NDArray[np.uint8] = np.floor(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    require_not_black(role, name, pixels)
    return pixels
