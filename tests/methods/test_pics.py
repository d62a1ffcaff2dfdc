# SPDX-License-Identifier: MIT
"""Method pics on the real classes: a photograph to a prompt and an edge map, to a file, and to pictures by Stable Diffusion."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("diffusers")

import tiny_models
import torch
from cli_harness import Semtool, contents, refused, valid
from default_environment import default_rows

import refcodec
from refcodec import codec, editing, reconstruct, spec
from refcodec.assemble import section_of
from refcodec.container.key_value import decode as text_decode
from refcodec.container.key_value import encode as text_encode
from refcodec.decoder import decode_file
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.foundation import prompt_inversion
from refcodec.foundation import prompt_tokens as prompt
from refcodec.foundation.clip_model import ClipModel
from refcodec.foundation.controlnet import ControlNet, ControlNetTextToImage
from refcodec.foundation.hed import WEIGHTS, EdgeDetector, Hed, convert
from refcodec.foundation.prompt_inversion import invert
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_to_image import TextToImage
from refcodec.images.edge_detector import contours
from refcodec.methods import sketch
from refcodec.methods.pics import generators
from refcodec.methods.pics.text_sketch_size import resize, sharpen, text_sketch_size

pytestmark = pytest.mark.models

PHOTO = tiny_models.photo(96, 96)
LARGE = resize(PHOTO)  # 512 x 512
FEW = {"steps": 2}  # of the sampler: enough to tell pictures apart
ROLES = ("clip", "painter", "controlnet", "edge_detector")
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set: folders named for the roles they fill."""
    folder = tmp_path_factory.mktemp("set")
    tiny_models.stable_diffusion(folder)
    tiny_models.clip_model(folder / "clip")
    tiny_models.edge_detector(folder / "edge_detector")
    shutil.rmtree(folder / "scratch")
    return folder


@pytest.fixture(scope="module")
def painters(models: Path) -> Models:
    """Painter and ControlNet, loaded once for all tests."""
    return Models.of({"painter": models / "painter", "controlnet": models / "controlnet"}, device="cpu")


@pytest.fixture(scope="module")
def clip(models: Path) -> ClipModel:
    return ClipModel.load(models / "clip", Models(device="cpu"))


def made(caption: str | None = "a red house", edges: str = "contours", **more: Any) -> codec.EncodedFile:
    return codec.encode_file(PHOTO, method="pics", caption=caption, edges=edges, **more)


def painted(data: bytes, models: Models, **wish: Any) -> Pixels:
    return np.asarray(refcodec.decode(data, models=models, environment=Environment.default(), **FEW | wish))


def ready(**given: Any) -> bytes:
    return codec.encode_file(method="pics", size=None if "sketch" in given else (512, 512), **given).data


def hints_of(data: bytes) -> dict[str, str]:
    container = decode_file(data).container
    return next((text_decode(s.body) for s in container.sections if s.type == spec.HINTS), {})


# --- sizes -----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 16384), st.integers(1, 16384))
def test_sizes(width: int, height: int) -> None:
    assume(max(width, height) <= 32 * min(width, height))
    out = text_sketch_size((width, height))
    assert min(out) == 512
    assert max(out) % 64 == 0
    assert max(out) <= 16384
    assert (out[0] > out[1], out[0] < out[1]) in ((width > height, width < height), (False, False))
    assert abs(max(out) * min(width, height) - 512 * max(width, height)) <= 32 * min(width, height)
    assert text_sketch_size(out) == out
    assert text_sketch_size((height, width)) == out[::-1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1, 1), (512, 512)), ((768, 512), (768, 512)), ((512, 700), (512, 704)), ((1, 32), (512, 16384)),
        ((17, 16), (512, 512)), ((19, 16), (640, 512)), ((16, 21), (512, 640)), ((4000, 3000), (704, 512)),
    ],
)  # fmt: skip
def test_halves_go_to_the_even_multiple(before: tuple[int, int], after: tuple[int, int]) -> None:
    assert text_sketch_size(before) == after


def test_a_shape_that_is_too_long() -> None:
    with pytest.raises(SemError) as fault:
        text_sketch_size((1000, 30))
    assert fault.value.code == 105
    with pytest.raises(SemError, match="1x40"):
        codec.encode_file(np.zeros((40, 1, 3), np.uint8), method="pics", caption="a line")


def test_pictures_are_resized_by_areas_or_by_lanczos() -> None:
    assert resize(LARGE) is LARGE
    noise = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    means = noise.reshape(512, 2, 512, 2, 3).astype(float).mean((1, 3))
    assert np.abs(resize(noise) - means).max() <= 1  # rounded after each direction
    tiny = np.array([[[10, 200, 90]]], np.uint8)
    assert resize(tiny).shape == (512, 512, 3)
    assert (resize(tiny) == tiny).all()
    assert len(np.unique(resize(noise[:4, :4]))) > 48  # more than its own values


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_lines_are_sharpened(seed: int) -> None:
    grey = np.random.default_rng(seed).integers(0, 256, (9, 12), dtype=np.uint8)
    wide = grey.astype(float)
    around = sum(wide[r : r + 7, c : c + 10] for r in range(3) for c in range(3))
    expected = np.clip(2 * wide[1:-1, 1:-1] - (around + 4 * wide[1:-1, 1:-1]) / 13, 0, 255)
    out = sharpen(grey)
    assert out.shape == (9, 12, 3)
    assert np.abs(out[1:-1, 1:-1, 0] - expected).max() <= 1
    assert (out[..., 0] == out[..., 1]).all()
    assert (out[..., 0] == out[..., 2]).all()


# --- CLIP and prompt inversion ---------------------------------------------------------------------------------------


def test_points_stand_for_the_embeddings_of_ids(clip: ClipModel) -> None:
    ids = torch.tensor([300, 20, 7, 7, 100])
    with torch.no_grad():
        plain = clip.text(ids)
        assert torch.equal(clip.text(ids, clip.table[ids]), plain)
        assert not torch.equal(clip.text(ids, clip.table[ids] * 2), plain)
        assert torch.equal(clip.text(ids), plain)  # nothing is left behind
        row = [0, *ids.tolist(), 1, *[1] * 70]
        padded = clip.model.get_text_features(input_ids=torch.tensor([row])).pooler_output[0]
    assert torch.allclose(padded / padded.norm(), plain, atol=1e-6)


def test_the_gradient_is_that_at_the_points(clip: ClipModel) -> None:
    ids, target = torch.tensor([9, 80]), clip.picture(PHOTO).clone()
    points = clip.table[ids].clone().requires_grad_()
    (slope,) = torch.autograd.grad(clip.text(ids, points) @ target, [points])
    step = torch.zeros_like(points)
    step[1, 3] = 1e-2
    with torch.no_grad():
        numeric = (clip.text(ids, points + step) - clip.text(ids, points - step)) @ target / 2e-2
    assert float(slope[1, 3]) == pytest.approx(float(numeric), rel=0.05)


def test_inversion_comes_closer(clip: ClipModel) -> None:
    shares: list[float] = []
    found = invert(clip, PHOTO, count=5, iterations=50, progress=shares.append)
    first, last = found.course[0], found.course[-1]
    assert (first[0], last[1], found.steps, len(found.tokens)) == (1, found.cosine, 50, 5)
    assert last[1] > first[1] + 0.1
    assert shares == [(i + 1) / 50 for i in range(50)]
    with torch.no_grad():
        assert float(clip.text(torch.tensor(found.tokens)) @ clip.picture(PHOTO)) == pytest.approx(
            found.cosine, abs=1e-6
        )
    assert invert(clip, PHOTO, count=5, iterations=50) == found
    assert invert(clip, PHOTO, count=5, iterations=50, seed=1).course != found.course
    assert invert(clip, PHOTO[::-1].copy(), count=5, iterations=50).course != found.course
    assert invert(clip, PHOTO, count=5, iterations=3).course == tuple(entry for entry in found.course if entry[0] <= 3)


def test_inversion_takes_only_what_may_be_sent(clip: ClipModel) -> None:
    assert clip.special == {0, 1}
    assert set(invert(clip, PHOTO, count=8, iterations=5, vocabulary=4).tokens) <= {2, 3}
    for wrong in ({"count": 0}, {"count": 76}, {"iterations": 0}):
        with pytest.raises(ValueError, match=r"not|at least"):
            invert(clip, PHOTO, **wrong)
    with pytest.raises(SemError) as fault:
        invert(clip, PHOTO, vocabulary=2)
    assert fault.value.code == 803


def test_inversion_stops_when_nothing_gets_better(clip: ClipModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_inversion, "PATIENCE", 7)
    found = invert(clip, PHOTO, count=2)
    assert found.steps == found.course[-1][0] + 7 < 3000


# --- edges -----------------------------------------------------------------------------------------------------------


def public_state() -> dict[str, torch.Tensor]:
    """Names and shapes of the public checkpoint, written out."""
    state, before = {"norm": torch.rand(1, 3, 1, 1)}, 3
    for block, (width, convs) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for i in range(convs):
            state[f"block{block}.convs.{i}.weight"] = torch.zeros(width, before, 3, 3)
            state[f"block{block}.convs.{i}.bias"] = torch.zeros(width)
            before = width
        state[f"block{block}.projection.weight"] = torch.zeros(1, width, 1, 1)
        state[f"block{block}.projection.bias"] = torch.full((1,), 0.3 * block)
    return state


def test_hed_has_the_public_layout() -> None:
    state = public_state()
    assert convert(state).keys() == state.keys()
    model = Hed()
    model.load_state_dict(convert({name: tensor.half() for name, tensor in state.items()}))
    out = EdgeDetector(model)(PHOTO[:40, :56])
    assert (out.shape, out.dtype) == ((40, 56), np.uint8)
    assert set(np.unique(out)) == {
        int(255 / (1 + np.exp(-0.9)))
    }  # the mean comes before the sigmoid, no threshold after
    for name, wrong in (
        ("block3.convs.2.weight", None),
        ("norm", torch.zeros(3)),
        ("block6.convs.0.weight", torch.zeros(1)),
    ):
        broken = {**state, name: wrong} if wrong is not None else {k: v for k, v in state.items() if k != name}
        with pytest.raises(SemError, match=name.replace(".", r"\.")) as fault:
            convert(broken)
        assert fault.value.code == 803


def test_hed_sees_the_picture(models: Path) -> None:
    detector = EdgeDetector.load(models / "edge_detector", Models(device="cpu"))
    out = detector(PHOTO)
    assert len(np.unique(out)) > 1
    with torch.no_grad():
        detector.model.norm += 100
    assert not np.array_equal(detector(PHOTO), out)


def sent(encoded: codec.EncodedFile) -> Pixels:
    """The edge map that a file holds, decoded."""
    found = decode_file(encoded.data)
    assert found.folder is not None
    return sketch.synthesise(found.value(spec.SKETCH), found.folder, (encoded.width, encoded.height))


@pytest.mark.slow
def test_the_edge_detector_is_chosen(models: Path) -> None:
    hed = {"edge_detector": models / "edge_detector"}
    own, auto = made(quality=1), made(edges="auto", quality=1)
    assert own.data == auto.data
    assert np.abs(sent(made(quality=10)).astype(int) - contours(LARGE)).mean() < 12
    other = made(edges="auto", models=hed, quality=1)
    assert other.data == made(edges="hed", models=hed, quality=1).data != own.data
    assert made(edges="contours", models=hed, quality=1).data == own.data
    assert [payload.kind for payload in made(edges="none").payloads] == [spec.CAPTION]
    with pytest.raises(SemError, match="edge_detector") as fault:
        made(edges="hed")
    assert fault.value.code == 801
    with pytest.raises(ValueError, match="edges is one of"):
        made(edges="thick")


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_picture_and_a_caption_need_no_foundation_model() -> None:
    encoded = made()
    assert (encoded.width, encoded.height) == (512, 512)
    assert any("512x512" in notice for notice in encoded.notices)
    found = decode_file(encoded.data)
    assert [found.value(p.kind).serialise() for p in encoded.payloads] == [
        p.value.serialise() for p in encoded.payloads
    ]
    assert [p.kind for p in encoded.payloads] == [spec.CAPTION, spec.SKETCH]
    assert found.value(spec.CAPTION).text == "a red house"
    fits = codec.encode_file(LARGE, method="pics", caption="a red house", edges="contours")
    assert fits.data == encoded.data
    assert not fits.notices


def test_rate_and_quality_are_of_the_whole_file() -> None:
    sizes = [len(made(quality=quality).data) for quality in (1, 5, 10)]
    assert sizes == sorted(set(sizes))
    within = made(bpp=0.01)
    assert sizes[0] <= len(within.data) <= 0.01 * 512 * 512 / 8
    assert any("cannot be reached" in notice for notice in made(bpp=0.00001).notices)
    for bpp, end in ((0.00001, "smallest"), (20, "largest")):
        assert made(bpp=bpp).missed == f"{bpp} bpp cannot be reached: this is the {end} sketch of this model"
        with pytest.raises(SemError, match="files of this picture have ") as error:
            made(bpp=bpp, strict_bpp=True)
        assert error.value.code == 606
    middle = 8 * (sizes[0] * sizes[1]) ** 0.5 / 512**2
    assert middle * 0.99 - 8 / 512**2 < made(bpp=middle, strict_bpp=True).bpp <= middle
    assert sizes[1] < len(made(quality=5.4).data) < sizes[2]
    with pytest.raises(ValueError, match="edge map"):
        made(edges="none", quality=3)


def test_token_ids_of_prompt_inversion_are_sent(models: Path, clip: ClipModel) -> None:
    steps: dict[str, Any] = {}
    short = {"iterations": 20, "prompt_tokens": 6}
    encoded = made(None, **short, models={"clip": models / "clip"}, record=steps.__setitem__)
    expected = invert(clip, LARGE, count=6, iterations=20)
    found = decode_file(encoded.data).value(spec.CAPTION)
    assert (found.tokens, found.mode) == (expected.tokens, "tokens")
    assert steps["inversion"]["tokens"] == list(expected.tokens)
    assert steps["inversion"]["course"][-1][1] == steps["inversion"]["cosine"] == expected.cosine
    alone = made(None, edges="none", **short, models={"clip": models / "clip"})
    assert decode_file(alone.data).value(spec.CAPTION).tokens == expected.tokens
    for more, count in (({"prompt_tokens": 3}, 3), ({"iterations": 1}, 6)):
        other = made(None, edges="none", **(short | more), models={"clip": models / "clip"})
        tokens = decode_file(other.data).value(spec.CAPTION).tokens
        assert len(tokens) == count
        assert tokens != expected.tokens
    seeded = made(None, edges="none", **short, models={"clip": models / "clip"}, hints={"seed": "9"})
    assert (
        decode_file(seeded.data).value(spec.CAPTION).tokens
        == invert(clip, LARGE, count=6, iterations=20, seed=9).tokens
    )


def test_without_caption_and_clip() -> None:
    with pytest.raises(SemError) as fault:
        made(None)
    assert fault.value.code == 801
    assert "clip" in fault.value.what
    assert "--caption" in str(fault.value.hint)


# --- pictures --------------------------------------------------------------------------------------------------------


def test_prompt_and_sketch_make_the_picture(painters: Models) -> None:
    one = painted(made().data, painters)
    assert one.shape == LARGE.shape
    assert np.array_equal(painted(made().data, painters), one)
    assert not np.array_equal(painted(made("a black cat").data, painters), one)
    assert not np.array_equal(painted(ready(caption="a red house", sketch=contours(LARGE[::-1])), painters), one)
    assert np.array_equal(painted(ready(caption="a red house", sketch=contours(LARGE)), painters), one)
    assert not np.array_equal(painted(made(edges="none").data, painters), one)


def test_strength_says_how_far_the_sketch_is_followed(painters: Models) -> None:
    data, other = made().data, ready(caption="a red house", sketch=contours(LARGE[::-1]))
    assert np.array_equal(painted(data, painters, strength=1), painted(data, painters))
    free = painted(data, painters, strength=0)
    assert not np.array_equal(free, painted(data, painters))
    assert np.array_equal(free, painted(other, painters, strength=0))


def test_a_prompt_alone_needs_no_controlnet(models: Path, painters: Models) -> None:
    data = made(edges="none").data
    alone = Models.of({"painter": models / "painter"}, device="cpu")
    assert np.array_equal(painted(data, alone), painted(data, painters))
    with pytest.raises(SemError, match="controlnet") as fault:
        painted(made().data, alone)
    assert fault.value.code == 801


def test_a_sketch_alone_paints(painters: Models) -> None:
    steps: dict[str, Any] = {}
    found = decode_file(ready(sketch=contours(LARGE)))
    done = reconstruct.reconstruct(found, models=painters, overrides=FEW, record=steps.__setitem__)
    assert done.pictures[0].shape == LARGE.shape
    assert steps["prompt"] == "high quality"
    assert found.folder is not None
    decoded = sketch.synthesise(found.value(spec.SKETCH), found.folder, (512, 512))
    assert np.array_equal(steps["sketch"], sharpen(decoded))
    assert not np.array_equal(steps["sketch"][..., 0], decoded)


def test_the_picture_has_the_size_of_the_file(painters: Models) -> None:
    data = codec.encode_file(caption="a cat", method="pics", size=(100, 70)).data
    assert painted(data, painters).shape == (70, 100, 3)
    lines = codec.encode_file(caption="a cat", sketch=contours(PHOTO[:70]), method="pics").data
    assert painted(lines, painters).shape == (70, 96, 3)  # the lines are scaled with it


@pytest.mark.parametrize(("edges", "usual", "other"), [("none", "dpm", "unipc"), ("contours", "unipc", "dpm")])
def test_samplers(painters: Models, edges: str, usual: str, other: str) -> None:
    data, few = made(edges=edges).data, {"steps": 4}  # in two they are the same
    plain, changed = painted(data, painters, **few), painted(data, painters, scheduler=other, **few)
    assert np.array_equal(painted(data, painters, scheduler=usual, **few), plain)
    assert not np.array_equal(changed, plain)
    hinted = made(edges=edges, hints={"scheduler": other}).data
    assert np.array_equal(painted(hinted, painters, **few), changed)


@pytest.mark.parametrize("wish", [{"steps": 3}, {"guidance": 2}, {"seed": 1}])
def test_every_setting_is_read(painters: Models, wish: dict[str, Any]) -> None:
    data = made(edges="none").data
    assert not np.array_equal(painted(data, painters, **wish), painted(data, painters))
    assert np.array_equal(painted(data, painters, guidance=9, seed=0), painted(data, painters))  # the profile's


@pytest.mark.parametrize("name", ["SUFFIX", "NEGATIVE"])
@pytest.mark.parametrize("asked", [{"caption": "a red house"}, {"codes": [200, 300]}])
def test_the_published_words_are_used(
    painters: Models, monkeypatch: pytest.MonkeyPatch, name: str, asked: dict[str, Any]
) -> None:
    before = painted(ready(**asked), painters)
    monkeypatch.setattr(generators, name, "")
    assert not np.array_equal(painted(ready(**asked), painters), before)


def test_ids_are_read_as_they_are(painters: Models, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = TextToImage.load(models / "painter", Models(device="cpu")).pipeline.tokenizer
    ids = tokenizer("a red house", add_special_tokens=False).input_ids
    text = painted(made(edges="none").data, painters)
    assert np.array_equal(painted(ready(codes=ids), painters), text)
    spelt = [
        i for word in ("a", "red", "house") for i in tokenizer.convert_tokens_to_ids([*word[:-1], f"{word[-1]}</w>"])
    ]
    assert tokenizer.decode(spelt).split() == tokenizer.decode(ids).split()
    assert spelt != ids
    assert not np.array_equal(painted(ready(codes=spelt), painters), text)
    long = painted(ready(codes=[*range(10, 85)]), painters)  # leaves no room for what is put behind
    assert not np.array_equal(long, text)
    with pytest.raises(SemError, match="token ids below") as fault:
        painted(ready(codes=[40000]), painters)
    assert fault.value.code == 803
    monkeypatch.setattr(prompt, "CLASSES", ())  # a pipeline of another kind reads their text, if it reads CLIP's at all
    here = Models.of({"painter": TextToImage.load(models / "painter", Models(device="cpu"))}, device="cpu")
    assert np.array_equal(painted(ready(codes=spelt), here, scheduler="dpm"), text)
    with pytest.raises(SemError, match="no CLIP tokenizer") as fault:
        prompt.tokenizer_of(object(), "painter", "other")
    assert fault.value.code == 803


def test_the_tokenizer_is_that_of_the_profile(
    models: Path, painters: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = default_rows().by_name("pics")
    row = {"id": 210, "name": "bound", "status": "draft", "recommended": None, "notes": ""}
    tokenizer = (models / "painter" / "tokenizer" / "tokenizer.json").read_bytes()
    digest = hashlib.sha256(tokenizer).hexdigest()
    shutil.copytree(models / "clip", tmp_path / "clip")
    (tmp_path / "clip" / "tokenizer.json").write_bytes(tokenizer)

    def bound(sha256: str) -> None:
        prompt = dict(shipped.parameters(spec.CAPTION)) | {"tokenizer": sha256}
        parameters = {**shipped.binding["parameters"], "2": prompt}
        rows = {
            "version": spec.VERSION,
            "profiles": [row | {"binding": {**shipped.binding, "id": 210, "parameters": parameters}}],
        }
        path = tmp_path / f"{sha256[:4]}.json"
        path.write_text(json.dumps(rows))
        monkeypatch.setenv("SEM_REGISTRY", str(path))

    bound(digest)
    few, only_clip = {"iterations": 2}, {"clip": tmp_path / "clip"}
    data = made(None, "none", profile="bound", models=only_clip, **few).data
    same = ready(codes=decode_file(data).value(spec.CAPTION).tokens)
    assert np.array_equal(painted(data, painters, guidance=9), painted(same, painters))
    bound("ab" * 32)
    for call in (
        lambda: made(None, "none", profile="bound", models=only_clip, **few),
        lambda: painted(ready(codes=[5], profile="bound"), painters),
    ):
        with pytest.raises(SemError, match=r"tokenizer\.json") as fault:
            call()
        assert fault.value.code == 802
    assert painted(ready(caption="a cat", profile="bound"), painters).shape == LARGE.shape  # words need no ids


def test_painter_and_controlnet_must_fit(models: Path, tmp_path: Path) -> None:
    load = Models(device="cpu")
    painter, control = TextToImage.load(models / "painter", load), ControlNet.load(models / "controlnet", load)
    lines = np.zeros((512, 512, 3), np.uint8)
    with pytest.raises(SemError, match="follows no edge map") as fault:
        ControlNetTextToImage(TextToImage(object(), "other"), control, lines, 1)
    assert fault.value.code == 803
    tiny_models.stable_diffusion(tmp_path, width=24)
    with pytest.raises(SemError, match=r"width 16, .* have 24") as fault:
        ControlNetTextToImage(TextToImage.load(tmp_path / "painter", load), control, lines, 1)
    assert fault.value.code == 803
    both = ControlNetTextToImage(painter, control, lines, 1).pipeline
    assert all(
        getattr(both, name) is getattr(painter.pipeline, name)
        for name in ("unet", "vae", "text_encoder", "tokenizer", "safety_checker")
    )


# --- candidates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("edges", "start"), [("none", None), ("contours", "5")])
def test_the_best_candidate_is_named(models: Path, clip: ClipModel, edges: str, start: str | None) -> None:
    steps: dict[str, Any] = {}
    everything = Models.of(models, device="cpu")
    hints = {"steps": "2"} | ({} if start is None else {"seed": start})
    encoded = made(edges=edges, hints=hints, models=everything, candidates=4, record=steps.__setitem__)
    seeds = [int(start or 0) + i for i in range(4)]
    pictures = {seed: painted(encoded.data, everything, seed=seed) for seed in seeds}
    cosines = [float(clip.picture(pictures[seed]) @ clip.picture(LARGE)) for seed in seeds]
    best = seeds[int(np.argmax(cosines))]
    assert steps["candidates"]["seeds"] == seeds
    assert steps["candidates"]["cosines"] == pytest.approx(cosines, abs=1e-6)
    assert steps["candidates"]["best"] == best
    assert np.array_equal(painted(encoded.data, everything), pictures[best])
    assert np.array_equal(steps[f"candidate-{best}"], pictures[best])
    assert any(f"seed {best} " in notice for notice in encoded.notices)
    plain = made(edges=edges, hints={**hints, "seed": str(best)} if best or start else hints)
    assert encoded.data == plain.data


def test_the_seed_of_the_profile_is_not_written(models: Path, clip: ClipModel, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = Models.of(models, device="cpu")
    everything.fill("clip", clip)
    mirrored = ClipModel.picture
    calls = iter(range(99))

    def falling(self: ClipModel, pixels: Pixels) -> torch.Tensor:
        return mirrored(self, pixels) * 0.5 ** next(calls)  # the first is best

    monkeypatch.setattr(ClipModel, "picture", falling)
    encoded = made(edges="none", models=everything, candidates=2)
    assert encoded.data == made(edges="none").data


def test_candidates_under_a_rate_are_of_the_sketch_that_is_sent(models: Path) -> None:
    everything, steps = Models.of(models, device="cpu"), {}
    nine, ten = ({"steps": "2", "seed": seed} for seed in ("9", "10"))
    bpp = 8 * len(made(quality=5, hints=nine).data) / 512**2  # the second digit of 10 has no room beside this sketch
    encoded = made(bpp=bpp, hints=nine, models=everything, candidates=2, record=steps.__setitem__)
    assert 8 * len(encoded.data) <= bpp * 512**2
    assert steps["candidates"]["seeds"] == [9, 10]
    for hints in (nine, ten):
        alone = made(bpp=bpp, hints=hints)
        assert 0.99 * bpp * 512**2 - 8 <= 8 * len(alone.data) <= bpp * 512**2
        assert np.array_equal(painted(alone.data, everything), steps[f"candidate-{hints['seed']}"])


@pytest.mark.parametrize("missing", ["painter", "clip", "controlnet"])
def test_candidates_without_a_model(models: Path, missing: str) -> None:
    some = {role: models / role for role in ROLES if role != missing}
    with pytest.raises(SemError, match=missing) as fault:
        made(models=some, candidates=2)
    assert fault.value.code == 801


@pytest.mark.parametrize("prompt_of", ["text", "ids"])
@pytest.mark.parametrize(("edges", "start"), [("none", None), ("contours", "5")])
def test_the_best_of_four_takes_two_bits(
    models: Path, clip: ClipModel, monkeypatch: pytest.MonkeyPatch, edges: str, start: str | None, prompt_of: str
) -> None:
    """Row pics-4: the number stands in the caption, the file stays compact without a sketch, and no hint names it."""
    everything = Models.of(models, device="cpu")
    everything.fill("clip", clip)
    scores = iter((0.1, 0.2, 0.9, 0.3))
    monkeypatch.setattr(ClipModel, "cosine", lambda *_: next(scores))
    hints = {"steps": "2"} if start is None else {"steps": "2", "seed": start}
    given: dict[str, Any] = {"caption": "a red house"} if prompt_of == "text" else {"caption": None, "codes": [320, 7]}
    options = {"edges": edges, "hints": hints, "models": everything, "profile": "pics-4", **given}
    steps: dict[str, Any] = {}
    encoded = made(candidates=4, record=steps.__setitem__, **options)
    first = int(start or 0)
    assert steps["candidates"]["seeds"] == [first, first + 1, first + 2, first + 3]
    best = steps["candidates"]["best"]
    found = decode_file(encoded.data)
    assert found.value(spec.CAPTION).candidate == best - first == 2
    assert {k: v for k, v in hints_of(encoded.data).items() if k != "steps"} == (
        {} if start is None else {"seed": start}
    )
    assert np.array_equal(painted(encoded.data, everything), steps[f"candidate-{best}"])
    assert np.array_equal(painted(encoded.data, everything, seed=first), steps[f"candidate-{first}"])  # the user's seed
    chosen = made(**options | {"hints": {**hints, "candidate": "2"}})  # by the caller: the same bytes
    assert chosen.data == encoded.data
    assert len(encoded.data) <= len(made(**options | {"profile": "pics"}).data) + 1
    shown = {section.kind: section.to_dict() for section in refcodec.payload(encoded.data).sections}
    assert shown["caption"]["candidate"] == 2
    assert all("candidate" not in section for kind, section in shown.items() if kind != "caption")


@pytest.mark.parametrize("prompt_of", [{"caption": "a red house"}, {"codes": list(range(100, 116))}])
def test_bytes_of_the_best_of_four(prompt_of: dict[str, Any]) -> None:
    """PIC: a hint makes the file sectioned and takes 11 bytes and more; a number in the caption takes none or one."""
    alone = len(ready(**prompt_of))
    by_hint = len(ready(**prompt_of, hints={"seed": "2"}))
    numbered = len(ready(**prompt_of, profile="pics-4", hints={"candidate": "2"}))
    assert by_hint - alone >= 11
    assert 0 <= numbered - alone <= 1


def test_the_hint_names_a_candidate_in_rows_without_a_number(models: Path, painters: Models) -> None:
    """The noise is that of `seed` + `candidate`; a seed of the user is taken as it is; several pictures count up."""
    base = {"caption": "a red house"}
    plain = {seed: painted(ready(**base), painters, seed=seed) for seed in (0, 3, 5, 8, 9)}
    assert np.array_equal(painted(ready(**base, hints={"candidate": "3"}), painters), plain[3])
    named = ready(**base, hints={"candidate": "3", "seed": "5"})
    assert np.array_equal(painted(named, painters), plain[8])
    assert np.array_equal(painted(named, painters, seed=0), plain[0])
    made_of = reconstruct.reconstruct(decode_file(named), models=painters, overrides=dict(FEW), samples=2)
    assert made_of.seeds == (8, 9)
    assert np.array_equal(made_of.pictures[1], plain[9])
    last = ready(**base, hints={"candidate": "1", "seed": str(10**19 - 1)})
    assert np.array_equal(painted(last, painters), plain[0])


def test_a_number_in_the_caption_comes_before_the_hint(painters: Models) -> None:
    """SEM-R-188; an encoder writes no such file."""
    numbered = ready(caption="a red house", profile="pics-4", hints={"candidate": "2"})
    assert hints_of(numbered) == {}
    container = refcodec.read(numbered)
    body = text_encode({"candidate": "1"}, hints=True)
    both = editing.add(container, [section_of(container.header, None, spec.HINTS, body, body)]).data
    assert hints_of(both) == {"candidate": "1"}
    assert np.array_equal(painted(both, painters), painted(numbered, painters))
    assert np.array_equal(painted(numbered, painters), painted(numbered, painters, seed=2))


def test_a_sketch_alone_keeps_the_hint() -> None:
    data = ready(sketch=np.zeros((512, 512), np.uint8), profile="pics-4", hints={"candidate": "2"})
    assert hints_of(data) == {"candidate": "2"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile": "pics-4", "candidates": 5}, "pics-4 has 4 candidates, not 5"),
        ({"profile": "pics-4", "candidates": 2, "hints": {"candidate": "1"}}, "leave out candidates"),
        ({"candidates": 2, "hints": {"candidate": "1"}}, "leave out candidates"),
        ({"profile": "pics-4", "hints": {"candidate": "4"}}, "candidates"),
    ],
)
def test_candidates_that_are_refused(options: dict[str, Any], message: str) -> None:
    """Before a model is looked for: none is given."""
    with pytest.raises(ValueError, match=message):
        made(edges="none", **options)


# --- the program -----------------------------------------------------------------------------------------------------


@pytest.fixture
def photo(place: Path) -> Path:
    Image.fromarray(PHOTO).save(place / "photo.png")
    return place / "photo.png"


def test_round_trip(semtool: Semtool, photo: Path, models: Path, place: Path) -> None:
    done = semtool(
        "encode",
        photo,
        "--method",
        "pics",
        "--model",
        models,
        "--iterations",
        10,
        "--prompt-tokens",
        4,
        "--edges",
        "contours",
        "--json",
    )
    assert done.status == 0, done.err
    valid("encode", done.json)
    found = decode_file((place / "photo.sem").read_bytes())
    assert len(found.value(spec.CAPTION).tokens) == 4
    done = semtool(
        "decode",
        "photo.sem",
        "-o",
        "out.png",
        "--model",
        models,
        "--steps",
        2,
        "--strength",
        0.5,
        "--trace",
        "trace",
        "--json",
    )
    assert done.status == 0, done.err
    valid("decode", done.json)
    assert {"painter", "controlnet"} <= done.json["models"].keys()
    with Image.open(place / "out.png") as picture:
        assert picture.size == (512, 512)
    steps = {entry["step"]: entry for entry in json.loads((place / "trace" / "trace.json").read_text())}
    assert steps["prompt"]["value"]["tokens"] == list(found.value(spec.CAPTION).tokens)
    assert (place / "trace" / steps["sketch"]["picture"]).is_file()


@pytest.mark.slow
def test_hed_and_candidates_by_the_program(semtool: Semtool, photo: Path, models: Path, place: Path) -> None:
    done = semtool(
        "encode",
        photo,
        "--method",
        "pics",
        "--model",
        models,
        "--caption",
        "a cup",
        "--candidates",
        2,
        "--quality",
        1,
        "--hint",
        "steps=1",
    )
    assert done.status == 0, done.err
    assert "of 2 pictures" in done.err
    hed = EdgeDetector.load(models / "edge_detector", Models(device="cpu"))(LARGE)
    plain = codec.encode_file(caption="a cup", sketch=hed, method="pics", quality=1)
    found = decode_file((place / "photo.sem").read_bytes())
    assert found.value(spec.SKETCH).serialise() == plain.latents.serialise()


def test_without_any_model_by_the_program(semtool: Semtool, photo: Path, place: Path) -> None:
    assert semtool("encode", photo, "--method", "pics", "--caption", "a cup of coffee").status == 0
    assert semtool("decode", "photo.sem", "--symbols").status == 0


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("fault", ["pickled", "missing", "wrong", "damaged"])
def test_a_model_that_cannot_be_taken(
    semtool: Semtool, photo: Path, models: Path, place: Path, tmp_path: Path, role: str, fault: str
) -> None:
    bad, own = tmp_path / "bad", models / role
    shutil.copytree(own, bad)
    weights = sorted(bad.rglob("*.safetensors"))
    if fault == "pickled":
        for path in weights:
            path.rename(path.with_suffix(".bin"))
    elif fault == "missing":
        shutil.rmtree(bad)
    elif fault == "wrong":
        shutil.rmtree(bad)
        shutil.copytree(models / ("clip" if role != "clip" else "controlnet"), bad)
    else:
        weights[0].write_bytes(weights[0].read_bytes()[:1000])
    others = [arg for other in ROLES if other != role for arg in ("--model", f"{other}={models / other}")]
    if role in ("painter", "controlnet"):
        data = ready(caption="a cup", sketch=contours(LARGE))
        (place / "in.sem").write_bytes(data)
        command = ["decode", "in.sem", "-o", "out.png", "--steps", "1"]
    else:
        command = [
            "encode",
            str(photo),
            "--method",
            "pics",
            "-o",
            "out.sem",
            "--iterations",
            "1",
            "--edges",
            "contours" if role == "clip" else "auto",
        ]
    before = contents(place)
    done = semtool(*command, *others, "--model", f"{role}={bad}")
    assert done.status == 5
    refused(done, 5, "SEM-E-80")
    assert role in done.line
    assert contents(place) == before


def test_weights_that_lack_a_tensor(semtool: Semtool, photo: Path, models: Path, place: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for role, name in (
        ("edge_detector", "block4.convs.1.bias"),
        ("clip", "text_projection.weight"),
        ("controlnet", "conv_in.bias"),
    ):
        bad = tmp_path / role
        shutil.copytree(models / role, bad)
        path = next(bad.glob("*.safetensors"))
        state = load_file(path)
        del state[name]
        save_file(state, path, metadata={"format": "pt"})
        with pytest.raises(SemError, match=name.replace(".", r"\.")) as fault:
            {"edge_detector": EdgeDetector, "clip": ClipModel, "controlnet": ControlNet}[role].load(
                bad, Models(device="cpu")
            )
        assert fault.value.code == 803
    assert (models / "edge_detector" / WEIGHTS).is_file()
