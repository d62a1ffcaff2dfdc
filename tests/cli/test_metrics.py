# SPDX-License-Identifier: MIT
"""Metrics that are networks: what they give, with random weights under the public names, and what they say of wrong weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import tiny_models
import torch.nn.functional as F
from metric_checkpoints import public, write_clip, write_networks, write_segmenter
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from refcodec.cli.bench.metric_networks import weights
from refcodec.cli.bench.metric_networks.checkpoints import convert
from refcodec.cli.bench.metric_networks.clip_similarity import Clip, clip_score, cosine
from refcodec.cli.bench.metric_networks.dists import Dists
from refcodec.cli.bench.metric_networks.inception import Inception
from refcodec.cli.bench.metric_networks.lpips import NETS, Lpips
from refcodec.cli.bench.metric_networks.segmentation import Segmenter, bss, css
from refcodec.cli.bench.set_distances import fid, kid
from refcodec.errors import SemError
from refcodec.foundation.resolve import Models

pytestmark = pytest.mark.models


def pictures(*shape: int, seed: int = 3) -> Tensor:
    """float[B, 3, H, W] in 0..1, smooth with some noise."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(shape[0], 3, 5, 5, generator=generator)
    smooth = F.interpolate(small, shape[1:], mode="bilinear")
    return (smooth + 0.05 * torch.randn(smooth.shape, generator=generator)).clamp(0, 1)


def noisy(x: Tensor, sigma: float, seed: int = 4) -> Tensor:
    return (x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))).clamp(0, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("metrics")
    write_networks(made)
    return made


# --- LPIPS -------------------------------------------------------------------------------------------------------


def test_public_names_of_lpips() -> None:
    alex, vgg = (weights.expected(Lpips(net)) for net in ("alex", "vgg"))
    assert alex["features.0.weight"] == (64, 3, 11, 11)
    assert alex["features.10.bias"] == (256,)
    assert alex["lin4.model.1.weight"] == (1, 256, 1, 1)
    assert vgg["features.28.weight"] == (512, 512, 3, 3)
    assert sorted({int(name.split(".")[1]) for name in vgg if name.startswith("features")}) == [
        0,
        2,
        5,
        7,
        10,
        12,
        14,
        17,
        19,
        21,
        24,
        26,
        28,
    ]
    assert len(alex) == 15
    assert len(vgg) == 31


@pytest.mark.parametrize("net", list(NETS))
def test_lpips_is_a_distance(folder: Path, net: str) -> None:
    lpips = Lpips.load(folder, net)
    x = pictures(2, 40, 48)
    near, far = noisy(x, 0.02), noisy(x, 0.3)
    assert lpips(x, x).tolist() == [0, 0]
    assert torch.allclose(lpips(x, far), lpips(far, x))
    assert (lpips(x, near) < lpips(x, far)).all()
    assert (lpips(x, near) > 0).all()


def plain_lpips(state: dict[str, Tensor], a: Tensor, b: Tensor) -> float:
    """LPIPS with AlexNet as its paper and its published code define it, written without the module, in float64."""
    plan = (
        (0, 4, 2, 0),
        (3, 1, 2, 3),
        (6, 1, 1, 3),
        (8, 1, 1, 0),
        (10, 1, 1, 0),
    )  # index, stride, padding, pooling before
    found = []
    for x in (a, b):
        h = 2 * x.double() - 1 - torch.tensor([-0.030, -0.088, -0.188]).double()[None, :, None, None]
        h = h / torch.tensor([0.458, 0.448, 0.450]).double()[None, :, None, None]
        maps = []
        for index, stride, padding, pool in plan:
            h = F.max_pool2d(h, pool, 2) if pool else h
            w, bias = state[f"features.{index}.weight"].double(), state[f"features.{index}.bias"].double()
            h = F.conv2d(h, w, bias, stride, padding).clamp(min=0)
            maps.append(h[0].numpy())
        found.append(maps)
    total = 0.0
    for k, (u, v) in enumerate(zip(*found, strict=True)):
        u, v = (m / (np.sqrt((m**2).sum(0)) + 1e-10) for m in (u, v))
        lin = state[f"lin{k}.model.1.weight"].double().numpy()[0, :, 0, 0]
        total += float(np.mean(np.tensordot(lin, (u - v) ** 2, 1)))
    return total


def test_lpips_agrees_with_its_definition(folder: Path) -> None:
    lpips = Lpips.load(folder, "alex")
    x = pictures(1, 63, 70)
    y = noisy(x, 0.1)
    assert lpips(x, y).item() == pytest.approx(plain_lpips(dict(lpips.state_dict()), x, y), rel=1e-4)


def test_lpips_is_a_loss(folder: Path) -> None:
    lpips = Lpips.load(folder, "alex")
    x = pictures(2, 64, 64)
    y = noisy(x, 0.2).requires_grad_(True)
    lpips(x, y).sum().backward()
    gradient = y.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert all(p.grad is None for p in lpips.parameters())
    with torch.no_grad():
        assert lpips(x, y - 1e-2 * gradient / gradient.norm()).sum() < lpips(x, y).sum()
    flat = torch.zeros(1, 3, 64, 64, requires_grad=True)  # norms of 0 have no derivative
    lpips(flat, torch.zeros(1, 3, 64, 64)).sum().backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


def test_lpips_refuses_what_it_cannot_take(folder: Path) -> None:
    lpips = Lpips.load(folder, "alex")
    with pytest.raises(ValueError, match="at least 31"):
        lpips(pictures(1, 30, 40), pictures(1, 30, 40))
    with pytest.raises(ValueError, match="one size"):
        lpips(pictures(1, 40, 40), pictures(1, 40, 41))
    with pytest.raises(ValueError, match="net is one of"):
        Lpips("squeeze")


# --- DISTS -------------------------------------------------------------------------------------------------------


def test_dists_is_a_distance(folder: Path) -> None:
    dists = Dists.load(folder)
    x = pictures(2, 40, 48)
    near, far = noisy(x, 0.02), noisy(x, 0.3)
    assert dists(x, x).tolist() == [0, 0]
    assert torch.allclose(dists(x, far), dists(far, x))
    assert (dists(x, near) < dists(x, far)).all()
    assert (dists(x, near) > 0).all()
    with pytest.raises(ValueError, match="at least 16"):
        dists(x[..., :15], x[..., :15])


def plain_dists(state: dict[str, Tensor], a: Tensor, b: Tensor) -> float:
    """DISTS as its paper and its published code define it, written without the module, in float64."""
    blocks = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
    hann = np.hanning(5)[1:-1]
    window = torch.tensor(np.outer(hann, hann) / np.outer(hann, hann).sum())
    found = []
    for x in (a.double(), b.double()):
        h = (x - torch.tensor([0.485, 0.456, 0.406])[None, :, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
            None, :, None, None
        ]
        maps = [x[0].numpy()]
        for block in blocks:
            if block[0]:
                squares = F.conv2d(h.transpose(0, 1) ** 2, window[None, None], stride=2, padding=1).transpose(0, 1)
                h = (squares + 1e-12).sqrt()
            for index in block:
                w, bias = state[f"features.{index}.weight"].double(), state[f"features.{index}.bias"].double()
                h = F.conv2d(h, w, bias, padding=1).clamp(min=0)
            maps.append(h[0].numpy())
        found.append(maps)
    alpha, beta = (state[name].double().numpy().ravel() for name in ("alpha", "beta"))
    at, similarity = 0, 0.0
    for u, v in zip(*found, strict=True):
        for p, q in zip(u, v, strict=True):
            l = (2 * p.mean() * q.mean() + 1e-6) / (p.mean() ** 2 + q.mean() ** 2 + 1e-6)  # noqa: E741 - the paper's names
            s = (2 * ((p * q).mean() - p.mean() * q.mean()) + 1e-6) / (p.var() + q.var() + 1e-6)
            similarity += alpha[at] * l + beta[at] * s
            at += 1
    return 1 - similarity / float(alpha.sum() + beta.sum())


def test_dists_agrees_with_its_definition(folder: Path) -> None:
    dists = Dists.load(folder)
    x = pictures(1, 37, 50)
    y = noisy(x, 0.1)
    assert dists(x, y).item() == pytest.approx(plain_dists(dict(dists.state_dict()), x, y), rel=1e-4)


# --- FID and KID -------------------------------------------------------------------------------------------------


def test_public_names_of_inception(folder: Path) -> None:
    net = Inception.load(folder)
    names = weights.expected(net)
    assert len(names) == 94 * 5  # of 94 convolutions the weights, and four vectors of their normalisation
    assert sum(p.numel() for p in net.parameters()) == 21_785_568  # torchvision's without classifiers
    assert names["Conv2d_1a_3x3.bn.running_var"] == (32,)
    assert names["Mixed_6c.branch7x7dbl_4.conv.weight"] == (160, 160, 7, 1)
    assert names["Mixed_7a.branch7x7x3_4.conv.weight"] == (192, 192, 3, 3)
    assert names["Mixed_7c.branch3x3dbl_3b.conv.weight"] == (384, 384, 3, 1)


def test_inception_gives_features(folder: Path) -> None:
    net = Inception.load(folder)
    seen: list[tuple[int, ...]] = []
    net.Mixed_7c.register_forward_hook(lambda _module, _args, out: seen.append(tuple(out.shape)))
    with torch.inference_mode():
        x = pictures(2, 20, 31)
        features = net(x)
        scaled = F.interpolate(x, (299, 299), mode="bilinear", align_corners=False)
        assert torch.allclose(net(scaled), features, rtol=1e-3, atol=1e-4)
    assert features.shape == (2, 2048)
    assert features.isfinite().all()
    assert seen[0] == (2, 2048, 8, 8)
    assert not torch.allclose(features[0], features[1])


def test_poolings_of_the_inception_of_fid(folder: Path) -> None:
    net = Inception.load(folder)
    with torch.inference_mode():
        even = net.Mixed_5b(torch.full((1, 192, 6, 6), 0.5))[:, -32:]  # what comes of the pooling
        spike = torch.zeros(1, 2048, 5, 5)
        spike[:, :, 2, 2] = 1
        mixed = net.Mixed_7c(spike)[:, -192:]
        whole = net.Mixed_7c.get_submodule("branch_pool")(torch.ones(1, 2048, 3, 3))
    assert torch.allclose(
        even, even[..., :1, :1].expand_as(even), atol=1e-5
    )  # a padding that counts would show at the border
    assert torch.allclose(mixed[..., 1:4, 1:4], whole, atol=1e-4)  # a maximum spreads whole
    assert not torch.allclose(mixed[..., 0, 0], whole[..., 0, 0], atol=1e-2)


def gaussian(n: int, mean: NDArray[np.float64], root: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """n samples whose sample mean is `mean` and whose sample covariance is root rootᵀ, exactly."""
    x = np.random.default_rng(seed).normal(size=(n, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return mean + x @ root.T


def test_fid_of_normal_distributions_is_its_closed_form() -> None:
    scipy_linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(1)
    d = 6
    m, n, r, q = rng.normal(size=d), rng.normal(size=d), rng.normal(size=(d, d)), rng.normal(size=(d, d))
    s, t = r @ r.T, q @ q.T
    closed = float(((m - n) ** 2).sum() + np.trace(s + t - 2 * scipy_linalg.sqrtm(s @ t).real))
    a, b = gaussian(40, m, r, 2), gaussian(50, n, q, 3)
    assert fid(a, b) == pytest.approx(closed, rel=1e-6)
    assert fid(a, a) == pytest.approx(0, abs=1e-9)
    assert fid(a, a + 2) == pytest.approx(4 * d, rel=1e-9)


def test_fid_of_fewer_pictures_than_features() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(5, 20)), rng.normal(size=(4, 20)) + 1
    s, t = np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(s)
    root = vectors @ np.diag(np.sqrt(values.clip(0))) @ vectors.T
    trace = np.sqrt(np.linalg.eigvalsh(root @ t @ root).clip(0)).sum()
    wanted = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * trace
    assert fid(a, b) == pytest.approx(float(wanted), rel=1e-6)
    with pytest.raises(ValueError, match="two pictures"):
        fid(a[:1], b)


def test_kid_is_unbiased_and_sees_a_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    same = [kid(rng.normal(size=(30, 8)), rng.normal(size=(25, 8))) for _ in range(200)]
    assert abs(np.mean(same)) < 4 * np.std(same) / 200**0.5
    assert min(same) < 0 < max(same)
    a, b = rng.normal(size=(60, 8)), rng.normal(size=(60, 8)) + 1
    assert kid(a, b) > 10 * max(same)
    x, y = a[:3], b[:2]  # by hand
    k = lambda u, v: (float(u @ v) / 8 + 1) ** 3  # noqa: E731
    within = sum(k(x[i], x[j]) for i in range(3) for j in range(3) if i != j) / 6 + k(y[0], y[1])
    assert kid(x, y) == pytest.approx(within - 2 * np.mean([[k(u, v) for v in y] for u in x]))
    monkeypatch.setattr("refcodec.cli.bench.set_distances.SUBSET_SIZE", 40)
    drawn = kid(a, b)
    assert drawn == kid(a, b)
    assert drawn != pytest.approx(kid(a[:40], b[:40]))
    with pytest.raises(ValueError, match="two pictures"):
        kid(a[:1], b)


# --- CLIP --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    write_clip(folder / "clip")
    return Clip.load(folder / "clip", Models.of([folder]))


def test_clip_vectors_and_scores(clip: Clip) -> None:
    photo = tiny_models.photo()
    x, y = clip.picture(photo), clip.picture(255 - photo)
    assert np.linalg.norm(x) == pytest.approx(1)
    assert cosine(x, x) == pytest.approx(1)
    assert cosine(x, y) < 1
    text = clip.text("a red cat on the mat")
    assert np.linalg.norm(text) == pytest.approx(1)
    assert not np.allclose(text, clip.text("old stone bridge"))
    assert clip_score(x, text) == pytest.approx(100 * max(float(x @ text), 0))
    assert clip_score(x, -x) == 0
    assert np.isfinite(clip.text("the old stone bridge " * 40)).all()  # longer than the window


def test_clip_vectors_are_those_of_the_model(clip: Clip) -> None:
    from PIL import Image

    inputs = clip.clip.processor(images=Image.fromarray(tiny_models.photo()), return_tensors="pt")
    tokens = clip.clip.tokenizer(["a cat"], return_tensors="pt")
    with torch.inference_mode():
        out = clip.clip.model(**inputs, **tokens)
    scale = float(clip.clip.model.logit_scale.detach().exp())
    assert cosine(clip.picture(tiny_models.photo()), clip.text("a cat")) == pytest.approx(
        out.logits_per_image.item() / scale, abs=1e-5
    )


def test_a_clip_of_something_else_is_refused(clip: Clip, tmp_path: Path) -> None:
    tiny_models.image_embedder(tmp_path / "clip", width=8)
    with pytest.raises(SemError) as caught:
        Models.of([tmp_path]).load("clip", Clip.load, {})
    assert caught.value.code == 803


# --- CSS and BSS -------------------------------------------------------------------------------------------------


def test_css_and_bss_by_hand() -> None:
    a, b = np.array([30, 0, 40, 0]), np.array([0, 12, 5, 0])
    assert css(a, b) == pytest.approx(40 * 5 / (50 * 13))
    assert bss(a, b) == pytest.approx(1 / 3)
    assert css(a, 7 * a) == pytest.approx(1)
    assert bss(a, 7 * a) == 1
    assert css(a, np.array([0, 9, 0, 1])) == 0


def test_segmenter_counts_every_pixel(folder: Path) -> None:
    write_segmenter(folder / "segmenter")
    segmenter = Models.of([folder]).load("segmenter", Segmenter.load, {})
    photo = tiny_models.photo()
    counts = segmenter(photo)
    assert counts.shape == (5,)
    assert counts.sum() == photo.shape[0] * photo.shape[1]
    mirrored = segmenter(np.ascontiguousarray(photo[:, ::-1]))
    assert 0 < css(counts, mirrored) <= 1


# --- public checkpoints ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(weights.CHECKPOINTS))
def test_public_checkpoints_become_our_files(folder: Path, kind: str) -> None:
    from safetensors.torch import load_file

    state = load_file(folder / f"{kind}.safetensors")
    for states in (public(kind, state), public(kind, state)[::-1]):
        made = convert(kind, states)
        assert set(made) == set(state)
        assert all(torch.equal(made[name], t) for name, t in state.items())
    lacking = public(kind, state)
    for checkpoint in lacking:
        checkpoint.pop(next(iter(state)), None)
    with pytest.raises(SemError) as caught:
        convert(kind, lacking)
    assert caught.value.code == 803
    assert next(iter(state)) in str(caught.value)


def test_whole_networks_under_the_names_of_their_authors(folder: Path) -> None:
    from safetensors.torch import load_file

    for kind, ends, prefix in (("lpips-alex", (2, 5, 8, 10), "net.slice"), ("dists", (4, 9, 16, 23), "stage")):
        state = load_file(folder / f"{kind}.safetensors")

        def theirs(name: str, ends: tuple[int, ...] = ends, prefix: str = prefix) -> str:
            if name.startswith("lin"):
                return name.replace("lin", "lins.", 1)
            _, index, member = name.split(".") if name.startswith("features") else ("", "", "")
            return f"{prefix}{1 + sum(int(index) >= end for end in ends)}.{index}.{member}" if index else name

        made = convert(kind, [{theirs(name): t for name, t in state.items()}])
        assert all(torch.equal(made[name], t) for name, t in state.items())


def test_checkpoints_of_another_network_are_refused(folder: Path) -> None:
    from safetensors.torch import load_file

    vgg = load_file(folder / "lpips-vgg.safetensors")
    with pytest.raises(SemError, match="803"):
        convert("lpips-alex", [vgg])
    with pytest.raises(SemError, match="finite"):
        convert("lpips-vgg", [vgg | {"lin0.model.1.weight": torch.full((1, 64, 1, 1), float("nan"))}])
    with pytest.raises(ValueError, match="not one of"):
        convert("fid", [vgg])


# --- weights -----------------------------------------------------------------------------------------------------


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(SemError) as caught:
        Lpips.load(tmp_path, "vgg")
    assert caught.value.code == 801
    assert "lpips-vgg.safetensors" in str(caught.value)
    assert f"semtool models import CHECKPOINT… --as lpips-vgg -o {tmp_path}" in str(caught.value)


@pytest.mark.parametrize("damage", ["missing", "more", "shape", "integers", "no safetensors"])
def test_wrong_weights_are_refused(folder: Path, tmp_path: Path, damage: str) -> None:
    state = dict(Lpips.load(folder, "alex").state_dict())
    if damage == "missing":
        del state["lin3.model.1.weight"]
    elif damage == "more":
        state["features.12.weight"] = torch.zeros(1)
    elif damage == "shape":
        state["features.0.bias"] = torch.zeros(65)
    elif damage == "integers":
        state["features.0.bias"] = torch.zeros(64, dtype=torch.int32)
    path = tmp_path / "lpips-alex.safetensors"
    save_file(state, path)
    if damage == "no safetensors":
        path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(SemError) as caught:
        Lpips.load(path, "alex")
    assert caught.value.code == 803


def test_half_precision_weights_do(folder: Path, tmp_path: Path) -> None:
    state = {name: t.half() for name, t in Lpips.load(folder, "alex").state_dict().items()}
    save_file(state, tmp_path / "half.safetensors")
    x = pictures(1, 40, 40)
    whole, half = (Lpips.load(place, "alex")(x, noisy(x, 0.2)) for place in (folder, tmp_path / "half.safetensors"))
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(whole.item(), rel=0.05)
