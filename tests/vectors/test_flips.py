# SPDX-License-Identifier: MIT
"""tools/flips: what it decodes, what it calls a finding, and that a stopped run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from refcodec.errors import SemError
from refcodec.payloads import consonant
from tools.flips import __main__ as flips
from tools.flips import cases, examine, packages, shared_prefix
from tools.flips.report import Report, Tally


def case(name: str) -> cases.Case:
    """The case of a file of the manifest's first list."""
    return next(case for case in cases.cases() if case.file == name)


def test_every_bit_of_every_file_is_in_one_unit() -> None:
    files = cases.cases()
    assert {c.file for c in files} == {str(path.relative_to(cases.VECTORS)) for path in cases.VECTORS.rglob("*.sem")}
    units = cases.units(files)
    assert len({unit.key for unit in units}) == len(units)
    assert sum(unit.end - unit.begin for unit in units) == sum(len(c.data) for c in files)
    parts = [unit for number in (1, 2, 3) for unit in cases.shard(units, number, 3)]
    assert sorted(unit.key for unit in parts) == sorted(unit.key for unit in units)


def test_variants_of_a_unit() -> None:
    whole = case("header/micro.sem")
    found = dict(cases.variants(cases.Unit(whole, 0, len(whole.data))))
    assert len(found) == len(set(found.values())) == 9 * len(whole.data)
    assert found["prefix 0"] == b""
    assert found["prefix 3"] == whole.data[:3]
    assert found["flip 0.0"][0] == whole.data[0] ^ 0x80
    assert found["flip 1.7"][1] == whole.data[1] ^ 0x01


@pytest.mark.parametrize("name", ["header/micro.sem", "caption/caption-static-a.sem", "vq/vq-tiny.sem"])
def test_small_files(name: str) -> None:
    whole = case(name)
    tally = flips.examine(cases.Unit(whole, 0, len(whole.data)))
    assert (tally.flips, tally.prefixes) == (8 * len(whole.data), len(whole.data))
    assert tally.findings == []
    assert tally.outcomes["SEM-E-201"] >= 17  # the magic
    assert tally.worst_seconds < 5


def test_outcomes() -> None:
    whole = case("header/micro.sem")
    assert examine.outcome(whole.data, whole.environment) == "absent"
    assert examine.outcome(b"", whole.environment) == "SEM-E-201"
    grid = "F59E20 0F 00 FE7F {} 7F"  # 2048 indices wide
    assert examine.outcome(bytes.fromhex(grid.format("86")), whole.environment) == "absent"  # 128 rows: 2^18 symbols
    assert examine.outcome(bytes.fromhex(grid.format("8E")), whole.environment) == "large"


def test_another_exception_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = case("consonant/consonant-fixed-paper.sem")

    def broken(*_: object) -> bytes:
        raise IndexError("bytearray index out of range")

    monkeypatch.setattr(consonant, "_unpack", broken)
    tally = flips.examine(cases.Unit(whole, len(whole.data) - 1, len(whole.data)))
    assert tally.outcomes["finding"] == 9
    assert tally.findings[0].endswith(": IndexError: bytearray index out of range")


def test_a_file_that_is_not_what_its_symbols_give_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = case("consonant/consonant-fixed-paper.sem")
    monkeypatch.setattr(consonant, "_pack", lambda codes: bytes(len(codes)))
    found, _ = examine.timed(lambda: examine.outcome(whole.data, whole.environment))
    assert found == "!Finding: the symbols of a section of type 129 are written with other bytes"


def test_errors_that_are_findings() -> None:
    long, lines = SemError(401, "long"), SemError(401, "lines")
    long.what, lines.what = "long" * 501, "two\nlines"  # SemError itself shortens and escapes what it is given
    for error in (long, lines, SemError(401, "far", offset=10)):
        with pytest.raises(examine.Finding):
            examine.refused(error, 9)
    assert examine.refused(SemError(401, "at the end", offset=9), 9) == "SEM-E-401"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["caption/caption-static-limit.sem", "consonant/consonant-limit-coded.sem"])
def test_shared_decoding_gives_what_plain_decoding_gives(name: str) -> None:
    whole = case(name)
    for begin in (0, 300, len(whole.data) - 3):
        unit = cases.Unit(whole, begin, begin + 3)
        assert shared_prefix.suits(unit)
        shared = {label: outcome for label, outcome, _ in shared_prefix.results(unit)}
        assert shared == {label: examine.outcome(data, whole.environment) for label, data in cases.variants(unit)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "others"),
    [
        ("caption/caption-static-limit.sem", ["caption/caption-static-limit-exceeded.sem"]),
        ("consonant/consonant-limit-coded.sem", ["consonant/limit-coded-exceeded.sem", "consonant/limit-coded-exceeded-and-garbage.sem"]),
    ],
)  # fmt: skip
def test_files_that_begin_alike_are_decoded_together(
    first: str, others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = case(first)
    assert [other.file for other in cases.alike(whole)] == others
    for begin in (900, len(whole.data) - 5):
        list(shared_prefix.results(cases.Unit(whole, begin, begin + 3)))
        with monkeypatch.context() as patch:
            patch.delattr(shared_prefix, "_explored")  # nothing is decoded again
            for name in others:
                unit = cases.Unit(case(name), begin, begin + 3)
                shared = {label: outcome for label, outcome, _ in shared_prefix.results(unit)}
                assert shared == {
                    label: examine.outcome(data, unit.case.environment) for label, data in cases.variants(unit)
                }


def test_short_or_plain_bodies_are_not_shared() -> None:
    for name in ("header/micro.sem", "caption/caption-static-a.sem", "sections/limit-text.sem"):
        assert not shared_prefix.suits(cases.Unit(case(name), 0, 1))


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    path, whole = tmp_path / "flips.json", case("header/micro.sem")
    unit, report = cases.Unit(whole, 0, 2), Report(path)
    flips.run([unit], report, 1)
    again = Report(path)
    assert again.has(unit.key, whole.data)
    assert not again.has(unit.key, whole.data + b"\0")
    assert again.total() == report.total()
    assert (again.total().flips, again.total().outcomes["SEM-E-201"]) == (16, 18)
    assert "1 of 1 units of 1 files: 16 flips, 2 prefixes" in "\n".join(again.lines(1))


def test_tallies_add_up() -> None:
    one = Tally().add("a", [("prefix 0", "SEM-E-201", 0.1), ("flip 0.0", "!TypeError: x", 0.3)])
    two = Tally().add("b", [("flip 0.1", "ok", 0.2)])
    two.merge(one)
    assert (two.flips, two.prefixes, two.worst_seconds) == (2, 1, 0.3)
    assert two.outcomes == {"ok": 1, "SEM-E-201": 1, "finding": 1}
    assert two.findings == ["a, flip 0.0: TypeError: x"]
    assert Tally.of(two.to_dict()) == two


def test_files_beside() -> None:
    """A table, a manifest, tensors and a registry: no changed byte of a tensor or table is accepted."""
    chosen = {one.name: one for one in packages.subjects()}
    for name, counted in (
        ("refcodec/entropy/data/gaussian.bin", {"SEM-E-802"}),
        ("test_vectors/models/vq-tiny/manifest.json", {"loaded", "SEM-E-801", "SEM-E-802", "SEM-E-803", "SEM-E-705"}),
        ("test_vectors/models/vq-tiny/symbols.safetensors", {"loaded", "SEM-E-802", "SEM-E-803"}),
        ("test_vectors/registries/rows.json", {"SEM-E-101", "SEM-E-702", "registry"}),
    ):
        tally = Tally().add(name, packages.results(chosen[name], 7, 40))
        assert 30 <= tally.flips + tally.prefixes <= 40
        assert tally.findings == []
        assert set(tally.outcomes) <= counted
    assert len(chosen) > 150
