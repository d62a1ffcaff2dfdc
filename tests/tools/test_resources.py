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

    assert memory.strip_pixels((64, 64), 24) == 64 * 64
    assert memory.strip_pixels((64, 1536), 24) == 64 * 16 * 96  # 96 rows, in one strip
    assert memory.strip_pixels((64, 1552), 24) == 64 * 16 * 96  # 48 rows, 24 on each side
    assert memory.strip_pixels((64, 16384), 24) == 64 * 16 * 96
    assert memory.strip_pixels((64, 16384), 30) == 64 * 16 * 108


def test_the_memory_of_strips_follows_their_rows_and_halo(monkeypatch: pytest.MonkeyPatch) -> None:
    from refcodec.transforms import memory
    from refcodec.transforms.elic import strip_rows

    cfg, size = {"transform": "elic", "widths": [64] * 3}, (64, 16384)
    for predicted, factor in (
        (memory.synthesis_bytes, memory.STRIP_SYNTHESIS),
        (memory.analysis_bytes, memory.STRIP_ANALYSIS),
    ):
        before, row = predicted(cfg, size), factor * 4 * 64 * 16  # bytes of a row of latents
        with monkeypatch.context() as patch:
            patch.setitem(strip_rows.HALO, "elic", 34)
            assert predicted(cfg, size) - before == 20 * row
        with monkeypatch.context() as patch:
            patch.setattr(strip_rows, "STRIP", 60)
            assert predicted(cfg, size) - before == 12 * row


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
