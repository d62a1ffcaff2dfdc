# SPDX-License-Identifier: MIT
"""Incomplete and unusual model folders: each works, or is refused in one line that names the problem and the remedy."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers")

import tiny_models
from cli_harness import Semtool
from safetensors.numpy import load_file, save_file

import refcodec
from refcodec.errors import SemError
from refcodec.foundation.captioner import Captioner
from refcodec.foundation.clip_model import ClipModel
from refcodec.foundation.controlnet import ControlNet
from refcodec.foundation.download import resolve_folder
from refcodec.foundation.hed import EdgeDetector
from refcodec.foundation.hyper_encoder import HyperConfig, HyperEncoder
from refcodec.foundation.image_embedder import ImageEmbedder
from refcodec.foundation.instruction_editor import InstructionEditor
from refcodec.foundation.language_model import LanguageModel
from refcodec.foundation.perco_diffusion import PercoGenerator
from refcodec.foundation.resolve import Models
from refcodec.foundation.roles import ModelSource
from refcodec.foundation.text_encoder import TextEncoder
from refcodec.foundation.text_to_image import TextToImage
from refcodec.foundation.unclip import UnclipGenerator

pytestmark = pytest.mark.models

UNAVAILABLE, DIGEST, MALFORMED = 801, 802, 803
# name of a kind of folder -> (role, class that loads it)
KINDS: dict[str, tuple[str, Any]] = {
    "sd": ("painter", TextToImage), "xl": ("painter", TextToImage), "flux": ("painter", TextToImage),
    "unclip": ("painter", UnclipGenerator), "perco": ("painter", PercoGenerator), "controlnet": ("controlnet", ControlNet),
    "clip": ("clip", ClipModel), "text_encoder": ("text_encoder", TextEncoder), "embedder": ("image_embedder", ImageEmbedder),
    "language": ("language", LanguageModel), "llava": ("captioner", Captioner), "blip": ("captioner", Captioner),
    "blip2": ("captioner", Captioner), "qwen": ("captioner", Captioner), "idefics3": ("captioner", Captioner),
    "hed": ("edge_detector", EdgeDetector), "hyper": ("hyper_encoder", HyperEncoder),
    "ip2p": ("editor", InstructionEditor), "ip2p_xl": ("editor", InstructionEditor),
}  # fmt: skip
QUICK = ("sd", "clip", "llava", "hed")  # the others are marked slow where a test has a case for each kind
PIPELINES = ("sd", "xl", "flux", "unclip", "perco", "ip2p", "ip2p_xl")


def every(kinds: Iterable[str]) -> list[Any]:
    """The kinds as parameters of a test."""
    return [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in kinds]


def hyper_encoder(folder: Path) -> Path:
    tiny_models.seeded()
    HyperEncoder(HyperConfig(v=4, stride=8, factor=2, n=8, m=12, dim=4, null_text=(77, 16))).save(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sound folder of each kind, which no test changes."""
    root = tmp_path_factory.mktemp("kinds")
    tiny_models.stable_diffusion(root / "pics")
    made = {
        "sd": tiny_models.text_to_image(root / "sd"), "xl": tiny_models.text_to_image_xl(root / "xl"), "flux": tiny_models.flux(root / "flux"),
        "unclip": tiny_models.unclip(root / "unclip"), "controlnet": root / "pics" / "controlnet", "clip": tiny_models.clip_model(root / "clip"),
        "embedder": tiny_models.image_embedder(root / "embedder"), "language": tiny_models.language_model(root / "language"),
        "llava": tiny_models.llava(root / "llava"), "blip": tiny_models.blip(root / "blip"), "blip2": tiny_models.blip2(root / "blip2"),
        "qwen": tiny_models.qwen2_vl(root / "qwen"), "idefics3": tiny_models.idefics3(root / "idefics3"),
        "hed": tiny_models.edge_detector(root / "hed"), "hyper": hyper_encoder(root / "hyper"),
        "ip2p": tiny_models.instruct_pix2pix(root / "ip2p"), "ip2p_xl": tiny_models.instruct_pix2pix_xl(root / "ip2p_xl"),
    }  # fmt: skip
    return made | {"perco": made["sd"], "text_encoder": made["clip"]}


def copied(folders: dict[str, Path], kind: str, name: str = "model") -> Path:
    """A copy of a sound folder, in the folder of the test."""
    return Path(shutil.copytree(folders[kind], name))


def load(kind: str, place: Any, **more: Any) -> Any:
    role, cls = KINDS[kind]
    return Models.of({role: place}, device="cpu", **more).load(role, cls.load, {})


def load_here(kind: str, folder: Path) -> Any:
    """Load a model into this process, as a caller's own."""
    return KINDS[kind][1].load(folder, Models.of(device="cpu"))


def refused(call: Callable[[], Any], code: int, what: str, hint: str, role: str) -> SemError:
    with pytest.raises(SemError) as caught:
        call()
    error = caught.value
    assert (error.code, error.path, error.status) == (code, role, 5), error
    assert what in error.what, error
    assert hint in error.hint, error
    assert "\n" not in str(error)
    assert len(str(error)) < 600
    return error


def files(folders: dict[str, Path], kind: str) -> list[str]:
    """Every file of a sound folder that its loader needs."""
    return sorted(
        path.relative_to(folders[kind]).as_posix()
        for path in folders[kind].rglob("*")
        if path.is_file() and path.name not in ("generation_config.json", "chat_template.jinja", "model_index.json")
    )


def result(kind: str, model: Any) -> Any:
    """Something that the weights and the tokenizer of a loaded model bear on."""
    pixels = tiny_models.photo(64, 64)
    few = {"seed": 1, "steps": 1}
    if kind in ("sd", "xl", "flux"):
        return model.paint("a cat on a mat", (32, 32), **few)
    if kind in ("ip2p", "ip2p_xl"):
        return model.edit(pixels[:32, :32], "add a cat", **few)
    if kind == "unclip":
        return model.paint(np.ones(model.width, np.float32), (32, 32), **few)
    if kind == "perco":
        return model.text("a cat on a mat").numpy()
    if kind == "controlnet":
        return model.model.get_parameter("conv_in.weight").detach().numpy()
    if kind == "clip":
        ids = model.tokenizer("a cat on a mat").input_ids
        return np.concatenate([model.picture(pixels).numpy(), np.array(ids, np.float32)])
    if kind == "text_encoder":
        return model("a cat on a mat")
    if kind == "embedder":
        return model(pixels)
    if kind == "language":
        return model.ask("Say", "a cat on a mat", 4)
    if kind == "hed":
        return model(pixels)
    if kind == "hyper":
        return model.features_of(np.zeros((2, 2), np.int64)).numpy()
    return model.describe(pixels, None, 4)


def alike(kind: str, one: Any, other: Any) -> bool:
    """Whether two loaded models give the same, but for the rounding that the places of tensors in memory bear on."""
    a, b = result(kind, one), result(kind, other)
    if isinstance(a, str):
        return bool(a == b)
    step = 2 if a.dtype == np.uint8 else 1e-4
    return a.shape == b.shape and bool(np.abs(a.astype(np.float64) - b).max() <= step)


@pytest.mark.parametrize("kind", every(KINDS))
def test_a_complete_folder_works(folders: dict[str, Path], kind: str) -> None:
    assert alike(kind, load(kind, folders[kind]), load(kind, folders[kind]))


# --- files that are missing, empty or not what they should be --------------------------------------------------------

NEEDED = [
    *((kind, part, file) for kind, parts in {
        "sd": ("tokenizer",), "xl": ("tokenizer", "tokenizer_2"), "flux": ("tokenizer", "tokenizer_2"), "unclip": ("tokenizer",), "perco": ("tokenizer",),
        "ip2p": ("tokenizer",), "ip2p_xl": ("tokenizer", "tokenizer_2"),
        **dict.fromkeys(("clip", "text_encoder", "language", "llava", "blip", "blip2", "qwen", "idefics3"), ("",)),
    }.items() for part in parts for file in ("tokenizer.json", "tokenizer_config.json")),
    *((kind, "scheduler", "scheduler_config.json") for kind in PIPELINES), ("unclip", "image_noising_scheduler", "scheduler_config.json"),
    ("unclip", "feature_extractor", "preprocessor_config.json"),
    *((kind, "", "preprocessor_config.json") for kind in ("clip", "embedder", "qwen")),
    *((kind, "", "processor_config.json") for kind in ("llava", "blip", "blip2", "idefics3")),
    *((kind, part, "config.json") for kind in PIPELINES for part in ("vae", "text_encoder")),
    *((kind, part, "diffusion_pytorch_model.safetensors") for kind in PIPELINES for part in ("vae",)),
    *((kind, "text_encoder", "model.safetensors") for kind in PIPELINES),
]  # fmt: skip


@pytest.mark.parametrize("how", ["missing", "empty", "damaged"])
@pytest.mark.parametrize(("kind", "part", "file"), NEEDED)
def test_a_file_that_is_not_there(folders: dict[str, Path], kind: str, part: str, file: str, how: str) -> None:
    path = copied(folders, kind) / part / file
    assert path.is_file()
    path.unlink() if how == "missing" else path.write_bytes(b"" if how == "empty" else path.read_bytes()[:40])
    code, what, hint = MALFORMED, f"{part}/{file}" if part else file, "get "
    if file == "processor_config.json":
        what = "preprocessor_config.json"
    if file == "tokenizer.json" and how == "damaged":
        what = file
    refused(lambda: load(kind, "model"), code, what, hint, KINDS[kind][0])


@pytest.mark.parametrize(
    ("kind", "part"), [("sd", "tokenizer"), ("perco", "tokenizer"), ("clip", ""), ("text_encoder", "")]
)
@pytest.mark.parametrize(
    ("here", "lost"),
    [(("vocab.json", "merges.txt"), None), (("vocab.json",), "merges.txt"), (("merges.txt",), "vocab.json"), ((), "tokenizer.json"), (("vocab.txt",), "tokenizer.json")],
)  # fmt: skip
def test_the_older_files_of_a_tokenizer(
    folders: dict[str, Path], kind: str, part: str, here: tuple[str, ...], lost: str | None
) -> None:
    """vocab.json and merges.txt in place of tokenizer.json are a tokenizer together, one of them is not."""
    place = copied(folders, kind) / part
    own = json.loads((place / "tokenizer.json").read_text())["model"]
    texts = {
        "vocab.json": json.dumps(own["vocab"]),
        "merges.txt": "\n".join(["#version: 0.2", *(" ".join(pair) for pair in own["merges"])]),
        "vocab.txt": "\n".join(own["vocab"]),
    }
    (place / "tokenizer.json").unlink()
    for name in here:
        (place / name).write_text(texts[name])
    if lost is None:
        assert alike(kind, load(kind, "model"), load(kind, folders[kind]))
        return
    refused(
        lambda: load(kind, "model"),
        MALFORMED,
        f"lacks {part}/{lost}" if part else f"lacks {lost}",
        "get ",
        KINDS[kind][0],
    )


@pytest.mark.parametrize(
    ("kind", "part", "cls", "file", "other"),
    [
        ("flux", "tokenizer_2", "T5TokenizerFast", "spiece.model", "spiece.model"), ("language", "", "LlamaTokenizer", "tokenizer.model", "tokenizer.model"),
        ("blip", "", "BertTokenizer", "vocab.txt", "vocab.txt"), ("language", "", "GPT2Tokenizer", None, "vocab.json and merges.txt"),
        ("language", "", "XLMRobertaTokenizer", "sentencepiece.bpe.model", "sentencepiece.bpe.model"), ("language", "", "Qwen2Tokenizer", None, "vocab.json and merges.txt"),
    ],
)  # fmt: skip
def test_the_files_of_other_tokenizers(
    folders: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    part: str,
    cls: str,
    file: str | None,
    other: str,
) -> None:
    place, role = copied(folders, kind) / part, KINDS[kind][0]
    (place / "tokenizer.json").unlink()
    config = json.loads((place / "tokenizer_config.json").read_text())
    (place / "tokenizer_config.json").write_text(json.dumps(config | {"tokenizer_class": cls}))
    if part:
        index = json.loads(Path("model/model_index.json").read_text())
        Path("model/model_index.json").write_text(json.dumps(index | {part: ["transformers", cls]}))
    hint = f"get tokenizer.json, or {other}, from where the model is published"
    refused(lambda: load(kind, "model"), MALFORMED, "tokenizer.json", hint, role)
    if file is not None and file.endswith(".model"):
        monkeypatch.setattr("refcodec.foundation.required_files.is_installed", lambda _: False)
        (place / file).write_bytes(b"\x0a\x0e")
        refused(
            lambda: load(kind, "model"),
            805,
            "is a sentencepiece model, which needs sentencepiece",
            "pip install sentencepiece",
            role,
        )


def only_unknown(path: Path) -> None:
    """Take the vocabulary of a tokenizer.json away, apart from its special tokens."""
    document = json.loads(path.read_text())
    special = {token["content"] for token in document["added_tokens"]}
    model = document["model"]
    model["vocab"] = {word: i for word, i in model["vocab"].items() if word in special}
    if "merges" in model:
        model["merges"] = []
    path.write_text(json.dumps(document))


def one_text(path: Path) -> None:
    """Let the normaliser of a tokenizer.json replace every text by the same one."""
    document = json.loads(path.read_text())
    document["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Replace", "pattern": {"Regex": r"^.+$"}, "content": "cat"},
            *filter(None, [document["normalizer"]]),
        ],
    }
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("change", [only_unknown, one_text])
@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("sd", "tokenizer"), ("xl", "tokenizer"), ("flux", "tokenizer"), ("flux", "tokenizer_2"), ("unclip", "tokenizer"),
        ("ip2p", "tokenizer"), ("ip2p_xl", "tokenizer"), ("perco", "tokenizer"), *((kind, "") for kind in ("clip", "text_encoder", "language", "llava", "blip", "blip2", "qwen", "idefics3")),
    ],
)  # fmt: skip
def test_a_tokenizer_to_which_all_texts_are_the_same(
    folders: dict[str, Path], kind: str, part: str, change: Callable[[Path], None]
) -> None:
    change(copied(folders, kind) / part / "tokenizer.json")
    if change is one_text and kind not in ("language", "llava", "blip2", "qwen", "idefics3") and part != "tokenizer_2":
        assert alike(kind, load(kind, "model"), load(kind, folders[kind]))  # has its own normaliser
        return
    refused(
        lambda: load(kind, "model"),
        MALFORMED,
        "maps different texts to the same ids",
        "tokenizer again",
        KINDS[kind][0],
    )


def test_a_tokenizer_of_another_model(folders: dict[str, Path]) -> None:
    place = copied(folders, "sd") / "text_encoder"
    tiny_models.text_model(16, 100).save_pretrained(place)
    refused(lambda: load("sd", "model"), MALFORMED, "its model those below 100", "from the same model", "painter")


def test_a_tokenizer_without_padding(folders: dict[str, Path]) -> None:
    path = copied(folders, "flux") / "tokenizer_2" / "tokenizer_config.json"
    config = {key: value for key, value in json.loads(path.read_text()).items() if key != "pad_token"}
    path.write_text(json.dumps(config | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    refused(lambda: load("flux", "model"), MALFORMED, "has no padding token", "special_tokens_map.json", "painter")


@pytest.mark.parametrize("part", ["tokenizer", "scheduler", "unet", "vae", "text_encoder"])
def test_a_part_of_a_pipeline_that_is_not_there(folders: dict[str, Path], part: str) -> None:
    folder = copied(folders, "sd")
    shutil.rmtree(folder / part)
    for kind in ("sd", "perco"):
        refused(
            lambda kind=kind: load(kind, "model"),
            MALFORMED,
            f"lacks its part {part}",
            "get the missing folder",
            "painter",
        )  # type: ignore[misc]
    shutil.rmtree(folder)
    copied(folders, "sd")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {part: [None, None]}))
    refused(lambda: load("sd", "model"), MALFORMED, f"has no {part}", "get the model again", "painter")


@pytest.mark.parametrize("name", ["\ud800", "x" * 100_000, "../unet", "/etc", "a\nb", "\x1b[2J", "é", ""])
def test_a_member_of_a_pipeline_that_names_no_part(folders: dict[str, Path], name: str) -> None:
    """It is no argument of the pipeline, so that no folder is looked for, and none outside of the model."""
    folder = copied(folders, "sd")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {name: ["transformers", "CLIPModel"]}))
    assert alike("sd", load("sd", folder), load("sd", folders["sd"]))


# --- weights ---------------------------------------------------------------------------------------------------------


def networks(folder: Path) -> list[Path]:
    """The weights of a folder."""
    return sorted(folder.rglob("*.safetensors"))


def as_variant(path: Path, variant: str) -> None:
    path.rename(path.with_name(path.name.replace(".safetensors", f".{variant}.safetensors")))


def sharded(path: Path, variant: str | None = None, *, late: bool = False) -> None:
    """Split weights into two files and an index, as the libraries do. late: the variant at the end of a name."""
    tensors = load_file(path)
    names, stem, dot = sorted(tensors), path.stem, "" if variant is None else f".{variant}"
    weight_map: dict[str, str] = {}
    for i, some in enumerate((names[::2], names[1::2]), 1):
        number = f"-{i:05d}-of-00002"
        file = f"{stem}{number}{dot}.safetensors" if late else f"{stem}{dot}{number}.safetensors"
        save_file({name: tensors[name] for name in some}, path.with_name(file), metadata={"format": "pt"})
        weight_map |= dict.fromkeys(some, file)
    index = {"metadata": {"total_size": sum(t.nbytes for t in tensors.values())}, "weight_map": weight_map}
    path.with_name(f"{stem}.safetensors.index{dot}.json").write_text(json.dumps(index))
    path.unlink()


LIBRARY = [kind for kind in KINDS if kind not in ("hed", "hyper")]  # loaded by transformers or diffusers
VARIANTS: dict[str, Callable[[Path], None]] = {
    "fp16": lambda path: as_variant(path, "fp16"),
    "bf16": lambda path: as_variant(path, "bf16"),
    "non_ema": lambda path: as_variant(path, "non_ema"),
    "shards": sharded,
    "fp16-shards": lambda path: sharded(path, "fp16"),
    "fp16-shards-late": lambda path: sharded(path, "fp16", late=True),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", every(LIBRARY))
def test_weights_of_a_variant_alone(folders: dict[str, Path], kind: str, variant: str) -> None:
    """They load without a word from the user, and to the same result, since the numbers are the same."""
    for path in networks(copied(folders, kind)):
        VARIANTS[variant](path)
    assert alike(kind, load(kind, "model"), load(kind, folders[kind]))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", ["sd", "xl", "flux", "unclip", "ip2p", "ip2p_xl"])
def test_weights_of_a_variant_in_some_parts(folders: dict[str, Path], kind: str, variant: str) -> None:
    for path in networks(copied(folders, kind))[::2]:
        VARIANTS[variant](path)
    assert alike(kind, load(kind, "model"), load(kind, folders[kind]))


@pytest.mark.parametrize("kind", ["sd", "language", "embedder"])
def test_weights_without_a_variant_are_preferred(folders: dict[str, Path], kind: str) -> None:
    for path in networks(copied(folders, kind)):
        shutil.copy(path, path.with_name("kept"))
        as_variant(path, "fp16")
        path.with_name("kept").rename(path)
        damaged = path.with_name(path.name.replace(".safetensors", ".fp16.safetensors"))
        damaged.write_bytes(b"")
    assert alike(kind, load(kind, "model"), load(kind, folders[kind]))


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n"


def cut(path: Path, bytes_: int = 1) -> None:
    path.write_bytes(path.read_bytes()[:-bytes_])


DAMAGE: dict[str, tuple[Callable[[Path], Any], int, str, str]] = {
    "git-lfs": (lambda path: path.write_bytes(POINTER), UNAVAILABLE, "is a pointer of git-lfs", "git lfs pull"),
    "cut by a byte": (cut, MALFORMED, "is cut short", "get this file again"),
    "cut in the header": (lambda path: path.write_bytes(path.read_bytes()[:20]), MALFORMED, "is cut short", "get this file again"),
    "empty": (lambda path: path.write_bytes(b""), MALFORMED, "is empty", "get this file again"),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"x"), MALFORMED, "has bytes after its tensors", "get this file again"),
    "a web page": (lambda path: path.write_bytes(b"<!DOCTYPE html><html>404</html>"), MALFORMED, "is a web page", "get this file again"),
    "noise": (lambda path: path.write_bytes(bytes(range(1, 200))), MALFORMED, "is not a safetensors file", "get this file again"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", every(KINDS))
def test_weights_that_are_damaged(folders: dict[str, Path], kind: str, damage: str) -> None:
    change, code, what, hint = DAMAGE[damage]
    path = networks(copied(folders, kind))[-1]
    change(path)
    error = refused(lambda: load(kind, "model"), code, what, hint, KINDS[kind][0])
    assert path.relative_to("model").as_posix() in error.what


@pytest.mark.parametrize("kind", every(KINDS))
def test_a_tensor_that_is_missing(folders: dict[str, Path], kind: str) -> None:
    """Libraries initialise it at random, each time another way."""
    for path in networks(copied(folders, kind)):
        tensors = load_file(path)
        names = [name for name in sorted(tensors) if kind != "text_encoder" or name.startswith("text_model.")]
        name = names[len(names) // 2]
        sound = path.read_bytes()
        save_file({key: value for key, value in tensors.items() if key != name}, path, metadata={"format": "pt"})
        with pytest.raises(SemError) as caught:
            load(kind, "model")
        assert (caught.value.code, caught.value.path) == (MALFORMED, KINDS[kind][0])
        assert name.removeprefix("text_model.").rpartition(".")[0] in caught.value.what
        path.write_bytes(sound)
    assert alike(kind, load(kind, "model"), load(kind, folders[kind]))


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("sd", "tokenizer/tokenizer.json"), ("sd", "model_index.json"), ("sd", "scheduler/scheduler_config.json"), ("flux", "tokenizer_2/tokenizer.json"),
        ("language", "tokenizer.json"), ("clip", "preprocessor_config.json"), ("llava", "processor_config.json"), ("hed", "config.json"),
    ],
)  # fmt: skip
def test_other_files_that_are_pointers(folders: dict[str, Path], kind: str, file: str) -> None:
    path = copied(folders, kind) / file
    path.write_bytes(POINTER)
    if file != "model_index.json":
        refused(
            lambda: load(kind, "model"),
            UNAVAILABLE,
            f"{file} of model is a pointer of git-lfs",
            "git lfs pull",
            KINDS[kind][0],
        )
    path.unlink()
    path.symlink_to("gone")
    refused(
        lambda: load(kind, "model"),
        UNAVAILABLE,
        f"{file} of model is a broken link",
        "get this file again",
        KINDS[kind][0],
    )


@pytest.mark.parametrize(
    "file", ["README.md", "model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "old"]
)
def test_a_link_to_itself_is_a_broken_link(folders: dict[str, Path], semtool: Semtool, file: str) -> None:
    path = copied(folders, "language", "set/language") / file
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)
    line = f"language: {file} of set/language is a broken link, not the file itself; get this file again"
    assert line in str(refused(lambda: load("language", "set/language"), UNAVAILABLE, file, "get this", "language"))
    out = semtool("models", "verify", "language", "--model", "set")
    assert out.status == 5
    assert line in out.err


def test_a_snapshot_that_is_a_link_to_itself(folders: dict[str, Path]) -> None:
    copied(folders, "language", "models--a--b/snapshots/one")
    Path("models--a--b/snapshots/two").symlink_to("two")
    load("language", "models--a--b")


@pytest.mark.parametrize("kind", every(LIBRARY))
@pytest.mark.parametrize("lost", ["shard", "index", "both shards"])
def test_shards_that_are_missing(folders: dict[str, Path], kind: str, lost: str) -> None:
    path = networks(copied(folders, kind))[-1]
    stem, place = path.stem, path.parent
    sharded(path)
    names = [f"{stem}-00002-of-00002.safetensors"]
    names += [f"{stem}-00001-of-00002.safetensors"] if lost == "both shards" else []
    names = [f"{stem}.safetensors.index.json"] if lost == "index" else names
    for name in names:
        (place / name).unlink()
    if lost == "both shards" and place == Path("model"):  # no weights at all
        refused(lambda: load(kind, "model"), UNAVAILABLE, "has no weights", "safetensors files", KINDS[kind][0])
        return
    first = (place / sorted(names)[0]).relative_to("model").as_posix()
    refused(lambda: load(kind, "model"), UNAVAILABLE, f"lacks {first}", "get its missing files", KINDS[kind][0])


@pytest.mark.parametrize("kind", ["sd", "embedder", "language", "controlnet"])
def test_a_download_that_has_not_ended(folders: dict[str, Path], kind: str) -> None:
    folder = copied(folders, kind)
    for path in networks(folder):
        path.rename(path.with_name(f"{path.name}.incomplete"))
    with pytest.raises(SemError) as caught:
        load(kind, "model")
    assert caught.value.status == 5
    if kind != "sd":
        assert "is not downloaded completely" in caught.value.what
        assert "download it again" in caught.value.hint


FOREIGN = {
    "model.onnx": "ONNX", "openvino_model.bin": "OpenVINO", "flax_model.msgpack": "Flax", "tf_model.h5": "TensorFlow", "model-q4.gguf": "llama.cpp (GGUF)",
}  # fmt: skip


@pytest.mark.parametrize("file", FOREIGN)
@pytest.mark.parametrize("kind", ["sd", "embedder", "language", "llava"])
def test_weights_for_other_libraries(folders: dict[str, Path], kind: str, file: str) -> None:
    folder = copied(folders, kind)
    for path in networks(folder):
        path.rename(path.with_name(file))
    refused(
        lambda: load(kind, "model"),
        MALFORMED,
        f"has weights for {FOREIGN[file]} only",
        "safetensors files",
        KINDS[kind][0],
    )


@pytest.mark.parametrize("kind", ["sd", "embedder", "language", "llava", "controlnet"])
def test_pickled_weights_alone(folders: dict[str, Path], kind: str) -> None:
    for i, path in enumerate(networks(copied(folders, kind))):
        path.rename(path.with_suffix(".bin"))
        if i == 0 and kind == "sd":
            refused(
                lambda: load(kind, "model"), MALFORMED, "has pickled weights", "semtool models import", KINDS[kind][0]
            )
    refused(lambda: load(kind, "model"), MALFORMED, "has pickled weights", "semtool models import", KINDS[kind][0])


@pytest.mark.parametrize("kind", ["sd", "embedder", "language"])
def test_pickles_that_are_not_converted(folders: dict[str, Path], kind: str) -> None:
    """As models import leaves files with this suffix out, it is no remedy."""
    for i, path in enumerate(networks(copied(folders, kind))):
        path.rename(path.with_suffix(".pkl"))
        if i == 0 or kind == "sd":
            with pytest.raises(SemError, match="has pickled weights only") as caught:
                load(kind, "model")
            assert caught.value.code == 803
            assert caught.value.hint == "get the model's safetensors files"


# --- folders that are something else ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", every(KINDS))
def test_the_cache_of_the_hub(folders: dict[str, Path], kind: str) -> None:
    """`models--OWNER--NAME` with its snapshots, whose files link to blobs: as a user finds it in ~/.cache."""
    root, commit = Path("models--owner--name"), "a" * 40
    blobs, snapshot = root / "blobs", root / "snapshots" / commit
    blobs.mkdir(parents=True)
    for i, path in enumerate(sorted(p for p in folders[kind].rglob("*") if p.is_file())):
        shutil.copy(path, blobs / str(i))
        link = snapshot / path.relative_to(folders[kind])
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blobs / str(i), link.parent))
    assert resolve_folder(ModelSource(KINDS[kind][0], str(root))) == snapshot
    (root / "snapshots" / ("b" * 40)).mkdir()
    refused(lambda: load(kind, root), UNAVAILABLE, "has 2 snapshots", f"name one of them, {snapshot}", KINDS[kind][0])
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(commit)
    assert alike(kind, load(kind, root), load(kind, folders[kind]))
    (blobs / "0").unlink()  # a link that is broken
    with pytest.raises(SemError) as caught:
        load(kind, root)
    assert caught.value.status == 5


def test_the_cache_of_the_hub_elsewhere(folders: dict[str, Path], semtool: Semtool) -> None:
    """As the folder of --model, inside a set, and as the source of an import."""
    root = Path("models--owner--name")
    shutil.copytree(folders["sd"], root / "snapshots" / ("a" * 40))
    assert Models.of(root).find("painter") == ModelSource("painter", str(root))
    named = Models.of(root, device="cpu").load("painter", TextToImage.load, {})
    assert alike("sd", named, load("sd", folders["sd"]))
    out = semtool("models", "import", root, "--as", "painter", "-o", "set")
    assert out.status == 0, out.err
    assert Path("set/painter/model_index.json").is_file()
    assert semtool("models", "verify", "set").text.endswith(": ok\n")


def test_a_role_of_a_set_that_is_a_broken_link() -> None:
    Path("set").mkdir()
    linked(Path("set/painter"))
    models = Models.of("set")
    hint = "; set/painter is a broken link, not a folder"
    refused(
        lambda: models.load("painter", TextToImage.load, {}),
        UNAVAILABLE,
        "nothing fills the role painter",
        hint,
        "painter",
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipes_and_devices_are_not_read(folders: dict[str, Path]) -> None:
    """A pipe would block for ever, a device may have no end."""
    cache = Path("models--a--b")
    shutil.copytree(folders["clip"], cache / "snapshots" / ("a" * 40))
    (cache / "refs").mkdir()
    os.mkfifo(cache / "refs" / "main")
    assert alike("clip", load("clip", cache), load("clip", folders["clip"]))
    os.mkfifo("pipe")
    os.mkfifo("model.safetensors")
    for place in ("pipe", "model.safetensors", "/dev/zero", "/dev/full"):
        what = "is not a folder but a device or a pipe"
        refused(lambda place=place: load("clip", place), UNAVAILABLE, what, "name the folder", "clip")  # type: ignore[misc]
    index = copied(folders, "clip", "sharded") / "model.safetensors.index.json"
    (index.parent / "model.safetensors").rename(index.parent / "model-00001-of-00002.safetensors")
    os.mkfifo(index)
    refused(lambda: load("clip", "sharded"), UNAVAILABLE, "lacks", "get its missing files", "clip")
    os.mkfifo("models.json")
    refused(lambda: Models.of(".").load("clip", ClipModel.load, {}), UNAVAILABLE, "nothing fills", "name it", "clip")


def test_a_cache_without_a_snapshot() -> None:
    Path("models--owner--name/snapshots").mkdir(parents=True)
    refused(
        lambda: load("sd", "models--owner--name"),
        UNAVAILABLE,
        "has no snapshots",
        "download the model again",
        "painter",
    )


@pytest.mark.parametrize("kind", every(KINDS))
def test_one_level_too_high(folders: dict[str, Path], kind: str) -> None:
    Path("outer").mkdir()
    copied(folders, kind, "outer/inner")
    role = KINDS[kind][0]
    refused(
        lambda: load(kind, "outer"), MALFORMED, "holds a model in its folder inner", f"--model {role}=outer/inner", role
    )


@pytest.mark.parametrize("kind", every(KINDS))
def test_a_set_in_place_of_its_model(folders: dict[str, Path], kind: str) -> None:
    role = KINDS[kind][0]
    Path("set").mkdir()
    copied(folders, kind, f"set/{role}")
    copied(folders, "hed" if kind != "hed" else "clip", "set/other")
    refused(lambda: load(kind, "set"), MALFORMED, "is a set of models", "--model set", role)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_one_level_too_low(folders: dict[str, Path], part: str) -> None:
    folder = copied(folders, "sd", "pipeline")
    for kind in ("sd", "perco", "unclip"):
        refused(
            lambda kind=kind: load(kind, folder / part),
            MALFORMED,
            f"{part} is a part of the pipeline pipeline",
            "--model painter=pipeline",
            "painter",
        )  # type: ignore[misc]


WRONG = [
    ("sd", "controlnet", "is ControlNetModel", "--model controlnet=model"), ("unclip", "sd", "is StableDiffusionPipeline, not StableUnCLIPImg2ImgPipeline", "name a folder of a StableUnCLIPImg2ImgPipeline"),
    ("sd", "unclip", "is StableUnCLIPImg2ImgPipeline", "name a folder of a text-to-image pipeline"), ("controlnet", "sd", "is a pipeline", "--model painter=model"),
    ("ip2p", "sd", "is StableDiffusionPipeline, not StableDiffusionInstructPix2PixPipeline or ", "--model painter=model"), ("ip2p_xl", "unclip", "is StableUnCLIPImg2ImgPipeline", "--model painter=model"),
    ("sd", "ip2p", "is StableDiffusionInstructPix2PixPipeline", "--model editor=model"), ("flux", "ip2p_xl", "is StableDiffusionXLInstructPix2PixPipeline", "--model editor=model"),
    ("unclip", "ip2p", "is StableDiffusionInstructPix2PixPipeline", "--model editor=model"), ("language", "ip2p", "is a pipeline", "--model editor=model"), ("ip2p", "clip", "is clip", "edits pictures by instructions"),
    ("embedder", "sd", "is a pipeline", "--model painter=model"), ("language", "sd", "is a pipeline", "--model painter=model"),
    ("llava", "flux", "is a pipeline", "--model painter=model"), ("clip", "hed", "is hed", "--model edge_detector=model"), ("hed", "hyper", "is perco_hyper_encoder", "--model hyper_encoder=model"),
    ("sd", "clip", "is clip", "name a folder of a diffusion pipeline"), ("language", "clip", "is clip", "a language model"), ("hyper", "controlnet", "model_type", "hyper-encoder"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "other", "what", "hint"), WRONG)
def test_a_model_of_another_role(folders: dict[str, Path], kind: str, other: str, what: str, hint: str) -> None:
    copied(folders, other)
    refused(lambda: load(kind, "model"), MALFORMED, what, hint, KINDS[kind][0])


@pytest.mark.parametrize("kind", every(KINDS))
def test_an_adapter_in_place_of_a_model(folders: dict[str, Path], kind: str) -> None:
    """A library would load the base model that the adapter names, from the hub or its cache."""
    role = KINDS[kind][0]
    Path("lora").mkdir()
    save_file({"unet.lora_A.weight": np.zeros((2, 2), np.float32)}, "lora/pytorch_lora_weights.safetensors")
    refused(
        lambda: load(kind, "lora"), MALFORMED, "is a LoRA adapter, not a model", "merge it into its base model", role
    )
    folder = copied(folders, kind)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/base"}))
    refused(lambda: load(kind, "model"), MALFORMED, "is a LoRA adapter of owner/base", f"--model {role}=FOLDER", role)


@pytest.mark.parametrize("kind", every(KINDS))
def test_an_empty_folder(kind: str) -> None:
    Path("nothing").mkdir()
    refused(
        lambda: load(kind, "nothing"), UNAVAILABLE, "nothing is an empty folder", "get the model again", KINDS[kind][0]
    )
    Path("nothing/README.md").write_text("# A model")
    refused(lambda: load(kind, "nothing"), UNAVAILABLE, "has no weights", "safetensors files", KINDS[kind][0])
    Path("nothing/model.safetensors").write_bytes(POINTER)
    refused(lambda: load(kind, "nothing"), UNAVAILABLE, "is a pointer of git-lfs", "git lfs pull", KINDS[kind][0])


def single_file(path: Path, *names: str) -> Path:
    save_file({name: np.zeros((2, 2), np.float32) for name in names}, path)
    return path


def archive(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("model_index.json", "{}")
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def linked(path: Path) -> Path:
    path.symlink_to("gone")
    return path


FILES: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "sd15.safetensors": (lambda p: single_file(p, "model.diffusion_model.x", "first_stage_model.y"), "a single-file checkpoint", "from_single_file('sd15.safetensors').save_pretrained('FOLDER')"),
    "lora.safetensors": (lambda p: single_file(p, "unet.block.lora_A.weight"), "a file of LoRA weights", "merge it into its base model"),
    "weights.safetensors": (lambda p: single_file(p, "a.weight"), "a single-file checkpoint without configuration", "FOLDER"),
    "lfs.safetensors": (lambda p: written(p, POINTER), "a pointer of git-lfs", "git lfs pull"),
    "cut.safetensors": (lambda p: written(p, b"\x20\0\0\0\0\0\0\0{"), "a file that is cut short", "get it again"),
    "sd15.ckpt": (archive, "a single-file checkpoint of pickled weights", "FOLDER"),
    "sd15.pt": (lambda p: written(p, b"\x80\x02"), "a single-file checkpoint of pickled weights", "FOLDER"),
    "llama.gguf": (lambda p: written(p, b"GGUF\x03\0\0\0"), "a GGUF file", "serve it with llama.cpp"),
    "sd15.zip": (archive, "an archive", "unpack it"),
    "sd15.tar.gz": (lambda p: written(p, b"\x1f\x8b"), "an archive", "unpack it"),
    "sd15": (archive, "an archive", "unpack it"),
    "readme.txt": (lambda p: written(p, b"hello"), "a file", "name the folder of the model"),
    "config.json": (lambda p: written(p, b"{}"), "a file of a model", "name its folder"),
    "broken": (linked, "a broken link to gone", "FOLDER"),
}  # fmt: skip


@pytest.mark.parametrize("role", ["painter", "captioner", "controlnet", "clip"])
@pytest.mark.parametrize("file", FILES)
def test_a_file_in_place_of_a_folder(file: str, role: str) -> None:
    make, what, hint = FILES[file]
    path = make(Path(file))
    source = ModelSource(role, str(path))
    error = refused(lambda: resolve_folder(source), UNAVAILABLE, f"{file} is not a folder but {what}", "", role)
    assert hint in error.hint or (role in ("captioner", "clip") and "layout of transformers" in error.hint), error
    with pytest.raises(SemError, match="is not a folder"):
        Models.of([f"{role}={file}"]).load(role, TextToImage.load, {})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("kind", every(KINDS))
def test_files_that_may_not_be_read(folders: dict[str, Path], kind: str) -> None:
    path = networks(copied(folders, kind))[-1]
    path.chmod(0)
    try:
        refused(lambda: load(kind, "model"), UNAVAILABLE, "cannot read model", "check its permissions", KINDS[kind][0])
    finally:
        path.chmod(0o600)


# --- what is not there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["no", "./no", "no/such/folder", "/no/such/folder", "~/no"])
def test_a_folder_that_does_not_exist(where: str) -> None:
    with pytest.raises(SemError, match="there is no folder") as caught:
        Models.of(where)
    assert (caught.value.code, caught.value.path) == (UNAVAILABLE, None)
    with pytest.raises(SemError) as caught:
        Models.of({"painter": where}).load("painter", TextToImage.load, {})
    assert caught.value.code == UNAVAILABLE
    assert f"there is no folder {where}" in str(caught.value)


def test_a_path_that_looks_like_a_hub_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not asked for on the hub where its first part is a folder, unless a revision says that the hub is meant."""
    hub = pytest.importorskip("huggingface_hub")
    asked: list[str] = []

    def download(place: str, **_: Any) -> str:
        asked.append(place)
        raise OSError("offline")

    monkeypatch.setattr(hub, "snapshot_download", download)
    Path("models").mkdir()
    refused(
        lambda: load("sd", "models/sd15"),
        UNAVAILABLE,
        "there is no folder models/sd15, though there is models",
        "models/sd15@main",
        "painter",
    )
    assert asked == []
    refused(
        lambda: load("sd", "models/sd15@main"),
        UNAVAILABLE,
        "cannot be fetched from the hub",
        "painter=FOLDER",
        "painter",
    )
    refused(
        lambda: load("sd", "owner/sd15"), UNAVAILABLE, "and there is no folder owner/sd15", "painter=FOLDER", "painter"
    )
    assert asked == ["models/sd15", "owner/sd15"]


def test_a_search_path_with_a_folder_that_does_not_exist(semtool: Semtool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEM_MODELS", os.pathsep.join(["here", "gone"]))
    Path("here").mkdir()
    for args in (["list"], ["verify"]):
        out = semtool("models", *args)
        assert (out.status, out.line) == (0, "note: there is no folder gone, which SEM_MODELS names")
    error = Models.of()
    with pytest.raises(SemError) as caught:
        error.load("painter", TextToImage.load, {})
    assert caught.value.hint.endswith("; there is no folder gone, which the search path names")


# --- nothing is used that was not named ------------------------------------------------------------------------------


@pytest.fixture
def hub(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A hub that has one model, an image embedder, and notes what it is asked for over the network."""
    client = pytest.importorskip("huggingface_hub")
    asked: list[str] = []

    def download(place: str, *, local_files_only: bool, **_: Any) -> str:
        if local_files_only:
            raise OSError("not in the cache")
        asked.append(place)
        return str(folders["embedder"])

    monkeypatch.setattr(client, "snapshot_download", download)
    monkeypatch.setattr(client, "model_info", lambda *_, **__: None)
    return asked


def listing(folder: Path, source: str = "owner/name", **entry: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    roles = {"image_embedder": {"source": source, "revision": None, "sha256": None} | entry}
    (folder / "models.json").write_text(json.dumps({"format": "sem-models", "format_version": 1, "roles": roles}))
    return folder


def embed(models: Any = None, **more: Any) -> bytes:
    chosen = models if isinstance(models, Models) else Models.of(models, device="cpu", **more)
    return refcodec.encode(tiny_models.photo(), method="clip", models=chosen)


def places(where: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A set named by the caller, on the search path, or in the user's own folder."""
    from refcodec.foundation.model_set import own_set

    folder = own_set() if where == "own" else Path("set")
    monkeypatch.setenv("SEM_MODELS", "set" if where == "SEM_MODELS" else "")
    return folder, (folder if where == "named" else None)


@pytest.mark.parametrize("where", ["named", "SEM_MODELS", "own"])
@pytest.mark.parametrize("revision", [None, "main", "0" * 40])
def test_a_hub_id_that_only_a_listing_names(
    hub: list[str], monkeypatch: pytest.MonkeyPatch, semtool: Semtool, where: str, revision: str | None
) -> None:
    folder, models = places(where, monkeypatch)
    listing(folder, revision=revision)
    name = f"owner/name@{revision}" if revision else "owner/name"
    hint = f"name it yourself with --model image_embedder={name}, or allow it with --allow-download"
    refused(lambda: embed(models), UNAVAILABLE, "models.json names", hint, "image_embedder")
    for args in (["list"], ["verify"], ["show", "image_embedder"]):
        semtool("models", *args, *(["--model", folder] if models else []))
    from PIL import Image

    Image.fromarray(tiny_models.photo()).save("photo.png")
    command = ["encode", "photo.png", "--method", "clip", *(["--model", folder] if models else [])]
    out = semtool(*command)
    assert (out.status, out.out) == (5, b"")
    assert out.line.endswith(hint)
    assert hub == []
    allowed = semtool(*command, "--allow-download")
    assert (allowed.status, hub) == (0, ["owner/name"])
    assert allowed.err.startswith(f"note: image_embedder: using {name} of the hub, which ")
    monkeypatch.setenv("SEM_ALLOW_DOWNLOAD", "1")
    assert semtool(*command, "-o", "other.sem").status == 0
    with pytest.warns(UserWarning, match="using owner/name"):
        embed(models, allow_download=True)
    embed({"image_embedder": "owner/name"})
    assert hub == ["owner/name"] * 4


def test_a_hub_id_with_a_digest(folders: dict[str, Path], hub: list[str]) -> None:
    from refcodec.foundation.folder_digest import folder_sha256

    listing(Path("set"), sha256=folder_sha256(folders["embedder"]))
    said: list[str] = []
    models = Models.of("set", device="cpu")
    models.announce = said.append
    embed(models)
    assert said == ["image_embedder: using owner/name of the hub, which set/models.json names"]
    listing(Path("set"), sha256="0" * 64)
    with pytest.warns(UserWarning, match="using owner/name"):
        refused(lambda: embed("set"), DIGEST, "has another digest", "get the listed one", "image_embedder")


@pytest.mark.parametrize(("make", "kind"), [(linked, "a broken link"), (lambda path: written(path, b""), "a file")])
def test_a_listed_folder_that_is_not_one(hub: list[str], make: Callable[[Path], Path], kind: str) -> None:
    make(listing(Path("set"), "embedder") / "embedder")
    for allow in (False, True):
        refused(
            lambda allow=allow: embed("set", allow_download=allow),
            UNAVAILABLE,
            f"names embedder, which is {kind}",
            "--model image_embedder=FOLDER",
            "image_embedder",
        )  # type: ignore[misc]
    assert hub == []


def test_a_listed_folder_that_is_gone(hub: list[str]) -> None:
    listing(Path("set"), "embedder")
    refused(
        lambda: embed("set"), UNAVAILABLE, "names embedder, no folder of the set", "--allow-download", "image_embedder"
    )
    assert hub == []


def test_a_link_inside_a_set_is_followed(folders: dict[str, Path]) -> None:
    """Whoever made the set put the link there; nothing is fetched."""
    (listing(Path("set"), "embedder") / "embedder").symlink_to(folders["embedder"])
    assert embed("set") == embed({"image_embedder": folders["embedder"]})


# --- pictures that were replaced -------------------------------------------------------------------------------------


def with_checker(folder: Path, threshold: float) -> Path:
    """Add a safety checker that flags every picture, or none, to a folder of Stable Diffusion."""
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    tiny_models.seeded()
    common = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(vision_config=common | {"image_size": 32, "patch_size": 8}, projection_dim=12)
    checker = StableDiffusionSafetyChecker(config)
    checker.concept_embeds_weights.data.fill_(threshold)
    checker.special_care_embeds_weights.data.fill_(1)
    checker.save_pretrained(folder / "safety_checker")
    tiny_models.image_processor(folder / "feature_extractor")
    index = json.loads((folder / "model_index.json").read_text())
    index |= {
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
    }
    (folder / "model_index.json").write_text(json.dumps(index | {"requires_safety_checker": True}))
    return folder


def test_a_picture_that_a_safety_checker_replaced(folders: dict[str, Path], semtool: Semtool) -> None:
    with_checker(copied(folders, "sd", "strict"), -2.0)
    with_checker(copied(folders, "sd", "mild"), 2.0)
    plain, mild = load("sd", folders["sd"]), load("sd", "mild")
    assert alike("sd", mild, plain)
    what, hint = "the safety checker of strict has replaced the picture", "take another seed"
    model = load("sd", "strict")
    refused(lambda: result("sd", model), MALFORMED, what, hint, "painter")
    refused(
        lambda: model.edit(tiny_models.photo(32, 32), "a cat", 0.5, seed=1, steps=2), MALFORMED, what, hint, "painter"
    )
    assert semtool("encode", "--text", "ct n mt", "--size", "64x64", "-o", "x.sem").status == 0
    out = semtool("decode", "x.sem", "-o", "x.png", "--steps", "1", "--model", "painter=strict")
    assert (out.status, out.out, out.err.count("\n")) == (5, b"", 1)
    assert what in out.err
    assert not Path("x.png").exists()
    assert semtool("decode", "x.sem", "-o", "x.png", "--steps", "1", "--model", "painter=mild").status == 0


def test_a_safety_checker_behind_a_controlnet(folders: dict[str, Path]) -> None:
    from refcodec.foundation.controlnet import ControlNetTextToImage

    strict = with_checker(Path(shutil.copytree(folders["controlnet"].parent / "painter", "strict")), -2.0)
    base, control = load_here("sd", strict), load_here("controlnet", folders["controlnet"])
    lines = np.zeros((64, 64, 3), np.uint8)
    made = ControlNetTextToImage(base, control, lines, 1.0)
    refused(
        lambda: made.paint("a cat", (64, 64), seed=1, steps=1),
        MALFORMED,
        "the safety checker",
        "another seed",
        "painter",
    )


@pytest.mark.parametrize("kind", ["sd", "unclip", "xl", "ip2p", "ip2p_xl"])
def test_a_black_picture(folders: dict[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_here(kind, folders[kind])
    monkeypatch.setattr(
        model.pipeline.image_processor, "postprocess", lambda *_, **__: np.zeros((1, 32, 32, 3), np.float32)
    )
    refused(lambda: result(kind, model), MALFORMED, "returned an all-black picture", "another seed", KINDS[kind][0])


@pytest.mark.parametrize("flag", ["nsfw_content_detected", "nsfw_detected"])
@pytest.mark.parametrize(("value", "bad"), [([True], True), ([False], False), (True, True), (None, False), ([None], False), (np.array([True]), True), ("x", False)])  # fmt: skip
def test_the_flags_of_all_outputs(flag: str, value: Any, bad: bool) -> None:
    from types import SimpleNamespace

    from refcodec.foundation.withheld import require_generated

    output = SimpleNamespace(images=[], **{flag: value})
    if bad:
        refused(
            lambda: require_generated("painter", "m", output),
            MALFORMED,
            "the safety checker of m",
            "another seed",
            "painter",
        )
    else:
        require_generated("painter", "m", output)


# --- the command line ------------------------------------------------------------------------------------------------


def command(role: str, semtool: Semtool, folders: dict[str, Path], kind: str) -> list[str | Path]:
    """A call that loads the model of a role, whose place follows."""
    from PIL import Image

    Image.fromarray(tiny_models.photo(64, 64)).save("photo.png")
    clip, perco = ["encode", "photo.png", "--method", "clip"], ["encode", "photo.png", "--method", "perco"]
    pics = ["encode", "photo.png", "--method", "pics", "--candidates", "1", "--iterations", "1", "--bpp", "0.1"]
    words = ["encode", "photo.png", "--method", "consonant"]
    if kind == "unclip":
        assert semtool(*clip, "-o", "clip.sem", "--model", f"image_embedder={folders['embedder']}").status == 0
        return ["decode", "clip.sem", "-o", "x.png"]
    if kind in ("sd", "xl", "flux"):
        assert semtool("encode", "--text", "ct n mt", "--size", "64x64", "-o", "text.sem").status == 0
        return ["decode", "text.sem", "-o", "x.png"]
    if role == "editor":
        assert semtool("encode", "--text", "ct n mt", "--size", "64x64", "-o", "text.sem").status == 0
        models = {"painter": "sd", "captioner": "idefics3", "language": "language"}
        options = [part for role, kind in models.items() for part in ("--model", f"{role}={folders[kind]}")]
        return ["decode", "text.sem", "-o", "x.png", "--reflections", "1", *options]
    if role == "controlnet":
        Image.fromarray(np.zeros((64, 64), np.uint8)).save("edges.png")
        made = semtool(
            "encode", "--sketch", "edges.png", "--text", "a cat", "--method", "pics", "--profile", "3", "-o", "s.sem"
        )
        assert made.status == 0, made.err
        return ["decode", "s.sem", "-o", "x.png", "--model", f"painter={folders['sd']}"]
    return {
        "captioner": words, "language": [*words, "--text", "a cat on a mat"], "image_embedder": clip, "clip": pics,
        "edge_detector": [*pics[:4], "--text", "a cat", "--edges", "hed"], "hyper_encoder": perco, "painter": [*perco, "--model", f"hyper_encoder={folders['hyper']}"],
    }[role]  # fmt: skip


ON_THE_COMMAND_LINE = [kind for kind in KINDS if kind not in ("text_encoder", "controlnet", "hyper", "perco")]
DEFECTS: dict[str, tuple[Callable[[Path], Any], str, str, str]] = {
    "git-lfs": (lambda folder: networks(folder)[-1].write_bytes(POINTER), "SEM-E-801", "is a pointer of git-lfs", "git lfs pull"),
    "cut": (lambda folder: cut(networks(folder)[-1]), "SEM-E-803", "is cut short", "get this file again"),
    "adapter": (lambda folder: (folder / "adapter_config.json").write_text("{}"), "SEM-E-803", "is a LoRA adapter", "merge it"),
    "gone": (shutil.rmtree, "SEM-E-801", "there is no folder ./model", "ROLE=./model"),
    "empty": (lambda folder: [shutil.rmtree(folder), folder.mkdir()], "SEM-E-801", "model is an empty folder", "get the model again"),
    "too high": (lambda folder: [folder.rename("in"), folder.mkdir(), Path("in").rename("model/in")], "SEM-E-803", "holds a model in its folder in", "ROLE=model/in"),
    "a file": (lambda folder: [shutil.rmtree(folder), archive(folder)], "SEM-E-801", "is not a folder but an archive", "unpack it"),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("kind", every(ON_THE_COMMAND_LINE))
def test_one_line_on_the_command_line(folders: dict[str, Path], semtool: Semtool, kind: str, defect: str) -> None:
    role = KINDS[kind][0]
    args = command(role, semtool, folders, kind)
    change, code, what, hint = DEFECTS[defect]
    change(copied(folders, kind))
    before = sorted(Path().iterdir())
    out = semtool(*args, "--model", f"{role}=./model")
    assert (out.status, out.out) == (5, b""), out.err
    assert out.line.startswith(f"{code} "), out.err
    assert what in out.line or (defect == "gone" and "there is no folder ./model" in out.line), out.err
    assert hint.replace("ROLE", role) in out.line or defect == "gone", out.err
    assert sorted(Path().iterdir()) == before
    as_json = semtool(*args, "--model", f"{role}=./model", "--json")
    assert (as_json.status, as_json.json["error"]["path"]) == (5, role)


@pytest.mark.parametrize("kind", ["sd", "unclip", "llava", "language"])
def test_a_tokenizer_on_the_command_line(folders: dict[str, Path], semtool: Semtool, kind: str) -> None:
    role = KINDS[kind][0]
    args = command(role, semtool, folders, kind)
    next(copied(folders, kind).rglob("tokenizer.json")).unlink()
    out = semtool(*args, "--model", f"{role}=model")
    assert (out.status, out.out) == (5, b"")
    assert "lacks " in out.line
    older = ", or vocab.json and merges.txt," if kind in ("sd", "unclip") else ""
    assert f"tokenizer.json; get tokenizer.json{older} from where the model is published" in out.line


@pytest.mark.parametrize("defect", ["git-lfs", "cut"])
def test_defects_that_a_verification_finds(folders: dict[str, Path], semtool: Semtool, defect: str) -> None:
    change, code, what, _ = DEFECTS[defect]
    change(copied(folders, "sd"))
    for args in (["verify", "model"], ["show", "model"]):
        out = semtool("models", *args)
        assert out.status == 5
        assert code in out.line
        assert what in out.line
    shutil.rmtree("model")
    (copied(folders, "sd") / "tokenizer" / "tokenizer.json").unlink()
    out = semtool("models", "verify", "model")
    assert (out.status, "lacks tokenizer/tokenizer.json" in out.line) == (5, True)


@pytest.mark.parametrize(
    "args", [["--model", "no"], ["--model", "./no"], ["--model", "no/such"], ["--model", "broken"], ["--model", "file"]]
)
def test_a_folder_of_models_that_does_not_exist(semtool: Semtool, args: list[str]) -> None:
    linked(Path("broken")), written(Path("file"), b"")
    what = {"broken": "broken is a broken link", "file": "file is a file, not a folder of models"}.get(
        args[1], f"there is no folder {Path(args[1])}"
    )
    assert semtool("encode", "--text", "ct n mt", "--size", "64x64", "-o", "x.sem").status == 0
    for start in (
        ["decode", "x.sem"],
        ["inspect", "x.sem"],
        ["payload", "x.sem"],
        ["models", "list"],
        ["models", "verify"],
    ):
        out = semtool(*start, *args)
        assert (out.status, out.out) == (5, b""), start
        assert out.line.startswith(f"SEM-E-801 model-unavailable: {what}"), out.line


# --- loaded models ---------------------------------------------------------------------------------------------------


def loaded_by_the_library(folders: dict[str, Path], kind: str) -> Any:
    """The folder as diffusers or transformers load it, for roles that take such an object."""
    import diffusers
    import transformers

    folder = folders[kind]
    if kind == "controlnet":
        return diffusers.ControlNetModel.from_pretrained(folder)
    if kind == "language":
        return transformers.pipeline("text-generation", model=str(folder), device="cpu")
    if kind in ("llava", "blip", "blip2", "qwen", "idefics3"):
        model = load_here(kind, folder)
        return transformers.ImageTextToTextPipeline(model=model.model, processor=model.processor)
    return diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True)


@pytest.mark.parametrize(
    "kind", ["sd", "xl", "flux", "unclip", "ip2p", "ip2p_xl", "controlnet", "language", "llava", "blip2"]
)
def test_a_loaded_object_of_the_libraries(folders: dict[str, Path], kind: str) -> None:
    own = loaded_by_the_library(folders, kind)
    before = dict(vars(own))
    model = load(kind, own)
    assert isinstance(model, KINDS[kind][1])
    assert alike(kind, model, load_here(kind, folders[kind]))
    assert {name: vars(own)[name] for name in before} == before
    assert model.name


def test_a_loaded_pipeline_whose_tokenizer_is_empty(folders: dict[str, Path]) -> None:
    own = loaded_by_the_library(folders, "sd")
    only_unknown(copied(folders, "sd") / "tokenizer" / "tokenizer.json")
    own.tokenizer = type(own.tokenizer).from_pretrained("model/tokenizer")
    refused(lambda: load("sd", own), MALFORMED, "maps different texts to the same ids", "", "painter")


@pytest.mark.parametrize("kind", every(KINDS))
def test_a_loaded_model_of_this_library(folders: dict[str, Path], kind: str) -> None:
    for model in (
        load_here(kind, folders[kind]),
        load(kind, folders[kind]),
    ):  # in this process, and in that of the models
        assert load(kind, model) is model


@pytest.mark.parametrize("kind", every(KINDS))
@pytest.mark.parametrize("wrong", ["module", "network", "pipeline", "object", "array", "other role"])
def test_an_object_that_fills_no_role(folders: dict[str, Path], kind: str, wrong: str) -> None:
    import torch

    other = "hed" if kind != "hed" else "embedder"
    value: Any = {
        "module": lambda: torch.nn.Linear(2, 2),
        "network": tiny_models.text_model,
        "pipeline": lambda: loaded_by_the_library(folders, "xl" if kind in ("unclip", "perco") else "unclip"),
        "object": object,
        "array": lambda: np.zeros(3),
        "other role": lambda: load(other, folders[other]),
    }[wrong]()
    role, cls = KINDS[kind]
    with pytest.raises(
        TypeError, match=f"^{role}: pass a path or hub id of .*{cls.__name__}, not an object of the class "
    ):
        load(kind, value)


@pytest.mark.parametrize("role", sorted({role for role, _ in KINDS.values()} | {"segmenter"}))
@pytest.mark.parametrize("value", [None, TextToImage, int, b"folder", 7, 1.5, True, ["folder"], {"a": 1}, ("x",)])
def test_a_value_that_is_no_model(role: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"^{role}: pass a path, a hub id, an endpoint URL or a loaded model"):
        Models.of({role: value})


@pytest.mark.parametrize("value", [7, object(), [None], [7], TextToImage])
def test_models_that_are_no_paths(value: Any) -> None:
    with pytest.raises(TypeError, match="models are paths, or a mapping of role to path"):
        Models.of(value)
