# SPDX-License-Identifier: MIT
"""All constants of the container, each with its section of SPEC.md. Imports nothing.

Ids are literals and are never reused; none is computed from a position in a list.
"""

from __future__ import annotations

# §2  varint: 1 to 4 bytes; the largest value of each length
VARINT_BYTES = 4
VARINT_LAST = (127, 16511, 2113663, 270549119)

# §4  header
MAGIC = b"\xf5\x9e"
VERSION = 1  # u(3); 0 was the draft
CHECK_BITS = {0: 0, 3: 16, 5: 32}  # check_code u(3) -> bits of a check; the codes differ pairwise in two bits
PROFILE_ROWS_END = 254  # smaller profile bytes are row ids
PROFILE_EXTENDED = 254  # the row id is 256 + extended_profile u(16)
PROFILE_EXPLICIT = 255  # base_profile u(8), hash_code u(8), model_hash
EXTENDED_BASE = 256
ROW_IDS_END = EXTENDED_BASE + 2**16
HASH_BYTES = {0: 4, 1: 8, 2: 16, 3: 32}  # hash_code -> bytes of model_hash
DIM_EXPLICIT = 0  # the dim_class that is followed by both sides

# §4, §5  ids of rows for drafts and private use: those of one byte, and extended ones
PRIVATE_IDS = (range(200, 254), range(61_696, 65_792))

# §5  method ids
METHODS = {1: "elic", 2: "consonant", 3: "clip", 4: "pics", 5: "perco"}

# §6  section types: critical u(1), safe_to_copy u(1), number u(6)
CRITICAL = 0x80
SAFE_TO_COPY = 0x40
NUMBER = 0x3F
PROVENANCE = 0x01
HINTS = 0x02
THUMBNAIL = 0x04
METADATA = 0x43
ANCILLARY = {PROVENANCE: "provenance", HINTS: "hints", THUMBNAIL: "thumbnail", METADATA: "metadata"}
KEY_BYTES_MAX = 64  # of a key of a key-value text, at least 1
TEXT_ENTRIES_MAX = 1024  # of a key-value text

# §6  the sections whose bodies are key-value texts
TEXT_TYPES = (PROVENANCE, HINTS, METADATA)

# §6, §13  payload kinds, each the number of a critical section; `refcodec.payloads.kinds` describes them
CONSONANT, CAPTION, CLIP, PQ, VQ, SKETCH, ELIC = 1, 2, 3, 4, 5, 6, 7
DRAFT_FIRST, DRAFT_LAST = 48, 62  # kinds for drafts and private use; no published row has one

# §15  level -> the largest allowed side, pixels, sections, bytes of a text, symbols of a payload, bytes of the file
LEVELS = {
    1: (16_384, 2**25, 16, 65_536, 2**26, 2**26),
    2: (65_536, 2**28, 64, 2**20, 2**29, 2**29),
}

# §15  level -> the largest allowed bytes of the tensors of a model, multiplications for a block of 64 x 64 pixels, and
#      values of one array of its networks in a picture
MODEL_LEVELS = {
    1: (2**27, 2**29, 2**28),
    2: (2**28, 2**30, 2**31),
}

TENSOR_HEADER_BYTES_MAX = 1 << 24  # §12  bytes of the header of a safetensors file (SEM-R-133)
