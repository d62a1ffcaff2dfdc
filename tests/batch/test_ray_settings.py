# SPDX-License-Identifier: MIT
"""What Ray changes of the process, and what is changed for it: all of it comes back. With a stand-in for Ray."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from refcodec.batch import ray_cluster
from refcodec.batch.ray_cluster import Cluster, connected
from refcodec.batch.ray_pipeline import _SETTINGS
from refcodec.batch.ray_store import Store
from refcodec.errors import SemError

NAMES = ("target_max_block_size", "enable_progress_bars", "print_on_execution_start", "enable_auto_log_stats")


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the name, which replaces the handler of SIGTERM when it starts, as Ray does."""
    made, data = ModuleType("ray"), ModuleType("ray.data")
    context = SimpleNamespace(**dict.fromkeys(NAMES, 1))
    data.DataContext = SimpleNamespace(get_current=lambda: context)  # type: ignore[attr-defined]
    values = {"is_initialized": lambda: False, "init": start, "shutdown": lambda: None, "data": data}
    for name, value in values.items():
        setattr(made, name, value)
    monkeypatch.setitem(sys.modules, "ray", made)
    monkeypatch.setitem(sys.modules, "ray.data", data)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    return made


def start(**_: Any) -> None:
    os.write(2, b"C++ says this\n")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@pytest.fixture
def handler() -> Iterator[Callable[..., None]]:
    """The handler of SIGTERM that the program has set."""

    def own(*_: object) -> None:
        """Do nothing."""

    before = signal.signal(signal.SIGTERM, own)
    yield own
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("error", [Exception("The current node timed out\nduring startup."), RuntimeError("no raylet")])
def test_a_start_that_fails_is_one_line(ray: Any, error: Exception, handler: Callable[..., None]) -> None:
    """Ray raises bare exceptions, such as on a machine that is too busy, and may have changed the handler before."""

    def fail(**_: Any) -> None:
        start()
        raise error

    ray.init = fail
    with pytest.raises(SemError) as caught, connected(Cluster()):
        pass
    text = " ".join(str(error).split()).removesuffix(".")
    assert str(caught.value).startswith(f"SEM-E-101 cannot-read: Ray cannot be started: {text}")
    assert "\n" not in str(caught.value)
    assert signal.getsignal(signal.SIGTERM) is handler


def test_an_interrupted_start_puts_the_handler_back(ray: Any, handler: Callable[..., None]) -> None:
    def interrupt(**_: Any) -> None:
        start()
        raise KeyboardInterrupt

    ray.init = interrupt
    with pytest.raises(KeyboardInterrupt), connected(Cluster()):
        pass
    assert signal.getsignal(signal.SIGTERM) is handler


@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG])
def test_handler_level_and_stream_are_those_of_the_program(
    ray: Any, handler: Callable[..., None], level: int, capfd: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("ray.data")
    before, descriptors = logger.level, set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    logger.setLevel(level)
    try:
        with connected(Cluster()) as connection:
            assert connection is ray
            assert signal.getsignal(signal.SIGTERM) is handler
            assert logger.level == logging.CRITICAL
            os.write(2, b"seen\n")
        assert logger.level == level
    finally:
        logger.setLevel(before)
    assert capfd.readouterr().err == "seen\n"
    if descriptors:
        assert set(os.listdir("/proc/self/fd")) == descriptors


def test_a_handler_that_python_does_not_know_is_left(ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`signal.getsignal` returns None for a handler that a library in C has set."""
    monkeypatch.setattr(signal, "getsignal", lambda _: None)
    monkeypatch.setattr(ray, "init", lambda **_: None)
    with connected(Cluster()) as connection:
        assert connection is ray


def test_a_thread_that_is_not_the_main_one_connects(ray: Any, handler: Callable[..., None]) -> None:
    seen = []

    def connect() -> None:
        with connected(Cluster()) as connection:
            seen.append(connection)

    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()
    assert seen == [ray]
    assert signal.getsignal(signal.SIGTERM) is handler


def test_without_a_standard_error(ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with ray_cluster._SILENT_STDERR.changed():
        pass


@pytest.mark.filterwarnings("error")
def test_fewer_inputs_than_workers_are_no_warning(ray: Any) -> None:
    """Ray warns in a thread of its own."""
    text, raised = "The minimum number of concurrent actors for 'MapBatches(Worker)' is set to 2", list[str]()
    context, before = ray.data.DataContext.get_current(), list(warnings.filters)

    def warn() -> None:
        try:
            warnings.warn(text, stacklevel=1)
        except UserWarning as warning:
            raised.append(str(warning))

    for _ in range(3):
        with _SETTINGS.changed(), _SETTINGS.changed():
            thread = threading.Thread(target=warn)
            thread.start()
            thread.join()
            assert context.enable_progress_bars is False
            with pytest.raises(UserWarning, match="another"):
                warnings.warn("another", stacklevel=1)
        assert vars(context) == dict.fromkeys(NAMES, 1)
        assert warnings.filters == before
    assert raised == []
    warn()
    assert raised == [text]


def test_batches_that_overlap_leave_the_context_as_it_was(ray: Any) -> None:
    """The one that began first ends first."""
    context, one, two = ray.data.DataContext.get_current(), _SETTINGS.changed(), _SETTINGS.changed()
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert context.enable_progress_bars is False
    two.__exit__(None, None, None)
    assert vars(context) == dict.fromkeys(NAMES, 1)


class _Broken:
    """A file system without whole objects, of which one operation fails after it has begun."""

    protocol = "sftp"

    def __init__(self, failing: str, error: BaseException) -> None:
        self.files, self.failing, self.error = dict[str, bytes](), failing, error

    def makedirs(self, path: str, exist_ok: bool) -> None:
        pass

    def pipe_file(self, path: str, data: bytes) -> None:
        self.files[path] = data[:1] if self.failing == "pipe_file" else data
        self._fail("pipe_file")

    def mv(self, one: str, two: str) -> None:
        self._fail("mv")
        self.files[two] = self.files.pop(one)

    def rm_file(self, path: str) -> None:
        del self.files[path]
        self._fail("rm_file")

    def _fail(self, operation: str) -> None:
        if operation in self.failing.split():
            raise self.error


def _store(system: _Broken) -> Store:
    store = Store("sftp://host/out")
    store.__dict__["_located"] = (system, "/out")
    return store


@pytest.mark.parametrize("failing", ["mv", "pipe_file", "mv rm_file"])
def test_a_write_that_fails_leaves_no_temporary_file(failing: str) -> None:
    system = _Broken(failing, OSError("the connection was lost"))
    with pytest.raises(SemError, match="the connection was lost") as caught:
        _store(system).write("a.sem", b"data")
    assert caught.value.id == "SEM-E-102"
    assert system.files == {}


def test_a_write_that_is_interrupted_leaves_no_temporary_file() -> None:
    system = _Broken("mv", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        _store(system).write("a.sem", b"data")
    assert system.files == {}


def test_a_write_by_a_temporary_name() -> None:
    system = _Broken("", OSError())
    _store(system).write("b/a.sem", b"data")
    assert system.files == {"/out/b/a.sem": b"data"}
