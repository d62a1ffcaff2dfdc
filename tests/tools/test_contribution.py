# SPDX-License-Identifier: MIT
"""A third party's row (examples/third-party): in semtool and in the suite as it is, and what the checks of such a folder find."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool
from PIL import Image

import refcodec
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.registry import Registry
from tools import registry as tool
from tools.contribution import check, manifest, packages, rows, suite

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "third-party"
MODEL = Path("models") / "example-mosaic"
Break = Callable[[Path], Any]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "contribution"))


def edit_json(name: str, change: Callable[[Any], Any]) -> Break:
    """Change a JSON file of a contribution in place."""

    def apply(folder: Path) -> None:
        document = json.loads((folder / name).read_bytes())
        change(document)
        (folder / name).write_text(json.dumps(document))

    return apply


def edit_row(change: Callable[[dict[str, Any]], Any]) -> Break:
    return edit_json("registry.json", lambda document: change(document["profiles"][0]))


def renumber(profile_id: int) -> Break:
    def change(row: dict[str, Any]) -> None:
        row["id"] = row["binding"]["id"] = profile_id

    return edit_row(change)


# --- as it is ----------------------------------------------------------------------------------------------------


def test_the_example_has_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    """It runs as a suite, too: the checks give its vectors to the reference decoder."""
    assert tool.main(["check", str(EXAMPLE)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_the_micro_decoder_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    import shlex
    import sys

    micro = shlex.join([sys.executable, str(ROOT / "conformance" / "adapters" / "micro.py")])
    assert tool.main(["check", str(EXAMPLE), micro]) == 0
    assert capsys.readouterr().out == ""


def test_the_manifest_is_that_of_the_cases(copy: Path) -> None:
    (copy / "manifest.json").unlink()
    assert tool.main(["manifest", str(copy)]) == 0
    assert (copy / "manifest.json").read_bytes() == (EXAMPLE / "manifest.json").read_bytes()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file or directory"),
        ("{", "Expecting property name"),
        ("[5]", "not subscriptable"),
        ("5", "not iterable"),
        ('[{"id": "a"}]', "no 'file'"),
        ('[{"id": "a", "file": "no.sem"}]', "No such file or directory"),
    ],
)
def test_cases_that_give_no_manifest(
    copy: Path, capsys: pytest.CaptureFixture[str], text: str | None, reason: str
) -> None:
    """One line, and the manifest that was there stays."""
    before = (copy / "manifest.json").read_bytes()
    (copy / "cases.json").unlink()
    if text is not None:
        (copy / "cases.json").write_text(text)
    assert tool.main(["manifest", str(copy)]) == 1
    line = capsys.readouterr().out
    assert line.startswith(f"{copy}: cannot write the manifest of cases.json: ")
    assert line.count("\n") == 1
    assert reason in line
    assert (copy / "manifest.json").read_bytes() == before


def test_semtool_takes_the_example(semtool: Semtool, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With SEM_REGISTRY and SEM_MODELS a picture becomes a file of the row, and a picture again."""
    columns, lines = np.meshgrid(np.arange(96), np.arange(64))
    pixels = np.stack([2 * columns, 3 * lines, 255 - columns - lines], -1).astype(np.uint8)
    Image.fromarray(pixels).save(place / "photo.png")
    encode = ("encode", "photo.png", "--method", "perco", "--profile", "example-mosaic", "-o", "photo.sem")
    assert semtool(*encode).status == 4  # no such profile
    monkeypatch.setenv("SEM_REGISTRY", str(EXAMPLE / "registry.json"))
    monkeypatch.setenv("SEM_MODELS", str(EXAMPLE / "models"))
    done = semtool(*encode)
    assert done.status == 0, done.err
    data = (place / "photo.sem").read_bytes()
    assert data[3:6] == b"\xfe" + (62_417 - 256).to_bytes(2, "big")
    assert len(data) <= 40
    done = semtool("decode", "photo.sem", "-o", "out.png")
    assert done.status == 0, done.err
    with Image.open(place / "out.png") as picture:
        assert picture.size == (96, 64)
    assert semtool("verify", "photo.sem", str(EXAMPLE / "files" / "mosaic-captioned.sem")).status == 0
    assert semtool("payload", str(EXAMPLE / "files" / "mosaic-index-changed.sem")).status == 3
    shown = semtool("inspect", "photo.sem", "--json").json
    assert (shown["profile"], shown["method"], shown["model"]["name"]) == (62_417, "perco", "example-mosaic")
    monkeypatch.delenv("SEM_REGISTRY")
    assert semtool("verify", "photo.sem").status == 4  # another's private row: bring it along


def test_another_row_of_the_same_private_id_fails_the_check() -> None:
    """Not a wrong picture: the binding is in K (SPEC §5, §7)."""
    data = (EXAMPLE / "files" / "mosaic-cat.sem").read_bytes()
    own, other = (
        Environment(Registry.shipped().extended_by(EXAMPLE / name), package_folders=(EXAMPLE / "models",))
        for name in ("registry.json", "registries/of-another-party.json")
    )
    assert len(refcodec.payload(data, environment=own).sections) == 1
    for call in (refcodec.payload, refcodec.decode):
        with pytest.raises(SemError) as caught:
            call(data, environment=other)
        assert caught.value.code == 501


# --- what the checks find ------------------------------------------------------------------------------------------


def lines_of(folder: Path) -> list[str]:
    """All lines but those of decoders."""
    own, lines = rows.read(folder)
    return [*lines, *packages.errors(folder, own)]


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (renumber(300), ["its id is not private"]),
        (renumber(21), ["the id is that of pics-4"]),
        (renumber(204), ["the id is that of vq-tiny"]),
        (edit_row(lambda row: row.update(name="elic")), ["the name elic is taken"]),
        (edit_row(lambda row: row.update(name="Mosaic!")), ["profiles.0.name"]),
        (edit_row(lambda row: row.update(status="published")), ["its status is published"]),
        (edit_row(lambda row: row.update(notes=" ")), ["it has no notes"]),
        (edit_row(lambda row: row.update(extra=1)), ["members"]),
        (edit_row(lambda row: row["binding"].update(gamut=1)), ["profiles.0.binding", "binds gamut"]),
        (edit_row(lambda row: row["binding"].update(method=6)), ["binding.method"]),
        (edit_row(lambda row: row["binding"].update(colour="hdr")), ["binding.colour"]),
        (edit_row(lambda row: row["binding"]["parameters"]["5"].update(grids=2)), ["binding.parameters"]),
        (edit_row(lambda row: row["binding"]["parameters"]["5"].update(v=63)), ["shapes are not those of the profile"]),
        (edit_row(lambda row: row["binding"].update(model="0" * 64)), ["no row names it", "where it can be had"]),
        (edit_row(lambda row: row["binding"]["parameters"]["5"].update(usage=False)), ["contradicts itself"]),
        (lambda folder: (folder / "registry.json").unlink(), ["registry.json"]),
        (lambda folder: (folder / "registry.json").write_text("{"), ["registry.json"]),
        (lambda folder: (folder / "registry.json").write_text('{"version": 1, "profiles": []}'), ["no row"]),
        (lambda folder: (folder / MODEL / "symbols.safetensors").unlink(), ["SEM-E-801"]),
        (lambda folder: flip(folder / MODEL / "symbols.safetensors"), ["SEM-E-802"]),
        (lambda folder: flip(folder / MODEL / "painter.safetensors"), ["SEM-E-802"]),
        (edit_json(str(MODEL / "manifest.json"), lambda m: m.pop("licence")), ["no licence"]),
        (edit_json(str(MODEL / "manifest.json"), lambda m: m.update(name="")), ["no name"]),
        (lambda folder: (folder / MODEL / "model.pkl").write_bytes(b"\x80"), ["model.pkl is not a file of a package"]),
    ],
)  # fmt: skip
def test_errors_of_rows_and_packages(copy: Path, change: Break, messages: list[str]) -> None:
    assert lines_of(copy) == []
    change(copy)
    lines = lines_of(copy)
    assert all("\n" not in line for line in lines)
    for message in messages:
        assert any(message in line for line in lines), (message, lines)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def test_a_binding_that_is_published_already(copy: Path) -> None:
    """Two ids for one binding would be two names of the same files."""
    binding = dict(Registry.shipped().by_name("clip").binding) | {"id": 62_417}
    edit_row(lambda row: row.update(binding=binding))(copy)
    assert any("is that of profile 4, clip, apart from the id" in line for line in rows.read(copy)[1])


def test_a_model_that_may_not_be_copied_is_named_in_the_readme(copy: Path) -> None:
    digest = json.loads((copy / "registry.json").read_bytes())["profiles"][0]["binding"]["model"]
    shutil.rmtree(copy / MODEL)
    assert lines_of(copy) == []  # the README names its digest
    (copy / "README.md").write_text("An example.")
    assert lines_of(copy) == [
        f"profile 62417: its model {digest} is not in models, and README.md does not say where it can be had"
    ]


def drop(*prefixes: str) -> Break:
    """Leave out the vectors whose ids begin so."""

    def change(document: dict[str, Any]) -> None:
        for name in ("vectors", "registries"):
            document[name] = [e for e in document[name] if not e["id"].startswith(prefixes)]

    return edit_json("manifest.json", change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("mosaic-check", "mosaic-index", "mosaic-last", "mosaic-tail", "mosaic-of", "mosaic-read"), "2 invalid vectors"),
        (lambda folder: (folder / "manifest.json").unlink(), "cannot read the suite"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json"),
        (lambda folder: flip(folder / "files" / "mosaic-cat.sem"), "size or digest"),
        (edit_json("manifest.json", lambda m: m["vectors"][0].update(note="")), "does not match the schema"),
        (edit_json("manifest.json", lambda m: m["vectors"][0]["expected"].update(width=97)), "mosaic-cat: refcodec"),
        (edit_json("manifest.json", lambda m: m["vectors"][7].update(error="SEM-E-402")), "mosaic-index-changed: refcodec"),
        (renumber(62_418), "a file of profile 62417, which registry.json does not have"),
    ],
)  # fmt: skip
def test_errors_of_vectors(copy: Path, change: Break, message: str) -> None:
    change(copy)
    lines = list(suite.errors(copy, rows.read(copy)[0]))
    assert any(message in line for line in lines), lines
    assert all("\n" not in line for line in lines)


def test_a_row_without_checked_vectors(copy: Path) -> None:
    """A file without a check shows nothing of the row."""
    keep = ("mosaic-cat-unchecked", "mosaic-ffffffff")
    change = edit_json(
        "manifest.json", lambda m: m.update(vectors=[e for e in m["vectors"] if e["id"] in keep], registries=[])
    )
    change(copy)
    assert any("no valid vector has a check" in line for line in suite.errors(copy, rows.read(copy)[0]))


def test_papers_and_a_folder_that_is_none(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "LICENSE").unlink()
    (copy / "README.md").write_text("")
    assert [line.partition(" ")[0] for line in check.errors(copy)] == ["README.md", "LICENSE"]
    assert tool.main(["check", str(copy / "nowhere")]) == 1
    assert "is not a folder" in capsys.readouterr().out


def test_a_case_that_the_decoder_decodes_otherwise(copy: Path) -> None:
    edit_json("cases.json", lambda cases: cases[7].update(error="SEM-E-402"))(copy)
    with pytest.raises(SystemExit, match="mosaic-index-changed: the reference decoder gives SEM-E-501, not SEM-E-402"):
        manifest.write(copy)
