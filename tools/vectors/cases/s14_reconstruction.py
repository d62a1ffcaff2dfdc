# SPDX-License-Identifier: MIT
"""SPEC §14 and §13.6: files whose pictures are compared, and packages whose painters must be refused."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.case_types.invalid_painter import InvalidPainter, PainterChange
from tools.vectors.edits import flip_bits
from tools.vectors.models import painter, tiny
from tools.vectors.nonconforming import recode
from tools.vectors.samples import GREASE, TITLE

FOLDER: Final = "paint"


def _elic(name: str, rules: tuple[int, ...], note: str, **options: Any) -> ValidCase:
    defaults: dict[str, Any] = {"profile": 206, "model": "elic-paint", "hash_bytes": 8, "tier": "P", "check": 16}
    return ValidCase(f"paint-{name}", rules, note, **defaults | options)


def _sketch(name: str, rules: tuple[int, ...], note: str, **options: Any) -> ValidCase:
    defaults: dict[str, Any] = {"profile": 205, "model": "sketch-paint", "hash_bytes": 8, "tier": "P", "check": 16}
    return ValidCase(f"paint-sketch-{name}", rules, note, **defaults | options)


VALID: Final = (
    _elic("64x64", (130,), "a picture of the coded size"),
    _elic("rate-2", (130,), "at another rate: another inverse gain", rate=2, check=0),
    _elic("70x20", (130,), "the first 20 rows and 70 columns of 64 × 128", size=(70, 20), rate=1),
    _elic("20x70", (130,), "the first 70 rows and 20 columns", size=(20, 70), rate=1),
    _elic("3x1540", (130,), "so high that painters work strip by strip: no seam is seen", size=(3, 1540), rate=2),
    _elic("1x1", (130,), "one pixel", size=(1, 1), check=32),
    _elic("sections", (130,), "beside sections that nobody knows", size=(50, 33), y="sparse",
        sections=(*GREASE, TITLE)),
    _elic("bounds", (130,), "samples beyond 0 and 255 are clamped", y="bounds"),
    _sketch("64x64", (130, 213), "a map of the coded size"),
    _sketch("rate-1", (130, 213), "at the other rate", rate=1, size=(33, 64)),
    _sketch("70x20", (130, 213), "the first 20 rows and 70 columns", size=(70, 20), rate=1, check=0),
    _sketch("1540x3", (130, 213), "so wide that painters work tile by tile", size=(1540, 3), rate=1),
    _sketch("1x1", (130, 213), "one pixel", size=(1, 1)),
    _sketch("noise", (213, 215), "noise, which no detector of lines would find", y="escapes", z="escapes",
        size=(64, 50), rate=1),
    _sketch("grey", (213, 215), "all residuals 0: a pattern without lines", y="zero", z="zero", size=(48, 48)),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("paint-check-bit", "paint-64x64", 501, (131,), "one bit of the check is wrong: no picture is shown",
        flip_bits("check", 0, 1), "P"),
    InvalidCase("paint-residual", "paint-70x20", 501, (131,),
        "one residual is higher by one: it could be painted, too", recode(residual=lambda _, s: s + 1), "P"),
    InvalidCase("paint-sections-check", "paint-sections", 501, (131,),
        "the check of a section is wrong that no painter looks at", flip_bits("sections[3].check", 0, 1), "P"),
    InvalidCase("paint-sketch-check-bit", "paint-sketch-64x64", 501, (131,),
        "one bit of the check of a sketch is wrong", flip_bits("check", 1, 8), "P"),
)  # fmt: skip


def _other_file(weights: bytes) -> PainterChange:
    """Replace the file; the manifest has the digest of the new one."""
    return lambda entry, _: (entry | {"sha256": hashlib.sha256(weights).hexdigest()}, weights)


def _other_channels(base: str, count: int) -> PainterChange:
    """Replace the painter by one of another number of channels, which is valid in itself."""

    def change(_: dict[str, Any], __: bytes) -> tuple[dict[str, Any], bytes]:
        symbols, _tensors = tiny.MODELS[base]()
        weights, entry = painter.build(base, symbols, count)
        return entry, weights

    return change


def _flip_last_bit(entry: dict[str, Any], weights: bytes) -> tuple[dict[str, Any], bytes]:
    return entry, weights[:-1] + bytes([weights[-1] ^ 1])


def _other_folder(entry: dict[str, Any], weights: bytes) -> tuple[dict[str, Any], bytes]:
    return entry | {"file": "../../models/sketch-paint/painter.safetensors"}, weights


INVALID_PAINTERS: Final = (
    InvalidPainter("painter-three-channels", "sketch-paint", 803, (214,), "a painter of three channels for sketches",
        _other_channels("sketch-paint", 3)),
    InvalidPainter("painter-missing", "elic-paint", 801, (114,), "the file of the painter is not there",
        lambda entry, _: (entry, None)),
    InvalidPainter("painter-nowhere", "elic-paint", 801, (114,), "a package without a painter",
        lambda _e, _b: (None, None)),
    InvalidPainter("painter-digest", "elic-paint", 802, (110,),
        "one bit of the file differs from what the digest says", _flip_last_bit),
    InvalidPainter("painter-pickled", "elic-paint", 803, (113,), "a pickle in place of safetensors",
        _other_file(tiny.PICKLE)),
    InvalidPainter("painter-elsewhere", "sketch-paint", 803, (111,), "a path in place of a name", _other_folder),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *INVALID_PAINTERS)
