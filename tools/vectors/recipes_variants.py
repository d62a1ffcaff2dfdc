# SPDX-License-Identifier: MIT
"""Every form that SPEC.md allows, those that our encoder never writes among them: headers by all their fields, each
payload in both forms with each check, unknown sections beside it, and all dim classes; and what is wrong of each alike."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from refcodec.container.fields import varint
from refcodec.registry.dim_classes import sizes
from tools.vectors.recipes_caption import CAT, PROMPT, WAVE, ZLIB_WAVE, ZSTD_WAVE
from tools.vectors.recipes_codes import drawn
from tools.vectors.recipes_sections import MAKER, TITLE, flip
from tools.vectors.vector import Fault, Valid, append, cut, put

CHECKS: Final = (0, 16, 32)
FORMS: Final = ("compact", "sectioned")
GREASE: Final = ((0x00, b"\1"), (0x2A, b"\x2a"))  # of no type that SPEC.md has
SIZES: Final = {"class": (64, 64), "short": (50, 33), "long": (130, 140)}
HASHES: Final = (0, 4, 8, 16, 32)


def headers() -> Iterator[Valid]:
    """Size, name of the model, check and form in all combinations, over indices by the table of a model."""
    for size, hash_bytes, check, form in product(SIZES, HASHES, CHECKS, FORMS):
        name = f"variant-{size}-{f'hash-{hash_bytes}' if hash_bytes else 'row'}-{check}-{form}"
        width, height = SIZES[size]
        count = -(-width // 16) * -(-height // 16)
        rules = [12, 206, 18 if size == "class" else 19]
        rules += [16, 17] * (hash_bytes > 0) + [60] * (check > 0) + [40, 44] * (form == "sectioned")
        sides = {"class": "a dim class", "short": "sides of one byte", "long": "sides of two bytes"}[size]
        model = f"the model by {hash_bytes} bytes" if hash_bytes else "the row's model"
        yield Valid(
            name,
            tuple(rules),
            f"{sides}, {model}, {f'a check of {check} bits' if check else 'no check'}, {form}",
            size=(width, height),
            tier="S",
            profile=204,
            check=check,
            payload=False,
            payloads=((5, drawn(name, count, 6)),),
            model="vq-tiny" if hash_bytes else None,
            hash_bytes=hash_bytes,
            sections=GREASE if form == "sectioned" else (),
        )


PAYLOADS: Final[dict[str, tuple[int, int, int, Any]]] = {  # profile, kind, rule, what recipes give
    "fixed": (2, 1, 161, "mn n hrs"), "coded": (3, 1, 164, "mn n hrs"),
    "static": (9, 2, 182, ("static", CAT)), "tokens": (9, 2, 175, ("tokens", PROMPT)), "raw": (9, 2, 173, ("raw", CAT)),
    "zlib": (9, 2, 176, ("zlib", WAVE, bytes.fromhex(ZLIB_WAVE))), "zstd": (9, 2, 177, ("zstd", WAVE, bytes.fromhex(ZSTD_WAVE))),
    "clip": (4, 3, 190, drawn("variant", 768, 2)), "clip-table": (202, 3, 190, (1, 2, 3, 0, 2, 1, 3, 0)),
    "pq": (203, 4, 200, (3, 1)), "vq": (10, 5, 205, (1, 2, 3, 255)), "vq-table": (204, 5, 206, (0, 2, 0, 3) * 7 + (1, 5, 4, 0, 2, 2, 1)),
}  # fmt: skip
LATENTS: Final = {"sketch": (205, 210), "elic": (200, 120), "elic-odd": (201, 120)}  # profile, rule


def payloads() -> Iterator[Valid]:
    """Each payload, in each of its codes or modes, alone and beside sections of all ranges of types."""
    for check, form in product(CHECKS, FORMS):
        rules = (60,) * (check > 0) + (40, 44) * (form == "sectioned")
        around: dict[str, Any] = {"check": check, "sections": (MAKER, *GREASE, TITLE) if form == "sectioned" else ()}
        said = f"{f'a check of {check} bits' if check else 'no check'}, {form}"
        for name, (profile, kind, rule, value) in PAYLOADS.items():
            size = (100, 70)
            yield Valid(
                f"variant-{name}-{check}-{form}",
                (rule, *rules),
                f"{name}: {said}",
                size=size,
                tier="S",
                profile=profile,
                payload=False,
                payloads=((kind, value),),
                **around,
            )
        for name, (profile, rule) in LATENTS.items():
            yield Valid(
                f"variant-{name}-{check}-{form}",
                (rule, *rules),
                f"{name}: {said}",
                size=(33, 17),
                profile=profile,
                rate=1,
                **around,
            )


VALID: Final = (*headers(), *payloads())
DIMS: Final = tuple(
    Valid(
        f"dims-{number:03}",
        (18,),
        f"dim class {number}: {width} × {height}, and an empty caption",
        size=(width, height),
        tier="S",
        profile=9,
        payload=False,
        payloads=((2, ("static", "")),),
    )
    for number, (width, height) in sorted(sizes().items())
)


def spelt_out() -> Iterator[Fault]:
    """Every size of a class by both its sides."""
    for number, (width, height) in sorted(sizes().items()):
        sides = (b"\0" + varint(width - 1) + varint(height - 1)).hex()
        yield Fault(
            f"dims-{number:03}-spelt",
            f"dims-{number:03}",
            205,
            (19,),
            f"{width} × {height} in full",
            put("dim_class", sides),
        )


ZERO_BEHIND: Final = {  # error and rule of a byte 00 behind a body, which takes away what made it the only one
    "fixed": (402, 161), "zlib": (401, 176), "zstd": (401, 177),
    **dict.fromkeys(("coded", "static", "tokens", "clip", "clip-table", "pq", "vq", "vq-table", *LATENTS), (402, 70)),
}  # fmt: skip


def of_payloads() -> Iterator[Fault]:
    """Each payload alike: a check that is not its, a file that ends early or late, a longer body."""
    for name in (*PAYLOADS, *LATENTS):
        tier = "L" if name in LATENTS else "S"
        compact, sectioned = f"variant-{name}-16-compact", f"variant-{name}-32-sectioned"
        yield Fault(
            f"{compact}-check", compact, 501, (60,), f"{name}: a bit of the check", flip("check", 0, 0x20), tier
        )
        yield Fault(
            f"{sectioned}-check",
            sectioned,
            501,
            (60,),
            f"{name}: the last bit of its check",
            flip("sections[1].check", 3, 1),
            tier,
        )
        yield Fault(
            f"{sectioned}-cut",
            sectioned,
            301,
            (46,),
            f"{name}: the file ends within the check",
            cut("sections[1].check", 3),
        )
        yield Fault(f"{sectioned}-late", sectioned, 306, (48,), f"{name}: a byte behind the last section", append("00"))
        if name in ZERO_BEHIND:  # a raw text may end so
            error, rule = ZERO_BEHIND[name]
            yield Fault(
                f"variant-{name}-0-compact-longer",
                f"variant-{name}-0-compact",
                error,
                (rule,),
                f"{name}: a byte 00 behind the body",
                append("00"),
                tier,
            )


FAULTS: Final = tuple(of_payloads())
DIMS_FAULTS: Final = tuple(spelt_out())
