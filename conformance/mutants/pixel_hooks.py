# SPDX-License-Identifier: MIT
"""Where a wrong painter is patched: the adapter's `picture`, or what it calls.

NumPy, torch and refcodec are imported by the patches alone, so that the list can be read without them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

Pixels = Any  # uint8[H, W, C]
Patch = Callable[[Any], None]


def member(change: Callable[[dict[str, Any]], Any]) -> Patch:
    """What is answered as `pixels`."""

    def patch(adapter: Any) -> None:
        picture = adapter.picture
        adapter.picture = lambda decoded, size: change(picture(decoded, size))

    return patch


def samples(said: dict[str, Any]) -> Pixels:
    import numpy as np

    return np.frombuffer(base64.b64decode(said["data"]), np.uint8).reshape(said["shape"])


def shown(change: Callable[[Pixels], Pixels]) -> Patch:
    """The picture before it is written down. Its shape becomes that of the answer."""

    def changed(said: dict[str, Any]) -> dict[str, Any]:
        pixels = change(samples(said))
        return {"shape": pixels.shape, "data": base64.b64encode(pixels.tobytes()).decode("ascii")}

    return member(changed)


def data(change: Callable[[bytes], bytes]) -> Patch:
    """The bytes of the picture, whose shape stays."""
    return member(
        lambda said: said | {"data": base64.b64encode(change(base64.b64decode(said["data"]))).decode("ascii")}
    )


def text(change: Callable[[str], Any]) -> Patch:
    """The text in which the picture's bytes are written."""
    return member(lambda said: said | {"data": change(said["data"])})


def painting(change: Callable[..., Pixels]) -> Patch:
    """How latents become pixels: `change` of what does that rightly, the latents, the package and (width, height)."""

    def patch(_: Any) -> None:
        from refcodec.methods import latent_coding

        paint = latent_coding.synthesise
        latent_coding.synthesise = lambda latents, folder, size, *_, **__: change(paint, latents, folder, size)

    return patch


def latents(change: Callable[[Any], Any]) -> Patch:
    """ŷ int32[M, h, w] before it is painted."""
    return painting(lambda paint, one, folder, size: paint(replace(one, y=change(one.y)), folder, size))


def coded(change: Callable[[Pixels, int, int], Pixels]) -> Patch:
    """The picture in the coded size, which `change` is to bring to a width and height."""

    def changed(paint: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
        import numpy as np

        _, rows, columns = one.y.shape
        return np.ascontiguousarray(change(paint(one, folder, (16 * columns, 16 * rows)), *size))

    return painting(changed)


def rounding(change: Callable[[Any], Any]) -> Patch:
    """How the network's output x, a tensor in 0 … 1 and beyond, becomes samples; `change` gives those as floats."""

    def patch(_: Any) -> None:
        import torch

        from refcodec.transforms.elic import transforms

        transforms.samples = lambda x: change(x).to(torch.uint8)

    return patch


def network(change: Callable[[Any], None]) -> Patch:
    """The painter once it is loaded: `g_s`, of a network `net` and a path `linear`, and `inverse`."""

    def patch(_: Any) -> None:
        from refcodec.transforms.elic import transforms

        load = transforms.Synthesis.__init__

        def loaded(self: Any, *given: Any, **named: Any) -> None:
            load(self, *given, **named)
            change(self)

        transforms.Synthesis.__init__ = loaded

    return patch
