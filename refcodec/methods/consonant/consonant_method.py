# SPDX-License-Identifier: MIT
"""Method 2, `consonant` (Dotzel et al. 2024): a description reduced to its consonants (SPEC §13.1, §B.2).

picture -> description -> K words -> consonants          consonants -> words -> picture -> reflections
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.assemble import CodedPayload
from refcodec.consonant_text.normalise import normalise
from refcodec.encode_settings import QUALITY
from refcodec.errors import SemError
from refcodec.foundation.required_roles import require_roles
from refcodec.foundation.resolve import Models
from refcodec.methods.base import DecodeContext, EncodeRequest, Method
from refcodec.methods.consonant import prompts, reflection
from refcodec.methods.consonant.expansion import expand
from refcodec.methods.consonant.restoration import restore_words
from refcodec.methods.consonant.word_selection import Selection, WordSelector
from refcodec.methods.inputs import Description, Packed, PackJob, int_list
from refcodec.methods.picture_size import centre_square, generation_size, resize_to
from refcodec.payloads import checked, consonant
from refcodec.progress import part
from refcodec.rate_target import RateTarget

if TYPE_CHECKING:
    from refcodec.methods.picture_size import Pixels

# quality 1 … 10 -> words; about 70 to 1700 µbpp at 1024x1024, the range of the paper
WORDS: Final = (4, 6, 9, 13, 18, 25, 36, 50, 70, 100)
NOTICE_LETTERS_MAX: Final = 200  # of a text in a notice


def pack(job: PackJob) -> Packed:
    """Return one payload, from the consonants of a text or from codes 0 … 15.

    Raises ValueError if both are supplied, for other codes and, in a strict job, for a text that would be changed.
    """
    notices: list[str] = []
    if job.symbols.text is not None and job.symbols.codes is not None:
        raise ValueError("give the text or its codes, not both")
    if job.symbols.text is not None:
        normalised = normalise(job.symbols.text, strict=job.strict)
        value = normalised.consonants
        if normalised.changes:
            counts = ", ".join(f"{count} {kind}" for kind, count in normalised.counts.items())
            shown = value.text if len(value.text) <= NOTICE_LETTERS_MAX else f"{value.text[:NOTICE_LETTERS_MAX]}…"
            notices.append(f"sent as {shown!r} (changes: {counts})")
    else:
        value = consonant.Consonants(bytes(checked(int_list(job.symbols.codes, "codes"), 16, "codes")))
    body = consonant.encode(value.codes, job.parameters(spec.CONSONANT), tables=job.environment.tables)
    return [CodedPayload(spec.CONSONANT, body, value)], notices


# --- a picture to consonants ---------------------------------------------------------------------------------------


def analyse(request: EncodeRequest) -> Description:
    """Return the text of the middle square: described by the role captioner, shortened by the role language or by rules.

    A text from the user replaces the description. Raises ValueError for more than one of words, quality and bpp.
    """
    pixels, notices = centre_square(request.pixels)
    size = (pixels.shape[1], pixels.shape[0])
    if request.symbols.codes is not None:
        if request.settings.quality is not None or request.settings.bpp is not None:
            raise ValueError("quality and bpp set the length of the text, but its codes are given")
        if request.settings.options.words is not None:
            raise ValueError("words sets the length of the text, but its codes are given")
        return Description(request.symbols, size, notices=notices)
    if request.settings.options.words is not None and (
        request.settings.quality is not None or request.settings.bpp is not None
    ):
        raise ValueError("give words, quality or bpp, only one of them: each sets the length of the text")
    templates, recommended = prompts.load(request.settings.options.prompts), request.profile.recommended.models
    description = request.symbols.text
    if description is None:
        _require_captioner(request.models, recommended)
    language = _language(request.models, recommended)
    if description is None:
        description = request.models.load_captioner(recommended).describe(pixels, templates.ask("describe"))
    if language is None:
        notices = (*notices, "no language model: the words are chosen by rules")
    selector = WordSelector(description, language, templates)
    selection, rate_notices = _select(
        request, selector, lambda chosen: Description(replace(request.symbols, text=chosen.text), size)
    )
    for step, text in (("description", description), ("selected", selection.selected), ("compressed", selection.text)):
        request.note(step, text)
    return Description(
        replace(request.symbols, text=selection.text),
        size,
        notices=(*notices, *selection.notices, *rate_notices),
        sources={"prompts": templates.sha256} if request.models.used else {},
    )


def _require_captioner(models: Models, recommended: Mapping[str, str]) -> None:
    """Raise Code.MODEL_UNAVAILABLE if no model fills the role, before another one is loaded."""
    try:
        require_roles(models, ("captioner",), recommended)
    except SemError as error:
        hint = f"{error.hint}, or describe the picture with --text"
        raise SemError(error.code, error.what, path=error.path, hint=hint) from error


def _language(models: Models, recommended: Mapping[str, str]) -> Any:
    """Return the model of the role language, or None if no model fills it, in which case rules are used."""
    if not models.has("language"):
        return None
    return models.load_language(recommended)


def _select(
    request: EncodeRequest, selector: WordSelector, described: Callable[[Selection], Description]
) -> tuple[Selection, list[str]]:
    """Return the selection of the requested number of words, or of as many as the rate allows, and notices."""
    bpp, notices = request.settings.bpp, list[str]()
    if not selector.available:
        notices.append("the description has no word that leaves a consonant: the text is empty")
    if bpp is None:
        return selector.at(request.settings.options.words or word_count(request.settings.rate[0] or QUALITY)), notices
    target = RateTarget(bpp, described(selector.by_rules(1)).size, request.settings.strict_bpp)

    def size_with(select: Callable[[int], Selection]) -> Callable[[int], int]:
        return lambda count: request.size_of(pack, described(select(count)))

    limit, size_of = int(target.file_bytes), size_with(selector.at)
    count = largest_fitting(size_with(selector.by_rules), limit, 1, selector.available)
    if selector.language is not None and selector.available:  # its words are about as long as those of the rules
        count = largest_fitting(size_of, limit, max(1, count), selector.available)
    return selector.at(max(1, count)), [*notices, *_missed(target, count, selector, size_of)]


def _missed(target: RateTarget, count: int, selector: WordSelector, size_of: Callable[[int], int]) -> list[str]:
    """Return the notice that a target is out of reach, if it is.

    count: the largest number of words that fits, 0 for none. Raises Code.LIMIT_FILE for a strict target.
    """
    if count < selector.available and count:
        return []
    size = size_of(max(1, count))
    if target.lowest <= size <= target.file_bytes:
        return []
    if target.strict:
        raise target.error(size_of(1), size_of(selector.available))
    if size > target.file_bytes:
        return [target.missed("this is the smallest file, of one word" if selector.available else "the text is empty")]
    return [target.missed("this is the largest file, of all words of the description")]


def word_count(quality: float) -> int:
    """Return the number of words of a quality from 1 to 10: WORDS, and between two of them in proportion."""
    below = int(quality)
    low, high = WORDS[below - 1], WORDS[min(below, len(WORDS) - 1)]
    return round(low * math.exp(math.log(high / low) * (quality - below)))


def largest_fitting(size_of: Callable[[int], int], limit: int, start: int, maximum: int) -> int:
    """Return the largest of 1 … maximum whose size is within the limit, or 0. Sizes must not decrease.

    Galloping search: begin at `start`, and double the step until the limit is passed.
    """
    low, high, step = 0, maximum + 1, 1  # low fits, high does not
    at = start
    while high - low > 1:
        if size_of(at) <= limit:
            low, at = at, min(at + step, maximum) if high > maximum else (at + high) // 2
        else:
            high, at = at, max(at - step, 1) if low == 0 else (low + at) // 2
        step *= 2
    return low


# --- consonants to a picture ---------------------------------------------------------------------------------------


def reconstruct(context: DecodeContext) -> list[Pixels]:
    """Return one picture per seed: restore the words, expand them, generate a picture, and edit it by reflection."""
    templates = prompts.load(context.overrides.get("prompts"))
    recommended, settings = context.profile.recommended.models, context.sampler
    consonants = context.need(spec.CONSONANT).text
    generator = context.models.load_text_to_image(recommended)
    language = _language(context.models, recommended)
    reflector = reflection.make_reflector(context, templates, language, generator)  # loads models, before any runs
    text = restore_words(consonants, language, templates, context.models.limits.checked(None))
    context.note("restored", text)
    prompt = _expanded(context, text, language, templates, generator)
    seeds, out = context.seeds(), []
    for i, seed in enumerate(seeds):
        progress = part(context.progress, i / len(seeds), (i + 1) / len(seeds))
        pixels = generator.paint(
            templates.ask("generate", text=prompt),
            generation_size(context.size, generator.native),
            seed=seed,
            kind=settings.generator,
            steps=settings.steps,
            guidance=settings.guidance,
            sampler=settings.scheduler,
            progress=part(progress, 0, 1 / (1 + reflector.count)),
        )
        context.note("painted", pixels)
        out.append(resize_to(reflector.apply(pixels, text, prompt, seed, progress), context.size))
    return out


def _expanded(context: DecodeContext, text: str, language: Any, templates: prompts.Prompts, generator: Any) -> str:
    """Return the text from which the picture is generated: an expansion of the restored one, or that itself."""
    made = expand(text, language, templates, generator, context.overrides.get("expand"))
    if made.notice is not None:
        context.notices.append(made.notice)
    if made.prompt != text:
        context.note("expanded", made.prompt)
    return made.prompt


METHOD: Final = Method(
    name="consonant",
    accepts=frozenset({"text", "codes"}),
    options=frozenset({"words", "prompts"}),
    sampler_settings=frozenset(
        {
            *("seed", "generator", "steps", "guidance", "scheduler", "reflections"),
            *("prompts", "expand", "image-guidance"),
        }
    ),
    chooses_rate=True,
    smallest_profile=True,  # two profiles code the same text
    analyse=analyse,
    pack=pack,
    reconstruct=reconstruct,
    generator_roles=lambda _: ("painter",),
)
