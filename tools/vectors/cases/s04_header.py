# SPDX-License-Identifier: MIT
"""SPEC §4: headers of every form."""

from __future__ import annotations

from typing import Final

from refcodec import spec
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import combine, insert_before, replace, replace_rest, truncate
from tools.vectors.samples import UNKNOWN_DIGEST

FOLDER: Final = "header"
START: Final = spec.VERSION << 5  # the descriptor of `micro`
NOTE: Final = ((spec.METADATA, b"\1a\1b"),)

VALID: Final = (
    ValidCase("micro", (10, 12, 13, 18), "the smallest header, 5 bytes: no check, a dim class", y="sparse"),
    ValidCase("default", (12, 60), "7 bytes: a check of 16 bits", check=16, y="sparse"),
    ValidCase("check-32", (12, 60), "9 bytes: a check of 32 bits", check=32, y="sparse"),
    ValidCase("dim-class-1", (18,), "the first dim class, 16 × 16", size=(16, 16), check=16, y="sparse"),
    ValidCase("dim-class-27", (18,), "a dim class of unequal sides, 176 × 144", size=(176, 144), y="sparse"),
    ValidCase("dim-class-156", (18,), "the last dim class", size=(4000, 6000), tier="H", latents_body=b""),
    ValidCase("size-1-byte", (18, 19), "both sides as varints of one byte", size=(50, 33), check=16, y="sparse"),
    ValidCase("size-127", (3, 19), "the largest side less one of one byte, 7F", size=(128, 1), check=16, y="sparse"),
    ValidCase("size-2-bytes", (3, 19), "a width of two bytes, the smallest: 80 00", size=(129, 65), check=16,
        y="sparse"),
    ValidCase("size-2-bytes-both", (3, 19), "both sides of two bytes", size=(130, 140), rate=2, y="sparse"),
    ValidCase("size-1x1", (18, 19), "one pixel: z has 1 × 1, y has 4 × 4 sites", size=(1, 1), y="sparse"),
    ValidCase("hash-4", (16, 17), "an explicit model by 4 bytes", hash_bytes=4, model="elic-tiny", check=16,
        y="sparse"),
    ValidCase("hash-8", (16,), "an explicit model by 8 bytes", hash_bytes=8, model="elic-tiny", check=16, y="sparse"),
    ValidCase("hash-16", (16,), "an explicit model by 16 bytes", hash_bytes=16, model="elic-tiny", check=16,
        y="sparse"),
    ValidCase("hash-32", (16,), "an explicit model by all 32 bytes", hash_bytes=32, model="elic-tiny", check=32,
        y="sparse"),
    ValidCase("explicit-model-unlisted", (17, 60, 101, 103, 105),
        "a model that no row lists; its integers stand at the bounds of SPEC §11", hash_bytes=8, model="elic-mini",
        size=(96, 96), check=32, rate=1),
    ValidCase("explicit-model-unchecked", (61,),
        "a model that nobody has, by 4 bytes: the ancillary section is read, its check stays unchecked", tier="S",
        hash_bytes=4, model=UNKNOWN_DIGEST, check=16, latents=False, sections=NOTE),
    ValidCase("explicit-model-checked-without-it", (60, 61),
        "the same by 32 bytes: nothing that K needs is missing, so the check is ok", tier="S", hash_bytes=32,
        model=UNKNOWN_DIGEST, check=16, latents=False, sections=NOTE),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("empty", "micro", 201, (1, 14), "no bytes at all", truncate(0)),
    InvalidCase("one-byte", "micro", 201, (14,), "F5 alone", truncate(1)),
    InvalidCase("magic-swapped", "micro", 201, (10,), "the bytes of the magic have changed places",
        replace("magic", "9EF5")),
    InvalidCase("magic-seven-bits", "micro", 201, (10,), "bit 7 of the magic was lost in transport",
        replace("magic", "751E")),
    InvalidCase("magic-as-utf-8", "micro", 201, (10,), "the magic was taken for Latin-1",
        replace("magic", "C3B5C29E")),
    InvalidCase("magic-after-bom", "micro", 201, (10,), "a byte order mark stands first",
        insert_before("magic", "EFBBBF")),
    InvalidCase("magic-second-byte", "micro", 201, (10,), "the second byte of the magic differs", replace(1, "9F")),
    InvalidCase("version-0", "micro", 701, (11,), "the version of the draft, all else as in version 1",
        replace(2, "00")),
    InvalidCase("version-7", "micro", 701, (11,), "the version reserved for an extension", replace(2, "E0")),
    InvalidCase("version-7-of-another-layout", "micro", 701, (11, 150),
        "a file of a version whose later fields mean something else, and are not looked at",
        replace_rest(2, "FF" * 4)),
    *(
        InvalidCase(f"check-code-{code}", "micro", 204, (12,), f"check_code {code}",
            replace(2, f"{START | code << 2:02X}"))
        for code in (1, 2, 4, 6, 7)
    ),
    InvalidCase("reserved-bit", "micro", 203, (13,), "the reserved bit is set", replace(2, f"{START | 1:02X}")),
    InvalidCase("profile-unlisted", "micro", 702, (15,), "no row has the id 199", replace("profile", "C7")),
    InvalidCase("profile-private", "micro", 702, (15,), "nor the private id 253", replace("profile", "FD")),
    InvalidCase("profile-0", "micro", 702, (15,), "nor the id 0", replace("profile", "00")),
    InvalidCase("profile-extended", "micro", 702, (15,), "nor the extended id 256 + 200",
        replace("profile", "FE00C8")),
    InvalidCase("base-profile-254", "hash-4", 209, (17,), "an explicit model on 254", replace("base_profile", "FE")),
    InvalidCase("base-profile-255", "hash-4", 209, (17,), "an explicit model on 255", replace("base_profile", "FF")),
    InvalidCase("base-profile-unlisted", "hash-4", 702, (15,), "an explicit model on no row",
        replace("base_profile", "63")),
    InvalidCase("hash-code-4", "hash-4", 208, (16,), "the first hash code that is not given",
        replace("hash_code", "04")),
    InvalidCase("hash-code-255", "hash-4", 208, (16,), "the last one", replace("hash_code", "FF")),
    InvalidCase("dim-class-157", "micro", 206, (18,), "the first dim class that is not given",
        replace("dim_class", "9D")),
    InvalidCase("dim-class-255", "micro", 206, (18,), "the last one", replace("dim_class", "FF")),
    InvalidCase("size-has-class", "micro", 205, (19,), "64 × 64 in full, which is dim class 4",
        replace("dim_class", "003F3F")),
    InvalidCase("size-has-class-27", "dim-class-27", 205, (19,), "176 × 144 in full",
        replace("dim_class", "00802F800F")),
    InvalidCase("width-five-bytes", "size-1x1", 207, (3,), "a fourth byte with bit 7 set",
        replace("width_minus_1", "8080808000")),
    InvalidCase("height-five-bytes", "size-1x1", 207, (3,), "the same in the height",
        replace("height_minus_1", "FFFFFFFF7F")),
    InvalidCase("cut-before-descriptor", "micro", 202, (14,), "the magic alone", truncate("profile", -1)),
    InvalidCase("cut-before-profile", "micro", 202, (14,), "it ends before the profile", truncate("profile")),
    InvalidCase("cut-before-dim-class", "micro", 202, (14,), "it ends before the dim class", truncate("dim_class")),
    InvalidCase("cut-before-base-profile", "hash-4", 202, (14,), "it ends before the base profile",
        truncate("base_profile")),
    InvalidCase("cut-before-hash-code", "hash-4", 202, (14,), "it ends before the hash code", truncate("hash_code")),
    InvalidCase("cut-in-model-hash", "hash-32", 202, (14,), "31 of 32 bytes of the hash", truncate("model_hash", 31)),
    InvalidCase("cut-before-width", "size-1x1", 202, (14,), "it ends before the width", truncate("width_minus_1")),
    InvalidCase("cut-in-width", "size-2-bytes", 202, (3, 14), "it ends within a varint", truncate("width_minus_1", 1)),
    InvalidCase("cut-before-height", "size-1x1", 202, (14,), "it ends before the height", truncate("height_minus_1")),
    InvalidCase("cut-before-check", "default", 202, (14,), "it ends before the check", truncate("check")),
    InvalidCase("cut-in-check", "check-32", 202, (14,), "3 of 4 bytes of the check", truncate("check", 3)),
    InvalidCase("profile-unlisted-dim-class", "micro", 702, (15, 150),
        "no row has the id; the dim class that is not given is not judged",
        combine(replace("profile", "C7"), replace("dim_class", "9D"))),
    InvalidCase("base-profile-unlisted-hash-code", "hash-4", 702, (15, 150),
        "the same of an explicit model, with a hash code that is not given",
        combine(replace("base_profile", "63"), replace("hash_code", "04"))),
    InvalidCase("profile-253-dim-class", "micro", 702, (15, 150), "the same of 253, the last id of one byte",
        combine(replace("profile", "FD"), replace("dim_class", "9D"))),
    InvalidCase("base-profile-253", "hash-4", 702, (15, 17), "an explicit model on 253, which could be a row",
        replace("base_profile", "FD")),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
