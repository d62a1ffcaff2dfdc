# SPDX-License-Identifier: MIT
"""Token ids of a file as the prompt of a generator (SPEC §B.4): what the text encoder reads, of PIC and PICS, with and without candidates."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("diffusers")

import tiny_models

import refcodec
from refcodec import codec, reconstruct
from refcodec.decoder import decode_file
from refcodec.errors import SemError
from refcodec.foundation import prompt_tokens
from refcodec.foundation.clip_model import ClipModel
from refcodec.foundation.perco_diffusion import PercoGenerator
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_to_image import TextToImage
from refcodec.foundation.worker.proxy import ModelProxy, call
from refcodec.images.edge_detector import contours
from refcodec.methods.pics.generators import NEGATIVE, SUFFIX
from refcodec.methods.pics.text_sketch_size import resize

pytestmark = pytest.mark.models

PHOTO = tiny_models.photo(96, 96)
LARGE = resize(PHOTO)  # 512 x 512
FEW = {"steps": 2}
ROOM = 77  # ids that the text encoder reads
UNNAMED = "the file does not state its tokenizer, text encoder: nothing could be compared"
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Painter, ControlNet and CLIP, in folders named for their roles."""
    folder = tmp_path_factory.mktemp("set")
    tiny_models.stable_diffusion(folder)
    tiny_models.clip_model(folder / "clip")
    shutil.rmtree(folder / "scratch")
    return folder


@pytest.fixture(scope="module")
def worker(folders: Path) -> Models:
    """The same models, loaded from their folders in the process of the models."""
    return Models.of(folders, device="cpu")


@pytest.fixture(scope="module")
def pipeline(folders: Path) -> Any:
    """The pipeline as a caller loads it."""
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline.from_pretrained(folders / "painter", safety_checker=None)


@pytest.fixture(scope="module")
def here(folders: Path, pipeline: Any) -> dict[str, Any]:
    """Models that the caller has loaded: they run in this process."""
    from diffusers import ControlNetModel

    control = ControlNetModel.from_pretrained(folders / "controlnet")
    return {"painter": pipeline, "controlnet": control, "clip": ClipModel.load(folders / "clip", Models(device="cpu"))}


@pytest.fixture
def read(pipeline: Any) -> Iterator[list[list[int]]]:
    """The rows of ids that the text encoder of the pipeline reads during a test."""
    rows: list[list[int]] = []
    handle = listen(pipeline.text_encoder, rows)
    yield rows
    handle.remove()


def listen(encoder: Any, rows: list[list[int]]) -> Any:
    """Record the ids that a real text encoder of transformers reads, whichever way they come to it."""

    def record(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = args[0] if args else kwargs["input_ids"]
        rows.extend(ids.tolist())

    return encoder.register_forward_pre_hook(record, with_kwargs=True)


def ids_of(tokenizer: Any, name: str) -> list[int]:
    """Token ids of one sort."""
    spelt = [tokenizer.convert_tokens_to_ids([*word[:-1], f"{word[-1]}</w>"]) for word in ("red", "house")]
    halves = [i for i in range(2, len(tokenizer)) if "\ufffd" in tokenizer.decode([i])]  # parts of characters in UTF-8
    return {
        "words": tokenizer("a red house", add_special_tokens=False).input_ids,
        "spelt": [i for word in spelt for i in word],
        "halves": halves[:16],
        "inner": [i for i in range(300, 330) if not tokenizer.convert_ids_to_tokens(i).endswith("</w>")][:16],
        "special": [300, tokenizer.eos_token_id, 301, tokenizer.bos_token_id, 302],
        "room": [*range(200, 200 + ROOM - 2 - len(suffix_of(tokenizer)))],
        "over": [*range(200, 273)],
        "full": [*range(200, 275)],
        "none": [],
    }[name]


CASES = ("words", "spelt", "halves", "inner", "special", "room", "over", "full", "none")
CHANGED = ("spelt", "halves", "inner", "special")  # by decoding and tokenising them again


def suffix_of(tokenizer: Any) -> list[int]:
    """Ids of ", high quality"."""
    return list(tokenizer(f", {SUFFIX}", add_special_tokens=False).input_ids)


def expected(tokenizer: Any, ids: list[int]) -> list[int]:
    """The row of SPEC §B.4: begin, the ids, those of ", high quality", end; what has no room is cut off behind."""
    text = [*ids, *suffix_of(tokenizer)][: ROOM - 2]
    row = [tokenizer.bos_token_id, *text, tokenizer.eos_token_id]
    return row + [tokenizer.pad_token_id] * (ROOM - len(row))


def negative(tokenizer: Any) -> list[int]:
    """The row of the negative prompt, as the pipeline tokenises it."""
    return list(tokenizer(NEGATIVE, padding="max_length", max_length=ROOM, truncation=True).input_ids)


def made(ids: list[int], kind: str, **more: Any) -> bytes:
    """A file of token ids: PIC, or PICS with an edge map."""
    lines = {"sketch": contours(LARGE)} if kind == "PICS" else {"size": (512, 512)}
    return codec.encode_file(method="pics", codes=ids, **lines, **more).data


def painted(data: bytes, models: Any, **wish: Any) -> Pixels:
    return np.asarray(refcodec.decode(data, models=models, **FEW | wish))


# --- what the text encoder reads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_the_cases_are_what_they_are_called(pipeline: Any, case: str) -> None:
    tokenizer = pipeline.tokenizer
    ids = ids_of(tokenizer, case)
    again = tokenizer(tokenizer.decode(ids), add_special_tokens=False).input_ids
    long = case in ("room", "over", "full")
    assert long or (again != ids) == (case in CHANGED)
    assert long or ("\ufffd" in tokenizer.decode(ids)) == (case == "halves")
    assert len(ids) <= 75
    assert len(ids) > 3 or case == "none"


@pytest.mark.parametrize("kind", ["PIC", "PICS"])
@pytest.mark.parametrize("case", CASES)
def test_the_text_encoder_reads_the_ids_of_the_file(
    here: dict[str, Any], pipeline: Any, read: list[list[int]], kind: str, case: str
) -> None:
    tokenizer = pipeline.tokenizer
    ids = ids_of(tokenizer, case)
    painted(made(ids, kind), here)
    assert read == [expected(tokenizer, ids), negative(tokenizer)]


@pytest.mark.parametrize("kind", ["PIC", "PICS"])
def test_samples_read_the_ids_once(here: dict[str, Any], pipeline: Any, read: list[list[int]], kind: str) -> None:
    tokenizer, steps = pipeline.tokenizer, dict[str, Any]()
    ids = ids_of(tokenizer, "halves")
    done = reconstruct.reconstruct(
        decode_file(made(ids, kind)), models=here, overrides=FEW, samples=2, record=steps.__setitem__
    )
    assert read == [expected(tokenizer, ids), negative(tokenizer), negative(tokenizer)]
    assert steps["prompt"] == {"tokens": ids, "text": f"{tokenizer.decode(ids)}, {SUFFIX}"}
    assert done.notices == (UNNAMED,)


@pytest.mark.parametrize("kind", ["PIC", "PICS"])
@pytest.mark.parametrize("case", ["spelt", "halves", "full"])
def test_the_process_of_the_models_reads_the_same(
    worker: Models, here: dict[str, Any], pipeline: Any, kind: str, case: str
) -> None:
    ids = ids_of(pipeline.tokenizer, case)
    data = made(ids, kind)
    there = painted(data, worker)
    assert np.array_equal(there, painted(data, here))
    again = pipeline.tokenizer(pipeline.tokenizer.decode(ids), add_special_tokens=False).input_ids[:75]
    assert again == ids or not np.array_equal(there, painted(made(again, kind), worker))


@pytest.mark.parametrize("kind", ["PIC", "PICS"])
def test_words_are_tokenised_by_the_pipeline(
    here: dict[str, Any], pipeline: Any, read: list[list[int]], kind: str
) -> None:
    lines = {"sketch": contours(LARGE)} if kind == "PICS" else {"size": (512, 512)}
    painted(codec.encode_file(method="pics", caption="a red house", **lines).data, here)
    assert read == [expected(pipeline.tokenizer, ids_of(pipeline.tokenizer, "words")), negative(pipeline.tokenizer)]


# --- candidates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PIC", "PICS"])
@pytest.mark.parametrize("case", ["spelt", "halves", "full"])
def test_candidates_are_pictures_of_the_ids(
    here: dict[str, Any], pipeline: Any, read: list[list[int]], kind: str, case: str
) -> None:
    tokenizer, steps, clip = pipeline.tokenizer, dict[str, Any](), here["clip"]
    ids, edges = ids_of(tokenizer, case), "contours" if kind == "PICS" else "none"
    data = refcodec.encode(
        PHOTO, method="pics", codes=ids, edges=edges, hints={"steps": "2"}, models=here, candidates=3, record=steps.__setitem__
    )  # fmt: skip
    assert len(read) == 6
    assert read[::2] == [expected(tokenizer, ids)] * 3
    assert read[1::2] == [negative(tokenizer)] * 3
    pictures = [painted(data, here, seed=seed) for seed in range(3)]
    cosines = [clip.cosine(picture, clip.picture(LARGE)) for picture in pictures]
    assert steps["candidates"]["cosines"] == pytest.approx(cosines, abs=1e-6)
    best = int(np.argmax(cosines))
    assert steps["candidates"]["best"] == best
    assert np.array_equal(painted(data, here), pictures[best])


@pytest.mark.parametrize("edges", ["none", "contours"])
def test_candidates_of_ids_found_by_inversion(worker: Models, folders: Path, edges: str) -> None:
    """In the process of the models, from the picture to the chosen seed."""
    steps = dict[str, Any]()
    data = refcodec.encode(
        PHOTO, method="pics", edges=edges, hints={"steps": "2"}, models=worker, candidates=3, iterations=20,
        prompt_tokens=8, record=steps.__setitem__,
    )  # fmt: skip
    clip = ClipModel.load(folders / "clip", Models(device="cpu"))
    cosines = [clip.cosine(painted(data, worker, seed=seed), clip.picture(LARGE)) for seed in range(3)]
    assert len(set(cosines)) == 3
    assert steps["candidates"]["cosines"] == pytest.approx(cosines, abs=1e-6)
    assert steps["candidates"]["best"] == int(np.argmax(cosines))


# --- other generators ------------------------------------------------------------------------------------------------


def one_encoder(folder: Path, kind: str) -> Any:
    """A pipeline of diffusers with a single CLIP text encoder, made of the parts of Stable Diffusion."""
    import diffusers

    base = diffusers.StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    parts = {**base.components, "requires_safety_checker": False}
    if kind == "LatentConsistencyModelPipeline":
        parts["scheduler"] = diffusers.LCMScheduler()
        parts["unet"] = tiny_models.unet(16, time_cond_proj_dim=8)
    return getattr(diffusers, kind)(**parts)


@pytest.mark.parametrize(
    "kind", ["StableDiffusionPipeline", "StableDiffusionPAGPipeline", "LatentConsistencyModelPipeline"]
)
def test_every_pipeline_with_one_clip_encoder_reads_ids(folders: Path, kind: str) -> None:
    made_of, rows = one_encoder(folders / "painter", kind), list[list[int]]()
    listen(made_of.text_encoder, rows)
    ids = ids_of(made_of.tokenizer, "halves")
    painted(made(ids, "PIC"), {"painter": made_of})
    assert rows[0] == expected(made_of.tokenizer, ids)
    assert rows[1:] in ([], [negative(made_of.tokenizer)])  # latent consistency models have no negative prompt


def test_both_encoders_of_xl_read_ids(tmp_path: Path) -> None:
    painter = TextToImage.load(tiny_models.text_to_image_xl(tmp_path), Models(device="cpu"))
    made_of, first, second = painter.pipeline, list[list[int]](), list[list[int]]()
    ids = ids_of(made_of.tokenizer, "halves")
    listen(made_of.text_encoder, first)
    listen(made_of.text_encoder_2, second)
    assert prompt_tokens.takes_ids(made_of)
    assert not prompt_tokens.is_stable_diffusion(made_of)
    prompt = prompt_tokens.embed(made_of, ids, f", {SUFFIX}", "painter", "xl")
    assert first == second == [expected(made_of.tokenizer, ids)]
    picture = painter.paint(prompt, (64, 64), seed=0, steps=2, negative=NEGATIVE)
    words = ids_of(made_of.tokenizer, "words")
    same = prompt_tokens.embed(made_of, words, f", {SUFFIX}", "painter", "xl")
    by_ids, by_text = (
        painter.paint(each, (64, 64), seed=0, steps=2, negative=NEGATIVE) for each in (same, f"a red house, {SUFFIX}")
    )
    assert np.array_equal(by_ids, by_text)
    assert not np.array_equal(picture, by_text)


def test_a_mask_for_the_padding(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipelines pass one if the configuration of their text encoder says so."""
    painter, words = TextToImage(pipeline, "sd"), ids_of(pipeline.tokenizer, "words")
    monkeypatch.setattr(pipeline.text_encoder.config, "use_attention_mask", True, raising=False)
    embedded = prompt_tokens.embed(pipeline, words, f", {SUFFIX}", "painter", "sd")
    ours = painter.paint(embedded, (512, 512), seed=0, steps=1)
    assert np.array_equal(ours, painter.paint(f"a red house, {SUFFIX}", (512, 512), seed=0, steps=1))


def test_a_generator_that_takes_no_ids_says_so(
    pipeline: Any, here: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ids_of(pipeline.tokenizer, "spelt")
    decoded = decode_file(made(ids, "PIC"))
    assert reconstruct.reconstruct(decoded, models=here, overrides=FEW).notices == (UNNAMED,)
    monkeypatch.setattr(prompt_tokens, "CLASSES", ())
    done = reconstruct.reconstruct(decoded, models=here, overrides=FEW)
    notice, unnamed = sorted(done.notices, key=UNNAMED.__eq__)
    assert unnamed == UNNAMED
    assert "takes no token ids" in notice
    encoded = codec.encode_file(
        PHOTO, method="pics", codes=ids, edges="none", hints={"steps": "1"}, models=here, candidates=2
    )
    assert [text for text in encoded.notices if "token ids" in text] == [notice]


def test_two_encoders_of_other_vocabularies_take_no_ids(tmp_path: Path) -> None:
    made_of = TextToImage.load(tiny_models.text_to_image_xl(tmp_path), Models(device="cpu")).pipeline
    made_of.tokenizer_2.add_tokens(["another"])
    assert not prompt_tokens.takes_ids(made_of)


@pytest.mark.parametrize("load", [lambda folder: TextToImage.load(folder, Models(device="cpu")), None])
def test_flux_reads_texts(tmp_path: Path, load: Callable[[Path], Any] | None) -> None:
    """One of its encoders has no token ids of CLIP."""
    folder = tiny_models.flux(tmp_path)
    painter = (
        load(folder) if load else Models.of({"painter": folder}, device="cpu").load("painter", TextToImage.load, {})
    )
    assert isinstance(painter, ModelProxy) == (load is None)
    assert not call("prompt_tokens:takes_ids", painter.pipeline)


class Caller:
    """A painter of the caller's own."""

    name = "mine"

    def paint(self, prompt: Any, size: tuple[int, int], **_: Any) -> Pixels:
        assert isinstance(prompt, str)
        return np.full((size[1], size[0], 3), len(prompt), np.uint8)


def test_a_painter_of_the_caller_without_a_pipeline(here: dict[str, Any]) -> None:
    words = codec.encode_file(method="pics", caption="a cat", size=(512, 512)).data
    assert painted(words, {"painter": Caller()}).max() == len(f"a cat, {SUFFIX}")
    with pytest.raises(SemError, match="mine has no CLIP tokenizer") as error:
        painted(made([5, 6], "PIC"), {"painter": Caller()})
    assert error.value.code == 803
    lines = codec.encode_file(method="pics", caption="a cat", sketch=contours(LARGE)).data
    with pytest.raises(SemError, match="mine is Caller, which follows no edge map") as error:
        painted(lines, {"painter": Caller(), "controlnet": here["controlnet"]})
    assert error.value.code == 803


# --- perco -----------------------------------------------------------------------------------------------------------


def test_perco_reads_ids(pipeline: Any) -> None:
    tokenizer, rows = pipeline.tokenizer, list[list[int]]()
    generator = PercoGenerator(pipeline.vae, pipeline.text_encoder, tokenizer, pipeline.unet, pipeline.scheduler, "sd")
    handle = listen(pipeline.text_encoder, rows)
    for case in CASES:
        ids = ids_of(tokenizer, case)
        generator.text(ids)
        row = [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id]
        assert rows.pop() == row + [tokenizer.pad_token_id] * (ROOM - len(row))
    handle.remove()
    with pytest.raises(SemError, match="token ids below") as error:
        generator.text([5, 40000])
    assert error.value.code == 803
