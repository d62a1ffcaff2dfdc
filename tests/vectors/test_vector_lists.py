# SPDX-License-Identifier: MIT
"""The lists of test_vectors/ beside files and models: own registries, painters, encoders, editors, the registry's history."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from default_environment import default_rows
from vector_cases import (
    BACKEND,
    MODELS,
    ROOT,
    VECTORS,
    asked,
    data_of,
    entries,
    manifest,
    shown,
    vectors,
    verdict,
    writer,
    writer_environment,
)

from refcodec import reconstruct
from refcodec.container import assemble, read, write
from refcodec.decoder import decode_file
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.payloads import kinds
from refcodec.registry import Registry, dim_classes
from refcodec.registry.binding_schema import is_private
from semrunner import cli
from tools import registry as keeper
from tools.vectors import coverage, pixel_tolerance
from tools.vectors.edits import Edit, apply
from tools.vectors.features import STAGES
from tools.vectors.suite import Suite


def registry_of(entry: dict[str, Any]) -> bytes:
    data = (VECTORS / entry["registry"]["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry["registry"]["sha256"], entry["id"]
    return data


def environment_of(entry: dict[str, Any]) -> Environment:
    """That of an entry's registry. SEM-E-702 for one that refcodec does not take, which it takes whole or not at all."""
    try:
        return Environment(Registry.parse(registry_of(entry)))
    except ValueError as fault:
        raise SemError(702, str(fault)) from fault


def test_own_registries() -> None:
    wrong = []
    for entry in manifest()["registries"]:
        try:
            said = verdict(entry, environment_of(entry))
        except SemError as fault:
            said = {"expect": "reject", "error": fault.id, "status": fault.status}
        if said["expect"] == entry["expect"] == "accept":
            said = shown(said, entry)
        if said != asked(entry):
            wrong.append((entry["id"], said))
    assert wrong == []


def test_own_registries_have_one_defect() -> None:
    """A file that is rejected is a valid one with edits, or one that is read with the registry of all others."""
    valid = vectors() | {entry["id"]: entry for entry in manifest()["registries"]}
    for entry in manifest()["registries"]:
        if entry["expect"] == "reject":
            base = valid[entry["repaired"]]
            assert base["expect"] == "accept", entry["id"]
            edits = [
                Edit(e["offset"], bytes.fromhex(e["delete"]), bytes.fromhex(e["insert"]))
                for e in entry.get("edits", ())
            ]
            assert apply(data_of(base), edits) == data_of(entry), entry["id"]
            assert bool(edits) == ("registry" in base), entry["id"]


@pytest.mark.parametrize("entry", manifest()["painters"], ids=lambda entry: str(entry["id"]))
def test_painters(entry: dict[str, Any]) -> None:
    """The symbols are read, and no picture is shown; the sound package paints."""
    decoded = decode_file(data_of(entry), models=(VECTORS / entry["folder"],), backend=BACKEND)
    sound = decode_file(data_of(entry), models=(VECTORS / entry["repaired"],), backend=BACKEND)
    assert [v.serialise() for v in decoded.values.values()] == [v.serialise() for v in sound.values.values()]
    with pytest.raises(SemError) as caught:
        picture(decoded)
    assert (caught.value.id, caught.value.status) == (entry["error"], entry["status"])
    picture(sound)


def picture(decoded: Any) -> Any:
    """uint8[H, W, C] by the painter of the package."""
    from refcodec.methods import latent_coding, sketch

    header = decoded.container.header
    (latents,) = decoded.values.values()
    paint = sketch.synthesise if decoded.container.profile.compact == 6 else latent_coding.synthesise
    return paint(latents, decoded.folder, (header.width, header.height))


PICTURES = [entry for entry in vectors().values() if entry["tier"] == "P"]


@pytest.mark.parametrize("entry", [e for e in PICTURES if e["expect"] == "accept"], ids=lambda entry: str(entry["id"]))
def test_pictures(entry: dict[str, Any]) -> None:
    """Within the tolerance, and of the size of the header (SEM-R-130)."""
    said = entry["expected"]["pixels"]
    data = (VECTORS / said["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == said["sha256"]
    wanted = np.frombuffer(data, np.uint8).reshape(said["shape"])
    decoded = decode_file(data_of(entry), models=(MODELS,), backend=BACKEND)
    decoded_values = {t: v for t, v in decoded.values.items() if kinds.get(t & 0x3F).networks}
    got = picture(type(decoded)(**{**vars(decoded), "values": decoded_values}))
    got = got.reshape((*got.shape, 1)[:3])
    assert list(got.shape) == said["shape"]
    assert said["shape"][:2] == [entry["expected"]["height"], entry["expected"]["width"]]
    peak, rms = pixel_tolerance.distance(got, wanted)
    assert peak <= said["peak"]
    assert rms <= said["rms"]
    assert said["spread"]["peak"] <= said["peak"]
    assert said["spread"]["rms"] <= said["rms"]


def test_no_picture_where_the_check_failed() -> None:
    """SEM-R-131, on files of which the symbols could be painted."""
    faulty = [entry for entry in PICTURES if entry["expect"] == "reject"]
    assert len(faulty) >= 3
    for entry in faulty:
        with pytest.raises(SemError) as caught:
            reconstruct.reconstruct(decode_file(data_of(entry), models=(MODELS,), backend=BACKEND))
        assert caught.value.id == entry["error"] == "SEM-E-501"


def test_spread_is_measured_as_the_manifest_says() -> None:
    """One picture anew: the limits hold between all ways to compute it."""
    _, found = pixel_tolerance.measure(Suite().vector("paint-sketch-1x1"))
    said = vectors()["paint-sketch-1x1"]["expected"]["pixels"]
    assert found["shape"] == said["shape"]
    assert all(found["spread"][name] <= said[name] for name in ("peak", "rms"))


def test_refuse() -> None:
    """What an encoder must not write it does not write: SemError for what a decoder would name, else ValueError."""
    made, adapter = [], writer()
    for entry in manifest()["refuse"]:
        try:
            adapter.done(adapter.writer_server.Order("encode", data_of(entry), MODELS), writer_environment())
        except (SemError, ValueError):
            continue
        made.append(entry["id"])
    assert made == []


def test_edit() -> None:
    for entry in manifest()["edit"]:
        whole, wanted = data_of(vectors()[entry["input"]]), data_of(vectors()[entry["output"]])
        assert writer().edited(whole, entry["operation"], writer_environment()) == wanted != whole, entry["id"]


def test_edits_keep_and_drop() -> None:
    """SEM-R-051 is shown both ways: a section that must go goes, and in another edit stays."""
    kept = set()
    for entry in manifest()["edit"]:
        before, after = (
            {s["type"] for s in vectors()[entry[key]]["expected"]["sections"]} for key in ("input", "output")
        )
        if 0x15 in before:
            kept.add(0x15 in after)
    assert kept == {True, False}


# --- the registry, one after another -------------------------------------------------------------------------------


def test_history() -> None:
    for entry in manifest()["history"]:
        paths = [VECTORS / entry[key]["file"] for key in ("before", "after")]
        for path, key in zip(paths, ("before", "after"), strict=True):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == entry[key]["sha256"]
        found = keeper.check(*paths)
        assert bool(found) == (entry["expect"] == "reject"), (entry["id"], found)
        if found:
            assert {fault.partition(":")[0] for fault in found} == set(entry["rules"]), entry["id"]


def test_history_as_a_program(tmp_path: Path) -> None:
    tool = [sys.executable, str(ROOT / "tools/registry.py")]
    step = next(entry for entry in manifest()["history"] if entry["id"] == "history-binding")
    paths = [str(VECTORS / step[key]["file"]) for key in ("before", "after")]

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run([*tool, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    assert run("check", paths[0], paths[0]) == (0, "")
    status, out = run("check", *paths)
    assert (status, out.startswith("SEM-R-030: profile 204 was published, and its binding changed")) == (1, True)
    assert run("released") == (0, "")
    (tmp_path / "none.json").write_text("[]")
    assert run("check", paths[0], str(tmp_path / "none.json"))[0] == 1


def test_releases_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A registry that changes what a release published is refused."""
    rows = keeper.rows_of(keeper.PATH)
    (tmp_path / "released.json").write_text(json.dumps({"1.0": {"3": keeper.kept(rows[3]), "4": keeper.kept(rows[4])}}))
    monkeypatch.setattr(keeper, "RELEASED", tmp_path / "released.json")
    assert keeper.released() == []
    monkeypatch.setattr(keeper, "rows_of", lambda _: rows | {3: rows[3] | {"notes": "other", "status": "withdrawn"}})
    assert keeper.released() == []
    monkeypatch.setattr(keeper, "rows_of", lambda _: rows | {3: rows[3] | {"name": "other"}})
    assert keeper.released() == ["1.0: SEM-R-030: profile 3 was published, and its name changed"]


def test_no_row_is_published_under_a_private_id() -> None:
    """SEM-R-035."""
    private = {profile.id: profile.status for profile in default_rows().rows.values() if is_private(profile.id)}
    assert private
    assert "published" not in private.values()


def test_published_rows_of_the_registry_are_released() -> None:
    """A row is published where a release contains it."""
    released = {int(row) for rows in json.loads(keeper.RELEASED.read_bytes()).values() for row in rows}
    assert {profile.id for profile in default_rows().rows.values() if profile.status == "published"} <= released


# --- members of entries --------------------------------------------------------------------------------------------


def test_stages() -> None:
    """No defect is found later than its stage says: what the container tells is told by the container."""
    for entry in vectors().values():
        if entry["expect"] == "reject":
            late = STAGES.index(entry["stage"]) > STAGES.index("sections")
            assert late or entry["tier"] == "H", entry["id"]
            assert entry["features"][-1] == SemError(int(entry["error"][-3:]), "").name
    assert {entry["stage"] for entry in entries() if "stage" in entry} == set(STAGES)


def test_features() -> None:
    words = {word for entry in vectors().values() for word in entry["features"]}
    assert words >= {
        "compact",
        "sectioned",
        "check-0",
        "check-16",
        "check-32",
        "grease",
        "incomplete",
        "no-payload",
        "empty-body",
        "zstd",
    }
    for entry in vectors().values():
        if entry["expect"] == "accept":
            grease = any(section["kind"] is None for section in entry["expected"]["sections"])
            assert ("grease" in entry["features"]) == grease, entry["id"]


def test_coverage_tells_what_is_missing() -> None:
    """A suite without what a rule, a category or grease needs is not complete."""
    whole = manifest()
    assert coverage.missing(whole) == []

    def without(rule: str) -> dict[str, Any]:
        return {
            name: [e for e in part if rule not in e["rules"]] if isinstance(part, list) else part
            for name, part in whole.items()
        }

    assert "SEM-R-131 contains MUST, but no vector tests it" in coverage.missing(without("SEM-R-131"))
    plain = [entry for entry in whole["vectors"] if "grease" not in entry["features"]]
    missing = coverage.missing({**whole, "vectors": plain})
    assert "no unknown section beside a payload of kind clip" in missing
    strange = {**whole["coder"][0], "rules": ["SEM-R-999"]}
    assert any("SEM-R-999" in fault for fault in coverage.missing({**whole, "coder": [strange]}))
    assert len(coverage.pairs(whole)) >= coverage.MIN_PAIRS


def test_every_dim_class_and_form_is_there() -> None:
    accepted = [entry["expected"] for entry in vectors().values() if entry["expect"] == "accept"]
    assert {(said["width"], said["height"]) for said in accepted} >= set(dim_classes.sizes().values())
    forms = {
        (said["check_bits"], entry["features"][0], None if said["model_hash"] is None else len(said["model_hash"]) // 2)
        for entry, said in ((e, e["expected"]) for e in vectors().values() if e["expect"] == "accept")
    }
    wanted = {
        (check, form, size)
        for check in (0, 16, 32)
        for form in ("compact", "sectioned")
        for size in (None, 4, 8, 16, 32)
    }
    assert forms >= wanted


def test_sections_of_an_edit_are_written_as_they_were() -> None:
    """What stays keeps its bytes and its check."""
    whole, other = (read(data_of(vectors()[name])) for name in ("edit-whole", "edit-no-caption"))
    before = {section.type: (section.body, section.check) for section in whole.sections}
    assert all(before[section.type] == (section.body, section.check) for section in other.sections)
    assert write(assemble(other.header, list(other.sections))) == data_of(vectors()["edit-no-caption"])


# --- other decoders ------------------------------------------------------------------------------------------------

CONFORMANCE = ROOT / "conformance"
PLACES = [ROOT / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]
DEAF = """
import sys
from adapters import micro
from pathlib import Path

def begin(module, jobs, registry, data):
    return micro_begin(module, jobs, Path({registry!r}), data)

micro_begin, micro.begin = micro.begin, begin
sys.exit(micro.main(sys.argv[1:], micro.load()))
"""


@pytest.mark.parametrize("protocol", ["persistent", "one-shot"])
def test_runner_gives_each_vector_its_registry(
    protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In either protocol; and a decoder that reads the shipped registry instead does not pass."""
    monkeypatch.setenv("PYTHONPATH", str(CONFORMANCE))
    some = ("row-private", "row-extended-base", "registry-binding-member-unknown", "micro", "registry-table-nowhere")

    def put(script: Path) -> int:
        options = cli.Options(f"{sys.executable} {script}", VECTORS, run=some, jobs=1, protocol=protocol, quiet=True)
        return int(cli.run(options, PLACES))

    assert put(CONFORMANCE / "adapters/micro.py") == 0, capsys.readouterr().out
    deaf = tmp_path / "deaf.py"
    deaf.write_text(DEAF.format(registry=str(PLACES[0] / "registry.json")))
    assert put(deaf) == 1
    failed = {line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED")}
    assert failed == set(some) - {"micro"}
