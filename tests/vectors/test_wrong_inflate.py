# SPDX-License-Identifier: MIT
"""conformance/mutants/inflate.py without a switch is right, so that each of its mutants has the one error of its switch."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from mutants.inflate import SWITCHES, Inflate
from mutants.mutants_captions import WRONG
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
