# SPDX-License-Identifier: MIT
"""The .sem files of test_vectors/, each with the registry and the model packages that its entry names, cut into units.

A unit is a range of bytes of one file: its flips are the eight of each byte, its prefixes end before each byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

from refcodec.environment import Environment
from refcodec.registry import Registry

ROOT: Final = Path(__file__).resolve().parents[2]
VECTORS: Final = ROOT / "test_vectors"
MODELS: Final = VECTORS / "models"
LISTS: Final = ("vectors", "registries", "models", "painters")  # those with files of their own
UNIT_BYTES: Final = 1 << 10


@dataclass(frozen=True)
class Case:
    """One file, by its path within test_vectors/. `registry` and `folder`: those that its entry names, if any."""

    file: str
    registry: str | None = None
    folder: str | None = None

    @cached_property
    def data(self) -> bytes:
        """The bytes of the file."""
        return (VECTORS / self.file).read_bytes()

    @property
    def name(self) -> str:
        """The path, with the registry if the entry names one: a file may occur with several."""
        return self.file if self.registry is None else f"{self.file} with {self.registry}"

    @property
    def environment(self) -> Environment:
        """What the file is decoded with."""
        return _environment(self.registry, self.folder)


@dataclass(frozen=True)
class Unit:
    """Bytes `begin` to `end` of a case."""

    case: Case
    begin: int
    end: int

    @property
    def key(self) -> str:
        """The name of the unit in a report."""
        return f"{self.case.name}:{self.begin}"


def cases() -> list[Case]:
    """Return every case, in the order of the manifest."""
    manifest: dict[str, Any] = json.loads((VECTORS / "manifest.json").read_bytes())
    return [
        Case(entry["file"], entry.get("registry", {}).get("file"), entry.get("folder"))
        for name in LISTS
        for entry in manifest[name]
        if entry["file"].endswith(".sem")
    ]


def units(chosen: list[Case]) -> list[Unit]:
    """Return the units of these cases, those of small files first."""
    ordered = sorted(chosen, key=lambda case: len(case.data))
    return [unit for case in ordered for unit in _units(case)]


@cache
def alike(case: Case) -> list[Case]:
    """Return the cases after this one, in the order of their units, that begin with the same bytes up to half of its size."""
    half, ordered = case.data[: len(case.data) // 2], sorted(cases(), key=lambda case: len(case.data))
    return [
        other
        for other in ordered[ordered.index(case) + 1 :]
        if (other.registry, other.folder) == (case.registry, case.folder) and other.data.startswith(half)
    ]


def shard(chosen: list[Unit], number: int, count: int) -> list[Unit]:
    """Return part `number` of `count` parts, 1 to `count`."""
    return chosen[number - 1 :: count]


def variants(unit: Unit) -> Iterator[tuple[str, bytes]]:
    """Yield (label, bytes) of every prefix and every flip of a unit. The label of a flip is its bit, 0 to 7 from the top."""
    data = unit.case.data
    for at in range(unit.begin, unit.end):
        for bit in (None, *range(8)):
            yield label(at, bit), changed(data, at, bit)


def label(at: int, bit: int | None) -> str:
    """Return the name of a variant: `prefix 12`, `flip 12.0`."""
    return f"prefix {at}" if bit is None else f"flip {at}.{bit}"


def changed(data: bytes, at: int, bit: int | None) -> bytes:
    """Return the bytes before `at`, or with a bit, all bytes with this bit of byte `at` flipped."""
    if bit is None:
        return data[:at]
    flipped = bytearray(data)
    flipped[at] ^= 0x80 >> bit
    return bytes(flipped)


def _units(case: Case) -> Iterator[Unit]:
    size = len(case.data)
    for begin in range(0, size, UNIT_BYTES):
        yield Unit(case, begin, min(size, begin + UNIT_BYTES))


@lru_cache(maxsize=256)
def _environment(registry: str | None, folder: str | None) -> Environment:
    packages = MODELS if folder is None else VECTORS / folder
    if registry is None:
        return Environment().with_packages(packages)
    return Environment(_registry((VECTORS / registry).read_bytes())).with_packages(packages)


def _registry(document: bytes) -> Registry:
    """Return the registry of a document; one that is invalid has no profile (SEM-R-032)."""
    try:
        return Registry.parse(document)
    except ValueError:
        return Registry.of()
