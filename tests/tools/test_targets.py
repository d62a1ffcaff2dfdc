# SPDX-License-Identifier: MIT
"""The bench of targets in bits per pixel: what it marks, and the loss between rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from refcodec.cli.bench.measure import load
from tools.bench import targets


@pytest.fixture
def source(tmp_path: Path) -> targets.Source:
    rows, cols = np.mgrid[0:192, 0:256]
    smooth = np.stack([128 + 100 * np.sin(cols / 11), 128 + 90 * np.cos((rows + cols) / 13), 90 + rows / 3], -1)
    noise = np.random.default_rng(4).normal(0, 12, (192, 256, 1)) * (rows > 90)[..., None]
    Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8)).save(tmp_path / "a.png")
    return load([tmp_path])[0]


def test_states_and_table(source: targets.Source) -> None:
    rows = [targets.row(source, bpp) for bpp in (0.001, 0.6, 60.0)]
    assert [row.state for row in rows] == ["low", "", "high"]
    assert -0.01 < rows[1].off <= 0
    assert rows[1].file <= 0.6 * 192 * 256 / 8
    text = targets.table(rows, [0.001, 0.6, 60.0])
    assert text.splitlines()[1].split()[:2] == ["a.png", "low"]
    assert "0 outside (-1 %, 0], out of reach: 1 below the smallest file, 1 above the largest" in text


def test_the_table_of_losses() -> None:
    found = [(0, 0.5, 0.02), (0, 0.5, 0.04), (1, 0.5, -0.01), (1, 0.5, 0.03)]
    lines = targets.loss_table(found).splitlines()
    assert [line.split()[-1] for line in lines[1:3]] == ["+3.0%", "+1.0%"]
    assert lines[-1] == "mean +2.00 %, largest +4.00 %"
