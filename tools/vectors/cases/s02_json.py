# SPDX-License-Identifier: MIT
"""SPEC §2: JSON that no other writer spells so, and JSON that is malformed, in registries and manifests."""

from __future__ import annotations

from typing import Final

from tools.vectors.case_types.invalid_model import InvalidModel
from tools.vectors.case_types.registry_row import ChangedRow, InvalidRow, TextChange, replaced

FOLDER: Final = "registries"
MARK: Final = b"\xef\xbb\xbf"  # a byte order mark in UTF-8
VQ, NET = "vq-tiny", "default"  # with checks, so that K matters


def _texts(*changes: TextChange) -> TextChange:
    """Apply several changes of a text in order."""

    def change(data: bytes) -> bytes:
        for one in changes:
            data = one(data)
        return data

    return change


INVALID: Final = (
    InvalidRow("json-byte-order-mark", VQ, 4, "a byte order mark before the registry", text=lambda data: MARK + data),
    InvalidRow("json-not-utf-8", VQ, 4, "a name in Latin-1", text=replaced('"vq-tiny"', '"vq-t\xefny"')),
    InvalidRow("json-member-twice", VQ, 4, "a member of the row twice, with one value",
        text=replaced('"colour": "srgb8"', '"colour": "srgb8", "colour": "srgb8"')),
    InvalidRow("json-member-twice-as-escape", VQ, 4, "the same, the second one spelled with an escape",
        text=replaced('"colour": "srgb8"', r'"colour": "srgb8", "col\u006fur": "srgb8"')),
    InvalidRow("json-member-twice-elsewhere", VQ, 4, "a member twice in a row that the file does not name",
        text=replaced('"profiles": [', '"profiles": [{"id": 199, "notes": "", "notes": ""},')),
    InvalidRow("json-fraction", VQ, 6, "a stride with a fraction of 0", text=replaced('"stride": 16', '"stride": 16.0')),
    InvalidRow("json-exponent", VQ, 6, "a stride with an exponent", text=replaced('"stride": 16', '"stride": 16e0')),
    InvalidRow("json-not-ascii", VQ, 6, "a colour with a letter beyond ASCII",
        text=replaced('"srgb8"', r'"srgb8\u00e9"')),
)  # fmt: skip

ACCEPTED: Final = (
    ChangedRow("json-spelt", VQ, 5, "escapes in names and values, white space, members in another order: K is the same",
        text=_texts(replaced('"colour": "srgb8"', r'"\u0063olo\u0075r"  : "srg\u0062\u0038"'),
        replaced('"fit": {"rule": "pad", "multiple": 16, "extend": "edge"}',
        r'"fit": {"extend": "\u0065dge", "multiple": 16, "rule": "pad"}'))),
    ChangedRow("json-minus-0", NET, 5, "a parity of -0, which is 0: K is the same",
        text=replaced('"parity": 0', '"parity": -0')),
)  # fmt: skip

MODELS: Final = (
    InvalidModel("manifest-byte-order-mark", 801, (4, 114), "a byte order mark before the manifest: it has no digest",
        text=lambda data: MARK + data, base="clip-tiny"),
    InvalidModel("manifest-member-twice-as-escape", 801, (4, 114), "a member twice, the second one spelled with an escape",
        text=replaced('"licence": "CC0-1.0"', r'"licence": "CC0-1.0", "licen\u0063e": "CC0-1.0"'), base="clip-tiny"),
)  # fmt: skip

CASES: Final = (*INVALID, *ACCEPTED, *MODELS)
