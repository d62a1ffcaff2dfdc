# SPDX-License-Identifier: MIT
"""Method 2, `consonant` (Dotzel et al. 2024): a text without its vowels (SPEC §13.1, §14.2).

picture -> description -> K words -> consonants          consonants -> words -> picture -> reflections
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.assemble import QUALITY, Payload
from refcodec.consonant_text.normalise import normalise, skeleton, words
from refcodec.consonant_text.restore import restore
from refcodec.errors import Code, SemError
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import missing_model_error
from refcodec.methods.base import Described, Request, Scene, canvas, centre_square, fitted
from refcodec.methods.consonant import prompts, reflection
from refcodec.methods.consonant.word_selection import Short, Shortener
from refcodec.methods.inputs import Job, Made, row
from refcodec.payloads import checked, consonant
from refcodec.progress import part

if TYPE_CHECKING:
    from refcodec.methods.base import Pixels

ACCEPTS = frozenset({"text", "codes"})
CHOOSES_RATE: Final = True
OPTIONS: Final = frozenset({"words"})
SETTINGS: Final = frozenset({"seed", "generator", "steps", "guidance", "scheduler", "reflections"})
# quality 1 … 10 -> words; at 1024x1024 from some 70 µbpp to some 1700, the range of the paper
WORDS: Final = (4, 6, 9, 13, 18, 25, 36, 50, 70, 100)
SHOWN_MAX: Final = 200  # letters of a text in a notice
ASKED_MAX: Final = 400  # words that a language model is asked to restore; longer texts are left to the restorer


def ready(job: Job) -> Made:
    """One payload, of the text with all but its consonants dropped or of codes 0 … 15; ValueError for what cannot be."""
    notices: list[str] = []
    if job.given.text is not None and job.given.codes is not None:
        raise ValueError("give the text or its codes, not both")
    if job.given.text is not None:
        made = normalise(job.given.text, strict=job.strict)
        value = made.consonants
        if made.changes:
            counted = ", ".join(f"{count} {kind}" for kind, count in made.counts.items())
            shown = value.text if len(value.text) <= SHOWN_MAX else f"{value.text[:SHOWN_MAX]}…"
            notices.append(f"sent as {shown!r} (changes: {counted})")
    else:
        value = consonant.Consonants(bytes(checked(row(job.given.codes, "codes"), 16, "codes")))
    body = consonant.encode(value.codes, job.parameters(spec.CONSONANT), tables=job.environment.tables)
    return [Payload(spec.CONSONANT, body, value)], notices


# --- a picture to consonants ---------------------------------------------------------------------------------------


def describe(request: Request) -> Described:
    """The consonants of the middle square: described by the role captioner, shortened by the role language or by rules.

    A text that is given is the description. ValueError for two wishes for its length.
    """
    pixels, notices = centre_square(request.pixels)
    size = (pixels.shape[1], pixels.shape[0])
    if request.given.codes is not None:
        return Described(request.given, size, notices=notices)
    if request.options.words is not None and (request.quality is not None or request.bpp is not None):
        raise ValueError("give words, quality or bpp: one of them says how long the text is")
    asked, recommended = prompts.shipped(), request.profile.recommended.models
    language = _language(request.models, recommended)
    description = request.given.text
    if description is None:
        if not request.models.has("captioner"):
            error = missing_model_error("captioner", recommended)
            raise SemError(
                Code.MODEL_UNAVAILABLE,
                error.what,
                path=error.path,
                hint=f"{error.hint}, or describe the picture with --text",
            )
        from refcodec.foundation.captioner import captioner

        description = captioner(request.models, recommended).describe(pixels, asked.ask("describe"))
    if language is None:
        notices = (*notices, "no language model: the words are chosen by rules")
    shortener = Shortener(description, language, asked)
    made, more = _chosen(request, shortener, lambda short: Described(replace(request.given, text=short.text), size))
    for step, text in (("description", description), ("selected", made.selected), ("compressed", made.text)):
        if request.record is not None:
            request.record(step, text)
    return Described(replace(request.given, text=made.text), size, notices=(*notices, *made.notices, *more))


def _language(models: Models, recommended: Mapping[str, str]) -> Any:
    """What fills the role; None: nothing does, and rules do its work."""
    if not models.has("language"):
        return None
    from refcodec.foundation.language_model import language

    return language(models, recommended)


def _chosen(request: Request, shortener: Shortener, described: Callable[[Short], Described]) -> tuple[Short, list[str]]:
    """The short form of as many words as are asked for, or as many as the rate allows, and what is to be said of it."""
    if not shortener.most:
        return shortener.at(0), ["the description has no word that leaves a consonant: the text is empty"]
    if request.bpp is None:
        return shortener.at(request.options.words or WORDS[(request.quality or QUALITY) - 1]), []
    width, height = described(shortener.by_rules(1)).size
    room = int(request.bpp * width * height / 8)

    def fits(make: Callable[[int], Short]) -> Callable[[int], bool]:
        return lambda count: request.length(described(make(count))) <= room

    count = largest(fits(shortener.by_rules), 1, shortener.most)
    if shortener.language is not None:  # whose words are as long as those of the rules, more or less
        count = largest(fits(shortener.at), max(1, count), shortener.most)
    if not count:
        return shortener.at(1), [f"{request.bpp} bpp cannot be reached: this is the file of one word"]
    return shortener.at(count), []


def largest(fits: Callable[[int], bool], start: int, most: int) -> int:
    """The largest of 1 … most that fits, where all smaller ones do; 0 where none does. Looked for around `start`."""
    low, high, step = 0, most + 1, 1  # low fits, high does not
    at = start
    while high - low > 1:
        if fits(at):
            low, at = at, min(at + step, most) if high > most else (at + high) // 2
        else:
            high, at = at, max(at - step, 1) if low == 0 else (low + at) // 2
        step *= 2
    return low


# --- consonants to a picture ---------------------------------------------------------------------------------------


def paint(scene: Scene) -> list[Pixels]:
    """A picture of each seed: the words restored, painted, and what differs from them most painted over."""
    from refcodec.foundation.text_to_image import painter

    asked, recommended, settings = prompts.shipped(), scene.profile.recommended.models, scene.painting
    consonants = scene.need(spec.CONSONANT).text
    brush = painter(scene.models, recommended)
    language = _language(scene.models, recommended)
    text = restored(consonants, language, asked)
    _record(scene, "restored", text)
    mirror = reflection.mirror(scene, asked, language)
    seeds, out = scene.seeds(), []
    for i, seed in enumerate(seeds):
        progress = part(scene.progress, i / len(seeds), (i + 1) / len(seeds))
        made = brush.paint(
            asked.ask("generate", text=text),
            canvas(scene.size, brush.native),
            seed=seed,
            kind=settings.generator,
            steps=settings.steps,
            guidance=settings.guidance,
            sampler=settings.scheduler,
            progress=part(progress, 0, 1 / (1 + mirror.count)),
        )
        _record(scene, "painted", made)
        out.append(fitted(mirror.reflected(made, brush, text, seed, progress), scene.size))
    return out


def restored(consonants: str, language: Any, asked: prompts.Prompts) -> str:
    """The words of a consonant text: those of the language model that have its consonants, the restorer's for the others."""
    sent = consonants.split()
    if language is None or not 0 < len(sent) <= ASKED_MAX:
        return restore(consonants).text
    said = words(language.ask(asked.ask("decompress"), consonants, 8 * len(sent) + 32))
    matcher = SequenceMatcher(None, sent, [skeleton(word) for word in said], autojunk=False)
    pairs = [(a + i, said[b + i]) for a, b, length in matcher.get_matching_blocks() for i in range(length)]
    better = {at: word for at, word in pairs if word != sent[at]}  # what is still a consonant word is not restored
    found = restore(consonants, articles=False).words
    return " ".join(better.get(at, word.text) for at, word in enumerate(found))


def _record(scene: Scene, step: str, value: Any) -> None:
    if scene.record is not None:
        scene.record(step, value)
