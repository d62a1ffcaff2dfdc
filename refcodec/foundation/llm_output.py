# SPDX-License-Identifier: MIT
"""The instruction for captions, and the removal of reasoning from answers. Imports no torch."""

from __future__ import annotations

from typing import Final

SENTENCE: Final = "Say in one short sentence what this picture shows."  # for a model that takes instructions
REASONING_END: Final = "</think>"  # reasoning models write it before the answer


def strip_reasoning(text: str) -> str:
    """Return the text after the reasoning, without white space around it."""
    return text.rpartition(REASONING_END)[2].strip()
