# SPDX-License-Identifier: MIT
"""Read and write the container (SPEC §3 to §8 and §15): header, sections, checks and limits. Bodies are opaque bytes."""

from refcodec.container.check import file_state, section_check, section_state, verify
from refcodec.container.file import Container, assemble, read, write
from refcodec.container.header import Header, bound_header
from refcodec.container.limits import LEVELS, Level, symbol_count
from refcodec.container.sections import Section

__all__ = [
    "LEVELS", "Container", "Header", "Level", "Section", "assemble", "bound_header", "file_state", "read",
    "section_check", "section_state", "symbol_count", "verify", "write",
]  # fmt: skip
