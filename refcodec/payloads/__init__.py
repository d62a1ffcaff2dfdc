# SPDX-License-Identifier: MIT
"""The payload kinds (SPEC §13), one module each. In each, the same function reads and writes the symbols of a body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Value(Protocol):
    """The decoded symbols of one payload of any kind."""

    @property
    def shape(self) -> list[list[int]]:
        """Return the shape of each of its arrays."""

    @property
    def canonical(self) -> bool:
        """Return whether encoding reproduces the body; false for the foreign compressed forms of §13.2."""

    def serialise(self) -> bytes:
        """Return S of §7, the bytes that the check and every digest cover."""

    def to_json(self) -> Any:
        """Return the symbols as a JSON value, None if there are more than `SHOWN_SYMBOLS`."""

    def arrays(self) -> Any:
        """Return the symbols as text, as one numpy array, or as several by name."""


@dataclass(frozen=True)
class Codes:
    """A one-dimensional array of codes, the value of kinds 3 and 4."""

    codes: tuple[int, ...]
    canonical = True

    @property
    def shape(self) -> list[list[int]]:
        return [[len(self.codes)]]

    def serialise(self) -> bytes:
        return u16(self.codes)

    def to_json(self) -> Any:
        """Return the codes as a list, None if there are more than `SHOWN_SYMBOLS`."""
        return list(self.codes) if len(self.codes) <= SHOWN_SYMBOLS else None

    def arrays(self) -> NDArray[np.uint16]:
        import numpy as np

        return np.array(self.codes, np.uint16)


SHOWN_SYMBOLS = 4096  # largest number of symbols in a JSON value


def u16(codes: tuple[int, ...]) -> bytes:
    """Return codes 0 … 65535 as u(16) each, the serialisation of kinds 3 to 5."""
    return b"".join(code.to_bytes(2, "big") for code in codes)


def checked(codes: Any, size: int, noun: str) -> tuple[int, ...]:
    """Validate symbols of a user, each 0 … size - 1.

    Raises TypeError for a non-integer, ValueError for one out of range.
    """
    import operator

    out = tuple(operator.index(code) for code in codes)
    for code in out:
        if not 0 <= code < size:
            raise ValueError(f"{noun} are 0 … {size - 1}, not {code}")
    return out
