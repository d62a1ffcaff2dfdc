# SPDX-License-Identifier: MIT
"""Prompts for the models of method consonant, read from `prompts.toml` and checked."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from refcodec.payloads.consonant import LETTERS

# role of a prompt (Dotzel et al. 2024, appendix B.1) -> the placeholders that it must have
PLACEHOLDERS: Final[Mapping[str, frozenset[str]]] = {
    "describe": frozenset(), "select": frozenset({"words"}), "compress": frozenset({"letters"}),
    "decompress": frozenset({"letters"}), "generate": frozenset({"text"}), "compare": frozenset({"text"}),
    "edit": frozenset({"text", "change"}),
}  # fmt: skip
RETRIED: Final = ("select", "compress")  # roles whose answers are checked and requested again
OPTIONAL: Final = frozenset({"words", "letters"})  # placeholders allowed in prompts of these roles
ALPHABET: Final = " ".join(LETTERS[1:])


@dataclass(frozen=True)
class Prompts:
    """Prompts by role. again: text appended once for each invalid answer."""

    texts: Mapping[str, str]
    again: Mapping[str, str]

    def ask(self, role: str, *, again: int = 0, **values: Any) -> str:
        """Return the prompt of a role with these values. again: the number of invalid answers so far."""
        text = " ".join([self.texts[role], *[self.again.get(role, "")] * again])
        return text.format(letters=ALPHABET, **values)


def read(text: str) -> Prompts:
    """Parse prompts from TOML. Raises ValueError for a missing or unknown role or placeholder."""
    document = tomllib.loads(text)
    if odd := sorted(set(document) ^ set(PLACEHOLDERS)):
        raise ValueError(f"prompts have the roles {', '.join(PLACEHOLDERS)}: {odd[0]} is missing or unknown")
    texts = {role: _checked_text(role, "prompt", document[role], PLACEHOLDERS[role]) for role in PLACEHOLDERS}
    return Prompts(texts, {role: _checked_text(role, "again", document[role], frozenset()) for role in RETRIED})


def _checked_text(role: str, member: str, table: Any, needed: frozenset[str]) -> str:
    text = table.get(member) if isinstance(table, dict) else None
    if not isinstance(text, str):
        raise ValueError(f"the prompts of {role} have no {member}")
    placeholders = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    allowed = needed | OPTIONAL if role in RETRIED else needed
    if missing := needed - placeholders:
        raise ValueError(f"the {member} of {role} lacks {{{min(missing)}}}")
    if odd := placeholders - allowed:
        raise ValueError(f"the {member} of {role} has {{{min(odd)}}}, an unknown placeholder")
    return text.strip()


@lru_cache(maxsize=1)
def shipped() -> Prompts:
    """Return the prompts shipped with this package."""
    return read(files(__package__).joinpath("prompts.toml").read_text(encoding="utf-8"))
