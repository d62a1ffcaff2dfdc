# SPDX-License-Identifier: MIT
"""SPEC §15: what a model may ask for, counted from the shapes of its manifest."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import refcodec
from refcodec import spec
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.networks import package, package_cache, package_search
from refcodec.networks.work import Work, check, work_of

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "test_vectors" / "models"
SMALL = package_search.SHIPPED / "elic-small"
BYTES, MULTIPLICATIONS, ARRAY = spec.MODEL_LEVELS[1]


def symbols(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = copy.deepcopy(package.read_manifest(MODELS / name)["symbols"])
    return loaded


def code_of(work: Work, size: tuple[int, int] | None = None, level: int = 1) -> int | None:
    try:
        check(work, size, level)
    except SemError as error:
        return error.code
    return None


def test_what_released_models_ask_for() -> None:
    found = work_of(package.read_manifest(SMALL)["symbols"])
    model = package.load(SMALL)
    assert found.multiplications == 12_386_816
    assert found.array_values == 16 * 256
    assert model.weights < found.multiplications / 8
    assert found.tensor_bytes < (SMALL / "symbols.safetensors").stat().st_size
    assert code_of(found, (15_873, 2113)) is None  # the most blocks of a picture of level 1


def test_a_net_by_hand() -> None:
    """elic-mini: 8 and 36 and 18 weights of its hyper net at 1, 2 and 2 rows to one of z, 122 others at 4."""
    found = work_of(symbols("elic-mini"))
    assert found.multiplications == 8 * 1 + 36 * 4 + 18 * 4 + 122 * 16
    assert found.array_values == 8 * 16  # the head of the group of four channels
    assert found.tensor_bytes == sum(
        {"U8": 1, "I16": 2, "U16": 2, "I32": 4, "I64": 8}[t["dtype"]] * _product(t["shape"])
        for t in symbols("elic-mini")["tensors"].values()
    )


def _product(shape: list[int]) -> int:
    result = 1
    for n in shape:
        result *= n
    return result


def test_a_tensor_of_several_layers_counts_for_each() -> None:
    before, twice = symbols("elic-mini"), symbols("elic-mini")
    twice["heads"][1] = [*twice["heads"][1], twice["heads"][1][0] | {"w": "channel.4.w", "stride": 1}]
    assert work_of(twice).multiplications == work_of(before).multiplications + 16 * 4
    assert work_of(twice).tensor_bytes == work_of(before).tensor_bytes


@pytest.mark.parametrize("name", ["clip-tiny", "pq-tiny", "vq-tiny"])
def test_tables_have_bytes_alone(name: str) -> None:
    found = work_of(symbols(name))
    assert found == Work(found.tensor_bytes)
    assert 0 < found.tensor_bytes < 100


@pytest.mark.parametrize("level", [1, 2])
def test_each_limit_to_the_number(level: int) -> None:
    most = spec.MODEL_LEVELS[level]
    for i in range(3):
        values = [0, 0, 0]
        values[i] = most[i]
        assert code_of(Work(*values), (64, 64), level) is None
        values[i] += 1
        assert code_of(Work(*values), (64, 64), level) == Code.LIMIT_MODEL
    assert code_of(Work(0, 0, most[2] // 4), (65, 65), level) is None
    assert code_of(Work(0, 0, most[2] // 4), (129, 65), level) == Code.LIMIT_MODEL
    assert code_of(Work(0, 0, most[2] + 1), None, level) is None  # no picture


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("tensors",), []),
        (("tensors", "b"), None),
        (("tensors", "b", "shape"), 1),
        (("tensors", "b", "shape"), [-1]),
        (("tensors", "b", "shape"), [True]),
        (("tensors", "b", "shape"), [2**53 - 1] * 4000),
        (("tensors", "b", "dtype"), "F64"),
        (("tensors", "b", "dtype"), ["I64"]),
        (("groups",), {"0": 2}),
        (("groups",), ["2", 2, 4]),
        (("hyper",), None),
        (("hyper",), 2**53 - 1),
        (("groups", 0), 1025),
        (("groups",), [1] * 17),
        (("hyper_net",), None),
        (("hyper_net", 0), "relu"),
        (("hyper_net", 0, "w"), "nowhere"),
        (("hyper_net", 0, "w"), ["hyper.0.w"]),
        (("hyper_net", 0, "w"), "m"),
        (("hyper_net", 0, "stride"), "4"),
        (("channel_nets",), [None]),
        (("anchor_heads",), [None]),
        (("context",), ["ends"]),
    ],
    ids=str,
)
def test_other_forms_are_malformed(path: tuple[Any, ...], value: Any) -> None:
    s = symbols("elic-mini")
    inner: Any = s
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    if path == ("context",):  # which the form of the model refuses, later
        work_of(s)
        return
    with pytest.raises(SemError) as caught:
        work_of(s)
    assert caught.value.code == Code.MODEL_MALFORMED


def _declared_large(folder: Path, tmp_path: Path, frequencies: int) -> Path:
    """A copy of a package whose manifest declares so many frequencies of z."""
    copied = tmp_path / "large"
    shutil.copytree(folder, copied)
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["symbols"]["tensors"]["z.freq"]["shape"] = [frequencies]
    (copied / "manifest.json").write_text(json.dumps(manifest))
    return copied


def test_loading_refuses_above_every_level_before_it_looks_for_tensors(tmp_path: Path) -> None:
    large = _declared_large(MODELS / "elic-tiny", tmp_path, 2**28)
    (large / "symbols.safetensors").unlink()
    with pytest.raises(SemError) as caught:
        package.load_any(large)
    assert caught.value.code == Code.LIMIT_MODEL
    assert "536" in str(caught.value)


def test_a_level_is_that_of_the_call(tmp_path: Path) -> None:
    large = _declared_large(MODELS / "elic-tiny", tmp_path, BYTES // 2)
    with pytest.raises(SemError, match="bytes of tensors") as caught:
        package_cache.check_work(large)
    assert caught.value.code == Code.LIMIT_MODEL
    package_cache.check_work(large, level=2)


def test_encoding_refuses_it_too(tmp_path: Path) -> None:
    import numpy as np

    large = _declared_large(SMALL, tmp_path, BYTES)
    pixels = np.zeros((64, 64, 3), np.uint8)
    environment = Environment.default()
    with pytest.raises(SemError) as caught:
        refcodec.encode(pixels, profile="elic", model=large, environment=environment)
    assert caught.value.code == Code.LIMIT_MODEL


def test_decoding_names_no_offset() -> None:
    data = (ROOT / "test_vectors" / "registries" / "limit-array-exceeded.sem").read_bytes()
    from refcodec.registry import Registry

    rows = Registry.parse((ROOT / "test_vectors" / "registries" / "bounds.json").read_bytes())
    environment = Environment(rows, package_folders=(MODELS,))
    with pytest.raises(SemError, match=r"272629760 values") as caught:
        refcodec.payload(data, environment=environment)
    assert (caught.value.code, caught.value.offset, caught.value.status) == (Code.LIMIT_MODEL, None, 6)
