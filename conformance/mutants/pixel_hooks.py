# SPDX-License-Identifier: MIT
"""Hooks for mutants of tier P: patches of the adapter's `picture`, or of the functions that it calls.

Only the patches import NumPy, torch and refcodec, so that the catalogue can be listed without them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

Pixels = Any  # uint8[H, W, C]
Patch = Callable[[Any], None]


def member(change: Callable[[dict[str, Any]], Any]) -> Patch:
    """Return a patch of the member `pixels` of answers."""

    def patch(adapter: Any) -> None:
        picture = adapter.picture
        adapter.picture = lambda decoded, size: change(picture(decoded, size))

    return patch


def samples(member: dict[str, Any]) -> Pixels:
    """Return the samples of a member `pixels`."""
    import numpy as np

    return np.frombuffer(base64.b64decode(member["data"]), np.uint8).reshape(member["shape"])


def picture(change: Callable[[Pixels], Pixels]) -> Patch:
    """Return a patch of the picture, whose new shape is answered."""

    def changed(correct: dict[str, Any]) -> dict[str, Any]:
        pixels = change(samples(correct))
        return {"shape": pixels.shape, "data": base64.b64encode(pixels.tobytes()).decode("ascii")}

    return member(changed)


def data(change: Callable[[bytes], bytes]) -> Patch:
    """Return a patch of the bytes of the picture; the answered shape stays."""
    return member(lambda one: one | {"data": base64.b64encode(change(base64.b64decode(one["data"]))).decode("ascii")})


def text(change: Callable[[str], Any]) -> Patch:
    """Return a patch of the base64 text of the picture."""
    return member(lambda one: one | {"data": change(one["data"])})


def synthesis(change: Callable[..., Pixels]) -> Patch:
    """Return a patch of the synthesis: change(correct function, latents, package folder, (width, height))."""

    def patch(_: Any) -> None:
        from refcodec.methods import latent_coding

        synthesise = latent_coding.synthesise
        latent_coding.synthesise = lambda latents, folder, size, *_, **__: change(synthesise, latents, folder, size)

    return patch


def latents(change: Callable[[Any], Any]) -> Patch:
    """Return a patch of ŷ int32[M, h, w] before the synthesis."""
    return synthesis(lambda synthesise, one, folder, size: synthesise(replace(one, y=change(one.y)), folder, size))


def coded(change: Callable[[Pixels, int, int], Pixels]) -> Patch:
    """Return a patch of the crop: change(picture in the coded size, width, height)."""

    def changed(synthesise: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
        import numpy as np

        _, rows, columns = one.y.shape
        return np.ascontiguousarray(change(synthesise(one, folder, (16 * columns, 16 * rows)), *size))

    return synthesis(changed)


def in_torch() -> None:
    """Run the synthesis in torch, whose modules and functions the patches change."""
    from refcodec.transforms.elic import runners

    runners.runs_in_numpy = lambda *_: False


def rounding(change: Callable[[Any], Any]) -> Patch:
    """Return a patch of the conversion of the network's output, about 0 … 1, to samples; `change` returns floats."""

    def patch(_: Any) -> None:
        import torch

        from refcodec.transforms.elic import torch_transforms

        in_torch()
        torch_transforms.samples = lambda x: change(x).to(torch.uint8)

    return patch


def network(change: Callable[[Any], None]) -> Patch:
    """Return a patch of the loaded synthesis: `g_s`, with a network `net` and a path `linear`, and `inverse`."""

    def patch(_: Any) -> None:
        from refcodec.transforms.elic.torch_transforms import TorchSynthesis

        in_torch()
        load = TorchSynthesis.__init__

        def loaded(self: Any, *args: Any, **kwargs: Any) -> None:
            load(self, *args, **kwargs)
            change(self)

        TorchSynthesis.__init__ = loaded

    return patch
