# SPDX-License-Identifier: MIT
"""SPEC §13.2: captions beside other payloads and sections, and with explicit models."""

from __future__ import annotations

from typing import Any, Final

from refcodec.container.fields import varint
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import combine, flip_bits, in_sectioned_form, replace, swap, truncate
from tools.vectors.samples import CAT, MAKER, PROMPT, STEPS, TITLE, TYPICAL_HINTS, UNKNOWN_DIGEST, WAVE, seeded_codes

FOLDER: Final = "caption"
PICS, PERCO, VQ, SKETCH = 9, 10, 204, 205  # profiles
BESIDE: Final = ((2, ("static", WAVE)), (4, seeded_codes("pq", 16, 1024)), (5, seeded_codes("grid", 96, 256)))


def _caption(name: str, rules: tuple[int, ...], note: str, value: tuple[Any, ...], **options: Any) -> ValidCase:
    defaults: dict[str, Any] = {"tier": "S", "profile": PICS, "latents": False}
    return ValidCase(f"caption-{name}", rules, note, payloads=((2, value),), **defaults | options)


VALID: Final = (
    _caption("alone-in-section", (45, 60), "a caption alone where it is not the compact kind", ("static", WAVE),
        profile=PERCO, check=16),
    _caption("beside-hints", (40, 54, 60), "provenance, caption, hints, metadata", ("static", WAVE), check=16,
        sections=(MAKER, TYPICAL_HINTS, TITLE), encode=True),
    _caption("explicit-model", (61,), "an explicit model that nobody has, on a row whose captions need none",
        ("static", CAT), check=16, model=UNKNOWN_DIGEST, hash_bytes=4),
    _caption("explicit-model-whole", (16, 60), "the same by 32 bytes", ("static", CAT), check=16,
        model=UNKNOWN_DIGEST, hash_bytes=32),
    _caption("explicit-model-on-null", (16, 60), "an explicit model on a row without one", ("static", CAT),
        profile=PERCO, check=32, model=UNKNOWN_DIGEST, hash_bytes=32),
    ValidCase("caption-and-indices", (40, 60, 205), "a caption, then indices", tier="S", profile=PERCO,
        latents=False, check=16, size=(768, 512), payloads=(BESIDE[0], BESIDE[2]), encode=True),
    ValidCase("caption-and-indices-unchecked", (40,), "the same unchecked", tier="S", profile=PERCO, latents=False,
        size=(768, 512), payloads=(BESIDE[0], BESIDE[2])),
    ValidCase("caption-codes-and-indices", (40, 60, 200, 205), "a caption, an embedding, indices, hints", tier="S",
        profile=PERCO, latents=False, check=16, size=(768, 512), payloads=BESIDE, sections=(STEPS,), encode=True),
    ValidCase("cut-after-caption", (47, 60), "the same, cut behind the caption", tier="S", profile=PERCO,
        latents=False, check=16, size=(768, 512), payloads=BESIDE, sections=(STEPS,), keep=1),
    ValidCase("cut-after-codes", (47, 60), "the same, cut behind the embedding", tier="S", profile=PERCO,
        latents=False, check=16, size=(768, 512), payloads=BESIDE, sections=(STEPS,), keep=2),
    ValidCase("caption-and-tiny-indices", (40, 60, 206), "a caption, then indices by the table of a model", tier="S",
        profile=VQ, latents=False, check=16, size=(64, 48),
        payloads=((2, ("static", CAT)), (5, (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2))), encode=True),
    ValidCase("caption-and-indices-explicit", (17, 60), "the same model named by 4 bytes", tier="S", profile=VQ,
        latents=False, check=16, size=(64, 48), model="vq-tiny", hash_bytes=4,
        payloads=((2, ("raw", CAT)), (5, (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2)))),
    ValidCase("caption-and-sketch", (40, 60, 210), "a caption, then a sketch", profile=SKETCH, check=16, rate=1,
        y="sparse", payloads=((2, ("static", WAVE)),), encode=True),
    ValidCase("prompt-and-sketch", (40, 60, 210), "ids of a prompt, a sketch, hints", profile=SKETCH, check=32,
        y="sparse", size=(100, 70), payloads=((2, ("tokens", PROMPT)),), sections=(TYPICAL_HINTS,)),
    ValidCase("cut-after-caption-of-sketch", (47, 60), "cut behind the caption: no network is needed", tier="S",
        profile=SKETCH, check=16, rate=1, y="sparse", payloads=((2, ("static", WAVE)),), keep=1),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("caption-alone-compact", "caption-static-cat", 304, (45,),
        "nothing but the compact kind, in sectioned form", in_sectioned_form(0x82)),
    InvalidCase("caption-length", "caption-tiny-raw", 604, (141,), "a section of 65537 bytes",
        replace("sections[0].length", varint(65_537).hex())),
    InvalidCase("caption-length-bomb", "caption-tiny-raw", 604, (141, 142), "a section that claims 2^28 bytes",
        replace("sections[0].length", "FFFFFF7F")),
    InvalidCase("caption-after-indices", "caption-and-indices", 302, (40,), "indices before the caption",
        swap("sections[0]", "sections[1]")),
    InvalidCase("caption-checks-swapped", "caption-codes-and-indices", 501, (60,),
        "two payloads have each other's checks", swap("sections[0].check", "sections[1].check"), "S"),
    InvalidCase("caption-check-and-indices-ffffffff", "caption-and-indices", 401, (60, 80, 150),
        "the check of the caption is wrong, and the indices begin as nothing can: checks are judged after all payloads",
        combine(flip_bits("sections[0].check", 0, 4), replace("sections[1].body", "FFFFFFFF", 4)), "S"),
    InvalidCase("caption-cut-in-codes", "caption-codes-and-indices", 301, (46,), "it ends within the embedding",
        truncate("sections[1].body", 7)),
    InvalidCase("caption-check-beside-sketch", "caption-and-sketch", 501, (60,), "the check of the caption is wrong",
        flip_bits("sections[0].check", 0, 4), "L"),
    InvalidCase("caption-sketch-before", "caption-and-sketch", 302, (40,), "the sketch before the caption",
        swap("sections[0]", "sections[1]")),
    InvalidCase("caption-length-most", "caption-tiny-raw", 301, (46, 141),
        "a section of 65536 bytes, as many as may be, which are not there",
        replace("sections[0].length", varint(65_536).hex())),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID)
