# SPDX-License-Identifier: MIT
"""The encoding pipeline from pixels or symbols to a file.

pixels -> Method.analyse -> symbols -> Method.pack -> payloads -> file
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from refcodec import spec
from refcodec.assemble import CodedPayload, EncodedFile, check_size, find_profile, require_model
from refcodec.container import Header
from refcodec.encode_settings import EncodeSettings
from refcodec.environment import Environment
from refcodec.foundation.resolve import Models
from refcodec.methods import all_methods, candidates, find_method
from refcodec.methods.base import EncodeRequest, Method
from refcodec.methods.inputs import Description, PackJob, SymbolInputs
from refcodec.methods.plan import FilePlan, needs_model, pack_symbols, plans_of
from refcodec.networks import package_cache
from refcodec.registry import Profile, Registry

if TYPE_CHECKING:
    from refcodec.networks.context_model import Trace

# The default method of symbols.
USUAL: Final = {
    "indices": "perco", "vector": "clip", "sketch": "pics", "caption": "pics", "text": "consonant", "codes": "perco",
}  # fmt: skip


def usual_method(names: set[str]) -> str | None:
    """Return the default method of symbols with these names, None if no method takes them."""
    return next((method for name, method in USUAL.items() if name in names), None)


# --- pictures ------------------------------------------------------------------------------------------------------


def check_picture(method: Method, symbols: SymbolInputs, settings: EncodeSettings) -> None:
    """Raise ValueError for settings that the method does not support for pictures."""
    if settings.size is not None:
        raise ValueError("a picture has its own size")
    method.check_options(settings.options)
    if symbols.sketch is not None and not method.needs_picture:
        raise ValueError("give a picture or its edge map, not both")
    method.check_inputs(symbols.names())
    if method.needs_picture and (settings.mode is not None or settings.strict):
        raise ValueError("mode and strict need a text")
    if settings.mode is not None and "caption" not in method.accepts:
        raise ValueError("mode needs a caption")
    if settings.strict and ("text" not in method.accepts or "caption" in method.accepts):
        raise ValueError("strict needs a consonant text")


def plan_picture(
    method: Method, settings: EncodeSettings, models: Models, trace: Trace | None
) -> tuple[Profile, tuple[FilePlan, ...]]:
    """Return the profile of a picture, and the plans of its file.

    Raises ValueError for a profile that does not fit method or settings, Code.UNSUPPORTED_PROFILE for an unknown one.
    """
    named, rows = settings.profile, models.environment.registry
    if named is None and not any(_sends_rate(method, row) for row in rows.profiles(method.name)):
        _refuse_rate(method, settings)  # before a model is loaded to choose the row
    row = find_profile(method.default_profile(models) if named is None else named, method.name, rows)
    if method.compact is not None and row.compact != method.compact:
        raise ValueError(f"profile {row.name} has no compact form of ELIC latents")
    require_model(row, settings.model)
    candidates.check(row, settings)
    if not _sends_rate(method, row):
        _refuse_rate(method, settings)
    return row, plans_of(_rows(method, settings, row, rows), settings, models.environment, models, trace)


def _sends_rate(method: Method, row: Profile) -> bool:
    """Return whether quality and bpp set the rate of a picture in a row of a method."""
    return method.needs_picture or method.chooses_rate or spec.SKETCH in row.kinds


def _refuse_rate(method: Method, settings: EncodeSettings) -> None:
    if settings.quality is not None or settings.bpp is not None:
        raise ValueError(f"a profile of method {method.name} has one rate: choose the profile, not quality or bpp")


def _rows(method: Method, settings: EncodeSettings, row: Profile, rows: Registry) -> list[Profile]:
    """Return the profile, or all published ones if the method tries them for the smallest file."""
    if method.smallest_profile and settings.profile is None:
        return [p for p in rows.profiles(method.name) if p.status == "published"]
    return [row]


def encode_picture(method: Method, request: EncodeRequest) -> EncodedFile:
    """Return the file of a picture, with the notices of analysis and packing."""
    with package_cache.neutral_torch():
        description = method.analyse(request)
        check_symbols(method, description.symbols, description.size, request.settings)
        encoded = pack_symbols(method.pack, description, request.plans)
    return replace(encoded, notices=(*description.notices, *encoded.notices))


# --- symbols -------------------------------------------------------------------------------------------------------


def method_of(name: str | None, names: set[str]) -> Method:
    """Return the method of symbols without a picture. Raises ValueError if it does not accept them."""
    method = None if name is None else find_method(name)
    alone = [each for each in all_methods() if not each.needs_picture]
    if method not in alone:
        known = ", ".join(each.name for each in alone)
        raise ValueError(f"method {name!r} takes pictures, not symbols; methods of symbols are {known}")
    method.check_inputs(names)
    if not names:
        raise ValueError(f"nothing to send: method {method.name!r} takes {', '.join(sorted(method.accepts))}")
    return method


def check_symbols(method: Method, symbols: SymbolInputs, size: tuple[int, int], settings: EncodeSettings) -> None:
    """Raise ValueError for text options without a text, or for an edge map of another size."""
    texts = symbols.text is not None or symbols.caption is not None
    captions = "caption" in method.accepts  # else its texts are consonants
    if settings.mode is not None and not (texts and captions):
        raise ValueError("mode needs a caption")
    if settings.strict and (symbols.text is None or captions):
        raise ValueError("strict needs a consonant text")
    if symbols.sketch is not None and symbols.sketch.shape != size[::-1]:
        rows, cols = symbols.sketch.shape
        raise ValueError(f"the edge map is {cols}x{rows}, the picture {size[0]}x{size[1]}")


def encode_symbols(
    method: Method, symbols: SymbolInputs, settings: EncodeSettings, environment: Environment
) -> EncodedFile:
    """Return the file of symbols without a picture.

    Raises ValueError for symbols or settings that do not fit the method, ModelError for a model that cannot be used.
    """
    size = check_size(settings.size if settings.size is not None else _own_size(symbols), settings.level)
    check_symbols(method, symbols, size, settings)
    if (settings.quality is not None or settings.bpp is not None) and symbols.sketch is None:
        raise ValueError("quality and bpp are for pictures and edge maps: other symbols have no rate to choose")
    row = find_profile(settings.profile, method.name, environment.registry)
    require_model(row, settings.model)
    plans = plans_of(_rows(method, settings, row, environment.registry), settings, environment, None)
    return pack_symbols(method.pack, Description(symbols, size), plans)


def _own_size(symbols: SymbolInputs) -> tuple[int, int]:
    if symbols.sketch is None:
        raise ValueError("symbols do not contain the size of the picture: give it as WIDTHxHEIGHT")
    height, width = symbols.sketch.shape[:2]
    return width, height


def payloads_for(
    header: Header, symbols: SymbolInputs, environment: Environment, *, mode: str | None = None, strict: bool = False
) -> list[CodedPayload]:
    """Return payloads of symbols for an existing file, with the model that it names.

    Raises ValueError for symbols that its profile does not allow, Code.MODEL_UNAVAILABLE if the model is not installed.
    """
    profile, size = header.profile, (header.width, header.height)
    method = method_of(profile.method_name, symbols.names())
    check_symbols(method, symbols, size, EncodeSettings(mode=mode, strict=strict))
    folder, digest = _model_of(header, symbols, environment)
    return method.pack(PackJob(symbols, profile, size, environment, mode, strict, folder, digest))[0]


def _model_of(header: Header, symbols: SymbolInputs, environment: Environment) -> tuple[Path | None, str | None]:
    """Return folder and digest of the model of an existing file, (None, None) if the symbols do not use it."""
    quantises = header.model_hash is not None and symbols.vector is not None  # an explicit model may quantise vectors
    if not quantises and not needs_model(header.profile, symbols.names()):
        return None, None
    folder = environment.locate_package(header.named_digest or "")
    return folder, package_cache.model_digest(folder)
