# SPDX-License-Identifier: MIT
"""Mutants of tier P: refcodec, which reads files rightly, paints wrongly. Each patches its adapter, or what that calls.

NumPy, torch and refcodec are imported by the mutants alone, so that the list can be read without them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

from mutant import Mutant

Pixels = Any  # uint8[H, W, C]
Patch = Callable[[Any], None]


def p(name: str, wrong: str, patch: Patch, groups: str = "paint") -> Mutant:
    return Mutant(name, wrong, tuple(groups.split()), patch=patch, tier="P")


# --- where to patch -----------------------------------------------------------------------------------------------


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
    return member(lambda said: said | {"data": base64.b64encode(change(base64.b64decode(said["data"]))).decode("ascii")})


def text(change: Callable[[str], Any]) -> Patch:
    """The text in which the picture's bytes are written."""
    return member(lambda said: said | {"data": change(said["data"])})


def painting(change: Callable[..., Pixels]) -> Patch:
    """How latents become pixels: `change` of what does that rightly, the latents, the package and (width, height)."""

    def patch(_: Any) -> None:
        from refcodec.methods import elic

        paint = elic.paint
        elic.paint = lambda latents, folder, size, *_, **__: change(paint, latents, folder, size)

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

        from refcodec.models.elic import floats

        floats.samples = lambda x: change(x).to(torch.uint8)

    return patch


def network(change: Callable[[Any], None]) -> Patch:
    """The painter once it is loaded: `g_s`, of a network `net` and a path `linear`, and `inverse`."""

    def patch(_: Any) -> None:
        from refcodec.models.elic import floats

        load = floats.Painter.__init__

        def loaded(self: Any, *given: Any, **named: Any) -> None:
            load(self, *given, **named)
            change(self)

        floats.Painter.__init__ = loaded  # type: ignore[method-assign]

    return patch


# --- what is wrong ------------------------------------------------------------------------------------------------


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
        from refcodec.models.elic import floats

        floats.STRIP, floats.HALO = rows, {"patch": halo, "elic": halo}

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
            layer.forward = lambda x: x  # type: ignore[method-assign]


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
            layer.forward = lambda x, r=layer.upscale_factor: shuffled(x, r)  # type: ignore[method-assign]


# --- verdicts -----------------------------------------------------------------------------------------------------


def checks_free(_: Any) -> None:
    from refcodec import symbols

    symbols.verify = lambda *_: "ok"


def checks_of_payloads(_: Any) -> None:
    from refcodec import symbols

    verify = symbols.verify
    symbols.verify = lambda header, sections, *given: verify(header, [part for part in sections if part.critical], *given)


def unsaid(adapter: Any) -> None:
    answer = adapter.answer
    adapter.answer = lambda *given: {name: value for name, value in answer(*given).items() if name != "pixels"}


def digest_free(_: Any) -> None:
    from refcodec.models import package

    load = package.load_tensors
    package.load_tensors = lambda path, _sha256=None: load(path)


def any_path(_: Any) -> None:
    from refcodec.models import package

    package._FILE_NAME = re.compile(".*")  # type: ignore[misc]


def any_channels(_: Any) -> None:
    from refcodec.models.elic.config import ElicConfig

    ElicConfig.kind = ANY  # type: ignore[misc, assignment]


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


ORDER = (
    p("paint-bgr", "channels stand in the order B, G, R", shown(lambda x: x[..., ::-1])),
    p("paint-planes", "samples stand channel by channel", shown(lambda x: x.transpose(2, 0, 1).reshape(x.shape))),
    p("paint-by-column", "samples stand column by column", shown(lambda x: x.transpose(1, 0, 2).reshape(x.shape))),
    p("paint-transposed", "rows and columns of a picture are exchanged", shown(lambda x: x.transpose(1, 0, 2))),
    p("paint-upside-down", "the last row comes first", shown(lambda x: x[::-1])),
    p("paint-mirrored", "the last column comes first", shown(lambda x: x[:, ::-1])),
    p("paint-column-late", "a picture is moved by a column, round its edge", shown(one_place(1))),
    p("paint-row-late", "a picture is moved down by a row, its first one twice", shown(later_by_a_row)),
)  # fmt: skip

SIZE = (
    p("paint-uncropped", "a picture has the coded size", coded(lambda x, _w, _h: x)),
    p("paint-end-kept", "the last rows and columns are the picture", coded(lambda x, w, h: x[-h:, -w:])),
    p("paint-middle-kept", "the middle of the coded picture is the picture",
      coded(lambda x, w, h: x[(len(x) - h) // 2 :, (x.shape[1] - w) // 2 :][:h, :w])),
    p("paint-scaled", "the coded picture is scaled to the header's size", coded(scaled)),
    p("paint-halved", "a picture is painted in half the size, and enlarged", shown(halved)),
    p("paint-coarse-colours", "colours have half the resolution", shown(coarse_colours)),
)  # fmt: skip

FORM = (
    p("paint-frames", "a picture has an axis of frames", shown(lambda x: x[None])),
    p("paint-twice", "a picture comes twice, under the shape of one", data(lambda x: x + x)),
    p("paint-alpha", "a picture has a channel of opacity", shown(with_alpha)),
    p("paint-first-channel", "a picture has one channel", shown(lambda x: x[..., :1])),
    p("paint-map-as-colour", "maps have three channels", shown(grey_as_colour)),
    p("paint-map-flat", "the shape of maps has no channels", member(maps_without_channels)),
    p("paint-width-first", "the shape gives the width first", member(lambda said: said | {"shape": (said["shape"][1], said["shape"][0], said["shape"][2])})),
    p("paint-16-bits", "a sample has 16 bits", data(lambda x: bytes(byte for sample in x for byte in (sample, sample)))),
    p("paint-short", "the last sample is not there", data(lambda x: x[:-1])),
    p("paint-unsaid", "pictures are left out of answers", unsaid),
    p("paint-list", "samples are a list", text(lambda x: list(base64.b64decode(x)))),
    p("paint-hex", "samples are written in hexadecimal", text(lambda x: base64.b64decode(x).hex())),
    p("paint-lines", "base64 has line breaks", text(lambda x: base64.encodebytes(base64.b64decode(x)).decode("ascii"))),
    p("paint-base64url", "base64 has the alphabet of URLs", text(lambda x: base64.urlsafe_b64encode(base64.b64decode(x)).decode("ascii"))),
)  # fmt: skip

ROUNDING = (
    p("paint-floor", "samples are rounded down", rounding(lambda x: (x.clamp(0, 1) * 255).floor())),
    p("paint-256", "samples are 256 times x, rounded down", rounding(lambda x: (x.clamp(0, 1) * 256).floor().clamp(max=255))),
    p("paint-256-rounded", "samples are 256 times x, rounded", rounding(lambda x: (x.clamp(0, 1) * 256).round().clamp(max=255))),
    p("paint-dithered", "samples are dithered", rounding(dithered)),
    p("paint-7-bits", "samples have 7 bits", shown(lambda x: x & 254)),
    p("paint-wrapped", "samples beyond 0 and 255 begin anew", rounding(lambda x: (x * 255 + 0.5).floor() % 256)),
    p("paint-nan", "samples beyond 0 and 255 are no numbers, and then 0", rounding(no_numbers)),
    p("paint-stretched", "the darkest sample becomes 0 and the brightest 255", rounding(stretched)),
    p("paint-gamma", "samples are taken for linear light", rounding(encoded_again)),
    p("paint-limited", "samples are 16 to 235", rounding(lambda x: (x.clamp(0, 1) * 219 + 16.5).floor())),
    p("paint-signed", "samples are less 128", shown(lambda x: x ^ 128)),
    p("paint-map-inverted", "lines of maps are black", shown(inverted_maps)),
)  # fmt: skip

LATENTS = (
    p("paint-rate-0", "the inverse gains are always those of rate 0", painting(rate_0)),
    p("paint-divided", "latents are divided by the inverse gains", network(divides)),
    p("paint-32", "latents are in steps of 1/32", network(factor(2))),
    p("paint-no-step", "latents are not divided by 64", network(factor(64))),
    p("paint-whole-steps", "latents are rounded down to whole steps", latents(lambda y: y // 64 * 64)),
    p("paint-first-pass", "latents of the second pass are 0", latents(first_pass)),
    p("paint-channels-turned", "channels of latents are in the wrong order", latents(lambda y: y[::-1].copy())),
    p("paint-sites-turned", "latents are read column by column", latents(lambda y: y.transpose(0, 2, 1).reshape(y.shape))),
)  # fmt: skip

NETWORK = (
    p("paint-linear-alone", "the network's path is left out, and the linear one kept", network(linear_alone)),
    p("paint-net-alone", "the network's linear path is left out", network(net_alone)),
    p("paint-no-half", "no half is added to the network's output", network(no_half)),
    p("paint-no-relu", "relu does nothing in a painter", network(no_relu)),
    p("paint-no-biases", "a painter has no biases", network(no_biases)),
    p("paint-nearest-outside", "outside an array is its nearest value in a painter", network(nearest_outside)),
    p("paint-shuffles", "pixel shuffles take their channels in the wrong order", network(shuffles_by_place)),
    p("paint-binary16", "a painter computes in binary16", network(narrow("float16"))),
    p("paint-bfloat16", "a painter computes in bfloat16", network(narrow("bfloat16"))),
    p("paint-strips", "a picture is painted in strips of 32 rows, each as if there were no others", strip_by_strip(2, 0)),
    p("paint-high-strips", "a picture is painted in strips of 768 rows, each as if there were no others", strip_by_strip(48, 0)),
    p("paint-near-halo", "a strip is painted with one row of latents beside it, and depends on more", strip_by_strip(8, 1)),
    p("paint-tiles", "a picture is painted in tiles of 512 × 512, each as if there were no others", painting(tile_by_tile)),
    p("paint-kept", "pictures of the same model and size are one", first_of_its_size()),
    p("paint-black", "every picture is black", shown(lambda x: x * 0)),
    p("paint-mean", "every picture has its mean colour all over", shown(mean_colour)),
)  # fmt: skip

VERDICTS = (
    p("paint-check-free", "pictures of files whose check failed are shown", checks_free),
    p("paint-check-of-payloads", "only the checks of payloads are judged before a picture is shown", checks_of_payloads),
    p("painter-digest-free", "the digest of a painter is not judged", digest_free, "painters"),
    p("painter-any-path", "the file of a painter may have any path", any_path, "painters"),
    p("painter-any-channels", "a painter may have any number of channels", any_channels, "painters"),
    p("painter-grey", "without a painter the picture is grey", painting(grey_without), "painters"),
    p("painter-all-missing", "a faulty painter counts as missing", painting(all_missing), "painters"),
)  # fmt: skip

PICTURES = (*ORDER, *SIZE, *FORM, *ROUNDING, *LATENTS, *NETWORK, *VERDICTS)
