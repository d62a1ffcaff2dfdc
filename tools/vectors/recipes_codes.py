# SPDX-License-Identifier: MIT
"""SPEC §13.3 to §13.5: CLIP bits, PQ codes, VQ indices."""

from __future__ import annotations

from typing import Any

from tools.vectors.build import SMALL, model, table_model
from tools.vectors.recipes_consonant import STEPS, body
from tools.vectors.recipes_header import NOWHERE
from tools.vectors.recipes_sections import MAKER, TITLE, flip, one_section
from tools.vectors.symbols import Sha256Stream
from tools.vectors.vector import Defect, Edit, Fault, Valid, append, cut, put, spans, swap

KIND = {"clip": 3, "pq": 4, "vq": 5}


def drawn(name: str, count: int, below: int) -> tuple[int, ...]:
    """Numbers, each as likely as any other."""
    stream = Sha256Stream(name)
    return tuple(stream.below(below) for _ in range(count))


def _codes(name: str, rules: tuple[int, ...], note: str, codes: tuple[int, ...], profile: int, **more: Any) -> Valid:
    """A file of one payload; its kind is the first part of the name."""
    payloads = ((KIND[name.partition("-")[0]], codes),)
    return Valid(name, rules, note, tier="S", profile=profile, payload=False, payloads=payloads, **more)


def digest(name: str) -> Defect:
    """The explicit model becomes another of test_vectors/models."""

    def defect(base: Any) -> Any:
        found = (table_model if name in SMALL else model)(name)
        return put("model_hash", found.digest[: 2 * base.recipe.hash_bytes])(base)

    return defect


def shorter(base: Any) -> list[Edit]:
    """4 bytes of the hash of an explicit model in place of 8."""
    start, end = spans(base)["model_hash"]
    return [*put("hash_code", "00")(base), Edit(start + 4, base.data[start + 4 : end], b"")]


def tails(base: str, empty: str) -> tuple[Fault, ...]:
    """Streams that begin or end as none can. `base` has at least four bytes and an unchecked body, `empty` has none."""
    name = base.partition("-")[0]
    return (
        Fault(f"{name}-ffffffff", base, 401, (80,), "a body that begins as none can", put("body", "FFFFFFFF", 4), "S"),
        Fault(f"{name}-tail-zero", base, 402, (70,), "a zero byte too many", append("00"), "S"),
        Fault(f"{name}-tail-longer", base, 402, (70,), "a longer number in the same interval", append("01"), "S"),
        Fault(f"{name}-tail-garbage", base, 402, (70,), "bytes that no symbol needs", append("C0FFEE11"), "S"),
        Fault(f"{name}-zero-of-nothing", empty, 402, (70,), "a byte where none is needed", append("00"), "S"),
        Fault(f"{name}-ffffffff-alone", empty, 401, (80,), "FF FF FF FF and no more", append("FFFFFFFF"), "S"),
    )


CLIP_VALID = (
    _codes("clip-nothing", (70, 190), "768 negative signs of one bit: no bytes at all", (0,) * 768, 4),
    _codes("clip-zeros", (60, 70), "the same with a check", (0,) * 768, 4, check=16),
    _codes("clip-ones", (70, 190), "768 positive signs", (1,) * 768, 4, check=16),
    _codes("clip", (52, 70, 190), "768 signs in 96 bytes", drawn("clip", 768, 2), 4, check=16, size=(768, 512), encode=True),
    _codes("clip-unchecked", (70, 190), "the same unchecked", drawn("clip", 768, 2), 4, size=(768, 512)),
    _codes("clip-check-32", (60, 190), "the same with a check of 32 bits", drawn("clip", 768, 2), 4, check=32,
           size=(768, 512)),
    _codes("clip-alternating", (190,), "positive and negative by turns", (1, 0) * 384, 4, check=16),
    *(
        _codes(f"clip-{b}-bits", (70, 190), f"768 codes of {b} bits", drawn(f"clip {b}", 768, 2**b), row, check=16,
               encode=b == 2)
        for row, b in ((5, 2), (6, 4), (7, 8), (8, 16))
    ),
    _codes("clip-16-bits-largest", (190,), "the highest code of 16 bits everywhere: uniform(65536)", (65_535,) * 768, 8,
           check=16),
    _codes("clip-16-bits-middle", (190,), "the two codes beside 0, by turns", (32_767, 32_768) * 384, 8, check=16),
    _codes("clip-tiny", (190,), "signs by the table of each dimension, where one is likely that one, then a bit", (1, 2, 3, 0, 2, 1, 3, 0), 202,
           check=16, encode=True),
    _codes("clip-tiny-unchecked", (190,), "the same unchecked", (1, 2, 3, 0, 2, 1, 3, 0), 202),
    _codes("clip-tiny-check-32", (60, 190), "the same with a check of 32 bits", (1, 2, 3, 0, 2, 1, 3, 0), 202, check=32),
    _codes("clip-tiny-nothing", (190,), "all codes 0", (0,) * 8, 202),
    _codes("clip-tiny-largest", (190,), "all codes 3", (3,) * 8, 202, check=16),
    _codes("clip-tiny-unlikely", (190,), "the sign that is not expected, in every dimension", (2, 1, 0, 3, 0, 3, 1, 2),
           202, check=16),
    _codes("clip-tiny-explicit", (17, 190), "the same table as an explicit model", (3, 2, 1, 0, 3, 2, 1, 0), 202,
           check=16, model="clip-tiny", hash_bytes=8),
    _codes("clip-tiny-explicit-unchecked", (17, 190), "the same by 4 bytes, unchecked", (3, 2, 1, 0, 3, 2, 1, 0), 202,
           model="clip-tiny", hash_bytes=4),
    _codes("clip-twin", (17, 190), "a model that shares the first 4 bytes of its digest with another, by 8",
           (3, 2, 1, 0, 3, 2, 1, 0), 202, model="clip-twin-1", hash_bytes=8),
    _codes("clip-explicit-nowhere", (61,), "a model that nobody has on a row that uses none: no check can be made",
           drawn("clip", 768, 2), 4, check=32, model=NOWHERE, hash_bytes=16),
    _codes("clip-explicit-whole", (16, 60), "the same by 32 bytes: the check can be made", drawn("clip", 768, 2), 4,
           check=32, model=NOWHERE, hash_bytes=32),
    _codes("clip-sections", (40, 60), "provenance, CLIP bits, hints, metadata", drawn("clip", 768, 2), 4, check=16,
           sections=(MAKER, STEPS, TITLE)),
    _codes("clip-tiny-sections", (40, 60), "the tiny model beside metadata", (0, 1, 2, 3, 0, 1, 2, 3), 202, check=32,
           sections=(TITLE,), encode=True),
)  # fmt: skip

CLIP_FAULTS = (
    *tails("clip-unchecked", "clip-nothing"),
    Fault("clip-bit", "clip", 501, (60, 150), "one bit of the body differs, and one sign", flip("body", 40, 4), "S"),
    Fault("clip-check-bit", "clip-check-32", 501, (60,), "one bit of the check is wrong", flip("check", 3, 2), "S"),
    Fault("clip-cut", "clip", 501, (60,), "the last 20 bytes are missing: the signs there are negative",
          cut("body", 76), "S"),
    Fault("clip-too-long", "clip", 402, (70,), "32 signs more than the profile has", append("B7E15163"), "S"),
    Fault("clip-bits-of-other-profile", "clip-2-bits", 402, (70, 150), "codes of 2 bits on the row of 1 bit",
          put("profile", "04"), "S"),
    Fault("clip-alone-in-section", "clip-unchecked", 304, (45,), "nothing but the compact kind, in sectioned form",
          lambda base: one_section(base, 0x83)),
    Fault("clip-tiny-check-bit", "clip-tiny", 501, (60,), "one bit of the check is wrong", flip("check", 0, 1), "S"),
    Fault("clip-tiny-tail", "clip-tiny-unchecked", 402, (70, 190), "a byte too many", append("80"), "S"),
    Fault("clip-tiny-bit", "clip-tiny-check-32", 501, (60,), "the highest bit of the body differs",
          flip("body", 0, 0x80), "S"),
    Fault("clip-tiny-model-nowhere", "clip-tiny-explicit", 801, (114,), "a model that nobody has",
          put("model_hash", NOWHERE[:16]), "S"),
    Fault("clip-twin-ambiguous", "clip-twin", 801, (114,), "two models that begin with these 4 bytes", shorter, "S"),
    Fault("clip-tiny-model-of-kind-5", "clip-tiny-explicit", 803, (112,), "the model of vq-tiny", digest("vq-tiny"), "S"),
    Fault("clip-tiny-model-of-kind-7", "clip-tiny-explicit", 803, (112,), "the model of elic-tiny", digest("elic-tiny"),
          "S"),
    Fault("clip-tiny-model-of-kind-4-and-garbage", "clip-tiny-explicit-unchecked", 803, (112, 150),
          "the model of pq-tiny: the model is judged before the body", digest("pq-tiny"), "S"),
)  # fmt: skip

PQ_VALID = (
    _codes("pq-tiny", (200,), "both codes the highest, 3", (3, 3), 203, check=16, encode=True),
    _codes("pq-tiny-unchecked", (200,), "two codes in less than a byte", (1, 2), 203),
    _codes("pq-tiny-nothing", (70, 200), "both codes 0: no bytes at all", (0, 0), 203),
    _codes("pq-tiny-check-32", (60, 200), "a check of 32 bits", (2, 1), 203, check=32, size=(50, 33)),
    _codes("pq-tiny-explicit", (17, 200), "the codebooks as an explicit model", (0, 3), 203, check=16, model="pq-tiny",
           hash_bytes=16),
    _codes("pq-tiny-explicit-nowhere", (61, 200),
           "codebooks that nobody has: the codes are read all the same, the check stays unchecked", (0, 3), 203, check=16,
           model=NOWHERE, hash_bytes=4),
    _codes("pq-tiny-explicit-whole", (60, 200), "the same by 32 bytes: the check can be made", (3, 0), 203, check=16,
           model=NOWHERE, hash_bytes=32),
    _codes("pq-tiny-sections", (40, 60), "codes beside metadata", (1, 1), 203, check=16, sections=(TITLE,)),
    _codes("pq", (52, 70, 200), "16 codes of 1024 in 20 bytes, alone in their section: they are not the compact kind",
           drawn("pq", 16, 1024), 10, check=16, size=(768, 512), encode=True),
    _codes("pq-unchecked", (200,), "the same unchecked", drawn("pq", 16, 1024), 10, size=(768, 512)),
    _codes("pq-largest", (200,), "16 times 1023", (1023,) * 16, 12, check=32),
    _codes("pq-zeros", (70, 200), "16 times 0: a section of no bytes", (0,) * 16, 10, check=16),
    Valid("pq-and-indices", (40, 60, 200, 205), "an image embedding, then a grid", tier="S", profile=10, payload=False,
          check=16, size=(768, 512), payloads=((4, drawn("pq", 16, 1024)), (5, drawn("grid", 96, 256))), encode=True),
    Valid("pq-and-indices-cut", (47, 60), "the same, cut behind the embedding", tier="S", profile=10, payload=False,
          check=16, size=(768, 512), payloads=((4, drawn("pq", 16, 1024)), (5, drawn("grid", 96, 256))), keep=1),
)  # fmt: skip

PQ_FAULTS = (
    Fault("pq-ffffffff", "pq-unchecked", 401, (80,), "a body that begins as none can",
          put("sections[0].body", "FFFFFFFF", 4), "S"),
    Fault("pq-tiny-tail-zero", "pq-tiny-unchecked", 402, (70,), "a zero byte too many", append("00"), "S"),
    Fault("pq-tiny-tail-longer", "pq-tiny-unchecked", 402, (70,), "a longer number in the same interval", append("01"),
          "S"),
    Fault("pq-tiny-zero-of-nothing", "pq-tiny-nothing", 402, (70,), "a byte where none is needed", append("00"), "S"),
    Fault("pq-tiny-ffffffff-alone", "pq-tiny-nothing", 401, (80,), "FF FF FF FF and no more", append("FFFFFFFF"), "S"),
    Fault("pq-tiny-code", "pq-tiny-check-32", 501, (60, 200), "another code", body(bytes.fromhex("A0")), "S"),
    Fault("pq-check-bit", "pq", 501, (60,), "one bit of the check is wrong", flip("sections[0].check", 0, 1), "S"),
    Fault("pq-profile-changed", "pq", 501, (60,),
          "another row, of which this kind has the same parameters: K differs", put("profile", "0B"), "S"),
    Fault("pq-tiny-alone-in-section", "pq-tiny-unchecked", 304, (45,),
          "nothing but the compact kind, in sectioned form", lambda base: one_section(base, 0x84)),
    Fault("pq-after-indices", "pq-and-indices", 302, (40,), "the kinds descend", swap("sections[0]", "sections[1]")),
    Fault("pq-of-sketch", "pq", 303, (42,), "a sketch, which the profile does not allow",
          put("sections[0].critical", "86")),
)  # fmt: skip

CODES_OF_FOREIGN = (5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5)
VQ_VALID = (
    _codes("vq-example", (70, 205), "the example of SPEC §13.5: 100 × 70 pixels have two rows of two",
           (1, 2, 3, 255), 10, size=(100, 70), encode=True),
    _codes("vq-check-16", (60, 205), "the same with a check", (1, 2, 3, 255), 10, size=(100, 70), check=16),
    _codes("vq-check-32", (60, 205), "the same with a check of 32 bits", (1, 2, 3, 255), 10, size=(100, 70), check=32),
    _codes("vq-nothing", (70, 205), "all indices 0: no bytes at all", (0,) * 4, 10, size=(100, 70)),
    _codes("vq-largest", (205,), "all indices 255", (255,) * 4, 10, size=(100, 70), check=16),
    _codes("vq-1x1", (205,), "one pixel has one index", (77,), 10, size=(1, 1), check=16),
    _codes("vq-64x64", (205,), "64 × 64 pixels have one index", (77,), 10, check=16),
    _codes("vq-65x64", (205,), "a column more: two columns", (77, 78), 10, size=(65, 64), check=16),
    _codes("vq-64x65", (205,), "a row more: two rows", (77, 78), 10, size=(64, 65), check=16),
    _codes("vq-8x12", (52, 70, 205), "8 rows of 12 indices in 96 bytes", drawn("grid", 96, 256), 10, size=(768, 512),
           check=16, encode=True),
    _codes("vq-12x8", (205,), "12 rows of 8, the same indices: another picture", drawn("grid", 96, 256), 10,
           size=(512, 768), check=16),
    _codes("vq-1024", (70, 205), "1024 code words", drawn("vq 11", 12, 1024), 11, size=(256, 192), check=16),
    _codes("vq-32-1024", (70, 205), "a stride of 32", drawn("vq 12", 35, 1024), 12, size=(200, 150), check=16),
    _codes("vq-16-256", (70, 205), "a stride of 16", drawn("vq 13", 15, 256), 13, size=(65, 48), check=32),
    _codes("vq-16-8196", (70, 205), "8196 code words: 13.0007 bits an index", drawn("vq 14", 256, 8196), 14,
           size=(256, 256), check=16),
    _codes("vq-16-8196-largest", (205,), "the highest of 8196, everywhere", (8195,) * 16, 14, check=16),
    _codes("vq-8-64", (70, 205), "a stride of 8, 64 code words", drawn("vq 15", 15, 64), 15, size=(40, 24), check=16,
           encode=True),
    _codes("vq-8-256", (70, 205), "4224 indices of 256", drawn("vq 16", 4224, 256), 16, size=(528, 512), check=16),
    _codes("vq-row", (205,), "the widest picture of level 1, one row", drawn("vq row", 256, 256), 10, size=(16_384, 1),
           check=16),
    _codes("vq-column", (205,), "the highest one, one column", drawn("vq row", 256, 256), 10, size=(1, 16_384), check=16),
    _codes("vq-tiny", (206,), "indices by the table of the model", (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2), 204,
           size=(64, 48), check=16, encode=True),
    _codes("vq-tiny-unchecked", (206,), "the same unchecked", (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2), 204, size=(64, 48)),
    _codes("vq-tiny-nothing", (206,), "the first index everywhere: no bytes at all", (0,) * 16, 204),
    _codes("vq-tiny-rarest", (206,), "the index that is next to never used: 16 bits each", (1,) * 16, 204, check=32),
    _codes("vq-tiny-last", (206,), "the last index everywhere", (5,) * 16, 204, check=16),
    _codes("vq-tiny-explicit", (17, 206), "the same table as an explicit model", (0, 5, 0, 1), 204, size=(20, 17),
           check=16, model="vq-tiny", hash_bytes=32),
    _codes("vq-foreign", (113, 206), "beside the tensors of the model lie pickles and code, which would end whoever runs them",
           CODES_OF_FOREIGN, 204, size=(64, 48), check=32, model="vq-foreign", hash_bytes=8),
    _codes("vq-explicit-nowhere", (61,), "a model that nobody has on a row that uses none", (9, 8, 7, 6), 10,
           size=(100, 70), check=16, model=NOWHERE, hash_bytes=8),
    _codes("vq-sections", (40, 60), "indices beside hints and metadata", (9, 8, 7, 6), 10, size=(100, 70), check=32,
           sections=(STEPS, TITLE)),
)  # fmt: skip

VQ_FAULTS = (
    *tails("vq-example", "vq-nothing"),
    Fault("vq-index", "vq-check-16", 501, (60, 205), "another index", body(bytes.fromhex("010203FD")), "S"),
    Fault("vq-check-bit", "vq-check-32", 501, (60,), "one bit of the check is wrong", flip("check", 2, 0x20), "S"),
    Fault("vq-transposed", "vq-8x12", 501, (60, 205), "the height and the width have changed places",
          put("dim_class", "00837F857F"), "S"),
    Fault("vq-row-too-many", "vq-example", 402, (70, 205), "a picture of half the height: an index is left over",
          put("height_minus_1", "3F"), "S"),
    Fault("vq-size-changed", "vq-check-16", 501, (60,), "the width is 101, not 100; the grid is the same",
          put("width_minus_1", "64"), "S"),
    Fault("vq-alone-in-section", "vq-example", 304, (45,), "nothing but the compact kind, in sectioned form",
          lambda base: one_section(base, 0x85)),
    Fault("vq-tiny-tail-zero", "vq-tiny-unchecked", 402, (70, 206), "a zero byte too many", append("00"), "S"),
    Fault("vq-tiny-ffffffff", "vq-tiny-unchecked", 401, (80,), "a body that begins as none can",
          put("body", "FFFFFFFF", 4), "S"),
    Fault("vq-tiny-check-bit", "vq-tiny", 501, (60,), "one bit of the check is wrong", flip("check", 0, 0x80), "S"),
    Fault("vq-tiny-model-nowhere", "vq-tiny-explicit", 801, (114,), "a model that nobody has",
          put("model_hash", NOWHERE), "S"),
    Fault("vq-tiny-model-of-kind-3", "vq-tiny-explicit", 803, (112,), "the model of clip-tiny", digest("clip-tiny"), "S"),
    Fault("vq-tiny-model-of-kind-6", "vq-tiny-explicit", 803, (112,), "the model of sketch-tiny", digest("sketch-tiny"),
          "S"),
)  # fmt: skip
