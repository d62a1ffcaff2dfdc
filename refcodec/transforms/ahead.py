# SPDX-License-Identifier: MIT
"""Compute the first layers of a network in a thread of their own, some blocks ahead of the layers that follow.

The blocks are the same and come in the same order, so the result does not depend on it. numpy and BLAS release Python's
lock, so two threads keep two cores busy; OpenBLAS itself runs with one (`networks.blas`), and would gain nothing by more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from refcodec.networks import threads
from refcodec.transforms.numpy_layers import Array, Rows

BLOCKS: Final = 2  # computed before they are asked for, at most
AHEAD_SITES_MIN: Final = 1 << 14  # of the latents of a picture that is large enough: 4 megapixels


@dataclass(frozen=True, eq=False)
class Ahead:
    """A layer that passes on its input, which another thread computes, for a picture that is large enough.

    computing: the state of the thread that numpy needs. scale: sites of the input on each side of a latent.
    """

    computing: Callable[[], AbstractContextManager[Any]]
    scale: int

    def __call__(self, rows: Rows) -> Rows:
        if rows.height * rows.width < AHEAD_SITES_MIN * self.scale**2 or threads.cores() < 2:
            return rows
        return Rows(rows.height, rows.width, self._blocks(rows.blocks))

    def _blocks(self, blocks: Iterator[Array]) -> Iterator[Array]:
        """Yield the blocks; the thread works on request alone, so that it stops when the caller does."""

        def following() -> Array | None:
            with self.computing():
                return next(blocks, None)

        with ThreadPoolExecutor(1, "refcodec-blocks") as thread:
            waiting: deque[Future[Array | None]] = deque(thread.submit(following) for _ in range(BLOCKS))
            while (block := waiting.popleft().result()) is not None:
                waiting.append(thread.submit(following))
                yield block
