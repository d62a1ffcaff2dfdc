# SPDX-License-Identifier: MIT
"""SPEC §13.2: captions that hold the number of the chosen picture, in rows with `candidates`."""

from __future__ import annotations

from typing import Any, Final

from refcodec import spec
from refcodec.payloads.caption import modes
from refcodec.table_files import SHIPPED
from tools.vectors.case import InvalidCase, OwnRegistry, ValidCase
from tools.vectors.case_types.refusal import refused_value
from tools.vectors.case_types.registry_row import InvalidRow, RowChange, change_all, document, row, set_binding
from tools.vectors.edits import append, in_sectioned_form, replace, replace_body
from tools.vectors.samples import CAT, LONGEST, PROMPT, STEPS, WAVE, key_value, seeded_codes

FOLDER: Final = "caption"
PICS_4: Final = 21  # profile
CAPTION: Final = spec.CRITICAL | spec.CAPTION
FOUR: Final = {"modes": ["tokens"], "vocabulary": 49_408, "candidates": 4}
NUMBER: Final = (60, 184, 187)


def _parameter(name: str, value: Any) -> RowChange:
    return set_binding(value, "parameters", "2", name)


def _coded(candidates: int) -> RowChange:
    return change_all(_parameter("modes", ["static", "tokens", "raw"]), _parameter("candidates", candidates))


# a caption beside a sketch of few networks, beside indices, and the smallest and largest numbers of candidates
ROWS: Final = OwnRegistry(
    "candidates",
    document(
        row(205, id=211, name="sketch-candidates", change=_coded(3)),
        row(204, id=212, name="vq-candidates", change=_parameter("candidates", 5)),
        row(PICS_4, id=213, name="two", change=_parameter("candidates", 2)),
        row(PICS_4, id=214, name="most", change=_parameter("candidates", 256)),
    ),
)


def _caption(name: str, note: str, value: tuple[Any, ...], **options: Any) -> ValidCase:
    defaults: dict[str, Any] = {"tier": "S", "profile": PICS_4, "latents": False, "check": 16, "rules": NUMBER}
    return ValidCase(f"candidate-{name}", note=note, payloads=((2, value),), **defaults | options)


def _invalid(name: str, base: str, error: int, rule: int, note: str, body: bytes) -> InvalidCase:
    return InvalidCase(f"candidate-{name}", f"candidate-{base}", error, (rule,), note, replace_body(body), "S")


VALID: Final = (
    *(
        _caption(f"tokens-16-of-{number}", f"sixteen ids of picture {number} of four", ("tokens", PROMPT, number),
            encode=True)
        for number in range(4)
    ),
    *(
        _caption(f"static-cat-of-{number}", f"a caption of picture {number} of four", ("static", CAT, number),
            encode=number > 1)
        for number in range(4)
    ),
    _caption("example-empty", "an example of SPEC §13.2", ("static", "", 2), check=0),
    _caption("example-cat", "an example of SPEC §13.2", ("static", CAT, 2), check=0),
    _caption("example-nihon", "an example of SPEC §13.2", ("raw", "\u65e5\u672c", 2), check=0,
        rules=(173, 185, 186, 187)),
    _caption("example-no-ids", "an example of SPEC §13.2", ("tokens", (), 2), check=0),
    _caption("example-ids", "an example of SPEC §13.2", ("tokens", (320, 2368, 49_407), 2), check=0),
    _caption("nothing", "the empty body: the empty text of picture 0", ("static", "", 0)),
    _caption("no-ids", "no ids: S is 03 FF", ("tokens", (), 3), check=32),
    _caption("ids-75", "as many ids as there may be", ("tokens", seeded_codes("long prompt", 75, 49_408), 1)),
    _caption("raw-cat", "a text as it is, of picture 3", ("raw", CAT, 3), rules=(60, 185, 186, 187), encode=True),
    _caption("raw-nothing", "the empty text: F8 and the number", ("raw", "", 1), rules=(185, 187)),
    _caption("raw-letter", "a number of a row of 256 that is a letter, too", ("raw", CAT, 0x41), profile=214,
        rules=(185, 186, 187), registry=ROWS),
    _caption("static-limit", "65536 octets of words: the number is none of them", ("static", LONGEST, 3), check=0,
        rules=(140, 172, 187)),
    _caption("beside-hints", "hints beside it: sectioned form", ("tokens", PROMPT, 2), sections=(STEPS,), check=32,
        encode=True),
    _caption("and-hint", "a hint that no painter follows, since the caption has the number", ("tokens", PROMPT, 2),
        sections=((spec.HINTS, key_value((b"candidate", b"1"))),), rules=(54, 184, 188)),
    _caption("two-of-2", "the last of two, the fewest that a row may have", ("static", WAVE, 1), profile=213,
        registry=ROWS),
    _caption("most-first", "the first of 256, the most that a row may have", ("tokens", PROMPT, 0), profile=214,
        registry=ROWS),
    _caption("most-last", "the last of 256: S begins with FF", ("tokens", PROMPT, 255), profile=214, registry=ROWS),
    _caption("most-last-static", "the same of a text", ("static", WAVE, 255), profile=214, registry=ROWS),
    ValidCase("candidate-and-sketch", (40, 60, 184, 210), "a caption with a number, then a sketch", profile=211,
        check=16, rate=1, y="sparse", payloads=((2, ("static", WAVE, 2)),), registry=ROWS),
    ValidCase("candidate-and-indices", (40, 60, 184, 206), "a caption with a number, then indices", tier="S",
        profile=212, latents=False, check=16, size=(64, 48),
        payloads=((2, ("static", CAT, 4)), (5, (0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2))), registry=ROWS),
)  # fmt: skip

TEXT: Final = row(PICS_4)["binding"]["parameters"]["2"]

INVALID: Final = (
    _invalid("tokens-without", "tokens-16-of-1", 501, 60, "ids without a number, as a row without candidates has them",
        modes.encode_tokens(PROMPT, {"modes": ["tokens"], "vocabulary": 49_408})),
    _invalid("tokens-other", "tokens-16-of-1", 501, 60, "another number: S differs",
        modes.encode_tokens(PROMPT, FOUR, 2)),
    _invalid("static-other", "static-cat-of-1", 501, 60, "another number of a text",
        modes.encode(CAT, TEXT, "static", tables=SHIPPED, candidate=3)),
    _invalid("raw-none", "raw-cat", 401, 185, "F8 alone, without the number", bytes.fromhex("F8")),
    _invalid("raw-4", "raw-cat", 403, 186, "number 4 of four", bytes.fromhex("F804") + CAT.encode()),
    _invalid("raw-255", "raw-cat", 403, 186, "number 255 of four", bytes.fromhex("F8FF") + CAT.encode()),
    _invalid("raw-other", "raw-cat", 501, 60, "another number of a text as it is", bytes.fromhex("F802") + CAT.encode()),
    _invalid("raw-without", "raw-cat", 403, 186, "the text without a number: its first letter is read as one",
        bytes.fromhex("F8") + CAT.encode()),
    _invalid("raw-not-utf-8", "raw-cat", 401, 173, "the number is right, the text is not UTF-8",
        bytes.fromhex("F803") + b"caf\xe9"),
    _invalid("raw-number-and-utf-8", "raw-cat", 403, 186, "the number is judged before the text",
        bytes.fromhex("F804") + b"caf\xe9"),
    _invalid("zlib", "raw-cat", 403, 171, "mode zlib, which no row with candidates has", bytes.fromhex("F900")),
    _invalid("zstd", "raw-cat", 403, 171, "nor zstd", bytes.fromhex("FA00")),
    _invalid("reserved", "raw-cat", 704, 170, "a reserved first byte", bytes.fromhex("FB")),
    InvalidCase("candidate-efffffff", "candidate-static-cat-of-1", 402, (175,), "EF FF FF FF is the symbol of tokens",
        replace("body", "efffffff", 4), "S"),
    InvalidCase("candidate-f7ffffff", "candidate-tokens-16-of-1", 402, (175,), "F7 FF FF FF is the symbol of raw",
        replace("body", "f7ffffff", 4), "S"),
    InvalidCase("candidate-tail-zero", "candidate-tokens-16-of-1", 402, (70,), "a zero byte too many", append("00"),
        "S"),
    InvalidCase("candidate-tail-of-nothing", "candidate-nothing", 402, (70,), "a byte 00 where none is needed",
        append("00"), "S"),
    InvalidCase("candidate-in-section", "candidate-example-cat", 304, (45,),
        "nothing but the compact kind, in sectioned form", in_sectioned_form(0x82)),
    InvalidCase("candidate-of-pics", "candidate-static-cat-of-2", 501, (60,), "the row without candidates: K differs",
        replace("profile", "09"), "S"),
)  # fmt: skip

STATIC: Final = "candidate-example-cat"
BAD_ROWS: Final = (
    *(
        InvalidRow(f"candidates-{name}", STATIC, 32, note, _parameter("candidates", value))
        for name, note, value in (
            ("0", "no candidates", 0), ("1", "one candidate", 1), ("257", "257 candidates", 257),
            ("minus-4", "a negative number of candidates", -4), ("null", "null candidates", None),
            ("true", "true in place of a number", True), ("as-text", "the number as a text", "4"),
            ("as-list", "the number in a list", [4]), ("fraction", "half a candidate", 4.5),
        )
    ),
    *(
        InvalidRow(f"candidates-with-{mode}", STATIC, 32, f"candidates beside the mode {mode}",
            _parameter("modes", ["static", mode]))
        for mode in ("zlib", "zstd")
    ),
    InvalidRow("candidates-of-other-kind", "vq-tiny-unchecked", 32, "candidates in the parameters of indices",
        set_binding(4, "parameters", "5", "candidates")),
    InvalidRow("candidates-of-binding", STATIC, 32, "candidates in the binding itself", set_binding(4, "candidates")),
)  # fmt: skip

REFUSED: Final = (
    refused_value("candidate-4", 184, "number 4 of four", PICS_4, CAPTION, CAT, mode="static", candidate=4),
    refused_value("candidate-minus-1", 184, "a negative number", PICS_4, CAPTION, CAT, mode="static", candidate=-1),
    refused_value("candidate-of-ids-4", 184, "number 4 of four", PICS_4, CAPTION, list(PROMPT), mode="tokens",
        candidate=4),
    refused_value("candidate-of-pics", 184, "a number in a row without candidates", 9, CAPTION, CAT, mode="static",
        candidate=1),
)  # fmt: skip

CASES: Final = (*VALID, *INVALID, *BAD_ROWS, *REFUSED)
