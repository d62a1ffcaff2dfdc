# SPDX-License-Identifier: MIT
"""What no other vector shows: of each there is a rejection in refcodec (`tools/mutate.py`) that could be taken away unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from refcodec.container.fields import varint
from refcodec.networks.package import symbol_digest
from tools.vectors import mini, tiny
from tools.vectors.mini import Symbols, Tensors, conv, layer
from tools.vectors.recipes_caption import MOST
from tools.vectors.recipes_caption_faults import _pieces as pieces
from tools.vectors.recipes_consonant import body
from tools.vectors.recipes_model import PROBE, PROBES, RELU, SPATIAL, Bad, Change, body_of
from tools.vectors.recipes_model import _all as all_of
from tools.vectors.recipes_model import _reshaped as ones
from tools.vectors.recipes_model import _set as put_member
from tools.vectors.recipes_model import _tensor as tensor
from tools.vectors.recipes_registry import Broken, Row, to
from tools.vectors.recipes_small import _bad as small
from tools.vectors.vector import Fault, both, explicit, put

# --- header and captions -------------------------------------------------------------------------------------------

HEADER: Final = (
    Fault("profile-unlisted-dim-class", "micro", 702, (15, 150), "no row has the id; the dim class that is not given is not judged",
          both(put("profile", "C7"), put("dim_class", "9D"))),
    Fault("base-profile-unlisted-hash-code", "hash-4", 702, (15, 150), "the same of an explicit model, with a hash code that is not given",
          both(put("base_profile", "63"), put("hash_code", "04"))),
    Fault("profile-253-dim-class", "micro", 702, (15, 150), "the same of 253, the last id of one byte", both(put("profile", "FD"), put("dim_class", "9D"))),
    Fault("base-profile-253", "hash-4", 702, (15, 17), "an explicit model on 253, which could be a row", put("base_profile", "FD")),
    Fault("limit-pixels-exceeded-by-1", "limit-pixels", 602, (141,), "8283 × 4051 pixels, 2^25 and one",
          both(put("width_minus_1", varint(8282).hex()), put("height_minus_1", varint(4050).hex()))),
)  # fmt: skip

LONG: Final = (b" on", b" top", b" of", b" the") * (MOST // 14 + 1)  # 65547 octets
BOMB: Final = "fa6001ff4d000008610100fd7f1d08"  # zstd: 65537 octets declared, and the last block is a byte short
CAPTION: Final = (
    Fault("caption-static-limit-spelt-nothing", "caption-static-limit", 604, (141, 150, 172, 181),
          "65547 octets, then a word of no letters: symbols are judged one after another", pieces(0, *LONG, (b"",)), "S"),
    Fault("caption-static-spelt-nothing-limit", "caption-static-limit", 402, (150, 172, 181),
          "the same the other way round", pieces(0, (b"",), *LONG), "S"),
    Fault("caption-length-most", "caption-tiny-raw", 301, (46, 141), "a section of 65536 bytes, as many as may be, which are not there",
          put("sections[0].length", varint(65_536).hex())),
    Fault("caption-zstd-bomb-cut", "caption-zstd-unchecked", 401, (150, 177, 178),
          "a frame that declares too much and is cut: whether it is whole is judged first", body(bytes.fromhex(BOMB)), "S"),
)  # fmt: skip

# --- models --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed(Bad):
    """A faulty package whose `tensors` are a list of names."""

    def files(self) -> dict[str, bytes]:
        symbols, tensors = (tiny.MODELS | tiny.SMALL)[self.base]()
        symbols["tensors"] = sorted(tensors)
        head = explicit(PROBES[self.base].profile) + bytes.fromhex(symbol_digest(symbols))[: PROBE.hash_bytes]
        manifest = mini.frame(self.id, f"A fault: {self.note}.") | {"symbols": symbols}
        return {
            "manifest.json": (json.dumps(manifest, indent=1) + "\n").encode(),
            "probe.sem": head + b"\x04" + body_of(self.base),
            "symbols.safetensors": mini.safetensors(tensors),
        }


@dataclass(frozen=True)
class Undigested(Bad):
    """A package whose `symbols` have no canonical JSON: its probe has the digest that sorted JSON without spaces would give."""

    def files(self) -> dict[str, bytes]:
        symbols, tensors = (tiny.MODELS | tiny.SMALL)[self.base]()
        symbols["tensors"] = mini.declared(tensors)
        self.late(symbols, tensors)
        digest = hashlib.sha256(json.dumps(symbols, sort_keys=True, separators=(",", ":")).encode()).digest()
        head = explicit(PROBES[self.base].profile) + digest[: PROBE.hash_bytes]
        return {
            "manifest.json": self.text(mini.manifest(self.id, symbols, f"A fault: {self.note}.")),
            "probe.sem": head + b"\x04" + body_of(self.base),
            "symbols.safetensors": mini.safetensors(tensors),
        }


def entry(name: str, change: Callable[[dict[str, Any]], Any]) -> Change:
    """What the manifest says of a tensor becomes something else."""
    return lambda symbols, _: change(symbols["tensors"][name])


def replaced(name: str, value: Any) -> Change:
    return lambda symbols, _: symbols["tensors"].update({name: value})


def short_freq(_: Symbols, tensors: Tensors) -> None:
    """The last table has a frequency less than its size says; they sum to 2^16 all the same."""
    freq = tensors["z.freq"].copy()
    freq[-2] += freq[-1]
    tensors["z.freq"] = freq[:-1]


def last_table(offset: int, size: int) -> Change:
    """The last z table: where its values begin, and how many there are, equally likely."""

    def change(_: Symbols, tensors: Tensors) -> None:
        freq = tensors["z.freq"][: -int(tensors["z.size"][-1, -1]) - 1]
        new = [65_536 // (size + 1)] * (size + 1)
        tensors["z.freq"] = np.append(freq, np.array(new, "<u2"))
        tensors["z.offset"][-1, -1], tensors["z.size"][-1, -1] = offset, size

    return change


def turned(name: str) -> Change:
    """A tensor of two axes with the axes exchanged, its values in their order."""
    return lambda _, tensors: tensors.update({name: tensors[name].reshape(tensors[name].shape[::-1])})


def spatial(*layers: Any) -> Change:
    return put_member("spatial_nets", 0, to=list(layers))


ONE: Final = ones("one.w", (1, 1, 1, 1), "<i2")
TWO: Final = all_of(ones("two.w", (2, 1, 1, 1), "<i2"), ones("two.b", (2,), "<i8"))
HYPER: Final = (conv("hyper.0.w", "b2", "deconv", 4), layer("s22"))

BAD: Final = (
    Bad("tensor-named-by-list", 803, (111,), "the name of a tensor in a list", put_member("z_input", "m", to=["m"])),
    Bad("requant-three-axes", 803, (111,), "multipliers of three axes",
        all_of(put_member("z_input", "m", to="m3"), tensor("m3", [[[21_000]]], dtype="<i2"))),
    Bad("scale-shift-0", 804, (102,), "a shift of 0 in a scale", all_of(put_member("scales", 2, "s", to="s0"), tensor("s0", [[0]], dtype="|u1"))),
    Bad("hyper-net-stride-3", 803, (123,), "a stride of 3 where the enlargement is fourfold, and a fourfold one behind it",
        put_member("hyper_net", to=[*HYPER, conv("hyper.1.w", "b2", "conv", 3), layer("s22"), conv("hyper.2.w", "b", "deconv", 4), layer("s22")])),
    Bad("hyper-net-eightfold-between", 803, (123,), "a hyper net that enlarges eightfold, then halves",
        all_of(put_member("hyper_net", to=[*HYPER, conv("hyper.1.w", "b2"), layer("s22"), conv("hyper.2.w", "b", "deconv", 2), layer("s22"),
                                          conv("one.w", "b", "conv", 2), layer("s22")]), ONE)),
    Bad("spatial-net-halves-and-doubles", 803, (123,), "a spatial net that halves h and w, then doubles them",
        all_of(spatial(conv("spatial.2.w", "b", "conv", 2), layer("s22"), conv("one.w", "b", "deconv", 2), layer("s22")), ONE)),
    Bad("add-of-other-channels", 803, (111,), "a sum of one channel and two, of which a layer makes one again",
        all_of(spatial(SPATIAL, layer("s22"), conv("two.w", "two.b"), {"op": "add", "from": 1}, layer("s22"), conv("thin.w", "b"), layer("s22")),
               TWO, ones("thin.w", (1, 2, 1, 1), "<i2"))),
    Bad("add-from-minus-1", 803, (111,), "a sum with the layer before the first", put_member("heads", 1, to=[conv("head.1.w", "head.1.b"), {"op": "add", "from": -1}])),
    Bad("stride-0", 803, (111,), "a stride of 0", put_member("hyper_net", 0, "stride", to=0)),
    Bad("layer-as-text", 803, (111,), "a layer that is a text", spatial(SPATIAL, layer("s22"), "relu")),
    Bad("relu-member", 803, (111,), "a relu with a member", spatial(SPATIAL, layer("s22"), RELU | {"slope": 0})),
    Bad("requant-as-list", 803, (111,), "a requant object that is a list of its members", put_member("z_input", to=["hi", "lo", "m", "s"])),
    Bad("nets-as-object", 803, (111,), "nets by number in an object", lambda s, _: s.update(spatial_nets={str(k): net for k, net in enumerate(s["spatial_nets"])})),
    Bad("conv-five-axes", 803, (111,), "weights of five axes", ones("head.1.w", (4, 3, 1, 1, 1))),
    Bad("channels-0", 803, (115,), "a layer of no channels",
        all_of(spatial(conv("none.w", "none.b"), layer("s22"), conv("some.w", "b"), layer("s22")), ones("none.w", (0, 2, 1, 1), "<i2"),
               ones("none.b", (0,), "<i8"), ones("some.w", (1, 0, 1, 1), "<i2"))),
    Bad("z-offset-turned", 803, (111,), "offsets of shape (hyper, R)", turned("z.offset")),
    Bad("z-size-turned", 803, (111,), "sizes of shape (hyper, R)", turned("z.size")),
    Bad("z-freq-two-axes", 803, (111,), "frequencies of two axes", lambda _, t: t.update({"z.freq": t["z.freq"].reshape(-1, 1)})),
    Bad("z-count-short", 803, (122,), "a frequency less than the sizes say", short_freq),
    Bad("z-size-minus-1", 803, (122,), "a table of -1 regular symbols, and no escape",
        lambda _, t: t.update({"z.freq": t["z.freq"][: -int(t["z.size"][-1, -1]) - 1], "z.size": np.append(t["z.size"].ravel()[:-1], np.int32(-1)).reshape(t["z.size"].shape).astype("<i4")})),
    Bad("z-offset-lowest", 803, (90, 122), "a regular symbol for -32768", last_table(-32_768, 1)),
    Bad("z-offset-highest", 803, (90, 122), "a regular symbol for 32768", last_table(32_767, 3)),
    Bad("shape-of-truths", 803, (111,), "a shape of true in the manifest", late=entry("b", lambda said: said.update(shape=[True]))),
    Bad("format-other", 803, (111,), "another `format`", text=lambda data: data.replace(b'"sem-model"', b'"sem-models"')),
    Bad("format-version-true", 705, (116,), "a `format_version` that is true", text=lambda data: data.replace(b'"format_version": 1', b'"format_version": true')),
    small(3, "d-as-text", 111, "`d` is a text", put_member("d", to="8")),
    Listed("clip-tiny-tensors-as-list", 803, (111,), "`tensors` is a list of names", base="clip-tiny"),
    small(3, "tensor-as-list", 111, "what is said of a tensor is a list", late=replaced("sign", ["dtype", "sha256", "shape"])),
    small(3, "tensor-member", 111, "a member more of a tensor", late=entry("sign", lambda said: said.update(layout="row"))),
    small(3, "dtype-of-file", 111, "frequencies with a sign in the file, without one in the manifest",
          lambda _, t: t.update(sign=np.array([1, 2, 3, 4, 5, 6, 7, 8], "<i2")), late=entry("sign", lambda said: said.update(dtype="U16"))),
    small(3, "shape-of-file", 111, "another shape in the manifest than in the file", late=entry("sign", lambda said: said.update(shape=[2, 4]))),
    Undigested("symbols-float", 801, (114,), "`b` is 2.0: canonical JSON has no such number, so that the package has no digest", base="clip-tiny",
               late=put_member("b", to=2.0)),
    Undigested("symbols-float-in-list", 801, (114,), "the same in a list: a shape of 8.0", base="clip-tiny", late=entry("sign", lambda said: said.update(shape=[8.0]))),
    Undigested("symbols-2-53", 801, (114,), "`b` is 2^53, of which canonical JSON has none either", base="clip-tiny", late=put_member("b", to=2**53)),
    Undigested("symbols-minus-2-53", 801, (114,), "`b` is -2^53", base="clip-tiny", late=put_member("b", to=-(2**53))),
    Undigested("symbols-member-twice", 801, (114,), "`b` is given twice", base="clip-tiny", late=put_member("b", to=3),
               text=lambda data: data.replace(b'"b": 3', b'"b": 2, "b": 3')),
    Undigested("manifest-nan", 801, (114,), "NaN, which JSON has not, outside of `symbols`", base="clip-tiny",
               text=lambda data: data.replace(b'"licence": "CC0-1.0"', b'"licence": NaN')),
    small(4, "d-0", 119, "an embedding of no dimensions", all_of(put_member("d", to=0), tensor("codebooks", np.zeros((2, 4, 0))))),
)  # fmt: skip

# --- rows ----------------------------------------------------------------------------------------------------------


def _two_models_and_none(new: Row) -> None:
    new["binding"] |= {"kinds": [2, 3, 5], "model": None}
    new["binding"]["parameters"]["3"] = {"d": 8, "b": 2, "prior": True}


BROKEN: Final = (
    Broken("binding-null", "vq-tiny-unchecked", 32, "no binding", lambda new: new.update(binding=None)),
    Broken("binding-method-as-truth", "micro", 32, "true in place of method 1", to(True, "method")),
    Broken("binding-compact-as-truth", "consonant-fixed-unchecked", 32, "true in place of kind 1", to(True, "compact")),
    Broken("binding-fit-multiple-0", "micro", 32, "multiples of 0", to(0, "fit", "multiple")),
    Broken("binding-kinds-as-number", "vq-tiny-unchecked", 32, "a number in place of the list of kinds", to(5, "kinds")),
    Broken("binding-kinds-mixed", "vq-tiny-unchecked", 32, "kinds as a number and as a text", to([2, "5"], "kinds")),
    Broken("parameters-as-list", "vq-tiny-unchecked", 32, "parameters in a list", to([], "parameters")),
    Broken("parameters-of-kind-8", "vq-tiny-unchecked", 32, "parameters of a kind that there is not", to({}, "parameters", "8")),
    Broken("parameters-of-kind-as-list", "clip-tiny-unchecked", 32, "names in place of the parameters of a kind", to(["b", "d", "prior"], "parameters", "3")),
    Broken("parameters-parity-false", "micro", 32, "false in place of parity 0", to(False, "parameters", "7", "parity")),
    Broken("parameters-static-no-digest", "caption-raw-unchecked", 32, "a text that is no digest", to("caption.bin", "parameters", "2", "static")),
    Broken("parameters-table-no-digest", "consonant-coded-unchecked", 32, "the same of a table", to("consonant.bin", "parameters", "1", "table")),
    Broken("parameters-member-of-coded", "consonant-coded-unchecked", 32, "a member more of consonants", to(1, "parameters", "1", "words")),
    Broken("parameters-member-of-captions", "caption-raw-unchecked", 32, "a member more of captions", to(1, "parameters", "2", "words")),
    Broken("parameters-modes-as-number", "caption-raw-unchecked", 32, "a number in place of the list of modes", to(3, "parameters", "2", "modes")),
    Broken("parameters-dictionary-no-digest", "caption-raw-unchecked", 32, "the same of a dictionary", to("caption.zdict", "parameters", "2", "dictionary")),
    Broken("parameters-tokenizer-no-digest", "caption-raw-unchecked", 32, "the same of a tokenizer", to("clip", "parameters", "2", "tokenizer")),
    Broken("parameters-member-of-clip", "clip-tiny-unchecked", 32, "a member more of CLIP bits", to(1, "parameters", "3", "words")),
    Broken("parameters-member-of-pq", "pq-tiny-unchecked", 32, "a member more of PQ codes", to(1, "parameters", "4", "words")),
    Broken("parameters-member-of-latents", "micro", 32, "a member more of latents", to(1, "parameters", "7", "words")),
    Broken("parameters-codebooks-1", "pq-tiny-unchecked", 32, "1 in place of true", to(1, "parameters", "4", "codebooks")),
    Broken("parameters-usage-1", "vq-tiny-unchecked", 32, "1 in place of true", to(1, "parameters", "5", "usage")),
    Broken("parameters-v-65537-of-indices", "vq-tiny-unchecked", 32, "65537 code words", to(65_537, "parameters", "5", "v")),
    Broken("parameters-groups-as-number", "micro", 32, "a number in place of the list of groups", to(8, "parameters", "7", "groups")),
    Broken("binding-fit-multiple-65537", "micro", 32, "multiples of 65537", to(65_537, "fit", "multiple")),
    Broken("parameters-vocabulary-65537", "caption-raw-unchecked", 32, "65537 ids", to(65_537, "parameters", "2", "vocabulary")),
    Broken("parameters-b-0", "clip-tiny-unchecked", 32, "codes of no bits", to(0, "parameters", "3", "b")),
    Broken("parameters-m-0-of-codes", "pq-tiny-unchecked", 32, "no parts", to(0, "parameters", "4", "m")),
    Broken("parameters-v-0-of-codes", "pq-tiny-unchecked", 32, "no code words", to(0, "parameters", "4", "v")),
    Broken("parameters-v-0-of-indices", "vq-tiny-unchecked", 32, "no code words", to(0, "parameters", "5", "v")),
    Broken("parameters-hyper-0", "micro", 32, "no channels of z", to(0, "parameters", "7", "hyper")),
    Broken("parameters-rates-0", "micro", 32, "no rates", to(0, "parameters", "7", "rates")),
    Broken("parameters-parity-minus-1", "micro", 32, "a parity of -1", to(-1, "parameters", "7", "parity")),
    Broken("too-many-symbols-by-1", "limit-pixels", 141, "2^26 symbols and one",
           lambda new: new["binding"]["parameters"]["7"].update(m=511, groups=[511], hyper=16), 605),
    Broken("two-kinds-use-no-model", "vq-tiny-unchecked", 33, "two kinds that use a model, and none", _two_models_and_none),
)  # fmt: skip
