# SPDX-License-Identifier: MIT
"""Options of `semtool encode` for the analysis of a picture: words, prompts, prompt inversion, candidates, edge detector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from refcodec.option_bounds import CANDIDATES_MAX, ITERATIONS_MAX, PROMPT_TOKENS_MAX, WORDS_MAX


def prompts_option(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --prompts."""
    help_ = (
        'Prompts of method consonant: "default", "paper" (those of Dotzel et al.) or a TOML file.  [default: default]'
    )
    return click.option("--prompts", metavar="FILE", help=help_)(f)


def analysis_options(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --words, --prompts, --iterations, --prompt-tokens, --candidates and --edges."""
    for decorate in reversed(
        (
            click.option(
                "--words",
                type=click.IntRange(1, WORDS_MAX),
                metavar="K",
                help="Words of a consonant text.  [default: as many as the rate allows]",
            ),
            prompts_option,
            click.option(
                "--iterations",
                type=click.IntRange(1, ITERATIONS_MAX),
                default=3000,
                show_default=True,
                metavar="N",
                help="Steps of the prompt inversion.",
            ),
            click.option(
                "--prompt-tokens",
                type=click.IntRange(1, PROMPT_TOKENS_MAX),
                default=16,
                show_default=True,
                metavar="N",
                help="Tokens of the prompt that it finds.",
            ),
            click.option(
                "--candidates",
                type=click.IntRange(1, CANDIDATES_MAX),
                default=1,
                show_default=True,
                metavar="N",
                help="Generate N pictures and store which is best: in two bits with --profile pics-4 or pics-hed, else by its seed.",
            ),
            click.option(
                "--edges",
                type=click.Choice(["auto", "contours", "hed", "none"]),
                default="auto",
                help="Edge detector; --profile pics-hed suits hed.  [default: hed if --model names one, else contours]",
            ),
        )
    ):
        f = decorate(f)
    return f
