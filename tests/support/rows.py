# SPDX-License-Identifier: MIT
"""Rows of the shipped registry beside those that they follow."""

from __future__ import annotations

from pathlib import Path

from refcodec.networks import package
from refcodec.registry import Registry


def assert_differs_in_the_model_alone(name: str, base_id: int, folder: Path) -> None:
    """Assert that a row is another one with the model of a package: parameters, fit and kinds are the same."""
    rows = Registry.shipped()
    row, base = rows.by_name(name), rows.get(base_id)
    assert row.model == package.load_any(folder).digest != base.model
    same = {k: v for k, v in row.binding.items() if k not in ("id", "model")}
    assert same == {k: v for k, v in base.binding.items() if k not in ("id", "model")}
    assert row.recommended == base.recommended
