# SPDX-License-Identifier: MIT
"""Loaded packages and the choice of a backend: what each gives, and its error where something is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from refcodec.entropy import compiled
from refcodec.errors import SemError
from refcodec.networks import package_cache, package_search
from refcodec.networks.numpy_backend import NumpyBackend
from tools.vectors.models import tiny

MODELS = Path(__file__).resolve().parents[2] / "test_vectors" / "models"


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


def test_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(package_cache.backend("numpy"), NumpyBackend)
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "torch", raising=False)
        assert package_cache.backend().name == "numpy"
    with pytest.raises(ValueError, match="unknown backend 'cuda'"):
        package_cache.backend("cuda")
    pytest.importorskip("torch")
    assert package_cache.backend("torch").name == package_cache.backend().name == "torch"


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
    ("error", "code"),
    [
        (ImportError("no"), 805),
        (OSError("libtorch"), 805),
        (RuntimeError("shape '[1]' is invalid"), 803),
        (IndexError("x"), 803),
    ],
)
def test_errors_of_torch(error: Exception, code: int) -> None:
    with pytest.raises(SemError) as caught, package_cache.torch_errors(MODELS / "elic-tiny", "painter"):
        raise error
    assert caught.value.code == code


def test_exhausted_memory_of_torch_stays_that() -> None:
    with pytest.raises(MemoryError), package_cache.torch_errors(MODELS, "painter"):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
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
