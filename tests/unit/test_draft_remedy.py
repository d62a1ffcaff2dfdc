# SPDX-License-Identifier: MIT
"""What needs the drafts and is used without them names --drafts and SEM_DRAFTS as the remedy, everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from strategies import private_row

import refcodec
from refcodec.cli.main import main
from refcodec.decoder import decode_file
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.networks import package
from refcodec.payloads.kinds import DRAFTS, KINDS, WITH_DRAFTS, draft_remedy
from refcodec.registry import Registry

ROOT = Path(__file__).resolve().parents[2] / "drafts" / "vectors"
ROWS = ROOT / "registry.json"
FILES = [ROOT / "grids" / "grids-tiny.sem", ROOT / "tokens" / "tokens-example.sem"]
PACKAGES = sorted(path.parent for path in (ROOT / "models").glob("*/manifest.json"))
NAMES = ("--drafts", "SEM_DRAFTS=1", "Environment.with_drafts()")


def names_drafts(text: str) -> bool:
    return all(name in text for name in NAMES) and "\n" not in text.rstrip("\n")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the registry and the models of the drafts, without SEM_DRAFTS unless it is given."""

    def set_variables(rows: Path | None = ROWS, drafts: str = "") -> None:
        monkeypatch.setenv("SEM_REGISTRY", "" if rows is None else str(rows))
        monkeypatch.setenv("SEM_MODELS", str(ROOT / "models"))
        monkeypatch.setenv("SEM_DRAFTS", drafts)

    return set_variables


@pytest.mark.parametrize("number", [*DRAFTS, 0, 7, 47, 51, 62, "48", 48.0, True, None])
def test_which_numbers_are_drafts(number: Any) -> None:
    assert (draft_remedy(KINDS, [7, number]) is not None) == (type(number) is int and number in DRAFTS)
    assert draft_remedy(WITH_DRAFTS, [number]) is None


@pytest.mark.parametrize("number", DRAFTS)
def test_a_registry_of_drafts(number: int) -> None:
    row = private_row(240, compact=number, kinds=[7, number], parameters={str(number): {}})
    data = json.dumps({"version": 1, "profiles": [row]}).encode()
    with pytest.raises(ValueError, match=f"^profile 240 has a payload of kind {number}, a draft; ") as parsed:
        Registry.parse(data)
    assert names_drafts(str(parsed.value))
    with pytest.raises(SemError, match=f"profile 240 has a payload of kind {number}, a draft") as caught:
        Registry.shipped().extended_by(data)
    assert (caught.value.code, caught.value.path) == (101, None)
    assert names_drafts(caught.value.hint)


@pytest.mark.parametrize("command", ["inspect", "payload", "decode", "verify"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_and_a_registry_of_drafts_in_the_tool(
    own: Callable[..., None], command: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own()
    status = main([command, str(path)])
    out, err = capsys.readouterr()
    assert (status, names_drafts(err)) == (7, True), err
    own(rows=None)
    status = main([command, str(path)])
    out, err = capsys.readouterr()
    text = next(line for line in out.splitlines() if "SEM-E-702" in line) if command == "inspect" else err
    assert (status, names_drafts(text), "SEM_REGISTRY" in text) == (4, True, True), text
    own(drafts="1")
    assert command == "decode" or main([command, str(path)]) == 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_and_a_registry_of_drafts_in_python(own: Callable[..., None], path: Path) -> None:
    for rows, code in ((ROWS, 101), (None, 702)):
        own(rows)
        for call in (refcodec.decode, refcodec.payload, decode_file):
            with pytest.raises(SemError) as caught:
                call(path.read_bytes())  # type: ignore[operator]
            assert (caught.value.code, names_drafts(caught.value.hint)) == (code, True)
    (error,) = refcodec.inspect(path).errors
    assert (error.code, names_drafts(str(error)), names_drafts(str(error.to_dict()["hint"]))) == (702, True, True)


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_a_package_of_a_draft(own: Callable[..., None], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    symbols = json.loads((folder / "manifest.json").read_bytes())["symbols"]
    if symbols["kind"] not in DRAFTS:
        return
    with pytest.raises(SemError) as caught:
        package.load_any(folder)
    assert (caught.value.code, caught.value.path, names_drafts(caught.value.hint)) == (803, "kind", True)
    assert package.load_any(folder, kinds=WITH_DRAFTS).kind == symbols["kind"]
    own(rows=None)
    assert main(["models", "verify", str(folder)]) == 5
    assert names_drafts(capsys.readouterr().err)


@pytest.mark.parametrize("number", DRAFTS)
def test_a_section_of_a_draft(number: int) -> None:
    """Only a file of an unknown row may be one of a draft: the known rows have none."""
    environment = Environment().with_drafts()
    for profile, remedy in ((250, True), (2, False)):
        data = b"\xf5\x9e" + bytes([0b00100010, profile, 4, 0, 0x80 | number, 0])
        (error,) = (error for error in refcodec.inspect(data, environment=Environment()).errors if error.code == 703)
        assert names_drafts(error.hint) == remedy
        assert all(error.code != 703 for error in refcodec.inspect(data, environment=environment).errors)


def test_other_absent_rows_have_the_remedy_of_before() -> None:
    with pytest.raises(SemError) as caught:
        Registry.shipped().get(199)
    assert caught.value.hint == "a newer registry may list this profile"
    with pytest.raises(SemError) as caught:
        Registry.shipped(WITH_DRAFTS).get(250)
    assert caught.value.hint == "name the file of private profiles that lists it in SEM_REGISTRY"
