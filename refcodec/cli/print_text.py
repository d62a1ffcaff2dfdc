# SPDX-License-Identifier: MIT
"""semtool decode --text: the text of a file in words, consonants restored by lexicon and word statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refcodec.cli.common_options import progress
from refcodec.cli.error_report import notice
from refcodec.cli.stdio import STDIO, claim_output, read_input, say, show_json, wants_json
from refcodec.cli.write_symbols import Naming
from refcodec.errors import one_line
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.environment import Environment
    from refcodec.file_text import FileText
    from refcodec.limits import Limits

GUESSES = 10  # guessed words that a notice lists
GUESS_LETTERS = 40  # of each


def print_text(naming: Naming, alternatives: bool, environment: Environment, level: int, limits: Limits) -> None:
    """Print the text of a file, or write it to the output of `naming`.

    With --json print every word with its score and alternatives.
    """
    source, output = naming.source, naming.output
    if output is not None and output != STDIO:
        claim_output(output, source)
    from refcodec.file_text import text

    with progress("restoring words") as update:
        found = text(
            read_input(source, level),
            level=level,
            progress=update,
            environment=environment,
            limits=limits,
            notice=notice,
        )
    result, lines = _described(found, alternatives)
    if output is not None and output != STDIO:
        naming.file(output, chosen=True).write(f"{result['text']}\n".encode())
        if not wants_json():
            say(f"{shown(output)}: text, check {found.check}")
            return
    if wants_json():
        show_json(result)
        return
    for line in lines:
        say(one_line(line))


def shortened(word: str) -> str:
    """Return the beginning of a word that is too long for a notice."""
    return word if len(word) <= GUESS_LETTERS else f"{word[:GUESS_LETTERS]}…"


def _described(file_text: FileText, alternatives: bool) -> tuple[dict[str, Any], list[str]]:
    """Return a text as an object and as lines, and print a notice of words that are guesses."""
    lines = [file_text.text]
    state = {"check": file_text.check, "complete": file_text.complete}
    if file_text.consonants is None:
        return {"text": file_text.text, "words": [], **state}, lines
    guesses = [shortened(word.text) for word in file_text.words if word.guess]
    if guesses:
        more = f" and {len(guesses) - GUESSES} more" if len(guesses) > GUESSES else ""
        notice(f"words that are not in the lexicon, spelled by guess: {', '.join(guesses[:GUESSES])}{more}")
    words = [
        {
            "text": word.text,
            "consonants": word.consonants,
            "score": word.score,
            "guess": word.guess,
            "alternatives": [{"text": text, "score": score} for text, score in word.alternatives],
        }
        for word in file_text.words
    ]
    if alternatives:
        width = max((len(word.consonants) for word in file_text.words), default=0)
        for word in file_text.words:
            others = ", ".join(text for text, _ in word.alternatives) or "-"
            lines.append(f"  {word.consonants:{width}}  {word.text}{' (guess)' if word.guess else ''}  or {others}")
    return {"text": file_text.text, "consonants": file_text.consonants, "words": words, **state}, lines
