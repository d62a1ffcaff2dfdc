# SPDX-License-Identifier: MIT
"""Mutants that read zlib streams, left-out modes and the order of checks wrongly (SPEC §13.2), or the header's limits."""

from __future__ import annotations

from mutants.inflate import SWITCHES
from mutants.mutant import Mutant
from mutants.mutants_parser import m

INFLATE = "    inflate = zlib.decompressobj()\n"
OCTETS = "            number, octets = stream(part, lambda coder: caption_static(coder, tables, candidates))\n"
UTF_8 = """
                try:
                    {octets}.decode("utf-8")
                except UnicodeDecodeError:
                    fail(401, "not UTF-8", part.offset)
"""
WRONG = {
    "any-window": "zlib: windows above 2^15 are accepted",
    "declared-window": "zlib: distances beyond the declared window are refused",
    "distances-needed": "zlib: a block without any distance code is refused",
    "distances-32": "zlib: 31 and 32 distance symbols are accepted",
    "lengths-288": "zlib: 287 and 288 symbols of literals and lengths are accepted",
    "end-needless": "zlib: a block may have no code for its end",
    "incomplete": "zlib: any prefix code may be incomplete",
    "single-refused": "zlib: a single code of one bit is refused",
}


def inflate(switch: str) -> Mutant:
    """Return the mutant with an inflate of its own that has one error."""
    own = f'    inflate = importlib.import_module("mutants.inflate").Inflate(frozenset({{"{switch}"}}))\n'
    return m(f"zlib-{switch}", WRONG[switch], "caption", INFLATE, own)


def left_out(name: str, wrong: str, *edits: str) -> Mutant:
    """Return a mutant that leaves out mode zlib as SEM-R-165 does not allow."""
    return m(f"left-out-{name}", wrong, "caption", *edits)


CAPTIONS = (
    *map(inflate, SWITCHES),
    left_out("long", "long zlib streams are left out", INFLATE,
      '    if len(body) > 60:\n        fail(704, "a long stream", offset)\n' + INFLATE),
    left_out("invalid", "invalid zlib streams are left out", 'fail(401, f"SEM-R-176: {error}", offset)', 'fail(704, "not read", offset)'),
    left_out("early", "mode zlib is left out before the modes of the row are looked up",
      '    if mode not in parameters["modes"]:', '    if mode == "zlib":\n        fail(704, "not read", part.offset)\n    if mode not in parameters["modes"]:'),
    m("utf-8-first", "UTF-8 is checked before the stream", "caption", OCTETS,
      "            def walk(coder):\n                number, octets = caption_static(coder, tables, candidates)"
      + UTF_8.format(octets="octets") + "                return number, octets\n\n            number, octets = stream(part, walk)\n"),
    m("utf-8-before-pieces", "UTF-8 is checked before style and pieces", "caption", "    if (style, pieces) != split(text) or",
      '    try:\n        text.decode("utf-8")\n    except UnicodeDecodeError:\n        fail(401, "not UTF-8", 0)\n    if (style, pieces) != split(text) or'),
    m("side-in-header", "the limit of a side is checked before the rest of the header", "header",
      "    h = bytearray(data[: reader.position])\n", '    if max(width, height) > 16384:\n        fail(601, "a side", size_offset)\n    h = bytearray(data[: reader.position])\n'),
    m("width-in-header", "the limit of the width is checked before the height", "header",
      "        width = reader.varint() + 1\n", '        width = reader.varint() + 1\n        if width > 16384:\n            fail(601, "a side", size_offset)\n'),
    m("pixels-in-header", "the limit of pixels is checked before the rest of the header", "header",
      "    h = bytearray(data[: reader.position])\n", '    if max(width, height) <= 16384 and width * height > 2**25:\n        fail(602, "pixels", size_offset)\n    h = bytearray(data[: reader.position])\n'),
)  # fmt: skip
