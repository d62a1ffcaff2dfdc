# SPDX-License-Identifier: MIT
"""What a model of language is asked for a caption, and what it said without what it only thought. No torch here."""

from __future__ import annotations

from typing import Final

SENTENCE: Final = "Say in one short sentence what this picture shows."  # to a model that can be asked for a caption
THOUGHT: Final = "</think>"  # ends what reasoning models think aloud first


def answer(text: str) -> str:
    """The text after the thoughts, without white space around it."""
    return text.rpartition(THOUGHT)[2].strip()
