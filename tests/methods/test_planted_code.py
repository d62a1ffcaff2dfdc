# SPDX-License-Identifier: MIT
"""Model folders with code, named in each way that transformers and diffusers follow, in the folder of each role, from the
command line and from Python, with "y" on standard input. The code would write a file, which must be absent."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers")

import tiny_models
from role_folders import write_role_folders

import refcodec
from refcodec.cli.bench.metric_networks.segmentation import Segmenter
from refcodec.errors import ModelError
from refcodec.foundation import folder_code, loading
from refcodec.foundation.captioner import Captioner
from refcodec.foundation.clip_model import ClipModel
from refcodec.foundation.controlnet import ControlNet
from refcodec.foundation.hed import EdgeDetector
from refcodec.foundation.hyper_config import HyperConfig
from refcodec.foundation.hyper_encoder import HyperEncoder
from refcodec.foundation.image_embedder import ImageEmbedder
from refcodec.foundation.instruction_editor import InstructionEditor
from refcodec.foundation.language_model import LanguageModel
from refcodec.foundation.perco_diffusion import LatentCoder, PercoGenerator
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_encoder import TextEncoder
from refcodec.foundation.text_to_image import TextToImage
from refcodec.foundation.unclip import UnclipGenerator
from refcodec.sandbox import audit

pytestmark = pytest.mark.models

# name of a folder -> (role, loaders of it)
LOADERS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "captioner": ("captioner", (Captioner.load,)),
    "language": ("language", (LanguageModel.load,)),
    "painter": ("painter", (TextToImage.load, LatentCoder.load, PercoGenerator.load)),
    "editor": ("editor", (InstructionEditor.load,)),
    "unclip": ("painter", (UnclipGenerator.load,)),
    "controlnet": ("controlnet", (ControlNet.load,)),
    "image_embedder": ("image_embedder", (ImageEmbedder.load,)),
    "text_encoder": ("text_encoder", (TextEncoder.load,)),
    "clip": ("clip", (ClipModel.load,)),
    "edge_detector": ("edge_detector", (EdgeDetector.load,)),
    "hyper_encoder": ("hyper_encoder", (HyperEncoder.load,)),
    "segmenter": ("segmenter", (Segmenter.load,)),
}
REFERENCE = "plant.Plant"
AUTO = ("AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoModelForImageTextToText", "AutoTokenizer", "AutoProcessor",
        "AutoImageProcessor", "AutoModelForSemanticSegmentation", "CLIPModel", "DDIMScheduler")  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_role_folders(folder)
    cfg = HyperConfig(v=64, stride=8, factor=2, latent_channels=4, n=8, m=12, dim=4, null_text=(77, 16))
    HyperEncoder(cfg).save(folder / "hyper_encoder")
    return folder


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "marker"
    yield path
    assert not path.exists(), "the planted code has run"


def settings(folder: Path, *names: str) -> Iterator[Path]:
    """The configurations of a folder and its components; `names`: those alone."""
    for path in sorted(folder.rglob("*.json")):
        if path.name not in folder_code.WORD_LISTS and (not names or path.name in names):
            yield path


def change(paths: Iterator[Path], **members: Any) -> None:
    for path in paths:
        path.write_text(json.dumps(json.loads(path.read_text()) | members))


def everywhere(reference: str) -> Callable[[Path], None]:
    return lambda folder: change(settings(folder), auto_map=dict.fromkeys(AUTO, reference))


def inner(folder: Path) -> None:
    """In the configuration of a part: transformers asks without having been passed an answer."""
    change(settings(folder, "config.json"), text_config={"model_type": "plant", "auto_map": {"AutoModel": REFERENCE}})


def custom_generate(folder: Path) -> None:
    (folder / "custom_generate").mkdir()
    shutil.copy(folder / "plant.py", folder / "custom_generate" / "generate.py")


def component(folder: Path) -> None:
    index = folder / "model_index.json"
    document = json.loads(index.read_text()) if index.exists() else {}
    index.write_text(json.dumps(document | {"unet": ["plant", "Plant"], "scheduler": ["plant", "Plant"]}))


def no_pipeline(folder: Path) -> None:
    """The file that diffusers takes for a pipeline of its own when none is named."""
    shutil.copy(folder / "plant.py", folder / "None.py")


def versioned(folder: Path) -> None:
    """A configuration for newer versions of transformers, under a name that hides it."""
    (folder / ".config.4.0.0.json").write_text(json.dumps({"auto_map": {"AutoModel": REFERENCE}}))
    change(settings(folder, "config.json"), configuration_files=[".config.4.0.0.json"])


WAYS: dict[str, Callable[[Path], None]] = {
    "auto_map": everywhere(REFERENCE),
    "auto_map of another repository": everywhere(f"some/where--{REFERENCE}"),
    "auto_map of a part": inner,
    "custom_generate": custom_generate,
    "custom_generate of the settings": lambda f: (f / "generation_config.json").write_text('{"custom_generate": "some/where"}') and None,
    "pipeline of a file": lambda f: change(settings(f), _class_name=["plant", "Plant"]),
    "class of a module": lambda f: change(settings(f), tokenizer_class=REFERENCE, processor_class=REFERENCE, _class_name=REFERENCE),
    "component of a file": component,
    "None.py": no_pipeline,
    "custom_pipeline": lambda f: change(settings(f), custom_pipeline="plant"),
    "kernel": lambda f: change(settings(f), _attn_implementation="some/kernel:plant"),
    "kernels of parts": lambda f: change(settings(f), attn_implementation={"": "sdpa", "text_config": "some/kernel@v1"}),
    "adapter": lambda f: (f / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(f)})) and None,
    "quantisation": lambda f: change(settings(f), quantization_config={"quant_method": "plant"}),
    "hidden version": versioned,
}  # fmt: skip


def planted(models: Path, name: str, way: str, to: Path, marker: Path) -> Path:
    """A copy of a model in which code is planted, also as the cache would have it, and named in one way."""
    folder = to / f"{name} of code"
    shutil.copytree(models / name, folder)
    code = f"open({str(marker)!r}, 'w').write('run')\nclass Plant: pass\ndef generate(*a, **k): pass\n"
    for place in (folder, *(path for path in folder.iterdir() if path.is_dir())):
        (place / "plant.py").write_text(code)
    WAYS[way](folder)
    return folder


@pytest.fixture
def yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 99))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LOADERS)
def test_code_of_a_folder_is_refused(
    name: str, way: str, models: Path, tmp_path: Path, marker: Path, yes: None, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = planted(models, name, way, tmp_path, marker)
    role, loaders = LOADERS[name]
    for loader in loaders:
        for call in (lambda: loader(folder, Models()), lambda: Models.of({role: folder}).load(role, loader, {})):  # noqa: B023
            with pytest.raises(ModelError) as caught:
                call()
            assert (caught.value.code, caught.value.path) == (803, role)
            assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LOADERS)
def test_what_the_check_of_the_folder_misses_does_not_run(
    name: str, way: str, models: Path, tmp_path: Path, marker: Path, yes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the check, loaders see the folder: some load it and leave the code alone, the others raise one error."""
    monkeypatch.setattr(loading, "refuse_code", lambda *_: None)
    folder = planted(models, name, way, tmp_path, marker)
    for loader in LOADERS[name][1]:
        with suppress(ModelError):
            loader(folder, Models(device="cpu"))


COMMANDS: dict[str, tuple[str, ...]] = {
    "captioner": ("encode", "photo.png", "--method", "consonant"),
    "language": ("encode", "photo.png", "--method", "consonant", "--text", "a cat on a mat"),
    "painter": ("decode", "caption.sem", "-o", "new.png"),
    "editor": ("decode", "words.sem", "-o", "new.png", "--reflections", "1"),
    "unclip": ("decode", "vector.sem", "-o", "new.png"),
    "controlnet": ("encode", "photo.png", "--method", "pics", "--caption", "a cat", "--edges", "contours", "--candidates", "2"),
    "image_embedder": ("encode", "photo.png", "--method", "clip"),
    "clip": ("encode", "photo.png", "--method", "pics", "--edges", "none"),
    "edge_detector": ("encode", "photo.png", "--method", "pics", "--caption", "a cat", "--edges", "hed"),
    "hyper_encoder": ("encode", "photo.png", "--method", "perco"),
    "segmenter": ("bench", "rate", ".", "--method", "jpeg", "--anchors", "none", "--metrics", "css"),
}  # fmt: skip


QUICK = {("language", "auto_map"), ("painter", "pipeline of a file")}


@pytest.mark.parametrize(
    ("name", "way"),
    [
        pytest.param(name, way, marks=() if (name, way) in QUICK else pytest.mark.slow)
        for name in COMMANDS
        for way in WAYS
    ],
)
def test_the_program_runs_no_code_of_a_folder(
    name: str, way: str, models: Path, tmp_path: Path, marker: Path, place: Path
) -> None:
    from PIL import Image

    Image.fromarray(tiny_models.photo()).save("photo.png")
    Path("caption.sem").write_bytes(refcodec.encode(None, caption="a cat", size=(64, 64)))
    Path("words.sem").write_bytes(refcodec.encode(None, text="ct", size=(64, 64)))
    Path("vector.sem").write_bytes(refcodec.encode(None, vector=[0.0] * 768, size=(64, 64), method="clip"))
    folder = planted(models, name, way, tmp_path, marker)
    beside = {"controlnet": ("painter", "clip"), "editor": ("painter", "captioner", "language")}
    others = [f"{role}={models / role}" for role in beside.get(name, ())]
    options = [part for entry in (*others, f"{LOADERS[name][0]}={folder}") for part in ("--model", entry)]
    done = subprocess.run(
        [sys.executable, "-m", "refcodec.cli", *COMMANDS[name], *options],
        input=b"y\n" * 99,
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout) == (5, b""), done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert b"SEM-E-803" in done.stderr


# --- the check by itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOADERS)
def test_folders_as_they_are_published_are_taken(name: str, models: Path, tmp_path: Path) -> None:
    folder_code.refuse_code("painter", models / name)
    shutil.copytree(models / name, tmp_path / "m")
    change(settings(tmp_path / "m"), _attn_implementation="flash_attention_2", auto_map=None, quantization_config=None)
    (tmp_path / "m" / "train.py").write_text("raise SystemExit")  # nothing names it
    (tmp_path / "m" / "vocab.json").write_text('{"auto_map": 5}')  # a word
    folder_code.refuse_code("painter", tmp_path / "m")


@pytest.mark.parametrize("library", ["diffusers", "transformers", "stable_diffusion", "latent_diffusion", None])
def test_components_of_the_libraries_are_taken(library: str | None, tmp_path: Path) -> None:
    index = {
        "_class_name": "StableDiffusionPipeline",
        "safety_checker": [library, library and "Checker"],
        "size": [1, 2],
    }
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    folder_code.refuse_code("painter", tmp_path)


@pytest.mark.parametrize(
    "library", ["os", "torch.hub", "plant", "../plant", "onnxruntime.training", "", "__pycache__/x"]
)
def test_components_of_other_modules_are_refused(library: str, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"{unet}": [library, "Plant"]}))
    with pytest.raises(ModelError, match="whose code is never run; name a class of transformers or diffusers"):
        folder_code.refuse_code("painter", tmp_path)


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "chat_template.jinja", "vocab.txt", "x/y.index.json"]
)
def test_files_of_a_folder_are_bounded(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as stream:
        stream.truncate((1 << 28) + 1)
    with pytest.raises(ModelError, match=r"of more than (16|256) MB; get the model again, or name another folder"):
        folder_code.refuse_code("language", tmp_path)


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 900 + "1" + "}" * 900])
def test_configurations_are_not_too_deep(deep: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(deep)
    with pytest.raises(ModelError, match=r"has a config\.json that is too deep"):
        folder_code.refuse_code("language", tmp_path)


# --- the audit hook ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "deed",
    [
        "import subprocess, sys; subprocess.run([sys.executable, '-V'])", "import os; os.system('true')", "input('[y/N]')",
        "import socket; socket.create_connection(('127.0.0.1', 9))", "import plant", "exec(open('plant.py').read())",
        "import runpy; runpy.run_path('plant.py')", "import pickle; pickle.loads(b'cbuiltins\\nprint\\n.')",
        "import importlib.util as u; s = u.spec_from_file_location('q', 'plant.py'); s.loader.exec_module(u.module_from_spec(s))",
        "import ctypes, os; ctypes.CDLL(os.path.abspath('plant.so'))", "compile('1', os.path.abspath('plant.py'), 'exec')",
    ],
)  # fmt: skip
def test_what_loading_has_no_need_for_is_refused(deed: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("plant.py").write_text("open('marker', 'w')")
    Path("plant.so").write_bytes(b"\x7fELF")
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.chdir(place)
    Path("config.json").write_text("{}")
    before = sorted(place.iterdir())
    with pytest.raises(ModelError, match="while a model is loaded") as caught, loading.loading("language", place):
        exec(deed, {"os": os})
    assert caught.value.code == 803
    assert sorted(place.iterdir()) == before


def test_the_hook_is_for_one_thread_and_one_block() -> None:
    import threading

    policy = audit.Policy(("subprocess.",), during="now")
    command = [sys.executable, "-c", ""]
    statuses: list[int] = []
    with audit.refusing(policy):
        with pytest.raises(PermissionError, match=r"subprocess\.Popen now"):
            subprocess.run(command, check=True)
        thread = threading.Thread(target=lambda: statuses.append(subprocess.run(command, check=False).returncode))
        thread.start()
        thread.join()
    assert statuses == [subprocess.run(command, check=False).returncode] == [0]
