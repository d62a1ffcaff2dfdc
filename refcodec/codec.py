# SPDX-License-Identifier: MIT
"""Pictures to `.sem` files and back: what `refcodec.encode` and `refcodec.decode` do, with everything they can say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.container import Container, read
from refcodec.container.limits import level_bounds
from refcodec.errors import SemError
from refcodec.methods.given import Given
from refcodec.payloads.kinds import fits
from refcodec.progress import Progress, part
from refcodec.registry import Profile
from refcodec.symbols import Folders, Symbols, model_digest, symbols_of
from refcodec.writing import (
    Encoded,
    Form,
    Payload,
    ancillary,
    file_of,
    find_profile,
    header_of,
    made_by,
    room,
    wanted_rate,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from refcodec.models.predict import Trace

# What describes a picture, by method, and the option that says it instead.
ROLES: Final = {
    "consonant": ("a captioner", "--text"), "clip": ("an image embedder", "--vector"), "pics": ("a captioner", "--caption"),
    "perco": ("a hyper-encoder and a captioner", "--indices and --caption"),
}  # fmt: skip


@dataclass(frozen=True)
class _Settings:
    """The settings of one encoding, judged. `quality` None: `bpp` decides."""

    row: Profile
    quality: int | None
    bpp: float
    form: Form


def encode_picture(
    image: Any, *, quality: int | None = None, bpp: float | None = None,
    profile: str | int | None = None, check: int = 16, explicit_model: bool | int = False,
    model: str | os.PathLike[str] | None = None, provenance: bool = False, hints: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None, background: tuple[int, int, int] = (255, 255, 255), level: int = 1, progress: Progress | None = None,
    trace: Trace | None = None,
) -> Encoded:  # fmt: skip
    """Encodes one picture (path, bytes, file object, PIL image or uint8[H, W, 3]).

    quality 1 … 10 (5 where neither it nor bpp is given), or bpp: the best rate whose whole file stays within it.
    explicit_model: True or a hash length of 4, 8, 16 or 32 bytes. model: a package folder instead of the profile's.
    ValueError for settings that make no sense, SemError for what is wrong with picture or model.
    """
    settings = _settings(profile, quality=quality, bpp=bpp, check=check, explicit_model=explicit_model)
    row = settings.row
    pixels, notices = _pixels(image, background, level)
    size = (pixels.shape[1], pixels.shape[0])
    from refcodec.methods import elic
    from refcodec.models import store

    store.need_torch("encoding a picture")
    folder = Path(model) if model is not None else store.locate(row.model or "")
    digest = model_digest(folder)
    fits(store.symbol_model(folder, digest), spec.ELIC, row.parameters(spec.ELIC))
    hash_bytes, named = settings.form.naming(row, digest)
    notices = (*notices, *named)
    header = header_of(row, size, settings.form.check, bytes.fromhex(digest)[:hash_bytes] if hash_bytes else None)
    wanted = f"quality {settings.quality}" if settings.quality is not None else f"at most {settings.bpp} bpp"
    others = ancillary(_provenance(folder, wanted, digest) if provenance else None, hints, metadata)
    with store.running(folder, "encoder"):
        encoder = elic.Encoder(pixels, folder, digest, progress)
        if settings.quality is not None:
            made, reached = encoder.at(elic.rate_of(settings.quality, encoder.model.rates), trace=trace), True
        else:
            most = int(settings.bpp * size[0] * size[1] / 8)
            made, reached = encoder.fitting(
                room(most, spec.ELIC, lambda stub: len(file_of(header, digest, stub, others, level=level)))
            )
            made = encoder.at(made.latents.rate, trace=trace) if trace is not None else made
    if not reached:
        notices = (*notices, f"{settings.bpp} bpp cannot be reached: this is the smallest file of this model")
    payload = Payload(spec.ELIC, made.body, made.latents)
    data = file_of(header, digest, [payload], others, level=level)
    return Encoded(data, *size, "elic", row, (payload,), notices)


def need_painter(container: Container) -> None:
    """SEM-E-801 for a file of a method that has no painter here, 805 where torch is missing."""
    from refcodec.models import store

    if container.profile.method_name != "elic":
        what = f"method {container.profile.method_name} paints with a model that this version has not"
        raise SemError(801, what, path="profile", hint="semtool decode --symbols gives what the file holds")
    store.need_torch("painting a picture")


def paint(symbols: Symbols, progress: Progress | None = None) -> NDArray[np.uint8]:
    """The picture of decoded symbols, uint8[H, W, 3]."""
    from refcodec.methods import elic
    from refcodec.models import store

    need_painter(symbols.container)
    header, latents, folder = symbols.container.header, symbols.elic, symbols.folder
    assert folder is not None
    with store.running(folder, "painter"):
        return elic.paint(latents, folder, (header.width, header.height), progress)


def encode_any(
    image: Any = None, *, method: str | None = None, text: str | None = None, caption: str | None = None, vector: Any = None,
    codes: Any = None, indices: Any = None, sketch: Any = None, size: tuple[int, int] | None = None, **settings: Any,
) -> Encoded:  # fmt: skip
    """A file of a picture, of ready symbols, or of both; settings as in `encode_picture` or `ready.encode_symbols`.

    ValueError or TypeError for what makes no sense, SemError for what is wrong with a picture or a model.
    """
    from refcodec.ready import encode_symbols, grey

    given = Given(text, caption, vector, codes, indices, None if sketch is None else grey(sketch, settings.get("level", 1)))
    if method is not None and method not in spec.METHODS.values():
        raise ValueError(f"method {method!r} is unknown: there are {', '.join(spec.METHODS.values())}")
    if image is None:
        if not given.names():
            raise ValueError("nothing to encode: give a picture, or symbols that are ready")
        for name in ("background", "trace", "progress"):
            settings.pop(name, None)
        return encode_symbols(given, method=method, size=size, **settings)
    if size is not None:
        raise ValueError("a picture has its own size")
    if method in (None, "elic"):
        if odd := given.names():
            raise ValueError(f"method 'elic' sends a picture alone, without {' or '.join(sorted(odd))}")
        mode, strict = settings.pop("mode", None), settings.pop("strict", False)
        if mode is not None or strict:
            raise ValueError("mode and strict are of texts, and none is given")
        return encode_picture(image, **settings)
    return _described(image, method, given, settings)


def _described(image: Any, method: str, given: Given, settings: dict[str, Any]) -> Encoded:
    """A picture by a method that sends a description: what needs no foundation model is made of the picture here."""
    from refcodec.ready import encode_symbols

    level, background = settings.get("level", 1), settings.pop("background", (255, 255, 255))
    settings.pop("trace", None)
    progress = settings.pop("progress", None)
    if given.sketch is not None:
        raise ValueError("give a picture or its edge map, not both")
    if method != "pics" or not given.names():
        role, option = ROLES[method]
        hint = f"give what it would say with {option}" + ("" if method == "pics" else " and --size, without the picture")
        raise SemError(801, f"method {method} describes a picture with {role}, which this version has not", path="model", hint=hint)
    from refcodec.edges import contours

    pixels, notices = _pixels(image, background, level)
    if progress is not None:
        progress(0.2)
    made = encode_symbols(replace(given, sketch=contours(pixels)), method=method, **settings)
    return replace(made, notices=(*notices, *made.notices))


def encode(
    image: Any = None, *, method: str = "elic", quality: int | None = None, caption: str | None = None,
    text: str | None = None, size: tuple[int, int] | None = None, **settings: Any,
) -> bytes:  # fmt: skip
    """A picture or ready symbols as the bytes of a `.sem` file; settings as in `encode_any`.

    Ready symbols without a picture belong to the method that has them, so that `method` need not be named.
    ValueError or TypeError for what makes no sense, SemError for what is wrong with a picture or a model.
    """
    given = settings | {"caption": caption, "text": text, "size": size, "quality": quality}
    return encode_any(image, method=None if image is None and method == "elic" else method, **given).data


def decode(
    data: bytes | bytearray | memoryview, *, models: Folders = (), level: int = 1, progress: Progress | None = None
) -> Image.Image:
    """The picture in the bytes of a `.sem` file; SemError for what is wrong with it. `models`: folders looked at first."""
    from PIL import Image

    container = read(data, level=level)
    need_painter(container)
    return Image.fromarray(paint(symbols_of(container, models=models, level=level, progress=part(progress, 0, 0.5)), part(progress, 0.5, 1)))


# --- what may be wrong ---------------------------------------------------------------------------------------------


def _settings(
    profile: str | int | None, *, quality: int | None, bpp: float | None, check: int, explicit_model: bool | int
) -> _Settings:
    """ValueError or TypeError for settings that make no sense."""
    chosen, most = wanted_rate(quality, bpp)
    form = Form.of(check, explicit_model)
    row = find_profile(profile, "elic")
    if row.compact != spec.ELIC:
        raise ValueError(f"profile {row.name} has no compact form of ELIC latents")
    if row.model is None:
        raise ValueError(f"profile {row.name} names no model")
    return _Settings(row, chosen, most, form)


def _pixels(image: Any, background: tuple[int, int, int], level: int) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """uint8[H, W, 3] of a picture in any form, and what was done to it."""
    import numpy as np

    from refcodec import pictures

    bounds = level_bounds(level)
    if not isinstance(image, np.ndarray):
        loaded = pictures.load(image, background=background, max_side=bounds.side, max_pixels=bounds.pixels)
        return loaded.pixels, loaded.notices
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise TypeError(f"a picture array is uint8[H, W, 3], not {image.dtype}{list(image.shape)}")
    height, width, _ = image.shape
    if max(width, height) > bounds.side or width * height > bounds.pixels:
        raise SemError(105, f"the picture is {width}x{height}, more than level {level} allows")
    return image, ()


def _provenance(folder: Path, setting: str, digest: str) -> dict[str, str]:
    from refcodec.models import package

    name = package.read_manifest(folder).get("name", "")
    return made_by(model=f"{name} {digest}", setting=setting)
