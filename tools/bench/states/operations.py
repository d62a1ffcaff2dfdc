# SPDX-License-Identifier: MIT
"""The operations that every process state must leave the same: encode, decode to symbols, payload, decode to pixels."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import refcodec
from refcodec.decoder import decode_file
from refcodec.methods import latent_coding
from refcodec.methods.perco import embedded
from refcodec.networks import package_cache

SIZE: Final = (96, 64)


@cache
def picture() -> NDArray[np.uint8]:
    """Return a picture uint8[64, 96, 3] with edges and texture, made of integers alone."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.int64)
    planes = [(3 * x + y * y // 7) % 256, (x * y // 5) % 256, 255 * ((x // 16 + y // 16) % 2)]
    return np.stack(planes, -1).astype(np.uint8)


def edges() -> NDArray[np.uint8]:
    """Return an edge map, uint8[64, 96]."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    return np.where((x - y) % 24 == 0, 255, 0).astype(np.uint8)


def vector() -> NDArray[np.float32]:
    """Return an image embedding, float32[768]."""
    numbers = (np.arange(768, dtype=np.int64) * 7919 % 1009 - 504).astype(np.float32)
    return numbers / np.float32(504)


def _encoded() -> dict[str, bytes]:
    from PIL import Image

    png = io.BytesIO()
    Image.fromarray(picture()).save(png, "png")
    return {
        "elic": refcodec.encode(picture(), quality=5),
        "png": refcodec.encode(png.getvalue(), quality=2, check=32),
        "vq": refcodec.encode(picture(), method="perco"),
        "vector": refcodec.encode(vector=vector(), size=SIZE),
        "caption": refcodec.encode(caption="A cat on a mat, 12 years old.", size=SIZE),
        "consonants": refcodec.encode(text="old stone bridge over a river", size=SIZE),
        "sketch": refcodec.encode(method="pics", caption="a bridge", sketch=edges(), size=SIZE),
    }


@cache
def files() -> dict[str, bytes]:
    """Return the files that are decoded, as this process encodes them in its plain state."""
    return _encoded()


def plain() -> dict[str, dict[str, Any]]:
    """Return the digests of every operation in the state of this process."""
    files()
    return {name: call() for name, call in OPERATIONS.items()}


def forget_models() -> None:
    """Drop the models in memory, so that the next operation loads them again."""
    for cache_ in (
        package_cache._symbol_model,
        package_cache._table_model,
        latent_coding._analysis,
        latent_coding._synthesis,
        embedded._encoder,
        embedded._painter,
    ):
        cache_.cache_clear()


def _digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()[:16]


def encode() -> dict[str, str]:
    """Return the digest of the file that each kind of input becomes."""
    return {name: _digest(data) for name, data in _encoded().items()}


def symbols() -> dict[str, str]:
    """Return the digest of the symbols of each file."""
    out = {}
    for name, data in files().items():
        values = decode_file(data).values
        out[name] = _digest(b"".join(values[number].serialise() for number in sorted(values)))
    return out


def payload() -> dict[str, str]:
    """Return the digest of what `semtool payload --json` prints of each file."""
    return {
        name: _digest(json.dumps(refcodec.payload(data).to_dict()).encode("ascii")) for name, data in files().items()
    }


def pixels() -> dict[str, str]:
    """Return the digest of the pixels of each file that needs no foundation model."""
    return {name: _digest(refcodec.decode(files()[name]).tobytes()) for name in ("elic", "vq")}


def inspect() -> dict[str, str]:
    """Return the digest of the fields of each file."""
    return {
        name: _digest(json.dumps(refcodec.inspect(data).to_dict()).encode("ascii")) for name, data in files().items()
    }


OPERATIONS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "encode": encode,
    "symbols": symbols,
    "payload": payload,
    "pixels": pixels,
    "inspect": inspect,
}
