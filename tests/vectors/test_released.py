# SPDX-License-Identifier: MIT
"""What releases contain stays: tools/vectors/released.py and its list."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tools import registry as rows
from tools.release import record
from tools.vectors import released


@pytest.fixture(scope="module")
def now() -> dict[str, str]:
    return released.vectors()


def test_what_was_released_is_there(now: dict[str, str]) -> None:
    """SPEC §16: every vector of a release is there as it was, and the lists of vectors and of rows know the same releases."""
    releases = json.loads(released.RELEASED.read_bytes())
    assert list(released.violations(releases, now)) == []
    assert list(releases) == list(json.loads(rows.RELEASED.read_bytes()))


def test_gone_and_changed(now: dict[str, str]) -> None:
    kept = {
        "1.0": {"vectors/micro": now["vectors/micro"], "vectors/none": "0" * 64, "coder/coder-worked-example": "0" * 64}
    }
    assert list(released.violations(kept, now)) == [
        "vectors/none is in release 1.0, and is gone",
        "coder/coder-worked-example is in release 1.0, and changed",
    ]


def test_a_release_records_what_is_new(now: dict[str, str]) -> None:
    first = {"1.0": {"vectors/micro": now["vectors/micro"]}}
    later = record.added(first, "1.1", released.violations(first, now), now)
    assert later["1.0"] == first["1.0"]
    assert later["1.0"] | later["1.1"] == now
    assert "vectors/micro" not in later["1.1"]
    with pytest.raises(ValueError, match=r"release 1\.0 exists"):
        record.added(first, "1.0", [], now)
    other = {"1.0": {"vectors/micro": "0" * 64}}
    with pytest.raises(ValueError, match=r"vectors/micro is in release 1\.0, and changed"):
        record.added(other, "1.1", released.violations(other, now), now)
    for name in ("", "1", "v1.1", "1.1 "):
        with pytest.raises(ValueError, match=r"is not a release name such as 1\.1\.0"):
            record.added(first, name, [], now)


@pytest.mark.parametrize(
    ("path", "text", "vector"),
    [
        ("header/micro.sem", None, "vectors/micro"),
        ("models-bad/tensor-digest/manifest.json", None, "models/tensor-digest"),
        ("registries/history-same.json", None, "history/history-same"),
        ("encode/example.json", None, "encode/encode-example"),
        ("manifest.json", ('"SEM-E-204", "status": 3', '"SEM-E-203", "status": 3'), "vectors/check-code-1"),
        ("manifest.json", ('"note": "check_code 1"', '"note": "a code"'), None),
    ],
)
def test_what_counts(
    now: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str, text: Any, vector: str | None
) -> None:
    """Bytes and verdicts do, explanations do not."""
    copytree(released.VECTORS, tmp_path / "vectors")
    monkeypatch.setattr(released, "VECTORS", tmp_path / "vectors")
    file = tmp_path / "vectors" / path
    before = file.read_bytes()
    file.write_bytes(before + b"\0" if text is None else before.decode().replace(*text).encode())
    assert file.read_bytes() != before
    changed = {name for name, digest in released.vectors().items() if now[name] != digest}
    assert vector in changed if vector else changed == set()


def test_both_are_recorded_or_neither(now: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module, name in ((rows, "rows.json"), (released, "vectors.json")):
        monkeypatch.setattr(module, "RELEASED", tmp_path / name)
        module.RELEASED.write_text("{}")
    assert record.record("1.0") == f"{len(rows.published())} rows and {len(now)} vectors are part of release 1.0"
    assert json.loads(released.RELEASED.read_bytes()) == {"1.0": now}
    published = {str(i) for i, row in rows.rows_of(rows.PATH).items() if row["status"] == "published"}
    assert json.loads(rows.RELEASED.read_bytes())["1.0"].keys() == published
    assert record.record("1.1") == "0 rows and 0 vectors are part of release 1.1"
    assert json.loads(rows.RELEASED.read_bytes())["1.1"] == {}
    with pytest.raises(ValueError, match=r"release 1\.1 exists"):
        record.record("1.1")
    monkeypatch.setattr(rows, "rows_of", lambda _: {})
    with pytest.raises(ValueError, match="profile 1 was published, and is gone"):
        record.record("1.2")
    assert "1.2" not in json.loads(released.RELEASED.read_bytes())
