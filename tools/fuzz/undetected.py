# SPDX-License-Identifier: MIT
"""Count the damage that a check does not detect: none for 32 bits, and for 16 bits no more than chance explains."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from refcodec.container import bound_header, read
from refcodec.decoder import DecodedFile, decode_container
from refcodec.errors import SemError
from tools.fuzz.mutators import sem_file
from tools.fuzz.target import refusal

Part = tuple[bytes, int, bytes]
PIXELS = 1 << 12  # larger pictures are not decoded


@dataclass
class Tally:
    """Counts over all executions."""

    outcomes: Counter[str] = field(default_factory=Counter)
    checked: Counter[int] = field(default_factory=Counter)  # check bits -> damaged files whose check was evaluated
    undetected: Counter[int] = field(default_factory=Counter)  # check bits -> those of them that passed it

    def excess(self) -> str | None:
        """Return a message if more changes passed a check than chance explains, else None."""
        if self.undetected[32]:
            return f"{self.undetected[32]} changes passed a 32-bit check"
        mean = self.checked[16] / 65536
        if self.undetected[16] > mean + 6 * mean**0.5 + 3:
            return f"{self.undetected[16]} changes passed a 16-bit check, expected {mean:.1f}"
        return None


def parts(decoded: DecodedFile) -> list[Part]:
    """Return what the check of each section covers: bound header, section type and symbols."""
    header, values = bound_header(decoded.container.header), decoded.values
    return [
        (header, section.type, values[section.type].serialise() if section.critical else section.body)
        for section in decoded.container.sections
    ]


def _decoded(data: bytes) -> DecodedFile | None:
    """Return a decoded file, None for one that is larger than is decoded here. Raises SemError."""
    container = read(data, environment=sem_file.environment())
    large = container.header.width * container.header.height > PIXELS
    if large or sem_file.claimed(container) > sem_file.SYMBOLS:
        return None
    return decode_container(container, sem_file.environment())


def known_parts(files: list[bytes]) -> set[Part]:
    """Return the `parts` of all files that decode."""
    out: set[Part] = set()
    for data in files:
        try:
            decoded = _decoded(data)
        except SemError:
            continue
        out.update(() if decoded is None else parts(decoded))
    return out


def examine(data: bytes, known: set[Part], tally: Tally) -> str:
    """Decode a damaged file and count it; return the outcome. Damage that passed a check is known from then on."""
    outcome = _examine(data, known, tally)
    tally.outcomes[outcome] += 1
    return outcome


def _examine(data: bytes, known: set[Part], tally: Tally) -> str:
    try:
        decoded = _decoded(data)
    except SemError as error:
        if error.code == 501:
            tally.checked[read(data, environment=sem_file.environment()).header.check_bits] += 1
        return refusal(error, len(data))
    if decoded is None:
        return "large"
    bits = decoded.container.header.check_bits
    if decoded.state == "unchecked":
        return "unchecked"
    found = parts(decoded)
    if all(part in known for part in found):
        return "unchanged"
    known.update(found)
    tally.checked[bits] += 1
    tally.undetected[bits] += 1
    return f"changed, check {bits}"
