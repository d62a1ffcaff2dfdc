# SPDX-License-Identifier: MIT
"""`effort` of `refcodec.encode` and `semtool encode`, with the embedded model."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool
from numpy.typing import NDArray
from PIL import Image

import refcodec
from refcodec.efforts import EFFORTS, check_effort
from refcodec.errors import Code, SemError
from refcodec.networks import package_cache
from tools.demo import sample

torch = pytest.importorskip("torch")


def photo(width: int = 128, height: int = 96) -> NDArray[np.uint8]:
    with Image.open(sample()) as picture:
        return np.asarray(picture.convert("RGB").crop((160, 160, 160 + width, 160 + height)))


def squared_error(data: bytes) -> float:
    return float(np.square(np.asarray(refcodec.decode(data)).astype(float) - photo()).sum()) / 255**2


def lagrangian_cost(data: bytes, lagrangian: float) -> float:
    return 8 * len(data) + lagrangian * 255**2 / 3 * squared_error(data)


SHIPPED = Path(refcodec.__file__).parent / "data/models/elic-small"
LAMBDAS = json.loads((SHIPPED / "manifest.json").read_text())["encoder"]["architecture"]["lambdas"]


@pytest.mark.parametrize("quality", [2, 6, 10])
def test_no_effort_is_worse_by_the_lagrangian(quality: int) -> None:
    rate = quality - 1
    costs = [
        lagrangian_cost(refcodec.encode(photo(), quality=quality, effort=e), LAMBDAS[rate]) for e in (1, 2, 3, 4, 6)
    ]
    assert all(cost <= costs[0] for cost in costs)
    assert costs[-1] < 0.98 * costs[0]  # 60 steps gain more than a little
    assert costs[-1] < costs[-2]


def test_effort_1_is_the_default() -> None:
    assert refcodec.encode(photo(), effort=1) == refcodec.encode(photo())


@pytest.mark.parametrize("effort", [3, 4])
def test_the_same_bytes_again(effort: int) -> None:
    first = refcodec.encode(photo(), quality=4, effort=effort)
    torch.manual_seed(5)
    with torch.inference_mode(), torch.random.fork_rng():
        assert refcodec.encode(photo(), quality=4, effort=effort) == first
    assert refcodec.decode(first).size == (128, 96)


@pytest.mark.parametrize("bpp", [0.35, 0.5])
def test_a_rate_is_met_with_less_error(bpp: float) -> None:
    plain, searched = (refcodec.encode(photo(), bpp=bpp, effort=effort) for effort in (1, 6))
    target = bpp * 128 * 96 / 8
    assert 0.99 * target <= len(searched) <= target
    assert squared_error(searched) < squared_error(plain)


def test_qualities_with_decimals_are_searched_too() -> None:
    plain, searched = (refcodec.encode(photo(), quality=5.5, effort=effort) for effort in (1, 5))
    lagrangian = (LAMBDAS[4] * LAMBDAS[5]) ** 0.5
    assert lagrangian_cost(searched, lagrangian) < lagrangian_cost(plain, lagrangian)


@pytest.mark.parametrize("arguments", [{"quality": 5}, {"bpp": 0.4}, {"quality": 4.3}])
@pytest.mark.parametrize("effort", [2, 4])
def test_progress_rises_to_1(arguments: dict[str, Any], effort: int) -> None:
    seen: list[float] = []
    refcodec.encode(photo(), progress=seen.append, effort=effort, **arguments)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_a_trace_has_each_pass_once() -> None:
    names: list[str] = []
    refcodec.encode(photo(), effort=4, trace=lambda name, _: names.append(name))
    assert names.count("group[0].pass[0].index") == names.count("group[4].pass[1].y") == 1


@pytest.mark.parametrize("effort", [0, 10, -1])
def test_other_efforts_are_refused(effort: int) -> None:
    with pytest.raises(ValueError, match="effort is an integer from 1 to 9"):
        refcodec.encode(photo(), effort=effort)


def test_efforts_of_numpy_are_integers() -> None:
    assert [type(check_effort(number)) for number in (np.int64(3), np.uint8(9))] == [int, int]  # type: ignore[arg-type]


@pytest.mark.parametrize("effort", [True, 2.0, "3", None])
def test_efforts_are_integers(effort: Any) -> None:
    with pytest.raises(TypeError, match="effort is an integer"):
        check_effort(effort)


@pytest.mark.parametrize("method", ["clip", "consonant", "pics", "perco"])
def test_other_methods_have_no_effort(method: str) -> None:
    with pytest.raises(ValueError, match=f"method {method} has no effort"):
        refcodec.encode(photo(), method=method, effort=2)


def test_the_search_needs_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_cache, "has_torch", lambda: False)
    assert refcodec.encode(photo(64, 64), effort=3)
    with pytest.raises(SemError, match="encoding with effort 4 needs torch") as caught:
        refcodec.encode(photo(64, 64), effort=4)
    assert caught.value.code == Code.DEPENDENCY_MISSING
    assert "refcodec[codec]" in str(caught.value.hint)


@pytest.mark.parametrize(
    "arguments", [{"effort": 2}, {"effort": 4}, {"effort": 5, "bpp": 0.4}, {"effort": 3, "quality": 4.5}]
)
def test_a_package_without_synthesis_has_effort_1(arguments: dict[str, Any], tmp_path: Path) -> None:
    package = tmp_path / "package"
    shutil.copytree(SHIPPED, package)
    (package / "painter.safetensors").unlink()
    with pytest.raises(SemError, match=f"encoding with effort {arguments['effort']} needs painter") as caught:
        refcodec.encode(photo(64, 64), model=package, **arguments)
    assert caught.value.code == Code.MODEL_UNAVAILABLE
    assert "leave out effort" in str(caught.value.hint)
    plain = {name: value for name, value in arguments.items() if name != "effort"}
    assert refcodec.encode(photo(64, 64), model=package, **plain)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("arguments", [{"quality": 5}, {"bpp": 0.4}])
def test_the_default_dtype_of_the_program_changes_no_byte(arguments: dict[str, Any], dtype: torch.dtype) -> None:
    expected = refcodec.encode(photo(64, 64), effort=4, **arguments)
    torch.set_default_dtype(dtype)
    try:
        assert refcodec.encode(photo(64, 64), effort=4, **arguments) == expected
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_search_does_not_import_the_compiler_of_torch() -> None:
    """It takes a second to import, and leaves a folder among the temporary files."""
    code = (
        "import sys, numpy, refcodec; refcodec.encode(numpy.zeros((16, 16, 3), numpy.uint8), effort=4); "
        "sys.exit('torch' not in sys.modules or 'torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_command(semtool: Semtool, place: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(photo()).save(buffer, "PNG")
    (place / "photo.png").write_bytes(buffer.getvalue())
    done = semtool("encode", "photo.png", "--effort", "4", "--json")
    assert done.status == 0
    assert (place / "photo.sem").read_bytes() == refcodec.encode(photo(), effort=4)
    assert semtool("encode", "photo.png", "--effort", "10").status == 2
    assert semtool("encode", "--caption", "a cat", "--size", "64x64", "--effort", "4", "-o", "x.sem").status == 2
    assert not (place / "x.sem").exists()


def test_steps_rise_with_the_effort() -> None:
    steps = [EFFORTS[effort].steps for effort in range(4, 10)]
    assert steps == sorted(set(steps))
    assert set(EFFORTS) == set(range(1, 10))
