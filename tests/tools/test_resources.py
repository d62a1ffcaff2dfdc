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

    assert memory.strip_pixels((64, 64)) == 64 * 64
    assert memory.strip_pixels((64, 16384)) == 64 * 16 * 96  # 48 rows, 24 on each side


def test_blocks_of_rows_take_as_much_for_any_height() -> None:
    from refcodec.transforms import memory

    patch = {"widths": [48, 96, 192], "m": 192}
    for predicted, pixel in (
        (memory.synthesis_bytes, 3),
        (memory.analysis_bytes, 3),
    ):  # y: 192 values of 4 bytes for 256
        small, large = predicted(patch, (1024, 1024)), predicted(patch, (1024, 16384))
        assert large - small == pixel * 1024 * (16384 - 1024)
        assert small < 100 << 20
        assert predicted(patch | {"transform": "elic", "widths": [192] * 3}, (1024, 1024)) > 300 << 20
        with pytest.raises(ValueError, match="widths"):
            predicted(patch | {"widths": [48]}, (64, 64))
