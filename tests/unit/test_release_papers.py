# SPDX-License-Identifier: MIT
"""What accompanies a release: the table of attacks, pinned requirements, licences and the bill of materials."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("packaging")

from tools import requirements, sbom
from tools.fuzz.catalogue import TARGETS
from tools.robustness import measure, page
from tools.robustness.attacks import ATTACKS, Attack

ROOT = Path(__file__).resolve().parents[2]
RESULT: dict[str, Any] = {
    "command": ["pytest", "tests/unit/test_hostile.py"],
    "inputs": 1234,
    "failures": 0,
    "skipped": 1,
    "worst_seconds": 0.25,
    "worst_memory": 300_000_000,
    "note": "",
    "seconds": 9.0,
    "cpu_seconds": 8.0,
}


# --- docs/robustness.md -------------------------------------------------------------------------------------------


def test_every_fuzz_target_has_a_row() -> None:
    rows = {attack.arguments[0] for attack in ATTACKS if attack.form == "fuzz"}
    assert rows == set(TARGETS)
    names = [attack.name for attack in ATTACKS]
    assert len(names) == len(set(names))


def test_a_row_says_what_was_tried_and_how() -> None:
    attack = next(attack for attack in ATTACKS if attack.name == "hostile-files")
    assert page.row(attack, RESULT) == (
        "| made files: claimed sizes, bombs, contradictions | 1,234 tests | 250 ms | 300 MB | no failure; 1 skipped "
        "| `python -m pytest tests/unit/test_hostile.py` |"
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0004, "0 ms"), (0.25, "250 ms"), (0.9994, "999 ms"), (1, "1.0 s"), (75.04, "75.0 s")]
)
def test_times(seconds: float, text: str) -> None:
    assert page._time(seconds) == text


def test_the_page_is_that_of_the_data() -> None:
    results = page.load()
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.disagreements(results, text) == []
    changed = copy.deepcopy(results)
    next(iter(changed.values()))["inputs"] += 1
    assert page.disagreements(changed, text) == ["docs/robustness.md is not that of docs/robustness.json"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"failures": 2}, "hostile-files has 2 findings"),
        ({"command": ["pytest", "tests"]}, "hostile-files was run by another command"),
    ],
)
def test_an_open_finding_or_another_command_is_reported(change: dict[str, Any], what: str) -> None:
    results = {"hostile-files": RESULT | change}
    text = page.rendered(results, page.PAGE.read_text(encoding="utf-8"))
    assert page.disagreements(results, text) == [what]


def test_a_row_that_is_gone_is_reported() -> None:
    results = {"other": RESULT}
    text = page.rendered(results, page.PAGE.read_text(encoding="utf-8"))
    assert page.disagreements(results, text) == ["other is no longer a row"]


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        page.rendered({}, "# Robustness\n")


def test_rows_of_missing_files_are_left_out(tmp_path: Path) -> None:
    attack = Attack("x", "Files", "what", "pytest", ("tests/unit/test_that_is_not_there.py",))
    assert measure.measure(attack, tmp_path, tmp_path / "flips.json") is None
    fuzz = Attack("fuzz-read", "Files", "what", "fuzz", ("read",))
    assert measure.measure(fuzz, tmp_path, tmp_path / "flips.json") is None
    flips = Attack("flips", "Files", "what", "flips", ())
    assert measure.measure(flips, tmp_path, tmp_path / "flips.json") is None


@pytest.mark.slow
def test_rows_of_tests_are_measured(tmp_path: Path) -> None:
    attack = Attack("x", "Files", "what", "pytest", ("tests/unit/test_release_papers.py", "-k", "test_times"))
    result = measure.measure(attack, tmp_path, tmp_path)
    assert result is not None
    assert (result.inputs, result.failures, result.skipped) == (5, 0, 0)
    assert result.seconds >= result.worst_seconds >= 0
    assert result.cpu_seconds > 0
    assert Path("/proc/self/statm").exists() is (result.worst_memory > 10_000_000)


def test_rows_of_fuzzing_are_read(tmp_path: Path) -> None:
    (tmp_path / "read").mkdir()
    total = {"executions": 10**6, "seconds": 9.0, "worst_seconds": 0.5, "worst_memory": 10**7, "edges": 300}
    summary = {"findings": [{"file": "a", "replay": "b"}], "total": total}
    (tmp_path / "read" / "summary.json").write_text(json.dumps(summary))
    attack = next(attack for attack in ATTACKS if attack.name == "fuzz-read")
    result = measure.measure(attack, tmp_path, tmp_path)
    assert result is not None
    assert (result.inputs, result.failures, result.note) == (10**6, 1, "300 edges")
    assert (result.worst_seconds, result.worst_memory) == (0.5, 10**7)


def test_rows_of_flips_are_read(tmp_path: Path) -> None:
    outcomes = {"SEM-E-201": 5, "ok": 2, "absent": 1}
    total = {"flips": 6, "prefixes": 2, "outcomes": outcomes, "worst_seconds": 2.0, "memory_mb": 300, "seconds": 9.0}
    path = tmp_path / "flips.json"
    path.write_text(json.dumps({"total": total, "units": {"a.sem:flips": {}, "a.sem:prefixes": {}, "b.sem:flips": {}}}))
    result = measure.measure(ATTACKS[0], tmp_path, path)
    assert result is not None
    assert (result.inputs, result.failures, result.worst_memory) == (8, 0, 300 << 20)
    assert result.note == "6 flips and 2 prefixes of 2 entries: 5 refused, 3 accepted"


# --- requirements/ci.txt --------------------------------------------------------------------------------------------


def test_requirements_are_pinned_hashed_and_name_no_index() -> None:
    text = requirements.LOCK.read_text(encoding="utf-8")
    assert requirements.disagreements(text) == []
    assert "://" not in text
    assert len(re.findall("--hash=sha256:", text)) > len(requirements.pins(text))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("\nclick==", "\n--index-url https://host/simple\nclick==", "names an index or a file"),
        ("\nclick==", "\nclick @ https://host/click.whl\nclick==", "names an index or a file"),
        ("\nclick==", "\nclick>=8\nclick==", "neither a pinned package nor a hash"),
        ("\nclick==8", "\nclick==7", "click==7"),
        ("\nclick==", "\nklick==", "click is not pinned"),
        ("--hash=sha256:", "--hash=md5:", "neither a pinned package nor a hash"),
    ],
)
def test_wrong_requirements_are_reported(old: str, new: str, what: str) -> None:
    text = requirements.LOCK.read_text(encoding="utf-8").replace(old, new, 1)
    assert any(what in line for line in requirements.disagreements(text))


def test_a_package_without_a_hash_is_reported() -> None:
    text = requirements.HEAD + "click==8.5.1 \\\n"
    assert "click==8.5.1 has no hash" in requirements.disagreements(text)


def test_actions_are_named_by_commit() -> None:
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        for line in workflow.read_text(encoding="utf-8").splitlines():
            if "uses:" in line:
                assert re.search(r"uses: [\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$", line), f"{workflow.name}: {line}"


# --- licences and the bill of materials -----------------------------------------------------------------------------


def test_every_direct_dependency_is_listed() -> None:
    listed = sbom.listed(sbom.PAGE.read_text(encoding="utf-8"))
    direct = {"construct", "zstandard", "numpy", "pillow", "safetensors", "click", "rich", "torch", "transformers"}
    assert direct <= set(listed)
    assert listed["construct"] == "MIT"
    assert listed["transformers"] == "Apache-2.0"
    assert all(re.fullmatch(r"[A-Za-z0-9.+ ()-]+", licence) for licence in listed.values())


def test_a_missing_or_another_licence_is_reported() -> None:
    packages = {
        "refcodec": sbom.Package("refcodec", "1", "MIT", {""}, {"construct"}),
        "construct": sbom.Package("construct", "2", "GPL-3.0-only", {""}),
        "new": sbom.Package("new", "1", "MIT", {"models"}),
        "nvidia-new": sbom.Package("nvidia-new", "1", "LicenseRef-NVIDIA", {"models"}),
    }
    wrong = sbom.disagreements(sbom.PAGE.read_text(encoding="utf-8"), packages)
    assert wrong == {
        "construct": "construct has the licence GPL-3.0-only, the page MIT",
        "new": "new has the licence MIT, the page does not list it",
    }
    assert sbom.check(packages, strict=False) == 1
    del packages["construct"]
    assert sbom.check(packages, strict=False) == 0
    assert sbom.check(packages, strict=True) == 1


def test_the_bill_of_materials_names_versions_licences_and_dependencies() -> None:
    pytest.importorskip("cyclonedx")
    packages = {
        "refcodec": sbom.Package("refcodec", "1.0.0", "MIT AND CC0-1.0", {""}, {"construct", "absent"}),
        "construct": sbom.Package("construct", "2.10.70+local", "MIT", {""}),
    }
    document = json.loads(sbom.bill(packages))
    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["name"] == "refcodec"
    (component,) = document["components"]
    assert component["licenses"] == [{"license": {"id": "MIT"}}]
    assert component["purl"] == "pkg:pypi/construct@2.10.70"
    edges = {entry["ref"]: entry.get("dependsOn") for entry in document["dependencies"]}
    assert edges["refcodec"] == ["construct"]
