# SPDX-License-Identifier: MIT
"""SPEC §6: hints, whose values have forms, and the thumbnail."""

from __future__ import annotations

import base64

from refcodec.container.fields import varint
from tools.vectors.recipes_sections import MAKER, METADATA, TITLE, body, flip, text
from tools.vectors.vector import Fault, Valid, put, swap, twice

HINTS, THUMBNAIL = 0x02, 0x04
PIXEL = base64.b64decode(  # a whole PNG of one grey pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
TYPICAL = text(
    (b"candidate", b"2"), (b"generator", b"cuda"), (b"guidance", b"7.5"), (b"scheduler", b"dpm-solver-2"),
    (b"seed", b"31337"), (b"steps", b"30"), (b"strength", b"0.85"),
)  # fmt: skip
LARGEST = text(
    (b"candidate", b"999999"), (b"generator", b"cpu"), (b"guidance", b"999999.999999"), (b"scheduler", b"z" * 32),
    (b"seed", b"9" * 19), (b"steps", b"999999"), (b"strength", b"999999.999999"),
)  # fmt: skip
SMALLEST = text(
    (b"candidate", b"0"), (b"generator", b"cpu"), (b"guidance", b"0"), (b"scheduler", b"0"), (b"seed", b"0"),
    (b"steps", b"1"), (b"strength", b"0.000000"),
)  # fmt: skip
OTHERS = text((b"Seed", b"-1"), (b"negative", b"blurry, \xc3\xa9"), (b"seed ", b""), (b"steps2", b"many"))


def _hints(name: str, rules: tuple[int, ...], note: str, *entries: bytes, check: int = 16) -> Valid:
    sections = tuple((HINTS, entry) for entry in entries)
    return Valid(name, rules, note, tier="S", check=check, payload=False, sections=sections)


VALID = (
    _hints("hints", (54, 60), "every key that painters act on", TYPICAL),
    _hints("hints-unchecked", (54,), "the same unchecked", TYPICAL, check=0),
    _hints("hints-largest", (54,), "the largest value of each", LARGEST),
    _hints("hints-smallest", (54,), "the smallest or shortest value of each", SMALLEST),
    _hints("hints-of-embeddings", (54, 60), "what is done to an image embedding",
           text((b"noise-level", b"150"), (b"norm-scale", b"1.25"))),
    _hints("hints-of-embeddings-largest", (54,), "the largest value of each",
           text((b"noise-level", b"999"), (b"norm-scale", b"999999.999999"))),
    _hints("hints-of-embeddings-smallest", (54,), "the smallest value of each",
           text((b"noise-level", b"0"), (b"norm-scale", b"0"))),
    _hints("hints-noise-levels", (54,), "a key that only begins like one of the table may have any value",
           text((b"Noise-level", b"1000"), (b"noise-levels", b"01"), (b"noise_level", b"-1"), (b"norm-scale ", b"x"))),
    _hints("hints-of-other-keys", (54,), "keys of no known form may have any value, and letters have a case", OTHERS),
    _hints("hints-empty", (50, 54), "hints without entries", b""),
    _hints("hints-seed", (54,), "one hint, unchecked", text((b"seed", b"7")), check=0),
    Valid("metadata-seed", (54,), "in metadata the key `seed` may have any value", tier="S", check=16, payload=False,
          sections=((METADATA, text((b"seed", b"poppy"))),)),
    Valid("thumbnail-alone", (45, 60), "nothing but a thumbnail", tier="S", check=32, payload=False,
          sections=((THUMBNAIL, PIXEL),)),
    Valid("sections-all", (40, 60), "every ancillary section that there is, and one that there is not", check=16,
          y="sparse", sections=(MAKER, (HINTS, TYPICAL), (0x03, b"?"), (THUMBNAIL, PIXEL), TITLE), encode=True),
)  # fmt: skip


def _hint(name: str, key: str, value: bytes, note: str) -> Fault:
    return Fault(f"hint-{name}", "hints-seed", 305, (54,), note, body(text((key.encode(), value))))


FAULTS = (
    Fault("hints-before-payload", "sections-all", 302, (40,), "hints stand before the latents",
          swap("sections[1]", "sections[2]")),
    Fault("thumbnail-before-hints", "sections-all", 302, (40,), "the thumbnail stands before a lower type",
          swap("sections[3]", "sections[4]")),
    Fault("hints-twice", "sections-all", 302, (41,), "hints are there twice", twice("sections[2]")),
    Fault("thumbnail-twice", "sections-all", 302, (41,), "the thumbnail is there twice", twice("sections[4]")),
    Fault("hints-length", "hints-seed", 604, (141,), "hints that claim 65537 bytes",
          put("sections[0].length", varint(65537).hex())),
    Fault("hints-descending", "hints-seed", 305, (49,), "keys in another order",
          body(text((b"steps", b"9"), (b"seed", b"7")))),
    Fault("hints-not-utf-8", "hints-seed", 305, (50,), "a key of no known form with a value in Latin-1",
          body(text((b"style", b"caf\xe9")))),
    Fault("check-of-hints", "hints", 501, (60,), "the check of hints is wrong", flip("sections[0].check", 0, 1), "S"),
    Fault("check-of-thumbnail", "thumbnail-alone", 501, (60,), "one bit of a thumbnail differs",
          flip("sections[0].body", 40, 8), "S"),
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
