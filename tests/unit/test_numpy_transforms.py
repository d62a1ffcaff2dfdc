# SPDX-License-Identifier: MIT
"""The float transforms in numpy: the same pictures and latents as in torch, in any division into blocks, and the same errors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load, save

from refcodec.errors import SemError
from refcodec.networks import blas, package
from refcodec.transforms import numpy_layers
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.numpy_transforms import NumpyAnalysis, NumpySynthesis
from refcodec.transforms.elic.runners import load_analysis, load_synthesis, runs_in_numpy
from refcodec.transforms.numpy_network import blocks_of
from refcodec.transforms.samples import rows_of, to_bytes, write_samples
from refcodec.transforms.vq.transforms import VqDecoder, VqEncoder

SHIPPED = Path(__file__).resolve().parents[2] / "refcodec" / "data" / "models"
EMBEDDED = ("elic-small", "elic-small-2", "sketch-small", "sketch-hed")
RATES = [0.002, 0.02]
ARCHITECTURES = {
    "plain": {},
    "growth": {"synthesis_widths": [6, 10, 8], "synthesis_blocks": [[1, 1], [0, 2], [2, 0]],
               "analysis_blocks": [[0, 0], [1, 1], [0, 1]]},
    "odd": {"widths": [3, 5, 7], "hyper_analysis": [["conv", 5, 4, 6]]},
    "map": {"channels": 1, "hyper_analysis": [["conv", 3, 2, 5], ["conv", 1, 1, 4], ["conv", 5, 2, 6]]},
}  # fmt: skip


def architecture(name: str) -> ElicConfig:
    base = ElicConfig(
        m=14,
        hyper=6,
        groups=(1, 1, 2, 4, 6),
        widths=(8, 8, 8),
        hyper_analysis=(("conv", 1, 1, 8), ("conv", 3, 2, 8), ("conv", 3, 2, 6)),
        hyper_synthesis=(("deconv", 5, 2, 8), ("deconv", 5, 2, 9)),
    )
    return ElicConfig.from_dict({**base.to_dict(), "lambdas": RATES, **ARCHITECTURES[name]})


def write_part(folder: Path, part: str, tensors: dict[str, Any], config: Any) -> dict[str, Any]:
    """Write the tensors of a part; return its entry in the manifest."""
    blob = save({name: np.ascontiguousarray(t) for name, t in tensors.items()})
    (folder / f"{part}.safetensors").write_bytes(blob)
    return {"file": f"{part}.safetensors", "sha256": hashlib.sha256(blob).hexdigest(), "architecture": config}


def random_package(folder: Path, cfg: ElicConfig) -> dict[str, Any]:
    """Write a package with random weights into a folder; return its manifest, which has no symbol model to load."""
    torch = pytest.importorskip("torch")
    from refcodec.transforms.elic.network import Elic

    torch.manual_seed(5)
    net = Elic(cfg).eval()

    def numbers(prefix: str, module: Any) -> dict[str, Any]:
        return {prefix + name: t.detach().half().numpy() for name, t in module.state_dict().items()}

    rng = np.random.default_rng(1)
    gains = {
        name: rng.uniform(0.5, 2, (cfg.rates, n)).astype(np.float32)
        for name, n in (("gain", cfg.m), ("gain_z", cfg.hyper))
    }
    encoder = numbers("g_a.", net.g_a) | numbers("h_a.", net.entropy.h_a) | gains
    painter = numbers("g_s.", net.g_s) | {"inverse": gains["gain"] / 16}
    config = json.loads(json.dumps(cfg.to_dict()))
    parts = {part: write_part(folder, part, t, config) for part, t in (("encoder", encoder), ("painter", painter))}
    symbols = {"kind": cfg.kind, "groups": list(cfg.groups), "hyper": cfg.hyper, "rates": cfg.rates}
    return {"name": "random", "symbols": symbols, **parts}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    found = {}
    for name in ARCHITECTURES:
        folder = tmp_path_factory.mktemp(name)
        found[name] = (folder, random_package(folder, architecture(name)))
    found |= {name: (SHIPPED / name, package.read_manifest(SHIPPED / name)) for name in EMBEDDED}
    return found


def latents_of(rng: np.random.Generator, m: int, size: tuple[int, int]) -> NDArray[np.int32]:
    shape = (m, *(-(-n // 64) * 4 for n in size[::-1]))
    return rng.laplace(0, 60, shape).astype(np.int32)


def close(found: NDArray[Any], wanted: NDArray[Any]) -> None:
    """Assert that latents differ by rounding alone."""
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype == np.float32
    assert np.abs(found - wanted).max() <= 2e-5 * max(1.0, float(np.abs(wanted).max()))


def same_picture(found: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> None:
    """Assert that pictures differ by one level at most, where a value falls on the other side of a half."""
    assert found.shape == wanted.shape
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    difference = np.abs(found.astype(int) - wanted)
    assert difference.max() <= 1
    assert difference.sum() <= 2 + difference.size / 5000


@pytest.mark.parametrize("name", [*ARCHITECTURES, *EMBEDDED])
@given(size=st.tuples(st.integers(1, 150), st.integers(1, 200)), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None)
def test_numpy_computes_what_torch_does(name: str, size: tuple[int, int], seed: int, packages: Any) -> None:
    pytest.importorskip("torch")
    from refcodec.transforms.elic.torch_transforms import TorchAnalysis, TorchSynthesis

    (folder, manifest), rng = packages[name], np.random.default_rng(seed)
    analysis, synthesis = NumpyAnalysis(folder, manifest), NumpySynthesis(folder, manifest)
    cfg = analysis.cfg
    pixels = rng.integers(0, 256, (size[1], size[0], cfg.channels)).astype(np.uint8)
    in_torch = TorchAnalysis(folder, manifest)
    for found, wanted in zip(analysis(pixels), in_torch(pixels), strict=True):
        close(found, wanted)
    assert np.array_equal(analysis.gain, in_torch.gain)
    assert np.array_equal(analysis.gain_z, in_torch.gain_z)
    y, rate = latents_of(rng, cfg.m, size), int(rng.integers(cfg.rates))
    same_picture(synthesis(y, rate, size), TorchSynthesis(folder, manifest)(y, rate, size))


def torch_vq(folder: Path, part: str) -> Any:
    """Return the torch network of the shipped package, with weights for one half."""
    torch = pytest.importorskip("torch")
    from refcodec.transforms.vq.config import VqConfig
    from refcodec.transforms.vq.network import VqNet

    entry, arrays = package.load_part(folder, package.read_manifest(folder), part)
    net, half = VqNet(VqConfig.from_dict(entry["architecture"])), "encoder" if part == "encoder" else "decoder"
    tensors = {name: torch.from_numpy(t.astype(np.float32)) for name, t in arrays.items()}
    getattr(net, half).load_state_dict(
        {name.removeprefix(f"{half}."): t for name, t in tensors.items() if name != "codebook"}
    )
    net.quantiser.codes = torch.nn.functional.normalize(tensors["codebook"], dim=-1)
    return net.eval()


@pytest.mark.parametrize("name", ["vq-small", "vq-small-2"])
@given(size=st.tuples(st.integers(1, 130), st.integers(1, 300)), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None)
def test_the_embedded_autoencoder_is_that_of_torch(name: str, size: tuple[int, int], seed: int) -> None:
    torch = pytest.importorskip("torch")
    folder, rng = SHIPPED / name, np.random.default_rng(seed)
    manifest = package.read_manifest(folder)
    pixels = (
        rng.integers(0, 256, (size[1], size[0], 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)[: size[1], : size[0]]
    )
    padded = np.pad(pixels, ((0, -size[1] % 16), (0, -size[0] % 16), (0, 0)), mode="edge")
    with torch.inference_mode():
        net = torch_vq(folder, "encoder")
        wanted = net.indices(torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255)[0].numpy()
    indices = VqEncoder(folder, manifest)(pixels)
    assert indices.dtype == np.int64
    assert indices.shape == wanted.shape
    assert (indices == wanted).mean() > 0.99
    with torch.inference_mode():
        net = torch_vq(folder, "painter")
        raw = net.paint(net.quantiser.lookup(torch.from_numpy(indices)[None]))[0].permute(1, 2, 0).numpy()
    same_picture(VqDecoder(folder, manifest)(indices, size), to_bytes(raw)[: size[1], : size[0]])


# -- blocks of rows


@pytest.fixture
def block(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, int], None]]:
    """Set the values of a block of rows and of a matrix of shifted inputs."""

    def change(values: int, columns: int) -> None:
        monkeypatch.setattr(numpy_layers, "_VALUES", values)
        monkeypatch.setattr(numpy_layers, "_COLUMNS", columns)

    return change


@pytest.mark.parametrize("name", [*ARCHITECTURES, "elic-small", "elic-small-2"])
@pytest.mark.parametrize("values", [1, 1 << 12, 1 << 15])
def test_the_division_into_blocks_changes_no_more_than_a_rounding(
    name: str, values: int, packages: Any, block: Any
) -> None:
    (folder, manifest), rng, size = packages[name], np.random.default_rng(3), (70, 300)
    analysis, synthesis = NumpyAnalysis(folder, manifest), NumpySynthesis(folder, manifest)
    pixels = rng.integers(0, 256, (size[1], size[0], analysis.cfg.channels)).astype(np.uint8)
    y = latents_of(rng, analysis.cfg.m, size)
    block(1 << 40, 1 << 40)
    whole, picture = analysis(pixels), synthesis(y, 1, size)
    seen: list[float] = []
    block(values, values)
    for found, wanted in zip(analysis(pixels, seen.append), whole, strict=True):
        close(found, wanted)
    assert len(seen) > 1
    seen.append(0)
    same_picture(synthesis(y, 1, size, seen.append), picture)
    for shares in (seen[: seen.index(0)], seen[seen.index(0) + 1 :]):
        assert shares == sorted(shares)
        assert shares[-1] == 1


def test_one_picture_is_the_same_with_any_number_of_threads(packages: Any) -> None:
    (folder, manifest), rng, size = packages["elic-small"], np.random.default_rng(3), (200, 120)
    y, before = latents_of(rng, 192, size), blas.threads()
    synthesis = NumpySynthesis(folder, manifest)
    once = synthesis(y, 3, size)
    with blas.one_thread():
        assert blas.threads() in (None, 1)
        assert np.array_equal(synthesis(y, 3, size), once)
    assert blas.threads() == before
    assert np.array_equal(synthesis(y, 3, size), once)


def test_pictures_are_written_where_the_caller_wants_them(packages: Any) -> None:
    folder, manifest = packages["plain"]
    synthesis, size = NumpySynthesis(folder, manifest), (33, 70)
    y = latents_of(np.random.default_rng(2), 14, size)
    target = np.full((70, 33, 3), 7, np.uint8)
    for kind in (np.int16, np.int32, np.int64):
        assert synthesis(y.astype(kind), 0, size, out=target) is target
        assert np.array_equal(target, synthesis(y, 0, size))


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@given(shape=st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 9)), rows=st.integers(1, 9))
@settings(max_examples=6, deadline=None)
def test_convolutions(kernel: int, stride: int, shape: tuple[int, int, int], rows: int) -> None:
    """By their definition: a window of the input, with a border of zeros, for each output."""
    rng = np.random.default_rng(4)
    x = rng.integers(-9, 10, shape).astype(np.float32)
    weight = rng.integers(-9, 10, (2, shape[0], kernel, kernel)).astype(np.float32)
    matrix = np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(2, -1)
    conv = numpy_layers.Conv(matrix, np.array([[3.0], [-40.0]], np.float32), kernel, stride, relu=True)
    out = conv(blocks_of(x, rows))
    found = np.concatenate(list(out.blocks), axis=1)
    p = kernel // 2
    padded = np.pad(x, ((0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (1, 2))[:, ::stride, ::stride]
    wanted = np.einsum("irckl,oikl->orc", windows, weight) + np.array([3, -40])[:, None, None]
    assert found.shape == (2, out.height, out.width)
    assert np.array_equal(found, np.maximum(wanted, 0))


def test_samples_are_clamped_and_rounded() -> None:
    values = np.array([-np.inf, -1, 0, 0.49 / 255, 0.51 / 255, 254.51 / 255, 1, 7, np.inf, np.nan], np.float32)
    assert to_bytes(values).tolist() == [0, 0, 0, 0, 1, 255, 255, 255, 255, 0]
    blocks = [np.full((1, 2, 4), v, np.float32) for v in (0.2, 0.4, 0.6)]
    assert write_samples(blocks, (3, 5))[..., 0].tolist() == [[51] * 3] * 2 + [[102] * 3] * 2 + [[153] * 3]


@pytest.mark.parametrize(
    ("height", "width", "step"), [(1, 1, 16), (5, 3, 16), (64, 64, 64), (65, 100, 16), (130, 64, 48)]
)
def test_pictures_are_extended_by_their_last_row_and_column(height: int, width: int, step: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    rows = rows_of(pixels, 64, step)
    blocks = list(rows.blocks)
    assert [b.shape[1] for b in blocks[:-1]] == [step] * (len(blocks) - 1)
    padded = np.pad(pixels, ((0, -height % 64), (0, -width % 64), (0, 0)), mode="edge")
    assert (rows.height, rows.width) == padded.shape[:2]
    found = np.concatenate(blocks, axis=1)
    assert np.array_equal(np.rint((found + 0.5) * 255), padded.transpose(2, 0, 1))


# -- what runs where, and errors


def test_numpy_runs_patch_transforms_on_the_cpu() -> None:
    manifest = {"painter": {"architecture": {"transform": "patch"}}, "encoder": {"architecture": {"transform": "elic"}}}
    assert runs_in_numpy(manifest, "painter")
    assert not runs_in_numpy(manifest, "encoder")
    assert not runs_in_numpy(manifest, "painter", "cuda")
    for entry in (None, 3, {}, {"architecture": None}, {"architecture": {}}, {"architecture": ["elic"]}):
        assert runs_in_numpy({"painter": entry}, "painter")  # which reports what is wrong with it


def change(tensors: dict[str, Any], name: str, make: Callable[[Any], Any]) -> None:
    tensors[name] = make(tensors[name])


FITS, FINITE = "its tensors do not fit its architecture", "its tensors are not finite F16 or F32 numbers"
KNOWN, SYMBOLS = "its architecture is not one this program knows", "its architecture is not that of the symbol model"
ERRORS: list[tuple[str, Callable[[dict[str, Any]], Any], Callable[[Any], Any], str]] = [
    ("painter", lambda t: t.pop("g_s.linear.bias"), lambda a: a, FITS),
    ("painter", lambda t: t.pop("g_s.net.3.branch.2.weight"), lambda a: a, FITS),
    ("painter", lambda t: t.update({"g_s.more": np.zeros(1, np.float16)}), lambda a: a, FITS),
    ("painter", lambda t: t.update({"g_s.": np.zeros(1, np.float16)}), lambda a: a, FITS),
    ("painter", lambda t: t.update({"g_s.net.3.branch.1.weight": np.zeros(1, np.float16)}), lambda a: a, FITS),
    ("painter", lambda t: change(t, "g_s.linear.bias", lambda x: x[:2]), lambda a: a, FITS),
    ("painter", lambda t: change(t, "g_s.linear.bias", lambda x: x[None]), lambda a: a, FITS),
    ("painter", lambda t: change(t, "g_s.linear.weight", lambda x: x[..., :15]), lambda a: a, FITS),
    ("painter", lambda t: change(t, "g_s.net.0.weight", lambda x: x.swapaxes(0, 1)), lambda a: a, FITS),
    ("painter", lambda t: change(t, "g_s.net.0.bias", lambda x: x.astype(np.int32)), lambda a: a, FINITE),
    ("painter", lambda t: change(t, "g_s.net.0.bias", lambda x: x.astype(np.float64)), lambda a: a, FINITE),
    ("painter", lambda t: change(t, "g_s.net.0.bias", lambda x: x * np.nan), lambda a: a, FINITE),
    ("painter", lambda t: t.pop("inverse"), lambda a: a, "no tensor inverse of (2, 14) positive numbers"),
    ("painter", lambda t: change(t, "inverse", lambda x: x[:1]), lambda a: a, "no tensor inverse"),
    ("painter", lambda t: change(t, "inverse", lambda x: -x), lambda a: a, "no tensor inverse"),
    ("painter", lambda t: None, lambda a: None, KNOWN),
    ("painter", lambda t: None, lambda a: {**a, "depth": 3}, KNOWN),
    ("painter", lambda t: None, lambda a: {**a, "widths": [8, 8, 10]}, FITS),
    ("painter", lambda t: None, lambda a: {**a, "lambdas": [0.1]}, SYMBOLS),
    ("painter", lambda t: None, lambda a: {**a, "channels": 1}, SYMBOLS),
    ("encoder", lambda t: t.pop("g_a.linear.weight"), lambda a: a, FITS),
    ("encoder", lambda t: t.pop("h_a.2.weight"), lambda a: a, FITS),
    ("encoder", lambda t: t.update({"h_a.1.weight": np.zeros(1, np.float16)}), lambda a: a, FITS),
    ("encoder", lambda t: change(t, "h_a.0.bias", lambda x: x + np.inf), lambda a: a, FINITE),
    ("encoder", lambda t: t.pop("gain"), lambda a: a, "no tensor gain of (2, 14) positive numbers"),
    ("encoder", lambda t: change(t, "gain_z", lambda x: x * 0), lambda a: a, "no tensor gain_z of (2, 6) positive"),
    ("encoder", lambda t: None, lambda a: "elic", KNOWN),
    ("encoder", lambda t: None, lambda a: {**a, "groups": [7, 7]}, SYMBOLS),
    ("encoder", lambda t: None, lambda a: {**a, "hyper_analysis": [["conv", 3, 4, 6]]}, FITS),
]  # fmt: skip


@pytest.mark.parametrize(("part", "tensors", "config", "what"), ERRORS, ids=[str(i) for i in range(len(ERRORS))])
def test_malformed_packages(part: str, tensors: Any, config: Any, what: str, packages: Any, tmp_path: Path) -> None:
    """numpy and torch report the same error."""
    from refcodec.transforms.elic.torch_transforms import TorchAnalysis, TorchSynthesis

    folder, manifest = packages["plain"]
    arrays = load((folder / f"{part}.safetensors").read_bytes())
    tensors(arrays)
    manifest = {**manifest, part: write_part(tmp_path, part, arrays, config(manifest[part]["architecture"]))}
    in_torch: Any = TorchSynthesis if part == "painter" else TorchAnalysis
    for runner in (load_synthesis if part == "painter" else load_analysis, in_torch):
        with pytest.raises(SemError) as caught:
            runner(tmp_path, manifest)
        assert (caught.value.code, caught.value.path) == (803, part)
        assert caught.value.what.startswith(what)


def test_latents_that_overflow(packages: Any, tmp_path: Path) -> None:
    folder, manifest = packages["plain"]
    arrays = load((folder / "encoder.safetensors").read_bytes())
    arrays["g_a.linear.weight"] = np.full_like(arrays["g_a.linear.weight"], 3e38, dtype=np.float32)
    manifest = {**manifest, "encoder": write_part(tmp_path, "encoder", arrays, manifest["encoder"]["architecture"])}
    analysis = NumpyAnalysis(tmp_path, manifest)
    with np.errstate(all="raise"), pytest.raises(SemError, match="latents of this picture are not finite") as caught:
        analysis(np.full((9, 9, 3), 255, np.uint8))
    assert (caught.value.code, caught.value.path) == (803, "encoder")


def test_no_adapter_takes_a_text(packages: Any) -> None:
    folder, manifest = packages["plain"]
    with pytest.raises(ValueError, match="model random has no text adapter: a caption cannot steer it"):
        NumpyAnalysis(folder, manifest)(np.zeros((8, 8, 3), np.uint8), None, np.zeros((38, 512), np.float32))


def test_settings_of_the_program_change_nothing(packages: Any) -> None:
    folder, manifest = packages["elic-small"]
    y = latents_of(np.random.default_rng(1), 192, (70, 40)) * 1000
    synthesis = NumpySynthesis(folder, manifest)
    once = synthesis(y, 0, (70, 40))
    with np.errstate(all="raise"):
        assert np.array_equal(synthesis(y, 0, (70, 40)), once)
        assert np.geterr()["over"] == "raise"
