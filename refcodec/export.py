# SPDX-License-Identifier: MIT
"""What a file holds where nothing paints it: its text, its vector, its codes, its indices or its edge map, as files."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.decoder import DecodedFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.progress import Progress


@dataclass(frozen=True)
class Holding:
    """`what`: a word for people. `suffixes`: of the files that it can become, the usual one first."""

    kind: int
    what: str
    suffixes: tuple[str, ...]
    make: Callable[[str], bytes]  # suffix -> the file


def holdings(symbols: DecodedFile, progress: Progress | None = None) -> list[Holding]:
    """What each payload of a file can be written as, by ascending kind."""
    out = []
    for section_type, value in symbols.values.items():
        kind = section_type & spec.NUMBER
        what, suffixes, make = FORMS[kind](symbols, value, progress)
        out.append(Holding(kind, what, suffixes, make))
    return out


PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".ppm")
Form = tuple[str, tuple[str, ...], Callable[[str], bytes]]


def _text(_: DecodedFile, value: Any, __: Any) -> Form:
    return "consonant text", (".txt",), lambda _: f"{value.text}\n".encode()


def _caption(_: DecodedFile, value: Any, __: Any) -> Form:
    if value.text is None:
        import numpy as np

        return "prompt token ids", (".npy",), lambda _: _npy(np.array(value.tokens, np.uint16))
    return "caption", (".txt",), lambda _: f"{value.text}\n".encode()


def _vector(_: DecodedFile, value: Any, __: Any) -> Form:
    from refcodec.payloads import clip_bits

    return "image vector", (".npy",), lambda _: _npy(clip_bits.dequantise(value.codes, value.b))


def _codes(symbols: DecodedFile, value: Any, __: Any) -> Form:
    import numpy as np

    codes = np.array(value.codes, np.uint16)
    books = codebooks(symbols)
    if books is None:
        return "PQ codes", (".npy",), lambda _: _npy(codes)
    from refcodec.payloads import pq_codes

    return "image embedding", (".npy",), lambda _: _npy(pq_codes.lookup(value.codes, books))


def _indices(symbols: DecodedFile, value: Any, __: Any) -> Form:
    import numpy as np

    grid = np.array(value.indices, np.uint16).reshape(value.h, value.w)
    parameters = symbols.container.profile.parameters(spec.VQ)
    v, stride = int(parameters["v"]), int(parameters["stride"])
    header = symbols.container.header

    def make(suffix: str) -> bytes:
        return (
            _npy(grid)
            if suffix == ".npy"
            else _picture(index_map(grid, v, stride, (header.width, header.height)), suffix)
        )

    return "index map", (*PICTURES, ".npy"), make


def _sketch(symbols: DecodedFile, value: Any, progress: Any) -> Form:
    header, folder = symbols.container.header, symbols.folder
    assert folder is not None

    def make(suffix: str) -> bytes:
        from refcodec.methods import sketch
        from refcodec.networks import package_cache

        package_cache.need_torch("painting an edge map")
        with package_cache.torch_errors(folder, "painter"):
            return _picture(sketch.synthesise(value, folder, (header.width, header.height), progress), suffix)

    return "edge map", PICTURES, make


def _latents(_: DecodedFile, value: Any, __: Any) -> Form:
    import numpy as np

    def make(_: str) -> bytes:
        out = io.BytesIO()
        np.savez_compressed(out, rate=np.int32(value.rate), z=value.z.astype(np.int16), y=value.y.astype(np.int16))
        return out.getvalue()

    return "latents", (".npz",), make


FORMS: Final[dict[int, Callable[[DecodedFile, Any, Any], Form]]] = {
    spec.CONSONANT: _text, spec.CAPTION: _caption, spec.CLIP: _vector, spec.PQ: _codes, spec.VQ: _indices,
    spec.SKETCH: _sketch, spec.ELIC: _latents,
}  # fmt: skip


def codebooks(symbols: DecodedFile) -> NDArray[np.float32] | None:
    """Those of the file's model, float32[M, V, d / M]; None where it has none, or they are not here.

    SemError 802, 803 for a package that is here and faulty.
    """
    from refcodec.payloads import kinds

    header = symbols.container.header
    wanted = header.profile.model if header.model_hash is None else header.model_hash.hex()
    folder = None if wanted is None else symbols.environment.find_package(wanted)
    if folder is None:
        return None
    from refcodec.networks import package

    model = package.load_any(folder)
    if not isinstance(model, package.SmallModel) or model.kind != spec.PQ:
        return None  # an explicit model may be of another kind
    parameters = header.profile.parameters(spec.PQ)
    if not parameters["codebooks"] and any(model.numbers[name] != parameters[name] for name in ("m", "v")):
        return None  # an explicit model that the row does not use is not judged (§7)
    kinds.fits(model, spec.PQ, parameters)
    books: NDArray[np.float32] = model.tensor
    return books


def index_map(grid: NDArray[np.uint16], v: int, stride: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """uint8[H, W, 3]: each place of the grid a block of stride × stride pixels, neighbouring indices far apart in hue.

    size: (width, height) of the picture.
    """
    import numpy as np

    golden = (grid.astype(np.uint32) * 40503) & 0xFFFF  # 2^16 / golden ratio spreads the hues
    shade = 64 + (grid.astype(np.uint32) * 191) // max(1, v - 1)
    hue = golden * 6
    ramp = (hue & 0xFFFF) * shade >> 16
    sector = hue >> 16
    zero, full, fall = np.zeros_like(shade), shade, shade - ramp
    red = np.choose(sector, [full, fall, zero, zero, ramp, full])
    green = np.choose(sector, [ramp, full, full, fall, zero, zero])
    blue = np.choose(sector, [zero, zero, ramp, full, full, fall])
    small = np.stack([red, green, blue], 2).astype(np.uint8)
    return np.ascontiguousarray(small.repeat(stride, 0)[: size[1]].repeat(stride, 1)[:, : size[0]])


def _picture(pixels: NDArray[np.uint8], suffix: str) -> bytes:
    from refcodec.images.save import format_of, save

    out = io.BytesIO()
    save(pixels, out, format=format_of(suffix))
    return out.getvalue()


def _npy(array: NDArray[Any]) -> bytes:
    import numpy as np

    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()
