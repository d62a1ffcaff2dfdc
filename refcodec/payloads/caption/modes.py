# SPDX-License-Identifier: MIT
"""Code captions (SPEC §13.2, kind 2): any Unicode text, or the token ids of a prompt.

    first byte   none, 00 … EF   static    the body is one range-coded stream, by the model of caption.bin
                 F0 … F7         tokens    the body is one range-coded stream: a count, then ids, entropy.uniform
                 F8              raw       UTF-8 follows
                 F9              zlib      a zlib stream follows
                 FA              zstd      a zstd frame without magic follows, with the dictionary caption.zdict
                 FB … FF         reserved

The first symbol of a range-coded body is its mode, by `MODE_TABLE`, which determines the range of the first byte. In
rows with `candidates` the number of a candidate follows it (`candidates`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from refcodec import entropy, spec
from refcodec.errors import Code, SemError
from refcodec.networks.manifest_values import is_digest
from refcodec.payloads import checked, u16
from refcodec.payloads.base import Kind, SymbolOption, is_integer
from refcodec.payloads.caption import candidates

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.payloads.caption import ppm
    from refcodec.payloads.coding import CodingContext
    from refcodec.payloads.exports import Artifact, ExportContext
    from refcodec.table_files import TableFiles

MODES: Final = ("static", "tokens", "raw", "zlib", "zstd")
TEXT_MODES: Final = ("static", "raw", "zlib", "zstd")
FOREIGN: Final = ("zlib", "zstd")
MODE_TABLE: Final = [0, 240, 248, 249, 250, 251, 256]  # cumulative: 240, 8, 1, 1, 1, and 5 reserved
RANGE_CODED: Final = 0xF8  # the first byte of a range-coded body is smaller
RESERVED: Final = 0xFB
COUNT_LIMIT: Final = 75
# cumulative: 76 for a count of 16, the default of prompt inversion, and 1 for each other count
COUNT_TABLE: Final = [*range(17), *range(92, 152)]


@dataclass(frozen=True)
class Caption:
    """Either `text` or `tokens` (ids 0 … V - 1, at most 75) is not None; `mode` is one of `MODES`.

    `candidate`: the number of the chosen picture, below `candidates` of the row; None if the row has no candidates.
    """

    text: str | None
    tokens: tuple[int, ...] | None
    mode: str
    candidate: int | None = None

    @property
    def shape(self) -> list[list[int]]:
        """Return the number of octets of UTF-8, or of ids."""
        return [[len((self.text or "").encode()) if self.tokens is None else len(self.tokens)]]

    @property
    def canonical(self) -> bool:
        """Return whether mode and value determine the body."""
        return self.mode not in FOREIGN

    def serialise(self) -> bytes:
        """Return S of SPEC §13.2: UTF-8, or the byte FF, which UTF-8 never contains, and 16 bits for each id.

        The number of a candidate precedes it as one byte.
        """
        head = candidates.as_byte(self.candidate)
        if self.tokens is not None:
            return head + b"\xff" + u16(self.tokens)
        return head + (self.text or "").encode()

    def to_json(self) -> Any:
        """Return the text, or the ids as a list."""
        return self.text if self.tokens is None else list(self.tokens)

    def arrays(self) -> str | NDArray[np.uint16]:
        """Return the text, or uint16[n] of ids."""
        if self.tokens is None:
            return self.text or ""
        import numpy as np

        return np.array(self.tokens, np.uint16)


def well_formed(parameters: dict[str, Any]) -> bool:
    """Return whether the parameters of a row are valid: modes in their order, and the tables that they need."""
    members = {"modes", "static", "dictionary", "vocabulary", "tokenizer"}
    if set(parameters) - {"candidates"} != members or not isinstance(parameters["modes"], list):
        return False
    return (
        len(parameters["modes"]) > 0
        and parameters["modes"] == [mode for mode in MODES if mode in parameters["modes"]]
        and candidates.well_formed(parameters)
        and is_digest(parameters["static"])
        and is_digest(parameters["dictionary"])
        and is_integer(parameters["vocabulary"], 1, 65536)
        and (parameters["tokenizer"] is None or is_digest(parameters["tokenizer"]))
    )


def decode(body: bytes, parameters: Mapping[str, Any], limit: int, *, tables: TableFiles) -> Caption:
    """Return the caption of a body, at most `limit` octets of UTF-8.

    `parameters`: those of the row for this kind. Raise STREAM_INVALID, STREAM_NOT_CANONICAL, VALUE_RANGE for a mode that
    the row does not have, LIMIT_TEXT, UNSUPPORTED_KIND for a reserved first byte, MODEL_UNAVAILABLE or MODEL_DIGEST for
    a table, or DEPENDENCY_MISSING.
    """
    mode = _mode(body)
    if mode not in parameters["modes"]:
        raise SemError(Code.VALUE_RANGE, f"the profile has no captions of mode {mode}", offset=0, path="mode")
    if mode == "tokens":
        coder = _begin(body, mode)
        candidate = candidates.code_number(coder, parameters)
        tokens = _tokens(coder, parameters["vocabulary"])
        coder.finish()
        return Caption(None, tokens, mode, candidate)
    candidate = None
    if mode == "static":
        model = _model(parameters, tables)
        coder = _begin(body, mode)
        candidate = candidates.code_number(coder, parameters)
        octets = model.walk(coder, limit)
        coder.finish()
    elif mode == "raw":
        from refcodec.payloads.caption import ppm

        candidate, octets = candidates.split_raw(body, parameters)
        if len(octets) > limit:
            raise ppm.too_long(limit)
    else:
        octets = _foreign(mode, parameters, tables)[1](body[1:], limit)
    return Caption(_text(octets, len(body) - len(octets) if mode == "raw" else None), None, mode, candidate)


def encode(
    text: str,
    parameters: Mapping[str, Any],
    mode: str | None = None,
    *,
    tables: TableFiles,
    candidate: int | None = None,
) -> bytes:
    """Return the body of a text in `mode`; by default the shortest body, in a tie of the first of `TEXT_MODES`.

    candidate: the number of the chosen picture, None for 0, or in a row without candidates.
    Raises ValueError for a text with a lone surrogate, or a mode or candidate that the row does not have.
    """
    octets = text.encode()
    modes = [name for name in TEXT_MODES if name in parameters["modes"] and mode in (None, name)]
    if not modes:
        raise ValueError(f"the profile has no captions of mode {mode}" if mode else "the profile has no mode for texts")
    candidate = candidates.number_to_write(candidate, parameters)
    return min((_body(octets, name, parameters, tables, candidate) for name in modes), key=len)


def static(
    octets: bytes,
    model: ppm.CaptionModel,
    parameters: Mapping[str, Any] = MappingProxyType({}),
    candidate: int | None = None,
) -> bytes:
    """Return the body of UTF-8 octets in mode static. parameters, candidate: of a row with candidates."""
    coder = entropy.Encoder()
    coder.symbol(MODE_TABLE, MODES.index("static"))
    candidates.code_number(coder, parameters, candidate)
    model.walk(coder, len(octets), octets)
    return coder.finish()


def encode_tokens(ids: Iterable[int], parameters: Mapping[str, Any], candidate: int | None = None) -> bytes:
    """Return the body of at most 75 token ids.

    candidate: as for `encode`. Raises ValueError for more ids, for one outside the vocabulary, or if the row does not
    have the mode or candidate.
    """
    if "tokens" not in parameters["modes"]:
        raise ValueError("the profile has no captions of mode tokens")
    numbers = checked(tuple(ids), parameters["vocabulary"], "token ids")
    if len(numbers) > COUNT_LIMIT:
        raise ValueError(f"a prompt has at most {COUNT_LIMIT} token ids, not {len(numbers)}")
    candidate = candidates.number_to_write(candidate, parameters)
    coder = entropy.Encoder()
    coder.symbol(MODE_TABLE, MODES.index("tokens"))
    candidates.code_number(coder, parameters, candidate)
    _tokens(coder, parameters["vocabulary"], numbers)
    return coder.finish()


def _mode(body: bytes) -> str:
    first = body[0] if body else 0
    if first >= RESERVED:
        raise SemError(
            Code.UNSUPPORTED_KIND, f"no caption mode is defined for the first byte {first:02X}", offset=0, path="mode"
        )
    return "static" if first < 0xF0 else "tokens" if first < RANGE_CODED else MODES[first - 0xF6]


def _body(octets: bytes, mode: str, parameters: Mapping[str, Any], tables: TableFiles, candidate: int | None) -> bytes:
    if mode == "static":
        return static(octets, _model(parameters, tables), parameters, candidate)
    head = bytes([0xF6 + MODES.index(mode)]) + candidates.as_byte(candidate)
    return head + (octets if mode == "raw" else _foreign(mode, parameters, tables)[0](octets))


def _begin(body: bytes, mode: str) -> entropy.Decoder:
    """Return a decoder that has read the symbol of the mode."""
    coder = entropy.Decoder(body)
    if coder.symbol(MODE_TABLE) != MODES.index(mode):  # EF FF FF FF …, which no encoder writes
        raise SemError(
            Code.STREAM_NOT_CANONICAL, "the first symbol is not the mode of the first byte", offset=0, path="mode"
        )
    return coder


def _tokens(coder: entropy.Coder, vocabulary: int, ids: Sequence[int] | None = None) -> tuple[int, ...]:
    """Read, or write, `ids`: their count, then each id with equal probability."""
    table = entropy.uniform(vocabulary)
    count = coder.symbol(COUNT_TABLE, None if ids is None else len(ids))
    return tuple(coder.symbol(table, None if ids is None else ids[i]) for i in range(count))


def _text(octets: bytes, start: int | None) -> str:
    """Decode UTF-8. `start`: offset of the octets in the body, None if they are not bytes of the body."""
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        what = f"octet {error.start} of the text is not UTF-8"
        raise SemError(Code.STREAM_INVALID, what, offset=None if start is None else start + error.start) from error


def _model(parameters: Mapping[str, Any], tables: TableFiles) -> ppm.CaptionModel:
    from refcodec.payloads.caption import ppm

    if parameters.get("static") != ppm.SHA256:
        raise _missing("table", parameters.get("static"))
    return tables.load(ppm.MODEL)


def _foreign(
    mode: str, parameters: Mapping[str, Any], tables: TableFiles
) -> tuple[Callable[[bytes], bytes], Callable[[bytes, int], bytes]]:
    """Return the compressor and the decompressor of a mode."""
    from refcodec.payloads.caption import compressed

    if mode == "zlib":
        return compressed.deflate, compressed.inflate
    if parameters.get("dictionary") != compressed.DICTIONARY_SHA256:
        raise _missing("dictionary", parameters.get("dictionary"))
    dictionary = tables.load(compressed.DICTIONARY)
    return partial(compressed.compress, dictionary=dictionary), partial(compressed.decompress, dictionary=dictionary)


def _missing(what: str, digest: object) -> SemError:
    hint = "install a refcodec that has it"
    return SemError(Code.MODEL_UNAVAILABLE, f"the caption {what} {str(digest)[:16]} is not here", hint=hint)


def _encode(value: Caption, context: CodingContext) -> bytes:
    if value.tokens is not None:
        return encode_tokens(value.tokens, context.parameters, value.candidate)
    text, parameters = value.text or "", context.parameters
    return encode(text, parameters, value.mode, tables=context.tables, candidate=value.candidate)


def _export(value: Caption, _: ExportContext) -> Artifact:
    from refcodec.payloads.exports import Artifact, npy_bytes

    symbols = value.arrays()
    if isinstance(symbols, str):
        return Artifact("caption", (".txt",), lambda _: f"{symbols}\n".encode())
    return Artifact("prompt token ids", (".npy",), lambda _: npy_bytes(symbols))


KIND: Final = Kind(
    id=spec.CAPTION,
    name="caption",
    well_formed=well_formed,
    decode=lambda body, context: decode(body, context.parameters, context.limit, tables=context.tables),
    encode=_encode,
    export=_export,
    text=True,
    option=SymbolOption("caption", "T", "A caption, sent beside other symbols or alone.", "text"),
    inputs=frozenset({"text", "caption", "codes"}),
)
