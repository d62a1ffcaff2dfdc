# SPDX-License-Identifier: MIT
"""Split a text into a style and pieces, the symbols of the static caption model, and join them (SPEC §13.2).

    style    2 · case + stop: stop 1 if a final "." is removed; case 1 if the first letter is lowered, 2 if all are
    pieces   of a space and the remaining text: an optional space, then the longest run of letters or one other octet

Letters are A-Z, a-z, the apostrophe and every octet from 0x80 on. Both directions work on octets. `join` inverts
`split` for every text; only the pieces that `split` returns are canonical.
"""

from __future__ import annotations

import re
from typing import Final

STYLES: Final = 6
PIECE: Final = re.compile(rb" ?[A-Za-z'\x80-\xff]+| ?[^A-Za-z'\x80-\xff]", re.DOTALL)
CAPITALS: Final = re.compile(rb"[A-Z]")
SMALL: Final = re.compile(rb"[a-z]")


def split(text: bytes) -> tuple[int, list[bytes]]:
    """Return (style 0 … 5, pieces of at least one octet each) of the octets of a text; (0, []) for the empty text."""
    stop = int(text.endswith(b"."))
    text = text[: len(text) - stop]
    case = 0
    if SMALL.search(text) is None and len(CAPITALS.findall(text)) >= 2:
        case, text = 2, text.lower()
    elif CAPITALS.match(text) and not CAPITALS.match(text, 1):
        case, text = 1, text[:1].lower() + text[1:]
    return 2 * case + stop, PIECE.findall(b" " + text) if text else []


def join(style: int, pieces: list[bytes]) -> bytes:
    """Return the octets of a style and pieces. The first octet of the pieces, a space if canonical, is dropped."""
    case, stop = divmod(style, 2)
    text = b"".join(pieces)[1:]
    if case == 2:
        text = text.upper()
    elif case == 1:
        text = text[:1].upper() + text[1:]
    return text + b"." * stop
