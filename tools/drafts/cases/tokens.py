# SPDX-License-Identifier: MIT
"""drafts/tokens.md: sequences of tokens with a count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from refcodec import spec
from refcodec.container.key_value import encode as text_encode
from refcodec.networks.table_model import TableModel
from refcodec.payloads.caption.modes import Caption
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts.tokens import KIND as KIND_OF_TOKENS
from refcodec.payloads.drafts.tokens import Tokens
from tools.drafts.case import DraftCase, DraftRow, InvalidDraft, InvalidModel, Package, RefusedRow, ValidDraft
from tools.vectors.edits import append, flip_bits, replace, replace_body, truncate
from tools.vectors.samples import seeded_codes

FOLDER: Final = "tokens"
KIND: Final = 49
FIXED, NESTED, USAGE, ANY, PAIR = 240, 241, 242, 243, 244
CAPTION: Final = {"modes": ["raw"], "static": "0" * 64, "dictionary": "0" * 64, "vocabulary": 49408, "tokenizer": None}
FREQUENCIES: Final = (40_000, 1, 20_000, 5_000, 500, 35)


def _row(id_: int, name: str, v: int, counts: list[int], notes: str, usage: bool = False, **more: Any) -> DraftRow:
    parameters = {KIND: {"v": v, "counts": counts, "usage": usage}} | more.pop("beside", {})
    return DraftRow(id_, name, 5, KIND, parameters, notes, **more)


ROWS: Final = (
    _row(FIXED, "draft-tokens-32", 4096, [32], "32 tokens, as TiTok-L-32 has them: the count costs nothing."),
    _row(NESTED, "draft-tokens-nested", 64_000, [2**i for i in range(9)],
        "1 to 256 nested tokens, as FlexTok has them; beside a caption.", beside={2: CAPTION}),
    _row(USAGE, "draft-tokens-usage", 6, [0, 1, 5, 12], "Tokens by the table of a model.", True, model="tokens-tiny"),
    _row(ANY, "draft-tokens-any", 4096, list(range(1, 257)), "Any number of tokens up to 256, as One-D-Piece has them."),
    _row(PAIR, "draft-tokens-extremes", 65_536, [0, 65_535], "The largest count and the largest token."),
)  # fmt: skip


def tiny() -> Package:
    """Build `tokens-tiny`: the frequencies of `vq-tiny`."""
    return {"kind": KIND, "v": 6}, {"usage": np.array(FREQUENCIES, np.uint16)}


MODELS: Final[dict[str, Callable[[], Package]]] = {"tokens-tiny": tiny}


def tokens(*codes: int) -> dict[int, Callable[[CodingContext], Any]]:
    return {KIND: lambda _: Tokens(codes)}


def _seeded(seed: str, n: int, v: int) -> tuple[int, ...]:
    return tuple(seeded_codes(seed, n, v))


def _body_of_five() -> bytes:
    """Return the body of the first five tokens of `tokens-usage`."""
    model = TableModel(KIND, "", {}, np.array(FREQUENCIES, np.uint16))
    return KIND_OF_TOKENS.encode(Tokens((0, 2, 0, 3, 1)), CodingContext(dict(ROWS[2].parameters[KIND]), model=model))


R100, R101, R102, R103 = (f"DRAFT-R-{n}" for n in (100, 101, 102, 103))
VALID: Final = (
    ValidDraft("tokens-example", (R101, R102), "the example of drafts/tokens.md: 4 of up to 256 tokens", NESTED,
        tokens(7, 63_999, 0, 500), (256, 256), check=0),
    ValidDraft("tokens-32", (R101,), "a fixed count of 32, which takes no bits: 48 bytes", FIXED,
        tokens(*_seeded("tokens 32", 32, 4096)), (256, 256)),
    ValidDraft("tokens-32-nothing", (R101,), "all tokens 0: no bytes at all", FIXED, tokens(*[0] * 32), check=0),
    ValidDraft("tokens-32-largest", (R102,), "all tokens 4095", FIXED, tokens(*[4095] * 32), check=32),
    ValidDraft("tokens-nested-1", (R101,), "one token", NESTED, tokens(41_000), (256, 256)),
    ValidDraft("tokens-nested-16", (R101,), "the first 16", NESTED, tokens(*_seeded("nested", 16, 64_000)), (256, 256)),
    ValidDraft("tokens-nested-256", (R101,), "all 256: the 16 and more", NESTED,
        tokens(*_seeded("nested", 256, 64_000)), (256, 256), check=32),
    ValidDraft("tokens-any-1", (R101,), "the smallest of 256 counts", ANY, tokens(9), (100, 70)),
    ValidDraft("tokens-any-77", (R101,), "77 of 256 counts", ANY, tokens(*_seeded("any", 77, 4096)), (100, 70)),
    ValidDraft("tokens-usage", (R102, R103), "12 tokens by the table of the model", USAGE,
        tokens(0, 2, 0, 3, 1, 0, 4, 2, 5, 0, 0, 2), (64, 48)),
    ValidDraft("tokens-usage-5", (R101, R102), "5 of them", USAGE, tokens(0, 2, 0, 3, 1), (64, 48), check=0),
    ValidDraft("tokens-usage-probe", (R102,), "64 × 64 pixels, unchecked", USAGE, tokens(5, 4, 3, 2, 1), check=0),
    ValidDraft("tokens-usage-none", (R101,), "no tokens at all, and no bytes", USAGE, tokens(), (64, 48)),
    ValidDraft("tokens-none-of-many", (R101,), "no tokens where 65535 are allowed", PAIR, tokens(), (1, 1)),
    ValidDraft("tokens-most", (R101, R102), "65535 tokens, the largest among them", PAIR,
        tokens(*_seeded("most", 65_534, 65_536), 65_535), (16_384, 1)),
    ValidDraft("tokens-beside-caption", ("SEM-R-040", R101), "two sections: a caption and tokens", NESTED,
        {2: lambda _: Caption("a cat", None, "raw"), KIND: lambda _: Tokens((1, 2, 3, 4))}, (256, 256)),
    ValidDraft("tokens-beside-hints", ("SEM-R-040", R101), "tokens beside hints", NESTED, tokens(1, 2), (256, 256),
        ancillary={spec.HINTS: text_encode({"seed": "7"}, hints=True)}),
)  # fmt: skip

INVALID: Final = (
    InvalidDraft("tokens-cut", "tokens-nested-16", 501, ("SEM-R-060",), "the last byte is missing: other tokens",
        truncate(-1)),
    InvalidDraft("tokens-tail-zero", "tokens-example", 402, ("SEM-R-070",), "a zero byte too many", append("00")),
    InvalidDraft("tokens-tail-byte", "tokens-32-nothing", 402, ("SEM-R-070",), "a byte beyond the last token",
        append("01" * 60)),
    InvalidDraft("tokens-ffffffff", "tokens-example", 401, ("SEM-R-080",), "a body that begins as none can",
        replace_body(b"\xff\xff\xff\xff")),
    InvalidDraft("tokens-check-bit", "tokens-nested-16", 501, ("SEM-R-060",), "one bit of the check is wrong",
        flip_bits("check", 0, 1)),
    InvalidDraft("tokens-other-count", "tokens-usage", 501, ("SEM-R-060", R101), "fewer tokens, rightly coded",
        replace_body(_body_of_five())),
    InvalidDraft("tokens-alone-in-section", "tokens-beside-hints", 303, ("SEM-R-042",),
        "a section of another draft kind, which the row has not", replace("sections[0]", "B2", 1), "H"),
    InvalidDraft("tokens-unknown-number", "tokens-beside-hints", 703, ("SEM-R-043",),
        "a section of the range for drafts that no draft has", replace("sections[0]", "BE", 1), "H"),
    InvalidDraft("tokens-copy-bit", "tokens-beside-hints", 703, ("SEM-R-043",),
        "its type with the bit safe_to_copy", replace("sections[0]", "F1", 1), "H"),
)  # fmt: skip


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(binding: dict[str, Any]) -> None:
        binding["parameters"][str(KIND)][name] = value

    return change


def _drop(binding: dict[str, Any]) -> None:
    del binding["parameters"][str(KIND)]["usage"]


ROWS_REFUSED: Final = tuple(
    RefusedRow(f"tokens-row-{name}", "tokens-32", (R100,), note, change)
    for name, note, change in (
        ("v-0", "no code words", _set("v", 0)),
        ("v-65537", "more code words than there can be", _set("v", 65_537)),
        ("no-counts", "no count is allowed", _set("counts", [])),
        ("counts-equal", "a count twice", _set("counts", [4, 4])),
        ("counts-descending", "counts that do not ascend", _set("counts", [8, 4])),
        ("count-65536", "a count above 65535", _set("counts", [32, 65_536])),
        ("count-negative", "a count below 0", _set("counts", [-1, 32])),
        ("count-as-float", "a count that is spelled 32.0", _set("counts", [32.5])),
        ("many-counts", "4097 counts", _set("counts", list(range(4097)))),
        ("counts-as-number", "a number in place of the list", _set("counts", 32)),
        ("usage-as-number", "`usage` is 0", _set("usage", 0)),
        ("member-missing", "no member `usage`", _drop),
        ("member-more", "a member that the draft does not have", _set("order", "nested")),
    )
)


def _tensor(*values: int) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def change(_symbols: dict[str, Any], tensors: dict[str, Any]) -> None:
        tensors["usage"] = np.array(values, np.uint16)

    return change


def _member(name: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def change(symbols: dict[str, Any], _tensors: dict[str, Any]) -> None:
        symbols[name] = value

    return change


def _seven(symbols: dict[str, Any], tensors: dict[str, Any]) -> None:
    symbols["v"], tensors["usage"] = 7, np.array([*FREQUENCIES[:5], 34, 1], np.uint16)


def _flip(_symbols: dict[str, Any], tensors: dict[str, Any]) -> None:
    tensors["usage"][0] ^= 1


MODELS_INVALID: Final = tuple(
    InvalidModel(f"tokens-tiny-{name}", "tokens-usage-probe", "tokens-tiny", error, (rule,), note, change, late)
    for name, error, rule, note, change, late in (
        ("sum", 803, R103, "frequencies that sum to 65535", _tensor(39_999, *FREQUENCIES[1:]), _member("v", 6)),
        ("frequency-0", 803, R103, "a token that cannot be coded", _tensor(40_001, 0, *FREQUENCIES[2:]), _member("v", 6)),
        ("seven", 803, "SEM-R-112", "seven tokens on a row of six", _seven, _member("v", 7)),
        ("member-more", 803, "SEM-R-111", "a member that the draft does not have", _member("w", 6), _member("v", 6)),
        ("kind-5", 803, "SEM-R-112", "the same as a model of kind 5", _member("kind", 5), _member("v", 6)),
        ("digest", 802, "SEM-R-110", "one bit of the table differs", _member("v", 6), _flip),
    )
)  # fmt: skip

CASES: Final[tuple[DraftCase, ...]] = (*VALID, *INVALID, *ROWS_REFUSED, *MODELS_INVALID)
