# SPDX-License-Identifier: MIT
"""SPEC §5: documents that are no registry, what a decoder ignores in a row, and `fit` beside other kinds."""

from __future__ import annotations

from typing import Final

from tools.vectors.case_types.registry_row import (
    ChangedRow,
    InvalidRow,
    Row,
    drop_binding,
    replaced,
    set_binding,
)

FOLDER: Final = "registries"
VQ, CAPTION, CODED = "vq-tiny-unchecked", "caption-raw-unchecked", "consonant-coded-unchecked"
CAPITALS: Final = "AB" * 32


def _document(name: str, note: str, old: str, new: str) -> InvalidRow:
    return InvalidRow(f"document-{name}", VQ, 55, note, text=replaced(old, new))


def _digest(name: str, base: str, note: str, value: str, kind: str, member: str) -> InvalidRow:
    return InvalidRow(f"parameters-{name}", base, 32, note, set_binding(value, "parameters", kind, member))


def _twice(data: bytes) -> bytes:
    """Repeat the only row."""
    line = data.splitlines()[1]
    return data.replace(line, line + b",\n" + line)


def _others(new: Row) -> None:
    """Change all that is for people, as a row may change."""
    new.update(name="other", status="withdrawn", notes="Do not write this.", recommended={"hints": {"seed": "7"}})


def _published(new: Row) -> None:
    new.update(status="published", recommended=None, notes="")


DOCUMENTS: Final = (
    InvalidRow("document-cut", VQ, 55, "the registry lacks its last bracket", text=lambda data: data.rstrip()[:-1]),
    InvalidRow("document-empty", VQ, 55, "a registry of no bytes", text=lambda _: b""),
    InvalidRow("document-list", VQ, 55, "a list of rows alone",
        text=lambda data: data[data.index(b"[") : data.rindex(b"]") + 1]),
    _document("version-2", "a registry of another format version", '{"version": 1', '{"version": 2'),
    _document("version-0", "a registry of the draft", '{"version": 1', '{"version": 0'),
    _document("version-as-text", "the version as a text", '{"version": 1', '{"version": "1"'),
    _document("version-true", "true in place of version 1", '{"version": 1', '{"version": true'),
    _document("version-missing", "no version", '{"version": 1, ', "{"),
    _document("profiles-missing", "no list of rows", '"profiles"', '"rows"'),
    _document("row-null", "null beside the row", '"profiles": [', '"profiles": [null, '),
    _document("id-as-text", "a row more, whose id is a text", '"profiles": [', '"profiles": [{"id": "199"},'),
    _document("id-missing", "a row more, which has no id", '"profiles": [', '"profiles": [{"name": "nothing"},'),
    InvalidRow("document-id-twice", VQ, 55, "the row of the file twice", text=_twice),
    _document("id-twice-elsewhere", "two rows of another id", '"profiles": [', '"profiles": [{"id": 199}, {"id": 199},'),
)  # fmt: skip

DIGESTS: Final = (
    InvalidRow("parameters-modes-twice", CAPTION, 32, "a mode twice",
        set_binding(["static", "raw", "raw"], "parameters", "2", "modes")),
    InvalidRow("parameters-dictionary-missing", VQ, 32, "no dictionary, in a row without zstd",
        drop_binding("parameters", "2", "dictionary")),
    InvalidRow("parameters-static-missing", VQ, 32, "no table of captions, in a row without static",
        drop_binding("parameters", "2", "static")),
    _digest("static-in-capitals", CAPTION, "a digest in capitals", CAPITALS, "2", "static"),
    _digest("dictionary-63-digits", CAPTION, "a digest of 63 digits", "5" * 63, "2", "dictionary"),
    _digest("tokenizer-65-digits", CAPTION, "a digest of 65 digits", "5" * 65, "2", "tokenizer"),
    _digest("tokenizer-line-break", CAPTION, "a line break behind a digest", "5" * 64 + "\n", "2", "tokenizer"),
    _digest("table-in-capitals", CODED, "a digest in capitals", CAPITALS, "1", "table"),
)  # fmt: skip

ACCEPTED: Final = (
    ChangedRow("row-of-other-words", "vq-tiny", 57, "another name, a withdrawn row, other notes and hints", _others),
    ChangedRow("row-as-published", "vq-tiny", 57, "a draft as if it were published, recommending nothing", _published),
    ChangedRow("fit-of-wider-multiple", VQ, 58, "multiples of 64 beside a stride of 16: the shape is that of the stride",
        set_binding(64, "fit", "multiple")),
    ChangedRow("fit-of-narrower-multiple", "tiny-unchecked", 58, "multiples of 16 beside latents: their shape is that of 64",
        set_binding(16, "fit", "multiple")),
    ChangedRow("fit-none-of-latents", "tiny-unchecked", 58, "latents of a picture that is not extended: their shape is the same",
        set_binding({"rule": "none"}, "fit")),
)  # fmt: skip

CASES: Final = (*DOCUMENTS, *DIGESTS, *ACCEPTED)
