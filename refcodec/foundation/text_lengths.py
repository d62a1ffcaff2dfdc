# SPDX-License-Identifier: MIT
"""Lengths of descriptions, captions and prompts, for models of this machine and of endpoints. Imports no torch."""

from __future__ import annotations

from typing import Final

DESCRIPTION_TOKENS: Final = 512
CAPTION_TOKENS: Final = 32
PROMPT_WORDS_MAX: Final = 120  # more wins nothing, even where a model reads them
