# SPDX-License-Identifier: MIT
"""Select the most important words of a description without a language model: content words, frequent or early."""

from __future__ import annotations

from collections import Counter
from typing import Final

from refcodec.consonant_text.normalise import skeleton, words

# Words without visual content, or common to all descriptions of pictures.
_HELPERS: Final = """
    a about above across after again against all along also although am among an and another any are around as at away
    back be because been before behind being below beneath beside besides between beyond both but by can could did do does
    down during each either else even every few for from further had has have having he her here him his how however i if in
    inside into is it its itself just like may me might more most much must my near next no nor not of off on one onto or other our
    out outside over own per quite rather same seem seems several she should since so some such than that the their
    them then there these they this those through throughout to together too toward towards under until up upon us very was we
    were what when where which while who whose why will with within without would you your
    appear appears appearing background capture captures captured depict depicts depicted describe described description feature features
    featuring foreground image located overall photo photograph picture placed positioned scene show shows shown showing
    situated viewer visible
"""
HELPERS: Final = frozenset(_HELPERS.split())


class Ranking:
    """Rank the words of a text that have consonants.

    First occurrences rank before repeats, then frequent words before rare ones, then earlier before later ones. Function
    words are left out, unless there are no others.
    """

    def __init__(self, text: str) -> None:
        all_words = [word for word in words(text) if skeleton(word)]
        self.words = [word for word in all_words if word not in HELPERS] or all_words
        keys = [skeleton(word) for word in self.words]
        frequency, seen = Counter(keys), Counter[str]()
        order = []
        for at, key in enumerate(keys):
            order.append((seen[key], -frequency[key], at))
            seen[key] += 1
        self._order = [at for *_, at in sorted(order)]

    def __len__(self) -> int:
        return len(self.words)

    def best(self, count: int) -> list[str]:
        """Return the `count` highest-ranked words, or all if there are fewer, in the order of the text."""
        return [self.words[at] for at in sorted(self._order[:count])]
