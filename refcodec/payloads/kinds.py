# SPDX-License-Identifier: MIT
"""List the payload kinds of this codec (SPEC §6), and look them up by number.

`KINDS` are those of format version 1, which every environment knows; `WITH_DRAFTS` also has those of the folder `drafts`,
for callers that ask for them (`Environment.with_drafts`, SEM_DRAFTS).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from refcodec.payloads.base import Kind, SymbolOption

# number -> name, module of the descriptor, and the name that it has there
SHIPPED: Final = MappingProxyType(
    {
        1: ("consonant", "consonant", "KIND"),
        2: ("caption", "caption.modes", "KIND"),
        3: ("clip", "clip_bits", "KIND"),
        4: ("pq", "pq_codes", "KIND"),
        5: ("vq", "vq_indices", "KIND"),
        6: ("sketch", "latents", "SKETCH"),
        7: ("elic", "latents", "ELIC"),
    }
)
# likewise, of the range for drafts and private use
DRAFTS: Final = MappingProxyType(
    {
        48: ("grids", "drafts.grids", "KIND"),
        49: ("tokens", "drafts.tokens", "KIND"),
        50: ("scheduled", "drafts.scheduled", "KIND"),
    }
)


DRAFT_REMEDY: Final = "drafts are read with semtool --drafts, SEM_DRAFTS=1 or Environment.with_drafts()"


class Kinds:
    """Payload kinds by number: those of a table of modules, and others beside them.

    The module of a kind of the table is imported when its descriptor is first asked for, so that `inspect` imports the
    kinds of one row. `names`: number -> name of every kind.
    """

    def __init__(self, others: tuple[Kind, ...] = (), modules: Mapping[int, tuple[str, str, str]] = SHIPPED) -> None:
        self._others = {kind.id: kind for kind in others}
        self._modules = modules
        self.names: Final = {number: entry[0] for number, entry in modules.items()} | {
            kind.id: kind.name for kind in others
        }

    def __iter__(self) -> Iterator[Kind]:
        return map(self.get, self.names)

    def extended_by(self, *kinds: Kind) -> Kinds:
        """Return these kinds and others. Raises ValueError for a number that is taken."""
        if taken := [kind.id for kind in kinds if kind.id in self.names]:
            raise ValueError(f"there is a payload kind {taken[0]}")
        return Kinds((*self._others.values(), *kinds), self._modules)

    def get(self, number: int) -> Kind:
        """Return a kind; KeyError if it is unknown."""
        if number not in self._modules:
            return self._others[number]
        _, module, name = self._modules[number]
        kind: Kind = getattr(importlib.import_module(f"refcodec.payloads.{module}"), name)
        return kind

    def find(self, number: Any) -> Kind | None:
        """Return the kind of a JSON value, None if it is not the number of a known kind."""
        return self.get(number) if type(number) is int and number in self.names else None


KINDS: Final = Kinds()
WITH_DRAFTS: Final = Kinds(modules=MappingProxyType({**SHIPPED, **DRAFTS}))


def get(number: int, kinds: Kinds = KINDS) -> Kind:
    """Return the kind of a number that a row of the registry allows; KeyError if it is unknown."""
    return kinds.get(number)


def draft_remedy(kinds: Kinds, numbers: Iterable[object]) -> str | None:
    """Return what to do if one of `numbers` is a draft that `kinds` do not have; None if none is."""
    missing = any(type(number) is int and number in DRAFTS and number not in kinds.names for number in numbers)
    return DRAFT_REMEDY if missing else None


def needs_model(number: int, parameters: Mapping[str, Any], kinds: Kinds = KINDS) -> bool:
    """Return whether the bodies of a row need its model to be decoded (SPEC §5); PQ codes do not."""
    return get(number, kinds).needs_model(parameters)


def check_model(model: Any, number: int, parameters: Mapping[str, Any], kinds: Kinds = KINDS) -> None:
    """Raise `ModelError` if a model is of another kind, or differs from the parameters of the row (SEM-R-112)."""
    get(number, kinds).check_model(model, parameters)


def symbol_options(kinds: Kinds = KINDS) -> tuple[SymbolOption, ...]:
    """Return the options that take symbols, in the order of the kinds that add them."""
    return tuple(kind.option for kind in kinds if kind.option is not None)
