# SPDX-License-Identifier: MIT
"""What method consonant asks its models: the texts of `prompts.toml`, read once and judged."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from refcodec.payloads.consonant import LETTERS

# role of a prompt (Dotzel et al. 2024, appendix B.1) -> what stands in it
PLACES: Final[Mapping[str, frozenset[str]]] = {
    "describe": frozenset(), "select": frozenset({"words"}), "compress": frozenset({"letters"}),
    "decompress": frozenset({"letters"}), "generate": frozenset({"text"}), "compare": frozenset({"text"}),
    "edit": frozenset({"text", "change"}),
}  # fmt: skip
AGAIN: Final = ("select", "compress")  # roles whose answers are checked, and asked for again
MAY: Final = frozenset({"words", "letters"})  # stand anywhere
ALPHABET: Final = " ".join(LETTERS[1:])


@dataclass(frozen=True)
class Prompts:
    """Texts by role; `again`: what is added each time that an answer was not what was asked for."""

    texts: Mapping[str, str]
    again: Mapping[str, str]

    def ask(self, role: str, *, again: int = 0, **values: Any) -> str:
        """The prompt of a role with these values, after so many wrong answers."""
        text = " ".join([self.texts[role], *[self.again.get(role, "")] * again])
        return text.format(letters=ALPHABET, **values)


def read(text: str) -> Prompts:
    """The prompts of a TOML document; ValueError for a role or a placeholder that is missing, or not known."""
    document = tomllib.loads(text)
    if odd := sorted(set(document) ^ set(PLACES)):
        raise ValueError(f"prompts have the roles {', '.join(PLACES)}: {odd[0]} is missing or not known")
    texts = {role: _judged(role, "prompt", document[role], PLACES[role]) for role in PLACES}
    return Prompts(texts, {role: _judged(role, "again", document[role], frozenset()) for role in AGAIN})


def _judged(role: str, member: str, table: Any, needed: frozenset[str]) -> str:
    text = table.get(member) if isinstance(table, dict) else None
    if not isinstance(text, str):
        raise ValueError(f"the prompts of {role} have no {member}")
    found = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    allowed = needed | MAY if role in AGAIN else needed
    if missing := needed - found:
        raise ValueError(f"the {member} of {role} lacks {{{min(missing)}}}")
    if odd := found - allowed:
        raise ValueError(f"the {member} of {role} has {{{min(odd)}}}, which nothing fills")
    return text.strip()


@lru_cache(maxsize=1)
def shipped() -> Prompts:
    """Those of this package."""
    return read(files(__package__).joinpath("prompts.toml").read_text(encoding="utf-8"))
