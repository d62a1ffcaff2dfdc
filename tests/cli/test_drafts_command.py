# SPDX-License-Identifier: MIT
"""`semtool --drafts` and SEM_DRAFTS: payload kinds that are drafts, for one command alone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from cli_harness import Semtool, refused

VECTORS = Path(__file__).resolve().parents[2] / "drafts" / "vectors"
TOKENS = VECTORS / "tokens" / "tokens-example.sem"
LATENTS = VECTORS / "scheduled" / "scheduled-four.sem"
BOTH = VECTORS / "tokens" / "tokens-beside-caption.sem"


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
