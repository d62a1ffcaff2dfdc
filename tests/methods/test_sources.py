# SPDX-License-Identifier: MIT
"""What fills roles: what users and models.json may name, what is refused and how, and digests that nothing slips past."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.foundation import folder_digest, model_set
from refcodec.foundation.download import resolve_folder, source_sha256
from refcodec.foundation.folder_digest import folder_sha256, model_files
from refcodec.foundation.models_json import installed_roles, roles_in_folder
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import ModelSource, parse_role, source_of

os.environ["HF_HUB_OFFLINE"] = "1"

HERE = {"source": "painter", "revision": None, "sha256": None}


def model(folder: Path, **config: Any) -> Path:
    """A folder with weights, which no loader takes."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"w": np.zeros(3, np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def listing(folder: Path, roles: Any, **frame: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "models.json").write_text(
        json.dumps({"format": "sem-models", "format_version": 1, "roles": roles} | frame)
    )
    return folder


def refused(code: int, call: Callable[[], Any]) -> SemError:
    with pytest.raises(SemError) as caught:
        call()
    assert caught.value.code == code, caught.value
    assert "\n" not in str(caught.value)
    return caught.value


# --- what is named -------------------------------------------------------------------------------------------------


def test_what_a_user_names() -> None:
    assert parse_role("painter=stabilityai/sd") == ("painter", "stabilityai/sd")
    assert parse_role("painter=a=b") == ("painter", "a=b")
    assert parse_role("folder") is None
    Path("odd=name").mkdir()
    assert parse_role("odd=name") is None
    for wrong, said in (("poet=x", "'poet' is not a role"), ("painter=", "no model is named")):
        with pytest.raises(ValueError, match=said):
            parse_role(wrong)
    assert source_of("painter", "owner/name@main") == ModelSource("painter", "owner/name", "main")
    assert source_of("painter", "owner/name") == ModelSource("painter", "owner/name")
    Path("owner@home").mkdir()
    assert source_of("painter", "owner@home") == ModelSource("painter", "owner@home")
    assert source_of("language", "https://x.org/v1#name@2").is_endpoint
    assert ModelSource("painter", "owner/name", "main").name == "owner/name@main"
    assert ModelSource("painter", str(model(Path("some/painter").absolute()))).name == "some/painter"


def test_what_a_folder_fills() -> None:
    assert roles_in_folder(Path("nowhere")) == {}
    model(Path("set/painter")), model(Path("set/poet"))
    assert roles_in_folder(Path("set")) == {"painter": ModelSource("painter", "set/painter")}
    listing(Path("set"), {"language": {"source": "owner/name", "revision": "abc", "sha256": "0" * 64}, "painter": HERE})
    assert roles_in_folder(Path("set")) == {
        "language": ModelSource("language", "owner/name", "abc", "0" * 64),
        "painter": ModelSource("painter", "set/painter"),
    }
    Path("pipeline").mkdir()
    Path("pipeline/model_index.json").write_text("{}")
    assert roles_in_folder(Path("pipeline")) == {"painter": ModelSource("painter", "pipeline")}


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "[" * 99999, '{"format": "sem-models", "format_version": 2, "roles": {}}', " " * (1 << 21),
        '{"format": "sem-models", "format_version": true, "roles": {}}', '{"format": "sem-models", "format_version": 1}',
        '{"format": "sem-models", "format_version": 1, "roles": []}', '{"format": "sem-models", "format": "sem-models"}', "\ud800",
    ],
)  # fmt: skip
def test_a_listing_that_is_none(text: str) -> None:
    Path("models.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert "models.json" in str(refused(803, lambda: roles_in_folder(Path())))


@pytest.mark.parametrize(
    "entry",
    [
        None, "painter", {}, {"source": 1}, HERE | {"revision": 1}, HERE | {"sha256": "A" * 64}, HERE | {"sha256": "0" * 63},
        *(HERE | {"source": place} for place in ("", ".", "./", "..", "painter/..", "../outside", "/etc", "~", "a/../../outside", "C:\\x", "\\x", "..\\x", "C:painter", "a\0b",
                                                 "none/such/folder", "https://x.org", "painter\n", "file.txt")),
    ],
)  # fmt: skip
def test_an_entry_that_leads_elsewhere(entry: Any) -> None:
    model(Path("set/painter")), model(Path("outside"))
    Path("set/file.txt").write_text("")
    if isinstance(entry, dict) and entry.get("source") == "file.txt":
        assert (
            roles_in_folder(listing(Path("set"), {"painter": entry}))["painter"].place == "file.txt"
        )  # a name on the hub, for all we know
        return
    refused(803, lambda: roles_in_folder(listing(Path("set"), {"painter": entry})))


def test_a_role_that_there_is_not() -> None:
    refused(803, lambda: roles_in_folder(listing(Path(), {"poet": HERE})))


def test_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    own = model_set.own_set()
    model(own / "painter"), model(Path("one/painter")), model(Path("two/painter"))
    assert installed_roles(Environment.default()) == {}  # folders alone are not recorded
    listing(own, {"painter": HERE, "language": HERE | {"source": "owner/name"}})
    assert installed_roles(Environment.default())["painter"].place == str(own / "painter")
    listing(Path("one"), {"painter": HERE})
    monkeypatch.setenv("SEM_MODELS", os.pathsep.join(["two", str(Path("one").absolute()), "missing"]))
    assert installed_roles(Environment.default())["painter"].place == str(
        Path("one/painter").absolute()
    )  # SEM_MODELS comes first; a folder that is not listed fills no role
    assert installed_roles(Environment.default())["language"].place == "owner/name"
    assert Models.of().find("painter") == installed_roles(Environment.default())["painter"]
    assert Models.of("painter=two/painter").find("painter").place == "two/painter"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_folders_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    listing(Path("sets/closed"), {}), model(Path("open/inner"))
    monkeypatch.setenv("SEM_MODELS", "sets")
    os.chmod("sets/closed", 0)
    os.chmod("open/inner", 0)
    try:
        assert installed_roles(Environment.default()) == {}
        refused(801, lambda: folder_sha256(Path("open")))
        refused(801, lambda: resolve_folder(ModelSource("painter", "open")))
    finally:
        os.chmod("sets/closed", 0o700)
        os.chmod("open/inner", 0o700)


def test_models_of_what_users_name() -> None:
    model(Path("set/painter")), model(Path("other"))
    made = Models.of(["set", "language=owner/name@7", Path("other")], device="cpu", dtype="float32")
    assert made.folders == (Path("set"), Path("other"))
    assert made.roles == {
        "painter": ModelSource("painter", "set/painter"),
        "language": ModelSource("language", "owner/name", "7"),
    }
    assert (made.device, made.dtype) == ("cpu", "float32")
    assert Models.of(made) is made
    again = Models.of(made, device="cuda", dtype="float16", allow_download=True, any_model=True, announce=print)
    assert (again.device, again.dtype, again.allow_download, again.announce) == ("cpu", "float32", False, made.announce)
    assert (again.folders, again.roles, again.any_model) == (made.folders, made.roles, True)
    assert Models.of(again) is again
    assert Models.of("set").has("painter")
    loaded = object()
    assert Models.of({"painter": loaded, "language": "owner/name"}).find("painter") is loaded
    for wrong in ({"poet": "x"}, ["poet=x"]):
        with pytest.raises(ValueError, match="not a role"):
            Models.of(wrong)
    for more in ({"device": "gpu"}, {"dtype": "int8"}):
        with pytest.raises(ValueError, match="device is one of"):
            Models.of(**more)


# --- what is loaded ------------------------------------------------------------------------------------------------


def name_of(folder: Path, models: Models) -> str:
    return folder.name


def test_loading_keeps_and_names_what_it_took() -> None:
    model(Path("set/painter"))
    calls: list[Path] = []

    def loader(folder: Path, models: Models) -> object:
        calls.append(folder)
        return object()

    models = Models.of("set")
    assert models.load("painter", loader, {}) is models.load("painter", loader, {})
    assert calls == [Path("set/painter")]
    assert models.used == {"painter": "set/painter"}
    ready = type("Ready", (), {"name": "mine"})()
    models.fill("language", ready)
    assert models.load("language", name_of, {}) is ready
    assert models.used["language"] == "mine"


def test_a_missing_role_says_what_to_do() -> None:
    error = refused(801, lambda: Models.of().load("painter", name_of, {"painter": "owner/recommended"}))
    assert "painter" in error.what
    assert "owner/recommended" in error.what
    assert error.hint == "name it with --model painter=owner/recommended, a folder or a hub id"
    assert error.status == 5
    assert "FOLDER" in refused(801, lambda: Models.of().load("clip", name_of, {})).hint


@pytest.mark.parametrize(
    "where", ["/no/such", "./no", "~/no", "no/such/folder", "a//b", "x" * 200, "file", "broken", "C:\\no", "a b", "-x"]
)
def test_what_is_neither_folder_nor_hub_id(where: str) -> None:
    Path("file").write_text("")
    Path("broken").symlink_to("nowhere")
    assert "is not a folder" in refused(801, lambda: resolve_folder(ModelSource("painter", where))).what


def test_another_digest_than_recorded() -> None:
    folder = model(Path("set/painter"))
    known = folder_sha256(folder)
    listing(Path("set"), {"painter": HERE | {"sha256": known}})
    assert Models.of("set").load("painter", name_of, {}) == "painter"
    for change in (
        lambda: (folder / "model.safetensors").write_bytes(b"other"),
        lambda: (folder / "new.json").write_text("{}"),
        (folder / "config.json").unlink,
        lambda: (folder / "config.json").rename(folder / "renamed.json"),
    ):
        change()
        error = refused(802, lambda: Models.of("set").load("painter", name_of, {}))
        assert "set/painter has another digest than models.json says" in error.what
        model(folder)
        for extra in ("new.json", "renamed.json"):
            (folder / extra).unlink(missing_ok=True)
        assert folder_sha256(folder) == known


def test_pickled_weights_are_never_opened() -> None:
    folder = model(Path("painter"))
    (folder / "model.safetensors").unlink()
    assert "has no weights" in refused(801, lambda: resolve_folder(ModelSource("painter", "painter"))).what
    (folder / "pytorch_model.bin").write_bytes(b"\x80")
    error = refused(803, lambda: resolve_folder(ModelSource("painter", "painter")))
    assert "pytorch_model.bin" in error.what
    assert "semtool models import" in error.hint
    (folder / "pytorch_model.bin").rename(folder / "openvino_model.bin")
    assert "weights for OpenVINO only" in refused(803, lambda: resolve_folder(ModelSource("painter", "painter"))).what


@pytest.mark.models
def test_another_architecture() -> None:
    pytest.importorskip("transformers")
    from refcodec.foundation.image_embedder import ImageEmbedder

    model(Path("llama"), model_type="llama")
    models = Models.of("image_embedder=llama")
    error = refused(803, lambda: models.load("image_embedder", ImageEmbedder.load, {}))
    assert "llama" in error.what
    assert error.path == "image_embedder"


@pytest.mark.models
def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("diffusers")  # before transformers is hidden: it looks only once
    from refcodec.foundation.image_embedder import ImageEmbedder

    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "huggingface_hub", None)
        assert "refcodec[models]" in refused(805, lambda: resolve_folder(ModelSource("painter", "owner/name"))).hint
    model(Path("vision"), model_type="clip")
    monkeypatch.setitem(sys.modules, "transformers", None)
    refused(805, lambda: Models.of("image_embedder=vision").load("image_embedder", ImageEmbedder.load, {}))


@pytest.mark.models
def test_a_device_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from refcodec.foundation.device import dtype_of

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert Models.of().torch_device() == "cpu"
    for device in ("cuda", "mps"):
        with pytest.raises(ValueError, match=f"torch sees no {device} device here"):
            Models.of(device=device).torch_device()
    assert dtype_of(Models.of()) == torch.float32
    assert dtype_of(Models.of(dtype="bfloat16")) == torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Models.of().torch_device() == "cuda"
    assert dtype_of(Models.of()) == torch.float16


# --- the hub -------------------------------------------------------------------------------------------------------


def test_the_hub_without_a_network() -> None:
    pytest.importorskip("huggingface_hub")
    error = refused(801, lambda: resolve_folder(ModelSource("painter", "nobody/no-such-model", "main")))
    assert "nobody/no-such-model@main is not on this machine and cannot be fetched" in error.what
    assert "--model painter=FOLDER" in error.hint


@pytest.mark.parametrize("revision", ["", "../x", "a/../b", "/etc", "a\\b", "a b", "-x", "a/"])
def test_what_is_no_revision(revision: str) -> None:
    assert (
        "is not a revision" in refused(801, lambda: resolve_folder(ModelSource("painter", "owner/name", revision))).what
    )


def test_faults_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    transport = hub.errors.HfHubHTTPError.__bases__[0]
    for fault in (transport("down"), OSError("disk"), ValueError("no id"), RuntimeError("refused")):

        def fails(*_: Any, fault: Exception = fault, **__: Any) -> str:
            raise fault

        monkeypatch.setattr(hub, "snapshot_download", fails)
        refused(801, lambda: resolve_folder(ModelSource("painter", "owner/name")))


def test_a_model_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    snapshot = model(Path("cache/snapshots/abc").absolute())
    asked: list[tuple[Any, dict[str, Any]]] = []

    def download(place: str, **more: Any) -> str:
        asked.append((place, more))
        return str(snapshot)

    monkeypatch.setattr(hub, "snapshot_download", download)
    found = ModelSource("painter", "owner/name", "abc", source_sha256(ModelSource("painter", "owner/name"), snapshot))
    (snapshot / "model.fp16.safetensors").write_bytes(b"")  # another program fetched more of it: not what we load
    assert resolve_folder(found) == snapshot
    place, more = asked[0]
    assert (place, more["revision"], more["local_files_only"]) == ("owner/name", "abc", False)
    assert not [pattern for pattern in more["allow_patterns"] if pattern.endswith((".bin", ".py", ".pt", "*"))]
    resolve_folder(found, fetch=False)
    assert asked[1][1]["local_files_only"]
    (snapshot / "config.json").write_text("changed")
    refused(802, lambda: resolve_folder(found))


# --- digests -------------------------------------------------------------------------------------------------------


def test_a_digest_counts_what_loaders_read(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    known = folder_sha256(folder)
    (folder / ".cache").mkdir()
    (folder / "CASE.JSON").write_text("x")  # some file systems find it by the name of another case
    assert folder_sha256(folder) != known
    (folder / "CASE.JSON").unlink()
    for name in ("weights.bin", "README.md", "run.py", ".hidden.json", ".cache/x.json"):
        (folder / name).write_text("x")
    assert folder_sha256(folder) == known
    model(folder / "unet")
    assert folder_sha256(folder) != known
    (tmp_path / "link").symlink_to(folder)
    assert folder_sha256(tmp_path / "link") == folder_sha256(folder)


def test_a_digest_follows_links_as_loaders_do(tmp_path: Path) -> None:
    folder, other = model(tmp_path / "m"), model(tmp_path / "other")
    (folder / "unet").symlink_to(other)
    known = folder_sha256(folder)
    (other / "model.safetensors").write_bytes(b"changed")
    assert folder_sha256(folder) != known
    (folder / "unet").unlink()
    (folder / "round").symlink_to(folder)
    refused(803, lambda: folder_sha256(folder))


def test_a_folder_that_is_far_too_large_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model(tmp_path / "m")
    monkeypatch.setattr(folder_digest, "FILES_MAX", 3)
    for name in ("a", "b"):
        (folder / name).write_text("")
    assert (
        "holds more than a model does" in refused(803, lambda: resolve_folder(ModelSource("painter", str(folder)))).what
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_only_regular_files_count(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    known = folder_sha256(folder)
    os.mkfifo(folder / "pipe.json")
    (folder / "endless.json").symlink_to("/dev/zero")
    (folder / "dangling.json").symlink_to("nowhere")
    (folder / "loop.json").symlink_to("loop.json")
    (folder / "one.json").symlink_to("two.json")
    (folder / "two.json").symlink_to("one.json")
    assert folder_sha256(folder) == known


NAMES = st.text(st.sampled_from('a\\éx9\udcff\n"'), min_size=1, max_size=5)


@given(st.lists(NAMES, min_size=1, max_size=3, unique=True), st.lists(NAMES, min_size=1, max_size=3, unique=True))
def test_no_two_sets_of_names_have_one_digest(one: list[str], two: list[str]) -> None:
    def of(names: list[str]) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                folder_digest, "model_files", lambda _: [(f"{name}.json", Path(f"{name}.json")) for name in names]
            )
            patch.setattr(folder_digest, "file_sha256", lambda _: "0")
            return folder_sha256(Path())

    assert (of(one) == of(two)) == (set(one) == set(two))


def test_files_in_order_with_slashes(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    model(folder / "unet")
    assert [name for name, _ in model_files(folder)] == [
        "config.json",
        "model.safetensors",
        "unet/config.json",
        "unet/model.safetensors",
    ]


# --- writing sets --------------------------------------------------------------------------------------------------


def test_recording_keeps_what_else_is_there() -> None:
    model(Path("set/painter"))
    listing(Path("set"), {"language": HERE | {"source": "owner/name"}}, notes="mine")
    model_set.record_role(Path("set"), ModelSource("painter", "set/painter", None, "1" * 64))
    document = json.loads(Path("set/models.json").read_text())
    assert document["notes"] == "mine"
    assert document["roles"]["painter"] == {"source": "painter", "revision": None, "sha256": "1" * 64}
    assert set(roles_in_folder(Path("set"))) == {"painter", "language"}
    with pytest.raises(ValueError, match="is not a folder of the set"):
        model_set.record_role(Path("set"), ModelSource("painter", str(model(Path("outside")))))
    with pytest.raises(ValueError, match="is not a folder of the set"):
        model_set.record_role(Path("set"), ModelSource("painter", "set"))
    Path("set/models.json").write_text("{")
    refused(803, lambda: model_set.record_role(Path("set"), ModelSource("painter", "set/painter")))
    assert Path("set/models.json").read_text() == "{"


def test_a_set_without_a_listing_keeps_what_it_fills() -> None:
    model(Path("set/painter")), model(Path("set/new"))
    model_set.record_role(Path("set"), ModelSource("clip", "set/new", None, "1" * 64))
    assert roles_in_folder(Path("set")) == {
        "painter": ModelSource("painter", "set/painter"),
        "clip": ModelSource("clip", "set/new", None, "1" * 64),
    }
    with pytest.raises(ValueError, match="the role clip of the set set is filled already"):
        model_set.refuse_taken_role(Path("set"), "clip")
    model_set.refuse_taken_role(Path("set"), "clip", replace=True)
    model_set.refuse_taken_role(Path("set"), "language")
    with pytest.raises(ValueError, match="is a model, not a set of models"):
        model_set.refuse_taken_role(Path("set/painter"), "clip")


def test_a_folder_settles_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    model(Path("set/painter"), old=True)
    with pytest.raises(ValueError, match="is there already"):
        model_set.refuse_existing(Path("set/painter"))
    rename = os.rename

    def fails(a: Any, b: Any) -> None:
        if Path(a).name == "painter" and Path(b) == Path("set/painter"):
            raise OSError(28, "No space left on device")
        rename(a, b)

    with monkeypatch.context() as patch, model_set.temporary_dir(Path("set")) as scratch:
        model(scratch / "painter", new=True)
        patch.setattr(os, "rename", fails)
        refused(102, lambda: model_set.replace_atomically(scratch / "painter", Path("set/painter")))
    assert json.loads(Path("set/painter/config.json").read_text()) == {"old": True}
    with model_set.temporary_dir(Path("set")) as scratch:
        model_set.replace_atomically(model(scratch / "painter", new=True), Path("set/painter"))
    assert json.loads(Path("set/painter/config.json").read_text()) == {"new": True}
    assert [path.name for path in Path("set").iterdir()] == ["painter"]
    with pytest.raises(KeyboardInterrupt), model_set.temporary_dir(Path("fresh")):
        raise KeyboardInterrupt
    assert not Path("fresh").exists()
