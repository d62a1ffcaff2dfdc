# SPDX-License-Identifier: MIT
"""HED in the layout of pytorch-hed (network-bsds500 of Text+Sketch): five sides and a fusion layer, imported exactly."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import public_hed
import tiny_models
from cli_harness import Semtool
from safetensors.torch import load_file, save_file

from refcodec.errors import SemError
from refcodec.foundation import hed_layouts
from refcodec.foundation.hed import EdgeDetector, Hed, convert
from refcodec.foundation.resolve import Models

pytestmark = pytest.mark.models

State = dict[str, Any]


@pytest.fixture(scope="module")
def state() -> State:
    return public_hed.state()


def folded(state: State) -> Hed:
    model = Hed()
    model.load_state_dict(convert(state))
    return model.eval()


def picture(width: int, height: int) -> Any:
    return torch.from_numpy(tiny_models.photo(width, height).copy()).permute(2, 0, 1)[None]


@pytest.mark.parametrize("size", [(48, 32), (16, 16), (33, 17), (70, 51), (31, 64)])
def test_the_folded_network_computes_the_same(state: State, size: tuple[int, int]) -> None:
    """In float64, where rounding does not hide an error of the fold, and at sides that pooling does not divide."""
    double = {name: tensor.double() for name, tensor in state.items()}
    expected = public_hed.reference(double, picture(*size).double())
    assert float(expected.max() - expected.min()) > 0.05
    model = Hed().double()
    model.load_state_dict(hed_layouts._fold(state))
    with torch.no_grad():
        torch.testing.assert_close(model(picture(*size).double()), expected, rtol=0, atol=1e-12)


def test_the_edge_map_is_that_of_the_original(state: State) -> None:
    """uint8, floor(255 p), but for pixels where float32 rounds to the other side of a level."""
    with torch.no_grad():
        expected = (public_hed.reference(state, picture(96, 64).float()) * 255).to(torch.uint8)[0, 0].numpy()
    edges = EdgeDetector(folded(state))(tiny_models.photo(96, 64))
    assert edges.shape == (64, 96)
    assert len(np.unique(edges)) > 10
    difference = np.abs(edges.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


@pytest.mark.parametrize("what", ["BGR", "fusion weights", "fusion constant"])
def test_what_the_import_must_not_lose(state: State, what: str) -> None:
    """A picture with red and blue exchanged, equal weights, or no constant give another map: each is carried over."""
    x, exact = picture(48, 32).float(), public_hed.reference(state, picture(48, 32).float())
    if what == "BGR":
        other = public_hed.reference(state, x.flip(1))
    elif what == "fusion weights":
        even = torch.full((1, 5, 1, 1), 0.2)
        other = public_hed.reference({**state, "netCombine.0.weight": even}, x)
    else:
        other = public_hed.reference({**state, "netCombine.0.bias": torch.zeros(1)}, x)
    with torch.no_grad():
        ours = folded(state)(x)
    assert float((ours - exact).abs().max()) < 1e-4
    assert float((other - exact).abs().max()) > 1e-2


# --- names ---------------------------------------------------------------------------------------------------------

PREFIXES: dict[str, Callable[[str], str]] = {
    "as in the program": lambda name: name,
    "as in the file": lambda name: name.replace("net", "module", 1),
    "of parallel training": lambda name: f"module.{name}",
    "both": lambda name: "module." + name.replace("net", "module", 1),
    "of a member": lambda name: f"model.{name}",
    "nested": lambda name: f"module.network.{name}",
}


@pytest.mark.parametrize("how", PREFIXES)
def test_names_with_prefixes(state: State, how: str) -> None:
    renamed = {PREFIXES[how](name): tensor for name, tensor in state.items()}
    expected = convert(state)
    converted = convert(renamed)
    assert converted.keys() == expected.keys() == Hed().state_dict().keys()
    assert all(torch.equal(converted[name], expected[name]) for name in expected)


@pytest.mark.parametrize("prefix", ["module.", "netNetwork.", "module.netNetwork."])
def test_prefixes_of_the_other_layout(prefix: str) -> None:
    plain = Hed().state_dict()
    converted = convert({prefix + name: tensor for name, tensor in plain.items()})
    assert all(torch.equal(converted[name], plain[name]) for name in plain)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(state: State, dtype: Any) -> None:
    converted = convert({name: tensor.to(dtype) for name, tensor in state.items()})
    assert {tensor.dtype for tensor in converted.values()} == {torch.float32}
    rounded = convert({name: tensor.to(dtype).float() for name, tensor in state.items()})
    assert all(torch.equal(converted[name], rounded[name]) for name in rounded)


# --- checkpoints that are not HED ----------------------------------------------------------------------------------

BROKEN: dict[str, tuple[Callable[[State], Any], str]] = {
    "no fusion layer": (lambda s: s.pop("netCombine.0.weight"), "the weights have no netCombine.0.weight"),
    "no constant": (lambda s: s.pop("netCombine.0.bias"), "the weights have no netCombine.0.bias"),
    "no side": (lambda s: s.pop("netScoreThr.weight"), "the weights have no netScoreThr.weight"),
    "no convolution": (lambda s: s.pop("netVggFiv.5.bias"), "the weights have no netVggFiv.5.bias"),
    "a sixth side": (lambda s: s.update({"netScoreSix.weight": torch.zeros(1, 512, 1, 1)}), "netScoreSix.weight, which HED does not have"),
    "another layer": (lambda s: s.update({"fc.weight": torch.zeros(2, 2)}), "fc.weight, which HED does not have"),
    "four sides fused": (lambda s: s.update({"netCombine.0.weight": torch.zeros(1, 4, 1, 1)}), "netCombine.0.weight is [1, 4, 1, 1]"),
    "a flat fusion": (lambda s: s.update({"netCombine.0.weight": torch.zeros(5)}), "netCombine.0.weight is [5]"),
    "a scalar": (lambda s: s.update({"netCombine.0.bias": torch.zeros(())}), "netCombine.0.bias is []"),
    "integers": (lambda s: s.update({"netScoreOne.bias": torch.zeros(1, dtype=torch.int64)}), "netScoreOne.bias is [1], not real numbers"),
    "complex numbers": (lambda s: s.update({"netScoreOne.bias": torch.zeros(1, dtype=torch.complex64)}), "netScoreOne.bias is [1], not real numbers"),
    "grey input": (lambda s: s.update({"netVggOne.0.weight": torch.zeros(64, 1, 3, 3)}), "netVggOne.0.weight is [64, 1, 3, 3]"),
    "NaN": (lambda s: s["netVggTwo.1.weight"].fill_(float("nan")), "block2.convs.0.weight has numbers that are not finite"),
    "infinite once folded": (lambda s: (s["netScoreTwo.weight"].fill_(1e30), s["netCombine.0.weight"].fill_(1e30)), "block2.projection.weight has numbers that are not finite"),
    "two names of one": (lambda s: s.update({"module.netCombine.0.bias": torch.zeros(1)}), "netCombine.0.bias twice"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_checkpoint_of_another_shape_is_one_line(state: State, kind: str) -> None:
    change, what = BROKEN[kind]
    broken = {name: tensor.clone() for name, tensor in state.items()}
    change(broken)
    with pytest.raises(SemError) as caught:
        convert(broken)
    error = caught.value
    assert (error.code, error.path, error.status) == (803, "edge_detector", 5)
    assert what in error.what
    assert "--as hed" in error.hint
    assert "\n" not in str(error)


# --- semtool models import -------------------------------------------------------------------------------------------


def as_npz(path: str, arrays: dict[str, Any], **more: Any) -> None:
    with open(path, "wb") as file:
        np.savez(file, **{name: value.numpy() for name, value in arrays.items()}, **more)


FILES: dict[str, Callable[[State], Any]] = {
    "network-bsds500.pytorch": lambda s: torch.save(s, "network-bsds500.pytorch", _use_new_zipfile_serialization=False),
    "network-bsds500.pth": lambda s: torch.save(s, "network-bsds500.pth"),
    "wrapped.pth": lambda s: torch.save({"state_dict": s, "epoch": 3}, "wrapped.pth"),
    "parallel.pth": lambda s: torch.save({f"module.{k}": t for k, t in s.items()}, "parallel.pth"),
    "half.safetensors": lambda s: save_file({k: t.half().contiguous() for k, t in s.items()}, "half.safetensors"),
    "hed.safetensors": lambda s: save_file({f"module.{k}": t for k, t in s.items()}, "hed.safetensors"),
    "hed.npz": lambda s: as_npz("hed.npz", s),
}


@pytest.mark.parametrize("file", FILES)
def test_a_file_becomes_the_role(semtool: Semtool, file: str) -> None:
    published = public_hed.state("module")
    FILES[file](published)
    done = semtool("models", "import", file, "--as", "hed", "-o", "set", "--json")
    assert (done.status, done.json["converted"]) == (0, [file])
    assert [entry["role"] for entry in done.json["roles"]] == ["edge_detector"]
    expected = convert({k: t.half() for k, t in published.items()} if file.startswith("half") else published)
    stored = load_file("set/edge_detector/model.safetensors")
    assert all(torch.equal(stored[name], expected[name]) for name in expected)
    assert json.loads(Path("set/edge_detector/config.json").read_text()) == {"model_type": "hed"}
    edges = Models.of("set", device="cpu").load("edge_detector", EdgeDetector.load, {})(tiny_models.photo(48, 32))
    assert np.array_equal(edges, EdgeDetector(folded(expected))(tiny_models.photo(48, 32)))


class Payload:
    """An object whose pickle makes a folder when it is opened without care."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def objects(state: State) -> None:
    as_npz("hostile.npz", state, extra=np.array([Payload("made")], dtype=object))


def bomb(_: State) -> None:
    np.savez_compressed("hostile.npz", x=np.zeros(1 << 24, np.float32))


HOSTILE: dict[str, tuple[str, Callable[[State], Any], str]] = {
    "a pickle that does something": ("hostile.pth", lambda s: torch.save({**s, "x": Payload("made")}, "hostile.pth"), "more than tensors"),
    "an archive of objects": ("hostile.npz", objects, "more than tensors"),
    "an archive that expands": ("hostile.npz", bomb, "hold more than the file"),
    "an archive of texts": ("hostile.npz", lambda s: np.savez("hostile.npz", x=np.array(["a"])), "not a checkpoint of tensors"),
    "a cut archive": ("hostile.npz", lambda s: (as_npz("hostile.npz", s), os.truncate("hostile.npz", 5000)), "not a checkpoint of tensors"),
    "a cut pickle": ("hostile.pth", lambda s: (torch.save(s, "hostile.pth"), os.truncate("hostile.pth", 5000)), "not a checkpoint of tensors"),
    "a text": ("hostile.pth", lambda s: Path("hostile.pth").write_text("netVggOne"), "does not begin as torch writes"),
    "other arrays": ("hostile.npz", lambda s: np.savez("hostile.npz", x=np.zeros(3)), "the weights have no block1.convs.0.bias"),
    "no fusion": ("hostile.pth", lambda s: torch.save({k: t for k, t in s.items() if "Combine" not in k}, "hostile.pth"), "the weights have no netCombine.0.bias"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_checkpoint_is_one_line(semtool: Semtool, kind: str) -> None:
    file, write, what = HOSTILE[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(public_hed.state("module"))
    done = semtool("models", "import", file, "--as", "hed", "-o", "set")
    assert done.status == 5
    assert done.line.startswith("SEM-E-803 model-malformed: ")
    assert what in done.line
    assert not Path("made").exists()
    assert not Path("set").exists()


def test_a_folder_in_the_original_layout_is_a_role(tmp_path: Path, state: State) -> None:
    """The same tensors in a folder that the user made are read, too, rather than refused."""
    save_file(
        {name.replace("net", "module", 1): tensor for name, tensor in state.items()}, tmp_path / "model.safetensors"
    )
    (tmp_path / "config.json").write_text('{"model_type": "hed"}')
    edges = EdgeDetector.load(tmp_path, Models.of(device="cpu"))(tiny_models.photo(48, 32))
    assert np.array_equal(edges, EdgeDetector(folded(state))(tiny_models.photo(48, 32)))
