# SPDX-License-Identifier: MIT
"""Which model gave the symbols their meaning: every wrong one is found out or announced (SEM-R-063 to 065, docs/models.md)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers")

import identity_cases
from cli_harness import Semtool, contents, refused, valid
from identity_cases import CASES, PARAMETER, ROLES, WAYS, of, stating

import refcodec
from refcodec import reconstruct
from refcodec.decoder import decode_file
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.foundation import identity
from refcodec.foundation.resolve import Models
from refcodec.networks import package_search

pytestmark = pytest.mark.models

FEW = {"steps": 1}
NOTHING = "nothing could be compared"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "models.md"
KINDS = {"clip": "3", "pics": "2, ids"}
PERCO_KINDS = {
    "hyper_encoder": "5",
    "codebooks": "4",
    "image_embedder": "4",
    "tokenizer": "2, ids",
    "text_encoder": "2, ids",
}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Return method -> (the right set, one of other models of the same shapes)."""
    made = {}
    for method in ROLES:
        right = identity_cases.build(tmp_path_factory.mktemp(f"{method}-right"), method)
        made[method] = right, identity_cases.wrong(right, method, tmp_path_factory.mktemp(method) / "wrong")
    return made


@pytest.fixture(scope="module")
def models(sets: dict[str, tuple[Path, Path]]) -> dict[Path, Models]:
    """Return set -> its models, which stay loaded for all tests."""
    return {folder: Models.of([folder, folder / "books"] if method == "perco" else folder, device="cpu")
            for method, both in sets.items() for folder in both}  # fmt: skip


def paint(data: bytes, environment: Environment, models: Models) -> reconstruct.Reconstruction:
    decoded = decode_file(data, environment=environment, models=models.folders)
    return reconstruct.reconstruct(decoded, models=models, overrides=FEW)


STATED = [(method, role, way) for method, role in CASES for way in WAYS]
STATED += [(method, role, PARAMETER) for method, role in CASES if role == "tokenizer"]


@pytest.mark.parametrize(("method", "role", "way"), STATED)
def test_a_wrong_model_is_found_out_or_announced(
    sets: dict[str, tuple[Path, Path]], models: dict[Path, Models], tmp_path: Path, method: str, role: str, way: str
) -> None:
    right, other = sets[method]
    data, environment = stating(way, method, role, right, tmp_path)
    assert decode_file(data, environment=environment).state == "ok"
    good = paint(data, environment, Models.of(models[right], environment=environment))
    named = [text for text in good.notices if identity.ROLES[role] in text]
    assert (len(named) == 1 and NOTHING in named[0]) if way == "nothing" else not named
    if way == "nothing":
        bad = paint(data, environment, Models.of(models[other], environment=environment))
        assert [text for text in bad.notices if identity.ROLES[role] in text] == named
        return
    with pytest.raises(SemError) as caught:
        paint(data, environment, Models.of(models[other], environment=environment))
    path = "painter" if way == PARAMETER else role
    what = "painter: the tokenizer.json of painter is not the one" if way == PARAMETER else f"{role}: it has the digest"
    assert (caught.value.id, caught.value.path) == ("SEM-E-802", path)
    assert caught.value.what.startswith(what)
    assert "--any-model" in str(caught.value.hint)
    bad = paint(data, environment, Models.of(models[other], environment=environment, any_model=True))
    assert [text.startswith(what) for text in bad.notices].count(True) == 1
    assert [text.endswith("decoded all the same") for text in bad.notices].count(True) == 1


@pytest.mark.parametrize(("method", "role"), [("clip", "image_embedder"), ("perco", "hyper_encoder")])
def test_an_explicit_identity_that_is_not_installed(
    sets: dict[str, tuple[Path, Path]], models: dict[Path, Models], tmp_path: Path, method: str, role: str
) -> None:
    right, _ = sets[method]
    data, _ = stating("explicit model", method, role, right, tmp_path)
    here = Environment.default()
    assert decode_file(data).state == "unchecked"
    with pytest.raises(SemError, match="is not installed") as caught:
        paint(data, here, Models.of(models[right], environment=here))
    assert caught.value.id == "SEM-E-801"
    insisted = paint(data, here, Models.of(models[right], environment=here, any_model=True))
    assert any("not installed: nothing was compared" in text for text in insisted.notices)


@pytest.mark.parametrize("role", ["codebooks", "image_embedder"])
def test_what_perco_does_not_hold_is_announced(sets: dict[str, tuple[Path, Path]], tmp_path: Path, role: str) -> None:
    """Without an image embedder of the user, there is none to compare; codebooks are compared whoever names them."""
    right, _ = sets["perco"]
    data, environment = stating("provenance", "perco", role, right, tmp_path)
    named = Models.of({r: right / r for r in ("painter", "hyper_encoder")}, environment=environment, device="cpu")
    named.folders += (right / "books",)
    notices = paint(data, environment, named).notices
    assert any("could not be compared" in text for text in notices) == (role == "image_embedder")


def test_encoding_states_digests_and_no_names(sets: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    right, other = sets["perco"]
    named = {role: right / role for role in ("painter", "hyper_encoder")}
    photo = identity_cases.tiny_models.photo(*identity_cases.SIZE)
    data = refcodec.encode(photo, method="perco", models=named, provenance=True)
    (note,) = [s.value for s in refcodec.payload(data).sections if s.kind == "provenance"]
    digest = identity.digest_of("hyper_encoder", right / "hyper_encoder")
    assert re.fullmatch(r"hyper_encoder sha256:([0-9a-f]{16}), painter sha256:[0-9a-f]{16}", note["model"])
    assert identity.stated_in(note)["hyper_encoder"] == str(digest)[:16]
    assert right.name not in str(note)
    with pytest.raises(SemError) as caught:
        refcodec.decode(data, models={"painter": right / "painter", "hyper_encoder": other / "hyper_encoder"}, **FEW)
    assert (caught.value.id, caught.value.path) == ("SEM-E-802", "hyper_encoder")
    insisted = {"painter": right / "painter", "hyper_encoder": other / "hyper_encoder"}
    assert refcodec.decode(data, models=insisted, any_model=True, **FEW).size == identity_cases.SIZE
    assert refcodec.decode(data, models=named, **FEW).size == identity_cases.SIZE


@pytest.mark.parametrize("way", ["row", "explicit model"])
def test_encoding_with_another_model_than_stated(sets: dict[str, tuple[Path, Path]], tmp_path: Path, way: str) -> None:
    right, other = sets["perco"]
    _, environment = stating(way, "perco", "hyper_encoder", right, tmp_path)
    options: dict[str, Any] = {"environment": environment, "method": "perco"}
    options |= {"profile": "bound"} if way == "row" else {"profile": "perco-8-64", "model": tmp_path / "identity"}
    photo = identity_cases.tiny_models.photo(*identity_cases.SIZE)
    made = refcodec.encode(photo, models={r: right / r for r in ("painter", "hyper_encoder")}, **options)
    assert decode_file(made, environment=environment).state == "ok"
    with pytest.raises(SemError) as caught:
        refcodec.encode(photo, models={r: other / r for r in ("painter", "hyper_encoder")}, **options)
    assert (caught.value.id, caught.value.path) == ("SEM-E-802", "hyper_encoder")


def test_on_the_command_line(semtool: Semtool, place: Path, sets: dict[str, tuple[Path, Path]]) -> None:
    right, other = sets["clip"]
    made = semtool("models", "identify", f"image_embedder={right / 'painter'}", "-o", "mine", "--json")
    valid("models-identify", made.json)
    assert made.json["digest"] == package_search.folder_digest(Path("mine"))
    assert made.json["identity"] == {"image_embedder": identity.digest_of("image_embedder", right / "painter")}
    assert semtool("models", "verify", "mine").status == 0
    shown = semtool("models", "show", "mine", "--json")
    assert (shown.status, shown.json["packages"][0]["kind"]) == (0, 0)
    valid("models-show", shown.json)
    Path("codes.txt").write_text(" ".join("1" * 768))
    package = Environment.default().with_packages("mine")
    data = of("clip", "image_embedder", model=Path("mine"), explicit_model=4)
    Path("x.sem").write_bytes(data)
    assert len(data) == len(of("clip", "image_embedder")) + 2 + 4
    assert decode_file(data, environment=package).state == "ok"
    paint_it = ("decode", "x.sem", "-o", "x.png", "--steps", "1", "--model", "mine", "--model")
    refused(semtool(*paint_it, f"painter={other / 'painter'}"), 5, "SEM-E-802 ")
    insisted = semtool(*paint_it, f"painter={other / 'painter'}", "--any-model", "--force")
    assert (insisted.status, insisted.err.count("decoded all the same")) == (0, 1)
    done = semtool(*paint_it, f"painter={right / 'painter'}", "--force")
    assert (done.status, done.err) == (0, "")
    refused(semtool("decode", "x.sem", "--symbols", "--any-model"), 2, "usage: --any-model is for pictures")
    refused(semtool("models", "identify", "painter=x"), 2, "usage: painter=x is not ROLE=FOLDER")
    refused(semtool("models", "identify", f"hyper_encoder={right / 'painter'}"), 5, "SEM-E-801 ")


@pytest.mark.parametrize("case", ["source", "parent of the source", "other folder", "file"])
def test_only_packages_are_replaced(
    semtool: Semtool, place: Path, sets: dict[str, tuple[Path, Path]], case: str
) -> None:
    shutil.copytree(sets["clip"][0] / "painter", place / "set" / "painter")
    (place / "photos").mkdir()
    (place / "photos" / "a.txt").write_text("mine")
    (place / "notes.txt").write_text("mine")
    out = {"source": "set/painter", "parent of the source": "set", "other folder": "photos", "file": "notes.txt"}
    before = contents(place)
    target = out[case]
    done = semtool("models", "identify", "image_embedder=set/painter", "-o", target, "--replace")
    refused(done, 2, f"usage: {target} is not a model package, and is not replaced: name another folder")
    assert contents(place) == before


def test_a_package_is_not_replaced_by_its_own_identity(
    semtool: Semtool, place: Path, sets: dict[str, tuple[Path, Path]]
) -> None:
    shutil.copytree(sets["perco"][0] / "books", place / "books")
    before = contents(place)
    done = semtool("models", "identify", "codebooks=books", "-o", "books", "--replace")
    refused(done, 2, "usage: books holds a source, and is not replaced: name another folder")
    assert contents(place) == before
    assert semtool("models", "identify", "codebooks=books", "--with", "books", "-o", "new").status == 0
    assert semtool("models", "identify", "codebooks=books", "--with", "books", "-o", "new", "--replace").status == 0


def test_another_model_is_no_hyper_encoder(semtool: Semtool, sets: dict[str, tuple[Path, Path]]) -> None:
    folder = sets["clip"][0] / "painter" / "image_encoder"
    refused(semtool("models", "identify", f"hyper_encoder={folder}"), 5, "SEM-E-801 ")


@pytest.mark.parametrize("method", ["pics", "perco"])
def test_words_need_no_tokenizer_of_the_row(
    sets: dict[str, tuple[Path, Path]], models: dict[Path, Models], tmp_path: Path, method: str
) -> None:
    """A caption in words is read by whatever tokenizer the painter has."""
    right, other = sets[method]
    _, environment = stating(PARAMETER, method, "tokenizer", right, tmp_path)
    grid: dict[str, Any] = {"indices": np.arange(12).reshape(3, 4)} if method == "perco" else {}
    options: dict[str, Any] = {"method": method, "size": identity_cases.SIZE, "environment": environment}
    data = refcodec.encode(profile="bound", caption="a cat", **grid, **options)
    assert not any("tokenizer" in text for text in
                   paint(data, environment, Models.of(models[other], environment=environment)).notices)  # fmt: skip


def test_every_refusal_of_another_model_is_one_that_can_be_insisted_on() -> None:
    """MODEL_DIGEST is raised for pictures in one function; elsewhere for files, symbols and encoders, which cannot go on."""
    source, refusal = Path(refcodec.__file__).parent, re.compile(r"SemError\(\s*Code\.MODEL_DIGEST")
    files = [path for part in ("methods", "foundation") for path in (source / part).rglob("*.py")]
    found = {path.name: len(refusal.findall(path.read_text(encoding="utf-8"))) for path in files}
    assert {name: count for name, count in found.items() if count} == {"identity_check.py": 3, "download.py": 1}
    text = (source / "methods" / "identity_check.py").read_text(encoding="utf-8")
    decoding, _, encoding = text.partition("# --- encoding")
    assert (len(refusal.findall(decoding)), len(refusal.findall(encoding))) == (1, 2)


def test_the_table_of_the_documentation() -> None:
    """docs/models.md has a row for each role of each method, with what the tests above show."""
    text = DOCS.read_text(encoding="utf-8")
    table = text.partition("<!-- begin identity-table -->\n")[2].partition("\n<!-- end identity-table -->")[0]
    lines = [
        "| method | role | of kind | row | row's `tokenizer` | explicit model | provenance | nothing |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for method, role in CASES:
        kind = KINDS.get(method) or PERCO_KINDS[role]
        file = "802" if (method, role, PARAMETER) in STATED else "–"
        lines.append(f"| {method} | `{role}` | {kind} | 802 | {file} | 802 | 802 | notice |")
    assert table == "\n".join(lines)
