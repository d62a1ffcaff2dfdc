# SPDX-License-Identifier: MIT
"""Rows of the shipped registry beside those that they follow."""

from __future__ import annotations

from pathlib import Path

from refcodec.networks import package
from refcodec.registry import Registry

ROOT = Path(__file__).resolve().parents[2]


def assert_differs_in_the_model_alone(name: str, base_id: int, folder: Path) -> None:
    """Assert that a row is another one with the model of a package: parameters, fit and kinds are the same."""
    rows = Registry.shipped()
    row, base = rows.by_name(name), rows.get(base_id)
    assert row.model == package.load_any(folder).digest != base.model
    same = {k: v for k, v in row.binding.items() if k not in ("id", "model")}
    assert same == {k: v for k, v in base.binding.items() if k not in ("id", "model")}
    assert row.recommended == base.recommended


def assert_trained_on_the_photographs_of(base: Path, folder: Path, tool: str) -> None:
    """Assert that the manifest of a package and NOTICE state its training: by `tool`, on the photographs of `base`."""
    stated = package.read_manifest(folder)
    assert (stated["name"], stated["licence"]) == (folder.name, "MIT")
    assert tool in stated["training"]["command"]
    assert f"docs/training/{folder.name}.md" in stated["notes"]
    assert stated["training"]["listing_sha256"] == package.read_manifest(base)["training"]["listing_sha256"]
    paragraphs = (ROOT / "NOTICE").read_text().split("\n\n")
    (paragraph,) = [text for text in paragraphs if f"data/models/{folder.name}" in text]
    assert "same photographs" in paragraph
