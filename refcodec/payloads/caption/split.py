# SPDX-License-Identifier: MIT
"""SPEC §13.2, the text side of the static caption model: a text as a style and a sequence of pieces, and back.

    style    2 · case + stop: stop 1 if a final "." was taken off; case 1 if the first letter was made small, 2 if all were
    pieces   of a space and what is left: an optional space and the longest run of letters, or of one other octet

Letters are A-Z, a-z, the apostrophe and every octet from 0x80 on. Both directions work on octets, and `join` undoes
`split` for every text; the other way round only what `split` gives is canonical.
"""

from __future__ import annotations

import re
from typing import Final

STYLES: Final = 6
PIECE: Final = re.compile(rb" ?[A-Za-z'\x80-\xff]+| ?[^A-Za-z'\x80-\xff]", re.DOTALL)
CAPITALS: Final = re.compile(rb"[A-Z]")
SMALL: Final = re.compile(rb"[a-z]")


def split(text: bytes) -> tuple[int, list[bytes]]:
    """(style 0 … 5, pieces, each of at least one octet) of the octets of a text; the empty text is (0, [])."""
    stop = int(text.endswith(b"."))
    text = text[: len(text) - stop]
    case = 0
    if SMALL.search(text) is None and len(CAPITALS.findall(text)) >= 2:
        case, text = 2, text.lower()
    elif CAPITALS.match(text) and not CAPITALS.match(text, 1):
        case, text = 1, text[:1].lower() + text[1:]
    return 2 * case + stop, PIECE.findall(b" " + text) if text else []


def join(style: int, pieces: list[bytes]) -> bytes:
    """The octets that a style and pieces stand for; of pieces that do not begin with a space the first octet is lost."""
    case, stop = divmod(style, 2)
    text = b"".join(pieces)[1:]
    if case == 2:
        text = text.upper()
    elif case == 1:
        text = text[:1].upper() + text[1:]
    return text + b"." * stop
