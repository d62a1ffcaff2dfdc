# SPDX-License-Identifier: MIT
"""Implements `refcodec.text`: the text of a file in words, consonants restored by lexicon and word statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from refcodec import spec
from refcodec.container import read
from refcodec.environment import Environment, Folders
from refcodec.errors import Code, SemError
from refcodec.limits import Limits
from refcodec.partial_decode import decode_available
from refcodec.progress import Notice, Progress, part

if TYPE_CHECKING:
    from refcodec.consonant_text.restore import Word
    from refcodec.file_input import FileInput


@dataclass(frozen=True)
class FileText:
    """The text of a file.

    text: a line of words. consonants: those that it was restored from, None for a caption. words: the restored ones, each
    with its score and its alternatives; () for a caption. check: the state of the file's check, "ok", "absent" or
    "unchecked". complete: whether no section of the file is missing at its end.
    """

    text: str
    consonants: str | None
    words: tuple[Word, ...]
    check: str
    complete: bool


def text(
    data: FileInput,
    *,
    models: Folders = (),
    level: int = 1,
    progress: Progress | None = None,
    environment: Environment | None = None,
    limits: Limits | None = None,
    notice: Notice | None = None,
) -> FileText:
    """Return the text of a file: its caption, or its consonants restored to words without a language model.

    Args:
        data, models, level, progress, environment, limits (as for `refcodec.payload`): the file, and how it is read.
        notice (function of str): called with each notice, such as a payload left out because its model is not installed.

    Raises:
        UnsupportedError: the file has no text.
        SemError: the first error of the file, in the order of SPEC §17.
        ModelError: the symbol model of the text is missing or malformed.
        InputOutputError: the path or stream cannot be read.
        TypeError, ValueError: an argument is invalid.

    Example:
        >>> refcodec.text("table.sem").text
        'a cat on a table'
    """
    environment, limits = Environment.of(environment).with_packages(models), Limits.of(limits)
    container = read(data, level=level, environment=environment, limits=limits)
    decoded = decode_available(container, environment, level, part(progress, 0, 0.5), limits, notice)
    consonants: Any = decoded.values.get(spec.CRITICAL | spec.CONSONANT)
    if consonants is not None:
        from refcodec.consonant_text.restore import restore

        restored = restore(consonants.text, progress=limits.checked(part(progress, 0.5, 1)), limits=limits)
        return FileText(restored.text, consonants.text, restored.words, decoded.state, container.complete)
    caption: Any = decoded.values.get(spec.CRITICAL | spec.CAPTION)
    if caption is None or caption.text is None:
        hint = "semtool payload shows what it holds"
        raise SemError(Code.UNSUPPORTED_KIND, "the file holds no text", path="sections", hint=hint)
    return FileText(caption.text, None, (), decoded.state, container.complete)
