# SPDX-License-Identifier: MIT
"""Define the context in which a payload is decoded or encoded."""

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
    """The parameters of the row, the size of the picture, and the tables and models to code with."""

    parameters: Parameters
    size: tuple[int, int] = (1, 1)  # width, height of the picture in pixels
    limit: int = 1 << 16  # octets of a text at the level of the file (§15)
    tables: TableFiles = SHIPPED  # normative tables of SPEC.md
    model: Any = None  # the loaded model of the row, if `Kind.needs_model`
    backend: Backend | None = None  # runs the networks of the model
    trace: Trace | None = None
    progress: Progress | None = None  # checks the time limit of the caller, too
