# SPDX-License-Identifier: MIT
"""Pictures in requests to endpoints and in their answers."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any, Final

from refcodec.errors import SemError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.foundation.endpoint.server import Endpoint

    Pixels = NDArray[np.uint8]

PICTURE_BYTES_MAX: Final = 1 << 25  # of an answer with a picture
SIDE_MAX: Final = 1024  # of a picture that is sent, and of a generated one


def png_of(pixels: Pixels) -> tuple[bytes, tuple[int, int]]:
    """Return pixels uint8[H, W, 3] as a PNG file, reduced to SIDE_MAX, and its (width, height)."""
    from PIL import Image

    picture, out = Image.fromarray(pixels), io.BytesIO()
    picture.thumbnail((SIDE_MAX, SIDE_MAX), Image.Resampling.LANCZOS)
    picture.save(out, "png")
    return out.getvalue(), picture.size


def picture_of(endpoint: Endpoint, document: Any) -> Pixels:
    """Return the picture uint8[H, W, 3] of an answer. Raises Code.MODEL_UNAVAILABLE without one, and if it is all black."""
    try:
        pixels = _load(base64.b64decode(document["data"][0]["b64_json"], validate=True))
    except (KeyError, IndexError, TypeError, ValueError, SemError):  # ValueError: not base64, or not ASCII
        raise endpoint.error("answers without a picture") from None
    if not pixels.any():  # what a safety checker leaves of a picture
        raise endpoint.error("answers with an all-black picture", "take another seed, or name another painter")
    return pixels


def _load(data: bytes) -> Pixels:
    from refcodec.images.load import load as load_image

    return load_image(data, background=(255, 255, 255), max_side=4 * SIDE_MAX, max_pixels=16 * SIDE_MAX**2).pixels
