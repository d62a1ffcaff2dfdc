# SPDX-License-Identifier: MIT
"""Errors of mutants of tier P: changes of the synthesis, its latents, its output and its verdicts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

from mutants.pixel_hooks import Patch, Pixels, in_torch, synthesis


def to_bytes(x: Any) -> Any:
    """Return samples 0 … 255 of x, correctly."""
    return (x.clamp(0, 1) * 255 + 0.5).floor()


def gamma_encoded(x: Any) -> Any:
    """Apply the transfer function of sRGB."""
    import torch

    x = x.clamp(0, 1)
    return to_bytes(torch.where(x <= 0.0031308, 12.92 * x, 1.055 * x.clamp(min=0.0031308) ** (1 / 2.4) - 0.055))


def nan_to_zero(x: Any) -> Any:
    """Replace values outside 0 … 1 by NaN, as a logarithm would, and then by 0."""
    return to_bytes(x.where((x >= 0) & (x <= 1), float("nan"))).nan_to_num(0)


def dithered(x: Any) -> Any:
    """Round up with the probability of the fraction, by the position of the sample."""
    import torch

    position = torch.arange(x.numel()).reshape(x.shape)
    return (x.clamp(0, 1) * 255 + position * 0.6180339887 % 1).floor()


def stretched(x: Any) -> Any:
    """Stretch the range of x to 0 … 1."""
    return to_bytes((x - x.min()) / (x.max() - x.min()).clamp(min=1e-6))


def with_alpha(pixels: Pixels) -> Pixels:
    """Add an opaque alpha channel."""
    import numpy as np

    return np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=2)


def scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    """Scale a picture by nearest neighbour."""
    import numpy as np

    rows, columns = (np.arange(out) * size // out for out, size in zip((height, width), pixels.shape, strict=False))
    return pixels[rows][:, columns]


def halved(pixels: Pixels) -> Pixels:
    """Replace each 2 × 2 samples by the first."""
    height, width, _ = pixels.shape
    return pixels[::2, ::2].repeat(2, 0).repeat(2, 1)[:height, :width]


def coarse_colours(pixels: Pixels) -> Pixels:
    """Halve the resolution of the differences of red and blue from green."""
    import numpy as np

    wide = pixels.astype(np.int32)
    green = wide[..., min(1, wide.shape[2] - 1)][..., None]
    return (green + halved(wide - green)).clip(0, 255).astype(np.uint8)


def rolled(axis: int) -> Callable[[Pixels], Pixels]:
    """Return a change that rolls a picture along an axis."""

    def moved(pixels: Pixels) -> Pixels:
        import numpy as np

        return np.roll(pixels, 1, axis)

    return moved


def first_row_twice(pixels: Pixels) -> Pixels:
    """Shift a picture down by a row."""
    import numpy as np

    return np.concatenate([pixels[:1], pixels[:-1]])


def mean_colour(pixels: Pixels) -> Pixels:
    """Replace each pixel by the mean colour."""
    return pixels * 0 + pixels.mean((0, 1)).round().astype(pixels.dtype)


def grey_as_colour(pixels: Pixels) -> Pixels:
    """Repeat the channel of a map three times."""
    return pixels.repeat(3, 2) if pixels.shape[2] == 1 else pixels


def inverted_maps(pixels: Pixels) -> Pixels:
    """Invert pictures of one channel."""
    return 255 - pixels if pixels.shape[2] == 1 else pixels


def maps_without_channels(correct: dict[str, Any]) -> dict[str, Any]:
    """Drop the channel axis of maps from the shape."""
    return correct | {"shape": correct["shape"][:2]} if correct["shape"][2] == 1 else correct


def first_pass(y: Any) -> Any:
    """Keep only the latents of the first pass."""
    import numpy as np

    return np.where(np.indices(y.shape).sum(0) % 2 - np.arange(len(y))[:, None, None] % 2 == 0, y, 0)


def rate_0(synthesise: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
    """Reconstruct latents as if their rate were 0."""
    return synthesise(replace(one, rate=0), folder, size)


def first_of_its_size() -> Patch:
    """Return a patch that caches pictures by model and size."""
    cache: dict[Any, Pixels] = {}

    def changed(synthesise: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
        key = (folder, size)
        if key not in cache:
            cache[key] = synthesise(one, folder, size)
        return cache[key]

    return synthesis(changed)


def strip_by_strip(rows: int, halo: int) -> Patch:
    """Return a patch of the strips of large pictures: `rows` of latents, overlapping by `halo`, which should be 6."""

    def patch(_: Any) -> None:
        from refcodec.transforms.elic import torch_transforms

        in_torch()
        torch_transforms.STRIP, torch_transforms.halo = rows, lambda _config: halo

    return patch


def tile_by_tile(synthesise: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
    """Reconstruct tiles of 32 × 32 latents separately."""
    import numpy as np

    def tile(top: int, left: int) -> Pixels:
        part = one.y[:, top : top + 32, left : left + 32]
        return synthesise(replace(one, y=part), folder, (16 * part.shape[2], 16 * part.shape[1]))

    _, rows, columns = one.y.shape
    strips = [np.concatenate([tile(top, left) for left in range(0, columns, 32)], 1) for top in range(0, rows, 32)]
    return np.concatenate(strips)[: size[1], : size[0]]


def factor(times: float) -> Callable[[Any], None]:
    """Return a change that multiplies the inverse gains."""

    def change(model: Any) -> None:
        model.inverse = model.inverse * times

    return change


def divides(model: Any) -> None:
    """Divide latents by the inverse gains."""
    model.inverse = 1 / model.inverse


def linear_alone(model: Any) -> None:
    """Drop the nonlinear path."""
    model.g_s.net.forward = lambda y: model.g_s.linear(y) * 0


def net_alone(model: Any) -> None:
    """Drop the linear path."""
    linear = model.g_s.linear.forward
    model.g_s.linear.forward = lambda y: linear(y) * 0


def no_half(model: Any) -> None:
    """Subtract the half of the output again."""
    forward = model.g_s.forward
    model.g_s.forward = lambda y: forward(y) - 0.5


def no_relu(model: Any) -> None:
    """Remove all ReLU layers."""
    import torch

    for layer in model.g_s.modules():
        if isinstance(layer, torch.nn.ReLU):
            layer.forward = lambda x: x


def no_biases(model: Any) -> None:
    """Set all biases to 0."""
    for name, numbers in model.g_s.named_parameters():
        if name.endswith("bias"):
            numbers.data = numbers.data * 0


def nearest_outside(model: Any) -> None:
    """Pad convolutions with the nearest value."""
    import torch

    for layer in model.g_s.modules():
        if isinstance(layer, torch.nn.Conv2d) and layer.kernel_size != (1, 1):
            layer.padding_mode = "replicate"


def in_dtype(number: str) -> Callable[[Any], None]:
    """Return a change that runs the network in another dtype."""

    def change(model: Any) -> None:
        import torch

        kind = getattr(torch, number)
        forward = model.g_s.to(kind).forward
        model.g_s.forward = lambda y: forward(y.to(kind)).float()

    return change


def shuffles_by_site(model: Any) -> None:
    """Order channels before a pixel shuffle by site, then channel, as other libraries do."""
    import torch

    def shuffled(x: Any, r: int) -> Any:
        _, channels, height, width = x.shape
        turned = x.reshape(1, r * r, channels // r**2, height, width).transpose(1, 2).reshape(x.shape)
        return torch.nn.functional.pixel_shuffle(turned, r)

    for layer in model.g_s.modules():
        if isinstance(layer, torch.nn.PixelShuffle):
            layer.forward = lambda x, r=layer.upscale_factor: shuffled(x, r)


# --- verdicts -----------------------------------------------------------------------------------------------------


def checks_free(_: Any) -> None:
    """Skip the verification of checks."""
    from refcodec import decoder

    decoder.verify = lambda *_: "ok"


def checks_of_payloads(_: Any) -> None:
    """Verify the checks of critical sections only."""
    from refcodec import decoder

    verify = decoder.verify
    decoder.verify = lambda header, sections, *rest: verify(header, [part for part in sections if part.critical], *rest)


def without_pixels(adapter: Any) -> None:
    """Remove `pixels` from answers."""
    answer = adapter.answer
    adapter.answer = lambda *args: {name: value for name, value in answer(*args).items() if name != "pixels"}


def digest_free(_: Any) -> None:
    """Skip the digests of tensor files."""
    from refcodec.networks import package

    load = package.load_tensors
    package.load_tensors = lambda path, _sha256=None: load(path)


def any_path(_: Any) -> None:
    """Accept every file name in a package."""
    from refcodec.networks import package

    package._FILE_NAME = re.compile(".*")


def any_channels(_: Any) -> None:
    """Accept every number of channels."""
    from refcodec.transforms.elic.config import ElicConfig

    ElicConfig.kind = ANY


def grey_if_missing(synthesise: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
    """Return a grey picture if the synthesis network is missing."""
    import numpy as np

    from refcodec.errors import SemError

    try:
        return synthesise(one, folder, size)
    except SemError as error:
        if error.code != 801:
            raise
        return np.full((size[1], size[0], 3), 128, np.uint8)


def all_missing(synthesise: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
    """Report every error of the synthesis network as MODEL_UNAVAILABLE."""
    from refcodec.errors import SemError

    try:
        return synthesise(one, folder, size)
    except SemError as error:
        raise SemError(801, error.what, path="painter") from error
