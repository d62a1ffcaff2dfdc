# SPDX-License-Identifier: MIT
"""Bounds of options of whole numbers, the same in Python and in `semtool`. Imports nothing."""

from __future__ import annotations

from typing import Final

# of `decode`
SEEDS: Final = 10**19  # seeds are below it: they have at most 19 digits (SPEC §6)
SAMPLES_MAX: Final = 64  # pictures of one file
REFLECTIONS_MAX: Final = 99  # rounds, each of which generates a picture anew

# of `encode`
CANDIDATES_MAX: Final = 256  # generated pictures, as many as a row can number (SPEC §13.2)
ITERATIONS_MAX: Final = 1_000_000  # steps of the prompt inversion
PROMPT_TOKENS_MAX: Final = 75  # that a prompt of CLIP holds
WORDS_MAX: Final = 9999  # of a consonant text
