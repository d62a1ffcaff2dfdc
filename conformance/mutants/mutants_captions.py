# SPDX-License-Identifier: MIT
"""Mutants that read zlib streams, left-out modes and the order of checks wrongly (SPEC §13.2), or the header's limits."""

from __future__ import annotations

from mutants.inflate import SWITCHES
from mutants.mutant import Mutant
from mutants.mutants_parser import m

INFLATE = "    inflate = zlib.decompressobj()\n"
OCTETS = "            number, octets = stream(part, lambda coder: caption_static(coder, tables, candidates))\n"
OTHER_LIBRARY = ('importlib.import_module("compression.zstd")', 'importlib.import_module("mutants.zstd_library")')
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


def zstd(name: str, wrong: str, *edits: str) -> Mutant:
    """Return a mutant that reads zstd frames wrongly, by the library of any version of Python."""
    return m(f"zstd-{name}", wrong, "caption", *OTHER_LIBRARY, *edits)


CAPTIONS = (
    *map(inflate, SWITCHES),
    zstd("id-0", "zstd: a field for the dictionary id that is 0 is refused",
      "  # of the dictionary\n", '\n        if identity and not any(identity):\n            fail(401, "dictionary id 0", offset)\n'),
    zstd("unused-bit", "zstd: the unused bit of the header has to be 0",
      "        single_segment = descriptor >> 5 & 1\n", '        single_segment = descriptor >> 5 & 1\n        if descriptor & 16:\n            fail(401, "unused bit", offset)\n'),
    zstd("long-run", "zstd: a run of more than 2^17 octets is a text that is too long",
      "            text += decompressor.decompress(part)\n",
      '            if part is parts[1] and part[0] & 6 == 2 and int.from_bytes(part[:3], "little") >> 3 > 1 << 17:\n                fail(604, "too long", offset)\n'
      "            text += decompressor.decompress(part)\n"),
    zstd("read-ahead", "zstd: a frame is decoded in one call, which meets later errors before the limit", "for part in parts:  # block", 'for part in [b"".join(parts)]:  # block'),
    zstd("size-late", "zstd: what is behind the frame and its window are checked before the declared size",
      'if size > LEVEL_1["text"]:  # SEM-R-178', 'if size > LEVEL_1["text"] and reader.position == len(body) and window <= 2**23:'),
    zstd("size-early", "zstd: the declared size is checked before the blocks are counted through",
      "        blocks = []\n", '        blocks = []\n        if size > LEVEL_1["text"]:\n            raise OverflowError\n',
      "    except SemError as error:\n        fail(401, f\"SEM-R-177: the zstd frame is cut",
      '    except OverflowError:\n        fail(604, "declared", offset)\n    except SemError as error:\n        fail(401, f"SEM-R-177: the zstd frame is cut'),
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
