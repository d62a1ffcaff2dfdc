# SPDX-License-Identifier: MIT
"""SPEC §13.5: VQ indices."""

from __future__ import annotations

from typing import Any, Final

from refcodec import spec
from tools.vectors.case import InvalidCase
from tools.vectors.case_types.refusal import refused_value
from tools.vectors.cases._codes import codes_case, stream_ends
from tools.vectors.edits import append, flip_bits, in_sectioned_form, replace, replace_body
from tools.vectors.model_edits import replace_model
from tools.vectors.samples import STEPS, TITLE, UNKNOWN_DIGEST, seeded_codes

FOLDER: Final = "vq"
VQ: Final = spec.CRITICAL | spec.VQ
CODES_OF_FOREIGN: Final = (5, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 5)
INDICES: Final[Any] = [[0, 2, 0, 3], [1, 0, 4, 2], [5, 0, 0, 2]]

VALID: Final = (
    codes_case("vq-example", (70, 205), "the example of SPEC §13.5: 100 × 70 pixels have two rows of two",
        (1, 2, 3, 255), 10, size=(100, 70), encode=True),
    codes_case("vq-check-16", (60, 205), "the same with a check", (1, 2, 3, 255), 10, size=(100, 70), check=16),
    codes_case("vq-check-32", (60, 205), "the same with a check of 32 bits", (1, 2, 3, 255), 10, size=(100, 70), check=32),
    codes_case("vq-nothing", (70, 205), "all indices 0: no bytes at all", (0,) * 4, 10, size=(100, 70)),
    codes_case("vq-largest", (205,), "all indices 255", (255,) * 4, 10, size=(100, 70), check=16),
    codes_case("vq-1x1", (205,), "one pixel has one index", (77,), 10, size=(1, 1), check=16),
    codes_case("vq-64x64", (205,), "64 × 64 pixels have one index", (77,), 10, check=16),
    codes_case("vq-65x64", (205,), "a column more: two columns", (77, 78), 10, size=(65, 64), check=16),
    codes_case("vq-64x65", (205,), "a row more: two rows", (77, 78), 10, size=(64, 65), check=16),
    codes_case("vq-8x12", (52, 70, 205), "8 rows of 12 indices in 96 bytes", seeded_codes("grid", 96, 256), 10,
        size=(768, 512), check=16, encode=True),
    codes_case("vq-12x8", (205,), "12 rows of 8, the same indices: another picture", seeded_codes("grid", 96, 256), 10,
        size=(512, 768), check=16),
    codes_case("vq-1024", (70, 205), "1024 code words", seeded_codes("vq 11", 12, 1024), 11, size=(256, 192), check=16),
    codes_case("vq-32-1024", (70, 205), "a stride of 32", seeded_codes("vq 12", 35, 1024), 12, size=(200, 150), check=16),
    codes_case("vq-16-256", (70, 205), "a stride of 16", seeded_codes("vq 13", 15, 256), 13, size=(65, 48), check=32),
    codes_case("vq-16-8196", (70, 205), "8196 code words: 13.0007 bits an index", seeded_codes("vq 14", 256, 8196), 14,
        size=(256, 256), check=16),
    codes_case("vq-16-8196-largest", (205,), "the highest of 8196, everywhere", (8195,) * 16, 14, check=16),
    codes_case("vq-8-64", (70, 205), "a stride of 8, 64 code words", seeded_codes("vq 15", 15, 64), 15, size=(40, 24),
        check=16, encode=True),
    codes_case("vq-8-256", (70, 205), "4224 indices of 256", seeded_codes("vq 16", 4224, 256), 16, size=(528, 512),
        check=16),
    codes_case("vq-row", (205,), "the widest picture of level 1, one row", seeded_codes("vq row", 256, 256), 10,
        size=(16_384, 1), check=16),
    codes_case("vq-column", (205,), "the highest one, one column", seeded_codes("vq row", 256, 256), 10,
        size=(1, 16_384), check=16),
    codes_case("vq-tiny", (206,), "indices by the table of the model", (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2), 204,
        size=(64, 48), check=16, encode=True),
    codes_case("vq-tiny-unchecked", (206,), "the same unchecked", (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2), 204,
        size=(64, 48)),
    codes_case("vq-tiny-nothing", (206,), "the first index everywhere: no bytes at all", (0,) * 16, 204),
    codes_case("vq-tiny-rarest", (206,), "the index that is next to never used: 16 bits each", (1,) * 16, 204, check=32),
    codes_case("vq-tiny-last", (206,), "the last index everywhere", (5,) * 16, 204, check=16),
    codes_case("vq-tiny-explicit", (17, 206), "the same table as an explicit model", (0, 5, 0, 1), 204, size=(20, 17),
        check=16, model="vq-tiny", hash_bytes=32),
    codes_case("vq-foreign", (113, 206),
        "beside the tensors of the model lie pickles and code, which would end whoever runs them", CODES_OF_FOREIGN,
        204, size=(64, 48), check=32, model="vq-foreign", hash_bytes=8),
    codes_case("vq-full-1x1", (70, 206), "the embedded autoencoder vq-small: one pixel", (1023,), 20, size=(1, 1), check=16),
    codes_case("vq-full-100x70", (70, 206), "the same: 5 rows of 7 indices by the table of 1024 frequencies",
        seeded_codes("vq full", 35, 1024), 20, size=(100, 70), check=32),
    codes_case("vq-full-2-1x1", (70, 206), "vq-small-2, which was trained for longer: one pixel", (1023,), 24,
        size=(1, 1), check=16),
    codes_case("vq-full-2-100x70", (70, 206), "the same indices as those of vq-full-100x70 by its table",
        seeded_codes("vq full", 35, 1024), 24, size=(100, 70), check=32, encode=True),
    codes_case("vq-explicit-nowhere", (61,), "a model that nobody has on a row that uses none", (9, 8, 7, 6), 10,
        size=(100, 70), check=16, model=UNKNOWN_DIGEST, hash_bytes=8),
    codes_case("vq-sections", (40, 60), "indices beside hints and metadata", (9, 8, 7, 6), 10, size=(100, 70), check=32,
        sections=(STEPS, TITLE)),
)  # fmt: skip

INVALID: Final = (
    *stream_ends("vq-example", "vq-nothing"),
    InvalidCase("vq-index", "vq-check-16", 501, (60, 205), "another index", replace_body(bytes.fromhex("010203FD")),
        "S"),
    InvalidCase("vq-check-bit", "vq-check-32", 501, (60,), "one bit of the check is wrong",
        flip_bits("check", 2, 0x20), "S"),
    InvalidCase("vq-transposed", "vq-8x12", 501, (60, 205), "the height and the width have changed places",
        replace("dim_class", "00837F857F"), "S"),
    InvalidCase("vq-row-too-many", "vq-example", 402, (70, 205),
        "a picture of half the height: an index is left over", replace("height_minus_1", "3F"), "S"),
    InvalidCase("vq-size-changed", "vq-check-16", 501, (60,), "the width is 101, not 100; the grid is the same",
        replace("width_minus_1", "64"), "S"),
    InvalidCase("vq-alone-in-section", "vq-example", 304, (45,), "nothing but the compact kind, in sectioned form",
        in_sectioned_form(0x85)),
    InvalidCase("vq-tiny-tail-zero", "vq-tiny-unchecked", 402, (70, 206), "a zero byte too many", append("00"), "S"),
    InvalidCase("vq-tiny-ffffffff", "vq-tiny-unchecked", 401, (80,), "a body that begins as none can",
        replace("body", "FFFFFFFF", 4), "S"),
    InvalidCase("vq-tiny-check-bit", "vq-tiny", 501, (60,), "one bit of the check is wrong",
        flip_bits("check", 0, 0x80), "S"),
    InvalidCase("vq-tiny-model-nowhere", "vq-tiny-explicit", 801, (114,), "a model that nobody has",
        replace("model_hash", UNKNOWN_DIGEST), "S"),
    InvalidCase("vq-tiny-model-of-kind-3", "vq-tiny-explicit", 803, (112,), "the model of clip-tiny",
        replace_model("clip-tiny"), "S"),
    InvalidCase("vq-tiny-model-of-kind-6", "vq-tiny-explicit", 803, (112,), "the model of sketch-tiny",
        replace_model("sketch-tiny"), "S"),
    InvalidCase("vq-full-of-full-2", "vq-full-2-100x70", 402, (70, 206), "the row of the other table of 1024",
        replace("profile", "14"), "S"),
)  # fmt: skip

REFUSED: Final = (
    refused_value("vq-index-6", 206, "an index that is none of six", 204, VQ,
        [[0, 2, 0, 3], [1, 0, 6, 2], [5, 0, 0, 2]]),
    refused_value("vq-row-missing", 205, "a row less than the picture has", 204, VQ, INDICES[:2]),
    refused_value("vq-more", 205, "an index more", 204, VQ, [*INDICES, [0]]),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *REFUSED)
