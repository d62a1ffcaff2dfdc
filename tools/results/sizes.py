# SPDX-License-Identifier: MIT
"""Bytes of every method in its published setting."""

from __future__ import annotations

from typing import Any, Final

from tools.bench.published import Row, table
from tools.results.bench import Bench, Figures, Inputs


def _read(document: Any, _: Inputs) -> Figures:
    return {"rows": [{name: row[name] for name in Row.__dataclass_fields__} for row in document]}


def sizes_table(figures: Figures) -> list[str]:
    """Return the table of the page."""
    return table([Row(**row) for row in figures["rows"]]).splitlines()


BENCHES: Final = (Bench("published", "python -m tools.bench.published", _read),)
