# SPDX-License-Identifier: MIT
"""Ways to be called: from other threads and event loops, in forked and started processes, under flags of the interpreter."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from tools.bench.states.operations import plain

ROOT: Final = Path(__file__).resolve().parents[3]
SECONDS: Final = 300  # for a process; one that hangs does so for ever
T = TypeVar("T")
Results = dict[str, dict[str, Any]]


def in_thread(call: Callable[[], T]) -> T:
    """Return the result of a call in a thread that is not the main one."""
    results: list[T] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results[0]


def in_small_thread(call: Callable[[], T]) -> T:
    """Return the result of a call in a thread with a stack of half a megabyte, as on macOS."""
    before = threading.stack_size(1 << 19)
    try:
        return in_thread(call)
    finally:
        threading.stack_size(before)


def in_event_loop(call: Callable[[], T]) -> T:
    """Return the result of a call from a coroutine."""

    async def run() -> T:
        return call()

    return asyncio.run(run())


def forked(call: Callable[[], Results] = plain) -> Results:
    """Return the results of a child that is forked after torch has run in several threads. Raises TimeoutError."""
    read, write = os.pipe()
    with several_threads():
        child = os.fork()
        if child == 0:
            try:
                os.write(write, json.dumps(call()).encode())
            finally:
                os._exit(0)
    os.close(write)
    try:
        if not select.select([read], [], [], SECONDS)[0]:
            raise TimeoutError(f"the child has not answered for {SECONDS} s")
        with open(read, "rb", closefd=False) as stream:
            return dict(json.load(stream))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(read)


@contextmanager
def several_threads() -> Iterator[None]:
    """Have torch compute in several threads in the block, with a pool of threads that has run."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(2, before))
    torch.conv2d(torch.ones(1, 32, 128, 128), torch.ones(32, 32, 3, 3))
    torch.ones(600, 600, dtype=torch.float64) @ torch.ones(600, 600, dtype=torch.float64)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def pooled(method: str) -> Results:
    """Return the results of a process of `multiprocessing`, started by `method`."""
    with several_threads(), multiprocessing.get_context(method).Pool(1) as pool:
        return pool.apply_async(plain).get(SECONDS)


def started(*flags: str, **environment: str) -> Results:
    """Return the results of an interpreter with flags and variables of the environment."""
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import json; "
        "from tools.bench.states.operations import plain; json.dump(plain(), sys.stdout)"
    )
    done = subprocess.run(
        [sys.executable, *flags, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip().splitlines()[-1])
    return dict(json.loads(done.stdout))


CALLERS: Final[dict[str, Callable[[Callable[[], Any]], Any]]] = {
    "another thread": in_thread,
    "thread with a small stack": in_small_thread,
    "event loop": in_event_loop,
}
PROCESSES: Final[dict[str, Callable[[], Results]]] = {
    "fork after torch has run": forked,
    "thread of a fork": partial(forked, partial(in_thread, plain)),
    "multiprocessing fork": partial(pooled, "fork"),
    "multiprocessing spawn": partial(pooled, "spawn"),
    "multiprocessing forkserver": partial(pooled, "forkserver"),
    "python -O": partial(started, "-O"),
    "python -OO": partial(started, "-OO"),
    "python -I": partial(started, "-I"),
    "python -E -s": partial(started, "-E", "-s"),
    "python -bb": partial(started, "-bb"),
    "python -X dev": partial(started, "-X", "dev"),
    "python -X utf8=0, LANG=C": partial(started, "-X", "utf8=0", LANG="C", LC_ALL="C", PYTHONCOERCECLOCALE="0"),
    "python -X int_max_str_digits=640": partial(started, "-X", "int_max_str_digits=640"),
    "PYTHONHASHSEED=1": partial(started, PYTHONHASHSEED="1"),
    "python -W error": partial(started, "-W", "error"),
    "SEM_NO_NUMBA=1": partial(started, SEM_NO_NUMBA="1"),
    "OMP_WAIT_POLICY=passive, 3 threads": partial(started, OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="3"),
}
