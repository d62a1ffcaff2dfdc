# SPDX-License-Identifier: MIT
"""semtool spec: SPEC.md, its sections, rules and error codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_harness import Semtool, valid

from refcodec.cli import spec_command
from refcodec.cli.spec_sections import find, sections
from refcodec.errors import Code

SPEC = (Path(__file__).resolve().parents[2] / "SPEC.md").read_text(encoding="utf-8")
LETTERS = re.findall(r"^## Appendix ([A-Z])", SPEC, re.MULTILINE)
RULES = re.findall(r"^\*\*(SEM-R-\d{3})\*\*", SPEC, re.MULTILINE)


def test_all_of_it(semtool: Semtool) -> None:
    done = semtool("spec")
    assert (done.status, done.text, done.err) == (0, SPEC, "")


@pytest.mark.parametrize("reference", ["13.7", "§13.7", "§ 13.7", "section 13.7", "13.7."])
def test_a_section(semtool: Semtool, reference: str) -> None:
    text = semtool("spec", reference).text
    assert text.startswith("### 13.7 ELIC latents (kind 7)\n\n")
    assert "## 14" not in text
    assert f"{text.rstrip()}\n\n## 14 From symbols to pixels" in SPEC


@pytest.mark.parametrize("reference", ["A", "a", "appendix A"])
def test_an_appendix(semtool: Semtool, reference: str) -> None:
    assert semtool("spec", reference).text.startswith("## Appendix A: dim classes\n")


def test_a_section_of_an_appendix(semtool: Semtool) -> None:
    text = semtool("spec", "§b.4").text
    assert text.startswith("### B.4 pics (method 4)\n\n")
    assert "### B.5" not in text


def test_a_section_has_its_subsections(semtool: Semtool) -> None:
    heads = [line for line in semtool("spec", "13").text.splitlines() if line.startswith("##")]
    assert [line.split()[1] for line in heads] == ["13", *(f"13.{n}" for n in range(1, 8))]


def test_sections_are_those_of_the_document() -> None:
    """Each heading outside of code is one, and those of one depth join to the document."""
    found = sections(SPEC)
    numbers = [section.number for section in found]
    assert numbers[0] == "1"
    assert numbers[-1] == LETTERS[-1] or numbers[-1].startswith(f"{LETTERS[-1]}.")
    assert len(numbers) == len(set(numbers)) == len(re.findall(r"^##+ (?:\d|Appendix|[A-Z]\.\d)", SPEC, re.MULTILINE))
    top = [line for section in found if "." not in section.number for line in section.lines]
    assert SPEC.endswith("\n".join(top) + "\n")


def test_headings_in_code_are_none() -> None:
    assert [s.number for s in sections("## 1 A\n```\n## 2 B\n```\n## 3 C\n")] == ["1", "3"]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule(rule: str) -> None:
    passage = find(SPEC, rule.lower())
    assert passage is not None
    assert passage.text.startswith(f"**{rule}** ")
    assert RULES.count(rule) == 1
    assert len(re.findall(r"\*\*SEM-R-\d{3}\*\*", passage.text)) == 1
    assert find(SPEC, passage.section) is not None


def test_a_rule_stands_below_its_heading(semtool: Semtool) -> None:
    text = semtool("spec", "SEM-R-103").text
    assert text.startswith("11 Integer networks\n\n**SEM-R-103** For each channel and rate ")
    assert "SEM-R-104" not in text


@pytest.mark.parametrize("code", list(Code))
def test_every_error(semtool: Semtool, code: Code) -> None:
    passage = find(SPEC, f"SEM-E-{int(code)}")
    assert passage is not None
    assert passage.section == "17"
    head, _, row, *rules = passage.text.splitlines()
    assert head == "| code | name | family | status |"
    assert row.startswith(f"| SEM-E-{int(code)} | {code.label} |")
    cited = [line for line in SPEC.splitlines() if line.startswith("**SEM-R-") and f"SEM-E-{int(code)}" in line]
    assert [line.partition("  ")[2] for line in rules if line] == cited


@pytest.mark.parametrize(
    "reference", ["99", "13.8", "Z", "B.9", "SEM-R-999", "SEM-E-999", "", "§", "payloads", "1 3", "-7"]
)
def test_what_is_not_there(semtool: Semtool, reference: str) -> None:
    done = semtool("spec", "--", reference)
    assert (done.status, done.out) == (2, b"")
    assert done.line == (
        f"usage: {reference!r} is not in SPEC.md: sections are 1 to 20 and {', '.join(LETTERS)}, rules SEM-R-nnn, errors SEM-E-nnn; "
        "see semtool spec --help"
    )


def test_json(semtool: Semtool) -> None:
    for reference in ((), ("13.7",), ("A",), ("SEM-R-103",), ("SEM-E-804",)):
        valid("spec", semtool("spec", *reference, "--json").json)
    said = semtool("spec", "SEM-R-103", "--json").json
    assert said.pop("text").startswith("**SEM-R-103** ")
    assert said == {
        "format_version": 1,
        "document_revision": int(re.search(r"Document revision (\d+)", SPEC)[1]),  # type: ignore[index]
        "reference": "SEM-R-103",
        "section": "11",
        "heading": "11 Integer networks",
    }
    entire = semtool("spec", "--json").json
    assert (entire["reference"], entire["section"], entire["heading"]) == (None, None, "The `.sem` format")
    assert entire["text"] == SPEC.strip()
    error = semtool("spec", "99", "--json")
    assert (error.status, error.json["error"]["family"]) == (2, "usage")


def test_no_document(semtool: Semtool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec_command, "NAME", "GONE.md")
    done = semtool("spec")
    assert done.status == 7
    assert done.line == ("SEM-E-101 cannot-read: GONE.md is not part of this installation; install refcodec anew")


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
@pytest.mark.parametrize(("reference", "paged"), [("13.7", True), ("SEM-R-103", False)])
def test_pager_on_terminals_only(tmp_path: Path, reference: str, paged: bool) -> None:
    """The pager is called for what is longer than the terminal, and for no pipe."""
    import pty

    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > {tmp_path}/paged\n")
    pager.chmod(0o755)
    call = [sys.executable, "-m", "refcodec.cli", "spec", reference]
    variables = os.environ | {"PAGER": str(pager), "TERM": "xterm", "LINES": "24", "COLUMNS": "80"}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(call, stdin=theirs, stdout=theirs, stderr=theirs, env=variables)
    os.close(theirs)
    output = b""
    try:
        while chunk := os.read(ours, 65536):
            output += chunk
    except OSError:  # Linux reports the end so
        pass
    assert process.wait(60) == 0
    os.close(ours)
    assert (tmp_path / "paged").exists() == paged
    if not paged:
        assert b"**SEM-R-103**" in output
    (tmp_path / "paged").unlink(missing_ok=True)
    done = subprocess.run(call, env=variables, capture_output=True, check=True)
    assert reference.encode() in done.stdout
    assert not (tmp_path / "paged").exists()


def test_reader_who_exits_early() -> None:
    call = f"{sys.executable} -m refcodec.cli spec | head -1"
    done = subprocess.run(["sh", "-c", call], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("# The `.sem` format\n", "")
