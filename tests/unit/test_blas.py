# SPDX-License-Identifier: MIT
"""Threads of numpy's BLAS: one in the block alone, and nothing where it is another library."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest

from refcodec.networks import blas
from refcodec.networks.numpy_backend import NumpyBackend


@pytest.fixture
def two_threads() -> Iterator[None]:
    """OpenBLAS with two threads, as a program may have set it."""
    functions = blas._functions()
    if functions is None:
        pytest.skip("numpy has another library")
    get, put = functions
    before = get()
    put(2)
    yield
    put(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("work", [0, 1 << 34, 1 << 50])
def test_exact_networks_have_one_thread(work: int) -> None:
    with NumpyBackend().computing(work):
        assert blas.threads() == 1
    assert blas.threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_the_last_block_puts_the_threads_back() -> None:
    def fail() -> None:
        with blas.one_thread():
            with blas.one_thread():
                assert blas.threads() == 1
            assert blas.threads() == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert blas.threads() == 2


def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        """A library without OpenBLAS's functions."""

    def absent(_: str) -> None:
        raise OSError("cannot open it")

    try:
        for load in (lambda _: Other(), absent):
            blas._functions.cache_clear()
            monkeypatch.setattr(ctypes, "CDLL", load)
            with blas.one_thread():
                assert blas.threads() is None
                assert (np.ones((3, 3)) @ np.ones(3)).tolist() == [3, 3, 3]
    finally:
        monkeypatch.undo()
        blas._functions.cache_clear()
