# SPDX-License-Identifier: MIT
"""Pictures to `.sem` files and back: what `refcodec.encode` and `refcodec.decode` do, with everything they can say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refcodec import __version__, registry, spec
from refcodec.container import Header, Section, assemble, section_check, write
from refcodec.container.text import encode as text_encode
from refcodec.errors import SemError
from refcodec.registry import Profile
from refcodec.symbols import Symbols, fits, read_symbols

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from refcodec.models.predict import Trace
    from refcodec.payloads.elic_latents import ElicLatents

METHODS = ("elic",)
HASHES = (4, 8, 16, 32)
Progress = Callable[[float], None]


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
    notices: tuple[str, ...] = field(default=())

    @property
    def bpp(self) -> float:
        """Bits of the file per pixel of the picture."""
        return 8 * len(self.data) / (self.width * self.height)


def find_profile(name: str | int | None, method: str) -> Profile:
    """A row by id or name; None: the method's first published or draft row."""
    if name is None:
        return next(p for p in registry.load().values() if p.method_name == method and p.status != "withdrawn")
    return registry.get(int(name)) if str(name).isdigit() else registry.by_name(str(name))


def _header(profile: Profile, size: tuple[int, int], check: int, model_hash: bytes | None) -> Header:
    explicit = model_hash is not None
    return Header(
        version=spec.VERSION, check_bits=check, sectioned=False, profile_id=spec.PROFILE_EXPLICIT if explicit else profile.id,
        base_profile_id=profile.id if explicit else None, model_hash=model_hash, width=size[0], height=size[1],
        check=None, count=None,
    )  # fmt: skip


def _provenance(folder: Path, quality: str, digest: str) -> dict[str, str]:
    from refcodec.models import package

    return {
        "encoder": f"refcodec {__version__}",
        "model": f"{package.read_manifest(folder).get('name', '')} {digest}",
        "setting": quality,
    }


def encode_picture(
    image: Any, *, method: str = "elic", quality: int | None = None, bpp: float | None = None,
    profile: str | int | None = None, check: int = 16, explicit_model: bool | int = False, model: Path | None = None,
    provenance: bool = False, background: tuple[int, int, int] = (255, 255, 255), level: int = 1,
    progress: Progress | None = None, trace: Trace | None = None,
) -> Encoded:  # fmt: skip
    """Encodes one picture (path, bytes, file object, PIL image or uint8[H, W, 3]).

    quality 1 … 10 (5 where neither it nor bpp is given), or bpp: the best rate whose whole file stays within it.
    explicit_model: True or a hash length of 4, 8, 16 or 32 bytes. model: a package folder instead of the profile's.
    ValueError for settings that make no sense, SemError for what is wrong with picture or model.
    """
    import numpy as np

    from refcodec import pictures
    from refcodec.container.limits import level_bounds
    from refcodec.methods import elic
    from refcodec.models import package, store

    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: this version has {', '.join(METHODS)}")
    if quality is not None and bpp is not None:
        raise ValueError("give quality or bpp, not both")
    if quality is not None and not (isinstance(quality, int) and 1 <= quality <= elic.QUALITIES):
        raise ValueError(f"quality is a whole number from 1 to {elic.QUALITIES}")
    if bpp is not None and not 0 < bpp < 64:
        raise ValueError("bpp is a number above 0 and below 64")
    if check not in (0, 16, 32):
        raise ValueError("check is 0, 16 or 32")
    if explicit_model not in (False, True, *HASHES):
        raise ValueError(f"an explicit model is named by {HASHES} bytes")
    row = find_profile(profile, method)
    bounds = level_bounds(level)
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise TypeError("a picture array is uint8[H, W, 3]")
        pixels, notices = image, ()
    else:
        loaded = pictures.load(image, background=background, max_side=bounds.side, max_pixels=bounds.pixels)
        pixels, notices = loaded.pixels, loaded.notices
    size = (pixels.shape[1], pixels.shape[0])
    store.need_torch("encoding a picture")
    if model is None:
        if row.model is None:
            raise ValueError(f"profile {row.name} has no model")
        folder = store.locate(row.model)
    else:
        folder = Path(model)
    digest = package.symbol_digest(package.read_manifest(folder)["symbols"])
    fits(store.symbol_model(folder, digest), row.parameters(spec.ELIC))
    model_hash = None
    if explicit_model or digest != row.model:
        length = 8 if isinstance(explicit_model, bool) else explicit_model
        model_hash = bytes.fromhex(digest)[:length]
        if not explicit_model:
            notices = (*notices, f"the model is not that of profile {row.name}: it is named in the file by {length} bytes")
    header = _header(row, size, check, model_hash)
    encoder = elic.Encoder(pixels, folder, digest, progress)
    setting = f"quality {quality or 5}" if bpp is None else f"at most {bpp} bpp"
    note = _provenance(folder, setting, digest) if provenance else None

    def finish(body: bytes, latents: ElicLatents) -> bytes:
        kind = spec.CRITICAL | spec.ELIC

        def section(kind: int, body: bytes, symbols: bytes) -> Section:
            return Section(kind, body, section_check(row, digest if model_hash else None, header, kind, symbols, check))

        parts = [section(kind, body, latents.serialise())]
        if note is not None:
            text = text_encode(note)
            parts.append(section(spec.PROVENANCE, text, text))
        return write(assemble(header, parts), level=level)

    if bpp is None:
        made = encoder.at(elic.rate_of(quality or 5, encoder.model.rates), trace=trace)
    else:
        overhead = len(finish(b"", _nothing(encoder)))
        most = int(bpp * size[0] * size[1] / 8) - overhead
        made, reached = encoder.fitting(most)
        if trace is not None:
            made = encoder.at(made.latents.rate, trace=trace)
        if not reached:
            notices = (*notices, f"{bpp} bpp cannot be reached: this is the smallest file of this model")
    data = finish(made.body, made.latents)
    return Encoded(data, *size, method, row, made.latents.rate, made.latents, notices)


def _nothing(encoder: Any) -> ElicLatents:
    import numpy as np

    from refcodec.payloads.elic_latents import ElicLatents

    return ElicLatents(0, np.zeros((0, 0, 0), np.int32), np.zeros((0, 0, 0), np.int32))


def paint(symbols: Symbols, progress: Progress | None = None) -> NDArray[np.uint8]:
    """The picture of decoded symbols, uint8[H, W, 3]."""
    from refcodec.methods import elic

    header = symbols.container.header
    if symbols.folder is None:
        raise SemError(704, "the file holds nothing to paint from", path="sections")
    return elic.paint(symbols.elic, symbols.folder, (header.width, header.height), progress)


def encode(image: Any = None, *, method: str = "elic", **settings: Any) -> bytes:
    """A picture as the bytes of a `.sem` file; settings as in `encode_picture`."""
    if image is None:
        raise ValueError(f"method {method!r} needs a picture")
    return encode_picture(image, method=method, **settings).data


def decode(data: bytes, *, models: tuple[Path, ...] = (), level: int = 1, progress: Progress | None = None) -> Image.Image:
    """The picture in the bytes of a `.sem` file; SemError for what is wrong with it."""
    from PIL import Image

    from refcodec.models import store

    symbols = read_symbols(bytes(data), models=models, level=level, backend=None)
    store.need_torch("painting a picture")
    return Image.fromarray(paint(symbols, progress))
