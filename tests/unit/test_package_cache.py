# SPDX-License-Identifier: MIT
"""Loaded packages, their tensors and the choice of a backend: what each gives, and its error where something is wrong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import refcodec
from refcodec.entropy import compiled
from refcodec.errors import SemError
from refcodec.networks import package_cache, package_search
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.tensor_facts import TensorFacts
from refcodec.networks.tensors import load_tensors
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.kinds import KINDS
from tools.vectors.models import tiny

MODELS = Path(__file__).resolve().parents[2] / "test_vectors" / "models"


def header(text: bytes, data: int = 0) -> bytes:
    """A safetensors file with this header, and this many zero bytes of data."""
    return len(text).to_bytes(8, "little") + text + bytes(data)


def test_digest_of_a_folder(tmp_path: Path) -> None:
    digest = tiny.write(tmp_path, "elic-tiny")
    assert package_cache.model_digest(tmp_path / "elic-tiny") == digest
    with pytest.raises(SemError, match=r"it has no manifest\.json") as caught:
        package_cache.model_digest(tmp_path)
    assert caught.value.code == 801
    for text, code in (("[]", 803), ('{"format": "sem-model", "format_version": 2, "symbols": {"a": 0.5}}', 705)):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(SemError) as caught:
            package_cache.model_digest(tmp_path)
        assert caught.value.code == code


def test_a_package_that_takes_the_place_of_another_is_loaded(tmp_path: Path) -> None:
    """The same symbol model with another synthesis: pictures are of the network that is there."""
    file, place = MODELS.parent / "paint" / "paint-64x64.sem", tmp_path / "package"
    shutil.copytree(MODELS / "elic-paint", place)
    before = np.asarray(refcodec.decode(file, models=place))
    weights = {name: tensor * np.float32(0.5) for name, tensor in load_file(place / "painter.safetensors").items()}
    save_file(weights, place / "painter.safetensors")
    manifest = json.loads((place / "manifest.json").read_bytes())
    manifest["painter"]["sha256"] = hashlib.sha256((place / "painter.safetensors").read_bytes()).hexdigest()
    (place / "manifest.json").write_text(json.dumps(manifest))
    shutil.copytree(place, tmp_path / "elsewhere")
    after = np.asarray(refcodec.decode(file, models=place))
    assert (after != before).any()
    assert np.array_equal(after, np.asarray(refcodec.decode(file, models=tmp_path / "elsewhere")))


def replaced(place: Path, part: str) -> None:
    """Give a part of a package its codes in reverse order."""
    file = place / f"{part}.safetensors"
    tensors = load_file(file)
    save_file(tensors | {"codebook": tensors["codebook"][::-1].copy()}, file)
    manifest = json.loads((place / "manifest.json").read_bytes())
    manifest[part]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (place / "manifest.json").write_text(json.dumps(manifest))


def test_networks_of_method_perco_are_loaded_anew(tmp_path: Path) -> None:
    """Encoder and synthesis of the package that is there, as for method elic."""
    place = tmp_path / "package"
    shutil.copytree(package_search.SHIPPED / "vq-small", place)
    picture = np.random.default_rng(1).integers(0, 256, (32, 48, 3)).astype(np.uint8)

    def indices() -> list[int]:
        values: Any = refcodec.symbols(encoded(), models=place)
        found: list[int] = np.ravel(values["vq"]).tolist()
        return found

    def encoded() -> bytes:
        return bytes(refcodec.encode(picture, method="perco", profile="perco-small", models=place))

    before, data = indices(), encoded()
    plain = np.asarray(refcodec.decode(data, models=place))
    replaced(place, "encoder")
    assert indices() == [1023 - index for index in before]
    replaced(place, "painter")
    shutil.copytree(place, tmp_path / "elsewhere")
    after = np.asarray(refcodec.decode(data, models=place))
    assert (after != plain).any()
    assert np.array_equal(after, np.asarray(refcodec.decode(data, models=tmp_path / "elsewhere")))


def test_a_symbol_model_without_a_digest_is_that_of_the_package_that_is_there(tmp_path: Path) -> None:
    place = tmp_path / "package"
    shutil.copytree(MODELS / "clip-twin-1", place)
    first = package_cache.table_model(place).digest
    shutil.rmtree(place)
    shutil.copytree(MODELS / "clip-twin-2", place)
    assert first == package_cache.model_digest(MODELS / "clip-twin-1")
    assert package_cache.table_model(place).digest == package_cache.model_digest(MODELS / "clip-twin-2") != first


def test_the_state_of_a_package(tmp_path: Path) -> None:
    assert package_search.state_of(tmp_path) == (0, 0)
    (tmp_path / "manifest.json").write_text("{}")
    assert package_search.state_of(tmp_path)[1] == 2


def test_a_folder_that_vanishes_has_no_package(tmp_path: Path) -> None:
    assert package_search.describe(tmp_path / "none") is None
    assert list(package_search.packages([tmp_path / "none", tmp_path])) == []
    with pytest.raises(ValueError, match="is no digest"):
        package_search.find("ABCDEF01", [tmp_path])


def test_a_model_of_networks_is_no_table() -> None:
    assert package_cache.table_model(MODELS / "vq-tiny").numbers == {"v": 6}
    with pytest.raises(SemError, match="a model of kind 7, which is no table") as caught:
        package_cache.table_model(MODELS / "elic-tiny")
    assert caught.value.code == 803


def test_a_context_with_the_model_of_its_payload() -> None:
    kind = KINDS.get(5)
    chosen = MODELS / "vq-tiny", package_cache.model_digest(MODELS / "vq-tiny")
    bare = CodingContext({"v": 6, "stride": 16, "usage": True}, (640, 480), limit=9)
    context = package_cache.with_model(bare, kind, chosen)
    assert context.model is package_cache.table_model(*chosen, KINDS)
    assert isinstance(context.backend, NumpyBackend)
    assert (context.parameters, context.size, context.limit) == (bare.parameters, (640, 480), 9)
    own = NumpyBackend()
    assert package_cache.with_model(replace(bare, backend=own), kind, chosen).backend is own
    with pytest.raises(SemError, match="the model's shapes are not those of the profile") as caught:
        package_cache.with_model(replace(bare, parameters={"v": 7, "stride": 16, "usage": True}), kind, chosen)
    assert caught.value.code == 803


def test_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(package_cache.backend("numpy"), NumpyBackend)
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "torch", raising=False)
        assert package_cache.backend().name == "numpy"
    with pytest.raises(ValueError, match="unknown backend 'cuda'"):
        package_cache.backend("cuda")
    pytest.importorskip("torch")
    assert package_cache.backend("torch").name == "torch"
    assert package_cache.backend().name == "numpy"  # the faster one


@pytest.mark.parametrize(("method", "extra"), [("elic", "codec"), ("perco", "codec"), ("pics", "models")])
def test_without_torch(method: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(package_cache, "has_torch", lambda: False)
    with pytest.raises(SemError) as caught:
        package_cache.need_torch("painting", method)
    assert (caught.value.code, caught.value.hint) == (805, f"pip install 'refcodec[{extra}]'")

    def hidden() -> bool:
        raise ImportError("hidden by a hook")

    monkeypatch.setattr(package_cache, "has_torch", hidden)
    with pytest.raises(SemError, match="painting needs torch"):
        package_cache.need_torch("painting", method)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (ImportError("no"), "torch is installed and cannot be imported (ImportError)"),
        (OSError("libtorch"), "torch is installed and cannot be imported (OSError)"),
        (
            RuntimeError("a shape\nand more"),
            "torch cannot run the painter of model elic-tiny here (RuntimeError: a shape)",
        ),
        (IndexError(), "torch cannot run the painter of model elic-tiny here (IndexError: )"),
    ],
)
def test_errors_of_torch(error: Exception, what: str) -> None:
    pytest.importorskip("torch")
    with pytest.raises(SemError) as caught, package_cache.torch_errors(MODELS / "elic-tiny", "painter"):
        raise error
    assert (caught.value.code, caught.value.what) == (805, what)


@pytest.mark.parametrize("device", [None, "cpu", "cuda", "mps"])
def test_the_cpu_is_no_remedy_on_the_cpu(device: str | None) -> None:
    torch = pytest.importorskip("torch")
    for place in (device, None if device is None else torch.device(device)):
        with pytest.raises(SemError) as caught, package_cache.torch_errors(MODELS / "elic-tiny", "painter", place):
            raise RuntimeError("a shape")
        hint = caught.value.hint or ""
        assert ("--device cpu" in hint) is (device != "cpu")
        assert hint.endswith("with another version of torch")


def test_other_exceptions_stay_what_they_are() -> None:
    pytest.importorskip("torch")
    with pytest.raises(MemoryError), package_cache.torch_errors(MODELS, "painter"):
        raise MemoryError
    with pytest.raises(ZeroDivisionError), package_cache.torch_errors(MODELS, "painter"):
        raise ZeroDivisionError


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled._kernels.cache_clear()
    try:
        monkeypatch.setenv("SEM_NO_NUMBA", "1")
        assert compiled.compiled_loops(1, True) is None
        compiled._kernels.cache_clear()
        monkeypatch.delenv("SEM_NO_NUMBA")
        monkeypatch.setitem(sys.modules, "refcodec.entropy.rangecoder_numba", None)  # as if it could not be compiled
        monkeypatch.delattr("refcodec.entropy.rangecoder_numba", raising=False)
        assert compiled.compiled_loops(1, True) is None
        assert compiled.compiled_loops(1, False) is None
    finally:
        compiled._kernels.cache_clear()


def test_facts_of_tensors_that_are_large_or_repeated() -> None:
    """As Python computes them from the values, on both ways: all pairs, and the largest addend beside each multiplier."""
    rng = np.random.default_rng(5)
    for shape in ((3, 5), (40, 1000)):
        m = rng.integers(1, 32768, shape).astype(np.int16)
        a = rng.integers(-(2**52), 2**52, shape)
        facts = TensorFacts()
        for x in (0, 1, 2**15, 2**37):
            wanted = (x * m.astype(object) + abs(a.astype(object))).max()
            assert facts.largest_product(x, m, a) == facts.largest_product(x, m, a) == wanted
    row, column = np.arange(1, 6, dtype=np.int16)[None], np.arange(7, dtype=np.int64)[:, None]
    wide = np.broadcast_arrays(row, column)
    assert TensorFacts().largest_product(10, wide[0], wide[1]) == 56
    assert TensorFacts().range(wide[1]) == (0, 6)
    w = np.full((3, 2, 1, 1), -32768, np.int16)
    assert TensorFacts().absolute_sums(w, 0).tolist() == [65536] * 3
    assert TensorFacts().absolute_sums(w, 1).tolist() == [98304] * 2


HEADERS = [
    (b"1234567", "its header is incomplete"),
    ((9).to_bytes(8, "little") + b"{}", "its header is incomplete"),
    ((1 << 24 | 1).to_bytes(8, "little") + bytes(1 << 24 | 1), "its header has more than 16777216 bytes"),
    (header(b"[]"), "its header is not an object"),
    (header(b'{"a": []}'), "'a' is not described"),
    (header(b'{"a": {"dtype": "X"}}'), "unknown dtype of 'a'"),
    (header(b'{"a": {"dtype": "U8", "shape": [0, 9, 9, 9], "data_offsets": [0, 0]}}'), "'a' is larger than the file"),
    (
        header(b'{"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 1]}}', 1),
        "'a' has another length than its shape",
    ),
    (header(b'{"a": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}', 2), "'a' leaves a gap or overlaps"),
    (header(b"{}", 1), "bytes that belong to no tensor"),
]


@pytest.mark.parametrize(("data", "what"), HEADERS, ids=[what for _, what in HEADERS])
def test_headers_of_tensor_files(data: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "t.safetensors").write_bytes(data)
    with pytest.raises(SemError) as caught:
        load_tensors(tmp_path / "t.safetensors")
    assert (caught.value.code, caught.value.what) == (803, f"not a safetensors file ({what})")


def test_tensors_of_no_elements_and_of_no_axes(tmp_path: Path) -> None:
    text = b'{"a": {"dtype": "U8", "shape": [], "data_offsets": [0, 1]}, "b": {"dtype": "I64", "shape": [0, 3], "data_offsets": [1, 1]}}'
    (tmp_path / "t.safetensors").write_bytes(header(text, 1))
    found = load_tensors(tmp_path / "t.safetensors")
    assert (found["a"].shape, found["a"].item(), found["b"].shape) == ((), 0, (0, 3))


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.safetensors").write_bytes(header(b"{}"))

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(SemError, match=r"cannot read t\.safetensors in") as caught:
        load_tensors(tmp_path / "t.safetensors")
    assert caught.value.code == 801
