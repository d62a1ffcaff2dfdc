# SPDX-License-Identifier: MIT
"""Parts in threads: all of them once, the first error, and the same symbols in any number of threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from refcodec.networks import numpy_backend, package_cache, threads
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.package_search import SHIPPED
from refcodec.payloads import latents
from refcodec.table_files import SHIPPED as TABLES


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_each_part_is_computed_once(number: int) -> None:
    done, where = [], set()

    def work(part: int) -> None:
        done.append(part)
        where.add(threading.current_thread().name)

    threads.for_each(work, iter(range(40)), number)
    assert sorted(done) == list(range(40))
    assert all(name.startswith("refcodec-parts") == (number > 1) for name in where)


@pytest.mark.parametrize("number", [1, 3])
def test_the_first_error_is_raised(number: int) -> None:
    def work(part: int) -> None:
        if part in (5, 9):
            raise ValueError(f"part {part}")

    with pytest.raises(ValueError, match="part 5"):
        threads.for_each(work, range(1000), number)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("refcodec-parts")]


@pytest.mark.parametrize(
    ("sites", "cores", "wanted"), [(1 << 13, 2, 2), (1 << 13, 64, 4), (1 << 13, 1, 1), (8191, 8, 1)]
)
def test_only_large_passes_have_threads(sites: int, cores: int, wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: cores)
    assert numpy_backend.threads_for(sites) == wanted


@pytest.mark.parametrize("name", ["elic-small", "elic-small-2", "sketch-small", "sketch-hed"])
def test_symbols_depend_neither_on_threads_nor_on_what_is_coded_at_a_time(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, size = package_cache.symbol_model(SHIPPED / name), (1900, 300)
    rng = np.random.default_rng(8)
    z = rng.integers(-3, 4, (model.hyper, *latents.shapes(*size)[0])).astype(np.int32)

    def source(_rate: int, k: int, step: int, mean: Any, table: Any) -> Any:
        s = np.random.default_rng(10 * k + step).integers(-4, 5, mean.shape).astype(np.int32)
        return np.where(table == 0, 0, s)

    monkeypatch.setattr(numpy_backend, "THREADING_SITES_MIN", 0)
    found = []
    for cores, coded in ((1, 1 << 18), (2, 1 << 18), (4, 1), (3, 5000)):
        monkeypatch.setattr(threads, "cores", lambda cores=cores: cores)
        monkeypatch.setattr(latents, "CODED", coded)
        body, value = latents.encode(1, z, source, model, size, NumpyBackend(), tables=TABLES)
        again = latents.decode(body, model, size, NumpyBackend(), tables=TABLES)
        assert again.y.dtype == np.int16
        assert np.array_equal(again.y, value.y)
        found.append((body, value.serialise()))
    assert found == [found[0]] * 4


@pytest.mark.parametrize("number", [1, 2])
def test_errors_of_floating_point_are_silent_in_threads(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_backend, "THREADING_SITES_MIN", 0)
    monkeypatch.setattr(threads, "cores", lambda: number)
    with np.errstate(all="raise"):
        NumpyBackend().for_each(lambda part: np.full(9, 1e300) * part, [1e300] * 4, 1)
