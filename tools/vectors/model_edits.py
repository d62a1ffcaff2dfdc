# SPDX-License-Identifier: MIT
"""Edits of the explicit model of a file."""

from __future__ import annotations

from tools.vectors.build import model_digest
from tools.vectors.case import Defect, ValidCase
from tools.vectors.edits import Edit, field_spans, replace
from tools.vectors.vector import Vector


def replace_model(name: str) -> Defect:
    """Name another model of test_vectors/models, by as many bytes of its digest."""

    def defect(base: Vector) -> list[Edit]:
        assert isinstance(base.case, ValidCase)
        return replace("model_hash", model_digest(name)[: 2 * base.case.hash_bytes])(base)

    return defect


def shorten_hash(base: Vector) -> list[Edit]:
    """Name the model by 4 bytes of its digest instead of 8."""
    start, end = field_spans(base)["model_hash"]
    return [*replace("hash_code", "00")(base), Edit(start + 4, base.data[start + 4 : end], b"")]
