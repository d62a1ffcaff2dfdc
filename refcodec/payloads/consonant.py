# SPDX-License-Identifier: MIT
"""Code consonant text (SPEC §13.1, kind 1; Dotzel et al. 2024): words without vowels, in an alphabet of sixteen codes.

    code   0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
    letter _ n t s r h l d c m  f  g  p  b  k  v        _ is the space; no text ends in one

fixed, as in the paper: two codes in each byte, the high four bits first; the last byte is padded with 0.
coded: one range-coded stream of codes, then END; the three preceding codes select the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from refcodec import entropy, spec
from refcodec.errors import Code, SemError
from refcodec.networks.manifest_values import is_digest
from refcodec.payloads import SHOWN_SYMBOLS
from refcodec.payloads.base import Kind, SymbolOption
from refcodec.table_files import TableFile, TableFiles

if TYPE_CHECKING:
    from refcodec.payloads.exports import Artifact, ExportContext

LETTERS: Final = " ntsrhldcmfgpbkv"
_DIGITS: Final = b"0123456789abcdef"  # of two codes in a byte
_CODES: Final = bytes(max(0, _DIGITS.find(bytes([digit]))) for digit in range(256))

TABLE_SHA256: Final = "872e62782d59c015869a0f7f66d399a0838ec0fb7061745da798696a49b5a0cf"
ENTRIES: Final = 17  # bytes of one table of consonant.bin: END, then codes 0 … 15
CONTEXTS: Final = 4096


@dataclass(frozen=True)
class Consonants:
    """Codes 0 … 15, one in each byte, the last of which is not a space. Raises ValueError for any others."""

    codes: bytes
    canonical = True

    def __post_init__(self) -> None:
        if max(self.codes, default=0) >= len(LETTERS):
            at = next(i for i, code in enumerate(self.codes) if code >= len(LETTERS))
            raise ValueError(f"codes are 0 … 15, not {self.codes[at]} (code {at})")
        if self.codes.endswith(b"\0"):
            raise ValueError("a consonant text does not end in a space")

    @property
    def text(self) -> str:
        """Return the letters and spaces."""
        return "".join(LETTERS[code] for code in self.codes)

    @property
    def shape(self) -> list[list[int]]:
        return [[len(self.codes)]]

    def serialise(self) -> bytes:
        """Return S of SPEC §13.1: a byte for each code."""
        return self.codes

    def to_json(self) -> Any:
        """Return the text, None if it has more than `SHOWN_SYMBOLS` codes."""
        return self.text if len(self.codes) <= SHOWN_SYMBOLS else None

    def arrays(self) -> str:
        """Return the text."""
        return self.text


def well_formed(parameters: dict[str, Any]) -> bool:
    """Return whether the parameters of a row are valid: a code, and for `coded` the digest of its table."""
    if parameters.get("code") == "fixed":
        return set(parameters) == {"code"}
    return set(parameters) == {"code", "table"} and parameters["code"] == "coded" and is_digest(parameters["table"])


def from_text(text: str) -> Consonants:
    """Return the codes of letters and spaces. ValueError names the first other character, or a space at the end."""
    for at, letter in enumerate(text):
        if letter not in LETTERS:
            raise ValueError(f"{letter!r} at character {at} is not one of the 15 consonants {LETTERS[1:]} or a space")
    return Consonants(bytes(map(LETTERS.index, text)))


def decode(body: bytes, parameters: Mapping[str, Any], limit: int, *, tables: TableFiles) -> Consonants:
    """Return the text of a body, at most `limit` codes.

    Raise STREAM_INVALID, STREAM_NOT_CANONICAL, LIMIT_TEXT (SEM-E-604), or MODEL_UNAVAILABLE (SEM-E-801) for an unknown
    table.
    """
    if parameters["code"] == "fixed":
        return Consonants(_unpack(body, limit))
    _require(parameters["table"])
    coder = entropy.Decoder(body)
    codes = _walk(coder, tables.load(TABLES), limit)
    coder.finish()
    return Consonants(codes)


def encode(codes: bytes, parameters: Mapping[str, Any], *, tables: TableFiles) -> bytes:
    """Return the body of codes 0 … 15.

    Raises ValueError for other codes or a space at the end; MODEL_UNAVAILABLE as `decode`.
    """
    value = Consonants(bytes(codes))
    if parameters["code"] == "fixed":
        return _pack(value.codes)
    _require(parameters["table"])
    coder = entropy.Encoder()
    _walk(coder, tables.load(TABLES), len(value.codes), value.codes)
    return coder.finish()


def _pack(codes: bytes) -> bytes:
    digits = (codes + bytes(len(codes) % 2)).translate(_DIGITS.ljust(256))
    return bytes.fromhex(digits.decode("ascii"))


def _unpack(body: bytes, limit: int) -> bytes:
    count = 2 * len(body) - int(body != b"" and body[-1] & 15 == 0)
    if count > limit:
        raise SemError(Code.LIMIT_TEXT, f"the text has {count} codes, {limit} are allowed", offset=limit // 2)
    if body.endswith(b"\0"):
        raise SemError(Code.STREAM_NOT_CANONICAL, "the last byte of a text is 00", offset=len(body) - 1)
    return body.hex().encode("ascii").translate(_CODES)[:count]


def _walk(coder: entropy.Coder, tables: Tables, limit: int, codes: bytes | None = None) -> bytes:
    """Read all codes, or write `codes`: symbol 0 is END, symbol 1 + c the code c.

    Reading stops at the limit: a few bytes may hold millions of cheap symbols.
    """
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
    """The tables of consonant.bin, one for each three codes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._cache: dict[int, list[int]] = {}

    def after(self, context: int) -> list[int]:
        """Return the cumulative table after the codes a, b, c, context = 256 a + 16 b + c."""
        table = self._cache.get(context)
        if table is None:
            table = self._cache[context] = entropy.cumulative(self._data[ENTRIES * context : ENTRIES * (context + 1)])
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
