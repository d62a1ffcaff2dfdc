# SPDX-License-Identifier: MIT
"""`semtool --drafts` and SEM_DRAFTS: payload kinds that are drafts, for one command alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool, refused, valid

VECTORS = Path(__file__).resolve().parents[2] / "drafts" / "vectors"
TOKENS = VECTORS / "tokens" / "tokens-example.sem"
LATENTS = VECTORS / "scheduled" / "scheduled-four.sem"
BOTH = VECTORS / "tokens" / "tokens-beside-caption.sem"
MANIFEST = json.loads((VECTORS / "manifest.json").read_bytes())
ENTRIES = [*MANIFEST["vectors"], *MANIFEST["registries"]]
DRAFT_SYMBOLS = {  # kind -> suffix of its file of symbols, and what that is
    "grids": (".npz", "index grids"),
    "tokens": (".npy", "tokens"),
    "scheduled": (".npz", "latents"),
}


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEM_REGISTRY", str(VECTORS / "registry.json"))
    monkeypatch.setenv("SEM_MODELS", str(VECTORS / "models"))
    monkeypatch.delenv("SEM_DRAFTS", raising=False)


@pytest.mark.usefixtures("rows")
def test_files_are_inspected_and_verified(semtool: Semtool) -> None:
    seen = semtool("--drafts", "inspect", TOKENS, "--json")
    assert [section["kind"] for section in seen.json["sections"]] == ["tokens"]
    for path in (TOKENS, LATENTS, BOTH):
        assert semtool("--drafts", "verify", path).status == 0
        assert semtool("--drafts", "inspect", path, "--memory").status == 0


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_output_has_the_schema(entry: dict[str, Any], semtool: Semtool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every command with --json that takes a file, for every vector, valid or not."""
    path = VECTORS / entry["file"]
    if "registry" in entry:
        monkeypatch.setenv("SEM_REGISTRY", str(VECTORS / entry["registry"]["file"]))
    seen = semtool("--drafts", "inspect", path, "--json")
    valid("inspect", seen.json)
    if "registry" in entry:
        assert (seen.status, [error["code"] for error in seen.json["errors"]]) == (7, ["SEM-E-101"])
    valid("verify", semtool("--drafts", "verify", path, "--json").json)
    if entry["expect"] != "accept":
        return
    kinds = [section["kind"] for section in entry["expected"]["sections"]]
    assert [section["kind"] for section in seen.json["sections"]] == kinds
    shown = semtool("--drafts", "payload", path, "--json").json
    valid("payload", shown)
    assert [section["kind"] for section in shown["sections"]] == kinds
    for section, expected in zip(shown["sections"], entry["expected"]["sections"], strict=True):
        assert section["shape"] == expected.get("shape", section["shape"])
    kind = next(kind for kind in kinds if kind in DRAFT_SYMBOLS)
    suffix, what = DRAFT_SYMBOLS[kind]
    done = semtool("--drafts", "decode", path, "--symbols", "-o", f"x{suffix}", "--json").json
    valid("decode", done)
    assert what in [file["what"] for file in done["files"]]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("folder", sorted((VECTORS / "models").iterdir()), ids=lambda folder: folder.name)
def test_output_about_models_has_the_schema(folder: Path, semtool: Semtool) -> None:
    valid("models-show", semtool("--drafts", "models", "show", folder, "--json").json)
    valid("models-verify", semtool("--drafts", "models", "verify", folder, "--json").json)
    valid("models-list", semtool("--drafts", "models", "list", "--json").json)


@pytest.mark.usefixtures("rows")
def test_symbols_are_shown_and_written(semtool: Semtool) -> None:
    shown = semtool("--drafts", "payload", TOKENS, "--json").json
    assert shown["sections"][0]["value"] == [7, 63_999, 0, 500]
    assert semtool("--drafts", "decode", TOKENS, "--symbols", "-o", "t.npy").status == 0
    assert np.load("t.npy").tolist() == [7, 63_999, 0, 500]
    assert semtool("--drafts", "decode", LATENTS, "--symbols", "-o", "l.npz").status == 0
    assert np.load("l.npz")["y"].shape == (8, 4, 4)


@pytest.mark.usefixtures("rows")
def test_sections_are_taken_away(semtool: Semtool) -> None:
    assert semtool("--drafts", "strip", BOTH, "--section", "caption", "-o", "alone.sem").status == 0
    assert semtool("--drafts", "payload", "alone.sem", "--json").json["sections"][0]["value"] == [1, 2, 3, 4]
    done = semtool("--drafts", "strip", BOTH, "--section", "tokens", "-o", "text.sem", "--json")
    assert done.json["sections"] == ["caption"]
    valid("edit", done.json)
    done = semtool("--drafts", "strip", BOTH, "--section", "caption", "-o", "one.sem", "--json")
    assert done.json["sections"] == ["tokens"]
    valid("edit", done.json)
    assert semtool("strip", BOTH, "--section", "tokens", "-o", "not.sem").status != 0


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("name", "members"), [("tokens-tiny", {"v"}), ("scheduled-four", {"stride", "ratio", "groups"})]
)
def test_models_are_shown_and_verified(
    name: str, members: set[str], semtool: Semtool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = semtool("--drafts", "models", "show", VECTORS / "models" / name, "--json").json["packages"][0]
    assert (shown["error"], members <= set(shown["numbers"])) == (None, True)
    assert semtool("--drafts", "models", "verify", VECTORS / "models" / name).status == 0
    monkeypatch.delenv("SEM_REGISTRY")
    without = semtool("models", "show", VECTORS / "models" / name, "--json").json["packages"][0]
    assert (without["numbers"], without["error"]["code"]) == (None, "SEM-E-803")


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("path", [TOKENS, LATENTS], ids=["tokens", "scheduled"])
def test_there_is_no_picture_of_them(path: Path, semtool: Semtool) -> None:
    refused(semtool("--drafts", "decode", path, "-o", "x.png"), 4, "SEM-E-704 ")
    assert not Path("x.png").exists()


@pytest.mark.usefixtures("rows")
def test_without_the_option_the_rows_are_refused(semtool: Semtool, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(semtool("payload", TOKENS), 7, "SEM-E-101 cannot-read: cannot read the registry")
    monkeypatch.delenv("SEM_REGISTRY")
    done = semtool("verify", TOKENS)
    assert (done.status, "SEM-E-702" in done.text) == (4, True)
    assert semtool("--drafts", "verify", TOKENS).status == 4  # the rows are not shipped


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("before", [None, "0", "1"])
def test_the_variable_is_as_before(before: str | None, semtool: Semtool, monkeypatch: pytest.MonkeyPatch) -> None:
    if before is not None:
        monkeypatch.setenv("SEM_DRAFTS", before)
    assert semtool("--drafts", "payload", TOKENS).status == 0
    assert os.environ.get("SEM_DRAFTS") == before
    assert semtool("--drafts", "payload", "nothing.sem").status == 7
    assert os.environ.get("SEM_DRAFTS") == before
    assert (semtool("payload", TOKENS).status == 0) == (before == "1")
