# SPDX-License-Identifier: MIT
"""SPEC §5, §11, §12, §15: what stands at a bound is accepted, and what stands one beyond it is not.

Of most there is a bound in refcodec (`tools/mutate.py --bounds`) that could be one more or one less unseen.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from refcodec.networks.package import symbol_digest
from tools.vectors import edges
from tools.vectors.mini import Symbols, Tensors, conv, layer
from tools.vectors.recipes_caption import MOST
from tools.vectors.recipes_caption_faults import _pieces as pieces
from tools.vectors.recipes_consonant import body
from tools.vectors.recipes_model import Bad, Change
from tools.vectors.recipes_model import _all as all_of
from tools.vectors.recipes_model import _reshaped as ones
from tools.vectors.recipes_model import _set as put_member
from tools.vectors.recipes_model import _tensor as tensor
from tools.vectors.recipes_mutants import last_table
from tools.vectors.recipes_mutants import spatial as _spatial
from tools.vectors.recipes_registry import Change as RowChange
from tools.vectors.recipes_registry import Row, document, row, several, to
from tools.vectors.vector import Fault, Valid

# --- rows and models at their bounds ---------------------------------------------------------------------------------


def _model(name: str | None) -> RowChange:
    return to(None if name is None else symbol_digest(edges.package(name)[0]), "model")


def _latents(profile_id: int, name: str, multiple: int, **members: Any) -> Row:
    return row(
        200,
        several(_model(name), to(members, "parameters", "7"), to(multiple, "fit", "multiple")),
        id=profile_id,
        name=name,
    )


def _codes(profile_id: int, name: str, like: int, model: str | None = None, **members: Any) -> Row:
    """A row of kind 3 or 4 like another one."""
    return row(like, several(_model(model), to(members, "parameters", str(like - 199))), id=profile_id, name=name)


def _indices(
    profile_id: int, name: str, modes: list[str], vocabulary: int, v: int, stride: int, model: str | None = None
) -> Row:
    """A row of kinds 2 and 5."""
    captions = several(to(modes, "parameters", "2", "modes"), to(vocabulary, "parameters", "2", "vocabulary"))
    numbers = to({"v": v, "stride": stride, "usage": model is not None}, "parameters", "5")
    return row(204, several(_model(model), captions, numbers), id=profile_id, name=name)


REGISTRIES: Final = {
    "bounds": document(
        _latents(220, "edge-rates", 65_536, rates=64, hyper=1, groups=[1] * 16, m=16, parity=1),
        _latents(221, "edge-layers", 1, rates=1, hyper=1, groups=[1], m=1, parity=0),
        _latents(222, "edge-channels", 64, rates=1, hyper=1024, groups=[1024], m=1024, parity=0),
        _codes(223, "edge-signs", 202, "edge-signs", d=65_536, b=1, prior=True),
        _codes(224, "edge-code", 202, "edge-code", d=1, b=16, prior=True),
        _codes(225, "most-bits", 202, d=65_536, b=16, prior=False),
        _codes(226, "most-parts", 203, m=65_536, v=1, codebooks=False),
        _codes(227, "most-words", 203, m=1, v=65_536, codebooks=False),
        _indices(228, "edge-usage", ["tokens"], 65_536, 65_536, 1024, "edge-usage"),
        _indices(229, "edge-pair", ["raw"], 1, 2, 8, "edge-pair"),
        _indices(230, "least-words", ["tokens"], 1, 1, 8),
        _indices(231, "most-indices", ["zstd"], 65_536, 65_536, 1024),
    )
}


def _accepted(
    name: str, rules: tuple[int, ...], note: str, profile: int, *payloads: tuple[int, Any], **more: Any
) -> tuple[str, Valid]:
    symbols: dict[str, Any] = {"tier": "S", "payload": False, "payloads": payloads} if payloads else {}
    return "bounds", Valid(name, rules, note, profile=profile, **({"check": 16} | symbols | more))


def _few(count: int, value: int, *others: tuple[int, int]) -> tuple[int, ...]:
    """So many times the same value, but for (place, value)."""
    return tuple(dict(others).get(at, value) for at in range(count))


RATES, LAYERS, CHANNELS = (32, 102, 103, 104, 121, 122, 123), (100, 105, 115, 123), (32, 111, 115)
VALID: Final = (
    _accepted("edge-rate-0", RATES, "64 rates, 16 groups of one channel: z is -32767 without an escape, multiplied by 1; multiples of 65536",
              220, size=(1, 1)),
    _accepted("edge-rate-63", RATES, "the last of 64 rates: z is 32767 without an escape, multiplied by 32767", 220, rate=63, size=(1, 1)),
    _accepted("edge-rates-whole", RATES, "the same model in the middle, twice as many sites", 220, rate=31, size=(65, 40), y="escapes", check=32),
    _accepted("edge-layers", LAYERS, "16 layers, one layer, a kernel of 15, 4096 channels, one rate, one group, one channel", 221, size=(64, 65)),
    _accepted("edge-layers-1x1", LAYERS, "the same on one pixel, by escapes", 221, size=(1, 1), z="escapes", y="escapes"),
    _accepted("edge-channels", CHANNELS, "1024 channels of z, and 1024 in one group", 222, size=(1, 1), y="sparse"),
    _accepted("edge-signs", (32, 117, 190), "65536 dimensions of one bit, the signs in a table", 223, (3, _few(65_536, 1, (7, 0), (65_535, 0)))),
    _accepted("edge-code", (32, 117, 190), "one dimension of 16 bits, its sign in a table", 224, (3, (65_535,))),
    _accepted("edge-bits", (32,), "65536 dimensions of 16 bits: the highest code, and the lowest of all others", 225, (3, _few(65_536, 0, (0, 65_535)))),
    _accepted("edge-parts", (32, 200), "65536 parts of one code word: nothing is to be coded", 226, (4, (0,) * 65_536)),
    _accepted("edge-words", (32, 200), "one part of 65536 code words, the last of them", 227, (4, (65_535,))),
    _accepted("edge-usage", (32, 118, 206), "65536 code words in a table, a stride of 1024, and ids below 65536", 228, (2, ("tokens", (0, 65_535))),
              (5, (65_535, 0)), size=(1025, 1024)),
    _accepted("edge-pair", (32, 118, 206), "two code words in a table, one of them all but certain; a stride of 8, and raw captions alone", 229,
              (2, ("raw", "a")), (5, (1, 1, 0, 1)), size=(9, 16)),
    _accepted("edge-least", (32, 205), "one code word, and one id", 230, (2, ("tokens", (0, 0))), (5, (0, 0)), size=(16, 8)),
    _accepted("edge-indices", (32, 205), "65536 code words without a table", 231, (5, (65_535, 256)), size=(1, 1025)),
)  # fmt: skip

# --- files that are one beyond ---------------------------------------------------------------------------------------

AT_MOST: Final = (b" on", b" top", b" of", b" the") * (MOST // 14) + (
    b" top",
)  # 65538 octets, the first of which is not written
CAPTION: Final = (
    Fault(
        "caption-static-exceeded-spelt-nothing",
        "caption-static-limit",
        604,
        (141, 150, 172, 181),
        "65537 octets, then a word of no letters: the octet too many is met first",
        pieces(0, *AT_MOST, (b"",)),
        "S",
    ),
    Fault(
        "caption-zstd-declared-by-1",
        "caption-zstd-unchecked",
        604,
        (141, 172, 178),
        "a frame that declares 65537 octets, and holds none",
        body(bytes.fromhex("faa001000100010000")),
        "S",
    ),
)

# --- models that are one beyond --------------------------------------------------------------------------------------


def _without(name: str) -> Change:
    def change(_: Symbols, tensors: Tensors) -> None:
        del tensors[name]

    return change


def _five_times(symbols: Symbols, tensors: Tensors) -> None:
    """A head whose last of four layers reaches 2^38 + 1, five times what its convolution gives."""
    fifth = (2**38 + 1) // 5
    tensors["fifth.b"] = np.array([fifth] * 4, "<i8")
    tensors["fifth.w"] = np.zeros((4, 3, 1, 1), "<i2")
    symbols["heads"][1] = [conv("fifth.w", "fifth.b"), *({"op": "add", "from": at} for at in (0, 1, 0))]
    del tensors["head.1.w"], tensors["head.1.b"]


def _deep(symbols: Symbols, tensors: Tensors) -> None:
    """A deconvolution that reaches 2^37 + 1 if its weights are summed over both inputs and all of its kernel."""
    total = int(np.abs(tensors["hyper.2.w"].astype(np.int64)).sum())
    tensors["deep.b"] = np.array([2**37 + 1 - 2**15 * total], "<i8")
    symbols["hyper_net"][4]["b"] = "deep.b"


def _anchored(symbols: Symbols, tensors: Tensors) -> None:
    """Anchor heads, of which the second reaches 2^38; its means take that to 2^53, and its head to less."""
    nets = []
    for k, (i, o) in enumerate(((1, 4), (2, 4), (2, 8))):
        tensors[f"anchor.{k}.w"] = np.zeros((o, i, 1, 1), "<i2")
        tensors[f"anchor.{k}.b"] = np.array([2**37 if k == 1 else 0] * o, "<i8")
        nets.append([conv(f"anchor.{k}.w", f"anchor.{k}.b"), {"op": "add", "from": 0}])
    symbols["anchor_heads"] = nets
    tensors["most"], tensors["even"] = np.array([[2**15 - 1]], "<i2"), np.array([[2**38]], "<i8")
    symbols["means"][1] |= {"m": "most", "a": "even"}


BAD: Final = (
    Bad("spatial-net-empty", 803, (111,), "a spatial net of no layers, with a head that takes what it would give",
        all_of(_spatial(), put_member("heads", 0, 0, "w", to="three.w"), ones("three.w", (4, 3, 1, 1), "<i2"),
               _without("head.0.w"))),
    Bad("stride-0-of-conv", 803, (111,), "a convolution with a stride of 0", put_member("hyper_net", 2, "stride", to=0)),
    Bad("conv-input-by-1", 804, (100,), "the input of a convolution can reach 32769",
        all_of(_spatial(conv("near.w", "near.b"), conv("one.w", "b"), layer("s22")), tensor("near.w", [[[[1]], [[0]]]], dtype="<i2"),
               tensor("near.b", [1], dtype="<i8"), tensor("one.w", [[[[1]]]], dtype="<i2"))),
    Bad("sum-by-1", 804, (105,), "a sum can reach 2^38 + 1",
        all_of(_five_times, tensor("m1", [[1]], dtype="<i2"), put_member("means", 1, "m", to="m1"), put_member("scales", 1, "m", to="m1"))),
    Bad("accumulator-of-deconv", 804, (101,), "an accumulator of a deconvolution can reach 2^37 + 1, whatever its stride", _deep),
    Bad("accumulator-of-joined", 804, (101,), "one of arrays that were joined can, the largest value of any of them counting for all",
        all_of(put_member("hyper_net", 5, "lo", to=-1), put_member("hyper_net", 5, "hi", to=1), tensor("head.2.b", [0, 0, 0, 0, -1, 0, 0, 0], add=True))),
    Bad("product-of-anchors", 804, (103,), "a product behind an anchor head can reach 2^53, and none behind the head", _anchored),
    Bad("bound-lowest", 804, (104,), "`lo` is -(2^53 - 1), the least integer that JSON has here", put_member("means", 1, "lo", to=-(2**53) + 1)),
    Bad("bound-highest", 804, (104,), "`hi` is 2^53 - 1, the largest", put_member("means", 1, "hi", to=2**53 - 1)),
    Bad("z-offset-highest-by-1", 803, (90, 122), "regular symbols up to 32768", last_table(32_766, 3)),
)  # fmt: skip
