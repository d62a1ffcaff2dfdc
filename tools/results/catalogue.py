# SPDX-License-Identifier: MIT
"""All benches of docs/results.md, in the order in which they run: quick ones first."""

from __future__ import annotations

from typing import Final

from tools.results import descriptions, exactness, rate_tables, sizes, speed
from tools.results.bench import Bench

BENCHES: Final[dict[str, Bench]] = {
    bench.name: bench
    for bench in (
        *sizes.BENCHES,
        *exactness.BENCHES,
        *descriptions.BENCHES,
        *speed.BENCHES,
        *rate_tables.BENCHES,
    )
}
