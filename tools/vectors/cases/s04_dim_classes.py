# SPDX-License-Identifier: MIT
"""SPEC §4 and appendix A: every dim class, and the size of each written as two sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from refcodec.container.fields import varint
from refcodec.registry.dim_classes import sizes
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.edits import replace

FOLDER: Final = "dims"


def _valid() -> Iterator[ValidCase]:
    for number, size in sorted(sizes().items()):
        note = f"dim class {number}: {size[0]} × {size[1]}, and an empty caption"
        empty = ((2, ("static", "")),)
        yield ValidCase(f"dims-{number:03}", (18,), note, size=size, tier="S", profile=9, latents=False, payloads=empty)


def _invalid() -> Iterator[InvalidCase]:
    for number, (width, height) in sorted(sizes().items()):
        sides = (b"\0" + varint(width - 1) + varint(height - 1)).hex()
        base, note = f"dims-{number:03}", f"{width} × {height} in full"
        yield InvalidCase(f"{base}-spelt", base, 205, (19,), note, replace("dim_class", sides))


CASES: Final = (*_valid(), *_invalid())
