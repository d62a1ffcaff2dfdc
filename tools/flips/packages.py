# SPDX-License-Identifier: MIT
"""Flips and prefixes of what a decoder reads beside a file: manifests, tensors, registries, tables.

    python -m tools.flips.packages [--every N] [--most N] [--processes N] [--json FILE]

Of the packages in test_vectors/models, the registries and the tables, every Nth flip and prefix is read (by default the
31st), but no more than 5000 of a file, evenly spread. A read gives a model, a registry or a SemError, nothing else; a tensor or table with
a changed bit is never accepted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from refcodec.entropy import tables
from refcodec.errors import SemError
from refcodec.networks import package, package_search
from refcodec.payloads import consonant
from refcodec.payloads.caption import compressed, ppm
from refcodec.registry import Registry
from refcodec.table_files import TableFile, TableFiles
from tools.flips.cases import ROOT, VECTORS, changed, label
from tools.flips.examine import Finding, refused, timed
from tools.flips.report import Report, Result, Tally

EVERY: Final = 31
MOST: Final = 5000  # variants of a file
TABLES: Final[tuple[TableFile[Any], ...]] = (tables.GAUSSIANS, consonant.TABLES, ppm.MODEL, compressed.DICTIONARY)


@dataclass(frozen=True)
class Subject:
    """One file, and how it is read from its folder: returns the label of the outcome, or raises SemError."""

    path: Path
    read: Callable[[Path, bytes], str]

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))


def subjects() -> list[Subject]:
    """Return every file of a package, every registry and every table."""
    found = []
    for path in sorted((*VECTORS.glob("models/*/manifest.json"), *VECTORS.glob("models/*/*.safetensors"))):
        part = "symbols" if path.name in ("manifest.json", "symbols.safetensors") else path.stem
        found.append(Subject(path, partial(_package, part)))
    found += [Subject(path, _registry) for path in sorted(VECTORS.glob("registries/*.json"))]
    for table in TABLES:
        folder = ROOT / table.package.replace(".", "/") / "data"
        found.append(Subject(folder / table.name, partial(_table, table)))
    return found


def _package(part: str, path: Path, _: bytes) -> str:
    """Load the symbol model of a package, or its painter or encoder."""
    folder = path.parent
    described = package_search.describe(folder)
    if part != "symbols":
        package.load_part(folder, package.read_manifest(folder), part)
        return "loaded"
    model = package.load_any(folder)
    if described is None or described[0] != model.digest:
        raise Finding("the package is not found by the digest of its model")
    return "loaded"


def _registry(_: Path, data: bytes) -> str:
    """Parse a registry as a whole; one that is invalid must not extend another either."""
    try:
        rows = Registry.parse(data).rows.values()
    except ValueError:
        Registry.shipped().extended_by(data)
        raise Finding("an invalid registry extends another") from None
    for row in rows:
        Registry.of(row).get(row.id)
    return "registry"


def _table(table: TableFile[Any], path: Path, _: bytes) -> str:
    TableFiles(path.parent).load(table)
    return "loaded"


def results(subject: Subject, every: int, most: int = MOST) -> Iterator[Result]:
    """Yield the result of every Nth variant of a file, written to a copy of its folder."""
    data = subject.path.read_bytes()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "copy"
        folder.mkdir()
        for other in subject.path.parent.iterdir():
            if other.is_file() and subject.path.parent.name != "registries":
                (folder / other.name).write_bytes(other.read_bytes())
        copy = folder / subject.path.name
        for at, bit in _variants(len(data), max(every, -(-9 * len(data) // most))):
            variant = changed(data, at, bit)
            copy.write_bytes(variant)
            yield label(at, bit), *timed(partial(_outcome, subject, copy, variant, at, data))


def _outcome(subject: Subject, copy: Path, variant: bytes, at: int, data: bytes) -> str:
    try:
        found = subject.read(copy, variant)
    except SemError as error:
        return refused(error, len(variant))
    if found == "loaded" and at >= _json_bytes(data, copy.suffix):
        raise Finding("changed bytes of a tensor or table are accepted")
    return found


def _json_bytes(data: bytes, suffix: str) -> int:
    """Return how many bytes at the start are JSON, with the length before it."""
    if suffix == ".safetensors":
        return 8 + int.from_bytes(data[:8], "little")
    return len(data) if suffix == ".json" else 0


def _variants(size: int, every: int) -> Iterator[tuple[int, int | None]]:
    """Yield (position, bit) of every Nth variant of a file, None for a prefix."""
    for number in range(0, 9 * size, every):
        at, bit = divmod(number, 9)
        yield at, None if bit == 8 else bit


def _tally(every: int, most: int, subject: Subject) -> tuple[Subject, Tally]:
    return subject, Tally().add(subject.name, results(subject, every, most))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=EVERY, metavar="N", help="every Nth variant")
    parser.add_argument("--most", type=int, default=MOST, metavar="N", help="variants of one file")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="keep the results in this file, and go on from it")
    args = parser.parse_args()
    report, chosen = Report(args.json), subjects()
    todo = [one for one in chosen if not report.has(f"{one.name}:0", one.path.read_bytes())]
    with ProcessPoolExecutor(args.processes, multiprocessing.get_context("fork")) as pool:
        for subject, tally in pool.map(partial(_tally, args.every, args.most), todo):
            report.put(f"{subject.name}:0", subject.path.read_bytes(), tally)
            report.save()
    print("\n".join(report.lines(len(chosen))))
    return 1 if report.total().findings else 0


if __name__ == "__main__":
    sys.exit(main())
