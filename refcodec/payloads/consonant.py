# SPDX-License-Identifier: MIT
"""SPEC §13.1 consonant text (kind 1; Dotzel et al. 2024): words without vowels in an alphabet of sixteen codes.

    code   0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
    letter _ n t s r h l d c m  f  g  p  b  k  v        _ is the space; no text ends in one

fixed, as the authors count it: two codes a byte, the high four bits first, 0 to fill the last byte.
coded: one range-coded stream of codes, then END; the three codes before choose the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from refcodec import entropy, spec
from refcodec.errors import Code, SemError
from refcodec.payloads import SHOWN_SYMBOLS
from refcodec.payloads.base import Kind, SymbolOption, is_digest
from refcodec.table_files import TableFile, TableFiles

if TYPE_CHECKING:
    from refcodec.payloads.exports import Artifact, ExportContext

LETTERS: Final = " ntsrhldcmfgpbkv"
SPACE: Final = 0

TABLE_SHA256: Final = "872e62782d59c015869a0f7f66d399a0838ec0fb7061745da798696a49b5a0cf"
ENTRIES: Final = 17  # bytes of one table of consonant.bin: END, then codes 0 … 15
CONTEXTS: Final = 4096


@dataclass(frozen=True)
class Consonants:
    """codes, each 0 … 15, one a byte; the last one is no space. ValueError for any others."""

    codes: bytes
    canonical = True

    def __post_init__(self) -> None:
        at = next((i for i, code in enumerate(self.codes) if code >= len(LETTERS)), None)
        if at is not None:
            raise ValueError(f"codes are 0 … 15, not {self.codes[at]} (code {at})")
        if self.codes.endswith(b"\0"):
            raise ValueError("a consonant text does not end in a space")

    @property
    def text(self) -> str:
        """Its letters and spaces."""
        return "".join(LETTERS[code] for code in self.codes)

    @property
    def shape(self) -> list[list[int]]:
        return [[len(self.codes)]]

    def serialise(self) -> bytes:
        """S of SPEC §13.1: a byte for each code."""
        return self.codes

    def shown(self) -> Any:
        return self.text if len(self.codes) <= SHOWN_SYMBOLS else None

    def arrays(self) -> str:
        return self.text


def well_formed(parameters: dict[str, Any]) -> bool:
    """Return whether a row may have these parameters: a code, and for the coded one the digest of its table."""
    if parameters.get("code") == "fixed":
        return set(parameters) == {"code"}
    return set(parameters) == {"code", "table"} and parameters["code"] == "coded" and is_digest(parameters["table"])


def from_text(text: str) -> Consonants:
    """The codes of letters and spaces; ValueError that names the first character of any other text, or a last space."""
    for at, letter in enumerate(text):
        if letter not in LETTERS:
            raise ValueError(f"{letter!r} at character {at} is none of the 15 consonants {LETTERS[1:]} and no space")
    return Consonants(bytes(map(LETTERS.index, text)))


def decode(body: bytes, parameters: Mapping[str, Any], limit: int, *, tables: TableFiles) -> Consonants:
    """The text of a body; SemError 401, 402, 604 for more than `limit` codes, 801 for a table that is not here."""
    if parameters["code"] == "fixed":
        return Consonants(_unpack(body, limit))
    _require(parameters["table"])
    coder = entropy.Decoder(body)
    codes = _walk(coder, tables.load(TABLES), limit)
    coder.finish()
    return Consonants(codes)


def encode(codes: bytes, parameters: Mapping[str, Any], *, tables: TableFiles) -> bytes:
    """The body of codes 0 … 15; ValueError for another one and for a space at the end, SemError 801 as in `decode`."""
    value = Consonants(bytes(codes))
    if parameters["code"] == "fixed":
        return _pack(value.codes)
    _require(parameters["table"])
    coder = entropy.Encoder()
    _walk(coder, tables.load(TABLES), len(value.codes), value.codes)
    return coder.finish()


def _pack(codes: bytes) -> bytes:
    whole = codes + bytes(len(codes) % 2)
    return bytes(high << 4 | low for high, low in zip(whole[::2], whole[1::2], strict=True))


def _unpack(body: bytes, limit: int) -> bytes:
    count = 2 * len(body) - int(body != b"" and body[-1] & 15 == 0)
    if count > limit:
        raise SemError(Code.LIMIT_TEXT, f"the text has {count} codes, {limit} are allowed", offset=limit // 2)
    if body.endswith(b"\0"):
        raise SemError(Code.STREAM_NOT_CANONICAL, "the last byte of a text is 00", offset=len(body) - 1)
    return bytes(code for byte in body for code in (byte >> 4, byte & 15))[:count]


def _walk(coder: entropy.Coder, tables: Tables, limit: int, codes: bytes | None = None) -> bytes:
    """Symbol 0 is END, symbol 1 + code a code. A text of cheap symbols is stopped at the limit, not at its end."""
    out = bytearray()
    context = 0
    while True:
        value = None
        if codes is not None:
            value = codes[len(out)] + 1 if len(out) < len(codes) else 0
        symbol = coder.symbol(tables.after(context), value)
        if symbol == 0:
            if out.endswith(b"\0"):
                raise SemError(Code.STREAM_NOT_CANONICAL, "the text ends in a space")
            return bytes(out)
        if len(out) == limit:
            raise SemError(Code.LIMIT_TEXT, f"the text has more than {limit} codes")
        out.append(symbol - 1)
        context = (context << 4 | (symbol - 1)) & CONTEXTS - 1


def _require(digest: str) -> None:
    if digest != TABLE_SHA256:
        raise SemError(
            Code.MODEL_UNAVAILABLE,
            f"the table {digest} of the profile is not here",
            hint="install a refcodec that has it",
        )


class Tables:
    """consonant.bin: a table for each three codes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._made: dict[int, list[int]] = {}

    def after(self, context: int) -> list[int]:
        """The cumulative table after the codes a, b, c, context = 256 a + 16 b + c."""
        table = self._made.get(context)
        if table is None:
            table = self._made[context] = entropy.cumulative(self._data[ENTRIES * context : ENTRIES * (context + 1)])
        return table


TABLES: Final = TableFile("refcodec.payloads", "consonant.bin", TABLE_SHA256, Tables)


def _export(value: Consonants, _: ExportContext) -> Artifact:
    from refcodec.payloads.exports import Artifact

    return Artifact("consonant text", (".txt",), lambda _: f"{value.text}\n".encode())


KIND: Final = Kind(
    id=spec.CONSONANT,
    name="consonant",
    well_formed=well_formed,
    decode=lambda body, context: decode(body, context.parameters, context.limit, tables=context.tables),
    encode=lambda value, context: encode(value.codes, context.parameters, tables=context.tables),
    export=_export,
    text=True,
    option=SymbolOption("text", "T", "Consonant text of these words, or the prompt of another method.", "text"),
    inputs=frozenset({"text", "codes"}),
)
