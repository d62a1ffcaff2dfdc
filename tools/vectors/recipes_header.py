# SPDX-License-Identifier: MIT
"""SPEC §4, §15: headers of every form, and sizes at the limits of level 1."""

from __future__ import annotations

from refcodec import spec
from tools.vectors.vector import Fault, Valid, before, both, cut, put

START = spec.VERSION << 5  # the descriptor of `micro`
NOWHERE = "5e" * 32  # a digest that no model has
EMPTY = b""
NOTE = ((0x43, b"\1a\1b"),)

VALID = (
    Valid("micro", (10, 12, 13, 18), "the smallest header, 5 bytes: no check, a dim class", y="sparse"),
    Valid("default", (12, 60), "7 bytes: a check of 16 bits", check=16, y="sparse"),
    Valid("check-32", (12, 60), "9 bytes: a check of 32 bits", check=32, y="sparse"),
    Valid("dim-class-1", (18,), "the first dim class, 16 × 16", size=(16, 16), check=16, y="sparse"),
    Valid("dim-class-27", (18,), "a dim class of unequal sides, 176 × 144", size=(176, 144), y="sparse"),
    Valid("dim-class-156", (18,), "the last dim class", size=(4000, 6000), tier="H", body=EMPTY),
    Valid("size-1-byte", (18, 19), "both sides as varints of one byte", size=(50, 33), check=16, y="sparse"),
    Valid("size-127", (3, 19), "the largest side less one of one byte, 7F", size=(128, 1), check=16, y="sparse"),
    Valid("size-2-bytes", (3, 19), "a width of two bytes, the smallest: 80 00", size=(129, 65), check=16, y="sparse"),
    Valid("size-2-bytes-both", (3, 19), "both sides of two bytes", size=(130, 140), rate=2, y="sparse"),
    Valid("size-1x1", (18, 19), "one pixel: z has 1 × 1, y has 4 × 4 sites", size=(1, 1), y="sparse"),
    Valid("hash-4", (16, 17), "an explicit model by 4 bytes", hash_bytes=4, model="elic-tiny", check=16, y="sparse"),
    Valid("hash-8", (16,), "an explicit model by 8 bytes", hash_bytes=8, model="elic-tiny", check=16, y="sparse"),
    Valid("hash-16", (16,), "an explicit model by 16 bytes", hash_bytes=16, model="elic-tiny", check=16, y="sparse"),
    Valid("hash-32", (16,), "an explicit model by all 32 bytes", hash_bytes=32, model="elic-tiny", check=32,
          y="sparse"),
    Valid(
        "explicit-model-unlisted", (17, 60, 101, 103, 105),
        "a model that no row lists; its integers stand at the bounds of SPEC §11",
        hash_bytes=8, model="elic-mini", size=(96, 96), check=32, rate=1,
    ),
    Valid(
        "explicit-model-unchecked", (61,),
        "a model that nobody has, by 4 bytes: the ancillary section is read, its check stays unchecked",
        tier="S", hash_bytes=4, model=NOWHERE, check=16, payload=False, sections=NOTE,
    ),
    Valid(
        "explicit-model-checked-without-it", (60, 61),
        "the same by 32 bytes: nothing that K needs is missing, so the check is ok",
        tier="S", hash_bytes=32, model=NOWHERE, check=16, payload=False, sections=NOTE,
    ),
    Valid("limit-side", (140, 141), "a side of 16384", size=(16384, 1), tier="H", body=EMPTY),
    Valid("limit-side-height", (140, 141), "a height of 16384", size=(1, 16384), tier="H", body=EMPTY),
    Valid("limit-pixels", (140, 141), "2^25 pixels", size=(16384, 2048), tier="H", body=EMPTY),
)  # fmt: skip

FAULTS = (
    Fault("empty", "micro", 201, (1, 14), "no bytes at all", cut(0)),
    Fault("one-byte", "micro", 201, (14,), "F5 alone", cut(1)),
    Fault("magic-swapped", "micro", 201, (10,), "the bytes of the magic have changed places", put("magic", "9EF5")),
    Fault("magic-seven-bits", "micro", 201, (10,), "bit 7 of the magic was lost in transport", put("magic", "751E")),
    Fault("magic-as-utf-8", "micro", 201, (10,), "the magic was taken for Latin-1", put("magic", "C3B5C29E")),
    Fault("magic-after-bom", "micro", 201, (10,), "a byte order mark stands first", before("magic", "EFBBBF")),
    Fault("magic-second-byte", "micro", 201, (10,), "the second byte of the magic differs", put(1, "9F")),
    Fault("version-0", "micro", 701, (11,), "the version of the draft, all else as in version 1", put(2, "00")),
    Fault("version-7", "micro", 701, (11,), "the version reserved for an extension", put(2, "E0")),
    Fault(
        "version-7-of-another-layout", "micro", 701, (11, 150),
        "a file of a version whose later fields mean something else, and are not looked at",
        lambda base: put(2, "FF" * 4, len(base.data) - 2)(base),
    ),
    *(
        Fault(f"check-code-{code}", "micro", 204, (12,), f"check_code {code}", put(2, f"{START | code << 2:02X}"))
        for code in (1, 2, 4, 6, 7)
    ),
    Fault("reserved-bit", "micro", 203, (13,), "the reserved bit is set", put(2, f"{START | 1:02X}")),
    Fault("profile-unlisted", "micro", 702, (15,), "no row has the id 199", put("profile", "C7")),
    Fault("profile-private", "micro", 702, (15,), "nor the private id 253", put("profile", "FD")),
    Fault("profile-0", "micro", 702, (15,), "nor the id 0", put("profile", "00")),
    Fault("profile-extended", "micro", 702, (15,), "nor the extended id 256 + 200", put("profile", "FE00C8")),
    Fault("base-profile-254", "hash-4", 209, (17,), "an explicit model on 254", put("base_profile", "FE")),
    Fault("base-profile-255", "hash-4", 209, (17,), "an explicit model on 255", put("base_profile", "FF")),
    Fault("base-profile-unlisted", "hash-4", 702, (15,), "an explicit model on no row", put("base_profile", "63")),
    Fault("hash-code-4", "hash-4", 208, (16,), "the first hash code that is not given", put("hash_code", "04")),
    Fault("hash-code-255", "hash-4", 208, (16,), "the last one", put("hash_code", "FF")),
    Fault("dim-class-157", "micro", 206, (18,), "the first dim class that is not given", put("dim_class", "9D")),
    Fault("dim-class-255", "micro", 206, (18,), "the last one", put("dim_class", "FF")),
    Fault("size-has-class", "micro", 205, (19,), "64 × 64 in full, which is dim class 4", put("dim_class", "003F3F")),
    Fault("size-has-class-27", "dim-class-27", 205, (19,), "176 × 144 in full", put("dim_class", "00802F800F")),
    Fault("width-five-bytes", "size-1x1", 207, (3,), "a fourth byte with bit 7 set",
          put("width_minus_1", "8080808000")),
    Fault("height-five-bytes", "size-1x1", 207, (3,), "the same in the height", put("height_minus_1", "FFFFFFFF7F")),
    Fault("cut-before-descriptor", "micro", 202, (14,), "the magic alone", cut("profile", -1)),
    Fault("cut-before-profile", "micro", 202, (14,), "it ends before the profile", cut("profile")),
    Fault("cut-before-dim-class", "micro", 202, (14,), "it ends before the dim class", cut("dim_class")),
    Fault("cut-before-base-profile", "hash-4", 202, (14,), "it ends before the base profile", cut("base_profile")),
    Fault("cut-before-hash-code", "hash-4", 202, (14,), "it ends before the hash code", cut("hash_code")),
    Fault("cut-in-model-hash", "hash-32", 202, (14,), "31 of 32 bytes of the hash", cut("model_hash", 31)),
    Fault("cut-before-width", "size-1x1", 202, (14,), "it ends before the width", cut("width_minus_1")),
    Fault("cut-in-width", "size-2-bytes", 202, (3, 14), "it ends within a varint", cut("width_minus_1", 1)),
    Fault("cut-before-height", "size-1x1", 202, (14,), "it ends before the height", cut("height_minus_1")),
    Fault("cut-before-check", "default", 202, (14,), "it ends before the check", cut("check")),
    Fault("cut-in-check", "check-32", 202, (14,), "3 of 4 bytes of the check", cut("check", 3)),
    Fault("limit-side-exceeded", "limit-side", 601, (141,), "a side of 16385", put("width_minus_1", "FF00")),
    Fault("limit-side-height-exceeded", "limit-side-height", 601, (141,), "a height of 16385",
          put("height_minus_1", "FF00")),
    Fault("size-3-bytes", "limit-side", 601, (3, 141), "a side of three bytes, 16513", put("width_minus_1", "808000")),
    Fault("size-4-bytes", "limit-side", 601, (3, 141), "a side of four bytes, 2113665",
          put("width_minus_1", "80808000")),
    Fault("size-largest", "limit-side", 601, (141, 142), "the largest width that there is",
          put("width_minus_1", "FFFFFF7F")),
    Fault("limit-pixels-exceeded", "limit-pixels", 602, (141,), "16384 × 2049 pixels", put("height_minus_1", "8F00")),
    Fault(
        "bomb", "size-1x1", 601, (141, 142, 150),
        "13 bytes that claim 2^56 pixels: every limit is broken, the side is named",
        both(put("width_minus_1", "FFFFFF7F"), put("height_minus_1", "FFFFFF7F")),
    ),
)  # fmt: skip
