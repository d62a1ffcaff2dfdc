# SPDX-License-Identifier: MIT
"""semtool decode --text: the text of a file in words, consonants restored by lexicon and word statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refcodec.cli.error_report import notice
from refcodec.cli.stdio import STDIO, claim_output, read_input, safe, say, show_json, wants_json, write_output
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.environment import Environment

GUESSES = 10  # that are named


def print_text(source: str, output: str | None, alternatives: bool, environment: Environment, level: int) -> None:
    """The text on standard output, or in the file `output`; with --json every word with its score and alternatives."""
    if output is not None and output != STDIO:
        claim_output(output, source)
    from refcodec import spec
    from refcodec.cli.partial_decode import symbols_here
    from refcodec.container import read

    container = read(read_input(source, level), level=level, environment=environment)
    decoded = symbols_here(container, environment, level)
    consonants = decoded.values.get(spec.CRITICAL | spec.CONSONANT)
    caption: Any = decoded.values.get(spec.CRITICAL | spec.CAPTION)
    if consonants is not None:
        result, lines = _restored(consonants, alternatives)
    elif caption is not None and caption.text is not None:
        result = {"text": caption.text, "words": []}
        lines = [caption.text]
    else:
        raise SemError(
            Code.UNSUPPORTED_KIND, "the file holds no text", path="sections", hint="semtool payload shows what it holds"
        )
    result |= {"check": decoded.state, "complete": decoded.container.complete}
    if output is not None and output != STDIO:
        write_output(output, f"{result['text']}\n".encode())
        if not wants_json():
            say(f"{shown(output)}: text, check {decoded.state}")
            return
    if wants_json():
        show_json(result)
        return
    for line in lines:
        say(safe(line))


def _restored(value: Any, alternatives: bool) -> tuple[dict[str, Any], list[str]]:
    from refcodec.consonant_text.restore import restore

    found = restore(value.text)
    guesses = [word.text for word in found.words if word.guess]
    if guesses:
        more = f" and {len(guesses) - GUESSES} more" if len(guesses) > GUESSES else ""
        notice(f"spelled by guess, not in the lexicon: {', '.join(guesses[:GUESSES])}{more}")
    words = [
        {
            "text": word.text,
            "consonants": word.consonants,
            "score": word.score,
            "guess": word.guess,
            "alternatives": [{"text": text, "score": score} for text, score in word.alternatives],
        }
        for word in found.words
    ]
    lines = [found.text]
    if alternatives:
        width = max((len(word.consonants) for word in found.words), default=0)
        for word in found.words:
            others = ", ".join(text for text, _ in word.alternatives) or "-"
            lines.append(f"  {word.consonants:{width}}  {word.text}{' (guess)' if word.guess else ''}  or {others}")
    return {"text": found.text, "consonants": value.text, "words": words}, lines
