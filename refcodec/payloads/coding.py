# SPDX-License-Identifier: MIT
"""What the body of a payload is coded with, beside its symbols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from refcodec.table_files import SHIPPED, TableFiles

if TYPE_CHECKING:
    from refcodec.networks.context_model import Backend, Trace
    from refcodec.payloads.base import Parameters
    from refcodec.progress import Progress


@dataclass(frozen=True)
class CodingContext:
    """The row, the size of the picture, and what the kind needs to decode and encode."""

    parameters: Parameters
    size: tuple[int, int] = (1, 1)  # width, height of the picture in pixels
    limit: int = 1 << 16  # octets of a text at the level of the file (§15)
    tables: TableFiles = SHIPPED  # those that SPEC.md fixes
    model: Any = None  # the loaded model of the row, where `Kind.needs_model`
    backend: Backend | None = None  # that runs the networks of a model
    trace: Trace | None = None
    progress: Progress | None = None
