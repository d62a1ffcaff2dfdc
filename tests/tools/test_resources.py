# SPDX-License-Identifier: MIT
"""The memory that is predicted is taken, within 20 %, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.bench import resources


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs the peak memory of a process")
@pytest.mark.parametrize("case", resources.CASES, ids=lambda case: case.name)
def test_memory(case: resources.Case) -> None:
    found = resources.measured(case, (2048, 1024))
    assert abs(found["predicted"] / found["peak"] - 1) <= 0.2, found


def test_the_work_of_strips() -> None:
    from refcodec.transforms import memory

    patch = {"widths": [48, 96, 192], "m": 192}
    assert memory.computed_pixels(patch, (64, 64)) == memory.strip_pixels(patch, (64, 64)) == 64 * 64
    assert memory.strip_pixels(patch, (64, 16384)) == 64 * 16 * 64  # 48 rows, 8 on each side
    assert memory.computed_pixels(patch, (64, 1600)) == 64 * 16 * (56 + 60 + 12)
