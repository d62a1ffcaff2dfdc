# SPDX-License-Identifier: MIT
"""SPEC §3: every form of a file, including those that our encoder never writes.

Headers in all combinations of their fields; each payload in both forms with each check, beside unknown sections; and
the same defects of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import append, flip_bits, truncate
from tools.vectors.samples import CAT, MAKER, PROMPT, TITLE, WAVE, ZLIB_WAVE, ZSTD_WAVE, seeded_codes

FOLDER: Final = "variants"
CHECKS: Final = (0, 16, 32)
FORMS: Final = ("compact", "sectioned")
UNKNOWN: Final = ((0x00, b"\1"), (0x2A, b"\x2a"))  # sections of unknown types
SIZES: Final = {"class": (64, 64), "short": (50, 33), "long": (130, 140)}
HASHES: Final = (0, 4, 8, 16, 32)


def _headers() -> Iterator[ValidCase]:
    """Yield all combinations of size, model hash, check and form, with VQ indices coded by the table of a model."""
    for size, hash_bytes, check, form in product(SIZES, HASHES, CHECKS, FORMS):
        name = f"variant-{size}-{f'hash-{hash_bytes}' if hash_bytes else 'row'}-{check}-{form}"
        width, height = SIZES[size]
        count = -(-width // 16) * -(-height // 16)
        rules = [12, 206, 18 if size == "class" else 19]
        rules += [16, 17] * (hash_bytes > 0) + [60] * (check > 0) + [40, 44] * (form == "sectioned")
        sides = {"class": "a dim class", "short": "sides of one byte", "long": "sides of two bytes"}[size]
        model = f"the model by {hash_bytes} bytes" if hash_bytes else "the row's model"
        yield ValidCase(
            name,
            tuple(rules),
            f"{sides}, {model}, {f'a check of {check} bits' if check else 'no check'}, {form}",
            size=(width, height),
            tier="S",
            profile=204,
            check=check,
            latents=False,
            payloads=((5, seeded_codes(name, count, 6)),),
            model="vq-tiny" if hash_bytes else None,
            hash_bytes=hash_bytes,
            sections=UNKNOWN if form == "sectioned" else (),
        )


PAYLOADS: Final[dict[str, tuple[int, int, int, Any]]] = {  # profile, kind, rule, value
    "fixed": (2, 1, 161, "mn n hrs"), "coded": (3, 1, 164, "mn n hrs"),
    "static": (9, 2, 182, ("static", CAT)), "tokens": (9, 2, 175, ("tokens", PROMPT)), "raw": (9, 2, 173, ("raw", CAT)),
    "zlib": (9, 2, 176, ("zlib", WAVE, bytes.fromhex(ZLIB_WAVE))), "zstd": (9, 2, 177, ("zstd", WAVE, bytes.fromhex(ZSTD_WAVE))),
    "clip": (4, 3, 190, seeded_codes("variant", 768, 2)), "clip-table": (202, 3, 190, (1, 2, 3, 0, 2, 1, 3, 0)),
    "pq": (203, 4, 200, (3, 1)), "vq": (10, 5, 205, (1, 2, 3, 255)), "vq-table": (204, 5, 206, (0, 2, 0, 3) * 7 + (1, 5, 4, 0, 2, 2, 1)),
}  # fmt: skip
LATENTS: Final = {"sketch": (205, 210), "elic": (200, 120), "elic-odd": (201, 120)}  # profile, rule


def _payloads() -> Iterator[ValidCase]:
    """Yield each payload, in each of its codes or modes, alone and beside sections of all ranges of types."""
    for check, form in product(CHECKS, FORMS):
        rules = (60,) * (check > 0) + (40, 44) * (form == "sectioned")
        around: dict[str, Any] = {"check": check, "sections": (MAKER, *UNKNOWN, TITLE) if form == "sectioned" else ()}
        suffix, note = f"{check}-{form}", f"{f'a check of {check} bits' if check else 'no check'}, {form}"
        for name, (profile, kind, rule, value) in PAYLOADS.items():
            yield ValidCase(
                f"variant-{name}-{suffix}",
                (rule, *rules),
                f"{name}: {note}",
                size=(100, 70),
                tier="S",
                profile=profile,
                latents=False,
                payloads=((kind, value),),
                **around,
            )
        for name, (profile, rule) in LATENTS.items():
            rules_of_it = (rule, *rules)
            yield ValidCase(
                f"variant-{name}-{suffix}",
                rules_of_it,
                f"{name}: {note}",
                size=(33, 17),
                profile=profile,
                rate=1,
                **around,
            )


ZERO_APPENDED: Final = {  # error and rule for a byte 00 after a body, where it makes the body invalid
    "fixed": (402, 161), "zlib": (401, 176), "zstd": (401, 177),
    **dict.fromkeys(("coded", "static", "tokens", "clip", "clip-table", "pq", "vq", "vq-table", *LATENTS), (402, 70)),
}  # fmt: skip


def _invalid() -> Iterator[InvalidCase]:
    """Yield the same defects of each payload: a wrong check, a file that ends early or late, a longer body."""
    for name in (*PAYLOADS, *LATENTS):
        tier = "L" if name in LATENTS else "S"
        compact, sectioned = f"variant-{name}-16-compact", f"variant-{name}-32-sectioned"
        flipped, last = flip_bits("check", 0, 0x20), flip_bits("sections[1].check", 3, 1)
        cut = truncate("sections[1].check", 3)
        yield InvalidCase(f"{compact}-check", compact, 501, (60,), f"{name}: a bit of the check", flipped, tier)
        yield InvalidCase(f"{sectioned}-check", sectioned, 501, (60,), f"{name}: the last bit of its check", last, tier)
        yield InvalidCase(f"{sectioned}-cut", sectioned, 301, (46,), f"{name}: the file ends within the check", cut)
        yield InvalidCase(
            f"{sectioned}-late", sectioned, 306, (48,), f"{name}: a byte behind the last section", append("00")
        )
        if name in ZERO_APPENDED:
            error, rule = ZERO_APPENDED[name]
            base, note = f"variant-{name}-0-compact", f"{name}: a byte 00 behind the body"
            yield InvalidCase(f"{base}-longer", base, error, (rule,), note, append("00"), tier)


CASES: Final = (*_headers(), *_payloads(), *_invalid())
