# SPDX-License-Identifier: MIT
"""Pictures to `.sem` files and back: what `refcodec.encode` and `refcodec.decode` do, with everything they can say."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from refcodec import __version__, registry, spec
from refcodec.container import Header, Section, assemble, read, section_check, write
from refcodec.container.limits import level_bounds
from refcodec.container.text import encode as text_encode
from refcodec.errors import SemError
from refcodec.payloads.kinds import fits
from refcodec.progress import Progress, part
from refcodec.registry import Profile
from refcodec.symbols import Folders, Symbols, model_digest, symbols_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from refcodec.models.predict import Trace
    from refcodec.payloads.elic_latents import ElicLatents

METHODS: Final = ("elic",)
HASHES: Final = (4, 8, 16, 32)
QUALITY: Final = 5  # where neither quality nor bpp is given
# What the interface promises of later versions -> what it would do; refused by `encode` until then.
LATER: Final = {
    "caption": "steering the encoder by a caption",
    "text": "making a stream from a text",
    "vector": "making a stream from a vector",
    "codes": "making a stream from PQ codes",
    "indices": "making a stream from VQ indices",
    "sketch": "making a stream from an edge picture",
    "size": "making a stream of a given size from ready symbols",
}


@dataclass(frozen=True, eq=False)
class Encoded:
    """A finished file and what its maker would want to know."""

    data: bytes
    width: int
    height: int
    method: str
    profile: Profile
    rate: int
    latents: ElicLatents
    notices: tuple[str, ...] = ()

    @property
    def bpp(self) -> float:
        """Bits of the file per pixel of the picture."""
        return 8 * len(self.data) / (self.width * self.height)


@dataclass(frozen=True)
class _Settings:
    """The settings of one encoding, judged. `quality` None: `bpp` decides. `hash_bytes` None: no explicit model."""

    row: Profile
    quality: int | None
    bpp: float
    check: int
    hash_bytes: int | None


def find_profile(name: str | int | None, method: str) -> Profile:
    """A row of this method by id or name; None: the first that is not withdrawn.

    SEM-E-702 for a row that there is not, ValueError for one of another method.
    """
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        raise TypeError(f"a profile is named by its id or name, not by {name!r}")
    if name is None:
        return next(p for p in registry.load().values() if p.method_name == method and p.status != "withdrawn")
    text = str(name)
    row = registry.get(int(text)) if text.isascii() and text.isdecimal() and len(text) < 9 else registry.by_name(text)
    if row.method_name != method:
        raise ValueError(f"profile {row.name} is of method {row.method_name}, not {method}")
    return row


def encode_picture(
    image: Any, *, method: str = "elic", quality: int | None = None, bpp: float | None = None,
    profile: str | int | None = None, check: int = 16, explicit_model: bool | int = False,
    model: str | os.PathLike[str] | None = None, provenance: bool = False,
    background: tuple[int, int, int] = (255, 255, 255), level: int = 1, progress: Progress | None = None,
    trace: Trace | None = None,
) -> Encoded:  # fmt: skip
    """Encodes one picture (path, bytes, file object, PIL image or uint8[H, W, 3]).

    quality 1 … 10 (5 where neither it nor bpp is given), or bpp: the best rate whose whole file stays within it.
    explicit_model: True or a hash length of 4, 8, 16 or 32 bytes. model: a package folder instead of the profile's.
    ValueError for settings that make no sense, SemError for what is wrong with picture or model.
    """
    settings = _settings(method, profile, quality=quality, bpp=bpp, check=check, explicit_model=explicit_model)
    row = settings.row
    pixels, notices = _pixels(image, background, level)
    size = (pixels.shape[1], pixels.shape[0])
    from refcodec.methods import elic
    from refcodec.models import store

    need_torch("encoding a picture")
    folder = Path(model) if model is not None else store.locate(row.model or "")
    digest = model_digest(folder)
    fits(store.symbol_model(folder, digest), spec.ELIC, row.parameters(spec.ELIC))
    hash_bytes = settings.hash_bytes
    if hash_bytes is None and digest != row.model:
        hash_bytes = 8
        notices = (*notices, f"the model is not that of profile {row.name}: it is named in the file by 8 bytes")
    header = header_of(row, size, settings.check, bytes.fromhex(digest)[:hash_bytes] if hash_bytes else None)
    wanted = f"quality {settings.quality}" if settings.quality is not None else f"at most {settings.bpp} bpp"
    note = _provenance(folder, wanted, digest) if provenance else {}
    with _running(folder, "encoder"):
        encoder = elic.Encoder(pixels, folder, digest, progress)
        if settings.quality is not None:
            made, reached = encoder.at(elic.rate_of(settings.quality, encoder.model.rates), trace=trace), True
        else:
            overhead = len(file_of(header, digest, (b"", b""), note, level=level))
            made, reached = encoder.fitting(int(settings.bpp * size[0] * size[1] / 8) - overhead)
            made = encoder.at(made.latents.rate, trace=trace) if trace is not None else made
    if not reached:
        notices = (*notices, f"{settings.bpp} bpp cannot be reached: this is the smallest file of this model")
    data = file_of(header, digest, (made.body, made.latents.serialise()), note, level=level)
    return Encoded(data, *size, method, row, made.latents.rate, made.latents, notices)


def header_of(profile: Profile, size: tuple[int, int], check: int, model_hash: bytes | None = None) -> Header:
    """The header of a file of this row and size (width, height); `model_hash`: for an explicit model."""
    explicit = model_hash is not None
    return Header(
        version=spec.VERSION, check_bits=check, sectioned=False, profile_id=spec.PROFILE_EXPLICIT if explicit else profile.id,
        base_profile_id=profile.id if explicit else None, model_hash=model_hash, width=size[0], height=size[1],
        check=None, count=None,
    )  # fmt: skip


def file_of(
    header: Header, digest: str | None, payload: tuple[bytes, bytes], provenance: dict[str, str], *, level: int = 1
) -> bytes:
    """The file of one payload, (body, serialised symbols), of the profile's compact kind, and of a provenance if any."""
    body, symbols = payload
    sections = [(spec.CRITICAL | header.profile.compact, body, symbols)]
    if provenance:
        text = text_encode(provenance)
        sections.append((spec.PROVENANCE, text, text))

    def section(kind: int, body: bytes, symbols: bytes) -> Section:
        return Section(kind, body, section_check(header.profile, digest, header, kind, symbols, header.check_bits))

    return write(assemble(header, [section(*item) for item in sections]), level=level)


def paint(symbols: Symbols, progress: Progress | None = None) -> NDArray[np.uint8]:
    """The picture of decoded symbols, uint8[H, W, 3]."""
    from refcodec.methods import elic

    header, latents, folder = symbols.container.header, symbols.elic, symbols.folder
    if folder is None:
        raise SemError(704, "the file holds nothing to paint from", path="sections")
    need_torch("painting a picture")
    with _running(folder, "painter"):
        return elic.paint(latents, folder, (header.width, header.height), progress)


def encode(
    image: Any = None, *, method: str = "elic", quality: int | None = None, caption: str | None = None,
    text: str | None = None, size: tuple[int, int] | None = None, **settings: Any,
) -> bytes:  # fmt: skip
    """A picture as the bytes of a `.sem` file; settings as in `encode_picture`.

    ValueError for settings that make no sense, and for what this version cannot do yet: captions and ready symbols.
    """
    later = {name: settings.pop(name) for name in LATER if name in settings}
    for name, value in {"caption": caption, "text": text, "size": size, **later}.items():
        if value is not None:
            raise ValueError(f"{name}: {LATER[name]} is not in this version")
    if image is None:
        raise ValueError(f"method {method!r} needs a picture")
    return encode_picture(image, method=method, quality=quality, **settings).data


def decode(
    data: bytes | bytearray | memoryview, *, models: Folders = (), level: int = 1, progress: Progress | None = None
) -> Image.Image:
    """The picture in the bytes of a `.sem` file; SemError for what is wrong with it. `models`: folders looked at first."""
    from PIL import Image

    container = read(data, level=level)
    need_torch("painting a picture")
    return Image.fromarray(paint(symbols_of(container, models=models, progress=part(progress, 0, 0.5)), part(progress, 0.5, 1)))


# --- what may be wrong ---------------------------------------------------------------------------------------------


def _settings(
    method: str, profile: str | int | None, *, quality: int | None, bpp: float | None, check: int, explicit_model: bool | int
) -> _Settings:
    """ValueError or TypeError for settings that make no sense."""
    from refcodec.methods.elic import QUALITIES

    if method not in METHODS:
        known = "is not in this version, which has" if method in spec.METHODS.values() else "is unknown: this version has"
        raise ValueError(f"method {method!r} {known} {', '.join(METHODS)}")
    if quality is not None and bpp is not None:
        raise ValueError("give quality or bpp, not both")
    if quality is not None and (isinstance(quality, bool) or not 1 <= operator.index(quality) <= QUALITIES):
        raise ValueError(f"quality is a whole number from 1 to {QUALITIES}")
    if bpp is not None and (isinstance(bpp, bool) or not 0 < bpp < 64):
        raise ValueError("bpp is a number above 0 and below 64")
    if isinstance(check, bool) or operator.index(check) not in spec.CHECK_BITS.values():
        raise ValueError("check is 0, 16 or 32")
    if not isinstance(explicit_model, bool) and operator.index(explicit_model) not in HASHES:
        raise ValueError("an explicit model is named by 4, 8, 16 or 32 bytes")
    row = find_profile(profile, method)
    if row.compact != spec.ELIC:
        raise ValueError(f"profile {row.name} has no compact form of ELIC latents")
    if row.model is None:
        raise ValueError(f"profile {row.name} names no model")
    chosen = None if bpp is not None else QUALITY if quality is None else operator.index(quality)
    hash_bytes = operator.index(explicit_model) if explicit_model else None
    if explicit_model is True:
        hash_bytes = 8
    return _Settings(row, chosen, float(bpp or 0), operator.index(check), hash_bytes)


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
    return {"encoder": f"refcodec {__version__}", "model": f"{name} {digest}", "setting": setting}


def need_torch(what: str) -> None:
    """SEM-E-805 where torch is not installed."""
    from refcodec.models import store

    try:
        store.need_torch(what)
    except ImportError as error:  # an import hook that hides it
        raise SemError(805, f"{what} needs torch") from error


@contextmanager
def _running(folder: Path, part: str) -> Iterator[None]:
    """What torch says of a float network that it cannot run, as a SemError."""
    try:
        yield
    except (ImportError, OSError) as error:
        raise SemError(805, f"torch is installed and cannot be imported ({type(error).__name__})") from error
    except (RuntimeError, IndexError) as error:
        if "allocate" in str(error):  # how torch says that memory is out
            raise MemoryError(str(error)) from error
        raise SemError(803, f"the {part} of model {folder.name} does not run ({type(error).__name__})", path=part) from error
