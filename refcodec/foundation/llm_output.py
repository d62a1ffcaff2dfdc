# SPDX-License-Identifier: MIT
"""The instruction for a caption, and the answer of a language model without its reasoning. No torch here."""

from __future__ import annotations

from typing import Final

SENTENCE: Final = "Say in one short sentence what this picture shows."  # to a model that can be asked for a caption
REASONING_END: Final = "</think>"  # reasoning models write their reasoning first


def strip_reasoning(text: str) -> str:
    """Return the text after the reasoning, without white space around it."""
    return text.rpartition(REASONING_END)[2].strip()
