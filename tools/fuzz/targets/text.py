# SPDX-License-Identifier: MIT
"""Consonant text: any text is reduced once and for all, coded and restored without an error and in bounded time."""

from __future__ import annotations

from refcodec.consonant_text.normalise import normalise
from refcodec.consonant_text.restore import restore
from refcodec.payloads.consonant import LETTERS, TABLE_SHA256, decode, encode, from_text
from refcodec.table_files import SHIPPED
from tools.fuzz.mutators import plain
from tools.fuzz.target import Target, require

PARAMETERS = ({"code": "fixed"}, {"code": "coded", "table": TABLE_SHA256})
RESTORED = 12  # letters that are restored: longer texts take their time in proportion
WORDS = tuple(
    text.encode()
    for text in (
        "trs",
        " vtr",
        "knvs",
        "buses",
        "ÄÖÜ",
        "ß",
        "é",
        "e\u0301",
        "x",
        "'",
        "’",
        "3",
        "٣",
        "½",
        "Ⅷ",
        "日本",
        "🦆",
        "\u200d",
        "ﬁ",
        "İ",
        "ı",
        "\0",
        "\n",
    )
)


def seeds() -> list[bytes]:
    """Return texts of several scripts."""
    texts = (
        "",
        "A cat on a mat.",
        "Two dogs, knives & 3 boxes",
        "ndn trdtnl rch vndv",
        "ÄÖÜ ßẞ ÉÈ 🦆\n",
        "Ночь 日本 ١٢٣",
        "queue " * 9,
        "  k",
        "strengths",
    )
    return [text.encode() for text in texts]


def run(data: bytes) -> str:
    """Reduce a text, code it in both forms, and restore its beginning."""
    text = data.decode("utf-8", "replace")
    reduced = normalise(text)
    consonants = reduced.consonants
    require(set(consonants.text) <= set(LETTERS), "only letters of the alphabet are left")
    require(from_text(consonants.text) == consonants, "reduced text is text of consonants")
    again = normalise(consonants.text)
    require(again.consonants == consonants and not again.changes, "reducing a reduced text changes it")
    require(sum(reduced.counts.values()) == sum(change.count for change in reduced.changes), "changes are counted")
    for parameters in PARAMETERS:
        body = encode(consonants.codes, parameters, tables=SHIPPED)
        require(decode(body, parameters, 1 << 16, tables=SHIPPED) == consonants, "coding changes a text")
    if len(data) % 4 == 0:
        restored = restore(consonants.text[:RESTORED].strip())
        require(all(word.text for word in restored.words), "a restored word has letters")
    return "accepted" if reduced.changes else "unchanged"


TARGET = Target("text", seeds, run, plain.inserting(WORDS), suffix=".txt", dictionary=WORDS, max_bytes=64)
