# SPDX-License-Identifier: MIT
"""drafts/vectors: generated from their cases, accepted by both decoders that know the drafts, refused by those that do not;
and the examples in the texts."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters import micro as micro_adapter
from refcodec.payloads.kinds import DRAFTS
from semrunner import cli
from semrunner.cli import Options
from semrunner.manifest import DRAFT_KINDS
from semrunner.suite import load
from tools.drafts.examples import TEXTS, synchronised
from tools.drafts.suite import OUT, modules, tree

ROOT = Path(__file__).resolve().parents[2]
PLACES = [ROOT / "refcodec" / part for part in ("payloads/data", "entropy/data")]
MANIFEST = json.loads((OUT / "manifest.json").read_bytes())
REFCODEC = (str(ROOT / "conformance" / "adapters" / "refcodec.py"), "--drafts")
MICRO = (str(ROOT / "drafts" / "decoder.py"),)


def test_what_the_cases_give_is_there() -> None:
    existing = {str(path.relative_to(OUT)): path.read_bytes() for path in OUT.rglob("*") if path.is_file()}
    assert tree() == existing


@pytest.mark.parametrize("decoder", [REFCODEC, MICRO], ids=["refcodec", "micro"])
def test_a_decoder_of_drafts_passes(decoder: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(Options(shlex.join([sys.executable, *decoder]), OUT, jobs=1, quiet=True), PLACES) == 0
    count = len(load(OUT).cases)
    assert f"{count} passed, 0 failed, 0 skipped" in capsys.readouterr().out


def accepted() -> list[dict[str, Any]]:
    return [entry for entry in MANIFEST["vectors"] if entry["expect"] == "accept"]


@pytest.mark.parametrize("registry", ["registry.json", None])
def test_the_micro_decoder_of_version_1_refuses_them(registry: str | None) -> None:
    """With the rows, whose kinds it does not know (SEM-R-032), and without them (SEM-R-015)."""
    micro = micro_adapter.load()
    rows = OUT / registry if registry else ROOT / "refcodec" / "registry" / "registry.json"
    for entry in accepted():
        with pytest.raises(micro.SemError) as caught:
            micro.read_file((OUT / entry["file"]).read_bytes(), "symbols", rows, [OUT / "models"], micro.Run(1))
        assert caught.value.code == 702, entry["id"]


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
@pytest.mark.parametrize("name", ["tokens-example", "scheduled-four"])
def test_the_decoder_in_javascript_refuses_them(name: str) -> None:
    path = next(OUT / entry["file"] for entry in accepted() if entry["id"] == name)
    decoder = ["node", str(ROOT / "conformance" / "decoders" / "js" / "semdec.mjs"), "--tier", "L"]
    places = ["--registry", str(OUT / "registry.json"), "--data", str(PLACES[0]), "--models", str(OUT / "models")]
    done = subprocess.run([*decoder, *places], input=path.read_bytes(), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (4, b"")
    assert done.stderr.splitlines()[-1].startswith(b"SEM-E-702")


def test_every_draft_has_a_text_a_decoder_and_vectors() -> None:
    assert {number: entry[0] for number, entry in DRAFTS.items()} == DRAFT_KINDS
    readme = (ROOT / "drafts" / "README.md").read_text(encoding="utf-8")
    for number, name in DRAFT_KINDS.items():
        assert f"| {number} | {name} | 0x{0x80 + number:02X} |" in readme
        assert (ROOT / "drafts" / f"{name}.md").is_file()
        assert (ROOT / "drafts" / "semdrafts" / f"{name}.py").is_file()
        kinds = [s["kind"] for entry in accepted() for s in entry["expected"]["sections"]]
        assert name in kinds


def test_rows_are_private_and_their_own() -> None:
    rows = [row for module in modules() for row in module.ROWS]
    assert len({row.id for row in rows}) == len(rows)
    assert all(240 <= row.id <= 253 and row.name.startswith("draft-") for row in rows)


def test_every_rule_of_a_text_has_a_vector_and_every_vector_a_rule() -> None:
    cited = {rule for entries in ("vectors", "models", "registries") for e in MANIFEST[entries] for rule in e["rules"]}
    stated: set[str] = set()
    for name in DRAFT_KINDS.values():
        text = (ROOT / "drafts" / f"{name}.md").read_text(encoding="utf-8")
        found = re.findall(r"^\*\*(DRAFT-R-\d{3})\*\*", text, re.MULTILINE)
        assert len(found) == len(set(found))
        assert not stated & set(found)
        stated |= set(found)
    assert {rule for rule in cited if rule.startswith("DRAFT")} == stated


@pytest.mark.parametrize("name", TEXTS)
def test_examples_in_the_texts_are_what_the_codec_gives(name: str) -> None:
    text = (ROOT / "drafts" / name).read_text(encoding="utf-8")
    assert synchronised(name, text) == text


def test_the_schedule_of_elic_has_the_body_of_the_suite() -> None:
    """scheduled-elic-micro and micro: two headers of five bytes, and the same body."""
    draft = (OUT / "scheduled" / "scheduled-elic-micro.sem").read_bytes()
    published = (ROOT / "test_vectors" / "header" / "micro.sem").read_bytes()
    assert draft[5:] == published[5:]
    assert draft[3] != published[3]
