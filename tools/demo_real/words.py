# SPDX-License-Identifier: MIT
"""Restore words from consonants: by the shipped dictionary, and with the help of a language model, in two ways.

answer     the model gets the instruction of method consonant (Dotzel et al. 2024); its words are kept where their
           consonants are those that were sent, and the dictionary's are taken for the others
choice     the model chooses among the dictionary's candidates of each word, by the likelihood of the sentence
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import torch

import refcodec
from refcodec.consonant_text.normalise import normalise
from refcodec.consonant_text.restore import Restored, restore
from refcodec.foundation.language_model import LanguageModel
from refcodec.methods.consonant import prompts
from refcodec.methods.consonant.restoration import restore_words

TEXTS: Final = (
    "a red cup of coffee on a wooden table",
    "indian traditional arch window lattice shadow",  # the example that the paper prints
    "two small boats on a calm lake under snowy mountains",
    "a black cat sleeps on an old green sofa",
    "children play football in the street at sunset",
)
UNIT: Final = 32  # of the dictionary's scores, in one natural logarithm
SIZE: Final = (1024, 1024)


@dataclass(frozen=True)
class Restoration:
    """One text, what was sent, what came of it in each way, and the seconds that the model took."""

    text: str
    consonants: str
    file_bytes: int
    dictionary: str
    raw_answer: str
    answer: str
    answer_seconds: float
    choice: str
    choice_seconds: float


def restored(text: str, model: LanguageModel) -> Restoration:
    """Return the restorations of a text that was sent in a file."""
    data, consonants = refcodec.encode(text=text, size=SIZE), normalise(text, strict=False).consonants.text
    templates, by_rules = prompts.shipped(), restore(consonants)
    start = time.monotonic()
    raw = model.ask(templates.ask("decompress"), consonants, 8 * len(consonants.split()) + 32)
    answered = time.monotonic() - start
    words = restore_words(consonants, _Canned(raw), templates)
    start = time.monotonic()
    choice = chosen(by_rules, model)
    return Restoration(
        text, consonants, len(data), by_rules.text, raw, words, answered, choice, time.monotonic() - start
    )


class _Canned:
    """A language model that has answered already."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def ask(self, *_: Any) -> str:
        return self.answer


def chosen(by_rules: Restored, model: LanguageModel) -> str:
    """Return the text whose words, each among the dictionary's candidates, are likeliest to both.

    From left to right: of each word every candidate is tried in the sentence as it stands. The sum counts, of the log
    likelihood of the sentence and the candidate's score by the dictionary, both natural logarithms.
    """
    words = [word.text for word in by_rules.words]
    for at, word in enumerate(by_rules.words):
        candidates = [(words[at], 0.0), *((text, score / UNIT) for text, score in word.alternatives)]
        if len(candidates) == 1:
            continue
        sentences = [" ".join([*words[:at], text, *words[at + 1 :]]) for text, _ in candidates]
        total = [
            likely + score for likely, (_, score) in zip(log_likelihoods(sentences, model), candidates, strict=True)
        ]
        words[at] = candidates[total.index(max(total))][0]
    return " ".join(words)


@torch.no_grad()
def log_likelihoods(sentences: list[str], model: LanguageModel) -> list[float]:
    """Return the natural logarithm of the probability of each sentence, as the start of a text."""
    start = model.tokenizer.bos_token_id
    ids = [[start, *model.tokenizer(f"{s[:1].upper()}{s[1:]}.").input_ids] for s in sentences]
    longest = max(map(len, ids))
    padded = torch.tensor([row + [start] * (longest - len(row)) for row in ids])
    logits = model.model(input_ids=padded.to(model.model.device)).logits.float()
    logs = torch.log_softmax(logits[:, :-1], -1).gather(2, padded[:, 1:, None].to(logits.device))[..., 0]
    return [float(row[: len(one) - 1].sum()) for row, one in zip(logs, ids, strict=True)]


def right(text: str, expected: str) -> int:
    """Return how many words of `expected` that leave consonants a restoration has at their places."""
    sent = [word for word in expected.split() if normalise(word, strict=False).consonants.text]
    found = [word for word in text.split() if normalise(word, strict=False).consonants.text]
    return sum(a == b for a, b in zip(sent, found, strict=False))
