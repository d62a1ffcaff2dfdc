# SPDX-License-Identifier: MIT
"""What a model of language said, without what it only thought."""

from __future__ import annotations

from typing import Final

THOUGHT: Final = "</think>"  # ends what reasoning models think aloud first


def answer(text: str) -> str:
    """The text after the thoughts, without white space around it."""
    return text.rpartition(THOUGHT)[2].strip()
