# SPDX-License-Identifier: MIT
"""Benches of the results page write the JSON that the page is made of."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("skimage")  # the photograph of the benches

from tools.bench import damage, sizes


def test_sizes_of_every_kind_and_their_ideal_lengths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes.main(["--json", str(tmp_path / "sizes.json")])
    rows = {(row["kind"], row["what"]): row for row in json.loads((tmp_path / "sizes.json").read_bytes())}
    assert rows["consonant", "25 characters, four bits each"]["file"] == 20
    assert rows["consonant", "the same, coded"]["ideal"] == pytest.approx(12.08, abs=0.01)
    assert rows["clip", "768 dimensions, 1 bit"]["ideal"] == 96
    assert rows["vq", "32×32 indices of 8196"]["ideal"] == pytest.approx(1664.09, abs=0.01)
    for row in rows.values():
        assert row["file"] > row["payload"]
        assert abs(row["payload"] - row["ideal"]) <= 2, row
    assert len(capsys.readouterr().out.splitlines()) == len(rows) + 1


@pytest.mark.slow
def test_damage_is_counted_by_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "damage.json"
    monkeypatch.setattr(sys, "argv", ["damage", "--width", "16", "--quality", "1", "--json", str(path)])
    damage.main()
    found = json.loads(path.read_bytes())
    size = found["bytes"]
    assert {kind: sum(counts.values()) for kind, counts in found["damage"].items()} == {
        "flip": 8 * size,
        "truncation": size,
        "appended byte": 256,
    }
    assert all(counts.get("undetected", 0) <= 1 for counts in found["damage"].values())
