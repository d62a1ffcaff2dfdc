# SPDX-License-Identifier: MIT
"""The libraries of mutants are right, so that each mutant has the one error of its name: inflate without a switch, and zstd."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from adapters import micro as adapter
from mutants.inflate import SWITCHES, Inflate
from mutants.mutants_captions import OTHER_LIBRARY, WRONG
from semrunner.suite import load

VECTORS = Path(__file__).resolve().parents[2] / "test_vectors"
LIMIT = 65536
STREAMS = {
    case.id: (case.file[5 if case.file[2] == 0x20 else 7 :][1:], case)
    for case in load(VECTORS).cases
    if case.id.startswith("caption-zlib-") and case.file[4] and not case.file[2] & 2
}


def outcome(stream: bytes) -> bytes | str:
    """Return the octets of a stream as the micro-decoder reads it, or the error."""
    inflate, text = Inflate(), b""
    try:
        for at in range(len(stream)):
            if inflate.eof:
                return "SEM-E-401"
            text += inflate.decompress(stream[at : at + 1], LIMIT + 1 - len(text))
            if len(text) > LIMIT:
                return "SEM-E-604"
    except zlib.error:
        return "SEM-E-401"
    return text if inflate.eof else "SEM-E-401"


@pytest.mark.parametrize("name", sorted(name for name in STREAMS if "not-utf-8" not in name and "letter" not in name))
def test_without_a_switch_it_is_right(name: str) -> None:
    stream, case = STREAMS[name]
    found = outcome(stream)
    if case.expected is None:
        assert found == case.error
    else:
        (section,) = case.expected["sections"]
        assert isinstance(found, bytes)
        assert [len(found)] == section["shape"][0]


def test_every_switch_has_a_mutant() -> None:
    assert set(WRONG) == set(SWITCHES)
    assert len(STREAMS) > 45


def test_the_micro_decoder_reads_zstd_by_the_library_of_mutants() -> None:
    micro = adapter.load(lambda source: source.replace(*OTHER_LIBRARY))
    cases = [case for case in load(VECTORS).cases if case.id.startswith("caption-zstd-")]
    assert len(cases) > 55

    def answer(file: bytes) -> str:
        try:
            report = micro.read_file(file, "symbols", micro.REGISTRY_JSON, [], micro.Run(1))
        except micro.SemError as error:
            return f"SEM-E-{error.code}"
        return str(report["sections"][0]["sha256"])

    for case in cases:
        wanted = case.error if case.expected is None else case.expected["sections"][0]["sha256"]
        assert answer(case.file) == wanted, case.id
