# SPDX-License-Identifier: MIT
"""The part of `compression.zstd` (Python 3.14) that the micro-decoder uses, by the package zstandard of older versions."""

from __future__ import annotations

from typing import Any

import zstandard

ZstdError: Any = zstandard.ZstdError


class ZstdDict:
    """A dictionary of the format of RFC 8878 §5."""

    def __init__(self, data: bytes) -> None:
        self.dictionary = zstandard.ZstdCompressionDict(data, dict_type=zstandard.DICT_TYPE_FULLDICT)


class ZstdDecompressor:
    """A frame that is given part by part."""

    def __init__(self, zstd_dict: ZstdDict) -> None:
        decompressor = zstandard.ZstdDecompressor(dict_data=zstd_dict.dictionary, max_window_size=1 << 24)
        self.stream = decompressor.decompressobj()

    def decompress(self, data: bytes) -> bytes:
        """Return what these bytes give."""
        return self.stream.decompress(data)
