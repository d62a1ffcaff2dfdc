# SPDX-License-Identifier: MIT
"""The embedded VQ autoencoder: its quantiser's properties, its package from training to a picture, and what faults it finds."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import load, save

import refcodec
from refcodec import codec, reconstruct
from refcodec.decoder import decode_file
from refcodec.errors import SemError
from refcodec.networks import package
from refcodec.transforms import numpy_layers
from refcodec.transforms.vq.config import VqConfig
from refcodec.transforms.vq.network import VqNet
from refcodec.transforms.vq.quantiser import VectorQuantizer
from refcodec.transforms.vq.transforms import VqDecoder, VqEncoder
from tools.train import small, vq

torch = pytest.importorskip("torch")


ROOT = Path(__file__).resolve().parents[2]

TINY = VqConfig(
    v=6, dim=4, encoder_widths=(8, 8, 8), encoder_blocks=(1, 1, 1), decoder_widths=(8, 8, 8), decoder_blocks=(1, 1, 1)
)
ROW = "vq-tiny"  # v 6, stride 16, usage


def photo(width: int = 96, height: int = 64, name: str = "coffee") -> np.ndarray[Any, Any]:
    from skimage import data

    return np.asarray(Image.fromarray(getattr(data, name)()).resize((width, height), Image.Resampling.LANCZOS))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(vq, "CONFIG", TINY)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pieces of a photograph."""
    root = tmp_path_factory.mktemp("photos")
    whole = photo(480, 320)
    for i in range(10):
        top, left = 20 * i, 30 * i
        Image.fromarray(whole[top : top + 100, left : left + 120]).save(root / f"{i}.png")
    return root


def train(photos: Path, out: Path, *more: str) -> list[dict[str, Any]]:
    """Runs the tool; the rows of its log."""
    vq.main(
        [
            str(photos),
            "--out",
            str(out),
            "--device",
            "cpu",
            "--crop",
            "32",
            "--final-crop",
            "48",
            "--batch",
            "2",
            "--log-every",
            "1",
            *more,
        ]
    )
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def model(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package made by the tool."""
    root = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vq, "CONFIG", TINY)
        train(photos, root / "run", "--steps", "40")
        train(
            photos,
            root / "run",
            "--pack",
            str(root / "vq-test"),
            "--name",
            "vq-test",
            "--licence",
            "CC0-1.0",
            "--command",
            "x",
        )
    return root / "vq-test"


# --- the quantiser -------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 8))
@settings(max_examples=30, deadline=None)
def test_the_code_at_the_smallest_angle_is_taken(seed: int, v: int, dim: int) -> None:
    torch.manual_seed(seed)
    quantiser, x = VectorQuantizer(v, dim).eval(), torch.randn(5, 3, dim)
    found = quantiser(x)
    cosine = torch.nn.functional.cosine_similarity(x[..., None, :], quantiser.codes, dim=-1)
    chosen = cosine.gather(-1, found.indices[..., None])[..., 0]
    assert torch.allclose(chosen, cosine.max(-1).values, atol=1e-5)
    assert torch.allclose(found.codes, quantiser.lookup(found.indices), atol=1e-6)
    assert torch.allclose(found.codes.norm(dim=-1), torch.ones(5, 3), atol=1e-5)
    assert torch.equal(found.indices, quantiser(7.5 * x).indices)  # length is of no account
    assert float(found.commitment) == pytest.approx(float((2 - 2 * chosen).mean()), abs=1e-5)


def test_the_gradient_passes_straight_through_and_commitment_pulls() -> None:
    torch.manual_seed(0)
    quantiser = VectorQuantizer(4, 3).eval()
    x = torch.randn(7, 3, requires_grad=True)
    weight = torch.randn(7, 3)
    (quantiser(x).codes * weight).sum().backward()
    through = x.grad.clone()
    x.grad = None
    (torch.nn.functional.normalize(x, dim=-1) * weight).sum().backward()
    assert torch.allclose(through, x.grad, atol=1e-6)
    x.grad = None
    before = quantiser(x).commitment
    before.backward()
    after = quantiser(x.detach() - 0.05 * x.grad).commitment
    assert float(after) < float(before.detach())


def test_codes_move_to_the_mean_of_what_takes_them_and_only_in_training() -> None:
    torch.manual_seed(0)
    quantiser = VectorQuantizer(2, 2, decay=0.5)
    quantiser.codes.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    quantiser.total.copy_(quantiser.codes)
    x = torch.nn.functional.normalize(torch.tensor([[1.0, 0.2], [1.0, 0.4], [0.1, 1.0], [-0.1, 1.0]]), dim=-1)
    quantiser.eval()(x)
    assert quantiser.codes.tolist() == [[1, 0], [0, 1]]
    quantiser.train()
    for _ in range(30):
        quantiser(x)
    assert torch.allclose(quantiser.codes[0], torch.nn.functional.normalize(x[0] + x[1], dim=0), atol=1e-4)
    assert torch.allclose(quantiser.codes[1], torch.tensor([0.0, 1.0]), atol=1e-4)


def test_a_code_that_nothing_takes_comes_alive_as_one_of_the_vectors() -> None:
    torch.manual_seed(0)
    quantiser = VectorQuantizer(3, 2, decay=0.5, dead=0.1)
    quantiser.codes.copy_(torch.tensor([[1.0, 0.0], [0.9, 0.1], [-1.0, 0.0]]))
    quantiser.total.copy_(quantiser.codes)
    x = torch.nn.functional.normalize(torch.tensor([[1.0, 0.9], [1.0, 0.8]]), dim=-1)
    for _ in range(6):
        quantiser(x)
    cosine = quantiser.codes @ x.T
    assert bool((cosine.max(1).values > 0.99).all())


def test_k_means_starts_the_codebook() -> None:
    torch.manual_seed(0)
    centres = torch.eye(4)
    x = centres.repeat(20, 1) + 0.05 * torch.randn(80, 4)
    quantiser = VectorQuantizer(4, 4)
    quantiser.start(x)
    found = quantiser.eval()(x)
    assert float(found.commitment) < 0.5
    with pytest.raises(ValueError, match="at least as many"):
        quantiser.start(x[:3])


# --- training ------------------------------------------------------------------------------------------------------


def test_training_resumes_repeats_and_learns(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    once = train(photos, tmp_path / "a", "--steps", "20")
    again = train(photos, tmp_path / "b", "--steps", "20")
    assert [{**row, "seconds": 0} for row in once] == [{**row, "seconds": 0} for row in again]
    assert "10 pictures, listing sha256" in capsys.readouterr().out
    state = torch.load(tmp_path / "a" / "checkpoint.pt", weights_only=True)
    assert state["quantised"]
    assert state["step"] == 20
    assert [row["crop"] for row in once[:-1]] == [32] * 18 + [48] * 2
    assert once[0]["commitment"] == 0  # a plain autoencoder at first
    assert once[5]["commitment"] > 0
    more = train(photos, tmp_path / "a", "--steps", "30")
    assert "resuming from step 20" in capsys.readouterr().out
    assert [row["step"] for row in more] == [*range(1, 21), 20, *range(21, 31), 30]
    assert np.mean([row["loss"] for row in more[-8:-1]]) < np.mean([row["loss"] for row in more[:7]])


def test_what_the_tool_refuses(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="no checkpoint with a codebook"):
        train(photos, tmp_path / "run", "--pack", str(tmp_path / "out"))
    train(photos, tmp_path / "run", "--steps", "1")
    other = tmp_path / "other"
    shutil.copytree(photos, other)
    (other / "0.png").unlink()
    with pytest.raises(SystemExit, match="other pictures"):
        train(other, tmp_path / "run", "--steps", "2")
    monkeypatch.setattr(vq, "CONFIG", VqConfig(v=7, dim=4))
    with pytest.raises(SystemExit, match="another architecture"):
        train(photos, tmp_path / "run", "--steps", "2")
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(SystemExit, match="not a checkpoint of this program"):
        train(photos, tmp_path / "run", "--steps", "2")


# --- the package ---------------------------------------------------------------------------------------------------


def test_a_package_has_the_use_of_its_codes(model: Path, photos: Path) -> None:
    found, manifest = package.load_any(model), package.read_manifest(model)
    assert isinstance(found, package.TableModel)
    assert (found.kind, found.numbers) == (5, {"v": 6})
    assert manifest["name"] == "vq-test"
    assert manifest["training"]["steps"] == 40
    assert len(manifest["training"]["listing_sha256"]) == 64
    to_indices = VqEncoder(model, manifest)
    pictures = sorted(photos.iterdir())[:2]  # eight are held out
    indices = np.concatenate([to_indices(np.asarray(Image.open(p).convert("RGB"))).ravel() for p in pictures])
    assert np.array_equal(found.table, small.usage(indices, 6))


def test_a_picture_becomes_a_file_and_a_preview(model: Path) -> None:
    pixels = photo(100, 70)
    made = codec.encode_file(Image.fromarray(pixels), method="perco", profile=ROW, model=model)
    again = codec.encode_file(Image.fromarray(pixels), method="perco", profile=ROW, model=model)
    assert made.data == again.data
    symbols = decode_file(made.data, models=(model,))
    grid = symbols.value(5)
    manifest = package.read_manifest(model)
    assert np.array_equal(np.reshape(grid.indices, (grid.h, grid.w)), VqEncoder(model, manifest)(pixels))
    assert (grid.h, grid.w) == (5, 7)
    picture = np.asarray(refcodec.decode(made.data, models=model))
    assert picture.shape == (70, 100, 3)
    assert np.array_equal(picture, np.asarray(refcodec.decode(made.data, models=model)))
    painter = VqDecoder(model, manifest)
    indices = np.reshape(grid.indices, (grid.h, grid.w))
    assert np.array_equal(picture, painter(indices, (100, 70)))
    changed = indices.copy()
    changed[2, 3] = (changed[2, 3] + 1) % 6
    assert not np.array_equal(picture, painter(changed, (100, 70)))


def test_a_caption_stands_beside_the_indices_of_a_picture(model: Path) -> None:
    made = codec.encode_file(
        Image.fromarray(photo()), method="perco", profile=ROW, model=model, caption="A cup of coffee."
    )
    symbols = decode_file(made.data, models=(model,))
    assert symbols.value(2).text == "A cup of coffee."
    assert len(symbols.value(5).indices) == 24
    with pytest.raises(ValueError, match="not both"):
        codec.encode_file(Image.fromarray(photo()), method="perco", profile=ROW, model=model, indices=[0] * 24)
    with pytest.raises(ValueError, match="no seed"):
        reconstruct.reconstruct(symbols, models=model, samples=2)


def torch_network(model: Path, part: str) -> VqNet:
    """The network of torch with the weights of a package for one half."""
    entry, arrays = package.load_part(model, package.read_manifest(model), part)
    net, half = VqNet(VqConfig.from_dict(entry["architecture"])), "encoder" if part == "encoder" else "decoder"
    tensors = {name: torch.from_numpy(t.astype(np.float32)) for name, t in arrays.items()}
    net.quantiser.codes = torch.nn.functional.normalize(tensors.pop("codebook"), dim=-1)
    getattr(net, half).load_state_dict({name.removeprefix(f"{half}."): t for name, t in tensors.items()})
    return net.eval()


def test_blocks_give_what_the_whole_gives(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A high picture is worked on in parts, which nothing shows."""
    monkeypatch.setattr(numpy_layers, "_VALUES", 1 << 13)
    manifest = package.read_manifest(model)
    tall = np.tile(photo(16, 64), (30, 1, 1))
    to_indices, painter = VqEncoder(model, manifest), VqDecoder(model, manifest)
    indices = to_indices(tall)
    net = torch_network(model, "encoder")
    with torch.inference_mode():
        whole = net.indices(torch.from_numpy(tall.copy()).permute(2, 0, 1)[None].float() / 255)[0].numpy()
    assert (indices == whole).mean() > 0.98
    told: list[float] = []
    picture = painter(indices, (16, 1920), told.append)
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1] == 1
    with torch.inference_mode():
        net = torch_network(model, "painter")
        once = net.paint(net.quantiser.lookup(torch.from_numpy(indices)[None]))[0]
    assert np.abs(picture.astype(int) - (once.clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()).max() <= 1


def broken(model: Path, out: Path, part: str, change: Any) -> Path:
    """The package with one part changed, its digest put right."""
    shutil.copytree(model, out)
    manifest = json.loads((out / "manifest.json").read_text())
    tensors = load((out / f"{part}.safetensors").read_bytes())
    change(manifest[part], tensors)
    blob = save(tensors)
    (out / f"{part}.safetensors").write_bytes(blob)
    manifest[part]["sha256"] = hashlib.sha256(blob).hexdigest()
    (out / "manifest.json").write_text(json.dumps(manifest))
    return out


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda entry, tensors: tensors.pop("codebook"), "no tensor codebook"),
        (lambda entry, tensors: tensors.update(codebook=tensors["codebook"][:5]), "no tensor codebook"),
        (lambda entry, tensors: tensors.pop("decoder.0.weight"), "do not fit"),
        (lambda entry, tensors: tensors.update({"decoder.0.bias": np.full(8, np.nan, np.float16)}), "not finite"),
        (lambda entry, tensors: entry["architecture"].update(v=7), "v = 7"),
        (lambda entry, tensors: entry["architecture"].update(decoder_widths=[8]), "same length"),
        (lambda entry, tensors: entry["architecture"].update(dim=0), "integers"),
        (lambda entry, tensors: entry["architecture"].update(depth=3), "not one this program knows"),
        (lambda entry, tensors: entry.pop("architecture"), "an architecture is an object"),
        (lambda entry, tensors: entry["architecture"].update(
            encoder_widths=[8, 8], encoder_blocks=[1, 1], decoder_widths=[8, 8], decoder_blocks=[1, 1]), "do not fit"),
    ],
)  # fmt: skip
def test_a_faulty_painter_is_said_so(model: Path, tmp_path: Path, change: Any, what: str) -> None:
    folder = broken(model, tmp_path / "broken", "painter", change)
    made = codec.encode_file(Image.fromarray(photo()), method="perco", profile=ROW, model=model)
    with pytest.raises(SemError, match=what) as caught:
        refcodec.decode(made.data, models=folder)
    assert caught.value.code == 803


def test_a_package_of_another_shape_is_refused(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two scales make a stride of 8, where the row has 16."""
    monkeypatch.setattr(vq, "CONFIG", VqConfig(6, 4, (8, 8), (1, 1), (8, 8), (1, 1)))
    train(photos, tmp_path / "run", "--steps", "4")
    train(photos, tmp_path / "run", "--pack", str(tmp_path / "out"))
    with pytest.raises(SemError, match="stride of 8") as caught:
        codec.encode_file(Image.fromarray(photo()), method="perco", profile=ROW, model=tmp_path / "out")
    assert caught.value.code == 803


@pytest.mark.models
def test_a_package_without_a_painter_leaves_the_painting_to_the_roles(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    made = codec.encode_file(Image.fromarray(photo()), method="perco", profile=ROW, model=model)
    shutil.copytree(model, tmp_path / "bare")
    manifest = json.loads((tmp_path / "bare" / "manifest.json").read_text())
    (tmp_path / "bare" / "manifest.json").write_text(
        json.dumps({k: v for k, v in manifest.items() if k not in ("painter", "encoder")})
    )
    with pytest.raises(SemError, match="hyper_encoder") as caught:
        refcodec.decode(made.data, models=tmp_path / "bare")
    assert (caught.value.code, caught.value.path) == (801, "hyper_encoder")
    with pytest.raises(SemError, match="has no encoder") as caught:
        codec.encode_file(Image.fromarray(photo()), method="perco", profile=ROW, model=tmp_path / "bare")
    assert caught.value.code == 801


def test_the_network_has_the_shapes_that_it_says() -> None:
    net = VqNet(TINY).eval()
    x = torch.rand(2, 3, 64, 32)
    z = net.latent(x)
    assert z.shape == (2, 4, 2, 4)
    assert TINY.stride == 16
    out, commitment = net(x)
    assert out.shape == x.shape
    assert commitment.shape == ()
    assert VqConfig.from_dict(json.loads(json.dumps(TINY.to_dict()))) == TINY


def test_the_shipped_model_previews_a_photograph() -> None:
    pixels = photo(360, 240)
    made = codec.encode_file(Image.fromarray(pixels), method="perco")
    assert made.profile.name == "perco-small"
    assert len(made.data) < 480  # 345 places of about 10 bits
    picture = np.asarray(refcodec.decode(made.data)).astype(float)
    assert -10 * np.log10(((picture - pixels) ** 2).mean() / 255**2) > 18
    folder = ROOT / "refcodec" / "data" / "models" / "vq-small"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 6e6
