# SPDX-License-Identifier: MIT
"""What wrong painters do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

from mutants.pixel_hooks import Patch, Pixels, painting


def to_bytes(x: Any) -> Any:
    """As it should be."""
    return (x.clamp(0, 1) * 255 + 0.5).floor()


def encoded_again(x: Any) -> Any:
    """sRGB's transfer function."""
    import torch

    x = x.clamp(0, 1)
    return to_bytes(torch.where(x <= 0.0031308, 12.92 * x, 1.055 * x.clamp(min=0.0031308) ** (1 / 2.4) - 0.055))


def no_numbers(x: Any) -> Any:
    """A logarithm, say, has none beyond 0 … 1; as samples they are 0."""
    return to_bytes(x.where((x >= 0) & (x <= 1), float("nan"))).nan_to_num(0)


def dithered(x: Any) -> Any:
    """Rounded up as often as the fraction says, by the place of the sample."""
    import torch

    place = torch.arange(x.numel()).reshape(x.shape)
    return (x.clamp(0, 1) * 255 + place * 0.6180339887 % 1).floor()


def stretched(x: Any) -> Any:
    return to_bytes((x - x.min()) / (x.max() - x.min()).clamp(min=1e-6))


def with_alpha(pixels: Pixels) -> Pixels:
    import numpy as np

    return np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=2)


def scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    """By the nearest sample."""
    import numpy as np

    rows, columns = (np.arange(want) * have // want for want, have in zip((height, width), pixels.shape, strict=False))
    return pixels[rows][:, columns]


def halved(pixels: Pixels) -> Pixels:
    """One sample for each 2 × 2, shown four times."""
    height, width, _ = pixels.shape
    return pixels[::2, ::2].repeat(2, 0).repeat(2, 1)[:height, :width]


def coarse_colours(pixels: Pixels) -> Pixels:
    """The distance of red and blue from green, one for each 2 × 2."""
    import numpy as np

    wide = pixels.astype(np.int32)
    green = wide[..., min(1, wide.shape[2] - 1)][..., None]
    return (green + halved(wide - green)).clip(0, 255).astype(np.uint8)


def one_place(axis: int) -> Callable[[Pixels], Pixels]:
    def moved(pixels: Pixels) -> Pixels:
        import numpy as np

        return np.roll(pixels, 1, axis)

    return moved


def later_by_a_row(pixels: Pixels) -> Pixels:
    import numpy as np

    return np.concatenate([pixels[:1], pixels[:-1]])


def mean_colour(pixels: Pixels) -> Pixels:
    return pixels * 0 + pixels.mean((0, 1)).round().astype(pixels.dtype)


def grey_as_colour(pixels: Pixels) -> Pixels:
    return pixels.repeat(3, 2) if pixels.shape[2] == 1 else pixels


def inverted_maps(pixels: Pixels) -> Pixels:
    return 255 - pixels if pixels.shape[2] == 1 else pixels


def maps_without_channels(said: dict[str, Any]) -> dict[str, Any]:
    return said | {"shape": said["shape"][:2]} if said["shape"][2] == 1 else said


def first_pass(y: Any) -> Any:
    import numpy as np

    return np.where(np.indices(y.shape).sum(0) % 2 - np.arange(len(y))[:, None, None] % 2 == 0, y, 0)


def rate_0(paint: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
    return paint(replace(one, rate=0), folder, size)


def first_of_its_size() -> Patch:
    kept: dict[Any, Pixels] = {}

    def changed(paint: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
        key = (folder, size)
        if key not in kept:
            kept[key] = paint(one, folder, size)
        return kept[key]

    return painting(changed)


def strip_by_strip(rows: int, halo: int) -> Patch:
    """As large pictures are painted: `rows` of latents in each strip, and `halo` beside it, which should be 6 for these painters."""

    def patch(_: Any) -> None:
        from refcodec.transforms.elic import transforms

        transforms.STRIP, transforms.halo = rows, lambda _config: halo

    return patch


def tile_by_tile(paint: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
    """32 × 32 latents each."""
    import numpy as np

    def tile(top: int, left: int) -> Pixels:
        part = one.y[:, top : top + 32, left : left + 32]
        return paint(replace(one, y=part), folder, (16 * part.shape[2], 16 * part.shape[1]))

    _, rows, columns = one.y.shape
    strips = [np.concatenate([tile(top, left) for left in range(0, columns, 32)], 1) for top in range(0, rows, 32)]
    return np.concatenate(strips)[: size[1], : size[0]]


def factor(times: float) -> Callable[[Any], None]:
    def change(painter: Any) -> None:
        painter.inverse = painter.inverse * times

    return change


def divides(painter: Any) -> None:
    painter.inverse = 1 / painter.inverse


def linear_alone(painter: Any) -> None:
    painter.g_s.net.forward = lambda y: painter.g_s.linear(y) * 0


def net_alone(painter: Any) -> None:
    linear = painter.g_s.linear.forward
    painter.g_s.linear.forward = lambda y: linear(y) * 0


def no_half(painter: Any) -> None:
    forward = painter.g_s.forward
    painter.g_s.forward = lambda y: forward(y) - 0.5


def no_relu(painter: Any) -> None:
    import torch

    for layer in painter.g_s.modules():
        if isinstance(layer, torch.nn.ReLU):
            layer.forward = lambda x: x


def no_biases(painter: Any) -> None:
    for name, numbers in painter.g_s.named_parameters():
        if name.endswith("bias"):
            numbers.data = numbers.data * 0


def nearest_outside(painter: Any) -> None:
    import torch

    for layer in painter.g_s.modules():
        if isinstance(layer, torch.nn.Conv2d) and layer.kernel_size != (1, 1):
            layer.padding_mode = "replicate"


def narrow(number: str) -> Callable[[Any], None]:
    """All of it in another type of torch."""

    def change(painter: Any) -> None:
        import torch

        kind = getattr(torch, number)
        forward = painter.g_s.to(kind).forward
        painter.g_s.forward = lambda y: forward(y.to(kind)).float()

    return change


def shuffles_by_place(painter: Any) -> None:
    """Channels as other libraries have them before a shuffle: first the place, then the channel."""
    import torch

    def shuffled(x: Any, r: int) -> Any:
        _, channels, height, width = x.shape
        turned = x.reshape(1, r * r, channels // r**2, height, width).transpose(1, 2).reshape(x.shape)
        return torch.nn.functional.pixel_shuffle(turned, r)

    for layer in painter.g_s.modules():
        if isinstance(layer, torch.nn.PixelShuffle):
            layer.forward = lambda x, r=layer.upscale_factor: shuffled(x, r)


# --- verdicts -----------------------------------------------------------------------------------------------------


def checks_free(_: Any) -> None:
    from refcodec import decoder

    decoder.verify = lambda *_: "ok"


def checks_of_payloads(_: Any) -> None:
    from refcodec import decoder

    verify = decoder.verify
    decoder.verify = lambda header, sections, *given: verify(
        header, [part for part in sections if part.critical], *given
    )


def unsaid(adapter: Any) -> None:
    answer = adapter.answer
    adapter.answer = lambda *given: {name: value for name, value in answer(*given).items() if name != "pixels"}


def digest_free(_: Any) -> None:
    from refcodec.networks import package

    load = package.load_tensors
    package.load_tensors = lambda path, _sha256=None: load(path)


def any_path(_: Any) -> None:
    from refcodec.networks import package

    package._FILE_NAME = re.compile(".*")


def any_channels(_: Any) -> None:
    from refcodec.transforms.elic.config import ElicConfig

    ElicConfig.kind = ANY


def grey_without(paint: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
    import numpy as np

    from refcodec.errors import SemError

    try:
        return paint(one, folder, size)
    except SemError as error:
        if error.code != 801:
            raise
        return np.full((size[1], size[0], 3), 128, np.uint8)


def all_missing(paint: Any, one: Any, folder: Any, size: tuple[int, int]) -> Pixels:
    from refcodec.errors import SemError

    try:
        return paint(one, folder, size)
    except SemError as error:
        raise SemError(801, error.what, path="painter") from error
