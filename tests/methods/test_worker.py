# SPDX-License-Identifier: MIT
"""The worker process: each role has the results of a model in this process, a hostile model ends in one error, and models
are loaded again after the worker has ended."""

from __future__ import annotations

import base64
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("diffusers")

import tiny_models
from cli_harness import Semtool
from role_folders import write_role_folders

import refcodec
from refcodec import memory
from refcodec.cli.bench.metric_networks.clip_similarity import Clip
from refcodec.cli.bench.metric_networks.segmentation import Segmenter
from refcodec.errors import ModelError
from refcodec.foundation import controlnet, perco_diffusion, prompt_inversion, prompt_tokens
from refcodec.foundation.captioner import Captioner
from refcodec.foundation.clip_model import ClipModel
from refcodec.foundation.hed import EdgeDetector
from refcodec.foundation.hyper_config import HyperConfig
from refcodec.foundation.hyper_encoder import HyperEncoder
from refcodec.foundation.image_embedder import ImageEmbedder
from refcodec.foundation.input_size import require_size
from refcodec.foundation.instruction_editor import InstructionEditor
from refcodec.foundation.language_model import LanguageModel
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_encoder import TextEncoder
from refcodec.foundation.text_to_image import TextToImage
from refcodec.foundation.unclip import UnclipGenerator
from refcodec.foundation.worker import scratch, wire
from refcodec.foundation.worker.process import WORKERS, Worker
from refcodec.foundation.worker.proxy import ModelProxy, call
from refcodec.foundation.worker.worker_limits import WorkerLimits
from refcodec.limits import Limits, MemoryLimitError, TimeLimitError

pytestmark = pytest.mark.models
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")

PHOTO = tiny_models.photo(64, 48)
FEW = {"seed": 3, "steps": 2}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_role_folders(folder)
    return folder


@pytest.fixture(scope="module")
def perco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    from refcodec.foundation.loading import quiet

    folder = tmp_path_factory.mktemp("perco")
    tiny_models.seeded(5)
    HyperEncoder(HyperConfig(v=64, stride=8, factor=2, latent_channels=4, n=8, m=12, dim=4, null_text=(77, 16))).save(
        folder / "hyper_encoder"
    )
    tokenizer = tiny_models.clip_tokenizer(folder / "scratch")
    with quiet():
        StableDiffusionPipeline(
            vae=tiny_models.vae(), unet=tiny_models.unet(16, 16), tokenizer=tokenizer, safety_checker=None,
            text_encoder=tiny_models.text_model(16, len(tokenizer)), scheduler=DDIMScheduler(), feature_extractor=None,
            requires_safety_checker=False,
        ).save_pretrained(folder / "painter", safe_serialization=True)  # fmt: skip
    return folder


def same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b)) and np.asarray(a).dtype == np.asarray(b).dtype


# --- every role gives there what it gives here -----------------------------------------------------------------------

CAPTION = "a cat on a mat"
USES: dict[str, tuple[str, Any, Callable[[Any], Any]]] = {
    "captioner": ("captioner", Captioner.load, lambda m: (m.describe(PHOTO, "what?", 8), m.caption(PHOTO, tokens=6), m.name)),
    "language": ("language", LanguageModel.load, lambda m: m.ask("shorten", CAPTION, 12)),
    "painter": ("painter", TextToImage.load, lambda m: np.stack([m.paint(CAPTION, (64, 64), **FEW), m.edit(PHOTO[:32, :32].repeat(2, 0).repeat(2, 1), CAPTION, 0.6, **FEW)])),
    "unclip": ("painter", UnclipGenerator.load, lambda m: m.paint(np.linspace(-1, 1, m.width, dtype=np.float32), (64, 32), **FEW)),
    "editor": ("editor", InstructionEditor.load, lambda m: m.edit(PHOTO[:32, :32].repeat(2, 0).repeat(2, 1), CAPTION, image_guidance=1.2, **FEW)),
    "image_embedder": ("image_embedder", ImageEmbedder.load, lambda m: m(PHOTO)),
    "text_encoder": ("text_encoder", TextEncoder.load, lambda m: m(CAPTION)),
    "edge_detector": ("edge_detector", EdgeDetector.load, lambda m: m(PHOTO)),
    "clip": ("clip", ClipModel.load, lambda m: m.cosine(PHOTO[::-1], m.picture(PHOTO))),
    "metric": ("clip", Clip.load, lambda m: np.stack([m.picture(PHOTO), m.text(CAPTION)])),
    "segmenter": ("segmenter", Segmenter.load, lambda m: m(PHOTO)),
}  # fmt: skip


@pytest.mark.parametrize("use", USES)
def test_a_role_gives_there_what_it_gives_here(use: str, models: Path) -> None:
    role, loader, result = USES[use]
    folder = models / (use if use != "metric" else "clip")
    there = Models.of({role: folder}, device="cpu").load(role, loader, {})
    assert isinstance(there, ModelProxy)
    assert same(result(there), result(loader(folder, Models(device="cpu"))))


def test_models_that_take_each_other(models: Path, perco: Path) -> None:
    here, there = Models(device="cpu"), Models.of(models, device="cpu")
    lines = np.repeat(PHOTO[:32, :64, :1], 3, axis=2).repeat(2, 0)

    def along(painter: Any, control: Any) -> Any:
        assert call("prompt_tokens:takes_ids", painter.pipeline)
        prompt = call("prompt_tokens:embed", painter.pipeline, (5, 6, 7), ", fine", "painter", painter.name)
        return call("controlnet:ControlNetTextToImage", painter, control, lines, 0.5).paint(prompt, (64, 64), **FEW)

    parts = [TextToImage.load, controlnet.ControlNet.load]
    folders = ["painter", "controlnet"]
    proxies = [there.load(role, loader, {}) for role, loader in zip(folders, parts, strict=True)]
    objects = [loader(models / role, here) for role, loader in zip(folders, parts, strict=True)]
    assert same(along(*proxies), along(*objects))
    assert prompt_tokens.takes_ids(objects[0].pipeline)

    def coded(painter: Any, hyper: Any, coder: Any) -> Any:
        grid = call("perco_diffusion:indices_of", PHOTO, coder, hyper)
        painter.check_hyper_encoder(hyper)
        features, cfg = hyper.features_of(grid), hyper.cfg
        assert cfg == HyperConfig(v=64, stride=8, factor=2, latent_channels=4, n=8, m=12, dim=4, null_text=(77, 16))
        text = painter.text(CAPTION)
        return painter.paint(features, cfg.stride // cfg.factor, text, painter.null(hyper), **FEW)

    loaders = (
        ("painter", perco_diffusion.PercoGenerator.load),
        ("hyper_encoder", HyperEncoder.load),
        ("painter", perco_diffusion.LatentCoder.load),
    )
    proxies = [Models.of(perco, device="cpu").load(role, loader, {}) for role, loader in loaders]
    assert same(coded(*proxies), coded(*(loader(perco / role, here) for role, loader in loaders)))


def test_a_prompt_is_found_there_as_here(models: Path) -> None:
    shares: list[float] = []
    there = Models.of(models, device="cpu").load("clip", ClipModel.load, {})
    settings = {"count": 4, "iterations": 6, "seed": 2}
    found = call("prompt_inversion:invert", there, PHOTO, progress=shares.append, **settings)
    assert found == prompt_inversion.invert(ClipModel.load(models / "clip", Models(device="cpu")), PHOTO, **settings)
    assert isinstance(found.tokens, tuple)
    assert shares == [step / 6 for step in range(1, 7)]
    with pytest.raises(ValueError, match="a prompt has 1 to 75 tokens, not 99"):
        call("prompt_inversion:invert", there, PHOTO, count=99)


def test_what_the_caller_has_loaded_stays_here(models: Path, perco: Path) -> None:
    own = Captioner.load(models / "captioner", Models(device="cpu"))
    assert Models.of({"captioner": own}).load("captioner", Captioner.load, {}) is own
    hyper = HyperEncoder.load(perco / "hyper_encoder", Models(device="cpu"))
    beside = Models.of({"hyper_encoder": hyper, "painter": perco / "painter"}, device="cpu")
    painter = beside.load("painter", perco_diffusion.PercoGenerator.load, {})
    assert isinstance(painter, perco_diffusion.PercoGenerator)  # it takes what is here
    painter.check_hyper_encoder(hyper)


@linux
def test_threads_of_the_caller_are_taken(models: Path) -> None:
    """OpenMP keeps the threads of the largest number that it has been asked for."""
    import torch

    detector = Models.of(models, device="cpu").load("edge_detector", EdgeDetector.load, {})
    WORKERS.end()
    counts = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        detector(np.zeros((400, 400, 3), np.uint8))
        counts.append(len(list(Path(f"/proc/{WORKERS.worker.process.pid}/task").iterdir())))  # type: ignore[union-attr]
    assert counts[1] >= counts[0] + 2


# --- hostile models --------------------------------------------------------------------------------------------------

BRIEF = WorkerLimits(prepare_s=3)


def replaces(a: str, b: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": a}, "content": b}


def tokenizer(**members: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "tokenizer.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | members))

    return change


def template(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "chat_template.jinja").write_text(text) and None


NESTED = "{% for a in range(99999) %}" * 5 + "{% endfor %}" * 5
PANIC = base64.b64encode(b"\x08\0\0\0" + b"\xff" * 40).decode()
HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a tokenizer that panics": (tokenizer(normalizer={"type": "Precompiled", "precompiled_charsmap": PANIC}), "PanicException"),
    "a bomb of a normaliser": (tokenizer(normalizer={"type": "Sequence", "normalizers": [replaces("a", "a" * 99)] * 12}), "to prepare its input"),
    "a bomb of a decoder": (tokenizer(decoder={"type": "Sequence", "decoders": [replaces(c, "e" * 99) for c in "eeeeeeeeeeee"]}), "to prepare its input"),
    "nested loops": (template(NESTED), "took more than 3 s to prepare its input"),
    "3 GB of text at once": (template("{{ 'x' * 3000000000 }}"), "needs more than 2 GiB of memory to prepare its input"),
    "3 GB of text in parts": (template("{% for a in range(99999) %}{{ 'x' * 99999 }}{% endfor %}"), "to prepare its input"),
    "a text that is far too long": (template("{{ 'a cat ' * 99999 }}"), " tokens of its input, more than 32768"),
    "numbers without end": (template("{{ 9 ** (9 ** 9) }}"), "to prepare its input"),
}  # fmt: skip


QUICK = {
    "a tokenizer that panics",
    "3 GB of text at once",
    "nested loops",
    "a text that is far too long",
}  # the others end the process, too


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in HOSTILE]
)
def test_a_hostile_model_is_one_line(
    kind: str, models: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    change, said = HOSTILE[kind]
    folder = tmp_path / "hostile"
    shutil.copytree(models / "language", folder)
    change(folder)
    Models.of(models).load("language", LanguageModel.load, {})  # the time of the first start is not the model's
    start = time.monotonic()
    with pytest.raises(ModelError) as caught:
        Models(worker_limits=BRIEF, roles=Models.of({"language": folder}).roles).load_language({}).ask("a", "a" * 99, 8)
    assert time.monotonic() - start < 60
    assert (caught.value.code, caught.value.path) == (803, "language")
    assert "\n" not in str(caught.value)
    assert said in caught.value.what
    assert caught.value.hint
    assert capfd.readouterr() == ("", "")
    assert Models.of(models).load_language({}).ask("say", "a cat", 4) is not None  # the next model


@pytest.mark.parametrize(
    "member", [{"size": {"longest_edge": 10**9}}, {"size": {"longest_edge": 10**5}, "do_image_splitting": True}]
)
def test_a_picture_that_is_taken_to_very_many_pieces(member: dict[str, Any], models: Path, tmp_path: Path) -> None:
    """Vision-language models read parts of a picture as tokens; the processor of a folder says how many."""
    folder = Path(shutil.copytree(models / "captioner", tmp_path / "hostile"))
    settings = json.loads((folder / "processor_config.json").read_text())
    settings["image_processor"] |= member
    (folder / "processor_config.json").write_text(json.dumps(settings))
    with pytest.raises(
        ModelError, match=r"makes \d+ tokens of its input, more than 32768|to prepare its input"
    ) as caught:
        Models.of({"captioner": folder}, device="cpu").load_captioner({}).caption(PHOTO)
    assert (caught.value.code, caught.value.path) == (803, "captioner")


@pytest.mark.parametrize(
    ("shapes", "what"),
    [
        ({"input_ids": (1, 32768), "pixel_values": (1 << 27,)}, None),
        ({"input_ids": (1, 32769)}, "makes 32769 tokens of its input, more than 32768"),
        ({"pixel_values": (2, 1 << 26), "other": (1,)}, "makes 134217729 values of pixels of its input"),
        ({}, None),
    ],
)
def test_the_size_of_an_input(shapes: dict[str, tuple[int, ...]], what: str | None) -> None:
    import torch

    inputs = {
        name: torch.zeros((), dtype=torch.int64 if name == "input_ids" else torch.float32).expand(shape)
        for name, shape in shapes.items()
    }
    with nullcontext() if what is None else pytest.raises(ModelError, match=what):
        require_size("captioner", "x", inputs)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["a tokenizer that panics", "a bomb of a normaliser", "3 GB of text at once"])
def test_a_hostile_model_on_the_command_line(semtool: Semtool, kind: str, models: Path) -> None:
    shutil.copytree(models / "language", "hostile")
    HOSTILE[kind][0](Path("hostile"))
    from PIL import Image

    Image.fromarray(PHOTO).save("photo.png")
    options = ("--method", "consonant", "--text", "a cat and a mat " * 20)
    done = semtool("encode", "photo.png", *options, "--words", "5", "--model", "language=hostile")
    assert (done.status, done.out, done.err.count("\n")) == (5, b"", 1)
    assert done.err.startswith("SEM-E-803 ")
    done = semtool("encode", "photo.png", *options, "--words", "5", "--model", f"language={models / 'language'}")
    assert done.status == 0


@pytest.mark.slow
def test_a_text_that_hangs_a_pipeline_is_found_before_it_runs(tmp_path: Path) -> None:
    folder = tiny_models.flux(tmp_path)
    bomb = {"type": "Sequence", "normalizers": [replaces("a", "a" * 99)] * 12}
    tokenizer(normalizer=bomb)(folder / "tokenizer_2")
    with pytest.raises(ModelError, match="to prepare its input"):  # by the texts that a tokenizer is tried with
        Models.of({"painter": folder}, device="cpu").load("painter", TextToImage.load, {})


@pytest.mark.slow
def test_models_that_run_too_long_or_take_too_much(models: Path) -> None:
    for limits, said in (
        (WorkerLimits(run_s=0.5), "took more than 0.5 s to run"),
        (WorkerLimits(run_bytes=1 << 26), "GiB of memory to run"),
    ):
        several = Models.of(models, device="cpu")
        several.worker_limits = limits
        detector = several.load("edge_detector", EdgeDetector.load, {})
        with pytest.raises(ModelError, match=said):
            detector(np.zeros((1500, 1500, 3), np.uint8))


# --- a process that is gone ------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(
    "number",
    [signal.SIGSEGV, *(pytest.param(number, marks=pytest.mark.slow) for number in (signal.SIGABRT, signal.SIGKILL))],
)
def test_a_process_that_dies_is_one_line_and_started_again(number: signal.Signals, models: Path) -> None:
    several = Models.of(models, device="cpu")
    detector = several.load("edge_detector", EdgeDetector.load, {})
    before = detector(PHOTO)
    pid = WORKERS.worker.process.pid  # type: ignore[union-attr]
    timer = threading.Timer(0.3, os.kill, (pid, number))
    timer.start()
    with pytest.raises(ModelError) as caught:
        detector(np.zeros((2000, 2000, 3), np.uint8))
    timer.join()
    assert "edge_detector: the model edge_detector ended the process that ran it (" in caught.value.what
    assert same(detector(PHOTO), before)
    assert WORKERS.worker.process.pid != pid  # type: ignore[union-attr]


@pytest.mark.slow
def test_everything_made_is_made_again(models: Path) -> None:
    """Also what was made of several models, and of what was made of them."""
    there = Models.of(models, device="cpu")
    painter, control = (there.load(role, loader, {}) for role, loader in (("painter", TextToImage.load), ("controlnet", controlnet.ControlNet.load)))  # fmt: skip
    prompt = call("prompt_tokens:embed", painter.pipeline, (5, 6), "", "painter", "painter")
    lines = np.zeros((64, 64, 3), np.uint8)
    both = call("controlnet:ControlNetTextToImage", painter, control, lines, 1.0)
    before = both.paint(prompt, (64, 64), **FEW)
    WORKERS.end()
    assert same(both.paint(prompt, (64, 64), **FEW), before)


def test_an_error_of_a_callback_ends_the_work(models: Path) -> None:
    painter = Models.of(models, device="cpu").load("painter", TextToImage.load, {})

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        painter.paint("a cat", (64, 64), seed=0, steps=50, progress=stop)
    with pytest.raises(RuntimeError, match="a callback of a model cannot call a model"):
        painter.paint("a cat", (64, 64), **FEW, progress=lambda _: painter.native)
    assert painter.paint("a cat", (64, 64), **FEW).shape == (64, 64, 3)


def test_several_threads_take_turns(models: Path) -> None:
    embedder = Models.of(models, device="cpu").load("image_embedder", ImageEmbedder.load, {})
    pictures = [np.full((40, 40, 3), 25 * i, np.uint8) for i in range(6)]
    expected, found = [embedder(p) for p in pictures], dict[int, Any]()
    threads = [threading.Thread(target=lambda i=i: found.update({i: embedder(pictures[i])})) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(found[i], expected[i]) for i in range(6))


def test_what_nobody_holds_is_forgotten(models: Path) -> None:
    there = Models.of(models, device="cpu").load("clip", ClipModel.load, {})
    handles = [there.picture(PHOTO)._handle for _ in range(3)]
    gc.collect()
    assert len(set(handles)) < 3  # a handle is used again


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


PARENT = """
import os, sys, time
from refcodec.foundation.resolve import Models
from refcodec.foundation.worker.process import WORKERS, Worker
m = Models.of({'image_embedder': sys.argv[1]}, device='cpu').load('image_embedder', 'image_embedder:ImageEmbedder.load', {})
print(WORKERS.worker.process.pid, WORKERS.worker.scratch, 'torch' in sys.modules, flush=True)
if sys.argv[2] == 'wait':
    time.sleep(600)
"""


@linux
@pytest.mark.parametrize(
    "end", [signal.SIGKILL, *(pytest.param(end, marks=pytest.mark.slow) for end in ("exit", signal.SIGTERM))]
)
def test_the_process_ends_with_its_caller(end: Any, models: Path) -> None:
    """At its end, and however it is killed; what it leaves behind then is removed by the next one."""
    command = [sys.executable, "-c", PARENT, str(models / "image_embedder"), "exit" if end == "exit" else "wait"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid, folder, torch = parent.stdout.readline().decode().split()
        assert torch == "False"  # the caller does without it
        if end != "exit":
            parent.send_signal(end)
        assert parent.wait(60) == (0 if end == "exit" else -end)
        assert parent.stderr is not None
        assert parent.stderr.read() == b""
    until = time.monotonic() + 30
    while alive(int(pid)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not alive(int(pid))
    scratch.remove(scratch.make())
    assert not Path(folder).exists()


@linux
def test_a_fork_has_a_process_of_its_own(models: Path) -> None:
    embedder = Models.of(models, device="cpu").load("image_embedder", ImageEmbedder.load, {})
    before, pid = embedder(PHOTO), WORKERS.worker.process.pid  # type: ignore[union-attr]
    child = os.fork()
    if child == 0:
        try:
            WORKERS.end()  # nothing to end
            os._exit(0 if WORKERS.worker is None else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert same(embedder(PHOTO), before)
    assert WORKERS.worker.process.pid == pid  # type: ignore[union-attr]


@linux
def test_the_process_knows_no_secrets_and_writes_nowhere(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("SEM_ENDPOINT_KEY", "secret")
    WORKERS.end()
    Models.of(models, device="cpu").load("image_embedder", ImageEmbedder.load, {})
    process = Path(f"/proc/{WORKERS.worker.process.pid}")  # type: ignore[union-attr]
    assert b"secret" not in (process / "environ").read_bytes()
    targets = {os.readlink(link) for link in (process / "fd").iterdir()}
    assert not [target for target in targets if target.startswith(("socket:", "/dev/pts"))]
    assert "NoNewPrivs:\t1" in (process / "status").read_text() or not landlocked()


@linux
def test_the_process_computes_with_the_instructions_of_its_caller(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "DNNL_MAX_CPU_ISA": "SSE41",
        "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
        "DNNL_DEFAULT_FPMATH_MODE": "STRICT",
        "OPENBLAS_CORETYPE": "Nehalem",
        "MKL_CBWR": "COMPATIBLE",
    }
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    WORKERS.end()
    Models.of(models, device="cpu").load("image_embedder", ImageEmbedder.load, {})
    entries = Path(f"/proc/{WORKERS.worker.process.pid}/environ").read_text().split("\0")  # type: ignore[union-attr]
    assert wanted.items() <= dict(entry.split("=", 1) for entry in entries if entry).items()
    WORKERS.end()


def landlocked() -> bool:
    return (
        "landlock" in Path("/sys/kernel/security/lsm").read_text()
        if Path("/sys/kernel/security/lsm").exists()
        else False
    )


# --- messages --------------------------------------------------------------------------------------------------------


def sent(body: dict[str, Any], arrays: list[Any]) -> bytes:
    import io

    stream = io.BytesIO()
    wire.send(stream, body, arrays)
    return stream.getvalue()


def received(data: bytes) -> Any:
    import io

    return wire.receive(io.BytesIO(data))


VALUES = [
    None, True, 0, -(10**30), 1.5, float("inf"), "", "ä\ud800\n", [1, [2]], (1, (2,)), {"a": {"b": 1}}, Path("x"), np.float32(0.1),
    np.arange(6, dtype=np.int64).reshape(2, 3)[:, ::-1], np.zeros((0, 3), np.uint8), np.array(True), HyperConfig(), {"list": 1},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=[f"{type(v).__name__} {i}" for i, v in enumerate(VALUES)])
def test_values_cross(value: Any) -> None:
    arrays: list[Any] = []
    body = {"value": wire.pack(value, arrays, lambda _: None)}
    answer = received(sent(body, arrays))
    back = wire.unpack(answer[0]["value"], answer[1], {})
    assert type(back) is type(value)
    if isinstance(value, np.ndarray):
        assert same(back, value)
        assert back.flags.writeable
    else:
        assert back == value


def test_other_objects_do_not_cross() -> None:
    for value in (object(), b"x", {1: 2}, np.array(["x"]), np.array([None])):
        with pytest.raises(wire.WireError):
            wire.pack(value, [], lambda _: None)


GOOD = {"body": {}, "arrays": []}
BAD_HEADERS: list[Any] = [
    [], {}, {"body": 1, "arrays": []}, GOOD | {"arrays": [["object", [1]]]}, GOOD | {"arrays": [["uint8", [-1]]]},
    GOOD | {"arrays": [["uint8", [1.5]]]}, GOOD | {"arrays": [["uint8", [1 << 40]]]}, GOOD | {"arrays": [["float64", [1 << 31, 1 << 31]]]},
    GOOD | {"arrays": [["uint8", [1] * 99]]}, GOOD | {"arrays": [["uint8", [9]]]}, GOOD | {"arrays": [["uint8", []]] * 99}, GOOD | {"arrays": 5},
]  # fmt: skip


@pytest.mark.parametrize("header", BAD_HEADERS, ids=range(len(BAD_HEADERS)))
def test_messages_of_another_form(header: Any) -> None:
    text = json.dumps(header).encode()
    with pytest.raises(wire.WireError):
        received(len(text).to_bytes(4, "little") + bytes(4) + text)


@pytest.mark.parametrize(
    "data",
    [
        b"\1",
        b"\1\0\0\0\0\0\0\0",
        b"\xff" * 8 + b"x",
        b"\2\0\0\0\0\0\0\0[]",
        b"\2\0\0\0\1\0\0\0{}",
        b"\x01\0\0\0\0\0\0\0[",
    ],
)
def test_streams_that_end_or_lie(data: bytes) -> None:
    assert received(b"") is None
    with pytest.raises(wire.WireError):
        received(data)


@pytest.mark.parametrize(
    "form",
    [
        {"array": 9},
        {"array": "x"},
        {"number": 0},
        {"value": "Path", "fields": {"dict": {}}},
        {"value": "HyperConfig", "fields": {"dict": {"v": -1}}},
        {"what": 1},
        {},
        {"list": 5},
    ],
)
def test_forms_of_no_value(form: Any) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack(form, [], {})


# --- the methods as users call them ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_caller_of_a_method_needs_no_torch(models: Path, tmp_path: Path) -> None:
    code = (
        "import sys, refcodec, numpy\n"
        "data = refcodec.encode(numpy.zeros((64, 64, 3), 'uint8'), method='clip', models=sys.argv[1])\n"
        "print('torch' in sys.modules)\n"
        "refcodec.decode(data, models={'painter': sys.argv[2]}, steps=1)\n"
        "print('transformers' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(models), str(models / "unclip")]
    done = subprocess.run(
        command, capture_output=True, check=False, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert (done.stdout, done.stderr) == (b"False\nFalse\n", b"")


def test_nothing_of_the_libraries_is_changed_here(models: Path) -> None:
    import diffusers
    import transformers

    before = [library.utils.logging.get_verbosity() for library in (transformers, diffusers)]
    transformers.utils.logging.set_verbosity(20)
    refcodec.encode(PHOTO, method="clip", models=models)
    assert transformers.utils.logging.get_verbosity() == 20
    assert diffusers.utils.logging.get_verbosity() == before[1]
    transformers.utils.logging.set_verbosity(before[0])


@pytest.fixture(scope="module", autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    WORKERS.end()
    assert WORKERS.worker is None


# --- bounds of the caller --------------------------------------------------------------------------------------------


def test_bounds_of_the_caller_hold_for_a_model(models: Path) -> None:
    pixels = np.zeros((2000, 2000, 3), np.uint8)
    for limits, error, message in (
        (Limits(timeout=0.5), TimeLimitError, "not done in 0.5 s, the time limit of the caller"),
        (Limits(max_memory=1 << 26), MemoryLimitError, "the edge_detector .* takes .* more than the 67 MB"),
    ):
        several = Models.of(models, device="cpu")
        several.load("edge_detector", EdgeDetector.load, {})  # outside of the bound
        within = Models.of(several, environment=several.environment, limits=limits.start())
        with pytest.raises(error, match=message) as caught:
            within.load("edge_detector", EdgeDetector.load, {})(pixels)
        assert caught.value.status == 6


@pytest.mark.parametrize(
    ("free", "most"), [(None, 24 << 30), (1 << 40, 24 << 30), (6 << 30, 6 << 30), (1 << 20, 2 << 30), (0, 2 << 30)]
)
def test_a_model_takes_the_free_memory_at_most(free: int | None, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free", lambda: free)
    limits = WorkerLimits().within(Limits(timeout=9))
    assert (limits.run_bytes, limits.caller) == (most, Limits(timeout=9))
    assert WorkerLimits(run_bytes=1 << 26).within(Limits()).run_bytes == 1 << 26


@linux
def test_the_process_is_the_first_that_ends_when_memory_runs_out(models: Path) -> None:
    detector = Models.of(models, device="cpu").load("edge_detector", EdgeDetector.load, {})
    assert detector.name == "edge_detector"
    pid = WORKERS.worker.process.pid  # type: ignore[union-attr]
    assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "500\n"
    assert Path("/proc/self/oom_score_adj").read_text() != "500\n"


@pytest.mark.parametrize("executable", [None, "", "/nowhere/python"])
def test_a_program_without_an_interpreter(
    executable: str | None, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python inside another program may not know where it is."""
    WORKERS.end()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", executable)
        with pytest.raises(ModelError, match="cannot be run: no process starts") as caught:
            Models.of(models).load("edge_detector", EdgeDetector.load, {})
    assert (caught.value.code, caught.value.path) == (803, "edge_detector")
    assert "\n" not in str(caught.value)
    assert not any(Path(tempfile.gettempdir()).glob(f"{scratch.PREFIX}{os.getpid()}-*"))


def test_a_search_path_with_entries_of_other_kinds(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WORKERS.end()
    monkeypatch.setattr(sys, "path", [None, Path("/nowhere"), b"/nowhere", 7, "", "relative", *sys.path])
    assert Models.of(models).load("edge_detector", EdgeDetector.load, {}).name == "edge_detector"


@pytest.mark.parametrize("repeat", range(3))
def test_nothing_runs_on_behind_a_process_that_was_ended(repeat: int) -> None:
    before = threading.active_count()
    worker = Worker()
    assert threading.active_count() == before + 1
    worker.end()
    assert (threading.active_count(), worker.alive, worker.reader.is_alive()) == (before, False, False)
    assert not Path(worker.scratch).exists()
