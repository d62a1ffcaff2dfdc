# SPDX-License-Identifier: MIT
"""semtool decode --text: the text of a file in words, consonants restored by lexicon and word statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refcodec.cli.common_options import progress
from refcodec.cli.error_report import notice
from refcodec.cli.stdio import STDIO, claim_output, read_input, say, show_json, wants_json
from refcodec.cli.write_symbols import Naming
from refcodec.errors import Code, SemError, one_line
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.environment import Environment
    from refcodec.limits import Limits

GUESSES = 10  # guessed words that a notice lists


def print_text(naming: Naming, alternatives: bool, environment: Environment, level: int, limits: Limits) -> None:
    """Print the text of a file, or write it to `output`; with --json print every word with its score and alternatives."""
    source, output = naming.source, naming.output
    if output is not None and output != STDIO:
        claim_output(output, source)
    from refcodec import spec
    from refcodec.cli.partial_decode import decode_available
    from refcodec.container import read

    container = read(read_input(source, level), level=level, environment=environment, limits=limits)
    decoded = decode_available(container, environment, level, limits=limits)
    consonants = decoded.values.get(spec.CRITICAL | spec.CONSONANT)
    caption: Any = decoded.values.get(spec.CRITICAL | spec.CAPTION)
    if consonants is not None:
        result, lines = _restored(consonants, alternatives, limits)
    elif caption is not None and caption.text is not None:
        result = {"text": caption.text, "words": []}
        lines = [caption.text]
    else:
        raise SemError(
            Code.UNSUPPORTED_KIND, "the file holds no text", path="sections", hint="semtool payload shows what it holds"
        )
    result |= {"check": decoded.state, "complete": decoded.container.complete}
    if output is not None and output != STDIO:
        naming.file(output, chosen=True).write(f"{result['text']}\n".encode())
        if not wants_json():
            say(f"{shown(output)}: text, check {decoded.state}")
            return
    if wants_json():
        show_json(result)
        return
    for line in lines:
        say(one_line(line))


def _restored(value: Any, alternatives: bool, limits: Limits) -> tuple[dict[str, Any], list[str]]:
    """Return the restored words of a consonant text, as an object and as lines."""
    from refcodec.consonant_text.restore import restore

    with progress("restoring words") as update:
        restored = restore(value.text, progress=limits.checked(update))
    guesses = [word.text for word in restored.words if word.guess]
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
        for word in restored.words
    ]
    lines = [restored.text]
    if alternatives:
        width = max((len(word.consonants) for word in restored.words), default=0)
        for word in restored.words:
            others = ", ".join(text for text, _ in word.alternatives) or "-"
            lines.append(f"  {word.consonants:{width}}  {word.text}{' (guess)' if word.guess else ''}  or {others}")
    return {"text": restored.text, "consonants": value.text, "words": words}, lines
