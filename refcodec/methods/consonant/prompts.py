# SPDX-License-Identifier: MIT
"""Prompts for the models of method consonant: two sets that ship, and files of users, all TOML and all checked."""

from __future__ import annotations

import hashlib
import os
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from refcodec.errors import Code, SemError
from refcodec.fileio import path_text, read_settings, shown
from refcodec.payloads.consonant import LETTERS

LETTER_NAMES: Final = frozenset({"letters", "letter_list"})  # "n t s …" and "n, t, s, …"
# role of a prompt (Dotzel et al. 2024, appendix B.1) -> groups of placeholders, of each of which it must have one
PLACEHOLDERS: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "describe": (), "select": (frozenset({"words"}),), "compress": (LETTER_NAMES,), "decompress": (LETTER_NAMES,),
    "expand": (), "generate": (frozenset({"text"}),), "compare": (frozenset({"text", "description"}),),
    "edit": (frozenset({"text"}), frozenset({"change"})), "instruct": (frozenset({"change"}),),
}  # fmt: skip
# placeholders that a prompt may have beside those
OPTIONAL: Final[Mapping[str, frozenset[str]]] = {
    "select": LETTER_NAMES, "compress": frozenset({"words"}), "expand": frozenset({"words"}), "instruct": frozenset({"text"}),
}  # fmt: skip
DEFAULTED: Final = ("expand", "instruct")  # roles that a file may lack: those of the default set are used
RETRIED: Final = ("select", "compress")  # roles whose answers are checked and requested again
ALPHABET: Final = " ".join(LETTERS[1:])
SHIPPED: Final = {"default": "prompts.toml", "paper": "paper_prompts.toml"}  # name -> file of this package
FILE_BYTES_MAX: Final = 1 << 16


@dataclass(frozen=True)
class Prompts:
    """Prompts by role. again: text appended once for each invalid answer. sha256: hexadecimal digest of the file."""

    texts: Mapping[str, str]
    again: Mapping[str, str]
    sha256: str

    def ask(self, role: str, *, again: int = 0, **values: Any) -> str:
        """Return the prompt of a role with these values. again: the number of invalid answers so far."""
        text = " ".join([self.texts[role], *[self.again.get(role, "")] * again])
        return text.format(letters=ALPHABET, letter_list=ALPHABET.replace(" ", ", "), **values)

    def compare(self, text: str, description: str) -> tuple[str, str]:
        """Return the prompt that compares a description of the picture with its text, and what follows the prompt.

        Whichever of the two the prompt has no placeholder for follows it.
        """
        names = _placeholders(self.texts["compare"])
        rest = text if "text" not in names else description if "description" not in names else ""
        return self.ask("compare", text=text, description=description), rest


def read(text: str) -> Prompts:
    """Parse prompts from TOML. Raises ValueError for a missing or unknown role, member or placeholder."""
    document = tomllib.loads(text)
    if missing := [role for role in PLACEHOLDERS if role not in document and role not in DEFAULTED]:
        raise ValueError(f"prompts have the roles {', '.join(PLACEHOLDERS)}: {missing[0]} is missing")
    if odd := sorted(set(document) - set(PLACEHOLDERS)):
        raise ValueError(f"prompts have the roles {', '.join(PLACEHOLDERS)}: {shown(odd[0])} is unknown")
    texts, again = {}, {}
    for role in PLACEHOLDERS:
        if role not in document:
            texts[role] = shipped().texts[role]
            continue
        texts[role] = _checked_text(role, "prompt", document[role], PLACEHOLDERS[role])
        if role in RETRIED:
            again[role] = _checked_text(role, "again", document[role], ())
        _refuse_members(role, document[role])
    return Prompts(texts, again, hashlib.sha256(text.encode()).hexdigest())


def _refuse_members(role: str, table: Mapping[str, Any]) -> None:
    known = {"prompt", "again"} if role in RETRIED else {"prompt"}
    if odd := sorted(set(table) - known):
        raise ValueError(f"the prompts of {role} have {shown(odd[0])}, an unknown member")


def _checked_text(role: str, member: str, table: Any, needed: tuple[frozenset[str], ...]) -> str:
    """Return one text of a role. Raises ValueError unless it has the placeholders of the role, and no others."""
    text = table.get(member) if isinstance(table, dict) else None
    if not isinstance(text, str):
        raise ValueError(f"the prompts of {role} have no {member}")
    try:
        placeholders = _placeholders(text)
    except ValueError as error:
        raise ValueError(f"the {member} of {role} is invalid: {error}; write {{{{ and }}}} for braces") from None
    for group in needed:
        if not group & placeholders:
            raise ValueError(f"the {member} of {role} lacks {' or '.join(f'{{{name}}}' for name in sorted(group))}")
    allowed = frozenset().union(*PLACEHOLDERS[role], OPTIONAL.get(role, ()))
    if odd := placeholders - allowed:
        raise ValueError(f"the {member} of {role} has {shown(f'{{{min(odd)}}}')}, an unknown placeholder")
    if not text.strip():
        raise ValueError(f"the {member} of {role} is empty")
    return text.strip()


def _placeholders(text: str) -> set[str]:
    """Return the names in braces. Raises ValueError for a lone brace, and for one with a conversion or a format."""
    names = set()
    for _, name, form, conversion in string.Formatter().parse(text):
        if form or conversion:
            raise ValueError(f"{shown(f'{{{name}}}')} has a format")
        if name is not None:
            names.add(name)
    return names


@lru_cache(maxsize=len(SHIPPED))
def shipped(name: str = "default") -> Prompts:
    """Return a set of prompts shipped with this package: "default", or "paper", those of Dotzel et al. (2024)."""
    return read(files(__package__).joinpath(SHIPPED[name]).read_text(encoding="utf-8"))


def load(source: str | os.PathLike[str] | None = None) -> Prompts:
    """Return the prompts of a shipped set, "default" (also None) or "paper", or of a TOML file.

    Raises Code.CANNOT_READ (SEM-E-101) for a file that cannot be read or is not a set of prompts, LIMIT_FILE (606) above
    64 KiB, TypeError for a value that is not a path.
    """
    if source is None or (isinstance(source, str) and source in SHIPPED):
        return shipped(source or "default")
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"prompts is a path, or {' or '.join(map(repr, SHIPPED))}, not {type(source).__name__}")
    data, name = read_settings(source, FILE_BYTES_MAX, "a file of prompts"), shown(path_text(source))
    try:
        return read(data.decode("utf-8"))
    except UnicodeDecodeError:
        what = "it is not UTF-8"
    except RecursionError:
        what = "it is nested too deeply"
    except ValueError as error:  # of TOML, or of a prompt
        what = str(error)
    hint = "docs/models.md has the form of such a file; --prompts paper is an example"
    raise SemError(Code.CANNOT_READ, f"{name} is not a file of prompts: {what}", path="prompts", hint=hint)
