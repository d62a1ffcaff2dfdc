# SPDX-License-Identifier: MIT
"""SPEC Appendix C and §17.1: each freedom and check names rules that have its code; the tools allow these freedoms only."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from vector_cases import SPEC, VECTORS, data_of, vectors

from adapters import micro as adapter
from refcodec.container import read
from refcodec.errors import CODES, Code, SemError
from refcodec.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
RULES = dict(re.findall(r"^\*\*SEM-R-(\d{3})\*\* (.*)$", SPEC, re.MULTILINE))
WITHOUT_A_CODE = {"033", "047", "141"}  # what breaks 033 is refused by 032; 141 has its codes in the table of §15
SHARED = [ROOT / "conformance" / "diff_fuzz" / "agreement.py", ROOT / "tools" / "fuzz" / "targets" / "javascript.py"]


def section(heading: str) -> str:
    """Return the text below a heading, to the next one."""
    return re.split(r"^##", SPEC.partition(f"{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def lines(heading: str) -> dict[int, str]:
    """Return the numbered lines of the table below a heading."""
    return {int(number): rest for number, rest in re.findall(r"^\| (\d+) \| (.*) \|$", section(heading), re.MULTILINE)}


FREEDOMS = lines("## Appendix C: The freedoms of a decoder")
ORDER = lines("### 17.1 The order of checks")


def test_both_tables_are_numbered() -> None:
    assert list(FREEDOMS) == list(range(1, len(FREEDOMS) + 1))
    assert list(ORDER) == list(range(1, len(ORDER) + 1))
    assert (len(FREEDOMS), len(ORDER)) >= (14, 20)


def test_every_check_names_rules_with_its_code() -> None:
    pairs = [
        (code, rule)
        for text in ORDER.values()
        for code, rules in re.findall(r"(\d{3}) \(([\d, ]+)\)", text)
        for rule in rules.split(", ")
    ]
    assert len(pairs) > 30
    for code, rule in pairs:
        assert int(code) in CODES
        assert rule in WITHOUT_A_CODE or f"SEM-E-{code}" in RULES[rule], (code, rule)


def test_every_rule_of_the_container_has_a_place_in_the_order() -> None:
    """A rule of §4 to §6 that a file can break is in the table."""
    named = set(re.findall(r"\b(\d{3})\b", " ".join(re.sub(r"\d{3} (?=\()", "", text) for text in ORDER.values())))
    container = {rule for rule, text in RULES.items() if 10 <= int(rule) <= 59 and re.search(r"SEM-E-[23]\d\d", text)}
    assert container <= named, container - named


def test_every_freedom_names_what_there_is() -> None:
    for text in FREEDOMS.values():
        assert all(rule in RULES for rule in re.findall(r"SEM-R-(\d{3})", text))
        assert all(int(code) in CODES for code in re.findall(r"SEM-E-(\d{3})", text))


def test_every_may_is_a_freedom() -> None:
    """A rule that leaves a decoder a choice is in Appendix C."""
    free = {rule for rule, text in RULES.items() if re.search(r"decoder\b.* MAY\b", text)}
    assert free == {rule for text in FREEDOMS.values() for rule in re.findall(r"SEM-R-(\d{3})", text)} & free


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.stem)
def test_the_tools_allow_freedoms_of_the_table(path: Path) -> None:
    cited = {int(line) for line in re.findall(r"Appendix C, line (\d+)", path.read_text(encoding="utf-8"))}
    assert {4, 5} <= cited <= set(FREEDOMS)


# --- both answers of freedoms that differ between our decoders --------------------------------------------------------


def two_rows() -> bytes:
    """A registry of row 204 and of a row with an error, which no file of row 204 names."""
    document: dict[str, Any] = json.loads((ROOT / "refcodec/registry/registry.json").read_bytes())
    rows = {row["id"]: row for row in document["profiles"]}
    rows[203]["binding"]["colour"] = "srgb16"
    return json.dumps(document | {"profiles": [rows[203], rows[204]]}).encode()


def test_one_row_with_an_error_may_cost_the_registry(tmp_path: Path) -> None:
    """Freedom 8: refcodec refuses the registry, the micro-decoder reads the other row."""
    with pytest.raises(ValueError, match="profile 203 breaks"):
        Registry.parse(two_rows())
    (path := tmp_path / "registry.json").write_bytes(two_rows())
    micro = adapter.load()
    report = micro.read_file(data_of(vectors()["vq-tiny"]), "header", path, [], micro.Run(1))
    assert report["profile"] == 204
    with pytest.raises(micro.SemError) as caught:
        micro.read_file(data_of(vectors()["pq-tiny"]), "header", path, [], micro.Run(1))
    assert caught.value.code == 702


def test_the_length_of_a_file_comes_first() -> None:
    """Freedom 12: refcodec knows the length, and reports it of a file that is not one of this format, too."""
    with pytest.raises(SemError) as caught:
        read(bytes((1 << 26) + 1))
    assert caught.value.code == Code.LIMIT_FILE


def test_no_vector_has_a_registry_whose_error_is_in_another_row() -> None:
    """Freedom 8: rejected files of the suite name the row that has the error; documents are no registry for all files."""
    manifest = json.loads((VECTORS / "manifest.json").read_bytes())
    for entry in manifest["registries"]:
        if entry["expect"] == "accept":
            Registry.parse((VECTORS / entry["registry"]["file"]).read_bytes())
