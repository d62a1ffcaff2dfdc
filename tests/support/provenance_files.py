# SPDX-License-Identifier: MIT
"""Files with any provenance."""

from __future__ import annotations

from collections.abc import Mapping

from refcodec import editing, spec
from refcodec.container import Section, read, section_check
from refcodec.container.key_value import encode as text_encode


def with_provenance(data: bytes, entries: Mapping[str, str]) -> bytes:
    """Return a file of 16-bit checks with a section of provenance, whose check is right."""
    container, body = read(data), text_encode(entries)
    header = container.header
    check = section_check(header.profile, header.profile.model, header, spec.PROVENANCE, body, 16)
    return editing.add(container, [Section(spec.PROVENANCE, body, check)], replacing=True).data
