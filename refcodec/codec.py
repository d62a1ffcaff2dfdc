# SPDX-License-Identifier: MIT
"""Pictures to `.sem` files and back: what `refcodec.encode` and `refcodec.decode` do, with everything they can say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refcodec import methods, spec
from refcodec.assemble import (
    Encoded,
    Form,
    Payload,
    ancillary,
    file_of,
    find_profile,
    header_of,
    made_by,
    needs_naming,
    room,
    wanted_rate,
)
from refcodec.container import read
from refcodec.container.limits import level_bounds
from refcodec.decoder import model_digest, read_symbols, symbols_of
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.foundation.resolve import Models, format_used_models
from refcodec.methods.base import Described, Options, Record, Request, Scene
from refcodec.methods.inputs import Given
from refcodec.payloads.kinds import fits
from refcodec.progress import Progress, part
from refcodec.reconstruct import paint, scene_of
from refcodec.registry import Profile
from refcodec.registry import hints as hintforms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from refcodec.networks.context_model import Trace


@dataclass(frozen=True)
class _Settings:
    """The settings of one encoding, judged. `quality` None: `bpp` decides."""

    row: Profile
    quality: int | None
    bpp: float
    form: Form


def encode_picture(
    image: Any,
    *,
    quality: int | None = None,
    bpp: float | None = None,
    profile: str | int | None = None,
    check: int = 16,
    explicit_model: bool | int = False,
    model: str | os.PathLike[str] | None = None,
    provenance: bool = False,
    hints: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    background: tuple[int, int, int] = (255, 255, 255),
    level: int = 1,
    progress: Progress | None = None,
    trace: Trace | None = None,
    caption: str | None = None,
    models: Any = None,
    environment: Environment | None = None,
) -> Encoded:
    """Encodes one picture (path, bytes, file object, PIL image or uint8[H, W, 3]).

    quality 1 … 10 (5 where neither it nor bpp is given), or bpp: the best rate whose whole file stays within it.
    explicit_model: True or a hash length of 4, 8, 16 or 32 bytes. model: a package folder instead of the profile's.
    caption: steers the encoder of a model with a text adapter, and is not sent; models: roles as `Models.of` takes them.
    ValueError for settings that make no sense, SemError for what is wrong with picture or model.
    """
    roles = Models.of(models, environment=environment)
    environment = roles.environment
    settings = _settings(profile, environment, quality=quality, bpp=bpp, check=check, explicit_model=explicit_model)
    row = settings.row
    needs_naming(row, model)
    pixels, notices = _pixels(image, background, level)
    size = (pixels.shape[1], pixels.shape[0])
    from refcodec.methods import elic
    from refcodec.networks import package_cache

    package_cache.need_torch("encoding a picture")
    folder = Path(model) if model is not None else environment.locate_package(row.model or "")
    digest = model_digest(folder)
    fits(package_cache.symbol_model(folder, digest), spec.ELIC, row.parameters(spec.ELIC))
    hash_bytes, named = settings.form.naming(row, digest)
    notices = (*notices, *named)
    header = header_of(row, size, settings.form.check, bytes.fromhex(digest)[:hash_bytes] if hash_bytes else None)
    wanted = f"quality {settings.quality}" if settings.quality is not None else f"at most {settings.bpp} bpp"
    others = ancillary(_provenance(folder, wanted, digest) if provenance else None, hints, metadata)
    text, said = _caption_states(caption, pixels, folder, row, roles)
    with package_cache.running(folder, "encoder"):
        encoder = elic.Encoder(
            pixels, folder, digest, progress, tables=environment.tables, text=text, device=roles.torch_device()
        )
        if settings.quality is not None:
            made, reached = encoder.at(elic.rate_of(settings.quality, encoder.model.rates), trace=trace), True
        else:
            most = int(settings.bpp * size[0] * size[1] / 8)
            made, reached = encoder.fitting(
                room(most, spec.ELIC, lambda stub: len(file_of(header, digest, stub, others, level=level)))
            )
            made = encoder.at(made.latents.rate, trace=trace) if trace is not None else made
    notices = (*notices, *said)
    if not reached:
        notices = (*notices, f"{settings.bpp} bpp cannot be reached: this is the smallest file of this model")
    payload = Payload(spec.ELIC, made.body, made.latents)
    data = file_of(header, digest, [payload], others, level=level)
    return Encoded(data, *size, "elic", row, (payload,), notices)


def _caption_states(
    caption: str | None, pixels: NDArray[np.uint8], folder: Path, row: Profile, models: Models
) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
    """(what the text adapter of an encoder reads, words for the user); without an adapter (None, ()).

    The caption is the user's, else that of the role captioner where it is filled, else the empty one. ValueError for a
    caption that the model has no use for, SEM-E-801 where nothing fills the role text_encoder.
    """
    from refcodec.methods import elic

    if not elic.takes_text(folder):
        if caption is not None:
            raise ValueError(f"model {folder.name} has no text adapter: a caption cannot steer it")
        return None, ()
    from refcodec.foundation.text_encoder import TextEncoder

    recommended, said = row.recommended.models, tuple[str, ...]()
    encoder = models.load("text_encoder", TextEncoder.load, recommended)
    if caption is None and models.has("captioner"):
        from refcodec.foundation.captioner import captioner

        caption = captioner(models, recommended).caption(pixels)
        said = (f"encoded with the caption {caption!r}, which is not sent",)
    return encoder(caption or ""), said


def _module(method: str) -> Any:
    return methods.module(method)


def encode_any(
    image: Any = None,
    *,
    method: str | None = None,
    text: str | None = None,
    caption: str | None = None,
    vector: Any = None,
    codes: Any = None,
    indices: Any = None,
    sketch: Any = None,
    size: tuple[int, int] | None = None,
    models: Any = None,
    device: str = "auto",
    dtype: str = "auto",
    options: Options | None = None,
    record: Record | None = None,
    environment: Environment | None = None,
    **settings: Any,
) -> Encoded:
    """A file of a picture, of ready symbols, or of both; settings as in `encode_picture` or `ready.encode_symbols`.

    models: what describes the picture, as `Models.of` takes it; device and dtype: where and how it runs. record: is told
    the steps of a method that has some. ValueError or TypeError for what makes no sense, SemError for what is wrong with
    a picture or a model.
    """
    from refcodec.pack import encode_symbols, grey

    given = Given(
        text, caption, vector, codes, indices, None if sketch is None else grey(sketch, settings.get("level", 1))
    )
    if method is not None and method not in spec.METHODS.values():
        raise ValueError(f"method {method!r} is unknown: there are {', '.join(spec.METHODS.values())}")
    if image is None:
        if not given.names():
            raise ValueError("nothing to encode: give a picture, or symbols that are ready")
        if options is not None and options.asked():
            raise ValueError(f"{min(options.asked()).replace('_', '-')} is for a picture, and none is given")
        for name in ("background", "trace", "progress"):
            settings.pop(name, None)
        return encode_symbols(given, method=method, size=size, environment=environment, **settings)
    if size is not None:
        raise ValueError("a picture has its own size")
    models = Models.of(models, device=device, dtype=dtype, environment=environment)
    models.used.clear()
    options, module = options or Options(), _module(method or "elic")
    if unread := options.asked() - module.OPTIONS:
        raise ValueError(f"method {method or 'elic'} has no {min(unread).replace('_', '-')}")
    if method in (None, "elic"):
        if odd := given.names() - {"caption"}:
            raise ValueError(f"method 'elic' sends a picture alone, without {' or '.join(sorted(odd))}")
        mode, strict = settings.pop("mode", None), settings.pop("strict", False)
        if mode is not None or strict:
            raise ValueError("mode and strict are of texts, and none is given")
        return encode_picture(image, caption=caption, models=models, **settings)
    return _described(image, method, given, settings, models, options, record)


def _described(
    image: Any,
    method: str,
    given: Given,
    settings: dict[str, Any],
    models: Models,
    options: Options,
    record: Record | None,
) -> Encoded:
    """A picture by a method that sends a description: the method's models say what the user does not."""
    from refcodec.pack import accepted, encode_symbols

    module, level, background = _module(method), settings.get("level", 1), settings.pop("background", (255, 255, 255))
    settings.pop("trace", None)
    progress, hints = settings.pop("progress", None), dict(settings.pop("hints", None) or {})
    if given.sketch is not None:
        raise ValueError("give a picture or its edge map, not both")
    accepted(method, module, given)
    if settings.get("model") is not None:
        models = replace(models, folders=(Path(settings["model"]), *models.folders))
    if settings.get("profile") is None and hasattr(module, "usual_profile"):
        settings["profile"] = module.usual_profile(models)
    row = find_profile(settings.get("profile"), method, models.environment.registry)
    pixels, notices = _pixels(image, background, level)
    chosen, bpp = settings.get("quality"), settings.get("bpp")
    wanted_rate(chosen, bpp)
    if (chosen is not None or bpp is not None) and not module.CHOOSES_RATE and spec.SKETCH not in row.kinds:
        raise ValueError(f"a profile of method {method} has one rate: choose the profile, not quality or bpp")
    if module.CHOOSES_RATE:
        settings |= {"quality": None, "bpp": None}

    def file_of_description(made: Described) -> Encoded:
        note = {"model": format_used_models(models.used)} if models.used else {}
        more = settings | {"hints": hints | dict(made.hints), "made": note, "size": made.size}
        return encode_symbols(made.given, method=method, environment=models.environment, **more)

    def scene_of_description(made: Described) -> Scene:
        data = file_of_description(made).data
        symbols = read_symbols(data, level=level, environment=models.package_environment)
        return scene_of(symbols, models, {}, None)

    described = module.describe(
        Request(
            pixels,
            given,
            row,
            models,
            hints,
            options,
            lambda made: len(file_of_description(made).data),
            scene_of_description,
            bpp,
            chosen,
            progress,
            record,
        )
    )
    encoded = file_of_description(described)
    return replace(encoded, notices=(*notices, *described.notices, *encoded.notices))


def encode(
    image: Any = None,
    *,
    method: str = "elic",
    quality: int | None = None,
    caption: str | None = None,
    text: str | None = None,
    size: tuple[int, int] | None = None,
    **settings: Any,
) -> bytes:
    """A picture or ready symbols as the bytes of a `.sem` file; settings as in `encode_any`.

    Ready symbols without a picture belong to the method that has them, so that `method` need not be named.
    ValueError or TypeError for what makes no sense, SemError for what is wrong with a picture or a model.
    """
    given = settings | {"caption": caption, "text": text, "size": size, "quality": quality}
    return encode_any(image, method=None if image is None and method == "elic" else method, **given).data


def decode(
    data: bytes | bytearray | memoryview,
    *,
    models: Any = None,
    device: str = "auto",
    dtype: str = "auto",
    level: int = 1,
    progress: Progress | None = None,
    environment: Environment | None = None,
    **wish: Any,
) -> Image.Image:
    """The picture in the bytes of a `.sem` file; SemError for what is wrong with it.

    models: a folder, several, or {role: folder, hub id, endpoint or loaded model}. wish: render hints over those of the
    file, such as seed=7 or noise_level=100. ValueError or TypeError for settings that make no sense.
    """
    from PIL import Image

    from refcodec.networks import package_cache

    models = Models.of(models, device=device, dtype=dtype, environment=environment)
    environment = models.package_environment
    container = read(data, level=level, environment=environment)
    package_cache.need_torch("painting a picture", container.profile.method_name)
    symbols = symbols_of(container, environment, level=level, progress=part(progress, 0, 0.5))
    wanted = {name.replace("_", "-"): value for name, value in wish.items()}
    if odd := sorted(set(wanted) - set(hintforms.HINTS)):
        raise TypeError(f"decode has no argument {odd[0]!r}")
    painted = paint(symbols, part(progress, 0.5, 1), models=models, wish=wanted)
    picture = Image.fromarray(painted.pictures[0])
    picture.info.update(painted.note)
    return picture


# --- what may be wrong ---------------------------------------------------------------------------------------------


def _settings(
    profile: str | int | None,
    environment: Environment,
    *,
    quality: int | None,
    bpp: float | None,
    check: int,
    explicit_model: bool | int,
) -> _Settings:
    """ValueError or TypeError for settings that make no sense."""
    chosen, most = wanted_rate(quality, bpp)
    form = Form.of(check, explicit_model)
    row = find_profile(profile, "elic", environment.registry)
    if row.compact != spec.ELIC:
        raise ValueError(f"profile {row.name} has no compact form of ELIC latents")
    return _Settings(row, chosen, most, form)


def _pixels(image: Any, background: tuple[int, int, int], level: int) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """uint8[H, W, 3] of a picture in any form, and what was done to it."""
    import numpy as np

    from refcodec.images.load import load as load_image

    bounds = level_bounds(level)
    if not isinstance(image, np.ndarray):
        loaded = load_image(image, background=background, max_side=bounds.side, max_pixels=bounds.pixels)
        return loaded.pixels, loaded.notices
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise TypeError(f"a picture array is uint8[H, W, 3], not {image.dtype}{list(image.shape)}")
    height, width, _ = image.shape
    if max(width, height) > bounds.side or width * height > bounds.pixels:
        raise SemError(Code.PICTURE_TOO_LARGE, f"the picture is {width}x{height}, more than level {level} allows")
    return image, ()


def _provenance(folder: Path, setting: str, digest: str) -> dict[str, str]:
    from refcodec.networks import package

    name = package.read_manifest(folder).get("name", "")
    return made_by(model=f"{name} {digest}", setting=setting)
