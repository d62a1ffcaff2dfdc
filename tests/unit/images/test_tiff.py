# SPDX-License-Identifier: MIT
"""TIFF in every layout: the right pixels, or an error with a remedy; never wrong pixels without a notice.

Each layout is written by hand in both byte orders, with and without compression. Pillow decodes; what it misreads is
corrected or refused by refcodec.images.tiff_layout.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from image_files import outcome, packed, png, refused, sample
from numpy.typing import NDArray
from PIL import Image, features
from PIL import __version__ as PILLOW
from tiff_files import LONG, RATIONAL, SHORT, Page, deflated, packed_bits, page, tiff

from refcodec.errors import SemError
from refcodec.images.load import load

Pixels = NDArray[Any]

GREY: Pixels = np.array([[0, 64, 128, 255], [255, 10, 20, 30]])
COLOUR: Pixels = np.stack([GREY, 255 - GREY, GREY // 2], -1)
REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
ORDERS = pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
OLDER = int(PILLOW.partition(".")[0]) < 13  # Pillow then reads fewer layouts, and none more
COMPRESSED = pytest.mark.parametrize("compressed", [False, True], ids=["raw", "deflate"])


def grey(levels: Pixels) -> Pixels:
    return np.repeat(np.asarray(levels)[..., None], 3, -1)


def on_white(colour: Pixels, alpha: int) -> Pixels:
    return np.asarray(colour * (alpha / 255) + 255 - alpha)


def planes(values: Pixels) -> list[bytes]:
    return [np.ascontiguousarray(values[..., n]).tobytes() for n in range(values.shape[-1])]


@dataclass(frozen=True)
class Layout:
    """A page for each byte order ("<" or ">"), and its pixels. readable: for which (order, compressed) it is read."""

    name: str
    build: Callable[[str], Page]
    pixels: Pixels
    readable: Callable[[str, bool], bool] = lambda order, compressed: True


def never(order: str, compressed: bool) -> bool:
    return False


def little(order: str, compressed: bool) -> bool:
    return order == "<"


def compressed_only(order: str, compressed: bool) -> bool:
    return compressed


def small_greys() -> list[Layout]:
    """1, 2, 4 and 8 bits, black and white being 0."""
    out = []
    for bits in (1, 2, 4, 8):
        top = (1 << bits) - 1
        values = (GREY * top + 127) // 255
        for photometric in (0, 1):
            shown = values * 255 // top

            def build(order: str, values: Pixels = values, bits: int = bits, photometric: int = photometric) -> Page:
                return page(4, 2, packed_bits(values, bits), bits=(bits,), photometric=photometric)

            out.append(Layout(f"grey {bits}, {photometric}", build, grey(shown if photometric else 255 - shown)))
    return out


def numeric(
    name: str,
    dtype: str,
    values: Pixels,
    pixels: Pixels,
    readable: Callable[[str, bool], bool] = lambda order, compressed: True,
    **tags: Any,
) -> Layout:
    """A layout of numbers of one type, chunky or (planar=2) in planes."""
    size = np.dtype(dtype).itemsize * 8
    samples = values.shape[2] if values.ndim == 3 else 1

    def build(order: str) -> Page:
        made = values.astype(np.dtype(dtype).newbyteorder("<" if order == "<" else ">"))
        data = planes(made) if tags.get("planar") == 2 and samples > 1 else made.tobytes()
        kind = {"u": 1, "i": 2, "f": 3}[dtype[0]]
        return page(4, 2, data, bits=(size,) * samples, format=(kind,) * samples, **tags)

    return Layout(name, build, pixels, readable)


def wide_greys() -> list[Layout]:
    inverted = 255 - GREY
    positive = GREY / 255
    return [
        Layout(
            "grey 12", lambda order: page(4, 2, packed_bits(GREY * 4095 // 255, 12), bits=(12,)), grey(GREY), little
        ),
        Layout(
            "grey 12, white 0",
            lambda order: page(4, 2, packed_bits(GREY * 16, 12), bits=(12,), photometric=0),
            grey(inverted),
            never,
        ),
        Layout("grey 5", lambda order: page(4, 2, packed_bits(GREY >> 3, 5), bits=(5,)), grey(GREY), never),
        numeric("grey u16", "u2", GREY * 257, grey(GREY)),
        numeric("grey u16, white 0", "u2", GREY * 257, grey(inverted), little, photometric=0),
        numeric("grey u32", "u4", GREY * 16843009, grey(GREY), little),
        numeric("grey u64", "u8", GREY, grey(GREY), never),
        numeric("grey i8", "i1", GREY // 2, grey(GREY), never),
        numeric("grey i16", "i2", GREY * 257 - 32768, grey(GREY)),
        numeric("grey i16, positive", "i2", GREY, grey(GREY)),
        numeric("grey i16, half the range", "i2", (GREY * 32767 + 127) // 255, grey(GREY)),
        numeric("grey i32", "i4", GREY * 16843009 - (1 << 31), grey(GREY)),
        numeric("grey i16, white 0", "i2", GREY * 128, grey(inverted), never, photometric=0),
        numeric("grey f16", "f2", positive, grey(GREY), never),
        numeric("grey f32", "f4", positive, grey(GREY)),
        numeric("grey f32, white 0", "f4", positive, grey(inverted), photometric=0),
        numeric("grey f64", "f8", positive, grey(GREY), never),
        Layout("grey f24", lambda order: page(4, 2, bytes(24), bits=(24,), format=(3,)), grey(GREY), never),
    ]


def colours() -> list[Layout]:
    cmyk = np.stack([GREY, GREY * 0, GREY * 0, GREY * 0], -1)
    cyan = np.stack([255 - GREY, GREY * 0 + 255, GREY * 0 + 255], -1)
    out = []
    for size, factor in (("u1", 1), ("u2", 257)):
        compressed_planes = compressed_only if size == "u2" else lambda order, compressed: True
        out += [
            numeric(f"RGB {size}", size, COLOUR * factor, COLOUR, photometric=2),
            numeric(f"RGB {size}, planes", size, COLOUR * factor, COLOUR, compressed_planes, photometric=2, planar=2),
            numeric(f"CMYK {size}", size, cmyk * factor, cyan, photometric=5),
            numeric(f"CMYK {size}, planes", size, cmyk * factor, cyan, compressed_planes, photometric=5, planar=2),
        ]
    for dtype, values in (
        ("i1", COLOUR // 2),
        ("i2", COLOUR),
        ("u4", COLOUR),
        ("f2", COLOUR / 255),
        ("f4", COLOUR / 255),
    ):
        for planar in (1, 2):
            out.append(
                numeric(f"RGB {dtype}, planar {planar}", dtype, values, COLOUR, never, photometric=2, planar=planar)
            )
    out.append(Layout("RGB 5/6/5", lambda order: page(4, 2, bytes(16), bits=(5, 6, 5), photometric=2), COLOUR, never))
    return out


def alphas() -> list[Layout]:
    """Extra samples: none named, unspecified, associated (premultiplied) and unassociated alpha."""
    out = []
    alpha = np.full((2, 4, 1), 128)
    for size, factor in (("u1", 1), ("u2", 257)):
        for extra in ((), (0,), (1,), (2,)):
            colour = COLOUR // 2 if extra == (1,) else COLOUR
            shown = COLOUR if extra == (0,) else colour + 127 if extra == (1,) else on_white(COLOUR, 128)
            values = np.concatenate([colour, alpha], -1) * factor
            name = f"RGB {size}, extra {extra}"
            out.append(numeric(name, size, values, shown, photometric=2, extra=extra))

            def in_planes(order: str, compressed: bool, size: str = size, extra: tuple[int, ...] = extra) -> bool:
                return bool(extra) if compressed else size == "u1" and extra == (2,)

            out.append(numeric(f"{name}, planes", size, values, shown, in_planes, photometric=2, extra=extra, planar=2))
        for extra in ((0,), (1,), (2,)):
            level = GREY // 2 if extra == (1,) else GREY
            shown = GREY if extra == (0,) else level + 127 if extra == (1,) else on_white(GREY, 128)
            values = np.stack([level, np.full_like(GREY, 128)], -1) * factor
            small = size == "u1"
            out.append(
                numeric(
                    f"grey {size}, extra {extra}",
                    size,
                    values,
                    grey(shown),
                    (lambda order, compressed: True) if small else never,
                    extra=extra,
                )
            )
            zeros = compressed_only if extra == (0,) else never
            out.append(
                numeric(f"grey {size}, extra {extra}, planes", size, values, grey(shown), zeros, extra=extra, planar=2)
            )
    return out


def palettes() -> list[Layout]:
    out = []
    for bits in (1, 2, 4, 8, 16):
        top = (1 << bits) - 1
        ramp = np.arange(top + 1) * 65535 // top
        colour_map = [*ramp, *(65535 - ramp), *(ramp * 0)]
        values = (GREY * top + 127) // 255
        shown = values * 255 // top

        def build(order: str, values: Pixels = values, bits: int = bits, colour_map: list[int] = colour_map) -> Page:
            return page(4, 2, packed_bits(values, bits), bits=(bits,), photometric=3, tags={320: (SHORT, colour_map)})

        pixels = np.stack([shown, 255 - shown, shown * 0], -1)
        out.append(Layout(f"palette {bits}", build, pixels, never if bits == 16 else lambda order, compressed: True))
    small = [*range(256), *range(255, -1, -1), *[0] * 256]
    out.append(
        Layout(
            "palette of 8-bit levels",
            lambda order: page(4, 2, packed_bits(GREY, 8), photometric=3, tags={320: (SHORT, small)}),
            np.stack([GREY, 255 - GREY, GREY * 0], -1),
        )
    )
    return out


def luma_chroma() -> list[Layout]:
    red = np.broadcast_to(np.array([254, 0, 0]), (2, 4, 3))
    lab = np.broadcast_to(np.array([138, 81, 70], np.uint8), (2, 4, 3))
    ycc = np.broadcast_to(np.array([76, 85, 255], np.uint8), (2, 4, 3))
    shared = bytes([76] * 4 + [85, 255]) * 2  # four luma, one pair of chroma: 2x2
    three = (8, 8, 8)
    one: dict[int, Any] = {530: (SHORT, [1, 1])}
    return [
        Layout("CIE Lab", lambda order: page(4, 2, lab.tobytes(), bits=three, photometric=8), red - [3, -5, -4]),
        Layout(
            "CIE Lab, planes",
            lambda order: page(4, 2, planes(lab), bits=three, photometric=8, planar=2),
            red,
            never,
        ),
        Layout("ICC Lab", lambda order: page(4, 2, lab.tobytes(), bits=three, photometric=9), red, never),
        Layout("ITU Lab", lambda order: page(4, 2, lab.tobytes(), bits=three, photometric=10), red, never),
        Layout("YCbCr", lambda order: page(4, 2, ycc.tobytes(), bits=three, photometric=6, tags=one), red),
        Layout(
            "YCbCr 2x2",
            lambda order: page(4, 2, shared, bits=three, photometric=6, tags={530: (SHORT, [2, 2])}),
            red,
            compressed_only,
        ),
        Layout(
            "YCbCr 2x2, by default", lambda order: page(4, 2, shared, bits=three, photometric=6), red, compressed_only
        ),
        Layout(
            "YCbCr, planes",
            lambda order: page(4, 2, planes(ycc), bits=three, photometric=6, planar=2, tags=one),
            red,
            compressed_only,
        ),
        Layout("mask", lambda order: page(4, 2, bytes(2), bits=(1,), photometric=4), red, never),
        Layout("LogL", lambda order: page(4, 2, bytes(16), bits=(16,), photometric=32844, format=(2,)), red, never),
        Layout(
            "LogLuv",
            lambda order: page(4, 2, bytes(48), bits=(16,) * 3, photometric=32845, format=(2,) * 3),
            red,
            never,
        ),
    ]


LAYOUTS = [*small_greys(), *wide_greys(), *colours(), *alphas(), *palettes(), *luma_chroma()]


@ORDERS
@COMPRESSED
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_layouts(layout: Layout, order: str, compressed: bool) -> None:
    made = layout.build(order)
    data = tiff(deflated(made) if compressed else made, order=order)
    if layout.readable(order, compressed) and not (OLDER and isinstance(outcome(data), SemError)):
        picture = load(data)
        assert abs(picture.pixels.astype(int) - layout.pixels).max() <= 1
        assert picture.source_format == "TIFF"
    else:
        message = refused(data, 103)
        assert "TIFF picture" in message
        assert "save it with 8 or 16 unsigned bits a channel" in message


def test_the_table_is_not_all_refusals() -> None:
    read = [(layout.name, o, c) for layout in LAYOUTS for o in "<>" for c in (False, True) if layout.readable(o, c)]
    assert len(LAYOUTS) == 90
    assert len(read) == 190


@ORDERS
def test_fill_order_2(order: str) -> None:
    rgb = COLOUR.astype(np.uint8).tobytes()
    plain = page(4, 2, rgb.translate(REVERSED), bits=(8, 8, 8), photometric=2, fill=2)
    assert (load(tiff(plain, order=order)).pixels == COLOUR).all()
    packed_ = page(4, 2, zlib.compress(rgb).translate(REVERSED), bits=(8, 8, 8), photometric=2, fill=2, compression=8)
    assert (load(tiff(packed_, order=order)).pixels == COLOUR).all()
    bilevel = page(4, 2, bytes([0b0011, 0b1000]), bits=(1,), fill=2)
    assert load(tiff(bilevel, order=order)).pixels[..., 0].tolist() == [[255, 255, 0, 0], [0, 0, 0, 255]]


@ORDERS
def test_big_tiff(order: str) -> None:
    data = tiff(page(4, 2, COLOUR.astype(np.uint8).tobytes(), bits=(8, 8, 8), photometric=2), order=order, big=True)
    if order == "<":
        assert (load(data).pixels == COLOUR).all()
    else:
        assert "classic form" in refused(data, 103)


@ORDERS
@COMPRESSED
def test_tiles(order: str, compressed: bool) -> None:
    """20 x 18 pixels in four tiles of 16 x 16, and strips of 5 rows."""
    pixels = (np.arange(18 * 20 * 3) * 7 % 256).astype(np.uint8).reshape(18, 20, 3)
    padded = np.zeros((32, 32, 3), np.uint8)
    padded[:18, :20] = pixels
    tiles = [padded[y : y + 16, x : x + 16].tobytes() for y in (0, 16) for x in (0, 16)]
    made = page(20, 18, tiles, bits=(8, 8, 8), photometric=2, tags={322: (SHORT, [16]), 323: (SHORT, [16])})
    made = Page({tag: value for tag, value in made.tags.items() if tag != 278}, made.strips, tiled=True)
    assert (load(tiff(deflated(made) if compressed else made, order=order)).pixels == pixels).all()
    strips = [pixels[y : y + 5].tobytes() for y in range(0, 18, 5)]
    made = page(20, 18, strips, bits=(8, 8, 8), photometric=2, rows=5)
    assert (load(tiff(deflated(made) if compressed else made, order=order)).pixels == pixels).all()


@ORDERS
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_predictor_2(dtype: str, order: str) -> None:
    values = (COLOUR * (257 if dtype == "u2" else 1)).astype(dtype)
    differences = values.copy()
    differences[:, 1:] -= values[:, :-1]
    data = differences.astype(np.dtype(dtype).newbyteorder(order)).tobytes()
    bits = (8 * values.itemsize,) * 3
    made = deflated(page(4, 2, data, bits=bits, photometric=2, predictor=2))
    assert abs(load(tiff(made, order=order)).pixels.astype(int) - COLOUR).max() <= 1


@ORDERS
def test_predictor_3(order: str) -> None:
    """Bytes of floats by significance, each row, as differences."""
    values = (GREY / 255).astype(">f4")
    rows = b""
    for row in values:
        sorted_ = np.frombuffer(row.tobytes(), np.uint8).reshape(4, 4).T.reshape(-1)
        rows += np.diff(sorted_, prepend=sorted_.dtype.type(0)).astype(np.uint8).tobytes()
    made = deflated(page(4, 2, rows, bits=(32,), format=(3,), predictor=3))
    assert (load(tiff(made, order=order)).pixels == grey(GREY)).all()


COMPRESSIONS = ["tiff_lzw", "packbits", "tiff_deflate", "tiff_adobe_deflate", "zstd", "lzma", "webp"]


@pytest.mark.skipif(not features.check("libtiff"), reason="this Pillow has no libtiff")
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_compressions(compression: str) -> None:
    image = Image.fromarray(COLOUR.astype(np.uint8).repeat(8, 0).repeat(8, 1))
    try:
        data = packed(image, "TIFF", compression=compression)
    except (OSError, ValueError, KeyError, RuntimeError):
        pytest.skip("this libtiff does not write it")
    picture = load(data)
    assert abs(picture.pixels.astype(int) - np.asarray(image)).max() <= (0 if compression != "webp" else 90)
    assert picture.notices == ()


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax(compression: str) -> None:
    image = Image.fromarray((np.arange(24 * 32) % 7 < 3).reshape(24, 32))
    try:
        data = packed(image, "TIFF", compression=compression)
    except (OSError, ValueError, KeyError, RuntimeError):
        pytest.skip("this libtiff does not write it")
    assert (load(data).pixels[..., 0] == np.asarray(image) * 255).all()


@ORDERS
@pytest.mark.parametrize(
    ("photometric", "options"), [(6, {"subsampling": 2}), (6, {"subsampling": 0}), (2, {"keep_rgb": True})]
)
def test_jpeg(photometric: int, options: dict[str, Any], order: str) -> None:
    image = Image.new("RGB", (32, 16), (200, 100, 50))
    stream = packed(image, "JPEG", quality=95, **options)
    sub = {530: (SHORT, [2, 2] if options.get("subsampling") else [1, 1])} if photometric == 6 else {}
    data = tiff(page(32, 16, stream, bits=(8, 8, 8), photometric=photometric, compression=7, tags=sub), order=order)
    assert abs(load(data).pixels.astype(int) - [200, 100, 50]).max() <= 3


@pytest.mark.parametrize(
    "tags",
    [
        {529: (RATIONAL, [2126, 10000, 7152, 10000, 722, 10000])},
        {532: (RATIONAL, [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1])},
    ],
    ids=["weights of BT.709", "narrow range"],
)
def test_luma_of_another_kind_is_refused(tags: dict[int, Any]) -> None:
    data = bytes([76, 85, 255]) * 8
    made = page(4, 2, data, bits=(8, 8, 8), photometric=6, tags={530: (SHORT, [1, 1]), **tags})
    assert "YCbCr" in refused(tiff(made), 103)


def test_inks_other_than_cmyk_are_refused() -> None:
    made = page(4, 2, bytes(32), bits=(8,) * 4, photometric=5, tags={332: (SHORT, [2])})
    assert "inks" in refused(tiff(made), 103)


def test_primaries_of_a_tiff_are_converted() -> None:
    p3 = [680, 1000, 320, 1000, 265, 1000, 690, 1000, 150, 1000, 60, 1000]
    made = page(1, 1, bytes([200, 60, 60]), bits=(8, 8, 8), photometric=2, tags={319: (RATIONAL, p3)})
    picture = load(tiff(made))
    assert picture.pixels.tolist() == [[[217, 42, 52]]]
    assert picture.notices == ("Colours with primaries of their own were converted to sRGB.",)


@pytest.mark.parametrize("green", [(265, 690), (300, 701), (400, 601)])
def test_absurd_primaries_of_a_tiff_are_ignored_as_those_of_a_png(green: tuple[int, int]) -> None:
    """x + y of a colour is at most 1; a thousandth more is taken for rounding."""
    x, y = green
    values = [680, 1000, 320, 1000, x, 1000, y, 1000, 150, 1000, 60, 1000]
    made = page(1, 1, bytes([200, 60, 60]), bits=(8, 8, 8), photometric=2, tags={319: (RATIONAL, values)})
    chunk = struct.pack(">8I", 31270, 32900, *(value * 100 for value in values[::2]))
    pixels = load(tiff(made)).pixels.tolist()
    assert pixels == load(png(1, 1, 8, 2, bytes([200, 60, 60]), (b"cHRM", chunk))).pixels.tolist()
    assert (pixels == [[[200, 60, 60]]]) == (x + y > 1001)


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        ({532: (RATIONAL, [16, 1, 235, 1] * 3)}, "reference black and white"),
        ({301: (SHORT, [n * 257 for n in range(256)])}, "transfer function"),
    ],
)
def test_tags_that_are_not_applied_are_announced(tags: dict[int, Any], word: str) -> None:
    picture = load(tiff(page(1, 1, b"\x10\x80\xeb", bits=(8, 8, 8), photometric=2, tags=tags)))
    assert picture.pixels.tolist() == [[[16, 128, 235]]]
    assert [word in notice for notice in picture.notices] == [True]
    usual = {532: (RATIONAL, [0, 1, 255, 1] * 3)}
    assert load(tiff(page(1, 1, bytes(3), bits=(8, 8, 8), photometric=2, tags=usual))).notices == ()


@pytest.mark.parametrize("compression", [34661, 34925, 50000, 50001])
def test_a_compression_that_libtiff_may_lack_names_the_remedy(compression: int) -> None:
    made = page(4, 2, bytes(24), bits=(8, 8, 8), photometric=2, compression=compression)
    result = outcome(tiff(made), lenient=False)
    assert isinstance(result, SemError)
    assert "save it with" in str(result)


def test_a_pillow_image_is_corrected_like_its_file() -> None:
    import io

    data = tiff(page(4, 2, (GREY * 257).astype("<u2").tobytes(), bits=(16,), photometric=0))
    assert (load(Image.open(io.BytesIO(data))).pixels == grey(255 - GREY)).all()
    misread = tiff(page(4, 2, planes((COLOUR * 257).astype("<u2")), bits=(16,) * 3, photometric=2, planar=2))
    refused(Image.open(io.BytesIO(misread)), 103)


def test_sizes_beyond_the_file_are_refused() -> None:
    made = page(4, 2, bytes(8), tags={256: (LONG, [60_000]), 257: (LONG, [60_000])})
    refused(tiff(made), 105)
    assert refused(sample("TIFF")[:60], 104)


@ORDERS
@COMPRESSED
@pytest.mark.parametrize(
    ("low", "high", "notice"),
    [
        (0, 255, "Signed 16-bit grey was read as 0 to 255 and reduced to 8 bits."),
        (0, 256, "Signed 16-bit grey was read as 0 to 32767 and reduced to 8 bits."),
        (0, 32767, "Signed 16-bit grey was read as 0 to 32767 and reduced to 8 bits."),
        (-1, 5, "Signed 16-bit grey was stretched from -1 to 5 and reduced to 8 bits."),
        (-32768, 32767, "Signed 16-bit grey was stretched from -32768 to 32767 and reduced to 8 bits."),
    ],
)
def test_sixteen_bits_with_a_sign_are_named(order: str, compressed: bool, low: int, high: int, notice: str) -> None:
    values = np.array([low, high], "<i2" if order == "<" else ">i2")
    one = page(2, 1, values.tobytes(), bits=(16,), format=(2,))
    assert load(tiff(deflated(one) if compressed else one, order=order)).notices == (notice,)
