# SPDX-License-Identifier: MIT
"""SPEC §13, the payload kinds, one file each. All symbols of a body are walked by the same calls in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Value(Protocol):
    """The decoded symbols of one payload, whatever its kind."""

    @property
    def shape(self) -> list[list[int]]:
        """Of each of its arrays."""

    @property
    def canonical(self) -> bool:
        """False for the foreign forms of §13.2, which are read and never written again bit by bit."""

    def serialise(self) -> bytes:
        """S of §7: what the check and every digest cover."""

    def shown(self) -> Any:
        """The symbols as a JSON value, None where they are too many for one."""

    def arrays(self) -> Any:
        """Return the symbols as text, as one numpy array, or as several by name."""


@dataclass(frozen=True)
class Codes:
    """Codes in one row, the value of kinds 3 and 4."""

    codes: tuple[int, ...]
    canonical = True

    @property
    def shape(self) -> list[list[int]]:
        return [[len(self.codes)]]

    def serialise(self) -> bytes:
        return u16(self.codes)

    def shown(self) -> Any:
        return list(self.codes) if len(self.codes) <= SHOWN_SYMBOLS else None

    def arrays(self) -> NDArray[np.uint16]:
        import numpy as np

        return np.array(self.codes, np.uint16)


SHOWN_SYMBOLS = 4096  # more than so many do not stand in a JSON value


def u16(codes: tuple[int, ...]) -> bytes:
    """Codes 0 … 65535 as u(16) each, the serialisation of kinds 3 to 5."""
    return b"".join(code.to_bytes(2, "big") for code in codes)


def checked(codes: Any, size: int, what: str) -> tuple[int, ...]:
    """Symbols given by a user, each 0 … size - 1. TypeError for what is no integer, ValueError for one out of range."""
    import operator

    out = tuple(operator.index(code) for code in codes)
    for code in out:
        if not 0 <= code < size:
            raise ValueError(f"{what} are 0 … {size - 1}, not {code}")
    return out
