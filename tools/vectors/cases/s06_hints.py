# SPDX-License-Identifier: MIT
"""SPEC §6: hints, whose values have formats, and the thumbnail."""

from __future__ import annotations

from typing import Final

from refcodec import spec
from refcodec.container.fields import varint
from tools.vectors.case import InvalidCase, ValidCase
from tools.vectors.case_types.refusal import Refusal
from tools.vectors.edits import duplicate, flip_bits, replace, replace_only_section, swap
from tools.vectors.samples import MAKER, PNG_PIXEL, TITLE, TYPICAL_HINTS, key_value

FOLDER: Final = "sections"
HINTS, THUMBNAIL, METADATA = spec.HINTS, spec.THUMBNAIL, spec.METADATA
LARGEST: Final = key_value(
    (b"candidate", b"999999"), (b"generator", b"cpu"), (b"guidance", b"999999.999999"), (b"scheduler", b"z" * 32),
    (b"seed", b"9" * 19), (b"steps", b"999999"), (b"strength", b"999999.999999"),
)  # fmt: skip
SMALLEST: Final = key_value(
    (b"candidate", b"0"), (b"generator", b"cpu"), (b"guidance", b"0"), (b"scheduler", b"0"), (b"seed", b"0"),
    (b"steps", b"1"), (b"strength", b"0.000000"),
)  # fmt: skip
OTHERS: Final = key_value((b"Seed", b"-1"), (b"negative", b"blurry, \xc3\xa9"), (b"seed ", b""), (b"steps2", b"many"))
INDICES: Final = {"type": spec.CRITICAL | spec.VQ, "value": [[0, 2, 0, 3], [1, 0, 4, 2], [5, 0, 0, 2]]}


def _hints(name: str, rules: tuple[int, ...], note: str, body: bytes, check: int = 16) -> ValidCase:
    return ValidCase(name, rules, note, tier="S", check=check, latents=False, sections=((HINTS, body),))


def _hint(name: str, key: str, value: bytes, note: str) -> InvalidCase:
    defect = replace_only_section(key_value((key.encode(), value)))
    return InvalidCase(f"hint-{name}", "hints-seed", 305, (54,), note, defect)


VALID: Final = (
    _hints("hints", (54, 60), "every key that painters act on", TYPICAL_HINTS[1]),
    _hints("hints-unchecked", (54,), "the same unchecked", TYPICAL_HINTS[1], check=0),
    _hints("hints-largest", (54,), "the largest value of each", LARGEST),
    _hints("hints-smallest", (54,), "the smallest or shortest value of each", SMALLEST),
    _hints("hints-of-embeddings", (54, 60), "what is done to an image embedding",
        key_value((b"noise-level", b"150"), (b"norm-scale", b"1.25"))),
    _hints("hints-of-embeddings-largest", (54,), "the largest value of each",
        key_value((b"noise-level", b"999"), (b"norm-scale", b"999999.999999"))),
    _hints("hints-of-embeddings-smallest", (54,), "the smallest value of each",
        key_value((b"noise-level", b"0"), (b"norm-scale", b"0"))),
    _hints("hints-noise-levels", (54,), "a key that only begins like one of the table may have any value",
        key_value((b"Noise-level", b"1000"), (b"noise-levels", b"01"), (b"noise_level", b"-1"),
        (b"norm-scale ", b"x"))),
    _hints("hints-of-other-keys", (54,), "keys of no known form may have any value, and letters have a case", OTHERS),
    _hints("hints-empty", (50, 54), "hints without entries", b""),
    _hints("hints-seed", (54,), "one hint, unchecked", key_value((b"seed", b"7")), check=0),
    ValidCase("metadata-seed", (54,), "in metadata the key `seed` may have any value", tier="S", check=16,
        latents=False, sections=((METADATA, key_value((b"seed", b"poppy"))),)),
    ValidCase("thumbnail-alone", (45, 60), "nothing but a thumbnail", tier="S", check=32, latents=False,
        sections=((THUMBNAIL, PNG_PIXEL),)),
    ValidCase("sections-all", (40, 60), "every ancillary section that there is, and one that there is not", check=16,
        y="sparse", sections=(MAKER, TYPICAL_HINTS, (0x03, b"?"), (THUMBNAIL, PNG_PIXEL), TITLE), encode=True),
)  # fmt: skip

INVALID: Final = (
    InvalidCase("hints-before-payload", "sections-all", 302, (40,), "hints stand before the latents",
        swap("sections[1]", "sections[2]")),
    InvalidCase("thumbnail-before-hints", "sections-all", 302, (40,), "the thumbnail stands before a lower type",
        swap("sections[3]", "sections[4]")),
    InvalidCase("hints-twice", "sections-all", 302, (41,), "hints are there twice", duplicate("sections[2]")),
    InvalidCase("thumbnail-twice", "sections-all", 302, (41,), "the thumbnail is there twice",
        duplicate("sections[4]")),
    InvalidCase("hints-length", "hints-seed", 604, (141,), "hints that claim 65537 bytes",
        replace("sections[0].length", varint(65537).hex())),
    InvalidCase("hints-descending", "hints-seed", 305, (49,), "keys in another order",
        replace_only_section(key_value((b"steps", b"9"), (b"seed", b"7")))),
    InvalidCase("hints-not-utf-8", "hints-seed", 305, (50,), "a key of no known form with a value in Latin-1",
        replace_only_section(key_value((b"style", b"caf\xe9")))),
    InvalidCase("check-of-hints", "hints", 501, (60,), "the check of hints is wrong",
        flip_bits("sections[0].check", 0, 1), "S"),
    InvalidCase("check-of-thumbnail", "thumbnail-alone", 501, (60,), "one bit of a thumbnail differs",
        flip_bits("sections[0].body", 40, 8), "S"),
    _hint("candidate-seven-digits", "candidate", b"1000000", "a candidate of seven digits"),
    _hint("candidate-leading-zero", "candidate", b"02", "a leading zero"),
    _hint("candidate-empty", "candidate", b"", "no candidate at all"),
    _hint("candidate-signed", "candidate", b"-1", "a sign"),
    _hint("generator-other", "generator", b"mps", "a generator of no known kind"),
    _hint("generator-case", "generator", b"CPU", "in capitals"),
    _hint("guidance-point-last", "guidance", b"7.", "a point and nothing behind it"),
    _hint("guidance-point-first", "guidance", b".5", "nothing before the point"),
    _hint("guidance-seven-digits", "guidance", b"1000000", "seven digits before the point"),
    _hint("guidance-seven-decimals", "guidance", b"7.5000000", "seven digits behind the point"),
    _hint("guidance-exponent", "guidance", b"1e3", "an exponent"),
    _hint("guidance-leading-zero", "guidance", b"07.5", "a leading zero"),
    _hint("guidance-comma", "guidance", b"7,5", "a comma"),
    _hint("guidance-nan", "guidance", b"nan", "no number"),
    _hint("noise-level-four-digits", "noise-level", b"1000", "a noise level of four digits"),
    _hint("noise-level-leading-zero", "noise-level", b"010", "a leading zero"),
    _hint("noise-level-zeros", "noise-level", b"00", "two zeros"),
    _hint("noise-level-fraction", "noise-level", b"0.5", "a fraction"),
    _hint("noise-level-signed", "noise-level", b"-1", "a sign"),
    _hint("noise-level-empty", "noise-level", b"", "no noise level at all"),
    _hint("norm-scale-point-last", "norm-scale", b"1.", "a point and nothing behind it"),
    _hint("norm-scale-seven-digits", "norm-scale", b"1000000", "seven digits before the point"),
    _hint("norm-scale-seven-decimals", "norm-scale", b"1.0000000", "seven digits behind the point"),
    _hint("norm-scale-leading-zero", "norm-scale", b"01", "a leading zero"),
    _hint("norm-scale-signed", "norm-scale", b"-1", "a sign"),
    _hint("norm-scale-exponent", "norm-scale", b"1e0", "an exponent"),
    _hint("norm-scale-empty", "norm-scale", b"", "no number at all"),
    _hint("scheduler-case", "scheduler", b"DDIM", "capitals"),
    _hint("scheduler-hyphen-first", "scheduler", b"-ddim", "a hyphen first"),
    _hint("scheduler-33-bytes", "scheduler", b"z" * 33, "a name of 33 bytes"),
    _hint("scheduler-empty", "scheduler", b"", "no name at all"),
    _hint("scheduler-underscore", "scheduler", b"dpm_2", "an underscore"),
    _hint("scheduler-line-break", "scheduler", b"ddim\n", "a line break behind the name"),
    _hint("seed-20-digits", "seed", b"18446744073709551615", "a seed of 20 digits"),
    _hint("seed-hexadecimal", "seed", b"0x7", "a seed that is not decimal"),
    _hint("seed-space", "seed", b"7 ", "a space behind the digits"),
    _hint("seed-leading-zero", "seed", b"00", "a leading zero"),
    _hint("seed-other-digits", "seed", "\u0667".encode(), "a digit of another script"),
    _hint("seed-not-utf-8", "seed", b"\xff", "no text at all"),
    _hint("steps-0", "steps", b"0", "no steps"),
    _hint("steps-seven-digits", "steps", b"1000000", "seven digits"),
    _hint("strength-plus", "strength", b"+1", "a sign"),
    _hint("strength-empty", "strength", b"", "no number at all"),
)  # fmt: skip

REFUSED: Final = (
    Refusal("hint-seed", (54,), "a hint that is no number", 204,
        ({"type": HINTS, "body": key_value((b"seed", b"poppy")).hex()}, INDICES)),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *REFUSED)
