# SPDX-License-Identifier: MIT
"""Bound what a chat template and a picture processor may make of an input: they belong to the model, which may be hostile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from refcodec.errors import Code, SemError
from refcodec.fileio import shown

TOKENS_MAX: Final = 1 << 15  # twice what Qwen2-VL takes for its largest picture
VALUES_MAX: Final = 1 << 27  # of a picture in parts; Qwen2-VL has 77 million for its largest one


def require_size(role: str, name: str, inputs: Mapping[str, Any]) -> None:
    """Raise Code.MODEL_MALFORMED for more tokens or values of pixels than any model takes, which would run for hours."""
    ids = inputs.get("input_ids")
    tokens = 0 if ids is None else int(ids.shape[-1])
    values = sum(int(value.numel()) for value in inputs.values() if getattr(value, "is_floating_point", bool)())
    for count, most, unit in ((tokens, TOKENS_MAX, "tokens"), (values, VALUES_MAX, "values of pixels")):
        if count > most:
            what = f"{role}: the model {shown(name)} makes {count} {unit} of its input, more than {most}"
            raise SemError(Code.MODEL_MALFORMED, what, path=role, hint="name another model for the role")
