# SPDX-License-Identifier: MIT
"""Ready symbols to `.sem` files: texts, vectors, codes, indices and edge maps that somebody else has made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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
    size_of,
    wanted_rate,
)
from refcodec.container import Header
from refcodec.container.limits import level_bounds
from refcodec.decoder import model_digest
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.methods.inputs import Given, Job
from refcodec.registry import Profile
from refcodec.registry.binding_schema import uses_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODULES: Final = ("consonant", "clip", "pics", "perco")
# The method that symbols belong to where none is named.
USUAL: Final = {
    "indices": "perco", "vector": "clip", "sketch": "pics", "caption": "pics", "text": "consonant", "codes": "perco",
}  # fmt: skip


def payloads_for(
    header: Header,
    given: Mapping[str, Any],
    environment: Environment,
    *,
    mode: str | None = None,
    strict: bool = False,
) -> list[Payload]:
    """Payloads of ready symbols for a file that is there, by the model that it names. ValueError for what its profile
    has not."""
    options = dict(given)
    if options.get("sketch") is not None:
        options["sketch"] = grey(options["sketch"])
    symbols, row = Given(**options), header.profile
    module = _module(row.method_name, symbols)
    _options(symbols, (header.width, header.height), row.method_name, mode, strict)
    folder, digest = _model_of(header, symbols, environment)
    job = Job(symbols, row, (header.width, header.height), environment, mode, strict, folder, digest)
    payloads: list[Payload] = module.ready(job)[0]
    return payloads


def _module(method: str | None, given: Given) -> Any:
    """The module of a method; ValueError where it has not what is given."""
    if method not in MODULES:
        raise ValueError(f"method {method!r} takes pictures, not symbols; methods of symbols are {', '.join(MODULES)}")
    module = methods.module(method)
    accepted(method, module, given)
    if not given.names():
        raise ValueError(f"nothing to send: method {method!r} takes {', '.join(sorted(module.ACCEPTS))}")
    return module


def accepted(method: str | None, module: Any, given: Given) -> None:
    """ValueError for symbols that a method has not."""
    if odd := given.names() - module.ACCEPTS:
        raise ValueError(
            f"method {method!r} has no {' or '.join(sorted(odd))}; it takes {', '.join(sorted(module.ACCEPTS))}"
        )


def usual_method(given: Given) -> str | None:
    """The method of these symbols where the user names none."""
    return next((method for name, method in USUAL.items() if name in given.names()), None)


def encode_symbols(
    given: Given,
    *,
    method: str | None = None,
    size: tuple[int, int] | None = None,
    profile: str | int | None = None,
    mode: str | None = None,
    strict: bool = False,
    quality: int | None = None,
    bpp: float | None = None,
    check: int = 16,
    explicit_model: bool | int = False,
    model: str | os.PathLike[str] | None = None,
    provenance: bool = False,
    hints: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    level: int = 1,
    made: Mapping[str, str] | None = None,
    environment: Environment | None = None,
) -> Encoded:
    """A file of symbols that are ready. ValueError or TypeError for what makes no sense, SemError for a model's faults.

    size: (width, height); an edge map has its own. mode: of a caption. quality or bpp: of an edge map's latents.
    made: more entries of the provenance.
    """
    environment = Environment.of(environment)
    name = method or usual_method(given)
    module = _module(name, given)
    whole = size_of(size if size is not None else _own_size(given), level)
    form = Form.of(check, explicit_model)
    assert name is not None
    _options(given, whole, name, mode, strict)
    if (quality is not None or bpp is not None) and given.sketch is None:
        raise ValueError("quality and bpp are of pictures and edge maps: other symbols have the size that they have")
    # the two consonant codes stand for the same text: the shorter file wins
    rows = [find_profile(profile, name, environment.registry)]
    if profile is None and name == "consonant":
        rows = [p for p in environment.registry.profiles(name) if p.id < spec.PRIVATE_FIRST]
    settings = wanted_rate(quality, bpp)
    files: list[Encoded] = []
    note = made_by(method=name, **(made or {})) if provenance else None
    for row in rows:
        try:
            files.append(
                _file(
                    module,
                    given,
                    row,
                    whole,
                    environment,
                    mode,
                    strict,
                    settings,
                    form,
                    model,
                    note,
                    hints,
                    metadata,
                    level,
                )
            )
        except SemError as error:
            if error.code != Code.LIMIT_TEXT or (
                row is rows[-1] and not files
            ):  # too long in one code, perhaps not in the other
                raise
    return min(files, key=lambda encoded: len(encoded.data))


def _options(given: Given, size: tuple[int, int], method: str, mode: str | None, strict: bool) -> None:
    """ValueError for options that say nothing about what is given, and for an edge map of another size."""
    if mode is not None and (method == "consonant" or (given.text is None and given.caption is None)):
        raise ValueError("mode is of a caption, and none is given")
    if strict and (method != "consonant" or given.text is None):
        raise ValueError("strict is of a consonant text, and none is given")
    if given.sketch is not None and given.sketch.shape != size[::-1]:
        rows, cols = given.sketch.shape
        raise ValueError(f"the edge map is {cols}x{rows}, the picture {size[0]}x{size[1]}")


def _own_size(given: Given) -> tuple[int, int]:
    if given.sketch is None:
        raise ValueError("symbols do not tell the size of the picture: give it as WIDTHxHEIGHT")
    height, width = given.sketch.shape[:2]
    return width, height


def _model(
    row: Profile, given: Given, model: str | os.PathLike[str] | None, environment: Environment
) -> tuple[Path | None, str | None]:
    """Folder and digest of the model to be used: the one named, or the row's where the symbols given need it."""
    if model is not None:
        return Path(model), model_digest(Path(model))
    if not _uses_model(row, given):
        return None, None
    return environment.locate_package(row.model or ""), row.model


def _model_of(header: Header, given: Given, environment: Environment) -> tuple[Path | None, str | None]:
    """The same for a file that is there; SEM-E-801 where the model that it names is not found."""
    searched = header.model_hash is not None and given.vector is not None  # a model may say what codes stand for
    if not searched and not _uses_model(header.profile, given):
        return None, None
    wanted = header.profile.model if header.model_hash is None else header.model_hash.hex()
    folder = environment.locate_package(wanted or "")
    return folder, model_digest(folder)


def _uses_model(row: Profile, given: Given) -> bool:
    """Whether a kind that is given uses the model of the row (SPEC §5)."""
    wanted = {
        spec.CLIP: given.names() & {"vector", "codes"},
        spec.VQ: given.names() & {"indices"},
        spec.SKETCH: given.names() & {"sketch"},
        spec.PQ: given.names() & {"vector"},
    }
    return any(uses_model(kind, row.parameters(kind)) for kind in row.kinds if wanted.get(kind))


def _file(
    module: Any,
    given: Given,
    row: Profile,
    size: tuple[int, int],
    environment: Environment,
    mode: str | None,
    strict: bool,
    settings: tuple[int | None, float],
    form: Form,
    model: str | os.PathLike[str] | None,
    note: Mapping[str, str] | None,
    hints: Mapping[str, str] | None,
    metadata: Mapping[str, str] | None,
    level: int,
) -> Encoded:
    needs_naming(row, model)
    folder, digest = _model(row, given, model, environment)
    named = digest if model is not None else row.model
    named_codes = spec.PQ in row.kinds and bool(
        given.names() & {"vector", "codes"}
    )  # codebooks say what they stand for
    if form.hash_bytes is None and model is not None and not (row.base or named_codes or _uses_model(row, given)):
        raise ValueError("what is given uses no model: leave it out, or ask for an explicit model")
    hash_bytes, notices = form.naming(row, named)
    if hash_bytes is not None and named is None:
        raise ValueError(f"profile {row.name} names no model that could stand in the file: name one with its folder")
    header = header_of(row, size, form.check, bytes.fromhex(named or "")[:hash_bytes] if hash_bytes else None)
    others = ancillary(note, hints, metadata)
    quality, bpp = settings
    job = Job(
        given,
        row,
        size,
        environment,
        mode,
        strict,
        folder,
        digest,
        quality,
        int(bpp * size[0] * size[1] / 8),
        lambda payloads: len(file_of(header, named, payloads, others, level=level)),
    )
    payloads, more = module.ready(job)
    data = file_of(header, named, payloads, others, level=level)
    return Encoded(data, *size, row.method_name, row, tuple(payloads), (*notices, *more))


def grey(image: Any, level: int = 1) -> NDArray[np.uint8]:
    """uint8[H, W] of an edge map: an array, or a picture in any form, whose luma it is.

    TypeError for another array, SEM-E-103 to 105 for a picture that cannot be read or is beyond the level.
    """
    import numpy as np

    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 2 or 0 in image.shape:
            raise TypeError(f"an edge map is uint8[H, W], not {image.dtype}{list(image.shape)}")
        return image
    from refcodec.images.edge_detector import luma
    from refcodec.images.load import load as load_image

    bounds = level_bounds(level)
    loaded = load_image(image, background=(0, 0, 0), max_side=bounds.side, max_pixels=bounds.pixels)
    return luma(loaded.pixels).astype(np.uint8)
