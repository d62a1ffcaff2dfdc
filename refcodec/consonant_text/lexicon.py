# SPDX-License-Identifier: MIT
"""The trained model of the restorer: words by their consonants, costs of word pairs and letters, weights of features.

Costs and weights are integers in 1/32 of a natural logarithm. n-grams and features are stored as the CRC-32 of their text;
collisions are too rare to matter.

    restorer.bin   zlib of: nine u32 lengths, then the nine parts below, all numbers little-endian
    lexicon        one line per consonant word: it, its known words, a bar, its rarer ones: "ct cat cut|cot"
    words          n-grams of words: keys u32, costs u16
    letters        n-grams of letters, likewise
    features       features of the consonants around a word: keys u32, weights i8
    articles       features of the words around a gap, for an "a" in it: likewise
    key_words      n-grams of words in lists of key words: as words
    key_features   features in lists of key words: as features
    signs          weights of consonant words for a sentence, against a list: keys u32, weights i8
    totals         the number of entries of these seven tables, u32 each

Keys ascend and are stored as differences. Keys and values are stored by byte plane, all lowest bytes first, which
compresses well.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate
from typing import Final
from zlib import crc32

from refcodec.consonant_text.normalise import singular
from refcodec.fileio import shipped_data

DATA_SHA256: Final = "ef3b4ac4dea030f6e2cddb7dbb49d863dd3e143f214c4091a8b509173ed31e32"
UNIT: Final = 32  # steps of one natural logarithm
UNSEEN: Final = 12 * UNIT  # cost of an unseen item without context; the rarest item seen costs about 11
START, END = "<", ">"
GENERAL: Final = 10  # features of one or two neighbours
ALL: Final = 99  # more features than there are
NEAR: Final = 10  # consonant words on each side that form the topic
CODES: Final = "HHbbHbb"  # types of the values of the tables, as in `array`


@dataclass(frozen=True)
class Ngrams:
    """Costs -32 ln p of n-grams, with costs of backing off to a shorter context (Katz)."""

    costs: Mapping[int, int]

    def cost(self, context: Sequence[str], item: str) -> int:
        """Return the cost of an item after a context, whose last entry is the nearest."""
        spent = 0
        last = item.encode()
        for start in range(len(context) + 1):
            seed = context_key(context[start:])
            cost = self.costs.get(crc32(last, seed))
            if cost is not None:
                return spent + cost
            spent += self.costs.get(seed, 0)
        return spent + UNSEEN


def context_key(context: Sequence[str]) -> int:
    """Return the key of the back-off cost of a context, which also seeds the keys of items after it."""
    return crc32("".join(f"{item}\n" for item in context).encode() + b"\n")


@dataclass(frozen=True)
class Model:
    """Trained model of `restore`.

    lexicon: consonant word → "known words|rarer words". words, features: those of sentences; key_words, key_features: those
    of lists of key words, which have no function words. signs: `sign_key` of a consonant word → weight for a
    sentence, against a list; that of "" counts for every text.
    """

    lexicon: Mapping[str, str]
    words: Ngrams
    letters: Ngrams
    features: Mapping[int, int]
    articles: Mapping[int, int]
    key_words: Ngrams = Ngrams({})
    key_features: Mapping[int, int] = field(default_factory=dict)
    signs: Mapping[int, int] = field(default_factory=dict)

    def candidates(self, consonants: str) -> tuple[list[str], list[str]]:
        """Return the known words and the rarer words with these consonants."""
        known, _, rare = self.lexicon.get(consonants, "|").partition("|")
        return known.split(), rare.split()

    def suited(self, consonants: Sequence[str]) -> Model:
        """Return the model for a text: this one for sentences, the one of key words for a list without function words."""
        if sum(self.signs.get(key, 0) for key in sign_keys(consonants)) >= 0:
            return self
        return replace(self, words=self.key_words, features=self.key_features)


def sign_key(consonants: str) -> int:
    """Return the key of a consonant word in `Model.signs`; that of "" counts for every text."""
    return crc32(consonants.encode())


def sign_keys(consonants: Sequence[str]) -> list[int]:
    """Return the keys in `Model.signs` of a text."""
    return [sign_key(""), *map(sign_key, consonants)]


@lru_cache(maxsize=1 << 14)
def feature_names(word: str) -> tuple[tuple[bytes, int], ...]:
    """Return the names of a word in features, each with the number of `feature_keys` used: itself, its singular, its class."""
    return (word.encode(), ALL), (f"~{singular(word)}".encode(), ALL), (word_class(word).encode(), GENERAL)


def word_class(word: str) -> str:
    """Return the class of a word, which groups words that agree in number or tense."""
    if word.endswith(("ing", "ed")):
        return "#" + word[-2:]
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return "#s" if plural or word in PLURALS else "#"


PLURALS: Final = frozenset({"men", "women", "children", "people", "feet", "teeth", "mice", "geese"})


def feature_keys(consonants: Sequence[str], at: int) -> list[int]:
    """Return the keys of the features around one consonant word; the first GENERAL have one or two neighbours.

    Features are neighbours up to three words away, pairs and triples of them, and any word within NEAR, in any order.
    """
    around = [START] * 3 + list(consonants[max(at - 3, 0) : at + 4]) + [END] * 3
    middle = 3 + min(at, 3)
    c, b, a = around[middle - 1], around[middle - 2], around[middle - 3]
    d, e, f = around[middle + 1 : middle + 4]
    features = [
        "0",
        f"c {c}",
        f"d {d}",
        f"b {b}",
        f"e {e}",
        f"a {a}",
        f"f {f}",
        f"bc {b} {c}",
        f"de {d} {e}",
        f"cd {c} {d}",
        f"bcd {b} {c} {d}",
        f"cde {c} {d} {e}",
        f"abc {a} {b} {c}",
        f"def {d} {e} {f}",
    ]
    near = {*consonants[max(at - NEAR, 0) : at], *consonants[at + 1 : at + 1 + NEAR]}
    features += [f"n {word}" for word in sorted(near)]
    return [crc32(feature.encode() + b"\n") for feature in features]


def article_keys(words: Sequence[str], gap: int) -> list[int]:
    """Return the keys of the features for an "a" before word `gap`, 0 … len(words)."""
    around = [START, START, *words, END, END][gap : gap + 4]
    b, c, d, e = around
    features = [
        "0",
        f"c {c}",
        f"d {d}",
        f"b {b}",
        f"e {e}",
        f"bc {b} {c}",
        f"cd {c} {d}",
        f"de {d} {e}",
        f"bcd {b} {c} {d}",
        f"cde {c} {d} {e}",
    ]
    return [crc32(feature.encode() + b"\n") for feature in features]


def pack(model: Model) -> bytes:
    """Return a model as the bytes of restorer.bin."""
    import zlib

    lexicon = "\n".join(f"{key} {value}" for key, value in sorted(model.lexicon.items())).encode()
    tables = [
        *(model.words.costs, model.letters.costs, model.features, model.articles),
        *(model.key_words.costs, model.key_features, model.signs),
    ]
    parts = [lexicon]
    for code, table in zip(CODES, tables, strict=True):
        keys = sorted(table)
        steps = [key - before for before, key in zip([0, *keys], keys, strict=False)]
        parts.append(_planes("I", steps) + _planes(code, [table[key] for key in keys]))
    parts.append(_bytes(array("I", map(len, tables))))
    return zlib.compress(_bytes(array("I", map(len, parts))) + b"".join(parts), 9)


def unpack(data: bytes) -> Model:
    """Return the model of a restorer.bin, which is trusted: the caller checks its digest."""
    import zlib

    unpacked = zlib.decompress(data)
    parts, at = [], 4 * (len(CODES) + 2)
    for length in _array("I", unpacked[:at]):
        parts.append(unpacked[at : at + length])
        at += length
    lexicon = dict(line.split(" ", 1) for line in parts[0].decode().split("\n"))
    tables = []
    for code, part, count in zip(CODES, parts[1:-1], _array("I", parts[-1]), strict=True):
        keys = accumulate(_unplaned("I", part[: 4 * count]))
        tables.append(dict(zip(keys, _unplaned(code, part[4 * count :]), strict=True)))
    words, letters, features, articles, key_words, key_features, signs = tables
    return Model(lexicon, Ngrams(words), Ngrams(letters), features, articles, Ngrams(key_words), key_features, signs)


def _array(code: str, data: bytes) -> array[int]:
    out = array(code)
    out.frombytes(data)
    if sys.byteorder == "big":
        out.byteswap()
    return out


def _planes(code: str, numbers: Sequence[int]) -> bytes:
    """Return the bytes of numbers by plane, all lowest bytes first."""
    packed = array(code, numbers)
    data = _bytes(packed)
    return b"".join(data[i :: packed.itemsize] for i in range(packed.itemsize))


def _unplaned(code: str, data: bytes) -> array[int]:
    size = array(code).itemsize
    interleaved, count = bytearray(len(data)), len(data) // size
    for i in range(size):
        interleaved[i::size] = data[i * count : (i + 1) * count]
    return _array(code, bytes(interleaved))


def _bytes(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


@lru_cache(maxsize=1)
def shipped() -> Model:
    """Return the model shipped with the package. Raises Code.MODEL_DIGEST if its file is not the released one."""
    return unpack(shipped_data(__package__, "restorer.bin", DATA_SHA256))
