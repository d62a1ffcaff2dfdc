# SPDX-License-Identifier: MIT
"""`semtool models`: what there is, whether it is intact, and how it comes in; pickles that do more than hold tensors do nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool, contents, refused, valid
from safetensors.numpy import load_file, save_file

from refcodec.convert import unpickle
from refcodec.convert.unpickle import to_safetensors
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.foundation import model_set
from refcodec.foundation.folder_digest import file_sha256, folder_sha256
from refcodec.foundation.models_json import installed_roles
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import ROLES

os.environ["HF_HUB_OFFLINE"] = "1"


torch = pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "test_vectors" / "models" / "elic-tiny"
WHOLE = 0.25 * torch.arange(12.0).reshape(3, 4)


class Payload:
    """Unpickled by a program that trusts it, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path.absolute())

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({self.path!r}, 'w').close()",)


class Command(Payload):
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.path}'",)


def model(folder: Path, weights: str = "model.safetensors", **config: Any) -> Path:
    """A folder with weights, which no loader takes."""
    folder.mkdir(parents=True, exist_ok=True)
    if weights.endswith(".safetensors"):
        save_file({"w": WHOLE.numpy()}, folder / weights)
    else:
        torch.save({"w": WHOLE}, folder / weights)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def done(semtool: Semtool, *args: str | Path, schema: str = "import") -> Any:
    """The JSON of a call that went well."""
    said = semtool("models", *args, "--json")
    assert said.status == 0, said.err
    valid(f"models-{schema}", said.json)
    return said.json


@pytest.fixture
def tiny(place: Path) -> Path:
    """A copy of a tiny package, which SEM_MODELS does not name, with float parts, which nothing runs."""
    folder = Path(shutil.copytree(TINY, place / "packages" / "elic-tiny"))
    manifest = json.loads((folder / "manifest.json").read_text())
    for part in ("painter", "encoder"):
        save_file({"w": np.zeros(3, np.float16)}, folder / f"{part}.safetensors")
        manifest[part] = {"file": f"{part}.safetensors", "sha256": file_sha256(folder / f"{part}.safetensors")}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


# --- list and show -------------------------------------------------------------------------------------------------


def test_what_there_is(semtool: Semtool, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEM_MODELS", str(tiny.parent))
    (tiny / "painter.safetensors").unlink()
    model(Path("set/language"))
    done(semtool, "import", "set/language", "--as", "language")
    said = done(semtool, "list", "--model", "captioner=owner/name@7", schema="list")
    packages = {row["name"]: row for row in said["packages"]}
    assert {"elic-small", "elic-small-2", "sketch-hed", "sketch-small", "vq-small", "vq-small-2", "elic-tiny"} <= set(
        packages
    )
    assert (packages["sketch-hed"]["profiles"], packages["sketch-hed"]["kind"]) == (["pics-hed"], 6)
    assert packages["elic-small"]["parts"] == ["symbols", "painter", "encoder"]
    assert "painter" not in packages["elic-tiny"]["parts"]
    assert (packages["elic-tiny"]["profiles"], packages["elic-tiny"]["kind"]) == (["elic-tiny"], 7)
    profiles = {row["name"]: row for row in said["profiles"]}
    assert [profiles[name]["available"] for name in ("elic", "elic-tiny", "clip-tiny", "clip")] == [
        True,
        True,
        False,
        None,
    ]
    roles = {row["role"]: row for row in said["roles"]}
    assert (roles["captioner"]["source"], roles["captioner"]["revision"], roles["captioner"]["set"]) == (
        "owner/name",
        "7",
        None,
    )
    assert roles["language"]["set"] == str(model_set.own_set())
    assert roles["language"]["sha256"] == folder_sha256(Path("set/language"))
    assert "openai/clip-vit-large-patch14" in roles["image_embedder"]["recommended"]
    text = semtool("models", "list").text
    assert all(
        word in text
        for word in ("elic-tiny", "Model packages", "Profiles", "Roles", str(model_set.own_set() / "language"))
    )
    assert all(role in text for role in ROLES)


def test_a_set_that_is_broken_hides_nothing_else(semtool: Semtool) -> None:
    model_set.own_set().mkdir(parents=True)
    (model_set.own_set() / "models.json").write_text("{")
    said = semtool("models", "list", "--json")
    valid("models-list", said.json)
    assert [row["error"]["code"] for row in said.json["broken"]] == ["SEM-E-803"]
    assert said.line.startswith("note: SEM-E-803 ")
    assert said.json["packages"]
    judged = semtool("models", "verify", "--json")
    assert judged.status == 5
    assert [row["what"] for row in judged.json["models"] if row["state"] == "failed"] == ["set"]


def test_names_of_strangers_do_not_move_the_terminal(semtool: Semtool, tiny: Path) -> None:
    manifest = json.loads((tiny / "manifest.json").read_text())
    (tiny / "manifest.json").write_text(
        json.dumps(manifest | {"name": "[red]a\x1b[2J", "notes": "\x1b[2Jb", "licence": 7})
    )
    for args in (["list", "--model", tiny], ["show", tiny], ["verify", tiny]):
        said = semtool("models", *args)
        assert said.status == 0
        assert "\x1b" not in said.text
        assert "\\x1b[2J" in said.text
    assert "[red]a" in semtool("models", "list", "--model", tiny).text


def test_one_package(semtool: Semtool, tiny: Path) -> None:
    manifest = json.loads((tiny / "manifest.json").read_text())
    by_folder = done(semtool, "show", tiny, schema="show")
    row = by_folder["packages"][0]
    assert (row["bounds"], row["tensors"]) == (True, len(manifest["symbols"]["tensors"]))
    assert row["numbers"]["groups"] == manifest["symbols"]["groups"]
    assert {file["name"]: file["bytes"] for file in row["files"]} == {
        path.name: path.stat().st_size for path in tiny.glob("*.safetensors")
    }
    for word in ("elic-tiny", row["digest"], row["digest"][:8]):
        assert row in done(semtool, "show", word, "--model", tiny, schema="show")["packages"]
    text = semtool("models", "show", tiny).text
    assert row["digest"] in text
    assert "bounds       kept" in text
    refused(
        semtool("models", "show", row["digest"][:7]),
        5,
        "SEM-E-801 model-unavailable: there is no package, role or profile ",
    )
    (tiny / "symbols.safetensors").write_bytes(b"")
    broken = semtool("models", "show", tiny, "--json")
    valid("models-show", broken.json)
    assert (broken.status, broken.json["packages"][0]["bounds"]) == (5, None)
    assert broken.line.startswith("SEM-E-803 ")


def test_one_role_and_one_profile(semtool: Semtool) -> None:
    model(Path("m/unet"))
    Path("m/model_index.json").write_text(
        json.dumps({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]})
    )
    done(semtool, "import", "m", "--as", "painter")
    row = done(semtool, "show", "painter", schema="show")["roles"][0]
    assert row["classes"] == ["StableDiffusionPipeline", "unet: UNet2DConditionModel"]
    assert row["computed"] == row["sha256"] == folder_sha256(Path("m"))
    assert {file["name"] for file in row["files"]} == {"model_index.json", "unet/config.json", "unet/model.safetensors"}
    assert done(semtool, "show", "m", schema="show")["roles"][0]["role"] == "painter"
    assert "UNet2DConditionModel" in semtool("models", "show", "painter").text
    empty = done(semtool, "show", "segmenter", schema="show")["roles"][0]
    assert (empty["source"], empty["files"]) == (None, [])
    both = done(semtool, "show", "clip", schema="show")
    assert [both["roles"][0]["role"], both["profiles"][0]["name"], both["profiles"][0]["hints"]["steps"]] == [
        "clip",
        "clip",
        "20",
    ]
    assert done(semtool, "show", "4", schema="show")["profiles"] == both["profiles"]
    (model_set.own_set() / "painter" / "unet" / "config.json").write_text("changed")
    said = semtool("models", "show", "painter", "--json")
    assert (said.status, said.json["roles"][0]["error"]["code"]) == (5, "SEM-E-802")


def test_a_folder_that_nothing_records(semtool: Semtool) -> None:
    model(Path("x"), model_type="clip")
    row = done(semtool, "show", "x", schema="show")["roles"][0]
    assert (row["role"], row["classes"], row["computed"]) == (None, ["clip"], folder_sha256(Path("x")))
    model(Path("set/painter")), model(Path("set/clip"))
    assert {row["role"] for row in done(semtool, "show", "set", schema="show")["roles"]} == {"painter", "clip"}
    Path("empty").mkdir()
    assert semtool("models", "show", "empty").status == 5


# --- verify --------------------------------------------------------------------------------------------------------


def states(semtool: Semtool, *args: str | Path) -> dict[str, str]:
    said = semtool("models", "verify", *args, "--json")
    valid("models-verify", said.json)
    assert said.status == (5 if any(row["state"] == "failed" for row in said.json["models"]) else 0)
    assert all((row["error"] is not None) == (row["state"] == "failed") for row in said.json["models"])
    return {
        row["name"]: row["state"] + ("" if row["error"] is None else f" {row['error']['code'][-3:]}")
        for row in said.json["models"]
    }


def test_what_is_intact(semtool: Semtool) -> None:
    model(Path("m"))
    (Path("m") / "pytorch_model.bin").write_bytes(b"")
    done(semtool, "import", "m", "--as", "painter", "-o", "set")
    shutil.copy("m/pytorch_model.bin", "set/painter")
    assert states(semtool) == {
        "elic-small": "ok",
        "elic-small-2": "ok",
        "sketch-hed": "ok",
        "sketch-small": "ok",
        "vq-small": "ok",
        "vq-small-2": "ok",
    }
    assert states(semtool, "set") == {"painter": "ok"}
    assert states(semtool, "painter", "--model", "set") == {"painter": "ok"}
    assert states(semtool, "m") == {"m": "unrecorded"}
    assert states(semtool, "elic", "sketch-small") == {"elic-small": "ok", "sketch-small": "ok"}
    text = semtool("models", "verify", "set", "m", "elic-small").text.splitlines()
    assert text[0].startswith("package elic-small (")
    assert text[0].endswith("): ok")
    assert text[1] == "role painter (set/painter): ok, never opened: pytorch_model.bin"
    assert text[2].startswith("role m (m): unrecorded, sha256 ")
    (Path("set/painter/config.json")).write_text("changed")
    assert states(semtool, "set") == {"painter": "failed 802"}
    said = semtool("models", "verify", "set")
    assert said.status == 5
    assert said.text == "role painter: failed, SEM-E-802 model-digest\n"
    assert said.line.startswith("painter: SEM-E-802 ")


def test_what_is_not_here(semtool: Semtool) -> None:
    assert states(semtool, "--model", "painter=nobody/none")["painter"] == "failed 801"
    refused(semtool("models", "verify", "painter"), 5, "SEM-E-801 model-unavailable: nothing fills the role painter")
    refused(
        semtool("models", "verify", "nothing"),
        5,
        "SEM-E-801 model-unavailable: there is no package, role or profile nothing",
    )
    refused(
        semtool("models", "verify", "elic-tiny"),
        5,
        "SEM-E-801 model-unavailable: the model of profile elic-tiny is not installed",
    )


@pytest.mark.parametrize(
    ("file", "data", "code"),
    [
        ("symbols.safetensors", b"", 803), ("symbols.safetensors", None, 801), ("painter.safetensors", b"other", 802), ("encoder.safetensors", None, 801),
        ("manifest.json", b"{", 803), ("manifest.json", b'{"format": "sem-model", "format_version": 2, "symbols": {}}', 705),
    ],
)  # fmt: skip
def test_packages_that_are_damaged(semtool: Semtool, tiny: Path, file: str, data: bytes | None, code: int) -> None:
    assert states(semtool, tiny) == {"elic-tiny": "ok"}
    (tiny / file).unlink() if data is None else (tiny / file).write_bytes(data)
    said = semtool("models", "verify", tiny)
    assert said.status == (4 if code == 705 else 5)
    assert f": failed, SEM-E-{code} " in said.text
    assert f": SEM-E-{code} " in said.line


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "dead link"])
@pytest.mark.parametrize("inside", [False, True])
def test_packages_whose_manifest_is_no_file(semtool: Semtool, tiny: Path, kind: str, inside: bool) -> None:
    """Alone, and as one package of a folder."""
    manifest = tiny / "manifest.json"
    manifest.unlink()
    if kind == "pipe":
        os.mkfifo(manifest)
    elif kind == "folder":
        manifest.mkdir()
    else:
        manifest.symlink_to("/dev/zero" if kind == "device" else "gone")
    what = tiny.parent / "several" if inside else tiny
    if inside:
        what.mkdir()
        shutil.move(tiny, what / tiny.name)
    assert list(states(semtool, what).values()) == ["failed 801"]
    said = semtool("models", "verify", what)
    assert said.status == 5
    assert "SEM-E-801 model-unavailable: manifest.json in " in said.line
    assert " is not a regular file" in said.line


def test_a_package_that_does_not_suit_its_profile(
    semtool: Semtool, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads((ROOT / "refcodec" / "registry" / "registry.json").read_text())
    row = next(row for row in document["profiles"] if row["name"] == "elic-tiny")
    row.update(id=240, name="mine", binding=row["binding"] | {"id": 240})
    for rates, state in ((row["binding"]["parameters"]["7"]["rates"], "ok"), (63, "failed 803")):
        row["binding"]["parameters"]["7"]["rates"] = rates
        Path(f"{rates}.json").write_text(json.dumps({"version": 1, "profiles": [row]}))
        monkeypatch.setenv("SEM_REGISTRY", f"{rates}.json")
        assert states(semtool, tiny) == {"elic-tiny": state}


# --- import of folders and hub ids ---------------------------------------------------------------------------------


def test_a_folder_fills_a_role(semtool: Semtool, place: Path) -> None:
    model(Path("m"))
    for name in ("LICENSE", "README.md", "run.py", "flax_model.msgpack"):
        (Path("m") / name).write_text("x")
    said = semtool("models", "import", "m", "--as", "painter")
    own = model_set.own_set()
    assert said.text == f"painter: {own / 'painter'}, sha256 {folder_sha256(Path('m'))[:16]}\n"
    assert {path.name for path in (own / "painter").iterdir()} == {
        "LICENSE",
        "README.md",
        "config.json",
        "model.safetensors",
    }
    assert (
        installed_roles(Environment.default())["painter"].sha256
        == folder_sha256(own / "painter")
        == folder_sha256(Path("m"))
    )
    before = contents(own)
    refused(semtool("models", "import", "m", "--as", "painter"), 2, "usage: the role painter of the set ")
    assert contents(own) == before
    (Path("m") / "config.json").write_text('{"new": 1}')
    made = done(semtool, "import", "m", "--as", "painter", "--replace")
    assert made["roles"][0]["sha256"] == folder_sha256(own / "painter") != before
    model(Path("n"))
    done(semtool, "import", "n", "--as", "clip")
    assert set(installed_roles(Environment.default())) == {"painter", "clip"}
    assert set(own.iterdir()) == {own / "painter", own / "clip", own / "models.json"}


def test_a_folder_inside_the_set_stays_where_it_is(semtool: Semtool) -> None:
    model(Path("set/some/folder"))
    made = done(semtool, "import", "set/some/folder", "--as", "painter", "-o", "set")
    assert made["converted"] == []
    document = json.loads(Path("set/models.json").read_text())
    assert document["roles"]["painter"] == {
        "source": "some/folder",
        "revision": None,
        "sha256": folder_sha256(Path("set/some/folder")),
    }
    assert Path("set/models.json").read_text() == json.dumps(document, indent=2, sort_keys=True) + "\n"
    assert states(semtool, "set") == {"painter": "ok"}


def test_help_lists_every_role(semtool: Semtool) -> None:
    listed = semtool("models", "import", "--help").text.partition("a role (")[2].partition(")")[0]
    assert [role.strip() for role in listed.split(",")] == list(ROLES)


@pytest.mark.slow
def test_pickled_weights_are_converted(semtool: Semtool) -> None:
    model(Path("m"), "pytorch_model.bin")
    model(Path("m/unet"), "diffusion_pytorch_model.bin")
    torch.save({"w": WHOLE}, "m/unet/diffusion_pytorch_model.fp16.bin")
    model(Path("m/vae"))
    torch.save({"other": WHOLE}, "m/vae/diffusion_pytorch_model.bin")
    torch.save(Payload(Path("made")), "m/training_args.bin")
    Path("m/openvino").mkdir()
    Path("m/openvino/openvino_model.bin").write_bytes(b"no pickle")
    Path("m/random_states_0.pkl").write_bytes(b"\x80 of a random generator")
    made = done(semtool, "import", "m", "--as", "painter", "-o", "set")
    assert made["converted"] == ["pytorch_model.bin", "unet/diffusion_pytorch_model.bin"]
    assert sorted(path.relative_to("set/painter").as_posix() for path in Path("set/painter").rglob("*.*")) == [
        "config.json",
        "model.safetensors",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/model.safetensors",
    ]
    assert np.array_equal(load_file("set/painter/model.safetensors")["w"], WHOLE.numpy())
    assert Models.of("set").find("painter").sha256 == folder_sha256(Path("set/painter"))
    assert not Path("made").exists()
    model(Path("set/language"), "pytorch_model.bin")
    refused(
        semtool("models", "import", "set/language", "--as", "language", "-o", "set"),
        2,
        "usage: set/language has pickled weights, ",
    )


def shards(folder: Path, **files: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensors in files.items():
        torch.save(tensors, folder / f"pytorch_model-{name}.bin")
    weight_map = {tensor: f"pytorch_model-{name}.bin" for name, tensors in files.items() for tensor in tensors}
    (folder / "pytorch_model.bin.index.json").write_text(
        json.dumps({"metadata": {"total_size": 96}, "weight_map": weight_map})
    )


@pytest.mark.slow
def test_shards_with_their_index(semtool: Semtool) -> None:
    shards(Path("m"), one={"a": WHOLE, "b": WHOLE}, two={"c": WHOLE.T})
    torch.save({"x": WHOLE}, "m/consolidated.pth")  # not of the index
    assert done(semtool, "import", "m", "--as", "language", "-o", "set")["converted"] == [
        "pytorch_model-one.bin",
        "pytorch_model-two.bin",
    ]
    folder = Path("set/language")
    assert {path.name for path in folder.iterdir()} == {
        "model-one.safetensors",
        "model-two.safetensors",
        "model.safetensors.index.json",
    }
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    assert index == {
        "metadata": {"total_size": 96},
        "weight_map": {"a": "model-one.safetensors", "b": "model-one.safetensors", "c": "model-two.safetensors"},
    }
    assert np.array_equal(load_file(folder / "model-two.safetensors")["c"], WHOLE.T.numpy())


@pytest.mark.parametrize(
    "index",
    [
        '{"weight_map": {"a": "../m/x.bin"}}',
        '{"weight_map": {"a": "none.bin"}}',
        '{"weight_map": []}',
        "[",
        '{"weight_map": {"a": 1}}',
    ],
)
def test_an_index_that_is_none(semtool: Semtool, index: str) -> None:
    shards(Path("m"), one={"a": WHOLE})
    Path("m/pytorch_model.bin.index.json").write_text(index)
    refused(semtool("models", "import", "m", "--as", "language", "-o", "set"), 5, "SEM-E-803 ")
    assert not Path("set").exists()


@pytest.mark.models
def test_what_real_libraries_save_and_load(semtool: Semtool) -> None:
    pytest.importorskip("transformers")
    import tiny_models

    from refcodec.foundation.image_embedder import ImageEmbedder

    folder = tiny_models.image_embedder(Path("m"))
    before = ImageEmbedder.load(folder, Models.of(device="cpu"))(tiny_models.photo())
    torch.save(
        {name: torch.from_numpy(array) for name, array in load_file(folder / "model.safetensors").items()},
        folder / "pytorch_model.bin",
    )
    (folder / "model.safetensors").unlink()
    said = semtool("models", "import", "m", "--as", "image_embedder")
    assert said.status == 0, said.err
    models = Models.of(device="cpu")
    assert np.array_equal(models.load("image_embedder", ImageEmbedder.load, {})(tiny_models.photo()), before)
    assert models.used == {"image_embedder": "roles/image_embedder"}


@pytest.mark.parametrize(("payload", "old"), [(Payload, True), (Command, False)])
def test_pickles_that_do_something_do_nothing(semtool: Semtool, payload: type[Payload], old: bool) -> None:
    model(Path("m"), "pytorch_model.bin")
    torch.save({"w": WHOLE, "x": payload(Path("made"))}, "m/pytorch_model.bin", _use_new_zipfile_serialization=not old)
    said = semtool("models", "import", "m", "--as", "painter", "-o", "set")
    refused(
        said,
        5,
        "SEM-E-803 model-malformed: pytorch_model.bin is a pickle that holds more than tensors; it was not opened; ",
    )
    assert not Path("made").exists()
    assert not Path("set").exists()
    torch.load("m/pytorch_model.bin", weights_only=False)
    assert Path("made").exists()  # it would have


def test_faults_leave_the_set_as_it_was(semtool: Semtool, monkeypatch: pytest.MonkeyPatch) -> None:
    model(Path("m"))
    done(semtool, "import", "m", "--as", "painter", "-o", "set")
    before = contents(Path("set"))
    (Path("m") / "more.json").write_text("{}")
    for fault, status in ((KeyboardInterrupt(), 130), (SemError(102, "full"), 7)):

        def stop(*_: Any, fault: BaseException = fault) -> None:
            raise fault

        for name in ("convert.copy_folder._copy_file", "foundation.model_set.replace_atomically"):
            with monkeypatch.context() as patch:
                patch.setattr(f"refcodec.{name}", stop)
                assert semtool("models", "import", "m", "--as", "painter", "-o", "set", "--replace").status == status
            assert contents(Path("set")) == before
    with monkeypatch.context() as patch:
        patch.setattr("refcodec.convert.copy_folder._copy_file", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(SystemExit, match="143"):
            semtool("models", "import", "m", "--as", "painter", "-o", "set", "--replace")
    assert contents(Path("set")) == before
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    Path("file").write_text("")
    for args, status in (
        (["m", "--as", "painter", "-o", "file"], 7),
        (["m", "--as", "painter", "-o", "/dev/null/x"], 7),
        (["none/of/it", "--as", "painter"], 5),
        (["file", "--as", "painter"], 2),
        (["m", "--as", "poet"], 2),
        (["m"], 2),
        (["m", "m", "--as", "painter"], 2),
        (["m", "--as", "painter", "--photos", "x"], 2),
        (["m", "--as", "painter", "-o", "m"], 2),
        ([".", "--as", "clip", "-o", "set"], 2),
        (["owner/name@../x", "--as", "clip"], 5),
        (["https://localhost/v1#x", "--as", "painter"], 2),
        (["none", "--as", "elic"], 7),
        (["file", "--as", "elic", "--no-fetch"], 2),
        (["file", "--as", "hed", "--photos", "m"], 2),
        (["file", "--as", "hed"], 5),
        (["m", "--as", "lpips-alex"], 7),
        (["file", "file", "--as", "hed"], 2),
        (["file", "--as", "elic", "--base", "m"], 2),
    ):
        refused(semtool("models", "import", *args), status, "usage: " if status == 2 else "SEM-E-")
        said = semtool("models", "import", *args, "--json")
        valid("error", said.json)
    assert contents(Path("set")) == before


@pytest.fixture
def hub(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A snapshot of owner/name at abc, as huggingface_hub would have it."""
    library = pytest.importorskip("huggingface_hub")
    snapshot = model(place / "cache" / "snapshots" / "abc")

    def download(
        name: str,
        *,
        revision: str | None,
        allow_patterns: list[str],
        ignore_patterns: list[str],
        local_files_only: bool,
    ) -> str:
        if name != "owner/name":
            raise OSError("offline")
        if "*.bin" in allow_patterns and not (snapshot / "model.safetensors").exists():
            torch.save({"w": WHOLE}, snapshot / "pytorch_model.bin")
        return str(snapshot)

    monkeypatch.setattr(library, "snapshot_download", download)
    return snapshot


def test_a_hub_id_is_pinned(semtool: Semtool, hub: Path) -> None:
    made = done(semtool, "import", "owner/name", "--as", "painter")
    assert made["roles"] == [
        {"role": "painter", "source": "owner/name", "revision": "abc", "sha256": folder_sha256(hub)}
    ]
    assert installed_roles(Environment.default())["painter"].revision == "abc"
    assert states(semtool)["painter"] == "ok"
    (hub / "config.json").write_text("changed")
    assert states(semtool)["painter"] == "failed 802"


def test_a_hub_id_of_pickled_weights_is_copied_and_converted(semtool: Semtool, hub: Path) -> None:
    (hub / "model.safetensors").unlink()
    made = done(semtool, "import", "owner/name@main", "--as", "painter")
    assert made["converted"] == ["pytorch_model.bin"]
    found = installed_roles(Environment.default())["painter"]
    assert (found.place, found.revision) == (str(model_set.own_set() / "painter"), "abc")
    assert states(semtool)["painter"] == "ok"


def test_a_hub_id_without_a_network(semtool: Semtool, hub: Path) -> None:
    refused(
        semtool("models", "import", "owner/other", "--as", "painter"),
        5,
        "SEM-E-801 model-unavailable: painter: the model owner/other is not on this machine",
    )
    assert installed_roles(Environment.default()) == {}
    said = semtool("models", "import", "owner/other", "--as", "painter", "--no-fetch", "--json")
    valid("models-import", said.json)
    assert "without a digest and without a revision" in said.line
    assert said.json["roles"][0]["sha256"] is None
    assert installed_roles(Environment.default())["painter"].place == "owner/other"
    text = semtool("models", "import", "owner/other@5", "--as", "painter", "--no-fetch", "--replace")
    assert text.text == "painter: owner/other, sha256 not recorded\n"
    assert "without a revision" not in text.line


# --- the process that reads pickles --------------------------------------------------------------------------------


@pytest.mark.slow
def test_wrappers_prefixes_and_shared_memory() -> None:
    base = torch.arange(6.0)
    inner = {
        "module.a": base,
        "module.b": base[2:4],
        "module.c": WHOLE.T,
        "module.n": torch.tensor(3),
        "module.h": WHOLE.bfloat16(),
    }
    torch.save(
        {"epoch": 3, "state_dict": inner | {"n_averaged": torch.tensor(1)}, "optimizer": {"state": {0: {"m": base}}}},
        "x.pth.tar",
    )
    to_safetensors(Path("x.pth.tar"), Path("x.safetensors"))
    from safetensors.torch import load_file as load

    made = load("x.safetensors")
    assert set(made) == {"a", "b", "c", "n", "h"}
    assert all(torch.equal(made[name.removeprefix("module.")], tensor) for name, tensor in inner.items())
    torch.save({"model": {"params": {"module.a": base, "b": {"c": base}}, "x": 1}}, "y.pt")
    to_safetensors(Path("y.pt"), Path("y.safetensors"))
    assert set(load("y.safetensors")) == {"module.a", "b.c"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b""), "is not a checkpoint of tensors (it does not begin as torch writes them)"),
        (lambda path: path.write_bytes(b"cos\nsystem\n(S'touch made'\ntR."), "is not a checkpoint of tensors (it does not begin as torch writes them)"),
        (lambda path: torch.save([WHOLE], path), "is not a checkpoint of tensors (it holds no tensors by name)"),
        (lambda path: torch.save({"a": torch.zeros(1).expand(1 << 20, 1 << 12)}, path), "is not a checkpoint of tensors (its tensors hold more than the file)"),
        (lambda path: torch.save({"a": WHOLE.to_sparse()}, path), "is not a checkpoint of tensors (a is not a dense tensor)"),
        (lambda path: torch.save(torch.nn.Linear(2, 2), path), "is a pickle that holds more than tensors; it was not opened"),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint(make: Any, said: str) -> None:
    make(Path("x.pt"))
    with pytest.raises(SemError) as caught:
        to_safetensors(Path("x.pt"), Path("x.safetensors"))
    assert caught.value.what == f"x.pt {said}"
    assert [path.name for path in Path().iterdir()] == ["x.pt"]


def test_a_process_that_ends_or_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"a": WHOLE}, "x.pt")
    for start, said in (
        ("import os; os.abort()", "ended the process that opened it"),
        ("import time; time.sleep(60)", "takes too long"),
    ):
        monkeypatch.setattr(unpickle, "_START", start)
        monkeypatch.setattr(unpickle, "TIMEOUT_S", 1 if "sleep" in start else 60)
        with pytest.raises(SemError, match=said) as caught:
            to_safetensors(Path("x.pt"), Path("x.safetensors"))
        assert caught.value.code == 803
    assert [path.name for path in Path().iterdir()] == ["x.pt"]
    monkeypatch.setattr(unpickle, "_START", f"import sys; sys.exit({unpickle.NO_TORCH})")
    with pytest.raises(SemError) as caught:
        to_safetensors(Path("x.pt"), Path("x.safetensors"))
    assert caught.value.code == 805
    with pytest.raises(SemError) as caught:
        to_safetensors(Path("none.pt"), Path("x.safetensors"))
    assert caught.value.code == 101


def test_the_process_by_itself() -> None:
    torch.save({"a": WHOLE}, "x.pt")
    for args, status in ((["x.pt", "x.safetensors"], 0), (["x.pt"], 2)):
        said = subprocess.run(
            [sys.executable, "-m", "refcodec.convert.unpickle", *args], capture_output=True, check=False
        )
        assert (said.returncode, said.stderr.count(b"\n")) == (status, status // 2)
    assert np.array_equal(load_file("x.safetensors")["a"], WHOLE.numpy())


def test_the_process_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setattr(
        unpickle, "_START", "import json, os, sys; open(sys.argv[3], 'w').write(json.dumps(dict(os.environ)))"
    )
    torch.save({"a": WHOLE}, "x.pt")
    to_safetensors(Path("x.pt"), Path("env.json"))
    assert set(json.loads(Path("env.json").read_text())) <= {"OMP_NUM_THREADS", "SYSTEMROOT", "LC_CTYPE"}


@pytest.mark.parametrize(
    "deed",
    [
        "import os; os.system('touch made')", "import subprocess; subprocess.run(['touch', 'made'])", "open('made', 'w')", "import os; os.mkdir('made')",
        "import os; os.fork()", "import socket; socket.create_connection(('127.0.0.1', 9))", "import pickle; pickle.loads(b'cos\\nsystem\\n.')",
        "import os; os.open('made', os.O_WRONLY | os.O_CREAT)", "import os; os.remove('kept')", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
    ],
)  # fmt: skip
def test_even_code_that_runs_there_is_watched(deed: str) -> None:
    Path("kept").write_text("")
    code = f"from refcodec.convert.unpickle import _install_audit_hook; _install_audit_hook(); {deed}"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"PermissionError: " in said.stderr
    assert b" while a checkpoint is read" in said.stderr
    assert {path.name for path in Path().iterdir()} == {"kept"}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_memory_and_files_of_the_process_are_bounded() -> None:
    code = "from refcodec.convert.unpickle import _limit_resources; _limit_resources(1000); {}"
    for deed, said in (
        ("bytearray(1 << 33)", b"MemoryError"),
        ("open('big', 'wb').write(bytes(1 << 25))", b"OSError: [Errno 27] File too large"),
    ):
        done = subprocess.run([sys.executable, "-c", code.format(deed)], capture_output=True, check=False)
        assert said in done.stderr


# --- public checkpoints --------------------------------------------------------------------------------------------


def test_a_public_elic_becomes_a_package(semtool: Semtool) -> None:
    import public_checkpoints
    from PIL import Image
    from safetensors.torch import save_file as save

    state = {f"module.{k}": t for k, t in public_checkpoints.compressai(n=16, m=28, groups=(2, 2, 4, 8, 12)).items()}
    torch.save({"epoch": 1, "state_dict": state}, "elic.pth.tar")
    save(state, "elic.safetensors")
    Path("photos").mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (70, 90, 3)).astype(np.uint8)).save("photos/a.png")
    made = done(
        semtool,
        "import",
        "elic.pth.tar",
        "--as",
        "elic",
        "--photos",
        "photos",
        "--licence",
        "MIT",
        "--notes",
        "of a test",
    )
    folder = Path(made["folder"])
    assert folder == model_set.own_set().parent / "elic"
    assert any("bytes with the float entropy model" in text for text in made["notices"])
    row = done(semtool, "show", "elic", schema="show")["packages"][0]
    assert (row["name"], row["licence"], row["notes"], row["digest"]) == ("elic", "MIT", "of a test", made["digest"])
    assert states(semtool, made["digest"]) == {"elic": "ok"}
    before = contents(folder)
    refused(
        semtool("models", "import", "elic.pth.tar", "--as", "elic"),
        2,
        f"usage: {folder} is there already (--replace replaces it)",
    )
    assert contents(folder) == before
    refused(
        semtool("models", "import", "elic.safetensors", "--as", "elic", "--variant", "chandelier", "-o", "out"),
        5,
        "SEM-E-803 ",
    )
    refused(
        semtool("models", "import", "elic.safetensors", "--as", "elic", "--variant", "none", "-o", "out"),
        2,
        "usage: variant 'none' is unknown",
    )
    Path("photos/a.png").unlink()
    refused(
        semtool("models", "import", "elic.safetensors", "--as", "elic", "--photos", "photos", "-o", "out"),
        2,
        "usage: photos holds no photographs",
    )
    assert not Path("out").exists()


def test_public_metrics_become_files(semtool: Semtool) -> None:
    from metric_checkpoints import public, random_state
    from safetensors.torch import save_file as save

    from refcodec.cli.bench.metric_networks.lpips import Lpips

    state = random_state(Lpips("alex"))
    backbone, heads = public("lpips-alex", state)
    save(backbone, "alexnet.safetensors")
    torch.save(heads, "alex.pth")
    made = done(semtool, "import", "alexnet.safetensors", "alex.pth", "--as", "lpips-alex", "-o", "metrics")
    assert (made["folder"], made["converted"]) == ("metrics", ["alexnet.safetensors", "alex.pth"])
    assert {path.name for path in Path("metrics").iterdir()} == {"lpips-alex.safetensors"}
    Lpips.load(Path("metrics"), "alex")
    refused(
        semtool("models", "import", "alexnet.safetensors", "--as", "lpips-alex", "-o", "metrics"),
        2,
        "usage: metrics/lpips-alex.safetensors is there already",
    )
    refused(semtool("models", "import", "alexnet.safetensors", "--as", "lpips-alex", "-o", "other"), 5, "SEM-E-803 ")
    assert not Path("other").exists()


@pytest.mark.models
def test_a_public_hed_fills_its_role(semtool: Semtool) -> None:
    pytest.importorskip("transformers")
    from safetensors.torch import save_file as save

    from refcodec.foundation.hed import EdgeDetector, Hed

    save(Hed().state_dict(), "ControlNetHED.safetensors")
    made = done(semtool, "import", "ControlNetHED.safetensors", "--as", "hed", "-o", "set")
    assert made["roles"][0]["sha256"] == folder_sha256(Path("set/edge_detector"))
    models = Models.of("set", device="cpu")
    assert models.load("edge_detector", EdgeDetector.load, {}) is not None
    assert states(semtool, "set") == {"edge_detector": "ok"}
    refused(
        semtool("models", "import", "ControlNetHED.safetensors", "--as", "hed", "-o", "set"),
        2,
        "usage: the role edge_detector of the set set is filled already (--replace replaces it)",
    )


@pytest.mark.models
def test_a_public_perco_fills_its_roles(semtool: Semtool) -> None:
    pytest.importorskip("diffusers")
    import tiny_models
    from public_perco import published
    from safetensors.torch import save_file as save

    from refcodec.foundation.hyper_encoder import HyperEncoder
    from refcodec.foundation.perco_diffusion import PercoGenerator

    _, state, unet = published()
    torch.save(state, "perco.pt")
    save({k: t.contiguous() for k, t in state.items() if not k.endswith("embed_avg")}, "perco.safetensors")
    alone = done(semtool, "import", "perco.safetensors", "--as", "perco", "-o", "alone")
    assert [entry["role"] for entry in alone["roles"]] == ["hyper_encoder"]
    assert "--base" in alone["notices"][0]
    tiny_models.text_to_image(Path("sd"))
    made = done(semtool, "import", "perco.pt", "--as", "perco", "--base", "sd/painter", "-o", "set")
    assert [entry["role"] for entry in made["roles"]] == ["hyper_encoder", "painter"]
    models = Models.of("set", device="cpu")
    models.load("hyper_encoder", HyperEncoder.load, {})
    painter = PercoGenerator.load(Path("set/painter"), models)
    assert torch.equal(painter.unet.conv_in.weight, unet.conv_in.weight)
    assert states(semtool, "set") == {"hyper_encoder": "ok", "painter": "ok"}
    save({k: t for k, t in state.items() if not k.startswith(("backbone", "quantizer"))}, "unet.safetensors")
    refused(
        semtool("models", "import", "unet.safetensors", "--as", "perco", "-o", "other"),
        2,
        "usage: these checkpoints hold a U-Net only",
    )
    refused(
        semtool("models", "import", "perco.safetensors", "--as", "perco", "--base", "sd", "-o", "other"),
        2,
        "usage: sd is not a folder of a diffusion pipeline",
    )
