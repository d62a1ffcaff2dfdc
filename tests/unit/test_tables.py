# SPDX-License-Identifier: MIT
"""SPEC §9 and §10: the shipped Gaussian tables are the normative ones, and ill-formed tables are refused."""

from __future__ import annotations

import hashlib
import math
import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from default_environment import TABLES

from refcodec.entropy import TableBank, cumulative, gaussians, tables, uniform
from refcodec.errors import SemError
from refcodec.table_files import TableFiles

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "refcodec" / "entropy" / "data" / "gaussian.bin"


def shipped() -> list[list[int]]:
    """The file read as SPEC tells a stranger to: uint16, little-endian, a table ends where its sum is 65536."""
    rows: list[list[int]] = [[]]
    for (frequency,) in struct.iter_unpack("<H", FILE.read_bytes()):
        if sum(rows[-1]) == 65536:
            rows.append([])
        rows[-1].append(frequency)
    return rows


def sigma(i: int) -> float:
    return 0.11 * math.pow(256 / 0.11, i / 63)


ROWS = shipped()


def test_digest() -> None:
    data = FILE.read_bytes()
    assert len(data) == 40156
    assert hashlib.sha256(data).hexdigest() == tables.GAUSSIAN_SHA256


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gaussian.bin").write_bytes(b"?" + FILE.read_bytes()[1:])
    with pytest.raises(SemError) as caught:
        gaussians(TableFiles(tmp_path))
    assert caught.value.code == 802
    assert len(gaussians(TABLES)) == 64


def test_made_from_exact_reals() -> None:
    pytest.importorskip("mpmath")
    command = [sys.executable, str(ROOT / "tools" / "tables" / "make_gaussian.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_widths() -> None:
    widths = [(len(row) - 2) // 2 for row in ROWS]
    assert widths[:-1] == [math.ceil(4.5 * sigma(i)) for i in range(63)]
    assert widths[-1] == 1152  # 4.5 · 256, exactly
    assert all(len(row) % 2 == 0 for row in ROWS)


@pytest.mark.parametrize("i", range(64))
def test_form(i: int) -> None:
    row = ROWS[i]
    *regular, escape = row
    n = len(regular) // 2
    assert sum(row) == 65536
    assert min(row) >= 1
    assert regular == regular[::-1]
    assert all(one >= other for one, other in pairwise(regular[n:]))
    assert regular[n] > escape


@pytest.mark.parametrize("i", range(64))
def test_frequencies_are_those_of_a_gaussian(i: int) -> None:
    """Within one unit of the rule taken with floats; the mode has what all the floors left."""
    *regular, escape = ROWS[i]
    n, scale, spare = len(regular) // 2, sigma(i) * math.sqrt(2), 65536 - len(ROWS[i])
    tails = [math.erfc((k + 0.5) / scale) / 2 for k in range(n + 1)]
    for k in range(1, n + 1):
        assert abs(regular[n + k] - 1 - (tails[k - 1] - tails[k]) * spare) <= 1
    assert abs(escape - 1 - 2 * tails[n] * spare) <= 1
    assert 0 <= regular[n] - 1 - (1 - 2 * tails[0]) * spare < len(ROWS[i])


def test_loaded_bank_is_the_file() -> None:
    bank = gaussians(TABLES)
    assert [[b - a for a, b in pairwise(table)] for table in bank.tables] == ROWS
    assert bank.offsets == [-((len(row) - 2) // 2) for row in ROWS]


def test_flat_bank_is_the_same() -> None:
    bank = gaussians(TABLES)
    flat = bank.flat
    for i in (0, 1, 40, 63):
        start, size = int(flat.start[i]), int(flat.size[i])
        assert flat.cumulative[start : start + size + 1].tolist() == bank.tables[i]
        assert int(flat.offset[i]) == bank.offsets[i]
    assert flat.cumulative.size == sum(len(table) for table in bank.tables)


def test_uniform() -> None:
    assert list(uniform(3)) == [0, 1, 2, 3]
    assert uniform(65536)[-1] == 65536
    for size in (0, -1, 65537):
        with pytest.raises(ValueError, match="uniform"):
            uniform(size)


def test_cumulative() -> None:
    assert cumulative([5, 3, 2]) == [0, 5, 8, 10]
    assert cumulative([65536]) == [0, 65536]
    for frequencies in ([], [0], [1, 0, 1], [2, -1], [65536, 1]):
        with pytest.raises(ValueError, match="frequencies"):
            cumulative(frequencies)


@pytest.mark.parametrize(
    "row",
    [
        (0, [65536]),  # nothing but the escape
        (0, [65534, 1]),  # does not sum to 2^16
        (0, [65535, 0, 1]),
        (-32768, [65535, 1]),
        (32767, [65534, 1, 1]),  # its second value is 32768
    ],
)
def test_bank_refuses(row: tuple[int, list[int]]) -> None:
    with pytest.raises(ValueError, match=r"frequencies|bank"):
        TableBank([row])


def test_gaussian_file_must_end_with_a_table() -> None:
    with pytest.raises(ValueError, match="last table"):
        tables.split_gaussians([1, 65533, 1, 1, 7])
