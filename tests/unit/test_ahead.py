# SPDX-License-Identifier: MIT
"""Layers in a thread of their own: they give the same values, pass errors on, and end with their reader."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from refcodec.networks import blas, package, threads
from refcodec.networks.package_search import SHIPPED
from refcodec.transforms import ahead
from refcodec.transforms.ahead import Ahead
from refcodec.transforms.elic.numpy_transforms import NumpyAnalysis, NumpySynthesis
from refcodec.transforms.numpy_layers import Array, Rows
from refcodec.transforms.numpy_network import computing

SIZE = (400, 230)


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(ahead, "AHEAD_SITES_MIN", 0)


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("refcodec-blocks")]


def source(count: int, names: list[str], error: Exception | None = None) -> Iterator[Array]:
    for i in range(count):
        names.append(threading.current_thread().name)
        yield np.full((2, 3, 5), i, np.float32)
    if error is not None:
        raise error


@pytest.mark.parametrize("name", ["elic-small", "elic-small-2", "sketch-small", "sketch-hed"])
def test_pictures_and_latents_do_not_depend_on_threads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SHIPPED / name
    manifest = package.read_manifest(folder)
    analysis, synthesis = NumpyAnalysis(folder, manifest), NumpySynthesis(folder, manifest)
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (*SIZE[::-1], analysis.cfg.channels)).astype(np.uint8)
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(ahead, "AHEAD_SITES_MIN", 0)
    for number in (1, 2, 16):
        monkeypatch.setattr(threads, "cores", lambda number=number: number)
        y, z = analysis(pixels)
        found.append((y, z, synthesis(np.rint(64 * y).astype(np.int32), 1, SIZE)))
    for other in found[1:]:
        assert all(map(np.array_equal, found[0], other))
    assert not running()


@pytest.mark.parametrize(
    ("pays", "cores", "in_thread"), [(64, 2, True), (64, 1, False), (65, 2, False), (0, 8, True), (0, 1, False)]
)
def test_only_large_pictures_on_several_cores_have_a_thread(
    pays: int, cores: int, in_thread: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "AHEAD_SITES_MIN", pays)
    monkeypatch.setattr(threads, "cores", lambda: cores)
    names: list[str] = []
    rows = Ahead(computing, 2)(Rows(16, 16, source(4, names)))  # 64 latents
    assert [int(block[0, 0, 0]) for block in rows.blocks] == [0, 1, 2, 3]
    assert all(name.startswith("refcodec-blocks") == in_thread for name in names)


@pytest.mark.usefixtures("two_cores")
def test_an_error_reaches_the_reader() -> None:
    rows = Ahead(computing, 1)(Rows(9, 9, source(2, [], ValueError("no row"))))
    with pytest.raises(ValueError, match="no row"):
        list(rows.blocks)
    assert not running()


@pytest.mark.usefixtures("two_cores")
def test_a_reader_that_stops_ends_the_thread() -> None:
    names: list[str] = []
    blocks = Ahead(computing, 1)(Rows(9, 9, source(100, names))).blocks
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
    assert not running()
    assert len(names) <= 2 + ahead.BLOCKS


@pytest.mark.usefixtures("two_cores")
def test_errors_of_floating_point_are_silent_in_the_thread() -> None:
    def overflowing() -> Iterator[Array]:
        for _ in range(3):
            assert blas.threads() in (None, 1)
            yield np.full((1, 1, 600), 3e38, np.float32) * np.float32(10)

    with np.errstate(all="raise"):
        blocks = list(Ahead(computing, 1)(Rows(3, 600, overflowing())).blocks)
    assert all(np.isinf(block).all() for block in blocks)
