# SPDX-License-Identifier: MIT
"""Sizes of every method's published setting: payload and overhead are the file, and docs/results.md has the table."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[2]

from tools.bench import published

FOUND = list(published.rows())


@pytest.mark.parametrize("row", FOUND, ids=lambda row: f"{row.method}, {row.setting}")
def test_payload_and_overhead_are_the_file(row: published.Row) -> None:
    assert row.agrees, row


def test_the_bars_of_the_design() -> None:
    files = {row.setting: row.file for row in FOUND}
    assert files["25 characters at four bits, without check"] <= 18
    assert files["25 characters at four bits, check 16"] <= 20
    assert files["768 dimensions, 1 bit"] <= 103
    assert files["8×12 of 256 on Kodak"] <= 103
    assert files["the same and a caption of 38 characters"] <= 130
    assert all(row.overhead <= 11 for row in FOUND if "the same and" not in row.setting)


def test_both_codebooks_at_0_0507_bpp_take_thirteen_bits_an_index() -> None:
    sizes = {row.setting: row.payload for row in FOUND}
    assert sizes["32×32 of 8192 (0.0507 bpp)"] == 1664  # 13 bits
    assert sizes["32×32 of 8196 (0.0507 bpp)"] in (1664, 1665)  # 13.0007


def test_the_results_page_has_this_table() -> None:
    """But for what a float network decides: the latents of pictures and edge maps."""
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").splitlines()
    for row, line in zip(FOUND, published.table(FOUND).splitlines()[2:], strict=True):
        assert row.method == "elic" or "sketch" in row.setting or line in results, line
