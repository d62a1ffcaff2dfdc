# SPDX-License-Identifier: MIT
"""Implements `refcodec.encode`, including the detailed result used by the command line."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Unpack

from refcodec import pack
from refcodec.assemble import EncodedFile
from refcodec.container.limits import level_bounds
from refcodec.encode_settings import EncodeOptions, EncodeSettings, refuse_unknown
from refcodec.environment import Environment
from refcodec.foundation.resolve import Models
from refcodec.limits import Limits
from refcodec.methods import find_method
from refcodec.methods.base import EncodeRequest
from refcodec.methods.inputs import SymbolInputs
from refcodec.progress import announce

if TYPE_CHECKING:
    from refcodec.images.types import ImageInput

OPTIONS: Final = frozenset(EncodeOptions.__annotations__)


def encode(image: ImageInput | None = None, **options: Unpack[EncodeOptions]) -> bytes:
    """Return a picture, or symbols, as the bytes of a `.sem` file.

    Args:
        image (path, bytes, binary stream, PIL.Image.Image, numpy array or torch tensor): see `ImageInput`. None: symbols alone.
        method (str, default "elic"): "elic", "consonant", "clip", "pics" or "perco"; of symbols, the one that has them.
        profile (str or int, default: the first of the method): row of the registry, by name or id.
        quality (float 1 to 10, default 5): the higher, the better the picture and the larger the file.
        bpp (float above 0 and below 64, bits per pixel): in place of quality, the best picture in a file of at most this,
            and within 1 % of it. If it is out of reach, the file is as close as it can be, and a warning says so.
        strict_bpp (bool, default False): raise a LimitError for a bpp that is out of reach, in place of the warning.
        text (str): the words of a consonant text, or the prompt of another method.
        caption (str): a caption, sent beside other symbols or alone; steers method "elic" with a text adapter, unsent.
        vector (float [d]): an image embedding.
        codes (int [n]): PQ codes, CLIP codes, consonant codes or prompt token ids, whichever the method uses.
        indices (int [h, w]), sketch (as `image`, or uint8[H, W]): VQ indices; an edge map.
        size ((int, int), pixels): width and height of the picture, for symbols without a picture.
        mode (str, default: the shortest): how a caption is coded: "static", "raw", "zlib" or "zstd".
        strict (bool, default False): refuse a consonant text that would have to be changed.
        words (int, default: as many as the rate allows): words of a consonant text.
        prompts (path, default "default"): what the models of method consonant are asked: "default", "paper" or a TOML file.
        edges (str, default "auto"): edge detector "contours", "hed", "none", or "auto": "hed" where a model fills that role.
        effort (int, default 1): 1 to 9, of method elic. Higher takes longer, for a better picture for its bytes; from 4 on,
            latents are searched by gradient descent, which needs torch. With bpp, 2 and 3 do what 1 does.
        candidates (int, default 1): pictures that the encoder generates, of which the best is named by its seed, or
            with profile="pics-4" or "pics-hed" by two bits.
        iterations (int, default 3000), prompt_tokens (int, default 16): steps of the prompt inversion, tokens that it finds.
        check (int, default 16; bits): the length of the check, 0, 16 or 32.
        explicit_model (bool or int, default False): name the model by 8 (True), 4, 8, 16 or 32 bytes of its digest.
        provenance (bool, default False): add a section that names encoder, settings and models.
        hints, metadata (mapping of str to str): render hints, such as {"seed": "7"} (SPEC §6); entries about the picture.
        background ((int, int, int), sRGB 0 to 255, default white): goes under transparent pixels.
        lenient (bool, default False): take what can be read of a damaged picture, with a notice, in place of an error.
        keep_metadata (bool, default False): store EXIF with its GPS position, XMP and ICC profile of the picture as metadata.
        model (path): folder of a model package, in place of the profile's symbol model.
        models (path, paths, or mapping of role to path, hub id, endpoint or loaded model): fill the roles of a method.
        device, dtype (str, default "auto"): where those run, "cpu", "cuda" or "mps"; "float32", "float16" or "bfloat16".
        allow_download (bool, default False): also use hub models that a models.json names without a digest.
        level (int, default 1): limits of SPEC §15, 1 or 2.
        progress (function of float): called with the share of the work that is done, 0 to 1.
        environment (Environment, default `Environment.default()`): registry, tables and package folders.
        limits (Limits, default `Limits.default()`): bounds of the caller on pixels, memory and time.
        trace, record (functions of str and value): called with each layer and pass of the exact networks; with each step.
        notice (function of str): called with each notice, a line about what was changed, left out or chosen.

    Raises:
        TypeError, ValueError: an argument is unknown, of a wrong type or invalid; before any picture or model is read.
        InputOutputError: the picture cannot be read, or is larger than the level allows.
        ModelError: a model is missing, has another digest or is malformed, or a library is not installed.
        UnsupportedError, LimitError: the registry has no such profile; the file would exceed the limits of its level, or
            miss its bpp with strict_bpp.

    Example:
        >>> data = refcodec.encode("photo.jpg", quality=7)
        >>> data = refcodec.encode(text="old stone bridge", size=(1024, 1024))
    """
    if image is None and options.get("method") == "elic":
        del options["method"]
    encoded = encode_file(image, **options)
    announce(encoded.notices, options.get("notice"))
    if encoded.missed is not None:
        warnings.warn(encoded.missed, stacklevel=2)
    return encoded.data


def encode_file(image: ImageInput | None = None, **options: Unpack[EncodeOptions]) -> EncodedFile:
    """Return the file of a picture or of symbols with its payloads and notices; arguments and errors as of `encode`."""
    refuse_unknown("encode", options, OPTIONS)
    settings = EncodeSettings.of(options)
    symbols = SymbolInputs.of(options)
    if image is not None:
        return replace(_encode_picture(image, symbols, settings, options), bpp_target=settings.bpp)
    if not symbols.names():
        raise ValueError("nothing to encode: give a picture or symbols")
    unread = settings.options.non_defaults() | ({"keep_metadata"} if settings.keep_metadata else set())
    if unread:
        raise ValueError(f"{min(unread).replace('_', '-')} needs a picture")
    method = pack.method_of(settings.method or pack.usual_method(symbols.names()), symbols.names())
    environment = Environment.of(options.get("environment"))
    symbols = with_edge_map(symbols, settings.level, lenient=settings.lenient)
    return replace(pack.encode_symbols(method, symbols, settings, environment), bpp_target=settings.bpp)


def _encode_picture(
    image: ImageInput, symbols: SymbolInputs, settings: EncodeSettings, options: EncodeOptions
) -> EncodedFile:
    from refcodec.images.load import load
    from refcodec.images.metadata import fitting

    method = find_method(settings.method or "elic")
    pack.check_picture(method, symbols, settings)
    device, dtype, environment = options.get("device", "auto"), options.get("dtype", "auto"), options.get("environment")
    limits = Limits.of(options.get("limits"))
    models = Models.of(
        options.get("models"),
        device=device,
        dtype=dtype,
        environment=environment,
        limits=limits,
        allow_download=bool(options.get("allow_download", False)),
        announce=options.get("notice"),
    )
    models.used.clear()
    models.meaning.clear()
    if settings.model is not None:
        models = replace(models, folders=(settings.model, *models.folders))
    profile, plans = pack.plan_picture(method, settings, models, options.get("trace"))
    bounds = level_bounds(settings.level)
    loaded = load(
        image,
        background=settings.background,
        max_side=bounds.side,
        max_pixels=min(bounds.pixels, limits.max_pixels or bounds.pixels),
        lenient=settings.lenient,
        keep_metadata=settings.keep_metadata,
    )
    notices = list(loaded.notices)
    if loaded.metadata:
        settings = replace(settings, metadata=fitting(loaded.metadata, settings.metadata, bounds.text_bytes, notices))
        plans = tuple(replace(plan, settings=settings) for plan in plans)
    progress = limits.checked(options.get("progress"))
    request = EncodeRequest(loaded.pixels, symbols, settings, profile, plans, models, progress, options.get("record"))
    encoded = pack.encode_picture(method, request)
    return replace(encoded, notices=(*notices, *encoded.notices))


def with_edge_map(symbols: SymbolInputs, level: int, *, lenient: bool = False) -> SymbolInputs:
    """Return symbols whose sketch, if any, is uint8[H, W]."""
    if symbols.sketch is None:
        return symbols
    from refcodec.images.edge_map import load_edge_map

    bounds = level_bounds(level)
    sketch = load_edge_map(symbols.sketch, max_side=bounds.side, max_pixels=bounds.pixels, lenient=lenient)
    return replace(symbols, sketch=sketch)
